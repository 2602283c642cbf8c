"""`kill -9` of nats-server in the middle of publishing and fetching: every message once, in order, and values kept."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from didymos.core.errors import ConnectError
from didymos.data.stream.nats import NatsBus, NatsOptions
from didymos.data.stream.server import ServerConfig, free_port, start, stop

COUNT, CHUNK = 3000, 150


@pytest.fixture
def config(tmp_path):
    return ServerConfig(tmp_path / "store", free_port())


def body(i: int) -> bytes:
    """Message i: its number and 2000 bytes that only it has."""
    return b"%08d" % i + hashlib.shake_128(b"%d" % i).digest(2000)


async def publish_all(bus: NatsBus, progress: list[int]) -> None:
    for at in range(0, COUNT, CHUNK):
        await bus.publish_many([("tel.1", body(i), f"kill-{i}") for i in range(at, at + CHUNK)])
        await bus.put("worker.all", b"%d" % (at + CHUNK))
        progress[0] = at + CHUNK


async def read_all(bus: NatsBus) -> list:
    subscription, found = await bus.subscribe("plant", ["tel.*"], 0), []
    while len(found) < COUNT:
        found += await subscription.fetch(40, 1.0)
    return found + await subscription.fetch(40, 0.5)


def test_kill_9_of_the_server_while_publishing_and_fetching_loses_repeats_and_swaps_nothing(config):
    async def check() -> None:
        child = start(config)
        bus, progress = await NatsBus.open(config.url, NatsOptions(patience_s=30)), [0]
        try:
            publishing, reading = asyncio.ensure_future(publish_all(bus, progress)), asyncio.ensure_future(read_all(bus))
            for kill_at in (COUNT // 5, COUNT // 2, COUNT * 4 // 5):
                while progress[0] < kill_at:
                    await asyncio.sleep(0.002)
                    assert not publishing.done() or publishing.exception() is None
                child.kill()
                child.wait()
                await asyncio.sleep(0.3)
                child = await asyncio.to_thread(start, config)
            await publishing
            found = await asyncio.wait_for(reading, 60)
            again = await read_all(bus)
            assert [m.data for m in found] == [body(i) for i in range(COUNT)]
            assert [m.sequence for m in found] == list(range(1, COUNT + 1))
            assert found == again
            assert await bus.get("worker.all") == b"%d" % COUNT
        finally:
            await bus.close()
            stop(child)

    asyncio.run(check())


def test_a_request_is_answered_although_the_server_was_killed_meanwhile(config):
    async def check() -> None:
        child = start(config)
        asker, server = await NatsBus.open(config.url), await NatsBus.open(config.url)

        async def echo(data: bytes) -> bytes:
            return data

        try:
            await server.serve("history.echo", echo)
            child.kill()
            child.wait()
            asked = asyncio.ensure_future(asker.request("history.echo", b"still here", 30.0))
            child = await asyncio.to_thread(start, config)
            assert await asked == b"still here"
        finally:
            await asker.close()
            await server.close()
            stop(child)

    asyncio.run(check())


def test_a_server_that_stays_away_ends_in_an_error_that_says_what_to_do(config):
    async def check() -> None:
        child = start(config)
        bus = await NatsBus.open(config.url, NatsOptions(patience_s=0.5))
        try:
            stop(child)
            with pytest.raises(ConnectError, match=r"publish not possible for 0.5 s .* Start nats-server or correct \[nats\] url"):
                await bus.publish("tel.1", b"x", "away")
            with pytest.raises(ConnectError, match="get not possible"):
                await bus.get("key")
        finally:
            await bus.close()
        with pytest.raises(ConnectError, match="connect not possible"):
            await NatsBus.open(config.url, NatsOptions(patience_s=0.5))

    asyncio.run(check())
