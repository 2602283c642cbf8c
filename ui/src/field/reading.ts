// Which quantity is shown, and how a value of it with its band is written. Pure.
import type { FieldRow } from "../api";
import { digits, NONE, THIN } from "../format";
import type { MapName } from "./colours";

export type Quantity = "temperature" | "stress" | "damage";
/** `least`: the smallest range of the colours, in the unit shown. */
interface How { title: string; unit: string; map: MapName; least: number; of: (si: number) => number; width: number }
export const QUANTITIES: Record<Quantity, How> = {
  temperature: { title: "Temperature", unit: "°C", map: "inferno", least: 4, of: (si) => si - 273.15, width: 1 },
  stress: { title: "Stress", unit: "MPa", map: "viridis", least: 4, of: (si) => si / 1e6, width: 1e-6 },
  damage: { title: "Damage", unit: "", map: "viridis", least: 1, of: (si) => si, width: 1 },
};

/** As many decimals as the half width of the band supports. */
const decimals = (half: number) => (half >= 5 ? 0 : half >= 0.2 ? 1 : 2);
const fixed = (value: number, places: number) => value.toFixed(places).replace("-", "−").replace(/^−(0(\.0*)?)$/, "$1");

/** Value and half width in SI -> "41.2 °C, 90 % between 38.1 and 44.3 °C". */
export function told(quantity: "temperature" | "stress", value: number, half: number): { value: string; band: string } {
  const { of, unit, width } = QUANTITIES[quantity], places = decimals(half * width), text = (si: number) => fixed(of(si), places);
  if (!Number.isFinite(value)) return { value: NONE, band: "" };
  return { value: `${text(value)}${THIN}${unit}`, band: `90${THIN}% between ${text(value - half)} and ${text(value + half)}${THIN}${unit}` };
}

/** Miner's sum as crews and engineers read it: 1 = the crack is expected. */
export const damageText = (share: number | null): string =>
  share == null ? NONE : share <= 0 ? "0" : share < 1e-12 ? `<${THIN}10⁻¹²` : share >= 0.001 ? digits(share, 2) : scientific(share);

function scientific(value: number): string {
  const power = Math.floor(Math.log10(value) + 1e-12), raised = String(power).replace(/[-0-9]/g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c] ?? "⁻");
  return `${digits(value / 10 ** power, 2)}·10${raised}`;
}

/** How far the field follows its thermocouples. */
export function fitText({ fits, fit, thermocouples }: Pick<FieldRow, "fits" | "fit" | "thermocouples">): string {
  const count = thermocouples.length, those = `${count} thermocouple${count === 1 ? "" : "s"}`;
  if (!count) return "No thermocouple is bound: the field runs on what the machine's model believes, and its bands are as wide as that allows.";
  if (fit == null) return `${those}; too few readings yet to judge the fit.`;
  const ratio = digits(fit, 2);
  if (!fits) return `The field does not fit its ${those}: they deviate ${ratio} times as much as expected (mean square). Do not rely on it before the sensors are checked.`;
  return `Fits its ${those}: they deviate ${ratio} times as much as expected (mean square).`;
}

/** Damage on the colours: a decade is a sixth, from 1e-6 or less to 1. */
export const DECADES = { low: -6, high: 0 };
export const damageShare = (damage: number) => Math.max(0, Math.min(1, 1 + Math.log10(Math.max(damage, 1e-300)) / 6));
