// Numbers as people read them: three significant digits, the unit after a thin space, plant time, never the browser's.

export const THIN = "\u2009";
export const NONE = "–";

interface Shown { unit: string; of: (si: number) => number }
const times = (factor: number) => (si: number) => si * factor;
const SHOWN: Record<string, Shown> = {
  K: { unit: "°C", of: (si) => si - 273.15 },
  Pa: { unit: "bar", of: times(1e-5) },
  "rad/s": { unit: "rpm", of: times(30 / Math.PI) },
  "m/s": { unit: "mm/s", of: times(1e3) },
  "m2/s": { unit: "mm²/s", of: times(1e6) },
  "m/s2": { unit: "m/s²", of: times(1) },
  "W/(m2 K)": { unit: "W/(m² K)", of: times(1) },
  "m3/s": { unit: "m³/h", of: times(3600) },
  W: { unit: "kW", of: times(1e-3) },
  ohm: { unit: "Ω", of: times(1) },
  s: { unit: "h", of: times(1 / 3600) },
  "1": { unit: "", of: times(1) },
};

const SMALL = /seal_leak/, FINE = /clearance|gap|wear|erosion/;
/** How a quantity in SI is shown. A seal leakage reads in ml/h, a clearance in mm. */
export function shown(unit: string, channel = ""): Shown {
  if (unit === "m3/s" && SMALL.test(channel)) return { unit: "ml/h", of: times(3.6e9) };
  if (unit === "m" && FINE.test(channel)) return { unit: "mm", of: times(1e3) };
  return SHOWN[unit] ?? { unit, of: times(1) };
}

export function digits(value: number | null | undefined, count = 3): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(count - 1).replace("e", "·10^").replace("^+", "^");
  const decimals = Math.max(0, count - 1 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(decimals, 8)).replace("-", "−");
}

export function quantity(si: number | null | undefined, unit: string, channel = ""): string {
  if (si == null || !Number.isFinite(si)) return NONE;
  const how = shown(unit, channel);
  return digits(how.of(si)) + (how.unit ? THIN + how.unit : "");
}

/** A probability in words a crew reads: 0.0004 -> "< 0.1 %". */
export function percent(p: number | null | undefined): string {
  if (p == null || !Number.isFinite(p)) return NONE;
  if (p <= 0) return `0${THIN}%`;
  if (p < 0.001) return `<${THIN}0.1${THIN}%`;
  if (p >= 1) return `100${THIN}%`;
  if (p > 0.999) return `>${THIN}99.9${THIN}%`;
  return `${p < 0.1 ? digits(p * 100, 2) : Math.round(p * 100)}${THIN}%`;
}

/** A span of time with two digits at most: "3.4 d", "18 h". */
export function span(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  const day = 86400, size = Math.abs(seconds);
  const [value, unit] =
    size >= 2 * 365.25 * day ? [seconds / (365.25 * day), "a"] : size >= 2 * day ? [seconds / day, "d"]
    : size >= 7200 ? [seconds / 3600, "h"] : size >= 120 ? [seconds / 60, "min"] : [seconds, "s"];
  return `${digits(value, 2)}${THIN}${unit}`;
}

export function money(value: number, currency: string): string {
  return new Intl.NumberFormat("en-GB", { style: "currency", currency, maximumFractionDigits: 0 }).format(value);
}

let zone = "UTC";
/** Set once from the plant; an unknown zone leaves UTC. */
export function setZone(name: string): void {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    zone = name;
  } catch {
    zone = "UTC";
  }
}
export const zoneName = () => zone;

const made = new Map<string, Intl.DateTimeFormat>();
function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = made.get(key);
  if (!found) made.set(key, (found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone, hourCycle: "h23" })));
  return found;
}
export const clockTime = (ms: number) => formatter({ hour: "2-digit", minute: "2-digit" }).format(ms);
export const dayTime = (ms: number | null) =>
  ms == null ? NONE : formatter({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(ms);
export const date = (ms: number) => formatter({ day: "numeric", month: "short", year: "numeric" }).format(ms);
export const dayOnly = (ms: number) => formatter({ day: "numeric", month: "short" }).format(ms);

export const STATUS_WORDS: Record<string, string> = {
  ok: "good", F: "failure", C: "function check", S: "out of specification", M: "maintenance required",
};
export const PRIORITY_WORDS = ["normal", "critical", "high", "medium", "advisory"] as const;
export const words = (name: string) => name.replace(/_/g, " ");
