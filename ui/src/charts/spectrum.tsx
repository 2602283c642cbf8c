// Envelope spectrum with the bearing's fault frequencies at the measured shaft speed, three harmonics each.
import type { Spectra } from "../api";
import { digits, THIN } from "../format";
import { useWidth } from "../hooks";

const HEIGHT = 190, LEFT = 48, RIGHT = 12, TOP = 30, BOTTOM = 24, HARMONICS = 3;
const DASH: Record<string, string> = { BPFO: "", BPFI: "6 3", BSF: "2 3", FTF: "8 3 2 3" };

/** "front_bearing bpfo" -> "BPFO" */
const short = (name: string) => name.split(/[ _.]/).at(-1)!.toUpperCase();

function ticksTo(top: number, most: number): number[] {
  const raw = top / most, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((k) => k * size).find((each) => each >= raw) ?? raw;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

export function EnvelopeSpectrum({ wave }: { wave: Spectra }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const far = wave.envelope.at(-1)?.[0] || 1, top = Math.max(...wave.envelope.map(([, a]) => a), 1e-12) * 1.08;
  const x = (f: number) => LEFT + (f / far) * (width - LEFT - RIGHT), y = (a: number) => HEIGHT - BOTTOM - (a / top) * (HEIGHT - TOP - BOTTOM);
  const path = wave.envelope.map(([f, a], i) => `${i ? "L" : "M"}${x(f).toFixed(1)} ${y(a).toFixed(1)}`).join("");
  const marks = wave.lines.flatMap(({ name, hz }) => Array.from({ length: short(name) === "FTF" ? 1 : HARMONICS }, (_, k) => ({ name: short(name), hz: hz * (k + 1), k: k + 1 })))
    .filter(({ hz }) => hz > 0 && hz < far).sort((a, b) => a.hz - b.hz);
  const ends = [-Infinity, -Infinity];
  const labelled = marks.map((mark) => {
    const row = ends.findIndex((end) => x(mark.hz) - end > 40); // -1: no room, the line stays without its label
    if (row >= 0) ends[row] = x(mark.hz);
    return { ...mark, row };
  });
  const said = wave.lines.map(({ name, hz }) => `${short(name)} ${digits(hz)} Hz`).join(", ");
  return (
    <div class="plot" ref={ref}>
      {width ? (
        <svg width={width} height={HEIGHT} role="img" aria-label={`Envelope spectrum to ${digits(far)} Hz. Fault frequencies: ${said || "unknown, no shaft speed"}`}>
          {ticksTo(top, 4).map((a) => <g key={a}><line class="axis" x1={LEFT} x2={width - RIGHT} y1={y(a)} y2={y(a)} /><text x={LEFT - 6} y={y(a) + 4} text-anchor="end">{digits(a, 2)}</text></g>)}
          {ticksTo(far, 6).map((f) => <text key={f} x={x(f)} y={HEIGHT - 6} text-anchor="middle">{f}</text>)}
          {labelled.map(({ name, hz, k, row: at }) => (
            <g key={`${name}${k}`}>
              <line x1={x(hz)} x2={x(hz)} y1={at === 1 ? 16 : 28} y2={HEIGHT - BOTTOM} stroke="var(--predicted)" stroke-width={k === 1 ? 1.5 : 1} stroke-dasharray={DASH[name] ?? "4 4"} opacity={k === 1 ? 1 : 0.55} />
              {at < 0 ? null : <text x={x(hz)} y={at ? 12 : 25} text-anchor="middle">{k === 1 ? name : `${k}×`}</text>}
            </g>
          ))}
          <path d={path} fill="none" stroke="var(--measured)" stroke-width="1" />
        </svg>
      ) : null}
      <p class="small dim">Envelope of {digits(wave.envelope_band_hz[0] / 1000)} to {digits(wave.envelope_band_hz[1] / 1000)}{THIN}kHz, amplitude in {wave.unit || "–"} against Hz{wave.speed_hz ? `; shaft at ${digits(wave.speed_hz * 60)}${THIN}rpm` : "; shaft speed unknown, no fault lines"}.</p>
    </div>
  );
}
