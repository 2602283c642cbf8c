"""Storing messages in the order given, each once, through a connection that never reconnects by itself.

A connection that reconnects would send what was buffered behind what was lost. Here everything under way dies with its
connection, and all from the first unacknowledged message on goes out again over a new one. Each connection is thus an ordered
prefix, repeats fall to the message id, and the first arrival of every message keeps the order (one server; in a cluster a
change of leader in the middle of one call can still swap messages that were not yet acknowledged).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, final

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from didymos.data.stream.line import AWAY, connect, patiently, raise_if_final

UNDER_WAY = 256  # messages sent before the first acknowledgement is awaited
ACK_TIMEOUT_S = 15.0
Item = tuple[str, bytes, dict[str, str] | None]  # subject, data, headers


@final
class _Outlet:
    """One connection and its unanswered messages."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.stream: JetStreamContext | None = None
        self.waiting: set[asyncio.Future[Any]] = set()
        self.lost = False

    async def when_lost(self) -> None:
        self.lost = True
        for future in list(self.waiting):
            if not future.done():
                future.set_exception(nats.errors.ConnectionClosedError())

    async def send(self, item: Item) -> asyncio.Future[Any]:
        if self.lost or self.stream is None:
            raise nats.errors.ConnectionClosedError()
        subject, data, headers = item
        future = await self.stream.publish_async(subject, data, wait_stall=ACK_TIMEOUT_S, headers=headers)
        self.waiting.add(future)
        future.add_done_callback(self.waiting.discard)
        if self.lost:
            await self.when_lost()
        return future

    async def close(self) -> None:
        self.lost = True
        if self.client is not None and not self.client.is_closed:
            await self.client.close()


@final
class Writer:
    """Stores messages of `streams`; one for the whole process, any number of tasks at once."""

    def __init__(self, url: str, streams: Sequence[str], patience_s: float) -> None:
        self._url, self._streams, self._patience_s = url, tuple(streams), patience_s
        self._outlet: _Outlet | None = None
        self._lock = asyncio.Lock()

    async def store(self, items: Sequence[Item]) -> int:
        """The last one's sequence once all are on disk; patience starts anew with every acknowledgement."""
        done, sequence = 0, 0
        while done < len(items):
            rest = items[done:]
            more, sequence = await patiently(self._url, "publish", self._patience_s, lambda rest=rest: self._send(rest))
            done += more
        return sequence

    async def _send(self, items: Sequence[Item]) -> tuple[int, int]:
        """(how many from the front were acknowledged, the last one's sequence); raises only when it was none."""
        outlet = await self._open()
        under_way: list[asyncio.Future[Any]] = []
        done, sequence, sent = 0, 0, 0
        try:
            while done < len(items):
                while sent < len(items) and sent - done < UNDER_WAY:
                    under_way.append(await outlet.send(items[sent]))
                    sent += 1
                sequence = (await asyncio.wait_for(asyncio.shield(under_way[done]), ACK_TIMEOUT_S)).seq
                done += 1
        except AWAY as error:
            await self._drop(outlet)
            raise_if_final(self._url, error)
            if not done:
                raise
        finally:
            for future in under_way[done:]:
                future.cancel()
        return done, sequence

    async def _open(self) -> _Outlet:
        """The connection, once the streams behind it answer; a new one when the last was lost."""
        async with self._lock:
            if self._outlet is None or self._outlet.lost:
                outlet = _Outlet()
                outlet.client = await connect(self._url, reconnect=False, closed=outlet.when_lost)
                try:
                    outlet.stream = outlet.client.jetstream(timeout=5, publish_async_max_pending=8 * UNDER_WAY)
                    for name in self._streams:
                        await outlet.stream.stream_info(name)
                except BaseException:
                    await outlet.close()
                    raise
                self._outlet = outlet
            return self._outlet

    async def _drop(self, outlet: _Outlet) -> None:
        if self._outlet is outlet:
            self._outlet = None
        await outlet.close()

    async def close(self) -> None:
        if self._outlet is not None:
            await self._drop(self._outlet)
