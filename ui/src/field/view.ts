// Where the eye is: orthographic, so that lengths on the screen are lengths on the part. Pure.
// The part stands on its axis z. `turn` goes around that axis; `tilt` is how far the eye looks down on the part.
import type { Surface } from "./surface";

export interface View { turn: number; tilt: number; zoom: number } // radians, radians, 1 = the whole part
export interface Screen { width: number; height: number }
/** A point p is at (x, y, depth) = offset + scale * matrix (p - centre); rows of `matrix` (3, 3): right, down, away from the eye. */
export interface Projection { matrix: Float64Array; scale: number; x: number; y: number; centre: readonly [number, number, number] }

export const START: View = { turn: -0.6, tilt: 0.38, zoom: 1 };
export const TURN_STEP = Math.PI / 24, ZOOM_STEP = 1.2;
const MARGIN = 1.02, ZOOM_LEAST = 0.5, ZOOM_MOST = 12, LOOK = 0.6;

const within = (v: number, low: number, high: number) => Math.max(low, Math.min(high, v));
export const turned = (view: View, turn: number, tilt: number): View =>
  ({ ...view, turn: view.turn + turn, tilt: within(view.tilt + tilt, -Math.PI / 2, Math.PI / 2) });
export const zoomed = (view: View, factor: number): View => ({ ...view, zoom: within(view.zoom * factor, ZOOM_LEAST, ZOOM_MOST) });

export function projection(view: View, surface: Pick<Surface, "centre" | "radius">, screen: Screen): Projection {
  const s = Math.sin(view.turn), c = Math.cos(view.turn), st = Math.sin(view.tilt), ct = Math.cos(view.tilt);
  return {
    matrix: Float64Array.of(-s, c, 0, st * c, st * s, -ct, -ct * c, -ct * s, -st),
    scale: (MARGIN * view.zoom * Math.min(screen.width, screen.height)) / (2 * surface.radius),
    x: screen.width / 2, y: screen.height / 2, centre: surface.centre,
  };
}

/** x, y [px] and depth [px] of a point [m]. */
export function place({ matrix: m, scale, x, y, centre }: Projection, p: readonly [number, number, number]): [number, number, number] {
  const a = p[0] - centre[0], b = p[1] - centre[1], c = p[2] - centre[2];
  return [
    x + scale * (m[0]! * a + m[1]! * b + m[2]! * c), y + scale * (m[3]! * a + m[4]! * b + m[5]! * c),
    scale * (m[6]! * a + m[7]! * b + m[8]! * c),
  ];
}

/** The view in which a place with this normal is in front: turned to it, tilted only as far as needed. */
export function facing(view: View, normal: readonly [number, number, number]): View {
  const flat = Math.hypot(normal[0], normal[1]), up = Math.atan2(normal[2], flat);
  return { ...view, turn: flat < 0.2 ? view.turn : Math.atan2(normal[1], normal[0]), tilt: within(within(view.tilt, -LOOK, LOOK), up - 1, up + 1) };
}
