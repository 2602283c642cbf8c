"""Equal buckets of time, filled part by part: samples one day after another, or rows of a roll-up, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.series import Quality
from didymos.data.history.columns import Rows
from didymos.data.history.roll import HOUR_NS, MINUTE_NS, Rolled

UNCERTAIN = int(Quality.UNCERTAIN)
Row = tuple[int, float, float, float, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """At most `points` buckets from `start_ns` to `end_ns`, each `width_ns` long."""

    start_ns: int
    end_ns: int
    points: int

    @property
    def width_ns(self) -> int:
        return max(1, -(-(self.end_ns - self.start_ns) // self.points))

    def fits(self, step_ns: int) -> bool:
        """True when rows `step_ns` long fall into one bucket each."""
        return not self.start_ns % step_ns and not self.width_ns % step_ns and not self.end_ns % step_ns


class Filled:
    """count of values, sum, lowest, highest, worst quality of each bucket (points,)."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        n = max(1, -(-(grid.end_ns - grid.start_ns) // grid.width_ns))
        self.count = np.zeros(n, np.int64)
        self.total = np.zeros(n)
        self.low = np.full(n, np.inf)
        self.high = np.full(n, -np.inf)
        self.worst = np.full(n, -1, np.int64)

    def add(self, time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray) -> None:
        """Samples (n,) in time order; NaN is no value."""
        known = ~np.isnan(value)
        whole = bool(known.all())
        self.merge(
            time_ns,
            known.astype(np.int64) if not whole else None,
            value if whole else np.where(known, value, 0.0),
            value if whole else np.where(known, value, np.inf),
            value if whole else np.where(known, value, -np.inf),
            quality,
        )

    def merge(
        self, time_ns: NDArray[np.int64], count: NDArray | None, total: NDArray, low: NDArray, high: NDArray, worst: NDArray
    ) -> None:
        """Rows (n,) in time order that stand for `count` values each (None: one each), already summed."""
        if not len(time_ns):
            return
        edges = self.grid.start_ns + self.grid.width_ns * np.arange(len(self.count) + 1)
        first = np.searchsorted(time_ns, edges)
        filled = np.flatnonzero(first[1:] > first[:-1])
        starts = first[filled]
        sizes = first[filled + 1] - starts
        self.count[filled] += sizes if count is None else np.add.reduceat(count, starts)
        self.total[filled] += np.add.reduceat(total, starts)
        self.low[filled] = np.minimum(self.low[filled], np.minimum.reduceat(low, starts))
        self.high[filled] = np.maximum(self.high[filled], np.maximum.reduceat(high, starts))
        self.worst[filled] = np.maximum(self.worst[filled], np.maximum.reduceat(worst, starts))

    def rows(self) -> list[Row]:
        """(time_ns, min, mean, max, worst quality); NaN where a bucket has samples but no value; empty ones are left out."""
        at = np.flatnonzero(self.worst >= 0)
        n = self.count[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.total[at] / n
        low, high = (np.where(n > 0, x[at], np.nan) for x in (self.low, self.high))
        times = self.grid.start_ns + self.grid.width_ns * at
        return list(zip(times.tolist(), low.tolist(), mean.tolist(), high.tolist(), self.worst[at].tolist(), strict=True))


def serving(grid: Grid) -> int:
    """Length of the longest roll-up rows that fill this grid exactly, 0 = none."""
    return next((step for step in (HOUR_NS, MINUTE_NS) if grid.fits(step)), 0)


def as_parts(rows: Rolled, instead: bool) -> tuple[NDArray, ...]:
    """A roll-up's rows as `Filled.merge` takes them; UNCERTAIN or worse where they stand `instead` of samples that are gone."""
    rows = rows.take(rows.samples > 0)
    some = rows.n > 0
    worst = np.maximum(rows.worst, UNCERTAIN) if instead else rows.worst
    total = np.where(some, rows.mean * rows.n, 0.0)
    return rows.time_ns, rows.n, total, np.where(some, rows.low, np.inf), np.where(some, rows.high, -np.inf), worst


def as_samples(rows: Rolled) -> Rows:
    """The means of a roll-up as samples that are UNCERTAIN or worse: what is left where the samples were dropped."""
    rows = rows.take(rows.samples > 0)
    none = np.zeros(len(rows), np.int64)
    return Rows(rows.time_ns, rows.mean, np.maximum(rows.worst, UNCERTAIN).astype(np.uint8), none, none)
