"""Full disks, damaged files, clocks that jump: history answers or says plainly what it cannot do, and loses nothing acknowledged.

Each test prints how long it took from the end of the fault until everything was right again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable

from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS
from didymos.core.errors import ConnectError, DidymosError
from didymos.core.series import Batch
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack

DAY = 20_000 * DAY_NS
EACH, CHANNELS = 2000, 40
NAMES = tuple(f"cp-01.c{k}" for k in range(CHANNELS))

HISTORIAN = """
import asyncio, sys
from pathlib import Path
from didymos.core.clock import DataClock
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus

async def main():
    bus = await open_bus(sys.argv[1])
    options = HistoryOptions(commit_s=0.05, compact_s=0.2, recompact_s=0.5, retry_s=0.2, reserve_bytes=int(sys.argv[3]))
    await Historian(options).run(bus, Path(sys.argv[2]), DataClock(), lambda record: None)

asyncio.run(main())
"""


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk(megabytes)` -> a folder on a file system of its own. Skipped where this user may not mount one."""
    mounted = []

    def make(megabytes: int) -> Path:
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
        may = os.geteuid() == 0 and shutil.which("mount")
        done = subprocess.run(command, capture_output=True) if may else None
        if done is None or done.returncode:
            pytest.skip("a full disk needs a small tmpfs of its own: only root can mount one, and not in every container")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def url(tmp_path):
    config = ServerConfig(tmp_path / "nats", free_port())
    child = start(config)
    yield config.url
    stop(child)


def batch(i: int) -> Batch:
    """EACH samples of noise that no compression makes small, at times that no other batch has."""
    rng, n = np.random.default_rng(i), i * EACH + np.arange(EACH)
    return Batch(
        NAMES, (n % CHANNELS).astype(np.uint16), DAY + n * 1_000_000, rng.normal(size=EACH), np.zeros(EACH, np.uint8), "s", i
    )


def total(n: int) -> float:
    return float(sum(batch(i).value.sum() for i in range(n)))


async def publish(bus, first: int, last: int) -> int:
    return await bus.publish_many([(f"tel.{i % 4}", pack(batch(i)), f"b{i}") for i in range(first, last)])


@contextlib.contextmanager
def historian(url: str, folder: Path, reserve_mb: float):
    command = [sys.executable, "-c", HISTORIAN, url, str(folder), str(int(reserve_mb * 2**20))]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "said").open("a") as said:
        child = subprocess.Popen(command, stderr=said)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


async def until(client: HistoryClient, state: str, seconds: float = 60.0) -> dict:
    deadline = time.monotonic() + seconds
    while True:
        found = await client.state()
        if found["state"] == state:
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("reserve_mb", [12, 0.0], ids=["kept in reserve", "full to the last byte"])
def test_a_full_disk_loses_nothing_and_is_said_and_history_goes_on_when_there_is_room(url, small_disk, reserve_mb):
    async def check() -> float:
        disk = small_disk(48)
        bus = await open_bus(url)
        client = HistoryClient(bus, 30.0)
        with historian(url, disk / "history", reserve_mb):
            last = await publish(bus, 0, 20)
            await client.reached("plant", last)
            left = shutil.disk_usage(disk).free - int((reserve_mb or 3) * 2**20)
            (disk / "filler").write_bytes(bytes(max(0, left)))
            last = await publish(bus, 20, 400)  # acknowledged by the stream, on another disk
            told = await until(client, "disk_full")
            assert "Make room on the disk" in told["text"]
            if reserve_mb:  # nothing was half written, so reads go on
                assert len(await client.read("cp-01.c3", DAY, DAY + 20 * EACH * 1_000_000)) == 20 * EACH // CHANNELS
            (disk / "filler").unlink()
            began = time.monotonic()
            await until(client, "ok")
            await client.reached("plant", last)
            took = time.monotonic() - began
            found = (await client.sql("SELECT count(*) AS n, sum(value) AS total FROM samples")).to_pylist()[0]
            assert found["n"] == 400 * EACH
            assert found["total"] == pytest.approx(total(400), rel=1e-9)
            assert not list((disk / "history").glob("*.unreadable*"))
        await bus.close()
        return took

    print(f"recovered {asyncio.run(check()):.2f} s after there was room")


