"""`Historian`: the one process that owns history. Stores what the streams bring and answers questions about it.

Each stream is followed from its committed position. Messages of half a second, or some megabytes, are closed into one batch;
its rows and its last sequence are committed in one transaction. Killed at any moment, the historian goes on from there: nothing
is lost and nothing counts twice. Records reach `on_record` before their sequence is committed, possibly twice after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar, final

import msgspec

from didymos.core.case import Event, Record
from didymos.core.clock import DAY_NS, HOUR_NS, Clock, DataClock
from didymos.core.errors import DataError, DidymosError
from didymos.core.ports import Bus, Message, Subscription
from didymos.core.series import Batch, Quality, Waveform
from didymos.data.history.reading import FOREVER
from didymos.data.history.requests import (
    ANSWER_BYTES,
    PAGE,
    Buckets,
    Condition,
    LatestOf,
    Reached,
    Read,
    SnapshotsOf,
    Sql,
    WaveformAt,
    to_ipc,
)
from didymos.data.history.store import Rows, Store
from didymos.formats.wire import pack, unpack

SUBJECTS = {"plant": ("tel.*", "wav.*", "evt.*"), "results": ("res.*.snapshot.>", "res.*.features.>", "res.*.record.>")}
SOURCE_KEY = "stream.name"  # names the store behind the streams, so that one begun anew is noticed
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """commit_s, commit_messages, commit_bytes: when a batch is closed. close_after_ns: a day is moved to Delta this long after its
    end. compact_s: how often that is looked at; recompact_s: late rows of closed days are moved at most this often (wall time)."""

    commit_s: float = 0.5
    commit_messages: int = 400
    commit_bytes: int = 1 << 20
    close_after_ns: int = 2 * HOUR_NS
    compact_s: float = 5.0
    recompact_s: float = 600.0
    sql_s: float = 10.0
    sql_rows: int = 100_000
    wait_s: float = 20.0


@dataclass(frozen=True, slots=True)
class _Head:
    """What history needs to know of a Snapshot; the rest stays packed."""

    asset: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A Record as it travels; `Any`, because the wire format does not decode values typed `object`."""

    key: str
    kind: str
    subject: str
    time_ns: int
    body: dict[str, Any]


@dataclass(slots=True)
class _Closing:
    rows: Rows = field(default_factory=Rows)
    records: list[Record] = field(default_factory=list)
    sequence: int = 0


