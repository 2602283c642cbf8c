"""How well a twin mirrors its machine: each part against a closed form, and none rewarded for what it cannot know."""

import numpy as np
import pytest
from scipy.stats import chi2

from didymos.core.errors import DataError
from didymos.infer.fidelity import MEMORY_S, ROWS, consistency, correlation, explained, moments, score, see

STEP_S = 300.0
NOISE = np.array([0.1])


def followed(y, predicted, step_s=STEP_S):
    found = moments(1, 1)
    for value, foreseen in zip(y, predicted, strict=True):
        found = see(found, np.array([[value]]), np.array([[value - foreseen]]), step_s)
    return found


def test_readings_of_another_shape_are_refused_and_name_all_shapes():
    with pytest.raises(DataError, match=r"\(1, 2\).*\(1, 1\)"):
        see(moments(1, 1), np.zeros((1, 2)), np.zeros((1, 2)), STEP_S)


def test_missing_readings_leave_everything_but_the_memory_as_it_was():
    y = np.random.default_rng(1).normal(size=100)
    gaps = np.insert(y, [50] * 5, np.nan)
    with_gaps, without = followed(gaps, np.zeros(105)), followed(y, np.zeros(100))
    assert explained(with_gaps[0], NOISE).share == pytest.approx(explained(without[0], NOISE).share, rel=0.05)
    assert np.isfinite(with_gaps).all()


def test_moments_are_those_of_weighted_readings():
    rng = np.random.default_rng(2)
    y, foreseen = rng.normal(5.0, 2.0, 400), rng.normal(5.0, 1.0, 400)
    found = dict(zip(ROWS, followed(y, foreseen)[0, :, 0], strict=True))
    w = np.exp(-STEP_S / MEMORY_S * np.arange(399, -1, -1))
    mean = (w * y).sum() / w.sum()
    assert found["mean"] == pytest.approx(mean)
    assert found["square"] == pytest.approx((w * (y - mean) ** 2).sum(), rel=1e-9)
    assert found["innovation"] == pytest.approx((w * (y - foreseen) ** 2).sum())
    assert found["step"] == pytest.approx((w[1:] * np.diff(y) ** 2).sum())


def test_a_twin_that_leaves_only_the_sensors_noise_explains_all_that_can_be():
    rng = np.random.default_rng(3)
    true = np.sin(np.arange(600) / 10.0)
    found = explained(followed(true + rng.normal(0, 0.1, 600), true)[0], NOISE)
    assert found.share[0] == pytest.approx(1 - 0.01 / 0.51, abs=0.01)
    assert found.part[0] == pytest.approx(1.0, abs=0.01)


def test_a_twin_that_says_the_mean_explains_nothing_and_loses_to_the_last_reading():
    true = np.sin(np.arange(600) / 10.0)
    found = explained(followed(true, np.zeros(600))[0], NOISE)
    assert found.part[0] == pytest.approx(0.0, abs=0.02)
    assert found.skill[0] < -10.0


def test_a_sensor_that_only_scatters_has_no_part_in_the_score():
    y = np.random.default_rng(4).normal(0.0, 0.1, 600)
    assert np.isnan(explained(followed(y, np.zeros(600))[0], NOISE).part[0])


def test_few_readings_tell_nothing():
    assert np.isnan(explained(followed(np.arange(11.0), np.arange(11.0))[0], NOISE).share[0])


def test_the_limits_of_the_nis_test_are_chi_square_and_a_missing_sensor_takes_its_degree_of_freedom():
    rng = np.random.default_rng(5)
    dof = np.where(np.arange(36) % 2, 3.0, 2.0)
    nis = rng.chisquare(dof)
    found = consistency(nis, dof)
    assert found.tau == 1.0
    np.testing.assert_allclose([found.low, found.high], chi2.ppf([0.005, 0.995], 90.0) / 90.0)
    assert found.ratio == pytest.approx(nis.sum() / 90.0)


def test_a_window_without_readings_has_no_ratio_and_the_score_is_zero():
    agree = consistency(np.full(36, np.nan), np.zeros(36))
    assert np.isnan(agree.ratio)
    found = score(explained(moments(1, 1)[0], NOISE), agree, 0.0)
    assert (found.score, found.nis_ratio, found.explained) == (0.0, None, None)


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.03), (0.8, 0.06)])
def test_a_consistent_filter_is_rarely_called_inconsistent_also_where_its_nis_are_correlated(phi, most):
    """White residuals, and ones whose squares hang together (a moving average): nominal 1 % above or below."""
    rng = np.random.default_rng(6)
    outside = 0
    for _ in range(2000):
        r = rng.normal(size=96)
        for k in range(1, 96):
            r[k] = phi * r[k - 1] + np.sqrt(1 - phi**2) * r[k]
        found = consistency(r**2, np.ones(96))
        outside += not found.low <= found.ratio <= found.high
    assert outside / 2000 <= most


def test_correlation_counts_how_many_readings_make_one():
    rng = np.random.default_rng(7)
    assert correlation(rng.normal(size=5000)) == pytest.approx(1.0, abs=0.2)
    assert correlation(np.repeat(rng.normal(size=500), 10)) == pytest.approx(10.0, rel=0.2)


def test_the_score_is_the_smallest_part_and_names_it():
    true = np.sin(np.arange(600) / 10.0)
    told = explained(followed(true, true)[0], NOISE)
    good = consistency(np.ones(36), np.ones(36))
    assert score(told, good, 0.0).score == pytest.approx(1.0)
    far = score(told, good, 0.5)
    assert (far.weakest, far.score) == ("envelope", pytest.approx(np.exp(-2.0)))
    bad = score(told, consistency(np.full(36, 9.0), np.ones(36)), 0.0)
    assert bad.weakest == "consistency"
    assert bad.score < 0.25
