"""How wrong the reduced temperature can be at most, computed beside it from its own residual.

    e = T - V a,    ρ_k = f_k - K(h) V a_k - M V (a_k - a_{k-1}) / dt           residual of backward Euler
    |e_k|_M² ≤ (|e_{k-1}|_M² + dt |ρ_k|²_{K_low⁻¹}) / (1 + dt λ)                λ ≤ λ_min(K_low, M)

K_low is K at the lowest films of the box: K(h) - K_low is positive semidefinite for every h in the box, so the bound is rigorous
there, for any loads and any sequence of films, in the norm of M, against the full model stepped alike. It says nothing of what the
full model itself leaves out. `rms_K` = |e|_M / sqrt(total capacity): root mean square over the body, weighted with heat capacity.
ρ is a combination of (2 + J) r + L + J fixed vectors Z, so |ρ|_{K_low⁻¹} = |R c| with R from an orthonormal basis of K_low⁻¹ Z (no
Gram matrix of them, whose squares would lose half of the digits).
Source: test the backward Euler error equation with e_k, Young's inequality; Haasdonk & Ohlberger, M2AN 42 (2008) for the method;
Buhr et al., 2014 (arXiv:1407.8005) for the stable residual. Verified: tests/verify/test_rom.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from didymos.numerics.fe.solve import Factor, factorize
from didymos.numerics.rom.affine import AffineHeat, direct

Array = NDArray[np.float64]
SAFETY = 0.999  # of the computed smallest eigenvalue, converged to 1e-8
ROUND_OFF = 1e-11  # of the size of the residual's parts: what cancels in floating point


@dataclass(frozen=True, slots=True)
class Bound:
    """R (q, z) [K sqrt(J/W)...: |R c|² is in J K / s], λ [1/s], total capacity [J/K], films it holds from."""

    residual: Array
    decay_per_s: float
    capacity_J_K: float
    film_low: Array

    def residual_norm(self, amount: Array, change_per_s: Array, load: Array, film: Array, behind: Array) -> float:
        """|ρ|_{K_low⁻¹} of one step that ended at `amount` (r,)."""
        parts = np.concatenate([load, film * behind, -amount, *(-h * amount for h in film), -change_per_s])
        scaled = self.residual @ parts
        return float(np.sqrt(scaled @ scaled)) + ROUND_OFF * float(np.abs(self.residual).sum(axis=0) @ np.abs(parts))

    def next(self, error_M: float, residual: float, step_s: float) -> float:
        """Bound on |e|_M after one step of `step_s`."""
        return float(np.sqrt((error_M**2 + step_s * residual**2) / (1.0 + step_s * self.decay_per_s)))

    def rms_K(self, error_M: float) -> float:
        return error_M / float(np.sqrt(self.capacity_J_K))


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
