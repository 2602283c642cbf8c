"""Commissioning: what the data determine is found, what they do not stays at its published value, noise is judged honestly."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.errors import DataError
from didymos.infer.calibrate import _fast, calibrate, correlation_time, simulate

MOTOR = ASSETS["induction_motor"]
NAMES = MOTOR.Params._fields
NOISE = np.array([c.noise for c in MOTOR.sensors])


def duty(steps, machines=1):
    """Current in steps of four hours, day and night ambient."""
    t = np.arange(steps)
    current = 10.0 + 3.0 * np.sin(t // 48 * 1.7)
    one = np.stack([current, np.full(steps, 152.0), 295.0 + 4.0 * np.sin(t * 2 * np.pi / 288)], axis=1)
    return np.repeat(one[None], machines, axis=0)


def params(**factors):
    p = np.array(MOTOR.Params(), float)
    for name, factor in factors.items():
        p[NAMES.index(name)] *= factor
    return p[None]


FAST = ("induction_motor", "centrifugal_pump")


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in ASSETS])
def test_the_compiled_run_equals_the_plain_one(name):
    model = ASSETS[name]
    rng = np.random.default_rng(5)
    p = np.array([model.Params()], float) * np.exp(0.05 * rng.normal(size=(3, 1)))
    u = np.array(model.nominal, float) * (1.0 + 0.02 * rng.normal(size=(3, 40, len(model.nominal))))
    plain = simulate(model, p, u, 300.0)
    np.testing.assert_allclose(_fast(model, p, u, np.arange(3), 300.0), plain, rtol=1e-10, atol=1e-12)


def test_too_little_data_is_refused_with_the_number_of_readings():
    u = duty(60)
    y = np.full((1, 60, 3), np.nan)
    y[:, :30] = 300.0
    with pytest.raises(DataError, match="30 readings; commissioning needs at least 50"):
        calibrate(MOTOR, params(), u, y, 300.0)


def test_a_machine_at_its_published_values_stays_there():
    u = duty(300)
    y = simulate(MOTOR, params(), u, 300.0)
    found = calibrate(MOTOR, params(), u, y, 300.0)
    np.testing.assert_allclose(found.params, params(), rtol=1e-3)
    assert (found.explained[:, :2] > 0.9999).all()


def test_a_deviating_thermal_path_is_found_and_a_limit_that_no_sensor_shows_is_not_moved():
    rng = np.random.default_rng(1)
    u = duty(576)
    true = params(frame_to_ambient_K_per_W=1.2, vibration_healthy_m_per_s=0.85)
    y = simulate(MOTOR, true, u, 300.0) + rng.normal(size=(1, 576, 3)) * NOISE
    rated = np.array([[name.startswith("rated_") for name in NAMES]])  # from the name plate
    found = calibrate(MOTOR, params(), u, y, 300.0, rated)
    ratio = dict(zip(NAMES, (found.params / params())[0], strict=True))
    assert ratio["vibration_healthy_m_per_s"] == pytest.approx(0.85, rel=0.03)
    assert ratio["winding_limit_K"] == 1.0
    assert ratio["vibration_limit_m_per_s"] == pytest.approx(1.0, abs=0.02)
    unseen = simulate(MOTOR, true, duty(900)[:, 576:], 300.0) - simulate(MOTOR, found.params, duty(900)[:, 576:], 300.0)
    assert np.abs(unseen[:, 30:, 0]).max() < 1.5  # K, on an operation that was not in the record


def test_what_the_name_plate_states_is_not_moved():
    u = duty(300)
    y = simulate(MOTOR, params(frame_to_ambient_K_per_W=1.2), u, 300.0)
    known = np.array([[name == "frame_to_ambient_K_per_W" for name in NAMES]])
    found = calibrate(MOTOR, params(), u, y, 300.0, known)
    assert found.params[0, NAMES.index("frame_to_ambient_K_per_W")] == params()[0, NAMES.index("frame_to_ambient_K_per_W")]


def test_machines_of_a_fleet_are_fitted_each_by_itself():
    u = duty(200, 2)
    both = np.concatenate([params(), params(vibration_healthy_m_per_s=1.3)])
    y = simulate(MOTOR, both, u, 300.0)
    together = calibrate(MOTOR, np.repeat(params(), 2, axis=0), u, y, 300.0)
    alone = calibrate(MOTOR, params(), u[1:], y[1:], 300.0)
    np.testing.assert_allclose(together.params[1], alone.params[0], rtol=1e-6)


def test_missing_readings_and_inputs_are_tolerated():
    rng = np.random.default_rng(2)
    u = duty(300)
    y = simulate(MOTOR, params(), u, 300.0) + rng.normal(size=(1, 300, 3)) * NOISE
    u[rng.random(u.shape) < 0.05] = np.nan
    y[rng.random(y.shape) < 0.2] = np.nan
    found = calibrate(MOTOR, params(), u, y, 300.0)
    assert np.isfinite(found.params).all()
    assert (found.noise >= NOISE * 0.99).all()


def test_the_filters_noise_grows_with_correlated_model_error():
    rng = np.random.default_rng(3)
    u = duty(576)
    slow = np.convolve(rng.normal(size=700), np.ones(48) / 7.0, mode="valid")[:576]
    y = simulate(MOTOR, params(), u, 300.0) + rng.normal(size=(1, 576, 3)) * NOISE
    white = calibrate(MOTOR, params(), u, y, 300.0)
    y[0, :, 0] += slow
    coloured = calibrate(MOTOR, params(), u, y, 300.0)
    assert coloured.noise[0, 0] > 2.0 * white.noise[0, 0]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_integrated_autocorrelation_time_of_an_ar1_process(phi):
    """Closed form: tau = (1 + phi) / (1 - phi)."""
    rng = np.random.default_rng(4)
    x = np.zeros(20_000)
    for k in range(1, len(x)):
        x[k] = phi * x[k - 1] + rng.normal()
    assert correlation_time(x) == pytest.approx((1 + phi) / (1 - phi), rel=0.2)
