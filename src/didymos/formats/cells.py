"""One cell -> text, number or time, by declared customs; what can be read in two ways is refused, never guessed.

    number("1.234,56", Customs())              1234.56: of two kinds of separator the last one is the decimal one
    number("1.234", Customs())                 refused: 1234 or 1.234? declare `decimal`
    time_ns("05.01.2026 14:30", customs)       days come first when dots stand between; with slashes only when `dates` says so

Customs of a source are `decimal` ("," "." or "" = by the value itself), `dates` ("dmy", "mdy", "ymd" or "" = by the value itself)
and `zone`, in which times without one are meant. A local time that the clock change skips or repeats is refused.
Each refusal is a ValueError with what is allowed; the caller adds file, row and column.

Verified: tests/formats/test_cells.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from didymos.core.clock import SECOND_NS
from didymos.formats.xlsx import CellError

_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'’")
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = {
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?", re.ASCII),
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII),
}
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?", re.ASCII)
_NOTHING = {"", "-", "null", "none", "n/a", "00000000", "00.00.0000", "0000-00-00"}
_SPREADSHEET_NUMBER = re.compile(r"\d[.,]\d+E\+\d+")


@dataclass(frozen=True, slots=True)
class Customs:
    """How a source writes numbers and dates."""

    decimal: str = ""
    dates: str = ""
    zone: str = "UTC"


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: Any) -> str:
    """A name, number of an order, serial. ValueError for what has lost letters or digits on its way."""
    _refuse_error(value)
    if isinstance(value, bool | datetime | date):
        raise ValueError(f"{value} is no text; format the column as text and export anew")
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e15):
        raise ValueError("text; a number of more than 15 digits has lost its last ones, format the column as text and export anew")
    found = str(int(value)) if isinstance(value, float | Decimal) and value == int(value) else str(value).strip()
    if _SPREADSHEET_NUMBER.fullmatch(found):
        raise ValueError("all its digits; a spreadsheet has shortened it, format the column as text and export anew")
    if "\ufffd" in found:
        raise ValueError("letters; one was lost in an earlier conversion, export anew as UTF-8")
    if _twice_encoded(found):
        raise ValueError(f"letters encoded once; this is UTF-8 read as cp1252, perhaps {_repaired(found)!r}, export anew")
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in found):
        raise ValueError("text without control characters")
    return found


def number(value: Any, customs: Customs) -> float:
    """ValueError for what is no number, not finite, or may be two numbers."""
    _refuse_error(value)
    if isinstance(value, bool | datetime | date):
        raise ValueError("a number")
    if isinstance(value, int | float | Decimal):
        return _finite(float(value))
    plain = str(value).strip().translate(_SPACES)
    if plain.endswith("-"):  # SAP writes the sign last
        plain = "-" + plain[:-1]
    decimal = customs.decimal or _decimal_of(plain)
    other = "." if decimal == "," else ","
    if other in plain:
        if not _GROUPED[decimal].fullmatch(plain):
            raise ValueError(f"a number with {decimal!r} before the decimals and {other!r} between thousands")
        plain = plain.replace(other, "")
    plain = plain.replace(decimal, ".")
    if not _PLAIN.fullmatch(plain):
        raise ValueError("a number")
    return _finite(float(plain))


def whole(value: Any, customs: Customs) -> int:
    found = number(value, customs)
    if not found.is_integer() or abs(found) >= 2**53:
        raise ValueError("a whole number")
    return int(found)


def time_ns(value: Any, customs: Customs) -> int:
    """UTC ns. ValueError for what is no time, may be two, or falls into the clock change."""
    _refuse_error(value)
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    elif isinstance(value, str):
        moment = _moment(value.strip(), customs.dates)
    else:
        raise ValueError("a date, such as 2026-01-05T14:30:00Z or 05.01.2026 14:30; a plain number is none")
    if moment.tzinfo is None:
        moment = _placed(moment, customs.zone)
    whole_s = int(moment.replace(microsecond=0).timestamp())
    return whole_s * SECOND_NS + moment.microsecond * 1000


def is_no_time(value: Any) -> bool:
    """What ERPs write for "no date yet"."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _refuse_error(value: Any) -> None:
    if isinstance(value, CellError):
        raise ValueError(f"a value; the cell holds an error ({value.text})")


def _decimal_of(plain: str) -> str:
    points, commas = plain.count("."), plain.count(",")
    if points and commas:
        return "," if plain.rindex(",") > plain.rindex(".") else "."
    if points + commas == 1 and _EITHER.fullmatch(plain):
        raise ValueError(f"a number that can be read in one way only: {plain} may be a thousand times another; declare `decimal`")
    if points > 1:
        return ","
    if commas > 1:
        return "."
    return "," if commas else "."


def _finite(found: float) -> float:
    if not math.isfinite(found):
        raise ValueError("a finite number")
    return found


def _moment(plain: str, order: str) -> datetime:
    found = _DATE.fullmatch(plain)
    compact = None if found else _COMPACT.fullmatch(plain)
    try:
        if found:
            return _read(found, order)
        if compact:
            parts = [int(part or 0) for part in compact.groups()]
            return datetime(*parts[:6])  # type: ignore[arg-type]
        if len(plain) < 8 or plain[4:5] != "-":
            raise ValueError
        return datetime.fromisoformat(plain)
    except ValueError as error:
        allowed = (
            str(error) if str(error).startswith("a date") else "a date that exists, such as 2026-01-05T14:30:00Z or 05.01.2026"
        )
        raise ValueError(allowed) from None


def _read(found: re.Match[str], order: str) -> datetime:
    a, mark, b, c = found[1], found[2], found[3], found[4]
    order = _order(a, mark, b, c, order)
    day, month, year = {"ymd": (c, b, a), "dmy": (a, b, c), "mdy": (b, a, c)}[order]
    if len(year) != 4:
        raise ValueError("a date with all four digits of its year")
    fraction = (found[8] or "").ljust(6, "0")[:6]
    return datetime(int(year), int(month), int(day), int(found[5] or 0), int(found[6] or 0), int(found[7] or 0), int(fraction))


def _order(a: str, mark: str, b: str, c: str, order: str) -> str:
    if len(a) == 4:
        return "ymd"
    if order in ("dmy", "mdy"):
        return order
    if order == "ymd":
        raise ValueError("a date with its year first, as `dates` declares")
    if mark == "." or int(a) > 12:
        return "dmy"
    if int(b) > 12:
        return "mdy"
    if a.lstrip("0") == b.lstrip("0"):
        return "dmy"
    raise ValueError("a date that can be read in one way only: day or month first? declare `dates`")


def _placed(moment: datetime, zone: str) -> datetime:
    """A wall time in its zone; ValueError when the clock change makes none or two of it."""
    if zone == "UTC":
        return moment.replace(tzinfo=UTC)
    first, second = moment.replace(tzinfo=ZoneInfo(zone)), moment.replace(tzinfo=ZoneInfo(zone), fold=1)
    if first.utcoffset() != second.utcoffset():
        back = first.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        what = "happens twice" if back == moment else "does not exist"
        raise ValueError(f"a time with its offset: {moment.isoformat(' ')} {what} in {zone} because of the clock change")
    return first


def _twice_encoded(found: str) -> bool:
    return not found.isascii() and any(mark in found for mark in ("Ã", "Â", "â€")) and _repaired(found) != found


def _repaired(found: str) -> str:
    try:
        return found.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return found
