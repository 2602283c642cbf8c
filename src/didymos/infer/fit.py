"""Fit one machine to its own history: what the data tell is moved, what they do not stays at its prior, and each is said.

    theta = argmax  ln p(y | theta, noise) + ln prior(theta)         innovations likelihood (`infer.prediction_error`)

zeta_i = ln(theta_i / theta_0i) / rho_i with prior N(0, 1): published values (rho = 0.2) or what sister machines taught
(`infer.sisters`). The noise of every sensor and the wander of the fast states are estimated beside them. Damped Newton steps with
J'J of the whitened innovations from several starts at once, then scipy's L-BFGS-B from the best of them; gradients by central
differences through the compiled filter, each parameter set one row of a fleet. Intervals: Laplace's approximation, in which
innovations that are correlated over tau steps count as n / tau.

Source: Ljung 1999, ch. 7, 10.2; Tarantola 2005, ch. 3; Mehra 1972 for the noise. Verified: tests/infer/test_fit.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.infer import identify
from didymos.infer.calibrate import PRIOR_LOG_SD, correlation_time, free_parameters, trust
from didymos.infer.identify import Identifiability
from didymos.infer.prediction_error import Innovations, Record, Wear, checked, innovations
from didymos.numerics.ukf import EngineName

Array = NDArray[np.float64]

STEP = 2e-3  # of the central differences, in prior standard deviations
ROUNDS = 12
NOISE_SD, NOISE_LOW, NOISE_HIGH = 1.5, -1.6, 4.0  # of ln(noise over the data sheet's)
WANDER_SD, WANDER_LOW, WANDER_HIGH = 2.0, -4.0, 4.0  # of ln(wander over the model's)
FARTHEST = 5.0  # prior standard deviations that a parameter may move
NEAR = 0.1  # Newton decrement, in standard deviations of the posterior, below which the optimum is reached
Z90 = 1.6449


class Prior(NamedTuple):
    """Around what a parameter is expected: mean (p,), log_sd (p,) standard deviation of its logarithm; origin in words."""

    mean: Array
    log_sd: Array
    origin: str = "published values"


class Convergence(NamedTuple):
    """reached: the decrement is below NEAR; decrement: distance to the optimum in posterior sds; agree of starts: ended within one
    unit of log posterior of the best; said: what the optimiser says."""

    reached: bool
    decrement: float
    agree: int
    starts: int
    evaluations: int
    said: str


@dataclass(frozen=True, slots=True)
class Fit:
    """params, low, high (p,): estimate and 90 % interval; kind (p,) data, combination, prior, known; told (p,) 0 to 1.
    noise, residual_sd, explained (m,): open loop, as commissioning states them; whiteness (m,): p-value of Ljung and Box over the
    innovations; tau (m,); information (p, p), linear (p,): the likelihood
    alone, exp(-x'Fx/2 + l'x) with x = ln(theta / prior mean), for sisters."""

    params: Array
    low: Array
    high: Array
    kind: tuple[str, ...]
    told: Array
    identifiability: Identifiability
    noise: Array
    residual_sd: Array
    explained: Array
    explained_before: Array
    whiteness: Array
    tau: Array
    noise_factor: Array
    wander_factor: float
    seen_low: Array
    seen_high: Array
    convergence: Convergence
    prior: Prior
    linear: Array
    information: Array


class Problem:
    """The log posterior of one record. z (R, D): free parameters in prior units, then ln noise factors (m), then ln wander."""

    def __init__(self, model: Model, record: Record, prior: Prior, free: NDArray[np.int64], wear: Wear, engine: EngineName) -> None:
        self.model, self.record, self.prior, self.free = model, record, prior, free
        self.wear: Wear = wear
        self.engine: EngineName = engine
        self.d, self.m = len(free), model.n_sensors
        self.evaluations = 0

    @cached_property
    def bounds(self) -> Array:
        """(D, 2)"""
        limits = {p.name: (p.low, p.high) for p in self.model.parameters}
        rows = []
        for i in self.free:
            low, high = limits[self.model.Params._fields[i]]
            mean, sd = self.prior.mean[i], self.prior.log_sd[i]
            ends = np.log(np.maximum([low, high], 1e-300) / mean) / sd
            rows.append((max(ends[0], -FARTHEST), min(ends[1], FARTHEST)))
        return np.array([*rows, *[(NOISE_LOW, NOISE_HIGH)] * self.m, (WANDER_LOW, WANDER_HIGH)])

    @cached_property
    def precision(self) -> Array:
        """Of the prior, (D,)"""
        return np.array([1.0] * self.d + [NOISE_SD**-2] * self.m + [WANDER_SD**-2])

    def params(self, z: Array) -> Array:
        """(R, D) -> (R, p)"""
        theta = np.tile(self.prior.mean, (len(z), 1))
        theta[:, self.free] *= np.exp(z[:, : self.d] * self.prior.log_sd[self.free])
        return theta

    def run(self, z: Array) -> tuple[Innovations, Array]:
        """(innovations, minus log posterior (R,)); infinite where the model gave something that is not a number."""
        self.evaluations += len(z)
        noise, wander = np.exp(z[:, self.d : self.d + self.m]), np.exp(z[:, -1])
        found = innovations(self.model, self.params(z), self.record, noise, wander, self.wear, self.engine)
        cost = -found.loglik + 0.5 * np.sum(self.precision * z**2, axis=1)
        return found, np.where(np.isfinite(cost), cost, np.inf)

    def cost(self, z: Array) -> Array:
        """minus log posterior (R,); infinite outside the bounds."""
        inside = ((z >= self.bounds[:, 0]) & (z <= self.bounds[:, 1])).all(axis=1)
        value = np.full(len(z), np.inf)
        if inside.any():
            value[inside] = self.run(z[inside])[1]
        return value

    def linearise(self, z: Array) -> tuple[Array, Array, Array]:
        """cost (S,), gradient (S, D), J (S, D, T, 2 m): slopes of the whitened innovations, then half those of ln S, so that J'J is
        Fisher's information in means and variances; all in one run of the filter."""
        S, D = z.shape
        moves = np.concatenate([np.zeros((1, D)), STEP * np.eye(D), -STEP * np.eye(D)])
        found, cost = self.run((z[:, None] + moves).reshape(-1, D))
        cost = cost.reshape(S, 2 * D + 1)
        spread = np.where(np.isfinite(found.whitened), np.log(found.predicted_sd), 0.0)  # half ln S
        e = np.concatenate([np.nan_to_num(found.whitened), spread], axis=2)
        e = e.reshape(S, 2 * D + 1, *e.shape[1:])
        gradient = (cost[:, 1 : D + 1] - cost[:, D + 1 :]) / (2.0 * STEP)
        return cost[:, 0], gradient, (e[:, 1 : D + 1] - e[:, D + 1 :]) / (2.0 * STEP)


