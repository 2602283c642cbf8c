"""`kill -9` of the historian in the middle of a batch: every sample once, sums exact, records in order, closed days included."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from didymos.core.case import Record
from didymos.core.clock import DAY_NS
from didymos.core.series import Batch
from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack
from didymos.thread.ledger import SqliteLedger

DAY = 20_000 * DAY_NS
BATCHES, CHANNELS, EACH = 240, 20, 500  # samples a batch; six plant days in all
STEP = 6 * DAY_NS // (BATCHES * EACH)

HISTORIAN = """
import asyncio, sys
from pathlib import Path
from didymos.core.clock import DataClock
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
from didymos.thread.ledger import SqliteLedger

async def main():
    bus = await open_bus(sys.argv[1])
    ledger = SqliteLedger(Path(sys.argv[3]))
    options = HistoryOptions(commit_s=0.02, commit_messages=7, compact_s=0.05)
    await Historian(options).run(bus, Path(sys.argv[2]), DataClock(), ledger.append)

asyncio.run(main())
"""


@pytest.fixture
def server(tmp_path):
    config = ServerConfig(tmp_path / "nats", free_port())
    child = start(config)
    yield config
    stop(child)


def batch(i: int) -> Batch:
    """Batch i: EACH samples, round-robin over the channels, values that identify them; every tenth batch repeats its forerunner."""
    i = i - 1 if i % 10 == 9 else i
    n = i * EACH + np.arange(EACH)
    names = tuple(f"cp-01.c{k}" for k in range(CHANNELS))
    return Batch(names, (n % CHANNELS).astype(np.uint16), DAY + n * STEP, n.astype(float), np.zeros(EACH, np.uint8), "s", i)


def expected() -> tuple[int, float]:
    """(count, sum) of distinct samples."""
    numbers = np.unique([i - 1 if i % 10 == 9 else i for i in range(BATCHES)])
    return len(numbers) * EACH, float(sum(np.arange(i * EACH, (i + 1) * EACH).sum() for i in numbers))


def start_historian(url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HISTORIAN, url, str(folder / "history"), str(folder / "ledger.sqlite")])


async def kill_several_times(url: str, folder: Path, kills: int) -> dict:
    bus = await open_bus(url)
    client = HistoryClient(bus, 60.0)
    child = start_historian(url, folder)
    try:
        last = recorded = 0
        for part in range(kills + 1):
            for i in range(part * BATCHES // (kills + 1), (part + 1) * BATCHES // (kills + 1)):
                record = Record(f"k{i}", "case", "cp-01", i, {"i": i})
                recorded = await bus.publish("res.1.record.cp-01", pack(record), f"r{i}")
                last = await bus.publish("tel.1", pack(batch(i)), f"b{i}")
            if part < kills:
                await client.latest([])  # it is up and at work
                await asyncio.sleep(0.05 * part)
                child.kill()
                child.wait()
                child = start_historian(url, folder)
        await client.reached("plant", last)
        await client.reached("results", recorded)
        found = await client.sql("SELECT count(*) AS n, sum(value) AS total, count(DISTINCT time_ns) AS times FROM samples")
        series = await client.read("cp-01.c7", DAY, DAY + 9 * DAY_NS)
        closed = await client.sql(f"SELECT count(*) AS n FROM hot.samples WHERE time_ns < {DAY + 4 * DAY_NS}")
        child.terminate()
        child.wait()
        return {"all": found.to_pydict(), "c7": series, "hot": closed.to_pydict()["n"][0]}
    finally:
        child.kill()
        child.wait()
        await bus.close()


def test_kill_9_of_the_historian_loses_nothing_and_counts_nothing_twice(server, tmp_path):
    found = asyncio.run(kill_several_times(server.url, tmp_path, kills=4))
    count, total = expected()
    assert found["all"] == {"n": [count], "total": [total], "times": [count]}
    numbers = np.unique(np.concatenate([batch(i).value for i in range(BATCHES)]))
    assert found["c7"].value.tolist() == [float(n) for n in numbers if n % CHANNELS == 7]
    ledger = SqliteLedger(tmp_path / "ledger.sqlite")
    assert [record.key for record in ledger.records()] == [f"k{i}" for i in range(BATCHES)]
    assert ledger.verify() == BATCHES
    ledger.close()


def test_a_hot_file_that_is_lost_is_rebuilt_from_the_stream(server, tmp_path):
    async def check() -> None:
        bus = await open_bus(server.url)
        client = HistoryClient(bus, 60.0)
        child = start_historian(server.url, tmp_path)
        try:
            last = await bus.publish_many([("tel.1", pack(batch(i)), f"b{i}") for i in range(BATCHES)])
            await client.read("cp-01.c0", DAY, DAY + 1, upto_sequence=last)
            child.kill()
            child.wait()
            (tmp_path / "history" / "hot.duckdb").write_bytes(b"lost to a bad disk" * 1000)
            child = start_historian(server.url, tmp_path)
            await client.read("cp-01.c0", DAY, DAY + 1, upto_sequence=last)
            found = await client.sql("SELECT count(*) AS n, sum(value) AS total FROM samples")
            count, total = expected()
            assert found.to_pydict() == {"n": [count], "total": [total]}
            assert (tmp_path / "history" / "hot.duckdb.unreadable-1").exists()
        finally:
            child.kill()
            child.wait()
            await bus.close()

    asyncio.run(check())
