"""Virtual sensors: bad input first, then against a textbook Kalman filter, then under mismatch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.verify.field_rig import small

from didymos.core.errors import DataError, ModelError
from didymos.formats.wire import pack, unpack
from didymos.infer import field_filter as ff
from didymos.numerics.rom.live import advance, stepper

FILM, STEP_S = np.array([400.0, 12.0, 1500.0]), 10.0
ZERO = np.zeros(3)


def spread_out(count: int) -> list[str]:
    """Places far from each other along the housing."""
    places = sorted(small().field.sensors, key=lambda p: p.point[2])
    return [places[i].name for i in np.linspace(0, len(places) - 1, count).astype(int)]


def sensing(count: int = 4, **tuning) -> ff.Sensing:
    return ff.sensing(small().field, spread_out(count), ff.Tuning(**tuning))


def truth(factor, load, behind) -> np.ndarray:
    """Amounts (steps, r) of a plant whose conductivity and films are off by `factor` (4,)."""
    f, film = small().field, FILM * factor[1:]
    off = replace(f, conduction=factor[0] * f.conduction)
    by, amount, found = stepper(off, film, STEP_S), np.zeros(len(f.level)), []
    for q, t in zip(load, behind, strict=True):
        amount = advance(by, amount, q, t)
        found.append(amount)
    return np.array(found)


def jumps(steps: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.repeat(rng.random((-(-steps // 30), 3)) * [500.0, 300.0, 1500.0], 30, axis=0)[:steps]


@pytest.mark.parametrize("names", [[], ["nowhere"], "twice"])
def test_thermocouples_at_no_place_an_unknown_place_or_one_place_twice_are_refused(names):
    given = spread_out(2)[:1] * 2 if names == "twice" else names
    with pytest.raises(ModelError, match="Allowed"):
        ff.sensing(small().field, given)


def test_a_tuning_without_noise_is_refused_by_name():
    with pytest.raises(ModelError, match="noise_K"):
        ff.Tuning(noise_K=0.0)
    with pytest.raises(ModelError, match="error_sd"):
        ff.Tuning(error_sd=float("nan"))


def test_readings_of_the_wrong_count_or_infinite_are_refused_and_leave_the_belief_alone():
    s = sensing()
    belief, by = ff.init(s, 293.15), stepper(s.field, FILM, STEP_S)
    before = belief.mean.copy()
    with pytest.raises(ModelError, match="3"):
        ff.step(s, belief, by, ZERO, ZERO, np.zeros(2))
    with pytest.raises(DataError, match="infinite"):
        ff.step(s, belief, by, ZERO, ZERO, np.array([1.0, np.inf, 1.0, 1.0]))
    with pytest.raises(DataError, match="infinite or no number"):
        ff.step(s, belief, by, np.full(3, np.nan), ZERO, np.zeros(4))
    assert np.array_equal(belief.mean, before)


def test_without_model_error_it_is_the_textbook_kalman_filter():
    s = sensing(error_sd=1e-9)
    f, t, r = s.field, s.tuning, s.modes
    by, belief = stepper(f, FILM, STEP_S), ff.init(s, 293.15)
    box = np.array([500.0, 300.0, 1500.0])
    move = np.block([[by.hold, by.heat], [np.zeros((3, r)), np.exp(-STEP_S / t.load_time_s) * np.eye(3)]])
    added = np.diag(np.concatenate([np.zeros(r), (t.load_walk * box) ** 2 * STEP_S]))
    look, noise = np.hstack([s.rows, np.zeros((4, 3))]), (t.noise_K**2 + t.floor_K**2) * np.eye(4)
    mean, cov = belief.mean[: r + 3], belief.cov[: r + 3, : r + 3]
    rng = np.random.default_rng(2)
    for k in range(20):
        load, behind = np.array([10.0 * k, 5.0, 40.0]), np.array([0.1 * k, 1.0, -1.0])
        reading = rng.normal(size=4) + 0.1 * k
        belief = ff.step(s, belief, by, load, behind, reading)
        mean = move @ mean + np.concatenate([by.heat @ load + by.behind @ behind, ZERO])
        cov = move @ cov @ move.T + added
        gain = cov @ look.T @ np.linalg.inv(look @ cov @ look.T + noise)
        mean, cov = mean + gain @ (reading - look @ mean), (np.eye(r + 3) - gain @ look) @ cov
    assert belief.mean[: r + 3] == pytest.approx(mean, abs=1e-6 * np.abs(mean).max())
    assert belief.cov[: r + 3, : r + 3] == pytest.approx(cov, abs=1e-6 * np.abs(cov).max())


def test_a_missing_reading_is_left_out_and_none_at_all_widens_the_bands():
    s = sensing()
    by, belief, nan = stepper(s.field, FILM, STEP_S), ff.init(s, 293.15), np.nan
    for _ in range(5):
        belief = ff.step(s, belief, by, ZERO, ZERO, np.array([0.0, nan, 0.0, 0.0]))
    assert belief.readings[-1] == 3.0
    blind = ff.step(s, belief, by, ZERO, ZERO, np.full(4, nan))
    rows = s.field.modes[s.field.surface]
    assert (ff.temperature_sd(s, blind, rows) >= ff.temperature_sd(s, belief, rows) - 1e-6).mean() > 0.9
    assert np.array_equal(blind.nis, belief.nis)


def test_a_belief_that_was_stored_goes_on_as_if_never_stored():
    s = sensing()
    by, belief = stepper(s.field, FILM, STEP_S), ff.init(s, 300.0)
    belief = ff.step(s, belief, by, ZERO, ZERO, np.array([7.0, 7.1, 6.9, np.nan]))
    back = unpack(ff.FieldBelief, pack(belief))
    reading = np.array([7.2, 7.0, 7.0, 7.3])
    one, two = (ff.step(s, b, by, ZERO, ZERO, reading) for b in (belief, back))
    assert np.array_equal(one.mean, two.mean)
    assert np.array_equal(one.cov, two.cov)


def followed(s: ff.Sensing, factor, steps: int = 120, seed: int = 3):
    load, behind = jumps(steps, seed), np.tile([1.0, 2.0, 4.0], (steps, 1))
    true, by, belief = truth(factor, load, behind), stepper(s.field, FILM, STEP_S), ff.init(s, 293.15)
    noise = 0.3 * np.random.default_rng(seed).normal(size=(steps, len(s.names)))
    off, inside = [], []
    for k in range(steps):
        belief = ff.step(s, belief, by, ZERO, behind[k], s.rows @ true[k] + noise[k])
        error = s.field.modes @ (belief.mean[: s.modes] - true[k])
        off.append(error)
        inside.append(np.abs(error) <= ff.Z90 * ff.temperature_sd(s, belief, s.field.modes))
    return np.array(off), np.array(inside), belief


def test_with_physics_twenty_percent_off_the_field_is_within_a_kelvin_and_the_band_is_honest():
    rmse, covered = [], []
    for factor in ([0.8, 0.8, 0.8, 0.8], [1.2, 0.8, 1.2, 0.8], [0.8, 1.2, 1.0, 1.2]):
        off, inside, belief = followed(sensing(5), np.array(factor))
        rmse.append(float(np.sqrt(np.mean(off[20:] ** 2))))
        covered.append(float(inside[20:].mean()))
        assert ff.fits(belief)[0]
    assert max(rmse) < 1.0
    assert 0.85 <= np.mean(covered) <= 0.99


def test_without_the_model_error_term_the_band_is_too_narrow():
    """What the term is for: the same filter that believes its constants covers far less."""
    factor = np.array([0.8, 0.8, 0.8, 0.8])
    with_term = followed(sensing(5, floor_K=0.01), factor)[1].mean()
    without = followed(sensing(5, floor_K=0.01, error_sd=1e-9), factor)[1].mean()
    assert without < with_term - 0.1


def test_the_monitor_says_when_the_model_no_longer_fits_the_machine():
    s = sensing(5)
    by, belief, steps = stepper(s.field, FILM, STEP_S), ff.init(s, 293.15), 90
    true = truth(np.ones(4), jumps(steps), np.zeros((steps, 3)))
    rng = np.random.default_rng(1)
    for k in range(steps):
        reading = s.rows @ true[k] + 0.3 * rng.normal(size=5)
        reading[2] += 0.25 * max(k - 20, 0) * (-1) ** k  # a thermocouple that comes loose
        belief = ff.step(s, belief, by, ZERO, ZERO, reading)
    good, ratio = ff.fits(belief)
    assert not good
    assert ratio > 2.0 * ff.MISFIT
    assert ff.fits(ff.init(s, 293.15))[0]


def test_the_static_fit_finds_a_steady_field_exactly_and_lags_behind_a_change():
    s = sensing(5)
    by, amount, load = stepper(s.field, FILM, 1e7), np.zeros(s.modes), np.array([200.0, 100.0, 700.0])
    behind = np.array([1.0, 2.0, 3.0])
    for _ in range(3):
        amount = advance(by, amount, load, behind)
    found = ff.static_fit(s, FILM, behind, s.rows @ amount)
    assert np.abs(s.field.modes @ (found - amount)).max() < 1e-2
    soon = advance(stepper(s.field, FILM, STEP_S), np.zeros(s.modes), load, behind)
    assert np.abs(s.field.modes @ (ff.static_fit(s, FILM, behind, s.rows @ soon) - soon)).max() > 1.0


def test_one_thermocouple_cannot_tell_three_loads_apart_and_the_check_says_which():
    by = stepper(small().field, FILM, STEP_S)
    alone = ff.placement(sensing(1), by, steps=60)
    assert alone.told == 1
    assert "only 1 of 3 loads" in str(alone)
    enough = ff.placement(sensing(5), by, steps=60)
    assert enough.told == 3
    assert enough.worst_sd_K < 0.5 * alone.worst_sd_K
    assert enough.condition < 100.0
