"""How long what is kept: samples, then their minutes, then their hours, under a disk budget.

When a day is closed its roll-ups are made and committed; only then may its samples go, by age or for room, oldest first; minutes
may go once hours hold the day. Nothing that is not rolled up is ever dropped: over budget with nothing to drop is a state, told.
What was dropped is marked in the commit that drops it, is logged, and reads over it answer from the roll-up, marked UNCERTAIN.

A roll-up belongs to the file it was made from: its name carries that file's. So a day that was written anew is rolled up anew.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import duckdb
import numpy as np

from didymos.data.history import dropped, roll
from didymos.data.history.closed import Closed
from didymos.data.history.columns import DayFiles
from didymos.data.history.retention import Retention
from didymos.data.history.roll import HOUR_NS, NAMES, NO_ROWS, Rolled, of_table
from didymos.data.history.tables import DAY_NS, HOURS, MINUTES, ROLLED

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the last pass found. state: ok or over_budget; days whose samples (or minutes) were dropped, oldest first."""

    state: str = "ok"
    text: str = ""
    bytes: int = 0
    budget_bytes: int = 0
    dropped_samples: list[int] = field(default_factory=list)
    dropped_minutes: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@final
class Tiers:
    """The roll-ups beside `samples`, and what was dropped."""

    def __init__(self, folder: Path, samples: Closed) -> None:
        self.folder, self.samples = folder, samples
        self.minutes, self.hours = Closed(folder / "closed", MINUTES), Closed(folder / "closed", HOURS)
        self.tables = {"samples": samples, "minutes": self.minutes, "hours": self.hours}
        self.dropped = dropped.load(folder / "closed" / "dropped.json", self.tables)
        self.day_files = DayFiles()
        self.kept = Kept()
        self._leaving: list[str] = []  # files of dropped days, removed one pass later: a reader may just be opening them

    def tier(self, day: int) -> str:
        """samples, minutes or hours: the finest that holds `day`; "" where its hours are gone too."""
        if day not in self.dropped["samples"]:
            return "samples"
        return next((name for name in ("minutes", "hours") if day not in self.dropped[name]), "")

    def rows(self, day: int, channel: str, start_ns: int, end_ns: int, step_ns: int) -> Rolled:
        """Rows of `channel` whose beginning lies in [start, end): hours when `step_ns` allows them, else the finest there are."""
        order = (self.hours, self.minutes) if step_ns == HOUR_NS else (self.minutes, self.hours)
        paths = next((closed.files[day] for closed in order if day in closed.files), ())
        found = [self.day_files.table(path, channel, list(NAMES)) for path in paths]
        if not found or found[0] is None:
            return NO_ROWS
        rows = of_table(found[0])
        first, last = np.searchsorted(rows.time_ns, [start_ns, end_ns])
        return rows.take(slice(int(first), int(last)))

    def views(self) -> dict[str, str]:
        """SQL of the tables minutes, hours and dropped (day, start_ns, what is left)."""
        nothing = ", ".join(f"CAST(NULL AS {'VARCHAR' if f.name == 'channel' else 'DOUBLE'}) AS {f.name}" for f in ROLLED)
        found = {c.table.name: c.source() or f"SELECT {nothing} WHERE false" for c in (self.minutes, self.hours)}
        days = [f"({day}, {day * DAY_NS}, '{self.tier(day) or 'nothing'}')" for day in sorted(self.dropped["samples"])]
        listed = ", ".join(days) or "(0, 0, '')"
        where = "" if days else " WHERE false"
        return found | {"dropped": f"SELECT * FROM (VALUES {listed}) AS d(day, start_ns, kept){where}"}

    def current(self, day: int) -> bool:
        """True when the roll-ups of `day` stand for exactly what its files hold."""
        name = _name(self.samples.files.get(day, ()))
        return all([Path(p).stem for p in closed.files.get(day, ())] == [name] for closed in self._rolling(day))

    def _rolling(self, day: int) -> list[Closed]:
        """The roll-ups that are still kept of `day`."""
        return [closed for closed in (self.minutes, self.hours) if day not in self.dropped[closed.table.name]]

    def roll_up(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Makes the roll-ups that are missing; returns of how many days."""
        missing = [day for day in sorted(self.samples.files) if not self.current(day)]
        for day in missing:
            self._roll_day(connection, day)
        return len(missing)

    def _roll_day(self, connection: duckdb.DuckDBPyConnection, day: int) -> None:
        paths = self.samples.files[day]
        for closed in self._rolling(day):  # hours from samples too: after a crash between the two each is right by itself
            part = closed.new_part(day).with_name(f"{_name(paths)}.parquet")
            if [Path(p).name for p in closed.files.get(day, ())] == [part.name]:
                continue
            before = closed.files.get(day, ()) if day in self.dropped["samples"] else ()
            roll.write(part, _rolled(paths, before, roll.STEP_NS[closed.table.name]))
            closed.commit(connection, day, part, {})
        if day in self.dropped["samples"]:
            self._drop(connection, self.samples, day, "late samples, now in its roll-up")

    def keep(self, connection: duckdb.DuckDBPyConnection, now_ns: int, wanted: Retention) -> Kept:
        """Drops what is due or must make room, and says how it stands."""
        for path in self._leaving:
            Path(path).unlink(missing_ok=True)
        self._leaving = []
        for closed, days in ((self.samples, wanted.raw_days), (self.minutes, wanted.minute_days), (self.hours, wanted.hour_days)):
            before = now_ns - int(days * DAY_NS)
            for day in sorted(closed.files) if days else ():
                if (day + 1) * DAY_NS <= before and self._may_go(closed, day):
                    self._drop(connection, closed, day, f"older than {days:g} days")
        size = self._make_room(connection, wanted.budget_bytes)
        self.kept = self._standing(size, wanted.budget_bytes)
        return self.kept

    def _make_room(self, connection: duckdb.DuckDBPyConnection, budget: int) -> int:
        size = self.size()
        for closed in (self.samples, self.minutes) if budget else ():
            for day in sorted(closed.files):
                if size <= budget:
                    return size
                if self._may_go(closed, day):
                    size -= sum(Path(path).stat().st_size for path in closed.files[day])
                    self._drop(connection, closed, day, f"to stay within {budget / 1e9:.3g} GB")
        return size

    def _may_go(self, closed: Closed, day: int) -> bool:
        """Whether what is coarser holds `day`; hours go when nothing finer is left."""
        if closed is self.samples:
            return self.current(day)
        if closed is self.minutes:
            return day in self.dropped["samples"] and day in self.hours.files
        return all(day in self.dropped[name] for name in ("samples", "minutes"))

    def _drop(self, connection: duckdb.DuckDBPyConnection, closed: Closed, day: int, why: str) -> None:
        paths = closed.files[day]
        name = closed.table.name
        after = self.dropped | {name: self.dropped[name] | {day}}
        dropped.save(self.folder / "closed" / "dropped.json", after)
        closed.commit(connection, day, None, {f"{name}-{day}-dropped": 1})
        self._leaving += paths
        self.dropped = after
        _log.warning("day %d: its %s were dropped, %s; coarser rows stay", day, closed.table.name, why)

    def size(self) -> int:
        """Bytes in the folder, without what is about to leave."""
        leaving, size = set(self._leaving), 0
        for file in self.folder.rglob("*"):
            try:
                size += file.stat().st_size if file.is_file() and str(file) not in leaving else 0
            except FileNotFoundError:
                continue
        return size

    def _standing(self, size: int, budget: int) -> Kept:
        over = bool(budget) and size > budget
        text = (
            f"history takes {size / 1e9:.3g} GB, more than budget_gb = {budget / 1e9:.3g}, and nothing in it may be dropped "
            "(samples not rolled up, waveforms, snapshots, hours). Raise [store] budget_gb or give it a larger disk. "
            "Nothing is lost."
        )
        if over and self.kept.state != "over_budget":
            _log.error("%s", text)
        elif self.kept.state == "over_budget" and not over:
            _log.warning("history is within its budget again")
        gone = [sorted(self.dropped[name]) for name in ("samples", "minutes")]
        return Kept("over_budget" if over else "ok", text if over else "", size, budget, gone[0], gone[1])


def _name(paths: tuple[str, ...]) -> str:
    """Of the roll-up made from these files."""
    return "of-" + hashlib.blake2b("+".join(sorted(Path(path).name for path in paths)).encode(), digest_size=12).hexdigest()


def _rolled(paths: tuple[str, ...], before: tuple[str, ...], step_ns: int) -> Iterator[tuple[str, roll.Rolled]]:
    """Channels in order: rolled up from the samples in `paths`, added to the rows `before` of a day whose samples are gone."""
    new = merged(paths)
    old = (found for path in before for found in roll.rows_of(path))
    a, b = next(new, None), next(old, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            assert a is not None
            yield a[0], roll.rolled(a[1], step_ns)
            a = next(new, None)
        elif a is None or b[0] < a[0]:
            yield b
            b = next(old, None)
        else:
            yield a[0], roll.with_late(b[1], roll.rolled(a[1], step_ns))
            a, b = next(new, None), next(old, None)


def merged(paths: tuple[str, ...]) -> Iterator[tuple[str, roll.Rows]]:
    """Channels of one or several sorted files, in order, each once."""
    sources = [roll.channels(path) for path in paths]
    heads = [next(source, None) for source in sources]
    while any(head is not None for head in heads):
        name = min(head[0] for head in heads if head is not None)
        found = [head[1] for head in heads if head is not None and head[0] == name]
        heads = [
            next(source, None) if head is not None and head[0] == name else head
            for head, source in zip(heads, sources, strict=True)
        ]
        yield name, found[0] if len(found) == 1 else roll.folded(roll.joined(found), roll.FOREVER, roll.FOREVER)
