"""`NatsBus`: the promises of `core.ports.Bus` on NATS JetStream.

Two connections: the line reconnects by itself and carries reads, notifications and requests; the writer (writer.py) does not.
Message ids are remembered for ten minutes (the stream's duplicate window), across restarts of the server.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, RawStreamMsg, StorageType, StreamConfig

from didymos.core.errors import DataError, FencedError
from didymos.core.ports import Entry, Extent, Fence, Message, Subscription
from didymos.data.stream.line import AWAY, connect, patiently
from didymos.data.stream.position import NatsSubscription, last_of_each
from didymos.data.stream.reply import Replies
from didymos.data.stream.subjects import STREAMS, check_stream, stream_of
from didymos.data.stream.writer import Writer

DUPLICATE_WINDOW_S = 600.0
GIB = 1 << 30
VALUES = "KV_checkpoint"  # the stream behind the key-value bucket `checkpoint`
LISTEN_LIMIT = 10_000  # notifications that one listener may lag behind; older ones are dropped


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """When a stream forgets its oldest messages: above `max_bytes`, or older than `max_age_s` (0 = never)."""

    max_bytes: int
    max_age_s: float = 0.0


USUAL = {"plant": StreamLimits(16 * GIB), "results": StreamLimits(4 * GIB), VALUES: StreamLimits(4 * GIB)}


@dataclass(frozen=True, slots=True)
class NatsOptions:
    """replicas: 1 embedded, 3 in a cluster; a stream that has fewer gets more. limits: {stream: StreamLimits}; given ones are
    applied, also to a stream that exists. patience_s: how long an operation waits for a server that is away before it raises
    ConnectError."""

    replicas: int = 1
    limits: dict[str, StreamLimits] | None = None
    patience_s: float = 60.0


@final
class NatsBus:
    """See `core.ports.Bus`. Make one with `await NatsBus.open(url)`."""

    def __init__(self, url: str, options: NatsOptions) -> None:
        self.url, self.options = url, options
        self._generation = 0  # counts reconnects, so that a subscription knows its consumer may be gone
        self._line = Client()
        self._writer = Writer(url, (*STREAMS, VALUES), options.patience_s, in_turn=options.replicas > 1)
        self._replies = Replies()
        self._listeners: list[_Listener] = []
        self._opened = False

    @staticmethod
    async def open(url: str, options: NatsOptions | None = None) -> NatsBus:
        """Connects, checks the version, makes the streams. ConnectError after `patience_s` without a server."""
        bus = NatsBus(url, options or NatsOptions())
        try:
            bus._line = await bus._patiently("connect", lambda: connect(url, reconnect=True, reconnected=bus._reconnected))
            bus._opened = True
            await bus._patiently("make streams", bus._make_streams)
        except BaseException:
            await bus.close()
            raise
        return bus

    async def _reconnected(self) -> None:
        self._generation += 1

    async def _patiently(self, what, attempt):  # type: ignore[no-untyped-def]  # the generic type of `patiently`
        return await patiently(self.url, what, self.options.patience_s, attempt)

    async def _make_streams(self) -> None:
        for name, subjects in (*STREAMS.items(), (VALUES, ("$KV.checkpoint.>",))):
            await self._make(name, list(subjects))

    async def _make(self, name: str, subjects: list[str]) -> None:
        js, given = self._line.jetstream(timeout=5), (self.options.limits or {}).get(name)
        limits = given or USUAL[name]
        config = StreamConfig(
            name=name,
            subjects=subjects,
            storage=StorageType.FILE,
            num_replicas=self.options.replicas,
            max_bytes=limits.max_bytes,
            max_age=limits.max_age_s,
            max_msgs_per_subject=1 if name == VALUES else -1,
            discard=DiscardPolicy.OLD,
            duplicate_window=min(DUPLICATE_WINDOW_S, limits.max_age_s or DUPLICATE_WINDOW_S),
        )
        try:
            copies = (await js.stream_info(name)).config.num_replicas or 1
        except nats.js.errors.NotFoundError:
            await js.add_stream(config)
        else:
            if given or copies < self.options.replicas:  # never fewer: that is for the operator of the cluster
                await js.update_stream(replace(config, num_replicas=max(copies, self.options.replicas)))

    # the streams

    async def publish(self, subject: str, data: bytes, message_id: str) -> int:
        return await self.publish_many([(subject, data, message_id)])

    async def publish_many(self, messages: Sequence[tuple[str, bytes, str]], fence: Fence | None = None) -> int:
        if not messages:
            raise DataError("publish_many: no message given; give one or more (subject, data, message_id)")
        for subject, data, message_id in messages:
            stream_of(subject)
            if not message_id:
                raise DataError(f"publish to {subject}: the message id is empty; give an id that names this message for ever")
            self._check_size(subject, data)
        condition = _expecting(fence.subject, fence.sequence) if fence else {}
        return await self._writer.store([(subject, data, {"Nats-Msg-Id": name, **condition}) for subject, data, name in messages])

    async def last(self, subject: str) -> Message | None:
        found = await self._last(stream_of(subject), subject)
        return None if found is None else Message(found.seq or 0, subject, found.data or b"", _id(found))

    async def _last(self, stream: str, subject: str) -> RawStreamMsg | None:
        async def ask() -> RawStreamMsg | None:
            try:
                return await self._line.jetstream(timeout=5).get_last_msg(stream, subject)
            except nats.js.errors.NotFoundError:
                return None

        return await self._patiently("get", ask)

    def _check_size(self, subject: str, data: bytes) -> None:
        most = self._line.max_payload - 1024  # room for headers
        if len(data) > most:
            raise DataError(f"publish to {subject}: message of {len(data)} bytes; allowed are {most}. Split it into smaller ones.")

    async def subscribe(self, stream: str, subjects: Sequence[str], after_sequence: int) -> Subscription:
        check_stream(stream)
        names = tuple(subjects)
        first: list[Message] = []
        if after_sequence < 0:
            first, after_sequence = await self._patiently("subscribe", lambda: last_of_each(self._line, stream, names))
        position = NatsSubscription(self._line, lambda: self._generation, stream, names, after_sequence, first)
        position.patience_s = self.options.patience_s
        await self._patiently("subscribe", position.prepare)
        return position

    async def extent(self, stream: str) -> Extent:
        check_stream(stream)
        found = await self._patiently("extent", lambda: self._line.jetstream(timeout=5).stream_info(stream))
        return Extent(found.state.first_seq if found.state.messages else 0, found.state.last_seq, found.state.bytes)

    # key and value

    async def put(self, key: str, value: bytes) -> None:
        self._check_size(key, value)
        await self._writer.store([(f"$KV.checkpoint.{key}", value, None)])

    async def get(self, key: str) -> bytes | None:
        found = await self.entry(key)
        return None if found is None else found.value

    async def entry(self, key: str) -> Entry | None:
        found = await self._last(VALUES, f"$KV.checkpoint.{key}")
        return None if found is None else Entry(found.data or b"", found.seq or 0)

    async def replace(self, key: str, value: bytes, revision: int) -> int:
        self._check_size(key, value)
        subject, name = f"$KV.checkpoint.{key}", uuid.uuid4().hex
        try:
            return await self._writer.store([(subject, value, {"Nats-Msg-Id": name, **_expecting(subject, revision)})])
        except FencedError as error:  # perhaps by ourselves: an attempt whose acknowledgement was lost on the way
            found = await self._last(VALUES, subject)
            if found is not None and _id(found) == name:
                return found.seq or 0
            raise FencedError(f"{key}: is not at revision {revision} any more; nothing was put.") from error

    # not stored

    async def notify(self, subject: str, data: bytes) -> None:
        if self._line.is_connected:
            await self._line.publish(subject, data)

    def listen(self, subject: str) -> AsyncIterator[tuple[str, bytes]]:
        listener = _Listener(self._line, subject)
        self._listeners.append(listener)
        return listener

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        return await self._replies.ask(self._line, subject, data, timeout_s)

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[], Awaitable[None]]:
        return await self._replies.serve(self._line, subject, answer)

    async def close(self) -> None:
        for listener in self._listeners:
            await listener.end()
        await self._replies.close()
        await self._writer.close()
        if self._opened:
            try:
                await asyncio.wait_for(self._line.close(), 5)
            except AWAY:
                pass


def _expecting(subject: str, sequence: int) -> dict[str, str]:
    """Headers: store only while the last message of `subject` has this sequence."""
    return {"Nats-Expected-Last-Subject-Sequence": str(sequence), "Nats-Expected-Last-Subject-Sequence-Subject": subject}


def _id(message: RawStreamMsg) -> str:
    return (message.headers or {}).get("Nats-Msg-Id", "")


@final
class _Listener:
    """Notifications of one subject pattern; the oldest are dropped when the reader lags."""

    def __init__(self, line: Client, subject: str) -> None:
        self._queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(LISTEN_LIMIT)
        self._ready = asyncio.get_running_loop().create_task(line.subscribe(subject, cb=self._came))

    def _offer(self, item: tuple[str, bytes] | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(item)

    async def _came(self, message: Msg) -> None:
        self._offer((message.subject, message.data))

    async def end(self) -> None:
        await asyncio.gather(self._ready, return_exceptions=True)
        self._offer(None)

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        await self._ready
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        return item
