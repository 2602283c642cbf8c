"""Closed work orders of an ERP database, read by polling its change column.

    orders = WorkOrders("sqlite:///erp.db", {}, {"cp-01": ("seal", "impeller", "wear_ring")})
    events, rejects, position = orders.poll(position, now_ns)      what changed after `position`; keep the new one with the events

An order counts when its state is `closed_state`. Its Event has the order's number as id and the time the work was *done*,
however late it was entered. Reading again from the same position gives the same events. A row that cannot be used becomes a Reject
and holds up no other.
Rows are ordered by (changed column, number); one that is committed later but stamped earlier than the position is not seen, so
the change column must be set by the database or within its transaction, as ERPs do.

Verified: tests/erp/test_sql.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Column, Date, DateTime, Engine, MetaData, String, Table, and_, create_engine, or_, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from didymos.core.case import Event
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError, ConnectError, DataError

KIND = "work_order_closed"
MOST_ROWS = 1000  # of one poll; the rest comes with the next
Position = tuple[str, str]
START: Position = ("", "")


@dataclass(frozen=True, slots=True)
class SqlOptions:
    """Names in the ERP's own schema. `new_serial` and `note` may be "" where the ERP has none."""

    table: str = "work_order"
    number: str = "number"
    asset: str = "asset"
    component: str = "component"
    action: str = "action"
    state: str = "state"
    closed_at: str = "closed_at"
    changed_at: str = "changed_at"
    new_serial: str = "new_serial"
    note: str = "note"
    closed_state: str = "closed"


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that could not be used: which, and why."""

    row: str
    reason: str

    def __str__(self) -> str:
        return f"{self.row}: {self.reason}"


class Poll(NamedTuple):
    """position: (changed_at as text, number) of the last row seen; hand it in next time."""

    events: tuple[Event, ...]
    rejects: tuple[Reject, ...]
    position: Position


class WorkOrders:
    """The work orders of one database. `known_assets`: asset -> ids of its components; a plain set leaves components unchecked."""

    def __init__(
        self, url: str, options: Mapping[str, Any] | None = None, known_assets: Mapping[str, Collection[str]] | Collection[str] = ()
    ) -> None:
        """ConfigError for an option or url that cannot be; the database itself is first opened by `poll`."""
        self._names = read_names(options or {})
        self._known = known_assets
        self._url = _safe(url)
        try:
            self._engine: Engine = create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(
                f"erp: url {self._url!r} is not allowed ({error}); write for example sqlite:///erp.db or postgresql+psycopg://…"
            ) from error
        self._table: Table | None = None
        self._told: set[str] = set()

    def poll(self, position: Position | None = None, known_ns: int | None = None) -> Poll:
        """Up to MOST_ROWS rows changed after `position`, in order of change. known_ns: now, the moment we learn of them; without
        it an event's known_ns is its row's changed_at. ConnectError when the database cannot be read, DataError for its schema."""
        position = position or START
        try:
            table = self._table if self._table is not None else self._reflect()
            with self._engine.connect() as db:
                rows = [dict(row) for row in db.execute(self._query(table, position)).mappings()]
        except NoSuchTableError as error:
            raise ConnectError(f"erp {self._url}: there is no table {error}. Create it, or set `table` in [[erp]].") from error
        except (SQLAlchemyError, OSError) as error:
            text = str(error).splitlines()[0]
            raise ConnectError(f"erp {self._url} cannot be read: {text}. Start it, or correct `url` in [[erp]].") from error
        return self._judge(rows, position, known_ns)

    def close(self) -> None:
        self._engine.dispose()

    def _reflect(self) -> Table:
        """The table as the database has it; DataError names every column that is missing."""
        table = Table(self._names.table, MetaData(), autoload_with=self._engine)
        wanted = [getattr(self._names, f.name) for f in fields(SqlOptions) if f.name not in ("table", "closed_state")]
        missing = [name for name in wanted if name and name not in table.c]
        if missing:
            raise DataError(
                f"erp {self._url}: table {table.name!r} has no column {', '.join(missing)}; it has {', '.join(table.c.keys())}. "
                "Map the names in [[erp]], for example closed_at = 'finish_date'."
            )
        if (
            self._engine.dialect.name == "sqlite"
        ):  # its dates are texts, and two texts of one moment differ: they are compared as such
            for column in table.columns:
                if isinstance(column.type, DateTime | Date):
                    column.type = String()
        self._table = table
        return table

    def _query(self, table: Table, position: Position):
        n = self._names
        changed, number = table.c[n.changed_at], table.c[n.number]
        wanted = [
            table.c[getattr(n, f.name)].label(f.name) for f in fields(SqlOptions) if _is_column(f.name) and getattr(n, f.name)
        ]
        query = select(*wanted).where(table.c[n.state] == n.closed_state, changed.is_not(None))
        if position != START:
            at, last = _as_column(changed, position[0]), _as_column(number, position[1])
            query = query.where(or_(changed > at, and_(changed == at, number > last)))
        return query.order_by(changed, number).limit(MOST_ROWS)

    def _judge(self, rows: list[dict[str, Any]], position: Position, known_ns: int | None) -> Poll:
        """A row whose changed_at is no time is told once and does not move the position: its order is not known."""
        events: list[Event] = []
        rejects: list[Reject] = []
        for row in rows:
            number = str(row["number"])
            try:
                changed = time_ns_of(row["changed_at"], "changed_at")
            except ValueError as error:
                if number not in self._told:
                    rejects.append(Reject(f"work order {number}", str(error)))
                self._told.add(number)
                continue
            position = (_text(row["changed_at"]), number)
            try:
                events.append(self._event(row, changed if known_ns is None else known_ns))
            except ValueError as error:
                rejects.append(Reject(f"work order {number}", str(error)))
        return Poll(tuple(events), tuple(rejects), position)

    def _event(self, row: Mapping[str, Any], known_ns: int) -> Event:
        """ValueError says what is wrong with the row and what is allowed."""
        asset, component = row["asset"], row["component"]
        if not asset:
            raise ValueError("it names no asset. Fill in the asset.")
        if asset not in self._known:
            raise ValueError(f"asset {asset!r} is not in the plant; it has {', '.join(list(self._known)[:12])}. Correct the asset.")
        parts = self._known[asset] if isinstance(self._known, Mapping) else None
        if not component or (parts is not None and component not in parts):
            known = ", ".join(parts or ()) or "components as its model names them"
            raise ValueError(f"component {component!r} is not part of {asset}; it has {known}. Correct the component.")
        body: dict[str, str | float | int | None] = {
            "component": component,
            "action": _plain(row["action"]),
            "new_serial": _plain(row.get("new_serial")),
            "note": _plain(row.get("note")),
        }
        return Event(str(row["number"]), KIND, asset, time_ns_of(row["closed_at"], "closed_at"), known_ns, body)


def read_names(options: Mapping[str, Any]) -> SqlOptions:
    """ConfigError for an option that does not exist or is not text."""
    allowed = [f.name for f in fields(SqlOptions)]
    for name, value in options.items():
        if name not in allowed:
            raise ConfigError(f"erp: option {name!r} does not exist. Allowed: {', '.join(allowed)}. Correct or remove it.")
        if not isinstance(value, str) or (not value and name not in ("new_serial", "note")):
            raise ConfigError(f"erp: option {name} = {value!r}; a name in the ERP's schema is allowed. Correct it.")
    return SqlOptions(**options)


def time_ns_of(value: Any, name: str) -> int:
    """ISO 8601 text or a datetime -> UTC ns. One without zone is taken as UTC, the custom of databases. ValueError otherwise."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{name} {value!r} is not a time; ISO 8601 is allowed. Correct the date.") from None
    if not isinstance(moment, datetime):
        raise ValueError(f"{name} {value!r} is not a time; ISO 8601 is allowed. Fill in the date.")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return int(moment.replace(microsecond=0).timestamp()) * SECOND_NS + moment.microsecond * 1000


def _is_column(name: str) -> bool:
    return name not in ("table", "closed_state", "state")


def _plain(value: Any) -> str | float | int | None:
    return value if value is None or isinstance(value, str | float | int) else str(value)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _as_column(column: Column[Any], text: str) -> Any:
    """The position's text in the column's own type."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return text
    if kind is datetime:
        return datetime.fromisoformat(text)
    return kind(text) if kind in (int, float) else text


def _safe(url: str) -> str:
    """The url without its password."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url
