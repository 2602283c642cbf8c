"""Fitting a machine: bad records are refused by name; a linear machine's fit equals closed forms and an independent optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize
from tests.infer.heater import HEATER, NOISE, Params, duty, readings

from didymos.assets import ASSETS
from didymos.core.errors import DataError
from didymos.infer.fast_part import fast_part
from didymos.infer.fit import Prior, Problem, fit, ljung_box, published
from didymos.infer.prediction_error import Record, checked, innovations
from didymos.numerics import source

STEP_S, STEPS = 300.0, 150
TRUE = Params(gain=0.9, slope=0.023, offset=4.4)
NAMES = Params._fields
FIXED = np.array([name in ("gain", "idle") for name in NAMES])
WIDE = Prior(np.array(Params(), float), np.full(len(NAMES), 2.0))


@pytest.fixture(scope="module")
def record():
    u = duty(STEPS)
    return Record(u, readings(TRUE, u, STEP_S), STEP_S)


@pytest.fixture(scope="module")
def fitted(record):
    prior = WIDE._replace(mean=np.array(Params(gain=TRUE.gain), float))
    return fit(HEATER, record, prior, FIXED, engine="numpy")


def altered(record, inputs=None, measured=None, step_s=STEP_S):
    return Record(record.inputs if inputs is None else inputs, record.measured if measured is None else measured, step_s)


# ---- bad input


def test_too_few_readings_are_refused_with_their_number(record):
    y = np.full_like(record.measured, np.nan)
    y[:20] = record.measured[:20]
    with pytest.raises(DataError, match="20 readings of the best sensor; at least 50"):
        fit(HEATER, altered(record, measured=y), WIDE)


def test_an_input_that_never_came_is_named(record):
    u = record.inputs.copy()
    u[:, 1] = np.nan
    with pytest.raises(DataError, match="no reading of input ambient"):
        fit(HEATER, altered(record, inputs=u), WIDE)


def test_a_record_without_any_excitation_is_refused(record):
    u, rng = np.tile(record.inputs[:1], (STEPS, 1)), np.random.default_rng(0)
    y = np.tile(record.measured[:1], (STEPS, 1)) + 0.2 * NOISE * rng.normal(size=(STEPS, 2))
    with pytest.raises(DataError, match="one operating point cannot tell parameters"):
        fit(HEATER, Record(u, y, STEP_S), WIDE)


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_values_are_refused(record, bad):
    y = record.measured.copy()
    y[3, 0] = bad
    with pytest.raises(DataError, match="infinite"):
        fit(HEATER, altered(record, measured=y), WIDE)


def test_arrays_of_the_wrong_shape_and_no_step_are_refused(record):
    with pytest.raises(DataError, match=r"are needed\. Give both"):
        checked(HEATER, Record(record.inputs[:, :1], record.measured, STEP_S))
    with pytest.raises(DataError, match="step_s is 0"):
        checked(HEATER, altered(record, step_s=0.0))


def test_a_start_outside_the_physical_range_is_named_with_its_limits(record):
    outside = WIDE._replace(mean=np.array(Params(slope=-1.0), float))
    with pytest.raises(DataError, match=r"slope starts at -1; 0.001 to 0.4 1 is allowed"):
        fit(HEATER, record, outside)


def test_a_prior_without_spread_or_of_another_length_is_refused(record):
    with pytest.raises(DataError, match="prior spread of 0"):
        fit(HEATER, record, WIDE._replace(log_sd=np.zeros(6)))
    with pytest.raises(DataError, match=r"\(6,\) is needed"):
        fit(HEATER, record, Prior(np.ones(2), np.ones(2)))


def test_missing_readings_and_inputs_are_tolerated(record):
    rng = np.random.default_rng(2)
    u, y = record.inputs[:80].copy(), record.measured[:80].copy()
    u[rng.random(u.shape) < 0.05] = np.nan
    y[rng.random(y.shape) < 0.2] = np.nan
    found = fit(HEATER, Record(u, y, STEP_S), WIDE, FIXED, starts=1, engine="numpy")
    assert np.isfinite([found.params, found.low, found.high]).all()


# ---- against numbers from elsewhere


def test_a_straight_line_is_fitted_as_least_squares_does_it(record, fitted):
    """Ordinary least squares, its standard errors and its residual spread."""
    A = np.stack([record.inputs[:, 0], np.ones(STEPS)], axis=1)
    best, rest, *_ = np.linalg.lstsq(A, record.measured[:, 1], rcond=None)
    sd = np.sqrt(rest[0] / STEPS * np.diag(np.linalg.inv(A.T @ A)))
    for name, value, error in zip(("slope", "offset"), best, sd, strict=True):
        i = NAMES.index(name)
        assert fitted.params[i] == pytest.approx(value, rel=2e-3)
        width = np.log(fitted.high[i] / fitted.low[i]) / (2 * 1.6449) * value
        assert width == pytest.approx(error, rel=0.05)
    assert fitted.noise_factor[1] == pytest.approx(np.sqrt(rest[0] / STEPS) / NOISE[1], rel=0.02)


def test_the_likelihood_is_that_of_a_kalman_filter_written_by_hand(record):
    """Scalar Kalman filter with the heater's own coefficients."""
    p, q, r = TRUE, 0.01 * 1.3, NOISE * [1.2, 0.9]
    theta = np.array(p, float)[None]
    found = innovations(HEATER, theta, record, np.array([[1.2, 0.9]]), np.array([1.3]), engine="numpy")
    x, P, total = record.inputs[0, 1] + p.gain * record.inputs[0, 0] * p.resistance_K_per_W, 9.0, 0.0
    a = 1.0 - STEP_S / (p.resistance_K_per_W * p.capacity_J_per_K)
    for (power, ambient), (y, scale) in zip(record.inputs, record.measured, strict=True):
        x = a * x + STEP_S * (p.gain * power + ambient / p.resistance_K_per_W) / p.capacity_J_per_K
        P = a * a * P + q * q * STEP_S
        S = P + r[0] ** 2
        e, f = y - x, scale - p.slope * power - p.offset
        total -= 0.5 * (e * e / S + np.log(2 * np.pi * S) + f * f / r[1] ** 2 + np.log(2 * np.pi * r[1] ** 2))
        x, P = x + P / S * e, P * (1.0 - P / S)
    assert found.loglik[0] == pytest.approx(total, rel=1e-9)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_other_optimiser_finds_a_better_place(record, fitted):
    """Powell's directions, which use no gradient, from the prior's mean."""
    prior = WIDE._replace(mean=np.array(Params(gain=TRUE.gain), float))
    problem = Problem(HEATER, checked(HEATER, record), prior, np.flatnonzero(~FIXED), "held", "auto")
    start = np.zeros(problem.d + problem.m + 1)
    done = minimize(lambda z: problem.cost(z[None])[0], start, method="Powell", bounds=problem.bounds, options={"ftol": 1e-9})
    np.testing.assert_allclose(problem.params(done.x[None])[0], fitted.params, rtol=5e-3)


