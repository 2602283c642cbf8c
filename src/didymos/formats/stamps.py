"""Columns of times as exports write them -> UTC ns, a whole column at a time.

    2026-01-05T06:00:00.250Z   2026-01-05 06:00:00    ISO 8601
    31-Dec-25 23:59:59.5       31-Dec-2025 23:59:59   PI: the month as three English letters
    31.12.2025 23:59:59                               day first, by convention of the dots
    03/04/2025 1:05:06 PM                             `order` says dmy or mdy; without it such a time is refused, never guessed
    1767225599.5                                      with a unit: numbers since 1970

A local time needs `zone`. In the hour that the clocks run through twice it stands for two moments: `repeated` says which one
is meant, or refuses. Times in the hour that the clocks skip do not exist and are refused.
Source of the PI form: PI Data Archive's default absolute time format, DD-MMM-YY hh:mm:ss.ssss. Two-digit years: 1970 to 2069.
Verified: tests/data/test_backfill_formats.py, against Python's own zone arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from didymos.core.clock import SECOND_NS
from didymos.formats.iso_time import UNIT_NS

pc: Any = pyarrow.compute  # its functions are made when it is imported; no type checker sees them
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<h>\d{1,2}):(?P<i>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9})\d*)?)?"
_ISO = rf"^\s*(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}})(?:[T ]{_TIME})?\s*(?P<z>Z|z|[+-]\d{{2}}:?\d{{2}})?\s*$"
_PI = rf"^\s*(?P<d>\d{{1,2}})[- ](?P<m>[A-Za-z]{{3}})[- ](?P<y>\d{{4}}|\d{{2}})(?:[T ]{_TIME})?\s*(?P<p>[AaPp][Mm])?\s*$"
_DOTS = rf"^\s*(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}|\d{{2}})(?:[T ]{_TIME})?\s*(?P<p>[AaPp][Mm])?\s*$"
_DMY = rf"^\s*(?P<d>\d{{1,2}})[/-](?P<m>\d{{1,2}})[/-](?P<y>\d{{4}}|\d{{2}})(?:[T ]{_TIME})?\s*(?P<p>[AaPp][Mm])?\s*$"
_MDY = _DMY.replace("?P<d>", "?P<x>").replace("?P<m>", "?P<d>").replace("?P<x>", "?P<m>")
_LIMIT_DAYS = 106_000  # 1679 to 2260


class Problem(IntEnum):
    """Why a time cannot be used."""

    NONE = 0
    EMPTY = 1
    UNREADABLE = 2
    ORDER = 3
    ZONE = 4
    REPEATED = 5
    SKIPPED = 6


TEXT = {
    Problem.EMPTY: "the time is empty",
    Problem.UNREADABLE: "is not a time; allowed are ISO 8601, 31-Dec-25 23:59:59, 31.12.2025 23:59:59, or numbers with --time-unit",
    Problem.ORDER: "may be day or month first; say --dates dmy or --dates mdy",
    Problem.ZONE: "names no zone; say --zone, for example Europe/Berlin or UTC",
    Problem.REPEATED: "occurs twice when the clocks go back; say --repeated-hour first or second",
    Problem.SKIPPED: "does not exist: the clocks go forward over it",
}


@dataclass(frozen=True, slots=True)
class Stamps:
    """How times are written. unit: iso, or s, ms, us, ns since 1970. zone: IANA name for times without one, "" = none.
    order: dmy or mdy for 03/04/2025, "" = refuse. repeated: first, second, or "" = refuse."""

    unit: str = "iso"
    zone: str = ""
    order: str = ""
    repeated: str = ""


Column = tuple[NDArray[np.int64], NDArray[np.uint8]]


def utc_of_text(text: pa.Array, how: Stamps) -> Column:
    """(UTC ns (n,), Problem (n,)) of a column of texts."""
    known = text if pa.types.is_dictionary(text.type) else pc.dictionary_encode(text, null_encoding="encode")
    found, problem = _distinct(known.dictionary.cast(pa.string()), how)
    places = known.indices
    if places.null_count:
        gone = places.is_null().to_numpy(zero_copy_only=False)
        index = places.fill_null(0).to_numpy(zero_copy_only=False)
        found, problem = (np.append(found, 0), np.append(problem, 0)) if not len(found) else (found, problem)
        return np.where(gone, 0, found[index]), np.where(gone, np.uint8(Problem.EMPTY), problem[index].astype(np.uint8))
    index = places.to_numpy(zero_copy_only=False)
    return found[index], problem[index]


def utc_of_local(naive_ns: NDArray[np.int64], how: Stamps) -> Column:
    """(UTC ns, Problem) of local times as ns since 1970-01-01T00:00 on the wall."""
    if not how.zone:
        return naive_ns, np.full(len(naive_ns), Problem.ZONE, np.uint8)
    local = pa.array(naive_ns, pa.int64()).cast(pa.timestamp("ns"))
    first = pc.assume_timezone(local, how.zone, ambiguous="earliest", nonexistent="earliest")
    second = pc.assume_timezone(local, how.zone, ambiguous="latest", nonexistent="latest")
    early, late = (np.asarray(side.cast(pa.int64())) for side in (first, second))
    problem = np.zeros(len(naive_ns), np.uint8)
    odd = early != late
    if odd.any():
        back = np.asarray(pc.local_timestamp(first).cast(pa.int64()))
        problem[odd] = np.where(back[odd] == naive_ns[odd], Problem.NONE if how.repeated else Problem.REPEATED, Problem.SKIPPED)
    return (late if how.repeated == "second" else early), problem


def _distinct(text: pa.Array, how: Stamps) -> Column:
    if how.unit != "iso":
        return _numbers(text, how.unit)
    try:  # what most files hold, at once
        if len(text) and text[0].is_valid and str(text[0].as_py()).rstrip().endswith("Z"):
            plain = pc.replace_substring_regex(text, r"\s*Z\s*$", "")
            found = np.asarray(plain.cast(pa.timestamp("ns")).cast(pa.int64()).fill_null(0))
            bare = pc.match_substring_regex(text, r"[Zz]\s*$").fill_null(True)
            if pc.all(bare).as_py() and not text.null_count:
                return found, np.zeros(len(found), np.uint8)
        elif not text.null_count:
            return utc_of_local(np.asarray(text.cast(pa.timestamp("ns")).cast(pa.int64())), how)
    except pa.ArrowInvalid:
        pass
    return _by_patterns(text, how)


def _numbers(text: pa.Array, unit: str) -> Column:
    """Exact: numbers of 19 digits do not fit into a float."""
    try:
        if not text.null_count:
            whole = np.asarray(text.cast(pa.int64()))
            if not len(whole) or np.abs(whole).max() < 2**62 // UNIT_NS[unit]:
                return whole * UNIT_NS[unit], np.zeros(len(whole), np.uint8)
    except pa.ArrowInvalid:
        pass
    found, problem = np.zeros(len(text), np.int64), np.zeros(len(text), np.uint8)
    for i, cell in enumerate(text.to_pylist()):
        try:
            exact = int((Decimal((cell or "").replace(",", ".")) * UNIT_NS[unit]).to_integral_value())
            if abs(exact) >= 2**62:
                raise ValueError(cell)
            found[i] = exact
        except (InvalidOperation, ValueError, OverflowError):
            problem[i] = Problem.UNREADABLE if (cell or "").strip() else Problem.EMPTY
    return found, problem


def _by_patterns(text: pa.Array, how: Stamps) -> Column:
    n = len(text)
    found, problem = np.zeros(n, np.int64), np.full(n, Problem.UNREADABLE, np.uint8)
    blank = np.asarray(pc.equal(pc.utf8_trim_whitespace(text.fill_null("")), ""))
    problem[blank] = Problem.EMPTY
    left = ~blank
    numeric = {"dmy": _DMY, "mdy": _MDY}.get(how.order)
    for pattern in (_ISO, _PI, _DOTS, numeric):
        if pattern is None or not left.any():
            continue
        rows = np.flatnonzero(left)
        parts = pc.extract_regex(text.take(pa.array(rows)), pattern)
        hit = parts.is_valid().to_numpy(zero_copy_only=False)
        if hit.any():
            rows = rows[hit]
            found[rows], problem[rows] = _assembled(parts.filter(pa.array(hit)), how)
            left[rows] = False
    if numeric is None and left.any():
        either = np.asarray(pc.match_substring_regex(text.fill_null(""), _DMY))
        problem[left & either] = Problem.ORDER
    return found, problem


def _assembled(parts: pa.StructArray, how: Stamps) -> Column:
    """Fields of a date and a time -> (UTC ns, Problem)."""
    names = [field.name for field in parts.type]
    column = {name: parts.field(name) for name in names}
    year, day = _whole(column["y"]), _whole(column["d"])
    year = np.where(year < 70, year + 2000, np.where(year < 100, year + 1900, year))
    month = _month(column["m"])
    hour, minute, second = _whole(column["h"]), _whole(column["i"]), _whole(column["s"])
    fraction = _whole(pc.utf8_rpad(column["f"].fill_null(""), 9, "0"))
    good = (month >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    if "p" in column:
        half = pc.utf8_lower(column["p"].fill_null(""))
        morning, evening = np.asarray(pc.equal(half, "am")), np.asarray(pc.equal(half, "pm"))
        good &= ~(morning | evening) | ((hour >= 1) & (hour <= 12))
        hour = np.where(morning, hour % 12, np.where(evening, hour % 12 + 12, hour))
    begin = ((year - 1970) * 12 + np.where(good, month, 1) - 1).astype("datetime64[M]")
    date = begin.astype("datetime64[D]") + (np.where(good, day, 1) - 1)
    good &= (date.astype("datetime64[M]") == begin) & (np.abs(date.astype(np.int64)) < _LIMIT_DAYS)
    days = np.where(good, date.astype(np.int64), 0)
    naive = ((days * 24 + hour) * 60 + minute) * 60 + second
    naive = naive * SECOND_NS + fraction
    found, problem = _zoned(naive, column.get("z"), how)
    return np.where(good, found, 0), np.where(good, problem, np.uint8(Problem.UNREADABLE)).astype(np.uint8)


def _zoned(naive: NDArray[np.int64], zone: pa.Array | None, how: Stamps) -> Column:
    if zone is None:
        return utc_of_local(naive, how)
    text = zone.fill_null("")
    given = np.asarray(pc.not_equal(text, ""))
    found, problem = utc_of_local(naive, how) if not given.all() else (naive.copy(), np.zeros(len(naive), np.uint8))
    if given.any():
        shift = np.zeros(len(naive), np.int64)
        for mark in pc.unique(text).to_pylist():
            if mark and mark not in "Zz":
                sign = -1 if mark[0] == "-" else 1
                shift[np.asarray(pc.equal(text, mark))] = sign * (int(mark[1:3]) * 60 + int(mark[-2:])) * 60 * SECOND_NS
        found, problem = np.where(given, naive - shift, found), np.where(given, 0, problem).astype(np.uint8)
    return found, problem


def _whole(text: pa.Array) -> NDArray[np.int64]:
    empty = pc.equal(text, "")
    return np.asarray(pc.if_else(empty.fill_null(True), "0", text).cast(pa.int64()))


def _month(text: pa.Array) -> NDArray[np.int64]:
    try:
        return _whole(text)
    except pa.ArrowInvalid:
        place = pc.index_in(pc.utf8_lower(text), pa.array(_MONTHS))
        return np.asarray(place.fill_null(-1).cast(pa.int64())) + 1
