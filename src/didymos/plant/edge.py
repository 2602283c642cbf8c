"""The edge role: connectors -> SI channels -> the stream, batched. Acknowledges to a source only what is on disk.

Payloads of a file keep (source, sequence) as their message id, so that the same rows sent again after a kill store nothing new.
Payloads of live sources are merged for `FLUSH_S` into one message per partition; should a broker deliver one of them again,
readers drop it by (channel, time).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from didymos.core.channel import partition, split_channel_id
from didymos.core.clock import Clock, DataClock
from didymos.core.ports import Bus, Connector, Fault, Payload
from didymos.core.series import Batch
from didymos.formats.wire import pack
from didymos.plant.bind import Binder
from didymos.plant.config import Plant, Source

log = logging.getLogger("didymos.edge")

FLUSH_S = 0.02
NUMBERED = ("replay", "fake")  # sources whose (source, sequence) names the same rows after a restart
FLUSH_VALUES = 8000

Done = Callable[[], Awaitable[None]]


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
        self._queue: asyncio.Queue[tuple[list[Batch], list[tuple[str, bytes, str]], Done | None]] = asyncio.Queue(256)
        self._partition: dict[str, int] = {}

    async def run(self) -> None:
        """Until every connector has ended (files) or the task is cancelled."""
        sender = asyncio.create_task(self._send())
        try:
            async with asyncio.TaskGroup() as group:
                for source in self.plant.sources:
                    group.create_task(self._read(source, self.connectors[source.id]))
            await self._queue.join()
        finally:
            sender.cancel()

    async def _read(self, source: Source, connector: Connector) -> None:
        binder = Binder(self.plant, source.id)
        if not binder.tags:
            log.warning(
                "source %s: no tag of any asset names it; it is not opened. Add [[asset.tag]] source=%r", source.id, source.id
            )
            return
        async for item in connector.stream(binder.tags):
            if isinstance(item, Fault):
                await self._fault(source, binder, item)
            else:
                await self._queue.put(self._bound(source, binder, item))

    async def _fault(self, source: Source, binder: Binder, fault: Fault) -> None:
        log.warning("source %s: %s: %s", source.id, fault.kind, fault.text)
        if fault.kind in ("disconnected", "gap"):
            await self._queue.put(([binder.gap(fault.time_ns)], [], None))

    def _bound(
        self, source: Source, binder: Binder, payload: Payload
    ) -> tuple[list[Batch], list[tuple[str, bytes, str]], Done | None]:
        """(batches to merge, messages that have a name already, what to call when all is on disk)."""
        named: list[tuple[str, bytes, str]] = []
        merge: list[Batch] = []
        if payload.batch is not None and len(payload.batch):
            if isinstance(self.clock, DataClock):
                self.clock.seen(int(payload.batch.time_ns.max()))
            bound = binder.batch(payload.batch, self.clock.now_ns())
            if source.type in NUMBERED:
                named += self._messages(bound, f"{bound.source}:{bound.sequence}")
            else:
                merge.append(bound)
        for raw in payload.waveforms:
            wave = binder.waveform(raw)
            if wave is not None:
                asset, _ = split_channel_id(wave.channel)
                named.append((f"wav.{partition(asset)}", pack(wave), f"w:{wave.channel}:{wave.start_ns}"))
        return merge, named, payload.done

    def _messages(self, batch: Batch, name: str) -> list[tuple[str, bytes, str]]:
        """One message per partition."""
        if not len(batch):
            return []
        places = np.array([self._place(channel) for channel in batch.channels])[batch.channel]
        first = int(places[0])
        if (places == first).all():
            return [(f"tel.{first}", pack(batch), f"{name}:{first}")]
        found = []
        for p in np.unique(places):
            keep = places == p
            part = Batch(
                batch.channels,
                batch.channel[keep],
                batch.time_ns[keep],
                batch.value[keep],
                batch.quality[keep],
                batch.source,
                batch.sequence,
            )
            found.append((f"tel.{p}", pack(_compact(part)), f"{name}:{p}"))
        return found

    def _place(self, channel: str) -> int:
        place = self._partition.get(channel)
        if place is None:
            place = self._partition[channel] = partition(split_channel_id(channel)[0])
        return place

    async def _send(self) -> None:
        """Take what has come, at most FLUSH_S and FLUSH_VALUES of it, store it, then let the sources forget it."""
        while True:
            items = [await self._queue.get()]
            deadline = asyncio.get_running_loop().time() + FLUSH_S
            while sum(len(b) for item in items for b in item[0]) < FLUSH_VALUES:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                try:
                    items.append(await asyncio.wait_for(self._queue.get(), left))
                except TimeoutError:
                    break
            await self._store(items)
            for _ in items:
                self._queue.task_done()

    async def _store(self, items: Sequence[tuple[list[Batch], list[tuple[str, bytes, str]], Done | None]]) -> None:
        merged = [batch for item in items for batch in item[0]]
        messages = [message for item in items for message in item[1]]
        if merged:
            self.sent += 1
            messages += self._messages(concatenate(merged), f"{self.boot}:{self.sent}")
            self.values += sum(len(batch) for batch in merged)
        if messages:
            await self.bus.publish_many(messages)
        for _, _, done in items:
            if done is not None:
                await done()


def _compact(batch: Batch) -> Batch:
    """The same samples, naming only channels that occur."""
    used, column = np.unique(batch.channel, return_inverse=True)
    names = tuple(batch.channels[i] for i in used)
    return Batch(names, column.astype(np.uint16), batch.time_ns, batch.value, batch.quality, batch.source, batch.sequence)


def concatenate(batches: Sequence[Batch]) -> Batch:
    """All samples of `batches` in order, as one nameless batch."""
    if len(batches) == 1:
        return batches[0]
    names = tuple(dict.fromkeys(name for batch in batches for name in batch.channels))
    place = {name: i for i, name in enumerate(names)}
    columns = [np.array([place[n] for n in b.channels], np.uint16)[b.channel] for b in batches]
    return Batch(
        names,
        np.concatenate(columns),
        np.concatenate([b.time_ns for b in batches]),
        np.concatenate([b.value for b in batches]),
        np.concatenate([b.quality for b in batches]),
    )
