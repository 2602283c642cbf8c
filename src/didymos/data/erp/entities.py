"""The neutral model of what business systems hold: one table of entities, each with its business key and its fields.

An import maps a source's own columns to these fields; whatever the source, the same fact becomes the same row. `key` fields name
the row for ever and may not be empty; other fields may. Times are UTC ns. `asset` is the machine's id in plant.toml.
Words after ISA-95 (order, operation, performance, lot) and ISO 14224 (failure mode, mechanism, cause).

Verified: tests/erp/test_staging.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from didymos.core.errors import ConfigError
from didymos.data.erp.iso14224 import CAUSES, MECHANISMS, MODES

Kind = Literal["text", "number", "whole", "time"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `allowed`: the only texts it may hold; empty = any."""

    name: str
    kind: Kind = "text"
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of row: `key` are the names of its first fields."""

    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)


def _entity(name: str, key: str, *others: str | Field) -> Entity:
    """'order start:time' -> fields; those of the key come first."""
    fields: list[Field] = []
    for item in (*key.split(), *others):
        for word in [item] if isinstance(item, Field) else item.split():
            if isinstance(word, Field):
                fields.append(word)
                continue
            title, _, kind = word.partition(":")
            fields.append(Field(title, kind or "text"))  # type: ignore[arg-type]
    return Entity(name, tuple(word.partition(":")[0] for word in key.split()), tuple(fields))


_FAILURE = (
    Field("failure_mode", "text", tuple(MODES)),
    Field("mechanism", "text", tuple(MECHANISMS)),
    Field("cause", "text", tuple(CAUSES)),
)

ENTITIES: dict[str, Entity] = {
    e.name: e
    for e in (
        _entity("orders", "order", "product quantity:number start:time end:time state"),
        _entity("operations", "order operation", "asset program minutes_per_part:number start:time end:time state"),
        _entity("performance", "number", "order operation serial lot asset start:time end:time good:number scrap:number"),
        _entity("serials", "serial", "part order lot heat parent position asset component installed:time removed:time"),
        _entity("lots", "lot", "part quantity:number unit supplier heat produced:time state"),
        _entity("heats", "heat", "material mill melted:time"),
        _entity("certificates", "certificate", "kind standard heat lot issued:time document sha256"),
        _entity(
            "work_orders",
            "number",
            "asset component action state reported:time closed:time old_serial new_serial note reference",
            *_FAILURE,
        ),
        _entity("spares", "part location", "name stock:number lead_time_days:number price:number currency"),
        _entity("bom", "parent child position", "quantity:number unit part_revision valid_from:time valid_to:time"),
        _entity("failure_codes", "code", "text", *_FAILURE),
    )
}


def entity(name: str) -> Entity:
    """ConfigError for a name that is none."""
    if name not in ENTITIES:
        raise ConfigError(f"erp: entity {name!r} is not known. Allowed: {', '.join(ENTITIES)}. Correct `entity`.")
    return ENTITIES[name]
