"""Maps from the unit square to the regions that several cases share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from didymos.numerics.fe.mesh import Array, Block, block

Curve = Callable[[Array], Array]


def between(inner: Curve, outer: Curve) -> Callable[[Array], Array]:
    """s[0] from `inner` to `outer` along straight lines, s[1] along both curves."""
    return lambda s: inner(s[1]) * (1.0 - s[0]) + outer(s[1]) * s[0]


def arc(radius: float, begin_rad: float, end_rad: float) -> Curve:
    def at(s: Array) -> Array:
        angle = begin_rad + s * (end_rad - begin_rad)
        return radius * np.stack([np.cos(angle), np.sin(angle)])

    return at


def ellipse(a: float, b: float) -> Curve:
    """The quarter from (a, 0) to (0, b)."""
    return lambda s: np.stack([a * np.cos(s * np.pi / 2.0), b * np.sin(s * np.pi / 2.0)])


def line(begin: tuple[float, float], end: tuple[float, float]) -> Curve:
    p, q = np.array(begin)[:, None], np.array(end)[:, None]
    return lambda s: (p * (1.0 - s[None].reshape(1, -1)) + q * s[None].reshape(1, -1)).reshape(2, *np.shape(s))


def mirrored(to_space: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The reflection of a region at the line y = x, with its two sides exchanged so that it is not turned inside out."""
    return lambda s: to_space(s[::-1])[::-1]


def around_hole(radius: float, half_width: float, shape: tuple[int, int], grading: float) -> list[Block]:
    """Quarter of a square with a round hole: two blocks, each `shape` = (radial, along an eighth of the hole)."""
    eighth = between(arc(radius, 0.0, np.pi / 4.0), line((half_width, 0.0), (half_width, half_width)))
    return [block(shape, eighth, (grading, 1.0)), block(shape[::-1], mirrored(eighth), (1.0, grading))]


def on(distance: Callable[[Array], NDArray[np.float64]], reach: float) -> Callable[[Array], NDArray[np.bool_]]:
    """The region where `distance` is nearly zero."""
    return lambda x: np.abs(distance(x)) < reach
