"""Fault hypotheses: the mixing is filterpy's IMM, a fault that begins is found and dated before a single filter does, a healthy
fleet is left in peace, and nobody's belief depends on who is stepped beside it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.model import FailureMode
from didymos.infer.estimator import Given
from didymos.infer.hypotheses import DAY_S, Fault, Hypotheses, Multiple, probabilities
from didymos.infer.life import forecast
from didymos.numerics.arrays import Arrays
from didymos.numerics.ukf import ukf_kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))
from small_models import LINE, Gone

PUMP, STEP_S = ASSETS["centrifugal_pump"], 300.0
PARAMS = np.array(PUMP.Params(), float)


class Sliding(NamedTuple):
    position: float
    velocity: float
    log_drag: float


def sliding_rhs(x, u, p):
    return Sliding(x.velocity, u.force - p.damping * x.velocity - x.log_drag, 0.0)


def sliding_severity(x, u, p):
    return Gone(x.position / 10.0)


SLIDE = replace(
    LINE, name="slide", State=Sliding, rhs=sliding_rhs, severity=sliding_severity, initial=Sliding(0.0, 1.0, 0.0),
    initial_sd=Sliding(1.0, 1.0, 0.5), process_noise=Sliding(0.05, 0.1, 0.01), low=Sliding(*LINE.low), high=Sliding(*LINE.high),
    failure_modes=(FailureMode("far", "Far", "mass", ("position", "log_drag"), "10 m", "test", 0.0, (), "stop"),),
)  # fmt: skip


class Unchanged(Multiple):
    """A fault that changes nothing when it begins, as filterpy's IMM has it."""

    @property
    def faults(self):
        return (Fault(SLIDE.state_index("log_drag"), SLIDE.failure_modes[0]),)

    def _begun(self, none, fault, life_s):
        return none

    def _as_rates(self, before, given, mean, cov):  # log_drag acts as it stands, not by its exponential
        return cov


