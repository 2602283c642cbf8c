"""Models run forward through given inputs, compiled: what commissioning evaluates thousands of times.

    run = open_loop_kernel(model)
    y = run(x0, u, machine, params, substeps, step_s)

The wear states stand still; the others take Euler substeps within the model's bounds. Row r uses the inputs of machine[r], so that
many parameter sets of one machine share its record. Naive reference: `infer.calibrate.simulate`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.numerics import cache
from didymos.numerics.kernels import model_function

Array = NDArray[np.float64]
Run = Callable[[Array, Array, NDArray[np.int64], Array, int, float], Array]

_RUN = """

@njit(**FLAGS)
def run(X0, U, machine, PAR, moves, low, high, substeps, dt, Y):
    n = X0.shape[1]
    x, dx = np.empty(n), np.empty(n)
    for r in range(X0.shape[0]):
        x[:] = X0[r]
        p = PAR[r : r + 1]
        for t in range(U.shape[1]):
            u = U[machine[r], t : t + 1]
            for _ in range(substeps):
                rhs(x, u, p, 0, dx)
                for i in range(n):
                    if moves[i]:
                        x[i] = min(max(x[i] + dt * dx[i], low[i]), high[i])
            out(x, u, p, 0, Y[r], t)
"""


@lru_cache(maxsize=64)
def open_loop_kernel(model: Model) -> Run:
    """x0 (R, n), u (N, T, k) complete, machine (R,), params (R, p) -> sensor readings (R, T, m). No argument is changed."""
    rhs = model_function(model, "rhs", "def rhs(x, U, PAR, a, dx):", "dx[{}]")
    out = model_function(model, "out", "def out(x, U, PAR, a, readings, k):", "readings[k, {}]")
    text = f"{cache.HEADER}\n\n@njit(**FLAGS)\n{rhs}\n\n@njit(**FLAGS)\n{out}{_RUN}"
    moves = np.array([name not in model.slow for name in model.State._fields])
    low, high = np.array(model.low, float), np.array(model.high, float)

    def run(x0: Array, u: Array, machine: NDArray[np.int64], params: Array, substeps: int, step_s: float) -> Array:
        readings = np.empty((len(x0), u.shape[1], model.n_sensors))
        kernel = cache.load(f"{model.name}_open_loop", text).run
        given = [np.require(a, np.float64, ("C", "W")) for a in (x0, u, params)]  # one layout: compiled once
        kernel(given[0], given[1], machine, given[2], moves, low, high, substeps, step_s / substeps, readings)
        return readings

    return run
