"""The runs of one day -> one Parquet file sorted by (channel, time), some channels at a time, in bounded memory.

Of samples of one channel and time the last in the order of the import counts: equal ones are repeats, others replaced; both are
counted. The file's name for ever is the digest of what it says: channels, times, values, qualities.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import iso
from didymos.data.backfill.staging import ROW, SEGMENT, Run
from didymos.data.history import ticks

AT_ONCE = 400_000  # samples sorted at once, and of one channel whatever it has
SHOWN = 5


@dataclass(frozen=True, slots=True)
class DayFile:
    """rows: written. repeats: said twice. replaced: another value for the same channel and time came later in the import, the
    first few in words."""

    rows: int
    repeats: int
    replaced: int
    told: tuple[str, ...]
    name: str


def write_runs(folder: Path, runs: Sequence[Run], channels: Sequence[str], known_ns: int, part: Path) -> DayFile:
    """The day of `runs` (in import order) into the new file `part`. channels: names by rank, sorted."""
    digest = blake2b(digest_size=16)
    digest.update("\0".join(channels).encode())
    rows = repeats = replaced = 0
    told: list[str] = []
    with ticks.writer(part) as writer:
        for records in _groups(folder, runs, len(channels)):
            records = _in_order(records)
            again, same = _twice(records)
            repeats += int(same.sum())
            other = again & ~same
            replaced += int(other.sum())
            told += [
                f"{channels[r['rank']]} at {iso(int(r['time_ns']))}: {r['value']:g} replaced"
                for r in records[np.flatnonzero(other)[: SHOWN - len(told)]]
            ]
            if again.any():
                records = records[~again]
            digest.update(np.ascontiguousarray(records).view("u1").data)
            low, high = int(records["rank"][0]), int(records["rank"][-1])
            column = {name: records[name] for name in ("time_ns", "value", "quality")}
            column |= {"sequence": np.zeros(len(records), np.int64), "known_ns": np.full(len(records), known_ns)}
            ticks.write(writer, list(channels[low : high + 1]), (records["rank"] - low).astype(np.int32), column)
            rows += len(records)
    return DayFile(rows, repeats, replaced, tuple(told), digest.hexdigest())


def _groups(folder: Path, runs: Sequence[Run], n_ranks: int) -> Iterator[NDArray[Any]]:
    """Records of some neighbouring channels after another, in import order."""
    places = [_places(folder, run) for run in runs]
    size = np.zeros(n_ranks, np.int64)
    for ranks, starts in places:
        size[ranks] += np.diff(starts)
    opened = [os.open(folder / f"{run.name}.rows", os.O_RDONLY) for run in runs]
    try:
        for low, high in _spans(size):
            found = []
            for handle, (ranks, starts) in zip(opened, places, strict=True):
                first, last = starts[np.searchsorted(ranks, (low, high))].tolist()
                if last > first:
                    data = os.pread(handle, (last - first) * ROW.itemsize, first * ROW.itemsize)
                    if len(data) != (last - first) * ROW.itemsize:
                        raise OSError(
                            f"{folder}: a run of this import is shorter than its journal says; remove the folder, begin again"
                        )
                    found.append(np.frombuffer(data, ROW))
            yield np.concatenate(found) if len(found) > 1 else found[0]
    finally:
        for handle in opened:
            os.close(handle)


def _places(folder: Path, run: Run) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(ranks (s,), starts (s+1,)) of the run's segments of this day."""
    data = np.fromfile(folder / f"{run.name}.segments", SEGMENT, run.last - run.first, offset=run.first * SEGMENT.itemsize)
    starts = data["start"].astype(np.int64)
    return data["rank"].astype(np.int64), np.append(starts, starts[0] + run.rows)


def _spans(size: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of ranks that hold about AT_ONCE samples together, empty ones at their edges left out."""
    used = np.flatnonzero(size)
    begin = 0
    while begin < len(used):
        held = np.cumsum(size[used[begin:]])
        count = max(1, int(np.searchsorted(held, AT_ONCE, "right")))
        yield int(used[begin]), int(used[begin + count - 1]) + 1
        begin += count


def _in_order(records: NDArray[Any]) -> NDArray[Any]:
    """By (rank, time), import order within."""
    rank = records["rank"] - records["rank"].min()
    if int(rank.max()) < 2**16:
        rank = rank.astype(np.uint16)
    if (rank[1:] < rank[:-1]).any():
        order = np.argsort(rank, kind="stable")
        records, rank = records[order], rank[order]
    time_ns = np.ascontiguousarray(records["time_ns"])
    if ((time_ns[1:] < time_ns[:-1]) & (rank[1:] == rank[:-1])).any():
        records = records[np.lexsort((time_ns, rank))]
    return records


def _twice(records: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(said again by the next record, and the same by it), both (n,)."""
    again = np.zeros(len(records), bool)
    again[:-1] = (records["rank"][1:] == records["rank"][:-1]) & (records["time_ns"][1:] == records["time_ns"][:-1])
    same = again.copy()
    at = np.flatnonzero(again)
    if len(at):
        a, b = records[at], records[at + 1]
        equal = (a["value"] == b["value"]) | (np.isnan(a["value"]) & np.isnan(b["value"]))
        same[at] = equal & (a["quality"] == b["quality"])
    return again, same