def published(params: Array) -> Prior:
    return Prior(np.asarray(params, float), np.full(len(params), PRIOR_LOG_SD))


def fit(
    model: Model, record: Record, prior: Prior, known: NDArray[np.bool_] | None = None, starts: int = 3, seed: int = 1,
    wear: Wear = "held", engine: EngineName = "auto",
) -> Fit:  # fmt: skip
    """The machine of `record` (raw; NaN = missing). known (p,): parameters that must stay. DataError says what is wrong with the
    record or the prior."""
    record = checked(model, record)
    _check_prior(model, prior)
    stays = ~free_parameters(model, prior.mean[None])[0] | (known if known is not None else False)
    first = Problem(model, record, prior, np.flatnonzero(~stays), wear, engine)
    told = _told(first, np.zeros((1, first.d + first.m + 1)))
    moved = first.free[told.told >= identify.MOVED]
    problem = Problem(model, record, prior, moved, wear, engine)
    z, convergence = _optimum(problem, starts, seed)
    return result(problem, z, convergence, stays, first.evaluations)


def result(problem: Problem, z: Array, convergence: Convergence, stays: NDArray[np.bool_], before: int = 0) -> Fit:
    """What the optimum z (D,) says of every parameter."""
    model, record, prior = problem.model, problem.record, problem.prior
    p, d = len(prior.mean), problem.d
    found, _ = problem.run(z[None])
    white = found.whitened[0]
    tau = np.array([correlation_time(white[:, j]) for j in range(problem.m)])
    judged, covariance = _told(problem, z[None], tau), _covariance(problem, z, tau)
    kind, told = ["known" if s else "prior" for s in stays], np.zeros(p)
    for place, k, share in zip(problem.free, judged.kind, judged.told, strict=True):
        kind[place], told[place] = k, share
    theta = problem.params(z[None])[0]
    sd = np.where(stays, 0.0, prior.log_sd)
    sd[problem.free] = prior.log_sd[problem.free] * np.sqrt(np.diag(covariance)[:d])
    information, linear = np.zeros((p, p)), np.zeros(p)
    scale = 1.0 / prior.log_sd[problem.free]
    information[np.ix_(problem.free, problem.free)] = judged.information * np.outer(scale, scale)
    linear[problem.free] = judged.information @ z[:d] * scale  # centred at the estimate: nothing is extrapolated where F is small
    noise, residual_sd, explained = trust(model, theta[None], record.inputs[None], record.measured[None], record.step_s)
    _, _, explained_before = trust(model, prior.mean[None], record.inputs[None], record.measured[None], record.step_s)
    return Fit(
        theta, theta * np.exp(-Z90 * sd), theta * np.exp(Z90 * sd), tuple(kind), told, judged, noise[0], residual_sd[0],
        explained[0], explained_before[0], ljung_box(white), tau, np.exp(z[d : d + problem.m]), float(np.exp(z[-1])),
        np.nanmin(record.inputs, axis=0), np.nanmax(record.inputs, axis=0),
        convergence._replace(evaluations=problem.evaluations + before), prior, linear, information,
    )  # fmt: skip


