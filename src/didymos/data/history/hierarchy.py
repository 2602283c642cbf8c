"""One channel of many assets as one row of numbers: the roll-up along the ISA-95 hierarchy, weighted by time.

In each bucket every channel has a time-weighted mean: a sample holds until the next one, at most to the end of its UTC day, never
beyond now (see `roll`). how = sum, min, max of those means, or mean: over all channels and all the time for which each was known.
Buckets of a minute or more are whole minutes, and begin with one, so that roll-ups answer them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.data.history.buckets import UNCERTAIN, Grid, serving
from didymos.data.history.columns import Rows
from didymos.data.history.reading import Reader
from didymos.data.history.roll import HOUR_NS, MINUTE_NS, Rolled, held
from didymos.data.history.tables import DAY_NS, FOREVER

Row = tuple[int, float, int, int, float]  # time_ns, value, worst quality, channels that were known, seconds for which
HOWS = ("sum", "mean", "min", "max")
MOST = 20_000  # days of channels in one question


def grid_of(start_ns: int, end_ns: int, points: int) -> Grid:
    """At most `points` buckets over [start, end), of whole minutes or hours where they are that long."""
    width = max(1, -(-(end_ns - start_ns) // points))
    step = HOUR_NS if width >= HOUR_NS else MINUTE_NS if width >= MINUTE_NS else 1
    first, last = start_ns // step * step, -(-end_ns // step) * step
    width = -(-width // step) * step
    n = max(1, min(points, -(-(last - first) // width)))
    return Grid(first, first + n * width, n)


def rollup(reader: Reader, channels: Sequence[str], how: str, grid: Grid, now_ns: int) -> list[Row]:
    """One row a bucket in which any of `channels` was known."""
    if how not in HOWS:
        raise DataError(f"rollup: how = {how!r} is not known; allowed are {', '.join(HOWS)}")
    days = -(-(grid.end_ns - grid.start_ns) // DAY_NS) + 1
    if len(channels) * days > MOST:
        raise DataError(
            f"rollup: {len(channels)} channels over {days} days are more than {MOST} days of channels. Ask for a shorter time "
            "or a lower level."
        )
    n = grid.points
    area, seconds, total = np.zeros(n), np.zeros(n), np.zeros(n)
    known, worst = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    least, most = np.full(n, np.inf), np.full(n, -np.inf)
    for channel in channels:
        own_area, own_seconds, own_worst = weighted(reader, channel, grid, now_ns)
        on = own_seconds > 0
        mean = np.divide(own_area, own_seconds, out=np.zeros(n), where=on)
        area, seconds, total, known = area + own_area, seconds + own_seconds, total + mean, known + on
        least, most = np.where(on, np.minimum(least, mean), least), np.where(on, np.maximum(most, mean), most)
        worst = np.where(on, np.maximum(worst, own_worst), worst)
    value = {"sum": total, "min": least, "max": most, "mean": np.divide(area, seconds, out=np.zeros(n), where=seconds > 0)}[how]
    at = np.flatnonzero(known)
    columns = (grid.start_ns + grid.width_ns * at, value[at], np.maximum(worst[at], 0), known[at], seconds[at])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def weighted(reader: Reader, channel: str, grid: Grid, now_ns: int) -> tuple[NDArray, NDArray, NDArray]:
    """(integral of the value over time, seconds for which it was known, worst quality) of each bucket."""
    area, seconds = np.zeros(grid.points), np.zeros(grid.points)
    worst, on = np.full(grid.points, -1, np.int64), np.full(grid.points, -1, np.int64)
    first, last = grid.start_ns // DAY_NS * DAY_NS, -(-grid.end_ns // DAY_NS) * DAY_NS  # what held at a bucket's start counts too
    for rows in reader.days(channel, first, last, FOREVER, FOREVER, serving(grid)):
        if isinstance(rows, Rows):
            _add_samples(rows, grid, now_ns, area, seconds, worst, on)
        else:
            gone = reader.dropped(int(rows.time_ns[0]) // DAY_NS)
            _add_rolled(rows, grid, gone, area, seconds, worst, on)
    return area, seconds, np.where(worst >= 0, worst, on)


def _add_rolled(rows: Rolled, grid: Grid, gone: bool, area: NDArray, seconds: NDArray, worst: NDArray, on: NDArray) -> None:
    rows = rows.take((rows.time_ns >= grid.start_ns) & (rows.time_ns < grid.end_ns))
    at = (rows.time_ns - grid.start_ns) // grid.width_ns
    np.add.at(area, at, np.where(rows.seconds > 0, rows.held * rows.seconds, 0.0))
    np.add.at(seconds, at, rows.seconds)
    quality = np.maximum(rows.worst, UNCERTAIN) if gone else rows.worst
    for kept, which in ((worst, rows.samples > 0), (on, rows.samples == 0)):
        np.maximum.at(kept, at[which], quality[which])


def _add_samples(rows: Rows, grid: Grid, now_ns: int, area: NDArray, seconds: NDArray, worst: NDArray, on: NDArray) -> None:
    day_ns = int(rows.time_ns[0]) // DAY_NS * DAY_NS
    low = max(0, (day_ns - grid.start_ns) // grid.width_ns)
    high = min(grid.points, -(-(day_ns + DAY_NS - grid.start_ns) // grid.width_ns))
    if high <= low:
        return
    edges = grid.start_ns + grid.width_ns * np.arange(low, high + 1)
    until = np.clip(edges, day_ns, max(day_ns, min(day_ns + DAY_NS, now_ns)))
    known_s, integral, quality = held(rows, day_ns, until)
    area[low:high] += integral
    seconds[low:high] += known_s
    np.maximum.at(on, np.arange(low, high)[known_s > 0], quality[known_s > 0])
    inside = (rows.time_ns >= edges[0]) & (rows.time_ns < edges[-1])
    np.maximum.at(worst, (rows.time_ns[inside] - grid.start_ns) // grid.width_ns, rows.quality[inside].astype(np.int64))
