// The colours of the field with their values: round ends, ticks, and from where to where the part reaches now.
import { css, type Range, type Rgb, ticks } from "../field/colours";
import { DECADES, QUANTITIES, type Quantity } from "../field/reading";
import { THIN } from "../format";
import { useWidth } from "../hooks";

const HEIGHT = 46, BAR = 14, TOP = 10, SIDE = 26, STOPS = 24;
const raised = (power: number) => `10${String(power).replace(/[-0-9]/g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c] ?? "⁻")}`;

/** `of`: the colour at 0 to 1. `reach`: the least and the largest value now, null while there are none. */
export function FieldLegend({ quantity, range, reach, of }: { quantity: Quantity; range: Range; reach: Range | null; of: (share: number) => Rgb }) {
  const [ref, width] = useWidth<HTMLDivElement>(), { unit, title } = QUANTITIES[quantity], long = width - 2 * SIDE;
  const damage = quantity === "damage", x = (v: number) => SIDE + ((v - range.low) / (range.high - range.low)) * long;
  const marks = damage ? [-6, -4, -2, 0] : ticks(range);
  const text = (v: number) => (damage ? (v ? (v === DECADES.low ? `≤${THIN}${raised(v)}` : raised(v)) : "1") : String(+v.toPrecision(6)).replace("-", "−"));
  const said = damage ? "Damage at hot spots, 1 = failure expected, by decades" : `${title} from ${text(range.low)} to ${text(range.high)} ${unit}`;
  return (
    <div class="plot" ref={ref}>
      {width ? (
        <svg width={width} height={HEIGHT} role="img" aria-label={`Colours: ${said}`}>
          <defs><linearGradient id="field-colours">{Array.from({ length: STOPS + 1 }, (_, i) => <stop key={i} offset={i / STOPS} stop-color={css(of(i / STOPS))} />)}</linearGradient></defs>
          <rect x={SIDE} y={TOP} width={long} height={BAR} fill="url(#field-colours)" stroke="var(--ink3)" />
          {reach && !damage ? [reach.low, reach.high].map((v, i) => <path key={i} class="dot" d={`M${x(v)} ${TOP}l-4 -8h8z`} />) : null}
          {marks.map((v) => (
            <g key={v}><line class="tick" x1={x(v)} x2={x(v)} y1={TOP + BAR} y2={TOP + BAR + 4} /><text x={x(v)} y={HEIGHT - 6} text-anchor="middle">{text(v)}{v === marks.at(-1) && unit ? `${THIN}${unit}` : ""}</text></g>
          ))}
        </svg>
      ) : null}
    </div>
  );
}

