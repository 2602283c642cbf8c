"""Day files written by somebody else (back-fill), taken into the closed days by the one owner of history.

    adopt_day(...)      one Delta commit per file; the file's name for ever is its transaction, so that again adds nothing

A file lies in `<history>/incoming/`, has the columns of its table (or is in `ticks`, and named so), is sorted by (key, time), and
holds rows of one day. A day that holds nothing takes the file as it is. Otherwise both are merged by the rules of `tables`: what
is there already is a repeat; another value under the same name is a revision, known from the file's `known_ns` on. It comes after
all that the owner had committed: its rows get the position of the stream as their sequence, or the next one after the newest of
the day. Snapshots keep the sequence of their file: it is negative for a belief of the past, so that what was believed live stays
in front of it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from didymos.core.errors import DataError
from didymos.data.history import ticks
from didymos.data.history.closed import Closed
from didymos.data.history.tables import DAY_NS, SAMPLES, Table

INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Adopt:
    """table: samples or snapshots. day: since 1970. file: relative to `<history>/incoming`. name: names the rows for ever."""

    table: str
    day: int
    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """rows: in the file. added: by which the day grew. known: a file of this name had been taken before, and then the day grew by
    `earlier`."""

    rows: int
    added: int
    known: bool
    earlier: int = 0


def adopt_day(
    connection: duckdb.DuckDBPyConnection, closed: dict[str, Closed], folder: Path, wish: Adopt, position: int
) -> Adopted:
    """Takes the file and removes it from `incoming`. DataError when it is not what it should be. `position`: last sequence
    committed of the stream that numbers these rows."""
    if wish.table not in closed:
        raise DataError(f"adopt: table {wish.table!r} is not known; allowed are {', '.join(closed)}")
    days, application = closed[wish.table], f"import-{wish.name}"
    staged = _staged(folder, wish)
    version = None if days.delta is None else days.delta.transaction_version(application)
    if version is not None:
        rows = pq.read_metadata(staged).num_rows if staged.exists() else 0
        staged.unlink(missing_ok=True)
        return Adopted(rows, 0, True, version)
    rows = _checked(connection, staged, days.table, wish)
    inside = f"{days.table.time} >= {wish.day * DAY_NS} AND {days.table.time} < {(wish.day + 1) * DAY_NS}"
    before, part = days.source((wish.day,)), days.new_part(wish.day)
    held = _count(connection, before) if before else 0
    [(hot,)] = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM hot.{days.table.name} WHERE {inside} LIMIT 1)").fetchall()
    if before is None and not hot:
        _same_file(staged, part)
    else:
        arriving = _rows(staged, days.table)
        if days.table is SAMPLES:
            arriving = _arriving(staged, max(position, 1 + _newest(connection, days, before, staged, inside)))
        days.write(connection, "false", f"{before} UNION ALL {arriving}" if before else arriving, part)
    added = pq.read_metadata(part).num_rows - held
    days.commit(connection, wish.day, part, {application: added})
    staged.unlink()
    return Adopted(rows, added, False)


def _staged(folder: Path, wish: Adopt) -> Path:
    root = (folder / INCOMING).resolve()
    path = (root / wish.file).resolve()
    if not path.is_relative_to(root):
        raise DataError(f"adopt: {wish.file!r} lies outside {INCOMING}; give a path inside it")
    return path


def _checked(connection: duckdb.DuckDBPyConnection, staged: Path, table: Table, wish: Adopt) -> int:
    """Number of rows. DataError for a file that is absent, damaged, of other columns, empty, unsorted or of another day."""
    try:
        with pq.ParquetFile(staged) as file:
            found, rows = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"adopt: {staged.name} cannot be read ({error}). Run the import again.") from error
    wanted = ticks.STORED if staged.name.startswith(ticks.PREFIX) else table.closed
    if found.names != wanted.names or [str(f.type) for f in found] != [str(f.type) for f in wanted]:
        raise DataError(f"adopt: {staged.name} has columns {found.names}, not those of {table.name}: {wanted.names}")
    if not rows:
        raise DataError(f"adopt: {staged.name} holds no row")
    [(first, last)] = connection.execute(f"SELECT min({table.time}), max({table.time}) FROM ({_rows(staged, table)})").fetchall()
    if first < wish.day * DAY_NS or last >= (wish.day + 1) * DAY_NS:
        raise DataError(f"adopt: {staged.name} holds times {first} to {last}, not all of day {wish.day}")
    with pq.ParquetFile(staged) as file:
        spans = [file.metadata.row_group(i).column(0).statistics for i in range(file.metadata.num_row_groups)]
    if any(s is None or not s.has_min_max for s in spans) or any(a.max > b.min for a, b in pairwise(spans)):
        raise DataError(f"adopt: {staged.name} is not sorted by {table.key}")
    return rows


def _newest(connection: duckdb.DuckDBPyConnection, days: Closed, before: str | None, staged: Path, inside: str) -> int:
    """The highest sequence among rows of the day under the file's own keys; -1 without any."""
    t = days.table
    hot = f"SELECT {t.key}, sequence FROM ({t.rows}) WHERE {inside}"
    both = f"{hot} UNION ALL SELECT {t.key}, sequence FROM ({before})" if before else hot
    [(found,)] = connection.execute(
        f"SELECT max(sequence) FROM ({both}) WHERE {t.key} IN (SELECT DISTINCT {t.key} FROM {_file(staged)})"
    ).fetchall()
    return -1 if found is None else int(found)


def _arriving(staged: Path, sequence: int) -> str:
    columns = ", ".join(f"{sequence}::BIGINT AS sequence" if name == "sequence" else name for name in SAMPLES.closed.names)
    return f"SELECT {columns} FROM ({_rows(staged, SAMPLES)})"


def _rows(staged: Path, table: Table) -> str:
    """SQL: the file's rows in the columns of `table`."""
    columns = ticks.AS_TABLE if staged.name.startswith(ticks.PREFIX) else table.columns
    return f"SELECT {columns} FROM {_file(staged)}"


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    [(n,)] = connection.execute(f"SELECT count(*) FROM ({source})").fetchall()
    return int(n)


def _file(path: Path) -> str:
    text = str(path).replace("'", "''")
    return f"read_parquet(['{text}'], hive_partitioning = false)"


def _same_file(staged: Path, part: Path) -> None:
    """`part` is the staged file too; it stays where it was until the commit is made."""
    try:
        os.link(staged, part)
    except OSError:  # a file system without hard links
        shutil.copyfile(staged, part)