def ljung_box(white: Array, lags: int = 20) -> Array:
    """(m,) p-value that the innovations (T, m) are white; NaN with fewer than 3 `lags` readings."""
    from scipy.stats import chi2

    found = np.full(white.shape[1], np.nan)
    for j, column in enumerate(white.T):
        x = column[np.isfinite(column)]
        n = len(x)
        if n < 3 * lags or not np.any(x != x[0]):
            continue
        x = x - x.mean()
        rho = np.array([x[k:] @ x[:-k] for k in range(1, lags + 1)]) / (x @ x)
        found[j] = chi2.sf(n * (n + 2.0) * np.sum(rho**2 / (n - np.arange(1, lags + 1))), lags)
    return found


def _told(problem: Problem, z: Array, tau: Array | None = None) -> Identifiability:
    _, _, J = problem.linearise(z)
    J = J[0, : problem.d] / np.sqrt(np.tile(tau if tau is not None else np.ones(problem.m), 2))
    flat = J.reshape(problem.d, -1)
    names = [problem.model.Params._fields[i] for i in problem.free]
    return identify.identifiability(names, flat @ flat.T)


def _covariance(problem: Problem, z: Array, tau: Array) -> Array:
    """Of z at the optimum, (D, D)."""
    _, _, J = problem.linearise(z[None])
    flat = (J[0] / np.sqrt(np.tile(tau, 2))).reshape(len(z), -1)
    return np.linalg.inv(flat @ flat.T + np.diag(problem.precision))


def _optimum(problem: Problem, starts: int, seed: int) -> tuple[Array, Convergence]:
    """(z, how sure): damped Newton from every start, the best one polished."""
    z, cost = _newton(problem, _starts(problem, starts, seed))
    if not np.isfinite(cost).any():
        raise DataError(f"{problem.model.name}: no start gives a finite likelihood. Check units of the record and the parameters.")
    best = z[np.argmin(cost)]
    best, said = _polish(problem, best)
    _, gradient, J = problem.linearise(best[None])
    flat = J[0].reshape(len(best), -1)
    H = flat @ flat.T + np.diag(problem.precision)
    low, high = problem.bounds.T
    open_ = ~(((best <= low + 1e-9) & (gradient[0] > 0)) | ((best >= high - 1e-9) & (gradient[0] < 0)))
    g = gradient[0][open_]
    decrement = float(np.sqrt(g @ np.linalg.solve(H[np.ix_(open_, open_)], g)))
    agree = int(np.sum(cost < cost.min() + 1.0))
    return best, Convergence(decrement < NEAR, decrement, agree, len(z), 0, said)


