// The order of the fleet: worst first, or by a column. Pure.
import type { AssetRow } from "./api";

export type Key = "worst" | "machine" | "area" | "deviation" | "risk" | "life" | "validity";
const SEVERITY: Record<string, number> = { F: 0, C: 1, S: 2, M: 3, ok: 4 };
const low = (value: number | null | undefined) => value ?? Infinity;

/** The next value to compare of each key, smallest first. */
const VALUES: Record<Key, (row: AssetRow) => (number | string)[]> = {
  worst: (row) => [row.priority || 9, -(row.p_fail_next_stop ?? -1), SEVERITY[row.status] ?? 4, row.stale ? 0 : 1, -Math.abs(row.deviation?.sigma ?? 0)],
  machine: (row) => [row.name],
  area: (row) => [row.path, row.name],
  deviation: (row) => [-Math.abs(row.deviation?.sigma ?? 0)],
  risk: (row) => [-(row.p_fail_next_stop ?? -1)],
  life: (row) => [row.life ? low(row.life.quantiles_s["0.5"]) : Infinity, row.life ? 0 : 1],
  validity: (row) => [SEVERITY[row.status] ?? 4, row.validity.score],
};

export function sorted(rows: AssetRow[], key: Key, reverse: boolean): AssetRow[] {
  const values = new Map(rows.map((row) => [row, [...VALUES[key](row), row.id]]));
  const compare = (a: AssetRow, b: AssetRow) => {
    const left = values.get(a) ?? [], right = values.get(b) ?? [];
    for (let i = 0; i < left.length; i++) {
      const x = left[i]!, y = right[i]!;
      if (x !== y) return x < y ? -1 : 1;
    }
    return 0;
  };
  const result = rows.slice().sort(compare);
  return reverse ? result.reverse() : result;
}

/** The part of the path that tells machines apart: what all of them share is left out. */
export function areas(rows: AssetRow[]): Map<string, string> {
  const split = rows.map((row) => row.path.split("/"));
  let shared = 0;
  while (split.length && split.every((parts) => parts.length > shared + 1 && parts[shared] === split[0]![shared])) shared += 1;
  return new Map(rows.map((row, i) => [row.id, split[i]!.slice(shared).join(" / ")]));
}