@final
class Historian:
    """`await Historian().run(...)` until cancelled."""

    def __init__(self, options: HistoryOptions | None = None) -> None:
        self._options = options or HistoryOptions()
        self._writing = ThreadPoolExecutor(1, "history-write")
        self._reading = ThreadPoolExecutor(2, "history-read")
        self._position = {"plant": 0, "results": 0}
        self._moved = asyncio.Condition()

    async def run(self, bus: Bus, path: Path, clock: Clock, on_record: Callable[[Record], None]) -> None:
        """Owns the folder `path` and serves `history.*` on `bus`. `on_record` is called in a thread, in order, and must take a
        record that it has already."""
        store = await self._write(Store, path)
        try:
            await self._begin(bus, store, clock)
            await self._serve(bus, store)
            async with asyncio.TaskGroup() as tasks:
                for stream in SUBJECTS:
                    tasks.create_task(self._follow(bus, store, clock, stream, on_record))
                tasks.create_task(self._compact(store, clock))
        finally:
            self._reading.shutdown(cancel_futures=True)
            await asyncio.shield(self._write(store.close))
            self._writing.shutdown()

    def _write(self, call: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._writing, call, *arguments)

    def _read(self, call: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._reading, call, *arguments)

    async def _begin(self, bus: Bus, store: Store, clock: Clock) -> None:
        name = await bus.get(SOURCE_KEY)
        if name is None:
            name = uuid.uuid4().hex.encode()
            await bus.put(SOURCE_KEY, name)
        positions = await self._write(store.positions)
        if positions["plant"][1] != name.decode():
            if any(sequence for sequence, _ in positions.values()):
                _log.warning("the streams were begun anew; history keeps its rows and follows the new streams from their start")
            await self._write(store.begin_source, name.decode())
            positions = await self._write(store.positions)
        self._position = {stream: sequence for stream, (sequence, _) in positions.items()}
        newest = [t for t, _, quality in store.latest.of([]).values() if quality <= Quality.UNCERTAIN]
        if isinstance(clock, DataClock) and newest:
            clock.seen(max(newest))

    # storing

    async def _follow(self, bus: Bus, store: Store, clock: Clock, stream: str, on_record: Callable[[Record], None]) -> None:
        subscription = await bus.subscribe(stream, SUBJECTS[stream], self._position[stream])

        def commit(closing: _Closing) -> None:
            for record in closing.records:
                _hand_over(record, on_record)
            store.commit(stream, closing.sequence, closing.rows)

        while True:
            messages = await self._gather(subscription)
            if not messages:
                continue
            closing = _Closing(sequence=messages[-1].sequence)
            for message in messages:
                _sort_in(closing, message, clock)
            await self._write(commit, closing)
            async with self._moved:
                self._position[stream] = closing.sequence
                self._moved.notify_all()

    async def _gather(self, subscription: Subscription) -> list[Message]:
        """The messages of one commit."""
        o, loop = self._options, asyncio.get_running_loop()
        found = await subscription.fetch(100, 5.0)
        until = loop.time() + o.commit_s
        size = sum(len(m.data) for m in found)
        while found and len(found) < o.commit_messages and size < o.commit_bytes and (left := until - loop.time()) > 0:
            more = await subscription.fetch(min(100, o.commit_messages - len(found)), left)
            found += more
            size += sum(len(m.data) for m in more)
        return found

    async def _compact(self, store: Store, clock: Clock) -> None:
        done, last, loop = 0, 0.0, asyncio.get_running_loop()
        while True:
            day = (clock.now_ns() - self._options.close_after_ns) // DAY_NS
            if day > done or loop.time() - last > self._options.recompact_s:
                await self._write(store.compact, day * DAY_NS)
                done, last = max(day, done), loop.time()
            await asyncio.sleep(self._options.compact_s)

    # answering

    async def _serve(self, bus: Bus, store: Store) -> None:
        o = self._options

        async def read(data: bytes) -> bytes:
            q = unpack(Read, data)
            _check_span(q.channel, q.start_ns, q.end_ns)
            if q.upto_sequence is not None:
                await self._reached(store.stream_of(q.channel), q.upto_sequence)
            found = await self._read(
                store.reader.read, q.channel, q.start_ns, q.end_ns, _or(q.known_ns), _or(q.upto_sequence), PAGE
            )  # fmt: skip
            return to_ipc(found)

        async def buckets(data: bytes) -> bytes:
            q = unpack(Buckets, data)
            _check_span(q.channel, q.start_ns, q.end_ns)
            if not 0 < q.points <= 20_000:
                raise DataError(f"{q.channel}: {q.points} points asked for; allowed are 1 to 20000")
            return pack(await self._read(store.reader.buckets, q.channel, q.start_ns, q.end_ns, q.points, _or(q.known_ns)))

        async def latest(data: bytes) -> bytes:
            return pack(store.latest.of(unpack(LatestOf, data).channels))

        async def waveform(data: bytes) -> bytes:
            q = unpack(WaveformAt, data)
            found = await self._read(store.reader.waveform, q.channel, q.at_ns)
            return b"" if found is None else pack(found)

        async def snapshots(data: bytes) -> bytes:
            q = unpack(SnapshotsOf, data)
            _check_span(q.asset, q.start_ns, q.end_ns)
            return pack(await self._read(store.reader.snapshots, q.asset, q.start_ns, q.end_ns, ANSWER_BYTES))

        async def sql(data: bytes) -> bytes:
            return to_ipc(await self._read(store.reader.sql, unpack(Sql, data).query, o.sql_s, o.sql_rows))

        async def reached(data: bytes) -> bytes:
            q = unpack(Reached, data)
            if q.stream not in self._position:
                raise DataError(f"stream {q.stream!r} is not known; allowed are {', '.join(self._position)}")
            await self._reached(q.stream, q.sequence)
            return b""

        async def condition(data: bytes) -> bytes:
            return pack(await self._read(condition_of, store, dict(self._position)))

        for method in (read, buckets, latest, waveform, snapshots, sql, reached, condition):
            await bus.serve(f"history.{method.__name__}", method)

    async def _reached(self, stream: str, sequence: int) -> None:
        """Waits until `sequence` of `stream` is committed; DataError after `wait_s`."""
        try:
            async with asyncio.timeout(self._options.wait_s), self._moved:
                await self._moved.wait_for(lambda: self._position[stream] >= sequence)
        except TimeoutError as error:
            raise DataError(
                f"history has stream {stream} up to sequence {self._position[stream]}, not yet {sequence}. Ask again later."
            ) from error


