"""Parameters of a black box estimated while it runs: a particle filter whose particles are whole states of the machine.

    filter = Tuning(box, prior_mean, prior_sd, low, high, walk)
    cloud = filter.init(seed)
    cloud, found = filter.step(cloud, u, y, r, dt_s)        one machine; u (k,), y (m,) NaN = missing, r (m,) sd of the readings

Nobody can add noise to a state that cannot be read, so only the parameters walk (`walk`, sd per √s); a particle that is drawn
again takes its whole state with it, so each state fits the parameters that led to it. Draws come from a counter: a stored cloud
goes on to the byte. Sources: Gordon, Salmond & Smith, IEE Proc. F 140 (1993) 107; Kitagawa, J. Comp. Graph. Stat. 5 (1996) 1
(systematic resampling); Liu & West in Doucet et al., Sequential Monte Carlo Methods in Practice, 2001, ch. 10 (kernel that keeps
mean and covariance).
Verified: tests/fmu/test_tuning.py (the exact posterior of a machine that is linear in its parameter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.black_box import Branching
from didymos.core.errors import DataError, ModelError
from didymos.numerics.arrays import square_root

Array = NDArray[np.float64]


class Cloud(NamedTuple):
    """E particles: states, theta (E, p), log_weight (E,); time they stand at; seed and number of steps, which say every draw."""

    states: list[bytes]
    theta: Array
    log_weight: Array
    time_s: float
    seed: int
    steps: int


class Found(NamedTuple):
    """mean (p,), cov (p, p) of the parameters after the step; predicted (m,), predicted_sd (m,) with the readings' noise,
    innovation (m,); loglik of the step; effective: how many particles still counted."""

    mean: Array
    cov: Array
    predicted: Array
    predicted_sd: Array
    innovation: Array
    loglik: float
    effective: float


@dataclass(frozen=True)
class Tuning:
    """prior_mean, prior_sd, low, high, walk: (p,) in the order of the parameters that the box was opened with."""

    box: Branching
    prior_mean: Array
    prior_sd: Array
    low: Array
    high: Array
    walk: Array
    members: int = 200

    def __post_init__(self) -> None:
        name, p = self.box.description.name, np.shape(self.prior_mean)
        for part in ("prior_sd", "low", "high", "walk"):
            if np.shape(getattr(self, part)) != p:
                raise ModelError(f"{name}: {part} has shape {np.shape(getattr(self, part))}; {p} is needed.")
        if not (np.all(self.prior_sd > 0.0) and np.all(self.walk >= 0.0) and np.all(self.low < self.high) and self.members >= 10):
            raise ModelError(f"{name}: prior_sd must be above 0, walk not negative, low below high, and members at least 10.")

    def init(self, seed: int = 0) -> Cloud:
        """Every particle in the state where the box stands now."""
        drawn = self.prior_mean + self.prior_sd * _draws(seed, 0).normal(size=(self.members, len(self.prior_mean)))
        start = [self.box.state()] * self.members
        return Cloud(start, self._inside(drawn), np.full(self.members, -np.log(self.members)), self.box.time_s, seed, 0)

    def step(self, cloud: Cloud, u: Array, y: Array, r: Array, dt_s: float) -> tuple[Cloud, Found]:
        y, r = np.asarray(y, float), np.asarray(r, float)
        if not (r > 0.0).all():
            raise DataError(f"{self.box.description.name}: r must be above 0; it is {r.tolist()}.")
        rng = _draws(cloud.seed, cloud.steps + 1)
        theta = self._inside(cloud.theta + self.walk * np.sqrt(dt_s) * rng.normal(size=cloud.theta.shape))
        states, h = self.box.members(cloud.states, np.tile(u, (self.members, 1)), cloud.time_s, dt_s, theta)
        predicted, spread = _moments(h, np.exp(cloud.log_weight))
        log_weight, loglik = _weighed(cloud.log_weight, h, y, r)
        effective = 1.0 / float(np.sum(np.exp(2.0 * log_weight)))
        mean, cov = _moments(theta, np.exp(log_weight))
        moved = Cloud(states, theta, log_weight, cloud.time_s + dt_s, cloud.seed, cloud.steps + 1)
        if effective < 0.5 * self.members:
            moved = self._drawn_again(moved, mean, cov, rng)
        sd = np.sqrt(np.diag(spread) + r**2)
        return moved, Found(mean, cov, predicted, sd, y - predicted, loglik, effective)

    def _drawn_again(self, c: Cloud, mean: Array, cov: Array, rng: np.random.Generator) -> Cloud:
        """Systematic resampling of whole particles, then a kernel on the parameters that keeps mean and covariance."""
        e, p = c.theta.shape
        edges = np.cumsum(np.exp(c.log_weight))
        chosen = np.minimum(np.searchsorted(edges, (np.arange(e) + rng.uniform()) / e * edges[-1]), e - 1)
        h = (4.0 / (e * (p + 2.0))) ** (1.0 / (p + 4.0))
        kept = np.sqrt(1.0 - h * h)
        theta = kept * c.theta[chosen] + (1.0 - kept) * mean + h * rng.normal(size=(e, p)) @ square_root(cov).T
        return c._replace(states=[c.states[i] for i in chosen], theta=self._inside(theta), log_weight=np.full(e, -np.log(e)))

    def _inside(self, theta: Array) -> Array:
        return np.clip(theta, self.low, self.high)


def _draws(seed: int, step: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))


def _weighed(log_weight: Array, h: Array, y: Array, r: Array) -> tuple[Array, float]:
    """Weights after the readings, and the logarithm of their likelihood. A particle without finite outputs loses all weight."""
    seen = np.isfinite(y)
    off = np.where(seen, (y - h) / r, 0.0)
    constant = float(np.sum(np.where(seen, np.log(r) + 0.5 * np.log(2.0 * np.pi), 0.0)))
    weight = log_weight + np.where(np.isfinite(off).all(axis=1), -0.5 * np.sum(np.nan_to_num(off) ** 2, axis=1), -np.inf)
    total = float(np.logaddexp.reduce(weight))
    if not np.isfinite(total):
        raise DataError("black box: no particle explains the readings. Widen the prior or the readings' noise.")
    return weight - total, total - constant


def _moments(x: Array, weight: Array) -> tuple[Array, Array]:
    mean = weight @ x
    away = x - mean
    return mean, (weight[:, None] * away).T @ away
