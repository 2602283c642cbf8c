"""Counted cycles in a grid of range and mean: constant memory however long the load goes on.

    grid = empty(locations, largest_range=400e6, mean_low=-200e6, mean_high=200e6)
    state, grid = fold(state, grid, x)      the fastest way through a long record
    cells(grid, location)                   the filled cells as Cycles: range and mean of the cell, count as weight

A cell stands for its middle; with slope m and cells of width h a range r then costs about m(m-1)/24 (h/r)^2 too little or too much.
Ranges above `largest_range` lie in the last row, which is read at the largest range ever seen there (too much damage rather than
too little); means outside the grid lie in its edge. `outside` counts both, so that a grid drawn too small can be told.
Verified: tests/verify/test_fatigue.py.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError
from didymos.numerics import cache
from didymos.numerics.fatigue import rainflow
from didymos.numerics.fatigue.rainflow import Cycles, Rainflow

Array = NDArray[np.float64]
RANGES, MEANS = 64, 32


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cycles per cell (L, ranges, means), in the unit of the signal: width of a row; low edge and width of a column; largest range
    seen (L,); cycles outside the grid (L,). Goes through `formats.wire.pack` and back unchanged."""

    count: Array
    range_width: float
    mean_low: float
    mean_width: float
    largest: Array
    outside: Array


def empty(
    locations: int, largest_range: float, mean_low: float, mean_high: float, ranges: int = RANGES, means: int = MEANS
) -> Histogram:
    """A grid from 0 to largest_range and from mean_low to mean_high. DataError where an edge or a number makes no sense."""
    sound = largest_range > 0.0 and mean_high > mean_low and np.isfinite([largest_range, mean_low, mean_high]).all()
    if not sound or min(locations, ranges, means) < 1:
        raise DataError(
            f"fatigue histogram: ranges to {largest_range:g} in {ranges} rows, means {mean_low:g} to {mean_high:g} in {means} "
            f"columns, {locations} locations were given; give a range above 0, mean_low below mean_high, and at least one of each."
        )
    zero = np.zeros(locations)
    width = (mean_high - mean_low) / means
    return Histogram(np.zeros((locations, ranges, means)), largest_range / ranges, mean_low, width, zero, zero.copy())


def add(grid: Histogram, cycles: Cycles) -> Histogram:
    """The grid with these cycles in it; the old one stays as it was."""
    new = replace(grid, count=grid.count.copy(), largest=grid.largest.copy(), outside=grid.outside.copy())
    return _put(new, cycles)


def fold(state: Rainflow, grid: Histogram, x: ArrayLike) -> tuple[Rainflow, Histogram]:
    """Samples x (L, T) counted straight into a new grid, never holding more than a block of cycles."""
    samples = rainflow.samples_of(x, len(state.depth))
    if len(grid.largest) != len(samples):
        raise DataError(
            f"fatigue histogram: a grid of {len(grid.largest)} locations was given for {len(samples)}; make it with "
            f"empty({len(samples)}, ...)."
        )
    new = replace(grid, count=grid.count.copy(), largest=grid.largest.copy(), outside=grid.outside.copy())
    width = max(rainflow.NARROW, rainflow.BLOCK // len(samples))
    for begin in range(0, samples.shape[1], width):
        state, cycles = rainflow.step(state, samples[:, begin : begin + width])
        _put(new, cycles)
    return state, new


def cells(grid: Histogram, location: int) -> Cycles:
    """The filled cells of one location as cycles of the cell's middle, the last row at the largest range seen."""
    count = grid.count[location]
    row, column = np.nonzero(count)
    middle = ((row + 0.5) * grid.range_width).astype(np.float64)
    rows = len(count)
    middle[(row == rows - 1) & (grid.largest[location] > rows * grid.range_width)] = grid.largest[location]
    mean = (grid.mean_low + (column + 0.5) * grid.mean_width).astype(np.float64)
    return Cycles(np.full(len(row), location, np.int32), middle, mean, count[row, column])


def pile(PLACE, RANGE, MEAN, WEIGHT, range_width, mean_low, mean_width, COUNT, LARGEST, OUTSIDE):
    """Each cycle into its cell; runs compiled."""
    rows, columns = COUNT.shape[1], COUNT.shape[2]
    for i in range(len(PLACE)):
        l, size, mean = PLACE[i], RANGE[i], (MEAN[i] - mean_low) / mean_width
        row = size / range_width
        if row > rows or mean < 0.0 or mean > columns:
            OUTSIDE[l] += WEIGHT[i]
        LARGEST[l] = max(LARGEST[l], size)
        COUNT[l, int(min(row, rows - 1.0)), int(min(max(mean, 0.0), columns - 1.0))] += WEIGHT[i]


def _put(grid: Histogram, c: Cycles) -> Histogram:
    edges = grid.range_width, grid.mean_low, grid.mean_width
    _kernel().pile(c.location, c.range, c.mean, c.weight, *edges, grid.count, grid.largest, grid.outside)
    return grid


@lru_cache(maxsize=1)
def _kernel() -> ModuleType:
    text = f'from numba import njit\n\n\n@njit(cache=True, nogil=True, error_model="numpy")\n{inspect.getsource(pile)}'
    return cache.load("cycle_grid", text)
