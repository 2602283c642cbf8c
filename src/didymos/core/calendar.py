"""Planned stops: the moments at which maintenance costs no production."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calendar:
    """Planned stops as UTC ns: single ones, and one that repeats every `period_ns` from `first_ns` (0 = none)."""

    stops_ns: tuple[int, ...] = ()
    first_ns: int = 0
    period_ns: int = 0

    def next_stop(self, after_ns: int) -> int | None:
        """The first planned stop strictly after `after_ns`, or None where none is known."""
        place = bisect_right(self.stops_ns, after_ns)
        known = [self.stops_ns[place]] if place < len(self.stops_ns) else []
        if self.period_ns:
            rounds = max(0, (after_ns - self.first_ns) // self.period_ns + 1)
            known.append(self.first_ns + rounds * self.period_ns)
        return min(known, default=None)
