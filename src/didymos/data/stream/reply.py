"""Request and reply on core NATS: an error of whoever answers reaches whoever asked, as text in a header.

A request is sent again while nobody serves the subject yet and after the line was lost: whatever is served must be a question,
not an order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from didymos.core.errors import ConnectError, DataError, DidymosError

ERROR = "Didymos-Error"
_log = logging.getLogger(__name__)


@final
class Replies:
    """Asks and answers over one connection; holds the answers under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, line: Client, subject: str, data: bytes, timeout_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        reason = "nobody serves it"
        while (left := deadline - loop.time()) > 0:
            try:
                message = await _one(line, subject, data, left)
            except nats.errors.NoRespondersError:
                reason = "nobody serves it"
            except (TimeoutError, nats.errors.Error, ConnectionError) as error:
                reason = "no answer" if isinstance(error, asyncio.TimeoutError) else "the line was lost"
            else:
                refused = (message.headers or {}).get(ERROR)
                if refused is not None:
                    raise DataError(refused)
                return message.data
            await asyncio.sleep(min(0.1, max(0.0, deadline - loop.time())))
        raise ConnectError(f"{subject}: {reason} within {timeout_s:g} s. Start the process that serves it, or allow more time.")

    async def serve(self, line: Client, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[], Awaitable[None]]:
        async def reply(message: Msg) -> None:
            data, headers = b"", None
            try:
                data = await answer(message.data)
                if len(data) > line.max_payload:
                    raise DataError(
                        f"{subject}: the answer has {len(data)} bytes, more than {line.max_payload}. Ask for less at once."
                    )
            except DidymosError as error:
                data, headers = b"", {ERROR: " ".join(str(error).split())}
            except Exception as error:
                _log.exception("%s: failed to answer", subject)
                data, headers = b"", {ERROR: f"{subject}: {type(error).__name__}: {' '.join(str(error).split())}"}
            if not line.is_closed:
                await line.publish(message.reply, data, headers=headers)

        async def came(message: Msg) -> None:
            task = asyncio.get_running_loop().create_task(reply(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        served = await line.subscribe(subject, queue="didymos", cb=came)

        async def end() -> None:
            if not line.is_closed:
                await served.unsubscribe()

        return end

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _one(line: Client, subject: str, data: bytes, timeout_s: float) -> Msg:
    """One attempt that ends early when the line is lost."""
    if not line.is_connected:
        raise ConnectionError("not connected")
    before = line.stats["reconnects"]
    asked = asyncio.ensure_future(line.request(subject, data, timeout=timeout_s))
    try:
        while True:
            await asyncio.wait({asked}, timeout=0.5)
            if asked.done():
                return asked.result()
            if not line.is_connected or line.stats["reconnects"] != before:
                raise ConnectionError("lost")
    finally:
        asked.cancel()
