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
from didymos.data.history.buckets import Filled, Grid, Row, as_parts, as_samples, serving
from didymos.data.history.closed import Closed, days_between
from didymos.data.history.columns import Rows, folded, hot_rows, joined
from didymos.data.history.roll import Rolled
from didymos.data.history.tables import CLOSING, DAY_NS, FOREVER, SNAPSHOTS, WAVEFORMS, Table, arrow
from didymos.data.history.tiers import Tiers


@final
class Reader:
    """Answers from the hot file behind `connection` and the closed days `closed` {table name: days}."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, closed: dict[str, Closed], tiers: Tiers) -> None:
        self._connection, self._closed, self._tiers = connection, closed, tiers
        self._day_files = tiers.day_files

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

    def days(
        self, channel: str, start_ns: int, end_ns: int, known_ns: int, sequence: int, step_ns: int = 0
    ) -> Iterator[Rows | Rolled]:
        """One UTC day after another: its samples, one row for each time, as known then; or rows of its roll-up, where its samples
        are gone, or where rows of `step_ns` serve as well and a roll-up has them."""
        with self._reader() as cursor:
            files, tiers = self._closed["samples"].files, self._tiers
            hot = hot_rows(cursor, channel, start_ns, end_ns)
            fresh = set(np.unique(hot.time_ns // DAY_NS).tolist())
            gone = {day for day in tiers.dropped["samples"] if (day + 1) * DAY_NS > start_ns and day * DAY_NS < end_ns}
            for day in sorted({*fresh, *gone, *days_between(start_ns, end_ns, files)}):
                serves = bool(step_ns) and day not in fresh and tiers.current(day)
                if day in gone or serves:
                    found = tiers.rows(day, channel, start_ns, end_ns, step_ns)
                else:
                    parts = [self._day_files.rows(path, channel, start_ns, end_ns) for path in files.get(day, ())]
                    found = folded(joined([*parts, hot.take(hot.time_ns // DAY_NS == day)]), known_ns, sequence)
                if len(found):
                    yield found

    def read(self, channel: str, start_ns: int, end_ns: int, known_ns: int, sequence: int, limit: int) -> pa.Table:
        """Columns time_ns, value, quality of at most `limit` samples with start <= time < end, oldest first. Where samples were
        dropped: the mean of each minute (or hour), UNCERTAIN or worse."""
        parts, held = [], 0
        for found in self.days(channel, start_ns, end_ns, known_ns, sequence):
            parts.append(as_samples(found) if isinstance(found, Rolled) else found)
            held += len(parts[-1])
            if held >= limit:
                break
        rows = joined(parts).take(slice(0, limit))
        columns = [arrow(rows.time_ns, pa.int64()), arrow(rows.value, pa.float64()), arrow(rows.quality, pa.uint8())]
        return pa.Table.from_arrays(columns, names=["time_ns", "value", "quality"])

    def buckets(self, channel: str, start_ns: int, end_ns: int, points: int, known_ns: int) -> list[Row]:
        """(time_ns, min, mean, max, worst quality) per bucket; NaN where a bucket holds only samples without a value. A roll-up is
        used where it gives the same, and where samples were dropped: then the quality is UNCERTAIN or worse."""
        grid = Grid(start_ns, end_ns, points)
        filled = Filled(grid)
        for rows in self.days(channel, start_ns, end_ns, known_ns, FOREVER, serving(grid) if known_ns == FOREVER else 0):
            if isinstance(rows, Rows):
                filled.add(rows.time_ns, rows.value, rows.quality)
            else:
                filled.merge(*as_parts(rows, self._tiers.tier(int(rows.time_ns[0]) // DAY_NS) != "samples"))
        return filled.rows()

    def dropped(self, day: int) -> bool:
        """True when the samples of `day` are gone."""
        return day in self._tiers.dropped["samples"]

    def held(self, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """(start_ns, end_ns, tier) of each stretch whose samples were dropped; tier: what is left, minutes, hours or nothing."""
        found: list[tuple[int, int, str]] = []
        for day in sorted(self._tiers.dropped["samples"]):
            first, last, tier = day * DAY_NS, (day + 1) * DAY_NS, self._tiers.tier(day) or "nothing"
            if first >= end_ns or last <= start_ns:
                continue
            if found and found[-1][1:] == (first, tier):
                first = found.pop()[0]
            found.append((first, last, tier))
        return found

    def rows_of(self, table: str, day: int) -> int:
        """Distinct rows of one day, hot and closed."""
        kind = self._closed[table].table
        start, end = day * DAY_NS, (day + 1) * DAY_NS
        with self._reader() as cursor:
            source = f"SELECT * FROM ({self._source(kind, start, end)}) WHERE {kind.time} >= {start} AND {kind.time} < {end}"
            [(n,)] = cursor.execute(f"SELECT count(*) FROM ({kind.distinct(source)})").fetchall()
        return int(n)

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
        """Answer of one SELECT over samples, waveforms, snapshots, events, minutes, hours, dropped. DataError for anything else,
        and for too much or too long."""
        try:
            statements = self._connection.cursor().extract_statements(query)
        except duckdb.Error as error:
            raise DataError(f"sql: {_first(error)}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise DataError(
                "sql: allowed is one SELECT over samples, waveforms, snapshots, events, minutes, hours, dropped; "
                "history cannot be changed."
            )
        with self._reader() as cursor:
            for table in CLOSING:
                cursor.execute(f"CREATE TEMP VIEW {table.name} AS {self._view(cursor, table)}")
            for name, view in self._tiers.views().items():
                cursor.execute(f"CREATE TEMP VIEW {name} AS {view}")
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


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
