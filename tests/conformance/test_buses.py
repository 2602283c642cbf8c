"""Every bus keeps the promises of `core.ports.Bus`: one suite, walked over both buses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from didymos.core.errors import ConnectError, DataError, FencedError
from didymos.core.ports import Bus, Fence
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop

BUSES = ("memory", "nats")


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory):
    config = ServerConfig(tmp_path_factory.mktemp("nats") / "store", free_port())
    child = start(config)
    yield config.url
    stop(child)


@pytest.fixture(params=BUSES)
def on_bus(request):
    """`on_bus(test)` runs the coroutine function `test(bus)` on a fresh bus; each test uses its own subjects and keys."""
    url = "memory:" if request.param == "memory" else request.getfixturevalue("nats_url")

    def run(test: Callable[[Bus], Awaitable[None]]) -> None:
        async def whole() -> None:
            bus = await open_bus(url)
            try:
                await test(bus)
            finally:
                await bus.close()

        asyncio.run(whole())

    return run


async def drain(subscription, count: int) -> list:
    found: list = []
    while len(found) < count:
        more = await subscription.fetch(1000, 5.0)
        assert more, f"only {len(found)} of {count} messages came"
        found += more
    return found


def test_a_subject_without_a_stream_is_refused(on_bus):
    async def check(bus):
        for subject in ("nonsense", "tel", "tel.1.2", "res", "tel.*", ""):
            with pytest.raises(DataError, match="belongs to no stream"):
                await bus.publish(subject, b"x", "id")

    on_bus(check)


def test_an_unknown_stream_is_refused(on_bus):
    async def check(bus):
        with pytest.raises(DataError, match=r"stream 'plants' does not exist. Allowed: plant, results"):
            await bus.subscribe("plants", ["tel.*"], 0)

    on_bus(check)


def test_messages_come_back_in_the_order_given_and_sequences_grow_by_one(on_bus):
    async def check(bus):
        first = await bus.publish("tel.1", b"first", "order-first")
        last = await bus.publish_many([("tel.1", b"%d" % i, f"order-{i}") for i in range(1000)])
        assert last == first + 1000
        subscription = await bus.subscribe("plant", ["tel.1"], first)
        got = await drain(subscription, 1000)
        assert [m.data for m in got] == [b"%d" % i for i in range(1000)]
        assert [m.sequence for m in got] == list(range(first + 1, last + 1))
        assert {m.subject for m in got} == {"tel.1"}
        await subscription.close()

    on_bus(check)


def test_the_same_message_id_stores_nothing_new_and_returns_the_first_sequence(on_bus):
    async def check(bus):
        first = await bus.publish("tel.2", b"a", "same")
        assert await bus.publish("tel.2", b"b", "same") == first
        assert await bus.publish("tel.2", b"c", "other") == first + 1
        got = await drain(await bus.subscribe("plant", ["tel.2"], 0), 2)
        assert [m.data for m in got] == [b"a", b"c"]

    on_bus(check)


def test_a_batch_that_was_half_stored_is_completed_without_repeats(on_bus):
    async def check(bus):
        batch = [("evt.3", b"%d" % i, f"half-{i}") for i in range(20)]
        await bus.publish_many(batch[:10])
        await bus.publish_many(batch)
        got = await drain(await bus.subscribe("plant", ["evt.3"], 0), 20)
        assert [m.data for m in got] == [data for _, data, _ in batch]

    on_bus(check)


def test_two_tasks_publishing_at_once_each_keep_their_own_order(on_bus):
    async def check(bus):
        await asyncio.gather(*(bus.publish_many([(f"wav.{k}", b"%d" % i, f"two-{k}-{i}") for i in range(300)]) for k in (4, 5)))
        got = await drain(await bus.subscribe("plant", ["wav.4", "wav.5"], 0), 600)
        for k in (4, 5):
            assert [int(m.data) for m in got if m.subject == f"wav.{k}"] == list(range(300))

    on_bus(check)


def test_a_fetch_returns_no_more_than_its_limit_and_goes_on_where_it_stopped(on_bus):
    async def check(bus):
        await bus.publish_many([("tel.6", b"%d" % i, f"limit-{i}") for i in range(25)])
        subscription = await bus.subscribe("plant", ["tel.6"], 0)
        got = []
        while len(got) < 25:
            more = await subscription.fetch(7, 5.0)
            assert 1 <= len(more) <= 7
            got += more
        assert [int(m.data) for m in got] == list(range(25))
        assert await subscription.fetch(7, 0.1) == []

    on_bus(check)


def test_a_waiting_fetch_gets_what_is_published_meanwhile(on_bus):
    async def check(bus):
        readers = [await bus.subscribe("plant", ["tel.7"], 0) for _ in range(2)]
        waiting = [asyncio.ensure_future(reader.fetch(10, 10.0)) for reader in readers]
        await asyncio.sleep(0.1)
        await bus.publish("tel.7", b"news", "news")
        for got in await asyncio.gather(*waiting):
            assert [m.data for m in got] == [b"news"]

    on_bus(check)


def test_a_wildcard_reads_only_its_subjects(on_bus):
    async def check(bus):
        await bus.publish("res.8.snapshot.a", b"s", "wild-s")
        await bus.publish("res.8.case.a-wear-1", b"c", "wild-c")
        await bus.publish("res.9.snapshot.b", b"t", "wild-t")
        got = await drain(await bus.subscribe("results", ["res.*.snapshot.*"], 0), 2)
        assert [m.data for m in got] == [b"s", b"t"]
        got = await drain(await bus.subscribe("results", ["res.8.>"], 0), 2)
        assert [m.data for m in got] == [b"s", b"c"]

    on_bus(check)


def test_minus_one_gives_the_last_of_each_subject_and_then_everything_new(on_bus):
    async def check(bus):
        await bus.publish_many([("res.10.case.a", b"a%d" % i, f"last-a{i}") for i in range(5)])
        await bus.publish_many([("res.10.case.b", b"b%d" % i, f"last-b{i}") for i in range(3)])
        await bus.publish("res.10.case.a", b"a5", "last-a5")
        subscription = await bus.subscribe("results", ["res.10.case.>"], -1)
        assert [m.data for m in await drain(subscription, 2)] == [b"b2", b"a5"]
        await bus.publish_many([("res.10.case.a", b"a6", "last-a6"), ("res.10.case.a", b"a7", "last-a7")])
        assert [m.data for m in await drain(subscription, 2)] == [b"a6", b"a7"]

    on_bus(check)


def test_minus_one_on_subjects_without_messages_gives_only_new_ones(on_bus):
    async def check(bus):
        subscription = await bus.subscribe("results", ["res.11.>"], -1)
        assert await subscription.fetch(10, 0.1) == []
        await bus.publish("res.11.case.x", b"new", "none-new")
        assert [m.data for m in await drain(subscription, 1)] == [b"new"]

    on_bus(check)


def test_a_value_put_is_the_value_got_and_an_unknown_key_is_none(on_bus):
    async def check(bus):
        assert await bus.get("worker.nobody") is None
        await bus.put("worker.0-31", b"old")
        await bus.put("worker.0-31", bytes(range(256)) * 1000)
        assert await bus.get("worker.0-31") == bytes(range(256)) * 1000
        await bus.put("worker.empty", b"")
        assert await bus.get("worker.empty") == b""

    on_bus(check)


def test_a_value_is_replaced_only_at_the_revision_that_was_read(on_bus):
    async def check(bus):
        first = await bus.replace("lease.a", b"mine", 0)
        entry = await bus.entry("lease.a")
        assert (entry.value, entry.revision) == (b"mine", first)
        with pytest.raises(FencedError, match=r"lease.a: is not at revision 0 any more; nothing was put"):
            await bus.replace("lease.a", b"theirs", 0)
        second = await bus.replace("lease.a", b"again", first)
        assert second > first
        with pytest.raises(FencedError):
            await bus.replace("lease.a", b"late", first)
        await bus.put("lease.a", b"by force")
        with pytest.raises(FencedError):
            await bus.replace("lease.a", b"late", second)
        assert await bus.get("lease.a") == b"by force"
        assert await bus.entry("lease.nobody") is None

    on_bus(check)


def test_of_many_who_replace_one_revision_at_once_one_succeeds(on_bus):
    async def check(bus):
        tried = await asyncio.gather(*(bus.replace("lease.many", b"%d" % i, 0) for i in range(20)), return_exceptions=True)
        won = [i for i, found in enumerate(tried) if isinstance(found, int)]
        assert len(won) == 1
        assert all(isinstance(found, FencedError) for i, found in enumerate(tried) if i not in won)
        assert await bus.get("lease.many") == b"%d" % won[0]

    on_bus(check)


def test_behind_a_fence_that_was_moved_nothing_is_stored(on_bus):
    async def check(bus):
        fence = "res.12.fence"
        assert await bus.last(fence) is None
        old = Fence(fence, await bus.publish_many([(fence, b"old", "fence-old")], Fence(fence, 0)))
        await bus.publish_many([("res.12.case.a", b"%d" % i, f"behind-{i}") for i in range(5)], old)
        new = Fence(fence, await bus.publish_many([(fence, b"new", "fence-new")], old))
        for name in ("behind-9", "behind-0"):  # a new one, and the repetition of one that is stored
            with pytest.raises(FencedError):
                await bus.publish_many([("res.12.case.a", b"stale", name)], old)
        with pytest.raises(FencedError):
            await bus.publish_many([(fence, b"late", "fence-late")], old)
        await bus.publish_many([("res.12.case.a", b"5", "behind-5"), ("res.12.case.a", b"again", "behind-0")], new)
        got = await drain(await bus.subscribe("results", ["res.12.case.a"], 0), 6)
        assert [(m.data, m.id) for m in got] == [(b"%d" % i, f"behind-{i}") for i in range(6)]
        last = await bus.last(fence)
        assert (last.data, last.sequence, last.id) == (b"new", new.sequence, "fence-new")

    on_bus(check)


def test_who_has_ended_serving_is_asked_no_more(on_bus):
    async def check(bus):
        async def echo(data: bytes) -> bytes:
            return data

        end = await bus.serve("history.ended", echo)
        assert await bus.request("history.ended", b"x", 5.0) == b"x"
        await end()
        with pytest.raises(ConnectError, match=r"history\.ended: nobody"):
            await bus.request("history.ended", b"x", 0.3)

    on_bus(check)


def test_a_notification_reaches_listeners_of_its_subject_only(on_bus):
    async def check(bus):
        every, one = bus.listen("live.*"), bus.listen("live.cp-01")
        await asyncio.sleep(0.1)
        await bus.notify("live.cp-02", b"2")
        await bus.notify("live.cp-01", b"1")
        assert await asyncio.wait_for(anext(one), 5) == ("live.cp-01", b"1")
        assert [await asyncio.wait_for(anext(every), 5) for _ in range(2)] == [("live.cp-02", b"2"), ("live.cp-01", b"1")]

    on_bus(check)


def test_closing_the_bus_ends_a_listener(on_bus):
    async def check(bus):
        heard = bus.listen("live.end")
        await asyncio.sleep(0.05)
        await bus.close()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(heard), 5)

    on_bus(check)


def test_a_request_is_answered_by_whoever_serves_it(on_bus):
    async def check(bus):
        async def double(data: bytes) -> bytes:
            return data + data

        await bus.serve("history.double", double)
        assert await bus.request("history.double", b"ab", 5.0) == b"abab"

    on_bus(check)


def test_a_request_waits_for_one_who_begins_to_serve_a_little_later(on_bus):
    async def check(bus):
        async def echo(data: bytes) -> bytes:
            return data

        asked = asyncio.ensure_future(bus.request("history.later", b"x", 10.0))
        await asyncio.sleep(0.3)
        await bus.serve("history.later", echo)
        assert await asked == b"x"

    on_bus(check)


def test_a_request_that_nobody_serves_ends_in_an_error_that_names_it(on_bus):
    async def check(bus):
        with pytest.raises(ConnectError, match=r"history.nobody: .* within 0.3 s"):
            await bus.request("history.nobody", b"", 0.3)

    on_bus(check)


def test_an_error_of_the_answer_reaches_whoever_asked(on_bus):
    async def check(bus):
        async def refuse(data: bytes) -> bytes:
            raise DataError("channel 'x' has no asset; write <asset>.<channel>")

        await bus.serve("history.refuse", refuse)
        with pytest.raises(DataError, match=r"channel 'x' has no asset; write <asset>.<channel>"):
            await bus.request("history.refuse", b"", 5.0)

    on_bus(check)


def test_a_slow_answer_does_not_hold_up_the_next(on_bus):
    async def check(bus):
        release = asyncio.Event()

        async def answer(data: bytes) -> bytes:
            if data == b"slow":
                await release.wait()
            return data

        await bus.serve("history.slow", answer)
        slow = asyncio.ensure_future(bus.request("history.slow", b"slow", 10.0))
        assert await bus.request("history.slow", b"quick", 5.0) == b"quick"
        release.set()
        assert await slow == b"slow"

    on_bus(check)
