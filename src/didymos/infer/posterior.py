"""The whole posterior of a fit by sampling, where an optimum and its curvature are not trusted enough.

    ln p(z | y) = ln p(y | z) / tau + ln prior(z)       innovations that hang together over tau steps count as n / tau

Draws start from the fit and its Laplace approximation (`numerics.sampler`); every half of the walkers is one run of the filter.
Verified: tests/infer/test_posterior.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer.fit import Fit, Problem
from didymos.infer.prediction_error import Record, Wear, checked
from didymos.numerics.sampler import sample
from didymos.numerics.ukf import EngineName

Array = NDArray[np.float64]
SWEEPS = 240
MIXED, ENOUGH = 1.05, 200.0  # R-hat below and effective draws above which the quantiles are believed


class Posterior(NamedTuple):
    """low, median, high (p,): 5, 50, 95 %; a parameter that was not moved stands at its value. believed: mixed and enough."""

    low: Array
    median: Array
    high: Array
    r_hat: float
    effective: float
    accepted: float
    believed: bool


def posterior(
    model: Model, record: Record, found: Fit, sweeps: int = SWEEPS, seed: int = 1, wear: Wear = "held", engine: EngineName = "auto",
    say: Callable[[int], None] = lambda _: None,
) -> Posterior:  # fmt: skip
    """Of the machine that `found` was fitted to, on the same record."""
    names = model.Params._fields
    free = np.array([names.index(name) for name in found.identifiability.names], np.int64)
    problem = Problem(model, checked(model, record), found.prior, free, wear, engine)
    zeta = np.log(found.params[free] / found.prior.mean[free]) / found.prior.log_sd[free]
    centre = np.concatenate([zeta, np.log(found.noise_factor), [np.log(found.wander_factor)]])
    came = np.isfinite(record.measured).sum(axis=0)
    tau = float(came.sum() / np.sum(came / found.tau))
    _, _, J = problem.linearise(centre[None])
    flat = J[0].reshape(len(centre), -1)
    covariance = np.linalg.inv(flat @ flat.T / tau + np.diag(problem.precision))

    def log_density(z: Array) -> Array:
        prior = 0.5 * np.sum(problem.precision * z**2, axis=1)
        return -((problem.cost(z) - prior) / tau + prior)

    draws = sample(log_density, centre, covariance, sweeps, seed, say=say)
    params = problem.params(draws.flat)
    low, median, high = np.quantile(params, [0.05, 0.5, 0.95], axis=0)
    r_hat, effective = float(draws.r_hat.max()), float(draws.effective.min())
    return Posterior(low, median, high, r_hat, effective, draws.accepted, r_hat < MIXED and effective > ENOUGH)
