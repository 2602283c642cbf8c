"""Strain against life, and the stress and strain in a notch.

    e_a = s_f'/E (2N)^b + e_f' (2N)^c                                        Coffin-Manson-Basquin
    morrow  the elastic term with s_f' - s_m      swt  s_max e_a E = s_f'^2 (2N)^2b + E s_f' e_f' (2N)^(b+c)
    e = s/E + (s/K')^(1/n')                                                  cyclic curve (Ramberg-Osgood); branches doubled
    s e = (K_t S)^2 / E                                                      Neuber, S nominal and elastic

Both sums are convex in the logarithm, so Newton's method from the side of the larger term runs monotonically into the only root.
Local mean of a cycle: stress at its nominal peak on the cyclic curve, minus the local amplitude. Exact for the largest cycle of a
history; smaller ones inside it are taken as though they hung on the cyclic curve too.
Source: Dowling, Mechanical Behavior of Materials, 4th ed. 2012, ch. 13 and 14; Neuber, J. Appl. Mech. 28 (1961) 544;
Morrow, SAE Fatigue Design Handbook 1968. Valid: stable cyclic curve, initiation of a crack of about 1 mm.
Verified: tests/verify/test_fatigue_life.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import ModelError, SolveError
from didymos.numerics.fatigue.rainflow import Cycles

Array = NDArray[np.float64]
ROUNDS, CLOSE = 100, 1e-13


@dataclass(frozen=True, slots=True)
class StrainLife:
    """Constants of one material: E, s_f', b, e_f', c of the strain-life curve, K', n' of the cyclic curve."""

    youngs_Pa: float
    strength_coefficient_Pa: float
    strength_exponent: float
    ductility_coefficient: float
    ductility_exponent: float
    cyclic_strength_Pa: float
    cyclic_hardening: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value, sign = getattr(self, field.name), -1.0 if field.name.endswith("_exponent") else 1.0
            if not (np.isfinite(value) and sign * value > 0.0):
                side = "below" if sign < 0.0 else "above"
                raise ModelError(f"strain-life: {field.name} is {value!r}; a finite number {side} 0 is needed.")


def strain_amplitude(material: StrainLife, cycles: ArrayLike, mean_Pa: ArrayLike = 0.0) -> Array:
    """Strain amplitude that lasts N cycles (Morrow for a mean other than 0)."""
    m, reversals = material, 2.0 * np.asarray(cycles, float)
    elastic = (m.strength_coefficient_Pa - np.asarray(mean_Pa, float)) / m.youngs_Pa * reversals**m.strength_exponent
    return elastic + m.ductility_coefficient * reversals**m.ductility_exponent


def cycles_to_failure(
    material: StrainLife, strain: ArrayLike, mean_Pa: ArrayLike = 0.0, rule: str = "morrow", stress: ArrayLike = 0.0
) -> Array:
    """N of each strain amplitude; rule morrow (needs mean_Pa) or swt (needs mean_Pa and the stress amplitude, Pa). inf where
    nothing is strained or, by swt, nothing is pulled; 0 where the mean reaches s_f'."""
    m = material
    strain, mean, stress = np.broadcast_arrays(*(np.asarray(a, float) for a in (strain, mean_Pa, stress)))
    if rule == "morrow":
        left = (m.strength_coefficient_Pa - mean) / m.youngs_Pa
        target, factor, b, c = strain, m.ductility_coefficient, m.strength_exponent, m.ductility_exponent
    elif rule == "swt":
        left = np.full(strain.shape, m.strength_coefficient_Pa**2)
        target = np.maximum(mean + stress, 0.0) * strain * m.youngs_Pa
        factor = m.youngs_Pa * m.strength_coefficient_Pa * m.ductility_coefficient
        b, c = 2.0 * m.strength_exponent, m.strength_exponent + m.ductility_exponent
    else:
        raise ModelError(f"strain-life: mean-stress rule {rule!r} is not known. Allowed: morrow, swt.")
    found = np.where(target > 0.0, 0.0, np.inf)
    usable = (target > 0.0) & (left > 0.0)
    found[usable] = 0.5 * np.exp(_root(np.log(left[usable]), b, np.log(factor), c, np.log(target[usable])))
    return found


def notch(material: StrainLife, nominal_Pa: ArrayLike, factor: float = 1.0) -> tuple[Array, Array]:
    """Local stress [Pa] and strain from K_t times the nominal stress, by Neuber on the cyclic curve; odd in the load."""
    if not (np.isfinite(factor) and factor >= 1.0):
        raise ModelError(f"notch: stress concentration {factor!r}; a number of at least 1 is needed.")
    elastic = factor * np.asarray(nominal_Pa, float)
    size, m = np.abs(elastic), material
    stress = np.zeros_like(size)
    loaded = size > 0.0
    # s^2/E + s^(1 + 1/n') / K'^(1/n') = size^2/E, as a sum of exponentials in -ln s
    power = 1.0 + 1.0 / m.cyclic_hardening
    plain, hardened = -np.log(m.youngs_Pa), -np.log(m.cyclic_strength_Pa) / m.cyclic_hardening
    target = 2.0 * np.log(size[loaded]) + plain
    stress[loaded] = np.exp(-_root(np.full(target.shape, plain), -2.0, hardened, -power, target))
    strain = stress / m.youngs_Pa + (stress / m.cyclic_strength_Pa) ** (1.0 / m.cyclic_hardening)
    return np.copysign(stress, elastic), np.copysign(strain, elastic)


def damage(material: StrainLife, cycles: Cycles, factor: float = 1.0, rule: str = "morrow") -> Array:
    """Miner damage of each row of cycles of *nominal* stress at a notch K_t = factor: weight / N."""
    stress, strain = notch(material, 0.5 * cycles.range, factor)
    peak, _ = notch(material, cycles.mean + 0.5 * cycles.range, factor)
    with np.errstate(divide="ignore"):
        return cycles.weight / cycles_to_failure(material, strain, peak - stress, rule, stress)


def _root(log_first: Array, b: float, log_second: float, c: float, log_target: Array) -> Array:
    """x with exp(log_first + b x) + exp(log_second + c x) = exp(log_target); b, c < 0."""
    x = np.maximum((log_target - log_first) / b, (log_target - log_second) / c)
    for _ in range(ROUNDS):
        one, two = log_first + b * x, log_second + c * x
        total = np.logaddexp(one, two)
        slope = b * np.exp(one - total) + c * np.exp(two - total)
        move = (log_target - total) / slope
        x = x + move
        if (np.abs(move) <= CLOSE * np.maximum(np.abs(x), 1.0)).all():
            return x
    raise SolveError(f"strain-life: no life found in {ROUNDS} rounds; check that the material's constants are in Pa.")
