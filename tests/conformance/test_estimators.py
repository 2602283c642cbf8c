"""Every filter of the table: it is the Kalman filter on a linear model, its belief is as wide as its errors, a missing reading is
as if there were none, and a stored state goes on to the byte."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from didymos.core.errors import DataError
from didymos.formats.wire import pack, unpack
from didymos.infer.estimator import Given, matched_noise, robust
from didymos.infer.estimators import ESTIMATORS
from didymos.infer.gaussian import Gaussian
from didymos.infer.sampled import Cloud, Ensemble, Particles

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))
from small_models import LINE, MOTOR

WORN = replace(
    MOTOR, initial=MOTOR.initial._replace(wear=0.6, fouling=0.6)
)  # away from its bounds, which no filter here believes in
DT_S = 0.5
EXACT = ("ukf", "ekf")
MANY = {"enkf": lambda m: Ensemble(m, 3000), "pf": lambda m: Particles(m, 3000)}


def estimator(name, model):
    return MANY.get(name, ESTIMATORS[name])(model)


def given(model, n, seed=1, y=None, dt_s=DT_S):
    rng = np.random.default_rng(seed)
    u = np.tile(np.array(model.nominal, float), (n, 1))
    noise = np.array([c.noise if c.noise > 0 else 0.1 for c in model.sensors])
    if y is None:
        y = rng.normal(size=(n, model.n_sensors)) + np.array(
            model.out(model.State(*model.initial), model.nominal, model.Params()), float
        )
    q = np.array(model.process_noise, float)
    return Given(
        u, y, np.tile(np.array(model.Params(), float), (n, 1)), np.tile(q, (n, 1)), np.tile(noise, (n, 1)), np.full(n, dt_s)
    )


def kalman(mean, P, g):
    """The textbook's, for LINE at Euler's steps of its own length: one asset."""
    A = np.array([[0.0, 1.0, 0.0], [0.0, -LINE.Params().damping, -1.0], [0.0, 0.0, 0.0]])
    F, B = np.eye(3) + DT_S * A, DT_S * np.array([0.0, 1.0, 0.0])
    H = np.array([[1.0, 0.0, 0.0], [0.1, 1.0, 0.0]])
    mean, P = F @ mean + B * g.u[0, 0], F @ P @ F.T + np.diag(g.q[0] ** 2 * DT_S)
    seen = np.isfinite(g.y[0])
    H, R, nu = H[seen], np.diag(g.r[0][seen] ** 2), g.y[0][seen] - (H @ mean)[seen]
    S = H @ P @ H.T + R
    K = P @ H.T @ np.linalg.inv(S)
    loglik = -0.5 * (nu @ np.linalg.solve(S, nu) + np.linalg.slogdet(S)[1] + seen.sum() * np.log(2 * np.pi))
    return mean + K @ nu, P - K @ S @ K.T, loglik


@pytest.mark.parametrize("name", ESTIMATORS)
def test_on_a_linear_model_it_is_the_kalman_filter(name):
    """The exact ones to 1e-9; the sampled ones within the scatter of 3,000 draws."""
    filter_ = estimator(name, LINE)
    state, rng = filter_.init(1, seed=3), np.random.default_rng(7)
    mean, P = np.zeros(3), np.diag(np.array(LINE.initial_sd, float) ** 2)
    for k in range(15):
        y = np.array([[0.2 * k, 0.5]]) + rng.normal(scale=0.1, size=(1, 2))
        if k % 4 == 1:
            y[0, k % 2] = np.nan
        g = given(LINE, 1, y=y)
        state, found = filter_.step(state, g)
        mean, P, loglik = kalman(mean, P, g)
        sd = np.sqrt(np.diag(P))
        if name in EXACT:
            np.testing.assert_allclose(found.mean[0], mean, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(found.cov[0], P, rtol=1e-8, atol=1e-9)
            assert found.loglik[0] == pytest.approx(loglik, rel=1e-8)
        else:
            assert (np.abs(found.mean[0] - mean) < 0.2 * sd).all()
            np.testing.assert_allclose(np.sqrt(np.diag(found.cov[0])), sd, rtol=0.2)


def simulated(model, n, steps, dt_s, seed=5):
    """Truth (T, N, n) of assets drawn from the model's own belief, and what its sensors read."""
    from didymos.numerics.arrays import Arrays

    rng, machine = np.random.default_rng(seed), Arrays(model)
    g = given(model, n, dt_s=dt_s)
    x = np.array(model.initial, float) + rng.normal(size=(n, model.n_states)) * np.array(model.initial_sd, float)
    x, truth, read = machine.inside(x), [], []
    for _ in range(steps):
        x = machine.inside(machine.advance(x, g.u, g.params, g.dt_s) + g.q * np.sqrt(dt_s) * rng.normal(size=x.shape))
        truth.append(x)
        read.append(machine.observe(x, g.u, g.params) + g.r * rng.normal(size=g.y.shape))
    return np.array(truth), np.array(read)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("model", [LINE, WORN], ids=lambda m: m.name)
