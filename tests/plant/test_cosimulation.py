"""An FMU beside a machine, through the loop: what it computes, whether it is right, and that no restart or crash changes that."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from didymos.core.case import Case
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.formats.fmu import read_fmu
from didymos.formats.wire import pack, unpack
from didymos.plant.config import Plant, load, read
from didymos.plant.loop import Loop
from tests.fmu.built import probe

START = 1_325_376_000 * SECOND_NS  # 2012-01-01T00:00:00Z
STEP_NS = 10 * SECOND_NS
PLANT = """
[plant]
id = "rig"
name = "Rig"
step_s = 10
lateness_s = 20
publish_s = 10
commission_s = 500
[clock]
kind = "data"
[calendar]
first_stop = "2012-01-01T01:00:00Z"
every_h = 1
[[source]]
id = "s"
type = "mqtt"
url = "mqtt://127.0.0.1:1"
[[asset]]
id = "tank"
name = "Tank"
model = "generic"
channel = [
  { name = "inflow", title = "Inflow", unit = "m3/s" },
  { name = "level", title = "Level", unit = "1" },
  { name = "count", unit = "1" },
]
tag = [
  { channel = "inflow", source = "s", address = "a", unit = "m3/s" },
  { channel = "level", source = "s", address = "b", unit = "1" },
]
[asset.fmu]
file = "FILE"
sha256 = "SHA"
inputs = { u = "inflow" }
outputs = { x = "level", steps = "count" }
step_s = 2
limits = { count = 1000000 }
"""
SIZE = 1.6666666666666667e-05  # m3/s of the FMU's l/min


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("plant")


def text(folder: Path, states: bool = True) -> str:
    path = probe(folder, 2, states)
    return PLANT.replace("FILE", path.name).replace("SHA", read_fmu(path.read_bytes(), "p").description.sha256)


def rig(folder: Path, states: bool = True, *edits: tuple[str, str]) -> Plant:
    whole = text(folder, states)
    for edit in edits:
        whole = whole.replace(*edit)
    (folder / "plant.toml").write_text(whole)
    return load(folder / "plant.toml")


def inflow(k: int) -> float:
    """In l/min."""
    return 50.0 + 20.0 * np.sin(0.3 * k)


def levels(count: int) -> np.ndarray:
    """The probe's closed form, started empty at the end of step 1, inflow held through each step of 10 s; none before."""
    x, found = 0.0, [np.nan]
    for k in range(2, count + 1):
        x = 2.0 * inflow(k) + (x - 2.0 * inflow(k)) * exp(-10.0)
        found.append(x)
    return np.array(found)


def stream(count: int, drift_from: int = 10**9) -> list[Message]:
    """Sample k at the end of step k; the measured level is the closed form plus 0.1 of noise, and 2 more from `drift_from` on."""
    rng, found = np.random.default_rng(1), []
    true = np.nan_to_num(levels(count))
    for k in range(1, count + 1):
        level = true[k - 1] + 0.1 * rng.normal() + (2.0 if k >= drift_from else 0.0)
        rows = [("tank.inflow", START + k * STEP_NS, inflow(k) * SIZE, 0), ("tank.level", START + k * STEP_NS, level, 0)]
        found.append(Message(k, f"tel.{partition('tank')}", pack(batch_of(rows))))
    return found


def said(loop: Loop, messages: list[Message]) -> tuple[list[Snapshot], list[Case]]:
    for message in messages:
        loop.feed(message)
    outputs, loop.outputs = loop.outputs, []
    snapshots = [unpack(Snapshot, data) for subject, data, _ in outputs if ".snapshot." in subject]
    return snapshots, [unpack(Case, data) for subject, data, _ in outputs if ".case." in subject]


def test_an_fmu_follows_its_machine_and_says_when_they_part(folder):
    snapshots, _ = said(Loop(rig(folder)), stream(140, drift_from=100))
    first, learning, good, parted = snapshots[0], snapshots[20], snapshots[90], snapshots[-1]
    assert first.validity.status == "C"
    assert "learned" in learning.validity.reason
    assert (good.validity.ok, good.validity.reason) == (True, "the FMU explains what is measured")
    level = next(e for e in good.estimates if e.channel == "level")
    k = (good.time_ns - START) // STEP_NS
    assert level.value == pytest.approx(levels(140)[k - 1], abs=0.1)  # the learned mean of the noise is in it
    assert level.low is not None
    assert level.high is not None
    assert level.high - level.low == pytest.approx(2 * 1.96 * 0.1, rel=0.3)
    assert parted.validity.status == "S"
    assert "times what it was while the machine was healthy" in parted.validity.reason
    count = next(e for e in parted.estimates if e.channel == "count")
    assert (count.kind, count.value, count.measured) == ("virtual", (parted.time_ns - snapshots[0].time_ns) / STEP_NS * 5, None)


