"""The edge role: connectors -> SI channels -> the stream, batched. Acknowledges to a source only what is on disk.

Payloads of a file are named by (source, sequence, their rows), so that the same rows sent again after a kill store nothing new,
and another recording under the same name loses nothing.
Payloads of live sources that come together are merged into one message per partition; should a broker deliver one of them again,
readers drop it by (channel, time).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

import numpy as np

from didymos.core.channel import partition, split_channel_id
from didymos.core.clock import DAY_NS, Clock, DataClock
from didymos.core.errors import DataError
from didymos.core.ports import Bus, Connector, Fault, Payload
from didymos.core.series import Batch
from didymos.formats.wire import pack
from didymos.plant.bind import Binder
from didymos.plant.config import Plant, Source
from didymos.plant.parcels import concatenate, parcels
from didymos.plant.report import EDGE, EdgeReport, ErpReport, Rate, SourceReport, shown

log = logging.getLogger("didymos.edge")

FLUSH_S, FLUSH_VALUES = 0.02, 50_000
BUSY_S, BUSY_VALUES = 0.1, 400
NUMBERED = ("replay", "fake")  # sources whose (source, sequence) names the same rows after a restart
MESSAGE_VALUES = 100_000  # samples in one message, some 2 MB: far below the bus's largest

Done = Callable[[], Awaitable[None]]
Named = tuple[str, bytes, str]  # subject, data, message id
Taken = tuple[
    list[Batch], list[Named], Done | None
]  # batches to merge, messages that have a name, what to call when all is on disk


class Edge:
    """Runs every source of a plant against one bus. `counts` is what the doctor shows."""

    def __init__(self, plant: Plant, bus: Bus, connectors: dict[str, Connector]) -> None:
        self.plant = plant
        self.bus = bus
        self.connectors = connectors
        self.clock: Clock = plant.clock
        self.boot = uuid.uuid4().hex[:12]
        self.sent = 0
        self.values = 0
        self.reports = {s.id: SourceReport(s.id, s.type, shown(s.url)) for s in plant.sources}
        self.erps: dict[str, ErpReport] = {}
        self._started_ns = self.clock.now_ns()
        self._rates = {s.id: Rate() for s in plant.sources}
        self._storing_since = 0.0
        self._queue: asyncio.Queue[Taken] = asyncio.Queue(256)

    async def run(self) -> None:
        """Until every connector has ended (files) or the task is cancelled. Ends with the bus's error when it stays away."""
        await self.bus.serve(EDGE, self.report)
        async with asyncio.TaskGroup() as both:
            sender = both.create_task(self._send())
            async with asyncio.TaskGroup() as readers:
                for source in self.plant.sources:
                    readers.create_task(self._read(source, self.connectors[source.id]))
            await self._queue.join()
            sender.cancel()

    async def _read(self, source: Source, connector: Connector) -> None:
        binder, report = Binder(self.plant, source.id), self.reports[source.id]
        report.tags, report.unmapped = len(binder.tags), binder.unmapped
        if not binder.tags:
            report.state = "idle"
            log.warning(
                "source %s: no tag of any asset names it; it is not opened. Add [[asset.tag]] source=%r", source.id, source.id
            )
            return
        async for item in connector.stream(binder.tags):
            if isinstance(item, Fault):
                report.fault(item)
                await self._fault(source, binder, item)
            else:
                self._note(report, item)
                await self._queue.put(self._bound(source, binder, item))
        report.state = "ended"

    def _note(self, report: SourceReport, payload: Payload) -> None:
        """Count what came. A source clock that is a day ahead does not say how far the source has come."""
        now_ns, newest = self.clock.now_ns(), [0]
        if payload.batch is not None and len(payload.batch):
            times = payload.batch.time_ns
            newest.append(int(times[times <= now_ns + DAY_NS].max(initial=0) if now_ns > 0 else times.max()))
        report.payloads += 1
        report.values += len(payload.batch) if payload.batch is not None else 0
        report.newest_ns = max(report.newest_ns, max(newest), *(wave.start_ns for wave in payload.waveforms))
        if report.state == "waiting":  # a source without a connection to speak of: a file, a listening port
            report.state, report.since_ns = "connected", self.clock.now_ns()
        self._rates[report.id].mark(time.monotonic(), report.values)

    async def report(self, data: bytes) -> bytes:
        """`EdgeReport`, for whoever asks on `doctor.edge`."""
        now = time.monotonic()
        for id, report in self.reports.items():
            report.values_per_s = self._rates[id].per_s(now, report.values)
        held_up = now - self._storing_since if self._storing_since else 0.0
        sources, erps = list(self.reports.values()), list(self.erps.values())
        return pack(EdgeReport(self.clock.now_ns(), self._started_ns, self.sent, self._queue.qsize(), held_up, sources, erps))

    async def _fault(self, source: Source, binder: Binder, fault: Fault) -> None:
        if fault.kind == "unmapped":
            log.info("source %s: %s is seen there and bound to no tag", source.id, fault.text)
            return
        log.log(
            logging.INFO if fault.kind == "connected" else logging.WARNING, "source %s: %s: %s", source.id, fault.kind, fault.text
        )
        if fault.kind in ("disconnected", "gap") and fault.time_ns > 0:  # a clock that the data drive stands at 0 before the first
            await self._queue.put(([binder.gap(fault.time_ns)], [], None))

    def _bound(self, source: Source, binder: Binder, payload: Payload) -> Taken:
        named: list[Named] = []
        merge: list[Batch] = []
        if payload.batch is not None and len(payload.batch):
            if isinstance(self.clock, DataClock):
                self.clock.seen(int(payload.batch.time_ns.max()))
            bound = binder.batch(payload.batch, self.clock.now_ns())
            if source.type in NUMBERED:
                named += self._messages(bound, f"{bound.source}:{bound.sequence}:{_digest(payload.batch)}")
            else:
                merge.append(bound)
        for raw in payload.waveforms:
            if isinstance(self.clock, DataClock):
                self.clock.seen(raw.start_ns)
            wave = binder.waveform(raw, self.clock.now_ns())
            if wave is not None:
                asset, _ = split_channel_id(wave.channel)
                named.append((f"wav.{partition(asset)}", pack(wave), f"w:{wave.channel}:{wave.start_ns}"))
        return merge, named, payload.done

    def _messages(self, batch: Batch, name: str) -> list[Named]:
        """One message per partition, and per MESSAGE_VALUES of it."""
        return [(f"tel.{p}", pack(part), f"{name}:{p}" + (f":{i}" if i else "")) for p, i, part in parcels(batch, MESSAGE_VALUES)]

    async def _send(self) -> None:
        """Take what has come together, store it, then let the sources forget it."""
        while True:
            items = await self._gathered()
            self._storing_since = time.monotonic()
            await self._store(items)
            self._storing_since = 0.0
            for _ in items:
                self._queue.task_done()

    async def _gathered(self) -> list[Taken]:
        """What comes within FLUSH_S of the first. When that is much, the sources are busy and larger messages save all that
        follows a good part of its work: then until nothing came for FLUSH_S, at most BUSY_S."""
        loop = asyncio.get_running_loop()
        items = [await self._queue.get()]
        began, values = loop.time(), _values(items[0])
        while values < FLUSH_VALUES:
            ends = min(began + BUSY_S, loop.time() + FLUSH_S) if values >= BUSY_VALUES else began + FLUSH_S
            try:
                async with asyncio.timeout_at(ends):  # wait_for of Python 3.11 may swallow a cancellation
                    items.append(await self._queue.get())
            except TimeoutError:
                break
            values += _values(items[-1])
        return items

    async def _store(self, items: Sequence[Taken]) -> None:
        merged = [batch for item in items for batch in item[0]]
        messages = [message for item in items for message in item[1]]
        if merged:
            self.sent += 1
            messages += self._messages(concatenate(merged), f"{self.boot}:{self.sent}")
            self.values += sum(len(batch) for batch in merged)
        await self._publish(messages)
        for _, _, done in items:
            if done is not None:
                await done()

    async def _publish(self, messages: Sequence[Named]) -> None:
        """All of them; one that the bus refuses (a waveform above its largest message) is named in the log, the rest is stored."""
        try:
            if messages:
                await self.bus.publish_many(messages)
        except DataError as error:
            if len(messages) == 1:
                log.error("not stored: %s: %s", messages[0][2], error)
                return
            for message in messages:
                await self._publish([message])


def _values(item: Taken) -> int:
    return sum(len(batch) for batch in item[0])


def _digest(batch: Batch) -> str:
    """Of its rows as the source sent them."""
    found = blake2b("\0".join(batch.channels).encode(), digest_size=8)
    for column in (batch.channel, batch.time_ns, batch.value, batch.quality):
        found.update(np.ascontiguousarray(column).data)
    return found.hexdigest()
