"""Heat conduction: steady and transient, convection, radiation, conductivity that follows temperature.

    ρ c ∂T/∂t - ∇·(k(T) ∇T) = q        -k ∂T/∂n = h (T - T_a) + ε σ (T⁴ - T_r⁴)        T given elsewhere

Newton's method with the exact tangent; steps in time by the θ rule (1 backward Euler, ½ Crank-Nicolson). Temperatures in kelvin
wherever something radiates; else any one scale. Turned about an axis: coordinates (r, z), everything over the full turn, 2π r.
Source: Lewis, Nithiarasu & Seetharamu, Fundamentals of the FEM for Heat and Fluid Flow. Verified: tests/verify/test_fe_heat.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skfem import Basis, BilinearForm, FacetBasis, LinearForm
from skfem.mesh import Mesh

from didymos.core.errors import ModelError, SolveError
from didymos.numerics.fe import assembly
from didymos.numerics.fe.material import Conductor
from didymos.numerics.fe.mesh import facets_where
from didymos.numerics.fe.solve import Factor, factorize

Array = NDArray[np.float64]
Region = Callable[[Array], NDArray[np.bool_]]
STEFAN_BOLTZMANN = 5.670374419e-8  # W/(m² K⁴), CODATA 2018
STEPS_MAX, TOLERANCE = 40, 1e-11


@dataclass(frozen=True, slots=True)
class Given:
    """Temperature on the boundary where `where` holds: a number, or a function of time [s]."""

    where: Region
    value: float | Callable[[float], float]

    def at(self, time_s: float) -> float:
        return float(self.value(time_s)) if callable(self.value) else float(self.value)


@dataclass(frozen=True, slots=True)
class Surface:
    """Exchange on the boundary where `where` holds: convection to `ambient`, radiation to `surroundings` [K], inflow [W/m²]."""

    where: Region
    film_W_m2K: float = 0.0
    ambient: float = 0.0
    emissivity: float = 0.0
    surroundings_K: float = 0.0
    inflow_W_m2: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.film_W_m2K, self.ambient, self.emissivity, self.surroundings_K, self.inflow_W_m2)
        if not (
            np.isfinite(numbers).all() and self.film_W_m2K >= 0.0 and 0.0 <= self.emissivity <= 1.0 and self.surroundings_K >= 0.0
        ):
            raise ModelError(
                f"heat: film {self.film_W_m2K:g} W/(m² K), emissivity {self.emissivity:g}, surroundings {self.surroundings_K:g} K, "
                f"inflow {self.inflow_W_m2:g} W/m². Allowed: film >= 0, 0 <= emissivity <= 1, kelvin >= 0, all finite. Correct it."
            )


@dataclass(frozen=True, slots=True)
class Part:
    """Mesh, material, what holds on its boundary, and heat made inside [W/m³] as a function of points."""

    basis: Any
    pattern: assembly.Pattern
    material: Conductor
    given: tuple[tuple[Given, NDArray[np.intp]], ...]  # with the nodes where it holds
    surfaces: tuple[tuple[Surface, Any], ...]
    source: Callable[[Array], Array] | None
    turned: bool = False

    def volume(self, basis: Any) -> Array:
        """Volume (or area, for facets) of each integration point."""
        dx = np.asarray(basis.dx)
        return dx * 2.0 * np.pi * np.asarray(basis.global_coordinates())[0] if self.turned else dx

    @property
    def linear(self) -> bool:
        return self.material.slope_W_mK2 is None and not any(s.emissivity for s, _ in self.surfaces)


@dataclass(frozen=True, slots=True)
class Heat:
    """Temperature of each node (n,), Newton iterations, and how it was solved."""

    temperature: Array
    iterations: int
    factor: Factor


def part(
    mesh: Mesh,
    material: Conductor,
    given: Sequence[Given] = (),
    surfaces: Sequence[Surface] = (),
    source: Callable[[Array], Array] | None = None,
    axisymmetric: bool = False,
) -> Part:
    """ModelError when a region holds no boundary facet, or when an axisymmetric body crosses its axis."""
    if axisymmetric and not (mesh.dim() == 2 and float(mesh.p[0].min()) >= -1e-9 * float(np.ptp(mesh.p))):
        raise ModelError("heat: an axisymmetric body lies in the plane (r, z) with r >= 0. Move the section to positive r.")
    basis = Basis(mesh, mesh.elem(), intorder=5)
    pairs = [(s, FacetBasis(mesh, mesh.elem(), facets=facets_where(mesh, s.where, "heat"), intorder=5)) for s in surfaces]
    held = tuple((one, np.asarray(basis.get_dofs(facets_where(mesh, one.where, "heat")).all())) for one in given)
    found = assembly.pattern(np.asarray(basis.element_dofs).T, basis.N)
    return Part(basis, found, material, held, tuple(pairs), source, axisymmetric)


def steady(model: Part, start: float = 300.0, solver: str = "auto") -> Heat:
    """ModelError when nothing fixes the level of temperature; SolveError when Newton's method does not settle."""
    if not model.given and not any(s.film_W_m2K or s.emissivity for s, _ in model.surfaces):
        raise ModelError(
            "heat: no temperature is given and no surface convects or radiates, so the level is free. "
            "Allowed: at least one of them. Add a Given, or a Surface with film_W_m2K or emissivity."
        )
    return _newton(model, np.full(model.basis.N, float(start)), 0.0, None, solver)


