"""ISA-95 messages of a drop folder -> parts of a delivery: one part an entity. The mapping's `columns` are B2MML's own.

`values` of the plant file still apply, so that EquipmentID "EQ-4711" can be the machine "sp-01".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from didymos.core.errors import DataError
from didymos.data.erp.delivery import Part
from didymos.data.erp.entities import ENTITIES
from didymos.data.erp.rows import BadRow, EntityMap, Raw, checked
from didymos.formats import b2mml
from didymos.formats.cells import Customs


def read_messages(
    data: bytes, file: str, m: EntityMap, options: Mapping[str, Any], source: str
) -> tuple[tuple[Part, ...], tuple[BadRow, ...], int]:
    """Rows of every entity in the message; a serial in a lot's place is told apart by the message itself."""
    try:
        message = b2mml.read(data, file)
    except DataError as error:
        return (), (BadRow(source, file, "", "", str(error).removeprefix(f"{file}: "), "one B2MML message"),), 0
    raws: dict[str, list[Raw]] = {}
    for entity, place, fields in message.rows:
        raws.setdefault(entity, []).append(Raw(place, fields))
    parts: list[Part] = []
    bad: list[BadRow] = []
    for name, found in raws.items():
        entity = ENTITIES[name]
        names = {f.name: f.name for f in entity.fields}
        customs = Customs(".", "ymd", m.customs.zone)
        rows, refused = checked(replace(m, entity=entity, columns=names, changed="", customs=customs), found, source, file)
        parts.append((entity, rows))
        bad += refused
    return tuple(parts), tuple(bad), message.passed
