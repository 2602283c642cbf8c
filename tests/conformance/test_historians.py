"""The historian keeps the promises of `core.ports.HistoryClient` on every bus: from published message to answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import numpy as np
import pytest

from didymos.core.case import Event, Record
from didymos.core.clock import DAY_NS, DataClock
from didymos.core.errors import DataError
from didymos.core.ports import HistoryClient as HistoryPort
from didymos.core.series import Batch, Waveform, batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack

DAY = 20_000 * DAY_NS
QUICK = HistoryOptions(commit_s=0.02, compact_s=0.02, wait_s=20.0)


@pytest.fixture(params=["memory", "nats"])
def url(request, tmp_path):
    if request.param == "memory":
        yield "memory:"
        return
    config = ServerConfig(tmp_path / "nats", free_port())
    child = start(config)
    yield config.url
    stop(child)


@contextlib.asynccontextmanager
async def history(url, folder, records=None, options=QUICK):
    """(bus, client) with a historian running on `folder`."""
    bus = await open_bus(url)
    kept = [] if records is None else records
    task = asyncio.ensure_future(Historian(options).run(bus, folder, DataClock(), kept.append))
    try:
        yield bus, HistoryClient(bus, 20.0)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await bus.close()


def batch(times, value=1.0, channel="cp-01.flow"):
    return pack(batch_of([(channel, DAY + t, value * t, 0) for t in times]))


def test_what_was_published_is_read_up_to_the_sequence_asked_for(url, tmp_path):
    async def check():
        async with history(url, tmp_path / "h") as (bus, client):
            first = await bus.publish("tel.1", batch(range(10)), "a")
            last = await bus.publish("tel.1", batch(range(10, 15)), "b")
            await bus.publish("tel.1", batch(range(5, 10)), "c")  # repeats
            series = await client.read("cp-01.flow", DAY, DAY + 100, upto_sequence=last)
            assert (series.time_ns - DAY).tolist() == list(range(15))
            assert series.value.tolist() == [float(t) for t in range(15)]
            assert len(await client.read("cp-01.flow", DAY, DAY + 100, upto_sequence=first)) == 10
            assert series.time_ns.dtype == np.int64
            assert series.quality.dtype == np.uint8
            assert len(await client.read("nobody.flow", DAY, DAY + 100)) == 0

    asyncio.run(check())


def test_everything_the_streams_carry_can_be_asked_for(url, tmp_path):
    async def check():
        records = []
        async with history(url, tmp_path / "h", records) as (bus, client):
            port: HistoryPort = client
            wave = Waveform("sp-01.acceleration", DAY + 5, 25_600.0, np.arange(8, dtype=np.float32), "m/s2", 0, "mqtt")
            await bus.publish("wav.2", pack(wave), "w")
            event = Event("wo-1", "work_order", "cp-01", DAY, DAY + 9, {"part": "P-1", "hours": 2.5})
            await bus.publish_many([("evt.1", pack(event), "e1"), ("evt.1", pack(event), "e2")])
            snapshot = pack({"asset": "cp-01", "time_ns": DAY + 7, "anything": [1, 2]})
            record = Record("k1", "case", "cp-01", DAY, {"state": "open"})
            last = await bus.publish_many(
                [
                    ("res.1.snapshot.cp-01", snapshot, "s"),
                    ("res.1.record.cp-01", pack(record), "r"),
                    ("res.1.case.cp-01-seal-1", b"not for the historian", "c"),
                    ("res.1.features.sp-01", batch([3], 2.0, "sp-01.peak"), "f"),
                ]
            )
            plant = await bus.publish("tel.1", batch(range(1, 9)), "t")
            assert (await port.read("cp-01.flow", DAY, DAY + 9, upto_sequence=plant)).value.tolist() == [
                float(t) for t in range(1, 9)
            ]
            while not await port.latest(["sp-01.peak"]):
                await asyncio.sleep(0.02)
            assert (await port.read("sp-01.peak", DAY, DAY + 9, upto_sequence=last)).value.tolist() == [6.0]
            got = await port.waveform("sp-01.acceleration", DAY + 6)
            assert got is not None
            assert (got.start_ns, got.rate_hz, got.unit, got.samples.tolist()) == (DAY + 5, 25_600.0, "m/s2", list(range(8)))
            assert await port.waveform("sp-01.acceleration", DAY) is None
            assert await port.snapshots("cp-01", DAY, DAY + 8) == [snapshot]
            assert await port.snapshots("cp-01", DAY, DAY + 7) == []
            assert await port.latest(["cp-01.flow", "x.y"]) == {"cp-01.flow": (DAY + 8, 8.0, 0)}
            assert await port.buckets("cp-01.flow", DAY, DAY + 8, 4) == [
                (DAY, 1.0, 1.0, 1.0, 0), (DAY + 2, 2.0, 2.5, 3.0, 0), (DAY + 4, 4.0, 4.5, 5.0, 0), (DAY + 6, 6.0, 6.5, 7.0, 0),
            ]  # fmt: skip
            table = await port.sql("SELECT id, asset, body FROM events")
            assert table.to_pydict() == {"id": ["wo-1"], "asset": ["cp-01"], "body": ['{"hours":2.5,"part":"P-1"}']}
            assert records == [record]
            assert await port.rollup(["cp-01.flow", "x.y"], "sum", DAY + 1, DAY + 7, 2) == [
                (DAY + 1, pytest.approx(2.0), 0, 1, pytest.approx(3e-9)), (DAY + 4, pytest.approx(5.0), 0, 1, pytest.approx(3e-9)),
            ]  # fmt: skip
            assert await port.held(0, 2 * DAY) == []
            page, go_on = await port.page("cp-01.flow", DAY, DAY + 4)
            assert (page.value.tolist(), go_on) == ([1.0, 2.0, 3.0], None)
            state = await port.state()
            assert (state["state"], state["lost"], state["dropped_samples"]) == ("ok", [], [])
            for _ in range(2):  # the names travel, then only their key
                times, values, quality = await client.latest_columns(("x.y", "sp-01.peak", "cp-01.flow"))
                assert times.tolist() == [np.iinfo(np.int64).min, DAY + 3, DAY + 8]
                assert (values.tolist()[1:], quality.tolist()) == ([6.0, 8.0], [0, 0, 0])
            with pytest.raises(DataError, match="allowed are sum, mean, min, max"):
                await port.rollup(["cp-01.flow"], "median", DAY, DAY + 7, 2)
            with pytest.raises(DataError, match="allowed are 1 to 20000"):
                await port.rollup(["cp-01.flow"], "sum", DAY, DAY + 7, 0)

    asyncio.run(check())


def test_a_historian_that_starts_again_goes_on_where_it_stopped(url, tmp_path):
    async def check():
        if url == "memory:":
            pytest.skip("a memory bus does not outlive its process")
        async with history(url, tmp_path / "h") as (bus, client):
            await client.read("cp-01.flow", DAY, DAY + 9, upto_sequence=await bus.publish("tel.1", batch(range(5)), "a"))
        bus = await open_bus(url)
        last = await bus.publish("tel.1", batch(range(5, 9)), "b")
        await bus.close()
        async with history(url, tmp_path / "h") as (_, client):
            series = await client.read("cp-01.flow", DAY, DAY + 100, upto_sequence=last)
            assert series.value.tolist() == [float(t) for t in range(9)]
            count = await client.sql("SELECT count(*) AS n FROM hot.samples")
            assert count.to_pydict() == {"n": [9]}

    asyncio.run(check())


def test_streams_begun_anew_are_followed_from_their_start_and_old_rows_kept(url, tmp_path, caplog):
    async def check():
        if url != "memory:":
            pytest.skip("needs a stream that is begun anew; the memory bus is, every time")
        async with history(url, tmp_path / "h") as (bus, client):
            last = await bus.publish_many([("tel.1", batch([n]), f"a{n}") for n in range(3)])
            await client.read("cp-01.flow", DAY, DAY + 9, upto_sequence=last)
        async with history(url, tmp_path / "h") as (bus, client):
            await bus.publish("tel.1", batch([7]), "b")
            while (await client.latest(["cp-01.flow"]))["cp-01.flow"][0] < DAY + 7:
                await asyncio.sleep(0.02)
            assert (await client.read("cp-01.flow", DAY, DAY + 9)).value.tolist() == [0.0, 1.0, 2.0, 7.0]
        assert "the streams were begun anew" in caplog.text

    asyncio.run(check())


def test_a_message_that_cannot_be_read_is_logged_and_the_rest_stored(url, tmp_path, caplog):
    async def check():
        async with history(url, tmp_path / "h") as (bus, client):
            wrong = Batch(("a.x",), np.array([0, 1], np.uint16), np.array([1, 2]), np.zeros(2), np.zeros(2, np.uint8))
            none, one, good = np.zeros(1, np.uint16), np.array([DAY], np.int64), np.zeros(1, np.uint8)
            texts = Batch(("a.x",), none, one, np.array(["high"]), good)  # type: ignore[arg-type]
            narrow = Batch(("a.y",), none, one, np.ones(1, np.float32), one * 0)  # type: ignore[arg-type]
            await bus.publish("tel.1", b"\xc1 garbage", "g")
            await bus.publish("tel.1", pack(wrong), "w")
            await bus.publish("evt.1", pack({"id": 5}), "e")
            await bus.publish("tel.1", pack(texts), "texts")
            await bus.publish("tel.1", pack(narrow), "narrow")
            last = await bus.publish("tel.1", batch([1, 2]), "ok")
            assert len(await client.read("cp-01.flow", DAY, DAY + 9, upto_sequence=last)) == 2
        refused = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert [text.split(" is not stored")[0] for text in refused] == [
            "message 1 of tel.1", "message 2 of tel.1", "message 3 of evt.1", "message 4 of tel.1",
        ]  # fmt: skip

    asyncio.run(check())


def test_bad_questions_are_refused_with_what_is_allowed(url, tmp_path):
    async def check():
        hasty = HistoryOptions(commit_s=0.02, wait_s=0.3)
        async with history(url, tmp_path / "h", options=hasty) as (bus, client):
            with pytest.raises(DataError, match="start 9 is after end 1"):
                await client.read("a.x", 9, 1)
            with pytest.raises(DataError, match="0 points asked for; allowed are 1 to 20000"):
                await client.buckets("a.x", 0, 9, 0)
            with pytest.raises(DataError, match="not yet 50"):
                await client.read("a.x", 0, 1, upto_sequence=50)
            with pytest.raises(DataError, match="allowed is one SELECT"):
                await client.sql("DROP TABLE samples")
            with pytest.raises(DataError, match="query is empty"):
                await client.sql(" ")
            with pytest.raises(DataError, match="is not a Read"):
                await bus.request("history.read", b"\x01", 5.0)

    asyncio.run(check())


def test_long_answers_come_in_pages_without_loss(url, tmp_path, monkeypatch):
    monkeypatch.setattr("didymos.data.history.owner.PAGE", 7)
    monkeypatch.setattr("didymos.data.history.client.PAGE", 7)
    monkeypatch.setattr("didymos.data.history.owner.ANSWER_BYTES", 300)

    async def check():
        async with history(url, tmp_path / "h") as (bus, client):
            last = await bus.publish("tel.1", batch(range(7 * 3)), "a")
            assert (await client.read("cp-01.flow", DAY, DAY + 99, upto_sequence=last)).value.tolist() == [
                float(t) for t in range(21)
            ]
            packed = [pack({"asset": "cp-01", "time_ns": DAY + t, "pad": "x" * 100}) for t in range(9)]
            await bus.publish_many([("res.1.snapshot.cp-01", data, f"s{t}") for t, data in enumerate(packed)])
            while len(found := await client.snapshots("cp-01", DAY, DAY + 99)) < 9:
                await asyncio.sleep(0.02)
            assert found == packed

    asyncio.run(check())


def test_closed_days_leave_the_hot_file_while_running_and_stay_readable(url, tmp_path):
    async def check():
        async with history(url, tmp_path / "h") as (bus, client):
            times = [k * DAY_NS // 4 for k in range(16)]
            last = await bus.publish_many([("tel.1", batch([t]), f"d{n}") for n, t in enumerate(times)])
            await client.read("cp-01.flow", DAY, DAY + 1, upto_sequence=last)
            query = f"SELECT count(*) FILTER (WHERE time_ns < {DAY + 3 * DAY_NS}) AS old, count(*) AS n FROM hot.samples"
            hot: dict = {}
            for _ in range(500):
                hot = (await client.sql(query)).to_pydict()
                if hot["old"] == [0]:
                    break
                await asyncio.sleep(0.02)
            assert hot == {"old": [0], "n": [4]}
            assert ((await client.read("cp-01.flow", DAY, DAY + 9 * DAY_NS)).time_ns - DAY).tolist() == times
            assert (await client.latest([]))["cp-01.flow"][0] == DAY + times[-1]

    asyncio.run(check())
