"""OData answers, V2 and V4 (JSON) -> rows, where the next page is, where the next change is.

    page = read_page(payload, "WorkOrders")     Page(rows, next, delta, removed)

    V2   {"d": {"results": [...], "__next": url, "__delta": url}} or {"d": [...]}      times /Date(ms)/ and /Date(ms+minutes)/
    V4   {"value": [...], "@odata.nextLink": url, "@odata.deltaLink": url}             times ISO 8601; also the 4.01 names without
    odata.
An Edm.DateTime of V2 knows no zone: it comes as a wall time, for the source's declared zone. Edm.Decimal and Edm.Int64 come as the
text they are sent as; `cells.number` reads them. Entries of a delta that say "removed" are counted, never deleted anywhere.

Source: OASIS OData JSON Format 4.01; OData 2.0 JSON format. Verified: tests/formats/test_odata.py, and against SAP's CAP server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from didymos.core.errors import DataError

_DATE = re.compile(r"/Date\((-?\d{1,15})([+-]\d{1,4})?\)/")


@dataclass(frozen=True, slots=True)
class Page:
    version: int
    rows: tuple[Mapping[str, Any], ...]
    next: str = ""
    delta: str = ""
    removed: int = 0


def read_page(payload: Any, where: str) -> Page:
    """DataError for what is no collection of entities."""
    if isinstance(payload, dict) and isinstance(payload.get("value"), list):
        gone = [row for row in payload["value"] if isinstance(row, dict) and _is_removed(row)]
        rows = _entities([row for row in payload["value"] if row not in gone], where)
        return Page(4, rows, _link(payload, "nextLink"), _link(payload, "deltaLink"), len(gone))
    if isinstance(payload, dict) and "d" in payload:
        body = payload["d"]
        if isinstance(body, list):
            return Page(2, _entities(body, where))
        if isinstance(body, dict) and isinstance(body.get("results"), list):
            gone = [row for row in body["results"] if isinstance(row, dict) and "__deleted" in str(row.get("__metadata", ""))]
            rows = _entities([row for row in body["results"] if row not in gone], where)
            return Page(2, rows, str(body.get("__next") or ""), str(body.get("__delta") or ""), len(gone))
    raise DataError(f'{where}: no OData collection. Allowed: {{"value": [...]}} (V4) or {{"d": {{"results": [...]}}}} (V2).')


def error_text(payload: Any) -> str:
    """What an OData error answer says; "" when it is none."""
    error = payload.get("error") if isinstance(payload, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    found = message.get("value") if isinstance(message, dict) else message
    return str(found or "")[:300]


def value_of(row: Mapping[str, Any], path: str) -> Any:
    """'Header/Number' -> the value, V2 times as datetime; None where it is absent or not expanded."""
    found: Any = row
    for part in path.split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str) and found.startswith("/Date("):
        return v2_time(found)
    return None if isinstance(found, list | dict) else found


def v2_time(text: str) -> Any:
    """'/Date(1767592800000)/' -> datetime without zone; with '+0060' (minutes) one with that zone. Other text as it is."""
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    try:
        moment = datetime(1970, 1, 1) + timedelta(milliseconds=int(found[1]))
        if found[2] is None:
            return moment
        return moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=int(found[2]))))
    except (OverflowError, ValueError):
        return text


def since(column: str, raw: Any) -> str:
    """The filter for what changed at or after `raw`, a value as the server sent it."""
    text = str(raw)
    if (found := _DATE.fullmatch(text)) is not None:
        moment = datetime(1970, 1, 1) + timedelta(milliseconds=int(found[1]))
        shown = moment.isoformat(timespec="milliseconds")
        return f"{column} ge datetimeoffset'{shown}Z'" if found[2] else f"{column} ge datetime'{shown}'"
    return f"{column} ge {text}"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _entities(rows: list[Any], where: str) -> tuple[Mapping[str, Any], ...]:
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{where}: an entry of the collection is no object. Allowed: one object an entity.")
    return tuple(rows)


def _is_removed(row: Mapping[str, Any]) -> bool:
    return any(name in row for name in ("@removed", "@odata.removed")) or "$deletedEntity" in str(row.get("@odata.context", ""))


def _link(payload: Mapping[str, Any], name: str) -> str:
    return str(payload.get(f"@odata.{name}") or payload.get(f"@{name}") or "")
