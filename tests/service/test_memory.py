"""Memory of the demo's processes, as the kernel counts it, after about twenty seconds of the running line.

Limits of resident memory: measured plus a quarter (65, 172, 166, 227, 148, 140 MiB on Linux x86-64, kernels compiled before). The
limit of all proportional shares together is 1.2 GB. Commissioning, after two plant days, comes later than this test looks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from didymos.data.stream.server import ServerConfig, free_port, wait_ready
from didymos.plant.config import load
from didymos.plant.roles import runtime
from didymos.plant.supervise import tethered
from didymos.service.demo import Demo, virtual_command, write_plant

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.slow]

LIMIT_MIB = {"nats": 81, "line": 215, "historian": 290, "worker": 284, "serve": 185, "edge": 175}
SUM_MIB = 1.2e9 / 2**20
BEGIN_AFTER_S, LINE_S = 12.0, 20.0


def kilobytes(pid: int, file: str, field: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise AssertionError(f"/proc/{pid}/{file} has no {field}")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """role -> (RSS, PSS) in MiB while the line runs; every role alive."""
    folder = tmp_path_factory.mktemp("memory")
    server = ServerConfig(folder / "stream", free_port(), free_port())
    began = datetime.now(UTC) + timedelta(seconds=BEGIN_AFTER_S)
    settings, opcua = Demo("127.0.0.1", free_port(), 1, 0.0), free_port()
    file = write_plant(folder, settings, server, opcua, began)
    plant = load(file)
    warm_in_child(file)
    commands = {role.name: role.command for role in runtime(plant, file, server.url, server, "")}
    commands["line"] = virtual_command(folder, settings, server, opcua, began)
    with ExitStack() as ends:
        children: dict[str, subprocess.Popen[bytes]] = {}
        for role in ("nats", "line", "historian", "worker", "serve", "edge"):
            log = ends.enter_context((folder / f"{role}.log").open("wb"))
            children[role] = subprocess.Popen(tethered(commands[role]), stdout=log, stderr=log)
            ends.callback(ended, children[role])
            if role == "nats":
                wait_ready(server.url)
        time.sleep(max(0.0, began.timestamp() + LINE_S - time.time()))
        dead = [role for role, child in children.items() if child.poll() is not None]
        assert not dead, {role: (folder / f"{role}.log").read_text()[-800:] for role in dead}
        return {
            role: (kilobytes(c.pid, "status", "VmRSS") / 1024, kilobytes(c.pid, "smaps_rollup", "Pss") / 1024)
            for role, c in children.items()
        }


def warm_in_child(file: Path) -> None:
    subprocess.run([sys.executable, "-m", "didymos.plant.warm", str(file)], check=True, env=os.environ)


def ended(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@pytest.mark.parametrize("role", sorted(LIMIT_MIB))
def test_a_role_stays_within_its_stated_memory(used, role):
    assert used[role][0] < LIMIT_MIB[role]


def test_all_processes_together_stay_under_the_stated_sum(used):
    print({role: round(pss) for role, (_, pss) in used.items()}, round(sum(pss for _, pss in used.values())), "MiB")
    assert sum(pss for _, pss in used.values()) < SUM_MIB
