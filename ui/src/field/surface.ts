// The surface of a Field as flat arrays: made once for a mesh, then only its values change.
// Quadrilaterals, s vertices, f faces, r shapes. A face's corners have normals of their own: smooth over curved walls, sharp at edges.
import type { FieldSurface } from "../api";
import type { FieldFrame } from "../frames";

export interface Surface {
  mesh: string; points: Float64Array; faces: Uint32Array; shapes: Float64Array; count: number; modes: number;
  normals: Float64Array; // (f, 4, 3) of the corners
  edges: Uint32Array; // (e, 5): two vertices, two faces, 1 where the surface has a crease
  closed: boolean; centre: [number, number, number]; radius: number;
}

const CREASE = Math.cos((32 * Math.PI) / 180);
export const MESH_DIGITS = 16; // of the hash, as a frame carries it

/** From the answer of the API. Throws when points, faces or shapes are missing or do not belong together. */
export function surfaceOf(mesh: string, given: FieldSurface): Surface {
  const { points, faces, shapes } = given;
  if (!points || !faces || !shapes || shapes.length !== points.length) throw new Error("The surface came without its points, faces or shapes.");
  const count = points.length, flat = Float64Array.from(points.flat()), quads = Uint32Array.from(faces.flat());
  if (quads.some((vertex) => vertex >= count)) throw new Error(`A face of the surface names a point beyond ${count - 1}.`);
  const own = faceNormals(flat, quads), edges = edgesOf(quads, own, count), closed = !edges.open;
  const middle = [0, 1, 2].map((k) => { const [low, high] = span(flat, k); return (low + high) / 2; }) as [number, number, number];
  let radius = 0;
  for (let v = 0; v < count; v++) radius = Math.max(radius, Math.hypot(flat[3 * v]! - middle[0], flat[3 * v + 1]! - middle[1], flat[3 * v + 2]! - middle[2]));
  return {
    mesh: mesh.slice(0, MESH_DIGITS), points: flat, faces: quads, shapes: Float64Array.from(shapes.flat()), count, modes: shapes[0]?.length ?? 0,
    normals: cornerNormals(quads, own, count), edges: edges.rows, closed, centre: middle, radius: radius || 1,
  };
}

function span(points: Float64Array, k: number): [number, number] {
  let low = Infinity, high = -Infinity;
  for (let i = k; i < points.length; i += 3) [low, high] = [Math.min(low, points[i]!), Math.max(high, points[i]!)];
  return [low, high];
}

/** (f, 3) unit normals: the cross product of the diagonals. */
function faceNormals(p: Float64Array, q: Uint32Array): Float64Array {
  const out = new Float64Array((q.length / 4) * 3);
  for (let at = 0, n = 0; at < q.length; at += 4, n += 3) {
    const a = 3 * q[at]!, b = 3 * q[at + 1]!, c = 3 * q[at + 2]!, d = 3 * q[at + 3]!;
    const ux = p[c]! - p[a]!, uy = p[c + 1]! - p[a + 1]!, uz = p[c + 2]! - p[a + 2]!, vx = p[d]! - p[b]!, vy = p[d + 1]! - p[b + 1]!, vz = p[d + 2]! - p[b + 2]!;
    put(out, n, uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx);
  }
  return out;
}

/** The unit vector along (x, y, z). */
function put(out: Float64Array, at: number, x: number, y: number, z: number): void {
  const size = Math.sqrt(x * x + y * y + z * z) || 1;
  out[at] = x / size;
  out[at + 1] = y / size;
  out[at + 2] = z / size;
}

const cosine = (n: Float64Array, f: number, g: number) => n[3 * f]! * n[3 * g]! + n[3 * f + 1]! * n[3 * g + 1]! + n[3 * f + 2]! * n[3 * g + 2]!;

/** (f, 4, 3): the mean of the normals around a vertex that do not turn away from this face by more than a crease. */
function cornerNormals(q: Uint32Array, own: Float64Array, count: number): Float64Array {
  const around: number[][] = Array.from({ length: count }, () => []), out = new Float64Array(q.length * 3);
  for (let at = 0; at < q.length; at++) around[q[at]!]!.push(at >> 2);
  for (let at = 0; at < q.length; at++) {
    let x = 0, y = 0, z = 0;
    for (const face of around[q[at]!]!) {
      if (cosine(own, at >> 2, face) <= CREASE) continue;
      x += own[3 * face]!;
      y += own[3 * face + 1]!;
      z += own[3 * face + 2]!;
    }
    put(out, 3 * at, x, y, z);
  }
  return out;
}

function edgesOf(q: Uint32Array, own: Float64Array, count: number): { rows: Uint32Array; open: boolean } {
  const waiting = new Map<number, number>(), rows: number[] = []; // the face of the edge from a to b, by a * count + b
  for (let at = 0; at < q.length; at++) {
    const face = at >> 2, a = q[at]!, b = q[4 * face + ((at + 1) & 3)]!, other = waiting.get(b * count + a);
    if (other === undefined) waiting.set(a * count + b, face);
    else {
      waiting.delete(b * count + a);
      rows.push(b, a, other, face, cosine(own, other, face) < CREASE ? 1 : 0);
    }
  }
  for (const [key, face] of waiting) rows.push(Math.floor(key / count), key % count, face, face, 1);
  return { rows: Uint32Array.from(rows), open: waiting.size > 0 };
}

/** Temperature [K] of every vertex in a live frame; null when the frame is of another mesh or of another number of shapes. */
export function temperatures(surface: Surface, frame: FieldFrame): Float64Array | null {
  const { count, modes, shapes } = surface;
  if (frame.mesh !== surface.mesh || frame.coefficient.length !== modes) return null;
  const out = new Float64Array(count).fill(frame.levelK);
  for (let v = 0, at = 0; v < count; v++) {
    let sum = 0;
    for (let k = 0; k < modes; k++) sum += shapes[at++]! * frame.coefficient[k]!;
    out[v]! += frame.scaleK * sum;
  }
  return out;
}

/** The vertex nearest to a point [m]. */
export function nearest(surface: Surface, [x, y, z]: readonly [number, number, number]): number {
  let best = 0, least = Infinity;
  for (let v = 0; v < surface.count; v++) {
    const far = Math.hypot(surface.points[3 * v]! - x, surface.points[3 * v + 1]! - y, surface.points[3 * v + 2]! - z);
    if (far < least) [best, least] = [v, far];
  }
  return best;
}
