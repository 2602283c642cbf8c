"""Random numbers by name, so that a run does not depend on how it is stepped.

at(seed, purpose, step)     a generator for one purpose at one time step; the same arguments give the same numbers
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def at(seed: int, purpose: str, step: int = 0) -> np.random.Generator:
    """Counter-based (Philox): independent streams for each (seed, purpose, step)."""
    key = np.array([seed & 0xFFFFFFFFFFFFFFFF, crc32(purpose.encode())], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, step], np.uint64)))


def spread(rng: np.random.Generator, value: float, relative: float, n: int) -> NDArray[np.float64]:
    """(n,) units of a part with nominal `value`: lognormal, `relative` standard deviation."""
    return value * np.exp(relative * rng.standard_normal(n))