@pytest.mark.slow  # nats-py gives up a full store only after its own time limits
def test_a_stream_whose_disk_is_full_refuses_by_name_and_keeps_what_it_acknowledged(small_disk):
    disk = small_disk(24)
    config = ServerConfig(disk / "nats", free_port())

    refusals: list[str] = []

    async def fill(bus) -> int:
        for sent in range(0, 4000, 20):
            try:
                await publish(bus, sent, sent + 20)
            except ConnectError as error:
                refusals.append(str(error))
                return sent
        raise AssertionError("the stream took more than its disk holds")

    async def check() -> float:
        child = start(config)
        try:
            (disk / "filler").write_bytes(bytes(16 << 20))
            bus = await open_bus(config.url)
            sent = await fill(bus)
            await bus.close()
            (disk / "filler").unlink()
            began = time.monotonic()
            stop(child)  # nats turns its stream store off when the disk is full; whoever supervises it starts it anew
            child = start(config)
            bus = await open_bus(config.url)
            subscription, kept = await bus.subscribe("plant", ("tel.*",), 0), 0
            while found := await subscription.fetch(200, 1.0):
                kept += len(found)
            await publish(bus, 5000, 5001)
            assert config.url in refusals[0]
            assert sent <= kept <= sent + 20
            await bus.close()
            return time.monotonic() - began
        finally:
            stop(child)

    print(f"recovered {asyncio.run(check()):.2f} s after there was room")


def closed_file(folder: Path, day: int = 20_000) -> Path:
    files = DeltaTable(str(folder / "closed" / "samples")).file_uris()
    return next(Path(path) for path in files if f"day={day}" in path)


async def two_days(bus, client) -> int:
    """A day of 20 batches, and one sample four days later that closes it."""
    last = await publish(bus, 0, 20)
    late = Batch(NAMES, np.zeros(1, np.uint16), np.array([DAY + 4 * DAY_NS]), np.ones(1), np.zeros(1, np.uint8))
    last = await bus.publish("tel.0", pack(late), "later")
    await client.reached("plant", last)
    while (await client.sql(f"SELECT count(*) AS n FROM hot.samples WHERE time_ns < {DAY + DAY_NS}"))["n"][0].as_py():
        await asyncio.sleep(0.05)
    return last


async def whole(client) -> bool:
    found = (await client.sql(f"SELECT count(*) AS n, sum(value) AS total FROM samples WHERE time_ns < {DAY + DAY_NS}")).to_pylist()
    return found[0]["n"] == 20 * EACH and abs(found[0]["total"] - total(20)) < 1e-6


@pytest.mark.parametrize("harm", ["cut short", "emptied", "missing"])
def test_a_damaged_day_is_found_named_put_aside_and_rebuilt_from_the_stream(url, tmp_path, harm):
    async def check() -> float:
        folder = tmp_path / "history"
        bus = await open_bus(url)
        client = HistoryClient(bus, 30.0)
        with historian(url, folder, 1):
            await two_days(bus, client)
        file = closed_file(folder)
        if harm == "missing":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[: 0 if harm == "emptied" else -1000])
        stray = file.with_name("ticks-half-written.parquet")
        stray.write_bytes(b"PAR1 half of a file that a killed process left")
        began = time.monotonic()
        with historian(url, folder, 1):
            while not await whole(client):
                await asyncio.sleep(0.05)
            took = time.monotonic() - began
            assert (await client.state())["lost"] == []
            said = (folder / "said").read_text()
        assert f"{file}: " in said
        assert "Day 20000 of samples is put aside and rebuilt from the stream" in said
        kept = list((folder / "damaged").glob("samples-20000-*.parquet"))
        assert len(kept) == (0 if harm == "missing" else 1)
        assert stray.exists()  # ignored, not deleted: it is removed when it is old
        await bus.close()
        return took

    print(f"recovered {asyncio.run(check()):.2f} s after the start")


