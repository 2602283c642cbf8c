"""Roll-ups of a closed day: one row a channel and minute, and one a channel and hour.

samples, n          rows in it; those of them that carry a value
low, mean, high     of the values, whatever their quality            worst   quality
seconds, held       for how long a trusted value was known, and its mean over that time. A sample holds until the next one of its
                    channel, at most to the end of its UTC day; one that is worse than LATE, or has no value, holds nothing

A row without samples (samples = 0) says what was held on. Rows are as known when the day was closed; asked about what was known
earlier, only the samples themselves can answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from didymos.data.history.columns import Rows, columns_of, folded, joined, times_of
from didymos.data.history.tables import DAY_NS, FOREVER, LATE, ROLLED, arrow, numbers

MINUTE_NS, HOUR_NS = 60_000_000_000, 3_600_000_000_000
STEP_NS = {"minutes": MINUTE_NS, "hours": HOUR_NS}
Array = NDArray


@dataclass(frozen=True, slots=True)
class Rolled:
    """Rows (n,) of one channel in time order; see the head of the file."""

    time_ns: Array
    samples: Array
    n: Array
    low: Array
    mean: Array
    high: Array
    worst: Array
    seconds: Array
    held: Array

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, which: object) -> Rolled:
        return Rolled(*(getattr(self, name)[which] for name in NAMES))


NAMES = ("time_ns", "samples", "n", "low", "mean", "high", "worst", "seconds", "held")
NO_ROWS = Rolled(*(np.empty(0, np.int64 if name in ("time_ns", "samples", "n", "worst") else float) for name in NAMES))


def rolled(rows: Rows, step_ns: int) -> Rolled:
    """`rows`: folded samples of one channel, all of one UTC day."""
    day_ns = int(rows.time_ns[0]) // DAY_NS * DAY_NS
    n = DAY_NS // step_ns
    edges = day_ns + step_ns * np.arange(n + 1)
    first = np.searchsorted(rows.time_ns, edges)
    filled = np.flatnonzero(first[1:] > first[:-1])
    starts = first[filled]
    value, known = rows.value, ~np.isnan(rows.value)
    count, total, low, high, worst = _blank(n)
    count[filled] = np.add.reduceat(known.astype(np.int64), starts)
    total[filled] = np.add.reduceat(np.where(known, value, 0.0), starts)
    low[filled] = np.minimum.reduceat(np.where(known, value, np.inf), starts)
    high[filled] = np.maximum.reduceat(np.where(known, value, -np.inf), starts)
    worst[filled] = np.maximum.reduceat(rows.quality.astype(np.int64), starts)
    seconds, area, on = held(rows, day_ns, edges)
    worst = np.where(worst < 0, on, worst)
    some = (np.diff(first) > 0) | (seconds > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = Rolled(
            edges[:-1], np.diff(first), count, np.where(count > 0, low, np.nan), total / count,
            np.where(count > 0, high, np.nan), worst, seconds, area / seconds,
        )  # fmt: skip
    return found.take(some)


def _blank(n: int) -> tuple[Array, Array, Array, Array, Array]:
    return np.zeros(n, np.int64), np.zeros(n), np.full(n, np.inf), np.full(n, -np.inf), np.full(n, -1, np.int64)


def held(rows: Rows, day_ns: int, edges: Array) -> tuple[Array, Array, Array]:
    """Per step: seconds with a trusted value, its integral over them, quality of the sample that held at its start."""
    at = (rows.time_ns - day_ns) / 1e9
    lasting = np.diff(np.append(at, DAY_NS / 1e9))
    trusted = (rows.quality <= LATE) & ~np.isnan(rows.value)
    knots = np.append(at, DAY_NS / 1e9)
    known_s = np.append(0.0, np.cumsum(np.where(trusted, lasting, 0.0)))
    value = np.where(trusted, rows.value, 0.0)
    middle = float(value[trusted].mean()) if trusted.any() else 0.0  # so that the sum stays small beside its parts
    area = np.append(0.0, np.cumsum(np.where(trusted, (value - middle) * lasting, 0.0)))
    where = (edges - day_ns) / 1e9
    seconds = np.diff(np.interp(where, knots, known_s))
    seconds[seconds < 1e-9] = 0.0
    before = np.searchsorted(rows.time_ns, edges[:-1], "right") - 1
    on = np.where(before >= 0, rows.quality[np.maximum(before, 0)], 0).astype(np.int64)
    return seconds, np.diff(np.interp(where, knots, area)) + middle * seconds, on


def coarser(fine: Rolled, step_ns: int) -> Rolled:
    """Rows of longer steps out of those of shorter ones."""
    if not len(fine):
        return fine
    at = fine.time_ns // step_ns * step_ns
    starts = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
    samples, n, seconds = (np.add.reduceat(x, starts) for x in (fine.samples, fine.n, fine.seconds))
    total = np.add.reduceat(np.where(fine.n > 0, fine.mean * fine.n, 0.0), starts)
    area = np.add.reduceat(np.where(fine.seconds > 0, fine.held * fine.seconds, 0.0), starts)
    low = np.minimum.reduceat(np.where(fine.n > 0, fine.low, np.inf), starts)
    high = np.maximum.reduceat(np.where(fine.n > 0, fine.high, -np.inf), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Rolled(
            at[starts], samples, n, np.where(n > 0, low, np.nan), total / n, np.where(n > 0, high, np.nan),
            np.maximum.reduceat(fine.worst, starts), seconds, area / seconds,
        )  # fmt: skip


def with_late(before: Rolled, late: Rolled) -> Rolled:
    """A roll-up whose samples are gone, with late ones added: counts and limits take them in, what was held stays."""
    time_ns = np.concatenate([before.time_ns, late.time_ns])
    own = np.isin(late.time_ns, before.time_ns)
    joint = Rolled(*(np.concatenate([getattr(before, name), getattr(late, name)]) for name in NAMES))
    seconds = joint.seconds.copy()
    seconds[len(before) :][own] = 0.0
    joint = Rolled(*(seconds if name == "seconds" else getattr(joint, name) for name in NAMES))
    order = np.argsort(time_ns, kind="stable")
    step = MINUTE_NS if (time_ns % HOUR_NS).any() else HOUR_NS
    return coarser(joint.take(order), step)


def channels(path: str) -> Iterator[tuple[str, Rows]]:
    """(channel, its samples, folded) of a closed day file, one after another."""
    with pq.ParquetFile(path, read_dictionary=["channel"]) as file:
        name, parts = "", []
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group, columns=["channel", *columns_of(path)], use_threads=False).combine_chunks()
            codes = table["channel"].chunk(0)
            index, listed = numbers(codes.indices), codes.dictionary.to_pylist()
            time_ns, known_ns = times_of(table, path)
            quality = numbers(table["quality"]).astype(np.uint8)
            rows = Rows(time_ns, numbers(table["value"]), quality, numbers(table["sequence"]), known_ns)
            starts = np.flatnonzero(np.append(True, index[1:] != index[:-1])).tolist()
            for first, last in zip(starts, [*starts[1:], len(index)], strict=True):
                if parts and listed[index[first]] != name:
                    yield name, folded(joined(parts), FOREVER, FOREVER)
                    parts = []
                name = listed[index[first]]
                parts.append(rows.take(slice(first, last)))
        if parts:
            yield name, folded(joined(parts), FOREVER, FOREVER)


def write(part: Path, found: Iterator[tuple[str, Rolled]]) -> None:
    """A roll-up's file: rows of channels that come in order."""
    numbers = {"time_ns": "DELTA_BINARY_PACKED", "samples": "DELTA_BINARY_PACKED", "n": "DELTA_BINARY_PACKED"}
    split = dict.fromkeys(("low", "mean", "high", "seconds", "held"), "BYTE_STREAM_SPLIT")
    with pq.ParquetWriter(
        part, ROLLED, compression="zstd", compression_level=6, version="2.6", data_page_version="2.0", store_schema=False,
        use_dictionary=["channel", "worst"], write_statistics=["channel", "time_ns"],  # type: ignore[arg-type]
        column_encoding={**numbers, **split},  # type: ignore[arg-type]
    ) as writer:  # fmt: skip
        held: list[tuple[str, Rolled]] = []
        for name, rows in found:
            held.append((name, rows))
            if sum(len(r) for _, r in held) > 60_000:
                writer.write_table(_table(held))
                held = []
        if held:
            writer.write_table(_table(held))


