"""One shape for every filter, so that they can be compared and exchanged; the table of them is `infer.estimators`.

    state = estimator.init(n, seed)
    state, result = estimator.step(state, Given(u, y, params, q, r, dt_s))       n assets at once; y NaN = missing

A state is plain arrays: stored, it goes on to the byte. `result` is the same for all (`numerics.ukf.UkfResult`).
Around any of them: `robust` (a reading far off gets less weight), `matched_noise` (noise from innovations).
Verified: tests/conformance/test_estimators.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.numerics.ukf import UkfResult

Array = NDArray[np.float64]
LEAST_ROWS = 20


class Given(NamedTuple):
    """One step: u (N, k); y (N, m), NaN = missing; params (N, p); q (N, n) sd per √s; r (N, m) sd; dt_s (N,)."""

    u: Array
    y: Array
    params: Array
    q: Array
    r: Array
    dt_s: Array


class Estimator(Protocol):
    def init(self, n: int, seed: int = 0) -> Any:
        """`n` assets as commissioned. seed: of what is drawn, where anything is."""
        ...

    def step(self, state: Any, given: Given) -> tuple[Any, UkfResult]: ...


def checked(model: Model, n: int, given: Given) -> Given:
    """The same, as float arrays of full shape. DataError names the argument and the row."""
    sizes = {
        "u": (n, len(model.Input._fields)), "y": (n, model.n_sensors), "params": (n, len(model.Params._fields)),
        "q": (n, model.n_states), "r": (n, model.n_sensors), "dt_s": (n,),
    }  # fmt: skip
    found = []
    for (name, shape), value in zip(sizes.items(), given, strict=True):
        array = np.asarray(value, np.float64)
        if array.shape in ((), shape[1:]):
            array = np.broadcast_to(array, shape)
        if array.shape != shape:
            raise DataError(f"{model.name}: {name} has shape {array.shape}; {shape} is needed.")
        if name != "y" and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise DataError(f"{model.name}: {name} of asset row {row} is not finite; only y may be NaN (missing).")
        found.append(array)
    g = Given(*found)
    if not (g.r > 0.0).all() or not (g.dt_s >= 0.0).all():
        raise DataError(f"{model.name}: r must be above 0 and dt_s not negative. Correct the noise, or rewind the belief first.")
    return g


def result_of(mean: Array, cov: Array, predicted: Array, predicted_sd: Array, y: Array, S: Array) -> UkfResult:
    """Innovations and likelihood from S (N, m, m), the innovations' covariance with a row of 1 for a missing reading."""
    seen = np.isfinite(y)
    innovation = np.where(seen, y - predicted, np.nan)
    root = np.linalg.cholesky(S)
    whitened = np.linalg.solve(root, np.nan_to_num(innovation)[..., None])[..., 0]
    nis, dof = np.sum(whitened**2, axis=1, where=seen), seen.sum(axis=1).astype(float)
    square = 2.0 * np.log(np.einsum("aii->ai", root)).sum(axis=1)
    loglik = -0.5 * (nis + square + dof * np.log(2.0 * np.pi))
    return UkfResult(mean, cov, predicted, predicted_sd, innovation, np.where(seen, whitened, np.nan), nis, dof, loglik)


def robust(estimator: Estimator, state: Any, given: Given, limit: float = 3.0) -> tuple[Any, UkfResult]:
    """A step in which a reading further off than `limit` standard deviations gets as much noise as puts it there: weight falls
    with distance, nothing is cut off. Costs a second step where there is one. Source: Chang, J. Geodesy 88 (2014) 391-401."""
    moved, found = estimator.step(state, given)
    far = np.abs(found.innovation) > limit * found.predicted_sd
    if not far.any():
        return moved, found
    r = np.broadcast_to(given.r, found.innovation.shape)
    wider = np.sqrt(np.where(far, r**2 + (found.innovation / limit) ** 2 - found.predicted_sd**2, r**2))
    return estimator.step(state, given._replace(r=wider))


def matched_noise(innovation: Array, predicted_sd: Array, r: Array, floor: Array) -> Array:
    """Sensor noise (m,) of one asset by covariance matching: what the innovations (T, m) scatter more, or less, than the filter
    expected (predicted_sd (T, m), with noise r (m,)) is put down to the sensor, never below `floor` (m,). Where fewer than
    LEAST_ROWS readings came, r stays. Source: Mehra, IEEE Trans. AC 17 (1972) 693-698."""
    came = np.isfinite(innovation).sum(axis=0)
    rows = np.maximum(came, 1)
    measured = np.nansum(innovation**2, axis=0) / rows
    of_state = np.nansum(np.where(np.isfinite(innovation), predicted_sd**2 - r**2, 0.0), axis=0) / rows
    matched = np.sqrt(np.maximum(measured - of_state, floor**2))
    return np.where(came >= LEAST_ROWS, matched, r)
