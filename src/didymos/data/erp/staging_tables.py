"""The staging tables: for each entity its current rows and all their revisions; deliveries, positions, and what was refused.

<entity>            one row a business key: fields, hash, revision, changed_ns, known_ns, first_seen_ns, last_seen_ns, source
<entity>_revision   every content that a source ever gave for that key; never changed, never deleted
delivery            every file taken in, by digest                position   where each query goes on
rejected            every cell that could not be used             quarantine   what could not be joined, and why (plant/join)
joined              which record a performance row has become     written      requests written back to an ERP
process             operations on process models: what the twin said of each, and when that was told
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text

from didymos.data.erp.entities import ENTITIES, Entity

META = MetaData()
_TYPES = {"text": Text, "number": Float, "whole": BigInteger, "time": BigInteger}


def _fields(entity: Entity) -> list[Column]:
    return [Column(f.name, _TYPES[f.kind]) for f in entity.fields]


def _current(entity: Entity) -> Table:
    return Table(
        entity.name,
        META,
        Column("bkey", Text, primary_key=True),
        *_fields(entity),
        Column("hash", Text, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("changed_ns", BigInteger),
        Column("known_ns", BigInteger, nullable=False),
        Column("first_seen_ns", BigInteger, nullable=False),
        Column("last_seen_ns", BigInteger, nullable=False),
        Column("source", Text, nullable=False),
    )


def _revision(entity: Entity) -> Table:
    name = f"{entity.name}_revision"
    return Table(
        name,
        META,
        Column("bkey", Text, primary_key=True),
        Column("revision", Integer, primary_key=True),
        *_fields(entity),
        Column("hash", Text, nullable=False),
        Column("changed_ns", BigInteger),
        Column("known_ns", BigInteger, nullable=False),
        Column("source", Text, nullable=False),
        Column("file", Text, nullable=False),
        Column("place", Text, nullable=False),
    )


CURRENT = {name: _current(e) for name, e in ENTITIES.items()}
REVISION = {name: _revision(e) for name, e in ENTITIES.items()}
DELIVERY = Table(
    "delivery",
    META,
    Column("source", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("known_ns", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
)
POSITION = Table(
    "position",
    META,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
REJECTED = Table(
    "rejected",
    META,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("given", Text, nullable=False),
    Column("allowed", Text, nullable=False),
    Column("known_ns", BigInteger, nullable=False),
)
QUARANTINE = Table(
    "quarantine",
    META,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("resolved_ns", BigInteger),
)
JOINED = Table(
    "joined",
    META,
    Column("number", Text, primary_key=True),
    Column("record", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("known_ns", BigInteger, nullable=False),
)
WRITTEN = Table(
    "written",
    META,
    Column("erp", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("known_ns", BigInteger, nullable=False),
)
PROCESS = Table(
    "process",
    META,
    Column("key", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    Column("record", Text),
    Column("told_ns", BigInteger),
)
Index("performance_order", CURRENT["performance"].c.order)
Index("rejected_source", REJECTED.c.source, REJECTED.c.known_ns)
