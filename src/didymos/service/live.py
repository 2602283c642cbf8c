"""GET ws: the live page's one websocket.

The page sends JSON `{"sub": ["fleet", "asset/cp-01/trend"], "unsub": [...]}` and is told the topics' numbers in JSON; everything
else goes out as binary frames (`frames.py`), encoded once per topic and put on each reader's bounded queue. A reader that is too
slow loses the oldest frames and sees it in `sequence`; it never slows the service. Every fleet frame is complete, so a lost one
does no harm; it is sent at least once a second and so is the page's sign of life.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan
from urllib.parse import urlsplit

import msgspec
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from didymos.core.errors import ConnectError, DataError
from didymos.core.estimate import Fresh, Tick
from didymos.core.ports import Bus
from didymos.formats.wire import unpack
from didymos.service.context import MS_NS, Context
from didymos.service.field_view import frame_of
from didymos.service.frames import STATUS, Fleet, Samples, Trend, encode_field, encode_fleet, encode_fresh, encode_trend
from didymos.service.views import asset_row

log = logging.getLogger(__name__)

QUEUE = 512  # frames that may wait for one reader
READERS = 1000
TOPICS_PER_READER = 64
FLEET_EVERY_S = 0.5
ALIVE_EVERY_S = 1.0
_KINDS: dict[str, type[Fresh] | type[Tick]] = {"fresh": Fresh, "live": Tick}  # what the worker notifies of


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a page sends."""

    sub: list[str] = []
    unsub: list[str] = []


@dataclass(eq=False, slots=True)
class Reader:
    """One open page: frames that wait for it, oldest dropped when full."""

    waiting: deque[bytes | str] = field(default_factory=lambda: deque(maxlen=QUEUE))
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    topics: set[str] = field(default_factory=set)

    def offer(self, frame: bytes | str) -> None:
        self.waiting.append(frame)
        self.ready.set()


@dataclass(eq=False, slots=True)
class Topic:
    number: int
    sequence: int = 0
    readers: set[Reader] = field(default_factory=set)

    def send(self, encode: Callable[[int, int, float], bytes]) -> None:
        """Encode once with this topic's number and next sequence; offer the same bytes to every reader."""
        self.sequence += 1
        frame = encode(self.number, self.sequence, time.time_ns() / MS_NS)
        for reader in self.readers:
            reader.offer(frame)


