"""The ledger: an append-only chain of records in SQLite, in which nothing can be altered without being found.

Each record's hash is SHA-256 over its number, the hash before it, its key and its body's canonical bytes, each part preceded by its
length, so that no two different records have the same input. The canonical bytes are stored and hashed as they are; nothing is
ever re-serialised to verify. They are JSON in UTF-8 with sorted keys and no spaces. Numbers: an integer is written in full; a float
as Python's shortest text that reads back equal (so 1.0 stays 1.0 and 0.1 stays 0.1); NaN and infinity are refused.

UPDATE and DELETE are refused by triggers; whoever goes around them breaks the chain. Cutting off the tail, or rewriting the chain
from some record on, can only be found by someone who kept an earlier head: `verify(head)`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from didymos.core.case import Record
from didymos.core.errors import LedgerError

FIRST = bytes(32)  # the hash before record 1
_TABLE = """
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject TEXT NOT NULL,
    body BLOB NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS record_subject ON record (subject, kind);
CREATE TRIGGER IF NOT EXISTS record_is_final_update BEFORE UPDATE ON record
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: a record cannot be changed; append a correction'); END;
CREATE TRIGGER IF NOT EXISTS record_is_final_delete BEFORE DELETE ON record
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: a record cannot be deleted; append a correction'); END;
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's end: keep it elsewhere, and `verify(head)` finds a cut or rewritten chain."""

    number: int
    hash: bytes


def canonical(record: Record) -> bytes:
    """The bytes of a record: the same record gives the same bytes on every machine. LedgerError for what has no such form."""
    try:
        _check_keys(record.body, record.key)
        text = json.dumps(asdict(record), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"record {record.key!r} cannot be written: {error}. Allowed: text, whole and finite numbers, true, false, null, "
            "lists and objects with text keys."
        ) from error


def _check_keys(value: Any, where: str) -> None:
    """JSON would turn the key 1 into "1" without a word, and a tuple into a list with the same bytes: only the first is harmful."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} at {where} is not text")
            _check_keys(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner, where)


def chain_hash(number: int, previous: bytes, key: str, body: bytes) -> bytes:
    """SHA-256 of the four parts, each preceded by its length as 8 bytes."""
    digest = hashlib.sha256()
    for part in (number.to_bytes(8, "big"), previous, key.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


@final
class SqliteLedger:
    """See `core.ports.Ledger`. One writer process; any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"ledger {path} cannot be opened: {error}. Restore it from a copy; do not delete it.") from error

    def append(self, record: Record) -> int:
        """Number of the record, once on disk. LedgerError when its key is known with another content."""
        body = canonical(record)
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    number = self._append(record, body)
                    self._db.execute("COMMIT")
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise LedgerError(f"ledger {self.path}: record {record.key!r} could not be stored: {error}") from error
        return number

    def _append(self, record: Record, body: bytes) -> int:
        known = self._db.execute("SELECT number, body FROM record WHERE key = ?", [record.key]).fetchone()
        if known is not None:
            if bytes(known[1]) != body:
                raise LedgerError(
                    f"ledger: key {record.key!r} is record {known[0]} already, with another content. "
                    "A record is never changed; append a correction under a new key."
                )
            return int(known[0])
        last = self._db.execute("SELECT number, hash FROM record ORDER BY number DESC LIMIT 1").fetchone() or (0, FIRST)
        number = int(last[0]) + 1
        digest = chain_hash(number, last[1], record.key, body)
        row = [number, record.key, record.kind, record.subject, body, last[1], digest]
        self._db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return number

    def head(self) -> Head:
        with self._lock:
            last = self._db.execute("SELECT number, hash FROM record ORDER BY number DESC LIMIT 1").fetchone()
        return Head(int(last[0]), bytes(last[1])) if last else Head(0, FIRST)

    def verify(self, head: Head | None = None) -> int:
        """Recomputes every hash; returns the number of records. LedgerError names the first that does not hold, and a chain that
        does not contain `head`, a head that was kept earlier."""
        previous, count = FIRST, 0
        query = "SELECT number, key, kind, subject, body, previous, hash FROM record ORDER BY number"
        with self._lock:
            for row in self._db.execute(query):
                count += 1
                _check(row, count, previous)
                previous = row[6]
                if head is not None and count == head.number and previous != head.hash:
                    raise LedgerError(f"ledger: record {count} is not the one of the kept head; the chain was rewritten.")
        if head is not None and count < head.number:
            raise LedgerError(f"ledger: records {count + 1} to {head.number} are missing; the chain was cut off at its end.")
        return count

    def records(self, subject: str | None = None, kind: str | None = None) -> Iterator[Record]:
        """Records in order, all or those of one subject or kind."""
        query = "SELECT body FROM record WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR kind = ?2) ORDER BY number"
        with self._lock:
            found = self._db.execute(query, [subject, kind]).fetchall()
        for (body,) in found:
            yield Record(**json.loads(body))

    def close(self) -> None:
        self._db.close()


def _check(row: tuple[Any, ...], expected: int, previous: bytes) -> None:
    """LedgerError unless this row is record `expected` of the chain after `previous`. Any stored type is possible here."""
    number, key, kind, subject, body, before, digest = row
    if number != expected:
        raise LedgerError(f"ledger: record {expected} is missing; record {number} follows record {expected - 1}.")
    if not (isinstance(key, str) and all(isinstance(part, bytes) for part in (body, before, digest))):
        raise LedgerError(f"ledger: record {number} was altered: it holds values of a wrong type.")
    if before != previous:
        raise LedgerError(
            f"ledger: record {number} does not follow record {number - 1}; a record was inserted, swapped or altered."
        )
    if chain_hash(number, before, key, body) != digest:
        raise LedgerError(f"ledger: record {number} ({key!r}) was altered; its content does not give its hash.")
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or [content.get(name) for name in ("key", "kind", "subject")] != [key, kind, subject]:
        raise LedgerError(f"ledger: record {number} ({key!r}) was altered; its columns do not agree with its content.")
