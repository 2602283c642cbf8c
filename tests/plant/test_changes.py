"""A machine changes while the loop runs: told once, as a case; linked to the work order that comes late; resumed to the byte."""

from dataclasses import fields, replace

import numpy as np
import pytest

from didymos.assets.induction_motor import MODEL
from didymos.core.case import Case, Event, Record
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.estimate import Change, Snapshot
from didymos.core.ports import Message
from didymos.formats.wire import pack, unpack
from didymos.infer.calibrate import simulate
from didymos.plant import changes
from didymos.plant.fleet import SINCE, FleetState
from didymos.plant.loop import Loop, LoopState
from didymos.plant.relive import Upto, Way, run, stand
from didymos.plant.worker import report_of
from tests.plant.small import START, STEP_S, messages, small_plant

STEPS, AT = 12 * 36, 12 * 28  # thirty-six hours of five minutes; the change after twenty-eight
HOUR_NS = 3600 * SECOND_NS


def rows(offset=(0.0, 0.0, 0.0), steps=STEPS, resistance=1.0, seed=3):
    """Motor readings by its own equations; from AT on each sensor reads `offset` of its noises more, and its part is another."""
    rng, t = np.random.default_rng(seed), np.arange(steps)
    u = np.tile(np.array(MODEL.nominal, float), (steps, 1))
    u[:, 0] *= 0.8 + 0.15 * np.sin(t / 20.0)
    y = simulate(MODEL, np.array([MODEL.Params()], float), u[None], float(STEP_S))[0]
    noise = np.array([c.noise for c in MODEL.sensors])
    y += noise * (rng.normal(size=y.shape) + np.where((t >= AT)[:, None], np.array(offset), 0.0))
    found = []
    for k in t:
        now = START + int(k + 1) * STEP_S * SECOND_NS
        pairs = [*zip(MODEL.inputs, u[k], strict=True), *zip(MODEL.sensors, y[k], strict=True)]
        found.append([(f"cm-01.{c.name}", now, float(v), 0) for c, v in pairs])
    return found


def said(loop, stream):
    for message in stream:
        loop.feed(message)
    outputs, loop.outputs = loop.outputs, []
    return outputs


def cases(outputs):
    return [c for s, data, _ in outputs if ".case." in s and (c := unpack(Case, data)).mode == changes.MODE]


def work_order(time_ns, known_ns, number="WO-9"):
    body = {"component": "fan", "action": "replaced", "new_serial": "NEW"}
    return Event(number, "work_order_closed", "cm-01", time_ns, known_ns, body)


def told(loop, event):
    return said(loop, [Message(loop.sequence, f"evt.{partition(event.asset)}", pack(event))])


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    return small_plant(tmp_path_factory.mktemp("changes"), motor_only=True)


CHANGED = (-10.0, 0.0, 3.0)  # cooler and rougher than before: no wear of the motor does both


@pytest.fixture(scope="module")
def stream():
    return messages(rows(CHANGED))


@pytest.fixture(scope="module")
def undisturbed(plant, stream):
    loop = Loop(plant)
    outputs = said(loop, stream)
    return loop.state(), outputs


@pytest.fixture
def changed(plant, undisturbed):
    loop = Loop(plant)
    loop.restore(undisturbed[0])
    return loop


@pytest.mark.slow
def test_a_quiet_machine_has_no_case_and_no_change(plant):
    loop = Loop(plant)
    outputs = said(loop, messages(rows()))
    assert cases(outputs) == []
    assert loop.memory["cm-01"].changes == ()


def test_a_changed_machine_is_told_once_as_a_case_with_its_moment_and_a_record(undisturbed):
    _, outputs = undisturbed
    (case,) = cases(outputs)
    assert (case.state, case.priority) == ("open", 4)
    assert "Was there a work order?" in case.sentence
    (record,) = [r for s, data, _ in outputs if ".record." in s and (r := unpack(Record, data)).kind == "change"]
    moment = START + AT * STEP_S * SECOND_NS
    assert abs(record.time_ns - moment) <= 2 * HOUR_NS
    snapshot = [unpack(Snapshot, data) for s, data, _ in outputs if ".snapshot." in s][-1]
    (change,) = snapshot.changes
    assert change.explained == ""
    assert change.found_ns - moment <= 9 * HOUR_NS
    assert sum(p for _, p in change.candidates) == pytest.approx(1.0, abs=0.04)


def test_the_belief_is_widened_once_and_no_life_starts_anew(plant, stream, undisturbed):
    loop = Loop(plant)
    loop.restore(undisturbed[0])
    fleet, memory = loop.fleets["induction_motor"], loop.memory["cm-01"]
    assert len(memory.widened) == 1
    assert (fleet.state.since_ns[0] == plant.assets[0].commissioned_ns).all()
    before = fleet.hypotheses(np.array([0]))
    after = changes.widen(MODEL, before)
    wear = MODEL.state_index("bearing_wear")
    assert (after.cov[..., wear, wear] >= before.cov[..., wear, wear] + MODEL.initial_sd.bearing_wear**2).all()
    np.testing.assert_array_equal(after.mean, before.mean)


