"""How well a model with given parameters foretells its machine, reading by reading: the likelihood in innovations form.

    ln p(y_1..T | theta) = sum_t ln N(y_t ; yhat_t|t-1(theta), S_t(theta))            by the fleet's own filter

Every parameter set is one row of a fleet, so a gradient by central differences is one run of the filter. The fast states move and
are corrected by the readings; wear stands at its commissioning values (`wear="held"`) or is estimated beside them
(`wear="estimated"`). noise (R, m) and wander (R,) multiply the sensors' noise and the moving
states' process noise.
Source: Schweppe, IEEE Trans. IT 11 (1965) 61; Ljung, System Identification, 2nd ed. 1999, sec. 3.2, 7.4.
Verified: tests/infer/test_fit.py (closed form of a linear model, an independent optimiser).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.infer.calibrate import filled
from didymos.infer.fast_part import fast_part
from didymos.numerics.ukf import EngineName, substeps_for, ukf_kernel

Array = NDArray[np.float64]
Wear = Literal["held", "estimated"]
LEAST = 50  # complete steps
LEAST_MOVED = 2.0  # a sensor that moves less than this many of its noises over the whole record shows nothing


@dataclass(frozen=True, slots=True)
class Record:
    """One machine's history on equal steps: inputs (T, k) and measured (T, m), NaN = missing."""

    inputs: Array
    measured: Array
    step_s: float


class Innovations(NamedTuple):
    """predicted, predicted_sd, whitened (R, T, m), NaN where nothing was read; loglik (R,)."""

    predicted: Array
    predicted_sd: Array
    whitened: Array
    loglik: Array


def checked(model: Model, record: Record) -> Record:
    """The record with held inputs. DataError names the machine, what was given and what to do: too few rows, an input never seen,
    nothing measured, nothing infinite, and data that do not move at all."""
    inputs, measured = np.asarray(record.inputs, float), np.asarray(record.measured, float)
    k, m = len(model.inputs), model.n_sensors
    if inputs.ndim != 2 or measured.ndim != 2 or inputs.shape[1] != k or measured.shape != (len(inputs), m):
        raise DataError(
            f"{model.name}: inputs {inputs.shape} and measured {measured.shape}; (T, {k}) and (T, {m}) are needed. Give both."
        )
    if not record.step_s > 0.0:
        raise DataError(f"{model.name}: step_s is {record.step_s}; above 0 is needed.")
    if np.isinf(inputs).any() or np.isinf(measured).any():
        raise DataError(f"{model.name}: the record holds infinite values. Write NaN for what is missing.")
    unseen = [c.name for j, c in enumerate(model.inputs) if not np.isfinite(inputs[:, j]).any()]
    if unseen:
        raise DataError(
            f"{model.name}: no reading of input {', '.join(unseen)} in the period. Give it, or a constant in plant.toml."
        )
    came = np.isfinite(measured).sum(axis=0)
    if came.max(initial=0) < LEAST:
        raise DataError(
            f"{model.name}: {int(came.max(initial=0))} readings of the best sensor; at least {LEAST} steps are needed. "
            "Give a longer period."
        )
    _excited(model, inputs, measured)
    return Record(filled(inputs[None])[0], measured, record.step_s)


def _excited(model: Model, inputs: Array, measured: Array) -> None:
    """Constant inputs and constant sensors tell one operating point: nothing but it can be fitted."""
    still = [c.name for j, c in enumerate(model.inputs) if _swing(inputs[:, j]) <= LEAST_MOVED * c.noise]
    quiet = [c.name for j, c in enumerate(model.sensors) if _swing(measured[:, j]) <= LEAST_MOVED * c.noise]
    if len(still) == len(model.inputs) and len(quiet) == model.n_sensors:
        raise DataError(
            f"{model.name}: no input and no sensor moves in the period by more than {LEAST_MOVED:g} of its noises: one operating "
            "point cannot tell parameters. Give a period in which load or speed changes."
        )


def _swing(column: Array) -> float:
    known = column[np.isfinite(column)]
    return float(np.quantile(known, 0.98) - np.quantile(known, 0.02)) if len(known) else 0.0


def innovations(
    model: Model, params: Array, record: Record, noise: Array, wander: Array, wear: Wear = "held", engine: EngineName = "auto"
) -> Innovations:
    """Run the filter for R parameter sets (R, p) over a checked record."""
    rows, steps = len(params), len(record.inputs)
    model = fast_part(model) if wear == "held" else model
    kernel = ukf_kernel(model, engine, substeps_for(model, record.step_s))
    mean, cov, q = _start(model, params, record.inputs[0], wear)
    q = q * wander[:, None]
    r = noise * np.array([c.noise for c in model.sensors])
    dt = np.full(rows, record.step_s)
    shape = (rows, steps, model.n_sensors)
    predicted, sd, whitened, loglik = np.empty(shape), np.empty(shape), np.empty(shape), np.zeros(rows)
    for t in range(steps):
        u, y = np.tile(record.inputs[t], (rows, 1)), np.tile(record.measured[t], (rows, 1))
        done = kernel(mean, cov, u, y, params, q, r, dt)
        mean, cov = done.mean, done.cov
        predicted[:, t], sd[:, t], whitened[:, t] = done.predicted, done.predicted_sd, done.whitened
        loglik += done.loglik
    return Innovations(predicted, sd, whitened, loglik)


def _start(model: Model, params: Array, first: Array, wear: Wear) -> tuple[Array, Array, Array]:
    """mean (R, n) at rest with the first inputs, cov (R, n, n), q (R, n); held wear has neither variance nor noise."""
    rows = len(params)
    slow = np.array([name in model.slow for name in model.State._fields])
    still = slow & (wear == "held")
    healthy = model.State(*(np.full(rows, float(v)) for v in model.initial))
    u = model.Input(*(np.full(rows, v) for v in first))
    settled = np.stack(np.broadcast_arrays(*model.steady(healthy, u, model.Params(*params.T))), axis=1).astype(float)
    mean = np.clip(settled, np.array(model.low, float), np.array(model.high, float))
    sd = np.where(still, 0.0, np.array(model.initial_sd, float))
    q = np.where(still, 0.0, np.array(model.process_noise, float))
    return mean, np.tile(np.diag(sd**2), (rows, 1, 1)), np.tile(q, (rows, 1))
