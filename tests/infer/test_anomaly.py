"""The regime baseline on made-up machines: false alarms as stated, faults found, the guilty channel named."""

from __future__ import annotations

import numpy as np
import pytest

from didymos.core.errors import ConfigError, DataError
from didymos.formats import wire
from didymos.infer import anomaly
from didymos.infer.anomaly import Settings, State

CHANNELS = ("speed", "pressure", "oil_temperature", "current")
SETTINGS = Settings(CHANNELS, regime=0)


def plant(rows: int, seed: int = 0) -> np.ndarray:
    """Speed steps between levels; pressure and current follow it and share a noise; oil temperature has slow noise of its own."""
    rng = np.random.default_rng(seed)
    speed = np.repeat(rng.choice([50.0, 80.0, 100.0], rows // 12 + 1), 12)[:rows] + rng.normal(0, 1, rows)
    common = rng.normal(size=rows)
    slow = np.zeros(rows)
    for i in range(1, rows):
        slow[i] = 0.7 * slow[i - 1] + rng.normal() * 0.7
    pressure = 1e5 * (1 + (speed / 50) ** 2) + 2e3 * (common + rng.normal(size=rows))
    current = 0.2 * speed + 0.3 * (common + rng.normal(size=rows))
    return np.stack([speed, pressure, 320.0 + 0.1 * speed + slow, current], axis=1)


def run(rows: np.ndarray, state: State, settings: Settings = SETTINGS) -> tuple[State, list[float]]:
    values = []
    for row in rows:
        state, score = anomaly.step(state, row, settings)
        values.append(score.value if score else np.nan)
    return state, values


@pytest.fixture(scope="module")
def learned() -> State:
    return run(plant(576), anomaly.init(SETTINGS))[0]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(DataError, match="4 channels are configured"):
        anomaly.step(anomaly.init(SETTINGS), np.zeros(3), SETTINGS)


def test_settings_that_leave_nothing_to_watch_or_to_learn_from_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 channels to watch"):
        Settings(("speed",), regime=0)
    with pytest.raises(ConfigError, match="10 rows"):
        Settings(CHANNELS, learn=10)


def test_there_is_no_score_before_the_healthy_period_is_over() -> None:
    state, values = run(plant(576), anomaly.init(SETTINGS))
    assert np.isnan(values).all()
    assert state.baseline is not None
    assert len(state.rows) == 0


def test_false_alarms_on_other_normal_months_are_what_the_limit_was_set_for() -> None:
    """One a month is stated. Three machines, one normal month each: a Poisson count of mean 3 is above 9 with chance 0.001."""
    starts = 0
    for seed in (31, 32, 33):
        state = run(plant(576, seed), anomaly.init(SETTINGS))[0]
        above = np.array(run(plant(8640, seed + 100), state)[1]) >= 1.0
        starts += int(np.sum(above[1:] & ~above[:-1]))
    assert starts <= 9


def test_a_shift_of_three_sigma_in_one_channel_is_found_and_named(learned: State) -> None:
    rows = plant(100, seed=9)
    rows[40:, 2] += 3.0
    state, values = run(rows[:99], learned)
    assert np.max(values[:40]) < 1.0
    assert np.mean(np.array(values[60:]) > 1.0) > 0.9
    _, score = anomaly.step(state, rows[99], SETTINGS)
    assert score is not None
    assert score.contributions[0][0] == "oil_temperature"
    assert score.contributions[0][1] > 0.6
    assert sum(share for _, share in score.contributions) == pytest.approx(1.0)


def test_a_change_of_regime_alone_is_no_anomaly(learned: State) -> None:
    rows = plant(300, seed=11)
    _, values = run(rows[np.argsort(rows[:, 0])], learned)
    assert np.mean(np.array(values) >= 1.0) < 0.02


def test_a_broken_relation_inside_normal_ranges_is_found(learned: State) -> None:
    """Pressure and current share their noise; each stays within 2 of its sigmas, but they move apart."""
    rows = plant(60, seed=13)
    rows[20:, 1] += 4.5e3
    rows[20:, 3] -= 0.7
    _, values = run(rows, learned)
    assert np.max(values[40:]) > 1.0


def test_a_missing_channel_neither_raises_nor_hides_an_alarm(learned: State) -> None:
    calm = plant(200, seed=15)
    calm[:, 3] = np.nan
    _, values = run(calm, learned)
    assert np.mean(np.array(values) >= 1.0) < 0.02
    calm[:, 2] += 4.0
    _, values = run(calm, learned)
    assert np.min(values[30:]) > 1.0


def test_a_row_without_regime_is_skipped_and_changes_nothing(learned: State) -> None:
    row = plant(1)[0]
    row[0] = np.nan
    state, score = anomaly.step(learned, row, SETTINGS)
    assert score is None
    assert state is learned


def test_missing_values_in_the_healthy_period_are_tolerated() -> None:
    rows = plant(576)
    rows[np.random.default_rng(3).random(rows.shape) < 0.2] = np.nan
    state, _ = run(np.vstack([rows, plant(300, seed=4)]), anomaly.init(SETTINGS))
    assert state.baseline is not None
    assert np.isfinite(state.baseline.mean).all()


def test_a_channel_that_never_moves_is_no_division_by_zero() -> None:
    rows = plant(600)
    rows[:, 1] = 2e5
    _, values = run(rows, anomaly.init(SETTINGS))
    assert np.isfinite(values[576:]).all()


def test_a_state_survives_the_checkpoint(learned: State) -> None:
    back = wire.unpack(State, wire.pack(learned))
    rows = plant(50, seed=21)
    assert run(rows, back)[1] == run(rows, learned)[1]


def test_the_statistic_is_hotellings_t2_of_the_smoothed_residuals(learned: State) -> None:
    """Naive version: explicit inverse, one row after another."""
    rows, base = plant(40, seed=23), learned.baseline
    assert base is not None
    inverse, a, naive = np.linalg.inv(base.correlation), learned.smoothed.copy(), []
    for row in rows:
        k = sum(row[0] >= edge for edge in base.edges)
        expected = base.mean[k] + base.slope[k] * (row[0] - base.centre[k])
        a = 0.8 * a + 0.2 * (row[1:] - expected) / base.sd[k]
        naive.append(9.0 * a @ inverse @ a / base.limit)
    assert run(rows, learned)[1] == pytest.approx(naive)
