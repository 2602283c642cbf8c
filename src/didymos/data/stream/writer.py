"""Storing messages in the order given, each once, through a connection that never reconnects by itself.

A connection that reconnects would send what was buffered behind what was lost. Here everything under way dies with its
connection, and all from the first unacknowledged message on goes out again over a new one. Each connection is thus an ordered
prefix, repeats fall to the message id, and the first arrival of every message keeps the order. In a cluster a change of leader
could swap messages that were not yet acknowledged; there (`in_turn`) one of a subject, or behind one fence, waits for the last.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import PubAck

from didymos.data.stream.line import AWAY, WRONG_LAST, connect, patiently, raise_if_final

UNDER_WAY = 256  # messages sent before the first acknowledgement is awaited
ACK_TIMEOUT_S = 15.0
IN_TURN_S = 5.0  # the same in a cluster, where a lost leader is replaced by another in some seconds
REFUSED = (10164, WRONG_LAST)
Item = tuple[str, bytes, dict[str, str] | None]  # subject, data, headers


@final
class _Outlet:
    """One connection and its unanswered messages. nats-py's own `publish_async` never tells of a refusal."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.waiting: dict[str, asyncio.Future[PubAck]] = {}
        self.lost = False
        self._inbox, self._count = "", 0

    async def listen(self) -> None:
        """Acknowledgements come in on one inbox, told apart by their last token."""
        assert self.client is not None
        self._inbox = self.client.new_inbox()
        await self.client.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def _answered(self, message: Msg) -> None:
        future = self.waiting.pop(message.subject.rpartition(".")[2], None)
        if future is None or future.done():
            return
        try:
            if (message.headers or {}).get("Status") == "503":
                raise nats.js.errors.NoStreamResponseError()
            answer = json.loads(message.data)
            if "error" in answer:
                raise nats.js.errors.APIError(**{k: answer["error"].get(k) for k in ("code", "description", "err_code")})
            future.set_result(PubAck.from_response(answer))
        except (ValueError, TypeError, nats.js.errors.Error) as error:
            future.set_exception(error if isinstance(error, nats.js.errors.Error) else nats.errors.ProtocolError())

    async def when_lost(self) -> None:
        self.lost = True
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(nats.errors.ConnectionClosedError())
        self.waiting.clear()

    async def send(self, item: Item) -> asyncio.Future[PubAck]:
        if self.lost or self.client is None:
            raise nats.errors.ConnectionClosedError()
        subject, data, headers = item
        self._count += 1
        future: asyncio.Future[PubAck] = asyncio.get_running_loop().create_future()
        self.waiting[str(self._count)] = future
        await self.client.publish(subject, data, f"{self._inbox}.{self._count}", headers)
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

    def __init__(self, url: str, streams: Sequence[str], patience_s: float, in_turn: bool = False) -> None:
        self._url, self._streams, self._patience_s, self._in_turn = url, tuple(streams), patience_s, in_turn
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
        under_way: list[asyncio.Future[PubAck]] = []
        done, sequence, sent = 0, 0, 0
        try:
            while done < len(items):
                while sent < len(items) and sent - done < UNDER_WAY and not self._waits(items, done, sent):
                    under_way.append(await outlet.send(items[sent]))
                    sent += 1
                sequence = (
                    await asyncio.wait_for(asyncio.shield(under_way[done]), IN_TURN_S if self._in_turn else ACK_TIMEOUT_S)
                ).seq
                done += 1
        except AWAY as error:
            if getattr(error, "err_code", None) not in REFUSED:  # the line itself is well
                await self._drop(outlet)
            raise_if_final(self._url, error)
            if not done:
                raise
        finally:
            for future in under_way[done:]:
                future.cancel()
                if future.done() and not future.cancelled():
                    future.exception()  # looked at: the first one's is raised
        return done, sequence

    def _waits(self, items: Sequence[Item], done: int, sent: int) -> bool:
        """Whether items[sent] must wait until an earlier one is acknowledged."""
        return self._in_turn and any(_turn(item) == _turn(items[sent]) for item in items[done:sent])

    async def _open(self) -> _Outlet:
        """The connection, once the streams behind it answer; a new one when the last was lost."""
        async with self._lock:
            if self._outlet is None or self._outlet.lost:
                outlet = _Outlet()
                outlet.client = await connect(self._url, reconnect=False, closed=outlet.when_lost)
                try:
                    await outlet.listen()
                    js = outlet.client.jetstream(timeout=5)
                    for name in self._streams:
                        await js.stream_info(name)
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


def _turn(item: Item) -> str:
    """What orders it among others: the fence it stands behind, else its subject."""
    subject, _, headers = item
    return (headers or {}).get("Nats-Expected-Last-Subject-Sequence-Subject", subject)
