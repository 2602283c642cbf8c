"""Stress modes: one elastic answer for each thermal mode and each unit force, on one factor; stress is then a sum of them.

    K u_i = ∫ Bᵀ D α φ_i      σ_i = D (B u_i - α φ_i)        σ(t) = Σ a_i(t) σ_i + Σ F_j(t) σ_j

The body stands on springs (a joint of finite stiffness), so that supports make no stress of their own. The elastic mesh may be
coarser than the thermal one, where each of its nodes is one of the thermal nodes: modes are then taken over at those.
Source: Boley & Weiner, Theory of Thermal Stresses, chapter 1. Verified: tests/verify/test_rom.py (against numerics.fe.elastic).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree
from skfem import Basis, MeshHex2

from didymos.core.errors import ModelError
from didymos.numerics.fe.elastic import Body, body, element_unknowns, stiffness, strains, weights
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.solve import Factor, factorize
from didymos.numerics.rom.affine import direct
from didymos.numerics.rom.facets import facets_of

Array = NDArray[np.float64]
CHUNK = 500  # elements whose strains are in memory at once
Pressure = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Joint:
    """Facets on springs of this stiffness per area, the same in every direction [N/m³]."""

    facets: NDArray[np.intp]
    stiffness_N_m3: float


@dataclass(frozen=True, slots=True)
class Standing:
    """An elastic body on its joint, ready for loads (n,) or (n, m)."""

    body: Body
    factor: Factor


def standing(mesh: MeshHex2, material: Isotropic, joint: Joint) -> Standing:
    """20-node hexahedra on `mesh`. ModelError when the joint holds nothing."""
    if not (joint.stiffness_N_m3 > 0.0 and len(joint.facets)):
        raise ModelError(
            f"rom: a joint of {joint.stiffness_N_m3:g} N/m3 on {len(joint.facets)} facets. Allowed: above 0 on at least one facet. "
            "Give the surface the body stands on."
        )
    made = body(mesh, material, "solid", serendipity=True)
    springs = sparse.kron(joint.stiffness_N_m3 * facets_of(mesh, made.basis, joint.facets).product(), sparse.eye(3))
    return Standing(made, factorize(sparse.csr_matrix(stiffness(made) + springs), solver=direct()))


def cosine_pressure(mesh: MeshHex2, body_: Body, facets: NDArray[np.intp], toward: float) -> Array:
    """f (n,) of 1 N that a bearing presses along x into its seat around z: on the half it leans on, as the cosine of the angle."""
    on = facets_of(mesh, body_.basis, facets)
    size = np.maximum(-toward * on.normal[:, 0], 0.0)  # the solid's normal points to the axis
    load = np.stack([on.gathered(-on.normal[:, c] * size) for c in range(3)], axis=1)
    return (load / (toward * load[:, 0].sum())).ravel()


def taken_over(fine: Array, mesh: MeshHex2, modes: Array) -> Array:
    """Modes (n, r) at the nodes of a coarser `mesh`, each of which must be one of the nodes `fine` (3, n)."""
    gap, row = KDTree(fine.T).query(np.asarray(mesh.doflocs).T)
    if gap.max() > 1e-9 * float(np.ptp(fine, axis=1).max()):
        raise ModelError(f"rom: a node of the elastic mesh is {gap.max():.2e} m off every thermal node. Use meshes that nest.")
    return modes[row]


def elastic_answers(stand: Standing, rise: Array, forces: Array) -> Array:
    """u (n, r + F) for the temperature rises (nodes of 27-node hexahedra, r) and the force vectors (n, F)."""
    return stand.factor.solve(np.hstack([thermal_loads(stand.body, rise), forces]))


def _rise_at(made: Body, basis: Any, rise: Array) -> tuple[Array, NDArray[np.intp]]:
    """Shape functions (27, points) of the temperature at the points of `basis`, and its nodes (elements, 27)."""
    mesh = made.basis.mesh
    field: Any = Basis(mesh, mesh.elem(), quadrature=basis.quadrature)
    if len(rise) != field.N:
        raise ModelError(f"rom: {len(rise)} temperatures for {field.N} nodes. Give one row per node.")
    return np.stack([np.asarray(b[0])[0] for b in field.basis]), np.asarray(field.element_dofs).T


def thermal_loads(made: Body, rise: Array) -> Array:
    """(n, r)."""
    shape, nodes = _rise_at(made, made.basis, rise)
    direction, weight = made.law @ made.expansion, weights(made, made.basis)
    places = element_unknowns(made, made.basis)
    found = np.zeros((made.unknowns, rise.shape[1]))
    for begin in range(0, len(places), CHUNK):
        part = slice(begin, begin + CHUNK)
        push = np.einsum("epsj,s,ep->epj", strains(made, made.basis, part), direction, weight[part], optimize=True)
        warm = np.einsum("ip,eir->epr", shape, rise[nodes[part]], optimize=True)
        each = np.matmul(push.transpose(0, 2, 1), warm).reshape(-1, rise.shape[1])
        gather = sparse.csr_matrix(
            (np.ones(places[part].size), (places[part].ravel(), np.arange(places[part].size))), (made.unknowns, len(each))
        )
        found += gather @ each
    return found


def stress_modes(stand: Standing, u: Array, rise: Array, vertices: NDArray[np.intp]) -> Array:
    """σ (6, len(vertices), r + F) [Pa]: mean of what the touching elements say at each vertex. The last F answers have no rise."""
    made = stand.body
    mesh = made.basis.mesh
    corners = np.ascontiguousarray(np.asarray(mesh.elem.refdom.p, float))
    basis: Any = Basis(mesh, made.basis.elem, quadrature=(corners, np.ones(corners.shape[1])))
    wanted = np.full(int(mesh.t.max()) + 1, -1)
    wanted[vertices] = np.arange(len(vertices))
    place, t = element_unknowns(made, basis), np.asarray(mesh.t).T
    total, count = np.zeros((len(vertices), 6 * u.shape[1])), np.zeros(len(vertices))
    warm = np.zeros((len(rise), u.shape[1]))
    warm[:, : rise.shape[1]] = rise
    for begin in range(0, len(place), CHUNK):
        part = slice(begin, begin + CHUNK)
        row = wanted[t[part]].ravel()
        b = strains(made, basis, part)
        strain = np.matmul(b.reshape(len(b), -1, b.shape[-1]), u[place[part]]).reshape(*b.shape[:3], -1)
        strain = strain - made.expansion[:, None] * warm[t[part]][:, :, None, :]
        each = np.einsum("st,ectm->ecsm", made.law, strain, optimize=True).reshape(row.size, -1)[row >= 0]
        here = row[row >= 0]
        total += sparse.csr_matrix((np.ones(len(here)), (here, np.arange(len(here)))), (len(vertices), len(here))) @ each
        count += np.bincount(here, minlength=len(vertices))
    return np.ascontiguousarray((total / count[:, None]).reshape(len(vertices), 6, -1).transpose(1, 0, 2))