def condition_of(store: Store, positions: dict[str, int]) -> Condition:
    newest = [time_ns for time_ns, _, quality in store.latest.of([]).values() if quality <= Quality.UNCERTAIN]
    hot, closed = _bytes_of(store.folder, "hot.duckdb*"), _bytes_of(store.folder / "closed", "**/*")
    return Condition(positions, hot, closed, disk_usage(store.folder).free, max(newest, default=0), len(store.latest.number))


def _bytes_of(folder: Path, pattern: str) -> int:
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a compaction has just removed it
            continue
    return total


def _or(value: int | None) -> int:
    return FOREVER if value is None else value


def _check_span(name: str, start_ns: int, end_ns: int) -> None:
    if start_ns > end_ns:
        raise DataError(f"{name}: start {start_ns} is after end {end_ns}; give start <= end in UTC ns")


def _hand_over(record: Record, on_record: Callable[[Record], None]) -> None:
    try:
        on_record(record)
    except DidymosError as error:  # a contradiction that no repeat cures; the record stays in the stream
        _log.error("record %s of %s was refused: %s", record.key, record.subject, error)


def _sort_in(closing: _Closing, message: Message, clock: Clock) -> None:
    """Adds one message's rows; one that cannot be read is logged and left in the stream."""
    try:
        kind = message.subject.split(".")[0] if not message.subject.startswith("res.") else message.subject.split(".")[2]
        _SORT[kind](closing, message, clock)
    except DataError as error:
        _log.error("message %d of %s is not stored: %s", message.sequence, message.subject, error)


def _samples(closing: _Closing, message: Message, clock: Clock) -> None:
    batch = unpack(Batch, message.data)
    columns = (batch.channel, batch.time_ns, batch.value, batch.quality)
    if len({len(c) for c in columns}) != 1 or (len(batch) and int(batch.channel.max()) >= len(batch.channels)):
        raise DataError("its columns differ in length or name a channel that it does not list")
    if any(c.dtype.kind not in "iu" for c in (batch.channel, batch.time_ns, batch.quality)) or batch.value.dtype.kind not in "fiu":
        raise DataError("its columns are not numbers: allowed are whole channel, time_ns and quality, and a number as value")
    good = batch.time_ns[batch.quality <= Quality.UNCERTAIN]
    if len(good):
        _seen(clock, int(good.max()))
    if len(batch):
        closing.rows.samples.append((batch, message.sequence, clock.now_ns()))


def _wave(closing: _Closing, message: Message, clock: Clock) -> None:
    wave = unpack(Waveform, message.data)
    _seen(clock, wave.start_ns)
    closing.rows.waveforms.append((wave, message.sequence, clock.now_ns()))


def _event(closing: _Closing, message: Message, clock: Clock) -> None:
    e = unpack(Event, message.data)
    body = msgspec.json.encode(e.body, order="sorted").decode()
    closing.rows.events.append((e.id, e.kind, e.asset, e.time_ns, e.known_ns, body, message.sequence))


def _snapshot(closing: _Closing, message: Message, clock: Clock) -> None:
    head = unpack(_Head, message.data)
    closing.rows.snapshots.append((head.asset, head.time_ns, message.data, message.sequence, clock.now_ns()))


def _record(closing: _Closing, message: Message, clock: Clock) -> None:
    line = unpack(_Line, message.data)
    closing.records.append(Record(line.key, line.kind, line.subject, line.time_ns, line.body))


_SORT = {"tel": _samples, "wav": _wave, "evt": _event, "snapshot": _snapshot, "features": _samples, "record": _record}


def _seen(clock: Clock, time_ns: int) -> None:
    if isinstance(clock, DataClock):
        clock.seen(time_ns)
