// The panel of a machine's Fields: one canvas, what it says in words, hot spots and inputs as tables.
import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { FieldRow, FieldState } from "../api";
import { FieldCanvas, startingEye, useFlight } from "../charts/field";
import { FieldLegend } from "../charts/field_legend";
import { colourAt, greyed, keptRange, type Range, type Rgb } from "../field/colours";
import { type Followed, useField } from "../field/follow";
import { type Mark, marksOf } from "../field/painter";
import { at, atVertex, pointOf, type Spot } from "../field/pick";
import { damageShare, damageText, fitText, QUANTITIES, type Quantity, told } from "../field/reading";
import { nearest, type Surface } from "../field/surface";
import { dayTime, digits, THIN } from "../format";
import { FieldInputs, HotSpotTable } from "./field_tables";
import { Empty, Failed, Loading } from "./states";

/** The Fields of the plant file: the first that can be shown, the others by choice; why not, where none can. */
export function FieldPanel({ asset, fields }: { asset: string; fields: FieldState[] }) {
  const wish = useSignal(""), chosen = fields.find((each) => each.component === wish.value) ?? fields.find((each) => each.withheld == null) ?? fields[0]!;
  return (
    <section class="panel" aria-label="Temperature and stress">
      <header>
        <h2>Temperature and stress</h2>
        {fields.length > 1 ? (
          <select aria-label="component" value={chosen.component} onChange={(event) => (wish.value = event.currentTarget.value)}>
            {fields.map((each) => <option key={each.component} value={each.component}>{each.title}</option>)}
          </select>
        ) : <span class="dim small">{chosen.title}</span>}
      </header>
      {chosen.withheld == null ? <Shown key={chosen.component} asset={asset} component={chosen.component} /> : <Empty>Withheld: {chosen.withheld}</Empty>}
    </section>
  );
}

function Shown({ asset, component }: { asset: string; component: string }) {
  const field = useField(asset, component);
  if (field.surface && field.row) return <FieldView field={field} surface={field.surface} row={field.row} />;
  return field.error ? <Failed error={field.error} again={field.again} /> : <Loading what="the surface" />;
}

/** What is amiss, each in one line, worst first. */
function warnings({ row, said, error }: Followed): string[] {
  if (!row) return [];
  const found = row.outside.map((text) => `Outside of what the field was made and judged for: ${text}.`);
  if (row.outside.length) found.push("Colours are greyed and hatched: the values are extrapolated, without a bound.");
  if (row.stale) found.unshift(`No result since ${dayTime(row.at_ms)}: the values are old.`);
  if (!row.fits) found.push(fitText(row));
  if (said) found.push(said);
  if (error) found.push(`Not fetched anew: ${error.message}`);
  return found;
}

const HEAT: Quantity[] = ["temperature", "stress", "damage"];

function FieldView({ field, surface, row }: { field: Followed; surface: Surface; row: FieldRow }) {
  const quantity = useSignal<Quantity>("temperature"), eye = useSignal(startingEye()), probe = useSignal<Spot | null>(null), chosen = useSignal<number | null>(null), spoken = useSignal("");
  const fly = useFlight(eye), what = quantity.value, how = QUANTITIES[what], doubtful = row.stale || row.outside.length > 0;
  const open = useComputed(() => eye.value.cut !== null), places = useMemo(() => marksOf(surface, row.hot_spots.map((each) => each.point)), [surface]), pins = useMemo(() => row.places.map((each) => nearest(surface, each.point)), [surface]);
  const shown = useShown(field, row, what), reading = probe.value && readingAt(probe.value, chosen.value, what, field, row);
  const choose = (index: number | null, spot: Spot | null) => {
    [chosen.value, probe.value] = [index, spot];
    const said = spot && readingAt(spot, index, what, field, row);
    spoken.value = said ? `${placeText(spot, index, row, surface)}: ${said.value}${said.band ? `, ${said.band}` : ""}` : "";
  };
  const show = (index: number) => {
    const vertex = places[index]!.vertex;
    choose(index, atVertex(vertex));
    const normal = normalAt(surface, vertex), from = (k: 0 | 1) => surface.points[3 * vertex + k]! - surface.centre[k];
    fly(normal, normal[0] * from(0) + normal[1] * from(1) < 0);
  };
  const hit = (spot: Spot | null) => choose(spot ? nearMark(surface, places, spot) : null, spot);
  const cutOpen = () => (eye.value = { ...eye.value, cut: open.value ? null : eye.value.view.turn });
  const marks = useMemo(() => (what === "damage" ? places.map((mark, i) => ({ ...mark, fill: colourAt("viridis", damageShare(row.hot_spots[i]!.damage)) })) : places), [what, places, row]);
  const summary = summaryOf(field, row);
  return (
    <>
      {warnings(field).map((text) => <p key={text} class="caution" role="status">{text}</p>)}
      <div class="fieldbar">
        <span class="picker" role="group" aria-label="Quantity">
          {HEAT.map((each) => <button key={each} aria-pressed={each === what} onClick={() => (quantity.value = each)}>{QUANTITIES[each].title}</button>)}
        </span>
        <span class="picker" role="group" aria-label="View">
          <button aria-pressed={open.value} onClick={cutOpen}>Cut open</button>
          <button onClick={() => { eye.value = startingEye(); choose(null, null); }}>Reset</button>
        </span>
      </div>
      <FieldCanvas
        eye={eye} probed={hit} cutOpen={cutOpen} label={`${row.title}, ${how.title.toLowerCase()}. ${summary}`}
        next={(step) => show(((chosen.value ?? (step > 0 ? -1 : 0)) + step + places.length) % places.length)}
        scene={{ surface, values: shown.values, colour: shown.colour, doubtful, marks, pins: what === "temperature" ? pins : [], chosen: chosen.value, probe: probe.value, label: reading?.value ?? "" }}
      />
      <FieldLegend quantity={what} range={shown.range} reach={shown.reach} of={doubtful && what !== "damage" ? (share) => greyed(shown.colour(share)) : shown.colour} />
      <p class="reading" aria-label="probe">
        {probe.value && reading ? <><b>{reading.value}</b> <span class="dim">{reading.band}</span> <span>{placeText(probe.value, chosen.value, row, surface)}</span></> : <span class="dim">Click the part, or press n, to read a place with its 90{THIN}% band.</span>}
      </p>
      <p class="hidden" role="status">{spoken.value}</p>
      <p class="small dim">{summary} Result of {dayTime(field.atMs)}. {row.fits ? fitText(row) : ""}{row.places.length ? " Squares mark the thermocouples." : ""}</p>
      <p class="small dim keys-hint">Drag or arrow keys turn, wheel or + − enlarge, n and p go through the hot spots, c cuts open, 0 resets.</p>
      <HotSpotTable spots={row.hot_spots} chosen={chosen.value} show={show} />
      <details><summary>Inputs of the field ({row.inputs.length})</summary><FieldInputs inputs={row.inputs} /></details>
    </>
  );
}

