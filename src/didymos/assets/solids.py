"""Solids that heat and stress are computed in: conduction and elasticity of one material, with its source.

Source: ASM Handbook vol. 1, 10th ed. 1990, physical properties of carbon and low-alloy steels (0.435 % C: conductivity 50.7 W/(m K)
at 100 C, specific heat 486 J/(kg K) from 50 to 100 C, expansion 11.2e-6 from 20 to 100 C, density 7844 kg/m3), moduli of carbon
steel; cast iron: EN 1561:2011, annex A, EN-GJL-250. Both written from memory. Valid: 273 to 420 K, where the conductivity of
either moves by less than 4 %. `fatigue` names the entry of `assets.materials.METALS`, where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from didymos.core.errors import ModelError
from didymos.numerics.fe.material import Conductor, Isotropic


@dataclass(frozen=True, slots=True)
class Solid:
    title: str
    thermal: Conductor
    elastic: Isotropic
    source: str
    fatigue: str = ""

    def digits(self) -> str:
        """Every number, for a hash."""
        t, e = self.thermal, self.elastic
        numbers = (t.conductivity_W_mK, t.density_kg_m3, t.heat_J_kgK, e.young_Pa, e.poisson, e.density_kg_m3, e.expansion_per_K)
        return " ".join(f"{number!r}" for number in numbers)


SOLIDS: dict[str, Solid] = {
    "steel_1045": Solid(
        "Carbon steel C45 / SAE 1045",
        Conductor(50.7, 7844.0, 486.0),
        Isotropic(206e9, 0.29, 7844.0, 11.2e-6),
        "ASM Handbook vol. 1, 1990, 0.435 % C steel; recalled",
        "sae_1045",
    ),
    "gjl_250": Solid(
        "Grey cast iron EN-GJL-250",
        Conductor(48.5, 7200.0, 460.0),
        Isotropic(110e9, 0.26, 7200.0, 11.7e-6),
        "EN 1561:2011, annex A; recalled",
    ),
}


def solid(name: str) -> Solid:
    """ModelError with the names there are."""
    if name not in SOLIDS:
        raise ModelError(f"solid {name!r} is not known. Allowed: {', '.join(SOLIDS)}. Correct `material`.")
    return SOLIDS[name]
