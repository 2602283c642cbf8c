"""A fleet's unscented Kalman filter: one step for N assets of one model, on any engine.

    step = ukf_kernel(model, substeps=substeps_for(model, 300.0))
    result = step(mean, cov, u, y, params, q, r, dt_s)

Engines give the same numbers to 1e-10: `traced` (straight-line text for numba, fastest, compiles for seconds), `loop`
(numba with loops, compiles in two to three seconds), `numpy` (arrays over assets), `jax` (the same, when installed) and
`python` (floats, one asset after the other: for the debugger). The equations are in `numerics.sigma`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError, ModelError
from didymos.core.model import Model
from didymos.numerics import cache, kernels, loop_source, sigma, source

EngineName = Literal["auto", "traced", "loop", "numpy", "jax", "python"]
FLEET = 200  # from so many assets on, "auto" takes the straight-line kernel when it is compiled
Array = NDArray[np.float64]


class UkfResult(NamedTuple):
    """mean (N, n), cov (N, n, n): after the step. predicted, predicted_sd (N, m): each sensor before its reading was
    used, and the standard deviation of that reading, sensor noise included. innovation = y - predicted and whitened
    (N, m) are NaN where a reading is missing; nis = Σ whitened² (N,) with dof = number of readings; loglik (N,)."""

    mean: Array
    cov: Array
    predicted: Array
    predicted_sd: Array
    innovation: Array
    whitened: Array
    nis: Array
    dof: Array
    loglik: Array


def substeps_for(model: Model, dt_s: float) -> int:
    """How many Euler steps `dt_s` needs so that none is longer than the model allows."""
    return max(1, math.ceil(dt_s / model.max_step_s - 1e-9))


def ukf_kernel(model: Model, engine: EngineName = "auto", substeps: int = 1) -> UkfStep:
    """The step function of `model`. ModelError, in one line with file and line, when an engine could not run the model."""
    if engine not in get_args(EngineName):
        raise ModelError(f"{model.name}: engine {engine!r} is not known. Allowed: {', '.join(get_args(EngineName))}.")
    if substeps < 1:
        raise ModelError(f"{model.name}: substeps is {substeps}; at least 1 is needed.")
    source.check(model)
    step = UkfStep(model, engine, substeps)
    if engine == "python":
        return step
    kernels.traced_text(model, 1)  # so that a mistake in the model is found now and told in one line
    return step


@dataclass(frozen=True)
class UkfStep:
    """One filter step of a fleet; calling it changes none of its arguments."""

    model: Model
    engine: EngineName
    substeps: int

    def __call__(
        self,
        mean: ArrayLike,
        cov: ArrayLike,
        u: ArrayLike,
        y: ArrayLike,
        params: ArrayLike,
        q: ArrayLike,
        r: ArrayLike,
        dt_s: ArrayLike,
    ) -> UkfResult:
        """mean (N, n), cov (N, n, n), u (N, k), y (N, m) with NaN = missing, params (N, p), q (n,) or (N, n) standard
        deviation per √s, r (m,) or (N, m) standard deviation of one reading, dt_s a number or (N,).
        DataError names the argument and the row that has a wrong shape or is not finite."""
        given = self._checked(mean, cov, u, y, params, q, r, dt_s)
        return self._run(len(given[0]))(given)

    def compile(self) -> None:
        """Compiles the straight-line kernel now (seconds; at 12 states most of a minute) and keeps it on disk."""
        n, m, k, p = _sizes(self.model)
        empty = (np.zeros((0, n)), np.zeros((0, n, n)), np.zeros((0, k)), np.zeros((0, m)), np.zeros((0, p)))
        self._traced((*empty, np.zeros((0, n)), np.zeros((0, m)), np.zeros(0)))

    def _run(self, count: int) -> Callable[[tuple[Array, ...]], UkfResult]:
        name = self.engine
        if name == "auto":
            name = "traced" if count >= FLEET and cache.is_compiled(self._traced_kernel) else "loop"
        return {"traced": self._traced, "loop": self._loop, "numpy": self._numpy, "jax": self._jax, "python": self._python}[name]

    def _checked(self, *given: ArrayLike) -> tuple[Array, ...]:
        n, m, k, p = _sizes(self.model)
        arrays = [np.asarray(a, np.float64) for a in given]
        if arrays[0].ndim != 2:
            raise DataError(f"{self.model.name}: mean has shape {arrays[0].shape}; (N, {n}) is needed.")
        count = len(arrays[0])
        arrays[5], arrays[6], arrays[7] = _rows(arrays[5], (count, n)), _rows(arrays[6], (count, m)), _rows(arrays[7], (count,))
        shapes = ((count, n), (count, n, n), (count, k), (count, m), (count, p), (count, n), (count, m), (count,))
        for name, array, shape in zip(("mean", "cov", "u", "y", "params", "q", "r", "dt_s"), arrays, shapes, strict=True):
            if array.shape != shape:
                raise DataError(f"{self.model.name}: {name} has shape {array.shape}; {shape} is needed.")
            if name not in ("y", "r") and not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise DataError(f"{self.model.name}: {name} of asset row {row} is not finite; only y may be NaN (missing).")
        if not (arrays[6] > 0).all() and (~(arrays[6] > 0) & ~np.isnan(arrays[3])).any():
            raise DataError(f"{self.model.name}: r must be above 0 wherever there is a reading.")
        return tuple(np.require(a, requirements=("C", "W")) for a in arrays)  # one layout, so that kernels are compiled once

    @cached_property
    def _traced_kernel(self) -> Callable[..., Any]:
        return kernels.traced_kernel(self.model, self.substeps)

    @cached_property
    def _loop_kernel(self) -> Callable[..., Any]:
        return kernels.loop_kernel(self.model)

    def _traced(self, given: tuple[Array, ...]) -> UkfResult:
        result = _empty_result(len(given[0]), self.model)
        self._traced_kernel(*given, *result)
        return result

    def _loop(self, given: tuple[Array, ...]) -> UkfResult:
        result = _empty_result(len(given[0]), self.model)
        low, high = np.array(self.model.low, np.float64), np.array(self.model.high, np.float64)
        work = loop_source.work_arrays(self.model.n_states, self.model.n_sensors)
        self._loop_kernel(*given, low, high, self.substeps, *work, *result)
        return result

    def _numpy(self, given: tuple[Array, ...]) -> UkfResult:
        arith = sigma.Arithmetic(np, sigma.repeat_plainly)
        with np.errstate(all="ignore"):
            done = sigma.update(arith, source.machine(self.model, np), _columns(given), self.substeps)
        return _stacked(done, len(given[0]))

    def _python(self, given: tuple[Array, ...]) -> UkfResult:
        result = _empty_result(len(given[0]), self.model)
        arith, model = sigma.Arithmetic(np, sigma.repeat_plainly), source.machine(self.model, np)
        for a in range(len(given[0])):
            with np.errstate(all="ignore"):
                done = sigma.update(arith, model, _columns(tuple(column[a] for column in given)), self.substeps)
            for whole, part in zip(result, _stacked(done, None), strict=True):
                whole[a] = part
        return result

    @cached_property
    def _jax_kernel(self) -> Callable[..., Any]:
        import jax
        import jax.numpy as jnp

        def repeat(count: int, body: Callable[[list[Any]], list[Any]], carry: list[Any]) -> list[Any]:
            if count == 1:
                return body(carry)
            shaped = [jnp.broadcast_to(v, jnp.broadcast_shapes(*(jnp.shape(c) for c in carry))) for v in carry]
            return jax.lax.fori_loop(0, count, lambda _, c: body(c), shaped)

        xp = source.jax_namespace(jnp)
        arith, model = sigma.Arithmetic(xp, repeat), source.machine(self.model, xp)
        return jax.jit(lambda given: tuple(sigma.update(arith, model, _columns(given), self.substeps)))

    def _jax(self, given: tuple[Array, ...]) -> UkfResult:
        import jax

        with jax.enable_x64(True):
            done = jax.device_get(self._jax_kernel(given))
        return _stacked(sigma.Updated(*done), len(given[0]))


def _sizes(model: Model) -> tuple[int, int, int, int]:
    return model.n_states, model.n_sensors, len(model.Input._fields), len(model.Params._fields)


def _rows(array: Array, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(array, shape) if array.shape in ((), shape[1:]) else array


def _columns(given: tuple[Any, ...]) -> sigma.Given:
    """Arrays with assets first -> lists of (N,) columns; of one asset -> lists of scalars."""
    mean, cov, u, y, params, q, r, dt = given
    P = [[cov[..., i, j] for j in range(i + 1)] for i in range(mean.shape[-1])]
    return sigma.Given(_split(mean), P, _split(u), _split(params), _split(y), _split(q), _split(r), dt)


def _split(array: Any) -> list[Any]:
    return [array[..., i] for i in range(array.shape[-1])]


def _stacked(done: sigma.Updated, count: int | None) -> UkfResult:
    """Columns -> arrays with assets first."""
    shape = () if count is None else (count,)
    n = len(done.mean)

    def rows(values: list[Any]) -> Array:
        return np.stack([np.broadcast_to(np.asarray(v, np.float64), shape) for v in values], axis=-1)

    def whole(value: Any) -> Array:
        return np.array(np.broadcast_to(value, shape), np.float64)

    full = rows([done.cov[max(i, j)][min(i, j)] for i in range(n) for j in range(n)]).reshape(*shape, n, n)
    predicted, predicted_sd = rows(done.predicted), rows(done.predicted_sd)
    innovation, whitened = rows(done.innovation), rows(done.whitened)
    return UkfResult(
        rows(done.mean), full, predicted, predicted_sd, innovation, whitened, whole(done.nis), whole(done.dof), whole(done.loglik)
    )


def _empty_result(count: int, model: Model) -> UkfResult:
    n, m = model.n_states, model.n_sensors
    predicted, predicted_sd, innovation, whitened = (np.empty((count, m)) for _ in range(4))
    nis, dof, loglik = (np.empty(count) for _ in range(3))
    return UkfResult(np.empty((count, n)), np.empty((count, n, n)), predicted, predicted_sd, innovation, whitened, nis, dof, loglik)
