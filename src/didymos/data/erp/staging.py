"""The staging store: deliveries go in, each key's current row and all its revisions are kept. SQLite by default, PostgreSQL by URL.

    staging = Staging("sqlite:///erp.db")
    taken = staging.take(delivery, known_ns)      one transaction: rows, refused rows, and the position where the next read begins

Nothing recorded is overwritten: another content under a known key becomes its next revision, and the current row follows it,
unless the source says by its change time that it is older than what is there. The same content again changes nothing, so that the
tables are equal after a second run of any import, after a kill at any moment, and after a position was lost. `known_ns` is when a
content first came; `last_seen_ns` moves when a new file, or a whole answer unlike the one before, has the row again, never by
looking twice. Two processes may write at once: each takes the whole store for its transaction.

Verified: tests/erp/test_staging.py, tests/conformance/test_erp_sources.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text, update
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.erp.delivery import Delivery, digest
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import BadRow
from didymos.data.erp.staging_fold import CHUNK, bkey_of, fold
from didymos.data.erp.staging_tables import CURRENT, DELIVERY, META, POSITION, REJECTED, REVISION

_LOCK = 710_114_224  # of PostgreSQL's advisory locks; any number that is always the same


@dataclass(frozen=True, slots=True)
class Taken:
    """What one delivery changed: keys that are new, contents that differ, rows that were there already; refused rows."""

    name: str
    new: int = 0
    revised: int = 0
    same: int = 0
    bad: tuple[BadRow, ...] = ()
    passed: int = 0


@final
class Staging:
    """One store. Any thread; opened at once. ConfigError for a URL that cannot be, ConnectError when it cannot be reached."""

    def __init__(self, url: str) -> None:
        self._where = safe_url(url)
        try:
            if url.startswith("sqlite:///") and url != "sqlite:///:memory:":
                Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            self.engine: Engine = create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ConfigError(
                f"staging: url {self._where!r} is not allowed ({error}); write for example sqlite:///erp.db or postgresql+psycopg://…"
            ) from error
        if self.engine.dialect.name == "sqlite":
            _prepare_sqlite(self.engine)
        try:
            with self.writing() as db:
                META.create_all(db)
        except (SQLAlchemyError, OSError) as error:
            raise self.away(error) from error

    def away(self, error: Exception) -> ConnectError:
        said = str(error).splitlines()[0]
        return ConnectError(f"staging {self._where} cannot be used: {said}. Start it, or correct `staging` in [store].")

    def writing(self) -> Any:
        """A transaction that nobody else writes beside: `with staging.writing() as db`."""
        return _writing(self.engine)

    def take(self, delivery: Delivery, known_ns: int) -> Taken:
        """Fold one delivery in, all of it or nothing. A file whose digest is known changes nothing at all."""
        try:
            with self.writing() as db:
                if delivery.is_file and _has_file(db, delivery.source, delivery.digest):
                    return Taken(delivery.name, same=sum(len(rows) for _, rows in delivery.parts))
                is_new = delivery.is_file or (delivery.digest != "" and _last_digest(db, delivery) != delivery.digest)
                counts = [0, 0, 0]
                for entity, rows in delivery.parts:
                    for i in range(0, len(rows), CHUNK):
                        fold(db, entity, rows[i : i + CHUNK], delivery, known_ns, is_new, counts)
                _note_bad(db, delivery, known_ns)
                _note_delivery(db, delivery, known_ns)
        except (SQLAlchemyError, OSError) as error:
            raise self.away(error) from error
        return Taken(delivery.name, *counts, bad=delivery.bad, passed=delivery.passed)

    def has_file(self, source: str, digest: str) -> bool:
        with self.reading() as db:
            return _has_file(db, source, digest)

    def position(self, source: str, name: str) -> str:
        with self.reading() as db:
            found = db.execute(select(POSITION.c.text).where(POSITION.c.source == source, POSITION.c.name == name)).scalar()
        return found or ""

    def keep_position(self, source: str, name: str, text: str) -> None:
        with self.writing() as db:
            _put_position(db, source, name, text, "")

    def rows(self, entity: str, *where: Any) -> list[dict[str, Any]]:
        """Current rows in order of their key; `where` are conditions on CURRENT[entity]."""
        table = CURRENT[entity]
        with self.reading() as db:
            return [dict(row) for row in db.execute(select(table).where(*where).order_by(table.c.bkey)).mappings()]

    def revisions(self, entity: str, *key: Any) -> list[dict[str, Any]]:
        """Everything ever recorded of one key, oldest first."""
        table = REVISION[entity]
        with self.reading() as db:
            query = select(table).where(table.c.bkey == bkey_of(key)).order_by(table.c.revision)
            return [dict(row) for row in db.execute(query).mappings()]

    def rejected(self, source: str = "") -> list[BadRow]:
        """Every cell that could not be used, newest file last."""
        columns = [REJECTED.c[name] for name in ("source", "file", "row", "column", "given", "allowed")]
        query = select(*columns).order_by(REJECTED.c.known_ns, REJECTED.c.file, REJECTED.c.id)
        with self.reading() as db:
            found = db.execute(query.where(REJECTED.c.source == source) if source else query)
            return [BadRow(*row) for row in found]

    def reading(self) -> Connection:
        try:
            return self.engine.connect()
        except (SQLAlchemyError, OSError) as error:
            raise self.away(error) from error

    def close(self) -> None:
        self.engine.dispose()


class _writing:
    """engine.begin(), alone in the store."""

    def __init__(self, engine: Engine) -> None:
        self._db = engine.connect().execution_options(writes=True)

    def __enter__(self) -> Connection:
        try:
            self._transaction = self._db.begin()
            if self._db.dialect.name == "postgresql":
                self._db.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        except BaseException:
            self._db.close()
            raise
        return self._db

    def __exit__(self, kind: Any, *_: Any) -> None:
        try:
            self._transaction.rollback() if kind else self._transaction.commit()
        finally:
            self._db.close()


def _prepare_sqlite(engine: Engine) -> None:
    """Readers go on beside a writer (WAL); whoever means to write says so at once, and waits up to 30 s."""

    @event.listens_for(engine, "connect")
    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None
        raw.execute("pragma busy_timeout = 30000")
        raw.execute("pragma journal_mode = wal")
        raw.execute("pragma synchronous = full")

    @event.listens_for(engine, "begin")
    def begin(db: Connection) -> None:
        db.exec_driver_sql("begin immediate" if db.get_execution_options().get("writes") else "begin")


def _has_file(db: Connection, source: str, digest: str) -> bool:
    return db.execute(select(DELIVERY.c.name).where(DELIVERY.c.source == source, DELIVERY.c.digest == digest)).first() is not None


def _last_digest(db: Connection, delivery: Delivery) -> str | None:
    query = select(POSITION.c.digest).where(POSITION.c.source == delivery.source, POSITION.c.name == f"digest {delivery.name}")
    return db.execute(query).scalar()


def _note_bad(db: Connection, delivery: Delivery, known_ns: int) -> None:
    lines = {}
    for b in delivery.bad:
        lines[digest(b)] = {n: getattr(b, n) for n in ("source", "file", "row", "column", "given", "allowed")}
    for part in _chunks(list(lines)):
        known = set(db.execute(select(REJECTED.c.id).where(REJECTED.c.id.in_(part))).scalars())
        fresh = [{**lines[id], "id": id, "known_ns": known_ns} for id in part if id not in known]
        if fresh:
            db.execute(insert(REJECTED), fresh)


def _note_delivery(db: Connection, delivery: Delivery, known_ns: int) -> None:
    if delivery.is_file:
        line = {"source": delivery.source, "digest": delivery.digest, "name": delivery.name, "known_ns": known_ns}
        count = sum(len(rows) for _, rows in delivery.parts)
        db.execute(insert(DELIVERY).values(**line, rows=count, bad=len(delivery.bad), passed=delivery.passed))
    elif delivery.digest:
        _put_position(db, delivery.source, f"digest {delivery.name}", "", delivery.digest)
    if delivery.position is not None:
        _put_position(db, delivery.source, *delivery.position, "")


def _put_position(db: Connection, source: str, name: str, text: str, digest: str) -> None:
    where = (POSITION.c.source == source, POSITION.c.name == name)
    if db.execute(select(POSITION.c.name).where(*where)).first() is None:
        db.execute(insert(POSITION).values(source=source, name=name, text=text, digest=digest))
    else:
        db.execute(update(POSITION).where(*where).values(text=text, digest=digest))


def _chunks(items: list[str]) -> Iterator[list[str]]:
    for i in range(0, len(items), CHUNK):
        yield items[i : i + CHUNK]


def safe_url(url: str) -> str:
    """The url without its password."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


def dump(staging: Staging) -> dict[str, list[tuple[Any, ...]]]:
    """Every table with all its rows, in order: what must be equal after a second run."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with staging.reading() as db:
        for table in META.sorted_tables:
            order = list(table.primary_key.columns)
            found[table.name] = [tuple(row) for row in db.execute(select(table).order_by(*order))]
    return found


__all__ = ["ENTITIES", "Staging", "Taken", "dump"]
