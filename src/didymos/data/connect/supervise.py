"""One supervised connection: connect, hand on what comes, and after any trouble wait, connect anew and say what was missed.

A protocol writes only its session: an async generator that connects, yields `Connected` once, then Payloads and Faults, and
raises ConnectError, DataError, OSError or EOFError on trouble. The rest, the same for all, is here: one Fault when trouble starts,
one when it ends, the gap, and waits that double up to a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from didymos.core.clock import Clock, iso
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Fault, Payload

T = TypeVar("T")
TROUBLE = (ConnectError, DataError, OSError, EOFError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Connected:
    """A session is up. `text` says to what; `kept` what happens to what was sent in between."""

    text: str
    kept: str = "what the source sent in between is not known"


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits between attempts: `first_s`, doubled up to `most_s`; back to the start once data came."""

    first_s: float
    most_s: float


class Supervisor:
    """Runs sessions until `closed` is set. One per stream."""

    def __init__(self, source_id: str, clock: Clock, retry: Retry) -> None:
        self._id, self._clock, self._retry = source_id, clock, retry
        self.closed = asyncio.Event()
        self._down: str | None = None
        self._seen_ns: int | None = None

    async def run(self, session: Callable[[], AsyncIterator[Payload | Fault | Connected]]) -> AsyncIterator[Payload | Fault]:
        """Everything that `session` yields, over any number of connections. Ends on `close`, or when a session ends by itself."""
        wait_s = self._retry.first_s
        while not self.closed.is_set():
            try:
                async with aclosing(session()) as items:  # pyright: ignore[reportArgumentType]
                    async for item in items:
                        if isinstance(item, Payload):
                            self._seen_ns, wait_s = self._clock.now_ns(), self._retry.first_s
                            yield item
                        elif isinstance(item, Fault):
                            yield item
                        else:
                            for fault in self._up(item):
                                yield fault
                return
            except TROUBLE as error:
                if self.closed.is_set():
                    return
                if (fault := self._lost(error)) is not None:
                    yield fault
            await self._pause(wait_s)
            wait_s = min(2 * wait_s, self._retry.most_s)

    def _up(self, item: Connected) -> list[Fault]:
        """`connected`; and after an interruption the gap."""
        now_ns = self._clock.now_ns()
        faults = [Fault("connected", f"{self._id}: {item.text}", now_ns)]
        if self._down is not None and self._seen_ns is not None:
            faults.append(Fault("gap", f"{self._id}: no data from {iso(self._seen_ns)} to {iso(now_ns)}; {item.kept}", now_ns))
        self._down = None
        return faults

    def _lost(self, error: BaseException) -> Fault | None:
        """`disconnected`, unless it has been reported for this interruption."""
        if self._down is not None:
            return None
        self._down = reason(error)
        return Fault("disconnected", f"{self._id}: {self._down}. Trying again by itself.", self._clock.now_ns())

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            pass

    async def unless_closed(self, work: Awaitable[T], timeout_s: float | None, what: str) -> T:
        """`work`'s result; ConnectError when it takes longer than `timeout_s` or `close` comes first."""
        task = asyncio.ensure_future(work)
        end = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({task, end}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ConnectError(f"{what}: closed" if end.done() else f"{what}: no answer within {timeout_s:g} s")
        finally:
            end.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def reason(error: BaseException) -> str:
    """An exception in words; asyncio's connection errors carry theirs in odd places."""
    text = str(error) or type(error).__name__
    return text.rstrip(".")
