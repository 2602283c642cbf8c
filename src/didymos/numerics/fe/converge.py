"""Where a value goes when the mesh gets finer: observed order, extrapolated limit, and an estimate of the error that is left.

`levels` are elements along a side, rising; they need not double. Source: Richardson 1911; Roache, J. Fluids Eng. 116 (1994) 405 for
the safety factor 1.25 with an observed order. Verified: tests/verify/test_fe.py, tests/verify/test_fe_converge.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from scipy.optimize import brentq

EXACT = 1e-9  # of the value: a change this small is rounding
SAFETY = 1.25
LEAST_ORDER, MOST_ORDER = 0.5, 6.0  # an order outside is taken as chance


@dataclass(frozen=True, slots=True)
class Converged:
    """Values of the meshes, order (None: exact, or no order was seen), limit (None without one), error of the finest value."""

    values: tuple[float, ...]
    order: float | None
    limit: float | None
    error: float
    remark: str


def converged(values: Sequence[float], levels: Sequence[float]) -> Converged:
    """Of the three finest of these meshes. Without an order the error is the largest change among them, and there is no limit."""
    order = observed_order(values, levels)
    finest = values[-1]
    if order is None:
        return Converged(tuple(values), None, finest, 0.0, "the same on every mesh")
    if not isfinite(order) or not LEAST_ORDER <= order <= MOST_ORDER:
        seen = "not monotone" if not isfinite(order) else f"order {order:.2f}"
        grows = abs(values[-1] - values[-2]) > abs(values[-2] - values[-3])
        remark = "the changes grow: a singular point, or meshes too coarse" if grows else f"{seen}: refine further"
        return Converged(tuple(values), None, None, max(values[-3:]) - min(values[-3:]), remark)
    limit = extrapolated(values, levels, min(order, 4.0))
    sober = extrapolated(values, levels, min(order, 2.0))  # a high order may be chance: the error is not judged by it
    return Converged(tuple(values), order, limit, SAFETY * abs(finest - sober), "")


def extrapolated(values: Sequence[float], levels: Sequence[float], order: float) -> float:
    """Richardson: the limit of v(h) = v + c h^order through the two finest meshes."""
    coarse, fine = values[-2], values[-1]
    return fine + (fine - coarse) / ((levels[-1] / levels[-2]) ** order - 1.0)


def observed_order(values: Sequence[float], levels: Sequence[float]) -> float | None:
    """p of v(h) = v + c h^p through the three finest meshes; None when they are equal, nan when no p fits (not monotone)."""
    first, second = values[-3] - values[-2], values[-2] - values[-1]
    if max(abs(first), abs(second)) <= EXACT * abs(values[-1]):
        return None
    h = [1.0 / n for n in levels[-3:]]
    if second == 0.0 or first / second <= 0.0:
        return float("nan")

    def gap(p: float) -> float:
        return (h[0] ** p - h[1] ** p) - first / second * (h[1] ** p - h[2] ** p)

    return float(brentq(gap, 0.05, 20.0)) if gap(0.05) * gap(20.0) < 0.0 else float("nan")  # pyright: ignore[reportArgumentType]
