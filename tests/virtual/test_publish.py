"""The live process over a real OPC UA server: a client sees the simulated values at their addresses, in plant time."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC

import pytest

from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError
from didymos.plant.virtual.__main__ import settings
from didymos.plant.virtual.plant import simulate

START = "2026-01-05T06:00:00Z"


def test_a_speed_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="--speed"):
        settings(["--speed", "0", "--erp", "e.db", "--truth", "t.json"])


def test_a_client_reads_the_simulated_value_at_its_plant_time_and_sigterm_ends_the_process(tmp_path):
    words = ["--seed", "3", "--start", START, "--days", "0.5", "--erp", str(tmp_path / "e.db"), "--truth", str(tmp_path / "t.json")]
    child = subprocess.Popen([sys.executable, "-m", "didymos.plant.virtual", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        seen = asyncio.run(_first_good(f"opc.tcp://127.0.0.1:{ready['opcua_port']}/line7", "ns=2;s=CP01.Flow"))
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    run = simulate(3, parse_time(START), 0.5)
    expected = dict(zip(run.time_ns.tolist(), run.value["cp-01.flow"].tolist(), strict=True))
    time_ns, value = seen
    assert expected[time_ns] == value
    assert json.loads((tmp_path / "t.json").read_text())["seed"] == 3


async def _first_good(url: str, node: str) -> tuple[int, float]:
    from asyncua.client.client import Client

    async with Client(url) as client:
        for _ in range(200):
            found = await client.get_node(node).read_data_value(raise_on_bad_status=False)
            moment = found.SourceTimestamp
            if found.StatusCode is not None and found.StatusCode.is_good() and moment is not None and found.Value is not None:
                stamp = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                return int(stamp.timestamp()) * 1_000_000_000, found.Value.Value
            await asyncio.sleep(0.05)
    raise AssertionError("no good value came")
