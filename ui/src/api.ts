// The API's JSON, as src/didymos/service/views.py writes it, and how the page asks for it.

export interface Validity { ok: boolean; score: number; status: string; reason: string }
export interface Evidence { kind: string; text: string; weight: number; link: string }
export type Quantiles = Record<string, number | null>;
export interface CaseRow {
  id: string; asset: string; mode: string; component: string; state: "open" | "accepted" | "work" | "closed"; priority: number;
  opened: number; changed: number; sentence: string; action: string; spare: string; p_fail: number; next_stop: number | null;
  expected_cost: number; verdict: string | null; evidence: Evidence[];
}
export interface AssetRow {
  id: string; name: string; path: string; model: string; model_title: string; status: string; validity: Validity;
  p_fail_30d: number | null; p_fail_next_stop: number | null;
  deviation: { channel: string; title: string; sigma: number } | null;
  life: { mode: string; title: string; quantiles_s: Quantiles; horizon_s: number } | null;
  withheld: string | null; priority: number; case: CaseRow | null; running: boolean; time: number | null; stale: boolean;
}
export interface Estimate {
  channel: string; title: string; kind: string; unit: string; value: number | null; low: number | null; high: number | null;
  measured: number | null; quality: number; age_s: number | null; residual_sigma: number | null;
}
export interface Parameter { name: string; title: string; unit: string; value: number; low: number; high: number; commissioned: number }
export interface Component { id: string; title: string; part: string; serial: string; since: number | null; running_s: number | null }
export interface Channel { name: string; title: string; unit: string; kind: string; low: number | null; high: number | null }
export interface FieldState { component: string; title: string; withheld: string | null }
export interface FieldInput { name: string; title: string; unit: string; value: number; low: number; high: number }
export interface HotSpot {
  name: string; title: string; point: [number, number, number]; stress_Pa: number; low_Pa: number; high_Pa: number; damage: number; damage_per_h: number | null;
  used: number | null;
}
export interface FieldSurface {
  points: [number, number, number][] | null; faces: [number, number, number, number][] | null; temperature_K: number[]; band_K: number[];
  stress_Pa: number[]; stress_band_Pa: number[]; shapes: number[][] | null;
}
export interface FieldRow {
  component: string; title: string; at_ms: number; stale: boolean; sha256: string; mesh: string; fits: boolean; fit: number | null;
  outside: string[]; thermocouples: string[]; places: { name: string; title: string; point: [number, number, number] }[]; inputs: FieldInput[]; hot_spots: HotSpot[]; surface: FieldSurface;
}
export interface AssetDetail extends AssetRow {
  consequence_cost: number; currency: string; next_stop: number | null; model_version: string; belief: Estimate[];
  parameters: Parameter[]; components: Component[]; channels: Channel[]; fields: FieldState[];
}
export interface Life {
  mode: string; title: string; quantiles_s: Quantiles; p_fail: [number, number][]; withheld: string | null; p_fail_next_stop: number | null;
}
export interface Why { sentence: string; evidence: Evidence[]; modes: { mode: string; probability: number }[] }
export type HistoryRow = [t: number, min: number | null, mean: number | null, max: number | null, quality: number];
export type TwinRow = [t: number, value: number | null, low: number | null, high: number | null];
export interface Spectra {
  channel: string; unit: string; time: number; rate_hz: number; samples: number; quality: number; speed_hz: number | null;
  lines: { name: string; hz: number }[]; envelope_band_hz: [number, number]; spectrum: [number, number][]; envelope: [number, number][];
}
export interface Plant { id: string; name: string; timezone: string; currency: string; now: number; stops: number[]; writable: boolean }

/** What the service refused, in its own words (problem+json). */
export class Refused extends Error {
  constructor(readonly status: number, readonly title: string, detail: string, readonly todo: string) { super(detail); }
}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(`/api/v1/${path}`, init).catch(() => {
    throw new Refused(0, "The service does not answer", `No answer from ${location.host}.`, "Check that the service runs; the page tries again by itself.");
  });
  if (answer.ok) return (await answer.json()) as T;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, said.title ?? "The request failed", said.detail ?? `HTTP ${answer.status}`, said.todo ?? "");
}

const query = (values: Record<string, string | number>) => new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)]));

export const api = {
  plant: () => ask<Plant>("plant"),
  assets: () => ask<AssetRow[]>("assets?limit=5000"),
  asset: (id: string) => ask<AssetDetail>(`assets/${id}`),
  life: (id: string) => ask<Life[]>(`assets/${id}/life`),
  why: (id: string) => ask<Why>(`assets/${id}/why`),
  cases: (asset: string) => ask<CaseRow[]>(`cases?${query({ asset, limit: 100 })}`),
  history: (channel: string, start: number, end: number, points: number) =>
    ask<{ unit: string; rows: HistoryRow[] }>(`history?${query({ channel, start, end, points })}`),
  twin: (id: string, channel: string, start: number, end: number, points: number) =>
    ask<{ unit: string; rows: TwinRow[] }>(`assets/${id}/twin?${query({ channel, start, end, points })}`),
  waveform: (id: string, channel: string) => ask<Spectra>(`assets/${id}/waveform?${query({ channel, points: 600 })}`),
  fields: (id: string, whole: boolean) => ask<FieldRow[]>(`assets/${id}/fields?${query({ geometry: `${whole}`, shapes: `${whole}` })}`),
  decide: (id: string, action: string, verdict: string | null, note: string, token: string) =>
    ask<{ event: string }>(`cases/${id}/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ verdict, note }),
    }),
};
