"""From first passage times to failure-time distributions."""

import numpy as np
import pytest
from scipy import stats

from didymos.assets.induction_motor import MODEL
from didymos.core.errors import DataError
from didymos.infer.life import failed_before, forecast, life_of, lives, time_grid

HORIZON = 1e6


def test_passages_with_nan_are_refused():
    with pytest.raises(DataError, match="without NaN"):
        life_of("m", "Mode", np.array([1.0, np.nan]), HORIZON)


def test_the_curve_has_about_forty_points_from_an_hour_to_the_horizon_and_starts_at_zero():
    grid = time_grid(365 * 86_400.0)
    assert (grid[0], grid[1], grid[-1], len(grid)) == (0.0, pytest.approx(3600.0), pytest.approx(365 * 86_400.0), 41)
    assert (np.diff(grid) > 0).all()


def test_quantiles_and_curve_of_weibull_passages_are_the_weibulls():
    """Standard error of a share of 40,000: 0.0025; of the 0.9 quantile about 0.4 %."""
    law = stats.weibull_min(2.0, scale=3e5)
    life = life_of("m", "Mode", law.rvs(40_000, random_state=1), HORIZON)
    for q, seconds in life.quantiles_s:
        assert seconds == pytest.approx(law.ppf(q), rel=0.02)
    for seconds, chance in life.p_fail:
        assert chance == pytest.approx(law.cdf(seconds), abs=0.01)
    assert life.probability(2e5) == pytest.approx(law.cdf(2e5), abs=0.02)


def test_a_quantile_that_too_many_trajectories_outlive_is_beyond_the_horizon():
    passage = np.concatenate([np.arange(1.0, 21.0), np.full(80, np.inf)])
    life = life_of("m", "Mode", passage, HORIZON)
    assert life.quantiles_s == ((0.1, 10.0), (0.5, None), (0.9, None))
    assert life.p_fail[-1] == (pytest.approx(HORIZON), 0.2)


def test_the_curve_never_falls():
    life = life_of("m", "Mode", np.random.default_rng(1).exponential(1e5, 500), HORIZON)
    chances = [chance for _, chance in life.p_fail]
    assert chances == sorted(chances)


def test_a_twin_that_is_not_valid_gives_the_reason_and_no_number():
    passage = np.full((2, 3, 10), 5.0)
    withheld, shown = lives(MODEL, passage, HORIZON, ["Shaft speed has not been read for 3 hours", None])
    assert [life.mode for life in shown] == [mode.name for mode in MODEL.failure_modes]
    assert all(life.withheld == "Shaft speed has not been read for 3 hours" and not life.p_fail for life in withheld)
    assert all(life.withheld is None and life.quantiles_s[1] == (0.5, 5.0) for life in shown)


def test_failing_before_the_stop_counts_a_trajectory_once_however_many_modes_fail():
    passage = np.array([[[1.0, 5.0, np.inf, np.inf], [2.0, np.inf, 3.0, np.inf]]])
    np.testing.assert_array_equal(failed_before(passage, 2.5), [0.25])
    np.testing.assert_array_equal(failed_before(passage, [10.0]), [0.75])
    np.testing.assert_array_equal(failed_before(passage, 0.5), [0.0])


def test_a_forecast_of_a_worn_bearing_fails_sooner_than_that_of_a_new_one_and_repeats_exactly():
    mean = np.tile(np.array(MODEL.initial, float), (2, 1))
    place = MODEL.state_index("bearing_wear")
    mean[1, place] = 0.9
    cov = np.tile(np.diag(np.square([1.0, 1.0, 0.01, 0.1, 0.01, 0.1, 1e-3, *[1e-3] * (MODEL.n_states - 7)])), (2, 1, 1))
    u, params = np.tile(MODEL.nominal, (2, 1)), np.tile(np.array(MODEL.Params(), float), (2, 1))
    arguments = (MODEL, mean, cov, u, params, MODEL.process_noise, 365 * 86_400.0, 5)
    passage = forecast(*arguments, trajectories=400, steps=100)
    mode = [m.name for m in MODEL.failure_modes].index("bearing_wear")
    assert passage.shape == (2, len(MODEL.failure_modes), 400)
    assert (passage[1, mode] < 90 * 86_400.0).mean() > (passage[0, mode] < 90 * 86_400.0).mean() + 0.1
    np.testing.assert_array_equal(forecast(*arguments, trajectories=400, steps=100), passage)
