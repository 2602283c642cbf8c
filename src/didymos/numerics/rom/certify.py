"""What the error bound of `numerics.rom.bound` needs of the full model: computed once, beside the reduction.

Verified: tests/verify/test_rom.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from didymos.numerics.fe.solve import Factor, factorize
from didymos.numerics.rom.affine import AffineHeat, direct
from didymos.numerics.rom.bound import Bound

Array = NDArray[np.float64]
SAFETY = 0.999  # of the computed smallest eigenvalue, converged to 1e-8


def lowest(model: AffineHeat, film_low: Array) -> Factor:
    """K at the lowest films, factorised."""
    return factorize(sparse.csr_matrix(model.stiffness(film_low)), solver=direct())


def bound(model: AffineHeat, basis: Array, film_low: Array, factor: Factor) -> Bound:
    """`factor`: of `lowest`."""
    low = sparse.csr_matrix(model.stiffness(film_low))
    capacity = model.capacity
    fixed = np.hstack([model.loads, model.behind, model.conduction @ basis, *(k @ basis for k in model.films), capacity @ basis])
    orthonormal = _orthonormal(factor.solve(fixed), low)
    one = np.ones(model.size)
    return Bound(
        orthonormal.T @ fixed, SAFETY * _slowest(low, capacity, factor.solve), float(one @ (capacity @ one)), film_low.copy()
    )


def _slowest(low: Any, capacity: Any, solve: Any) -> float:
    """Smallest eigenvalue of K_low against M, 1/s."""
    inverse: Any = LinearOperator(low.shape, matvec=solve)  # pyright: ignore[reportCallIssue]
    start = np.ones(low.shape[0])
    lanczos: Any = eigsh  # its stub takes a whole number for the tolerance
    found = lanczos(low, 1, capacity, sigma=0.0, OPinv=inverse, v0=start, tol=1e-8, return_eigenvectors=False)
    return float(found[0])


def _orthonormal(columns: Array, inner: Any) -> Array:
    """K-orthonormal basis of what the columns span, down to 1e-12 of each of them."""
    length = lambda c: np.sqrt(np.maximum(np.einsum("ij,ij->j", c, inner @ c), 0.0))  # noqa: E731
    rest = columns / np.maximum(length(columns), 1e-300)
    basis = np.zeros((len(columns), 0))
    for _ in range(6):
        value, turn = np.linalg.eigh(rest.T @ (inner @ rest))
        kept = value > 1e-10 * value.max()
        fresh = (rest @ turn[:, kept]) / np.sqrt(value[kept])
        fresh = np.linalg.solve(np.linalg.cholesky(fresh.T @ (inner @ fresh)), fresh.T).T  # what the squares cost
        basis = np.hstack([basis, fresh])
        for _ in range(2):
            rest = rest - basis @ (basis.T @ (inner @ rest))
        size = length(rest)
        alive = size > 1e-11
        if not alive.any():
            break
        rest = rest[:, alive] / size[alive]
    return basis
