"""What a channel shows of one machine: its cycles, from a part counter or from a program that runs.

Verified: tests/plant/test_join.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.series import Quality, Series


@dataclass(frozen=True, slots=True)
class Cycle:
    """One part made, or one run of the program. count > 1: the counter jumped, and nobody knows when each was made."""

    start_ns: int
    end_ns: int
    count: int = 1

    @property
    def middle_ns(self) -> int:
        return (self.start_ns + self.end_ns) // 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What a channel shows of one machine: its cycles, and from when to when there are samples."""

    cycles: tuple[Cycle, ...]
    spans: tuple[tuple[int, int], ...]
    tolerance_ns: int

    def covers(self, start_ns: int, end_ns: int) -> bool:
        return any(a <= start_ns + self.tolerance_ns and end_ns - self.tolerance_ns <= b for a, b in self.spans)


def cycles_of_counter(series: Series) -> Shown:
    """Each step up of a part counter ends a cycle that began at the step before. A gap, a bad sample or a reset begins anew."""
    cycles: list[Cycle] = []
    began: int | None = None
    last: float | None = None
    for time_ns, value, usable in _samples(series):
        if not usable:
            began = last = None
            continue
        if last is not None and value > last:
            if began is not None:
                cycles.append(Cycle(began, time_ns, round(value - last)))
            began = time_ns
        elif last is not None and value < last:
            began = None
        last = value
    return Shown(tuple(cycles), spans_of(series), 0)


def cycles_of_running(series: Series) -> Shown:
    """From where the program runs (above 0.5) to where it does not. A run that begins or ends in a gap is none."""
    cycles: list[Cycle] = []
    began: int | None = None
    was: bool | None = None
    for time_ns, value, usable in _samples(series):
        now = value > 0.5 if usable else None
        if was is False and now is True:
            began = time_ns
        elif now is False and was is True and began is not None:
            cycles.append(Cycle(began, time_ns))
        if now is not True:
            began = None
        was = now
    return Shown(tuple(cycles), spans_of(series), 0)


def spans_of(series: Series) -> tuple[tuple[int, int], ...]:
    """From when to when there are usable samples, cut at every gap."""
    usable = np.asarray(series.quality) <= Quality.UNCERTAIN
    spans: list[tuple[int, int]] = []
    for part in np.split(np.arange(len(series)), np.flatnonzero(~usable)):
        times: NDArray[np.int64] = series.time_ns[part[usable[part]]]
        if len(times):
            spans.append((int(times[0]), int(times[-1])))
    return tuple(spans)


def _samples(series: Series) -> Iterable[tuple[int, float, bool]]:
    usable = (np.asarray(series.quality) <= Quality.UNCERTAIN) & np.isfinite(series.value)
    return zip(series.time_ns.tolist(), series.value.tolist(), usable.tolist(), strict=True)


CYCLES_OF = {"counter": cycles_of_counter, "running": cycles_of_running}
