"""The peers of `bench history`: PostgreSQL, SQLite and ClickHouse's engine in the process (chdb), with the same rows and questions.

Each takes columns tag, ts, value, quality of the day in order of arrival and of the newest samples, has its natural index, and
answers the same two questions. PostgreSQL is a cluster of its own in a temporary folder, run by an unprivileged user.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPEATS = 7
PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql")


@dataclass(frozen=True, slots=True)
class Question:
    """One tag's buckets of `width_ns` from `start_ns` to `end_ns`."""

    tag: int
    start_ns: int
    end_ns: int
    width_ns: int


Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.int16]]


def median_ms(call: Callable[[], Any]) -> float:
    call()
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return statistics.median(found) * 1e3


def buckets_sql(table: str, q: Question) -> str:
    return (
        f"SELECT (ts - {q.start_ns}) / {q.width_ns} AS b, min(value), avg(value), max(value), max(quality) FROM {table} "
        f"WHERE tag = {q.tag} AND ts >= {q.start_ns} AND ts < {q.end_ns} GROUP BY b ORDER BY b"
    )


def sqlite_peer(folder: Path, day: Columns, newest: Columns, q: Question) -> dict[str, Any]:
    """Primary key (tag, ts) without rowid, WAL, one transaction for each 100,000 rows."""
    file = folder / "peer.sqlite"
    with sqlite3.connect(file) as c:
        c.execute("PRAGMA journal_mode=WAL")
        began = time.perf_counter()
        for table, rows in (("samples", day), ("newest", newest)):
            c.execute(f"CREATE TABLE {table} (tag INT, ts INT, value REAL, quality INT, PRIMARY KEY (tag, ts)) WITHOUT ROWID")
            for at in range(0, len(rows[0]), 100_000):
                part = zip(*(column[at : at + 100_000].tolist() for column in rows), strict=True)
                c.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", part)
                c.commit()
        load_s = time.perf_counter() - began
        c.execute("CREATE TABLE tags AS SELECT DISTINCT tag FROM newest")
        c.commit()
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(pages,)] = c.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'samples'").fetchall()
        one = "SELECT ts || ' ' || value || ' ' || quality FROM newest n WHERE n.tag = t.tag ORDER BY ts DESC LIMIT 1"
        latest = f"SELECT tag, ({one}) FROM tags t"
        found = _figures(
            pages / len(day[0]),
            median_ms(lambda: c.execute(buckets_sql("samples", q)).fetchall()),
            median_ms(lambda: c.execute(latest).fetchall()),
        )
    c.close()
    return {"version": sqlite3.sqlite_version, **found, "load_s": load_s}


def chdb_peer(folder: Path, day: Columns, newest: Columns, q: Question) -> dict[str, Any]:
    """MergeTree ordered by (tag, ts), values ZSTD(3), times DoubleDelta + ZSTD."""
    import chdb  # type: ignore[import-not-found]
    import pyarrow as pa
    import pyarrow.parquet as pq
    from chdb import session  # type: ignore[import-not-found]

    s = session.Session(str(folder / "chdb"))
    s.query("CREATE DATABASE IF NOT EXISTS d")
    began = time.perf_counter()
    for table, rows in (("samples", day), ("newest", newest)):
        s.query(
            f"CREATE TABLE d.{table} (tag Int32, ts Int64 CODEC(DoubleDelta, ZSTD(3)), value Float64 CODEC(ZSTD(3)), "
            "quality Int16) ENGINE = MergeTree ORDER BY (tag, ts)"
        )
        file = folder / f"{table}.parquet"
        pq.write_table(pa.table(dict(zip(("tag", "ts", "value", "quality"), rows, strict=True))), file)
        s.query(f"INSERT INTO d.{table} SELECT * FROM file('{file}', Parquet)")
    load_s = time.perf_counter() - began
    s.query("OPTIMIZE TABLE d.samples FINAL")
    bytes_now = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'samples'"
    size = int(str(s.query(bytes_now, "CSV")).strip())
    buckets = buckets_sql("d.samples", q).replace(" / ", " DIV ")
    latest = "SELECT tag, max(ts), argMax(value, ts), argMax(quality, ts) FROM d.newest GROUP BY tag"
    found = _figures(
        size / len(day[0]),
        median_ms(lambda: s.query(buckets, "Arrow").bytes()),
        median_ms(lambda: s.query(latest, "Arrow").bytes()),
    )
    s.close()
    return {"version": chdb.__version__, **found, "load_s": load_s}


