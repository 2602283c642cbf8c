"""Elastic and thermal constants of common engineering solids near room temperature, for finite elements.

SOLIDS  name -> Solid, SI. `conductivity_W_mK` is a number, or pairs (kelvin, W/(m K)) where the source gives it over temperature.

`thermal` and `elastic` are what `numerics.fe` computes with at the temperatures of a machine: where conductivity is a curve, its
value at 330 K. `fatigue` names the entry of `assets.materials.METALS`, where there is one.

Sources are named per row; all were written from memory and are nominal: a supplier's certificate is better, and every number may be
overridden in the part's file.
Verified: tests/verify/test_engineering_solids.py (relations between the numbers, bounds of the codes' formulae).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from didymos.core.errors import ModelError
from didymos.numerics.fe.material import Conductor, Isotropic

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Solid:
    title: str
    young_Pa: float
    poisson: float
    density_kg_m3: float
    expansion_per_K: float
    conductivity_W_mK: float | Curve
    heat_J_kgK: float
    source: str
    fatigue: str = ""

    @property
    def thermal(self) -> Conductor:
        k = self.conductivity_W_mK
        if not isinstance(k, float | int):
            k = float(np.interp(330.0, [kelvin for kelvin, _ in k], [value for _, value in k]))
        return Conductor(k, self.density_kg_m3, self.heat_J_kgK)

    @property
    def elastic(self) -> Isotropic:
        return Isotropic(self.young_Pa, self.poisson, self.density_kg_m3, self.expansion_per_K)

    def digits(self) -> str:
        """Every number, for a hash."""
        return " ".join(f"{number!r}" for number in (*astuple(self.elastic), *astuple(self.thermal)))


def _steel_k(celsius: float) -> float:
    return 54.0 - 3.33e-2 * celsius  # EN 1993-1-2, 3.4.1.3, 20 to 800 C


def _curve(law, *celsius: float) -> Curve:
    return tuple((c + 273.15, law(c)) for c in celsius)


SOLIDS: dict[str, Solid] = {
    "structural_steel": Solid(
        "Structural steel (S235 to S355)", 210e9, 0.3, 7850.0, 12e-6, _curve(_steel_k, 20, 800), 440.0,
        "EN 1993-1-1 3.2.6, EN 1993-1-2 3.4",
    ),
    "stainless_1_4301": Solid(
        "Stainless steel 1.4301", 200e9, 0.3, 7900.0, 16e-6, _curve(lambda c: 14.6 + 1.27e-2 * c, 20, 1000), 455.0,
        "EN 1993-1-4, EN 1993-1-2 annex C",
    ),
    "aluminium_6082": Solid(
        "Aluminium EN AW-6082", 70e9, 0.33, 2700.0, 23e-6, _curve(lambda c: 190.0 + 0.07 * c, 20, 500), 911.0,
        "EN 1999-1-1 3.2.5 (its Poisson's ratio is 0.3), EN 1999-1-2 3.3",
    ),
    "cast_iron_gjl_250": Solid("Grey cast iron EN-GJL-250", 110e9, 0.26, 7200.0, 11.7e-6, 48.5, 460.0, "EN 1561 annex A"),
    "steel_1045": Solid(
        "Carbon steel C45 / SAE 1045", 206e9, 0.29, 7844.0, 11.2e-6, 50.7, 486.0,
        "ASM Handbook vol. 1, 10th ed. 1990, 0.435 % C: k at 100 C, heat 50 to 100 C, expansion 20 to 100 C", "sae_1045",
    ),
    "copper": Solid("Copper, pure", 117e9, 0.34, 8933.0, 16.5e-6, 401.0, 385.0, "Incropera et al., table A.1, 300 K"),
}  # fmt: skip


def solid(name: str) -> Solid:
    """ModelError with the names there are."""
    if name not in SOLIDS:
        raise ModelError(
            f"material {name!r} is not known. Allowed: {', '.join(SOLIDS)}; or leave `name` out and give the constants."
        )
    return SOLIDS[name]
