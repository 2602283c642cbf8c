"""Frequency response to a harmonic load: modes with damping, and what the left-out modes give statically.

    u(ω) = Σ φ_k φ_kᵀ f / (ω_k² - ω² + 2 i ζ_k ω_k ω)  +  K⁻¹ f - Σ φ_k φ_kᵀ f / ω_k²         ζ_k = ζ + α / (2 ω_k) + β ω_k / 2

α and β are Rayleigh's damping of mass and stiffness. Valid well below the highest mode taken; the answer says up to where.
Source: Bathe, Finite Element Procedures, 9.3; Craig & Kurdila, Fundamentals of Structural Dynamics, 11.4 (mode acceleration).
Verified: tests/verify/test_fe_harmonic.py (one mass on a spring, a beam in closed form, the direct complex solution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError
from didymos.numerics.fe import elastic, modal
from didymos.numerics.fe.elastic import Body
from didymos.numerics.fe.solve import Factor
from didymos.numerics.fe.supports import Support

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
REACH = 2.0 / 3.0  # of the highest frequency taken: up to there the left-out modes are nearly static


@dataclass(frozen=True, slots=True)
class Damping:
    """Ratio ζ of critical damping of every mode, and Rayleigh's α [1/s] and β [s]."""

    ratio: float = 0.0
    mass_per_s: float = 0.0
    stiffness_s: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.ratio, self.mass_per_s, self.stiffness_s)
        if not (np.isfinite(numbers).all() and min(numbers) >= 0.0 and self.ratio < 1.0):
            raise ModelError(
                f"harmonic: damping ratio {self.ratio:g}, mass {self.mass_per_s:g} 1/s, stiffness {self.stiffness_s:g} s. "
                "Allowed: 0 <= ratio < 1, the others >= 0, all finite. Welded steel has a ratio of about 0.005 to 0.02."
            )

    def of(self, omega: Array) -> Array:
        """ζ of modes at `omega` [rad/s]."""
        return self.ratio + self.mass_per_s / (2.0 * omega) + self.stiffness_s * omega / 2.0


@dataclass(frozen=True, slots=True)
class Response:
    """At each frequency (m,): modal amplitudes (m, k) of `shapes` (n, k), beside the static rest (n,). `reach_Hz`: valid below."""

    frequency_Hz: Array
    amplitudes: Complex
    shapes: Array
    rest: Array
    natural_Hz: Array
    reach_Hz: float
    factor: Factor

    def u(self, place: int) -> Complex:
        """Displacements (n,) at the frequency number `place`; modulus is the amplitude, argument the phase behind the force."""
        return self.shapes @ self.amplitudes[place] + self.rest

    def of(self, unknown: int) -> Complex:
        """One unknown over all frequencies, (m,)."""
        return self.amplitudes @ self.shapes[unknown] + self.rest[unknown]


def response(
    body: Body, fixed: Sequence[Support], load: Array, frequency_Hz: Array, damping: Damping, count: int = 20, solver: str = "auto"
) -> Response:
    """To `load` (n,) [N] as amplitude. ModelError for frequencies that are no number or lie above the modes taken."""
    wanted = np.atleast_1d(np.asarray(frequency_Hz, float))
    if not (len(wanted) and np.isfinite(wanted).all() and wanted.min() >= 0.0):
        raise ModelError("harmonic: frequencies must be finite, >= 0 and at least one. Correct frequency_Hz.")
    still = elastic.static(body, fixed, load, solver)
    found = modal.modes(body, fixed, count, solver)
    omega, drive = 2.0 * np.pi * found.frequency_Hz, found.shapes.T @ load
    reach = REACH * float(found.frequency_Hz[-1])
    if wanted.max() > reach and count < len(load) // 2:
        raise ModelError(
            f"harmonic: {wanted.max():g} Hz is asked, {count} modes serve up to {reach:.4g} Hz. "
            "Ask for more modes, or lower frequencies."
        )
    w = 2.0 * np.pi * wanted[:, None]
    resistance = omega**2 - w**2 + 2.0j * damping.of(omega) * omega * w
    if np.abs(resistance).min() <= 1e-12 * omega.max() ** 2:
        raise ModelError("harmonic: without damping the response at a natural frequency has no bound. Give a damping ratio > 0.")
    rest = still.u - found.shapes @ (drive / omega**2)
    return Response(wanted, drive / resistance, found.shapes, rest, found.frequency_Hz, reach, still.factor)