def _starts(problem: Problem, count: int, seed: int) -> Array:
    """The prior's mean, then draws from it inside the bounds."""
    rng = np.random.default_rng(seed)
    z = np.zeros((max(1, count), problem.d + problem.m + 1))
    z[1:, : problem.d] = rng.normal(size=(len(z) - 1, problem.d))
    z[1:, problem.d : -1] = rng.uniform(0.0, 1.5, (len(z) - 1, problem.m))
    return np.clip(z, problem.bounds[:, 0], problem.bounds[:, 1])


def _newton(problem: Problem, z: Array) -> tuple[Array, Array]:
    """Every start by damped Newton with J'J; a step that made it worse is shortened from the best point."""
    S, D = z.shape
    best, lowest, damping, current, move = z, np.full(S, np.inf), np.full(S, 1e-3), z, np.zeros_like(z)
    low, high = problem.bounds.T
    for _ in range(ROUNDS):
        cost, gradient, J = problem.linearise(current)
        better = cost < lowest
        small = better & (lowest - cost < 1e-3)
        best, lowest = np.where(better[:, None], current, best), np.minimum(cost, lowest)
        damping = np.clip(np.where(better, damping * 0.1, damping * 10.0), 1e-8, 1e6)
        flat = J.reshape(S, D, -1)
        H = np.einsum("sdr,ser->sde", flat, flat)
        H[:, range(D), range(D)] += problem.precision + damping[:, None] * (1.0 + H[:, range(D), range(D)])
        usable = np.isfinite(gradient).all(axis=1) & np.isfinite(H).all(axis=(1, 2)) & better
        new = np.zeros_like(z)
        new[usable] = -np.linalg.solve(H[usable], gradient[usable][..., None])[..., 0]
        move = np.where(usable[:, None], np.clip(new, -1.0, 1.0), 0.3 * move)
        current = np.clip(best + move, low, high)
        if (small | ~(np.abs(move) > 1e-4).any(axis=1)).all():
            break
    return best, lowest


def _polish(problem: Problem, z: Array) -> tuple[Array, str]:
    """scipy's L-BFGS in coordinates of unit curvature around z; what would leave the bounds is kept at them."""
    from scipy.optimize import minimize

    _, _, J = problem.linearise(z[None])
    flat = J[0].reshape(len(z), -1)
    root = np.linalg.inv(np.linalg.cholesky(flat @ flat.T + np.diag(problem.precision))).T  # z = z0 + root v
    low, high = problem.bounds.T

    def cost(v: Array) -> tuple[float, Array]:
        free = z + root @ v
        at = np.clip(free, low, high)
        value, gradient, _ = problem.linearise(at[None])
        return float(value[0]), root.T @ np.where(at == free, gradient[0], 0.0)

    done = minimize(cost, np.zeros(len(z)), jac=True, method="L-BFGS-B", options={"maxiter": 15, "ftol": 1e-9, "gtol": NEAR / 10.0})
    return np.clip(z + root @ done.x, low, high), str(done.message)


def _check_prior(model: Model, prior: Prior) -> None:
    p = len(model.Params._fields)
    if np.shape(prior.mean) != (p,) or np.shape(prior.log_sd) != (p,):
        raise DataError(f"{model.name}: prior has shapes {np.shape(prior.mean)}, {np.shape(prior.log_sd)}; ({p},) is needed.")
    for q, value, sd in zip(model.parameters, prior.mean, prior.log_sd, strict=True):
        if not q.low <= value <= q.high:
            raise DataError(
                f"{model.name}: {q.name} starts at {value:g}; {q.low:g} to {q.high:g} {q.unit} is allowed. Correct `parameters`."
            )
        if not sd > 0.0:
            raise DataError(
                f"{model.name}: {q.name} has a prior spread of {sd}; above 0 is needed. Fix it by `parameters` instead."
            )
