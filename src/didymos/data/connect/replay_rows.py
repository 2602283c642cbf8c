"""Recorded tables -> chunks of rows that depend on the file alone: CSV and Parquet; wide (a column per tag) or long (time, tag,
value).

A cell or row that cannot be read is named with file, row and what was given, and only it is left out. Row numbers count lines in a
CSV file (the header is line 1), rows from 1 in Parquet. An empty cell is no sample; the text NaN is one that is not
a number.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.formats.iso_time import UNIT_NS, epoch_ns, iso_ns

VALUES_A_CHUNK = 8000
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Table:
    """How to read a file. tag and value name the columns of a long table; tag = "" means wide. batch_rows 0 = by its width."""

    path: Path
    time: str
    unit: str
    zone: tzinfo | None
    tag: str = ""
    value: str = ""
    delimiter: str = ","
    decimal: str = "."
    batch_rows: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """row_time (R,) int64 ns of every readable row; for each wanted cell its row, tag place and value (n,). faults: in words."""

    row_time: NDArray[np.int64]
    row: NDArray[np.int64]
    place: NDArray[np.int64]
    value: NDArray[np.float64]
    faults: tuple[str, ...]


def chunks_of(table: Table, tags: Mapping[str, int]) -> tuple[list[str], Iterator[Chunk]]:
    """(tags that a wide file does not have, its chunks). DataError when the file is no such table; OSError when it is not there."""
    parquet = table.path.suffix.lower() in (".parquet", ".pq")
    names, pieces = _parquet(table) if parquet else _csv(table)
    needed = [table.time] + ([table.tag, table.value] if table.tag else [])
    for name in needed:
        if name not in names:
            raise DataError(
                f"{table.path}: no column {name!r}; it has {', '.join(names) or 'none'}. Correct the option that names it."
            )
    missing = [] if table.tag else [tag for tag in tags if tag not in names]
    columns = {name: names.index(name) for name in names}
    return missing, (_chunk(table, columns, tags, *piece) for piece in pieces)


def columns_of(table: Table) -> list[str]:
    """The file's column names."""
    return (_parquet(table) if table.path.suffix.lower() in (".parquet", ".pq") else _csv(table))[0]


def tags_in(table: Table) -> list[str]:
    """Distinct tag names of a long table, in order of appearance."""
    names, pieces = _parquet(table) if table.path.suffix.lower() in (".parquet", ".pq") else _csv(table)
    if table.tag not in names:
        raise DataError(f"{table.path}: no column {table.tag!r}; it has {', '.join(names)}")
    at = names.index(table.tag)
    return list(dict.fromkeys(str(cell) for _, columns, _ in pieces for cell in columns[at]))


Piece = tuple[Sequence[int], list[Sequence[Any]], list[str]]  # row numbers, columns, faults