def transient(model: Part, start: float | Array, step_s: float, steps: int, theta: float = 0.5) -> Iterator[tuple[float, Heat]]:
    """(time, Heat) after each step, from the temperature `start` at time 0."""
    capacity = model.material.density_kg_m3 * model.material.heat_J_kgK
    if not (capacity > 0.0 and step_s > 0.0 and np.isfinite(step_s) and 0.5 <= theta <= 1.0):
        raise ModelError(
            f"heat: density times heat {capacity:g} J/(m³ K), step {step_s:g} s, theta {theta:g}. "
            "Allowed: > 0, > 0, 0.5 to 1. Correct it."
        )
    mass = capacity_matrix(model) / step_s
    now = np.array(np.broadcast_to(np.asarray(start, float), (model.basis.N,)))
    _set_given(model, now, 0.0)
    if model.linear:
        yield from _linear_steps(model, now, mass, step_s, steps, theta)
        return
    for count in range(1, steps + 1):
        old = mass @ now - (1.0 - theta) * _flow(model, now)[0]
        found = _newton(model, now, count * step_s, (mass, old, theta), "auto")
        now = found.temperature
        yield count * step_s, found


def capacity_matrix(model: Part) -> sparse.csr_matrix:
    """∫ ρ c N_i N_j [J/K]."""
    capacity = model.material.density_kg_m3 * model.material.heat_J_kgK
    return model.pattern.matrix(assembly.product(model.basis, model.pattern, model.volume(model.basis)) * capacity)


def _linear_steps(model: Part, now: Array, mass: Any, step_s: float, steps: int, theta: float) -> Iterator[tuple[float, Heat]]:
    """Flow is `slope` T + `rest`, so that one factor serves every step."""
    rest, slope = _flow(model, np.zeros_like(now))
    fixed = _set_given(model, now, 0.0)
    free = np.setdiff1d(np.arange(len(now)), fixed)
    ahead = sparse.csr_matrix(mass + theta * slope)[free]
    factor = factorize(ahead[:, free])
    for count in range(1, steps + 1):
        right = mass @ now - (1.0 - theta) * (slope @ now) - rest
        now = now.copy()
        _set_given(model, now, count * step_s)
        now[free] = factor.solve(right[free] - ahead[:, fixed] @ now[fixed])
        yield count * step_s, Heat(now, 1, factor)


@BilinearForm
def _exchange(u: Any, v: Any, w: Any) -> Any:
    return w["turn"] * (w["h"] + 4.0 * w["e"] * w["T"] ** 3) * u * v


@LinearForm
def _exchanged(v: Any, w: Any) -> Any:
    return w["turn"] * (w["h"] * (w["T"] - w["Ta"]) + w["e"] * (w["T"] ** 4 - w["Tr"] ** 4) - w["q"]) * v


def flow(model: Part, temperature: Array) -> Array:
    """Heat [W] that leaves each node's share of the body, (n,): zero where nothing is given, else what must be put in."""
    return _flow(model, temperature)[0]


