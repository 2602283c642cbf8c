"""Has a fault begun? One filter for "none has", one for each wear rate that a fault would have raised, with their probabilities.

A unit's wear rate is lognormal around the average unit's, and a filter that believes so cannot follow a fault: a part that goes
in days instead of years is many standard deviations away, and the wear it causes is put down to anything else. So each wear rate
gets a hypothesis of its own: a fault has begun, and from then on

    r ~ N(ln(T0 / T), s),   T0: life of the new average part in rated operation;  T: onset to failure, lognormal around three weeks

An interacting multiple model (IMM) filter over {none, fault 1, ..., fault F} holds them together:

    mix        a fault begins in a step with probability dt / (mean time between such faults): from "none", its rate drawn anew
    filter     each hypothesis its own filter step, likelihood L_j
    weigh      p_j proportional to L_j times what was mixed into j

What readings tell is told of the rate exp(r), not of its logarithm: the part of r's precision that does not come from the prior is
J E[exp(2 r)], J the information on the rate. A filter linear in r holds that E as it was when each reading came, and is far too sure
of a unit that turns out slow; so after each step J is kept and E taken where r now stands.

A fault does not heal: only maintenance leads back to "none". The belief handed on is the mixture's mean and covariance; a forecast
draws each hypothesis as often as it is probable. Modes whose wear has no rate of its own, whose new part would not end within
LONGEST_S by that rate (a spall that has not begun), or lasts less than SHORTEST_S anyway (a cutting edge), have none. All sums are
taken asset by asset in one order: an asset's belief does not depend, to the byte, on who is stepped beside it.
Sources: Blom & Bar-Shalom, IEEE Trans. AC 33 (1988) 780 (IMM); Moubray, Reliability-centred Maintenance, 2nd ed. 1997, ch. 7 (P-F
interval: days to months). Verified: tests/infer/test_hypotheses.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import FailureMode, Model
from didymos.infer.estimator import Given
from didymos.infer.gaussian import Gaussian, commissioned
from didymos.infer.life import forecast
from didymos.numerics.ukf import UkfResult

Array = NDArray[np.float64]
DAY_S = 86_400.0
PF_MEDIAN_S, PF_LOG_SD = 21.0 * DAY_S, 1.3  # a tenth of the faults takes less than four days, a tenth more than sixteen weeks
BETWEEN_S = 2.0 * 365.0 * DAY_S  # between two faults of one kind on one machine
SHORTEST_S, LONGEST_S = 10.0 * PF_MEDIAN_S, 50.0 * 365.0 * DAY_S
LEAST = 1e-12  # of a probability: nothing is ever ruled out


class Hypotheses(NamedTuple):
    """mean (N, H, n), cov (N, H, n, n), log_p (N, H). Hypothesis 0: no fault has begun; 1 + i: fault i has."""

    mean: Array
    cov: Array
    log_p: Array

    def of(self, rows: Any) -> Hypotheses:
        return Hypotheses(self.mean[rows], self.cov[rows], self.log_p[rows])


class Fault(NamedTuple):
    """rate: index of the log rate it raises; mode: the failure mode it leads to."""

    rate: int
    mode: FailureMode


@dataclass(frozen=True)
class Multiple:
    """The estimator. kernel: a filter step `numerics.ukf.UkfStep`, or one called like it."""

    model: Model
    kernel: Callable[..., UkfResult]
    between_s: float = BETWEEN_S

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        found: dict[int, Fault] = {}
        for mode in self.model.failure_modes:
            rates = [self.model.state_index(f) for f in mode.wear if f.startswith("log_")]
            if rates and SHORTEST_S < life_s(self.model, mode, np.array([self.model.Params()], float))[0] < LONGEST_S:
                found.setdefault(rates[0], Fault(rates[0], mode))
        return tuple(found.values())

    @property
    def count(self) -> int:
        return 1 + len(self.faults)

    def init(self, n: int) -> Hypotheses:
        at = commissioned(self.model, n)
        return self.spread(at.mean, at.cov)

    def spread(self, mean: Array, cov: Array) -> Hypotheses:
        """No fault has begun, as far as anybody knows: mean (N, n), cov (N, n, n)."""
        log_p = np.full((len(mean), self.count), np.log(LEAST))
        log_p[:, 0] = 0.0
        return Hypotheses(np.repeat(mean[:, None], self.count, axis=1), np.repeat(cov[:, None], self.count, axis=1), log_p)

    def step(self, state: Hypotheses, given: Given) -> tuple[Hypotheses, UkfResult]:
        """The result is of the mixture: its mean and covariance; readings as the most probable hypothesis sees them."""
        n, h, _ = state.mean.shape
        mixed = self._mixed(state, given)
        rows = [np.repeat(np.asarray(column), h, axis=0) for column in given]
        found = self.kernel(mixed.mean.reshape(n * h, -1), mixed.cov.reshape(n * h, *mixed.cov.shape[2:]), *rows)
        log_p = _normal(mixed.log_p + found.loglik.reshape(n, h)) if h > 1 else mixed.log_p
        mean = found.mean.reshape(mixed.mean.shape)
        after = Hypotheses(mean, self._as_rates(mixed, given, mean, found.cov.reshape(mixed.cov.shape)), log_p)
        best = np.arange(n) * h + log_p.argmax(axis=1)
        whole = self.mixture(after)
        return after, UkfResult(*(column[best] for column in found))._replace(mean=whole.mean, cov=whole.cov)

    @cached_property
    def _rates(self) -> tuple[NDArray[np.int64], Array]:
        """Indices of the log rates, (R,), and the variance each has before anything is learned, (H, R)."""
        rates = np.array([i for i, name in enumerate(self.model.State._fields) if name.startswith("log_")], np.int64)
        variance = np.tile(np.array(self.model.initial_sd, float)[rates] ** 2, (self.count, 1))
        for j, fault in enumerate(self.faults, 1):
            variance[j, rates == fault.rate] = PF_LOG_SD**2
        return rates, variance

    def _as_rates(self, before: Hypotheses, given: Given, mean: Array, cov: Array) -> Array:
        """(N, H, n, n) with each log rate as uncertain as its rate is; mean and cov are what the filter step made of `before`."""
        rates, unknown = self._rates
        if not len(rates):
            return cov
        drift = (np.asarray(given.q, float)[:, rates] ** 2 * np.asarray(given.dt_s, float)[:, None])[
            :, None
        ]  # variance a step adds
        expected = before.mean[..., rates] * (1.0 - 0.5 * drift / unknown)
        was, now = before.cov[..., rates, rates] * (1.0 - drift / unknown) + drift, cov[..., rates, rates]
        told = np.maximum(1.0 / now - 1.0 / unknown, 0.0)
        grown = 2.0 * (mean[..., rates] - expected) + 2.0 * (now - was)  # ln E[exp(2 r)] = 2 mean + 2 variance
        carried = 1.0 / (1.0 / unknown + told * np.exp(np.clip(grown, -2.0, 2.0)))
        factor = np.ones(mean.shape)
        factor[..., rates] = np.where(told > 0.0, np.sqrt(carried / now), 1.0)
        return cov * factor[..., :, None] * factor[..., None, :]

    def mixture(self, state: Hypotheses) -> Gaussian:
        return merged(state.mean, state.cov, probabilities(state))

    def _mixed(self, state: Hypotheses, given: Given) -> Hypotheses:
        """Each hypothesis as it stands, merged with the chance that its fault begins just now."""
        mean, cov, log_p = state.mean.copy(), state.cov.copy(), state.log_p.copy()
        begins, lives = np.asarray(given.dt_s, float) / self.between_s, self._rated_lives_s(given.params)
        log_p[:, 0] += np.log1p(-np.minimum(begins * len(self.faults), 0.5))
        for j, fault in enumerate(self.faults, 1):
            fresh = self._begun(Gaussian(state.mean[:, 0], state.cov[:, 0]), fault, lives[:, j - 1])
            new, old = state.log_p[:, 0] + np.log(np.maximum(begins, 1e-300)), state.log_p[:, j]
            log_p[:, j] = np.logaddexp(new, old)
            share = np.exp(np.stack([new, old], axis=1) - log_p[:, j : j + 1])
            both = merged(np.stack([fresh.mean, mean[:, j]], axis=1), np.stack([fresh.cov, cov[:, j]], axis=1), share)
            mean[:, j], cov[:, j] = both.mean, both.cov
        return Hypotheses(mean, cov, log_p)

    @cached_property
    def _known_lives_s(self) -> dict[bytes, Array]:
        return {}

    def _rated_lives_s(self, params: Array) -> Array:
        """(N, faults) `life_s` of each asset, worked out once for each set of parameters."""
        known, found = self._known_lives_s, []
        for row in np.asarray(params, float):
            name = row.tobytes()
            if name not in known:
                known[name] = np.array([life_s(self.model, fault.mode, row[None])[0] for fault in self.faults])
            found.append(known[name])
        return np.array(found)

    def _begun(self, none: Gaussian, fault: Fault, life_s: Array) -> Gaussian:
        """The fault begins now: everything as known, but the rate."""
        mean, cov, i = none.mean.copy(), none.cov.copy(), fault.rate
        at = np.log(life_s / PF_MEDIAN_S)
        mean[:, i] = np.clip(at, float(self.model.low[i]), float(self.model.high[i]))
        cov[:, i, :] = cov[:, :, i] = 0.0
        cov[:, i, i] = PF_LOG_SD**2
        return Gaussian(mean, cov)

    def forecast(self, state: Hypotheses, load: Array, params: Array, q: Array, *, trajectories: int, **how: Any) -> Array:
        """`infer.life.forecast` of the mixture, (N, modes, T): each hypothesis has as many of the T trajectories as it is probable.
        load (N, k) or (N, L, k). keys, where given, are (N,)."""
        ends = np.round(np.cumsum(probabilities(state), axis=1) * trajectories).astype(int)
        counts = np.diff(np.concatenate([np.zeros((len(ends), 1), int), ends], axis=1), axis=1)
        asset, hypothesis = np.nonzero(counts)
        keys = how.pop("keys", None)
        passage = forecast(
            self.model, state.mean[asset, hypothesis], state.cov[asset, hypothesis], load[asset], params[asset], q,
            keys=None if keys is None else keys[asset], trajectories=trajectories, **how,
        )  # fmt: skip
        found, filled = np.empty((len(ends), passage.shape[1], trajectories)), np.zeros(len(ends), int)
        for row, a in enumerate(asset):
            n = counts[a, hypothesis[row]]
            found[a, :, filled[a] : filled[a] + n] = passage[row, :, :n]
            filled[a] += n
        return found


def probabilities(state: Hypotheses) -> Array:
    """(N, H), adding up to 1."""
    return np.exp(_normal(state.log_p)) if state.log_p.shape[1] > 1 else np.ones_like(state.log_p)


def _normal(log_p: Array) -> Array:
    """The same, adding up to 1 but for LEAST, below which nothing falls."""
    total = log_p[:, 0]
    for j in range(1, log_p.shape[1]):
        total = np.logaddexp(total, log_p[:, j])
    return np.maximum(log_p - total[:, None], np.log(LEAST))


def life_s(model: Model, mode: FailureMode, params: Array) -> Array:
    """(N,) life of the new average part in rated operation, by the slope of its severity."""
    p = model.Params(*np.asarray(params, float).T)
    new = model.steady(model.initial, model.nominal, p)
    slope = model.rhs(new, model.nominal, p)
    fields = zip(model.State._fields, new, slope, strict=True)
    worn = model.State(*(value + DAY_S * change if name in model.slow else value for name, value, change in fields))
    gained = getattr(model.severity(worn, model.nominal, p), mode.name) - getattr(model.severity(new, model.nominal, p), mode.name)
    return np.broadcast_to(DAY_S / np.maximum(gained, 1e-12), len(params))


def merged(mean: Array, cov: Array, weight: Array) -> Gaussian:
    """Moments of a mixture: mean (N, H, n), cov (N, H, n, n), weight (N, H) -> (N, n), (N, n, n)."""
    if mean.shape[1] == 1:
        return Gaussian(mean[:, 0].copy(), cov[:, 0].copy())
    hypotheses = range(mean.shape[1])
    centre = reduce(add, (weight[:, h, None] * mean[:, h] for h in hypotheses))
    away = mean - centre[:, None]
    parts = (weight[:, h, None, None] * (cov[:, h] + away[:, h, :, None] * away[:, h, None, :]) for h in hypotheses)
    return Gaussian(centre, reduce(add, parts))
