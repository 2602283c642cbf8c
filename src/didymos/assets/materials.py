"""Fatigue constants of real materials: strain-life and cyclic curves of metals, S-N lines of welded structural steel.

METALS  name -> Metal: strengths, s_f' and b of the S-N line, and what `numerics.fatigue.strain_life` takes where it is known
WELDS   name -> StressLife: design lines for welded or rolled structural steel such as S355, in air

Source of METALS: N. E. Dowling, Mechanical Behavior of Materials, 4th ed. 2012, tables 9.1 and 14.1, after SAE J1099 and others;
polished axial specimens, median curves, fully reversed. Compared with reproductions of both tables.
Source of WELDS: DNV-RP-C203, table 2-1 (curves in air, mean minus two standard deviations, sd of log10 N 0.20) and EN 1993-1-9,
7.1 (95 % survival; the code states no scatter, 0.20 is DNV's). Both written from memory; what the codes print beside them (fatigue
limit at 1e7 cycles, 0.737 and 0.549 of the class) is recomputed by the test.
Left out for want of a certain number: cast irons (EN-GJL, EN-GJS), aluminium 7075-T6, S355 as unwelded specimen, and the
strain-life constants of 2024. Scatter of METALS is not in the tables: give it with the curve; 0.2 to 0.3 of log10 N is common.
Verified: tests/verify/test_materials.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from didymos.core.errors import ModelError
from didymos.numerics.fatigue.strain_life import StrainLife
from didymos.numerics.fatigue.stress_life import StressLife, basquin, design_line

MPa, GPa = 1e6, 1e9
DOWLING = "Dowling 2012, tables 9.1 and 14.1"
EN_CLASSES = (160, 140, 125, 112, 100, 90, 80, 71, 63, 56, 50, 45, 40, 36)  # EN 1993-1-9, figure 7.1, MPa at 2e6 cycles


@dataclass(frozen=True, slots=True)
class Metal:
    """One material in one condition. Strengths in Pa; `true_fracture_Pa` is Morrow's strength for stress-life."""

    title: str
    yield_Pa: float
    ultimate_Pa: float
    true_fracture_Pa: float
    strength_coefficient_Pa: float
    strength_exponent: float
    strain_life: StrainLife | None = None
    source: str = DOWLING


def _metal(title: str, line: str, strain: str = "") -> Metal:
    """line: R_p, R_m, true fracture, s_f' (MPa), b. strain: E (GPa), K' (MPa), n', e_f', c."""
    proof, ultimate, fracture, coefficient, b = map(float, line.split())
    curve = None
    if strain:
        youngs, cyclic, hardening, ductility, c = map(float, strain.split())
        curve = StrainLife(youngs * GPa, coefficient * MPa, b, ductility, c, cyclic * MPa, hardening)
    return Metal(title, proof * MPa, ultimate * MPa, fracture * MPa, coefficient * MPa, b, curve)


METALS: dict[str, Metal] = {
    "sae_1015": _metal("SAE 1015, normalized", "228 415 726 1020 -0.138", "207 1349 0.282 0.439 -0.51"),
    "man_ten": _metal("Man-Ten, hot rolled", "322 557 990 1089 -0.115", "203 1096 0.187 0.912 -0.606"),
    "rqc_100": _metal("RQC-100, quenched and tempered", "683 758 1186 938 -0.0648", "200 903 0.0905 1.38 -0.704"),
    "sae_1045": _metal("SAE 1045, hot rolled and normalized", "382 621 985 948 -0.092", "202 1258 0.208 0.26 -0.445"),
    "sae_4142_450hb": _metal("SAE 4142, 450 HB", "1584 1757 1998 1937 -0.0762", "207 2080 0.093 0.706 -0.869"),
    "sae_4142_380hb": _metal("SAE 4142, 380 HB", "1378 1413 1826 2140 -0.0944", "207 2210 0.133 0.637 -0.761"),
    "aisi_4340": _metal("AISI 4340, aircraft quality", "1103 1172 1634 1758 -0.0977", "207 1655 0.131 2.12 -0.774"),
    "al_2024_t4": _metal("Aluminium 2024-T4", "303 476 631 900 -0.102"),
    "ti_6al_4v": _metal("Ti-6Al-4V, solution treated and aged", "1185 1233 1717 2030 -0.104"),
}


def _dnv(name: str, log10_a: float, slope: float) -> StressLife:
    return design_line(log10_a, slope, 1e7, 5.0, 0.20, 0.9772499, f"DNV-RP-C203 table 2-1, curve {name}, air; recalled")


def _en(detail: int) -> StressLife:
    """Class `detail`: slope 3 to 5e6 cycles, then 5; the cut-off at 1e8 is left out, which errs to the safe side."""
    knee_range_MPa = detail * (2e6 / 5e6) ** (1.0 / 3.0)
    source = f"EN 1993-1-9:2005, detail category {detail}; recalled"
    return StressLife(3.0, 5e6, 0.5 * knee_range_MPa * MPa, 5.0, 0.20, 0.95, source)


WELDS: dict[str, StressLife] = {
    "dnv_b1": _dnv("B1", 15.117, 4.0),
    "dnv_c": _dnv("C", 12.592, 3.0),
    "dnv_d": _dnv("D", 12.164, 3.0),
    "dnv_f": _dnv("F", 11.855, 3.0),
    **{f"en_{detail}": _en(detail) for detail in EN_CLASSES},
}


def metal(name: str) -> Metal:
    """ModelError with the names there are."""
    if name not in METALS:
        raise ModelError(
            f"material {name!r} is not known. Allowed: {', '.join(METALS)}. Welded steel is in WELDS: {', '.join(WELDS)}."
        )
    return METALS[name]


def weld(name: str) -> StressLife:
    """ModelError with the names there are."""
    if name not in WELDS:
        raise ModelError(f"weld detail {name!r} is not known. Allowed: {', '.join(WELDS)}.")
    return WELDS[name]


def smooth_specimen(name: str, knee_cycles: float = 1e6, below: float = inf, sd_log10: float = 0.0) -> StressLife:
    """The S-N line s_a = s_f' (2N)^b of a metal. Where its knee lies and what follows is not in the table: the caller's choice."""
    m = metal(name)
    return basquin(m.strength_coefficient_Pa, m.strength_exponent, knee_cycles, below, sd_log10, m.source)


def strain_curve(name: str) -> StrainLife:
    """Strain-life constants; ModelError for a metal of which only the S-N line is known."""
    if (curve := metal(name).strain_life) is None:
        known = ", ".join(n for n, m in METALS.items() if m.strain_life)
        raise ModelError(f"material {name!r} has no strain-life constants here, only its S-N line. With both: {known}.")
    return curve
