"""Linear elasticity: plane stress, plane strain, axisymmetric, solid; small strain, isotropic.

    K u = f,   K = ∫ Bᵀ D B,   f = ∫ N b + ∮ N t + ∫ Bᵀ D ε_T          strains in Voigt order, shear strains γ = 2 ε

Shape functions, geometry and quadrature are scikit-fem's, the sums are `assembly`'s. Unknown `dim * node + component`.
Axisymmetric: coordinates (r, z), strains (rr, zz, θθ, rz), everything integrated over the full turn, 2π r.
Source: Zienkiewicz & Taylor, The Finite Element Method, chapters 2 and 5. Verified: tests/verify/test_fe_elastic.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skfem import (
    Basis,
    ElementHex1,
    ElementHexS2,
    ElementQuad1,
    ElementQuadS2,
    ElementTetP1,
    ElementTetP2,
    ElementTriP1,
    FacetBasis,
)
from skfem.mesh import Mesh

from didymos.core.errors import ModelError
from didymos.numerics.fe import assembly, constrain
from didymos.numerics.fe import supports as held
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import facets_where
from didymos.numerics.fe.solve import Factor, factorize

Array = NDArray[np.float64]
SERENDIPITY = {2: ElementQuadS2, 3: ElementHexS2}
POINTS = {
    ElementTetP1: 1,
    ElementTetP2: 2,
    ElementTriP1: 1,
    ElementHex1: 3,
    ElementQuad1: 3,
}  # order integrated exactly; else 5 or 4


@dataclass(frozen=True, slots=True)
class Kind:
    """Names of the stress components, and (strain row, displacement component, derivative) for each entry of B."""

    dim: int
    components: tuple[str, ...]
    rows: tuple[tuple[int, int, int], ...]
    hoop: int | None = None  # row of u_r / r


PLANE = ((0, 0, 0), (1, 1, 1), (2, 0, 1), (2, 1, 0))
SOLID = ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 1, 2), (3, 2, 1), (4, 0, 2), (4, 2, 0), (5, 0, 1), (5, 1, 0))
KINDS = {
    "plane_stress": Kind(2, ("xx", "yy", "xy"), PLANE),
    "plane_strain": Kind(2, ("xx", "yy", "xy"), PLANE),
    "axisymmetric": Kind(2, ("rr", "zz", "tt", "rz"), ((0, 0, 0), (1, 1, 1), (3, 0, 1), (3, 1, 0)), hoop=2),
    "solid": Kind(3, ("xx", "yy", "zz", "yz", "xz", "xy"), SOLID),
}


@dataclass(frozen=True, slots=True)
class Body:
    """One mesh, one material law, one way to be flat or solid. `basis` is scalar; a node has `kind.dim` unknowns."""

    basis: Basis
    name: str
    kind: Kind
    material: Isotropic
    law: Array  # D (s, s) [Pa]
    expansion: Array  # thermal strain per kelvin (s,)

    @property
    def nodes(self) -> Array:
        return np.asarray(self.basis.doflocs)

    @property
    def unknowns(self) -> int:
        return int(self.kind.dim * self.basis.N)


@dataclass(frozen=True, slots=True)
class Static:
    """Displacements u (n, ) [m], support reactions (n,) [N], how they were solved, and the wall seconds of each part."""

    u: Array
    reactions: Array
    factor: Factor
    seconds: dict[str, float]

    def at(self, body: Body) -> Array:
        """Displacement of each node, (dim, nodes)."""
        return self.u.reshape(-1, body.kind.dim).T


def body(mesh: Mesh, material: Isotropic, kind: str, serendipity: bool = False) -> Body:
    """`serendipity`: 8-node quadrilaterals and 20-node hexahedra on the same mesh, instead of 9 and 27."""
    if kind not in KINDS or KINDS[kind].dim != mesh.dim():
        fitting = ", ".join(name for name, k in KINDS.items() if k.dim == mesh.dim())
        raise ModelError(f"elastic: kind {kind!r} on a {mesh.dim()}D mesh. Allowed: {fitting}. Correct the kind.")
    element = SERENDIPITY[mesh.dim()]() if serendipity else mesh.elem()
    basis = Basis(mesh, element, intorder=POINTS.get(type(element), 5 if mesh.dim() == 2 else 4))
    law, expansion = _law(material, kind)
    return Body(basis, kind, KINDS[kind], material, law, expansion)


def _law(m: Isotropic, kind: str) -> tuple[Array, Array]:
    e, nu, a = m.young_Pa, m.poisson, m.expansion_per_K
    if kind == "plane_stress":
        law = e / (1.0 - nu**2) * np.array([[1.0, nu, 0.0], [nu, 1.0, 0.0], [0.0, 0.0, (1.0 - nu) / 2.0]])
        return law, np.array([a, a, 0.0])
    direct = {"plane_strain": 2, "axisymmetric": 3, "solid": 3}[kind]
    size = len(KINDS[kind].components)
    law = np.diag([2.0 * m.shear_Pa] * direct + [m.shear_Pa] * (size - direct))
    law[:direct, :direct] += e * nu / ((1.0 + nu) * (1.0 - 2.0 * nu))
    along = a * (1.0 + nu) if kind == "plane_strain" else a
    return law, np.array([along] * direct + [0.0] * (size - direct))


def strains(body: Body, basis: Any, elements: slice = slice(None)) -> Array:
    """B (elements, points, s, nodes * dim) of `body`'s law at the points of `basis`. On the axis u_r / r is du_r / dr."""
    kind, count = body.kind, len(basis.basis)
    gradient = np.stack([np.asarray(b[0].grad)[:, elements] for b in basis.basis])  # node, direction, element, point
    value = np.stack([np.asarray(b[0])[elements] for b in basis.basis])
    shape = (*gradient.shape[2:], len(kind.components), count, kind.dim)
    found = np.zeros(shape)
    for row, component, direction in kind.rows:
        found[:, :, row, :, component] += np.moveaxis(gradient[:, direction], 0, -1)
    if kind.hoop is not None:
        r = np.asarray(basis.global_coordinates())[0][elements]
        reach = 1e-9 * float(np.ptp(body.nodes[0]))
        over = np.where(r > reach, value / np.where(r > reach, r, 1.0), gradient[:, 0])
        found[:, :, kind.hoop, :, 0] = np.moveaxis(over, 0, -1)
    return found.reshape(*shape[:3], count * kind.dim)