def test_mixing_and_weighing_are_those_of_filterpys_interacting_multiple_model():
    kalman = pytest.importorskip("filterpy.kalman")
    dt_s, r = 0.5, np.array([0.1, 0.1])
    multiple = Unchanged(SLIDE, ukf_kernel(SLIDE), between_s=20.0)
    A = np.array([[0.0, 1.0, 0.0], [0.0, -SLIDE.Params().damping, -1.0], [0.0, 0.0, 0.0]])
    u, q, begins = SLIDE.nominal.force, np.array(SLIDE.process_noise, float), dt_s / 20.0
    filters = []
    for drag in (0.0, 1.5):
        one = kalman.KalmanFilter(3, 2, dim_u=1)
        one.x, one.P = np.array([[0.0], [1.0], [drag]]), np.diag(np.array(SLIDE.initial_sd, float) ** 2)
        one.F, one.B, one.Q = np.eye(3) + dt_s * A, dt_s * np.array([[0.0], [1.0], [0.0]]), np.diag(q**2 * dt_s)
        one.H, one.R = np.array([[1.0, 0.0, 0.0], [0.1, 1.0, 0.0]]), np.diag(r**2)
        filters.append(one)
    peer = kalman.IMMEstimator(filters, np.array([0.9, 0.1]), np.array([[1.0 - begins, begins], [0.0, 1.0]]))
    state = multiple.init(1)
    state.mean[0, 1, 2] = 1.5
    state = state._replace(log_p=np.log([[0.9, 0.1]]))
    rng = np.random.default_rng(2)
    for k in range(12):
        y = np.array([0.4 * k, 0.7]) + rng.normal(scale=0.3, size=2)
        given = Given(np.array([[u]]), y[None], np.array([SLIDE.Params()], float), q[None], r[None], np.array([dt_s]))
        state, found = multiple.step(state, given)
        peer.predict(np.array([[u]]))
        peer.update(y[:, None])
        np.testing.assert_allclose(probabilities(state)[0], peer.mu, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.mean[0], peer.x[:, 0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(found.cov[0], peer.P, rtol=1e-6, atol=1e-9)


class Worn(NamedTuple):
    wear: float
    log_rate: float


class Seen(NamedTuple):
    wear: float


def worn_rhs(x, u, p):
    return Worn(np.exp(x.log_rate), 0.0)


def worn_out(x, u, p):
    return Seen(x.wear)


def worn_severity(x, u, p):
    return Gone(x.wear / 1e6)


WORN = replace(
    LINE, name="worn", State=Worn, Output=Seen, rhs=worn_rhs, out=worn_out, severity=worn_severity,
    initial=Worn(0.0, 0.0), initial_sd=Worn(0.08, 1.0), process_noise=Worn(0.3, 0.0), low=Worn(-5.0, -3.0), high=Worn(1e3, 6.0),
    sensors=(replace(LINE.sensors[0], name="wear", noise=0.003),), slow=("wear", "log_rate"), failure_modes=(),
)  # fmt: skip


def worn(kind, units=1500, steps=150):
    """Standard deviations that log rates are off after unit time: a slope measured to 0.3, a rate lognormal around 1."""
    rng, dt = np.random.default_rng(3), 1.0 / steps
    rate = np.clip(rng.normal(size=units), -3.0, 6.0)
    wear = 0.08 * rng.normal(size=units)
    multiple = kind(WORN, ukf_kernel(WORN, "numpy"))
    state = multiple.init(units)
    ones = np.ones((units, 1))
    for _ in range(steps):
        wear = wear + np.exp(rate) * dt + 0.3 * np.sqrt(dt) * rng.normal(size=units)
        y = wear[:, None] + 0.003 * rng.normal(size=(units, 1))
        state, found = multiple.step(state, Given(ones, y, ones, np.array([[0.3, 0.0]]) * ones, 0.003 * ones, dt * ones[:, 0]))
    return (rate - found.mean[:, 1]) / np.sqrt(found.cov[:, 1, 1])


class InLogarithms(Multiple):
    def _as_rates(self, before, given, mean, cov):
        return cov


def test_a_rate_that_was_learned_is_as_unsure_as_its_errors_where_a_filter_of_its_logarithm_is_too_sure():
    z, plain = worn(Multiple), worn(InLogarithms)
    assert 0.88 < (np.abs(z) < 1.645).mean() < 0.94
    assert 0.85 < (z**2).mean() < 1.15
    assert (plain**2).mean() > 1.35


def given_of(u, y, noise):
    n = len(u)
    return Given(
        u, y, np.tile(PARAMS, (n, 1)), np.tile(np.array(PUMP.process_noise, float), (n, 1)), np.tile(noise, (n, 1)),
        np.full(n, STEP_S),
    )  # fmt: skip


def lived(n, days, onset_days, rate, seed=1):
    """Pumps by the model's own equations, sensors three times as noisy as new; from `onset_days` on the rings wear exp(rate) times
    as fast as the average unit's. (hypotheses, last step, single filter's belief, severity (n,), rate of severity per day)."""
    rng, machine, noise = np.random.default_rng(seed), Arrays(PUMP), 3.0 * np.array([c.noise for c in PUMP.sensors])
    sd = np.array(
        [
            0.1 * s if f.endswith("wear") or f.endswith("factor") else 0.0
            for f, s in zip(PUMP.State._fields, PUMP.initial_sd, strict=True)
        ]
    )
    x = np.array(PUMP.initial, float) + rng.normal(size=(n, PUMP.n_states)) * sd
    kernel = ukf_kernel(PUMP)
    multiple = Multiple(PUMP, kernel)
    state, ring = multiple.init(n), PUMP.state_index("log_ring_rate")
    mean, cov = state.mean[:, 0].copy(), state.cov[:, 0].copy()
    for k in range(int(days * DAY_S / STEP_S)):
        u = np.tile(np.array(PUMP.nominal, float), (n, 1))
        u[:, :2] *= 0.9 + 0.1 * np.sin(k / 40.0 + np.arange(n))[:, None]
        x[:, ring] = rate if k * STEP_S >= onset_days * DAY_S else 0.0
        before = x
        x = machine.inside(machine.advance(x, u, np.tile(PARAMS, (n, 1)), np.full(n, STEP_S)))
        g = given_of(u, machine.observe(x, u, np.tile(PARAMS, (n, 1))) + noise * rng.normal(size=(n, PUMP.n_sensors)), noise)
        state, _ = multiple.step(state, g)
        single = kernel(mean, cov, *g)
        mean, cov = single.mean, single.cov
    wear = PUMP.state_index("ring_wear")
    return multiple, state, g, (mean, cov), x[:, wear], (x - before)[:, wear] * DAY_S / STEP_S


def chance(passage, mode, days):
    """(N,) that the mode is reached within so many days."""
    return (passage[:, [m.name for m in PUMP.failure_modes].index(mode)] < days * DAY_S).mean(axis=1)


def test_a_fault_that_begins_is_found_and_dated_when_a_single_filter_still_sees_nothing():
    n = 12
    multiple, state, g, (mean, cov), severity, per_day = lived(n, 5.5, 3.0, 5.0)
    p = probabilities(state)
    assert p.shape == (n, 4)
    assert (p[:, 1] > 0.9).all()  # fault of the rings, and of nothing else
    load, q = np.tile(np.array(PUMP.nominal, float), (n, 1)), np.array(PUMP.process_noise, float)
    how = {"horizon_s": 60 * DAY_S, "seed": 1, "trajectories": 400}
    passage = multiple.forecast(state, load, g.params, q, **how)
    alone = forecast(PUMP, mean, cov, load, g.params, q, **how)
    left_days = (1.0 - severity) / per_day
    assert (severity < 0.4).all()
    middle = np.median(passage[:, 0], axis=1) / DAY_S
    assert (np.abs(np.log(middle / left_days)) < np.log(3.0)).all()
    assert (chance(passage, "wear_ring", 15) > 0.8).all()
    assert np.median(chance(alone, "wear_ring", 15)) < 0.5
    assert (chance(passage, "seal", 30) < 0.05).all()


@pytest.mark.slow
def test_a_healthy_fleet_is_left_in_peace():
    n = 40
    multiple, state, g, _, _, _ = lived(n, 6.0, 99.0, 0.0, seed=4)
    assert (probabilities(state)[:, 0] > 0.9).mean() > 0.9
    assert (probabilities(state)[:, 0] > 0.5).all()
    load, q = np.tile(np.array(PUMP.nominal, float), (n, 1)), np.array(PUMP.process_noise, float)
    passage = multiple.forecast(state, load, g.params, q, horizon_s=30 * DAY_S, seed=1, trajectories=400)
    assert (passage.min(axis=1) < 30 * DAY_S).mean() < 0.05


def test_an_assets_belief_does_not_depend_to_the_byte_on_who_is_stepped_beside_it():
    multiple, state, g, _, _, _ = lived(5, 0.5, 0.0, 5.0)
    alone = state.of(slice(2, 3))
    single, _ = multiple.step(alone, Given(*(column[2:3] for column in g)))
    together, _ = multiple.step(state, g)
    for one, many in zip(single, together, strict=True):
        assert one[0].tobytes() == many[2].tobytes()


def test_parts_that_last_only_hours_and_damage_that_is_only_counted_have_no_fault_to_begin():
    found = {name: [f.mode.name for f in Multiple(model, ukf_kernel(model)).faults] for name, model in ASSETS.items()}
    assert found["induction_motor"] == ["bearing_wear", "cooling_fouling"]
    assert found["centrifugal_pump"] == ["wear_ring", "cavitation", "seal"]
    assert found["cutting_tool"] == found["spindle"] == []


def test_a_model_without_a_rate_that_a_fault_could_raise_is_filtered_as_ever():
    model = ASSETS["spindle"]
    kernel = ukf_kernel(model)
    multiple = Multiple(model, kernel)
    assert multiple.count == 1
    state = multiple.init(2)
    noise = np.array([c.noise for c in model.sensors])
    y = np.stack([np.array(model.out(model.initial, model.nominal, model.Params()), float)] * 2)
    g = Given(
        np.tile(np.array(model.nominal, float), (2, 1)), y, np.tile(np.array(model.Params(), float), (2, 1)),
        np.tile(np.array(model.process_noise, float), (2, 1)), np.tile(noise, (2, 1)), np.full(2, 60.0),
    )  # fmt: skip
    after, found = multiple.step(state, g)
    plain = kernel(state.mean[:, 0], state.cov[:, 0], *g)
    assert found.mean.tobytes() == plain.mean.tobytes() == after.mean[:, 0].tobytes()
    assert found.cov.tobytes() == plain.cov.tobytes()


def test_each_hypothesis_gets_as_many_futures_as_it_is_probable():
    multiple = Multiple(PUMP, ukf_kernel(PUMP))
    state = multiple.init(1)
    fast, q = state.mean.copy(), np.array(PUMP.process_noise, float)
    fast[0, 1, PUMP.state_index("log_ring_rate")] = 6.0  # should the rings' fault be the case, they end within days
    state = Hypotheses(fast, state.cov * 1e-6, np.log(np.array([[0.7, 0.3, 1e-12, 1e-12]])))
    load = np.array([PUMP.nominal], float)
    passage = multiple.forecast(state, load, PARAMS[None], q, horizon_s=30 * DAY_S, seed=1, trajectories=200)
    assert passage.shape == (1, 3, 200)
    assert np.isfinite(passage[0, 0]).sum() == 60
