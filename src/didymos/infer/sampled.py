"""Filters that hold many states of each asset: ensemble Kalman (EnKF) and particle filter (PF).

    EnKF   x_e <- f(x_e) + w_e;   K = C_xy (C_yy + R)^-1 from the members' scatter;   x_e <- x_e + K (y + v_e - h(x_e))
    PF     x_i <- f(x_i) + w_i;   ln w_i += ln N(y; h(x_i), R), in parts, each leaving half of the particles (1 / sum(w^2)) or more;
           between the parts systematic resampling, and
           x_i <- a x_i + (1 - a) mean + h L e_i,  L L' = cov, a^2 + h^2 = 1: copies move apart, mean and covariance stay

What is dealt depends on (seed, number of the step, part, asset) alone (`numerics.normals`), so a stored state goes on as if never
stopped, and a neighbour changes nothing. The particle filter is compiled (`numerics.particles`); its NumPy form says the same.
Sources: Burgers, van Leeuwen & Evensen, Mon. Weather Rev. 126 (1998) 1719 (perturbed observations); Gordon, Salmond & Smith,
IEE Proc. F 140 (1993) 107; Kitagawa, J. Comp. Graph. Stat. 5 (1996) 1 (systematic resampling); Liu & West in Doucet et al.,
Sequential Monte Carlo Methods in Practice, 2001, ch. 10 (kernel that keeps the moments; h after
Silverman); Musso, Oudjane & Le Gland, the same book, ch. 12 (likelihood in parts).
Verified: tests/conformance/test_estimators.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer.estimator import Given, checked, result_of
from didymos.numerics.arrays import Arrays, lower_root
from didymos.numerics.normals import dealt
from didymos.numerics.particle_source import ENOUGH, FEWEST, HALVINGS, MIDDLE, PARTS
from didymos.numerics.particles import particle_kernel
from didymos.numerics.ukf import UkfResult, substeps_for

Array = NDArray[np.float64]


class Cloud(NamedTuple):
    """points (N, E, n); log_weight (N, E), all equal for an ensemble; seed and steps (1,) say what is drawn next."""

    points: Array
    log_weight: Array
    seed: NDArray[np.int64]
    steps: NDArray[np.int64]


def drawn(model: Model, n: int, members: int, seed: int) -> Cloud:
    """`n` assets as the model says new ones are, `members` states of each."""
    spread = _normals(seed, 0, 0, (n, members, model.n_states)) * np.array(model.initial_sd, float)
    points = Arrays(model).inside(np.array(model.initial, float) + spread)
    return Cloud(points, np.full((n, members), -np.log(members)), np.array([seed]), np.zeros(1, np.int64))


def _normals(seed: int, step: int, part: int, shape: tuple[int, ...]) -> Array:
    """(N, ...) standard normal deviates, each asset its own."""
    return np.stack([dealt(seed, step, part, a, int(np.prod(shape[1:])))[1] for a in range(shape[0])]).reshape(shape)


def _moved(state: Cloud, g: Given, machine: Arrays) -> Array:
    """Every point after the step, process noise included."""
    x = machine.advance(state.points, g.u, g.params, g.dt_s)
    z = _normals(int(state.seed[0]), int(state.steps[0]) + 1, 0, x.shape)
    return x + (g.q * np.sqrt(g.dt_s)[:, None])[:, None, :] * z


@dataclass(frozen=True)
class Ensemble:
    model: Model
    members: int = 200

    def init(self, n: int, seed: int = 0) -> Cloud:
        return drawn(self.model, n, self.members, seed)

    def step(self, state: Cloud, given: Given) -> tuple[Cloud, UkfResult]:
        g, machine = checked(self.model, len(state.points), given), Arrays(self.model)
        seen = np.isfinite(g.y)
        x = _moved(state, g, machine)
        h = machine.observe(x, g.u, g.params)
        predicted, away = h.mean(axis=1), h - h.mean(axis=1, keepdims=True)
        C = np.einsum("aem,aep->amp", away, away) / (self.members - 1)
        away = np.where(seen[:, None, :], away, 0.0)
        S = np.einsum("aem,aep->amp", away, away) / (self.members - 1)
        S += np.where(seen, g.r**2, 1.0)[:, :, None] * np.eye(self.model.n_sensors)
        Cxy = np.einsum("aen,aem->anm", x - x.mean(axis=1, keepdims=True), away) / (self.members - 1)
        y = g.y[:, None, :] + g.r[:, None, :] * _normals(int(state.seed[0]), int(state.steps[0]) + 1, 1, h.shape)
        off = np.where(seen[:, None, :], y - h, 0.0)
        x = machine.inside(x + np.einsum("aem,amn->aen", off, np.linalg.solve(S, Cxy.swapaxes(1, 2))))
        mean, away = x.mean(axis=1), x - x.mean(axis=1, keepdims=True)
        cov = np.einsum("aen,aep->anp", away, away) / (self.members - 1)
        sd = np.sqrt(np.einsum("amm->am", C) + g.r**2)
        return state._replace(points=x, steps=state.steps + 1), result_of(mean, cov, predicted, sd, g.y, S)


@dataclass(frozen=True)
class Particles:
    model: Model
    members: int = 1000
    engine: str = "compiled"  # or "numpy", for what cannot be compiled

    def init(self, n: int, seed: int = 0) -> Cloud:
        return drawn(self.model, n, self.members, seed)

    def step(self, state: Cloud, given: Given) -> tuple[Cloud, UkfResult]:
        g = checked(self.model, len(state.points), given)
        moved, mean, cov, predicted, S, loglik = (self._in_arrays if self.engine == "numpy" else self._compiled)(state, g)
        seen = np.isfinite(g.y)
        sd = np.sqrt(np.einsum("amm->am", S) + g.r**2)
        masked = np.where(seen[:, :, None] & seen[:, None, :], S, 0.0)
        masked += np.where(seen, g.r**2, 1.0)[:, :, None] * np.eye(self.model.n_sensors)
        return moved, result_of(mean, cov, predicted, sd, g.y, masked)._replace(loglik=loglik)

    def _compiled(self, state: Cloud, g: Given) -> tuple[Cloud, Array, Array, Array, Array, Array]:
        (N, _, n), m = state.points.shape, self.model.n_sensors
        points, log_weight = state.points.copy(), state.log_weight.copy()
        found = np.empty((N, n)), np.empty((N, n, n)), np.empty((N, m)), np.empty((N, m, m)), np.empty(N)
        low, high = np.array(self.model.low, float), np.array(self.model.high, float)
        steps, seed, now = substeps_for(self.model, float(g.dt_s.max())), np.uint64(state.seed[0]), state.steps + 1
        given = (np.require(a, requirements=("C", "W")) for a in (g.u, g.y, g.params, g.q, g.r, g.dt_s))
        particle_kernel(self.model)(points, log_weight, *given, low, high, steps, seed, int(now[0]), *found)
        return Cloud(points, log_weight, state.seed, now), *found

    def _in_arrays(self, state: Cloud, g: Given) -> tuple[Cloud, Array, Array, Array, Array, Array]:
        machine = Arrays(self.model)
        x = machine.inside(_moved(state, g, machine))
        predicted, S = _moments(machine.observe(x, g.u, g.params), np.exp(state.log_weight))
        x, log_weight, loglik = self._weighed(state, x, g)
        mean, cov = _moments(x, np.exp(log_weight))
        return Cloud(x, log_weight, state.seed, state.steps + 1), mean, cov, predicted, S, loglik

    def _weighed(self, state: Cloud, x: Array, g: Given) -> tuple[Array, Array, Array]:
        """The likelihood folded in, in as many parts as leave half of the particles their weight each time; after each part that
        does not, they are resampled and move apart."""
        x, log_weight = x.copy(), state.log_weight.copy()
        left, loglik = np.ones(len(x)), self._constant(g)
        for number in range(1, PARTS + 1):
            a = np.flatnonzero(left > 0.0)
            if not len(a):
                break
            likelihood = self._likelihood(x[a], g, a)
            part = self._part(log_weight[a], likelihood, left[a])
            weight = log_weight[a] + part[:, None] * likelihood
            total = np.logaddexp.reduce(weight, axis=1)
            loglik[a] += total
            poor = a[part < left[a]]
            log_weight[a], left[a] = weight - total[:, None], left[a] - part
            for i in poor:
                draws = dealt(int(state.seed[0]), int(state.steps[0]) + 1, number, int(i), x[i].size)
                x[i] = self._apart(x[i], np.exp(log_weight[i]), *draws)
            log_weight[poor] = -np.log(self.members)
        return x, log_weight, loglik

    def _constant(self, g: Given) -> Array:
        return -np.sum(np.where(np.isfinite(g.y), np.log(g.r) + 0.5 * np.log(2.0 * np.pi), 0.0), axis=1)

    def _likelihood(self, x: Array, g: Given, a: NDArray[np.int64]) -> Array:
        """ln N(y; h(x), R) but for its constant, (A, E), of assets `a`."""
        h, y, r = Arrays(self.model).observe(x, g.u[a], g.params[a]), g.y[a][:, None, :], g.r[a][:, None, :]
        return -0.5 * np.sum(np.where(np.isfinite(y), (y - h) / r, 0.0) ** 2, axis=2)

    def _part(self, log_weight: Array, likelihood: Array, left: Array) -> Array:
        """The largest share of the likelihood, at most `left` (A,), after which half of the particles, or few more, count."""
        count = _effective(log_weight + left[:, None] * likelihood) / self.members
        low, high, done = np.zeros_like(left), left.copy(), count >= FEWEST
        guess = left * np.sqrt(MIDDLE / -np.log(np.minimum(count, FEWEST)))  # as if log weights were normal
        part = np.where(done, left, guess)
        for _ in range(HALVINGS):
            if done.all():
                break
            count = _effective(log_weight + part[:, None] * likelihood) / self.members
            done |= (count >= FEWEST) & (count <= ENOUGH)
            low, high = np.where(count > ENOUGH, part, low), np.where(count < FEWEST, part, high)
            part = np.where(done, part, 0.5 * (low + high))
        return part

    def _apart(self, x: Array, weight: Array, first: float, z: Array) -> Array:
        """Systematic resampling of one asset's particles (E, n), then a kernel that keeps mean and covariance."""
        E, n = x.shape
        mean, cov = (m[0] for m in _moments(x[None], weight[None]))
        h = (4.0 / (E * (n + 2.0))) ** (1.0 / (n + 4.0))
        copies = x[np.minimum(np.searchsorted(np.cumsum(weight), (np.arange(E) + first) / E), E - 1)]
        kept = np.sqrt(1.0 - h * h)
        return Arrays(self.model).inside(kept * copies + (1.0 - kept) * mean + h * z.reshape(E, n) @ lower_root(cov[None])[0].T)


def _effective(log_weight: Array) -> Array:
    """How many of the particles (A, E) count: 1 over the sum of squared weights."""
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return weight.sum(axis=1) ** 2 / np.sum(weight**2, axis=1)


def _moments(x: Array, weight: Array) -> tuple[Array, Array]:
    """Weighted mean (N, a) and covariance (N, a, a) of x (N, E, a)."""
    mean = np.einsum("ae,aen->an", weight, x)
    away = x - mean[:, None, :]
    return mean, np.einsum("ae,aen,aep->anp", weight, away, away, optimize=True)
