// Puts a scene on a canvas: the surface as pixels, then what stands on it (hot spots, probe, axes, a length to scale).
import { css, greyed, packed, type Rgb, roundStep, table } from "./colours";
import { at, pointOf, type Spot, visible } from "./pick";
import { aheadOf, type Buffers, buffers, draw } from "./raster";
import { nearest, type Surface } from "./surface";
import { place, type Projection, projection, type View } from "./view";

export interface Mark { vertex: number; number: number; fill: Rgb | null }
/** `pins`: vertices with a thermocouple. `values` (s,) run from 0 to 1 over the colours; null = the body in grey. `label`: what is written beside the probe. */
export interface Scene {
  surface: Surface; view: View; cut: number | null; values: ArrayLike<number> | null; colour: (share: number) => Rgb; doubtful: boolean;
  marks: Mark[]; pins: number[]; chosen: number | null; probe: Spot | null; label: string;
}
/** What is kept from one drawing to the next; `drawn` tells what is under the pointer, at `ratio` pixels to a CSS pixel. */
export interface Easel { drawn: Buffers; image: ImageData; sheet: HTMLCanvasElement; ratio: number; key: string; colours: Uint32Array }

const MARK = 8, PIN = 4, BODY = 0.62, PIXELS = 900_000;
const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (hex: string): Rgb => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)) as unknown as Rgb;

/** Draws `scene` into `canvas` (its CSS size); `fine` with more pixels than the screen has, for clean edges. */
export function paint(canvas: HTMLCanvasElement, kept: Easel | null, scene: Scene, fine: boolean): Easel | null {
  const width = canvas.clientWidth, height = canvas.clientHeight, context = canvas.getContext("2d");
  if (!width || !height || !context) return kept;
  const device = Math.min(2, devicePixelRatio || 1), most = Math.sqrt(PIXELS / (width * height));
  const easel = easelOf(kept, width, height, fine ? Math.min(Math.max(1.4, device), most) : Math.min(1, most)), { drawn } = easel;
  const seen = projection(scene.view, scene.surface, drawn), grey = rgb(token("--mute"));
  colour(easel, scene, grey);
  draw(drawn, {
    surface: scene.surface, at: seen, cut: scene.cut, level: levels(scene),
    ink: { colours: easel.colours, edge: packed(rgb(token("--ink3"))), cut: packed(rgb(token("--sel"))), cutLine: packed(rgb(token("--mute"))) },
  });
  easel.sheet.getContext("2d")!.putImageData(easel.image, 0, 0);
  if (canvas.width !== Math.round(width * device)) canvas.width = Math.round(width * device);
  if (canvas.height !== Math.round(height * device)) canvas.height = Math.round(height * device);
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  context.clearRect(0, 0, width, height);
  context.drawImage(easel.sheet, 0, 0, width, height);
  if (scene.doubtful) hatch(context, width, height);
  over(context, scene, easel, projection(scene.view, scene.surface, { width, height }), height, width);
  return easel;
}

function easelOf(kept: Easel | null, width: number, height: number, ratio: number): Easel {
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (kept && kept.drawn.width === w && kept.drawn.height === h) return kept;
  const sheet = kept?.sheet ?? document.createElement("canvas"), image = new ImageData(w, h);
  [sheet.width, sheet.height] = [w, h];
  return { drawn: buffers(w, h, new Uint32Array(image.data.buffer)), image, sheet, ratio: w / width, key: kept?.key ?? "", colours: kept?.colours ?? new Uint32Array(0) };
}

/** The table of colours, made anew only when it changes. */
function colour(easel: Easel, { values, colour: of, doubtful }: Scene, grey: Rgb): void {
  const key = values ? `${of(0)} ${of(1)} ${doubtful}` : `${grey}`;
  if (key === easel.key) return;
  easel.colours = table(values ? (doubtful ? (share) => greyed(of(share)) : of) : () => grey.map((each) => each + (255 - each) * (1 - BODY)) as unknown as Rgb);
  easel.key = key;
}

function levels({ values, surface }: Scene): Float64Array {
  const out = new Float64Array(surface.count);
  if (values) for (let v = 0; v < out.length; v++) out[v] = Math.max(0, Math.min(255, 255 * values[v]!));
  return out;
}

/** Lines over the part only: what is shown must not be relied on. */
function hatch(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.save();
  context.globalCompositeOperation = "source-atop";
  context.strokeStyle = token("--panel");
  context.lineWidth = 1.5;
  context.beginPath();
  for (let x = -height; x < width; x += 9) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}

