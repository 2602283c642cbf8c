"""Draws from a density known up to a factor, by an ensemble of walkers: no gradient, no tuning, the same under any linear map.

    stretch   x_i' = x_j + s (x_i - x_j),  g(s) ~ 1 / sqrt(s) on [1/2, 2],   accepted with s^(d - 1) p(x') / p(x)
    leap      x_i' ~ t_5 around the Laplace approximation, independent of x_i, accepted with p(x') q(x) / (p(x) q(x'))

Half of the walkers move against the other half, so that each move of a half is one call of the density with many rows. Leaps mix
fast where the approximation is good, stretches do where it is not. Convergence: split R-hat and effective sample size over groups
of walkers. Source: Goodman & Weare, Comm. Appl. Math. Comp. Sci. 5 (2010) 65; Tierney, Ann. Stat. 22 (1994) 1701 (mixing kernels);
Vehtari et al., Bayesian Analysis 16 (2021) 667 (R-hat, effective size). Verified: tests/numerics/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import SolveError

Array = NDArray[np.float64]
DEGREES = 5.0  # of freedom of the leap
LEAP = 0.5  # share of sweeps
GROUPS = 4  # of walkers, taken as chains


class Draws(NamedTuple):
    """chain (sweeps, walkers, d) after the warm-up; accepted: share of moves; r_hat, effective (d,)."""

    chain: Array
    accepted: float
    r_hat: Array
    effective: Array

    @property
    def flat(self) -> Array:
        return self.chain.reshape(-1, self.chain.shape[2])


def sample(
    log_density: Callable[[Array], Array], centre: Array, covariance: Array, sweeps: int, seed: int = 1, warm_up: int | None = None,
    say: Callable[[int], None] = lambda _: None,
) -> Draws:  # fmt: skip
    """log_density: (R, d) -> (R,), minus infinity where there is none; centre (d,), covariance (d, d): about where and how wide.
    SolveError when the centre itself has no density."""
    d, rng = len(centre), np.random.default_rng(seed)
    half = max(d + 1, GROUPS * 2)
    half += half % 2
    root = np.asarray(np.linalg.cholesky(covariance), float)
    x = centre + rng.normal(size=(2 * half, d)) @ root.T
    value = log_density(x)
    lost = ~np.isfinite(value)
    if lost.any():
        x[lost] = centre
        value[lost] = log_density(centre[None])[0]
    if not np.isfinite(value).all():
        raise SolveError("sampler: the density is zero at the centre. Start from the optimum.")
    warm = sweeps // 4 if warm_up is None else warm_up
    kept, moves = np.empty((sweeps - warm, 2 * half, d)), 0
    for sweep in range(sweeps):
        leap = rng.random() < LEAP
        for mine, other in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
            if leap:
                new, gain = _leap(x[mine], centre, root, rng)
            else:
                new, gain = _stretch(x[mine], x[other], rng)
            there = log_density(new)
            take = np.log(rng.random(half)) < np.where(np.isfinite(there), there - value[mine] + gain, -np.inf)
            x[mine] = np.where(take[:, None], new, x[mine])
            value[mine] = np.where(take, there, value[mine])
            moves += int(take.sum())
        if sweep >= warm:
            kept[sweep - warm] = x
        say(sweep)
    return Draws(kept, moves / (sweeps * 2 * half), *diagnose(kept))


def _stretch(x: Array, others: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    s = (1.0 + rng.random(len(x))) ** 2 / 2.0
    partner = others[rng.integers(0, len(others), len(x))]
    return partner + s[:, None] * (x - partner), (x.shape[1] - 1) * np.log(s)


def _leap(x: Array, centre: Array, root: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    z = rng.normal(size=x.shape) / np.sqrt(rng.chisquare(DEGREES, len(x)) / DEGREES)[:, None]
    new = centre + z @ root.T
    return new, _log_t(x, centre, root) - _log_t(new, centre, root)


def _log_t(x: Array, centre: Array, root: Array) -> Array:
    z = np.linalg.solve(root, (x - centre).T)
    return -0.5 * (DEGREES + x.shape[1]) * np.log1p((z**2).sum(axis=0) / DEGREES)


def diagnose(chain: Array) -> tuple[Array, Array]:
    """Split R-hat and effective sample size (d,) of (sweeps, walkers, d): walkers in GROUPS, each group's mean a chain for R-hat's
    between-part; autocorrelation averaged over walkers."""
    sweeps, walkers, d = chain.shape
    halves = chain[: sweeps // 2 * 2].reshape(2, sweeps // 2, walkers, d)
    groups = [halves[h][:, g::GROUPS].reshape(-1, d) for h in range(2) for g in range(GROUPS)]
    n = min(len(g) for g in groups)
    means, inner = np.array([g.mean(axis=0) for g in groups]), np.mean([g.var(axis=0, ddof=1) for g in groups], axis=0)
    total = inner * (n - 1) / n + means.var(axis=0, ddof=1)
    r_hat = np.sqrt(total / np.maximum(inner, 1e-300))
    tau = np.array([_time(chain[:, :, i] - chain[:, :, i].mean()) for i in range(d)])
    return r_hat, sweeps * walkers / tau


def _time(x: Array) -> float:
    """Integrated autocorrelation time in sweeps of (sweeps, walkers), Sokal's window of five times itself."""
    power, tau = float(np.mean(x**2)), 1.0
    for lag in range(1, len(x) // 2):
        tau += 2.0 * float(np.mean(x[lag:] * x[:-lag])) / max(power, 1e-300)
        if lag >= 5.0 * tau:
            break
    return max(tau, 1.0)
