// What every page shares: the plant and the fleet, fetched anew when the stream says that something changed.
import { computed, signal } from "@preact/signals";
import { api, type AssetRow, type Plant } from "./api";
import { setZone } from "./format";
import { type FieldFrame, STATUS } from "./frames";
import { fleetFrame, onReopen, plantNow, subscribe } from "./live";

export const plant = signal<Plant | null>(null);
export const fleet = signal<AssetRow[] | null>(null);
export const failed = signal<Error | null>(null);
const REFRESH_MS = 5000;
let fetching = false;

export async function refresh(): Promise<void> {
  if (fetching) return;
  fetching = true;
  try {
    if (!plant.value) {
      const said = await api.plant();
      setZone(said.timezone);
      plantNow.value ||= said.now;
      plant.value = said;
    } else if ((plant.value.stops[0] ?? Infinity) <= plantNow.value) plant.value = await api.plant();
    fleet.value = await api.assets();
    failed.value = null;
  } catch (error) {
    failed.value = error as Error;
  } finally {
    fetching = false;
  }
}

/** Rows with the newest frame's numbers in place; a status or priority that jumped fetches the words too. */
export const rows = computed<AssetRow[] | null>(() => {
  const known = fleet.value, frame = fleetFrame.value;
  if (!known || !frame) return known;
  const merged = known.slice();
  frame.index.forEach((index, i) => {
    const row = merged[index], sigma = frame.deviation[i] ?? NaN, p = frame.pFail[i] ?? NaN, status = STATUS[frame.status[i] ?? 0] ?? "ok";
    if (!row) return;
    merged[index] = {
      ...row,
      p_fail_next_stop: Number.isNaN(p) ? null : p,
      deviation: row.deviation && !Number.isNaN(sigma) ? { ...row.deviation, sigma } : row.deviation,
      status: status === "stale" ? row.status : status,
      stale: status === "stale",
      priority: frame.priority[i] ?? 0,
    };
  });
  return merged;
});

/** The newest field frame of each "asset/component" that a page shows; none is kept of others. */
export const fieldFrames = signal<ReadonlyMap<string, FieldFrame>>(new Map());

/** Keep the newest frame of one component from now on. Returns the undo. */
export function followField(asset: string, component: string): () => void {
  const key = `${asset}/${component}`;
  const undo = subscribe(`asset/${asset}/field/${component}`, (frame) => {
    if (frame.kind === 4) fieldFrames.value = new Map(fieldFrames.peek()).set(key, frame);
  });
  return () => {
    undo();
    fieldFrames.value = new Map([...fieldFrames.peek()].filter(([name]) => name !== key));
  };
}

export const nextStop = computed<number | null>(() => plant.value?.stops.find((stop) => stop > plantNow.value) ?? null);

export function startStore(): void {
  void refresh();
  setInterval(() => void refresh(), REFRESH_MS);
  onReopen(() => void refresh());
  fleetFrame.subscribe((frame) => {
    const known = fleet.value;
    if (frame && known && [...frame.priority].some((p, i) => known[frame.index[i] ?? -1]?.priority !== p)) void refresh();
  });
}
