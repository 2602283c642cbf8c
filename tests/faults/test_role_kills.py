"""kill -9 of edge, worker, historian and nats in the middle of a replay: counts, sums and beliefs equal an undisturbed run."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.plant.small import STEP_S, plant_text, samples

from didymos.core.estimate import Snapshot
from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, command, free_port, wait_ready
from didymos.formats.wire import unpack

STEPS = 72
WALL_S = 9.0  # how long the replay lasts
KILL_AT_S = 4.0
ROLES = ("historian", "worker", "edge")


@dataclass
class Runtime:
    """nats and three roles as processes of their own, on one plant file."""

    folder: Path
    server: ServerConfig
    children: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, role: str) -> None:
        nats = command(self.server) if role == "nats" else None
        plant = str(self.folder / "plant.toml")
        words = nats or [sys.executable, "-m", "didymos.service.cli", role, plant, "--nats", self.server.url]
        with (self.folder / f"{role}.log").open("ab") as log:
            self.children[role] = subprocess.Popen(words, stdout=log, stderr=log)
        if role == "nats":
            wait_ready(self.server.url, 20.0)

    def kill(self, role: str) -> None:
        os.kill(self.children[role].pid, signal.SIGKILL)
        self.children[role].wait()

    def stop(self) -> None:
        for role in reversed(list(self.children)):
            self.children[role].terminate()
        for child in self.children.values():
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def logs(self) -> str:
        return "\n".join(f"--- {f.name}\n{f.read_text()[-1500:]}" for f in sorted(self.folder.glob("*.log")))


def written(folder: Path) -> int:
    """The plant file and its recording; returns the number of rows."""
    rows = [row for step in samples(STEPS) for row in step]
    lines = [f"{time_ns},{channel},{value!r}" for channel, time_ns, value, _ in rows]
    (folder / "record.csv").write_text("time,tag,value\n" + "\n".join(lines) + "\n")
    source = (
        f'url = "{folder / "record.csv"}"\nlayout = "long"\ntime_unit = "ns"\nbatch_rows = 50\nbatch_s = 0.1\n'
        f'speed = {STEPS * STEP_S / WALL_S}\ncursor = "{folder / "cursor"}"\n'
    )
    text = (
        plant_text()
        .replace('url = "file:///nowhere.csv"\n', source)
        .replace("[clock]", f'[store]\npath = "{folder / "store"}"\n[clock]')
    )
    (folder / "plant.toml").write_text(text)
    return len(rows)


def run(folder: Path, victim: str | None) -> dict:
    """Replay once, with `victim` killed on the way; what history holds and what the worker believed."""
    rows = written(folder)
    runtime = Runtime(folder, ServerConfig(store=folder / "stream", port=free_port()))
    try:
        for role in ("nats", *ROLES):
            runtime.start(role)
        if victim:
            began = time.monotonic()
            while not (folder / "cursor").exists() and time.monotonic() - began < 60:
                time.sleep(0.05)
            time.sleep(KILL_AT_S)
            assert runtime.children["edge"].poll() is None, "the replay ended before the kill"
            runtime.kill(victim)
            runtime.start(victim)
        return asyncio.run(gathered(runtime, rows))
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{runtime.logs()}") from error
    finally:
        runtime.stop()


async def gathered(runtime: Runtime, rows: int) -> dict:
    """Wait until everything has arrived, then read it back."""
    bus = await open_bus(runtime.server.url)
    history = HistoryClient(bus)
    try:
        deadline = time.monotonic() + 90
        beliefs: dict[tuple[str, int], tuple[bytes, bytes]] = {}
        reader = await bus.subscribe("results", ["res.*.snapshot.*"], 0)
        expected, counted = 3 * ((STEPS - 2) // 12), 0
        while len(beliefs) < expected or counted < rows:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(beliefs)} of {expected} snapshots, {counted} of {rows} samples after 90 s")
            for message in await reader.fetch(100, 0.5):
                s = unpack(Snapshot, message.data)
                key = (s.asset, s.time_ns)
                assert key not in beliefs, f"{key} was published twice"
                beliefs[key] = (s.mean.tobytes(), s.cov.tobytes())
            counted = await count(history)
        await asyncio.sleep(1.0)
        table = await history.sql(
            "select channel, count(*) as n, sum(value) as total from samples group by channel order by channel"
        )
        return {"history": table.to_pylist(), "beliefs": beliefs, "rows": rows}
    finally:
        await bus.close()


async def count(history: HistoryClient) -> int:
    try:
        return (await history.sql("select count(*) as n from samples")).to_pylist()[0]["n"]
    except Exception:  # the historian may just be away: that is what is tested
        return 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return run(tmp_path_factory.mktemp("undisturbed"), None)


def test_an_undisturbed_replay_stores_every_row_once_and_publishes_every_asset(undisturbed):
    assert sum(row["n"] for row in undisturbed["history"]) == undisturbed["rows"]
    assert {asset for asset, _ in undisturbed["beliefs"]} == {"cm-01", "cp-01", "hu-01"}


@pytest.mark.parametrize("victim", ["edge", "worker", "historian", "nats"])
def test_killed_in_the_middle_of_a_replay_it_ends_as_if_nothing_had_happened(victim, undisturbed, tmp_path):
    found = run(tmp_path, victim)
    assert [(r["channel"], r["n"]) for r in found["history"]] == [(r["channel"], r["n"]) for r in undisturbed["history"]]
    for one, other in zip(found["history"], undisturbed["history"], strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-12)  # the order of summation differs
    assert found["beliefs"] == undisturbed["beliefs"]
