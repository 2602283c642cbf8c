"""The coverage matrix against closed forms and against what each model's author says of its failure modes."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.infer.coverage import SEEN, WEAK, seen_by, signal_to_noise, worn_state

PUMP = ASSETS["centrifugal_pump"]
MODES = [(model, mode) for model in ASSETS.values() for mode in model.failure_modes]


@pytest.mark.parametrize(("model", "mode"), MODES, ids=lambda each: each.name)
def test_the_worn_state_stands_exactly_at_the_published_threshold(model, mode):
    worn = worn_state(model, mode, model.nominal, model.Params())
    assert worn is not None
    state = model.steady(model.State(*worn), model.nominal, model.Params())
    assert float(getattr(model.severity(state, model.nominal, model.Params()), mode.name)) == pytest.approx(1.0, abs=1e-6)


def test_a_worn_seal_shows_by_the_cube_of_its_gap_and_on_nothing_else():
    """Laminar film: leakage grows with (1 + wear)^3, so the signal is q_0 ((1 + w)^3 - 1) / noise."""
    i = [m.name for m in PUMP.failure_modes].index("seal")
    worn = worn_state(PUMP, PUMP.failure_modes[i], PUMP.nominal, PUMP.Params())
    wear = worn[PUMP.state_index("seal_wear")]
    healthy = PUMP.out(PUMP.State(*map(float, PUMP.initial)), PUMP.nominal, PUMP.Params())
    place = PUMP.Output._fields.index(next(f for f in PUMP.Output._fields if f.startswith("seal_leakage")))
    expected = float(healthy[place]) * ((1.0 + wear) ** 3 - 1.0) / PUMP.sensors[place].noise
    row = signal_to_noise(PUMP)[i]
    assert row[place] == pytest.approx(expected, rel=1e-6)
    assert np.delete(row, place) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("model", "mode"), MODES, ids=lambda each: each.name)
def test_the_strongest_sensor_is_one_that_the_author_names(model, mode):
    row = signal_to_noise(model)[model.failure_modes.index(mode)]
    if row.max() < WEAK:  # a damage sum counted from the loads: no sensor shows it, and no rate of its own is learned
        assert len(mode.wear) == 1
        assert mode.wear[0].endswith("_damage")
    else:
        assert model.sensors[int(np.argmax(row))].name in mode.sensors


def test_with_its_sensors_dead_a_mode_is_blind_and_weak_ones_add_up():
    signal = np.array([[6.0, 0.0], [2.2, 2.2], [0.1, 0.1]])
    assert seen_by(signal, [True, True]) == ["seen", "seen", "blind"]  # sqrt(2.2^2 + 2.2^2) = 3.1
    assert seen_by(signal, [False, True]) == ["blind", "weak", "blind"]
    assert SEEN == 3.0


def test_a_mode_that_no_wear_state_brings_to_its_threshold_is_unknown_not_blind():
    assert seen_by(np.array([[np.nan, np.nan]]), [True, True]) == ["blind"]  # `plant.diagnosis` says unknown for a row of NaN
