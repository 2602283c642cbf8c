"""Several workers share the partitions: fairly, each partition with one owner, and one that was replaced changes nothing."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from didymos.core.channel import partition
from didymos.core.errors import FencedError
from didymos.core.estimate import Snapshot
from didymos.data.stream.lease import Lease
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.plant import crew as crew_module
from didymos.plant.config import load
from didymos.plant.crew import Crew, Here, lease_key
from didymos.plant.loop import Loop
from didymos.plant.worker import Worker, checkpoint_key, reached
from tests.plant.small import messages, plant_text, samples

LEASE_S = 0.6
ASSETS = ("cm-01", "cp-01", "hu-01")


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    path = tmp_path_factory.mktemp("crew") / "plant.toml"
    path.write_text(plant_text())
    return load(path)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Sixteen generic machines, one in each partition."""
    ids, k = {}, 0
    while len(ids) < 16:
        ids.setdefault(partition(f"hu-{k}"), f"hu-{k}")
        k += 1
    head, _, generic = plant_text().rpartition("[[asset]]")
    text = head.partition("[[asset]]")[0] + "".join("[[asset]]" + generic.replace("hu-01", id) for id in ids.values())
    path = tmp_path_factory.mktemp("wide") / "plant.toml"
    path.write_text(text)
    return load(path)


def stream():
    return [(m.subject, m.data, f"m{m.sequence}") for m in messages(samples(60))]


def undisturbed(plant) -> list[tuple[str, bytes]]:
    loop = Loop(plant)
    for message in messages(samples(60)):
        loop.feed(message)
    return sorted((name, data) for _, data, name in loop.outputs)


async def results(bus) -> list[tuple[str, bytes]]:
    subscription, found = await bus.subscribe("results", ["res.>"], 0), []
    while got := await subscription.fetch(1000, 0.05):
        found += [(m.id, m.data) for m in got if not m.subject.endswith(".fence")]
    return sorted(found)


@contextlib.asynccontextmanager
async def at_work(*crews: Crew):
    tasks = [asyncio.create_task(crew.run()) for crew in crews]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition, within_s: float = 30.0) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not condition():
        assert loop.time() < deadline, "it did not come to that"
        await asyncio.sleep(0.02)


def test_partition_by_partition_the_results_are_those_of_one_loop_to_the_byte(plant):
    async def check():
        bus = MemoryBus()
        await bus.publish_many(stream())
        await Crew(plant, bus, None, lease_s=LEASE_S).run(until_idle_s=0.3)
        assert await results(bus) == undisturbed(plant)
        assert await reached(bus, ASSETS) == len(stream())

    asyncio.run(check())


def answering(bus) -> set[str]:
    return {subject for subject in bus._servers if subject.startswith("worker.as_of.")}


def owned(crews) -> set[str]:
    return {f"worker.as_of.{p}.{crew.leases[p].epoch}" for crew in crews for p in crew.workers}


def test_workers_of_one_range_share_it_fairly_and_each_partition_has_one_owner(wide):
    async def check():
        bus = MemoryBus()
        crews = [Crew(wide, bus, None, lease_s=LEASE_S) for _ in range(3)]
        async with at_work(*crews):
            await until(lambda: sorted(p for crew in crews for p in crew.workers) == list(range(16)))
            await until(lambda: max(len(crew.workers) for crew in crews) <= 6)
            late = Crew(wide, bus, None, lease_s=LEASE_S)
            async with at_work(late):
                everyone = (*crews, late)
                await until(lambda: sorted(len(crew.workers) for crew in everyone) == [4, 4, 4, 4])
                assert sorted(p for crew in everyone for p in crew.workers) == list(range(16))
                await until(lambda: answering(bus) == owned(everyone))  # a worker answers a moment after it owns
            await until(lambda: sorted(p for crew in crews for p in crew.workers) == list(range(16)))

    asyncio.run(check())


def test_workers_of_fixed_ranges_take_only_their_own(wide):
    async def check():
        bus = MemoryBus()
        low, high = Crew(wide, bus, None, range(4), LEASE_S), Crew(wide, bus, None, range(4, 16), LEASE_S)
        async with at_work(low, high):
            await until(lambda: (set(low.workers), set(high.workers)) == (set(range(4)), set(range(4, 16))))
            await asyncio.sleep(2 * LEASE_S)
            assert (set(low.workers), set(high.workers)) == (set(range(4)), set(range(4, 16)))

    asyncio.run(check())


