"""One piece of an export as columns: `Chunk`, and how a piece of a table (Arrow) becomes one.

Nothing is dropped in silence: each sample that the table offers is in `value`, or counted under a tag nobody asked for, or a
counted fault that names its row. A cell without content offers no sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.formats.iso_time import UNIT_NS
from didymos.formats.number_columns import EMPTY, UNREADABLE, numbers
from didymos.formats.stamps import TEXT, Problem, Stamps, utc_of_local, utc_of_text

SHOWN = 5  # faults of one kind and chunk that are kept in full; all are counted
TIME_NAMES = ("time", "timestamp", "datetime", "date", "time_ns", "_time", "time stamp", "ts")
TAG_NAMES = ("tag", "tagname", "tag name", "tag_name", "point", "pi tag", "name", "channel", "sensor")
VALUE_NAMES = ("value", "val", "_value")


@dataclass(frozen=True, slots=True)
class Export:
    """How a table is laid out. layout: long, wide, or "" = long where it has a tag and a value column. time, tag, value: names of
    columns, "" = the usual ones. header: names of the columns of a file without a header line."""

    stamps: Stamps = field(default_factory=Stamps)
    layout: str = ""
    time: str = ""
    tag: str = ""
    value: str = ""
    delimiter: str = ""
    decimal: str = "."
    encoding: str = ""
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table are what; tag and value are "" in a wide one."""

    time: str
    tag: str
    value: str
    others: tuple[str, ...]


@dataclass(slots=True)
class Faults:
    """Counts by kind, and the first of each kind in words."""

    counts: Counter[str] = field(default_factory=Counter)
    told: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, n: int, words: Sequence[str]) -> None:
        if n:
            self.counts[kind] += n
            told = self.told.setdefault(kind, [])
            told += list(words)[: SHOWN - len(told)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples (n,): place among the wanted tags, UTC ns, value, quality. position: where reading goes on after it. unknown:
    {tag: (samples, first row)}. faults: what could not be used."""

    place: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    position: int
    unknown: dict[str, tuple[int, str]]
    faults: Faults


Where = Callable[[int], str]  # place in the piece -> "file.csv line 17"


def columns_for(names: Sequence[str], export: Export, who: str) -> Columns:
    """DataError when a column is named that the table does not have, or the time cannot be found."""
    time = _column(names, export.time, TIME_NAMES, "time", who)
    if not time:
        raise DataError(f"{who}: no column of times; it has {', '.join(names[:12]) or 'none'}. Name it with --time-column.")
    tag = _column(names, export.tag, TAG_NAMES, "tag", who) if export.layout != "wide" else ""
    value = _column(names, export.value, VALUE_NAMES, "value", who) if export.layout != "wide" else ""
    if export.layout == "long" or export.tag or export.value:
        for found, option in ((tag, "--tag-column"), (value, "--value-column")):
            if not found:
                raise DataError(f"{who}: a long table needs tag and value; it has {', '.join(names[:12])}. Name it with {option}.")
    if not (tag and value):
        tag = value = ""
    return Columns(time, tag, value, tuple(n for n in names if n not in (time, tag, value)))


def _column(names: Sequence[str], given: str, usual: Sequence[str], what: str, who: str) -> str:
    if given:
        if given not in names:
            raise DataError(f"{who}: no column {given!r}; it has {', '.join(names[:12]) or 'none'}. Correct --{what}-column.")
        return given
    folded = {name.strip().lower(): name for name in reversed(names)}
    return next((folded[name] for name in usual if name in folded), "")


def chunk_of(
    piece: Mapping[str, pa.Array], columns: Columns, export: Export, tags: Mapping[str, int], where: Where, position: int,
    faults: Faults,
) -> Chunk:  # fmt: skip
    """`piece`: columns of equal length. `tags`: wanted tag -> place. `faults`: those known already, e.g. lines of odd length."""
    times, problem = times_of(piece[columns.time], export.stamps)
    offered = _long(piece, columns, tags, export, where) if columns.tag else _wide(piece, columns, tags, export, where)
    row, place, value, what, unknown = offered
    said = problem[row]
    for code in np.unique(said[said > 0]).tolist():
        rows = row[said == code]
        shown = [f"{where(int(r))}: time {_shown(piece[columns.time], int(r))} {TEXT[Problem(code)]}" for r in rows[:SHOWN]]
        faults.add(f"time {Problem(code).name.lower()}", len(rows), shown)
    good = (said == 0) & (what < EMPTY)
    odd = np.flatnonzero((said == 0) & (what == UNREADABLE))
    if len(odd):
        name_of = {at: tag for tag, at in tags.items()}
        shown = [
            f"{where(int(row[i]))}: {name_of[int(place[i])]} "
            f"{_shown(piece[columns.value or name_of[int(place[i])]], int(row[i]))} is not a number"
            for i in odd[:SHOWN]
        ]
        faults.add("value unreadable", len(odd), shown)
    if not good.all():
        row, place, value, what = row[good], place[good], value[good], what[good]
    return Chunk(place, times[row], value, what, position, unknown, faults)


def times_of(column: pa.Array, how: Stamps) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(UTC ns, Problem) of a column of timestamps, numbers or texts. DataError for another kind, and for numbers without unit."""
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return utc_of_text(column, how)
    empty = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind):
        found, problem = _scaled(column.cast(pa.int64()), kind.unit)
        if kind.tz is None:
            local, more = utc_of_local(found, how)
            found, problem = np.where(problem == 0, local, 0), np.where(problem == 0, more, problem)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if how.unit == "iso":
            raise DataError("times are numbers; say --time-unit s, ms, us or ns")
        found, problem = _scaled(column, how.unit)
    else:
        raise DataError(f"times are of type {kind}; allowed are timestamps, numbers and texts")
    if empty is not None:
        problem = np.where(empty, np.uint8(Problem.EMPTY), problem)
    return found, problem.astype(np.uint8)


