"""The worker role: one process's share of the partitions, each with its own loop, lease and checkpoint.

Every worker is given a range, all of them the same or each its own. Each says a few times in `lease_s` that it is there; who holds
more than its share gives some back, who holds less takes what is free: never held, given back, or run out. One subscription
brings the messages of all partitions held; each goes to the loop of its partition. A partition that was taken by another is
dropped where that is noticed, at the latest by the server's refusal, and asked for again like any other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil

from didymos.core.channel import PARTITIONS, partition
from didymos.core.errors import DataError, FencedError
from didymos.core.ports import Bus, Message, Subscription
from didymos.data.stream.lease import BEATS, Lease, has_ended, process_name
from didymos.formats.wire import pack, unpack
from didymos.plant import worker
from didymos.plant.config import Plant
from didymos.plant.loop import Loop
from didymos.plant.relive import Past
from didymos.plant.report import WORKER
from didymos.plant.worker import Worker, checkpoint_key

log = logging.getLogger("didymos.worker")

LOOKS = 5  # at every lease of others, in one lease_s
THREAD_S = 0.25  # the loops work this long at a stretch, in a thread, so that leases are renewed meanwhile
KINDS = ("tel", "wav", "evt")


def lease_key(p: int) -> str:
    return f"lease.worker.{p}"


@dataclass(frozen=True, slots=True)
class Here:
    """What workers say to one another on `worker.here`: who, and which partitions it would take."""

    holder: str
    partitions: tuple[int, ...]


class Crew:
    """Those of `partitions` that have assets, as far as they are this process's share. `workers` {partition: Worker}."""

    def __init__(
        self, plant: Plant, bus: Bus, history: Past, partitions: Sequence[int] = range(PARTITIONS), lease_s: float | None = None
    ) -> None:
        self.plant, self.bus, self.history = plant, bus, history
        self.lease_s = plant.lease_s if lease_s is None else lease_s
        self.holder = process_name()
        wanted = sorted({partition(a.id) for a in plant.assets} & set(partitions))
        self.leases = {p: Lease(bus, lease_key(p), self.holder, self.lease_s) for p in wanted}
        self.workers: dict[int, Worker] = {}
        self._heard: dict[str, tuple[float, Here]] = {}
        self._keeping: dict[int, asyncio.Task[None]] = {}
        self._unserve: dict[int, list[Callable[[], Awaitable[None]]]] = {}
        self._subscription: Subscription | None = None
        self._tended = float("-inf")

    async def run(self, until_idle_s: float | None = None) -> None:
        """For ever; with `until_idle_s`, until partitions are held and no message came for so long. Leases are given back at the
        end."""
        talking = [asyncio.create_task(self._hear()), asyncio.create_task(self._say())]
        idle_since = time.monotonic()
        try:
            await asyncio.sleep(min(0.2, self.lease_s / LOOKS))  # who is there answers by then
            while True:
                await self._tend()
                messages = await self._fetch()
                await self._round(messages)
                if messages or not self.workers:
                    idle_since = time.monotonic()
                if until_idle_s is not None and time.monotonic() - idle_since > until_idle_s:
                    await self._each(list(self.workers.values()), Worker.checkpoint)
                    return
                await asyncio.sleep(0)
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
            await self._end()

    async def _end(self) -> None:
        if self._subscription is not None:
            await self._subscription.close()
        for task in self._keeping.values():
            task.cancel()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)
        await asyncio.gather(*(lease.release() for lease in self.leases.values()))

    # ---- one another

    async def _say(self) -> None:
        while True:
            await self._say_once()
            await asyncio.sleep(self.lease_s / BEATS)

    async def _say_once(self) -> None:
        await self.bus.notify("worker.here", pack(Here(self.holder, tuple(self.leases))))

    async def _hear(self) -> None:
        async for _, data in self.bus.listen("worker.here"):
            try:
                here = unpack(Here, data)
            except DataError as error:
                log.warning("worker.here: %s", error)
                continue
            if here.holder != self.holder:
                new = here.holder not in self._heard
                self._heard[here.holder] = (time.monotonic(), here)
                if new:
                    await self._say_once()

    def _rivals(self) -> dict[int, int]:
        """partition -> how many other workers that are there would take it."""
        now = time.monotonic()
        self._heard = {h: (t, here) for h, (t, here) in self._heard.items() if now - t < self.lease_s and not has_ended(h)}
        there = [here.partitions for _, here in self._heard.values()]
        return {p: sum(p in partitions for partitions in there) for p in self.leases}

    # ---- leases

    async def _tend(self) -> None:
        """Drop what was lost; a few times in lease_s, give back what is too much and take what is free."""
        for p in [p for p, lease in self.leases.items() if p in self.workers and not lease.held]:
            await self._drop(p)
        if time.monotonic() - self._tended < self.lease_s / LOOKS:
            return
        self._tended = time.monotonic()
        rivals = self._rivals()
        share = ceil(sum(1 / (1 + rivals[p]) for p in self.leases) - 1e-9)
        by_rivals = sorted(self.leases, key=lambda p: (rivals[p], p))
        for p in [p for p in by_rivals if p in self.workers][share:]:
            await self._give_back(p)
        for p in by_rivals:
            if p not in self.workers and await self.leases[p].look() and len(self.workers) < share:
                await self._take(p)

    async def _take(self, p: int) -> None:
        lease, before = self.leases[p], self.leases[p].other
        if not await lease.take():
            return
        self._keeping[p] = asyncio.create_task(lease.keep())
        log.info("partition %d: ours%s", p, f", after {before}" if before else "")
        mine = Worker(Loop(self.plant, [p]), self.bus, self.history, checkpoint_key(p), lease, p)
        self.workers[p] = mine
        try:
            await mine.restore()
        except FencedError as error:
            return await self._drop(p, error)
        self._unserve[p] = [
            await self.bus.serve(f"worker.as_of.{p}.{lease.epoch}", mine.answer),
            await self.bus.serve(f"{WORKER}.{p}", mine.report),
        ]
        await self._resubscribe()

    async def _give_back(self, p: int) -> None:
        """To a worker that has less. Everything up to the end of the last round is in its checkpoint."""
        try:
            await self.workers[p].checkpoint()
        except FencedError as error:
            return await self._drop(p, error)
        log.info("partition %d: given back, others are there to take it", p)
        await self._forget(p)
        await self.leases[p].release()

    async def _drop(self, p: int, error: FencedError | None = None) -> None:
        lease = self.leases[p]
        log.warning(
            "partition %d: lost its lease to %s (%s); what was computed since counts for nothing, asking again",
            p, lease.other if not lease.held and lease.other else "a later owner", error or "seen when renewing it",
        )  # fmt: skip
        await self._forget(p)
        lease.forget()

    async def _forget(self, p: int) -> None:
        del self.workers[p]
        self._keeping.pop(p).cancel()
        for end in self._unserve.pop(p, ()):
            await end()
        await self._resubscribe()

    # ---- rounds

    async def _resubscribe(self) -> None:
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    async def _fetch(self) -> list[Message]:
        if not self.workers:
            await asyncio.sleep(min(0.1, self.lease_s / LOOKS))
            return []
        if self._subscription is None:
            every = len(self.workers) == PARTITIONS
            subjects = [f"{kind}.{p}" for kind in KINDS for p in (["*"] if every else sorted(self.workers))]
            after = min(mine.position for mine in self.workers.values())
            self._subscription = await self.bus.subscribe("plant", subjects, after)
        return await self._subscription.fetch(worker.FETCH, 0.1)

    async def _round(self, messages: Sequence[Message]) -> None:
        done, touched = 0, set[int]()
        while done < len(messages):
            done += await asyncio.to_thread(self._fold, messages[done:], touched)
            late = [mine for mine in self.workers.values() if mine.loop.rewinds]
            await self._each(late, Worker.take_rewinds)
        if messages:
            for mine in self.workers.values():
                mine.position = max(mine.position, messages[-1].sequence)
        now = [mine for p, mine in self.workers.items() if not messages or p in touched or mine.asked]
        await self._each(now, lambda mine: mine.finish_round(idle=not messages))

    def _fold(self, messages: Sequence[Message], touched: set[int]) -> int:
        """Feeds messages from the front until one asks for a rewind, or for THREAD_S; returns how many."""
        until = time.monotonic() + THREAD_S
        for done, message in enumerate(messages, 1):
            p = int(message.subject.rpartition(".")[2])
            mine = self.workers.get(p)
            if mine is not None and message.sequence > mine.position:
                mine.loop.feed(message)
                touched.add(p)
                if mine.loop.rewinds:
                    return done
            if time.monotonic() > until:
                return done
        return len(messages)

    async def _each(self, workers: Sequence[Worker], call: Callable[[Worker], Awaitable[None]]) -> None:
        """`call` on all of them at once; whoever turns out not to own its partition any more is dropped."""
        found = await asyncio.gather(*(call(mine) for mine in workers), return_exceptions=True)
        for mine, error in zip(workers, found, strict=True):
            if isinstance(error, FencedError):
                if mine.p is not None and self.workers.get(mine.p) is mine:
                    await self._drop(mine.p, error)
            elif error is not None:
                raise error