@dataclass(slots=True)
class Live:
    """The topics of one plant and who reads them."""

    context: Context
    topics: dict[str, Topic]
    places: dict[str, dict[str, int]]  # asset -> channel -> index in the asset's channels
    readers: set[Reader] = field(default_factory=set)
    dirty: bool = True
    shown: dict[str, int] = field(default_factory=dict)  # asset -> time of the Fields sent last

    def fleet(self) -> Fleet:
        rows = [asset_row(self.context, asset) for asset in self.context.plant.assets]
        return Fleet(
            self.context.clock.now_ns() / MS_NS,
            np.arange(len(rows), dtype=np.uint16),
            np.array([nan if row.p_fail_next_stop is None else row.p_fail_next_stop for row in rows], np.float32),
            np.array([row.deviation.sigma if row.deviation else nan for row in rows], np.float32),
            np.array([STATUS.index("stale" if row.stale else row.status) for row in rows], np.uint8),
            np.array([row.priority for row in rows], np.uint8),
        )

    def changed(self, asset: str) -> None:
        self.dirty = True
        self.field(asset)

    def field(self, asset: str) -> None:
        """The Fields of an asset to who shows them, one frame each, when they are new."""
        found = self.context.model.fields.get(asset)
        if found is None or self.shown.get(asset) == found.time_ns:
            return
        self.shown[asset] = found.time_ns
        for result in found.fields:
            topic = self.topics.get(f"asset/{asset}/field/{result.component}")
            if topic is not None and topic.readers and (shape := frame_of(self.context, asset, result)) is not None:
                topic.send(lambda number, sequence, ms, shape=shape: encode_field(number, sequence, ms, shape))

    async def beat(self) -> None:
        """Send the fleet when it has changed, and at least every ALIVE_EVERY_S. Runs until cancelled."""
        sent = 0.0
        while True:
            await asyncio.sleep(FLEET_EVERY_S)
            topic = self.topics["fleet"]
            if topic.readers and (self.dirty or time.monotonic() - sent >= ALIVE_EVERY_S):
                self.dirty, sent = False, time.monotonic()
                fleet = self.fleet()
                topic.send(lambda number, sequence, ms, fleet=fleet: encode_fleet(number, sequence, ms, fleet))

    async def follow(self, bus: Bus) -> None:
        """Hand each asset's samples and steps to the pages that show it. Runs until cancelled."""
        await asyncio.gather(*(self._follow(bus, kind) for kind in _KINDS))

    async def _follow(self, bus: Bus, kind: str) -> None:
        """A lost bus is tried again."""
        while True:
            try:
                async for subject, data in bus.listen(f"{kind}.*"):
                    self.take(kind, subject.partition(".")[2], data)
            except ConnectError as error:
                log.warning("%s messages lost: %s", kind, error)
            await asyncio.sleep(1.0)

    def take(self, kind: str, asset: str, data: bytes) -> None:
        topic = self.topics.get(f"asset/{asset}/trend")
        if topic is None or not topic.readers:
            return
        try:
            message = unpack(_KINDS[kind], data)
        except DataError as error:
            log.warning("%s.%s: not taken: %s", kind, asset, error)
            return
        if isinstance(message, Tick):
            trend = self._trend(message)
            topic.send(lambda number, sequence, ms: encode_trend(number, sequence, ms, trend))
        elif len((samples := self._samples(message)).channel):
            topic.send(lambda number, sequence, ms: encode_fresh(number, sequence, ms, samples))

    def _samples(self, fresh: Fresh) -> Samples:
        """The channels that the asset lists, as columns."""
        places = self.places[fresh.asset]
        known = [i for i, name in enumerate(fresh.channels) if name in places]
        index = np.array([places[fresh.channels[i]] for i in known], np.uint16)
        newest = int(fresh.time_ns[known].max()) if known else 0
        age_ms = (newest - fresh.time_ns[known]) / MS_NS
        return Samples(newest / MS_NS, index, age_ms.astype(np.float32), fresh.value[known].astype(np.float32))

    def _trend(self, tick: Tick) -> Trend:
        """The channels of the tick that the asset lists, as columns."""
        places = self.places[tick.asset]
        known = [i for i, name in enumerate(tick.channels) if name in places]
        index = np.array([places[tick.channels[i]] for i in known], np.uint16)
        columns = (tick.measured, tick.value, tick.low, tick.high)
        return Trend(tick.time_ns / MS_NS, index, *(np.asarray(column, np.float32)[known] for column in columns))

    def wish(self, reader: Reader, text: str) -> str | None:
        """Change what `reader` gets; returns what is wrong with the wish, None when nothing is."""
        try:
            wish = msgspec.json.decode(text, type=Wish)
        except msgspec.MsgspecError as error:
            return f"not a wish: {error}"
        unknown = [name for name in wish.sub if name not in self.topics]
        if unknown:
            return f"no topic {unknown[0][:200]!r}; topics are fleet, asset/<id>/trend and asset/<id>/field/<component>"
        if len(reader.topics | set(wish.sub)) > TOPICS_PER_READER:
            return f"more than {TOPICS_PER_READER} topics; unsubscribe from some"
        for name in wish.unsub:
            self.leave(reader, name)
        for name in wish.sub:
            reader.topics.add(name)
            self.topics[name].readers.add(reader)
        self.dirty = True
        reader.offer(msgspec.json.encode({"topics": {name: self.topics[name].number for name in wish.sub}}).decode())
        return None

    def leave(self, reader: Reader, name: str) -> None:
        if name in self.topics:
            self.topics[name].readers.discard(reader)
        reader.topics.discard(name)


def live_of(context: Context) -> Live:
    """All topics: number 0 is the fleet, i + 1 the trend of asset i, then the Fields of those that have any."""
    names = ["fleet", *(f"asset/{asset.id}/trend" for asset in context.plant.assets)]
    owners = context.configured.assets if context.configured is not None else ()
    names += [f"asset/{asset.id}/field/{each.component}" for asset in owners for each in asset.fields]
    places = {asset.id: {channel.name: i for i, channel in enumerate(asset.channels)} for asset in context.plant.assets}
    return Live(context, {name: Topic(i) for i, name in enumerate(names)}, places)


async def serve_page(live: Live, socket: WebSocket) -> None:
    """One page from opening to closing. Pages of other origins and more than READERS at once are refused."""
    origin = socket.headers.get("origin")
    if (origin and urlsplit(origin).netloc != socket.headers.get("host")) or len(live.readers) >= READERS:
        await socket.close(1013 if len(live.readers) >= READERS else 1008)
        return
    await socket.accept()
    reader = Reader()
    live.readers.add(reader)
    sending = asyncio.create_task(_send(reader, socket))
    try:
        await _listen(live, reader, socket)
    finally:
        sending.cancel()
        live.readers.discard(reader)
        for name in list(reader.topics):
            live.leave(reader, name)
        await asyncio.gather(sending, return_exceptions=True)


async def _listen(live: Live, reader: Reader, socket: WebSocket) -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            wrong = live.wish(reader, message.get("text") or "")
            if wrong:
                await socket.close(1008, wrong[:120])
                return
    except WebSocketDisconnect:
        return


async def _send(reader: Reader, socket: WebSocket) -> None:
    while True:
        await reader.ready.wait()
        reader.ready.clear()
        while reader.waiting:
            frame = reader.waiting.popleft()
            if isinstance(frame, str):
                await socket.send_text(frame)
            else:
                await socket.send_bytes(frame)
