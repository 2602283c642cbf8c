"""Measured values: `Series` of one channel, `Batch` of many, `Waveform` at high rate, and the quality of each sample.

Every sample carries its source's UTC time in ns and a quality; bad data are marked, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Quality(IntEnum):
    """How far a sample may be believed; ordered from best to worst. The twin uses GOOD and UNCERTAIN only."""

    GOOD = 0
    UNCERTAIN = 1  # the source says so (OPC UA Uncertain)
    LATE = 2  # older than the rewind window when it came: stored, not folded into the belief
    STALE = 3  # the source repeats an old value, or has been silent too long
    OUT_OF_RANGE = 4  # outside the channel's plausible range
    CLOCK = 5  # source time runs backwards or lies in the future
    BAD = 6  # the source says so, or not a number
    GAP = 7  # no sample: from here until the next one nothing is known (value is NaN)

    @property
    def usable(self) -> bool:
        return self <= Quality.UNCERTAIN


AHEAD_NS = 86_400_000_000_000


def far_ahead(time_ns: NDArray[np.int64], quality: NDArray[np.uint8], now_ns: NDArray[np.int64] | int) -> NDArray[np.bool_]:
    """Bad samples (n,) that carry a time more than a day after `now_ns`: a server's "no value yet", stamped by another clock.
    They are stored, but they are not what their channel reads now."""
    return (quality >= Quality.CLOCK) & (time_ns > now_ns + AHEAD_NS)


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one channel: time_ns (n,) int64 UTC, value (n,) float64 in the channel's unit, quality (n,) uint8."""

    channel: str
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of several channels, column by column: what travels on the stream.

    channels  distinct channel (or, before binding, tag) names in this batch
    channel   (n,) uint16 index into `channels`
    time_ns   (n,) int64 source time, UTC
    value     (n,) float64
    quality   (n,) uint8
    source    id of the source that sent it
    sequence  the source's own running number; (source, sequence) names the batch for ever
    """

    channels: tuple[str, ...]
    channel: NDArray[np.uint16]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    source: str = ""
    sequence: int = 0

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class Waveform:
    """High-rate samples of one channel: the first at `start_ns`, then `rate_hz` a second, samples (n,) float32 in `unit`."""

    channel: str
    start_ns: int
    rate_hz: float
    samples: NDArray[np.float32]
    unit: str = ""
    quality: int = Quality.GOOD
    source: str = ""


def batch_of(rows: list[tuple[str, int, float, int]], source: str = "", sequence: int = 0) -> Batch:
    """[(channel, time_ns, value, quality)] -> Batch."""
    names = tuple(dict.fromkeys(row[0] for row in rows))
    place = {name: i for i, name in enumerate(names)}
    return Batch(
        names,
        np.fromiter((place[row[0]] for row in rows), np.uint16, len(rows)),
        np.fromiter((row[1] for row in rows), np.int64, len(rows)),
        np.fromiter((row[2] for row in rows), np.float64, len(rows)),
        np.fromiter((row[3] for row in rows), np.uint8, len(rows)),
        source,
        sequence,
    )
