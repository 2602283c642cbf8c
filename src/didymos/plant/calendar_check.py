"""[calendar] of plant.toml -> `Calendar`; every mistake is noted by the Reader with its line, and reading goes on.

[calendar]
planned_stops = ["2026-03-14T06:00:00Z"]     first_stop = "2026-01-05T06:00:00Z"     every_h = 336
holidays = ["2026-12-25"]
[[calendar.shift]]   name = "night"   days = "mon-fri"   from = "22:00"   to = "06:00"
[[calendar.stop]]    start = "2026-02-01T06:00:00Z"   hours = 8   every_h = 672   reason = "cleaning"
[[calendar.plan]]    from = "2026-01-05T06:00:00Z"   to = "2026-01-09T06:00:00Z"   where = "cp-01"   product = "A"   load = 0.8
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from didymos.core.calendar import Calendar, Planned, Shift, Stop
from didymos.core.clock import HOUR_NS
from didymos.plant.config import Asset
from didymos.plant.toml_lines import Path as KeyPath

if TYPE_CHECKING:
    from didymos.plant.config_check import Reader

Table = dict[str, Any]
KEYS = ("planned_stops", "first_stop", "every_h", "holidays", "shift", "stop", "plan")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK_MIN = 7 * 1440
_TIME = re.compile(r"(\d{1,2}):([0-5]\d)\Z")


def read_calendar(reader: Reader, timezone: str, assets: Sequence[Asset]) -> Calendar:
    table = reader.table("calendar", KEYS)
    stops = reader.value(table, ("calendar",), "planned_stops", list, [])
    single = [reader.time({"planned_stops": s}, ("calendar",), "planned_stops", 0) for s in stops]
    period = reader.positive(table, ("calendar",), "every_h", 168.0) if "every_h" in table else 0.0
    shifts = tuple(_shift(reader, t, ("calendar", "shift", i)) for i, t in enumerate(reader.rows("shift", table, ("calendar",))))
    _no_overlap(reader, shifts)
    return Calendar(
        stops_ns=tuple(sorted(single)),
        first_ns=reader.time(table, ("calendar",), "first_stop", 0),
        period_ns=int(period * HOUR_NS),
        timezone=timezone,
        shifts=shifts,
        holidays=_holidays(reader, table),
        stops=tuple(_stop(reader, t, ("calendar", "stop", i)) for i, t in enumerate(reader.rows("stop", table, ("calendar",)))),
        plan=tuple(
            _planned(reader, t, ("calendar", "plan", i), assets) for i, t in enumerate(reader.rows("plan", table, ("calendar",)))
        ),
    )


def _holidays(reader: Reader, table: Table) -> tuple[str, ...]:
    """Local dates, written as text or as TOML dates."""
    found = []
    for given in reader.value(table, ("calendar",), "holidays", list, []):
        try:
            found.append((given if type(given) is date else date.fromisoformat(given)).isoformat())
        except (TypeError, ValueError):
            reader.wrong(("calendar", "holidays"), f"{given!r}", "dates such as 2026-12-25", "Correct the date.")
    return tuple(sorted(found))


def _shift(reader: Reader, table: Table, where: KeyPath) -> Shift:
    reader.only(table, where, ("name", "days", "from", "to"))
    start, end = _minutes(reader, table, where, "from"), _minutes(reader, table, where, "to")
    if start >= 1440:
        reader.wrong((*where, "from"), f"{table.get('from')!r}", "00:00 to 23:59", "24:00 is an end, not a start; write 00:00.")
    return Shift(reader.value(table, where, "name", str), _days(reader, table, where), start % 1440, end)


def _days(reader: Reader, table: Table, where: KeyPath) -> tuple[int, ...]:
    """'mon-fri', 'sat', or a list of days; every day when absent."""
    given = table.get("days", "mon-sun")
    words = given.replace(" ", "").split(",") if isinstance(given, str) else given
    found: set[int] = set()
    for word in words if isinstance(words, list) and words else [given]:
        first, _, last = str(word).lower().partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS:
            reader.wrong((*where, "days"), f"{word!r}", f"{', '.join(DAYS)}, or a range such as mon-fri", "Correct the days.")
            continue
        a, b = DAYS.index(first), DAYS.index(last)
        found |= {day % 7 for day in range(a, b + 1 if b >= a else b + 8)}
    return tuple(sorted(found))


def _minutes(reader: Reader, table: Table, where: KeyPath, key: str) -> int:
    """'22:00' -> 1320."""
    text = reader.value(table, where, key, str)
    match = _TIME.match(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if text and not 0 <= minutes <= 1440:
        reader.wrong((*where, key), f"{text!r}", "local time 00:00 to 24:00, such as 06:00", "Correct the time.")
    return max(0, min(minutes, 1440))


def _no_overlap(reader: Reader, shifts: Sequence[Shift]) -> None:
    """At one moment the crew is of one shift: two that share a minute of the week are a mistake."""
    owner: dict[int, str] = {}
    for i, shift in enumerate(shifts):
        length = (shift.end_min - shift.start_min) % 1440 or 1440
        minutes = [(day * 1440 + shift.start_min + m) % WEEK_MIN for day in shift.days for m in range(length)]
        other = next((m for m in minutes if m in owner), None)
        if other is not None:
            at = f"{DAYS[other // 1440]} {other % 1440 // 60:02}:{other % 60:02}"
            text = f"shift {shift.name!r} is on at {at}, and so is {owner[other]!r}"
            reader.wrong(("calendar", "shift", i), text, "one shift at a time", "Correct days, from or to.")
        owner.update(dict.fromkeys(minutes, shift.name))


def _stop(reader: Reader, table: Table, where: KeyPath) -> Stop:
    reader.only(table, where, ("start", "hours", "every_h", "reason"))
    if "start" not in table:
        reader.wrong((*where, "start"), "missing", "ISO 8601 with a zone, 2026-01-05T06:00:00Z", "Add `start = …`.")
    hours = reader.positive(table, where, "hours", 1.0) if "hours" in table else 0.0
    every = reader.positive(table, where, "every_h", 168.0) if "every_h" in table else 0.0
    if every and hours >= every:
        reader.wrong((*where, "hours"), f"{hours:g} h every {every:g} h", "a stop shorter than its period", "Correct one of them.")
    start = reader.time(table, where, "start", 0)
    return Stop(start, int(hours * HOUR_NS), int(every * HOUR_NS), reader.value(table, where, "reason", str, ""))


def _planned(reader: Reader, table: Table, where: KeyPath, assets: Sequence[Asset]) -> Planned:
    reader.only(table, where, ("from", "to", "where", "product", "load"))
    for key in ("from", "to"):
        if key not in table:
            reader.wrong((*where, key), "missing", "ISO 8601 with a zone, 2026-01-05T06:00:00Z", f"Add `{key} = …`.")
    start, end = reader.time(table, where, "from", 0), reader.time(table, where, "to", 1)
    if start >= end and {"from", "to"} <= set(table):
        reader.wrong((*where, "to"), f"{table['to']} is not after {table['from']}", "from < to", "Exchange or correct them.")
    place = reader.value(table, where, "where", str, "").strip("/")
    known = {a.id for a in assets} | {p for a in assets for p in _areas(a.path)}
    if place and place not in known:
        shown = ", ".join(sorted(known)[:8])
        reader.wrong((*where, "where"), f"{place!r} is neither an asset nor an area", shown, "Name one of them, or leave it out.")
    load = reader.value(table, where, "load", float, 1.0)
    if not 0.0 <= load <= 2.0:
        reader.wrong((*where, "load"), f"{load:g}", "0 (stands still) to 2 times rated", "Correct the factor.")
    return Planned(start, end, place, reader.value(table, where, "product", str, ""), load)


def _areas(path: str) -> list[str]:
    """'Site/Area/Line' -> Site, Site/Area, Site/Area/Line."""
    parts = [part for part in path.split("/") if part]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]
