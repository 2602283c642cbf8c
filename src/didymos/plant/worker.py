"""The worker of one loop: between the stream and its results.

One round: feed messages, store the results, then write {stream sequence, whole state} as one checkpoint value. Results carry
message ids made of asset and plant time; those that an earlier owner stored after the checkpoint are read back and not stored
again. With a lease, results go out behind its fence and the checkpoint is replaced at the revision that was read, so that the
server refuses both once somebody else owns the partition. Many of these in one process: `plant.crew`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from didymos.core.channel import partition
from didymos.core.errors import ConnectError, FencedError
from didymos.core.ports import Bus, Fence, Message
from didymos.data.align import NEVER
from didymos.data.stream.lease import Lease, put_up_fence
from didymos.formats.wire import pack, unpack
from didymos.plant.carry_over import part_of_whole
from didymos.plant.changes import unexplained
from didymos.plant.loop import Loop
from didymos.plant.relive import Past, Upto
from didymos.plant.report import AssetReport, WorkerReport
from didymos.plant.rewind import AsOf, as_of, rewind

log = logging.getLogger("didymos.worker")

FETCH = 500
CHECKPOINT_S = 2.0  # each partition for itself, and each forced to disk
FAR = 10_000  # messages of others after which a partition without messages of its own is checkpointed too
LIVE_S = 0.2  # wall time between two steps of one asset on the page
FRESH_S = 0.1  # and between two messages with its newest samples


@dataclass(frozen=True, slots=True)
class Saved:
    """The checkpoint: the stream up to `sequence` is folded in, the last result stored by then, and the loop's packed state
    (b"": nothing was folded in yet)."""

    sequence: int
    results: int
    state: bytes


def report_of(loop: Loop, name: str, sequence: int) -> WorkerReport:
    """`sequence`: the stream up to there has been seen."""
    newest = loop.grid.newest_ns[loop.grid.newest_ns != NEVER]
    baselines = [
        AssetReport(a.id, int(t), s is not None)
        for a, t, s in zip(loop.baselines.assets, loop.baselines.state.time_ns, loop.baselines.state.scores, strict=True)
    ]
    assets = [fleet.report(i) for fleet in loop.fleets.values() for i in range(len(fleet.assets))] + baselines
    open_ = {a.id: unexplained(loop.memory[a.id].changes, a.time_ns) for a in assets}
    assets = [replace(a, unexplained=change.text) if (change := open_[a.id]) else a for a in assets]
    return WorkerReport(
        name, sequence, int(newest.max(initial=0)), loop.unreadable, int(loop.grid.late.sum()), len(loop.rewinds), assets
    )


async def reached(bus: Bus, assets: Iterable[str]) -> int:
    """The message up to which every one of `assets` is checkpointed."""
    saved = [await bus.get(checkpoint_key(p)) for p in {partition(asset) for asset in assets}]
    return min((unpack(Saved, data).sequence if data else 0 for data in saved), default=0)


def checkpoint_key(p: int) -> str:
    return f"worker.{p}"


class Worker:
    """Drives one `Loop`. `name` keys its checkpoint; `lease`, when given, is that of the loop's one partition `p`."""

    def __init__(
        self, loop: Loop, bus: Bus, history: Past, name: str = "worker", lease: Lease | None = None, p: int | None = None
    ) -> None:
        self.loop = loop
        self.bus = bus
        self.history = history
        self.name = name
        self.lease = lease
        self.p = p
        self.position = 0  # the stream up to here has been seen
        self.fence: Fence | None = None
        self._revision = 0  # of the checkpoint
        self._results = 0
        self._stored: dict[str, int] = {}  # id -> sequence of results after the checkpoint that an earlier owner stored
        self._between: list[asyncio.Future[None]] = []
        self._saved_at = 0.0
        self._saved = (-1, -1)  # loop.sequence, position
        self._live: dict[str, float] = {}
        self._fresh_at = np.zeros(len(loop.assets))
        self._shown = np.full(len(loop.grid.channels), NEVER)
        self._all_shown = -1  # loop.sequence up to which every sample was shown

    async def run(self, until_idle_s: float | None = None) -> None:
        """This one loop over all subjects, for ever; with `until_idle_s`, until no message came for so long (everything is
        checkpointed then)."""
        await self.restore()
        subscription = await self.bus.subscribe("plant", ["tel.*", "wav.*", "evt.*"], self.position)
        idle_since = time.monotonic()
        try:
            while True:
                messages = await subscription.fetch(FETCH, 0.1)
                await self.take(messages)
                await self.finish_round(idle=not messages)
                if messages:
                    idle_since = time.monotonic()
                if until_idle_s is not None and time.monotonic() - idle_since > until_idle_s:
                    await self.checkpoint()
                    return
                await asyncio.sleep(0)
        finally:
            await subscription.close()

    async def take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.loop.feed(message)
            self.position = message.sequence
            if self.loop.rewinds:
                await self.take_rewinds()

    # ---- beginning

    async def restore(self) -> None:
        """Take the partition over: nobody who had it before can store anything after this. FencedError when it is another's."""
        if self.lease is not None:
            self.fence = await put_up_fence(self.bus, f"res.{self.p}.fence", self.lease)
        saved = await self._claim()
        if saved.state:
            await self._restore(saved.state)
            log.info("%s: goes on after message %d", self.name, saved.sequence)
        self._results, self.position = saved.results, max(saved.sequence, self.loop.sequence)
        if self.fence is not None:
            self._stored = await self._stored_since(saved.results, self.fence)
        self._saved = (self.loop.sequence, self.position)

    async def _restore(self, state: bytes) -> None:
        """Assets that the plant file no longer has go to the archive; one that it has again comes from there."""
        self.loop.restore(state)
        for gone in self.loop.archived:
            await self.bus.put(f"archive.{gone.asset}", gone.state)
        for id in self.loop.new_assets(state):
            kept = await self.bus.get(f"archive.{id}")
            if kept is not None:
                self.loop.revive(kept)
                log.info("%s: taken over from the archive", id)

    async def _claim(self) -> Saved:
        """The checkpoint, written anew as it is: who read it before can replace it no more."""
        while True:
            entry = await self.bus.entry(self.name)
            value = entry.value if entry else pack(await self._first())
            try:
                self._revision = await self.bus.replace(self.name, value, entry.revision if entry else 0)
            except FencedError:  # the one before us was quicker: with what he wrote then
                if self.lease is not None:
                    await self.lease.renew()
                continue
            return unpack(Saved, value)

    async def _first(self) -> Saved:
        """Where a partition without a checkpoint begins."""
        inherited = await part_of_whole(self.bus, self.loop.plant, self.loop) if self.lease is not None else None
        return Saved(*inherited) if inherited else Saved(0, 0, b"")

    async def _stored_since(self, results: int, fence: Fence) -> dict[str, int]:
        """id -> sequence of this partition's results after `results` and before the fence."""
        subscription = await self.bus.subscribe("results", [f"res.{self.p}.>"], results)
        found: dict[str, int] = {}
        try:
            while True:
                for message in await subscription.fetch(FETCH, 5.0):
                    if message.sequence >= fence.sequence:
                        return found
                    found[message.id] = message.sequence
        finally:
            await subscription.close()

    # ---- the end of a round

    async def finish_round(self, idle: bool = False) -> None:
        await self.publish()
        await self.live()
        if time.monotonic() - self._saved_at > CHECKPOINT_S:
            await self.checkpoint(idle)
        waiting, self._between = self._between, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    @property
    def asked(self) -> bool:
        return bool(self._between)

    async def publish(self) -> None:
        outputs, self.loop.outputs = self.loop.outputs, []
        new = []
        for output in outputs:
            stored = self._stored.pop(output[2], None)
            if stored is None:
                new.append(output)
            else:
                self._results = max(self._results, stored)
        if new:
            if self.lease is not None:
                await self.lease.check()
            self._results = max(self._results, await self.bus.publish_many(new, self.fence))

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
        if self._all_shown == self.loop.sequence or not waited.any():
            return
        found = self.loop.fresh(waited, self._shown)
        if not found:
            self._all_shown = self.loop.sequence if waited.all() else -1
            return
        sent = np.zeros(len(waited), bool)
        sent[[self.loop.assets[fresh.asset] for fresh in found]] = True
        self._fresh_at[sent] = now
        self._shown = np.where(sent[grid.asset_of], grid.last_time, self._shown)
        for fresh in found:
            await self.bus.notify(f"fresh.{fresh.asset}", pack(fresh))

    async def checkpoint(self, idle: bool = True) -> None:
        """When there is something new to it. FencedError when the partition is another's by now."""
        self._saved_at = time.monotonic()
        folded, seen = self._saved
        if self.loop.sequence != folded or self.position - seen > (0 if idle else FAR):
            value = pack(Saved(self.position, self._results, self.loop.state()))
            self._revision = await self.bus.replace(self.name, value, self._revision)
            self._saved = (self.loop.sequence, self.position)

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
        return pack(report_of(self.loop, self.name, self.position))

    async def answer(self, data: bytes) -> bytes:
        """`AsOf` -> packed (mean, cov). Taken between two rounds, when every result is on the stream."""
        question = unpack(AsOf, data)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._between.append(turn)
        await turn
        return pack(await as_of(self.loop, self.history, self.upto, question.asset, question.time_ns, question.known_ns))
