"""The learned residual: used where there is something to learn, refused where there is not, and bounded outside what was seen."""

import numpy as np
import pytest

from didymos.infer.residual import correction, features, learn

STEP_S, STEPS = 600.0, 1200


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.uniform(0.0, 1.0, STEPS // 12 + 1), 12)[:STEPS]
    return np.stack([load, 290.0 + 5.0 * np.sin(np.arange(STEPS) / 23.0)], axis=1)


def test_what_depends_on_the_inputs_is_learned_and_halves_the_error():
    u, rng = inputs(), np.random.default_rng(1)
    r = (3.0 * u[:, :1] ** 2 - 1.0) + 0.3 * rng.normal(size=(STEPS, 1))
    found = learn(u, r, STEP_S)
    (verdict,) = found.verdicts
    assert verdict.used
    assert verdict.better == 5
    assert verdict.learned == pytest.approx(0.3, rel=0.1)  # the noise that nobody can learn
    fresh = inputs(5)
    left = 3.0 * fresh[:, 0] ** 2 - 1.0 - correction(found, fresh)[:, 0]
    assert np.sqrt(np.mean(left**2)) < 0.2


@pytest.mark.parametrize("kind", ["white", "drift", "walk"])
def test_noise_a_drift_and_a_walk_are_not_mistaken_for_something_learned(kind):
    """Each can be fitted in sample; blocks of time that were not seen show that there is nothing."""
    rng = np.random.default_rng(2)
    white = rng.normal(size=STEPS)
    r = {"white": white, "drift": np.linspace(-1.0, 1.0, STEPS) + 0.1 * white, "walk": 0.1 * np.cumsum(white)}[kind]
    found = learn(inputs(), r[:, None], STEP_S)
    assert not found.verdicts[0].used
    assert found.verdicts[0].said.startswith("not used: held-out error")
    assert (correction(found, inputs(3)) == 0.0).all()


def test_outside_the_inputs_seen_the_correction_stays_within_the_residuals_seen():
    u = inputs()
    r = (3.0 * u[:, :1]) - 1.5 + 0.05 * np.random.default_rng(1).normal(size=(STEPS, 1))
    found = learn(u, r, STEP_S)
    assert found.verdicts[0].used
    far = correction(found, u * [[50.0, 2.0]])
    assert (np.abs(far) <= np.abs(r).max()).all()


def test_too_few_readings_a_sensor_without_any_and_constant_inputs_are_no_error():
    u = inputs()
    r = np.full((STEPS, 2), np.nan)
    r[:30, 0] = 1.0
    found = learn(u, r, STEP_S)
    assert [v.used for v in found.verdicts] == [False, False]
    assert "30 readings are too few" in found.verdicts[0].said
    still = learn(np.ones((STEPS, 2)), np.random.default_rng(0).normal(size=(STEPS, 1)), STEP_S)
    assert not still.verdicts[0].used
    assert np.isfinite(correction(still, np.zeros((5, 2)))).all()


def test_means_over_the_past_are_those_of_the_naive_loop():
    u = inputs()[:60]
    low, high = u.min(axis=0), u.max(axis=0)
    scaled = (u - low) / (high - low)
    naive = np.array([scaled[max(0, t - 35) : t + 1].mean(axis=0) for t in range(60)])
    np.testing.assert_allclose(features(u, low, high, STEP_S)[:, -2:], naive)