def test_convergence_is_said_with_its_distance_and_how_many_starts_agree(fitted):
    c = fitted.convergence
    assert c.reached
    assert c.decrement < 0.1
    assert 2 <= c.agree <= c.starts == 3


def test_what_the_data_tell_is_found_within_its_interval_and_the_rest_stays(fitted):
    for name, true in TRUE._asdict().items():
        i = NAMES.index(name)
        if name in ("gain", "idle"):
            assert (fitted.kind[i], fitted.params[i]) == ("known", fitted.low[i])
        else:
            assert fitted.kind[i] == "data", name
            assert fitted.low[i] * 0.98 < true < fitted.high[i] * 1.02, name
    assert (fitted.whiteness > 1e-3).all()


def test_a_product_that_only_shows_as_a_whole_is_named_as_a_combination(record):
    """gain, capacity and 1 / resistance times one factor leave every reading as it is; nothing shows `idle`."""
    found = fit(HEATER, record, published(np.array(Params(), float)), starts=1, engine="numpy")
    kinds = dict(zip(NAMES, found.kind, strict=True))
    assert kinds["idle"] == "prior"
    assert found.params[NAMES.index("idle")] == Params().idle
    (text,) = found.identifiability.combinations
    assert text.count("by 10 %") == 3
    same = {name: f"{name} up" in text for name in ("gain", "capacity_J_per_K", "resistance_K_per_W")}
    assert same["gain"] == same["capacity_J_per_K"] != same["resistance_K_per_W"]
    assert {kinds[name] for name in same} == {"combination"}
    assert kinds["slope"] == kinds["offset"] == "data"