def weights(body: Body, basis: Any) -> Array:
    """Volume (or, for a facet basis, area) of each integration point, (elements, points)."""
    if body.kind.hoop is None:
        return np.asarray(basis.dx)
    return np.asarray(basis.dx) * 2.0 * np.pi * np.asarray(basis.global_coordinates())[0]


def element_unknowns(body: Body, basis: Any) -> NDArray[np.int32]:
    """(elements, nodes * dim)."""
    nodes, dim = np.asarray(basis.element_dofs).T, body.kind.dim
    return (dim * nodes[:, :, None] + np.arange(dim)).reshape(len(nodes), -1).astype(np.int32)


def blocks(body: Body) -> sparse.bsr_matrix:
    """K (n, n) [N/m], one dim x dim block for each pair of nodes."""
    basis, weight = body.basis, weights(body, body.basis)
    found = assembly.pattern(np.asarray(basis.element_dofs).T, basis.N)
    if body.kind.hoop is None:
        return assembly.isotropic(basis, found, weight, float(body.law[0, 1]), float(body.law[-1, -1]))
    dim, nodes = body.kind.dim, len(basis.basis)
    total = np.zeros((len(found.indices), dim, dim))
    for part in assembly.pieces(basis):
        b = strains(body, basis, part)
        size = b.shape[-1]
        stress = ((body.law @ b) * weight[part, :, None, None]).reshape(len(b), -1, size)
        each = (b.reshape(len(b), -1, size).transpose(0, 2, 1) @ stress).reshape(-1, nodes, dim, nodes, dim)
        for a, c in np.ndindex(dim, dim):
            found.added(each[:, :, a, :, c], part, total[:, a, c])
    return sparse.bsr_matrix((total, found.indices, found.indptr), shape=(body.unknowns, body.unknowns))


def stiffness(body: Body) -> sparse.csr_matrix:
    """K (n, n) [N/m]."""
    return sparse.csr_matrix(blocks(body))


