// The small graphics: status mark, deviation bar, range whisker, share bar. Colour never stands alone: shape + digit + word.
import { digits, PRIORITY_WORDS, percent, span } from "../format";

const SHAPES = [
  null,
  <rect class="fill" x="2" y="2" width="14" height="14" />,
  <path class="fill" d="M9 .8 17.2 9 9 17.2 .8 9Z" />,
  <path class="fill" d="M9 1.5 17.2 16.5H.8Z" />,
  <circle class="fill" cx="9" cy="9" r="7.6" />,
];

/** Priority 1..4; 0 draws nothing. `stale` draws the hatched box. Decorative: the word stands beside it or in the label. */
export function StatusMark({ priority, stale = false }: { priority: number; stale?: boolean }) {
  if (!stale && !SHAPES[priority]) return null;
  return (
    <svg class={`mark ${stale ? "pq" : `p${priority}`}`} width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
      {stale ? <><rect class="fill" x="2" y="2" width="14" height="14" stroke-width="1.5" /><path class="hatch" d="M2 8 8 2M2 14 14 2M6 16 16 6M12 16 16 12" /></> : SHAPES[priority]}
      <text class="glyph" x="9" y={priority === 3 && !stale ? 14.6 : 12.6}>{stale ? "?" : priority}</text>
    </svg>
  );
}

/** Mark and word. */
export function StatusWord({ priority, stale, running }: { priority: number; stale: boolean; running: boolean }) {
  const word = priority ? PRIORITY_WORDS[priority] : stale ? "no data" : running ? "" : "stopped";
  return (
    <span class="state">
      <StatusMark priority={priority} stale={!priority && stale} />
      {word ? <span>{word}{priority && stale ? ", no data" : ""}</span> : <span class="hidden">normal</span>}
    </span>
  );
}

const LIMIT = 3, FULL = 6;
/** Signed deviation in sigma, centred; grey, only the excess beyond 3 sigma dark. */
export function DeviationBar({ sigma, width = 72 }: { sigma: number | null; width?: number }) {
  if (sigma == null || !Number.isFinite(sigma)) return <span class="dim">–</span>;
  const half = width / 2, x = (s: number) => half + (Math.max(-FULL, Math.min(FULL, s)) / FULL) * half;
  const bar = (from: number, to: number, name: string) => (
    <rect class={name} x={Math.min(x(from), x(to))} y="3" width={Math.abs(x(to) - x(from))} height="8" />
  );
  const sign = Math.sign(sigma), inside = sign * Math.min(LIMIT, Math.abs(sigma));
  return (
    <svg class="small-graphic" width={width} height="14" role="img" aria-label={`deviation ${digits(sigma, 2)} sigma`}>
      <rect class="track" x={x(-LIMIT)} y="1" width={x(LIMIT) - x(-LIMIT)} height="12" />
      {bar(0, inside, "bar-fill")}
      {Math.abs(sigma) > LIMIT ? bar(inside, sigma, "bar-excess") : null}
      <line class="tick" x1={half} x2={half} y1="0" y2="14" />
    </svg>
  );
}

/** A value with its interval on an axis from `from` to `to`; `mark` is a reference (commissioning, planned stop). */
export function RangeWhisker(props: {
  low: number | null; mid: number | null; high: number | null; from: number; to: number; mark?: number | null; label: string; width?: number;
}) {
  const { low, mid, high, from, to, mark = null, width = 120 } = props;
  const x = (v: number) => 4 + (Math.max(0, Math.min(1, (v - from) / (to - from || 1)))) * (width - 8);
  const right = high ?? to;
  return (
    <svg class="small-graphic" width={width} height="16" role="img" aria-label={props.label}>
      <line class="axis" x1="4" x2={width - 4} y1="8" y2="8" />
      {mark == null ? null : <line class="stop" x1={x(mark)} x2={x(mark)} y1="0" y2="16" />}
      {low == null ? null : <line class="whisk" x1={x(low)} x2={x(right)} y1="8" y2="8" />}
      {high == null ? <path class="dot" d={`M${width - 1} 8l-6 -4v8z`} /> : null}
      {mid == null ? null : <circle class="dot" cx={x(mid)} cy="8" r="3.5" />}
    </svg>
  );
}

const DAY = 86400;
/** Life: median and 10 to 90 % on a logarithmic axis from 6 hours to 2 years; the dashed line is the next planned stop. */
export function LifeWhisker({ quantiles, stop_s }: { quantiles: Record<string, number | null>; stop_s: number | null }) {
  const log = (s: number | null | undefined) => (s == null ? null : Math.log10(Math.max(s, 1)));
  const [low, mid, high] = [quantiles["0.1"], quantiles["0.5"], quantiles["0.9"]];
  const label = `life: median ${mid == null ? "beyond the horizon" : span(mid)}, 10 to 90 %: ${span(low)} to ${high == null ? "beyond the horizon" : span(high)}`;
  return (
    <RangeWhisker low={log(low)} mid={log(mid)} high={log(high)} from={Math.log10(DAY / 4)} to={Math.log10(730 * DAY)} mark={log(stop_s)} label={label} width={88} />
  );
}

/** A share of one, as a bar. */
export function ShareBar({ share, width = 96, label }: { share: number; width?: number; label: string }) {
  return (
    <svg class="small-graphic" width={width} height="10" role="img" aria-label={`${label} ${percent(share)}`}>
      <rect class="track" width={width} height="10" />
      <rect class="bar-fill" width={Math.max(0, Math.min(1, share)) * width} height="10" />
    </svg>
  );
}
