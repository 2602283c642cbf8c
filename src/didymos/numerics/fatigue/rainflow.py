"""Rainflow counting of endless load signals, many locations at a time.

    state = init(locations, gate=2e6)
    state, cycles = step(state, x)          x (locations, T); `cycles` are those that closed, with range and mean
    rest = residue(state)                   what an end now would add; for a report only, the state does not change

Rule: ASTM E1049-85 5.4.4. With the last three turning points, X the newest range and Y the one before: X < Y waits; else Y is
a full cycle, or half a cycle when it holds the first point of the history, which is then dropped. An end counts the last sample as
a turning point and each range left as half a cycle; only `residue` does so, so that a report never changes what comes after.
How the samples are cut into steps changes neither cycles nor state, to the byte.
Steps of 1e4 to 1e6 samples over all locations are fastest; a long record is folded (`histogram.fold`).

Missing samples: what is not a finite number is skipped and counted in `missing`; counting goes on with the next number. Extremes
inside a gap are unknown, so the count is then a lower bound, and `missing` says by how much to doubt it.
Gate: a reversal counts once the signal has come back by more than `gate` (in the unit of x); smaller ranges are noise.
Memory: a residue holds ranges that only shrink, 10 to 40 of them in practice; where one needs more than its row holds, the
rows double, up to LONGEST. Beyond that (a decaying oscillation of thousands of swings) a DataError asks for a gate.
Verified: tests/verify/test_fatigue.py; naive version tests/naive/naive_rainflow.py; speed `didymos bench fatigue`.
"""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError
from didymos.numerics import cache
from didymos.numerics.fatigue import rainflow_source as source

Array = NDArray[np.float64]

CAPACITY = 64
LONGEST = 4096
BLOCK, NARROW = 1 << 15, 256  # samples counted into one set of buffers; but at least so many of each location


@dataclass(frozen=True, slots=True)
class Rainflow:
    """Where counting stands, L locations: residue (L, C) of which depth (L,) points are in use, the running extreme and its
    direction (0 = none yet: residue and extreme then hold the lowest and highest so far), samples skipped. Goes
    through `formats.wire.pack` and back unchanged."""

    residue: Array
    depth: NDArray[np.int32]
    last: Array
    way: NDArray[np.int8]
    missing: NDArray[np.int64]
    gate: float


@dataclass(frozen=True, slots=True)
class Cycles:
    """Counted cycles (k,): location, range and mean in the signal's unit, weight 1 or 0.5. In order within a location."""

    location: NDArray[np.int32]
    range: Array
    mean: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.range)

    def at(self, location: int) -> Cycles:
        """Those of one location."""
        mine = self.location == location
        return Cycles(self.location[mine], self.range[mine], self.mean[mine], self.weight[mine])


def init(locations: int = 1, gate: float = 0.0) -> Rainflow:
    """Nothing seen yet. DataError without a location or with a gate that is not a finite number >= 0."""
    if locations < 1:
        raise DataError(f"rainflow: {locations} locations were given; give 1 or more.")
    if not (np.isfinite(gate) and gate >= 0.0):
        raise DataError(f"rainflow: gate {gate!r} is not allowed; give a range >= 0 in the unit of the signal, 0 for no gate.")
    nothing = np.zeros(locations)
    depth, way = np.zeros(locations, np.int32), np.zeros(locations, np.int8)
    return Rainflow(np.zeros((locations, CAPACITY)), depth, nothing, way, np.zeros(locations, np.int64), float(gate))


def step(state: Rainflow, x: ArrayLike) -> tuple[Rainflow, Cycles]:
    """Samples x (L, T), or (T,) for one location, into a new state and the cycles they closed. The old state stays as it was, also
    when a DataError says that x has another number of locations or that a residue is longer than LONGEST."""
    samples = samples_of(x, len(state.depth))
    capacity = state.residue.shape[1]
    while True:
        new = _copy(state, capacity)
        parts, full = _counted(new, samples)
        if full is None:
            return new, joined(*parts)
        if capacity >= LONGEST:
            raise DataError(
                f"rainflow: location {full} holds {capacity} shrinking ranges that never close; nothing was counted of this step. "
                "Set `gate` to the range below which the signal is noise."
            )
        capacity *= 2