def test_its_belief_is_as_wide_as_its_errors(name, model):
    """Normalised errors squared (NEES) and innovations (NIS), summed over assets, within their two-sided 99.8 % region; the sampled
    ones, whose own noise is part of their error, within 15 % of the middle."""
    n, steps, dt_s = 120 if name in EXACT else 50, 25, DT_S if model is LINE else 20.0
    filter_ = {"enkf": Ensemble(model, 400), "pf": Particles(model, 2000)}.get(name) or estimator(name, model)
    truth, read = simulated(model, n, steps, dt_s)
    state, nis = filter_.init(n, seed=11), 0.0
    for k in range(steps):
        state, found = filter_.step(state, given(model, n, y=read[k], dt_s=dt_s))
        nis += found.nis.sum()
    off = truth[-1] - found.mean
    nees = np.einsum("an,anp,ap->a", off, np.linalg.inv(found.cov), off).sum()
    for total, dof in ((nees, n * model.n_states), (nis, n * steps * model.n_sensors)):
        low, high = chi2.ppf([0.001, 0.999], dof)
        if name not in EXACT:
            low, high = min(low, 0.85 * dof), max(high, 1.15 * dof)
        assert low < total < high, (total, dof)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_stored_state_goes_on_to_the_byte_and_the_same_seed_says_the_same(name):
    filter_ = ESTIMATORS[name](MOTOR)
    state, stored = filter_.init(3, seed=2), None
    for k in range(6):
        if k == 3:
            stored = pack(state)
        state, _ = filter_.step(state, given(MOTOR, 3, seed=k, dt_s=20.0))
    kind = Gaussian if name in EXACT else Cloud
    again = unpack(kind, stored)
    for k in range(3, 6):
        again, _ = filter_.step(again, given(MOTOR, 3, seed=k, dt_s=20.0))
    assert pack(again) == pack(state)
    if name not in EXACT:
        other, _ = filter_.step(filter_.init(3, seed=9), given(MOTOR, 3, dt_s=20.0))
        same, _ = filter_.step(filter_.init(3, seed=2), given(MOTOR, 3, dt_s=20.0))
        assert pack(other) != pack(same)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_blind_asset_only_moves_with_its_model_and_its_neighbour_is_not_touched(name):
    filter_ = ESTIMATORS[name](LINE)
    state = filter_.init(2, seed=1)
    g = given(LINE, 2)
    blind = g._replace(y=np.array([[np.nan, np.nan], g.y[1]]))
    _, found = filter_.step(state, blind)
    _, both = filter_.step(state, g)
    assert found.dof.tolist() == [0.0, 2.0]
    assert found.nis[0] == 0.0
    assert np.isnan(found.innovation[0]).all()
    assert found.loglik[0] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found.mean[1], both.mean[1], rtol=1e-12)
    assert np.sqrt(found.cov[0, 0, 0]) > np.sqrt(both.cov[0, 0, 0])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_step_changes_none_of_its_arguments_and_stays_inside_the_models_bounds(name):
    filter_ = ESTIMATORS[name](MOTOR)
    state, g = filter_.init(2, seed=1), given(MOTOR, 2, dt_s=20.0)
    g = g._replace(y=np.full_like(g.y, -1e4))  # far below anything possible
    before = pack(state), pack(tuple(g))
    moved, found = filter_.step(state, g)
    assert (pack(state), pack(tuple(g))) == before
    assert (found.mean >= np.array(MOTOR.low) - 1e-9).all()
    assert np.linalg.eigvalsh(found.cov).min() > -1e-9
    assert type(moved) is type(state)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("u", np.zeros((2, 5)), "u has shape"),
        ("q", np.full((2, 3), np.nan), "q of asset row 0 is not finite"),
        ("r", np.zeros((2, 2)), "r must be above 0"),
    ],
)
def test_input_that_cannot_be_is_named(name, field, value, said):
    filter_ = ESTIMATORS[name](LINE)
    with pytest.raises(DataError, match=f"line: {said}"):
        filter_.step(filter_.init(2), given(LINE, 2)._replace(**{field: value}))


@pytest.mark.parametrize("name", EXACT)
def test_an_outlier_moves_a_robust_step_no_further_than_one_at_the_limit(name):
    filter_ = ESTIMATORS[name](LINE)
    state = filter_.init(1)
    plain = given(LINE, 1, y=np.array([[0.0, 0.5]]))
    _, calm = filter_.step(state, plain)
    wild = plain._replace(y=plain.y + np.array([[80.0, 0.0]]))
    _, moved = filter_.step(state, wild)
    _, held = robust(filter_, state, wild)
    assert np.abs(held.innovation[0, 0]) == pytest.approx(3.0 * held.predicted_sd[0, 0])
    assert abs(held.mean[0, 0] - calm.mean[0, 0]) < 0.2 * abs(moved.mean[0, 0] - calm.mean[0, 0])
    _, same = robust(filter_, state, plain)
    np.testing.assert_array_equal(same.mean, calm.mean)


def test_noise_is_found_again_from_the_innovations_and_stays_where_nothing_came():
    filter_ = ESTIMATORS["ukf"](LINE)
    true_sd, r = 0.4, np.array([0.1, 0.1])
    truth, _ = simulated(LINE, 1, 400, DT_S)
    read = truth[:, 0, 0] + np.random.default_rng(4).normal(scale=true_sd, size=400)
    for _ in range(3):  # the filter's own share is right only once its noise is
        state, told, sds = filter_.init(1), [], []
        for y in read:
            state, found = filter_.step(state, given(LINE, 1, y=np.array([[y, np.nan]]))._replace(r=r[None]))
            told.append(found.innovation[0])
            sds.append(found.predicted_sd[0])
        r = matched_noise(np.array(told)[50:], np.array(sds)[50:], r, np.array([0.01, 0.01]))
    assert r[0] == pytest.approx(true_sd, rel=0.1)
    assert r[1] == 0.1
