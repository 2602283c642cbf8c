"""Nodes of an element in the order that other programs use: CalculiX, Abaqus, VTK and gmsh's readers agree on it up to 20 nodes.

scikit-fem numbers nodes its own way; here each is found by its place in the reference element. `FAMILIES`: name -> places.
Verified: tests/verify/test_fe_calculix.py (against CalculiX), tests/formats/test_vtu.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError

Array = NDArray[np.float64]


def _middles(corners: list[tuple[float, ...]], edges: str) -> list[tuple[float, ...]]:
    ends = [tuple(map(int, pair)) for pair in edges.split()]
    return [tuple((a + b) / 2.0 for a, b in zip(corners[i], corners[j], strict=True)) for i, j in ends]


TRIANGLE = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
SQUARE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
TETRAHEDRON = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
CUBE = [(*c, 0.0) for c in SQUARE] + [(*c, 1.0) for c in SQUARE]
CUBE_20 = CUBE + _middles(CUBE, "01 12 23 30 45 56 67 74 04 15 26 37")
FACES = [(0.0, 0.5, 0.5), (1.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 1.0, 0.5), (0.5, 0.5, 0.0), (0.5, 0.5, 1.0)]  # VTK's order
SQUARE_8 = SQUARE + _middles(SQUARE, "01 12 23 30")
FAMILIES: dict[str, list[tuple[float, ...]]] = {
    "tri3": [*TRIANGLE],
    "tri6": TRIANGLE + _middles([*TRIANGLE], "01 12 20"),
    "quad4": [*SQUARE],
    "quad8": [*SQUARE_8],
    "quad9": [*SQUARE_8, (0.5, 0.5)],
    "tet4": [*TETRAHEDRON],
    "tet10": TETRAHEDRON + _middles([*TETRAHEDRON], "01 12 20 03 13 23"),
    "hex8": [*CUBE],
    "hex20": [*CUBE_20],
    "hex27": [*CUBE_20, *FACES, (0.5, 0.5, 0.5)],
}


def family(basis: Any) -> str:
    """Name of the basis' elements; ModelError for one that no other program here reads."""
    places = _places(basis)
    for name, wanted in FAMILIES.items():
        if places.shape == (len(wanted), len(wanted[0])) and _order(places, np.array(wanted)) is not None:
            return name
    raise ModelError(
        f"elements of {len(places)} nodes in {places.shape[1]} dimensions are not known. Allowed: {', '.join(FAMILIES)}."
    )


def elements(basis: Any) -> NDArray[np.int64]:
    """Nodes of each element in the common order, (elements, nodes), turned where needed so that volumes are positive."""
    name = family(basis)
    order = _order(_places(basis), np.array(FAMILIES[name]))
    nodes = np.asarray(basis.element_dofs, np.int64).T[:, order]
    inside = np.linalg.det(np.moveaxis(np.asarray(basis.mapping.DF(basis.X)), (0, 1), (2, 3)))[:, 0] < 0.0
    if inside.any():
        nodes[inside] = nodes[inside][:, _order(_swapped(name), np.array(FAMILIES[name]))]
    return nodes


def _places(basis: Any) -> Array:
    element = basis.elem
    corners = np.asarray(element.refdom.p, float).T
    return np.asarray(element.doflocs, float) if element.doflocs is not None else corners


def _order(given: Array, wanted: Array) -> Any:
    """Index into `given` of each wanted place; None when one is missing."""
    if given.shape[1] != wanted.shape[1]:
        return None
    gap = np.abs(given[:, None] - wanted[None]).max(axis=2)
    return None if gap.min(axis=0).max() > 1e-9 else gap.argmin(axis=0)


def _swapped(name: str) -> Array:
    """The reference places of a family with the first two axes exchanged: the same element, seen from its other side."""
    places = np.array(FAMILIES[name])
    return places[:, [1, 0, *range(2, places.shape[1])]]
