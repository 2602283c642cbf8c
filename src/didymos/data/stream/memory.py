"""`MemoryBus`: the promises of `core.ports.Bus` inside one process, for tests, benchmarks and simulation. Nothing outlives it.

"On disk" means here: in this process's memory. Everything else, order, idempotent message ids, positions that the reader
holds, is the same as on JetStream and is checked by the same suite, tests/conformance/test_buses.py.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import final

from didymos.core.errors import ConnectError, DataError, DidymosError, FencedError
from didymos.core.ports import Entry, Extent, Fence, Message, Subscription
from didymos.data.stream.subjects import STREAMS, check_stream, matches, stream_of

LISTEN_LIMIT = 10_000  # notifications that one listener may lag behind; older ones are dropped


@dataclass(slots=True)
class _Stream:
    messages: list[Message] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    last_of: dict[str, Message] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def store(self, subject: str, data: bytes, message_id: str, fence: Fence | None = None) -> int:
        if fence is not None:
            last = self.last_of.get(fence.subject)
            if (last.sequence if last else 0) != fence.sequence:
                raise FencedError(f"publish to {subject}: {fence.subject} is not at {fence.sequence} any more; nothing was stored.")
        known = self.ids.get(message_id)
        if known is not None:
            return known
        message = Message(len(self.messages) + 1, subject, bytes(data), message_id)
        self.messages.append(message)
        self.ids[message_id] = message.sequence
        self.last_of[subject] = message
        self.arrived.set()
        return message.sequence


@final
class MemorySubscription:
    """A position in one stream."""

    def __init__(self, stream: _Stream, subjects: tuple[str, ...], first: list[Message], after: int) -> None:
        self._stream, self._subjects, self._first, self._after = stream, subjects, first, after
        self._closed = False

    async def fetch(self, limit: int, timeout_s: float) -> list[Message]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not self._closed:
            found = self._take(limit)
            if found:
                return found
            self._stream.arrived.clear()
            try:
                async with asyncio.timeout_at(deadline):  # wait_for of Python 3.11 may swallow a cancellation
                    await self._stream.arrived.wait()
            except TimeoutError:
                return []
        return []

    def _take(self, limit: int) -> list[Message]:
        found, self._first = self._first[:limit], self._first[limit:]
        stored = self._stream.messages
        place = bisect_right(stored, self._after, key=attrgetter("sequence"))
        while place < len(stored) and len(found) < limit:
            message = stored[place]
            if any(matches(pattern, message.subject) for pattern in self._subjects):
                found.append(message)
            place, self._after = place + 1, message.sequence
        return found

    async def close(self) -> None:
        self._closed = True
        self._stream.arrived.set()


@final
class MemoryListener:
    """Notifications of one subject pattern, from its construction on."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(LISTEN_LIMIT)

    def offer(self, item: tuple[str, bytes] | None) -> None:
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(item)

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        item = await self.queue.get()
        if item is None:
            raise StopAsyncIteration
        return item


@final
class MemoryBus:
    """See `core.ports.Bus`."""

    def __init__(self) -> None:
        self._streams = {name: _Stream() for name in STREAMS}
        self._values: dict[str, Entry] = {}
        self._revision = 0
        self._listeners: list[MemoryListener] = []
        self._servers: dict[str, Callable[[bytes], Awaitable[bytes]]] = {}

    async def publish(self, subject: str, data: bytes, message_id: str) -> int:
        return self._streams[stream_of(subject)].store(subject, data, message_id)

    async def publish_many(self, messages: Sequence[tuple[str, bytes, str]], fence: Fence | None = None) -> int:
        if not messages:
            raise DataError("publish_many: no message given; give one or more (subject, data, message_id)")
        places = [self._streams[stream_of(subject)] for subject, _, _ in messages]
        stored = [place.store(*message, fence) for place, message in zip(places, messages, strict=True)]
        await asyncio.sleep(0)
        return stored[-1]

    async def last(self, subject: str) -> Message | None:
        return self._streams[stream_of(subject)].last_of.get(subject)

    async def subscribe(self, stream: str, subjects: Sequence[str], after_sequence: int) -> Subscription:
        held = self._streams[check_stream(stream)]
        if after_sequence >= 0:
            return MemorySubscription(held, tuple(subjects), [], after_sequence)
        last = [m for m in held.last_of.values() if any(matches(p, m.subject) for p in subjects)]
        return MemorySubscription(held, tuple(subjects), sorted(last, key=attrgetter("sequence")), len(held.messages))

    async def extent(self, stream: str) -> Extent:
        held = self._streams[check_stream(stream)].messages
        return Extent(min(1, len(held)), len(held), sum(len(m.data) for m in held))

    async def put(self, key: str, value: bytes) -> None:
        self._revision += 1
        self._values[key] = Entry(bytes(value), self._revision)

    async def get(self, key: str) -> bytes | None:
        found = self._values.get(key)
        return found.value if found else None

    async def entry(self, key: str) -> Entry | None:
        return self._values.get(key)

    async def replace(self, key: str, value: bytes, revision: int) -> int:
        found = self._values.get(key)
        if (found.revision if found else 0) != revision:
            raise FencedError(f"{key}: is not at revision {revision} any more; nothing was put.")
        await self.put(key, value)
        return self._revision

    async def notify(self, subject: str, data: bytes) -> None:
        for listener in self._listeners:
            if matches(listener.subject, subject):
                listener.offer((subject, data))

    def listen(self, subject: str) -> AsyncIterator[tuple[str, bytes]]:
        listener = MemoryListener(subject)
        self._listeners.append(listener)
        return listener

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while subject not in self._servers:
            if asyncio.get_running_loop().time() >= deadline:
                raise ConnectError(f"{subject}: nobody answered within {timeout_s:g} s. Start the process that serves it.")
            await asyncio.sleep(min(0.05, timeout_s))
        try:
            return await asyncio.wait_for(self._servers[subject](data), max(0.0, deadline - asyncio.get_running_loop().time()))
        except TimeoutError as error:
            raise ConnectError(f"{subject}: no answer within {timeout_s:g} s. Ask for less or allow more time.") from error
        except DidymosError as error:
            raise DataError(str(error)) from error

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[], Awaitable[None]]:
        self._servers[subject] = answer

        async def end() -> None:
            if self._servers.get(subject) is answer:
                del self._servers[subject]

        return end

    async def close(self) -> None:
        for listener in self._listeners:
            listener.offer(None)
        self._listeners, self._servers = [], {}
