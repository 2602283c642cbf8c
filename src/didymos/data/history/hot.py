"""The hot file: one DuckDB file with today's rows and, in the same transaction, the stream sequence up to which they are complete.

No index, key or DDL while running: crashed write-ahead logs that could not be replayed were all reported with those (duckdb
issues 19712, 22044, 25510). A file that cannot be opened is put aside under another name and rebuilt from the stream.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import duckdb

from didymos.core.errors import ConfigError, DataError
from didymos.data.history.tables import CLOSING, OTHER_HOT, STREAM_NUMBER

MEMORY = "64MB"
LEAST_FREE = 1 << 20
_log = logging.getLogger(__name__)


def open_hot(folder: Path) -> tuple[duckdb.DuckDBPyConnection, bool]:
    """(connection with the hot file attached as `hot`, True when the file is new or was rebuilt).

    ConfigError when another process owns the file. The connection can read and write inside `folder` only."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "hot.duckdb"
    fresh = not file.exists()
    connection = _connect(folder)
    try:
        _attach(connection, file, fresh)
    except duckdb.Error as error:
        connection.close()
        if "lock" in str(error).lower():
            raise ConfigError(f"{file}: another historian owns this file. Stop it, or choose another [store] path.") from error
        if "No space left" in str(error) or shutil.disk_usage(folder).free < LEAST_FREE:  # the file may well be whole
            raise DataError(f"{file}: the disk is full, history cannot be opened. Make room; nothing is lost.") from error
        _put_aside(file, error)
        connection, fresh = _connect(folder), True
        _attach(connection, file, fresh)
    connection.execute(f"SET allowed_directories = ['{_text(folder)}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection, fresh


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": "1", "memory_limit": MEMORY, "temp_directory": str(folder / "spill"), "preserve_insertion_order": "false",
        "wal_autocheckpoint": "8MB", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
    }  # fmt: skip
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET enable_progress_bar = false")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, file: Path, fresh: bool) -> None:
    connection.execute(f"ATTACH '{_text(file)}' AS hot")
    if not fresh:
        for name in (*(table.name for table in CLOSING), *OTHER_HOT):
            connection.execute(f"SELECT count(*) FROM hot.{name}").fetchall()
        return
    connection.execute("BEGIN")
    for name, columns in (*((table.name, table.hot) for table in CLOSING), *OTHER_HOT.items()):
        connection.execute(f"CREATE TABLE hot.{name} ({columns})")
    for number in STREAM_NUMBER.values():
        connection.execute("INSERT INTO hot.positions VALUES (?, 0, '')", [number])
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT hot")


def reattach(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """After a write that failed, DuckDB wants the file detached and attached anew. duckdb.Error when that cannot be done yet."""
    for statement in ("ROLLBACK", "DETACH hot"):
        try:
            connection.execute(statement)
        except duckdb.Error:  # nothing to roll back, or detached already
            pass
    connection.execute(f"ATTACH '{_text(folder / 'hot.duckdb')}' AS hot")
    connection.execute("SELECT count(*) FROM hot.positions").fetchall()


def _put_aside(file: Path, error: duckdb.Error) -> None:
    number = 1
    while (aside := file.with_name(f"{file.name}.unreadable-{number}")).exists():
        number += 1
    _log.error("%s cannot be opened (%s); kept as %s, rebuilt from the stream", file, str(error).splitlines()[0], aside.name)
    file.rename(aside)
    wal = file.with_name(file.name + ".wal")
    if wal.exists():
        wal.rename(aside.with_name(aside.name + ".wal"))


def _text(path: Path) -> str:
    return str(path).replace("'", "''")
