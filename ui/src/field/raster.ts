// Draws the surface into pixels with a depth for each: colours run smoothly over a face, nothing behind shows through, and every
// pixel knows its face. No canvas in here. Cut open, what is in front of a plane through the axis is left out; where the eye then
// meets the inside of the material the pixel is CUT (the surface says nothing about the inside).
import type { Surface } from "./surface";
import { type Projection, type Screen } from "./view";

export const NOTHING = -1, CUT = -2, SHADES = 16;
const FLOOR = 0.85; // of the brightness, so that a shaded colour still reads as that of the legend
const LIGHT = [-0.42, -0.57, -0.71] as const; // right, down, away: from the upper left

export interface Buffers extends Screen { pixels: Uint32Array; depth: Float32Array; owner: Int32Array; screen: Float64Array }
export interface Ink { colours: Uint32Array; edge: number; cut: number; cutLine: number } // 0xAABBGGRR; `colours` (SHADES, 256)
/** `level` (s,): 0 to 255 of each vertex. `cut`: the angle around z of what is taken away, null = nothing. */
export interface Drawing { surface: Surface; at: Projection; level: Float64Array; ink: Ink; cut: number | null }

export function buffers(width: number, height: number, pixels = new Uint32Array(width * height)): Buffers {
  return { width, height, pixels, depth: new Float32Array(width * height), owner: new Int32Array(width * height), screen: new Float64Array(0) };
}

export const shadeOf = (step: number) => FLOOR + ((1 - FLOOR) * step) / (SHADES - 1);

/** Fills `into`. Pixels beside the part are 0 (clear) and belong to NOTHING. */
export function draw(into: Buffers, drawing: Drawing): void {
  into.pixels.fill(0);
  into.depth.fill(Infinity);
  into.owner.fill(NOTHING);
  into.screen = projected(drawing.surface, drawing.at);
  const before = drawing.cut === null ? null : aheadOf(drawing.surface, drawing.cut), shade = shades(drawing.surface, drawing.at);
  const { faces, closed } = drawing.surface, corner = new Int32Array(3);
  for (let face = 0; face < faces.length; face += 4) {
    for (let half = 1; half < 3; half++) {
      corner[0] = face;
      corner[1] = face + half;
      corner[2] = face + half + 1;
      triangle(into, drawing, corner, shade, before, closed);
    }
  }
  outline(into, drawing.ink);
  creases(into, drawing, before);
}

/** (s, 3) x, y, depth. */
function projected({ points, count }: Surface, { matrix: m, scale, x, y, centre }: Projection): Float64Array {
  const out = new Float64Array(3 * count);
  for (let v = 0; v < 3 * count; v += 3) {
    const a = points[v]! - centre[0], b = points[v + 1]! - centre[1], c = points[v + 2]! - centre[2];
    out[v] = x + scale * (m[0]! * a + m[1]! * b + m[2]! * c);
    out[v + 1] = y + scale * (m[3]! * a + m[4]! * b + m[5]! * c);
    out[v + 2] = scale * (m[6]! * a + m[7]! * b + m[8]! * c);
  }
  return out;
}

/** (s,) how far a point [m] lies in front of the cutting plane. */
export function aheadOf({ points, count, centre }: Surface, cut: number): Float64Array {
  const c = Math.cos(cut), s = Math.sin(cut), out = new Float64Array(count);
  for (let v = 0; v < count; v++) out[v] = c * (points[3 * v]! - centre[0]) + s * (points[3 * v + 1]! - centre[1]);
  return out;
}

/** (f, 4) brightness of the corners, 0 to SHADES - 1. */
function shades({ normals }: Surface, { matrix: m }: Projection): Float64Array {
  const light = [0, 1, 2].map((k) => LIGHT[0] * m[k]! + LIGHT[1] * m[3 + k]! + LIGHT[2] * m[6 + k]!);
  const out = new Float64Array(normals.length / 3), [x, y, z] = light as [number, number, number];
  for (let i = 0; i < out.length; i++) out[i] = (SHADES - 1) * Math.min(1, Math.abs(x * normals[3 * i]! + y * normals[3 * i + 1]! + z * normals[3 * i + 2]!));
  return out;
}