def _flow(model: Part, temperature: Array) -> tuple[Array, Any]:
    """Heat [W] that leaves each node's share of the body at this temperature, (n,), and its derivative (n, n)."""
    basis, material = model.basis, model.material
    field = basis.interpolate(temperature)
    t = np.asarray(field)
    k = material.at(t)
    q = np.zeros_like(k) if model.source is None else np.broadcast_to(model.source(np.asarray(basis.global_coordinates())), k.shape)
    if not np.isfinite(q).all():
        raise ModelError("heat: the source is no number somewhere in the body. Allowed: finite [W/m³]. Correct it.")
    conduct = assembly.laplace(basis, model.pattern, k * model.volume(basis))
    out = model.pattern.matrix(conduct) @ temperature - _spread(model, q)
    if material.slope_W_mK2 is not None:
        slope = np.asarray(material.slope_W_mK2(t), float)
        conduct += _softening(model, np.asarray(field.grad), slope * model.volume(basis))
    tangent = model.pattern.matrix(conduct)
    for s, facets in model.surfaces:
        values = {
            "h": s.film_W_m2K,
            "e": s.emissivity * STEFAN_BOLTZMANN,
            "Ta": s.ambient,
            "Tr": s.surroundings_K,
            "q": s.inflow_W_m2,
            "turn": model.volume(facets) / np.asarray(facets.dx),
        }
        there = facets.interpolate(temperature)
        out = out + _exchanged.assemble(facets, T=there, **values)
        tangent = tangent + _exchange.assemble(facets, T=there, **values)
    return out, tangent


def _spread(model: Part, source: Array) -> Array:
    """∫ N_i q, (n,)."""
    each = np.einsum("enp,ep->en", assembly.values(model.basis), source * model.volume(model.basis))
    found = np.bincount(np.asarray(model.basis.element_dofs).T.ravel(), each.ravel(), model.basis.N)
    return found.astype(np.float64, copy=False)


def _softening(model: Part, gradient: Array, weight: Array) -> Array:
    """∫ dk/dT (∇T · ∇N_i) N_j, (entries,): what k(T) adds to the tangent."""
    total = np.zeros(len(model.pattern.indices))
    for part in assembly.pieces(model.basis):
        along = np.einsum("aenp,aep->enp", assembly.gradients(model.basis, part), gradient[:, part] * weight[part])
        model.pattern.added(along @ assembly.values(model.basis, part).transpose(0, 2, 1), part, total)
    return total


def _newton(model: Part, start: Array, time_s: float, step: tuple[Any, Array, float] | None, solver: str) -> Heat:
    """Zero of M T + θ flow(T) - old (one time step), or of flow(T) (steady)."""
    t = start.copy()
    fixed = _set_given(model, t, time_s)
    free, moved = np.setdiff1d(np.arange(len(t)), fixed), 0.0
    for count in range(1, STEPS_MAX + 1):
        left, slope = _flow(model, t)
        if step is not None:
            mass, old, theta = step
            left, slope = mass @ t + theta * left - old, mass + theta * slope
        symmetric = model.material.slope_W_mK2 is None
        factor = factorize(sparse.csr_matrix(slope)[free][:, free], spd=symmetric, solver=solver)
        change = factor.solve(-left[free])
        t[free] += change
        moved = float(np.abs(change).max(initial=0.0))
        if model.linear or moved <= TOLERANCE * max(1.0, float(np.abs(t).max())):
            return Heat(t, count, factor)
    raise SolveError(
        f"heat: Newton's method still moved {moved:.2e} K after {STEPS_MAX} steps. Start nearer to the answer, or make k(T) smooth."
    )


def _set_given(model: Part, temperature: Array, time_s: float) -> NDArray[np.intp]:
    """Writes the given temperatures; the nodes where they hold."""
    held = [np.zeros(0, np.intp)]
    for one, nodes in model.given:
        value = one.at(time_s)
        if not np.isfinite(value):
            raise ModelError(f"heat: the given temperature is {value} at {time_s:g} s. Allowed: finite. Correct it.")
        temperature[nodes] = value
        held.append(nodes)
    return np.unique(np.concatenate(held))
