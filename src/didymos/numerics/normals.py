"""Exact normal deviates for compiled kernels: a ziggurat of 256 strips on splitmix64, one counter-based stream per purpose.

A stream is one 64-bit word; its i-th word is mix(start + i golden), so a trajectory's numbers depend on (seed, asset,
trajectory, purpose) alone: not on order, threads or neighbours, and equal between branches of a what-if.
The functions run only in the generated file that `text` makes (64-bit wrap-around arithmetic of numba).
Sources: Marsaglia & Tsang, J. Stat. Software 5 (2000) 8; Steele, Lea & Flood, OOPSLA 2014; tail: Marsaglia 1964; truncated
normal: Robert, Statistics and Computing 5 (1995) 121. Verified: tests/numerics/test_normals.py.
"""

from __future__ import annotations

import inspect
import math
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from didymos.numerics import cache

GOLDEN, MIX_A, MIX_B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_11, LOW_8 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11), np.uint64(255)
SHIFT_32 = np.uint64(32)
TAIL = 3.6541528853610088  # right end of the last strip


def ziggurat_tables():
    """x (257): right ends of strips of equal area, x[0] that of the base strip with its tail; scaled x; exp(-x²/2)."""
    f_tail = math.exp(-0.5 * TAIL * TAIL)
    area = TAIL * f_tail + math.sqrt(0.5 * math.pi) * math.erfc(TAIL / math.sqrt(2.0))
    x = np.zeros(257)
    x[0], x[1] = area / f_tail, TAIL
    for i in range(1, 255):
        x[i + 1] = math.sqrt(-2.0 * math.log(area / x[i] + math.exp(-0.5 * x[i] * x[i])))
    return x, x * 2.0**-52, np.exp(-0.5 * x * x)


EDGE, EDGE_SCALED, HEIGHT = ziggurat_tables()


def mix(s):
    s = (s ^ (s >> SHIFT_30)) * MIX_A
    s = (s ^ (s >> SHIFT_27)) * MIX_B
    return s ^ (s >> SHIFT_31)


def stream(parent, number):
    """Start of the stream `number` below `parent`."""
    return mix((parent ^ mix(np.uint64(number) + GOLDEN)) + GOLDEN)


def uniform(s):
    """A number strictly between 0 and 1, and the stream's next state."""
    s = s + GOLDEN
    return (np.float64(mix(s) >> SHIFT_11) + 0.5) * 2.0**-53, s


def index(s, count):
    """An integer in 0 .. count - 1 (count below 2^32, bias below count/2^32), and the stream's next state."""
    s = s + GOLDEN
    return np.int64(((mix(s) >> SHIFT_32) * np.uint64(count)) >> SHIFT_32), s


def normal_slowly(strip, v, s):
    """The 1 % of cases that leave the strip's inner part: the tail, or the wedge under the curve. Third: accepted or not."""
    if strip == 0:
        while True:
            a, s = uniform(s)
            b, s = uniform(s)
            x = -math.log(a) / TAIL
            if -2.0 * math.log(b) > x * x:
                return (TAIL + x if v > 0 else -TAIL - x), s, True
    a, s = uniform(s)
    return v, s, HEIGHT[strip] + a * (HEIGHT[strip + 1] - HEIGHT[strip]) < math.exp(-0.5 * v * v)


def normal(s):
    """A standard normal deviate, and the stream's next state."""
    while True:
        s = s + GOLDEN
        word = mix(s)
        strip = np.int64(word & LOW_8)
        v = np.float64(np.int64(word) >> 11) * EDGE_SCALED[strip]
        if abs(v) < EDGE[strip + 1]:
            return v, s
        v, s, accepted = normal_slowly(strip, v, s)
        if accepted:
            return v, s


def normal_above(least, s):
    """A standard normal deviate given that it exceeds `least`, and the stream's next state."""
    if least < 0.5:
        while True:
            z, s = normal(s)
            if z > least:
                return z, s
    rate = 0.5 * (least + math.sqrt(least * least + 4.0))
    while True:
        a, s = uniform(s)
        b, s = uniform(s)
        z = least - math.log(a) / rate
        if b <= math.exp(-0.5 * (z - rate) * (z - rate)):
            return z, s


def fill(seed, first, out):
    """Stream `first + row` below `seed` into each row of `out`."""
    for row in range(out.shape[0]):
        s = stream(np.uint64(seed), first + row)
        for i in range(out.shape[1]):
            out[row, i], s = normal(s)


def deal(seed, step, part, first, out):
    """To asset `first + row`, for one part of one step: a uniform number, then normal ones."""
    dealt = stream(stream(np.uint64(seed), step), part)
    for row in range(out.shape[0]):
        s = stream(dealt, first + row)
        out[row, 0], s = uniform(s)
        for i in range(1, out.shape[1]):
            out[row, i], s = normal(s)


def fill_above(seed, least, out):
    s = stream(np.uint64(seed), 0)
    for i in range(out.shape[0]):
        out[i], s = normal_above(least, s)


FUNCTIONS = (mix, stream, uniform, index, normal_slowly, normal, normal_above, fill, deal, fill_above)


@lru_cache(maxsize=1)
def text() -> str:
    """The generated file: constants, tables and functions, compiled once for all models."""
    words = ("GOLDEN", "MIX_A", "MIX_B", "SHIFT_30", "SHIFT_27", "SHIFT_31", "SHIFT_11", "SHIFT_32", "LOW_8")
    lines = [f"{name} = np.uint64({int(globals()[name])})" for name in words] + [f"TAIL = {TAIL!r}"]
    tables = inspect.getsource(ziggurat_tables) + "\n\nEDGE, EDGE_SCALED, HEIGHT = ziggurat_tables()\n"
    functions = "".join(f"\n\n@njit(**FLAGS)\n{inspect.getsource(f)}" for f in FUNCTIONS)
    return cache.HEADER + "\n".join(lines) + "\n\n\n" + tables + functions


def module_name() -> str:
    return cache.module_name("normals", text())


def module() -> ModuleType:
    """The compiled functions; kernel files import what they need from it."""
    return cache.load("normals", text())


def normals(seed: int, streams: int, count: int, first: int = 0) -> NDArray[np.float64]:
    """(streams, count) standard normal deviates: `count` from each stream `first`, `first + 1`, ... below `seed`."""
    out = np.empty((streams, count))
    module().fill(seed, first, out)
    return out


def normals_above(seed: int, least: float, count: int) -> NDArray[np.float64]:
    """(count,) standard normal deviates, each above `least`."""
    out = np.empty(count)
    module().fill_above(seed, least, out)
    return out


def dealt(seed: int, step: int, part: int, asset: int, count: int) -> tuple[float, NDArray[np.float64]]:
    """What one asset is dealt for one part of one step: a uniform number and (count,) standard normal deviates."""
    out = np.empty((1, count + 1))
    module().deal(seed, step, part, asset, out)
    return float(out[0, 0]), out[0, 1:]
