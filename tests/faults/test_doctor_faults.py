"""The doctor on a real small plant: an OPC UA server that is killed, a frozen tag, an MQTT topic nobody bound, a stopped worker."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_role_kills import Runtime, stored
from tests.connect.servers import wait_for_port

from didymos.assets import ASSETS
from didymos.core.clock import iso
from didymos.data.connect.mqtt_publish import Publisher
from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port
from didymos.plant.config import load
from didymos.plant.diagnosis import Diagnosis, diagnose
from didymos.plant.doctor import examine

PUMP = ASSETS["centrifugal_pump"]
CHANNELS = (*PUMP.inputs, *PUMP.sensors)
HEALTHY = [*PUMP.nominal, *PUMP.out(PUMP.State(*map(float, PUMP.initial)), PUMP.nominal, PUMP.Params())]
NOISE = [0.003 * abs(float(v)) for v in PUMP.nominal] + [c.noise for c in PUMP.sensors]

SERVER = """
import asyncio, json, random, sys
from pathlib import Path
from asyncua import Server, ua

async def main(port, values, frozen):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    space = await server.register_namespace("test")
    add, double = server.nodes.objects.add_variable, ua.VariantType.Double
    nodes = {n: await add(ua.NodeId(n, space), n, v, double) for n, (v, _) in values.items()}
    async with server:
        while True:
            still = frozen.read_text() if frozen.exists() else ""
            for name, (value, noise) in values.items():
                await nodes[name].write_value(value if name == still else random.gauss(value, noise))
            await asyncio.sleep(0.25)

asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2]), Path(sys.argv[3])))
"""

TOML = """
[plant]
id = "small"
name = "Small plant"
step_s = 1
lateness_s = 1
publish_s = 5
[clock]
kind = "wall"
[limits]
case_cost = 1500
[[source]]
id = "plc"
type = "opcua"
url = "opc.tcp://127.0.0.1:{plc}/"
publish_s = 0.2
retry_most_s = 0.5
[[source]]
id = "broker"
type = "mqtt"
url = "mqtt://someone:secret@127.0.0.1:{mqtt}"
subscribe = "line7/+/telemetry"
[[asset]]
id = "hu-01"
model = "generic"
channel = [ {{ name = "pressure", unit = "Pa" }}, {{ name = "speed", unit = "rad/s" }} ]
tag = [
  {{ channel = "pressure", source = "broker", address = "line7/hu-01/telemetry#Pressure", unit = "bar" }},
  {{ channel = "speed", source = "broker", address = "line7/hu-01/telemetry#Speed", unit = "rad/s" }},
]
[[asset]]
id = "cp-01"
model = "centrifugal_pump"
tag = [
"""


class Plc:
    """An OPC UA server process with every tag of the pump."""

    def __init__(self, folder: Path) -> None:
        self.port, self.frozen = free_port(), folder / "frozen"
        self.start()

    def start(self) -> None:
        values = {c.name: (float(v), s) for c, v, s in zip(CHANNELS, HEALTHY, NOISE, strict=True)}
        command = [sys.executable, "-c", SERVER, str(self.port), json.dumps(values), str(self.frozen)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


class Machine(threading.Thread):
    """Publishes hu-01's telemetry four times a second; with `strange`, a topic and a field that nobody bound as well."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.strange, self.ended = url, False, threading.Event()
        self.start()

    def run(self) -> None:
        asyncio.run(self.publish())

    async def publish(self) -> None:
        async with Publisher(self.url, "machine") as out:
            k = 0
            while not self.ended.is_set():
                k += 1
                values = {"Pressure": 2.0 + k % 7 / 100, "Speed": 100 + k % 5}
                body = {"ts": iso(time.time_ns()), "values": values | ({"Oil": 3.0} if self.strange else {})}
                messages = [("line7/hu-01/telemetry", json.dumps(body).encode())]
                if self.strange:
                    messages.append(("line7/hu-99/telemetry", json.dumps(body).encode()))
                await out.publish_many(messages, qos=1)
                await asyncio.sleep(0.25)


@dataclass
class Place:
    runtime: Runtime
    plc: Plc
    machine: Machine
    plant_file: Path

    def diagnosis(self) -> Diagnosis:
        async def asked() -> Diagnosis:
            plant, bus = load(self.plant_file), await open_bus(self.runtime.server.url)
            try:
                return diagnose(await examine(plant, bus, HistoryClient(bus, 6.0)))
            finally:
                await bus.close()

        return asyncio.run(asked())

    def until(self, true: Callable[[Diagnosis], object], seconds: float = 90.0) -> Diagnosis:
        deadline = time.monotonic() + seconds
        while True:
            found = self.diagnosis()
            if true(found):
                return found
            assert time.monotonic() < deadline, f"{found.troubles}\n{found.hops}\n{self.runtime.logs()}"
            time.sleep(0.5)

    def command(self, *more: str) -> subprocess.CompletedProcess:
        words = [sys.executable, "-m", "didymos.service.cli", "doctor", str(self.plant_file), "--nats", self.runtime.server.url]
        return subprocess.run([*words, *more], capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "160"})


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("doctor")
    server = ServerConfig(folder / "stream", free_port(), free_port())
    runtime, plc = Runtime(folder, server), Plc(folder)
    text = TOML.format(plc=plc.port, mqtt=server.mqtt_port)
    text += "".join(
        f'  {{ channel = "{c.name}", source = "plc", address = "ns=2;s={c.name}", unit = "{c.unit}" }},\n' for c in CHANNELS
    )
    (folder / "plant.toml").write_text(stored(folder, text + "]\n"))
    machine = None
    try:
        for role in ("nats", "historian", "worker", "edge"):
            runtime.start(role)
        machine = Machine(f"mqtt://127.0.0.1:{server.mqtt_port}")
        yield Place(runtime, plc, machine, folder / "plant.toml")
    finally:
        if machine is not None:
            machine.ended.set()
        plc.kill()
        runtime.stop()


