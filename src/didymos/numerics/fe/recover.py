"""Stress at vertices: the mean of what the touching elements say there, and their spread as a free error indicator.

    σ = D (B u - ε_T)  at the corner of each element; spread = largest minus smallest over the elements that meet

Valid within one material: give `elements` where stress jumps across an interface. Verified: tests/verify/test_fe_elastic.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfem import Basis

from didymos.core.errors import ModelError
from didymos.numerics.fe.elastic import Body, element_unknowns, strains
from didymos.numerics.fe.thermoelastic import Temperature, at_points

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stress:
    """Mean and spread (s, vertices) [Pa]; nan at vertices that no chosen element touches. `points` (dim, vertices)."""

    components: tuple[str, ...]
    points: Array
    mean: Array
    spread: Array

    def at(self, point: Sequence[float], component: str) -> tuple[float, float]:
        """(mean, spread) of one component at the vertex that lies there."""
        gap = np.linalg.norm(self.points - np.array(point, float)[:, None], axis=0)
        vertex = int(np.argmin(gap))
        if gap[vertex] > 1e-6 * float(np.ptp(self.points, axis=1).max()):
            raise ModelError(
                f"recover: no vertex at {tuple(point)}; the nearest is {gap[vertex]:.3g} m away. Put a mesh vertex there."
            )
        row = self.components.index(component)
        return float(self.mean[row, vertex]), float(self.spread[row, vertex])


def stress(body: Body, u: Array, temperature: Temperature | None = None, elements: NDArray[np.intp] | None = None) -> Stress:
    """At every vertex, from the displacements u (n,) and the temperature rise that strains the body, if any."""
    mesh = body.basis.mesh
    chosen = np.arange(mesh.nelements) if elements is None else np.asarray(elements)
    corners = np.ascontiguousarray(np.asarray(mesh.elem.refdom.p, float))
    basis: Any = Basis(mesh, body.basis.elem, quadrature=(corners, np.ones(corners.shape[1])), elements=chosen)
    each = np.einsum("epsj,ej->eps", strains(body, basis), u[element_unknowns(body, basis)], optimize=True)
    if temperature is not None:
        each -= at_points(basis, temperature)[:, :, None] * body.expansion
    return _averaged(body, np.asarray(mesh.t).T[chosen], each @ body.law)


def _averaged(body: Body, vertices: NDArray[np.intp], each: Array) -> Stress:
    """Over elements: `each` (elements, corners, s) at `vertices` (elements, corners)."""
    mesh = body.basis.mesh
    points = np.asarray(mesh.p)[:, : int(mesh.t.max()) + 1]  # vertices come first, mid-side nodes after
    shape, flat, values = (points.shape[1], each.shape[-1]), vertices.ravel(), each.reshape(-1, each.shape[-1])
    low, high, total = np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape)
    np.minimum.at(low, flat, values)
    np.maximum.at(high, flat, values)
    np.add.at(total, flat, values)
    count = np.bincount(flat, minlength=shape[0])[:, None]
    touched = count > 0
    mean = np.where(touched, total / np.maximum(count, 1), np.nan)
    spread = np.where(touched, high - np.where(touched, low, 0.0), np.nan)
    return Stress(body.kind.components, points, mean.T, spread.T)


def von_mises(body: Body, found: Stress, rise: Array | None = None) -> Array:
    """(vertices,) [Pa]. Plane strain has a stress across the plane, which follows the temperature `rise` (vertices,) too."""
    s = found.mean
    if body.kind.dim == 3:
        x, y, z, shear = s[0], s[1], s[2], s[3] ** 2 + s[4] ** 2 + s[5] ** 2
    elif body.kind.hoop is not None:
        x, y, z, shear = s[0], s[1], s[2], s[3] ** 2
    else:
        x, y, shear = s[0], s[1], s[2] ** 2
        z = np.zeros_like(x)
        if body.name == "plane_strain":
            z = body.material.poisson * (x + y) - body.material.young_Pa * body.material.expansion_per_K * (
                0.0 if rise is None else rise
            )
    return np.sqrt(0.5 * ((x - y) ** 2 + (y - z) ** 2 + (z - x) ** 2) + 3.0 * shear)
