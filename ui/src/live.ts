// The one websocket of this page: subscriptions, reconnection with back-off, and the sign of life that makes the page stale without it.
import { signal } from "@preact/signals";
import { decode, type FieldFrame, type FleetFrame, type Frame, type FreshFrame, type TrendFrame } from "./frames";

export type LiveState = "connecting" | "live" | "stale";
export const liveState = signal<LiveState>("connecting");
export const lastFrameMs = signal<number>(0); // wall clock of the browser
export const plantNow = signal<number>(0); // plant time of the newest frame, ms
export const fleetFrame = signal<FleetFrame | null>(null);

const STALE_AFTER_MS = 3000; // three periods of the service's fleet frame
export type AssetFrame = TrendFrame | FreshFrame | FieldFrame;
type Listener = (frame: AssetFrame, gap: boolean) => void;
const wanted = new Map<string, Set<Listener>>();
const numbers = new Map<number, string>();
const sequences = new Map<number, number>();
let socket: WebSocket | null = null;
let wait = 500;
const reopened = new Set<() => void>();

function receive(frame: Frame): void {
  const gap = sequences.has(frame.topic) && frame.sequence !== (sequences.get(frame.topic) ?? 0) + 1;
  sequences.set(frame.topic, frame.sequence);
  lastFrameMs.value = Date.now();
  liveState.value = "live";
  if (frame.kind === 1) {
    plantNow.value = frame.plantMs;
    fleetFrame.value = frame;
  } else for (const listener of wanted.get(numbers.get(frame.topic) ?? "") ?? []) listener(frame, gap);
}

function open(): void {
  const at = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`;
  const current = (socket = new WebSocket(at));
  current.binaryType = "arraybuffer";
  current.onopen = () => {
    wait = 500;
    current.send(JSON.stringify({ sub: ["fleet", ...wanted.keys()] }));
    for (const again of reopened) again();
  };
  current.onmessage = (event) => {
    if (typeof event.data === "string") {
      const said = JSON.parse(event.data) as { topics?: Record<string, number> };
      for (const [name, number] of Object.entries(said.topics ?? {})) numbers.set(number, name);
      return;
    }
    const frame = decode(event.data as ArrayBuffer);
    if (frame) receive(frame);
  };
  current.onclose = () => {
    if (socket !== current) return;
    socket = null;
    sequences.clear();
    setTimeout(open, wait);
    wait = Math.min(wait * 2, 10_000);
  };
}

/** Start once. The page is stale when no frame came for three periods. */
export function startLive(): void {
  open();
  setInterval(() => {
    if (lastFrameMs.value && Date.now() - lastFrameMs.value > STALE_AFTER_MS) liveState.value = "stale";
  }, 500);
}

/** Called whenever the socket is open again: what was shown must be fetched anew. Returns the undo. */
export function onReopen(listener: () => void): () => void {
  reopened.add(listener);
  return () => reopened.delete(listener);
}

/** Frames of one topic from now on; `gap` = frames were lost just before this one. Returns the undo. */
export function subscribe(topic: string, listener: Listener): () => void {
  const listeners = wanted.get(topic) ?? new Set();
  wanted.set(topic, listeners.add(listener));
  if (listeners.size === 1 && socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ sub: [topic] }));
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    wanted.delete(topic);
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ unsub: [topic] }));
  };
}
