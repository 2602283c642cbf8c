"""Unusual behaviour of a machine without physics: distance from its own healthy baseline in the same operating regime.

    baseline     per regime bin (equal counts of the regime channel) mean of every other channel, its slope over the regime and the
                 standard deviation around both; one correlation R of the standardised residuals, shrunk towards none
    statistic    a = EWMA (0.2) of the standardised residuals;  T2 = a' R^-1 a (2 - 0.2) / 0.2  (Hotelling; Lowry et al. 1992)
    limit        T2 of each third of the healthy period as the baseline of the other two thirds sees it: g chi2_h with its mean and
                 variance (Nomikos and MacGregor, Technometrics 37 (1995) 41-59), raised by two standard errors of that mean, at
                 the stated false alarms a month, never below its maximum
    share        contribution of sensor i: a_i (R^-1 a)_i, negative ones put at 0

Learned from the first `learn` usable rows, taken as healthy; before that there is no score. A missing channel takes the value that
the others make most likely, so it neither hides nor raises an alarm. Verified: tests/infer/test_anomaly.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from didymos.core.errors import ConfigError, DataError
from didymos.core.estimate import Score

Array = NDArray[np.float64]
LAMBDA = 0.2
MONTH_S = 30 * 86400.0
ROWS_PER_BIN, MOST_BINS = 40, 6


@dataclass(frozen=True, slots=True)
class Settings:
    """channels: names in the order of a row; regime: index of the regime channel, None = one regime; learn: healthy rows to learn
    from; step_s: time between rows; false_alarms_per_month: what the limit is set for."""

    channels: tuple[str, ...]
    regime: int | None = None
    learn: int = 576
    step_s: float = 300.0
    false_alarms_per_month: float = 1.0

    def __post_init__(self) -> None:
        watched = len(self.channels) - (self.regime is not None)
        if watched < 1 or self.learn < 3 * ROWS_PER_BIN:
            raise ConfigError(
                f"anomaly: {watched} channels to watch, {self.learn} rows to learn from; "
                f"at least 1 beside the regime and {3 * ROWS_PER_BIN} rows are needed"
            )


class Baseline(NamedTuple):
    """edges (B-1,) and centre (B,) of the regime bins; mean, slope, sd (B, w) of the w watched channels; correlation (w, w)
    of the standardised residuals; limit of T2."""

    edges: Array
    centre: Array
    mean: Array
    slope: Array
    sd: Array
    correlation: Array
    limit: float


class State(NamedTuple):
    """Rows of the healthy period so far (k, m), emptied once learned; the baseline; EWMA (w,) of the standardised residuals."""

    rows: Array
    baseline: Baseline | None
    smoothed: Array


def init(settings: Settings) -> State:
    m = len(settings.channels)
    return State(np.zeros((0, m)), None, np.zeros(m - (settings.regime is not None)))


def step(state: State, row: Array, settings: Settings) -> tuple[State, Score | None]:
    """One row (m,), NaN = missing. No score while learning, nor while the regime (or every channel) is missing."""
    if np.shape(row) != (len(settings.channels),):
        raise DataError(f"anomaly: row has shape {np.shape(row)}; {len(settings.channels)} channels are configured")
    regime, watched = _split(np.asarray(row, float)[None], settings)
    if not np.isfinite(regime[0]) or not np.isfinite(watched).any():
        return state, None
    if state.baseline is None:
        rows = np.vstack([state.rows, row])
        if len(rows) < settings.learn:
            return state._replace(rows=rows), None
        return State(rows[:0], learn(rows, settings), state.smoothed), None
    smoothed = (1.0 - LAMBDA) * state.smoothed + LAMBDA * _standardise(state.baseline, regime, watched)[0]
    return state._replace(smoothed=smoothed), _score(state.baseline, smoothed, settings)


def learn(rows: Array, settings: Settings) -> Baseline:
    """Baseline from all healthy rows (k, m); its limit from each third of them as the baseline of the other two sees it."""
    regime, watched = _split(rows, settings)
    thirds = np.array_split(np.arange(len(rows)), 3)
    held_out = [_run(_fit(np.delete(regime, t), np.delete(watched, t, axis=0)), regime[t], watched[t]) for t in thirds]
    return _fit(regime, watched)._replace(limit=_limit(np.concatenate(held_out), settings))


def _fit(regime: Array, watched: Array) -> Baseline:
    free = _bins(regime, watched)
    seen = _standardise(free, regime, watched)
    weight = seen.shape[1] / (len(seen) + seen.shape[1])
    return free._replace(correlation=(1.0 - weight) * (seen.T @ seen) / len(seen) + weight * np.eye(seen.shape[1]))


def _split(rows: Array, settings: Settings) -> tuple[Array, Array]:
    """(regime (k,), watched channels (k, w))."""
    if settings.regime is None:
        return np.zeros(len(rows)), rows
    return rows[:, settings.regime], np.delete(rows, settings.regime, axis=1)


def _bins(regime: Array, watched: Array) -> Baseline:
    count = max(1, min(MOST_BINS, len(regime) // ROWS_PER_BIN))
    edges = np.unique(np.quantile(regime, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    place = np.searchsorted(edges, regime, side="right")
    groups = [place == k if np.any(place == k) else place >= 0 for k in range(len(edges) + 1)]
    centre = np.array([regime[g].mean() for g in groups])
    mean = np.array([_mean(watched[g], watched) for g in groups])
    slope = np.array([_slope(regime[g] - centre[k], watched[g] - mean[k]) for k, g in enumerate(groups)])
    away = [watched[g] - mean[k] - (regime[g] - centre[k])[:, None] * slope[k] for k, g in enumerate(groups)]
    sd = np.sqrt([_mean(one**2, np.vstack(away) ** 2) for one in away])
    smallest = np.maximum(0.05 * np.nanstd(watched, axis=0), 1e-9 * np.maximum(1.0, np.abs(mean).max(axis=0)))
    return Baseline(edges, centre, mean, slope, np.maximum(sd, smallest), np.eye(watched.shape[1]), 1.0)


def _slope(regime: Array, watched: Array) -> Array:
    """Least-squares slope (w,) of each channel over the regime, 0 where the regime stands still."""
    spread = np.where(np.isfinite(watched), regime[:, None] ** 2, 0.0).sum(axis=0)
    moves = spread > 1e-12 * len(regime)
    return np.where(moves, np.nansum(regime[:, None] * watched, axis=0) / np.where(moves, spread, 1.0), 0.0)


def _mean(values: Array, fallback: Array) -> Array:
    """Column means without NaN; a column that is all NaN here takes its mean over `fallback`, or 0."""
    count, total = np.isfinite(values).sum(axis=0), np.nansum(values, axis=0)
    every, sums = np.isfinite(fallback).sum(axis=0), np.nansum(fallback, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), sums / np.maximum(every, 1))


def _standardise(base: Baseline, regime: Array, watched: Array) -> Array:
    """Standardised residuals (k, w); a missing one is put at its expectation given the others."""
    k = np.searchsorted(base.edges, regime, side="right")
    z = (watched - base.mean[k] - (regime - base.centre[k])[:, None] * base.slope[k]) / base.sd[k]
    for row in np.flatnonzero(~np.isfinite(z).all(axis=1)):
        gone = ~np.isfinite(z[row])
        known = base.correlation[np.ix_(~gone, ~gone)]
        z[row, gone] = base.correlation[np.ix_(gone, ~gone)] @ np.linalg.solve(known, z[row, ~gone]) if (~gone).any() else 0.0
    return z


def _run(base: Baseline, regime: Array, watched: Array) -> Array:
    """T2 (k,) of consecutive rows."""
    smoothed = np.zeros(watched.shape[1])
    told = []
    for z in _standardise(base, regime, watched):
        smoothed = (1.0 - LAMBDA) * smoothed + LAMBDA * z
        told.append(float(_parts(base, smoothed).sum()))
    return np.array(told)


def _parts(base: Baseline, smoothed: Array) -> Array:
    return smoothed * np.linalg.solve(base.correlation, smoothed) * (2.0 - LAMBDA) / LAMBDA


def _limit(held_out: Array, settings: Settings) -> float:
    """g chi2_h by moments, raised by two standard errors of the mean, counted with the autocorrelation of T2: a short healthy
    period gives a wider limit, not more false alarms."""
    mean, sd = float(np.mean(held_out)), float(np.std(held_out))
    if not sd > 0.0:
        return max(mean, 1e-12)
    lag = float(np.clip(np.corrcoef(held_out[:-1], held_out[1:])[0, 1], 0.0, 0.95))
    independent = len(held_out) * (1.0 - lag) / (1.0 + lag)
    chance = min(0.05, settings.false_alarms_per_month * settings.step_s / MONTH_S)
    raised = 1.0 + 2.0 * sd / mean / np.sqrt(independent)
    quantile = float(gammaincinv((mean / sd) ** 2, 1.0 - chance)) * sd**2 / mean
    return max(float(quantile * raised), float(held_out.max()))


def _score(base: Baseline, smoothed: Array, settings: Settings) -> Score:
    parts = _parts(base, smoothed)
    shares = np.maximum(parts, 0.0) / max(float(np.maximum(parts, 0.0).sum()), 1e-300)
    names = [name for i, name in enumerate(settings.channels) if i != settings.regime]
    ranked = sorted(zip(names, shares.tolist(), strict=True), key=lambda pair: -pair[1])
    return Score(float(parts.sum()) / base.limit, settings.false_alarms_per_month, tuple(ranked))
