"""Filters that hold a mean and a covariance: unscented (UKF) and extended (EKF).

    UKF   `numerics.ukf`: sigma points, Potter's square-root update
    EKF   x- = f(x), P- = F P F' + Q dt;   S = H P- H' + R, K = P- H' S^-1;   x = x- + K (y - h(x-))
          P = (I - K H) P- (I - K H)' + K R K'                                      (Joseph form)

The slopes F and H are central differences a thousandth of a standard deviation apart, so no model needs derivatives of its own.
Sources: Anderson & Moore, Optimal Filtering, 1979, ch. 8.2; Julier & Uhlmann 2004. Verified: tests/conformance/test_estimators.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer.estimator import Given, checked, result_of
from didymos.numerics.arrays import Arrays
from didymos.numerics.ukf import UkfResult, UkfStep, substeps_for, ukf_kernel

Array = NDArray[np.float64]
NUDGE = 1e-3  # of a standard deviation


class Gaussian(NamedTuple):
    """mean (N, n), cov (N, n, n)."""

    mean: Array
    cov: Array


def commissioned(model: Model, n: int) -> Gaussian:
    """`n` assets as the model says a new one is."""
    sd = np.array(model.initial_sd, float)
    return Gaussian(np.tile(np.array(model.initial, float), (n, 1)), np.tile(np.diag(sd**2), (n, 1, 1)))


@dataclass(frozen=True)
class Ukf:
    model: Model

    def init(self, n: int, seed: int = 0) -> Gaussian:
        return commissioned(self.model, n)

    def step(self, state: Gaussian, given: Given) -> tuple[Gaussian, UkfResult]:
        substeps = substeps_for(self.model, float(np.max(given.dt_s)))
        if substeps not in self._kernels:
            self._kernels[substeps] = ukf_kernel(self.model, "auto", substeps)
        found = self._kernels[substeps](state.mean, state.cov, *given)
        return Gaussian(found.mean, found.cov), found

    @cached_property
    def _kernels(self) -> dict[int, UkfStep]:
        """By their number of Euler steps."""
        return {}


@dataclass(frozen=True)
class Ekf:
    model: Model

    def init(self, n: int, seed: int = 0) -> Gaussian:
        return commissioned(self.model, n)

    def step(self, state: Gaussian, given: Given) -> tuple[Gaussian, UkfResult]:
        g, machine = checked(self.model, len(state.mean), given), Arrays(self.model)
        moved, F = _sloped(lambda x: machine.advance(x, g.u, g.params, g.dt_s), state.mean, state.cov)
        P = F @ state.cov @ F.swapaxes(1, 2)
        P += (g.q**2 * g.dt_s[:, None])[:, :, None] * np.eye(self.model.n_states)
        predicted, H = _sloped(lambda x: machine.observe(x, g.u, g.params), moved, P)
        seen = np.isfinite(g.y)
        rows, noise = np.where(seen[:, :, None], H, 0.0), np.where(seen, g.r**2, 1.0)  # a missing reading: row 0, noise 1
        innovation = np.where(seen, g.y - predicted, 0.0)
        S = rows @ P @ rows.swapaxes(1, 2) + noise[:, :, None] * np.eye(self.model.n_sensors)
        K = np.linalg.solve(S, rows @ P).swapaxes(1, 2)
        kept = np.eye(self.model.n_states) - K @ rows
        cov = kept @ P @ kept.swapaxes(1, 2) + (K * noise[:, None, :]) @ K.swapaxes(1, 2)
        mean = machine.inside(moved + (K @ innovation[..., None])[..., 0])
        sd = np.sqrt(np.einsum("amn,anp,amp->am", H, P, H) + g.r**2)
        return Gaussian(mean, cov), result_of(mean, cov, predicted, sd, g.y, S)


def _sloped(f, mean: Array, cov: Array) -> tuple[Array, Array]:  # type: ignore[no-untyped-def]
    """f at the mean (N, a), and its slope (N, a, n)."""
    n = mean.shape[1]
    spread = np.sqrt(np.einsum("aii->ai", cov))
    h = NUDGE * np.where(spread > 0.0, spread, np.maximum(1.0, np.abs(mean)) * 1e-3)
    points = mean[:, None, :] + np.concatenate([np.zeros((1, n)), np.eye(n), -np.eye(n)]) * h[:, None, :]
    found = f(points)
    up, down = found[:, 1 : n + 1], found[:, n + 1 :]
    return found[:, 0], ((up - down) / (2.0 * h[:, :, None])).swapaxes(1, 2)
