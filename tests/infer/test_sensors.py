"""Sensor faults put into Gaussian residuals, and asset faults that must not be blamed on a sensor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple, cast

import numpy as np
import pytest

from didymos.core.channel import Channel
from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.infer.sensors import Window, disbelieved, judge, signatures

CHANNELS = (
    Channel("winding_temperature", "Winding temperature", "K", 200.0, 500.0, 0.5),
    Channel("bearing_temperature", "Bearing temperature", "K", 200.0, 450.0, 0.5),
    Channel("vibration_velocity", "Vibration", "m/s", 0.0, 0.1, 1e-4),
)
LEVEL = np.array([360.0, 330.0, 0.002])
NOISE = np.array([c.noise for c in CHANNELS])


def window(bias: tuple[float, float, float] = (0.0, 0.0, 0.0), seed: int = 0, rows: int = 48) -> Window:
    z = np.random.default_rng(seed).normal(size=(rows, 3)) + np.array(bias)
    return Window(CHANNELS, z, LEVEL + z * NOISE)


def test_tables_of_different_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"must both be \(48, 3\)"):
        judge(Window(CHANNELS, np.zeros((47, 3)), np.zeros((48, 3))))


def test_healthy_sensors_get_no_verdict_in_200_windows() -> None:
    assert sum(len(judge(window(seed=seed))) for seed in range(200)) == 0


def test_a_frozen_sensor_is_stuck_and_no_longer_believed() -> None:
    w = window()
    w.raw[-12:, 1] = 331.0
    (verdict,) = judge(w)
    assert (verdict.sensor, verdict.kind, verdict.status, verdict.believe) == ("bearing_temperature", "stuck", "F", False)
    assert disbelieved((verdict,), CHANNELS).tolist() == [False, True, False]


def test_a_machine_where_every_reading_stands_still_has_no_stuck_sensor() -> None:
    w = window()
    w.raw[-12:] = LEVEL
    assert judge(w) == ()


def test_a_reading_outside_the_plausible_range_is_a_failure() -> None:
    w = window()
    w.raw[-3:, 0] = 1200.0
    (verdict,) = judge(w)
    assert (verdict.kind, verdict.status) == ("out_of_range", "F")


def test_two_readings_out_of_range_are_not_yet_a_failure() -> None:
    w = window()
    w.raw[-2:, 0] = 1200.0
    assert judge(w) == ()


def test_one_wild_reading_is_a_spike_and_the_sensor_stays_believed() -> None:
    w = window()
    w.residuals[20, 2] = 15.0
    w.residuals[[19, 21], 2] = 0.0
    (verdict,) = judge(w)
    assert (verdict.sensor, verdict.kind, verdict.believe) == ("vibration_velocity", "spike", True)


def test_a_sensor_of_which_every_third_reading_is_wild_is_not_believed() -> None:
    w = window()
    w.residuals[:, 2] = np.resize([0.0, 15.0, 0.0], 48)
    (verdict,) = judge(w)
    assert not verdict.believe


def test_one_sensor_away_from_the_twin_while_the_others_agree_is_a_drift() -> None:
    (verdict,) = judge(window((7.0, 0.0, 0.0)))
    assert (verdict.sensor, verdict.kind, verdict.status, verdict.believe) == ("winding_temperature", "drift", "C", False)
    assert "standard deviations above what the other sensors support" in verdict.text


def test_two_sensors_away_from_the_twin_are_a_machine_not_a_sensor() -> None:
    assert judge(window((7.0, 4.0, 0.0))) == ()


def test_a_pattern_that_a_wear_state_explains_is_not_blamed_on_the_sensor() -> None:
    """Fouled cooling heats the winding five times as much as the bearing: the pattern of the fault itself."""
    fouling = np.array([[5.0, 1.0, 0.0]])
    assert judge(window((7.0, 1.4, 0.0)), fouling) == ()
    assert judge(window((7.0, 1.4, 0.0)), np.array([[1.0, 1.0, 1.0]]))[0].kind == "drift"


def test_a_wear_that_one_sensor_alone_sees_is_never_called_that_sensors_drift() -> None:
    assert judge(window((0.0, 0.0, 8.0)), np.array([[0.0, 0.0, 2.0]])) == ()


def test_without_a_second_sensor_no_drift_is_claimed() -> None:
    w = window((7.0, 0.0, 0.0))
    w.residuals[:, 1:] = np.nan
    assert judge(w) == ()


def test_missing_readings_do_not_hide_a_drift() -> None:
    w = window((7.0, 0.0, 0.0))
    w.residuals[::3] = np.nan
    w.raw[::3] = np.nan
    assert [v.kind for v in judge(w)] == ["drift"]


def test_an_empty_window_has_no_verdict() -> None:
    assert judge(Window(CHANNELS, np.full((48, 3), np.nan), np.full((48, 3), np.nan))) == ()


def test_the_signature_of_a_wear_state_is_its_effect_in_units_of_noise_and_a_constant_factor_has_none() -> None:
    class State(NamedTuple):
        temperature: float = 0.0
        fouling: float = 0.0
        factor: float = 1.0

    model = cast(
        Model,
        SimpleNamespace(
            State=State,
            initial=State(),
            initial_sd=State(1.0, 0.1, 0.1),
            slow=("fouling", "factor"),
            failure_modes=(SimpleNamespace(wear=("fouling",)),),
            nominal=None,
            sensors=CHANNELS,
            steady=lambda x, u, p: x._replace(temperature=300.0 + 20.0 * x.fouling),
            out=lambda x, u, p: (x.temperature * x.factor, 0.5 * x.temperature, 0.001),
            state_index=State._fields.index,
        ),
    )
    assert signatures(model, None) == pytest.approx(np.array([[2.0 / 0.5, 1.0 / 0.5, 0.0]]))
