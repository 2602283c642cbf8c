"""Closed files that are not what was committed: found by size and ending, put aside, their days given free to be rebuilt.

A file cut short, emptied or missing is moved to `<history>/damaged/`; its day is taken out of the table in one commit that also
forgets which sequences it held. The owner then reads the stream once more for those days. What the stream no longer has is lost:
that is said in the log and in the historian's state, and stays written beside the file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from didymos.data.history.closed import Closed
from didymos.data.history.tables import STREAM_NUMBER

END = b"PAR1"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Damaged:
    """One day of one table whose files cannot be trusted. rows: that the table's log says it had."""

    table: str
    day: int
    rows: int
    kept_as: tuple[str, ...]


def find(closed: Closed) -> dict[int, str]:
    """day -> what is wrong with its files."""
    found = {}
    for day, paths in closed.files.items():
        for path in paths:
            wrong = _wrong(Path(path), closed.sizes.get(path))
            if wrong:
                found[day] = f"{path}: {wrong}"
    return found


def _wrong(path: Path, size: int | None) -> str:
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            if size is not None and length != size:
                return f"{length} bytes instead of {size}"
            file.seek(max(0, length - len(END)))
            return "" if file.read() == END else "its end is not that of a Parquet file"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def put_aside(connection: duckdb.DuckDBPyConnection, closed: Closed, day: int, why: str, folder: Path, source: str) -> Damaged:
    """Takes `day` out of the table; `source` names the store behind the streams."""
    aside, kept = folder / "damaged", []
    aside.mkdir(exist_ok=True)
    rows = sum(closed.counts.get(path, 0) for path in closed.files[day])
    _log.error("%s. Day %d of %s is put aside and rebuilt from the stream as far as that reaches", why, day, closed.table.name)
    for path in map(Path, closed.files[day]):
        if path.exists():
            path.rename(aside / f"{closed.table.name}-{day}-{path.name}")
            kept.append(f"damaged/{closed.table.name}-{day}-{path.name}")
    forgotten = {f"{closed.table.name}-{day}-{number}-{source}": 0 for number in STREAM_NUMBER.values()}
    closed.commit(connection, day, None, forgotten)
    return Damaged(closed.table.name, day, rows, tuple(kept))


def note_lost(folder: Path, found: Damaged, rows: int) -> str:
    """Says, for good, that `rows` of `found` are lost."""
    left = ", ".join(found.kept_as) or "nothing of it is left"
    text = (
        f"day {found.day} of {found.table}: {rows} of {found.rows} rows are lost: their file was damaged ({left}) and the stream "
        "no longer has them. Import them again where another system holds them."
    )
    _log.error("%s", text)
    (folder / "damaged" / f"{found.table}-{found.day}.lost").write_text(text)
    return text


def lost(folder: Path) -> list[str]:
    return [file.read_text() for file in sorted((folder / "damaged").glob("*.lost"))]


def days_of(found: Iterable[Damaged]) -> dict[str, set[int]]:
    days: dict[str, set[int]] = {}
    for each in found:
        days.setdefault(each.table, set()).add(each.day)
    return days