def summed(body: Body, basis: Any, each: Array) -> Array:
    """(n,) of what every element, (elements, nodes * dim), adds to its unknowns."""
    found = np.bincount(element_unknowns(body, basis).ravel(), each.ravel(), body.unknowns)
    return found.astype(np.float64, copy=False)


def body_force(body: Body, density: Callable[[Array], Array]) -> Array:
    """f (n,) [N] of a force per volume; `density` maps points (dim, ...) to [N/m³] (dim, ...)."""
    return _gathered(body, body.basis, density(np.asarray(body.basis.global_coordinates())))


def traction(body: Body, where: Callable[[Array], NDArray[np.bool_]], force: Callable[[Array, Array], Array]) -> Array:
    """f (n,) [N] of a force per area on the boundary facets that lie where `where` holds; `force` takes points and normals."""
    mesh = body.basis.mesh
    facets = facets_where(mesh, where, "elastic")
    basis: Any = FacetBasis(mesh, body.basis.elem, facets=facets, intorder=5)
    return _gathered(body, basis, force(np.asarray(basis.global_coordinates()), np.asarray(basis.normals)))


def pressure(body: Body, where: Callable[[Array], NDArray[np.bool_]], pressure_Pa: float) -> Array:
    """f (n,) [N] of a pressure against the boundary there."""
    return traction(body, where, lambda _x, normal: -pressure_Pa * normal)


def force(body: Body, where: Callable[[Array], NDArray[np.bool_]], total_N: Array) -> Array:
    """f (n,) [N] of a force (dim,) spread evenly over the boundary there."""
    facets = facets_where(body.basis.mesh, where, "elastic")
    basis: Any = FacetBasis(body.basis.mesh, body.basis.elem, facets=facets, intorder=5)
    even = np.asarray(total_N, float) / float(np.sum(weights(body, basis)))
    return _gathered(body, basis, np.multiply.outer(even, np.ones(basis.dx.shape)))


def point_forces(body: Body, nodes: NDArray[np.intp], force: Array) -> Array:
    """f (n,) [N] of the force (dim,) at each of these nodes."""
    load = np.zeros((body.basis.N, body.kind.dim))
    load[nodes] += np.asarray(force, float)
    return load.ravel()


def _gathered(body: Body, basis: Any, density: Array) -> Array:
    """∫ N density: density (dim, elements, points) -> (n,)."""
    if not np.isfinite(density).all():
        bad = np.argwhere(~np.isfinite(density).all(axis=0))[0]
        place = np.asarray(basis.global_coordinates())[:, bad[0], bad[1]]
        raise ModelError(
            f"elastic: the load at {np.array2string(place, precision=4)} is no number. Allowed: finite. Correct it there."
        )
    value = np.stack([np.asarray(b[0]) for b in basis.basis])  # node, element, point
    each = np.einsum("iep,cep,ep->eic", value, density, weights(body, basis), optimize=True).reshape(value.shape[1], -1)
    return summed(body, basis, each)


def static(body: Body, fixed: Sequence[held.Support], load: Array, solver: str = "auto") -> Static:
    """Displacements under `load` (n,) or several loads (n, m). ModelError names the motions that supports leave free."""
    dofs, values = held.prescribed(body, fixed)
    held.check_held(body, dofs)
    if not np.isfinite(load).all():
        place = int(np.flatnonzero(~np.isfinite(load).reshape(len(load), -1).all(axis=1))[0])
        raise ModelError(f"elastic: the load on node {place // body.kind.dim} is no number. Allowed: finite. Correct the load.")
    begun = perf_counter()
    only = [blocks(body)]
    u = np.zeros(load.shape)
    u[dofs] = values if load.ndim == 1 else values[:, None]
    right = load - only[0] @ u
    right[dofs] = 0.0
    kept, motions = constrain.hold(only[0], dofs), held.rigid_motions(body)
    motions[dofs] = 0.0
    assembled = perf_counter()
    factor = factorize(only.pop(), near_null=motions, solver=solver, held=len(dofs))
    factored = perf_counter()
    u += factor.solve(right) if load.ndim == 1 else np.column_stack([factor.solve(column) for column in right.T])
    u[dofs] = values if load.ndim == 1 else values[:, None]
    seconds = {"assembly": assembled - begun, "factor": factored - assembled, "solve": perf_counter() - factored}
    return Static(u, kept.reactions(u, load), factor, seconds)
