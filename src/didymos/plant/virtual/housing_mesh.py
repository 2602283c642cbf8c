"""The spindle housing of the virtual line as a body: bilinear finite elements in (r, angle, z), a full model of its own.

    C dT/dt + K T = sources        K = k ∫ (u_r v_r + u_a v_a / r^2 + u_z v_z) r dr da dz, C and surface areas lumped to the nodes

The drawing is the one that everybody has; mesh, elements and code are not the twin's. On a polar grid an element's matrix is a sum
of products of three small ones, exact, and circles stay circles. Grooves between the ribs are one sector wide, as are the ribs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
# drawing 7014-HSG: radii and lengths [m], and how often each zone is cut
RADII, R_CUTS = (0.0475, 0.055, 0.062, 0.075, 0.088, 0.110), (1, 1, 2, 1, 2)
LENGTHS, Z_CUTS = (0.0, 0.024, 0.052, 0.080, 0.170, 0.198, 0.230), (2, 2, 2, 5, 2, 2)
SECTORS, WALL = 20, 3
INNERMOST = (1, 1, 2, 2, 2, 0)  # radial zone that the bore ends at, along the axis
AREAS = ("front_seat", "rear_seat", "stator", "jacket", "air", "flange")


@dataclass(frozen=True, slots=True)
class Body:
    """place (n, 3): r, angle, z of each node; per_k: K for k = 1 W/(m K); volume (n,) m3; area (n,) m2 of each of `AREAS`;
    node (R, A, Z): number of each grid point, -1 outside the metal."""

    place: Array
    per_k: sparse.csc_matrix
    volume: Array
    area: dict[str, Array]
    node: NDArray[np.int64]
    cuts: tuple[Array, Array, Array]


@lru_cache(maxsize=1)
def body() -> Body:
    r, ring = _cuts(RADII, R_CUTS)
    z, slab = _cuts(LENGTHS, Z_CUTS)
    angle = np.linspace(0.0, 2.0 * np.pi, SECTORS + 1)
    cell = _solid(ring[:, None, None], np.arange(SECTORS)[None, :, None], slab[None, None, :])
    i, j, k = np.nonzero(cell)
    corner = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    grid = ((i + corner[:, :1]), (j + corner[:, 1:2]) % SECTORS, (k + corner[:, 2:]))
    flat = np.ravel_multi_index(grid, (len(r), SECTORS, len(z)))  # (8, cells)
    used, t = np.unique(flat, return_inverse=True)
    t = t.reshape(flat.shape)
    node = np.full((len(r), SECTORS, len(z)), -1)
    node.ravel()[used] = np.arange(len(used))
    local, mass = _elements(r, z, i, k)
    rows, columns = np.repeat(t, 8, axis=0), np.tile(t, (8, 1))
    per_k = sparse.csc_matrix((local.reshape(len(i), 64).T.ravel(), (rows.ravel(), columns.ravel())), (len(used),) * 2)
    volume = np.bincount(t.ravel(), np.repeat(mass[None] / 8.0, 8, axis=0).ravel(), len(used)).astype(np.float64)
    at = np.unravel_index(used, (len(r), SECTORS, len(z)))
    place = np.stack([r[at[0]], angle[at[1]], z[at[2]]], axis=1)
    return Body(place, per_k, volume, _areas(cell, node, r, z, ring, slab), node, (r, angle, z))


def _cuts(edges: tuple[float, ...], counts: tuple[int, ...]) -> tuple[Array, NDArray[np.int64]]:
    pieces = [np.linspace(a, b, n + 1)[1:] for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    return np.concatenate([[edges[0]], *pieces]), np.repeat(np.arange(len(counts)), counts)


def _solid(ring: NDArray[np.int64], sector: NDArray[np.int64], slab: NDArray[np.int64]) -> NDArray[np.bool_]:
    rib = (ring == WALL) & (slab == 3) & (sector % 2 == 0)
    return (ring >= np.array(INNERMOST)[slab]) & ((ring < WALL) | (slab == 0) | rib)


def _elements(r: Array, z: Array, i: NDArray[np.int64], k: NDArray[np.int64]) -> tuple[Array, Array]:
    """(cells, 8, 8) for k = 1, and volumes (cells,). Corners in the order of `corner`: r outermost, z innermost."""
    a, b, wide, tall = r[i], r[i + 1], 2.0 * np.pi / SECTORS, z[k + 1] - z[k]
    h, middle = b - a, 0.5 * (a + b)
    log_ = np.log(b / a)
    steep = middle[:, None, None] / h[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]])
    held = (
        h[:, None, None]
        / 12.0
        * (a[:, None, None] * np.array([[3.0, 1.0], [1.0, 1.0]]) + b[:, None, None] * np.array([[1.0, 1.0], [1.0, 3.0]]))
    )
    low = (b * b * log_ - 2.0 * b * h + 0.5 * (b * b - a * a)) / h**2
    high = (a * a * log_ - 2.0 * a * h + 0.5 * (b * b - a * a)) / h**2
    mixed = ((a + b) * h - a * b * log_ - 0.5 * (b * b - a * a)) / h**2
    over = np.stack([np.stack([low, mixed], 1), np.stack([mixed, high], 1)], 1)
    flat = lambda size: size[:, None, None] / 6.0 * np.array([[2.0, 1.0], [1.0, 2.0]])  # noqa: E731
    slope = lambda size: 1.0 / size[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]])  # noqa: E731
    turn = np.full(len(i), wide)
    kron = lambda x, y, w: np.einsum("eab,ecd,efg->eacfbdg", x, y, w).reshape(-1, 8, 8)  # noqa: E731
    local = kron(steep, flat(turn), flat(tall)) + kron(over, slope(turn), flat(tall)) + kron(held, flat(turn), slope(tall))
    return local, middle * h * wide * tall


def _areas(
    cell: NDArray[np.bool_], node: NDArray[np.int64], r: Array, z: Array, ring: NDArray[np.int64], slab: NDArray[np.int64]
) -> dict[str, Array]:
    """Every face between metal and nothing, a quarter to each corner, under the name of what it sees; bore steps see nothing."""
    area = {name: np.zeros(int(node.max()) + 1) for name in AREAS}
    turn = 2.0 * np.pi / SECTORS
    for i, j, k in zip(*np.nonzero(cell), strict=True):
        near = 0.5 * (r[i] + r[i + 1])
        for axis, way in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)):
            beyond = [i, j, k]
            beyond[axis] += 2 * way - 1
            if axis == 1:
                beyond[1] %= SECTORS
            if 0 <= beyond[axis] < cell.shape[axis] and cell[tuple(beyond)]:
                continue
            name = _sees(axis, way, int(ring[i]), int(slab[k]), float(r[i + way]), float(z[k + way]))
            if not name:
                continue
            size = (r[i + way] * turn * (z[k + 1] - z[k]), (r[i + 1] - r[i]) * (z[k + 1] - z[k]), (r[i + 1] - r[i]) * near * turn)
            spans = [[i, i + 1], [j, (j + 1) % SECTORS], [k, k + 1]]
            spans[axis] = [spans[axis][way]]
            for corner in node[np.ix_(*spans)].ravel():
                area[name][corner] += size[axis] / 4.0
    return area


def _sees(axis: int, way: int, zone: int, slab: int, r: float, z: float) -> str:
    if axis == 2 and z == 0.0:
        return "flange" if zone >= 2 else ""
    if axis == 0 and way == 0:
        return {0: "front_seat", 1: "front_seat", 2: "stator", 3: "stator", 4: "stator", 5: "rear_seat"}[slab]
    jacket = slab in (2, 3, 4) and (r < RADII[4] or axis == 1) and axis != 2
    if jacket and zone >= 2:
        return "jacket"
    return "air" if zone >= 2 or z == LENGTHS[-1] else ""


def weights(b: Body, r: Array, angle: Array, z: Array) -> sparse.csr_matrix:
    """(m, n): temperature at points of the metal from the nodes around them, linear in r, angle and z. A point in a groove or
    outside takes the nearest metal of its element."""
    edges = (b.cuts[0], np.append(b.cuts[1][:-1], 2.0 * np.pi), b.cuts[2])
    lower, share = [], []
    for edge, at in zip(edges, (r, np.mod(angle, 2.0 * np.pi), z), strict=True):
        place = np.clip(np.searchsorted(edge, at + 1e-9, side="right") - 1, 0, len(edge) - 2)
        lower.append(place)
        share.append(np.clip((at - edge[place]) / (edge[place + 1] - edge[place]), 0.0, 1.0))
    rows, columns, values = [], [], []
    for corner in range(8):
        up = [(corner >> bit) & 1 for bit in (2, 1, 0)]
        at = b.node[lower[0] + up[0], (lower[1] + up[1]) % SECTORS, lower[2] + up[2]]
        part = np.prod([np.where(u, s, 1.0 - s) for u, s in zip(up, share, strict=True)], axis=0)
        there = (at >= 0) & (part > 1e-12)
        rows.append(np.flatnonzero(there))
        columns.append(at[there])
        values.append(part[there])
    found = sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (len(r), len(b.place)))
    total = np.asarray(found.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags_array(1.0 / np.where(total > 0.0, total, np.nan)) @ found)
