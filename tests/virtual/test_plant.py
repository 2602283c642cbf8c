"""The virtual line itself: one seed one history, every kind of fault, and each fault's mark in the tags."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import didymos.plant.virtual as virtual
from didymos.core.clock import parse_time
from didymos.plant.virtual import days, pumps
from didymos.plant.virtual.faults import KINDS, schedule
from didymos.plant.virtual.line import BAD_HEAT_SPINDLES, HEAT_BAD, PUMPS, address, sensors_of, wave_topic
from didymos.plant.virtual.plant import build, samples, simulate
from didymos.plant.virtual.template import fill
from didymos.plant.virtual.waveform import ball_pass_hz

START = parse_time("2026-01-05T06:00:00Z")
DAY_NS = 86_400_000_000_000
FORBIDDEN = ("didymos.assets", "didymos.infer", "didymos.decide", "didymos.numerics", "didymos.thread")


def test_the_package_imports_nothing_that_the_twin_models_with():
    for path in Path(virtual.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.startswith(FORBIDDEN)], path.name


def test_one_seed_gives_one_history_bit_for_bit_and_another_seed_another():
    first, second, other = (simulate(seed, START, 0.25) for seed in (5, 5, 6))
    for name, value in first.value.items():
        assert value.tobytes() == second.value[name].tobytes()
    assert all((a.counts == b.counts).all() for a, b in zip(first.waves, second.waves, strict=True))
    assert first.value["cp-01.flow"].tobytes() != other.value["cp-01.flow"].tobytes()


def test_over_a_few_seeds_all_eight_kinds_occur_each_run_with_six_to_eight_faults_on_machines_of_their_own():
    seen = set()
    for seed in range(12):
        faults = schedule(seed, START)
        seen |= {fault.kind for fault in faults}
        assert 6 <= len(faults) <= 8
        assert len({fault.machine for fault in faults}) == len(faults)
        assert DAY_NS <= faults[0].onset_ns - START < 2 * DAY_NS  # after the healthy day of commissioning
        assert {f.machine for f in faults if f.heat == HEAT_BAD} < set(BAD_HEAT_SPINDLES)
    assert seen == {kind.name for kind in KINDS}


def test_severity_never_falls_begins_at_onset_reaches_one_at_failure_and_is_gone_after_repair():
    for fault in schedule(4, START):
        hours = np.arange(fault.onset_ns, fault.onset_ns + (len(fault.level) - 1) * DAY_NS // 24 + 1, DAY_NS // 24)
        level = [fault.severity(int(t)) for t in hours]
        assert level[0] == 0.0
        assert (np.diff(level) >= 0).all()
        assert level[-1] == pytest.approx(1.0)
        if fault.failure_ns is not None and fault.repaired_ns is not None:
            assert fault.stopped(fault.failure_ns)
            assert fault.severity(fault.repaired_ns) == 0.0
            assert not fault.stopped(fault.repaired_ns)


def test_pump_and_pipe_agree_at_the_flow_that_was_solved():
    u, x = pumps.units(1), pumps.first(1, 0.0)
    w = pumps.Wear(np.zeros(5), np.zeros(5), np.zeros(5), np.zeros(5, bool))
    flow = pumps.solve_flow(u, w, x, np.ones(5), u.pipe)
    delivered, _, _ = pumps.head(u, w, x, np.ones(5), flow)
    assert delivered == pytest.approx(8.0 + u.pipe * flow**2, rel=1e-3)


def test_the_ball_pass_frequency_lies_within_two_percent_of_the_catalogue():
    catalogue = 19 * (1 - 12.7 / 90 * np.cos(np.deg2rad(15))) / 2 * 100.0  # 6000 1/min
    assert ball_pass_hz(2 * np.pi * 100.0, 1.0) == pytest.approx(catalogue, rel=0.02)


# kind: (channel, change in its unit) that must be seen late in the fault, against the same run without it
MARKS = {
    "oil_viscosity_loss": ("oil_viscosity", -5.0),
    "wear_ring_loss": ("power", 0.1),
    "pump_cavitation": ("suction_pressure", -0.15),
    "seal_leak": ("seal_leakage", 1.0),
    "cooling_fouling": ("winding_temperature", 8.0),
    "motor_bearing_wear": ("vibration_velocity", 1.0),
}


@pytest.mark.parametrize("kind", sorted(MARKS))
def test_a_fault_leaves_its_mark_in_the_tags(kind):
    channel, least = MARKS[kind]
    seed, fault, begin = next((s, f, t) for s in range(40) for f in schedule(s, START) if f.kind == kind for t in _manned(f))
    sick, well = _pair(seed, fault, begin, 0.25)
    names = [f"{m}.{s.channel}" for m, s in sick[0]]
    a, b = (np.array([sample.true for sample in rows]) for _, rows in (sick, well))
    turning = a[:, names.index(f"{fault.machine}.speed")] > 0
    place = names.index(f"{fault.machine}.{channel}")
    assert np.median((a - b)[turning, place]) / least > 1.0


def _manned(fault):
    """A begin at 80 % of the fault's course, when it lies in the middle of a shift day; else nothing."""
    at = fault.onset_ns + int(0.8 * (len(fault.level) - 1)) * DAY_NS // 24
    begin = at - at % (300 * 10**9)
    return [begin] if all(days.in_shift((begin + h * DAY_NS // 24) / 1e9) for h in range(7)) else []


def _pair(seed, fault, begin_ns, run_days):
    """The same machines and product with and without this one fault, from a warm start at `begin_ns`."""
    from dataclasses import replace

    line = replace(build(seed, begin_ns, 10.0, faulty=False), gaps=())
    struck = replace(line, faults=(fault,))
    return (struck.sensors, list(samples(struck, run_days))), (line.sensors, list(samples(line, run_days)))


def test_the_plant_file_names_every_tag_of_the_line_with_its_address_and_unit(tmp_path):
    import tomllib

    url = "opc.tcp://127.0.0.1:4840"
    text = fill(
        url,
        "mqtt://127.0.0.1:1883",
        "sqlite:///e.db",
        "state",
        "2026-01-05T06:00:00Z",
        "2026-01-05T06:00:00Z",
        3600,
        "127.0.0.1",
        8050,
    )
    tree = tomllib.loads(text)
    assert tree["source"][0]["url"] == url
    assert len(tree["asset"]) == 20
    for asset in tree["asset"]:
        told = {(tag["channel"], tag["address"], tag["unit"]) for tag in asset["tag"]}
        real = {(s.channel, address(asset["id"], s.tag), s.unit) for s in sensors_of(asset["id"])}
        if asset["model"] == "spindle":
            real.add(("acceleration", wave_topic(asset["id"]), "g"))
        assert told == real
    assert {a["id"] for a in tree["asset"] if a["model"] == "centrifugal_pump"} == set(PUMPS)
