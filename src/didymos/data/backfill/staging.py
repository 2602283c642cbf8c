"""Samples on their way: runs on disk, sorted by (day, channel), and a journal of what is done.

A run holds the samples of one chunk. The journal gets a line once a run is on disk, so that an import killed at any moment goes
on after the last chunk it has: what a chunk left behind without a line is written again. A part that proves unreadable is
refused as a whole; none of its runs counts.

    journal.jsonl   {"import": …}   {"part": i, "run": name, "position": p, "days": {day: [first segment, last, rows]}, …}
                    {"part": i, "end": true} or {"part": i, "refused": why}      {"closed": day, …}
    N-M.rows        ROW records; N-M.segments: where each (day, channel) begins
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ConfigError
from didymos.data.backfill.chunks import Faults
from didymos.data.history.tables import DAY_NS

ROW = np.dtype([("rank", "<u4"), ("time_ns", "<i8"), ("value", "<f8"), ("quality", "u1")])
SEGMENT = np.dtype([("day", "<i4"), ("rank", "<u4"), ("start", "<u8")])


@dataclass(slots=True)
class Told:
    """What is known of one part. rows: samples taken; marked: those of each quality but good; unknown: {tag: [samples, where]}."""

    position: int = 0
    runs: int = 0
    ended: bool = False
    refused: str = ""
    rows: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, list[Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def add(self, line: dict[str, Any]) -> None:
        self.position, self.runs, self.rows = line["position"], self.runs + 1, self.rows + line["rows"]
        self.marked.update(line["marked"])
        for tag, (n, where) in line["unknown"].items():
            known = self.unknown.setdefault(tag, [0, where])
            known[0] += n
        for kind, n in line["faults"].items():
            self.faults.add(kind, n, line["told"].get(kind, ()))


@dataclass(frozen=True, slots=True)
class Run:
    """The samples of one day within one run: segments first <= i < last of it, `rows` samples."""

    name: str
    first: int
    last: int
    rows: int


class Staging:
    """The folder of one import. `begin` fixes what must be the same when it goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: dict[int, Told] = {}
        self.begun: dict[str, Any] = {}
        self.closed: dict[int, dict[str, Any]] = {}
        self._days: dict[int, dict[int, list[Run]]] = {}  # part -> day -> runs
        self._numbers: dict[int, int] = {}  # part -> runs begun
        self._writer = ThreadPoolExecutor(1, "staging")
        self._written: list[Future[None]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = (folder / "journal.jsonl").open("ab")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._journal.close()
            raise ConfigError(f"{folder}: another process runs this very import. Wait for it, or stop it.") from error
        self._read()

    def _read(self) -> None:
        path = self.folder / "journal.jsonl"
        whole = path.read_bytes() if path.exists() else b""
        kept = whole[: whole.rfind(b"\n") + 1]
        if len(kept) != len(whole):  # the line that was being written
            with path.open("r+b") as file:
                file.truncate(len(kept))
        for text in kept.splitlines():
            self._apply(json.loads(text))

    def _apply(self, line: dict[str, Any]) -> None:
        if "import" in line:
            self.begun = line["import"]
        elif "closed" in line:
            self.closed[line["closed"]] = line
        elif "again" in line:
            self.parts.pop(line["again"], None)
            self._days.pop(line["again"], None)
            self._numbers.pop(line["again"], None)
        else:
            told = self.parts.setdefault(line["part"], Told())
            told.ended = told.ended or "end" in line
            told.refused = line.get("refused", told.refused)
            if "run" in line:
                told.add(line)
                days = self._days.setdefault(line["part"], {})
                for day, (first, last, rows) in line["days"].items():
                    days.setdefault(int(day), []).append(Run(line["run"], first, last, rows))

    def note(self, **line: Any) -> None:
        """One line of the journal, on disk when this returns."""
        self.settle()
        self._line(line)
        self._apply(line)

    def _line(self, line: dict[str, Any]) -> None:
        self._journal.write(json.dumps(line).encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def add(self, part: int, position: int, rows: Sequence[NDArray[Any]], n_ranks: int, told: dict[str, Any]) -> None:
        """One chunk: rows = (rank, time_ns, value, quality). Sorted and written beside the caller, at most two at a time."""
        if part not in self._numbers:
            self._numbers[part] = self.parts[part].runs if part in self.parts else 0
        name = f"{part}-{self._numbers[part]}"
        self._numbers[part] += 1
        while len(self._written) > 1:
            self._written.pop(0).result()
        line = {"part": part, "run": name, "position": position, "rows": len(rows[0]), **told}
        self._written.append(self._writer.submit(self._write, name, rows, n_ranks, line))

    def _write(self, name: str, rows: Sequence[NDArray[Any]], n_ranks: int, line: dict[str, Any]) -> None:
        records, segments, days = sorted_run(rows[0], rows[1], rows[2], rows[3], n_ranks)
        for suffix, data in ((".rows", records), (".segments", segments)):
            with (self.folder / f"{name}{suffix}").open("wb") as file:
                data.tofile(file)
                file.flush()
                os.fsync(file.fileno())
        line["days"] = days
        self._line(line)
        self._apply(line)

    def settle(self) -> None:
        """Until everything handed over is on disk."""
        while self._written:
            self._written.pop(0).result()

    def days(self) -> dict[int, list[Run]]:
        """day -> its runs, in the order of the parts and their chunks; refused parts left out."""
        found: dict[int, list[Run]] = {}
        for part in sorted(self._days):
            if not self.parts[part].refused:
                for day, runs in self._days[part].items():
                    found.setdefault(day, []).extend(runs)
        return dict(sorted(found.items()))

    def close(self, remove: bool = False) -> None:
        self._writer.shutdown()
        self._journal.close()
        if remove:
            shutil.rmtree(self.folder)


def unfinished(incoming: Path, but: str) -> list[tuple[str, str]]:
    """(folder, what it was importing) of imports that were begun there and never ended."""
    found = []
    for journal in sorted(incoming.glob("*/journal.jsonl")):
        if journal.parent.name != but:
            with journal.open("rb") as file:
                head = file.readline()
            given = json.loads(head)["import"]["from"] if head.endswith(b"\n") else "nothing yet"
            found.append((journal.parent.name, given))
    return found


def sorted_run(
    rank: NDArray[Any], time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray[np.uint8], n_ranks: int
) -> tuple[NDArray[Any], NDArray[Any], dict[str, list[int]]]:
    """(ROW records by (day, rank), file order within; SEGMENTs; {day: [first segment, last, rows]})."""
    if not len(rank):
        return np.empty(0, ROW), np.empty(0, SEGMENT), {}
    low, high = int(time_ns.min()) // DAY_NS, int(time_ns.max()) // DAY_NS
    if low == high:
        day, key = np.full(len(rank), low, np.int32), rank.astype(np.uint16 if n_ranks <= 2**16 else np.uint32)
    else:
        day = (time_ns // DAY_NS).astype(np.int32)
        key = (day.astype(np.int64) - low) * n_ranks + rank
    order = np.argsort(key, kind="stable")
    records = np.empty(len(rank), ROW)
    for name, column in (("rank", rank), ("time_ns", time_ns), ("value", value), ("quality", quality)):
        records[name] = column[order]
    key = key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    segments = np.empty(len(starts), SEGMENT)
    segments["start"], segments["rank"], segments["day"] = starts, records["rank"][starts], day[order[starts]]
    ends = np.append(starts[1:], len(rank))
    days: dict[str, list[int]] = {}
    edges = np.flatnonzero(np.append(True, segments["day"][1:] != segments["day"][:-1]))
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), len(segments)], strict=True):
        days[str(int(segments["day"][first]))] = [first, last, int(ends[last - 1] - starts[first])]
    return records, segments, days
