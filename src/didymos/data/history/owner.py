"""`Historian`: the one process that owns history. Stores what the streams bring and answers questions about it.

Each stream is followed from its committed position. Messages of half a second, or some megabytes, are closed into one batch;
its rows and its last sequence are committed in one transaction. Killed at any moment, the historian goes on from there: nothing
is lost and nothing counts twice. Records reach `on_record` before their sequence is committed, possibly twice after a crash.

Of several historians one is at work, the one that holds the lease; the others wait. One that lost it ends with FencedError: its
Delta commits are refused, and it is asked for answers no more.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar, final

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from didymos.core.case import Record
from didymos.core.clock import DAY_NS, HOUR_NS, Clock, DataClock
from didymos.core.errors import DataError, DidymosError, FencedError
from didymos.core.ports import Bus, Message, Subscription
from didymos.core.series import Quality
from didymos.data.history.adopt import Adopt
from didymos.data.history.arriving import Arrived, Knowing, only_days, sort_in
from didymos.data.history.damage import Damaged, days_of, lost
from didymos.data.history.hierarchy import grid_of, rollup
from didymos.data.history.reading import FOREVER
from didymos.data.history.requests import (
    ANSWER_BYTES,
    LEASE,
    PAGE,
    Buckets,
    Condition,
    Held,
    LatestColumns,
    LatestOf,
    Reached,
    Read,
    Rollup,
    SnapshotsOf,
    Sql,
    WaveformAt,
    to_ipc,
)
from didymos.data.history.retention import Retention
from didymos.data.history.store import Store
from didymos.data.history.trouble import Trouble, check_room
from didymos.data.stream.lease import BEATS, Lease, process_name
from didymos.formats.wire import pack, unpack

SUBJECTS = {"plant": ("tel.*", "wav.*", "evt.*"), "results": ("res.*.snapshot.>", "res.*.features.>", "res.*.record.>")}
SOURCE_KEY = "stream.name"  # names the store behind the streams, so that one begun anew is noticed
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """commit_s, commit_messages, commit_bytes: when a batch is closed. close_after_ns: a day is moved to Delta this long after its
    end. compact_s: how often that is looked at; recompact_s: late rows of closed days are moved at most this often (wall time).
    reserve_bytes: with less room on the disk nothing is written, so that what is there stays sound; rows wait in the stream, tried
    again every retry_s. lease_s: a historian silent for so long is replaced by one that waits."""

    commit_s: float = 0.5
    commit_messages: int = 400
    commit_bytes: int = 1 << 20
    close_after_ns: int = 2 * HOUR_NS
    compact_s: float = 5.0
    recompact_s: float = 600.0
    sql_s: float = 10.0
    sql_rows: int = 100_000
    wait_s: float = 20.0
    retention: Retention = field(default_factory=Retention)
    reserve_bytes: int = 64 << 20
    retry_s: float = 1.0
    lease_s: float = 10.0


@final
class Historian:
    """`await Historian().run(...)` until cancelled."""

    def __init__(self, options: HistoryOptions | None = None) -> None:
        self._options = options or HistoryOptions()
        self._writing = ThreadPoolExecutor(1, "history-write")
        self._reading = ThreadPoolExecutor(2, "history-read")
        self._position = {"plant": 0, "results": 0}
        self._moved = asyncio.Condition()
        self._trouble = Trouble()

    async def run(self, bus: Bus, path: Path, clock: Clock, on_record: Callable[[Record], None]) -> None:
        """Owns the folder `path` and serves `history.*` on `bus`. `on_record` is called in a thread, in order, and must take a
        record that it has already."""
        self._lease = lease = Lease(bus, LEASE, process_name(), self._options.lease_s)
        try:
            await self._become_owner(lease)
            keeping = asyncio.create_task(self._keep(lease))
            try:
                await _first_of(keeping, asyncio.create_task(self._own(bus, path, clock, on_record, lease)))
            finally:
                await lease.release()
        finally:
            self._reading.shutdown(cancel_futures=True)
            self._writing.shutdown()

    async def _become_owner(self, lease: Lease) -> None:
        said = ""
        while not await lease.take():
            if lease.other != said:
                _log.info("history is kept by %s; waiting until it is silent for %g s", lease.other, lease.lease_s)
            said = lease.other
            await asyncio.sleep(lease.lease_s / BEATS / 2)

    async def _keep(self, lease: Lease) -> None:
        await lease.keep()
        raise FencedError(f"{LEASE}: lost to {lease.other}; this historian ends, nothing that it did since counts.")

    async def _own(self, bus: Bus, path: Path, clock: Clock, on_record: Callable[[Record], None], lease: Lease) -> None:
        store = await self._write(Store, path)
        try:
            await self._begin(bus, store, clock)
            await self._write(store.own, lease.epoch)
            found = await self._write(store.damaged)
            await self._serve(bus, store, clock, lease.epoch)
            knowing = Knowing(clock, await self._write(store.known_ns))
            async with asyncio.TaskGroup() as tasks:
                for stream in SUBJECTS:
                    tasks.create_task(self._follow(bus, store, knowing, stream, on_record))
                tasks.create_task(self._compact(store, clock))
                if found:
                    tasks.create_task(self._refill(bus, store, knowing, found))
        except* FencedError as group:
            raise group.exceptions[0] from group
        finally:
            await asyncio.shield(self._write(store.close))

    def _write(self, call: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._writing, call, *arguments)

    async def _read(self, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, call, *arguments)
        except duckdb.Error as error:
            raise DataError(f"history cannot answer now: {str(error).splitlines()[0]}. See its state, and ask again.") from error

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

    async def _follow(self, bus: Bus, store: Store, clock: Knowing, stream: str, on_record: Callable[[Record], None]) -> None:
        subscription = await bus.subscribe(stream, SUBJECTS[stream], self._position[stream])

        def commit(closing: Arrived) -> None:
            for record in closing.records:
                _hand_over(record, on_record)
            store.commit(stream, closing.sequence, closing.rows)

        while True:
            messages = await self._gather(subscription)
            if not messages:
                continue
            closing = Arrived(sequence=messages[-1].sequence)
            for message in messages:
                sort_in(closing, message, clock)
            await self._lease.check()
            await self._committed(store, stream, closing, commit)
            async with self._moved:
                self._position[stream] = closing.sequence
                self._moved.notify_all()

    async def _committed(self, store: Store, stream: str, closing: Arrived, commit: Callable[[Arrived], None]) -> None:
        """Returns once `closing` is on disk, however long the disk takes to be writable."""
        again = False

        def attempt() -> None:
            check_room(store, self._options.reserve_bytes)
            if again:
                store.heal()
            commit(closing)  # perhaps a second time: the same row twice is one row

        while True:
            try:
                await self._write(attempt)
            except (duckdb.Error, OSError) as error:
                again = True
                self._trouble.begin(f"stream {stream}", error)
                await asyncio.sleep(self._options.retry_s)
                continue
            self._trouble.end(f"stream {stream}")
            return

    async def _refill(self, bus: Bus, store: Store, clock: Knowing, found: list[Damaged]) -> None:
        """Reads the streams once more for the days that were lost with their files, up to where history stands now."""
        days, upto = days_of(found), dict(self._position)
        for stream, last in upto.items():
            subscription = await bus.subscribe(stream, SUBJECTS[stream], 0)
            reached = 0
            while reached < last and (messages := await subscription.fetch(200, 2.0)):
                reached = messages[-1].sequence
                closing = Arrived(sequence=min(reached, last))
                for message in messages:
                    sort_in(closing, message, clock)
                rows = only_days(closing.rows, days)
                await self._committed(store, stream, closing, lambda c, rows=rows, s=stream: store.commit(s, c.sequence, rows))
            await subscription.close()
        await self._write(store.settle, found)

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
                last = loop.time()
                await self._lease.check()
                await self._closed_days(store, clock, day)
                done = max(day, done)
            await asyncio.sleep(self._options.compact_s)

    async def _closed_days(self, store: Store, clock: Clock, day: int) -> None:
        def work() -> None:
            store.keep(clock.now_ns(), self._options.retention)  # first what may make room
            check_room(store, self._options.reserve_bytes)
            store.compact(day * DAY_NS)
            store.keep(clock.now_ns(), self._options.retention)

        try:
            await self._write(work)
        except (duckdb.Error, OSError, DeltaError, pa.ArrowException) as error:
            self._trouble.begin("closing days", error)
        else:
            self._trouble.end("closing days")

    # answering

    async def _serve(self, bus: Bus, store: Store, clock: Clock, epoch: int) -> None:
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
            _check_points(q.channel, q.points)
            return pack(await self._read(store.reader.buckets, q.channel, q.start_ns, q.end_ns, q.points, _or(q.known_ns)))

        async def latest(data: bytes) -> bytes:
            return pack(store.latest.of(unpack(LatestOf, data).channels))

        async def latest_columns(data: bytes) -> bytes:
            q = unpack(LatestColumns, data)
            found = store.latest.columns(q.key, q.channels)
            return b"" if found is None else b"".join(column.tobytes() for column in found)

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

        async def rolled_up(data: bytes) -> bytes:
            q = unpack(Rollup, data)
            _check_span("rollup", q.start_ns, q.end_ns)
            _check_points("rollup", q.points)
            grid = grid_of(q.start_ns, q.end_ns, q.points)
            return pack(await self._read(rollup, store.reader, q.channels, q.how, grid, clock.now_ns()))

        async def held(data: bytes) -> bytes:
            q = unpack(Held, data)
            return pack(store.reader.held(q.start_ns, q.end_ns))

        async def state(data: bytes) -> bytes:
            kept, (word, text) = store.tiers.kept, self._trouble.now()
            found = asdict(replace(kept, lost=lost(store.folder)))
            return pack(found | {"state": word, "text": text} if word else found)

        async def reached(data: bytes) -> bytes:
            q = unpack(Reached, data)
            if q.stream not in self._position:
                raise DataError(f"stream {q.stream!r} is not known; allowed are {', '.join(self._position)}")
            await self._reached(q.stream, q.sequence)
            return b""

        async def adopt(data: bytes) -> bytes:
            await self._lease.check()
            return pack(await self._write(store.adopt, unpack(Adopt, data)))

        async def condition(data: bytes) -> bytes:
            return pack(await self._read(condition_of, store, dict(self._position)))

        for method in (read, buckets, latest, latest_columns, waveform, snapshots, sql, held, state, reached, adopt, condition):
            await bus.serve(f"history.{method.__name__}.{epoch}", method)
        await bus.serve(f"history.rollup.{epoch}", rolled_up)

    async def _reached(self, stream: str, sequence: int) -> None:
        """Waits until `sequence` of `stream` is committed; DataError after `wait_s`."""
        try:
            async with asyncio.timeout(self._options.wait_s), self._moved:
                await self._moved.wait_for(lambda: self._position[stream] >= sequence)
        except TimeoutError as error:
            raise DataError(
                f"history has stream {stream} up to sequence {self._position[stream]}, not yet {sequence}. Ask again later."
            ) from error


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Waits for the first to end, ends the others, raises what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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


def _check_points(name: str, points: int) -> None:
    if not 0 < points <= 20_000:
        raise DataError(f"{name}: {points} points asked for; allowed are 1 to 20000")


def _hand_over(record: Record, on_record: Callable[[Record], None]) -> None:
    try:
        on_record(record)
    except DidymosError as error:  # a contradiction that no repeat cures; the record stays in the stream
        _log.error("record %s of %s was refused: %s", record.key, record.subject, error)