def _table(held: list[tuple[str, Rolled]]) -> pa.Table:
    place = np.repeat(np.arange(len(held), dtype=np.int32), [len(rows) for _, rows in held])
    channel = pa.DictionaryArray.from_arrays(arrow(place, pa.int32()), arrow([name for name, _ in held], pa.string()))
    columns = [arrow(np.concatenate([getattr(rows, field.name) for _, rows in held]), field.type) for field in list(ROLLED)[1:]]
    return pa.Table.from_arrays([channel.cast(pa.string()), *columns], schema=ROLLED)


def of_table(table: pa.Table) -> Rolled:
    return Rolled(*(numbers(table[name]) for name in NAMES))


def rows_of(path: str) -> Iterator[tuple[str, Rolled]]:
    """(channel, rows) of a roll-up's file, one channel after another."""
    with pq.ParquetFile(path) as file:
        name, parts = "", []
        for group in range(file.metadata.num_row_groups):
            table = file.read_row_group(group, use_threads=False).combine_chunks()
            names, rows = table["channel"].to_pylist(), of_table(table)
            starts = [0, *(i for i in range(1, len(names)) if names[i] != names[i - 1])]
            for first, last in zip(starts, [*starts[1:], len(names)], strict=True):
                if parts and names[first] != name:
                    yield name, _joined(parts)
                    parts = []
                name = names[first]
                parts.append(rows.take(slice(first, last)))
        if parts:
            yield name, _joined(parts)


def _joined(parts: list[Rolled]) -> Rolled:
    return parts[0] if len(parts) == 1 else Rolled(*(np.concatenate([getattr(p, name) for p in parts]) for name in NAMES))