function triangle(into: Buffers, { surface, level, ink }: Drawing, corner: Int32Array, shade: Float64Array, before: Float64Array | null, closed: boolean): void {
  const { faces } = surface, { screen: s, width, height, pixels, depth, owner } = into, { colours, cut } = ink;
  const i = corner[0]!, j = corner[1]!, k = corner[2]!, a = faces[i]!, b = faces[j]!, c = faces[k]!;
  const ax = s[3 * a]!, ay = s[3 * a + 1]!, bx = s[3 * b]!, by = s[3 * b + 1]!, cx = s[3 * c]!, cy = s[3 * c + 1]!;
  const size = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay), back = closed && size > 0;
  if (size === 0 || (back && !before)) return;
  const fromA = before ? before[a]! : -1, fromB = before ? before[b]! : -1, fromC = before ? before[c]! : -1;
  if (fromA > 0 && fromB > 0 && fromC > 0) return;
  const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)), end = Math.min(height - 1, Math.ceil(Math.max(ay, by, cy) - 0.5) - 1);
  // each value is that at a, plus its slopes along x and y
  const slopeX = (u: number, v: number) => (u * (cy - ay) - v * (by - ay)) / size, slopeY = (u: number, v: number) => (v * (bx - ax) - u * (cx - ax)) / size;
  const za = s[3 * a + 2]!, zb = s[3 * b + 2]! - za, zc = s[3 * c + 2]! - za, zx = slopeX(zb, zc), zy = slopeY(zb, zc);
  const la = level[a]!, lx = slopeX(level[b]! - la, level[c]! - la), ly = slopeY(level[b]! - la, level[c]! - la);
  const sa = shade[i]!, sx = slopeX(shade[j]! - sa, shade[k]! - sa), sy = slopeY(shade[j]! - sa, shade[k]! - sa);
  const mixed = fromA > 0 || fromB > 0 || fromC > 0, fx = slopeX(fromB - fromA, fromC - fromA), fy = slopeY(fromB - fromA, fromC - fromA);
  const face = i >> 2, half = j - i - 1, who = back ? CUT : 2 * face + half;
  for (let y = top; y <= end; y++) {
    const middle = y + 0.5;
    let left = Infinity, right = -Infinity;
    for (let edge = 0; edge < 3; edge++) { // where the row meets the edges; both triangles of an edge find the same place
      let px = edge === 0 ? ax : edge === 1 ? bx : cx, py = edge === 0 ? ay : edge === 1 ? by : cy;
      let qx = edge === 0 ? bx : edge === 1 ? cx : ax, qy = edge === 0 ? by : edge === 1 ? cy : ay;
      if (py > qy) [px, py, qx, qy] = [qx, qy, px, py];
      if (py > middle || qy <= middle) continue;
      const x = px + ((middle - py) * (qx - px)) / (qy - py);
      if (x < left) left = x;
      if (x > right) right = x;
    }
    const from = Math.max(0, Math.ceil(left - 0.5)), to = Math.min(width - 1, Math.ceil(right - 0.5) - 1), dx = from + 0.5 - ax, dy = middle - ay;
    let z = za + zx * dx + zy * dy, l = la + lx * dx + ly * dy, t = sa + sx * dx + sy * dy, f = fromA + fx * dx + fy * dy;
    const start = y * width + from, stop = start + to - from;
    for (let at = start; at <= stop; at++, z += zx, l += lx, t += sx, f += fx) {
      if (z >= depth[at]! || (mixed && f > 0)) continue;
      depth[at] = z;
      owner[at] = who;
      pixels[at] = back ? cut : colours[(((t + 0.5) << 8) & 0xf00) | (l < 0 ? 0 : l > 255 ? 255 : l)]!;
    }
  }
}

/** A line where the part ends or the cut begins, and the hatch of a section on what is cut. */
function outline({ width, height, owner, pixels, screen }: Buffers, ink: Ink): void {
  const step = Math.max(6, Math.round(width / 70)), [left0, right0] = reach(screen, 0, width), [top0, bottom0] = reach(screen, 1, height);
  for (let y = top0; y < bottom0; y++) {
    for (let x = left0, at = y * width + left0; x < right0; x++, at++) {
      const own = owner[at]!;
      if (own === NOTHING) continue;
      const left = owner[at - 1]!, right = owner[at + 1]!, above = owner[at - width]!, below = owner[at + width]!;
      if (own === CUT ? left !== CUT || right !== CUT || above !== CUT || below !== CUT : left === NOTHING || right === NOTHING || above === NOTHING || below === NOTHING) {
        pixels[at] = ink.edge;
      } else if (own === CUT && (x + y) % step === 0) pixels[at] = ink.cutLine;
    }
  }
}

/** From where to where the part covers columns (k 0) or rows (1), a pixel away from the rim. */
function reach(screen: Float64Array, k: 0 | 1, size: number): [number, number] {
  let low = Infinity, high = -Infinity;
  for (let i = k; i < screen.length; i += 3) {
    if (screen[i]! < low) low = screen[i]!;
    if (screen[i]! > high) high = screen[i]!;
  }
  return [Math.max(1, Math.floor(low)), Math.min(size - 1, Math.ceil(high) + 1)];
}

/** Visible creases, one pixel wide, a little in front of the faces that meet there. */
function creases(into: Buffers, { surface, at, ink }: Drawing, before: Float64Array | null): void {
  const { edges } = surface, { screen, width, height, depth, owner, pixels } = into, ahead = 0.006 * surface.radius * at.scale;
  for (let e = 0; e < edges.length; e += 5) {
    if (!edges[e + 4]) continue;
    const a = 3 * edges[e]!, b = 3 * edges[e + 1]!, fa = before ? before[a / 3]! : -1, fb = before ? before[b / 3]! : -1;
    const x = screen[a]!, y = screen[a + 1]!, z = screen[a + 2]! - ahead, dx = screen[b]! - x, dy = screen[b + 1]! - y, dz = screen[b + 2]! - ahead - z;
    const steps = Math.ceil(Math.max(Math.abs(dx), Math.abs(dy), 1));
    for (let i = 0; i <= steps; i++) {
      const t = i / steps, px = Math.floor(x + t * dx), py = Math.floor(y + t * dy), pixel = py * width + px;
      if (px < 0 || py < 0 || px >= width || py >= height || fa + t * (fb - fa) > 0) continue;
      if (owner[pixel] !== CUT && z + t * dz < depth[pixel]!) pixels[pixel] = ink.edge;
    }
  }
}
