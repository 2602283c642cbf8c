// The asset page's tables: evidence, modes, wear parameters, components, all values.
import type { Component, Estimate, Parameter, Why } from "../api";
import { date, digits, NONE, percent, quantity, shown, span, THIN, words } from "../format";
import { RangeWhisker, ShareBar } from "./marks";
import { Empty } from "./states";

export function WhyPanel({ why }: { why: Why }) {
  const [first, second] = why.modes.slice().sort((a, b) => b.probability - a.probability);
  return (
    <>
      <p style="margin-bottom:8px">{why.sentence}</p>
      {why.evidence.length ? (
        <table class="bars" aria-label="Evidence">
          <tbody>
            {why.evidence.slice().sort((a, b) => b.weight - a.weight).map((each, i) => (
              <tr key={i}><td class="share"><ShareBar share={each.weight} label="weight" /></td><td class="num small dim">{percent(each.weight)}</td><td><span class="kind">{each.kind}</span> {each.text}</td></tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {first ? (
        <>
          <h3 class="small dim" style="margin:12px 0 4px">Which failure mode{second ? `; runner-up: ${words(second.mode)}` : ""}</h3>
          <table class="bars" aria-label="Failure modes by probability">
            <tbody>
              {why.modes.slice().sort((a, b) => b.probability - a.probability).map((each) => (
                <tr key={each.mode}><td class="share"><ShareBar share={each.probability} label={words(each.mode)} /></td><td class="num small dim">{percent(each.probability)}</td><td>{words(each.mode)}</td></tr>
              ))}
            </tbody>
          </table>
        </>
      ) : null}
    </>
  );
}

export function WearTable({ parameters }: { parameters: Parameter[] }) {
  if (!parameters.length) return <Empty>This machine has no wear state: it is watched without a model of its own.</Empty>;
  return (
    <div class="scroll" style="margin:0">
      <table class="plain">
        <thead><tr><th>Wear state</th><th class="num">Now</th><th>95 % interval</th><th class="num">New</th></tr></thead>
        <tbody>
          {parameters.map((p) => {
            const from = Math.min(p.low, p.commissioned), to = Math.max(p.high, p.commissioned), room = (to - from) * 0.1 || Math.abs(p.value) * 0.1 || 1;
            const { of, unit } = shown(p.unit, p.name);
            const label = `${p.title}: ${digits(of(p.value))}, 95 % interval ${digits(of(p.low))} to ${digits(of(p.high))}, at commissioning ${digits(of(p.commissioned))} ${unit}`;
            const ratio = p.commissioned > 0 ? p.value / p.commissioned : NaN;
            return (
              <tr key={p.name}>
                <td>{p.title}</td>
                <td class="num">{quantity(p.value, p.unit, p.name)}{ratio > 1.05 && ratio < 1000 ? <span class="dim small"> {digits(ratio, 2)}{THIN}×</span> : null}</td>
                <td><RangeWhisker low={p.low} mid={p.value} high={p.high} from={from - room} to={to + room} mark={p.commissioned} label={label} width={120} /></td>
                <td class="num dim">{quantity(p.commissioned, p.unit, p.name)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="small dim" style="margin-top:4px">Dashed line: the value at commissioning.</p>
    </div>
  );
}

export function ComponentTable({ components }: { components: Component[] }) {
  if (!components.length) return <Empty>No components are listed in plant.toml.</Empty>;
  return (
    <div class="scroll" style="margin:0">
      <table class="plain">
        <thead><tr><th>Component</th><th>Part</th><th>Serial</th><th class="num since">In service</th><th class="num">Running</th></tr></thead>
        <tbody>
          {components.map((each) => (
            <tr key={each.id}><td>{each.title}</td><td>{each.part}</td><td>{each.serial}</td><td class="num dim small since">{each.since == null ? NONE : `since ${date(each.since)}`}</td><td class="num">{span(each.running_s)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const QUALITY = ["good", "uncertain", "late", "stale", "out of range", "clock", "bad", "gap"];

export function ValueTable({ belief }: { belief: Estimate[] }) {
  return (
    <div class="scroll" style="margin:0">
      <table class="plain">
        <thead><tr><th>Quantity</th><th>Kind</th><th class="num">Measured</th><th class="num">Twin</th><th class="num">95 % band</th><th>Quality</th><th class="num">Age</th></tr></thead>
        <tbody>
          {belief.map((each) => {
            const { of } = shown(each.unit, each.channel), show = (v: number | null) => digits(v == null ? null : of(v));
            return (
              <tr key={each.channel}>
                <td>{each.title}</td><td class="dim small">{each.kind}</td><td class="num">{quantity(each.measured, each.unit, each.channel)}</td>
                <td class="num">{quantity(each.value, each.unit, each.channel)}</td><td class="num dim">{show(each.low)} to {show(each.high)}</td>
                <td class={each.quality > 1 ? "" : "dim"}>{each.measured == null ? NONE : QUALITY[each.quality] ?? each.quality}</td><td class="num dim">{span(each.age_s)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
