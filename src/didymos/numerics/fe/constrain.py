"""Known displacements out of a stiffness matrix, in place: rows and columns become those of a diagonal matrix.

Its blocks stay whole, which the multigrid solver needs, and no second copy of the matrix is made, which large bodies need.
Verified: tests/verify/test_fe_assembly.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of the nodes that hold a known unknown, as they were: `rows` @ u - load there are the reactions."""

    dofs: NDArray[np.intp]
    nodes: NDArray[np.intp]
    rows: Any
    dim: int

    def reactions(self, u: Array, load: Array) -> Array:
        """K u - load at the held unknowns, zero elsewhere; (n,) or (n, m)."""
        mine = (self.dim * self.nodes[:, None] + np.arange(self.dim)).ravel()
        found, all_rows = np.zeros_like(u), np.zeros_like(u)
        all_rows[mine] = self.rows @ u - load[mine]
        found[self.dofs] = all_rows[self.dofs]
        return found


def hold(matrix: Any, dofs: NDArray[np.intp]) -> Held:
    """Changes `matrix`: zero rows and columns of `dofs`, the mean diagonal on their diagonal."""
    dim, data, indices, indptr = matrix.blocksize[0], matrix.data, matrix.indices, matrix.indptr
    free = np.ones(matrix.shape[0])
    free[dofs] = 0.0
    free = free.reshape(-1, dim)
    touched = free.min(axis=1) == 0.0
    row = np.repeat(np.arange(len(free), dtype=np.int32), np.diff(indptr))
    on_diagonal = np.flatnonzero(row == indices)
    scale = float(np.mean(data[on_diagonal][:, np.arange(dim), np.arange(dim)]))
    nodes = np.flatnonzero(touched)
    kept = Held(np.asarray(dofs), nodes, _rows(matrix, touched[row], nodes), dim)
    change = np.flatnonzero(touched[row] | touched[indices])
    data[change] *= free[row[change]][:, :, None] * free[indices[change]][:, None, :]
    diagonal = on_diagonal[touched[indices[on_diagonal]]]
    for a in range(dim):
        data[diagonal, a, a] += scale * (1.0 - free[indices[diagonal], a])
    return kept


def _rows(matrix: Any, chosen: NDArray[np.bool_], nodes: NDArray[np.intp]) -> sparse.bsr_matrix:
    counts = np.concatenate([[0], np.cumsum(np.diff(matrix.indptr)[nodes])])
    dim = matrix.blocksize[0]
    shape = (dim * len(nodes), matrix.shape[1])
    return sparse.bsr_matrix((matrix.data[chosen], matrix.indices[chosen], counts), shape=shape)
