// Decodes the binary frames of GET /api/v1/ws. The encoder is src/didymos/service/frames.py; both tests read tests/service/frames.json.

export const STATUS = ["ok", "M", "S", "C", "F", "stale"] as const;
export type Status = (typeof STATUS)[number];

export interface Header { version: number; kind: number; topic: number; sequence: number; serverMs: number }
export interface FleetFrame extends Header {
  kind: 1; plantMs: number; index: Uint16Array; pFail: Float32Array; deviation: Float32Array; status: Uint8Array; priority: Uint8Array;
}
export interface TrendFrame extends Header {
  kind: 2; plantMs: number; channel: Uint16Array; measured: Float32Array; value: Float32Array; low: Float32Array; high: Float32Array;
}
export interface FreshFrame extends Header { kind: 3; plantMs: number; channel: Uint16Array; ageMs: Float32Array; measured: Float32Array }
export interface FieldFrame extends Header { kind: 4; plantMs: number; mesh: string; levelK: number; scaleK: number; coefficient: Int8Array }
export type Frame = FleetFrame | TrendFrame | FreshFrame | FieldFrame;

const VERSION = 1;
const COLUMNS = 32, MESH = 8;

/** The frame, or null for a kind this page does not know. Throws on a version it does not know or a frame that is too short. */
export function decode(data: ArrayBuffer): Frame | null {
  const view = new DataView(data);
  const version = view.getUint8(0);
  if (version !== VERSION) throw new Error(`frame version ${version}, this page reads ${VERSION}: load the page again`);
  const kind = view.getUint8(1);
  const head = { version, topic: view.getUint16(2, true), sequence: view.getUint32(4, true), serverMs: view.getFloat64(8, true) };
  if (kind !== 1 && kind !== 2 && kind !== 3 && kind !== 4) return null;
  const plantMs = view.getFloat64(16, true);
  const n = view.getUint32(24, true);
  let at = COLUMNS;
  const take = <T>(kind: new (data: ArrayBuffer, at: number, n: number) => T, bytes: number, count = n): T => {
    const column = new kind(data, at, count);
    at += Math.ceil((count * bytes) / 4) * 4;
    return column;
  };
  if (kind === 1) {
    const pFail = take(Float32Array, 4), deviation = take(Float32Array, 4), index = take(Uint16Array, 2);
    const status = take(Uint8Array, 1), priority = take(Uint8Array, 1);
    return { ...head, kind, plantMs, index, pFail, deviation, status, priority };
  }
  if (kind === 3) {
    const ageMs = take(Float32Array, 4), measured = take(Float32Array, 4);
    return { ...head, kind, plantMs, ageMs, measured, channel: take(Uint16Array, 2) };
  }
  if (kind === 4) {
    const mesh = [...take(Uint8Array, 1, MESH)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const [levelK = NaN, scaleK = NaN] = take(Float32Array, 4, 2);
    return { ...head, kind, plantMs, mesh, levelK, scaleK, coefficient: take(Int8Array, 1) };
  }
  const measured = take(Float32Array, 4), value = take(Float32Array, 4), low = take(Float32Array, 4), high = take(Float32Array, 4);
  return { ...head, kind, plantMs, channel: take(Uint16Array, 2), measured, value, low, high };
}