def wrong(found: Diagnosis, hop: str) -> list[str]:
    return [t.what for t in found.troubles if t.wrong and t.hop == hop]


def state(found: Diagnosis, name: str) -> str:
    return next(h.state for h in found.hops if h.name == name)


def test_a_healthy_plant_is_well_and_every_hop_says_how_it_is(place):
    place.until(lambda d: d.ok)
    answer = place.command("--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = json.loads(answer.stdout)
    assert [(h["hop"], h["state"]) for h in found["hops"]] == [
        ("source", "connected"), ("source", "connected"), ("edge", "answers"), ("stream", "answers"), ("stream", "answers"),
        ("worker", "answers"), ("historian", "answers"),
    ]  # fmt: skip
    assert {c["state"] for c in found["channels"]} == {"ok"}
    assert {c["channel"] for c in found["channels"]} >= {"cp-01.flow", "hu-01.pressure"}
    assert {c["verdict"] for c in found["coverage"]} == {"seen"}
    pressure = next(c for c in found["channels"] if c["channel"] == "hu-01.pressure")
    assert 1.9e5 < pressure["value"] < 2.2e5
    assert "secret" not in answer.stdout


def test_a_topic_and_a_field_that_nobody_bound_are_named_and_are_no_fault(place):
    place.machine.strange = True
    found = place.until(lambda d: len(d.unmapped.get("broker", [])) == 2)
    assert found.unmapped["broker"] == ["line7/hu-01/telemetry#Oil", "line7/hu-99/telemetry"]
    assert found.ok
    place.machine.strange = False


def test_a_tag_that_reads_the_same_while_its_neighbours_move_is_frozen_and_out_of_the_coverage(place):
    place.plc.frozen.write_text("seal_leakage")
    found = place.until(lambda d: any("cp-01.seal_leakage" in what for what in wrong(d, "channel")))
    line = next(c for c in found.channels if c.channel == "cp-01.seal_leakage")
    assert line.state == "frozen"
    seal = next(c for c in found.coverage if c.mode == "seal")
    assert seal.verdict == "blind"
    assert "seal_leakage" not in seal.alive
    assert next(c for c in found.coverage if c.mode == "wear_ring").verdict == "seen"
    place.plc.frozen.unlink()
    place.until(lambda d: d.ok)


def test_a_stopped_worker_is_named_with_what_to_do_and_the_command_says_no(place):
    worker = place.runtime.children["worker"]
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        answer = place.command()
        assert answer.returncode == 1, answer.stdout + answer.stderr
        text = " ".join(answer.stdout.split())
        assert "worker does not answer" in text
        assert "didymos worker PLANT.toml" in text
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    place.until(lambda d: d.ok)


def test_a_killed_opc_ua_server_is_named_its_channels_go_silent_and_the_broker_stays_well(place):
    place.plc.kill()
    found = place.until(lambda d: state(d, "plc") == "disconnected")
    assert any(what.startswith("plc is not connected since") for what in wrong(found, "source"))
    found = place.until(lambda d: any("cp-01.flow" in what for what in wrong(d, "channel")))
    assert {c.state for c in found.channels if c.source == "plc"} == {"silent"}
    assert {c.state for c in found.channels if c.source == "broker"} == {"ok"}
    assert {c.verdict for c in found.coverage} == {"blind"}
    place.plc.start()
    place.until(lambda d: d.ok)


def test_without_any_nats_server_the_answer_is_no_and_says_what_to_start(place):
    words = [
        sys.executable,
        "-m",
        "didymos.service.cli",
        "doctor",
        str(place.plant_file),
        "--nats",
        f"nats://127.0.0.1:{free_port()}",
    ]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 1
    assert "Start nats-server" in " ".join(answer.stdout.split())
    assert "Traceback" not in answer.stderr
