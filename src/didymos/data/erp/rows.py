"""A source's own row -> a neutral row, or the list of what is wrong with it.

    good, bad = checked(mapping, raws, source, file)

A raw row has its place (a line number, a key) and its source's own columns. Every cell that cannot be used becomes one BadRow:
which file, row and column, what was given, what is allowed; the row stays out and the others go in. The same key twice with the
same content is one row; with other contents and no change time to order them none of them is known to be right, and all are
refused by name.

Verified: tests/conformance/test_erp_sources.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from didymos.data.erp.entities import Entity, Field
from didymos.formats.cells import Customs, is_empty, is_no_time, number, text, time_ns, whole

Value = str | float | int | None
SHOWN = 60


@dataclass(frozen=True, slots=True)
class EntityMap:
    """How one source's columns become one entity.

    origin    file pattern, table, entity set, or message that the rows come from
    columns   field -> column
    constant  field -> the same value for all rows
    values    field -> {what the source writes: what is meant}
    changed   column with the time of the row's last change; "" = the source has none
    strict    a column that is absent is told; else only one of the key is, and the others stay empty
    options   what the kind of source needs for this entity only: sheet, encoding, ...
    """

    entity: Entity
    origin: str
    columns: Mapping[str, str]
    constant: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    changed: str = ""
    customs: Customs = field(default_factory=Customs)
    strict: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """`values` in the order of the entity's fields; `changed_ns` None where the source has no change time."""

    place: str
    values: tuple[Value, ...]
    changed_ns: int | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """One cell, row or file that could not be used."""

    source: str
    file: str
    row: str
    column: str
    given: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.file}, row {self.row}" if self.row else self.file
        column = f", column {self.column}" if self.column else ""
        return f"{where}{column}: {self.given}. Allowed: {self.allowed}."


def checked(mapping: EntityMap, raws: Iterable[Raw], source: str, file: str) -> tuple[tuple[Row, ...], tuple[BadRow, ...]]:
    """Rows that can be used, each key once per change time, in the order given; and everything that cannot."""
    bad: list[BadRow] = []
    rows: list[Row] = []
    for raw in raws:
        row = _row(mapping, raw, source, file, bad)
        if row is not None:
            rows.append(row)
    return _without_contradictions(mapping, rows, source, file, bad), tuple(bad)


def key_of(entity: Entity, row: Row) -> tuple[Value, ...]:
    return row.values[: len(entity.key)]


def _row(mapping: EntityMap, raw: Raw, source: str, file: str, bad: list[BadRow]) -> Row | None:
    found: list[Value] = []
    before = len(bad)
    for f in mapping.entity.fields:
        column = mapping.columns.get(f.name, "")
        given = raw.values.get(column) if column else mapping.constant.get(f.name)
        given = _meant(mapping.values.get(f.name), given)
        try:
            found.append(_cell(f, given, f.name in mapping.entity.key, mapping.customs))
        except ValueError as error:
            bad.append(BadRow(source, file, raw.place, column or f.name, _shown(given), str(error)))
    changed = None
    if mapping.changed:
        try:
            changed = time_ns(raw.values.get(mapping.changed), mapping.customs)
        except ValueError as error:
            bad.append(BadRow(source, file, raw.place, mapping.changed, _shown(raw.values.get(mapping.changed)), str(error)))
    return Row(raw.place, tuple(found), changed) if len(bad) == before else None


def _meant(values: Mapping[str, str] | None, given: Any) -> Any:
    """What the plant file says that the source's word means."""
    if values is None or given is None:
        return given
    return values.get(str(given).strip(), given)


def _cell(f: Field, given: Any, is_key: bool, customs: Customs) -> Value:
    empty = is_no_time(given) if f.kind == "time" else is_empty(given)
    if empty and is_key and f.name not in ("location", "position"):
        raise ValueError("a value: it is part of the key")
    if empty:
        return "" if is_key else None
    if f.kind == "number":
        return number(given, customs)
    if f.kind == "whole":
        return whole(given, customs)
    if f.kind == "time":
        return time_ns(given, customs)
    found = text(given)
    if f.allowed and found not in f.allowed:
        raise ValueError(f"{', '.join(f.allowed)}; map the source's own codes by `values.{f.name}`")
    return found


def _without_contradictions(
    mapping: EntityMap, rows: list[Row], source: str, file: str, bad: list[BadRow]
) -> tuple[Row, ...]:  # fmt: skip
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((*key_of(mapping.entity, row), row.changed_ns), []).append(row)
    kept: list[Row] = []
    for key, group in groups.items():
        if len({row.values for row in group}) == 1:
            kept.append(group[0])
            continue
        name = " / ".join(str(part) for part in key[:-1])
        for row in group:
            others = ", ".join(other.place for other in group if other is not row)
            bad.append(
                BadRow(
                    source, file, row.place, "", f"{name} is also in row {others}, with another content", "each key once per file"
                )
            )
    return tuple(sorted(kept, key=lambda row: row.changed_ns or 0) if mapping.changed else kept)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    plain = repr(value) if isinstance(value, str) else str(value)
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"
