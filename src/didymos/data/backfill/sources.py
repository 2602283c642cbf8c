"""Where years of samples come from: Parquet, text files (CSV), a table or query of any database SQLAlchemy opens.

Each gives its chunks in the same order every time, from a position on, so that an import goes on where it was stopped:
rows done in Parquet, blocks done in a text file; a database is read from its start again. DataError refuses a source as a whole.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from didymos.core.errors import ConfigError, DataError
from didymos.data.backfill.chunks import Chunk, Columns, Export, Faults, chunk_of, columns_for

PARQUET = (".parquet", ".pq")
TEXTS = (".csv", ".txt", ".tsv")
SAMPLES = 1_000_000  # of one chunk, about
BLOCK = 16 << 20  # bytes of text in one chunk
SQL_ROWS = 100_000
LINE = 64 << 20


class Part(Protocol):
    """One file or query. `size`: bytes, 0 where nobody knows; `name`: what a person calls it."""

    name: str
    size: int

    def chunks(self, export: Export, tags: Mapping[str, int], position: int) -> Iterator[tuple[Chunk, int]]:
        """(chunk, bytes of the part that are done) from `position` on."""
        ...


def parts_of(given: str, table: str = "", query: str = "") -> tuple[list[Part], list[str]]:
    """(parts in the order of their names, files that are left out because nothing here reads them)."""
    if "://" in given and not given.startswith("file://"):
        return [Query(given, table, query)], []
    root = Path(given.removeprefix("file://"))
    if not root.exists():
        raise ConfigError(f"--from {given}: there is no such file or folder. Give a file, a folder, or a database URL")
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("."))
    parts: list[Part] = []
    strange: list[str] = []
    for path in files:
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        suffix = path.suffix.lower()
        if suffix in PARQUET:
            parts.append(ParquetPart(path, name))
        elif suffix in TEXTS or root.is_file():
            parts.append(TextPart(path, name))
        else:
            strange.append(name)
    if not parts:
        raise ConfigError(f"--from {given}: no file there ends in {', '.join((*PARQUET, *TEXTS))}")
    return parts, strange


@dataclass(slots=True)
class ParquetPart:
    path: Path
    name: str
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = self.path.stat().st_size

    def chunks(self, export: Export, tags: Mapping[str, int], position: int) -> Iterator[tuple[Chunk, int]]:
        try:
            yield from self._chunks(export, tags, position)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.name}: cannot be read as Parquet ({_line(error)}). Copy it again from its source.") from error

    def _chunks(self, export: Export, tags: Mapping[str, int], position: int) -> Iterator[tuple[Chunk, int]]:
        schema = pq.read_schema(self.path)
        columns = columns_for(schema.names, export, self.name)
        with pq.ParquetFile(self.path, read_dictionary=[columns.tag] if columns.tag else None) as file:
            total, first = file.metadata.num_rows, 0
            if not total:
                raise DataError(f"{self.name}: holds no row. Leave it out, or export it again.")
            rows = max(1, SAMPLES // max(1, sum(name in tags for name in columns.others))) if not columns.tag else SAMPLES
            for group in range(file.num_row_groups):
                height = file.metadata.row_group(group).num_rows
                if first + height <= position:
                    first += height
                    continue
                for piece in file.iter_batches(rows, row_groups=[group], columns=_wanted(columns)):
                    last = first + piece.num_rows
                    if last > position:
                        skip = max(0, position - first)
                        yield self._chunk(piece.slice(skip), columns, export, tags, first + skip), self.size * last // total
                    first = last

    def _chunk(self, piece: pa.RecordBatch, columns: Columns, export: Export, tags: Mapping[str, int], first: int) -> Chunk:
        held = dict(zip(piece.schema.names, piece.columns, strict=True))
        return chunk_of(
            held, columns, export, tags, lambda row: f"{self.name} row {first + row + 1}", first + piece.num_rows, Faults()
        )


@dataclass(slots=True)
class TextPart:
    """Lines of cells. Line numbers count from 1, the header's."""

    path: Path
    name: str
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = self.path.stat().st_size

    def chunks(self, export: Export, tags: Mapping[str, int], position: int) -> Iterator[tuple[Chunk, int]]:
        if not self.size:
            raise DataError(f"{self.name}: is empty. Leave it out, or export it again.")
        names: list[str] = []
        delimiter, columns, line = export.delimiter, None, 1
        for block, (text, done) in enumerate(self._blocks(export)):
            if columns is None:
                head, _, rest = text.partition(b"\n")
                delimiter = delimiter or _delimiter(head)
                names = list(export.header) or _header(head, delimiter)
                columns = columns_for(names, export, self.name)
                if not export.header:
                    text, line = rest, 2
            if block >= position:
                yield self._chunk(text, names, columns, delimiter, export, tags, line, block + 1), done
            line += text.count(b"\n")
        if line <= 2 and not export.header:
            raise DataError(f"{self.name}: holds a header and no row. Leave it out, or export it again.")

    def _blocks(self, export: Export) -> Iterator[tuple[bytes, int]]:
        """(UTF-8 of whole lines, bytes of the file that are done)."""
        encoding = export.encoding or _encoding(self.path)
        try:
            decode = codecs.getincrementaldecoder(encoding)()
        except LookupError as error:
            raise DataError(f"{self.name}: encoding {encoding!r} is not known; write for example utf-8, cp1252, utf-16") from error
        plain = codecs.lookup(encoding).name == "utf-8"
        rest, done = b"", 0
        with self.path.open("rb") as file:
            while raw := file.read(BLOCK):
                done += len(raw)
                try:
                    text = rest + (raw if plain else decode.decode(raw).encode())
                except UnicodeError as error:
                    raise DataError(f"{self.name}: is not {encoding}: {error}. Say another --encoding.") from error
                end = text.rfind(b"\n") + 1
                rest = text[end:]
                if len(rest) > LINE:
                    raise DataError(f"{self.name}: a line is longer than {LINE >> 20} MB. Is it a text file?")
                if end:
                    yield text[:end].removeprefix(codecs.BOM_UTF8), done
        if rest:
            yield rest.removeprefix(codecs.BOM_UTF8) + b"\n", done

    def _chunk(
        self, text: bytes, names: list[str], columns: Columns, delimiter: str, export: Export, tags: Mapping[str, int],
        line: int, position: int,
    ) -> Chunk:  # fmt: skip
        faults, odd = Faults(), []

        def strange(row: pacsv.InvalidRow) -> str:
            at = line + int(row.number or 1) - 1
            odd.append(at)
            if str(row.text).strip():
                told = f"{self.name} line {at}: {row.actual_columns} cells where the header has {row.expected_columns}"
                faults.add("line of odd length", 1, [f"{told}: {str(row.text)[:60]!r}"])
            return "skip"

        wanted = _wanted(columns)
        kinds = {name: pa.string() for name in names}
        if columns.tag:
            kinds[columns.tag] = pa.dictionary(pa.int32(), pa.string())
        try:
            table = (
                pacsv.read_csv(
                    io.BytesIO(text),
                    pacsv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
                    pacsv.ParseOptions(delimiter=delimiter, invalid_row_handler=strange, ignore_empty_lines=False),
                    pacsv.ConvertOptions(column_types=kinds, include_columns=wanted, strings_can_be_null=False),
                ).combine_chunks()
                if text.strip()
                else pa.table({name: pa.array([], kinds[name]) for name in wanted})
            )
        except pa.ArrowInvalid as error:
            raise DataError(_bad_text(self.name, text, line, error)) from error
        held = {name: _array(table[name]) for name in wanted}

        def line_of(row: int) -> int:
            at = line + row
            for gone in sorted(odd):
                at += gone <= at
            return at

        empty = _empty_lines(text, held)
        if len(empty):
            odd += [line_of(row) for row in empty]
            keep = np.delete(np.arange(table.num_rows), empty)
            held = {name: column.take(pa.array(keep)) for name, column in held.items()}
        where = lambda row: f"{self.name} line {line_of(row)}"  # noqa: E731
        return chunk_of(held, columns, export, tags, where, position, faults)