def _rows_a_chunk(table: Table, width: int) -> int:
    return table.batch_rows or max(1, VALUES_A_CHUNK // (1 if table.tag else max(1, width - 1)))


def _csv(table: Table) -> tuple[list[str], Iterator[Piece]]:
    with _opened(table) as file:
        names = [name.strip() for name in next(csv.reader(file, delimiter=table.delimiter), [])]

    def pieces() -> Iterator[Piece]:
        with _opened(table) as file:
            lines = csv.reader(file, delimiter=table.delimiter)
            next(lines, None)
            numbered = _numbered(lines, table.path)
            while part := list(islice(numbered, _rows_a_chunk(table, len(names)))):
                whole = [(number, row) for number, row in part if len(row) == len(names)]
                odd = [(number, row) for number, row in part if len(row) != len(names)]
                faults = [
                    f"{table.path.name} row {n}: {len(row)} cells where the header has {len(names)}: {row[:4]}" for n, row in odd
                ]
                columns: list[Sequence[Any]] = list(zip(*(row for _, row in whole), strict=True)) or [() for _ in names]
                yield [number for number, _ in whole], columns, faults

    return names, pieces()


def _opened(table: Table) -> TextIO:
    return table.path.open(encoding="utf-8-sig", errors="replace", newline="")


def _numbered(lines: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not empty."""
    while True:
        try:
            row = next(lines, None)
        except csv.Error as error:
            raise DataError(f"{path} line {lines.line_num}: {error}") from error
        if row is None:
            return
        if row:
            yield lines.line_num, row


def _parquet(table: Table) -> tuple[list[str], Iterator[Piece]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(table.path).names
    except pa.ArrowInvalid as error:
        raise DataError(f"{table.path}: not a Parquet file: {error}") from error

    def pieces() -> Iterator[Piece]:
        first = 1
        with pq.ParquetFile(table.path) as file:
            for part in file.iter_batches(_rows_a_chunk(table, len(names))):
                yield range(first, first + part.num_rows), [_plain(column) for column in part.columns], []
                first += part.num_rows

    return names, pieces()


def _plain(column: Any) -> Sequence[Any]:
    """A column as Python values; timestamps become `Stamp`, because datetime would round them."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        counts = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_pylist()
        return [None if count is None else Stamp(count, column.type.tz is not None) for count in counts]
    return column.to_pylist()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A Parquet timestamp in ns; `utc` where the file declares a zone, else local time of the declared zone."""

    ns: int
    utc: bool


def _chunk(
    table: Table,
    columns: Mapping[str, int],
    tags: Mapping[str, int],
    numbers: Sequence[int],
    cells: list[Sequence[Any]],
    faults: list[str],
) -> Chunk:
    where = lambda at, name: f"{table.path.name} row {numbers[at]} column {name!r}"  # noqa: E731
    time_of = _time_reader(table)
    times, good, faults = _converted(cells[columns[table.time]], time_of, lambda at: where(at, table.time), list(faults))
    number_of = _number_reader(table.decimal)
    row: list[int] = []
    place: list[int] = []
    value: list[float] = []
    rank = {at: i for i, at in enumerate(good)}
    if table.tag:
        tag_cells = cells[columns[table.tag]]
        wanted = [at for at in good if tag_cells[at] in tags]
        column = [(at, table.value, cells[columns[table.value]], tags[tag_cells[at]]) for at in wanted]
    else:
        used = [(name, cells[columns[name]], at) for name, at in tags.items() if name in columns]
        column = [(at, name, data, tag) for at in good for name, data, tag in used]
    for at, name, data, tag in column:
        cell = data[at]
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        try:
            value.append(number_of(cell))
        except (DataError, TypeError, ValueError):
            faults.append(f"{where(at, name)}: {cell!r:.60} is not a number")
            continue
        row.append(rank[at])
        place.append(tag)
    return Chunk(
        np.array(times, np.int64), np.array(row, np.int64), np.array(place, np.int64), np.array(value, np.float64), tuple(faults)
    )


def _converted(
    cells: Sequence[Any], read: Callable[[Any], int], where: Callable[[int], str], faults: list[str]
) -> tuple[list[int], list[int], list[str]]:
    """(times, places of the rows they belong to, faults with those that could not be read)."""
    times: list[int] = []
    good: list[int] = []
    for at, cell in enumerate(cells):
        try:
            times.append(read(cell))
            good.append(at)
        except DataError as error:
            faults.append(f"{where(at)}: {error}")
    return times, good, faults


def _time_reader(table: Table) -> Callable[[Any], int]:
    zone, unit = table.zone, table.unit

    def stamp(cell: Any) -> int:
        if isinstance(cell, Stamp):
            if cell.utc:
                return cell.ns
            seconds, rest = divmod(cell.ns, UNIT_NS["s"])
            return iso_ns(str(np.datetime64(seconds, "s")), zone) + rest
        if cell is None or cell == "":
            raise DataError("the time is empty")
        return iso_ns(str(cell), zone) if unit == "iso" else epoch_ns(cell, unit)

    return stamp


def _number_reader(decimal: str) -> Callable[[Any], float]:
    def number(cell: Any) -> float:
        if isinstance(cell, str):
            if "_" in cell:
                raise DataError(cell)
            return float(cell.replace(",", ".") if decimal == "," else cell)
        return float(cell)

    return number


def summary(faults: Iterable[str]) -> str:
    """A few faults in full and the number of the others."""
    listed = list(faults)
    more = f"; and {len(listed) - _SHOWN} more in this batch" if len(listed) > _SHOWN else ""
    return "; ".join(listed[:_SHOWN]) + more
