"""Exactly once from the publisher to the lake: whatever is killed or frozen on the way, the end equals an undisturbed run."""

from __future__ import annotations

import asyncio
import time

import pytest

from didymos.bench import chain
from didymos.bench.chain_rig import Rig, Setting
from didymos.bench.faults import Drill, drill
from didymos.core.channel import partition
from didymos.data.stream import open_bus
from didymos.data.stream.nats import NatsBus, NatsOptions
from didymos.formats.wire import unpack
from didymos.plant.worker import Saved, checkpoint_key


def as_undisturbed(what: Drill, folder) -> None:
    outcome = drill(what, folder, lambda line: print(line, flush=True))
    assert outcome.differences == []
    assert len(outcome.killed) == what.kills
    assert outcome.samples == what.steps * sum(len(steps[0]) for steps in chain.samples(1, 1).values())
    assert outcome.snapshots == 12 * ((what.steps - 2) // 12)


@pytest.mark.slow
def test_a_worker_a_server_and_the_historian_killed_while_data_flow_change_nothing(tmp_path):
    """The short drill: one nats-server of three, one worker of two, one historian."""
    for seed in range(100):  # the first seed that draws each of the three once
        names = ("n1", "worker-0", "historian")
        if sorted(_drawn(seed, names)) == sorted(names):
            break
    as_undisturbed(Drill(3, seed, 38, 2, 3, 3.0, 4.0, (1.0, 3.0), freeze=False, victims=names), tmp_path)


def _drawn(seed: int, names: tuple[str, ...]) -> list[str]:
    import random

    draw, found = random.Random(seed), []
    for _ in names:
        draw.uniform(1.0, 3.0)
        found.append(draw.choice(names))
    return found


@pytest.mark.slow
def test_twenty_kills_over_four_workers_three_servers_and_the_rest_change_nothing(tmp_path):
    as_undisturbed(Drill(), tmp_path)


# a frozen owner


def test_an_owner_that_is_frozen_replaced_and_woken_changes_nothing_and_says_that_it_lost_its_lease(tmp_path):
    """Two workers; the first owns everything and is frozen in the middle of the data; the second takes over; the first wakes."""
    rig = Rig(Setting(tmp_path, 2, 1, 4.0, 2.0))
    rows = chain.samples(40, 3)
    chain.write(tmp_path, rows)
    expected = chain.undisturbed(rig.plant_file, rows)
    try:
        for name in ("n0", "worker-0"):
            rig.start(name)
        found = asyncio.run(frozen_in_the_middle(rig, rows, expected))
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{rig.logs()}") from error
    finally:
        rig.stop()
    assert found["snapshots"] == expected.snapshots
    assert found["states"] == expected.states
    said = (tmp_path / "worker-0.log").read_text()
    assert said.count("lost its lease to") >= 1, said
    assert rig.children["worker-0"].returncode in (0, -15)


async def frozen_in_the_middle(rig: Rig, rows, expected) -> dict:
    bus = await open_bus(rig.url)
    try:
        await in_time(lambda: rig.all_owned(bus))
        first = rig.children["worker-0"].pid
        names = sorted(rows)
        steps = len(rows[names[0]])
        for k in range(steps):
            if k == steps // 2:
                rig.freeze("worker-0")
                rig.start("worker-1")
            batch = [(f"tel.{partition(id)}", chain.pack(chain.batch_of(rows[id][k])), f"{k}:{id}") for id in names]
            await bus.publish_many(batch)
            await asyncio.sleep(0.05)

        async def taken_over() -> bool:
            owners = await rig.owners(bus)
            return all(owner and int(owner.split(":")[1]) != first for owner in owners.values())

        await in_time(taken_over)
        await in_time(lambda: all_in(bus, expected))
        rig.wake("worker-0")

        async def told() -> bool:
            return "lost its lease to" in (rig.setting.folder / "worker-0.log").read_text()

        await in_time(told)
        await asyncio.sleep(3.0)  # what it had in hand is refused meanwhile, or is not
        await in_time(lambda: all_in(bus, expected))
        states = {p: chain.plain_state(unpack(Saved, await bus.get(checkpoint_key(p)) or b"").state) for p in expected.states}
        return {"snapshots": await snapshots(bus), "states": states}
    finally:
        await bus.close()


async def all_in(bus, expected) -> bool:
    for p in expected.states:
        last, saved = await bus.last(f"tel.{p}"), await bus.get(checkpoint_key(p))
        if saved is None or unpack(Saved, saved).sequence < last.sequence:
            return False
    return True


async def snapshots(bus) -> dict:
    subscription = await bus.subscribe("results", ["res.*.snapshot.>"], 0)
    found: dict = {}
    while messages := await subscription.fetch(500, 1.0):
        for message in messages:
            s = unpack(chain.Snapshot, message.data)
            assert (s.asset, s.time_ns) not in found, f"{s.asset} {s.time_ns} was stored twice"
            found[s.asset, s.time_ns] = chain.plain_snapshot(message.data)
    await subscription.close()
    return found


async def in_time(true, within_s: float = 90.0) -> None:
    deadline = time.monotonic() + within_s
    while not await true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{true} did not come")
        await asyncio.sleep(0.1)


# a cluster


def test_publishing_and_reading_survive_the_kill_of_the_leader_of_three_servers(tmp_path):
    rig = Rig(Setting(tmp_path, 0, 3, 1.0, 2.0))
    for server in rig.servers:
        rig.start(server.name)

    async def check() -> None:
        bus = await NatsBus.open(rig.url, NatsOptions(replicas=3))
        try:
            await in_time(rig.whole_streams)
            subscription, got = await bus.subscribe("plant", ["tel.*"], 0), []
            publishing = asyncio.create_task(publish_all(bus))
            while len(got) < 300:
                got += await subscription.fetch(100, 1.0)
            info = await bus._line.jetstream().stream_info("plant")
            assert info.config.num_replicas == 3
            rig.kill(info.cluster.leader)
            while len(got) < 1500:
                got += await subscription.fetch(100, 1.0)
            await publishing
            assert await subscription.fetch(100, 1.0) == []
            assert [m.sequence for m in got] == list(range(1, 1501))
            for p in range(5):  # of each subject in the order given
                assert [int(m.data) for m in got if m.subject == f"tel.{p}"] == list(range(p, 1500, 5))
        finally:
            await bus.close()

    try:
        asyncio.run(asyncio.wait_for(check(), 120))
    finally:
        rig.stop()


async def publish_all(bus) -> None:
    for at in range(0, 1500, 50):
        await bus.publish_many([(f"tel.{i % 5}", b"%d" % i, f"kill-{i}") for i in range(at, at + 50)])
