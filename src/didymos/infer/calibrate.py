"""Commissioning: fit a machine model to the first healthy days of its own data, and learn how far to trust it.

    theta = argmax   -1/2 sum_t sum_j ((y_tj - yhat_tj(theta)) / s_j)^2  -  1/2 sum_i (ln(theta_i / theta_0i) / rho)^2

MAP over *all* positive parameters, with a lognormal prior of spread rho around the published values: what the data do not
determine stays where the literature puts it. yhat is the model run open loop through the measured inputs with its wear states
held at their commissioning values. Solved by damped Gauss-Newton with one-sided differences, a whole fleet at a time.

What the fitted model still gets wrong is part of the twin's uncertainty. Its residuals are correlated in time, so n readings are
worth n / tau independent ones; the sensor noise that the filter is given is therefore

    r_j = sd(residual_j) sqrt(tau_j),   tau_j the integrated autocorrelation time in steps

Source: MAP and Gauss-Newton as in Tarantola, Inverse Problem Theory, 2005, ch. 3; effective sample size, Priestley 1981, sec. 5.3.
Verified: tests/infer/test_calibrate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.numerics.open_loop import open_loop_kernel

Array = NDArray[np.float64]

PRIOR_LOG_SD = 0.2
ROUNDS = 8
DIFFERENCE = 1e-3
SETTLE_SHARE = 0.05  # of the record: the run-in from a guessed initial state, left out of the fit
LONGEST_TAU = 288  # steps: one day at five minutes


@dataclass(frozen=True, slots=True)
class Calibration:
    """params (N, p), noise (N, m) for the filter, residual_sd (N, m), explained (N, m): 1 - var(residual) / var(measured);
    low, high (N, k): range of the inputs seen, the envelope in which the twin is calibrated."""

    params: Array
    noise: Array
    residual_sd: Array
    explained: Array
    low: Array
    high: Array


def calibrate(
    model: Model, params: Array, inputs: Array, measured: Array, step_s: float, known: NDArray[np.bool_] | None = None
) -> Calibration:
    """Fit N machines of one model. params (N, p) published or name-plate values, `known` (N, p) those that must stay (the name
    plate); inputs (N, T, k) and measured (N, T, m) on equal steps, NaN = missing. DataError for a machine with fewer than 50
    complete steps."""
    inputs = filled(inputs)
    usable = np.isfinite(measured).sum(axis=1)
    if measured.shape[1] < 50 or (usable.max(axis=1) < 50).any():
        short = int(np.argmin(usable.max(axis=1)))
        raise DataError(
            f"{model.name} number {short}: {int(usable[short].max())} readings; commissioning needs at least 50 steps of "
            "healthy data. Give a longer period."
        )
    theta, frozen = np.array(params), ~free_parameters(model, params)
    if known is not None:
        frozen |= known
    scale = np.array([c.noise for c in model.sensors])
    spread = np.maximum(scale, np.nan_to_num(np.nanstd(measured, axis=1)) * 0.02)  # (N, m): model error expected, 2 % of the swing
    theta = _gauss_newton(model, theta, frozen, inputs, measured, spread, step_s)
    noise, sd, explained = trust(model, theta, inputs, measured, step_s)
    return Calibration(theta, noise, sd, explained, np.nanmin(inputs, axis=1), np.nanmax(inputs, axis=1))


def trust(model: Model, theta: Array, inputs: Array, measured: Array, step_s: float) -> tuple[Array, Array, Array]:
    """noise, residual_sd, explained (N, m) of machines run open loop with theta (N, p) through complete inputs (N, T, k)."""
    scale = np.array([c.noise for c in model.sensors])
    residual = measured - _fast(model, theta, inputs, np.arange(len(theta)), step_s)
    residual[:, : _settling(measured.shape[1])] = np.nan
    seen = np.asarray(np.isfinite(residual).any(axis=1))
    residual = np.where(seen[:, None], residual, 0.0)
    sd = np.sqrt(np.nanmean(residual**2, axis=1))
    tau = np.array([[correlation_time(residual[a, :, j]) for j in range(residual.shape[2])] for a in range(len(residual))])
    noise = np.fmax(sd * np.sqrt(tau), scale)
    moved = np.nanvar(np.where(seen[:, None], measured, 0.0), axis=1)
    explained = np.where(seen, 1.0 - np.nanvar(residual, axis=1) / np.maximum(moved, 1e-300), np.nan)
    return noise, np.fmax(sd, scale), explained


def simulate(model: Model, params: Array, inputs: Array, step_s: float) -> Array:
    """Open-loop outputs (N, T, m) of N machines with healthy wear: params (N, p), inputs (N, T, k) complete, Euler substeps.
    The readable reference of `numerics.open_loop`."""
    n, steps, _ = inputs.shape
    substeps = max(1, int(np.ceil(step_s / model.max_step_s)))
    slow = [name in model.slow for name in model.State._fields]
    p = model.Params(*params.T)
    healthy = model.State(*(np.full(n, float(value)) for value in model.initial))
    x = model.steady(healthy, model.Input(*inputs[:, 0].T), p)
    found = np.empty((n, steps, model.n_sensors))
    low, high = [np.array(bound, float) for bound in (model.low, model.high)]
    for t in range(steps):
        u = model.Input(*inputs[:, t].T)
        for _ in range(substeps):
            dx: Any = model.rhs(x, u, p)
            moved = [
                start if still else np.clip(now + rate * (step_s / substeps), lo, hi)
                for start, still, now, rate, lo, hi in zip(healthy, slow, x, dx, low, high, strict=True)
            ]
            x = model.State(*moved)
        found[:, t] = np.stack(np.broadcast_arrays(*model.out(x, u, p)), axis=1)
    return found


def open_loop(model: Model, params: Array, inputs: Array, step_s: float) -> Array:
    """Readings (R, T, m) of one machine's complete inputs (T, k) for R parameter sets (R, p), wear at its commissioning values."""
    return _fast(model, params, inputs[None], np.zeros(len(params), np.int64), step_s)


