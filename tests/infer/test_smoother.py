"""The smoother equals the Rauch-Tung-Striebel smoother of filterpy on a linear model, and on a bent one it is nearer to the truth
than the filter, and honest."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from didymos.core.errors import DataError
from didymos.infer.estimator import Given
from didymos.infer.gaussian import Ukf, commissioned
from didymos.infer.smoother import smooth
from didymos.numerics.arrays import Arrays

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))
from small_models import LINE, MOTOR

WORN = replace(MOTOR, initial=MOTOR.initial._replace(wear=0.6, fouling=0.6))


def given(model, n, y, dt_s):
    noise = np.array([c.noise if c.noise > 0 else 0.1 for c in model.sensors])
    u, p = np.tile(np.array(model.nominal, float), (n, 1)), np.tile(np.array(model.Params(), float), (n, 1))
    return Given(u, y, p, np.tile(np.array(model.process_noise, float), (n, 1)), np.tile(noise, (n, 1)), np.full(n, dt_s))


def lived(model, n, steps, dt_s, seed=3):
    """truth (T, N, n), the filter's beliefs and the steps; every fifth row of readings is missing."""
    rng, machine, ukf = np.random.default_rng(seed), Arrays(model), Ukf(model)
    x = machine.inside(np.array(model.initial, float) + rng.normal(size=(n, model.n_states)) * np.array(model.initial_sd, float))
    state, truth, beliefs, made = ukf.init(n), [], [], []
    for k in range(steps):
        g = given(model, n, np.full((n, model.n_sensors), np.nan), dt_s)
        x = machine.inside(machine.advance(x, g.u, g.params, g.dt_s) + g.q * np.sqrt(dt_s) * rng.normal(size=x.shape))
        if k % 5:
            g = g._replace(y=machine.observe(x, g.u, g.params) + g.r * rng.normal(size=g.y.shape))
        state, _ = ukf.step(state, g)
        truth.append(x)
        beliefs.append(state)
        made.append(g)
    return np.array(truth), beliefs, made


def test_beliefs_and_steps_of_different_number_are_refused():
    with pytest.raises(DataError, match="1 beliefs, 0 steps"):
        smooth(LINE, [commissioned(LINE, 1)], [])


def test_on_a_linear_model_it_is_filterpys_rauch_tung_striebel_smoother():
    filterpy = pytest.importorskip("filterpy.kalman")
    dt_s = 0.5
    _, beliefs, steps = lived(LINE, 1, 30, dt_s)
    A = np.array([[0.0, 1.0, 0.0], [0.0, -LINE.Params().damping, -1.0], [0.0, 0.0, 0.0]])
    F, push = np.eye(3) + dt_s * A, dt_s * np.array([0.0, LINE.nominal.force, 0.0])
    peer = filterpy.KalmanFilter(3, 2, dim_u=1)
    peer.F, peer.B, peer.Q = F, push[:, None], np.diag(np.array(LINE.process_noise, float) ** 2 * dt_s)
    means, covs = (np.array([getattr(b, name)[0] for b in beliefs]) for name in ("mean", "cov"))
    # filterpy's smoother knows no input: it is given the beliefs as deviations from the course that the input alone makes
    course = np.zeros((len(steps), 3))
    for k in range(1, len(steps)):
        course[k] = F @ course[k - 1] + push
    x, P, *_ = peer.rts_smoother(means - course, covs)
    found = smooth(LINE, beliefs, steps)
    np.testing.assert_allclose(np.array([b.mean[0] for b in found]), x + course, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(np.array([b.cov[0] for b in found]), P, rtol=1e-7, atol=1e-9)


def test_on_a_bent_model_it_is_nearer_to_the_truth_than_the_filter_and_as_wide_as_its_errors():
    n = 150
    truth, beliefs, steps = lived(WORN, n, 40, 20.0)
    found = smooth(WORN, beliefs, steps)
    middle = 20
    before, after = (np.abs(truth[middle] - b[middle].mean) for b in (beliefs, found))
    assert (after**2).mean(axis=0)[2:].sum() < 0.8 * (before**2).mean(axis=0)[2:].sum()  # wear and fouling
    off = truth[middle] - found[middle].mean
    nees = np.einsum("an,anp,ap->", off, np.linalg.inv(found[middle].cov), off)
    low, high = chi2.ppf([0.001, 0.999], n * WORN.n_states)
    assert low < nees < high
    assert (np.linalg.eigvalsh(found[middle].cov) > 0.0).all()
