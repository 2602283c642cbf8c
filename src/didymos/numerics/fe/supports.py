"""Supports, and which rigid motions they leave free: a body that can float has no static answer, and is told so by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from didymos.core.errors import ModelError

if TYPE_CHECKING:
    from didymos.numerics.fe.elastic import Body

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Support:
    """Displacement `value` [m] of `component` (0, 1, 2) at `nodes`; value is one number or one per node."""

    nodes: NDArray[np.intp]
    component: int
    value: float | Array = 0.0


def nodes_where(body: Body, where: Callable[[Array], NDArray[np.bool_]]) -> NDArray[np.intp]:
    """Nodes whose coordinates (dim, n) fulfil `where`; ModelError when there is none."""
    found = np.flatnonzero(where(body.nodes))
    if len(found) == 0:
        low, high = body.nodes.min(axis=1), body.nodes.max(axis=1)
        raise ModelError(
            f"supports: no node lies in the region asked for; the body reaches from {np.array2string(low, precision=4)} to "
            f"{np.array2string(high, precision=4)} m. Correct the region or its units."
        )
    return found


def plane(body: Body, axis: int, at: float) -> NDArray[np.intp]:
    """Nodes on the plane coordinate[axis] = at."""
    reach = 1e-9 * float(np.ptp(body.nodes, axis=1).max())
    return nodes_where(body, lambda x: np.abs(x[axis] - at) < reach)


def node_at(body: Body, point: Sequence[float]) -> int:
    """The node at `point`; ModelError when none lies there."""
    reach = 1e-6 * float(np.ptp(body.nodes, axis=1).max())
    return int(nodes_where(body, lambda x: np.linalg.norm(x - np.array(point)[:, None], axis=0) < reach)[0])


def prescribed(body: Body, fixed: Sequence[Support]) -> tuple[NDArray[np.intp], Array]:
    """Unknowns that are given, and their values; ModelError when two supports contradict each other."""
    given: dict[int, float] = {}
    for support in fixed:
        if not 0 <= support.component < body.kind.dim:
            raise ModelError(f"supports: component {support.component}. Allowed: 0 to {body.kind.dim - 1}. Correct the support.")
        values = np.broadcast_to(np.asarray(support.value, float), support.nodes.shape)
        if not np.isfinite(values).all():
            raise ModelError("supports: a prescribed displacement is no number. Allowed: finite. Correct the support.")
        for dof, value in zip((body.kind.dim * support.nodes + support.component).tolist(), values.tolist(), strict=True):
            if abs(given.setdefault(dof, value) - value) > 1e-12 * max(1.0, abs(value)):
                node = dof // body.kind.dim
                raise ModelError(f"supports: node {node} is given {given[dof]:g} and {value:g} m at once. Leave one of them.")
    dofs = np.array(sorted(given), dtype=np.intp)
    return dofs, np.array([given[dof] for dof in dofs.tolist()])


def rigid_motions(body: Body) -> Array:
    """(n, r): translations, then rotations about the body's middle scaled to its size. Axisymmetric: only along z."""
    x = body.nodes - body.nodes.mean(axis=1, keepdims=True)
    x = x / max(float(np.abs(x).max()), 1e-300)
    if body.kind.hoop is not None:
        return np.tile([0.0, 1.0], x.shape[1])[:, None]
    moves = [np.tile(row, (x.shape[1], 1)) for row in np.eye(body.kind.dim)]
    axes = [(0, 1)] if body.kind.dim == 2 else [(1, 2), (2, 0), (0, 1)]
    for a, b in axes:  # rotation from a towards b
        turn = np.zeros((x.shape[1], body.kind.dim))
        turn[:, a], turn[:, b] = -x[b], x[a]
        moves.append(turn)
    return np.stack([m.ravel() for m in moves], axis=1)


def check_held(body: Body, dofs: NDArray[np.intp]) -> None:
    """ModelError naming the rigid motions that the given unknowns leave free, for each separate piece of the mesh."""
    motions, dim = rigid_motions(body), body.kind.dim
    pieces, of_node = _pieces(body)
    for piece in range(pieces):
        mine = dofs[of_node[dofs // dim] == piece]
        free = _null(motions[mine]) if len(mine) else np.eye(motions.shape[1])
        if free.shape[1]:
            part = f"piece {piece + 1} of {pieces}" if pieces > 1 else "the body"
            raise ModelError(
                f"supports: {part} is free to move: {', '.join(_named(body, free))}. "
                "Allowed: supports that hold every rigid motion. Fix further components, or use symmetry planes."
            )


def _pieces(body: Body) -> tuple[int, NDArray[np.int32]]:
    dofs, count = np.asarray(body.basis.element_dofs), body.basis.N
    links = sparse.coo_matrix((np.ones(dofs[1:].size), (np.tile(dofs[0], len(dofs) - 1), dofs[1:].ravel())), shape=(count, count))
    return connected_components(links, directed=False)


def _named(body: Body, free: Array) -> list[str]:
    """Words for a space of rigid motions (r, k): pure translations first, then the rotations, each about some axis."""
    if body.kind.hoop is not None:
        return ["translation along z"]
    dim = body.kind.dim
    turning = free[dim:]
    pure = _null(turning)
    slides = _directions(free[:dim] @ pure)
    turns = _directions(_range(turning)) if dim == 3 else ["z"] * (free.shape[1] - pure.shape[1])
    return [f"translation along {name}" for name in slides] + [f"rotation about {name}" for name in turns]


def _null(matrix: Array) -> Array:
    """Orthonormal columns that `matrix` takes to zero; its entries are of order one, so the threshold is absolute."""
    _, sizes, right = np.linalg.svd(matrix, full_matrices=len(matrix) < matrix.shape[1])
    small = np.ones(len(right), bool)
    small[: len(sizes)] = sizes < 1e-8
    return right[small].T


def _range(matrix: Array) -> Array:
    left, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, sizes > 1e-8]


def _directions(span: Array) -> list[str]:
    """Names of directions that span these columns (dim, k): coordinate axes where they lie in the span, else vectors."""
    basis = _range(span)
    names = [
        axis for axis, row in zip("xyz", np.eye(len(span)), strict=False) if np.linalg.norm(basis @ (basis.T @ row)) > 1 - 1e-8
    ]
    if len(names) == basis.shape[1]:
        return names
    return [np.array2string(column, precision=3, suppress_small=True) for column in basis.T]