def postgresql_peer(folder: Path, day: Columns, newest: Columns, q: Question) -> dict[str, Any]:
    """Heap with an index (tag, ts), loaded by COPY BINARY before the index is made; times as `\\timing` of psql shows them."""
    binaries = postgresql_binaries()
    if binaries is None:
        raise FileNotFoundError("no initdb, pg_ctl and psql found")
    cluster = _Cluster(binaries)
    try:
        cluster.start()
        began = time.perf_counter()
        for table, rows in (("samples", day), ("newest", newest)):
            file = _copy_file(cluster.folder / f"{table}.bin", rows)
            cluster.psql(
                f"CREATE TABLE {table} (tag int, ts bigint, value double precision, quality smallint);\n"
                f"\\copy {table} FROM '{file}' (FORMAT binary)\n"
                f"CREATE INDEX ON {table} (tag, ts); VACUUM ANALYZE {table};"
            )
            file.unlink()
        load_s = time.perf_counter() - began
        size = int(cluster.psql("SELECT pg_total_relation_size('samples');").strip())
        cluster.psql("CREATE TABLE tags AS SELECT DISTINCT tag FROM newest; VACUUM ANALYZE tags;")
        latest = (
            "SELECT t.tag, l.ts, l.value, l.quality FROM tags t CROSS JOIN LATERAL "
            "(SELECT * FROM newest n WHERE n.tag = t.tag ORDER BY ts DESC LIMIT 1) l"
        )
        found = _figures(size / len(day[0]), cluster.median_ms(buckets_sql("samples", q)), cluster.median_ms(latest))
        version = cluster.psql("SHOW server_version;").strip()
        return {"version": version, **found, "load_s": load_s}
    finally:
        cluster.stop()


PEERS = {"postgresql": postgresql_peer, "sqlite": sqlite_peer, "chdb": chdb_peer}


def _figures(bytes_per_point: float, tag_day_ms: float, latest_ms: float) -> dict[str, float]:
    return {"bytes_per_point": bytes_per_point, "tag_day_ms": tag_day_ms, "latest_ms": latest_ms}


def postgresql_binaries() -> Path | None:
    found = [Path(place) for place in PLACES if Path(place).is_dir()]
    folders = [p / "bin" for place in found for p in (place, *sorted(place.iterdir(), reverse=True))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).parent)
    return next((f for f in folders if all((f / name).exists() for name in ("initdb", "pg_ctl", "psql"))), None)


def _copy_file(file: Path, rows: Columns) -> Path:
    """PostgreSQL's binary COPY format."""
    kinds = ">i4", ">i8", ">f8", ">i2"
    fields = [("fields", ">i2")]
    for name, kind in zip("abcd", kinds, strict=True):
        fields += [(f"{name}_size", ">i4"), (name, kind)]
    table = np.zeros(len(rows[0]), fields)
    table["fields"] = 4
    for name, kind, column in zip("abcd", kinds, rows, strict=True):
        table[f"{name}_size"], table[name] = np.dtype(kind).itemsize, column
    file.write_bytes(b"PGCOPY\n\xff\r\n\0" + bytes(8) + table.tobytes() + b"\xff\xff")
    return file


class _Cluster:
    """A PostgreSQL of its own, on a socket in a temporary folder; by the user `nobody` when started by root, who may not run it."""

    def __init__(self, binaries: Path) -> None:
        self.binaries, self.folder = binaries, Path(tempfile.mkdtemp(prefix="didymos-pg-"))
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, name: str, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            [str(self.binaries / name), *arguments], input=text, capture_output=True, text=True, check=False, cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **self.user,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"{name}: {done.stderr.strip()[:300]}")
        return done.stdout

    def start(self) -> None:
        if self.user:
            shutil.chown(self.folder, "nobody", "nogroup")
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "bench", "--no-sync", "-A", "trust")
        options = f"-c listen_addresses='' -k {self.folder} -c shared_buffers=512MB -c max_wal_size=4GB"
        self._run("pg_ctl", "-D", data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def psql(self, text: str) -> str:
        return self._run("psql", "-h", str(self.folder), "-U", "bench", "-qAtX", "-v", "ON_ERROR_STOP=1", "postgres", text=text)

    def median_ms(self, query: str) -> float:
        said = self.psql("\\timing on\n" + f"{query} \\g /dev/null\n" * (REPEATS + 1))
        return statistics.median([float(ms) for ms in re.findall(r"Time: ([0-9.]+) ms", said)][1:])

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)
