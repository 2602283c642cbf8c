// Colours of a field: perceptually uniform, light for high values. Pure.
import { SHADES, shadeOf } from "./raster";

// Seventeen even places of matplotlib's viridis and inferno (CC0); inferno without its ends, which are black and white to the page.
const VIRIDIS = "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725";
const INFERNO = "1e0c45 360961 4c0c6b 62146e 771c6d 8c2369 a22b62 b63458 ca404a da4e3c e9612b f3761b f98e09 fca60c fac026 f5db4c f2f27d";
export type Rgb = readonly [number, number, number];
const read = (text: string): Rgb[] => text.split(" ").map((hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)) as unknown as Rgb);
export const MAPS = { viridis: read(VIRIDIS), inferno: read(INFERNO) } as const;
export type MapName = keyof typeof MAPS;

/** The colour at 0 to 1. */
export function colourAt(map: MapName, share: number): Rgb {
  const stops = MAPS[map], place = Math.max(0, Math.min(1, share)) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(place)), t = place - k;
  return [0, 1, 2].map((i) => stops[k]![i]! * (1 - t) + stops[k + 1]![i]! * t) as unknown as Rgb;
}

export const css = ([r, g, b]: Rgb) => `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;
export const packed = ([r, g, b]: Rgb) => ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
/** What is left of a colour that must not be relied on: its brightness. */
export const greyed = ([r, g, b]: Rgb): Rgb => { const light = 60 + 0.6 * (0.299 * r + 0.587 * g + 0.114 * b); return [light, light, light]; };

/** (SHADES, 256) pixels. */
export function table(of: (share: number) => Rgb): Uint32Array {
  const out = new Uint32Array(SHADES * 256);
  for (let step = 0; step < SHADES; step++) {
    for (let i = 0; i < 256; i++) out[256 * step + i] = packed(of(i / 255).map((each) => each * shadeOf(step)) as unknown as Rgb);
  }
  return out;
}

export interface Range { low: number; high: number }

/** Round ends around what is there, at least `least` apart; about `most` steps between. */
export function roundRange(low: number, high: number, least: number, most = 5): Range {
  const middle = (low + high) / 2, reach = Math.max(high - low, least), step = roundStep(reach / most);
  const from = Math.floor(Math.min(low, middle - least / 2) / step + 1e-9) * step, to = Math.ceil(Math.max(high, middle + least / 2) / step - 1e-9) * step;
  return { low: from, high: to };
}

/** The range that is kept while values stay inside it and fill at least a third of it, so that a colour means the same from one
 *  moment to the next. */
export function keptRange(before: Range | null, low: number, high: number, least: number): Range {
  const fits = before && low >= before.low && high <= before.high && (high - low) * 3 >= before.high - before.low;
  return fits || (before && low >= before.low && high <= before.high && before.high - before.low <= least * 2) ? before : roundRange(low, high, least);
}

export function roundStep(raw: number): number {
  const size = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((k) => k * size).find((each) => each >= raw * (1 - 1e-9)) ?? raw;
}

/** Round values from end to end. */
export function ticks({ low, high }: Range, most = 5): number[] {
  const step = roundStep((high - low) / most), first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}