def test_an_owner_that_is_frozen_between_two_rounds_is_replaced_and_what_it_does_afterwards_changes_nothing(plant, caplog):
    """The old owner has folded in messages and not yet stored their results when it stops; a second one lives the same days and
    more; then the first goes on where it stood."""

    async def check():
        bus, given = MemoryBus(), stream()
        p = partition("cp-01")
        lease = Lease(bus, lease_key(p), "old", LEASE_S)
        assert await lease.take()
        old = Worker(Loop(plant, [p]), bus, None, checkpoint_key(p), lease, p)
        await old.restore()
        first = [m for m in messages(samples(60)) if m.subject == f"tel.{p}"]
        await bus.publish_many(given)
        await old.take(first[:20])
        await old.finish_round()
        await old.take(first[20:50])  # its results are in memory only: the process is frozen here
        assert old.loop.outputs
        await Crew(plant, bus, None, lease_s=LEASE_S).run(until_idle_s=4 * LEASE_S)
        before, state = await results(bus), await bus.entry(checkpoint_key(p))
        assert before == undisturbed(plant)
        with pytest.raises(FencedError, match=r"old lost it"):
            await old.finish_round()
        old.loop.outputs.append((f"res.{p}.case.x", b"from a stale state", "differs"))
        old.lease = None  # as if it had looked at its lease a moment before
        with pytest.raises(FencedError):
            await old.publish()
        with pytest.raises(FencedError):
            await old.checkpoint()
        assert await results(bus) == before
        assert await bus.entry(checkpoint_key(p)) == state

    asyncio.run(check())


def test_results_that_were_stored_after_the_checkpoint_are_not_stored_again_however_long_ago(plant):
    """The stream remembers message ids for ten minutes only; whoever takes over reads the ids back."""

    async def check():
        bus = MemoryBus()
        await bus.publish_many(stream())
        await Crew(plant, bus, None, lease_s=LEASE_S).run(until_idle_s=0.3)
        whole = await results(bus)
        bus._streams["results"].ids.clear()  # the ten minutes are over
        for p in {partition(asset) for asset in ASSETS}:
            bus._values.pop(checkpoint_key(p))  # and the last checkpoint is as old as can be
        await Crew(plant, bus, None, lease_s=LEASE_S).run(until_idle_s=0.3)
        assert await results(bus) == whole

    asyncio.run(check())


def test_a_checkpoint_of_one_worker_for_all_partitions_is_carried_over_to_the_byte(plant):
    """The days before: one loop, one key. A crew goes on from there as if it had always been one."""

    async def check():
        bus, given = MemoryBus(), stream()
        await bus.publish_many(given[:90])
        await Worker(Loop(plant), bus, None).run(until_idle_s=0.2)
        await bus.publish_many(given)
        crew = Crew(plant, bus, None, lease_s=LEASE_S)
        await crew.run(until_idle_s=0.3)
        assert await results(bus) == undisturbed(plant)
        whole = Loop(plant)
        for message in messages(samples(60)):
            whole.feed(message)
        assert crew.workers[partition("cp-01")].loop.fleets["centrifugal_pump"].state.mean.tobytes() == (
            whole.fleets["centrifugal_pump"].state.mean.tobytes()
        )
        bus._values.pop(checkpoint_key(partition("cp-01")))  # begins from the old one again, and stores nothing twice
        await Crew(plant, bus, None, lease_s=LEASE_S).run(until_idle_s=0.3)
        assert await results(bus) == undisturbed(plant)

    asyncio.run(check())


def test_a_worker_that_is_told_of_a_lost_lease_says_so_and_goes_back_to_asking(plant, caplog, monkeypatch):
    async def check():
        bus = MemoryBus()
        await bus.publish_many(stream()[:60])
        crew = Crew(plant, bus, None, lease_s=LEASE_S)
        p = partition("cp-01")
        async with at_work(crew):
            await until(lambda: p in crew.workers)
            thief = Lease(bus, lease_key(p), "thief", LEASE_S)
            monkeypatch.setattr(thief, "look", crew.leases[p].look)
            entry = await bus.entry(lease_key(p))
            thief._free_at = entry.revision
            monkeypatch.setattr(thief, "look", lambda: asyncio.sleep(0, True))
            assert await thief.take()
            await until(lambda: p not in crew.workers)
            assert f"partition {p}: lost its lease to thief" in caplog.text
            await until(lambda: p in crew.workers)  # the thief never renews
        snapshots = [unpack(Snapshot, data) for name, data in await results(bus) if name.startswith("snapshot")]
        assert len({(s.asset, s.time_ns) for s in snapshots}) == len(snapshots)

    asyncio.run(check())


def test_what_a_stranger_says_on_the_workers_subject_does_not_end_a_worker(plant, monkeypatch):
    async def check():
        bus = MemoryBus()
        crew = Crew(plant, bus, None, lease_s=LEASE_S)
        async with at_work(crew) as (task,):
            await until(lambda: len(crew.workers) == 3)
            await bus.notify("worker.here", b"garbage")
            await bus.notify("worker.here", pack(Here("someone", (99,))))
            await asyncio.sleep(crew_module.BEATS * 0.1)
            assert not task.done()
            assert len(crew.workers) == 3

    asyncio.run(check())
