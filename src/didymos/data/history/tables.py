"""The tables of history: their columns hot (DuckDB) and closed (Delta, one sorted Parquet file a day).

A row is named by its key and time. The same row twice is one row; another value under the same name is a revision: both stay, and
a reader sees the last one that was known at the moment it asks about. So nothing recorded is overwritten. A sample that is sent
again so much later that it is marked LATE says nothing new when its value is the same: it is a repeat, and keeps its first quality.

sequence   number of the message in its stream          known_ns   when it arrived, UTC ns of the plant's clock
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from didymos.core.series import AHEAD_NS, Quality

LATE = int(Quality.LATE)
FOREVER = (1 << 63) - 1
DAY_NS = 86_400 * 1_000_000_000
NOT_FAR_AHEAD = f"(quality < {int(Quality.CLOCK)} OR time_ns <= known_ns + {AHEAD_NS})"  # see `core.series.far_ahead`


@dataclass(frozen=True, slots=True)
class Table:
    """hot: columns of the hot table, as SQL. closed: columns of a Parquet file, sorted by key and time. rows: SQL that turns
    hot rows into closed ones. body: the columns that make a revision. stream: SQL for 0 (plant) or 1 (results) of a hot row."""

    name: str
    hot: str
    closed: pa.Schema
    rows: str
    key: str
    time: str
    body: tuple[str, ...]
    stream: str

    @property
    def columns(self) -> str:
        return ", ".join(self.closed.names)

    def distinct(self, source: str) -> str:
        """SQL: rows of `source` without repeats of the row before them under the same name."""
        window = f"(PARTITION BY {self.key}, {self.time} ORDER BY sequence)"
        changed = " OR ".join(
            f"lag({c}) OVER {window} IS DISTINCT FROM {c}" + (f" AND quality <> {LATE}" if c == "quality" else "")
            for c in self.body
        )
        return f"SELECT {self.columns} FROM ({source}) QUALIFY row_number() OVER {window} = 1 OR {changed}"


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


SAMPLES = Table(
    "samples",
    "channel INTEGER, time_ns BIGINT, value DOUBLE, quality UTINYINT, sequence BIGINT, known_ns BIGINT",
    _schema(
        channel=pa.string(), time_ns=pa.int64(), value=pa.float64(), quality=pa.int8(), sequence=pa.int64(), known_ns=pa.int64()
    ),
    "SELECT c.name AS channel, s.time_ns, s.value, CAST(s.quality AS TINYINT) AS quality, s.sequence, s.known_ns "
    "FROM hot.samples s JOIN hot.channels c ON c.id = s.channel",
    "channel",
    "time_ns",
    ("value", "quality"),
    "(SELECT stream FROM hot.channels c WHERE c.id = samples.channel)",
)
WAVEFORMS = Table(
    "waveforms",
    "channel VARCHAR, start_ns BIGINT, rate_hz DOUBLE, unit VARCHAR, quality UTINYINT, samples BLOB, "
    "sequence BIGINT, known_ns BIGINT",
    _schema(
        channel=pa.string(), start_ns=pa.int64(), rate_hz=pa.float64(), unit=pa.string(), quality=pa.int8(), samples=pa.binary(),
        sequence=pa.int64(), known_ns=pa.int64(),
    ),
    "SELECT channel, start_ns, rate_hz, unit, CAST(quality AS TINYINT) AS quality, samples, sequence, known_ns FROM hot.waveforms",
    "channel",
    "start_ns",
    ("samples", "rate_hz", "quality"),
    "0",
)  # fmt: skip
SNAPSHOTS = Table(
    "snapshots",
    "asset VARCHAR, time_ns BIGINT, data BLOB, sequence BIGINT, known_ns BIGINT",
    _schema(asset=pa.string(), time_ns=pa.int64(), data=pa.binary(), sequence=pa.int64(), known_ns=pa.int64()),
    "SELECT asset, time_ns, data, sequence, known_ns FROM hot.snapshots",
    "asset",
    "time_ns",
    ("data",),
    "1",
)
ROLLED = _schema(
    channel=pa.string(), time_ns=pa.int64(), samples=pa.int32(), n=pa.int32(), low=pa.float64(), mean=pa.float64(),
    high=pa.float64(), worst=pa.int8(), seconds=pa.float64(), held=pa.float64(),
)  # fmt: skip
MINUTES, HOURS = (Table(name, "", ROLLED, "", "channel", "time_ns", (), "") for name in ("minutes", "hours"))
CLOSING = (SAMPLES, WAVEFORMS, SNAPSHOTS)  # moved to Delta when their day is over; events stay hot, they are few
OTHER_HOT = {
    "events": "id VARCHAR, kind VARCHAR, asset VARCHAR, time_ns BIGINT, known_ns BIGINT, body VARCHAR, sequence BIGINT",
    "channels": "id INTEGER, name VARCHAR, stream UTINYINT, time_ns BIGINT, value DOUBLE, quality UTINYINT",
    "positions": "stream UTINYINT, sequence BIGINT, source VARCHAR",
}
STREAM_NUMBER = {"plant": 0, "results": 1}


def arrow(values: Sequence[Any] | np.ndarray, kind: pa.DataType) -> pa.Array:
    """Arrow column of numbers, texts or bytes, none missing. `pa.array` would load pandas, where it is installed: 45 MB."""
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        parts = [value.encode() if isinstance(value, str) else bytes(value) for value in values]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int32)
        return pa.Array.from_buffers(kind, len(parts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(parts))])
    column = np.ascontiguousarray(values, _NUMBERS[kind])
    return pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(column)])


_NUMBERS = {
    pa.int64(): np.int64, pa.int32(): np.int32, pa.int8(): np.int8, pa.uint8(): np.uint8, pa.float64(): np.float64,
}  # fmt: skip


def numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The other way: NumPy's view of an Arrow column of numbers, none missing. `to_numpy` would load pandas as well."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if column.null_count:
        raise ValueError(f"a column of {column.type} has {column.null_count} missing values")
    kind = np.dtype(column.type.to_pandas_dtype())
    parts = [np.frombuffer(c.buffers()[1], kind, c.offset + len(c))[c.offset :] for c in chunks if len(c)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0, kind)
