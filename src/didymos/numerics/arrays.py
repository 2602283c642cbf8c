"""A model's functions on whole arrays of states, the last axis its fields: what filters on many points of each asset need.

    y = Arrays(model)
    y.advance(x, u, params, dt_s)     x (N, ..., n) after dt_s (N,), by Euler's rule in substeps, the model asked inside its bounds
    y.observe(x, u, params)           what the sensors should read, (N, ..., m)
    y.severity(x, u, params)          of each failure mode, 1 at its threshold, (N, ..., modes)

u (N, k) and params (N, p) belong to the assets, the first axis of x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.numerics.sigma import cholesky
from didymos.numerics.ukf import substeps_for

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arrays:
    model: Model

    def inside(self, x: Array) -> Array:
        return np.clip(x, np.array(self.model.low, float), np.array(self.model.high, float))

    def advance(self, x: Array, u: Array, params: Array, dt_s: Array) -> Array:
        inputs, p = self._of_assets(u, params, x.ndim)
        steps = substeps_for(self.model, float(np.max(dt_s, initial=0.0)))
        h = (dt_s / steps).reshape(-1, *[1] * (x.ndim - 1))
        for _ in range(steps):
            x = x + h * self._stacked(self.model.rhs(self._state(x), inputs, p), x.shape[:-1])
        return x

    def observe(self, x: Array, u: Array, params: Array) -> Array:
        inputs, p = self._of_assets(u, params, x.ndim)
        return self._stacked(self.model.out(self._state(x), inputs, p), x.shape[:-1])

    def severity(self, x: Array, u: Array, params: Array) -> Array:
        inputs, p = self._of_assets(u, params, x.ndim)
        return self._stacked(self.model.severity(self._state(x), inputs, p), x.shape[:-1])

    def _state(self, x: Array) -> Any:
        return self.model.State(*np.moveaxis(self.inside(x), -1, 0))

    def _of_assets(self, u: Array, params: Array, ndim: int) -> tuple[Any, Any]:
        """Columns that broadcast against every axis of x but the last."""
        shape = (-1, *[1] * (ndim - 2))
        return self.model.Input(*(c.reshape(shape) for c in u.T)), self.model.Params(*(c.reshape(shape) for c in params.T))

    @staticmethod
    def _stacked(fields: Any, shape: tuple[int, ...]) -> Array:
        return np.stack([np.broadcast_to(np.asarray(v, float), shape) for v in fields], axis=-1)


def square_root(cov: Array) -> Array:
    """R (..., n, n) with cov = R R', also where a direction has no variance."""
    value, vector = np.linalg.eigh(cov)
    return vector * np.sqrt(np.clip(value, 0.0, None))[..., None, :]


def lower_root(cov: Array) -> Array:
    """Lower Cholesky factors (N, n, n); a direction without variance gets zeros."""
    n = cov.shape[-1]
    with np.errstate(all="ignore"):
        L = cholesky(np, [[cov[:, i, j] for j in range(i + 1)] for i in range(n)])
    return np.stack([np.stack([np.broadcast_to(v, cov.shape[:1]) for v in row], axis=-1) for row in L], axis=-2).astype(np.float64)
