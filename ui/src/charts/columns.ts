// The columns of one trend strip: history first, live frames after it. Pure; times in seconds as uPlot wants them.
// null = a gap that must stay a gap; undefined = this column has no sample at that time, the line goes through.
import type { HistoryRow, TwinRow } from "../api";

export type Cell = number | null | undefined;
/** time, measured, doubtful (bad quality, drawn as points), twin, low, high */
export type Columns = [number[], Cell[], Cell[], Cell[], Cell[], Cell[]];
const USABLE = 2; // quality up to LATE; beyond it the value is shown as doubtful
const GAP = 2.5; // of the usual step

/** The usual step of increasing times; 0 for fewer than two. */
export function usualStep(times: number[]): number {
  const steps = times.slice(1).map((t, i) => t - times[i]!).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

function withGaps<R extends [number, ...unknown[]]>(rows: R[], gap: (time: number) => R): R[] {
  const limit = GAP * usualStep(rows.map((row) => row[0]));
  return rows.flatMap((row, i) => {
    const before = rows[i - 1];
    return before && limit && row[0] - before[0] > limit ? [gap(before[0] + 1), row] : [row];
  });
}

/** A gap lasts until the next number, also where the other column has rows inside it. */
function held(cells: Cell[]): Cell[] {
  let gap = false;
  return cells.map((cell) => {
    if (cell !== undefined) gap = cell === null;
    return cell === undefined && gap ? null : cell;
  });
}

/** Measured and twin rows (ms) merged by time; `of` turns SI into what is shown. */
export function merge(measured: HistoryRow[], twin: TwinRow[], of: (si: number) => number): Columns {
  const show = (v: number | null) => (v == null ? null : of(v));
  const lines = new Map<number, [Cell, Cell, Cell, Cell, Cell]>();
  for (const [t, , mean, , quality] of withGaps(measured, (time) => [time, null, null, null, 0] as HistoryRow)) {
    const good = quality <= USABLE;
    lines.set(t, [good ? show(mean) : null, good ? undefined : show(mean), undefined, undefined, undefined]);
  }
  for (const [t, value, low, high] of withGaps(twin, (time) => [time, null, null, null] as TwinRow)) {
    const there = lines.get(t);
    lines.set(t, [there?.[0], there?.[1], show(value), show(low), show(high)]);
  }
  const times = [...lines.keys()].sort((a, b) => a - b);
  const column = (k: 0 | 1 | 2 | 3 | 4) => held(times.map((t) => lines.get(t)![k]));
  const doubtful = times.map((t) => lines.get(t)![1]);
  return [times.map((t) => t / 1000), column(0), doubtful, column(2), column(3), column(4)];
}

export interface Sample { ms: number; measured: number; value: number; low: number; high: number }

/** Put live samples and twin steps in, each newer than the last of its kind (the seam rule); drop what is older than `from`
 *  (seconds). A step of the twin comes after later samples: it goes to its place among them. In place. */
export function append(columns: Columns, samples: Sample[], of: (si: number) => number, from: number, gap: boolean): void {
  const [times, measured, doubtful, twin, low, high] = columns;
  const show = (v: number) => (Number.isNaN(v) ? undefined : of(v));
  if (gap && times.length && samples.length) {
    times.push(times[times.length - 1]! + 0.001);
    for (const column of [measured, twin, low, high]) column.push(null);
    doubtful.push(undefined);
  }
  for (const sample of samples) {
    const t = sample.ms / 1000, told = Number.isNaN(sample.measured) ? twin : measured;
    let at = times.length;
    while (at && times[at - 1]! > t) at--;
    if (told.slice(at).some((cell) => cell !== undefined) || (at && times[at - 1] === t && told[at - 1] !== undefined)) continue;
    if (!at || times[at - 1] !== t) {
      times.splice(at, 0, t);
      for (const column of [measured, doubtful, twin, low, high]) column.splice(at, 0, undefined);
    } else at--;
    measured[at] = show(sample.measured) ?? measured[at];
    twin[at] = show(sample.value) ?? twin[at];
    low[at] = show(sample.low) ?? low[at];
    high[at] = show(sample.high) ?? high[at];
  }
  const old = times.findIndex((t) => t >= from);
  if (old > 0) for (const column of columns) column.splice(0, old);
}