@pytest.mark.parametrize("states", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_worker_that_restarts_says_the_same_as_one_that_did_not(folder, states):
    messages = stream(70)
    plant = rig(folder, states)
    whole, _ = said(Loop(plant), messages)
    first = Loop(plant)
    before, _ = said(first, messages[:30])
    again = Loop(plant)
    again.restore(first.state())
    after, _ = said(again, messages[30:])
    assert [pack(s) for s in before + after] == [pack(s) for s in whole]


def test_an_fmu_that_crashes_costs_the_machine_nothing_but_its_fmu(folder):
    plant = rig(folder, True, ("step_s = 2\n", "step_s = 2\nparameters = { mood = 1, after = 155.0 }\n"))
    snapshots, _ = said(Loop(plant), stream(40))
    assert len(snapshots) == 38  # every step but the two that wait for slower channels
    assert snapshots[10].validity.status == "C"
    assert snapshots[-1].validity.status == "F"
    assert "SIGSEGV" in snapshots[-1].validity.reason
    assert next(e for e in snapshots[-1].estimates if e.channel == "level").measured is not None


def test_with_given_noise_nothing_is_learned_but_readings_are_waited_for(folder):
    plant = rig(folder, True, ("limits =", "noise = { level = 0.1 }\nlimits ="))
    snapshots, _ = said(Loop(plant), stream(40, drift_from=30))
    assert snapshots[3].validity.status == "C"
    assert "12 are needed" in snapshots[3].validity.reason
    assert snapshots[20].validity.ok
    level, k = next(e for e in snapshots[20].estimates if e.channel == "level"), (snapshots[20].time_ns - START) // STEP_NS
    assert level.value == pytest.approx(levels(40)[k - 1], rel=1e-9)
    assert snapshots[-1].validity.status == "S"


def test_an_input_that_falls_silent_is_named(folder):
    messages = stream(500)
    for k in range(130, 500):
        rows = [("tank.level", START + (k + 1) * STEP_NS, 100.0, 0)]
        messages[k] = Message(k + 1, messages[k].subject, pack(batch_of(rows)))
    snapshots, _ = said(Loop(rig(folder)), messages)
    assert snapshots[-1].validity.status == "F"
    assert snapshots[-1].validity.reason == "Inflow has not been read for 61 minutes"


def test_a_limit_that_the_fmu_reaches_becomes_an_advisory_case(folder):
    plant = rig(folder, True, ("count = 1000000", "count = 100"))
    _, cases = said(Loop(plant), stream(40))
    assert {c.mode for c in cases} == {"limit_count"}
    assert "The FMU computes count 1" in cases[0].sentence


def test_a_state_of_another_file_is_not_taken_over(folder):
    fmu = Loop(rig(folder)).baselines.fmus[0]
    assert fmu is not None
    state = replace(fmu.init(), begin_ns=1)
    assert fmu.restored(state).begin_ns == 1
    assert not fmu.restored(replace(state, sha256="00")).begin_ns


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (('file = "probe2.fmu"', 'file = "none.fmu"'), "'none.fmu'|none.fmu"),
        (('sha256 = "', 'sha256 = "0'), "as pinned"),
        (("u = ", "v = "), "no variable 'v'"),
        (("{ u =", "{ x ="), "'x' is an output"),
        (("x = ", "label = "), "String of 1 values|no variable"),
        (('u = "inflow"', 'u = "outflow"'), "channel 'outflow' does not exist"),
        (('u = "inflow"', 'u = "level"'), "does not measure the same thing"),
        (('inputs = { u = "inflow" }\n', ""), "input 'u' of the FMU is bound to no channel"),
        (("step_s = 2\n", "step_s = 3\n"), "step_s = 3"),
        (("step_s = 2\n", "step_s = -2\n"), "step_s"),
        (("limits = { count", "limits = { inflow"), "limits: inflow"),
        (("limits = {", "noise = { level = 0.0 }\nlimits = {"), "noise: level = 0.0"),
        (("limits = { count = 1000000 }", 'limits = { count = "many" }'), "'many'"),
        (("limits =", "limit ="), "limit"),
    ],
)
def test_a_plant_file_that_is_wrong_about_its_fmu_is_told_line_by_line(folder, edit, named):
    import re

    whole = text(folder)
    assert edit[0] in whole
    (folder / "wrong.toml").write_text(whole.replace(*edit))
    plant, mistakes = read(folder / "wrong.toml")
    assert plant is None
    assert any(re.search(named, str(m)) for m in mistakes), [str(m) for m in mistakes]


def test_an_fmu_beside_a_physics_model_is_refused(folder):
    whole = text(folder).replace('model = "generic"', 'model = "fan"')
    (folder / "wrong.toml").write_text(whole)
    _, mistakes = read(folder / "wrong.toml")
    assert any("an FMU beside model 'fan'" in str(m) for m in mistakes)
