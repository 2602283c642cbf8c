"""Closed days: one Delta table per kind of row, partitioned by day, each day one Parquet file sorted by (key, time).

Any engine that reads Delta reads them. DuckDB reads the files themselves: sort order, not the engine, makes one tag's day cheap.
A day that gets late rows is written anew and replaced in one commit. The commit names, per stream, the last sequence it holds,
so that repeating it after a crash adds nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction

from didymos.data.history.sort import write_day
from didymos.data.history.tables import DAY_NS, SAMPLES, Table
from didymos.data.history.ticks import AS_TABLE, PREFIX, STORED

ROW_GROUP = 2048  # of waveforms and snapshots, which are large


class Closed:
    """The closed days of one table. Not written by anybody else while the historian runs."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.folder, self.table = folder / table.name, table
        self.schema = (STORED if table is SAMPLES else table.closed).append(pa.field("day", pa.int32()))
        self.delta: DeltaTable | None = None
        self.files: dict[int, tuple[str, ...]] = {}  # day since 1970 -> paths; replaced as a whole, never changed in place
        self.sizes: dict[str, int] = {}  # path -> bytes, and rows, as committed
        self.counts: dict[str, int] = {}
        if DeltaTable.is_deltatable(str(self.folder)):
            self.delta = DeltaTable(str(self.folder))
            self._look()

    def _look(self) -> None:
        assert self.delta is not None
        found: dict[int, list[str]] = defaultdict(list)
        for path in self.delta.file_uris():
            found[int(Path(path).parent.name.removeprefix("day="))].append(path)
        self.files = {day: tuple(paths) for day, paths in found.items()}
        said = pa.table(self.delta.get_add_actions(flatten=True)) if found else None
        if said is not None:
            paths = [str(self.folder / path) for path in said["path"].to_pylist()]
            self.sizes = dict(zip(paths, said["size_bytes"].to_pylist(), strict=True))
            self.counts = {path: n or 0 for path, n in zip(paths, said["num_records"].to_pylist(), strict=True)}

    def source(self, days: tuple[int, ...] | None = None) -> str | None:
        """SQL that reads the given days (None = all), or None where there is nothing."""
        files = self.files
        wanted = [path for day in sorted(files if days is None else files.keys() & set(days)) for path in files[day]]
        if not wanted:
            return None
        packed = [path for path in wanted if Path(path).name.startswith(PREFIX)]
        plain = [path for path in wanted if not Path(path).name.startswith(PREFIX)]
        return " UNION ALL ".join(
            f"SELECT {columns} FROM read_parquet([{_listed(paths)}], hive_partitioning = false)"
            for columns, paths in ((AS_TABLE, packed), (self.table.columns, plain))
            if paths
        )

    def holds(self, day: int, stream: str) -> int:
        """Last sequence of `stream` (its number and its store's name) whose rows of `day` are all here; -1 = none."""
        version = None if self.delta is None else self.delta.transaction_version(f"{self.table.name}-{day}-{stream}")
        return -1 if version is None else version

    def replace(self, connection: duckdb.DuckDBPyConnection, day: int, inside: str, upto: dict[str, int]) -> None:
        """Writes the hot rows where `inside` (SQL) and what `day` holds already as the one file of `day`; `upto` {stream: last
        sequence held}."""
        part = self.new_part(day)
        self.write(connection, inside, self.source((day,)), part)
        self.commit(connection, day, part, {f"{self.table.name}-{day}-{stream}": last for stream, last in upto.items()})

    def new_part(self, day: int) -> Path:
        """Where a new file of `day` goes; nobody reads it before it is committed."""
        part = self.folder / f"day={day}" / f"{PREFIX if self.table is SAMPLES else ''}{uuid4().hex}.parquet"
        part.parent.mkdir(parents=True, exist_ok=True)
        return part

    def write(self, connection: duckdb.DuckDBPyConnection, inside: str, before: str | None, part: Path) -> None:
        """Hot rows where `inside` and those of the query `before`, in order and without repeats, into the new file `part`."""
        if self.table is SAMPLES:
            write_day(connection, inside, before, part)
        else:
            self._copy(connection, inside, before, part)

    def commit(self, connection: duckdb.DuckDBPyConnection, day: int, part: Path | None, transactions: dict[str, int]) -> None:
        """`part`, or nothing, is now all that `day` holds; `transactions` {application: version} are true from then on."""
        if self.delta is None:
            self.delta = DeltaTable.create(str(self.folder), self.schema, mode="ignore", partition_by=["day"])
        if part is not None:
            part = _named_by_layout(part)
            _to_disk(part)
        self.delta.create_write_transaction(
            [] if part is None else [self._added(connection, part, day)],
            "overwrite",
            self.schema,
            partition_by=["day"],
            partition_filters=[("day", "=", str(day))],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(name, version) for name, version in transactions.items()]
            ),
        )
        self.delta.update_incremental()
        _to_disk(self.folder / "_delta_log" / f"{self.delta.version():020d}.json")
        self._look()

    def _copy(self, connection: duckdb.DuckDBPyConnection, inside: str, before: str | None, part: Path) -> None:
        t = self.table
        hot = f"SELECT {t.columns} FROM ({t.rows}) WHERE {inside}"
        rows = t.distinct(f"{hot} UNION ALL {before}" if before else hot)
        connection.execute(
            f"COPY (SELECT * FROM ({rows}) ORDER BY {t.key}, {t.time}, sequence) TO '{str(part).replace(chr(39), chr(39) * 2)}' "
            f"(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )

    def _added(self, connection: duckdb.DuckDBPyConnection, part: Path, day: int) -> AddAction:
        key, moment = self.table.key, self.table.time
        moment = "time" if part.name.startswith(PREFIX) else moment
        [found] = connection.execute(
            f"SELECT count(*), min({key}), max({key}), min({moment}), max({moment}) FROM read_parquet(?)", [str(part)]
        ).fetchall()
        stats = {
            "numRecords": found[0],
            "minValues": {key: found[1], moment: found[3]},
            "maxValues": {key: found[2], moment: found[4]},
            "nullCount": {key: 0, moment: 0},
        }
        path = f"day={day}/{part.name}"
        return AddAction(path, part.stat().st_size, {"day": str(day)}, int(time.time() * 1000), True, json.dumps(stats))

    def forget_replaced(self, hours: int = 24) -> None:
        """Removes files that were replaced more than `hours` ago, and those older than twice that which were never committed."""
        if self.delta is None:
            return
        self.delta.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False)
        held = {path for paths in self.files.values() for path in paths}
        for file in self.folder.glob("day=*/*.parquet"):
            if str(file) not in held and file.stat().st_mtime < time.time() - 2 * hours * 3600:
                file.unlink()


def days_between(start_ns: int, end_ns: int, known: dict[int, tuple[str, ...]]) -> tuple[int, ...]:
    """Days in `known` that can hold a time with start <= time < end."""
    return tuple(day for day in known if day * DAY_NS < end_ns and (day + 1) * DAY_NS > start_ns)


def _named_by_layout(part: Path) -> Path:
    """A file whose times are not in ticks, from elsewhere, does not keep a name that says so."""
    if part.name.startswith(PREFIX) and "tick_ns" not in pq.read_schema(part).names:
        return part.rename(part.with_name(part.name.removeprefix(PREFIX)))
    return part


def _listed(paths: list[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)


def _to_disk(path: Path) -> None:
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
