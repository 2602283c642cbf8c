"""What a process model says of one part or load when its operation is over: figures with intervals, and which are out of limit.

    figures(process, params, mean, cov, inputs)        inputs (T, k): those of the operation, in time order

A figure is one virtual quantity or state at the end of the operation: at the last inputs under which the process was active (the
finishing cut, the last minute of the soak). low..high is its 90 % interval from the belief (mean, cov), widened by the sensor's
noise where a gauge will read it; p_outside the chance that it lies beyond a limit. mean and most are over the active inputs.
What is drawn is fixed: the same belief gives the same record. Verified: tests/verify/test_turning.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model

Array = NDArray[np.float64]
DRAWS, SEED = 2000, 20260105
Q = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Limit:
    """Parameters (by name) that bound a figure; "" where it has no such bound."""

    figure: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """measured   channels of which the record keeps mean, least and most over the operation
    active     (x, u, p) -> above 0.5 while the process works on the part
    figures    virtual channels, states  State fields, that the record gives with their interval
    observed   (figure, sensor): a gauge reads this figure, and its noise belongs into the interval
    scatter    (figure, parameter): standard deviation by which parts differ from the published relation behind the figure
    """

    model: Model
    measured: tuple[str, ...]
    active: Callable[[Any, Any, Any], Any]
    figures: tuple[str, ...]
    states: tuple[str, ...]
    limits: tuple[Limit, ...]
    observed: tuple[tuple[str, str], ...] = ()
    scatter: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    title: str
    unit: str
    value: float
    low: float
    high: float
    mean: float
    most: float
    limit_low: float | None = None
    limit_high: float | None = None
    p_outside: float | None = None

    @property
    def outside(self) -> bool:
        """More likely beyond its limit than not."""
        return self.p_outside is not None and self.p_outside > 0.5


def figures(process: Process, params: Array, mean: Array, cov: Array, inputs: Array) -> tuple[Figure, ...]:
    """DataError where the process was never active: there is nothing to say of the part."""
    model = process.model
    p = model.Params(*map(float, params))
    inputs = inputs[np.isfinite(inputs).all(axis=1)]
    x = model.State(*map(float, mean))
    on = np.broadcast_to(process.active(x, model.Input(*inputs.T), p), len(inputs)) > 0.5
    if not on.any():
        raise DataError(f"{model.name}: the process was never active in {len(inputs)} complete samples of the inputs")
    during = model.Input(*inputs[on].T)
    last = model.Input(*inputs[on][-1])
    cloud = model.State(*_draws(model, mean, cov).T)
    titles = {c.name: (c.title, c.unit) for c in model.virtuals}
    found = []
    for name, field in zip([c.name for c in model.virtuals], model.virtual(x, last, p)._fields, strict=True):
        if name in process.figures:
            drawn, course = (np.asarray(getattr(model.virtual(s, u, p), field), float) for s, u in ((cloud, last), (x, during)))
            found.append(_figure(process, p, name, *titles[name], float(getattr(model.virtual(x, last, p), field)), drawn, course))
    for name in process.states:
        value = float(getattr(x, name))
        found.append(_figure(process, p, name, name.replace("_", " "), "1", value, getattr(cloud, name), np.array([value])))
    return tuple(found)


def _draws(model: Model, mean: Array, cov: Array) -> Array:
    """(DRAWS, n) of the belief, inside the model's bounds; a covariance that is only just not positive is good enough."""
    values, vectors = np.linalg.eigh(0.5 * (cov + cov.T))
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    normal = np.random.Generator(np.random.PCG64(SEED)).standard_normal((DRAWS // 2, len(mean)))
    return np.clip(mean + np.concatenate([normal, -normal]) @ root.T, np.array(model.low, float), np.array(model.high, float))


def _noise(process: Process, p: Any, name: str) -> float:
    """What comes on top of the belief when this figure is held against a measurement."""
    gauge, spread = dict(process.observed).get(name), dict(process.scatter).get(name)
    read = next(c.noise for c in process.model.sensors if c.name == gauge) if gauge else 0.0
    return float(np.hypot(read, getattr(p, spread) if spread else 0.0))


def _figure(process: Process, p: Any, name: str, title: str, unit: str, value: float, drawn: Array, course: Array) -> Figure:
    drawn = np.broadcast_to(drawn, DRAWS)
    noise = _noise(process, p, name)
    if noise:
        drawn = drawn + noise * np.random.Generator(np.random.PCG64(SEED + 1)).standard_normal(DRAWS)
    low, high = np.quantile(drawn, Q)
    limit = next((each for each in process.limits if each.figure == name), None)
    least, most = (float(getattr(p, n)) if n else None for n in ((limit.low, limit.high) if limit else ("", "")))
    chance = None
    if limit is not None:
        beyond = (drawn < (least if least is not None else -np.inf)) | (drawn > (most if most is not None else np.inf))
        chance = float(beyond.mean())
    return Figure(name, title, unit, value, float(low), float(high), float(course.mean()), float(course.max()), least, most, chance)
