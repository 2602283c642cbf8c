"""Which days of which tier were dropped: a small file beside the tables, written before the commit that drops.

The commit itself carries the mark "<table>-<day>-dropped", so that a file lost or written too early is set right from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from didymos.data.history.closed import Closed

Dropped = dict[str, frozenset[int]]


def load(file: Path, tables: Mapping[str, Closed]) -> Dropped:
    """tier -> days. A day that still has files is looked up in the table's own log."""
    try:
        listed = {name: set(map(int, json.loads(file.read_text())[name])) for name in tables}
    except (OSError, ValueError, KeyError, TypeError):
        every = {day for closed in tables.values() for day in closed.files}
        listed = {name: {day for day in every if _marked(closed, day)} for name, closed in tables.items()}
    return {
        name: frozenset(day for day in days if day not in tables[name].files or _marked(tables[name], day))
        for name, days in listed.items()
    }


def save(file: Path, dropped: Dropped) -> None:
    part = file.with_suffix(".part")
    with part.open("w") as text:
        json.dump({name: sorted(days) for name, days in dropped.items()}, text)
        text.flush()
        os.fsync(text.fileno())
    part.rename(file)


def _marked(closed: Closed, day: int) -> bool:
    return closed.holds(day, "dropped") >= 0