def residue(state: Rainflow) -> Cycles:
    """Cycles that an end of the history now would add to those already given out."""
    work = np.concatenate([state.residue, np.zeros((len(state.depth), 1))], axis=1)
    place, *columns = _buffers(int(state.depth.sum()) + len(state.depth))
    count = _kernel().finish(work, state.depth.copy(), state.last.copy(), state.way.copy(), place, *columns)  # unpacked: read-only
    return _first(count, place, *columns)


def joined(*parts: Cycles) -> Cycles:
    """Several counts as one, in the order given."""
    if not parts:
        return Cycles(*_buffers(0))
    if len(parts) == 1:
        return parts[0]
    place = np.concatenate([p.location for p in parts])
    return Cycles(place, *(np.concatenate([getattr(p, name) for p in parts]) for name in ("range", "mean", "weight")))


def samples_of(x: ArrayLike, locations: int) -> Array:
    """x as rows (locations, T), or a DataError that says what was given and what is needed."""
    try:
        given = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"rainflow: the samples are not numbers ({error}); give an array (locations, samples).") from None
    rows = given[None, :] if given.ndim == 1 and locations == 1 else given
    if rows.ndim != 2 or rows.shape[0] != locations:
        raise DataError(
            f"rainflow: samples of shape {given.shape} were given to a state of {locations} locations; "
            f"give ({locations}, samples), one row per location, time along the row."
        )
    return np.ascontiguousarray(rows)


def _copy(state: Rainflow, capacity: int) -> Rainflow:
    rows = np.zeros((len(state.depth), capacity))
    rows[:, : state.residue.shape[1]] = state.residue
    return Rainflow(rows, state.depth.copy(), state.last.copy(), state.way.copy(), state.missing.copy(), state.gate)


def _counted(new: Rainflow, samples: Array) -> tuple[list[Cycles], int | None]:
    """Counts into `new`, block by block so that the buffers stay in the processor's cache; the location that is full, if one is."""
    locations, length = samples.shape
    width = min(length, max(NARROW, BLOCK // locations))
    buffers = _scratch(width, locations * width + int(new.depth.sum()))
    arrays = (new.residue, new.depth, new.last, new.way, new.missing, *buffers)
    parts = []
    for begin in range(0, length, max(1, width)):
        count = _kernel().stream(samples, begin, min(begin + width, length), new.gate, *arrays)
        if count < 0:
            return parts, -1 - count
        parts.append(_first(count, *buffers[1:]))
    return parts, None


def _first(rows: int, place: NDArray[np.int32], size: Array, mean: Array, weight: Array) -> Cycles:
    return Cycles(place[:rows].copy(), size[:rows].copy(), mean[:rows].copy(), weight[:rows].copy())


def _buffers(rows: int) -> tuple[NDArray[np.int32], Array, Array, Array]:
    return np.empty(rows, np.int32), np.empty(rows), np.empty(rows), np.empty(rows)


_room = threading.local()


def _scratch(points: int, rows: int) -> tuple[Array, NDArray[np.int32], Array, Array, Array]:
    """Room for one block, kept for the thread's next call: fresh pages would cost as much as the counting."""
    kept = getattr(_room, "kept", None)
    if kept is None or len(kept[0]) < points or len(kept[1]) < rows:
        kept = _room.kept = (np.empty(points), *_buffers(rows))
    return kept


def kernel_text() -> str:
    """The kernel file: no fast-math flags, since the order of equal ranges decides what closes."""
    constants = f"HALF, FULL = {source.HALF!r}, {source.FULL!r}\n"
    functions = (source.turning_points, source.close, source.begun, source.stream, source.finish)
    bodies = "".join(f'\n\n@njit(cache=True, nogil=True, error_model="numpy")\n{inspect.getsource(f)}' for f in functions)
    return f"from numba import njit\n\n{constants}{bodies}"


@lru_cache(maxsize=1)
def _kernel() -> ModuleType:
    return cache.load("rainflow", kernel_text())