@dataclass(slots=True)
class Query:
    """One table, or one SELECT, of a database."""

    url: str
    table: str
    query: str
    name: str = field(init=False)
    size: int = 0

    def __post_init__(self) -> None:
        if bool(self.table) == bool(self.query):
            raise ConfigError(f"--from {_safe(self.url)}: say --table NAME or --query 'SELECT …', one of them")
        self.name = self.table or "query"

    def chunks(self, export: Export, tags: Mapping[str, int], position: int) -> Iterator[tuple[Chunk, int]]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield from self._chunks(export, tags)
        except SQLAlchemyError as error:
            raise DataError(f"{_safe(self.url)} {self.name}: {_line(error)}") from error

    def _chunks(self, export: Export, tags: Mapping[str, int]) -> Iterator[tuple[Chunk, int]]:
        from sqlalchemy import MetaData, Table, create_engine, select, text
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        try:
            engine = create_engine(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(f"--from {_safe(self.url)}: {_line(error)}; write for example sqlite:///plant.db") from error
        try:
            with engine.connect() as line:
                statement: Any = text(self.query)
                if self.table:
                    statement = select(Table(self.table, MetaData(), autoload_with=line))
                found = line.execution_options(stream_results=True, max_row_buffer=SQL_ROWS).execute(statement)
                names = list(found.keys())
                columns = columns_for(names, export, self.name)
                first = 0
                while rows := found.fetchmany(SQL_ROWS):
                    cells = dict(zip(names, map(_column, zip(*rows, strict=True)), strict=True))
                    held = {name: cells[name] for name in _wanted(columns)}
                    where = lambda row, first=first: f"{self.name} row {first + row + 1}"  # noqa: E731
                    first += len(rows)
                    yield chunk_of(held, columns, export, tags, where, first, Faults()), 0
                if not first:
                    raise DataError(f"{self.name}: holds no row")
        finally:
            engine.dispose()


def _wanted(columns: Columns) -> list[str]:
    return [columns.time, columns.tag, columns.value] if columns.tag else [columns.time, *columns.others]


def _empty_lines(text: bytes, held: Mapping[str, pa.Array]) -> list[int]:
    """Rows that are lines without anything."""
    if b"\n\n" not in text and b"\n\r\n" not in text and not text.startswith((b"\n", b"\r\n")):
        return []
    blank = [pyarrow.compute.equal(column.cast(pa.string()), "") for column in held.values()]  # type: ignore[attr-defined]
    return np.flatnonzero(np.logical_and.reduce([np.asarray(each) for each in blank])).tolist()


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _column(cells: tuple[Any, ...]) -> pa.Array:
    """A column of a database; texts where its cells are of several kinds."""
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())


def _delimiter(head: bytes) -> str:
    return max(";\t|,", key=lambda mark: (head.count(mark.encode()), mark == ","))


def _header(head: bytes, delimiter: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([head.decode("utf-8", "replace")], delimiter=delimiter), [])]
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[i] = f"{name} ({seen[name]})"
    return names


def _encoding(path: Path) -> str:
    """What the first bytes say; UTF-8 without a word."""
    with path.open("rb") as file:
        head = file.read(4)
    return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"


def _bad_text(name: str, text: bytes, line: int, error: Exception) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        at = line + text.count(b"\n", 0, wrong.start)
        return f"{name} line {at}: byte 0x{text[wrong.start]:02x} is not UTF-8. Say --encoding, for example cp1252."
    return f"{name} after line {line}: {_line(error)}"


def _safe(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.split("@")[-1]


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
