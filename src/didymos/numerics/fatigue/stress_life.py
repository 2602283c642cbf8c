"""Stress against life (S-N), mean stress, and Miner's sum with its scatter.

    N = N_k (S_k / S)^m                for S above the knee S_k; below it the slope is `below`
    S  stress amplitude, half the range, after the correction for mean stress
    D  = sum n_i / N_i                 Palmgren-Miner
    P(failed at D) = Phi(log10(D) / sd - z)      life lognormal with sd of log10 N; z of the survival the curve was drawn for

Below the knee: below = inf is an endurance limit (no damage), below = m Miner's rule carried on ("elementary"), below = 2m - 1
Haibach's slope for loads of varying height, the usual choice after the knee has once been passed.

Mean stress s, amplitude a, ultimate strength R_m, true fracture strength s_f:
    goodman  a / (1 - s/R_m)         gerber  a / (1 - (s/R_m)^2)        for s > 0; compression brings no credit
    morrow   a / (1 - s/s_f)         both signs               swt  sqrt((s + a) a), 0 where the whole cycle is compression
A mean at or above the strength is a static failure: infinite amplitude, infinite damage.
Source: Haibach, Betriebsfestigkeit, 3rd ed. 2006, ch. 3; Dowling, Mechanical Behavior of Materials, 4th ed. 2012, ch. 9;
Smith, Watson & Topper, J. Materials 5 (1970) 767; Wirsching, Struct. Div. ASCE 1984, for the lognormal sum.
Valid: stresses below yield; no sequence effects. Verified: tests/verify/test_fatigue_life.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from didymos.core.errors import ModelError
from didymos.numerics.fatigue.rainflow import Cycles

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StressLife:
    """One S-N curve. amplitude, not range; `survival` is the share of specimens that outlive it (0.5 = median curve)."""

    slope: float
    knee_cycles: float
    knee_amplitude_Pa: float
    below: float = inf
    sd_log10: float = 0.0
    survival: float = 0.5
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("slope", "knee_cycles", "knee_amplitude_Pa"):
            if not (np.isfinite(value := getattr(self, name)) and value > 0.0):
                raise ModelError(f"S-N curve: {name} is {value!r}; a finite number above 0 is needed.")
        if not self.below >= self.slope:
            raise ModelError(
                f"S-N curve: below is {self.below!r}, steeper than the slope {self.slope!r}. Allowed: the slope itself (Miner), "
                f"{haibach(self.slope):g} (Haibach), inf (endurance limit), or any number between."
            )
        if not (np.isfinite(self.sd_log10) and self.sd_log10 >= 0.0 and 0.0 < self.survival < 1.0):
            raise ModelError(
                f"S-N curve: sd_log10 {self.sd_log10!r} and survival {self.survival!r}; allowed: sd_log10 >= 0, 0 < survival < 1."
            )


def haibach(slope: float) -> float:
    """Slope below the knee for loads of varying height."""
    return 2.0 * slope - 1.0


def basquin(
    strength_coefficient_Pa: float, exponent: float, knee_cycles: float, below: float = inf, sd_log10: float = 0.0, source: str = ""
) -> StressLife:
    """From amplitude = s_f' (2N)^b, the form of SAE J1099 and Dowling; exponent b is negative."""
    if not exponent < 0.0:
        raise ModelError(f"S-N curve: Basquin exponent {exponent!r}; a negative number is needed, about -0.05 to -0.15.")
    amplitude = strength_coefficient_Pa * (2.0 * knee_cycles) ** exponent
    return StressLife(-1.0 / exponent, knee_cycles, amplitude, below, sd_log10, 0.5, source)


def design_line(
    log10_a: float,
    slope: float,
    knee_cycles: float,
    below: float = inf,
    sd_log10: float = 0.0,
    survival: float = 0.5,
    source: str = "",
) -> StressLife:
    """From log10 N = log10_a - slope log10(range / MPa), the form of the design codes for welds."""
    range_MPa = 10.0 ** ((log10_a - np.log10(knee_cycles)) / slope)
    return StressLife(slope, knee_cycles, 0.5e6 * range_MPa, below, sd_log10, survival, source)


def cycles_to_failure(curve: StressLife, amplitude_Pa: ArrayLike) -> Array:
    """N of each amplitude; inf at zero and below an endurance limit."""
    ratio = np.asarray(amplitude_Pa, float) / curve.knee_amplitude_Pa
    with np.errstate(divide="ignore", over="ignore"):
        below = np.full_like(ratio, inf) if curve.below == inf else ratio**-curve.below
        return curve.knee_cycles * np.where(ratio >= 1.0, ratio**-curve.slope, below)


def _none(amplitude: Array, mean: Array, strength: float) -> Array:
    return amplitude


def _goodman(amplitude: Array, mean: Array, strength: float) -> Array:
    return _over(amplitude, 1.0 - np.maximum(mean, 0.0) / strength)


def _gerber(amplitude: Array, mean: Array, strength: float) -> Array:
    return _over(amplitude, 1.0 - np.square(np.maximum(mean, 0.0) / strength))


def _morrow(amplitude: Array, mean: Array, strength: float) -> Array:
    return _over(amplitude, 1.0 - mean / strength)


def _swt(amplitude: Array, mean: Array, strength: float) -> Array:
    return np.sqrt(np.maximum(mean + amplitude, 0.0) * amplitude)


def _over(amplitude: Array, left: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 0.0, amplitude / left, np.where(amplitude > 0.0, inf, 0.0))


MEAN_STRESS: dict[str, Callable[[Array, Array, float], Array]] = {
    "none": _none, "goodman": _goodman, "gerber": _gerber, "morrow": _morrow, "swt": _swt,
}  # fmt: skip
NEEDS_STRENGTH = ("goodman", "gerber", "morrow")


def equivalent_amplitude(cycles: Cycles, mean_stress: str = "none", strength_Pa: float | None = None) -> Array:
    """Fully reversed amplitude [Pa] that costs as much as each cycle. strength_Pa: R_m (goodman, gerber), s_f (morrow)."""
    if mean_stress not in MEAN_STRESS:
        raise ModelError(f"mean stress: {mean_stress!r} is not known. Allowed: {', '.join(MEAN_STRESS)}.")
    if mean_stress in NEEDS_STRENGTH and not (strength_Pa is not None and np.isfinite(strength_Pa) and strength_Pa > 0.0):
        raise ModelError(f"mean stress: {mean_stress} needs the material's strength_Pa above 0; {strength_Pa!r} was given.")
    return MEAN_STRESS[mean_stress](0.5 * cycles.range, cycles.mean, strength_Pa or 0.0)


def damage(curve: StressLife, cycles: Cycles, mean_stress: str = "none", strength_Pa: float | None = None) -> Array:
    """Miner damage of each row: weight / N. Sum it, or `by_location`."""
    with np.errstate(divide="ignore"):
        return cycles.weight / cycles_to_failure(curve, equivalent_amplitude(cycles, mean_stress, strength_Pa))


def by_location(cycles: Cycles, each: Array, locations: int) -> Array:
    """Sums (L,) of a value per row."""
    return np.bincount(cycles.location, each, locations).astype(np.float64)


def failure_probability(damage_sum: ArrayLike, sd_log10: float, survival: float = 0.5) -> Array:
    """P(failed) at a Miner sum reckoned with a curve of that survival. Without scatter a step at D = 1."""
    with np.errstate(divide="ignore"):
        log_damage = np.log10(np.asarray(damage_sum, float))
    if sd_log10 == 0.0:
        return (log_damage >= 0.0).astype(float)
    return ndtr(log_damage / sd_log10 - ndtri(survival))
