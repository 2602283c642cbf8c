// `/asset/:id`: what this machine will do, why the twin thinks so, and what to do about it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { api, type AssetDetail, type Life } from "../api";
import { EnvelopeSpectrum } from "../charts/spectrum";
import { TrendStrip } from "../charts/strip";
import { Futures, SurvivalCurve } from "../charts/survival";
import { dayTime, NONE, percent, PRIORITY_WORDS, span, STATUS_WORDS, THIN } from "../format";
import { useFetched, type Fetched } from "../hooks";
import { plantNow } from "../live";
import { CaseList } from "../parts/cases";
import { FieldPanel } from "../parts/field";
import { AppFrame } from "../parts/frame";
import { StatusMark } from "../parts/marks";
import { Empty, Failed, Loading, StaleVeil } from "../parts/states";
import { ComponentTable, ValueTable, WearTable, WhyPanel } from "../parts/tables";
import { go, path, setQuery } from "../route";
import { nextStop, plant, rows } from "../store";

const SPANS: [string, number][] = [["1 d", 1], ["3 d", 3], ["7 d", 7], ["30 d", 30]];

function Panel({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return <section class="panel" aria-label={title}><header><h2>{title}</h2>{aside}</header>{children}</section>;
}

/** What was fetched, or its loading or error state. */
function Shown<T>({ of, what, children }: { of: Fetched<T>; what: string; children: (value: T) => ComponentChildren }) {
  if (of.value) return <>{children(of.value)}</>;
  return of.error ? <Failed error={of.error} again={of.again} /> : <Loading what={what} />;
}

function Head({ asset }: { asset: AssetDetail }) {
  const item = asset.case, q = asset.life?.quantiles_s ?? {}, stop = nextStop.value;
  const word = item ? PRIORITY_WORDS[item.priority] : asset.stale ? "no data" : asset.running ? "normal" : "stopped";
  const median = q["0.5"], bound = asset.life && median == null ? `>${THIN}${span(asset.life.horizon_s)}` : span(median);
  return (
    <section class="panel head" aria-label="State">
      <div class="key">
        <h1>{asset.name} <span class="dim small">{asset.id}</span></h1>
        <span class="dim small">{asset.model_title} · {asset.path.split("/").join(" / ")}</span>
        <span class="state" style="margin-top:4px"><StatusMark priority={item?.priority ?? 0} stale={!item && asset.stale} /><b>{word}</b>{item && !asset.running ? <span class="dim">stopped</span> : null}</span>
        <span class="small" title={asset.validity.reason}>Twin: {asset.status === "ok" ? "good" : `${asset.status}${THIN}${STATUS_WORDS[asset.status]}`}{asset.validity.reason && asset.status !== "ok" ? <span class="dim">. {asset.validity.reason}</span> : null}</span>
      </div>
      <div class="key">
        <span class="label">Fails before {stop ? dayTime(stop) : "the next stop"}</span>
        <span class="figure main">{percent(asset.p_fail_next_stop)}</span>
        <span class="dim small">{stop ? `the next planned stop, in ${span((stop - plantNow.value) / 1000)}` : "no planned stop is configured"}</span>
      </div>
      <div class="key">
        <span class="label">{asset.life ? asset.life.title : "Life"}</span>
        <span class="figure">{asset.life ? bound : "withheld"}</span>
        <span class="dim small">{asset.life ? (q["0.1"] == null ? "median life, beyond what was computed" : `median; 80 % between ${span(q["0.1"])} and ${q["0.9"] == null ? `more than ${span(asset.life.horizon_s)}` : span(q["0.9"])}`) : asset.withheld}</span>
      </div>
      <div class="key">
        <span class="label">Next action</span>
        <span>{item?.action || (asset.stale ? "Check why no data come" : "None")}</span>
        <span class="dim small">{item?.spare ? `Spare: ${item.spare}` : item ? "No spare needed" : ""}</span>
      </div>
    </section>
  );
}

/** Drawn only once it is opened. */
function Folded({ title, count, children }: { title: string; count: number; children: () => ComponentChildren }) {
  const opened = useSignal(false);
  if (!count) return null;
  return <details onToggle={(event) => (opened.value = event.currentTarget.open)}><summary>{title} ({count})</summary>{opened.value ? children() : null}</details>;
}

function Trends({ asset, days }: { asset: AssetDetail; days: number }) {
  const belief = new Map(asset.belief.map((each) => [each.channel, each]));
  const listed = asset.channels.map((channel, index) => ({ channel, index }));
  const strips = (kind: string) => listed.filter(({ channel }) => channel.kind === kind);
  const draw = (chosen: typeof listed) => chosen.map(({ channel, index }, i) => (
    <TrendStrip key={channel.name} asset={asset.id} channel={channel} index={index} estimate={belief.get(channel.name)} days={days} axis={i === chosen.length - 1} />
  ));
  const picker = (
    <span class="picker" role="group" aria-label="Period">
      {SPANS.map(([text, d]) => <button key={d} aria-pressed={d === days} onClick={() => setQuery("days", d === 7 ? "" : String(d))}>{text}</button>)}
    </span>
  );
  return (
    <Panel title="Measured against twin" aside={picker}>
      <p style="display:flex;gap:16px;flex-wrap:wrap;margin-bottom:8px" aria-hidden="true">
        <span class="legend"><svg width="28" height="10"><line x1="0" x2="28" y1="5" y2="5" stroke="var(--measured)" stroke-width="1.5" /></svg>measured</span>
        <span class="legend"><svg width="28" height="10"><rect width="28" height="10" fill="var(--band)" /><line x1="0" x2="28" y1="5" y2="5" stroke="var(--predicted)" stroke-width="1.5" stroke-dasharray="6 4" /></svg>twin, 95 % band</span>
      </p>
      {strips("sensor").length ? draw(strips("sensor")) : <Empty>No sensor of this machine is bound.</Empty>}
      <Folded title="Operating inputs" count={strips("input").length}>{() => draw(strips("input"))}</Folded>
      <Folded title="What nobody measures" count={strips("virtual").length}>{() => draw(strips("virtual"))}</Folded>
      <details><summary>All values as a table</summary><ValueTable belief={asset.belief} /></details>
    </Panel>
  );
}

const worstFirst = (lives: Life[]) => lives.slice().sort((a, b) => (b.p_fail_next_stop ?? 0) - (a.p_fail_next_stop ?? 0) || (a.quantiles_s["0.5"] ?? Infinity) - (b.quantiles_s["0.5"] ?? Infinity));

function LifePanel({ lives, time }: { lives: Life[]; time: number | null }) {
  if (!lives.length) return <Empty>Withheld: no failure mode is configured for this machine.</Empty>;
  const ordered = worstFirst(lives), drawn = ordered.filter((life) => life.p_fail.length), stops = (plant.value?.stops ?? []).map((stop) => (stop - (time ?? plantNow.value)) / 1000).filter((s) => s > 0);
  const chance = drawn[0]?.p_fail_next_stop;
  return (
    <>
      {drawn.length ? <SurvivalCurve lives={drawn} stops={stops} /> : null}
      {chance != null && nextStop.value ? <Futures p={chance} when={`the stop on ${dayTime(nextStop.value)}`} /> : null}
      <div class="scroll" style="margin:8px 0 0">
        <table class="plain">
          <thead><tr><th>Failure mode</th><th class="num">Before stop</th><th class="num">10 %</th><th class="num">Median</th><th class="num">90 %</th></tr></thead>
          <tbody>
            {ordered.map((life) => {
              const letter = drawn.indexOf(life), q = (level: string) => (life.quantiles_s[level] == null ? `>${THIN}${span(life.p_fail.at(-1)?.[0])}` : span(life.quantiles_s[level]));
              return life.withheld
                ? <tr key={life.mode}><td>{life.title}</td><td colSpan={4} class="dim">withheld: {life.withheld}</td></tr>
                : <tr key={life.mode}><td><b>{"ABCDEFGH"[letter]}</b> {life.title}</td><td class="num">{percent(life.p_fail_next_stop)}</td><td class="num">{q("0.1")}</td><td class="num">{q("0.5")}</td><td class="num">{q("0.9")}</td></tr>;
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Vibration({ asset, channel }: { asset: string; channel: string }) {
  const wave = useFetched(() => api.waveform(asset, channel), `${asset}.${channel}`, 15_000);
  return (
    <Panel title="Envelope spectrum" aside={wave.value ? <span class="small dim">{dayTime(wave.value.time)}</span> : null}>
      <Shown of={wave} what="the waveform">{(value) => <EnvelopeSpectrum wave={value} />}</Shown>
    </Panel>
  );
}

export function AssetPage({ id }: { id: string }) {
  const wished = Number(new URLSearchParams(path.value.split("?")[1]).get("days") ?? 7), days = SPANS.some(([, d]) => d === wished) ? wished : 7;
  const asset = useFetched(() => api.asset(id), id), life = useFetched(() => api.life(id), id), why = useFetched(() => api.why(id), id), cases = useFetched(() => api.cases(id), id);
  useLayoutEffect(() => {
    const back = (event: KeyboardEvent) => { if (event.key === "Escape" && !(event.target as Element).closest("input, textarea, select")) go("/"); };
    addEventListener("keydown", back);
    return () => removeEventListener("keydown", back);
  }, []);
  const detail = asset.value, row = rows.value?.find((each) => each.id === id);
  const live = detail && row ? { ...detail, p_fail_next_stop: row.p_fail_next_stop, stale: row.stale } : detail;
  const crumbs = [<a href="/">Fleet</a>, ...(live ? live.path.split("/") : []), live?.name ?? id];
  if (!live) return <AppFrame crumbs={crumbs}><section class="panel"><Shown of={asset} what={id}>{() => NONE}</Shown></section></AppFrame>;
  const waves = live.channels.filter((channel) => channel.kind === "waveform");
  return (
    <AppFrame crumbs={crumbs}>
      {asset.error ? <section class="panel"><Failed error={asset.error} again={asset.again} /></section> : null}
      <StaleVeil>
        <div style="display:grid;gap:12px">
          <Head asset={live} />
          <div class="columns">
            <div>
              <Trends asset={live} days={days} />
              {waves.map((channel) => <Vibration key={channel.name} asset={id} channel={channel.name} />)}
              <Panel title="Wear against commissioning"><WearTable parameters={live.parameters} /></Panel>
              <Panel title="Components"><ComponentTable components={live.components} /></Panel>
            </div>
            <div>
              <Panel title="Why"><Shown of={why} what="the reasons">{(value) => <WhyPanel why={value} />}</Shown></Panel>
              <Panel title="When it fails"><Shown of={life} what="the life estimate">{(value) => <LifePanel lives={value} time={live.time} />}</Shown></Panel>
              <Panel title="Cases"><Shown of={cases} what="the cases">{(value) => <CaseList cases={value} changed={cases.again} />}</Shown></Panel>
              {live.fields.length ? <FieldPanel asset={id} fields={live.fields} /> : null}
            </div>
          </div>
        </div>
      </StaleVeil>
    </AppFrame>
  );
}
