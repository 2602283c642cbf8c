"""A lease has one holder; one that was replaced is refused; clocks are not compared."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from didymos.core.errors import ConnectError, FencedError
from didymos.core.ports import Fence
from didymos.data.stream import lease as lease_module
from didymos.data.stream.lease import Asker, Lease, has_ended, process_name, put_up_fence
from didymos.data.stream.memory import MemoryBus

LEASE_S = 0.3


def holders(*names: str) -> tuple[MemoryBus, list[Lease]]:
    bus = MemoryBus()
    return bus, [Lease(bus, "lease.x", name, LEASE_S) for name in names]


async def taken_in_time(lease: Lease, within_s: float) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while loop.time() < until:
        if await lease.take():
            return True
        await asyncio.sleep(LEASE_S / 10)
    return False


def test_what_is_held_and_renewed_is_not_taken():
    async def check() -> None:
        _, (first, second) = holders("a", "b")
        assert await first.take()
        keeping = asyncio.create_task(first.keep())
        assert not await taken_in_time(second, 4 * LEASE_S)
        assert first.held
        assert second.other == "a"
        keeping.cancel()

    asyncio.run(check())


def test_a_silent_holder_is_replaced_and_is_told_so_when_it_wakes():
    async def check() -> None:
        _, (first, second) = holders("a", "b")
        assert await first.take()
        assert await taken_in_time(second, 10 * LEASE_S)
        assert second.epoch > first.epoch
        with pytest.raises(FencedError, match=r"lease\.x: a lost it to b"):
            await first.check()
        assert not first.held
        assert not await first.take()

    asyncio.run(check())


def test_whoever_did_not_look_has_not_seen_it_stand_still():
    """A looker that was frozen longer than the lease sees the holder's old revision again, and must begin to wait anew."""

    async def check() -> None:
        _, (first, second) = holders("a", "b")
        assert await first.take()
        assert not await second.take()
        await asyncio.sleep(1.5 * LEASE_S)  # neither looks nor renews
        assert not await second.take()
        assert await taken_in_time(second, 10 * LEASE_S)

    asyncio.run(check())


def test_what_is_given_back_is_free_at_once():
    async def check() -> None:
        _, (first, second) = holders("a", "b")
        assert await first.take()
        await first.release()
        assert await second.take()
        await first.release()  # again: changes nothing
        await second.renew()

    asyncio.run(check())


def test_of_two_who_see_it_free_one_gets_it():
    async def check() -> None:
        _, leases = holders(*"abcdefgh")
        got = await asyncio.gather(*(lease.take() for lease in leases))
        assert sum(got) == 1

    asyncio.run(check())


def test_a_holder_of_this_machine_whose_process_has_ended_needs_no_waiting_for():
    code = "from didymos.data.stream.lease import process_name; print(process_name())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert has_ended(dead)
    assert not has_ended(process_name())
    for foreign in ("other" + dead, "nonsense", "", "a:b:c:d", dead.replace(":", "")):
        assert not has_ended(foreign)

    async def check() -> None:
        _, (first, second) = holders(dead, process_name())
        assert await first.take()
        assert await second.take()

    asyncio.run(check())


def test_a_fence_keeps_out_what_earlier_holders_store_and_what_they_put_up():
    async def check() -> None:
        bus, (first, second) = holders("a", "b")
        assert await first.take()
        old = await put_up_fence(bus, "res.1.fence", first)
        await bus.publish_many([("res.1.case.x", b"1", "x1")], old)
        assert await taken_in_time(second, 10 * LEASE_S)
        await bus.publish_many([("res.1.case.x", b"2", "x2")], old)  # taken, but not yet fenced: read back by whoever took it
        new = await put_up_fence(bus, "res.1.fence", second)
        for stale in (old, Fence("res.1.fence", 0)):
            with pytest.raises(FencedError):
                await bus.publish_many([("res.1.case.x", b"3", "x3")], stale)
        with pytest.raises(FencedError, match="b has put up a later fence"):
            await put_up_fence(bus, "res.1.fence", first)
        await bus.publish_many([("res.1.case.x", b"3", "x3")], new)
        last = await bus.last("res.1.case.x")
        assert last is not None
        assert last.data == b"3"

    asyncio.run(check())


def test_who_asks_follows_the_lease_and_does_not_wait_for_a_frozen_holder():
    async def check() -> None:
        bus, (first, second) = holders("a", "b")
        asker = Asker(bus, "lease.x", look_s=0.05)

        async def frozen(data: bytes) -> bytes:
            await asyncio.sleep(60)
            return b"stale"

        async def well(data: bytes) -> bytes:
            return data + data

        assert await first.take()
        await bus.serve(f"what.{first.epoch}", frozen)
        asked = asyncio.create_task(asker.ask("what", b"ab", 20.0))
        assert await taken_in_time(second, 10 * LEASE_S)
        await bus.serve(f"what.{second.epoch}", well)
        assert await asked == b"abab"
        assert await asker.ask("what", b"c", 20.0) == b"cc"

    asyncio.run(check())


def test_a_question_that_nobody_holds_the_lease_for_ends_in_an_error():
    async def check() -> None:
        with pytest.raises(ConnectError, match=r"what: nobody answered within 0.3 s. Start the process that serves it"):
            await Asker(MemoryBus(), "lease.none").ask("what", b"", 0.3)

    asyncio.run(check())


def test_a_long_pause_begins_with_asking(monkeypatch):
    """`check` costs nothing shortly after a renewal, and asks after half of lease_s."""

    async def check() -> None:
        bus, (lease,) = holders("a")
        assert await lease.take()
        entry = await bus.entry("lease.x")
        await lease.check()
        assert await bus.entry("lease.x") == entry
        now = lease_module.time.monotonic()
        monkeypatch.setattr(lease_module.time, "monotonic", lambda: now + LEASE_S)
        await lease.check()
        assert await bus.entry("lease.x") != entry

    asyncio.run(check())