def _gauss_newton(
    model: Model, theta: Array, frozen: NDArray[np.bool_], inputs: Array, measured: Array, spread: Array, step_s: float
) -> Array:
    """The MAP parameters (N, p). Each round runs the fleet once per free parameter, all in one simulation."""
    start, damping = theta.copy(), np.full(len(theta), 1e-2)
    best = np.full(len(theta), np.inf)
    current = theta
    limits = np.array([[p.low, p.high] for p in model.parameters])
    order = [[p.name for p in model.parameters].index(name) for name in model.Params._fields]
    low, high = limits[order].T
    move = np.zeros_like(theta)
    for _ in range(ROUNDS):
        residual, slope = _linearised(model, current, frozen, inputs, measured, spread, step_s)
        prior = np.where(frozen, 0.0, np.log(np.where(frozen, 1.0, current / start)) / PRIOR_LOG_SD)
        cost = np.sum(residual**2, axis=1) + np.sum(prior**2, axis=1)
        better = cost < best
        theta = np.where(better[:, None], current, theta)
        damping = np.where(better, damping * 0.3, damping * 10.0)
        best = np.minimum(cost, best)
        normal = np.einsum("apr,aqr->apq", slope, slope)
        p = theta.shape[1]
        normal[:, range(p), range(p)] += 1.0 / PRIOR_LOG_SD**2 + damping[:, None] * (1.0 + normal[:, range(p), range(p)])
        gradient = np.einsum("apr,ar->ap", slope, residual) + prior / PRIOR_LOG_SD
        new = -np.linalg.solve(normal, gradient[..., None])[..., 0]
        move = np.where(better[:, None], new, 0.3 * move)  # a step that made it worse is shortened, from the best point
        current = np.where(frozen, theta, np.clip(theta * np.exp(np.clip(move, -0.5, 0.5)), low, high))
    return theta


