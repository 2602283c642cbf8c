"""Times as people and machines write them -> UTC ns, exactly.

ISO 8601 with up to nine decimals of a second, or a number with a declared unit. A time without zone is refused unless
the caller declares one: a guess would shift a whole recording by hours.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError, DataError

UNIT_NS = {"s": SECOND_NS, "ms": 1_000_000, "us": 1_000, "ns": 1}

_DECIMALS = re.compile(r"[.,](\d{1,9})\d*")
_LATEST_NS = 2**63 - 1


def zone_named(name: str, where: str) -> tzinfo:
    """'Europe/Berlin' -> its rules; ConfigError names `where`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"{where}: zone {name!r} is not known; write an IANA name such as Europe/Berlin or UTC") from error


@lru_cache(maxsize=8192)
def iso_ns(text: str, zone: tzinfo | None = None) -> int:
    """ISO 8601 -> UTC ns. `zone` is used only where the text names none; without both, DataError."""
    decimals = _DECIMALS.search(text)
    whole = text if decimals is None else text[: decimals.start()] + text[decimals.end() :]
    try:
        moment = datetime.fromisoformat(whole.strip())
    except ValueError as error:
        raise DataError(f"time {text!r} is not ISO 8601; write for example 2026-01-05T06:00:00.250Z") from error
    if moment.tzinfo is None:
        if zone is None:
            raise DataError(f"time {text!r} has no zone; append Z for UTC or an offset such as +01:00, or declare a zone")
        moment = moment.replace(tzinfo=zone)
    fraction = int(decimals[1].ljust(9, "0")) if decimals else 0
    return _fits(int(moment.timestamp()) * SECOND_NS + fraction, text)


def epoch_ns(number: str | float, unit: str) -> int:
    """A number of `unit` (s, ms, us, ns) since 1970 -> UTC ns. Text and integers are exact."""
    try:
        if isinstance(number, int):
            return _fits(number * UNIT_NS[unit], number)
        exact = Decimal(number if isinstance(number, str) else repr(number))
        return _fits(int((exact * UNIT_NS[unit]).to_integral_value()), number)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise DataError(f"time {number!r} is not a number of {unit} since 1970") from error


def _fits(time_ns: int, given: object) -> int:
    if not -_LATEST_NS <= time_ns <= _LATEST_NS:
        raise DataError(f"time {given!r} lies outside the years 1678 to 2262; check its unit")
    return time_ns
