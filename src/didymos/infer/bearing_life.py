"""Learned life of a rolling bearing, from the lives of sister bearings and the history of its own vibration.

    indicator   h = ln(median of the last 7 levels / healthy level); level = root of the summed squared RMS of all axes,
                healthy level = the lowest median of 30 consecutive levels so far (causal; follows running-in downwards)
    fleet       x = ln(life / L10), L10 = (C / P)^3 1e6 turns at the unit's own load and speed (ISO 281): the operating condition
                enters by published physics, no coefficient is fitted. p(x): kernel density over the n known lives; bandwidth
                averaged over a log-uniform prior by its leave-one-out likelihood; one broad component of weight 1/(n+1)
    individual  p(h | t / T): the indicator that each known bearing showed at the same fraction of its life, spread = the standard
                deviation between bearings there, 5 % for a bearing unlike any known
    posterior   p(T | alive at t, h) ~ p(T) p(h | t / T) for T > t

Alarm: h above ln 2.5, one threshold for every bearing (8 dB; the ratio between neighbouring zone limits of ISO 20816-1).
Valid: constant operating condition; waveforms at a regular interval; n small, so the broad component matters.
A record clipped by its sensor gives a level that is too low, so h is then a lower bound; far above the alarm this changes nothing.
Verified: tests/infer/test_bearing_life.py; measured on recorded lives by `didymos bench femto`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.estimate import Life

Array = NDArray[np.float64]
SHORT, LONG = 7, 30  # snapshots in the medians of the level now and of the healthy level
ALARM = float(np.log(2.5))
POINT_LEVEL = 0.2  # quantile named as the point: where late by 5 % costs as much as early by 20 %, (1/20) / (1/20 + 1/5)
_FRACTIONS = np.linspace(0.0, 1.0, 201)
_BANDWIDTHS = np.geomspace(0.05, 1.0, 25)
_BROAD = 1.0  # log standard deviation of the broad component: Weibull life with the ball-bearing slope 10/9 of ISO 281 has 1.15
_UNLIKE = 0.05
_HORIZON = 30.0  # lives considered, up to this many L10


class State(NamedTuple):
    """What one bearing has shown so far: recent levels (LONG,), NaN = none yet; healthy level, inf = none yet; age; alarm."""

    recent: Array
    healthy: float
    age_s: float
    alarm_s: float | None


class History(NamedTuple):
    """One bearing run to its end: indicator (k,) at equal steps of its life, NaN where none was known; life and L10 in s."""

    indicator: Array
    life_s: float
    l10_s: float


class Prior(NamedTuple):
    """What a fleet has taught: x (n,), bandwidth weights (25,), indicator by life fraction (n, 201) and its spread."""

    log_life: Array
    bandwidth_weight: Array
    shown: Array
    spread: float


def l10_s(load_N: float, speed_rad_s: float, capacity_N: float, exponent: float = 3.0) -> float:
    """Basic rating life [s] of ISO 281; exponent 3 for ball bearings, 10/3 for rollers."""
    return (capacity_N / load_N) ** exponent * 1e6 * 2.0 * np.pi / speed_rad_s


def init() -> State:
    return State(np.full(LONG, np.nan), np.inf, 0.0, None)


def step(state: State, rms: Sequence[float], elapsed_s: float) -> State:
    """One snapshot: RMS acceleration of each axis, running time since the snapshot before. A NaN level only lets the age grow."""
    age = state.age_s + elapsed_s
    level = float(np.sqrt(np.sum(np.square(rms))))
    if not level > 0.0:
        return state._replace(age_s=age)
    recent = np.append(state.recent[1:], level)
    healthy = min(state.healthy, float(np.median(recent))) if np.isfinite(recent).all() else state.healthy
    alarmed = indicator(State(recent, healthy, age, None)) > ALARM
    return State(recent, healthy, age, age if alarmed and state.alarm_s is None else state.alarm_s)


def indicator(state: State) -> float:
    """ln(level now / healthy level); NaN until the first LONG snapshots have been seen."""
    return float(np.log(np.median(state.recent[-SHORT:]) / state.healthy)) if np.isfinite(state.healthy) else float("nan")


def fit(histories: Sequence[History]) -> Prior:
    """Learn from bearings run to their end. DataError with fewer than three, or with a life that is not a number above zero."""
    if len(histories) < 3:
        raise DataError(f"bearing life: {len(histories)} known lives; at least 3 are needed to say anything about a fourth")
    lives = np.array([(h.life_s, h.l10_s) for h in histories])
    if not (np.isfinite(lives).all() and (lives > 0.0).all()):
        raise DataError(f"bearing life: lives and L10 must be seconds above zero; given {lives.tolist()}")
    log_life = np.log(lives[:, 0] / lives[:, 1])
    shown = np.stack([_by_fraction(h.indicator) for h in histories])
    told = np.array([_leave_one_out(log_life, width) for width in _BANDWIDTHS])
    weight = np.exp(told - told.max())
    return Prior(log_life, weight / weight.sum(), shown, float(np.sqrt(np.mean(np.var(shown, axis=0, ddof=1)))))


def _by_fraction(shown: Array) -> Array:
    known = np.isfinite(shown)
    if not known.any():
        raise DataError(f"bearing life: a history of {len(shown)} snapshots holds no indicator; at least {LONG} levels are needed")
    at = (np.arange(len(shown)) + 1.0) / len(shown)
    return np.interp(_FRACTIONS, at[known], shown[known])


def _leave_one_out(log_life: Array, width: float) -> float:
    """Log-likelihood of each known life under the density of the others."""
    n = len(log_life)
    others = [np.delete(log_life, i) for i in range(n)]
    return float(sum(np.log(_density(log_life[i : i + 1], one, np.array([width]), np.ones(1))[0]) for i, one in enumerate(others)))


def _density(x: Array, known: Array, widths: Array, weights: Array) -> Array:
    """p(x) (k,): kernels on `known`, mixed over bandwidths, and one broad component."""
    distance = x[:, None, None] - known[:, None]
    kernels = np.sum(_normal(distance, widths), axis=1) @ weights
    return (kernels + _normal(x - known.mean(), _BROAD)) / (len(known) + 1.0)


def _normal(x: Array, sd: Array | float) -> Array:
    return np.exp(-0.5 * np.square(x / sd)) / (np.sqrt(2.0 * np.pi) * sd)


def remaining(state: State, prior: Prior, l10: float) -> tuple[Array, Array]:
    """(seconds from now (k,), P(failed by then) (k,)), given that the bearing is alive now and what it shows."""
    age = max(state.age_s, 1e-6 * l10)
    log_life = np.linspace(np.log(age), np.log(max(_HORIZON * l10, 10.0 * age)), 2000)
    chance = _density(log_life - np.log(l10), prior.log_life, _BANDWIDTHS, prior.bandwidth_weight)
    cumulative = np.cumsum(chance * _likelihood(indicator(state), age / np.exp(log_life), prior))
    return np.exp(log_life) - age, cumulative / cumulative[-1]


def _likelihood(shown: float, fraction: Array, prior: Prior) -> Array:
    if not np.isfinite(shown):
        return np.ones_like(fraction)
    expected = np.stack([np.interp(fraction, _FRACTIONS, one) for one in prior.shown])
    like = np.mean(np.exp(-0.5 * np.square((shown - expected) / prior.spread)), axis=0)
    return (1.0 - _UNLIKE) * like + _UNLIKE


def point_s(state: State, prior: Prior, l10: float, level: float = POINT_LEVEL) -> float:
    """One number for the remaining life: the quantile at which the costs of too late and too early balance."""
    seconds, chance = remaining(state, prior, l10)
    return float(np.interp(level, chance, seconds))


def predict(state: State, prior: Prior, l10: float, mode: str, title: str) -> Life:
    """Remaining life as the rest of the twin reads it."""
    seconds, chance = remaining(state, prior, l10)
    ends = tuple((q, float(np.interp(q, chance, seconds))) for q in (0.1, 0.5, 0.9))
    shown = np.interp(np.linspace(0.0, 0.99, 34), chance, seconds)
    return Life(mode, title, ends, tuple((float(s), float(np.interp(s, seconds, chance))) for s in shown))
