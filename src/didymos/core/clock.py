"""What "now" means: a value that is passed in, never a call to the system clock.

Live, replay and the accelerated demo run the same code with another clock.
All times are UTC nanoseconds since 1970 as int.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from didymos.core.errors import ConfigError

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS


class Clock(Protocol):
    """Promise: `now_ns` never goes backwards within one process."""

    def now_ns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WallClock:
    """The machine's UTC clock."""

    def now_ns(self) -> int:
        return time.time_ns()


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Plant time that began at `start_ns` when the wall showed `wall_start_ns` and runs `speed` times as fast."""

    start_ns: int
    wall_start_ns: int
    speed: float

    def now_ns(self) -> int:
        return self.start_ns + int((time.time_ns() - self.wall_start_ns) * self.speed)


@dataclass(slots=True)
class DataClock:
    """Time as the data tell it: the latest source time seen. For replay at full speed."""

    latest_ns: int = 0

    def now_ns(self) -> int:
        return self.latest_ns

    def seen(self, time_ns: int) -> None:
        self.latest_ns = max(self.latest_ns, time_ns)


def parse_time(text: str) -> int:
    """ISO 8601 with a zone ('2026-01-05T06:00:00Z') -> UTC ns. A time without zone is refused, never guessed."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"time {text!r} is not ISO 8601; write for example 2026-01-05T06:00:00Z") from error
    if moment.tzinfo is None:
        raise ConfigError(f"time {text!r} has no zone; append Z for UTC or an offset such as +01:00")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND_NS + moment.microsecond * 1000


def iso(time_ns: int) -> str:
    """UTC ns -> '2026-01-05T06:00:00Z' (seconds; what a person reads)."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
