"""The rules of [[erp]]: its options by kind, and its tables [[erp.entity]], [[erp.cycle]] and [erp.request].

    [[erp]]
    id = "sap"
    type = "odata"                                       sql, csv, xlsx, b2mml, odata
    url = "https://host/sap/opu/odata/sap/PM_SRV"        or a database url, or a folder (from the plant file's own)
    [[erp.entity]]
    entity = "work_orders"                               see didymos.data.erp.entities
    origin = "WorkOrders"                                table or view, entity set, file pattern
    columns = { number = "OrderId", asset = "Equipment" }        left out: the fields' own names
    changed = "ChangedAt"
    values = { asset = { "10004711" = "sp-01" } }

Without [[erp.entity]] an SQL source is read as before: closed work orders, straight to the stream (`didymos.data.erp.sql`).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from didymos.data.erp import ENTITY_OPTIONS, FOLDERS, OPTIONS, SOURCES
from didymos.data.erp.entities import ENTITIES, Entity
from didymos.data.erp.request import FIELDS
from didymos.data.erp.rows import EntityMap
from didymos.formats.cells import Customs
from didymos.plant.config import CycleChannel, Erp, Request

if TYPE_CHECKING:
    from didymos.plant.config_check import Reader

Where = tuple[str | int, ...]
OWN = ("id", "type", "url", "poll_s", "entity", "cycle", "request", "write", "zone", "decimal", "dates")
ENTITY_KEYS = ("entity", "origin", "columns", "constant", "values", "changed", "zone", "decimal", "dates")
CYCLES = ("counter", "running")


def erp(reader: Reader, table: dict[str, Any], where: Where) -> Erp:
    kind = reader.value(table, where, "type", str, "sql")
    if kind not in SOURCES:
        reader.wrong((*where, "type"), f"{kind!r}", ", ".join(SOURCES), "Choose one.")
    rows = reader.rows("entity", table, where)
    is_plain = kind == "sql" and not rows
    if not is_plain and kind in SOURCES:
        reader.only(table, where, (*OWN, *OPTIONS[kind]))
    if not rows and kind not in ("sql", "b2mml"):
        reader.wrong(where, "no [[erp.entity]]", "at least one", f"Say what of it is {', '.join(list(ENTITIES)[:3])}, …")
    url = reader.value(table, where, "url", str)
    if kind in FOLDERS and url:
        url = str((reader.path.parent / Path(url.removeprefix("file://"))).resolve())
    maps = tuple(_entity(reader, row, (*where, "entity", i), kind, table) for i, row in enumerate(rows))
    if kind == "b2mml" and not rows:
        maps = (EntityMap(ENTITIES["performance"], "*.xml", {}, customs=Customs(".", "ymd", _zone(reader, table, where, kind))),)
    options = {k: v for k, v in table.items() if k not in OWN}
    if any(not isinstance(v, str | int | float | bool) for v in options.values()):
        reader.wrong(where, "an option that is a list or table", "text, number or true/false", "Correct the value.")
        options = {}
    return Erp(
        reader.id(table, where),
        kind,
        url,
        reader.positive(table, where, "poll_s", 5.0),
        tuple(options.items()),
        tuple(m for m in maps if m is not None),
        _cycles(reader, table, where),
        _request(reader, table, where, kind),
    )


def _entity(reader: Reader, row: dict[str, Any], where: Where, kind: str, table: dict[str, Any]) -> EntityMap | None:
    reader.only(row, where, (*ENTITY_KEYS, *(ENTITY_OPTIONS if kind in FOLDERS else ())))
    name = reader.value(row, where, "entity", str, "performance" if kind == "b2mml" else None)
    origin = reader.value(row, where, "origin", str)
    if name not in ENTITIES:
        near = difflib.get_close_matches(name, ENTITIES, 1)
        if name:
            hint = f"Did you mean {near[0]!r}?" if near else "Choose one."
            reader.wrong((*where, "entity"), f"{name!r}", ", ".join(ENTITIES), hint)
        return None
    if origin.startswith("/") or (kind in FOLDERS and ".." in origin.split("/")):
        reader.wrong((*where, "origin"), f"{origin!r}", "a name or pattern inside `url`", "Correct it.")
    entity = ENTITIES[name]
    names = [f.name for f in entity.fields]
    columns = _texts(reader, row, where, "columns", names)
    constant = reader.value(row, where, "constant", dict, {})
    reader.only(constant, (*where, "constant"), names)
    values = reader.value(row, where, "values", dict, {})
    reader.only(values, (*where, "values"), names)
    for field in values:
        _texts(reader, values, (*where, "values"), field)
    missing = [k for k in entity.key if columns and k not in columns and k not in constant and k not in ("location", "position")]
    if missing:
        reader.wrong((*where, "columns"), f"no column for {', '.join(missing)}", "every field of the key", "Add it.")
    return EntityMap(
        entity,
        origin,
        columns or _own_names(entity, constant),
        constant,
        values,
        reader.value(row, where, "changed", str, ""),
        _customs(reader, {**{k: v for k, v in table.items() if k in ("zone", "decimal", "dates")}, **row}, where, kind),
        bool(columns),
        {k: v for k, v in row.items() if k in ENTITY_OPTIONS},
    )


def _own_names(entity: Entity, constant: dict[str, Any]) -> dict[str, str]:
    return {f.name: f.name for f in entity.fields if f.name not in constant}


def _texts(reader: Reader, table: dict[str, Any], where: Where, key: str, allowed: list[str] | None = None) -> dict[str, str]:
    found = reader.value(table, where, key, dict, {})
    if allowed is not None:
        reader.only(found, (*where, key), allowed)
    for name, text in found.items():
        if not isinstance(text, str) or not text:
            reader.wrong((*where, key), f"{name} = {text!r}", "text in quotes", "Correct the value.")
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _customs(reader: Reader, table: dict[str, Any], where: Where, kind: str) -> Customs:
    """A file says what its columns look like, or its values do; a database and a service send types, not texts."""
    typed = kind not in FOLDERS
    decimal = reader.value(table, where, "decimal", str, "." if typed else "")
    if decimal not in ("", ".", ","):
        reader.wrong((*where, "decimal"), f"{decimal!r}", "',' or '.'", "Choose one, or leave it out.")
    dates = reader.value(table, where, "dates", str, "")
    if dates not in ("", "dmy", "mdy", "ymd"):
        reader.wrong((*where, "dates"), f"{dates!r}", "dmy, mdy, ymd", "Choose one, or leave it out.")
    return Customs(decimal, dates, _zone(reader, table, where, kind))


def _zone(reader: Reader, table: dict[str, Any], where: Where, kind: str) -> str:
    """Of times without one: UTC where machines write them, the plant's own where people do."""
    plants = str(reader.tree.get("plant", {}).get("timezone", "UTC")) if isinstance(reader.tree.get("plant"), dict) else "UTC"
    name = reader.value(table, where, "zone", str, plants if kind in ("csv", "xlsx") else "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if "zone" in table:
            reader.wrong((*where, "zone"), f"{name!r}", "an IANA zone such as Europe/Vienna", "Correct the zone.")
        return "UTC"
    return name


def _cycles(reader: Reader, table: dict[str, Any], where: Where) -> tuple[CycleChannel, ...]:
    found: list[CycleChannel] = []
    assets = {a.get("id"): a for a in reader.rows("asset")}
    for i, row in enumerate(reader.rows("cycle", table, where)):
        at = (*where, "cycle", i)
        reader.only(row, at, ("asset", "channel", "kind", "tolerance_s"))
        asset: str = reader.value(row, at, "asset", str)
        channel: str = reader.value(row, at, "channel", str)
        kind = reader.value(row, at, "kind", str, "counter")
        if asset and asset not in assets:
            reader.wrong((*at, "asset"), f"{asset!r}", ", ".join(map(str, assets)), "Name an [[asset]].")
        elif channel and channel not in [t.get("channel") for t in assets.get(asset, {}).get("tag", ()) if isinstance(t, dict)]:
            reader.wrong((*at, "channel"), f"{channel!r} is fed by no tag of {asset}", "a channel with a tag", "Correct it.")
        if kind not in CYCLES:
            reader.wrong((*at, "kind"), f"{kind!r}", ", ".join(CYCLES), "Choose one.")
        found.append(CycleChannel(asset, channel, kind, reader.positive(row, at, "tolerance_s", 30.0)))
    return tuple(found)


def _request(reader: Reader, table: dict[str, Any], where: Where, kind: str) -> Request | None:
    """Nothing is written unless `write = true` says so."""
    writes = reader.value(table, where, "write", bool, False) if "write" in table else False
    given = reader.value(table, where, "request", dict, {})
    if not writes:
        return None
    if not given:
        reader.wrong((*where, "write"), "write = true without [erp.request]", "where, and in which columns", "Add [erp.request].")
        return None
    at = (*where, "request")
    reader.only(given, at, ("origin", "columns", "constant"))
    columns = _texts(reader, given, at, "columns", list(FIELDS))
    if "reference" not in columns:
        reader.wrong((*at, "columns"), "no column for reference", "the field in which our own number is kept", "Add reference = ….")
    origin = reader.value(given, at, "origin", str)
    if kind in FOLDERS and origin:
        origin = str((reader.path.parent / origin).resolve())
    return Request(origin, tuple(columns.items()), tuple(reader.value(given, at, "constant", dict, {}).items()))
