"""Any entity from a table or view of an SQL database, read by its change column, or whole where it has none.

    [[erp]] type = "sql", url = "postgresql+psycopg://erp-host/erp"      origin = "schema.view", changed = "changed_at"

Rows come in order of (change column, key), at most PAGE of them a delivery, each with the position of its last row; so a kill
between two pages costs nothing. A row that is committed later but stamped earlier than the position is not seen: the change
column must be set by the database or within its transaction. Rows without a change time are refused by name. Passwords: leave
them out of the url and use what the driver reads (PGPASSFILE, PGPASSWORD).

Verified: tests/conformance/test_erp_sources.py, tests/erp/test_sql_rows.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, final

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    Time,
    and_,
    create_engine,
    or_,
    select,
    type_coerce,
)  # fmt: skip
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.data.erp.delivery import Delivery, Known, SourceConfig, digest, map_digest
from didymos.data.erp.rows import BadRow, EntityMap, Raw, checked
from didymos.data.erp.staging import safe_url

PAGE = 5000
MOST_UNDATED = 100  # rows without change time that are told in one go


@final
class SqlRows:
    """See the head of this file. ConfigError for a url that cannot be; the database is first opened by `deliveries`."""

    def __init__(self, config: SourceConfig, page: int = PAGE) -> None:
        self._config = config
        self._page = page
        self._where = f"erp {config.id}: {safe_url(config.url)}"
        try:
            self._engine: Engine = create_engine(config.url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(
                f"{self._where} is not allowed ({error}); write for example sqlite:///erp.db or postgresql+psycopg://…"
            ) from error

    def deliveries(self, known: Known) -> Iterator[Delivery]:
        try:
            for m in self._config.maps:
                yield from self._read(m, known)
        except NoSuchTableError as error:
            raise ConnectError(
                f"{self._where}: there is no table {error}. Create it, or correct `origin` in [[erp.entity]]."
            ) from error
        except (SQLAlchemyError, OSError) as error:
            text = str(error).splitlines()[0]
            raise ConnectError(f"{self._where} cannot be read: {text}. Start it, or correct `url` in [[erp]].") from error

    def close(self) -> None:
        self._engine.dispose()

    def _read(self, m: EntityMap, known: Known) -> Iterator[Delivery]:
        table, columns = self._reflect(m)
        order = [_plain(table.c[c], table) for c in _order(m)]
        name = f"{m.origin}:{map_digest(m)}"
        saved = known.position(self._config.id, name) if m.changed else ""
        position: list[str] = json.loads(saved) if saved else []
        number = 0
        while True:
            query = select(*(_plain(table.c[c], table).label(c) for c in columns)).order_by(*order).limit(self._page)
            if m.changed:
                query = query.where(table.c[m.changed].is_not(None))
            if position:
                query = query.where(_after(order, position))
            rows = self._fetch(query)
            reached = _reached(m, rows, position)
            yield self._delivery(m, rows, f"{m.origin}?{number}", (name, json.dumps(reached)) if m.changed and reached else None)
            if len(rows) < self._page or reached == position:
                break
            position, number = reached, number + 1
        if m.changed and (undated := self._fetch(_undated(table, order, m))):
            bad = tuple(
                BadRow(
                    self._config.id, m.origin, _place(m, row), m.changed, "nothing", "a change time; without it the row is not read"
                )
                for row in undated
            )
            yield Delivery(self._config.id, f"{m.origin}?undated", "", False, (), bad)

    def _fetch(self, query: Any) -> list[dict[str, Any]]:
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def _reflect(self, m: EntityMap) -> tuple[Table, list[str]]:
        """The table as the database has it, and the columns to read; DataError names those that are missing."""
        schema, _, name = m.origin.rpartition(".")
        table = Table(name, MetaData(), schema=schema or None, autoload_with=self._engine)
        table.info["dialect"] = self._engine.dialect.name
        wanted = list(dict.fromkeys([*m.columns.values(), m.changed]))
        wanted = [c for c in wanted if c]
        needed = set(wanted) if m.strict else set(_order(m))
        missing = [c for c in needed if c not in table.c]
        if missing:
            raise DataError(
                f"{self._where}: {m.origin} has no column {', '.join(missing)}; it has {', '.join(table.c.keys())}. "
                "Correct `columns` in [[erp.entity]]."
            )
        return table, [c for c in wanted if c in table.c]

    def _delivery(self, m: EntityMap, rows: list[dict[str, Any]], name: str, position: tuple[str, str] | None) -> Delivery:
        raws = [Raw(_place(m, row), row) for row in rows]
        good, bad = checked(m, raws, self._config.id, m.origin)
        found = "" if m.changed else digest(map_digest(m), [sorted(row.items(), key=lambda item: item[0]) for row in rows])
        return Delivery(self._config.id, name, found, False, ((m.entity, good),), bad, position)


def _plain(column: Column[Any], table: Table) -> ColumnElement[Any]:
    """SQLite keeps a date as the text it was given, and two texts of one moment differ: there it is read and compared as text."""
    if isinstance(column.type, DateTime | Date | Time) and table.info.get("dialect") == "sqlite":
        return type_coerce(column, String)
    return column


def _order(m: EntityMap) -> list[str]:
    """Columns that order the rows: change time, then the key's columns."""
    keys = [m.columns[f] for f in m.entity.key if f in m.columns]
    return list(dict.fromkeys([*([m.changed] if m.changed else []), *keys]))


def _undated(table: Table, order: Sequence[ColumnElement[Any]], m: EntityMap) -> Any:
    named = (c.label(name) for c, name in zip(order, _order(m), strict=True))
    return select(*named).where(table.c[m.changed].is_(None)).order_by(*order).limit(MOST_UNDATED)


def _place(m: EntityMap, row: dict[str, Any]) -> str:
    return " / ".join(str(row.get(m.columns[f])) for f in m.entity.key if f in m.columns)


def _reached(m: EntityMap, rows: list[dict[str, Any]], position: list[str]) -> list[str]:
    """Of the last row whose change time can be read: the order of one that cannot is not known, and may hide all others."""
    for row in reversed(rows):
        values = [row[c] for c in _order(m)]
        _, bad = checked(m, [Raw("", row)], "", "") if m.changed else ((), ())
        if m.changed and any(b.column == m.changed for b in bad):
            continue
        if all(value is not None for value in values):
            return [_text(value) for value in values]
    return position


def _after(order: Sequence[ColumnElement[Any]], position: Sequence[str]) -> ColumnElement[bool]:
    """(a, b, ...) > position, in order."""
    values = [_as_column(c, text) for c, text in zip(order, position, strict=True)]
    steps = [and_(*(c == v for c, v in zip(order[:i], values[:i], strict=True)), order[i] > values[i]) for i in range(len(order))]
    return or_(*steps)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _as_column(column: ColumnElement[Any], text: str) -> Any:
    """The position's text in the column's own type."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return text
    if kind in (datetime, date):
        return kind.fromisoformat(text)
    return kind(text) if kind in (int, float, Decimal) else text
