"""Entities from an OData service, V2 or V4: page by page, then only what changed.

    [[erp]] type = "odata", url = "https://host/sap/opu/odata/sap/SERVICE"       origin = "WorkOrders", changed = "ChangedAt"

The first read takes everything, in order of `changed`. A later read asks for what changed at or after the newest change seen (the
rows of that very moment come again, and change nothing), or follows the delta link when the server gave one. A delta link that
the server has forgotten (410) means reading everything anew. Without `changed` and without delta links everything is read each
time. The position is kept with the last page, so that a read that was cut off begins again and leaves the same tables.

Verified: tests/conformance/test_erp_sources.py, tests/erp/test_odata.py, tests/erp/test_odata_peer.py (SAP CAP, V4 and V2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, final
from urllib.parse import quote

from didymos.core.errors import ConfigError, DataError
from didymos.data.erp.delivery import Delivery, Known, SourceConfig, digest, map_digest
from didymos.data.erp.odata_http import Gone, Session
from didymos.data.erp.rows import EntityMap, Raw, checked
from didymos.formats.cells import time_ns
from didymos.formats.odata import Page, read_page, since, value_of

MOST_PAGES = 100_000


@final
class OData:
    """See the head of this file. `session` is handed in by tests."""

    def __init__(self, config: SourceConfig, session: Session | None = None) -> None:
        self._config = config
        self._session = session or Session(config)
        page = config.options.get("page", 1000)
        if isinstance(page, bool) or not isinstance(page, int) or not 0 < page <= 100_000:
            raise ConfigError(f"erp {config.id}: page = {page!r}; rows from 1 to 100000 are allowed. Correct it.")
        prefer = [f"odata.maxpagesize={page}", *(["odata.track-changes"] if config.options.get("delta") else [])]
        self._headers = {"accept": "application/json", "prefer": ", ".join(prefer)}

    def deliveries(self, known: Known) -> Iterator[Delivery]:
        for m in self._config.maps:
            name = f"{m.origin}:{map_digest(m)}"
            saved = known.position(self._config.id, name)
            position: dict[str, Any] = json.loads(saved) if saved else {}
            try:
                yield from self._read(m, name, position)
            except Gone:
                yield from self._read(m, name, {})

    def close(self) -> None:
        self._session.close()

    def _read(self, m: EntityMap, name: str, position: Mapping[str, Any]) -> Iterator[Delivery]:
        url = self._session.at(str(position["delta"])) if "delta" in position else self._first(m, position)
        newest: Any = position.get("changed")
        asked: set[str] = set()
        for number in range(MOST_PAGES):
            if url in asked:
                raise DataError(f"{self._session.where}: {m.origin}: the next page is one that was read before. Mend its paging.")
            asked.add(url)
            page = read_page(self._session.get(url, self._headers), m.origin)
            newest = _newest(m, page, newest)
            reached = {"delta": page.delta} if page.delta else {"changed": newest} if newest is not None else {}
            is_last = not page.next
            yield self._delivery(m, page, number, (name, json.dumps(reached)) if is_last and reached else None)
            if is_last:
                return
            url = self._session.at(page.next, url)

    def _first(self, m: EntityMap, position: Mapping[str, Any]) -> str:
        """The query for what changed at or after the position; for everything when there is none."""
        by = [c for c in (m.changed, *(m.columns[f] for f in m.entity.key if f in m.columns)) if c]
        terms = [f"$orderby={quote(','.join(f'{c} asc' for c in by), safe=',/')}"]
        if m.changed and position.get("changed") is not None:
            terms.append(f"$filter={quote(since(m.changed, position['changed']), safe='/')}")
        mark = "&" if "?" in m.origin else "?"
        return self._session.at(f"{m.origin}{mark}{'&'.join(terms)}")

    def _delivery(self, m: EntityMap, page: Page, number: int, position: tuple[str, str] | None) -> Delivery:
        columns = [c for c in dict.fromkeys([*m.columns.values(), m.changed]) if c]
        keys = [m.columns[f] for f in m.entity.key if f in m.columns]
        raws = [
            Raw(" / ".join(str(value_of(row, key)) for key in keys), {c: value_of(row, c) for c in columns}) for row in page.rows
        ]  # fmt: skip
        self._check_columns(m, page, columns)
        good, bad = checked(m, raws, self._config.id, m.origin)
        whole = not m.changed and not self._config.options.get("delta")
        found = digest(map_digest(m), [(raw.place, sorted(raw.values.items(), key=lambda item: item[0])) for raw in raws])
        found = found if whole else ""
        name = f"{m.origin}?{number}"
        return Delivery(self._config.id, name, found, False, ((m.entity, good),), bad, position, page.removed)

    def _check_columns(self, m: EntityMap, page: Page, columns: list[str]) -> None:
        """A server always sends every property: one that no entity of the page has is a mistake in `columns`."""
        needed = {m.columns[f] for f in m.entity.key if f in m.columns} | ({m.changed} if m.changed else set())
        for column in columns:
            if page.rows and (m.strict or column in needed) and not any(column.split("/")[0] in row for row in page.rows):
                has = ", ".join(key for key in page.rows[0] if not key.startswith(("@", "__")))
                raise DataError(f"{self._session.where}: {m.origin} has no property {column}; it has {has}. Correct `columns`.")


def _newest(m: EntityMap, page: Page, newest: Any) -> Any:
    """The newest change time of the page or before, as the server writes it; one that is no time is passed over."""
    best = _time(m, newest)
    for row in page.rows if m.changed else ():
        raw: Any = row
        for part in m.changed.split("/"):
            raw = raw.get(part) if isinstance(raw, Mapping) else None
        at = _time(m, raw)
        if at is not None and (best is None or at > best):
            newest, best = raw, at
    return newest


def _time(m: EntityMap, raw: Any) -> int | None:
    try:
        return time_ns(value_of({"at": raw}, "at"), m.customs)
    except ValueError:
        return None
