"""When the plant is meant to run: shifts, holidays, planned stops and the production plan, in the plant's own time zone.

    shift    a weekly pattern in local wall time; it belongs to the local date on which it begins, and a holiday cancels the shifts
             that begin on it. An end at or before its start is on the next day
    stop     a moment (or some hours) at which maintenance costs no production; single, or repeated
    plan     product and load factor of an asset or area in a window; load 0 = it stands still by plan

Local times become UTC as in RFC 5545, 3.3.5: a time that the switch to summer time skips is taken with the offset before the gap,
one that is repeated is its first occurrence; so shifts that meet on the clock meet in UTC too, and a 22:00-06:00 shift lasts seven
or nine hours in the nights of the switch. Without any shift the plant is taken to run always (`knows_shifts` tells).
All moments are UTC ns. Verified: tests/data/test_calendar.py against published dates of three zones.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.clock import DAY_NS, SECOND_NS

Span = tuple[int, int]  # begin <= t < end
FAR_DAYS = 3660  # how far ahead a running time is turned into a date


@dataclass(frozen=True, slots=True)
class Shift:
    """days: 0 Monday to 6 Sunday on which it begins; start_min, end_min: minutes after local midnight, end at most 1440."""

    name: str
    days: tuple[int, ...]
    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Stop:
    """From start_ns for length_ns, and again every period_ns (0 = once)."""

    start_ns: int
    length_ns: int = 0
    period_ns: int = 0
    reason: str = ""

    def begin_after(self, after_ns: int) -> int | None:
        """The first begin strictly after `after_ns`."""
        if not self.period_ns:
            return self.start_ns if self.start_ns > after_ns else None
        return self.start_ns + max(0, (after_ns - self.start_ns) // self.period_ns + 1) * self.period_ns

    def spans(self, start_ns: int, end_ns: int) -> list[Span]:
        """Where it stands within start <= t < end."""
        found, begin = [], self.begin_after(start_ns - self.length_ns - 1)
        while begin is not None and begin < end_ns:
            found.append((begin, begin + self.length_ns))
            begin = self.begin_after(begin)
        return found


@dataclass(frozen=True, slots=True)
class Planned:
    """start <= t < end: `where` (an asset's id or the beginning of its path, "" = everything) makes `product` at `load` times
    rated."""

    start_ns: int
    end_ns: int
    where: str = ""
    product: str = ""
    load: float = 1.0


@dataclass(frozen=True, slots=True)
class Calendar:
    """`stops_ns`, and one that repeats every `period_ns` from `first_ns` (0 = none), are moments; `stops` may last."""

    stops_ns: tuple[int, ...] = ()
    first_ns: int = 0
    period_ns: int = 0
    timezone: str = "UTC"
    shifts: tuple[Shift, ...] = ()
    holidays: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = ()
    plan: tuple[Planned, ...] = ()

    @property
    def knows_shifts(self) -> bool:
        """Whether anything says when the plant runs; without it `is_planned` is always true."""
        return bool(self.shifts)

    def next_stop(self, after_ns: int) -> int | None:
        """The first planned stop strictly after `after_ns`, or None where none is known."""
        place = bisect_right(self.stops_ns, after_ns)
        known = [self.stops_ns[place]] if place < len(self.stops_ns) else []
        if self.period_ns:
            rounds = max(0, (after_ns - self.first_ns) // self.period_ns + 1)
            known.append(self.first_ns + rounds * self.period_ns)
        known += [begin for stop in self.stops if (begin := stop.begin_after(after_ns)) is not None]
        return min(known, default=None)

    def shifts_between(self, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """(begin, end, name) of every shift that has some of start <= t < end, in order of their begins."""
        first, last = _local_day(start_ns, self.timezone) - 2, _local_day(end_ns, self.timezone) + 1
        found = [shift for day in range(first, last + 1) for shift in _shifts_of(self, day)]
        return sorted(s for s in found if s[0] < end_ns and s[1] > start_ns)

    def shift_at(self, time_ns: int) -> str | None:
        """Name of the shift at that moment; None between shifts, on holidays and where no shifts are known."""
        return next((name for _, _, name in self.shifts_between(time_ns, time_ns + 1)), None)

    def is_planned(self, time_ns: int, where: str = "") -> bool:
        """Whether `where` (an asset as `place_of` names it, "" = the plant) is meant to run then."""
        return bool(self.running(time_ns, time_ns + 1, where))

    def running_s(self, start_ns: int, end_ns: int, where: str = "") -> float:
        """Planned running time within start <= t < end."""
        return sum(end - begin for begin, end in self.running(start_ns, end_ns, where)) / SECOND_NS

    def running(self, start_ns: int, end_ns: int, where: str = "") -> list[Span]:
        """The planned running time as disjoint spans in order."""
        if end_ns <= start_ns:
            return []
        on = [(b, e) for b, e, _ in self.shifts_between(start_ns, end_ns)] if self.shifts else [(start_ns, end_ns)]
        off = [span for stop in self.stops for span in stop.spans(start_ns, end_ns)]
        off += [(p.start_ns, p.end_ns) for p in self.plan if p.load == 0.0 and _covers(p.where, where)]
        return _without(_merged(on, start_ns, end_ns), _merged(off, start_ns, end_ns))

    def planned_at(self, time_ns: int, where: str = "") -> Planned | None:
        """The window of the production plan that is in force; of several the one that names the place most closely."""
        known = [p for p in self.plan if p.start_ns <= time_ns < p.end_ns and _covers(p.where, where)]
        return max(known, key=lambda p: (len(p.where), p.start_ns), default=None)

    def load_at(self, time_ns: int, where: str = "") -> float | None:
        """Planned load factor; 0 while it is not meant to run, None where no plan says."""
        if not self.is_planned(time_ns, where):
            return 0.0
        planned = self.planned_at(time_ns, where)
        return None if planned is None else planned.load

    def clock_s(self, start_ns: int, running_s: ArrayLike, where: str = "") -> NDArray[np.float64]:
        """Seconds on the clock from `start_ns` until so much planned running time has passed; inf beyond FAR_DAYS. Any shape."""
        wanted = np.asarray(running_s, float)
        finite = wanted[np.isfinite(wanted)]
        if not len(finite):
            return np.full(wanted.shape, np.inf)
        days = 14
        while True:
            spans = self.running(start_ns, start_ns + days * DAY_NS, where)
            if sum(e - b for b, e in spans) >= finite.max() * SECOND_NS or days >= FAR_DAYS:
                break
            days *= 2
        return _onto_clock(wanted, [((b - start_ns) / SECOND_NS, (e - start_ns) / SECOND_NS) for b, e in spans])


def place_of(asset_id: str, path: str) -> str:
    """How the plan knows an asset: its path and its id in one text, '/'-separated."""
    return "/".join(part for part in (path.strip("/"), asset_id) if part)


def _covers(planned: str, where: str) -> bool:
    """Whether a plan for `planned` concerns `where`: the whole plant, the beginning of its path, or the asset itself."""
    return not planned or where == planned or where.startswith(planned.strip("/") + "/") or where.endswith("/" + planned)


def _onto_clock(wanted: NDArray[np.float64], spans: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Running seconds -> clock seconds over (begin, end) spans: within a span one goes as the other."""
    if not spans:
        return np.full(wanted.shape, np.inf)
    begins, ends = np.array(spans).T
    before = np.concatenate([[0.0], np.cumsum(ends - begins)])  # running time at each begin, and in all
    place = np.clip(np.searchsorted(before, wanted, side="left") - 1, 0, len(begins) - 1)
    found = begins[place] + (wanted - before[place])
    return np.where(wanted <= before[-1], found, np.inf)


def _merged(spans: list[Span], start_ns: int, end_ns: int) -> list[Span]:
    """Within start and end, in order, overlaps and touching ones joined."""
    found: list[Span] = []
    for begin, end in sorted((max(b, start_ns), min(e, end_ns)) for b, e in spans):
        if end <= begin:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _without(on: list[Span], off: list[Span]) -> list[Span]:
    """`on` less `off`, both disjoint and in order."""
    for begin, end in off:
        on = [part for b, e in on for part in ((b, min(e, begin)), (max(b, end), e)) if part[0] < part[1]]
    return on


@lru_cache(maxsize=8192)
def _shifts_of(calendar: Calendar, day: int) -> tuple[tuple[int, int, str], ...]:
    """Shifts that begin on the local date with that ordinal."""
    local = date.fromordinal(day)
    if local.isoformat() in calendar.holidays:
        return ()
    found = []
    for shift in calendar.shifts:
        if local.weekday() in shift.days:
            over = shift.end_min <= shift.start_min
            begin = _utc_ns(local, shift.start_min, calendar.timezone)
            end = _utc_ns(local + timedelta(days=over), shift.end_min, calendar.timezone)
            if end > begin:  # one that lies within the skipped hour has no time at all
                found.append((begin, end, shift.name))
    return tuple(found)


def _utc_ns(day: date, minutes: int, zone: str) -> int:
    """Local wall time -> UTC ns. fold = 0 is RFC 5545's rule for both nights."""
    whole, minutes = divmod(minutes, 1440)
    day += timedelta(days=whole)
    local = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=ZoneInfo(zone))
    return int(local.astimezone(UTC).timestamp()) * SECOND_NS


def _local_day(time_ns: int, zone: str) -> int:
    return datetime.fromtimestamp(time_ns // SECOND_NS, ZoneInfo(zone)).toordinal()
