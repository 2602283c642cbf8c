"""kill -9 of edge, worker, historian and nats in the middle of a replay, and of an edge that reads MQTT: counts, sums and beliefs
equal an undisturbed run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.plant.small import STEP_S, messages, plant_text, samples

from didymos.core.clock import iso
from didymos.core.estimate import Snapshot
from didymos.data.connect.mqtt_publish import Publisher
from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, command, free_port, wait_ready
from didymos.formats.wire import unpack
from didymos.plant.config import load
from didymos.plant.loop import Loop

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
        f"speed = {STEPS * STEP_S / WALL_S}\n"
    )
    (folder / "plant.toml").write_text(stored(folder, plant_text().replace('url = "file:///nowhere.csv"\n', source)))
    return len(rows)


def stored(folder: Path, text: str) -> str:
    return text.replace("[clock]", f'[store]\npath = "{folder / "store"}"\n[clock]')


def run(folder: Path, victim: str | None) -> dict:
    """Replay once, with `victim` killed on the way; what history holds and what the worker believed."""
    rows = written(folder)
    runtime = Runtime(folder, ServerConfig(store=folder / "stream", port=free_port()))
    try:
        for role in ("nats", *ROLES):
            runtime.start(role)
        if victim:
            began = time.monotonic()
            while not list(folder.glob("store/edge-*/*.cursor")) and time.monotonic() - began < 60:
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


async def gathered(runtime: Runtime, rows: int, expected: int = 3 * ((STEPS - 2) // 12)) -> dict:
    """Wait until `rows` samples and `expected` snapshots have arrived, then read them back."""
    bus = await open_bus(runtime.server.url)
    history = HistoryClient(bus)
    try:
        deadline = time.monotonic() + 90
        beliefs: dict[tuple[str, int], tuple[bytes, bytes]] = {}
        reader = await bus.subscribe("results", ["res.*.snapshot.*"], 0)
        counted = 0
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


# an edge that reads MQTT with QoS 1: what it did not acknowledge comes again, later than what was sent after it

MQTT_STEPS = 120
LATENESS_S = 48 * STEP_S  # what comes again is up to some wall seconds late; a wall second is 12 steps here
STEPS_A_SECOND = 12.0


def mqtt_plant(folder: Path, port: int) -> Path:
    text = plant_text().replace('type = "replay"', 'type = "mqtt"').replace("file:///nowhere.csv", f"mqtt://127.0.0.1:{port}")
    text = text.replace("lateness_s = 600", f"lateness_s = {LATENESS_S}")
    for asset in ("cm-01", "cp-01", "hu-01"):
        text = text.replace(f'address = "{asset}.', f'address = "line7/{asset}/telemetry#')
    (folder / "plant.toml").write_text(stored(folder, text))
    return folder / "plant.toml"


async def published(rows, url: str, at_step: dict) -> None:
    """Every step's telemetry, one message per asset; QoS 1. at_step: {step: what to do before it}."""
    async with Publisher(url, "plant") as out:
        for k, step in enumerate(rows):
            if k in at_step:
                at_step[k]()
            by_asset: dict[str, dict] = {}
            for channel, time_ns, value, _ in step:
                asset, _, name = channel.partition(".")
                by_asset.setdefault(asset, {"ts": iso(time_ns), "values": {}})["values"][name] = value
            await out.publish_many([(f"line7/{a}/telemetry", json.dumps(body).encode()) for a, body in by_asset.items()], qos=1)
            await asyncio.sleep(1.0 / STEPS_A_SECOND)


async def subscribed(runtime: Runtime) -> None:
    """Until the edge's session exists at the broker: what is published before belongs to nobody."""
    deadline = time.monotonic() + 30
    while "connected to" not in (runtime.folder / "edge.log").read_text():
        assert time.monotonic() < deadline, runtime.logs()
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)


def undisturbed_beliefs(plant_file: Path, rows) -> dict:
    """What the loop believes when it is simply given the samples in order."""
    loop = Loop(load(plant_file))
    for message in messages(rows):
        loop.feed(message)
    found = [unpack(Snapshot, data) for subject, data, _ in loop.outputs if ".snapshot." in subject]
    return {(s.asset, s.time_ns): (s.mean.tobytes(), s.cov.tobytes()) for s in found}


def test_an_edge_killed_while_it_reads_mqtt_loses_nothing_and_counts_nothing_twice(tmp_path):
    server = ServerConfig(tmp_path / "stream", free_port(), free_port(), mqtt_ack_wait_s=2)  # a second is twelve steps here
    runtime, rows = Runtime(tmp_path, server), samples(MQTT_STEPS)
    plant_file = mqtt_plant(tmp_path, server.mqtt_port)
    expected = undisturbed_beliefs(plant_file, rows)

    def freeze() -> None:  # so that messages are on the way, unacknowledged, when it dies
        os.kill(runtime.children["edge"].pid, signal.SIGSTOP)

    def restart() -> None:
        runtime.kill("edge")
        runtime.start("edge")

    async def drill() -> dict:
        await subscribed(runtime)
        await published(rows, f"mqtt://127.0.0.1:{server.mqtt_port}", {36: freeze, 42: restart})
        return await gathered(runtime, sum(map(len, rows)), len(expected))

    try:
        for role in ("nats", *ROLES):
            runtime.start(role)
        found = asyncio.run(drill())
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{runtime.logs()}") from error
    finally:
        runtime.stop()
    sums: dict[str, list[float]] = {}
    for channel, _, value, _ in (row for step in rows for row in step):
        sums.setdefault(channel, []).append(value)
    assert {r["channel"]: r["n"] for r in found["history"]} == {channel: len(values) for channel, values in sums.items()}
    for row in found["history"]:
        assert row["total"] == pytest.approx(sum(sums[row["channel"]]), rel=1e-12)
    assert found["beliefs"] == expected
