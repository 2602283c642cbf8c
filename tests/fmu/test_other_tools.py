"""FMUs made by pythonfmu (FMI 2) and pythonfmu3 (FMI 3): Python inside the library, which crashes and raises in its own ways."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from didymos.assets.fmu.bind import open_fmu
from didymos.core.errors import SolveError

SCRIPT_2 = '''
from pythonfmu import Fmi2Slave, Real, Fmi2Causality, Fmi2Variability

class Tank(Fmi2Slave):
    """A tank that fills and drains."""
    def __init__(self, **words):
        super().__init__(**words)
        self.inflow, self.level, self.area, self.crash_at = 0.0, 1.0, 2.0, 1e9
        self.register_variable(Real("inflow", causality=Fmi2Causality.input))
        self.register_variable(Real("area", causality=Fmi2Causality.parameter, variability=Fmi2Variability.tunable))
        self.register_variable(Real("crash_at", causality=Fmi2Causality.parameter, variability=Fmi2Variability.tunable))
        self.register_variable(Real("level", causality=Fmi2Causality.output))

    def do_step(self, time, dt):
        if time >= self.crash_at:
            raise RuntimeError("the tank is empty")
        self.level += dt * (self.inflow - 0.1 * self.level) / self.area
        return True
'''
SCRIPT_3 = """
from pythonfmu3 import Fmi3Causality, Fmi3Slave, Fmi3Variability, Float64

class Tank3(Fmi3Slave):
    def __init__(self, **words):
        super().__init__(**words)
        self.time, self.inflow, self.level = 0.0, 0.0, 1.0
        self.register_variable(Float64("time", causality=Fmi3Causality.independent, variability=Fmi3Variability.continuous))
        self.register_variable(Float64("inflow", causality=Fmi3Causality.input))
        self.register_variable(Float64("level", causality=Fmi3Causality.output))

    def do_step(self, time, dt):
        self.level += dt * (self.inflow - 0.1 * self.level) / 2.0
        return True
"""


def levels(inflow: np.ndarray, dt_s: float, area: float = 2.0) -> list[float]:
    level, found = 1.0, []
    for q in inflow[:, 0]:
        level += dt_s * (q - 0.1 * level) / area
        found.append(level)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """`made(tool)` -> an FMU written by that tool; skipped, saying so, where the tool is not installed."""
    folder = tmp_path_factory.mktemp("tools")

    def make(tool: str, name: str, script: str):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed")
        if not (folder / f"{name}.fmu").exists():
            (folder / f"{name.lower()}.py").write_text(script)
            words = [sys.executable, "-m", tool, "build", "-f", str(folder / f"{name.lower()}.py"), "-d", str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        return folder / f"{name}.fmu"

    return make


def test_an_fmu_of_pythonfmu_gives_what_its_python_gives(made):
    u = 0.2 + 0.1 * np.sin(np.arange(300.0))[:, None]
    with open_fmu(made("pythonfmu", "Tank", SCRIPT_2), stop_s=1e6, parameters={"area": 3.0}) as fmu:
        assert fmu.steps(u, 0.5)[:, 0].tolist() == levels(u, 0.5, 3.0)


@pytest.mark.slow
def test_what_its_python_raises_ends_the_run_with_the_time(made):
    with (
        open_fmu(made("pythonfmu", "Tank", SCRIPT_2), stop_s=1e6, parameters={"crash_at": 2.0}) as fmu,
        pytest.raises(SolveError, match=r"fmi2DoStep failed with status 4 \(fatal\). in the step from 2 s"),
    ):
        fmu.steps(np.zeros((10, 1)), 0.5)


@pytest.mark.slow
def test_an_fmu_of_pythonfmu_killed_in_mid_step_lives_again_from_its_inputs(made):
    u = 0.2 + 0.1 * np.sin(np.arange(6000.0))[:, None]

    def kill(fmu) -> None:
        while fmu.progress() < 300:
            time.sleep(0.0005)
        os.kill(fmu.pid, signal.SIGKILL)

    with open_fmu(made("pythonfmu", "Tank", SCRIPT_2), stop_s=1e6) as fmu:
        fmu.start()
        killer = threading.Thread(target=kill, args=(fmu,))
        killer.start()
        y = fmu.steps(u, 0.5)
        killer.join()
        assert len(fmu.lost) == 1
    assert y[:, 0].tolist() == levels(u, 0.5)


def test_an_fmu_of_pythonfmu3_gives_what_its_python_gives(made):
    u = 0.2 + 0.1 * np.sin(np.arange(200.0))[:, None]
    with open_fmu(made("pythonfmu3", "Tank3", SCRIPT_3), stop_s=1e6) as fmu:
        assert fmu.steps(u, 0.5)[:, 0].tolist() == levels(u, 0.5)
