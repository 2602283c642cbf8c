"""FMUs stepped in a child process: exact, and whole again after every way in which a foreign library goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from didymos.assets.fmu.bind import open_fmu
from didymos.assets.fmu.model import Fmu
from didymos.assets.fmu.process import Limits
from didymos.core.errors import ConfigError, DataError, SolveError

LONG = 1e9


def exact(u: np.ndarray, dt_s: float, gain: float = 2.0) -> np.ndarray:
    """The probe's own closed form, input held through each step."""
    x, found = 0.0, []
    for value in u[:, 0]:
        x = gain * value + (x - gain * value) * np.exp(-dt_s)
        found.append(x)
    return np.array(found)


def wave(steps: int) -> np.ndarray:
    return np.sin(np.arange(steps) * 0.37)[:, None]


@pytest.mark.parametrize("fmi", [2, 3])
def test_an_fmu_gives_the_closed_form(probes, fmi):
    with open_fmu(probes(fmi), stop_s=LONG, parameters={"gain": 3.0}) as fmu:
        assert fmu.start().tolist() == [0.0, 0.0]
        y = fmu.steps(wave(300), 0.1)
        assert y[:, 0] == pytest.approx(exact(wave(300), 0.1, 3.0), abs=1e-13)
        assert y[-1, 1] == 300
        assert fmu.time_s == pytest.approx(30.0)


@pytest.fixture(scope="module")
def undisturbed(probes):
    """What the probe answers to `wave(8_000)` when nothing happens to it; the same C code in each of its forms."""
    with open_fmu(probes(2), stop_s=LONG) as fmu:
        y = fmu.steps(wave(8_000), 0.1)
        assert fmu.lost == []
    return y


def kill_in_mid_step(fmu: Fmu) -> None:
    while fmu.progress() < 200:
        time.sleep(0.0005)
    assert fmu.pid is not None
    os.kill(fmu.pid, signal.SIGKILL)


@pytest.mark.parametrize(("fmi", "states"), [(2, True), (2, False), pytest.param(3, True, marks=pytest.mark.slow)])
def test_a_child_killed_in_mid_step_is_replaced_and_the_answers_are_the_same(probes, undisturbed, fmi, states):
    u, limits = wave(8_000), Limits(checkpoint_steps=1500)
    with open_fmu(probes(fmi, states), stop_s=LONG, limits=limits) as fmu:
        fmu.start()
        killer = threading.Thread(target=kill_in_mid_step, args=(fmu,))
        killer.start()
        killed = fmu.steps(u, 0.1)
        killer.join()
        assert len(fmu.lost) == 1
        assert "SIGKILL" in fmu.lost[0]
    assert np.array_equal(undisturbed, killed)


def test_a_crash_is_named_with_its_signal_and_time_and_the_model_stands_where_it_stood(probes):
    with open_fmu(probes(2), stop_s=LONG, parameters={"mood": 1, "after": 5.0}) as fmu:
        fmu.steps(wave(10), 0.1)
        with pytest.raises(SolveError, match=r"SIGSEGV\), after 5\.\d* s; 2 times"):
            fmu.steps(wave(100), 0.1)
        assert fmu.time_s == pytest.approx(1.0)
        assert fmu.steps(wave(10), 0.1)[-1, 1] == 20


def test_a_step_that_never_ends_is_ended(probes):
    with open_fmu(probes(3), stop_s=LONG, parameters={"mood": 2, "after": 5.0}, limits=Limits(wall_s=0.6)) as fmu:
        with pytest.raises(SolveError, match=r"did not answer within 0.6 s, after 5\.\d* s"):
            fmu.steps(wave(100), 0.1)
        assert fmu.steps(wave(10), 0.1)[-1, 1] == 10


@pytest.mark.slow
def test_a_library_that_prints_for_ever_is_ended(probes):
    with (
        open_fmu(probes(2), stop_s=LONG, parameters={"mood": 5, "after": 0.5}, limits=Limits(wall_s=0.6, tries=1)) as fmu,
        pytest.raises(SolveError, match="did not answer"),
    ):
        fmu.steps(wave(10), 0.1)


@pytest.mark.slow
def test_a_library_that_leaks_is_recycled_before_its_limit_and_the_answers_are_the_same(probes):
    limits = Limits(memory_bytes=256 << 20, growth_bytes=60 << 20)
    with open_fmu(probes(2), stop_s=LONG, parameters={"mood": 3, "after": 5.0}, limits=limits) as fmu:
        y = fmu.steps(wave(330), 0.1)  # 280 MiB lost on the way
        assert fmu.recycled >= 3
        assert fmu.lost == []
    assert y[:, 0] == pytest.approx(exact(wave(330), 0.1), abs=1e-13)


