// Hot spots and inputs of a field as tables: what the canvas shows, for the keyboard and for who reads numbers.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { FieldInput, HotSpot } from "../api";
import { damageText, told } from "../field/reading";
import { digits, quantity, shown, THIN } from "../format";
import { RangeWhisker } from "./marks";

type Order = "number" | "stress" | "damage";
const FIRST = 6;
const TITLES: [Order, string, string][] = [["number", "Hot spot", ""], ["stress", "Stress, MPa", "num"], ["damage", "Damage", "num"]];

/** Sorted when a column is pressed, and held: rows do not jump while somebody reads. */
export function HotSpotTable({ spots, chosen, show }: { spots: HotSpot[]; chosen: number | null; show: (index: number) => void }) {
  const pressed = useSignal<{ by: Order }>({ by: "stress" }), all = useSignal(false), { by: order } = pressed.value;
  const rows = useMemo(() => spots.map((_, i) => i).sort((a, b) => worth(spots[b]!, order) - worth(spots[a]!, order) || a - b), [pressed.value, spots.length]), first = all.value ? rows : rows.slice(0, FIRST);
  const listed = chosen == null || first.includes(chosen) ? first : [...first, chosen];
  const reach = Math.max(...spots.flatMap((each) => [Math.abs(each.low_Pa), Math.abs(each.high_Pa)]), 1);
  return (
    <div class="scroll" style="margin:8px 0 0">
      <table class="plain hotspots" aria-label="Hot spots">
        <thead>
          <tr>
            {TITLES.map(([by, title, side]) => (
              <th key={by} class={side} aria-sort={order === by ? (by === "number" ? "ascending" : "descending") : undefined}>
                <button onClick={() => (pressed.value = { by })}>{title}</button>
              </th>
            ))}
            <th class="num">Per hour</th>
          </tr>
        </thead>
        <tbody>
          {listed.map((i) => {
            const spot = spots[i]!, stress = told("stress", spot.stress_Pa, spot.high_Pa - spot.stress_Pa);
            return (
              <tr key={spot.name} class={i === chosen ? "chosen" : ""}>
                <td><button class="spot" aria-pressed={i === chosen} aria-label={`show hot spot ${i + 1}, ${spot.title}`} onClick={() => show(i)}><span class="ring">{i + 1}</span><span>{spot.title}</span></button></td>
                <td class="num" data-name="stress"><span class="banded">{stress.value.replace(`${THIN}MPa`, "")}<RangeWhisker low={spot.low_Pa} mid={spot.stress_Pa} high={spot.high_Pa} from={-reach} to={reach} mark={0} width={84} label={stress.band} /></span></td>
                <td class="num" data-name="damage">{damageText(spot.damage)}</td><td class="num" data-name="per hour">{damageText(spot.damage_per_h)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="small dim" style="margin-top:4px">
        Signed von Mises stress with its 90{THIN}% band, dashed at 0; damage after Miner, 1 = failure expected.{" "}
        {spots.length > FIRST ? <button class="link" onClick={() => (all.value = !all.value)}>{all.value ? `First ${FIRST} only` : `All ${spots.length} hot spots`}</button> : null}
      </p>
    </div>
  );
}

const worth = (spot: HotSpot, by: Order) => (by === "stress" ? Math.abs(spot.stress_Pa) : by === "damage" ? spot.damage : 0);

export function FieldInputs({ inputs }: { inputs: FieldInput[] }) {
  return (
    <div class="scroll" style="margin:0">
      <table class="plain" aria-label="Inputs of the field">
        <thead><tr><th>Input</th><th class="num">Now</th><th>In its range</th><th class="num">Range</th></tr></thead>
        <tbody>
          {inputs.map((each) => {
            const { of, unit } = shown(each.unit), out = each.value < each.low || each.value > each.high, range = `${digits(of(each.low))} to ${digits(of(each.high))}`, room = (each.high - each.low) * 0.08;
            return (
              <tr key={each.name}>
                <td>{each.title}</td>
                <td class="num">{out ? <b>{quantity(each.value, each.unit)}, outside</b> : quantity(each.value, each.unit)}</td>
                <td><RangeWhisker low={each.low} mid={each.value} high={each.high} from={Math.min(each.low, each.value) - room} to={Math.max(each.high, each.value) + room} width={96} label={`${each.title}: ${digits(of(each.value))} ${unit}, made for ${range}`} /></td>
                <td class="num dim">{range}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
