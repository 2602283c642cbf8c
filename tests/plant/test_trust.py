"""When a machine's twin may be trusted, live: withheld out of its envelope and back with patience; one status, one reason."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.clock import SECOND_NS
from didymos.core.estimate import Change, Snapshot
from didymos.core.series import Quality
from didymos.formats.wire import unpack
from didymos.infer import fidelity
from didymos.plant.fleet import Fleet
from didymos.plant.loop import Loop
from didymos.plant.trust import LEAVE, elsewhere, fidelity_of, sensor_status, trust
from tests.plant.small import START, STEP_S, messages, samples, small_plant

STEPS = 160


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    return small_plant(tmp_path_factory.mktemp("trust"), commission_s=100 * STEP_S, motor_only=True)


@pytest.fixture(scope="module")
def commissioned(plant):
    loop = Loop(plant)
    for message in messages([[r for r in step if r[0].startswith("cm-01")] for step in samples(STEPS)]):
        loop.feed(message)
    return loop.state(), loop.outputs


@pytest.fixture
def fleet(plant, commissioned) -> Fleet:
    loop = Loop(plant)
    loop.restore(commissioned[0])
    return loop.fleets["induction_motor"]


def snapshots(outputs):
    return [unpack(Snapshot, data) for subject, data, _ in outputs if ".snapshot." in subject]


def moved(fleet, name, factor):
    """The input stands at `factor` of its largest value of the calibration."""
    i = [c.name for c in fleet.model.inputs].index(name)
    fleet.state.held[0, i] = factor * fleet.state.seen_high[0, i]


def test_while_commissioning_nothing_is_scored_and_after_it_everything_is(commissioned):
    first, last = snapshots(commissioned[1])[0], snapshots(commissioned[1])[-1]
    assert (first.validity.status, first.fidelity) == ("C", None)
    assert last.fidelity is not None
    assert last.validity.ok, last.validity
    assert last.validity.score == last.fidelity.score > fidelity.LOW
    assert last.fidelity.explained > 0.8
    assert last.fidelity.nis_ratio <= last.fidelity.nis_high
    assert [(s.channel, s.status) for s in last.sensors] == [(c.name, "ok") for c in ASSETS["induction_motor"].sensors]
    assert last.sensors[0].explained > 0.8
    assert last.sensors[0].skill > 0.0


def test_the_envelope_holds_every_operating_point_of_the_record(fleet):
    assert fleet.state.seen_low[0, 0] < fleet.state.seen_high[0, 0]
    assert np.isfinite(fleet.state.points[0]).all(axis=1).sum() >= 10
    assert fidelity_of(fleet, 0).envelope == pytest.approx(1.0, abs=1e-3)


def test_out_of_the_envelope_the_prediction_is_withheld_with_both_numbers_and_the_state_goes_on(plant, commissioned):
    loop = Loop(plant)
    loop.restore(commissioned[0])
    high = float(loop.fleets["induction_motor"].state.seen_high[0, 0])
    rows = []
    for k, step in enumerate(samples(STEPS + 26)[STEPS:]):
        now = START + (STEPS + k + 1) * STEP_S * SECOND_NS
        rows.append([(n, now, 2.0 * high if n == "cm-01.current" else v, q) for n, _, v, q in step if n.startswith("cm-01")])
    before = loop.fleets["induction_motor"].state.time_ns[0]
    for message in messages(rows, first=loop.sequence + 1):
        loop.feed(message)
    last = snapshots(loop.outputs)[-1]
    assert (last.validity.ok, last.validity.status) == (False, "S")
    assert all("seen at commissioning; the twin is not calibrated there" in life.withheld for life in last.life)
    assert last.p_fail_30d is None
    assert last.fidelity.envelope < 0.5
    assert last.fidelity.score < 0.1
    assert loop.fleets["induction_motor"].state.time_ns[0] > before
    assert np.isfinite(last.mean).all()


def test_the_way_back_into_the_envelope_takes_reviews_well_inside(fleet):
    assert elsewhere(fleet, 0) == ""
    moved(fleet, "current", 2.0)
    assert "is above the" in elsewhere(fleet, 0)
    moved(fleet, "current", 1.2)  # back over the outer margin, not the inner one
    for _ in range(5):
        assert "has been further" in elsewhere(fleet, 0)
    moved(fleet, "current", 0.95)
    told = [elsewhere(fleet, 0) for _ in range(LEAVE + 2)]
    assert [bool(text) for text in told] == [True] * (LEAVE - 1) + [False] * 3
    moved(fleet, "current", 1.2)  # at the edge, but never gone
    assert elsewhere(fleet, 0) == ""


def test_a_machine_that_stands_is_not_outside_for_combinations_it_never_ran(fleet):
    s = fleet.state
    s.seen_low[0, fleet.speed] = 0.0
    s.held[0, fleet.speed] = 0.0
    assert trust(fleet, 0).fidelity.envelope == pytest.approx(1.0, abs=1e-3)


def test_inputs_never_seen_together_are_told_without_stopping_the_twin(fleet):
    s, low, high = fleet.state, fleet.state.seen_low[0].copy(), fleet.state.seen_high[0].copy()
    s.seen_low[0], s.seen_high[0] = low * 0.5, high * 1.5
    s.points[0] = np.nan
    s.points[0, :2] = [low * 0.5, high * 1.5]
    s.held[0] = [low[0] * 0.5, 0.5 * (low[1] + high[1]), high[2]]
    found = trust(fleet, 0).validity
    assert (found.ok, found.status) == (True, "S")
    assert "never seen together" in found.reason


def test_an_unexplained_change_asks_for_maintenance_of_the_twin_and_an_old_or_explained_one_does_not(fleet):
    now = int(fleet.state.time_ns[0])
    change = Change("c", "sensor_step", now, now, "something stepped", (), "winding_temperature")
    found = trust(fleet, 0, (change,))
    assert (found.validity.ok, found.validity.status) == (True, "M")
    assert "something stepped" in found.validity.reason
    assert [s.status for s in found.sensors] == ["M", "ok", "ok"]
    old = Change("c", "plant_change", 0, now - 30 * 86_400 * SECOND_NS, "long ago")
    explained = Change("c", "plant_change", now, now, "known", explained="WO-1")
    assert trust(fleet, 0, (old, explained)).validity.status == "ok"


def test_a_twin_that_explains_little_asks_for_a_fit_and_says_how_little(fleet):
    fleet.state.moments[0, fidelity.ROWS.index("innovation")] = fleet.state.moments[0, fidelity.ROWS.index("square")]
    found = trust(fleet, 0).validity
    assert (found.ok, found.status) == (True, "M")
    assert "foretells" in found.reason


def test_a_silent_and_an_unsure_sensor_have_a_status_of_their_own(fleet):
    winding, bearing = (int(p) for p in fleet.sensor_place[0, :2])
    fleet.grid.last_time[winding] -= 3 * 3600 * SECOND_NS
    fleet.grid.last_quality[bearing] = Quality.UNCERTAIN
    found = sensor_status(fleet, 0, ())
    assert [(s.status, s.condition) for s in found] == [("F", "silent"), ("S", "uncertain"), ("ok", "")]
    assert found[0].reason == "has not been read for 2.8 hours"


def test_a_restart_keeps_the_score_the_envelope_and_the_patience(plant, commissioned, fleet):
    moved(fleet, "current", 2.0)
    elsewhere(fleet, 0)
    loop = Loop(plant)
    loop.restore(commissioned[0])
    loop.fleets["induction_motor"].restore(fleet.state)
    moved(loop.fleets["induction_motor"], "current", 0.95)
    moved(fleet, "current", 0.95)
    assert repr(trust(loop.fleets["induction_motor"], 0)) == repr(trust(fleet, 0))
