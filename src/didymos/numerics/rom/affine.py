"""Transient heat whose films enter as plain factors: what a reduced model keeps exactly.

    M dT/dt + (K_0 + Σ h_j K_j) T = Σ q_i b_i + Σ h_j T_j c_j        c_j = K_j 1,  Σ b_i = 1

T is the rise above `REFERENCE_K`; h_j [W/(m² K)] a film or a contact conductance on surface j with the temperature T_j [K, rise]
behind it; q_i [W] heat into surface i. Steps in time by backward Euler, as the reduced model does.
Source: Antoulas, Approximation of Large-Scale Dynamical Systems, 2005, chapter 11; Lewis et al. (see numerics.fe.heat).
Verified: tests/verify/test_rom.py (against numerics.fe.heat).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skfem import Basis, MeshHex2

from didymos.core.errors import ModelError
from didymos.numerics.fe.material import Conductor
from didymos.numerics.fe.solve import Factor, factorize
from didymos.numerics.rom.facets import facets_of

Array = NDArray[np.float64]
REFERENCE_K = 293.15
CHUNK = 1000  # elements whose gradients are in memory at once


@dataclass(frozen=True, slots=True)
class AffineHeat:
    """Matrices (n, n): capacity M [J/K], conduction K_0 [W/K], `films` K_j [m²]; loads b (n, L) [1], `behind` c (n, J) [m²]."""

    points: Array  # (3, n)
    capacity: Any
    conduction: Any
    films: tuple[Any, ...]
    loads: Array
    behind: Array
    load_names: tuple[str, ...]
    film_names: tuple[str, ...]

    @property
    def size(self) -> int:
        return int(self.capacity.shape[0])

    def stiffness(self, film: Array, conduction: float = 1.0) -> Any:
        """K [W/K] at these films (J,); `conduction` scales the conductivity."""
        total = conduction * self.conduction
        for h, k in zip(film, self.films, strict=True):
            total = total + float(h) * k
        return total

    def heat(self, load: Array, film: Array, behind: Array) -> Array:
        """Right-hand side (n, ...) [W] from loads (L, ...) [W], films (J,) and the rise behind them (J, ...) [K]."""
        return self.loads @ load + self.behind @ (film.reshape(-1, *[1] * (behind.ndim - 1)) * behind)


def affine_heat(
    mesh: MeshHex2, material: Conductor, facets: Mapping[str, NDArray[np.intp]], loads: Sequence[str], films: Sequence[str]
) -> AffineHeat:
    """From a mesh and the boundary facets of each surface. ModelError for a surface without facets or k(T)."""
    if callable(material.conductivity_W_mK) or material.density_kg_m3 * material.heat_J_kgK <= 0.0:
        raise ModelError(
            "rom: needs one number for conductivity, and density and heat above 0. Give them, or bound k(T) by two Fields."
        )
    for name in (*loads, *films):
        if not len(facets.get(name, ())):
            raise ModelError(f"rom: surface {name!r} has no facet. Allowed: {', '.join(f for f in facets if len(facets[f]))}.")
    basis = Basis(mesh, mesh.elem(), intorder=4)
    products = {name: facets_of(mesh, basis, facets[name]).product() for name in {*loads, *films}}
    capacity, conduction = _volume(basis)
    weights = {name: np.asarray(product.sum(axis=1)).ravel() for name, product in products.items()}  # shape functions sum to 1
    return AffineHeat(
        np.asarray(basis.doflocs),
        capacity * (material.density_kg_m3 * material.heat_J_kgK),
        conduction * material.conductivity_W_mK,
        tuple(products[name] for name in films),
        np.stack([weights[name] / weights[name].sum() for name in loads], axis=1),
        np.stack([weights[name] for name in films], axis=1),
        tuple(loads),
        tuple(films),
    )


def _volume(basis: Any) -> tuple[Any, Any]:
    """∫ N N and ∫ ∇N ∇N, all pairs of shape functions of an element at once (ten times one Python call for each pair)."""
    place, dx = np.asarray(basis.element_dofs).T, np.asarray(basis.dx)
    nodes = place.shape[1]
    rows, columns = np.repeat(place, nodes, axis=1).ravel(), np.tile(place, (1, nodes)).ravel()
    value = np.stack([np.asarray(b[0])[0] for b in basis.basis])  # the same in every element
    product = dx @ (value[:, None] * value[None]).reshape(nodes * nodes, -1).T
    gradient = np.empty((len(place), nodes * nodes))
    for begin in range(0, len(place), CHUNK):
        part = slice(begin, begin + CHUNK)
        slope = np.stack([np.asarray(b[0].grad)[:, part] for b in basis.basis]).transpose(2, 0, 1, 3)
        weighted = (slope * dx[part, None, None]).reshape(len(slope), nodes, -1)
        gradient[part] = (slope.reshape(weighted.shape) @ weighted.transpose(0, 2, 1)).reshape(len(slope), -1)
    shape = (basis.N, basis.N)
    gather = lambda each: sparse.csr_matrix((each.ravel(), (rows, columns)), shape=shape)  # noqa: E731
    return gather(product), gather(gradient)


@dataclass(frozen=True, slots=True)
class FullStep:
    """The full model ready to step at fixed films: rise (n, ...) -> rise after `step_s`."""

    model: AffineHeat
    film: Array
    step_s: float
    factor: Factor

    def __call__(self, rise: Array, load: Array, behind: Array) -> Array:
        right = self.model.capacity @ rise / self.step_s + self.model.heat(load, self.film, behind)
        return self.factor.solve(right)


def full_step(model: AffineHeat, film: Array, step_s: float, conduction: float = 1.0) -> FullStep:
    """Factorised once."""
    matrix = model.capacity / step_s + model.stiffness(film, conduction)
    return FullStep(model, film, step_s, factorize(sparse.csr_matrix(matrix), solver=direct()))


def direct() -> str:
    """The best direct solver here: one factor answers many loads, which an iterative one does not."""
    from didymos.numerics.fe.solve import available

    return next(name for name in available() if name != "pyamg")
