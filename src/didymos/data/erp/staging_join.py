"""What the join keeps in the staging store: which row has become which record, and what is quarantined with its reason.

for q in quarantine(staging): ...        what is open now, oldest first; `didymos doctor` shows it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, insert, or_, select, update

from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_fold import CHUNK
from didymos.data.erp.staging_tables import CURRENT, JOINED, QUARANTINE

PERFORMANCE = CURRENT["performance"]
MOST = 2000  # rows judged in one go


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that could not be joined. `since_ns`: when it was first found."""

    key: str
    kind: str
    reason: str
    asset: str
    since_ns: int = 0


def quarantine(staging: Staging, most: int = 10_000) -> list[Doubt]:
    """Everything that is in doubt now, oldest first."""
    columns = [QUARANTINE.c[name] for name in ("key", "kind", "reason", "asset", "since_ns")]
    query = select(*columns).where(QUARANTINE.c.resolved_ns.is_(None)).order_by(QUARANTINE.c.since_ns, QUARANTINE.c.key).limit(most)
    with staging.reading() as db:
        return [Doubt(*row) for row in db.execute(query)]


def pending(staging: Staging) -> list[dict[str, Any]]:
    """Performance rows that are no record yet, or whose content changed since; those never judged first, then those in doubt."""
    is_open = and_(QUARANTINE.c.key == PERFORMANCE.c.number, QUARANTINE.c.resolved_ns.is_(None))
    query = (
        select(PERFORMANCE, JOINED.c.record.label("joined"), QUARANTINE.c.key.label("doubt"))
        .outerjoin(JOINED, JOINED.c.number == PERFORMANCE.c.number)
        .outerjoin(QUARANTINE, is_open)
        .where(or_(JOINED.c.hash.is_(None), JOINED.c.hash != PERFORMANCE.c.hash))
        .order_by(PERFORMANCE.c.known_ns, PERFORMANCE.c.bkey)
    )
    with staging.reading() as db:
        fresh = db.execute(query.where(QUARANTINE.c.key.is_(None)).limit(MOST)).mappings().all()
        doubtful = db.execute(query.where(QUARANTINE.c.key.is_not(None)).limit(MOST)).mappings().all()
    return [dict(row) for row in (*fresh, *doubtful)]


def neighbours(staging: Staging, asset: str, start_ns: int, end_ns: int) -> list[dict[str, Any]]:
    """Rows of the machine that are records already and touch the window."""
    p = PERFORMANCE.c
    query = (
        select(PERFORMANCE, JOINED.c.record.label("joined"))
        .join(JOINED, and_(JOINED.c.number == p.number, JOINED.c.hash == p.hash))
        .where(p.asset == asset, p.start < end_ns, p.end > start_ns)
        .order_by(p.bkey)
    )
    with staging.reading() as db:
        return [dict(row) for row in db.execute(query).mappings()]


def keep_joined(staging: Staging, rows: Iterable[tuple[str, str, str]], known_ns: int) -> None:
    """[(number, record key, hash of the row's content)]: after their records are on disk. Their doubts are resolved."""
    with staging.writing() as db:
        for number, record, hash in rows:
            line = {"record": record, "hash": hash, "known_ns": known_ns}
            if db.execute(select(JOINED.c.number).where(JOINED.c.number == number)).first() is None:
                db.execute(insert(JOINED).values(number=number, **line))
            else:
                db.execute(update(JOINED).where(JOINED.c.number == number).values(**line))
            resolve(db, [number], known_ns)


def keep_doubts(staging: Staging, doubts: Sequence[Doubt], known_ns: int) -> None:
    """Open them, or follow a reason that changed; the same doubt again changes nothing."""
    if not doubts:
        return
    with staging.writing() as db:
        there: dict[str, Any] = {}
        for i in range(0, len(doubts), CHUNK):
            keys = [d.key for d in doubts[i : i + CHUNK]]
            there |= {row.key: row for row in db.execute(select(QUARANTINE).where(QUARANTINE.c.key.in_(keys)))}
        for d in doubts:
            line = {"kind": d.kind, "reason": d.reason, "asset": d.asset, "resolved_ns": None}
            old = there.get(d.key)
            if old is None:
                db.execute(insert(QUARANTINE).values(key=d.key, since_ns=known_ns, **line))
            elif (old.kind, old.reason, old.asset, old.resolved_ns) != (d.kind, d.reason, d.asset, None):
                db.execute(update(QUARANTINE).where(QUARANTINE.c.key == d.key).values(**line))


def resolve(db: Any, keys: Sequence[str], known_ns: int) -> None:
    where = (QUARANTINE.c.key.in_(list(keys)), QUARANTINE.c.resolved_ns.is_(None))
    db.execute(update(QUARANTINE).where(*where).values(resolved_ns=known_ns))
