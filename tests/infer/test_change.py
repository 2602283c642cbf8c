"""A step told from growth, a sensor from the machine, a repair from wear; truths are written here, not by any model."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.assets.induction_motor import MODEL
from didymos.core.errors import DataError
from didymos.infer.calibrate import simulate
from didymos.infer.change import LEAST_ROWS, Rows, find, moved, reference

T, AT = 120, 70
NOISE = np.full(3, 0.3)
WEAR = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
STEP = (np.arange(T) >= AT)[:, None].astype(float)
RAMP = np.maximum(np.arange(T) - AT, 0.0)[:, None] / 25.0


def rows(signal=0.0, seed=1, load=None, colour=0.0):
    """Three sensors whose means scatter by 0.5, as AR(1) where `colour` is not 0."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(0.0, 1.0, (T, 2)) if load is None else load
    e = rng.normal(0.0, 0.5, (T, 3))
    for t in range(1, T):
        e[t] = colour * e[t - 1] + np.sqrt(1.0 - colour**2) * e[t]
    return Rows(e + u @ np.array([[1.0, 0.5, 0.0], [0.0, -2.0, 1.0]]) + signal, u, NOISE, WEAR)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"u": np.zeros((5, 2))}, "One row of inputs|Give one row of inputs"),
        ({"noise": np.zeros(3)}, "noise above 0"),
        ({"u": np.full((T, 2), np.nan)}, "inputs must be complete"),
        ({"signatures": np.zeros((1, 2))}, "signatures"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_what_is_needed(change, said):
    with pytest.raises(DataError, match=said):
        find(rows()._replace(**change))


def test_too_few_rows_and_no_readings_at_all_say_nothing():
    few = rows(20.0 * STEP)
    assert find(Rows(few.z[AT - 10 : AT + 5], few.u[AT - 10 : AT + 5], NOISE, WEAR)) is None
    assert LEAST_ROWS > 15
    assert find(few._replace(z=np.full((T, 3), np.nan))) is None


def test_nothing_is_told_where_nothing_happens_also_where_the_noise_hangs_together():
    told = [find(rows(seed=seed, colour=colour)) is not None for colour in (0.0, 0.7) for seed in range(40)]
    assert sum(told) == 0


def test_wear_that_begins_and_grows_is_wear():
    for seed in range(10):
        assert find(rows(RAMP * WEAR[0], seed)) is None
        assert find(rows(RAMP**2 * WEAR[1], seed)) is None
    assert find(rows(4.0 * STEP * WEAR[0])) is None  # a part that breaks: the same wear, at once


def test_a_growth_that_no_wear_explains_is_no_step():
    assert find(rows(RAMP * np.array([1.0, -1.0, 1.0]))) is None


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (np.array([0.0, -3.0, 0.0]), "sensor_step"),
        (-2.0 * WEAR[0], "improvement"),
        (-1.5 * WEAR[0] - 1.0 * WEAR[1], "improvement"),
        (np.array([2.0, -2.0, 1.0]), "plant_change"),
    ],
)
def test_each_kind_of_step_is_told_with_its_moment_and_its_size(size, kind):
    found = find(rows(STEP * size))
    assert found is not None
    assert (found.kind, found.candidates[0][0]) == (kind, kind)
    assert abs(found.at - AT) <= 1
    np.testing.assert_allclose(found.size, size, atol=0.35)
    assert found.sensor == (1 if kind == "sensor_step" else -1)
    assert sum(p for _, p in found.candidates) == pytest.approx(1.0, abs=0.04)


def test_a_step_that_one_sensor_alone_sees_and_a_wear_undone_explains_names_both():
    alone = np.array([[0.0, 0.0, 1.0]])
    found = find(rows(STEP * np.array([0.0, 0.0, -3.0]))._replace(signatures=alone))
    assert found is not None
    named = dict(found.candidates)
    assert min(named["sensor_step"], named["improvement"]) > 0.1


def test_a_missing_sensor_and_missing_hours_hide_no_step_of_the_others():
    given = rows(STEP * np.array([2.0, -2.0, 0.0]))
    z = given.z.copy()
    z[:, 2], z[::7] = np.nan, np.nan
    found = find(given._replace(z=z))
    assert found is not None
    assert (found.kind, abs(found.at - AT) <= 1) == ("plant_change", True)


def test_a_load_that_moves_residuals_as_before_is_no_change():
    u = np.random.default_rng(3).uniform(0.0, 1.0, (T, 2)) + 5.0 * STEP
    assert find(rows(load=u)) is None
    assert moved(u, AT) in (0, 1)
    assert moved(rows().u, AT) == -1


def test_steps_too_small_to_matter_are_not_told():
    quiet = rows(0.0)
    z = 0.01 * (quiet.z - quiet.u @ np.array([[1.0, 0.5, 0.0], [0.0, -2.0, 1.0]])) + 0.5 * STEP * np.array([1.0, -1.0, 1.0])
    assert find(quiet._replace(z=z, noise=np.full(3, 0.3))) is None
    assert find(quiet._replace(z=z, noise=np.full(3, 0.01))) is not None


def test_the_same_rows_have_the_same_answer():
    one, other = (find(rows(STEP * np.array([2.0, -2.0, 1.0]))) for _ in range(2))
    assert repr(one) == repr(other)


def test_hourly_means_of_the_open_loop_are_what_the_reference_says():
    """Motor whose load steps every few hours: 5 minute Euler steps against one exponential a row."""
    rng = np.random.default_rng(1)
    hours = np.repeat(rng.uniform(0.6, 1.0, 16), 3)
    u = np.tile(np.array(MODEL.nominal, float), (48, 1))
    u[:, 0] *= hours
    fine = np.repeat(u, 12, axis=0)
    y = simulate(MODEL, np.array([MODEL.Params()], float), fine[None], 300.0)[0].reshape(48, 12, -1).mean(axis=1)
    found = reference(MODEL, np.array(MODEL.initial, float), np.array(MODEL.Params(), float), u, 3600.0)
    swing = np.ptp(y, axis=0)
    away = np.abs(found - y).max(axis=0)
    assert (away[swing > 0.0] < 0.05 * swing[swing > 0.0] + 1e-9).all()


@pytest.mark.parametrize("model", ASSETS.values(), ids=lambda m: m.name)
def test_every_machine_in_steady_operation_reads_what_its_reference_says(model):
    u = np.tile(np.array(model.nominal, float), (5, 1))
    p, x = np.array(model.Params(), float), model.steady(model.initial, model.nominal, model.Params())
    expected = np.array(model.out(x, model.nominal, model.Params()), float)
    np.testing.assert_allclose(reference(model, np.array(model.initial, float), p, u, 3600.0), np.tile(expected, (5, 1)), rtol=1e-9)
