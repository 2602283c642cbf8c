"""Recorded files through the same door as live signals: CSV and Parquet tables, and waveform snapshots.

    batch k always holds the same rows of the file and carries sequence k, whatever the tags, the speed of the machine or a restart

so an edge that was killed continues at `start_sequence`, or by itself with `cursor`, a small file that `Payload.done` moves on.
Addresses are column names (wide), tag names (long), or as in `replay_snapshots`. Verified: tests/connect/test_replay.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from didymos.core.clock import SECOND_NS, Clock, parse_time
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.core.series import Batch, Quality, Waveform
from didymos.data.connect.options import Option, limited, read_options
from didymos.data.connect.replay_rows import Chunk, Table, chunks_of, columns_of, summary, tags_in
from didymos.data.connect.replay_snapshots import Layout, snapshots
from didymos.data.connect.supervise import Connected, Retry, Supervisor
from didymos.formats.iso_time import zone_named


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """layout          wide: a time column and one column per tag; long: time, tag, value; pronostia: see `replay_snapshots`
    time_unit       iso, or the unit of numbers since 1970
    zone            IANA name for ISO times that carry none; "" refuses them
    speed           source seconds per second; 0 = as fast as possible
    batch_rows      rows of the file per batch; 0 = as many as make about 8000 values
    batch_s         with a speed, a batch covers at most this many real seconds
    start_sequence  the first batch to hand over
    cursor          file that remembers the next sequence; "" = none
    start, period_s, rate_hz, samples, zero, counts_per_unit    of layout pronostia
    """

    layout: str = limited("wide", allowed=("wide", "long", "pronostia"))
    time_column: str = "time"
    tag_column: str = "tag"
    value_column: str = "value"
    time_unit: str = limited("iso", allowed=("iso", "s", "ms", "us", "ns"))
    zone: str = ""
    delimiter: str = limited(",", allowed=(",", ";", "\t", "|"))
    decimal: str = limited(".", allowed=(".", ","))
    speed: float = limited(0.0, 0.0, 1e9)
    batch_rows: int = limited(0, 0, 1_000_000)
    batch_s: float = limited(0.25, 0.001, 3600.0)
    start_sequence: int = limited(1, 1)
    cursor: str = ""
    start: str = "2012-01-01T00:00:00Z"
    period_s: float = limited(10.0, 1e-6)
    rate_hz: float = limited(25600.0, 1e-6)
    samples: int = limited(2560, 1, 1 << 24)
    zero: float = 65536.0
    counts_per_unit: float = 1000.0
    retry_s: float = limited(0.5, 0.01, 3600.0)
    retry_most_s: float = limited(15.0, 0.01, 3600.0)


@dataclass(frozen=True, slots=True)
class Step:
    """What one sequence number stands for. time_ns: the latest source time in it, None where it holds no readable row."""

    time_ns: int | None
    batch: Batch | None = None
    waveforms: tuple[Waveform, ...] = ()
    fault: str = ""


class Replay:
    """One file, or one folder of snapshots. `url` is a path or file:///path."""

    def __init__(self, source_id: str, url: str, options: Mapping[str, Option], clock: Clock) -> None:
        self._options = o = read_options(ReplayOptions, options, source_id)
        self._id, self._clock = source_id, clock
        self._path = path_of(url, source_id)
        if o.decimal == o.delimiter:
            raise ConfigError(f"source {source_id}: decimal and delimiter are both {o.decimal!r}; set delimiter = ';'")
        zone = zone_named(o.zone, f"source {source_id}") if o.zone else None
        tag, value = (o.tag_column, o.value_column) if o.layout == "long" else ("", "")
        self._table = Table(self._path, o.time_column, o.time_unit, zone, tag, value, o.delimiter, o.decimal, o.batch_rows)
        self._layout = Layout(parse_time(o.start), o.samples, o.rate_hz, o.period_s, o.zero, o.counts_per_unit)
        self._supervisor = Supervisor(source_id, clock, Retry(o.retry_s, max(o.retry_s, o.retry_most_s)))
        self._next = o.start_sequence
        self._paced: tuple[int, float] | None = None

    def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        return self._supervisor.run(lambda: self._session([tag.address for tag in tags]))

    async def _session(self, tags: Sequence[str]) -> AsyncIterator[Payload | Fault | Connected]:
        self._next = max(self._next, self._remembered())
        missing, steps = self._steps(tags)
        yield Connected(
            f"reading {self._path} from sequence {self._next}", "the file is complete: reading goes on where it stopped"
        )
        for tag in missing:
            yield Fault("unknown_tag", f"{self._id}: {self._path.name} has no {tag!r}", self._clock.now_ns())
        unseen = dict.fromkeys(tags) if self._options.layout == "long" else {}  # a long file tells only at its end what it lacks
        for sequence, step in enumerate(steps, 1):
            for tag in step.batch.channels if step.batch is not None and unseen else ():
                unseen.pop(tag, None)
            if sequence < self._next:
                continue
            if step.time_ns is not None:
                await self._until_due(step.time_ns)
            if self._supervisor.closed.is_set():
                return
            self._next = sequence + 1
            if step.fault:
                yield Fault("rejected", f"{self._id}: {step.fault}", self._clock.now_ns())
            if step.batch is not None or step.waveforms:
                yield Payload(step.batch, step.waveforms, self._done(sequence))
            await asyncio.sleep(0)
        for tag in unseen:
            yield Fault("unknown_tag", f"{self._id}: {self._path.name} has no {tag!r}", self._clock.now_ns())

    def _steps(self, tags: Sequence[str]) -> tuple[list[str], Iterator[Step]]:
        """(tags that are not there, one Step per sequence number)."""
        if self._options.layout == "pronostia":
            missing, waves = snapshots(self._path, tags, self._layout, self._id)
            return missing, (Step(max((w.start_ns for w in found), default=None), None, found, fault) for found, fault in waves)
        window_ns = int(self._options.speed * self._options.batch_s * SECOND_NS)
        missing, chunks = chunks_of(self._table, {tag: place for place, tag in enumerate(tags)})
        return missing, self._batches(chunks, tags, window_ns)

    def _batches(self, chunks: Iterator[Chunk], tags: Sequence[str], window_ns: int) -> Iterator[Step]:
        sequence = 0
        for chunk in chunks:
            said = summary(chunk.faults) if chunk.faults else ""
            for first, stop in _windows(chunk, window_ns):
                sequence += 1
                batch = _batch(chunk, first, stop, tags, self._id, sequence)
                yield Step(int(chunk.row_time[first:stop].max()) if stop > first else None, batch, (), said)
                said = ""

    async def _until_due(self, time_ns: int) -> None:
        """With a speed, wait until `time_ns` is due; the first step after a start is due at once."""
        if not self._options.speed:
            return
        loop = asyncio.get_running_loop()
        if self._paced is None:
            self._paced = time_ns, loop.time()
        origin_ns, origin_s = self._paced
        wait_s = origin_s + (time_ns - origin_ns) / SECOND_NS / self._options.speed - loop.time()
        if wait_s > 0:
            try:
                async with asyncio.timeout(wait_s):
                    await self._supervisor.closed.wait()
            except TimeoutError:
                pass

    def _remembered(self) -> int:
        """The next sequence according to the cursor file; 1 without one."""
        if not self._options.cursor or not Path(self._options.cursor).exists():
            return 1
        text = Path(self._options.cursor).read_text()
        if not text.strip().isdecimal():
            raise DataError(
                f"cursor {self._options.cursor} holds {text!r:.60}; a sequence number is allowed. Correct or delete it."
            )
        return int(text)

    def _done(self, sequence: int) -> Callable[[], Awaitable[None]] | None:
        """Moves the cursor past `sequence`, on disk when it returns."""
        if not self._options.cursor:
            return None
        cursor = Path(self._options.cursor)

        async def done() -> None:
            fresh = cursor.with_name(cursor.name + ".new")
            with fresh.open("w") as file:
                file.write(f"{sequence + 1}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(cursor)

        return done

    async def browse(self) -> list[dict[str, str]]:
        """One row per column; of a long table one per tag; of a folder one per file and column."""
        try:
            if self._options.layout == "pronostia":
                names = _snapshot_tags(self._path)
            elif self._options.layout == "long":
                names = tags_in(self._table)
            else:
                names = [name for name in columns_of(self._table) if name != self._table.time]
        except (OSError, DataError) as error:
            raise ConnectError(f"{self._id}: {error}") from error
        kind = "waveform" if self._options.layout == "pronostia" else "value"
        return [{"address": name, "name": name, "type": kind, "unit": "", "value": ""} for name in names]

    async def close(self) -> None:
        self._supervisor.closed.set()


def path_of(url: str, source_id: str) -> Path:
    """A path, or file:///path."""
    parts = urlsplit(url)
    if (parts.scheme and parts.scheme != "file") or parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigError(f"source {source_id}: url {url!r} is not allowed; write a path, or file:///folder/file.csv")
    return Path(unquote(parts.path) if parts.scheme else url)


def _windows(chunk: Chunk, window_ns: int) -> list[tuple[int, int]]:
    """Row ranges (first, stop) of a chunk, cut where source time enters another window; one range without windows."""
    rows = len(chunk.row_time)
    if not window_ns or not rows:
        return [(0, rows)]
    cuts = np.flatnonzero(np.diff(chunk.row_time // window_ns)) + 1
    edges = [0, *cuts.tolist(), rows]
    return list(pairwise(edges))


def _batch(chunk: Chunk, first: int, stop: int, tags: Sequence[str], source: str, sequence: int) -> Batch | None:
    """The wanted cells of rows first..stop, row by row; None where there are none."""
    begin, end = np.searchsorted(chunk.row, (first, stop))
    if begin == end:
        return None
    used, channel = np.unique(chunk.place[begin:end], return_inverse=True)
    value = chunk.value[begin:end]
    quality = np.where(np.isnan(value), np.uint8(Quality.BAD), np.uint8(Quality.GOOD))
    names: tuple[str, ...] = tuple(map(tags.__getitem__, used.tolist()))
    return Batch(names, channel.astype(np.uint16), chunk.row_time[chunk.row[begin:end]], value, quality, source, sequence)


def _snapshot_tags(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    if path.is_dir():
        return [f"{file.stem}#{name}" for file in sorted(path.glob("*.parquet")) for name in pq.read_schema(file).names]
    return pq.read_schema(path).names
