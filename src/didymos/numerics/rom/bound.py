"""How wrong the reduced temperature can be at most, computed beside it from its own residual.

    e = T - V a,    ρ_k = f_k - K(h) V a_k - M V (a_k - a_{k-1}) / dt           residual of backward Euler
    |e_k|_M² ≤ (|e_{k-1}|_M² + dt |ρ_k|²_{K_low⁻¹}) / (1 + dt λ)                λ ≤ λ_min(K_low, M)

K_low is K at the lowest films of the box: K(h) - K_low is positive semidefinite for every h in the box, so the bound is rigorous
there, for any loads and any sequence of films, in the norm of M, against the full model stepped alike. It says nothing of what the
full model itself leaves out. `rms_K` = |e|_M / sqrt(total capacity): root mean square over the body, weighted with heat capacity.
ρ is a combination of (2 + J) r + L + J fixed vectors Z, so |ρ|_{K_low⁻¹} = |R c| with R from an orthonormal basis of K_low⁻¹ Z (no
Gram matrix of them, whose squares would lose half of the digits).
Source: test the backward Euler error equation with e_k, Young's inequality; Haasdonk & Ohlberger, M2AN 42 (2008) for the method;
Buhr et al., 2014 (arXiv:1407.8005) for the stable residual. Made by
`numerics.rom.certify`. Verified: tests/verify/test_rom.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
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
