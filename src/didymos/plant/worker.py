"""The worker role: the loop between the stream and its results.

One round: fetch messages, feed them, store the results, then write {stream sequence, whole state} as one checkpoint value. Results
carry message ids made of asset and plant time, so that a round repeated after a kill stores nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

import numpy as np

from didymos.core.channel import partition
from didymos.core.errors import ConnectError
from didymos.core.ports import Bus
from didymos.data.align import NEVER
from didymos.formats.wire import pack, unpack
from didymos.plant.loop import Loop
from didymos.plant.relive import Past, Upto
from didymos.plant.report import WORKER, AssetReport, WorkerReport
from didymos.plant.rewind import AsOf, as_of, rewind

log = logging.getLogger("didymos.worker")

FETCH = 500
CHECKPOINT_S = 1.0
LIVE_S = 0.2  # wall time between two steps of one asset on the page
FRESH_S = 0.1  # and between two messages with its newest samples


@dataclass(frozen=True, slots=True)
class Saved:
    """The checkpoint: the last message folded in, the last result stored by then, and the loop's packed state."""

    sequence: int
    results: int
    state: bytes


def report_of(loop: Loop, name: str) -> WorkerReport:
    newest = loop.grid.newest_ns[loop.grid.newest_ns != NEVER]
    baselines = [
        AssetReport(a.id, int(t), s is not None)
        for a, t, s in zip(loop.baselines.assets, loop.baselines.state.time_ns, loop.baselines.state.scores, strict=True)
    ]
    assets = [fleet.report(i) for fleet in loop.fleets.values() for i in range(len(fleet.assets))] + baselines
    return WorkerReport(
        name, loop.sequence, int(newest.max(initial=0)), loop.unreadable, int(loop.grid.late.sum()), len(loop.rewinds), assets
    )


class Worker:
    """Drives one `Loop`. `name` keys its checkpoint."""

    def __init__(self, loop: Loop, bus: Bus, history: Past, name: str = "worker") -> None:
        self.loop = loop
        self.bus = bus
        self.history = history
        self.name = name
        self._results = 0
        self._between: list[asyncio.Future[None]] = []
        self._saved_at = 0.0
        self._saved_sequence = -1
        self._live: dict[str, float] = {}
        self._fresh_at = np.zeros(len(loop.assets))
        self._shown = np.full(len(loop.grid.channels), NEVER)

    async def run(self, until_idle_s: float | None = None) -> None:
        """For ever; with `until_idle_s`, until no message came for so long (everything is checkpointed then)."""
        await self.restore()
        for p in sorted({partition(asset) for asset in self.loop.assets}):
            await self.bus.serve(f"worker.as_of.{p}", self.answer)
            await self.bus.serve(f"{WORKER}.{p}", self.report)
        subscription = await self.bus.subscribe("plant", ["tel.*", "wav.*", "evt.*"], self.loop.sequence)
        idle_since = time.monotonic()
        try:
            while True:
                messages = await subscription.fetch(FETCH, 0.1)
                for message in messages:
                    self.loop.feed(message)
                    if self.loop.rewinds:
                        await self.take_rewinds()
                await self.finish_round()
                if messages:
                    idle_since = time.monotonic()
                if until_idle_s is not None and time.monotonic() - idle_since > until_idle_s:
                    await self.checkpoint()
                    return
                await asyncio.sleep(0)
        finally:
            await subscription.close()

    async def restore(self) -> None:
        saved = await self.bus.get(self.name)
        if saved is not None:
            checkpoint = unpack(Saved, saved)
            self.loop.restore(checkpoint.state)
            for gone in self.loop.archived:
                await self.bus.put(f"archive.{gone.asset}", gone.state)
            for id in self.loop.new_assets(checkpoint.state):
                kept = await self.bus.get(f"archive.{id}")
                if kept is not None:
                    self.loop.revive(kept)
                    log.info("%s: taken over from the archive", id)
            self._results = checkpoint.results
            log.info("%s: goes on after message %d", self.name, self.loop.sequence)
        self._saved_sequence = self.loop.sequence

    async def finish_round(self) -> None:
        await self.publish()
        await self.live()
        if time.monotonic() - self._saved_at > CHECKPOINT_S:
            await self.checkpoint()
        waiting, self._between = self._between, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def publish(self) -> None:
        if self.loop.outputs:
            outputs, self.loop.outputs = self.loop.outputs, []
            self._results = max(self._results, await self.bus.publish_many(outputs))

    async def live(self) -> None:
        """For pages: each asset's newest samples, and its newest step; neither is stored."""
        await self.live_samples()
        newest, self.loop.ticks = self.loop.ticks, {}
        now = time.monotonic()
        for asset, tick in newest.items():
            if now - self._live.get(asset, 0.0) >= LIVE_S:
                self._live[asset] = now
                await self.bus.notify(f"live.{asset}", pack(tick()))

    async def live_samples(self) -> None:
        now, grid = time.monotonic(), self.loop.grid
        waited = now - self._fresh_at >= FRESH_S
        found = self.loop.fresh(waited, self._shown)
        if not found:
            return
        sent = np.zeros(len(waited), bool)
        sent[[self.loop.assets[fresh.asset] for fresh in found]] = True
        self._fresh_at[sent] = now
        self._shown = np.where(sent[grid.asset_of], grid.last_time, self._shown)
        for fresh in found:
            await self.bus.notify(f"fresh.{fresh.asset}", pack(fresh))

    async def checkpoint(self) -> None:
        self._saved_at = time.monotonic()
        if self.loop.sequence != self._saved_sequence:
            await self.bus.put(self.name, pack(Saved(self.loop.sequence, self._results, self.loop.state())))
            self._saved_sequence = self.loop.sequence

    async def take_rewinds(self) -> None:
        """Late replacements, each at its place in the stream, so that a restarted worker takes them at the same one."""
        await self.publish()
        while self.loop.rewinds:
            try:
                await rewind(self.loop, self.history, self.loop.rewinds[0], self.upto)
            except ConnectError as error:
                log.warning("%s: history is away, trying again: %s", self.loop.rewinds[0].id, error)
                await asyncio.sleep(1.0)
            else:
                self.loop.rewinds.pop(0)

    @property
    def upto(self) -> Upto:
        return Upto(self.loop.sequence, self._results)

    async def report(self, data: bytes) -> bytes:
        """`WorkerReport`, for whoever asks on `doctor.worker.<partition>`."""
        return pack(report_of(self.loop, self.name))

    async def answer(self, data: bytes) -> bytes:
        """`AsOf` -> packed (mean, cov). Taken between two rounds, when every result is on the stream."""
        question = unpack(AsOf, data)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._between.append(turn)
        await turn
        return pack(await as_of(self.loop, self.history, self.upto, question.asset, question.time_ns, question.known_ns))
