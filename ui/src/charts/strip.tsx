// One channel over time: measured (solid) against twin (dashed) with its 95 % band. History by REST, then live frames:
// subscribe first, keep what comes, fetch, then append only what is newer than the history's end.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { api, type Channel, type Estimate } from "../api";
import { clockTime, dayOnly, digits, quantity, shown, THIN, zoneName } from "../format";
import { useWidth } from "../hooks";
import { type AssetFrame, onReopen, plantNow, subscribe } from "../live";
import { themeVersion } from "../parts/frame";
import { DeviationBar } from "../parts/marks";
import { append, type Columns, merge, type Sample } from "./columns";

const HEIGHT = 92, AXIS = 26, REDRAW_MS = 300, MOST_ROWS = 4000;
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width: number, axis: boolean): uPlot.Options {
  const grid = { stroke: colour("--line"), width: 1 }, ink = colour("--ink2"), font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const label = (_: uPlot, splits: number[], __: number, ___: number, step: number) =>
    splits.map((t) => (step >= 86400 ? dayOnly(t * 1000) : clockTime(t * 1000) === "00:00" ? dayOnly(t * 1000) : clockTime(t * 1000)));
  return {
    width, height: HEIGHT + (axis ? AXIS : 0), pxAlign: false, padding: [6, 8, axis ? 0 : 6, 0],
    legend: { show: false },
    cursor: { sync: { key: "asset" }, points: { show: false }, y: false, drag: { x: false, y: false } },
    tzDate: (t) => uPlot.tzDate(new Date(t * 1000), zoneName()),
    axes: [
      axis ? { stroke: ink, font, grid, ticks: { show: false }, size: AXIS, space: 80, values: label } : { stroke: ink, grid, ticks: { show: false }, size: 0, space: 80, values: () => [] },
      { stroke: ink, font, grid, ticks: { show: false }, size: 56, space: 20, values: (_, splits, __, ___, step) => splits.map((v) => tick(v, step)) },
    ],
    series: [
      {},
      { stroke: colour("--measured"), width: 1.5, points: { show: false } },
      { stroke: colour("--ink3"), width: 0, points: { show: true, size: 4, stroke: colour("--ink3"), fill: colour("--panel") } },
      { stroke: colour("--predicted"), width: 1.5, dash: [6, 4], points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
    ],
    bands: [{ series: [5, 4], fill: colour("--band") }],
  };
}

/** A tick with as many decimals as the distance of the ticks needs. */
function tick(v: number, step: number): string {
  return v.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)))).replace("-", "−");
}

export interface StripProps { asset: string; channel: Channel; index: number; estimate: Estimate | undefined; days: number; axis: boolean }

/** Keeps `columns` filled and calls `draw`; returns the undo. */
function feed({ asset, channel, index, days }: StripProps, draw: (columns: Columns) => void, state: (text: string) => void): () => void {
  const { of } = shown(channel.unit, channel.name);
  let columns: Columns | null = null, waiting: Sample[] = [], lost = false, over = false, timer = 0;
  const from = () => plantNow.peek() / 1000 - days * 86400;
  const flush = () => {
    timer = 0;
    if (!columns || over) return;
    append(columns, waiting, of, from(), lost);
    [waiting, lost] = [[], false];
    draw(columns);
    if (columns[0].length > MOST_ROWS) void load();
  };
  const take = (frame: AssetFrame, gap: boolean) => {
    if (frame.kind === 4) return;
    const k = frame.channel.indexOf(index);
    if (k < 0) return;
    lost ||= gap;
    waiting.push(frame.kind === 3
      ? { ms: frame.plantMs - frame.ageMs[k]!, measured: frame.measured[k]!, value: NaN, low: NaN, high: NaN }
      : { ms: frame.plantMs, measured: NaN, value: frame.value[k]!, low: frame.low[k]!, high: frame.high[k]! });
    timer ||= window.setTimeout(flush, document.hidden ? 5000 : REDRAW_MS);
  };
  const load = async () => {
    const end = Math.round(plantNow.peek() || Date.now()), start = Math.round(end - days * 86_400_000);
    try {
      const [measured, twin] = await Promise.all([
        api.history(`${asset}.${channel.name}`, start, end, 600),
        api.twin(asset, channel.name, start, end, 600),
      ]);
      if (over) return;
      columns = merge(measured.rows, twin.rows, of);
      state(columns[0].length ? "" : "No samples in this period.");
      flush();
    } catch (error) {
      if (!over) state((error as Error).message);
    }
  };
  const undo = [subscribe(`asset/${asset}/trend`, take), onReopen(() => void load())];
  void load();
  return () => {
    over = true;
    clearTimeout(timer);
    for (const each of undo) each();
  };
}

export function TrendStrip(props: StripProps) {
  const { channel, estimate, days, axis } = props;
  const [ref, width] = useWidth<HTMLDivElement>(), said = useSignal("Loading …");
  const plot = useRef<uPlot | null>(null), latest = useRef<Columns | null>(null);
  const version = themeVersion.value, how = shown(channel.unit, channel.name);
  useEffect(() => {
    if (!width || !ref.current) return;
    const made = new uPlot(options(width, axis), (latest.current ?? [[], [], [], [], [], []]) as uPlot.AlignedData, ref.current);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [width, axis, version]);
  useEffect(() => {
    latest.current = null;
    return feed(props, (columns) => {
      latest.current = columns;
      plot.current?.setData(columns as uPlot.AlignedData);
    }, (text) => (said.value = text));
  }, [props.asset, channel.name, days]);
  const sigma = estimate?.residual_sigma ?? null;
  const summary = `${channel.title}: measured ${quantity(estimate?.measured, channel.unit, channel.name)}, twin ${quantity(estimate?.value, channel.unit, channel.name)}`;
  return (
    <figure class="strip" style="margin-left:0;margin-right:0;margin-top:0">
      <figcaption class="row">
        <span class="title">{channel.title}{how.unit ? <span class="unit small">{` ${how.unit}`}</span> : null}</span>
        <span>{digits(estimate?.measured == null ? null : how.of(estimate.measured))}</span>
        <span class="dim small">twin {digits(estimate?.value == null ? null : how.of(estimate.value))}</span>
        {sigma == null ? null : <><DeviationBar sigma={sigma} width={60} /><span class="dim small" style="min-width:40px">{`${digits(sigma, 2)}${THIN}σ`}</span></>}
      </figcaption>
      {said.value ? <p class="small dim" role="status">{said.value}</p> : null}
      <div class="plot" ref={ref} role="img" aria-label={summary} style={`height:${HEIGHT + (axis ? AXIS : 0)}px`} />
    </figure>
  );
}
