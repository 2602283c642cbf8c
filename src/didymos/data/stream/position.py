"""A reader's place in a JetStream stream, held by the reader: the last sequence it was given.

The consumer behind it lives in the server's memory and may vanish at any time (restart, idleness, another cluster leader).
Consumer sequences run 1, 2, 3, ... without hole; a hole, a reconnect or a "no responders" makes a new consumer that starts after
the last message handed out. So nothing is skipped and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Inbox
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from didymos.core.errors import ConnectError
from didymos.core.ports import Message
from didymos.data.stream.line import AWAY

LINGER_S = 0.005  # wait this long for more of a request whose first message has come
IDLE_S = 60.0  # the server forgets a consumer that was not asked for this long
REQUEST_BYTES = 24 * 1024 * 1024
_log = logging.getLogger(__name__)


def _config(subjects: tuple[str, ...], after: int, policy: DeliverPolicy) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=policy,
        opt_start_seq=after + 1 if policy is DeliverPolicy.BY_START_SEQUENCE else None,
        ack_policy=AckPolicy.NONE,
        filter_subject=subjects[0] if len(subjects) == 1 else None,
        filter_subjects=list(subjects) if len(subjects) > 1 else None,
        inactive_threshold=IDLE_S,
        mem_storage=True,
        num_replicas=1,
    )


@final
class NatsSubscription:
    """See `core.ports.Subscription`. `first` is handed out before anything else."""

    patience_s = 60.0

    def __init__(
        self, line: Client, generation: Callable[[], int], stream: str, subjects: tuple[str, ...], after: int, first: list[Message]
    ) -> None:
        self._line, self._generation, self._stream, self._subjects, self._after = line, generation, stream, subjects, after
        self._ready = deque(first)  # in order, not yet handed out
        self._inbox: Inbox | None = None
        self._consumer = ""
        self._born = -1  # generation of the connection in which the consumer was made
        self._expected = 1  # consumer sequence of the next message
        self._asked_until = 0.0  # loop time at which the open request ends; 0 = none open
        self._asked = 0  # messages of the open request still to come
        self._away_since: float | None = None
        self._news = asyncio.Event()

    async def prepare(self) -> None:
        """Makes a consumer that starts after the last message received."""
        await self._forget()
        generation = self._generation()
        js = self._line.jetstream(timeout=5)
        await self._warn_of_loss(js)
        info = await js.add_consumer(self._stream, _config(self._subjects, self._after, DeliverPolicy.BY_START_SEQUENCE))
        self._consumer, self._expected, self._asked_until = info.name, 1, 0.0
        self._inbox = await self._line.subscribe(self._line.new_inbox(), cb=partial(self._came, info.name))
        self._born = generation

    async def _warn_of_loss(self, js: JetStreamContext) -> None:
        oldest = (await js.stream_info(self._stream)).state.first_seq
        if 0 < self._after < oldest - 1:
            _log.warning(
                "stream %s: messages %d to %d were removed by its limits before they were read here; raise its max_bytes",
                self._stream, self._after + 1, oldest - 1,
            )  # fmt: skip

    async def _forget(self) -> None:
        inbox, self._inbox, self._consumer, self._born = self._inbox, None, "", -1
        if inbox is not None and self._line.is_connected:
            await inbox.unsubscribe()

    async def _came(self, consumer: str, message: Msg) -> None:
        if consumer != self._consumer:
            return  # left over from an earlier consumer
        if not message.reply.startswith("$JS.ACK"):  # a status: the request has ended, or the consumer is gone
            status = (message.headers or {}).get("Status", "")
            described = (message.headers or {}).get("Description", "")
            if status == "503" or "Consumer" in described:
                self._born = -1
            if status != "100":
                self._asked_until = 0.0
        elif self._born >= 0:
            self._accept(message)
        self._news.set()

    def _accept(self, message: Msg) -> None:
        place = message.metadata.sequence
        if place.consumer != self._expected:
            self._born = -1  # something got lost on the way: ask anew from the last one received
            return
        self._expected += 1
        self._asked -= 1
        if self._asked <= 0:
            self._asked_until = 0.0
        self._after = place.stream
        self._ready.append(Message(place.stream, message.subject, message.data, (message.headers or {}).get("Nats-Msg-Id", "")))

    async def fetch(self, limit: int, timeout_s: float) -> list[Message]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not self._ready:
            left = deadline - loop.time()
            if left <= 0:
                return []
            if not self._alive() and not await self._revive(left):
                continue
            await self._ask(limit, left)
            self._news.clear()
            await self._wait_news(min(left, 0.5))
        while len(self._ready) < limit and self._asked_until and self._alive():
            self._news.clear()
            if not await self._wait_news(LINGER_S):
                break
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def _alive(self) -> bool:
        return self._line.is_connected and self._born == self._generation()

    async def _revive(self, left: float) -> bool:
        """Makes a new consumer; False when the server is away. ConnectError after `patience_s` of that."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(self.prepare(), min(5.0, max(left, 0.5)))
        except AWAY as error:
            self._away_since = self._away_since or loop.time()
            if loop.time() - self._away_since > self.patience_s:
                raise ConnectError(
                    f"stream {self._stream}: not readable for {self.patience_s:g} s ({type(error).__name__}: {error}). "
                    "Start nats-server or correct [nats] url."
                ) from error
            await asyncio.sleep(min(0.1, max(0.0, left)))
            return False
        self._away_since = None
        return True

    async def _ask(self, limit: int, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._inbox is None or loop.time() < self._asked_until:
            return
        lasting = max(0.05, timeout_s)
        body = {"batch": max(1, limit), "expires": int(lasting * 1e9), "max_bytes": REQUEST_BYTES}
        self._asked_until, self._asked = loop.time() + lasting + 1.0, max(1, limit)
        await self._line.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}", json.dumps(body).encode(), self._inbox.subject
        )

    async def _wait_news(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may swallow a cancellation: the role would not end
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        consumer, known = self._consumer, self._alive()
        await self._forget()
        if known:
            try:
                await self._line.jetstream(timeout=2).delete_consumer(self._stream, consumer)
            except AWAY:
                pass


async def last_of_each(line: Client, stream: str, subjects: tuple[str, ...]) -> tuple[list[Message], int]:
    """([the last stored message of each subject, in order], the stream's last sequence now): everything after it is new."""
    js = line.jetstream(timeout=5)
    newest = (await js.stream_info(stream)).state.last_seq
    info: ConsumerInfo = await js.add_consumer(stream, _config(subjects, 0, DeliverPolicy.LAST_PER_SUBJECT))
    found: list[Message] = []
    if info.num_pending:
        reader = await js.pull_subscribe_bind(consumer=info.name, stream=stream)
        while True:
            messages = await reader.fetch(100, timeout=5)
            found += [
                Message(m.metadata.sequence.stream, m.subject, m.data, (m.headers or {}).get("Nats-Msg-Id", "")) for m in messages
            ]
            if messages[-1].metadata.num_pending == 0:
                break
        await reader.unsubscribe()
    await js.delete_consumer(stream, info.name)
    return [m for m in found if m.sequence <= newest], newest
