"""Structured meshes of nine-node quadrilaterals and 27-node hexahedra, whose every node lies on the true geometry.

A block is a unit square or cube, a number of elements along each side, and a map from it to space. Blocks that touch must agree
on the nodes of their common side; `join` merges those. Mid-side nodes lie where the block's own map puts them.
Verified: tests/verify/test_fe_elastic.py (area and patch test on curved meshes), tests/verify/test_fe_input.py (inverted elements).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skfem import MeshHex1, MeshHex2, MeshQuad1, MeshQuad2
from skfem.mesh import Mesh
from skfem.quadrature import get_quadrature

from didymos.core.errors import ModelError

Array = NDArray[np.float64]
Map = Callable[[Array], Array]
FLAT = 1e-9  # volume over the cube of the size: less is flat
MERGE = 1e-9  # of the mesh's extent: vertices closer than this are one


@dataclass(frozen=True, slots=True)
class Block:
    """Unit square or cube cut at `cuts` (one rising array from 0 to 1 per side), and its map (dim, n) -> (dim, n) to space."""

    cuts: tuple[Array, ...]
    to_space: Map


def block(shape: Sequence[int], to_space: Map, grading: Sequence[float] | None = None) -> Block:
    """Equal elements along each side; `grading` g > 1 makes the last element of a side g times as long as its first."""
    ratios = grading or [1.0] * len(shape)
    return Block(tuple(graded(n, g) for n, g in zip(shape, ratios, strict=True)), to_space)


def graded(count: int, ratio: float) -> Array:
    """`count` + 1 cuts from 0 to 1. They are a smooth function of the index, so that doubling `count` nests the meshes."""
    if count < 1 or not ratio > 0.0:
        raise ModelError(
            f"mesh: {count} elements graded by {ratio}. Allowed: at least 1 element, a positive ratio. Correct the block."
        )
    s = np.linspace(0.0, 1.0, count + 1)
    return s if ratio == 1.0 else np.expm1(s * np.log(ratio)) / (ratio - 1.0)


def box(shape: Sequence[int], size: Sequence[float]) -> Mesh:
    """A rectangle or cuboid from the origin."""
    lengths = np.array(size, float)[:, None]
    return join([block(shape, lambda s: s * lengths)])


def join(blocks: Sequence[Block]) -> Mesh:
    """One quadratic mesh of all blocks; ModelError when an element is inverted or two blocks disagree on a common side."""
    parts = [_linear(b) for b in blocks]
    points = np.concatenate([b.to_space(part.p) for b, part in zip(blocks, parts, strict=True)], axis=1)
    first, same = _merged(points)
    offsets = np.cumsum([0, *(part.p.shape[1] for part in parts[:-1])])
    t = same[np.concatenate([part.t + offset for part, offset in zip(parts, offsets, strict=True)], axis=1)]
    flat, curved = (MeshQuad1, MeshQuad2) if len(points) == 2 else (MeshHex1, MeshHex2)
    mesh = curved.from_mesh(flat(np.ascontiguousarray(points[:, first]), np.ascontiguousarray(t)))
    nodes = _placed(mesh, blocks, parts)
    return checked(curved(nodes, mesh.t))


def facets_where(mesh: Mesh, where: Callable[[Array], NDArray[np.bool_]], who: str) -> NDArray[np.intp]:
    """Boundary facets whose every vertex fulfils `where`; ModelError when there is none."""
    boundary = mesh.boundary_facets()
    corners = np.asarray(mesh.facets)[:, boundary]
    chosen = np.asarray(where(mesh.p))[corners].all(axis=0)
    if not chosen.any():
        low, high = mesh.p.min(axis=1), mesh.p.max(axis=1)
        raise ModelError(
            f"{who}: no boundary facet lies in the region asked for; the body reaches from {np.array2string(low, precision=4)} to "
            f"{np.array2string(high, precision=4)} m. Correct the region or its units."
        )
    return boundary[chosen]


def checked(mesh: Mesh) -> Mesh:
    """The mesh itself; ModelError naming the elements whose map to space folds over or is flat, or a node that is no number."""
    if not np.isfinite(mesh.doflocs).all():
        bad = np.flatnonzero(~np.isfinite(mesh.doflocs).all(axis=0))
        raise ModelError(f"mesh: node {bad[0]} has no finite position ({len(bad)} such). Correct the geometry's map.")
    slopes = np.asarray(mesh.mapping().DF(get_quadrature(mesh.elem.refdom, 4)[0]))
    volume = np.linalg.det(np.moveaxis(slopes, (0, 1), (2, 3)))
    simplex = mesh.t.shape[0] == mesh.dim() + 1  # scikit-fem sorts their corners: sense says nothing, a change of it does
    sense = np.sign(volume[:, :1] if simplex else np.median(volume))
    size = np.ptp(mesh.p[:, mesh.t], axis=1).max(axis=0)[:, None] ** mesh.dim()
    bad = np.flatnonzero((volume * sense <= FLAT * size).any(axis=1))
    if len(bad):
        middle = mesh.p[:, mesh.t[:, bad[0]]].mean(axis=1)
        raise ModelError(
            f"mesh: {len(bad)} of {mesh.nelements} elements are inverted or flat, the first is {bad[0]} near "
            f"{np.array2string(middle, precision=4)}. Allowed: a positive Jacobian everywhere. "
            "Correct node order or geometry there."
        )
    return mesh


def _linear(part: Block) -> Mesh:
    kind = MeshQuad1 if len(part.cuts) == 2 else MeshHex1
    return kind.init_tensor(*part.cuts)


def _merged(points: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the points kept, and for every point its place among them."""
    from scipy.spatial import KDTree

    reach = MERGE * float(np.ptp(points, axis=1).max())
    pairs = KDTree(points.T).query_pairs(reach, output_type="ndarray")
    keep = np.arange(points.shape[1])
    for low, high in pairs[np.argsort(pairs[:, 1], kind="stable")] if len(pairs) else ():
        keep[high] = min(keep[high], keep[low])
    return np.unique(keep, return_inverse=True)


def _placed(mesh: Mesh, blocks: Sequence[Block], parts: Sequence[Mesh]) -> Array:
    """Every node of every element by its own block's map; two blocks must give a shared node one place."""
    local, dofs = mesh.elem.doflocs.T, mesh.dofs.element_dofs
    nodes, given = np.empty_like(mesh.doflocs), np.zeros(mesh.doflocs.shape[1], bool)
    reach, begin = MERGE * 1e2 * float(np.ptp(mesh.p, axis=1).max()), 0
    for part_block, part in zip(blocks, parts, strict=True):
        for column, corner in enumerate(local.T):
            inside = np.asarray(part.mapping().F(corner[:, None]))[:, :, 0]
            places, at = part_block.to_space(inside), dofs[column, begin : begin + part.nelements]
            off = np.abs(nodes[:, at] - places).max(axis=0)
            if (given[at] & (off > reach)).any():
                raise ModelError("mesh: two blocks put one shared mid-side node in two places. Give them one curve on that side.")
            nodes[:, at], given[at] = places, True
        begin += part.nelements
    return nodes
