"""Solid meshes that came from elsewhere, as plain arrays: checked, then as scikit-fem meshes.

    Raw(nodes (n, 3) [m], elements (e, k), family)   ->   solid(raw)

`elements` in the order that CalculiX, Abaqus, VTK and meshio share (`order.FAMILIES`). Refused by name: nodes that are missing or
no number, inverted or flat elements, doubled elements, faces of three or more elements. Verified: tests/verify/test_fe_imported.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfem import MeshHex1, MeshHex2, MeshTet1, MeshTet2
from skfem.mesh import Mesh

from didymos.core.errors import ModelError
from didymos.numerics.fe import order
from didymos.numerics.fe.mesh import FLAT, checked

Array = NDArray[np.float64]
FACES = {
    4: ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)),
    8: tuple(map(tuple, ((0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)))),
}
KINDS: dict[str, tuple[type[Mesh], type[Mesh] | None]] = {
    "tet4": (MeshTet1, None),
    "tet10": (MeshTet1, MeshTet2),
    "hex8": (MeshHex1, None),
    "hex20": (MeshHex1, MeshHex2),
    "hex27": (MeshHex1, MeshHex2),
}


@dataclass(frozen=True, slots=True)
class Raw:
    """What a mesh file or a mesher says: nodes (n, 3) [m], elements (e, k) with nodes from 0, their family."""

    nodes: Array
    elements: NDArray[np.int64]
    family: str


def solid(raw: Raw) -> Mesh:
    """ModelError names what is wrong, where, and what to do."""
    if raw.family not in KINDS:
        raise ModelError(f"mesh: elements {raw.family!r}. Allowed: {', '.join(KINDS)}. Export the mesh with one of these.")
    if len(raw.elements) == 0:
        raise ModelError("mesh: it holds no solid element. Allowed: at least one. Export volume elements, not only surfaces.")
    _check_numbers(raw)
    corners = 4 if raw.family.startswith("tet") else 8
    _check_sense(raw, corners)
    _check_faces(raw, corners)
    used, t = np.unique(raw.elements[:, :corners], return_inverse=True)
    t = t.reshape(-1, corners).T
    flat, curved = KINDS[raw.family]
    theirs = np.array([order.FAMILIES["tet4" if corners == 4 else "hex8"]]).reshape(corners, 3)
    mine = np.abs(np.asarray(flat.elem.refdom.p).T[:, None] - theirs[None]).max(axis=2).argmin(axis=1)
    mesh = flat(np.ascontiguousarray(raw.nodes[used].T), np.ascontiguousarray(t[mine]))
    return checked(mesh if curved is None else _bent(curved, mesh, raw))


def _bent(curved: Any, flat: Mesh, raw: Raw) -> Mesh:
    """Mid-side nodes to the places that the file gives them."""
    mesh = curved.from_mesh(flat)
    given = raw.nodes[raw.elements]
    if raw.family == "hex20":
        given = np.concatenate([given, _hex20_inside(given)], axis=1)
    family = "hex27" if raw.family == "hex20" else raw.family
    places = np.array(order.FAMILIES[family])
    local = np.abs(np.asarray(mesh.elem.doflocs)[:, None] - places[None]).max(axis=2).argmin(axis=1)
    nodes = mesh.doflocs.copy()
    nodes[:, np.asarray(mesh.dofs.element_dofs)] = given[:, local].transpose(2, 1, 0)
    return curved(nodes, mesh.t)


def _hex20_inside(given: Array) -> Array:
    """Middles of faces and of the element where 20 nodes put them, (e, 7, 3)."""
    places = np.array(order.FAMILIES["hex20"])
    rows = []
    for inner in order.FAMILIES["hex27"][20:]:
        on = np.array([[abs(p - q) < 0.25 if q != 0.5 else True for p, q in zip(place, inner, strict=True)] for place in places])
        mine = on.all(axis=1)
        corner = mine & (np.arange(20) < 8)
        rows.append(np.where(corner, -0.25, np.where(mine, 0.5 if mine.sum() == 8 else 0.25, 0.0)))
    return np.einsum("fn,end->efd", np.array(rows), given)


def _check_numbers(raw: Raw) -> None:
    width = len(order.FAMILIES[raw.family])
    if raw.elements.shape[1] != width:
        raise ModelError(
            f"mesh: {raw.elements.shape[1]} nodes an element. Allowed: {width} for {raw.family}. Correct the elements."
        )
    low, high = int(raw.elements.min()), int(raw.elements.max())
    if low < 0 or high >= len(raw.nodes):
        raise ModelError(
            f"mesh: elements use node {high if high >= len(raw.nodes) else low}; there are {len(raw.nodes)} nodes from 0."
        )
    bad = np.flatnonzero(~np.isfinite(raw.nodes[np.unique(raw.elements)]).all(axis=1))
    if len(bad):
        raise ModelError(f"mesh: node {np.unique(raw.elements)[bad[0]]} has no finite position ({len(bad)} such). Export it again.")


def _check_sense(raw: Raw, corners: int) -> None:
    p = raw.nodes[raw.elements[:, :corners]]
    away = (1, 2, 3) if corners == 4 else (1, 3, 4)
    edges = p[:, away] - p[:, :1]
    volume, size = np.linalg.det(edges), np.ptp(p, axis=1).max(axis=1) ** 3
    bad = np.flatnonzero(volume <= FLAT * size)
    if len(bad):
        where = np.array2string(p[bad[0]].mean(axis=0), precision=4)
        raise ModelError(
            f"mesh: {len(bad)} of {len(p)} elements are inverted or flat, the first is {bad[0]} near {where}. "
            "Allowed: positive volume. Mesh again, finer there, or correct the order of nodes."
        )


def _check_faces(raw: Raw, corners: int) -> None:
    """A face belongs to one or two elements."""
    faces = np.sort(np.concatenate([raw.elements[:, list(face)] for face in FACES[corners]]), axis=1)
    kinds, counts = np.unique(faces, axis=0, return_counts=True)
    bad = kinds[counts > 2]
    if len(bad):
        where = np.array2string(raw.nodes[bad[0]].mean(axis=0), precision=4)
        raise ModelError(
            f"mesh: it is not manifold: {len(bad)} faces belong to three or more elements, the first near {where}. "
            "Allowed: one or two. Remove doubled elements, or overlapping solids in the CAD model."
        )
