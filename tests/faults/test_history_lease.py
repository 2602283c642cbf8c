"""Of two historians one is at work; a frozen one is replaced, and when it wakes it says that it lost its lease and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from tests.faults.test_history_kill import BATCHES, batch, expected

from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack

HISTORIAN = """
import asyncio, logging, sys
from pathlib import Path
from didymos.core.clock import DataClock
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
logging.basicConfig(level=logging.INFO)

async def main():
    bus = await open_bus(sys.argv[1])
    try:
        options = HistoryOptions(commit_s=0.05, commit_messages=7, compact_s=0.05, lease_s=1.5)
        await Historian(options).run(bus, Path(sys.argv[2]), DataClock(), lambda record: None)
    finally:
        await bus.close()

asyncio.run(main())
"""


@pytest.fixture
def server(tmp_path):
    config = ServerConfig(tmp_path / "nats", free_port())
    child = start(config)
    yield config
    stop(child)


def historian(url: str, folder, name: str) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-c", HISTORIAN, url, str(folder / name)], stdout=log, stderr=log)


def test_a_frozen_historian_is_replaced_by_one_on_another_host_and_ends_when_it_wakes(server, tmp_path):
    """Another host: a folder of its own, filled from the stream."""

    async def check() -> None:
        bus = await open_bus(server.url)
        client = HistoryClient(bus, 60.0)
        children = [historian(server.url, tmp_path, "first")]
        try:
            half = [("tel.1", pack(batch(i)), f"b{i}") for i in range(BATCHES // 2)]
            await client.reached("plant", await bus.publish_many(half))
            children.append(historian(server.url, tmp_path, "second"))
            while "history is kept by" not in (tmp_path / "second.log").read_text():
                await asyncio.sleep(0.1)
            os.kill(children[0].pid, signal.SIGSTOP)
            rest = [("tel.1", pack(batch(i)), f"b{i}") for i in range(BATCHES // 2, BATCHES)]
            last = await bus.publish_many(rest)
            await client.reached("plant", last)  # asked again of whoever holds the lease by then
            os.kill(children[0].pid, signal.SIGCONT)
            assert await asyncio.to_thread(children[0].wait, 30) != 0
            assert "this historian ends" in (tmp_path / "first.log").read_text()
            query = "SELECT count(*) AS n, sum(value) AS total FROM samples"
            found = (await client.sql(query)).to_pylist()
            count, total = expected()
            assert found == [{"n": count, "total": total}]
        finally:
            for child in children:
                child.kill()
                child.wait()
            await bus.close()

    asyncio.run(check())
