"""The worker role: the loop between the stream and its results.

One round: fetch messages, feed them, store the results, then write {stream sequence, whole state} as one checkpoint value. Results
carry message ids made of asset and plant time, so that a round repeated after a kill stores nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
import time

from didymos.core.estimate import Tick
from didymos.core.ports import Bus, HistoryClient
from didymos.formats.wire import pack
from didymos.plant.loop import Loop
from didymos.plant.rewind import rewind

log = logging.getLogger("didymos.worker")

FETCH = 500
CHECKPOINT_S = 1.0
LIVE_S = 0.2  # wall time between two live messages of one asset


class Worker:
    """Drives one `Loop`. `name` keys its checkpoint."""

    def __init__(self, loop: Loop, bus: Bus, history: HistoryClient, name: str = "worker") -> None:
        self.loop = loop
        self.bus = bus
        self.history = history
        self.name = name
        self._saved_at = 0.0
        self._saved_sequence = -1
        self._live: dict[str, float] = {}

    async def run(self, until_idle_s: float | None = None) -> None:
        """For ever; with `until_idle_s`, until no message came for so long (everything is checkpointed then)."""
        await self.restore()
        subscription = await self.bus.subscribe("plant", ["tel.*", "wav.*", "evt.*"], self.loop.sequence)
        idle_since = time.monotonic()
        try:
            while True:
                messages = await subscription.fetch(FETCH, 0.1)
                if messages:
                    idle_since = time.monotonic()
                for message in messages:
                    self.loop.feed(message)
                    if self.loop.rewinds:
                        await self.take_rewinds()
                await self.finish_round()
                if until_idle_s is not None and time.monotonic() - idle_since > until_idle_s:
                    await self.checkpoint()
                    return
                await asyncio.sleep(0)
        finally:
            await subscription.close()

    async def restore(self) -> None:
        saved = await self.bus.get(self.name)
        if saved is not None:
            self.loop.restore(saved)
            log.info("%s: goes on after message %d", self.name, self.loop.sequence)
        self._saved_sequence = self.loop.sequence

    async def finish_round(self) -> None:
        await self.publish()
        await self.live()
        if time.monotonic() - self._saved_at > CHECKPOINT_S:
            await self.checkpoint()

    async def publish(self) -> None:
        if self.loop.outputs:
            outputs, self.loop.outputs = self.loop.outputs, []
            await self.bus.publish_many(outputs)

    async def live(self) -> None:
        """The newest tick of each asset, at most one each LIVE_S."""
        newest: dict[str, Tick] = {tick.asset: tick for tick in self.loop.ticks}
        self.loop.ticks.clear()
        now = time.monotonic()
        for asset, tick in newest.items():
            if now - self._live.get(asset, 0.0) >= LIVE_S:
                self._live[asset] = now
                await self.bus.notify(f"live.{asset}", pack(tick))

    async def checkpoint(self) -> None:
        self._saved_at = time.monotonic()
        if self.loop.sequence != self._saved_sequence:
            await self.bus.put(self.name, self.loop.state())
            self._saved_sequence = self.loop.sequence

    async def take_rewinds(self) -> None:
        """Late replacements, each at its place in the stream, so that a restarted worker takes them at the same one."""
        await self.publish()
        while self.loop.rewinds:
            await rewind(self.loop, self.history, self.loop.rewinds.pop(0), self.loop.sequence)
