"""Operations of which the twin shall still say something, and what it said: stored before it is told, told as it was stored.

keep_operations(staging, records)    waiting(staging)    keep_said(staging, key, record)    untold(staging)    keep_told(...)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select, update

from didymos.core.case import Record
from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_tables import CURRENT, PROCESS

MOST = 200  # in one round


def keep_operations(staging: Staging, records: Iterable[Record]) -> None:
    """The same operation again changes nothing."""
    with staging.writing() as db:
        for r in records:
            if db.execute(select(PROCESS.c.key).where(PROCESS.c.key == r.key)).first() is None:
                line = {"asset": r.body["asset"], "end_ns": r.body["end_ns"], "operation": _text(r)}
                db.execute(insert(PROCESS).values(key=r.key, **line))


def waiting(staging: Staging) -> list[Record]:
    """Operations of which nothing was said yet, the oldest first."""
    query = select(PROCESS.c.operation).where(PROCESS.c.record.is_(None)).order_by(PROCESS.c.end_ns, PROCESS.c.key).limit(MOST)
    return [_record(text) for text in _column(staging, query)]


def untold(staging: Staging) -> list[tuple[str, Record]]:
    """(key of the operation, what was said) that may not be on the stream yet."""
    query = select(PROCESS.c.key, PROCESS.c.record).where(PROCESS.c.record.is_not(None), PROCESS.c.told_ns.is_(None))
    with staging.reading() as db:
        return [(row.key, _record(row.record)) for row in db.execute(query.order_by(PROCESS.c.end_ns, PROCESS.c.key).limit(MOST))]


def keep_said(staging: Staging, key: str, record: Record) -> None:
    """The first word stands."""
    with staging.writing() as db:
        db.execute(update(PROCESS).where(PROCESS.c.key == key, PROCESS.c.record.is_(None)).values(record=_text(record)))


def keep_told(staging: Staging, key: str, known_ns: int) -> None:
    with staging.writing() as db:
        db.execute(update(PROCESS).where(PROCESS.c.key == key).values(told_ns=known_ns))


def program_of(staging: Staging, order: str, operation: str) -> str:
    """As the ERP plans it; "" where it does not say."""
    t = CURRENT["operations"].c
    with staging.reading() as db:
        return db.execute(select(t.program).where(t.order == order, t.operation == operation)).scalar() or ""


def _column(staging: Staging, query: Any) -> list[str]:
    with staging.reading() as db:
        return list(db.execute(query).scalars())


def _text(record: Record) -> str:
    return json.dumps(asdict(record), allow_nan=False)


def _record(text: str) -> Record:
    return Record(**json.loads(text))
