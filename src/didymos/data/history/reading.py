"""Reading history: hot rows and closed days as one.

A reader first pins its view of the hot file and only then looks up the closed files, so that a row on its way from hot to closed is
seen in at least one of them; what is seen twice is removed as a repeat. Readers run beside the writer, each on its own cursor.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import duckdb
import numpy as np
import pyarrow as pa

from didymos.core.errors import DataError
from didymos.core.series import Waveform
from didymos.data.history.buckets import Filled, Grid, Row
from didymos.data.history.closed import Closed, days_between
from didymos.data.history.columns import NOTHING, DayFiles, Rows, folded, joined
from didymos.data.history.tables import CLOSING, DAY_NS, SNAPSHOTS, WAVEFORMS, Table, arrow

FOREVER = (1 << 63) - 1


@final
class Reader:
    """Answers from the hot file behind `connection` and the closed days `closed` {table name: days}."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, closed: dict[str, Closed]) -> None:
        self._connection, self._closed = connection, closed
        self._day_files = DayFiles()

    @contextmanager
    def _reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM hot.positions").fetchall()  # pins the view of the hot file
            yield cursor
        finally:
            cursor.close()

    def _source(self, table: Table, start_ns: int, end_ns: int) -> str:
        """SQL: all rows of `table` that can lie in [start, end), hot and closed."""
        closed = self._closed[table.name]
        old = closed.source(days_between(start_ns, end_ns, closed.files))
        hot = f"SELECT {table.columns} FROM ({table.rows})"
        return f"{hot} UNION ALL {old}" if old else hot

    def _rows(self, channel: str, start_ns: int, end_ns: int, known_ns: int, sequence: int) -> Iterator[Rows]:
        """Samples of one UTC day after another, one row for each time, as known then."""
        with self._reader() as cursor:
            files = self._closed["samples"].files
            hot = _hot(cursor, channel, start_ns, end_ns)
            for day in sorted({*np.unique(hot.time_ns // DAY_NS).tolist(), *days_between(start_ns, end_ns, files)}):
                parts = [self._day_files.rows(path, channel, start_ns, end_ns) for path in files.get(day, ())]
                found = folded(joined([*parts, hot.take(hot.time_ns // DAY_NS == day)]), known_ns, sequence)
                if len(found):
                    yield found

    def read(self, channel: str, start_ns: int, end_ns: int, known_ns: int, sequence: int, limit: int) -> pa.Table:
        """Columns time_ns, value, quality of at most `limit` samples with start <= time < end, oldest first."""
        parts, held = [], 0
        for rows in self._rows(channel, start_ns, end_ns, known_ns, sequence):
            parts.append(rows)
            held += len(rows)
            if held >= limit:
                break
        rows = joined(parts).take(slice(0, limit))
        columns = [arrow(rows.time_ns, pa.int64()), arrow(rows.value, pa.float64()), arrow(rows.quality, pa.uint8())]
        return pa.Table.from_arrays(columns, names=["time_ns", "value", "quality"])

    def buckets(self, channel: str, start_ns: int, end_ns: int, points: int, known_ns: int) -> list[Row]:
        """(time_ns, min, mean, max, worst quality) per bucket; NaN where a bucket holds only samples without a value."""
        filled = Filled(Grid(start_ns, end_ns, points))
        for rows in self._rows(channel, start_ns, end_ns, known_ns, FOREVER):
            filled.add(rows.time_ns, rows.value, rows.quality)
        return filled.rows()

    def waveform(self, channel: str, at_ns: int) -> Waveform | None:
        """The last waveform that began at or before `at_ns`."""
        with self._reader() as cursor:
            found = [self._last_waveform(cursor, WAVEFORMS.rows, channel, at_ns)]
            closed = self._closed["waveforms"]
            for day in sorted((day for day in closed.files if day * DAY_NS <= at_ns), reverse=True):
                if found[-1] is None or found[-1][1] < (day + 1) * DAY_NS:
                    found.append(self._last_waveform(cursor, str(closed.source((day,))), channel, at_ns))
                if found[-1] is not None:
                    break
        row = max((row for row in found if row is not None), key=lambda row: (row[1], row[6]), default=None)
        return None if row is None else Waveform(row[0], row[1], row[2], np.frombuffer(row[5], np.float32), row[3], row[4])

    @staticmethod
    def _last_waveform(cursor: duckdb.DuckDBPyConnection, source: str, channel: str, at_ns: int) -> tuple[Any, ...] | None:
        found = cursor.execute(
            f"SELECT channel, start_ns, rate_hz, unit, quality, samples, sequence FROM ({source}) "
            "WHERE channel = ? AND start_ns <= ? ORDER BY start_ns DESC, sequence DESC LIMIT 1",
            [channel, at_ns],
        ).fetchall()
        return found[0] if found else None

    def snapshots(self, asset: str, start_ns: int, end_ns: int, limit_bytes: int) -> tuple[list[bytes], int | None]:
        """(packed snapshots with start <= time < end, oldest first; time from which to go on when they were too many)."""
        found: list[bytes] = []
        size = 0
        with self._reader() as cursor:
            source = self._source(SNAPSHOTS, start_ns, end_ns)
            cursor.execute(
                f"SELECT time_ns, data FROM ({source}) WHERE asset = ? AND time_ns >= ? AND time_ns < ? "
                "QUALIFY row_number() OVER (PARTITION BY time_ns ORDER BY sequence DESC) = 1 ORDER BY time_ns",
                [asset, start_ns, end_ns],
            )
            while (row := cursor.fetchone()) is not None:
                if found and size + len(row[1]) > limit_bytes:
                    return found, int(row[0])
                found.append(row[1])
                size += len(row[1])
        return found, None

    def sql(self, query: str, timeout_s: float, limit: int) -> pa.Table:
        """Answer of one SELECT over the four tables. DataError for anything else, and for too much or too long."""
        try:
            statements = self._connection.cursor().extract_statements(query)
        except duckdb.Error as error:
            raise DataError(f"sql: {_first(error)}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise DataError("sql: allowed is one SELECT over samples, waveforms, snapshots, events; history cannot be changed.")
        with self._reader() as cursor:
            for table in CLOSING:
                cursor.execute(f"CREATE TEMP VIEW {table.name} AS {self._view(cursor, table)}")
            once = "row_number() OVER (PARTITION BY id ORDER BY sequence) = 1"
            cursor.execute(f"CREATE TEMP VIEW events AS SELECT * FROM hot.events QUALIFY {once}")
            clock = threading.Timer(timeout_s, cursor.interrupt)
            clock.start()
            try:
                answer = cursor.sql(query).limit(limit + 1).to_arrow_table()
            except duckdb.InterruptException as error:
                raise DataError(f"sql: stopped after {timeout_s:g} s. Ask about a shorter time or fewer channels.") from error
            except duckdb.Error as error:
                raise DataError(f"sql: {_first(error)}") from error
            finally:
                clock.cancel()
        if answer.num_rows > limit:
            raise DataError(f"sql: the answer has more than {limit} rows. Aggregate, or add LIMIT.")
        return answer

    def _view(self, cursor: duckdb.DuckDBPyConnection, table: Table) -> str:
        """SQL: every row once. Only days that have hot rows can hold repeats; the others are read as they are."""
        closed = self._closed[table.name]
        found = cursor.execute(f"SELECT DISTINCT {table.time} // {DAY_NS} FROM hot.{table.name}").fetchall()
        mixed = {int(day) for (day,) in found} & closed.files.keys()
        both, rest = closed.source(tuple(mixed)), closed.source(tuple(closed.files.keys() - mixed))
        hot = f"SELECT {table.columns} FROM ({table.rows})"
        view = table.distinct(f"{hot} UNION ALL {both}" if both else hot)
        return f"{view} UNION ALL {rest}" if rest else view


def _hot(cursor: duckdb.DuckDBPyConnection, channel: str, start_ns: int, end_ns: int) -> Rows:
    ids = [str(int(i)) for (i,) in cursor.execute("SELECT id FROM hot.channels WHERE name = ?", [channel]).fetchall()]
    if not ids:
        return NOTHING
    found = cursor.execute(
        "SELECT time_ns, value, quality, sequence, known_ns FROM hot.samples "
        f"WHERE channel IN ({', '.join(ids)}) AND time_ns >= ? AND time_ns < ?",
        [start_ns, end_ns],
    ).fetchnumpy()
    return Rows(*(np.asarray(found[name]) for name in ("time_ns", "value", "quality", "sequence", "known_ns")))


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
