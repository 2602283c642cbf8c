"""Brokers for tests: started on free loopback ports, stopped by pid. They are the peers that nobody here wrote."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from didymos.core.ports import Fault, Payload

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], timeout_s: float = 40.0) -> T:
    """`asyncio.run` with an end."""

    async def limited() -> T:
        async with asyncio.timeout(timeout_s):
            return await work

    return asyncio.run(limited())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):  # a loaded machine takes its time
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            assert process.poll() is None, f"{process.args} ended with {process.returncode}"
            time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"nothing listens on port {port}")


class Broker:
    """One broker process; `kill` is SIGKILL, `start` brings it back with the same port and store."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command, self.port = command, port
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.process.pid, number)
        self.process.wait(10)


def nats_broker(folder: Path) -> Broker:
    """nats-server's MQTT listener, from the wheel."""
    port, client_port = free_port(), free_port()
    config = folder / "nats.conf"
    config.write_text(
        f'server_name: test\nlisten: "127.0.0.1:{client_port}"\njetstream {{ store_dir: "{folder / "store"}" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "2s" }}\n'
    )
    return Broker([str(Path(sys.executable).parent / "nats-server"), "-c", str(config)], port)


def mosquitto_broker(folder: Path, more: str = "allow_anonymous true\n") -> Broker:
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto mosquitto-clients)")
    port = free_port()
    config = folder / "mosquitto.conf"
    stored = f"persistence true\npersistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
    stored += "max_queued_messages 100000\n"
    config.write_text(f"listener {port} 127.0.0.1\nlog_type none\nuser {os.environ.get('USER', 'root')}\n{stored}{more}")
    return Broker([found, "-c", str(config)], port)


def values(items: list[Payload | Fault]) -> list[tuple[str, int, float, int]]:
    """Rows (tag, time_ns, value, quality) of every batch, in order."""
    rows: list[tuple[str, int, float, int]] = []
    for item in items:
        if isinstance(item, Payload) and item.batch is not None:
            b = item.batch
            names = [b.channels[place] for place in b.channel.tolist()]
            rows += zip(names, b.time_ns.tolist(), b.value.tolist(), b.quality.tolist(), strict=True)
    return rows


def faults(items: list[Payload | Fault], kind: str) -> list[str]:
    return [item.text for item in items if isinstance(item, Fault) and item.kind == kind]
