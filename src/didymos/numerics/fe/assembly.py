"""Element matrices into one sparse matrix, all elements at once, in a few NumPy calls.

    G[a, b]_ij = ∫ w ∂N_i/∂x_a ∂N_j/∂x_b                  from which isotropic elasticity and conduction follow without B and D:
    K_ij,ab = λ G[a, b]_ij + μ G[b, a]_ij + μ δ_ab Σ_c G[c, c]_ij           and  C_ij = Σ_c G[c, c]_ij

The pattern of the sum is found once, by sorting short rows; each element's n x n numbers then go to their `places`. Elements are
taken in pieces, so that what is alive beside the result stays small.
Verified: tests/verify/test_fe_assembly.py, against scikit-fem's forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
Ints = NDArray[np.int32]
PIECE = 400_000  # numbers of one gradient component in memory at once


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows (`indptr`, `indices`, sorted), where the entries of each element go (elements, n * n), the mirrored entry of each."""

    indptr: Ints
    indices: Ints
    places: Ints
    mirrored: Ints

    @property
    def count(self) -> int:
        return len(self.indptr) - 1

    def matrix(self, data: Array) -> sparse.csr_matrix:
        return sparse.csr_matrix((data, self.indices, self.indptr), shape=(self.count, self.count))

    def added(self, each: Array, elements: slice, to: Array) -> None:
        """`to` (entries,) += `each` (elements, n, n)."""
        to += np.bincount(self.places[elements].ravel(), each.ravel(), len(to))


def pattern(dofs: NDArray[Any], count: int) -> Pattern:
    """Of `count` unknowns and elements with the unknowns `dofs` (elements, n)."""
    size, flat = dofs.shape[1], np.ascontiguousarray(dofs, np.int32).ravel()
    order = np.argsort(flat, kind="stable").astype(np.int32)  # entries of one unknown side by side
    begins = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=count)) * size]).astype(np.int32)
    columns = flat.reshape(-1, size)[order // size].ravel()
    origin = (order[:, None] * size + np.arange(size, dtype=np.int32)).ravel()
    rows: Any = sparse.csr_matrix((origin, columns, begins), shape=(count, count))
    rows.sort_indices()
    new = np.empty(len(origin), bool)
    new[:1] = True
    np.not_equal(rows.indices[1:], rows.indices[:-1], out=new[1:])
    new[begins[:-1][begins[:-1] < begins[1:]]] = True
    place = np.cumsum(new, dtype=np.int32) - np.int32(1)
    places = np.empty(len(origin), np.int32)
    places[rows.data] = place
    indptr = np.concatenate([[0], place + 1])[begins].astype(np.int32)
    return _with_mirror(indptr, rows.indices[new], places.reshape(len(dofs), -1))


def _with_mirror(indptr: Ints, indices: Ints, places: Ints) -> Pattern:
    count = len(indptr) - 1
    numbered = sparse.csr_matrix((np.arange(len(indices), dtype=np.int32), indices, indptr), shape=(count, count))
    mirrored: Any = sparse.csr_matrix(numbered.T).data
    return Pattern(indptr, indices, places, mirrored)


def gradients(basis: Any, elements: slice = slice(None)) -> Array:
    """∂N_i/∂x_a at the integration points, (direction, elements, nodes, points)."""
    return np.stack([np.asarray(b[0].grad)[:, elements] for b in basis.basis], axis=2)


def values(basis: Any, elements: slice = slice(None)) -> Array:
    """N_i at the integration points, (elements, nodes, points)."""
    return np.stack([np.broadcast_to(np.asarray(b[0]), basis.dx.shape)[elements] for b in basis.basis], axis=1)


def pieces(basis: Any) -> Iterator[slice]:
    """Elements in pieces of bounded memory."""
    elements, points = basis.dx.shape
    step = max(1, PIECE // (points * len(basis.basis)))
    for begin in range(0, elements, step):
        yield slice(begin, min(begin + step, elements))


def products(basis: Any, found: Pattern, weight: Array) -> dict[tuple[int, int], Array]:
    """G[a, b] for a <= b, each (entries,). `weight` (elements, points) is the volume of each point."""
    dim = basis.mesh.dim()
    pairs = [(a, b) for a in range(dim) for b in range(a, dim)]
    total = {pair: np.zeros(len(found.indices)) for pair in pairs}
    for part in pieces(basis):
        slope = gradients(basis, part)
        weighted = np.ascontiguousarray((slope * weight[part][:, None, :]).transpose(0, 1, 3, 2))
        for a, b in pairs:
            found.added(slope[a] @ weighted[b], part, total[a, b])
    return total


def isotropic(basis: Any, found: Pattern, weight: Array, lame_Pa: float, shear_Pa: float) -> sparse.bsr_matrix:
    """Stiffness with one dim x dim block for each pair of nodes."""
    g, dim = products(basis, found, weight), basis.mesh.dim()
    blocks = np.empty((len(found.indices), dim, dim))
    for (a, b), forward in g.items():
        backward = forward if a == b else forward[found.mirrored]
        blocks[:, a, b] = lame_Pa * forward + shear_Pa * backward
        if a != b:
            blocks[:, b, a] = lame_Pa * backward + shear_Pa * forward
    trace: Any = sum(g.pop((a, a)) for a in range(dim))
    for a in range(dim):
        blocks[:, a, a] += shear_Pa * trace
    shape = (dim * found.count, dim * found.count)
    return sparse.bsr_matrix((blocks, found.indices, found.indptr), shape=shape)


def laplace(basis: Any, found: Pattern, weight: Array) -> Array:
    """∫ w ∇N_i · ∇N_j, (entries,)."""
    total = np.zeros(len(found.indices))
    for part in pieces(basis):
        slope = gradients(basis, part)
        weighted = np.ascontiguousarray((slope * weight[part][:, None, :]).transpose(0, 1, 3, 2))
        found.added((slope @ weighted).sum(axis=0), part, total)
    return total


def product(basis: Any, found: Pattern, weight: Array) -> Array:
    """∫ w N_i N_j, (entries,)."""
    total = np.zeros(len(found.indices))
    for part in pieces(basis):
        shape = values(basis, part)
        found.added((shape * weight[part][:, None, :]) @ shape.transpose(0, 2, 1), part, total)
    return total
