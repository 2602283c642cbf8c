// What is under the pointer, and whether a point of the part can be seen. Pure.
import { type Buffers, CUT, NOTHING } from "./raster";
import type { Surface } from "./surface";

/** A place on the surface: three of its vertices and their shares, which sum to 1. It stays on the part when the view or the values change. */
export interface Spot { vertices: readonly [number, number, number]; shares: readonly [number, number, number] }

export const atVertex = (vertex: number): Spot => ({ vertices: [vertex, vertex, vertex], shares: [1, 0, 0] });

/** The place under a pixel of what was drawn last; null beside the part or on a cut. */
export function pick(drawn: Buffers, surface: Surface, x: number, y: number): Spot | null {
  const px = Math.floor(x), py = Math.floor(y);
  if (px < 0 || py < 0 || px >= drawn.width || py >= drawn.height) return null;
  const who = drawn.owner[py * drawn.width + px]!;
  if (who === NOTHING || who === CUT) return null;
  const face = 4 * (who >> 1), half = who & 1, vertices = [0, half + 1, half + 2].map((k) => surface.faces[face + k]!) as [number, number, number];
  const [[ax, ay], [bx, by], [cx, cy]] = vertices.map((v) => [drawn.screen[3 * v]!, drawn.screen[3 * v + 1]!]) as [[number, number], [number, number], [number, number]];
  const size = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay), u = px + 0.5 - ax, v = py + 0.5 - ay;
  const b = (u * (cy - ay) - v * (cx - ax)) / size, c = (v * (bx - ax) - u * (by - ay)) / size;
  return { vertices, shares: [1 - b - c, b, c] };
}

/** The value at a place, linear over the triangle. */
export const at = (spot: Spot, values: ArrayLike<number>): number => spot.vertices.reduce((sum, vertex, k) => sum + spot.shares[k]! * values[vertex]!, 0);

/** Its point [m]. */
export const pointOf = (spot: Spot, { points }: Surface): [number, number, number] =>
  [0, 1, 2].map((k) => spot.vertices.reduce((sum, vertex, i) => sum + spot.shares[i]! * points[3 * vertex + k]!, 0)) as [number, number, number];

/** Is a projected place in front of everything drawn there, but for `slack` [px]? */
export function visible(drawn: Buffers, [x, y, depth]: readonly [number, number, number], slack: number): boolean {
  const px = Math.floor(x), py = Math.floor(y);
  if (px < 0 || py < 0 || px >= drawn.width || py >= drawn.height) return false;
  return depth - slack <= drawn.depth[py * drawn.width + px]!;
}
