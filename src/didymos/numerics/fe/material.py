"""Material constants for finite elements, refused when no real solid can have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Isotropic:
    """Linear elastic solid, SI. `expansion_per_K` is the secant coefficient from the stress-free temperature."""

    young_Pa: float
    poisson: float
    density_kg_m3: float = 0.0
    expansion_per_K: float = 0.0

    def __post_init__(self) -> None:
        _within("young_Pa", self.young_Pa, 0.0, math.inf, "use a positive modulus, steel about 210e9")
        remedy = "use 0.3 for most metals; an incompressible solid (0.5) needs a mixed formulation, which is not built"
        _within("poisson", self.poisson, -1.0, 0.5, remedy)
        _within("density_kg_m3", self.density_kg_m3, 0.0, math.inf, "use 0 where it plays no part", low_allowed=True)
        _within("expansion_per_K", self.expansion_per_K, -1.0, 1.0, "use about 12e-6 for steel")

    @property
    def shear_Pa(self) -> float:
        return self.young_Pa / (2.0 * (1.0 + self.poisson))


@dataclass(frozen=True, slots=True)
class Conductor:
    """Heat conduction, SI. A conductivity that follows temperature is given as k(T) and dk/dT(T), both on arrays."""

    conductivity_W_mK: float | Callable[[Array], Array]
    density_kg_m3: float = 0.0
    heat_J_kgK: float = 0.0
    slope_W_mK2: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        if callable(self.conductivity_W_mK) != (self.slope_W_mK2 is not None):
            raise ModelError("material: conductivity_W_mK(T) and slope_W_mK2(T) come together. Give both as functions, or neither.")
        if not callable(self.conductivity_W_mK):
            _within("conductivity_W_mK", self.conductivity_W_mK, 0.0, math.inf, "use a positive conductivity, steel about 50")
        _within("density_kg_m3", self.density_kg_m3, 0.0, math.inf, "use 0 for steady heat", low_allowed=True)
        _within("heat_J_kgK", self.heat_J_kgK, 0.0, math.inf, "use 0 for steady heat", low_allowed=True)

    def at(self, kelvin: Array) -> Array:
        """k [W/(m K)] at these temperatures; ModelError where the law gives no positive number."""
        k = self.conductivity_W_mK
        found = np.broadcast_to(np.asarray(k(kelvin) if callable(k) else k, float), kelvin.shape)
        if not (found > 0.0).all():
            worst = float(kelvin.flat[int(np.argmin(np.where(np.isfinite(found), found, -np.inf)))])
            raise ModelError(
                f"material: conductivity_W_mK is not positive at {worst:.4g} (temperature). "
                "Allowed: > 0 over the whole range reached. Bound the law outside the measured range."
            )
        return found


def _within(name: str, value: float, low: float, high: float, remedy: str, low_allowed: bool = False) -> None:
    if not (math.isfinite(value) and (low < value or (low_allowed and low == value)) and value < high):
        sign = "<=" if low_allowed else "<"
        raise ModelError(f"material: {name} = {value:g}. Allowed: {low:g} {sign} {name} < {high:g}. Correct it: {remedy}.")
