"""What sisters teach: simulated fleets whose mean and spread are known, and the limits in which the answer is plain."""

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.infer.fit import Prior
from didymos.infer.sisters import Sister, learn

PUBLISHED = Prior(np.array([2.0, 10.0, 0.5]), np.full(3, 0.2))


def fleet(n, mean, spread, told, seed=0):
    """Machines around `mean` (in ln over published) whose data tell parameter i with standard deviation told[i]."""
    rng = np.random.default_rng(seed)
    F = np.diag([0.0 if not np.isfinite(t) else t**-2 for t in told])
    true = mean + spread * rng.normal(size=(n, 3))
    optimum = true + np.where(np.isfinite(told), told, 0.0) * rng.normal(size=(n, 3))
    return [Sister(PUBLISHED.mean, F @ x, F) for x in optimum], true


def test_without_sisters_there_is_nothing_to_learn():
    with pytest.raises(DataError, match="none is given"):
        learn(PUBLISHED, [])


def test_mean_and_spread_of_a_large_fleet_are_found():
    mean, spread = np.array([0.3, -0.2, 0.0]), np.array([0.05, 0.12, 0.08])
    sisters, _ = fleet(200, mean, spread, np.array([0.02, 0.02, np.inf]))
    found = learn(PUBLISHED, sisters)
    np.testing.assert_allclose(np.log(found.mean[:2] / PUBLISHED.mean[:2]), mean[:2], atol=0.03)
    np.testing.assert_allclose(found.log_sd[:2], spread[:2], rtol=0.2)


def test_a_parameter_that_no_sister_tells_keeps_the_published_prior():
    sisters, _ = fleet(20, np.full(3, 0.3), np.full(3, 0.05), np.array([0.02, 0.02, np.inf]))
    found = learn(PUBLISHED, sisters)
    assert (found.mean[2], found.log_sd[2]) == (PUBLISHED.mean[2], PUBLISHED.log_sd[2])
    assert found.origin == "20 sister machines"


def test_two_equal_sisters_do_not_make_the_fleet_look_sure():
    F = np.diag([1e6, 1e6, 1e6])
    x = np.full(3, 0.1)
    found = learn(PUBLISHED, [Sister(PUBLISHED.mean, F @ x, F)] * 2)
    assert (found.log_sd > 0.04).all()
    np.testing.assert_allclose(np.log(found.mean / PUBLISHED.mean), x, atol=0.02)


def test_sisters_fitted_around_other_values_are_put_in_the_same_units():
    F = np.eye(3) * 1e6
    other = PUBLISHED.mean * 1.5
    found = learn(PUBLISHED, [Sister(other, np.zeros(3), F)] * 3)
    np.testing.assert_allclose(found.mean, other, rtol=0.03)


def test_a_new_machine_starts_nearer_to_its_truth_with_sisters():
    """100 fleets of five; the sixth machine's distance from where it is started, against the published values."""
    mean, spread = np.array([0.25, -0.2, 0.1]), np.full(3, 0.06)
    with_sisters, without = [], []
    for seed in range(100):
        sisters, true = fleet(6, mean, spread, np.array([0.03, 0.05, 0.1]), seed)
        found = learn(PUBLISHED, sisters[:5])
        with_sisters.append(np.abs(np.log(found.mean / PUBLISHED.mean) - true[5]).mean())
        without.append(np.abs(true[5]).mean())
    assert np.mean(with_sisters) < 0.5 * np.mean(without)