def _linearised(
    model: Model, theta: Array, frozen: NDArray[np.bool_], inputs: Array, measured: Array, spread: Array, step_s: float
) -> tuple[Array, Array]:
    """residual (N, R) in units of `spread`, and its derivative with respect to ln theta, (N, p, R)."""
    n, p = theta.shape
    free = np.flatnonzero(~frozen.all(axis=0))
    runs = np.repeat(theta[None], len(free) + 1, axis=0)
    for row, i in enumerate(free, 1):
        runs[row, :, i] *= 1.0 + DIFFERENCE
    machine = np.tile(np.arange(n), len(runs))
    predicted = _fast(model, runs.reshape(-1, p), inputs, machine, step_s).reshape(len(runs), *measured.shape)
    weight = np.where(np.isfinite(measured), 1.0 / spread[:, None], 0.0)
    weight[:, : _settling(measured.shape[1])] = 0.0
    residual = (predicted[0] - np.nan_to_num(measured)) * weight
    slope = np.zeros((n, p, residual[0].size))
    for row, i in enumerate(free, 1):
        slope[:, i] = ((predicted[row] - predicted[0]) * weight / DIFFERENCE).reshape(n, -1)
    slope[frozen] = 0.0
    return residual.reshape(n, -1), slope


def _fast(model: Model, params: Array, inputs: Array, machine: NDArray[np.int64], step_s: float) -> Array:
    """`simulate` for R parameter sets (R, p), each on the inputs of its machine (R,), compiled."""
    x0 = _at_rest(model, params, inputs[machine, 0])
    substeps = max(1, int(np.ceil(step_s / model.max_step_s)))
    return open_loop_kernel(model)(x0, inputs, machine, params, substeps, step_s)


def _at_rest(model: Model, params: Array, first: Array) -> Array:
    """(R, n): healthy wear, fast states in equilibrium with the first inputs (R, k)."""
    healthy = model.State(*(np.full(len(params), float(value)) for value in model.initial))
    settled = model.steady(healthy, model.Input(*first.T), model.Params(*params.T))
    return np.stack(np.broadcast_arrays(*settled), axis=1).astype(float)


def free_parameters(model: Model, params: Array) -> NDArray[np.bool_]:
    """Parameters that may move: positive, and not a constant of nature or a limit (those whose range is under a factor of two)."""
    limits = {p.name: (p.low, p.high) for p in model.parameters}
    wide = np.array([limits[name][1] > 2.0 * max(limits[name][0], 1e-300) for name in model.Params._fields])
    return (params > 0.0) & wide


def filled(inputs: Array) -> Array:
    """Missing inputs hold their last value (the first ones take the first value known)."""
    filled = np.array(inputs)
    for t in range(1, filled.shape[1]):
        filled[:, t] = np.where(np.isfinite(filled[:, t]), filled[:, t], filled[:, t - 1])
    for t in range(filled.shape[1] - 2, -1, -1):
        filled[:, t] = np.where(np.isfinite(filled[:, t]), filled[:, t], filled[:, t + 1])
    return filled


def _settling(steps: int) -> int:
    return int(np.ceil(SETTLE_SHARE * steps))


def correlation_time(residual: Array) -> float:
    """Integrated autocorrelation time in steps, 1 for white noise: 1 + 2 sum rho_k up to the first rho_k below 0.05."""
    known = residual[np.isfinite(residual)]
    known = known - known.mean() if len(known) else known
    power = float(known @ known)
    if len(known) < 20 or power == 0.0:
        return 1.0
    tau = 1.0
    for lag in range(1, min(LONGEST_TAU, len(known) // 4)):
        rho = float(known[lag:] @ known[:-lag]) / power
        if rho < 0.05:
            break
        tau += 2.0 * rho
    return tau