interface Shading { values: Float64Array | null; range: Range; reach: Range | null; colour: (share: number) => Rgb }

/** Values on their colours, 0 to 1, over a range that stays while it fits. */
function useShown(field: Followed, row: FieldRow, what: Quantity): Shading {
  const kept = useMemo(() => new Map<Quantity, Range>(), [field.surface]), how = QUANTITIES[what];
  const colour = useMemo(() => (share: number) => colourAt(how.map, share), [how.map]);
  return useMemo(() => {
    if (what === "damage") return { values: null, range: { low: -6, high: 0 }, reach: null, colour };
    const si = what === "temperature" ? field.temperature_K : row.surface.stress_Pa, values = Float64Array.from(si, how.of);
    const reach = { low: values.reduce((a, b) => Math.min(a, b), Infinity), high: values.reduce((a, b) => Math.max(a, b), -Infinity) };
    const range = keptRange(kept.get(what) ?? null, reach.low, reach.high, how.least);
    kept.set(what, range);
    return { values: values.map((v) => (v - range.low) / (range.high - range.low)), range, reach, colour };
  }, [what, what === "temperature" ? field.temperature_K : row]);
}

/** The value at a place with its band; at a hot spot stress is the one that is counted, with its own band. */
function readingAt(spot: Spot, index: number | null, what: Quantity, field: Followed, row: FieldRow): { value: string; band: string } {
  const { surface } = row, hot = index == null ? null : row.hot_spots[index]!;
  if (what === "temperature") return told("temperature", at(spot, field.temperature_K), at(spot, surface.band_K));
  if (what === "stress") return hot ? told("stress", hot.stress_Pa, hot.high_Pa - hot.stress_Pa) : told("stress", at(spot, surface.stress_Pa), at(spot, surface.stress_band_Pa));
  return hot ? { value: `damage ${damageText(hot.damage)}`, band: `${damageText(hot.damage_per_h)} per hour${hot.used == null ? "" : `; largest stress amplitude ${digits(100 * hot.used, 2)}${THIN}% of the endurance limit,`}` } : { value: "", band: "Damage is followed at the numbered hot spots only." };
}

function placeText(spot: Spot, index: number | null, row: FieldRow, surface: Surface): string {
  if (index != null) return `at hot spot ${index + 1}, ${row.hot_spots[index]!.title}`;
  return `at x ${pointOf(spot, surface).map((each) => (1000 * each).toFixed(0).replace("-", "−")).join(", ").replace(", ", ", y ").replace(/, (−?\d+)$/, ", z $1")}${THIN}mm`;
}

const NEAR = 0.045; // of the part's radius: a click this close to a hot spot means the hot spot
function nearMark(surface: Surface, marks: Mark[], spot: Spot): number | null {
  const p = pointOf(spot, surface), far = (v: number) => Math.hypot(...[0, 1, 2].map((k) => surface.points[3 * v + k]! - p[k]!));
  const best = marks.reduce<Mark | null>((least, mark) => (!least || far(mark.vertex) < far(least.vertex) ? mark : least), null);
  return best && far(best.vertex) < NEAR * surface.radius ? best.number - 1 : null;
}

/** The mean outward direction of the faces at a vertex. */
function normalAt({ faces, normals }: Surface, vertex: number): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  faces.forEach((each, corner) => { if (each === vertex) for (let k = 0; k < 3; k++) sum[k as 0 | 1 | 2] += normals[3 * corner + k]!; });
  return sum;
}

function summaryOf({ temperature_K }: Followed, row: FieldRow): string {
  const values = Array.from(temperature_K), low = Math.min(...values), high = Math.max(...values), { of } = QUANTITIES.temperature;
  const worst = row.hot_spots.reduce<number>((best, each, i) => (Math.abs(each.stress_Pa) > Math.abs(row.hot_spots[best]?.stress_Pa ?? 0) ? i : best), 0), spot = row.hot_spots[worst];
  const stress = spot ? ` Largest stress at a hot spot: ${told("stress", spot.stress_Pa, spot.high_Pa - spot.stress_Pa).value} at ${worst + 1}.` : "";
  return `${of(low).toFixed(1).replace("-", "−")} to ${of(high).toFixed(1).replace("-", "−")}${THIN}°C on the surface.${stress}`;
}