@pytest.mark.slow
def test_a_leak_that_cannot_be_recycled_ends_at_the_limit(probes):
    limits = Limits(memory_bytes=150 << 20)
    with (
        open_fmu(probes(2, states=False), stop_s=LONG, parameters={"mood": 3, "after": 5.0}, limits=limits) as fmu,
        pytest.raises(SolveError, match="of memory; allowed are 150"),
    ):
        fmu.steps(wave(400), 0.1)


def test_an_fmu_that_answers_an_error_is_not_asked_again(probes):
    with open_fmu(probes(3), stop_s=LONG, parameters={"mood": 4, "after": 0.5}) as fmu:
        with pytest.raises(SolveError, match=r"fmi3DoStep failed with status 3 \(error\). in the step from 0\.[56]\d* s"):
            fmu.steps(wave(10), 0.1)
        assert fmu.lost == []


@pytest.mark.parametrize("states", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_state_kept_goes_on_in_another_process(probes, states):
    u = wave(200)
    with open_fmu(probes(2, states), stop_s=LONG) as fmu:
        fmu.steps(u[:100], 0.1)
        kept = fmu.get()
        rest = fmu.steps(u[100:], 0.1)
        fmu.set(kept)
        assert np.array_equal(fmu.steps(u[100:], 0.1), rest)
    with open_fmu(probes(2, states), stop_s=LONG) as fmu:
        fmu.set(kept)
        assert fmu.time_s == pytest.approx(10.0)
        assert np.array_equal(fmu.steps(u[100:], 0.1), rest)


def test_a_state_of_another_fmu_is_refused(probes):
    with open_fmu(probes(2), stop_s=LONG) as two:
        kept = two.get()
    with open_fmu(probes(3), stop_s=LONG) as three, pytest.raises(DataError, match="belongs to another FMU"):
        three.set(kept)


def test_bad_steps_are_named_before_the_fmu_sees_them(probes):
    with open_fmu(probes(2), stop_s=10.0) as fmu:
        with pytest.raises(DataError, match="input 'u' is nan in row 1"):
            fmu.steps(np.array([[1.0], [np.nan]]), 0.1)
        with pytest.raises(ConfigError, match="must be above 0"):
            fmu.steps(wave(2), -0.1)
        with pytest.raises(ConfigError, match="beyond the stop time 10 s"):
            fmu.steps(wave(200), 0.1)
        with pytest.raises(DataError, match=r"shape \(2, 2\)"):
            fmu.steps(np.ones((2, 2)), 0.1)
        assert fmu.pid is None  # nothing was started for any of these


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="wall_s is 0"):
        Limits(wall_s=0.0)


def test_many_states_of_one_machine_step_each_with_its_own_parameters(probes):
    with open_fmu(probes(2), stop_s=LONG, tuned=["gain"]) as fmu:
        fmu.steps(wave(5), 0.1)
        state = fmu.state()
        after, y = fmu.members([state] * 3, np.ones((3, 1)), 0.5, 0.1, np.array([[1.0], [2.0], [3.0]]))
        x = fmu.steps(np.ones((1, 1)), 0.1)[0, 0]
        assert y[1, 0] == pytest.approx(x)
        assert y[2, 0] - y[1, 0] == pytest.approx(y[1, 0] - y[0, 0])
        assert len(after) == 3


@pytest.mark.slow
def test_what_the_child_leaves_is_cleared_away(probes):
    fmu = open_fmu(probes(2), stop_s=LONG)
    fmu.start()
    pid, folder = fmu.pid, fmu.folder
    assert folder.exists()
    fmu.close()
    fmu.close()
    assert not folder.exists()
    ends = time.monotonic() + 5.0
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < ends:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.slow
def test_a_parent_that_is_killed_leaves_neither_a_hanging_child_nor_its_folder(probes):
    code = (
        "import sys, numpy as np; from didymos.assets.fmu.bind import open_fmu; "
        "f = open_fmu(sys.argv[1], stop_s=1e9, parameters={'mood': 2, 'after': 0.0}); f.start(); "
        "print(f.pid, f.folder, flush=True); f.steps(np.ones((1, 1)), 0.1)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(probes(2))], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    time.sleep(0.3)  # it hangs by now
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ends = time.monotonic() + 20.0
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < ends:
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{pid}")
    assert not os.path.exists(folder)


@pytest.mark.slow
def test_a_million_steps_take_no_more_memory_at_the_end_than_at_the_start(probes):
    with open_fmu(probes(2), stop_s=LONG) as fmu:
        fmu.steps(wave(50_000), 0.1)
        ours, child = _own_rss(), fmu.rss()
        for _ in range(20):
            fmu.steps(wave(50_000), 0.1)
        print(f"own {ours >> 20} -> {_own_rss() >> 20} MiB, child {child >> 20} -> {fmu.rss() >> 20} MiB, recycled {fmu.recycled}")
        assert _own_rss() - ours < 8 << 20
        assert fmu.rss() - child < 8 << 20


def _own_rss() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
