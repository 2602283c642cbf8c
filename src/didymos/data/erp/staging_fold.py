"""Rows of one entity into its two tables: what is new becomes a revision, and the current row follows it unless it is older.

The rules, and why a second run changes nothing, are told in `staging`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from didymos.data.erp.delivery import Delivery, digest
from didymos.data.erp.entities import Entity
from didymos.data.erp.rows import Row, key_of
from didymos.data.erp.staging_tables import CURRENT, REVISION

CHUNK = 300  # keys in one query: SQLite allows 999 parameters in old builds


def fold(
    db: Connection, entity: Entity, rows: Sequence[Row], delivery: Delivery, known_ns: int, is_new: bool, counts: list[int]
) -> None:
    """Insert revisions, then bring the current rows up to them. counts: new, revised, same."""
    current, revision = CURRENT[entity.name], REVISION[entity.name]
    keys = [bkey_of(key_of(entity, row)) for row in rows]
    past: dict[str, list[Any]] = {}
    names = [revision.c[n] for n in ("bkey", "revision", "hash", "changed_ns", "source")]
    for found in db.execute(select(*names).where(revision.c.bkey.in_(keys)).order_by(revision.c.bkey, revision.c.revision)):
        past.setdefault(found.bkey, []).append(found)
    query = select(current.c.bkey, current.c.changed_ns).where(current.c.bkey.in_(keys))
    latest: dict[str, int | None] = {row.bkey: row.changed_ns for row in db.execute(query)}
    fresh: list[dict[str, Any]] = []
    follow: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for bkey, row in zip(keys, rows, strict=True):
        values = dict(zip((f.name for f in entity.fields), row.values, strict=True))
        hash = digest(row.values)
        mine = [r for r in past.get(bkey, ()) if r.source == delivery.source]
        if any(r.hash == hash and r.changed_ns == row.changed_ns for r in (mine if row.changed_ns is not None else mine[-1:])):
            counts[2] += 1
            seen.add(bkey)
            continue
        counts[1 if past.get(bkey) else 0] += 1
        line = {"bkey": bkey, **values, "hash": hash, "changed_ns": row.changed_ns, "known_ns": known_ns, "source": delivery.source}
        number = len(past.setdefault(bkey, [])) + 1
        fresh.append({**line, "revision": number, "file": delivery.name, "place": row.place})
        past[bkey].append(_Revision(hash, row.changed_ns, delivery.source))
        if not _is_older(row.changed_ns, latest.get(bkey)):
            latest[bkey] = row.changed_ns
            follow[bkey] = {**line, "revision": number, "last_seen_ns": known_ns}
    if fresh:
        db.execute(insert(revision), fresh)
    _follow(db, current, follow)
    if is_new and (again := seen - set(follow)):
        db.execute(update(current).where(current.c.bkey.in_(again)).values(last_seen_ns=known_ns))


@dataclass(frozen=True, slots=True)
class _Revision:
    hash: str
    changed_ns: int | None
    source: str


def _is_older(changed_ns: int | None, than_ns: int | None) -> bool:
    return changed_ns is not None and than_ns is not None and changed_ns < than_ns


def _follow(db: Connection, current: Any, lines: dict[str, dict[str, Any]]) -> None:
    if not lines:
        return
    there = set(db.execute(select(current.c.bkey).where(current.c.bkey.in_(list(lines)))).scalars())
    fresh = [{**line, "first_seen_ns": line["known_ns"]} for bkey, line in lines.items() if bkey not in there]
    if fresh:
        db.execute(insert(current), fresh)
    for bkey in there:
        db.execute(update(current).where(current.c.bkey == bkey).values(lines[bkey]))


def bkey_of(key: Sequence[Any]) -> str:
    return json.dumps(list(key), ensure_ascii=False, separators=(",", ":"))