# ---- parts


@pytest.mark.parametrize("name", ["induction_motor", "centrifugal_pump", "hydraulic_power_unit"])
def test_the_fast_part_gives_the_readings_of_the_whole_machine(name):
    model = ASSETS[name]
    part = fast_part(model)
    source.check(part)
    x = model.steady(model.initial, model.nominal, model.Params())
    kept = part.State(*(getattr(x, f) for f in part.State._fields))
    assert tuple(part.out(kept, model.nominal, model.Params())) == pytest.approx(
        tuple(model.out(x, model.nominal, model.Params())), rel=1e-12
    )
    assert len(part.State._fields) < model.n_states


def test_ljung_and_box_reject_a_coloured_series_and_keep_a_white_one():
    rng = np.random.default_rng(3)
    white = rng.normal(size=(2000, 1))
    coloured = white[1:] + 0.3 * white[:-1]
    assert ljung_box(white)[0] > 0.01
    assert ljung_box(coloured)[0] < 1e-6
    assert np.isnan(ljung_box(np.full((10, 1), 1.0))[0])


@pytest.mark.slow
def test_ninety_percent_intervals_hold_the_truth_nine_times_in_ten():
    """40 records of the same machine; 4 parameters each; binomial limits at 1 in 1,000."""
    inside = 0
    for seed in range(40):
        u = duty(STEPS, seed)
        prior = WIDE._replace(mean=np.array(Params(gain=TRUE.gain), float))
        found = fit(HEATER, Record(u, readings(TRUE, u, STEP_S, seed + 500), STEP_S), prior, FIXED, starts=1)
        inside += sum(found.low[i] < TRUE[i] < found.high[i] for i in np.flatnonzero(~FIXED))
    assert 0.83 < inside / 160 < 0.96


@pytest.mark.slow
def test_the_gradient_by_differences_is_that_of_automatic_differentiation(record):
    """The same filter as one JAX scan, differentiated exactly; wear held by a state without variance."""
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    from didymos.numerics import sigma
    from didymos.numerics.source import jax_namespace, machine

    part, xp = fast_part(HEATER), jax_namespace(jnp)
    arith = sigma.Arithmetic(xp, sigma.repeat_plainly)
    model, u, y = machine(part, xp), record.inputs, record.measured
    problem = Problem(HEATER, checked(HEATER, record), WIDE, np.flatnonzero(~FIXED), "held", "auto")
    z = np.array([0.1, -0.05, 0.02, -0.03, 0.1, -0.2, 0.3])

    def cost(z):
        moved = {int(i): jnp.exp(z[k] * WIDE.log_sd[i]) for k, i in enumerate(problem.free)}
        r, q = jnp.exp(z[4:6]) * NOISE, jnp.exp(z[6]) * part.process_noise.temperature_K
        p = [value * moved.get(i, 1.0) for i, value in enumerate(WIDE.mean)]

        def step(carry, given):
            x, P = carry
            g = sigma.Given([x], [[P]], list(given[:2]), p, list(given[2:]), [q], [r[0], r[1]], STEP_S)
            done = sigma.update(arith, model, g, 1)
            return (done.mean[0], done.cov[0][0]), done.loglik

        start = (u[0, 1] + p[0] * u[0, 0] * p[1], jnp.asarray(9.0))
        _, ll = jax.lax.scan(step, start, jnp.asarray(np.column_stack([u, y])))
        return -ll.sum() + 0.5 * jnp.sum(problem.precision * z**2)

    with jax.enable_x64(True):
        value, exact = jax.value_and_grad(cost)(jnp.asarray(z))
    found, gradient, _ = problem.linearise(z[None])
    assert found[0] == pytest.approx(float(value), rel=1e-9)
    np.testing.assert_allclose(gradient[0], exact, rtol=1e-5, atol=1e-4 * np.abs(exact).max())
