"""The processes of the ingest bench: nats and the roles on a fresh store, the publisher beside them, and the CPU time they took."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from didymos.bench.ingest_plant import plant_file
from didymos.core.errors import ConnectError, DataError
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.plant.supervise import tethered

COUNTED = ("nats", "edge", "worker", "historian")
TICKS = os.sysconf("SC_CLK_TCK")
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """One run. warm_s, seconds: of source time, 2,000 values each; rate: most values per wall second that the publisher sends."""

    kind: str
    qos: int
    warm_s: int
    seconds: int
    rate: float
    step_s: float = 10.0
    lateness_s: float = 20.0
    publish_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    mqtt: str
    port: int
    pids: dict[str, int]
    plant: Path


@contextmanager
def running(part: Part, roles: tuple[str, ...]) -> Iterator[Running]:
    """nats and `roles` on a fresh store; all ended when the block is left."""
    with tempfile.TemporaryDirectory(prefix="didymos-bench-") as name:
        folder = Path(name)
        server = ServerConfig(folder / "stream", free_port(), free_port())
        plant = plant_file(
            folder, part.kind, part.qos, server.mqtt_port, port := free_port(), part.step_s, part.lateness_s, part.publish_s
        )
        children = {"nats": start(server)}
        try:
            for role in roles:
                command = [sys.executable, "-m", "didymos.service.cli", role, str(plant), "--nats", server.url]
                with (folder / f"{role}.log").open("wb") as log:
                    children[role] = subprocess.Popen(tethered(command), stdout=log, stderr=log)
            connected(folder / "edge.log")
            pids = {role: child.pid for role, child in children.items()}
            yield Running(server.url, f"mqtt://127.0.0.1:{server.mqtt_port}", port, pids, plant)
        finally:
            for child in reversed(children.values()):
                stop(child)


def connected(log: Path) -> None:
    """Waits until the edge says that it has reached the broker, and a moment for its subscriptions."""
    deadline = time.monotonic() + READY_S
    while "connected to" not in log.read_text():
        if time.monotonic() > deadline:
            raise ConnectError(f"ingest: edge did not reach the broker within {READY_S:.0f} s; it said: {log.read_text()[-500:]}")
        time.sleep(0.1)
    time.sleep(3.0)


def port_open(port: int) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise ConnectError(f"ingest: serve did not listen within {READY_S:.0f} s: {error}") from error
            time.sleep(0.1)


async def published(up: Running, part: Part, first_ns: int, first: int, last: int) -> None:
    words = [up.mqtt, part.kind, part.qos, first_ns, first, last, part.rate]
    command = [sys.executable, "-m", "didymos.bench.ingest_plant", *map(str, words)]
    child = await asyncio.create_subprocess_exec(*tethered(command))
    if await child.wait():
        raise DataError(f"ingest: the publisher ended with status {child.returncode}")


def cpu(pids: dict[str, int]) -> dict[str, float]:
    """User and system seconds of each counted role so far."""
    return {role: _seconds(pids[role]) for role in COUNTED}


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
