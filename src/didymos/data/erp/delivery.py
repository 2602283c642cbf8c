"""What a source hands over, and what it may ask: the one protocol between sources of business data and the staging tables.

Promise of a `Source`: reading again from the same positions gives the same deliveries; nothing at the source is changed; what
cannot be used is a BadRow of its delivery, and holds up nothing else. A source that cannot be reached at all is a ConnectError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from didymos.data.erp.entities import Entity
from didymos.data.erp.rows import BadRow, EntityMap, Row

Part = tuple[Entity, tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file, or one page of a query.

    name      file name, table, entity set; with page
    digest    of its content and of the mapping it was read with; "" = an answer to "what changed", which says nothing of other rows
    is_file   a file counts once for ever; a query's whole answer is only compared with the one before
    position  (name, text) to keep with these rows: where the next read begins
    passed    elements that nobody reads, counted
    """

    source: str
    name: str
    digest: str
    is_file: bool
    parts: tuple[Part, ...]
    bad: tuple[BadRow, ...] = ()
    position: tuple[str, str] | None = None
    passed: int = 0


class Known(Protocol):
    """What a source may ask the staging tables."""

    def has_file(self, source: str, digest: str) -> bool: ...

    def position(self, source: str, name: str) -> str:
        """Text kept with the last delivery; "" when there was none."""
        ...


class Source(Protocol):
    def deliveries(self, known: Known) -> Iterator[Delivery]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One [[erp]] of the plant file: where it is, how it is read, and what of it becomes which entity."""

    id: str
    url: str
    maps: tuple[EntityMap, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def digest(*parts: object) -> str:
    """Names content: 32 hex digits."""
    found = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def map_digest(m: EntityMap) -> str:
    """Changes with everything that changes what is read, so that a corrected mapping reads its source anew."""
    values = sorted((name, sorted(table.items())) for name, table in m.values.items())
    tables = (sorted(m.columns.items()), sorted(m.constant.items()), values, sorted(m.options.items()))
    return digest(m.entity.name, m.origin, *tables, m.changed, m.customs)[:12]
