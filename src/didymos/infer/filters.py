"""A fleet's belief about its state: start it, step it, restart what was replaced, pack it for storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError, ModelError
from didymos.core.estimate import Belief
from didymos.core.model import Model
from didymos.numerics.ukf import UkfResult, UkfStep

Array = NDArray[np.float64]

# A source that calls a reading UNCERTAIN says that its error may be larger than the sensor's own, not by how much: OPC UA Part 8,
# 6.3.2 (Uncertain_SensorNotAccurate, Uncertain_EngineeringUnitsExceeded, ...) and NAMUR NE 107 ("out of specification") give no
# number. Three standard deviations of a sound sensor are the largest error that 99.7 % of its readings show; a reading that may be
# that far off without a fault is given that much as its standard deviation, so it keeps a ninth of its weight. True errors of three
# times the noise are then covered (tests/plant/test_quality.py), and a sound reading called UNCERTAIN costs width, never honesty.
UNCERTAIN_FACTOR = 3.0


def noise_of(noise: Array, unsure: NDArray[np.bool_]) -> Array:
    """Standard deviation of each reading: the sensor's own (..., m), widened where its source is not sure of it."""
    return np.where(unsure, UNCERTAIN_FACTOR * noise, noise)


def init(model: Model, params: ArrayLike, n: int) -> Belief:
    """`n` assets as commissioned: the model's initial state and its standard deviation, time 0. params (n, p) is checked only."""
    wanted = (n, len(model.Params._fields))
    if np.shape(params) != wanted:
        raise ModelError(f"{model.name}: params has shape {np.shape(params)}; {wanted} is needed.")
    mean = np.tile(np.array(model.initial, np.float64), (n, 1))
    cov = np.tile(np.diag(np.array(model.initial_sd, np.float64) ** 2), (n, 1, 1))
    return Belief(np.zeros(n, np.int64), mean, cov)


def step(
    kernel: UkfStep, belief: Belief, time_ns: NDArray[np.int64], u: Array, y: Array, params: Array, q: ArrayLike, r: ArrayLike
) -> tuple[Belief, UkfResult]:
    """Every asset to `time_ns` (N,), which must lie after the belief's own time. y (N, m), NaN = missing."""
    dt_s = (time_ns - belief.time_ns) / 1e9
    if (dt_s <= 0).any():
        row = int(np.argmax(dt_s <= 0))
        raise DataError(
            f"{kernel.model.name}: asset row {row} is asked to step back in time by {-dt_s[row]:.3f} s. Rewind the belief first."
        )
    result = kernel(belief.mean, belief.cov, u, y, params, q, r, dt_s)
    return Belief(np.array(time_ns, np.int64), result.mean, result.cov), result


def reset(model: Model, belief: Belief, asset_index: int, wear: Sequence[str]) -> Belief:
    """The belief after a component was replaced: its wear fields as commissioned, independent of everything else.

    What the sensors of its failure modes have told of other components was told while it was failing: those keep their mean, and
    become as uncertain as they are far from commissioning, so that the next readings decide.
    """
    mean, cov = np.array(belief.mean), np.array(belief.cov)
    for i in _told_by_the_same_sensors(model, wear):
        cov[asset_index, i, i] += (mean[asset_index, i] - model.initial[i]) ** 2
    for field in wear:
        if field not in model.State._fields:
            raise ModelError(f"{model.name}: wear field {field!r} is not in State. Allowed: {', '.join(model.State._fields)}.")
        i = model.state_index(field)
        mean[asset_index, i] = model.initial[i]
        cov[asset_index, i, :] = cov[asset_index, :, i] = 0.0
        cov[asset_index, i, i] = float(model.initial_sd[i]) ** 2
    return replace(belief, mean=mean, cov=cov)


def _told_by_the_same_sensors(model: Model, wear: Sequence[str]) -> list[int]:
    """Wear states of failure modes that share a sensor with the modes of `wear`, without `wear` itself."""
    heard = {s for mode in model.failure_modes if set(mode.wear) & set(wear) for s in mode.sensors}
    others = {field for mode in model.failure_modes if heard & set(mode.sensors) for field in mode.wear} - set(wear)
    return sorted(map(model.state_index, others))


def pack_cov(cov: Array) -> Array:
    """(..., n, n) -> row-packed lower triangle (..., n(n+1)/2)."""
    rows, columns = np.tril_indices(cov.shape[-1])
    return np.ascontiguousarray(cov[..., rows, columns])


def unpack_cov(packed: Array) -> Array:
    """The inverse of `pack_cov`, exact."""
    n = (int(np.sqrt(8 * packed.shape[-1] + 1)) - 1) // 2
    if n * (n + 1) // 2 != packed.shape[-1]:
        raise DataError(f"packed covariance has {packed.shape[-1]} entries, which is not n(n+1)/2. Read the whole column.")
    rows, columns = np.tril_indices(n)
    cov = np.empty((*packed.shape[:-1], n, n))
    cov[..., rows, columns] = packed
    cov[..., columns, rows] = packed
    return cov