def test_days_lived_again_are_widened_before_the_same_step(plant, undisturbed):
    loop = Loop(plant)
    loop.restore(undisturbed[0])
    fleet, who = loop.fleets["induction_motor"], np.array([0])
    u, y = np.tile(fleet.state.held, (4, 1)), np.tile(fleet.state.readings[0, 0], (4, 1))
    params, noise, start = fleet.state.params[0], np.tile(fleet.state.noise, (4, 1)), fleet.hypotheses(who)
    found = run(fleet, Way(100, start, u, y, params, noise, widened=(102,)), [])
    state = start
    for t in range(4):
        state = changes.widen(MODEL, state) if t == 2 else state
        state, _ = fleet.multiple.step(state, fleet.given(u[t : t + 1], y[t : t + 1], params[None], noise[t : t + 1]))
    for one, other in zip(found, state, strict=True):
        np.testing.assert_array_equal(one, other)
    assert stand(loop, "cm-01", Upto(0, 0)).widened == loop.memory["cm-01"].widened


def test_the_doctor_hears_of_it_until_somebody_explains_it(changed):
    assert "Was there a work order?" in report_of(changed, "worker.0", 1).assets[0].unexplained
    moment = START + AT * STEP_S * SECOND_NS
    told(changed, work_order(moment, moment + HOUR_NS))
    assert report_of(changed, "worker.0", 1).assets[0].unexplained == ""


@pytest.mark.parametrize("cut", [pytest.param(12 * 30, marks=pytest.mark.slow), STEPS - 5])
def test_a_worker_killed_before_or_after_the_change_says_the_same(plant, stream, undisturbed, cut):
    first, second = Loop(plant), Loop(plant)
    before = said(first, stream[:cut])
    second.restore(first.state())
    assert before + said(second, stream[cut:]) == undisturbed[1]
    assert second.state() == undisturbed[0]


def test_a_work_order_that_comes_days_late_is_linked_and_closes_the_case(changed):
    moment = START + AT * STEP_S * SECOND_NS
    outputs = told(changed, work_order(moment - HOUR_NS, moment + 48 * HOUR_NS))
    (case,) = cases(outputs)
    assert (case.state, case.verdict) == ("closed", "maintained under WO-9")
    assert [c.explained for c in changed.memory["cm-01"].changes] == ["WO-9"]


def test_a_work_order_of_another_week_explains_nothing(changed):
    assert cases(told(changed, work_order(START - 9 * 24 * HOUR_NS, START))) == []
    assert [c.explained for c in changed.memory["cm-01"].changes] == [""]


def test_a_verdict_on_the_case_explains_the_change_and_it_is_not_opened_again(plant, changed):
    (case,) = [c for c in changed.memory["cm-01"].watch.cases if c.mode == changes.MODE]
    now = int(changed.fleets["induction_motor"].state.time_ns[0])
    body = {"case": case.id, "state": "closed", "verdict": "new product"}
    (closed,) = cases(told(changed, Event("V-1", "case_verdict", "cm-01", now, now, body)))
    assert closed.verdict == "new product"
    assert [c.explained for c in changed.memory["cm-01"].changes] == ["new product"]
    more = messages(rows(CHANGED, STEPS + 36)[STEPS:], first=changed.sequence + 1)
    assert cases(said(changed, more)) == []


def test_a_work_order_known_in_time_leaves_no_unexplained_change(plant, stream):
    loop = Loop(plant)
    cut = AT - 2
    outputs = said(loop, stream[:cut])
    moment = START + AT * STEP_S * SECOND_NS
    outputs += told(loop, work_order(moment - 60 * SECOND_NS, moment - 60 * SECOND_NS))
    outputs += said(loop, stream[cut:])
    assert cases(outputs) == []


def test_a_checkpoint_of_before_this_goes_on_without_its_columns(plant, stream, undisturbed):
    old = unpack(LoopState, undisturbed[0])
    fleet = old.fleets["induction_motor"]
    bare = {f.name: f.default_factory() for f in fields(FleetState) if f.name in SINCE and callable(f.default_factory)}
    assert set(bare) == set(SINCE)
    loop = Loop(plant)
    loop.restore(pack(replace(old, fleets={"induction_motor": replace(fleet, **bare)})))
    assert loop.fleets["induction_motor"].state.rows.shape == fleet.rows.shape
    said(loop, messages(rows(CHANGED, STEPS + 24)[STEPS:], first=loop.sequence + 1))
    assert loop.fleets["induction_motor"].state.row_count[0] == 2


def test_the_hours_after_a_stop_are_not_looked_at():
    hours = np.array([1, 2, 3, 40, 41, 42, 43, 44, 45, 46, 47]) * HOUR_NS + 10**18
    np.testing.assert_array_equal(changes.warm(hours, HOUR_NS), [True] * 3 + [False] * 6 + [True] * 2)
    assert len(changes.warm(hours[:0], HOUR_NS)) == 0


def test_only_a_change_near_the_work_order_and_of_that_sensor_is_explained():
    def change(id, time_ns, sensor=""):
        return Change(id, "plant_change", time_ns, time_ns, "", (), sensor)

    both = (change("a", 0), change("b", 3 * changes.NEAR_NS, "vibration"))
    assert [c.explained for c in changes.explained_by(both, "WO", changes.NEAR_NS // 2)] == ["WO", ""]
    assert changes.explained_by(both, "WO", 3 * changes.NEAR_NS, "winding") == both
    assert [c.explained for c in changes.explained_by(both, "EV", 3 * changes.NEAR_NS, "vibration")] == ["", "EV"]
    assert changes.explained_by((), "WO", 0) == ()
