// P(fail) per mode over the time from now, with the planned stops and the quantiles of the mode that matters most.
import type { Life } from "../api";
import { percent, span, THIN } from "../format";
import { useWidth } from "../hooks";

const HEIGHT = 200, LEFT = 44, RIGHT = 24, TOP = 18, BOTTOM = 24;
const LETTERS = "ABCDEFGH";
const DASHES = ["", "6 4", "2 3", "8 3 2 3"];

/** How far to look: past the third stop and the 90 % quantile of the worst mode, never past the curves. */
function reach(lives: Life[], stops: number[]): number {
  const end = Math.max(...lives.map((life) => life.p_fail.at(-1)?.[0] ?? 0));
  const q = lives[0]?.quantiles_s ?? {};
  const wanted = Math.max((q["0.9"] ?? q["0.5"] ?? q["0.1"] ?? end) * 1.25, (stops[0] ?? 0) * 1.6, 86400);
  return Math.min(end, wanted);
}

/** A round step so that at most six labels fit. */
function step(seconds: number): number {
  const steps = [3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 5 * 86400, 10 * 86400, 30 * 86400, 90 * 86400, 365 * 86400, 1825 * 86400];
  return steps.find((each) => seconds / each <= 6) ?? seconds / 5;
}

function valueAt(life: Life, t: number): number {
  const k = life.p_fail.findIndex(([time]) => time >= t);
  if (k < 0) return life.p_fail.at(-1)?.[1] ?? 0;
  const [t1, p1] = life.p_fail[k]!, [t0, p0] = life.p_fail[k - 1] ?? [0, 0];
  return t1 === t0 ? p1 : p0 + ((p1 - p0) * (t - t0)) / (t1 - t0);
}

/** `lives` worst first; `stops` seconds from now. */
export function SurvivalCurve({ lives, stops }: { lives: Life[]; stops: number[] }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const shown = lives.filter((life) => life.p_fail.length), far = reach(shown, stops), worst = shown[0];
  const x = (t: number) => LEFT + (t / far) * (width - LEFT - RIGHT), y = (p: number) => TOP + (1 - p) * (HEIGHT - TOP - BOTTOM);
  const line = (life: Life) => {
    const inside = life.p_fail.filter(([t]) => t < far);
    return [...inside, [far, valueAt(life, far)] as [number, number]].map(([t, p], i) => `${i ? "L" : "M"}${x(t).toFixed(1)} ${y(p).toFixed(1)}`).join("");
  };
  const every = step(far), ticks = Array.from({ length: Math.floor(far / every) + 1 }, (_, i) => i * every);
  const label = shown.map((life) => `${life.title}: median ${span(life.quantiles_s["0.5"])}`).join("; ");
  return (
    <div class="plot" ref={ref}>
      {width ? (
        <svg width={width} height={HEIGHT} role="img" aria-label={`Probability of failure over time. ${label}`}>
          <rect class="future" x={LEFT} y={TOP} width={width - LEFT - RIGHT} height={HEIGHT - TOP - BOTTOM} />
          {[0, 0.25, 0.5, 0.75, 1].map((p) => (
            <g key={p}><line class="axis" x1={LEFT} x2={width - RIGHT} y1={y(p)} y2={y(p)} /><text x={LEFT - 6} y={y(p) + 4} text-anchor="end">{p * 100}{THIN}%</text></g>
          ))}
          {ticks.map((t) => <text key={t} x={x(t)} y={HEIGHT - 6} text-anchor={t ? "middle" : "start"}>{t === 0 ? "now" : every >= 86400 ? `${t / 86400}${THIN}d` : span(t).replace(".0", "")}</text>)}
          {stops.filter((t) => t < far).slice(0, 4).map((t, i) => (
            <g key={t}><line class="stop" stroke-width="1.5" x1={x(t)} x2={x(t)} y1={TOP} y2={HEIGHT - BOTTOM} />{i ? null : <text x={x(t)} y={TOP - 5} text-anchor="middle">planned stop</text>}</g>
          ))}
          {shown.map((life, i) => (
            <g key={life.mode}>
              <path d={line(life)} fill="none" stroke={i ? "var(--ink3)" : "var(--predicted)"} stroke-width={i ? 1.5 : 2.5} stroke-dasharray={DASHES[i % DASHES.length]} />
              <text x={width - RIGHT + 6} y={Math.min(HEIGHT - BOTTOM - 12 * (shown.length - 1 - i), y(valueAt(life, far)) + 4)}>{LETTERS[i]}</text>
            </g>
          ))}
          {worst ? ["0.1", "0.5", "0.9"].map((level) => {
            const t = worst.quantiles_s[level];
            if (t == null || t > far) return null;
            return <g key={level}><circle cx={x(t)} cy={y(Number(level))} r="4" fill="var(--predicted)" /><text x={x(t) + 8} y={y(Number(level)) + (level === "0.9" ? 14 : 4)}>{span(t)}</text></g>;
          }) : null}
        </svg>
      ) : null}
    </div>
  );
}

/** Twenty futures as dots: how many fail before the stop. What crews read more easily than a percentage. */
export function Futures({ p, when }: { p: number; when: string }) {
  const failing = Math.round(p * 20);
  const text = p > 0 && failing === 0 ? `In fewer than 1 of 20 futures it fails before ${when} (${percent(p)}).` : `In ${failing} of 20 futures it fails before ${when}.`;
  return (
    <p class="state" style="white-space:normal;flex-wrap:wrap">
      <svg class="small-graphic" width="204" height="10" aria-hidden="true">
        {Array.from({ length: 20 }, (_, i) => <circle key={i} cx={5 + i * 10.2} cy="5" r="3.8" fill={i < failing ? "var(--ink)" : "none"} stroke="var(--ink3)" />)}
      </svg>
      <span>{text}</span>
    </p>
  );
}
