"""One channel's samples as columns: from the closed days by the row groups' statistics, and folded to what was known.

DuckDB needs about 60 ms to read one tag's day through a view that removes repeats; the two or three row groups that can hold the
tag, read by themselves, need about three.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.data.history.tables import LATE, numbers
from didymos.data.history.ticks import PREFIX

OPEN = 24  # footers kept


@dataclass(frozen=True, slots=True)
class Rows:
    """Samples (n,) of one channel: time_ns, value, quality, sequence, known_ns."""

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    sequence: NDArray[np.int64]
    known_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, which: Any) -> Rows:
        return Rows(self.time_ns[which], self.value[which], self.quality[which], self.sequence[which], self.known_ns[which])


NOTHING = Rows(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))


def joined(parts: list[Rows]) -> Rows:
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    return Rows(
        np.concatenate([p.time_ns for p in parts]),
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.quality for p in parts]),
        np.concatenate([p.sequence for p in parts]),
        np.concatenate([p.known_ns for p in parts]),
    )


def folded(rows: Rows, known_ns: int, sequence: int) -> Rows:
    """One row for each time, in time order: the last one known at `known_ns` and numbered up to `sequence`. A last row that is LATE
    and says no other value keeps the quality that the value had before."""
    if len(rows) and (int(rows.known_ns.max()) > known_ns or int(rows.sequence.max()) > sequence):
        rows = rows.take((rows.known_ns <= known_ns) & (rows.sequence <= sequence))
    t = rows.time_ns
    if len(rows) < 2 or bool((t[1:] > t[:-1]).all()):
        return rows
    if not bool(((t[1:] > t[:-1]) | ((t[1:] == t[:-1]) & (rows.sequence[1:] >= rows.sequence[:-1]))).all()):
        rows = rows.take(np.lexsort((rows.sequence, rows.time_ns)))
        t = rows.time_ns
    starts = np.flatnonzero(np.append(True, t[1:] != t[:-1]))
    last = np.append(starts[1:], len(t)) - 1
    before = np.maximum.reduceat(np.where(rows.quality != LATE, np.arange(len(t)), -1), starts)
    same = (rows.value[last] == rows.value[before]) | (np.isnan(rows.value[last]) & np.isnan(rows.value[before]))
    repeat = (rows.quality[last] == LATE) & (before >= 0) & same
    quality = np.where(repeat, rows.quality[before], rows.quality[last]).astype(np.uint8)
    return Rows(t[last], rows.value[last], quality, rows.sequence[last], rows.known_ns[last])


@dataclass(frozen=True, slots=True)
class _Footer:
    metadata: pq.FileMetaData
    first: list[str]  # channel of each row group's first and last row
    last: list[str]


@final
class DayFiles:
    """Reads closed day files by channel. Files never change, so their footers are kept."""

    def __init__(self) -> None:
        self._footers: OrderedDict[str, _Footer] = OrderedDict()
        self._lock = Lock()

    def _footer(self, path: str) -> _Footer:
        with self._lock:
            if path in self._footers:
                self._footers.move_to_end(path)
                return self._footers[path]
        metadata = pq.read_metadata(path)
        found = [metadata.row_group(i).column(0).statistics for i in range(metadata.num_row_groups)]
        footer = _Footer(metadata, [s.min for s in found], [s.max for s in found])
        with self._lock:
            self._footers[path] = footer
            if len(self._footers) > OPEN:
                self._footers.popitem(last=False)
        return footer

    def rows(self, path: str, channel: str, start_ns: int, end_ns: int) -> Rows:
        """Samples of `channel` with start <= time < end. DataError that names a file that cannot be read."""
        try:
            table = self.table(path, channel, columns_of(path))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}. See the historian's state") from error
        if table is None:
            return NOTHING
        time_ns, known_ns = times_of(table, path)
        quality, sequence = numbers(table["quality"]).astype(np.uint8), numbers(table["sequence"])
        rows = Rows(time_ns, numbers(table["value"]), quality, sequence, known_ns)
        if len(rows) and start_ns <= int(time_ns[0]) and int(time_ns[-1]) < end_ns:
            return rows
        first, last = np.searchsorted(time_ns, [start_ns, end_ns])
        return rows.take(slice(int(first), int(last)))

    def table(self, path: str, channel: str, columns: list[str]) -> pa.Table | None:
        """Rows of `channel` in the sorted file `path`, None where it has none."""
        footer = self._footer(path)
        groups = [i for i, (a, b) in enumerate(zip(footer.first, footer.last, strict=True)) if a <= channel <= b]
        if not groups:
            return None
        alone = all(footer.first[i] == footer.last[i] for i in groups)
        with pq.ParquetFile(path, metadata=footer.metadata, read_dictionary=[] if alone else ["channel"]) as file:
            if alone:
                return file.read_row_groups(groups, columns=columns, use_threads=False)
            table = file.read_row_groups(groups, columns=["channel", *columns], use_threads=False)
        names = table["channel"].unify_dictionaries().combine_chunks()
        listed = names.dictionary.to_pylist()
        if channel not in listed:
            return None
        which = np.flatnonzero(numbers(names.indices) == listed.index(channel))
        return table.slice(int(which[0]), len(which)) if len(which) else None


def columns_of(path: str) -> list[str]:
    if Path(path).name.startswith(PREFIX):
        return ["time", "tick_ns", "value", "quality", "sequence", "known", "known_tick_ns"]
    return ["time_ns", "value", "quality", "sequence", "known_ns"]


def times_of(table: pa.Table, path: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """time_ns and known_ns (n,)."""
    if not Path(path).name.startswith(PREFIX):
        return numbers(table["time_ns"]), numbers(table["known_ns"])
    return numbers(table["time"]) * numbers(table["tick_ns"]), numbers(table["known"]) * numbers(table["known_tick_ns"])


def hot_rows(cursor: duckdb.DuckDBPyConnection, channel: str, start_ns: int, end_ns: int) -> Rows:
    """Samples of `channel` in the hot file, in order of arrival."""
    ids = [str(int(i)) for (i,) in cursor.execute("SELECT id FROM hot.channels WHERE name = ?", [channel]).fetchall()]
    if not ids:
        return NOTHING
    found = cursor.execute(
        "SELECT time_ns, value, quality, sequence, known_ns FROM hot.samples "
        f"WHERE channel IN ({', '.join(ids)}) AND time_ns >= ? AND time_ns < ?",
        [start_ns, end_ns],
    ).fetchnumpy()
    return Rows(*(np.asarray(found[name]) for name in ("time_ns", "value", "quality", "sequence", "known_ns")))
