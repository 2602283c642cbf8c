// The surface of a component on one canvas: turned by drag or arrow keys, enlarged by wheel, pinch or + and -, asked by a click.
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Easel, paint, type Scene } from "../field/painter";
import { pick, type Spot } from "../field/pick";
import { facing, START, TURN_STEP, turned, type View, ZOOM_STEP, zoomed } from "../field/view";
import { themeVersion } from "../parts/frame";

const REST_MS = 140, FLY_MS = 220, CLICK_PX = 4, RADIANS_PER_PX = 0.009;
const KEYS: Record<string, readonly [number, number]> = {
  ArrowLeft: [TURN_STEP, 0], ArrowRight: [-TURN_STEP, 0], ArrowUp: [0, -TURN_STEP], ArrowDown: [0, TURN_STEP],
};

/** What a canvas shows that is not of the data: from where, cut open or not. */
export interface Eye { view: View; cut: number | null }
export const startingEye = (): Eye => ({ view: START, cut: START.turn });

export interface FieldCanvasProps {
  scene: Omit<Scene, "view" | "cut">; eye: Signal<Eye>; label: string;
  probed: (spot: Spot | null) => void; next: (step: number) => void; cutOpen: () => void;
}

export function FieldCanvas(props: FieldCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null), easel = useRef<Easel | null>(null), latest = useRef(props);
  latest.current = props;
  const drawing = usePainting(canvas, easel, latest);
  const { eye } = props, theme = themeVersion.value, { view, cut } = eye.value;
  useEffect(() => drawing.current(false), [view, cut]);
  useEffect(() => drawing.current(true), [props.scene.values, props.scene.marks, props.scene.chosen, props.scene.probe, props.scene.label, props.scene.colour, props.scene.doubtful, props.scene.surface, theme]);
  usePointer(canvas, easel, latest);
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const turn = KEYS[event.key], set = (to: View) => (eye.value = { ...eye.value, view: to });
    if (turn) set(turned(eye.value.view, turn[0], turn[1]));
    else if (event.key === "+" || event.key === "=") set(zoomed(eye.value.view, ZOOM_STEP));
    else if (event.key === "-") set(zoomed(eye.value.view, 1 / ZOOM_STEP));
    else if (event.key === "0" || event.key === "Home") eye.value = startingEye();
    else if (event.key === "n" || event.key === "p") props.next(event.key === "n" ? 1 : -1);
    else if (event.key === "c") props.cutOpen();
    else if (event.key === "Enter" || event.key === " ") probeAt(canvas.current!, easel.current, props, canvas.current!.clientWidth / 2, canvas.current!.clientHeight / 2);
    else if (event.key === "Escape" && props.scene.probe) props.probed(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <canvas
      ref={canvas} class="surface" tabIndex={0} role="application" aria-roledescription="surface of the part" aria-label={props.label}
      aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown + - 0 n p c Enter" onKeyDown={key}
    />
  );
}

/** Draws in the next frame, roughly while something moves and finely once it rests; not while nobody sees it. */
function usePainting(canvas: RefObject<HTMLCanvasElement>, easel: { current: Easel | null }, latest: { current: FieldCanvasProps }) {
  const ask = useRef((_rest: boolean) => {});
  useEffect(() => {
    let asked = 0, rest = 0, seen = true, fine = true;
    const now = () => {
      asked = 0;
      if (!seen || !canvas.current) return;
      const { scene, eye } = latest.current;
      easel.current = paint(canvas.current, easel.current, { ...scene, ...eye.peek() }, fine);
    };
    ask.current = (resting) => {
      fine = resting && !rest;
      if (!resting) {
        clearTimeout(rest);
        rest = window.setTimeout(() => { rest = 0; ask.current(true); }, REST_MS);
      }
      asked ||= requestAnimationFrame(now);
    };
    const size = new ResizeObserver(() => ask.current(true));
    const sight = new IntersectionObserver(([entry]) => { seen = entry?.isIntersecting ?? true; if (seen) ask.current(true); });
    if (canvas.current) {
      size.observe(canvas.current);
      sight.observe(canvas.current);
    }
    ask.current(true);
    return () => {
      cancelAnimationFrame(asked);
      clearTimeout(rest);
      size.disconnect();
      sight.disconnect();
    };
  }, []);
  return ask;
}

