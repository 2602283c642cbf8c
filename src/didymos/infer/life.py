"""From first passage times to `Life`: when each failure mode is reached, with what probability by when.

    passage = forecast(model, mean, cov, u, params, q, horizon_s=..., seed=..., keys=...)      (N, modes, T) s, inf = not within
    lives(model, passage, horizon_s, withheld)                                                 a tuple of Life per asset
    failed_before(passage, seconds)                                                            P(any mode by then), (N,)

Quantiles are order statistics of the T trajectories; a quantile that more trajectories survive than it allows is None
("beyond the horizon"), never extrapolated. Verified: tests/infer/test_life.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError
from didymos.core.estimate import Life
from didymos.core.model import Model
from didymos.numerics.futures import futures_kernel

Array = NDArray[np.float64]

QUANTILES = (0.1, 0.5, 0.9)
POINTS = 40
FIRST_S = 3600.0  # first point of the curve


def forecast(
    model: Model,
    mean: Array,
    cov: Array,
    u: Array,
    params: Array,
    q: ArrayLike,
    horizon_s: float,
    seed: int,
    keys: NDArray[np.uint64] | None = None,
    trajectories: int = 1000,
    steps: int = 400,
) -> Array:
    """First passage times (N, modes, trajectories) in s. u (N, k), or (N, L, k): every step draws one of L operating points.
    keys (N,): a number that belongs to the asset for ever, so that its futures do not depend on its neighbours."""
    run = futures_kernel(model)
    return run(mean, cov, u, params, q, horizon_s / steps, steps, trajectories, seed, keys)


def time_grid(horizon_s: float) -> Array:
    """0, then POINTS times from an hour (or a thousandth of a shorter horizon) to the horizon, even in the logarithm."""
    first = min(FIRST_S, horizon_s / 1000.0)
    return np.concatenate([[0.0], np.geomspace(first, horizon_s, POINTS)])


def life_of(mode: str, title: str, passage: Array, horizon_s: float) -> Life:
    """Life of one mode from its passage times (T,), inf where the trajectory outlives the horizon."""
    if passage.ndim != 1 or not len(passage) or np.isnan(passage).any():
        raise DataError(f"{mode}: first passage times must be a row of numbers without NaN; shape {passage.shape} was given.")
    ordered = np.sort(passage)
    grid = time_grid(horizon_s)
    share = np.searchsorted(ordered, grid, side="right") / len(ordered)
    quantiles = tuple((q, _quantile(ordered, q)) for q in QUANTILES)
    return Life(mode, title, quantiles, tuple(zip(grid.tolist(), share.tolist(), strict=True)))


def _quantile(ordered: Array, q: float) -> float | None:
    """The smallest time by which a share q has failed; None beyond the horizon."""
    value = float(ordered[max(0, int(np.ceil(q * len(ordered))) - 1)])
    return value if np.isfinite(value) else None


def lives(model: Model, passage: Array, horizon_s: float, withheld: Sequence[str | None]) -> list[tuple[Life, ...]]:
    """For each of N assets one Life per failure mode, in the model's order; `withheld` (N) gives the reason where the twin
    does not stand for a number (a Validity that is not ok), else None."""
    return [_lives_of_one(model, rows, horizon_s, reason) for rows, reason in zip(passage, withheld, strict=True)]


def _lives_of_one(model: Model, passage: Array, horizon_s: float, reason: str | None) -> tuple[Life, ...]:
    if reason is not None:
        return tuple(Life(mode.name, mode.title, withheld=reason) for mode in model.failure_modes)
    return tuple(life_of(m.name, m.title, row, horizon_s) for m, row in zip(model.failure_modes, passage, strict=True))


def failed_before(passage: Array, seconds: ArrayLike) -> Array:
    """P(some mode fails within `seconds`) for each asset: passage (N, modes, T), seconds a number or (N,). Modes are taken
    together trajectory by trajectory, so what they share (load, wear) is not counted twice."""
    first = passage.min(axis=1)
    return (first <= np.broadcast_to(np.asarray(seconds, float), len(first))[:, None]).mean(axis=1)
