"""Life of a bearing from its sisters and its own vibration: made-up fleets whose answer is known."""

from __future__ import annotations

from math import exp, log, pi

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.formats import wire
from didymos.infer import bearing_life
from didymos.infer.bearing_life import History, State

FLAT = np.zeros(200)
RISING = np.r_[np.zeros(100), np.linspace(0.0, 2.0, 100)]  # healthy for half its life, then e times e worse at its end


def feed(levels: list[float] | np.ndarray, state: State | None = None) -> State:
    state = bearing_life.init() if state is None else state
    for level in levels:
        state = bearing_life.step(state, (level,), 10.0)
    return state


def fleet(lives: list[float], shown: np.ndarray = FLAT) -> bearing_life.Prior:
    return bearing_life.fit([History(shown + 0.05 * i, life, 1000.0) for i, life in enumerate(lives)])


def test_two_known_lives_are_too_few() -> None:
    with pytest.raises(DataError, match="at least 3"):
        fleet([500.0, 600.0])


@pytest.mark.parametrize("life", [0.0, -5.0, float("nan")])
def test_a_life_that_is_no_life_is_refused(life: float) -> None:
    with pytest.raises(DataError, match="seconds above zero"):
        fleet([500.0, 600.0, life])


def test_a_history_without_any_indicator_is_refused() -> None:
    with pytest.raises(DataError, match="no indicator"):
        bearing_life.fit([History(np.full(50, np.nan), 500.0, 1000.0)] * 3)


def test_basic_rating_life_is_a_million_turns_when_the_load_equals_the_capacity() -> None:
    assert bearing_life.l10_s(4000.0, 1800 * pi / 30, 4000.0) == pytest.approx(1e6 / 30.0)
    assert bearing_life.l10_s(5000.0, 1500 * pi / 30, 4000.0) == pytest.approx(0.8**3 * 1e6 / 25.0)


def test_the_indicator_is_the_logarithm_of_the_level_over_the_healthy_level() -> None:
    state = feed([0.5] * 30 + [1.5] * 7)
    assert bearing_life.indicator(state) == pytest.approx(log(3.0))


def test_axes_add_by_their_power() -> None:
    state = bearing_life.step(bearing_life.init(), (3.0, 4.0), 10.0)
    assert state.recent[-1] == pytest.approx(5.0)


def test_running_in_lowers_the_healthy_level_and_raises_no_alarm() -> None:
    state = feed(np.linspace(2.0, 0.5, 200))
    assert state.alarm_s is None
    assert state.healthy < 0.7


def test_nothing_is_claimed_before_the_healthy_level_is_known() -> None:
    state = feed([0.5] * 29)
    assert np.isnan(bearing_life.indicator(state))
    assert state.alarm_s is None


def test_one_knock_is_no_alarm_but_a_lasting_rise_is_and_its_time_is_kept() -> None:
    knock = feed([0.5] * 40 + [9.0] + [0.5] * 10)
    assert knock.alarm_s is None
    risen = feed([1.5] * 20, feed([0.5] * 40))
    assert risen.alarm_s == 440.0  # the 4th of the last 7 levels above the limit


def test_a_missing_level_only_lets_the_age_grow() -> None:
    before = feed([0.5] * 40)
    after = bearing_life.step(before, (float("nan"),), 10.0)
    assert after.age_s == before.age_s + 10.0
    assert np.array_equal(after.recent, before.recent)


def test_a_state_survives_the_checkpoint() -> None:
    state = feed([0.5] * 40 + [2.0] * 10)
    back = wire.unpack(State, wire.pack(state))
    assert np.array_equal(back.recent, state.recent)
    assert back[1:] == state[1:]
    assert bearing_life.indicator(back) == bearing_life.indicator(state)


def test_steps_in_two_batches_equal_steps_in_one() -> None:
    levels = np.random.default_rng(1).uniform(0.4, 2.0, 80)
    assert bearing_life.indicator(feed(levels[50:], feed(levels[:50]))) == bearing_life.indicator(feed(levels))


def test_a_new_bearing_is_expected_to_live_as_its_sisters_did() -> None:
    prior = fleet([900.0, 1000.0, 1000.0, 1100.0, 1000.0])
    seconds, chance = bearing_life.remaining(bearing_life.init(), prior, 1000.0)
    assert np.interp(0.5, chance, seconds) == pytest.approx(1000.0, rel=0.05)


def test_the_life_scales_with_the_rating_life_of_the_operating_condition() -> None:
    prior = fleet([900.0, 1000.0, 1000.0, 1100.0, 1000.0])
    halves = [np.interp(0.5, *reversed(bearing_life.remaining(bearing_life.init(), prior, l10))) for l10 in (1000.0, 2500.0)]
    assert halves[1] / halves[0] == pytest.approx(2.5, rel=1e-3)


def test_without_an_indicator_the_posterior_is_the_fleet_density_cut_at_the_age() -> None:
    """Naive version: one Gaussian kernel per known life and bandwidth, summed on a fine grid."""
    prior = fleet([500.0, 900.0, 1500.0])
    age = 700.0
    x = np.linspace(log(age), log(30_000.0), 20_000)
    widths = np.geomspace(0.05, 1.0, 25)
    density = sum(
        w * np.exp(-0.5 * ((x - log(life)) / s) ** 2) / s
        for life in (500.0, 900.0, 1500.0)
        for w, s in zip(prior.bandwidth_weight, widths, strict=True)
    ) + np.exp(-0.5 * (x - np.mean(np.log([500.0, 900.0, 1500.0]))) ** 2)
    total = np.cumsum(density) / np.sum(density)
    state = bearing_life.init()._replace(age_s=age)
    seconds, chance = bearing_life.remaining(state, prior, 1000.0)
    for level in (0.1, 0.5, 0.9):
        naive = exp(np.interp(level, total, x)) - age
        assert np.interp(level, chance, seconds) == pytest.approx(naive, rel=0.03)


def test_a_bearing_that_shows_wear_is_expected_to_fail_sooner() -> None:
    prior = fleet([500.0, 700.0, 1000.0, 1400.0, 2000.0], RISING)
    quiet, worn = (feed([0.5] * 30 + [level] * 10) for level in (0.5, 0.5 * exp(1.9)))
    assert bearing_life.point_s(worn, prior, 1000.0) < 0.75 * bearing_life.point_s(quiet, prior, 1000.0)


def test_a_bearing_older_than_every_known_life_still_has_a_distribution() -> None:
    prior = fleet([90.0, 100.0, 110.0])
    seconds, chance = bearing_life.remaining(bearing_life.init()._replace(age_s=5000.0), prior, 100.0)
    assert chance[-1] == 1.0
    assert 0.0 < np.interp(0.5, chance, seconds) < 45_000.0


def test_a_life_is_handed_over_as_the_rest_of_the_twin_reads_it() -> None:
    life = bearing_life.predict(feed([0.5] * 40), fleet([900.0, 1000.0, 1100.0]), 1000.0, "fatigue", "Rolling fatigue")
    ends = [end for _, end in life.quantiles_s if end is not None]
    assert ends == sorted(ends)
    assert len(ends) == 3
    assert life.probability(ends[1]) == pytest.approx(0.5, abs=0.01)
    assert all(a[1] <= b[1] for a, b in zip(life.p_fail, life.p_fail[1:], strict=False))
