"""An accepted case becomes a work-order request in the ERP, exactly once by its own number. Off unless [[erp]] says `write = true`.

    done = write_once(writer, staging, request, known_ns)        number of the request there; "" in number = the ERP gave none

Look before you write: the request's `reference` is looked for in the ERP first, so that a kill between the write and our note of it
(table `written`) finds the request there and writes nothing. The ERP's own unique key on that field is welcome and not needed,
as one process writes. Writers: a row in a mapped SQL table, an OData POST with the CSRF token that SAP asks for, or one CSV file
a request in an out-box folder. Nothing here speaks to a controller.

Verified: tests/erp/test_write.py, tests/faults/test_erp_write_kill.py.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, final
from urllib.parse import quote

from sqlalchemy import Engine, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.erp.delivery import SourceConfig
from didymos.data.erp.odata_http import Session
from didymos.data.erp.request import Target, WorkRequest
from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_tables import WRITTEN
from didymos.formats.odata import quoted, read_page

_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


class Writer(Protocol):
    def find(self, reference: str) -> str | None:
        """The ERP's number of the request with this reference, None when there is none. ConnectError when nobody can say."""
        ...

    def send(self, request: WorkRequest) -> str:
        """Write it; the ERP's number, "" when it gives none. ConnectError when it is not known whether it was written."""
        ...

    def close(self) -> None: ...


def write_once(writer: Writer, staging: Staging, erp: str, request: WorkRequest, known_ns: int) -> tuple[str, bool]:
    """(number, whether it was written just now)."""
    noted = noted_number(staging, erp, request.reference)
    if noted is not None:
        return noted, False
    found = writer.find(request.reference)
    number = writer.send(request) if found is None else found
    with staging.writing() as db:
        db.execute(insert(WRITTEN).values(erp=erp, key=request.reference, number=number, known_ns=known_ns))
    return number, found is None


def noted_number(staging: Staging, erp: str, reference: str) -> str | None:
    with staging.reading() as db:
        return db.execute(select(WRITTEN.c.number).where(WRITTEN.c.erp == erp, WRITTEN.c.key == reference)).scalar()


def _row(request: WorkRequest, target: Target) -> dict[str, Any]:
    values = asdict(request)
    return {**target.constant, **{column: values[field] for field, column in target.columns.items()}}


@final
class SqlWriter:
    """One row a request. A transaction of its own; the row is there or it is not."""

    def __init__(self, config: SourceConfig, target: Target) -> None:
        self._where = f"erp {config.id}: table {target.origin}"
        self._target = target
        self._engine: Engine = create_engine(config.url, pool_pre_ping=True)

    def find(self, reference: str) -> str | None:
        try:
            table = self._table()
            keys = list(table.primary_key.columns) or [table.c[self._target.columns["reference"]]]
            query = select(*keys).where(table.c[self._target.columns["reference"]] == reference)
            with self._engine.connect() as db:
                found = db.execute(query).first()
            return None if found is None else " / ".join(str(part) for part in found)
        except (SQLAlchemyError, OSError) as error:
            raise self._away(error) from error

    def send(self, request: WorkRequest) -> str:
        try:
            table = self._table()
            with self._engine.begin() as db:
                key = db.execute(insert(table).values(**_row(request, self._target))).inserted_primary_key
            return " / ".join(str(part) for part in key or () if part is not None) or request.reference
        except (SQLAlchemyError, OSError) as error:
            raise self._away(error) from error

    def close(self) -> None:
        self._engine.dispose()

    def _table(self) -> Table:
        schema, _, name = self._target.origin.rpartition(".")
        table = Table(name, MetaData(), schema=schema or None, autoload_with=self._engine)
        missing = [c for c in (*self._target.columns.values(), *self._target.constant) if c not in table.c]
        if missing:
            raise ConfigError(
                f"{self._where} has no column {', '.join(missing)}; it has {', '.join(table.c.keys())}. Correct [erp.request]."
            )
        return table

    def _away(self, error: Exception) -> ConnectError:
        said = f"there is no table {error}" if isinstance(error, NoSuchTableError) else str(error).splitlines()[0]
        return ConnectError(f"{self._where} cannot be written: {said}. Check [erp.request] and the user's rights.")


@final
class ODataWriter:
    """A POST to an entity set. A POST whose answer was lost is found by its reference the next time."""

    def __init__(self, config: SourceConfig, target: Target, session: Session | None = None) -> None:
        self._target = target
        self._session = session or Session(config)

    def find(self, reference: str) -> str | None:
        column = self._target.columns["reference"]
        query = f"{self._target.origin}?$filter={quote(f'{column} eq {quoted(reference)}', safe='/')}"
        page = read_page(self._session.get(query, {"accept": "application/json"}), self._target.origin)
        mine = [row for row in page.rows if str(row.get(column)) == reference]
        return _number_of(mine[0], column) if mine else None

    def send(self, request: WorkRequest) -> str:
        head = {"x-csrf-token": "Fetch", "accept": "application/json"}
        token = self._session.ask("GET", "", head).headers.get("x-csrf-token", "")
        headers = {"accept": "application/json", "content-type": "application/json", **({"x-csrf-token": token} if token else {})}
        body = json.dumps(_row(request, self._target)).encode()
        answer = self._session.ask("POST", self._target.origin, headers, body)
        made = self._session.json(answer) if answer.content else {}
        row = made.get("d", made) if isinstance(made, dict) else {}
        return _number_of(row, self._target.columns["reference"]) or request.reference

    def close(self) -> None:
        self._session.close()


def _number_of(row: Mapping[str, Any], reference: str) -> str:
    """The first property that is neither ours nor the protocol's: entity sets list their key first."""
    for name, value in row.items():
        if name != reference and not name.startswith(("@", "__")) and isinstance(value, str | int) and value != "":
            return str(value)
    return ""


@final
class Outbox:
    """One CSV file a request, named by its reference; complete or not there at all."""

    def __init__(self, config: SourceConfig, target: Target) -> None:
        self._folder = Path(target.origin)
        self._target = target
        self._where = f"erp {config.id}: out-box {self._folder}"

    def find(self, reference: str) -> str | None:
        return reference if self._file(reference).exists() or self._file(reference).with_suffix(".csv.done").exists() else None

    def send(self, request: WorkRequest) -> str:
        row, out = _row(request, self._target), io.StringIO()
        writer = csv.DictWriter(out, list(row), delimiter=";")
        writer.writeheader()
        writer.writerow({name: _harmless(value) for name, value in row.items()})
        path = self._file(request.reference)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(out.getvalue().encode("utf-8-sig"))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise ConnectError(f"{self._where} cannot be written: {error}. Check the folder and its rights.") from error
        return request.reference

    def close(self) -> None:
        """Nothing is held open."""

    def _file(self, reference: str) -> Path:
        if not _NAME.fullmatch(reference) or reference.startswith("."):
            raise ConfigError(
                f"{self._where}: reference {reference!r} is no file name; letters, digits, '.', '_' and '-' are allowed."
            )
        return self._folder / f"{reference}.csv"


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


WRITERS = {"sql": SqlWriter, "odata": ODataWriter, "csv": Outbox, "xlsx": Outbox, "b2mml": Outbox}