def test_what_the_stream_no_longer_has_is_named_as_lost(url, tmp_path):
    async def check() -> None:
        import nats

        folder = tmp_path / "history"
        bus = await open_bus(url)
        client = HistoryClient(bus, 30.0)
        with historian(url, folder, 1):
            await two_days(bus, client)
        file = closed_file(folder)
        file.write_bytes(file.read_bytes()[:5000])
        line = await nats.connect(url)
        await line.jetstream().purge_stream("plant", seq=11)  # messages 1 to 10 are forgotten
        await line.close()
        with historian(url, folder, 1):
            deadline = time.monotonic() + 60
            while not (lost := (await client.state())["lost"]):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert f"day 20000 of samples: {10 * EACH} of {20 * EACH} rows are lost" in lost[0]
            assert "damaged/samples-20000-" in lost[0]
            assert len(await client.read("cp-01.c0", DAY, DAY + DAY_NS)) == 10 * EACH // CHANNELS
        await bus.close()

    asyncio.run(check())


class JumpingClock:
    """Shows what `at_ns` is set to."""

    at_ns = DAY

    def now_ns(self) -> int:
        return self.at_ns


def test_a_clock_that_jumps_an_hour_on_and_back_neither_loses_rows_nor_turns_knowledge_back(tmp_path):
    async def check() -> None:
        clock, bus = JumpingClock(), await open_bus("memory:")
        options = HistoryOptions(commit_s=0.01, compact_s=0.02)
        task = asyncio.ensure_future(Historian(options).run(bus, tmp_path, clock, lambda record: None))
        client = HistoryClient(bus, 20.0)
        moments = [DAY + 2 * HOUR_NS - 60 * SECOND_NS + k * SECOND_NS for k in range(6)]  # just before yesterday is closed
        moments[2:4] = [t + HOUR_NS for t in moments[2:4]]
        for k, clock.at_ns in enumerate(moments):
            jumped = time.monotonic()
            rows = Batch(
                ("a.x",), np.zeros(2, np.uint16), np.array([DAY - HOUR_NS + k, moments[k]]), np.ones(2) * k, np.zeros(2, np.uint8)
            )
            await client.reached("plant", await bus.publish("tel.0", pack(rows), f"b{k}"))
            if k in (2, 4):  # an hour on, an hour back
                print(f"recovered {time.monotonic() - jumped:.2f} s after the jump: the next samples are stored")
        found = (await client.sql("SELECT sequence, known_ns FROM samples ORDER BY sequence")).to_pydict()
        assert found["sequence"] == sorted([*range(1, 7)] * 2)
        assert found["known_ns"] == sorted(found["known_ns"])
        highest = max(moments)
        assert found["known_ns"] == [t for t in (*moments[:3], highest, highest, highest) for _ in range(2)]
        early = await client.read("a.x", 0, DAY * 2, known_ns=moments[1])
        assert sorted(early.value.tolist()) == [0.0, 0.0, 1.0, 1.0]
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(check())


def test_a_historian_that_cannot_open_its_folder_on_a_full_disk_keeps_the_hot_file(small_disk, caplog):
    from didymos.data.history.store import Rows, Store

    disk = small_disk(16)
    store = Store(disk / "history")
    store.begin_source("one")
    store.commit("plant", 1, Rows(samples=[(batch(0), 1, 1)]))
    store.close()
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free))
    caplog.set_level(logging.WARNING)
    with contextlib.suppress(DidymosError):
        Store(disk / "history").close()
    (disk / "filler").unlink()
    began = time.monotonic()
    again = Store(disk / "history")
    assert again.positions()["plant"] == (1, "one")
    assert again.reader.sql("SELECT count(*) AS n FROM samples", 5, 9)["n"].to_pylist() == [EACH]
    again.close()
    print(f"recovered {time.monotonic() - began:.2f} s after there was room")