function probeAt(canvas: HTMLCanvasElement, easel: Easel | null, { scene, probed }: FieldCanvasProps, x: number, y: number): void {
  if (easel && canvas.clientWidth) probed(pick(easel.drawn, scene.surface, x * easel.ratio, y * easel.ratio));
}

/** Drag turns, two fingers or the wheel enlarge, a click asks. The wheel scrolls the page until the canvas has been clicked. */
function usePointer(ref: RefObject<HTMLCanvasElement>, easel: { current: Easel | null }, latest: { current: FieldCanvasProps }): void {
  useEffect(() => {
    const canvas = ref.current!, down = new Map<number, [number, number]>();
    let moved = 0, apart = 0;
    const set = (view: View) => { const { eye } = latest.current; eye.value = { ...eye.peek(), view }; };
    const distance = () => { const [a, b] = [...down.values()]; return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0; };
    const press = (event: PointerEvent) => {
      if (event.button) return;
      if (!down.size) moved = 0;
      down.set(event.pointerId, [event.clientX, event.clientY]);
      canvas.setPointerCapture(event.pointerId);
      apart = distance();
    };
    const move = (event: PointerEvent) => {
      const before = down.get(event.pointerId), view = latest.current.eye.peek().view;
      if (!before) return;
      const dx = event.clientX - before[0], dy = event.clientY - before[1];
      down.set(event.pointerId, [event.clientX, event.clientY]);
      moved += Math.hypot(dx, dy);
      if (down.size === 2) {
        const now = distance();
        if (apart && now) set(zoomed(view, now / apart));
        apart = now;
      } else if (moved > CLICK_PX) set(turned(view, -dx * RADIANS_PER_PX, dy * RADIANS_PER_PX));
    };
    const lift = (event: PointerEvent) => {
      if (!down.delete(event.pointerId) || event.type === "pointercancel" || moved > CLICK_PX || down.size) return;
      const box = canvas.getBoundingClientRect();
      probeAt(canvas, easel.current, latest.current, event.clientX - box.left, event.clientY - box.top);
    };
    const wheel = (event: WheelEvent) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      set(zoomed(latest.current.eye.peek().view, Math.exp(-event.deltaY * 0.0015)));
    };
    const heard = { pointerdown: press, pointermove: move, pointerup: lift, pointercancel: lift, wheel } as Record<string, (event: never) => void>;
    for (const [name, listener] of Object.entries(heard)) canvas.addEventListener(name, listener as EventListener, { passive: false });
    return () => { for (const [name, listener] of Object.entries(heard)) canvas.removeEventListener(name, listener as EventListener); };
  }, []);
}

/** Turns the eye until it looks at a place along its normal. Where the part is cut open, or the place is `inside`, what is in front
 *  of it is taken away. At once for who wants no motion. */
export function useFlight(eye: Signal<Eye>): (normal: readonly [number, number, number], inside: boolean) => void {
  const running = useSignal(0);
  return (normal, inside) => {
    cancelAnimationFrame(running.peek());
    const from = eye.peek(), to = facing(from.view, normal), whole = Math.PI * 2, far = ((to.turn - from.view.turn + Math.PI) % whole + whole) % whole - Math.PI;
    const cut = from.cut === null && !inside ? null : to.turn, began = performance.now();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return void (eye.value = { view: to, cut });
    const step = (now: number) => {
      const t = Math.min(1, Math.max(0, (now - began) / FLY_MS)), part = t * t * (3 - 2 * t);
      const view = { ...to, turn: from.view.turn + far * part, tilt: from.view.tilt + (to.tilt - from.view.tilt) * part };
      eye.value = { view, cut };
      if (t < 1) running.value = requestAnimationFrame(step);
    };
    running.value = requestAnimationFrame(step);
  };
}