function over(context: CanvasRenderingContext2D, scene: Scene, easel: Easel, seen: Projection, height: number, width: number): void {
  const { surface, probe, chosen } = scene, ahead = scene.cut === null ? null : aheadOf(surface, scene.cut), ratio = easel.ratio;
  const slack = 0.02 * surface.radius * seen.scale * ratio;
  const sees = (p: readonly [number, number, number], vertex: number) =>
    (ahead?.[vertex] ?? -1) <= 1e-6 && visible(easel.drawn, [p[0] * ratio, p[1] * ratio, p[2] * ratio], slack);
  context.font = `600 10px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const point = (vertex: number) => place(seen, [surface.points[3 * vertex]!, surface.points[3 * vertex + 1]!, surface.points[3 * vertex + 2]!]);
  for (const vertex of scene.pins) if (sees(point(vertex), vertex)) pin(context, point(vertex));
  const ordered = scene.marks.map((mark) => ({ mark, p: point(mark.vertex) })).sort((a, b) => b.p[2] - a.p[2]);
  for (const { mark, p } of ordered) if (mark.number - 1 !== chosen && sees(p, mark.vertex)) disc(context, p, mark, false, true);
  const own = scene.marks.find((mark) => mark.number - 1 === chosen);
  if (own) disc(context, point(own.vertex), own, true, sees(point(own.vertex), own.vertex));
  if (probe && !own) cross(context, place(seen, pointOf(probe, surface)), (ahead ? at(probe, ahead) : -1) <= 1e-6);
  if (probe && scene.label) label(context, place(seen, pointOf(probe, surface)), scene.label, width);
  triad(context, seen, height);
  scaleBar(context, seen, width, height);
}

function pin(context: CanvasRenderingContext2D, [x, y]: readonly number[]): void {
  context.fillStyle = token("--panel");
  context.strokeStyle = token("--ink");
  context.lineWidth = 1.5;
  context.fillRect(x! - PIN, y! - PIN, 2 * PIN, 2 * PIN);
  context.strokeRect(x! - PIN, y! - PIN, 2 * PIN, 2 * PIN);
}

function disc(context: CanvasRenderingContext2D, [x, y]: readonly number[], mark: Mark, chosen: boolean, seen: boolean): void {
  const fill = mark.fill, light = fill ? 0.299 * fill[0] + 0.587 * fill[1] + 0.114 * fill[2] > 140 : false;
  context.beginPath();
  context.arc(x!, y!, MARK, 0, 2 * Math.PI);
  context.globalAlpha = seen ? 1 : 0.55;
  context.setLineDash(seen ? [] : [2, 2]);
  context.fillStyle = fill ? css(fill) : token("--panel");
  context.fill();
  context.lineWidth = chosen ? 3 : 1.2;
  context.strokeStyle = chosen ? token("--focus") : token("--ink");
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = fill ? (light ? "#16191c" : "#fff") : token("--ink");
  context.fillText(String(mark.number), x!, y! + 0.5);
  context.globalAlpha = 1;
}

function cross(context: CanvasRenderingContext2D, [x, y]: readonly number[], seen: boolean): void {
  for (const [ink, wide] of [[token("--panel"), 4], [token("--ink"), 1.6]] as const) {
    context.beginPath();
    context.arc(x!, y!, 5, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(x! + 5 * dx, y! + 5 * dy);
      context.lineTo(x! + 10 * dx, y! + 10 * dy);
    }
    context.setLineDash(seen ? [] : [2, 2]);
    context.strokeStyle = ink;
    context.lineWidth = wide;
    context.stroke();
  }
  context.setLineDash([]);
}

function label(context: CanvasRenderingContext2D, [x, y]: readonly number[], text: string, width: number): void {
  context.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  const wide = context.measureText(text).width + 10, left = Math.max(2, x! + 14 + wide > width ? x! - 14 - wide : x! + 14), top = y! - 22;
  context.fillStyle = token("--panel");
  context.strokeStyle = token("--ink3");
  context.lineWidth = 1;
  context.fillRect(left, top, wide, 19);
  context.strokeRect(left, top, wide, 19);
  context.fillStyle = token("--ink");
  context.fillText(text, left + wide / 2, top + 10);
}

function triad(context: CanvasRenderingContext2D, { matrix: m }: Projection, height: number): void {
  const x = 30, y = height - 30;
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.strokeStyle = context.fillStyle = token("--ink2");
  context.lineWidth = 1.2;
  ["x", "y", "z"].forEach((name, k) => {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + 18 * m[k]!, y + 18 * m[3 + k]!);
    context.stroke();
    context.fillText(name, x + 25 * m[k]!, y + 25 * m[3 + k]!);
  });
}

function scaleBar(context: CanvasRenderingContext2D, { scale }: Projection, width: number, height: number): void {
  const length = roundStep(50 / scale), long = length * scale, right = width - 14, y = height - 12;
  context.beginPath();
  context.moveTo(right - long, y - 4);
  context.lineTo(right - long, y);
  context.lineTo(right, y);
  context.lineTo(right, y - 4);
  context.stroke();
  context.fillText(`${+(length * 1000).toPrecision(3)}\u2009mm`, right - long / 2, y - 11);
}

/** The marks of hot spots on this surface. */
export const marksOf = (surface: Surface, points: readonly (readonly [number, number, number])[]): Mark[] =>
  points.map((point, i) => ({ vertex: nearest(surface, point), number: i + 1, fill: null }));