def _scaled(column: pa.Array, unit: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    factor = UNIT_NS[unit]
    count = column.fill_null(0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        fits = np.isfinite(count) & (np.abs(count) < 2**62 // factor)
    count = np.where(fits, count, 0) if not fits.all() else count
    if count.dtype.kind == "f":
        whole = np.floor(count)
        found = whole.astype(np.int64) * factor + np.rint((count - whole) * factor).astype(np.int64)
    else:
        found = count.astype(np.int64) * factor if factor != 1 else count.astype(np.int64, copy=False)
    return found, np.where(fits, np.uint8(Problem.NONE), np.uint8(Problem.UNREADABLE))


Offered = tuple[
    NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8], dict[str, tuple[int, str]]
]  # row, place, value, what, unknown


def _long(piece: Mapping[str, pa.Array], columns: Columns, tags: Mapping[str, int], export: Export, where: Where) -> Offered:
    named = piece[columns.tag]
    if not pa.types.is_dictionary(named.type):
        named = named.cast(pa.string()).dictionary_encode()
    index = named.indices.fill_null(len(named.dictionary)).to_numpy(zero_copy_only=False)
    names = [str(name).strip() for name in named.dictionary.to_pylist()] + [""]
    table = np.array([tags.get(name, -1) for name in names], np.int32)
    place = table[index]
    rows = np.arange(len(place))
    unknown: dict[str, tuple[int, str]] = {}
    raw = piece[columns.value]
    if (place < 0).any():
        strange = np.flatnonzero(place < 0)
        found, first, counts = np.unique(index[strange], return_index=True, return_counts=True)
        for i, at, n in zip(found.tolist(), strange[first].tolist(), counts.tolist(), strict=True):
            unknown[names[i] or "(no tag)"] = (n, where(at))
        rows = np.flatnonzero(place >= 0)
        place, raw = place[rows], raw.take(pa.array(rows))
    value, what = numbers(raw, export.decimal)
    return rows, place, value, what, unknown


def _wide(piece: Mapping[str, pa.Array], columns: Columns, tags: Mapping[str, int], export: Export, where: Where) -> Offered:
    n = len(piece[columns.time])
    used = [name for name in columns.others if name in tags]
    read = [numbers(piece[name], export.decimal) for name in used]
    unknown = {}
    for name in columns.others:
        if name not in tags and n:
            _, what = numbers(piece[name], export.decimal)
            filled = np.flatnonzero(what != EMPTY)
            if len(filled):
                unknown[name] = (len(filled), where(int(filled[0])))
    # time after time, tag after tag: samples keep the order of the file
    value = np.stack([v for v, _ in read], axis=1).ravel() if read else np.empty(0)
    what = np.stack([w for _, w in read], axis=1).ravel() if read else np.empty(0, np.uint8)
    place = np.tile(np.array([tags[name] for name in used], np.int32), n)
    row = np.repeat(np.arange(n), len(used))
    if (what == EMPTY).any():
        keep = what != EMPTY
        row, place, value, what = row[keep], place[keep], value[keep], what[keep]
    return row, place, value, what, unknown


def _shown(column: pa.Array, row: int) -> str:
    return repr(column[row].as_py())[:60]


__all__ = ["Chunk", "Columns", "Export", "Faults", "chunk_of", "columns_for"]
