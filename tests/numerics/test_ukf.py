"""The fleet filter: bad input, closed forms, agreement of the engines, consistency."""

import naive_ukf
import numpy as np
import pytest
from scipy.stats import chi2
from small_models import LINE, MOTOR, random_fleet

from didymos.core.errors import DataError, ModelError
from didymos.numerics.ukf import substeps_for, ukf_kernel

COMPILED = ("loop", "traced")


def largest_difference(a, b):
    """Relative to the largest entry of each result."""
    assert all((np.isnan(x) == np.isnan(y)).all() for x, y in zip(a, b, strict=True))
    scaled = [np.abs(x - y)[np.isfinite(y)] / np.abs(y[np.isfinite(y)]).max() for x, y in zip(a, b, strict=True)]
    return max(float(s.max()) for s in scaled if s.size)


def test_an_unknown_engine_is_refused_with_the_allowed_ones():
    with pytest.raises(ModelError, match=r"'gpu' is not known\. Allowed: auto, traced"):
        ukf_kernel(MOTOR, "gpu")


@pytest.mark.parametrize(
    ("place", "name"), [(0, "mean"), (1, "cov"), (2, "u"), (3, "y"), (4, "params"), (5, "q"), (6, "r"), (7, "dt_s")]
)
def test_a_wrong_shape_is_refused_by_name(place, name):
    args = list(random_fleet(MOTOR, 3))
    args[place] = np.zeros((2, 7, 7)) if place else np.zeros((3, 9))
    with pytest.raises(DataError, match=rf"small_motor: {name} has shape"):
        ukf_kernel(MOTOR, "numpy")(*args)


def test_an_input_that_is_nan_is_refused_and_its_row_named():
    args = random_fleet(MOTOR, 5)
    args[2][3, 0] = np.nan
    with pytest.raises(DataError, match="u of asset row 3 is not finite"):
        ukf_kernel(MOTOR, "numpy")(*args)


def test_a_reading_without_noise_is_refused():
    args = random_fleet(MOTOR, 5, missing=0.0)
    args[6][2, 1] = 0.0
    with pytest.raises(DataError, match="r must be above 0"):
        ukf_kernel(MOTOR, "numpy")(*args)


def test_substeps_never_exceed_the_models_largest_step():
    assert substeps_for(MOTOR, 300.0) == 10
    assert substeps_for(MOTOR, 30.0) == 1
    assert substeps_for(MOTOR, 30.1) == 2


@pytest.mark.parametrize("model", [LINE, MOTOR], ids=lambda m: m.name)
@pytest.mark.parametrize("substeps", [1, 3])
def test_numpy_equals_a_naive_filter_with_inverses_asset_by_asset(model, substeps):
    args = random_fleet(model, 40)
    got = ukf_kernel(model, "numpy", substeps)(*args)
    mean, cov, u, y, params, q, r, dt = args
    for a in range(40):
        x, P, predicted, sd, nis, loglik = naive_ukf.step(model, mean[a], cov[a], u[a], y[a], params[a], q, r[a], dt[a], substeps)
        np.testing.assert_allclose(got.mean[a], x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got.cov[a], P, rtol=1e-7, atol=1e-9 * P.max())
        np.testing.assert_allclose(got.predicted[a], predicted, rtol=1e-12)
        np.testing.assert_allclose(got.predicted_sd[a], sd, rtol=1e-10)
        np.testing.assert_allclose([got.nis[a], got.loglik[a]], [nis, loglik], rtol=1e-8)


@pytest.mark.parametrize("engine", ["loop", "traced", "jax", "python", "auto"])
@pytest.mark.parametrize(("model", "substeps"), [(LINE, 1), (MOTOR, 3)], ids=["line", "motor"])
def test_every_engine_gives_numpys_numbers_over_forty_steps_with_missing_sensors(engine, model, substeps):
    """The compiled engines differ by at most 2e-13 here; 1e-10 is the promise."""
    count = 200 if engine in COMPILED else 30
    args = list(random_fleet(model, count))
    other = list(args)
    step, reference = ukf_kernel(model, engine, substeps), ukf_kernel(model, "numpy", substeps)
    for _ in range(40 if engine != "python" else 5):
        got, expected = step(*args), reference(*other)
        assert largest_difference(got, expected) < 1e-10
        args[0], args[1], other[0], other[1] = got.mean, got.cov, expected.mean, expected.cov


def test_a_linear_model_gives_the_kalman_filters_mean_covariance_and_likelihood():
    """Closed form: x- = F x + B u, P- = F P F' + Q dt, S = H P- H' + R, Joseph update; dt = 0.5 s, one Euler step."""
    mean, cov, u, y, params, q, r, dt = random_fleet(LINE, 20, missing=0.0)
    y[0] = [0.3, -0.2]
    got = ukf_kernel(LINE, "numpy")(mean, cov, u, y, params, q, r, dt)
    H = np.array([[1.0, 0.0, 0.0], [0.1, 1.0, 0.0]])
    for a in range(20):
        F = np.eye(3) + dt[a] * np.array([[0, 1, 0], [0, -params[a, 0], -1], [0, 0, 0]])
        prior = F @ mean[a] + dt[a] * np.array([0.0, u[a, 0], 0.0])
        P = F @ cov[a] @ F.T + np.diag(q**2 * dt[a])
        R = np.diag(r[a] ** 2)
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        nu = y[a] - H @ prior
        J = np.eye(3) - K @ H
        np.testing.assert_allclose(got.mean[a], prior + K @ nu, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(got.cov[a], J @ P @ J.T + K @ R @ K.T, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(got.nis[a], nu @ np.linalg.solve(S, nu), rtol=1e-10)
        expected = -0.5 * (got.nis[a] + np.log(np.linalg.det(2 * np.pi * S)))
        np.testing.assert_allclose(got.loglik[a], expected, rtol=1e-10)


@pytest.mark.parametrize("engine", ["numpy", "loop", "traced"])
def test_a_missing_sensor_changes_nothing_whatever_stands_in_its_noise(engine):
    """Exactly as if absent: neither the size nor the absence (NaN) of the missing sensor's noise leaves a trace."""
    args = list(random_fleet(MOTOR, 50, missing=0.0))
    args[3][:, 1] = np.nan
    step = ukf_kernel(MOTOR, engine)
    once = step(*args)
    for noise in (1e-6, 1e6, np.nan):
        args[6] = args[6].copy()
        args[6][:, 1] = noise
        again = step(*args)
        np.testing.assert_array_equal(again.mean, once.mean)
        np.testing.assert_array_equal(again.cov, once.cov)
        np.testing.assert_array_equal(again.nis, once.nis)
    assert (once.dof[1:] == 2).all()
    assert np.isnan(once.innovation[:, 1]).all()
    assert np.isnan(once.whitened[:, 1]).all()
    assert np.isfinite(once.predicted).all()


def test_without_any_reading_the_step_is_the_prediction():
    args = list(random_fleet(LINE, 3))
    args[3][:] = np.nan
    got = ukf_kernel(LINE, "loop")(*args)
    F = np.eye(3) + args[7][1] * np.array([[0, 1, 0], [0, -args[4][1, 0], -1], [0, 0, 0]])
    np.testing.assert_allclose(got.mean[1], F @ args[0][1] + args[7][1] * np.array([0, args[2][1, 0], 0]), rtol=1e-12)
    assert got.dof[1] == 0
    assert got.loglik[1] == 0


@pytest.mark.parametrize("engine", ["numpy", "loop", "traced"])
def test_covariance_stays_symmetric_and_positive_when_a_sensor_is_a_million_times_better_than_the_belief(engine):
    args = list(random_fleet(LINE, 100, missing=0.0))
    args[3][0] = 0.0
    args[6][:, 0], args[5] = 1e-6, np.zeros(3)
    step = ukf_kernel(LINE, engine)
    for _ in range(50):
        result = step(*args)
        args[0], args[1] = result.mean, result.cov
    assert np.isfinite(result.cov).all()
    np.testing.assert_array_equal(result.cov, result.cov.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(result.cov) > -1e-22).all()
    assert (result.cov[:, 0, 0] <= 1e-12).all()


@pytest.mark.parametrize("engine", ["numpy", "loop", "traced"])
def test_a_state_that_is_known_exactly_stays_where_it_is(engine):
    args = list(random_fleet(MOTOR, 5, missing=0.0))
    args[1][:, 3, :] = args[1][:, :, 3] = 0.0
    args[5] = np.array([0.02, 0.02, 2e-5, 0.0])
    result = ukf_kernel(MOTOR, engine)(*args)
    np.testing.assert_array_equal(result.mean[:, 3], args[0][:, 3])
    assert (result.cov[:, 3] == 0).all()


@pytest.mark.parametrize("engine", ["numpy", "loop", "traced"])
def test_the_mean_stays_inside_the_models_bounds(engine):
    args = list(random_fleet(MOTOR, 20, missing=0.0))
    args[3][:, 2] = -1.0  # no wear explains a negative vibration
    result = ukf_kernel(MOTOR, engine)(*args)
    assert (result.mean >= np.array(MOTOR.low)).all()
    assert (result.mean[:, 2] == 0.0).all()


@pytest.mark.parametrize("engine", ["numpy", "loop", "traced", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_step_changes_none_of_its_arguments_and_repeats_exactly(engine):
    args = random_fleet(MOTOR, 30)
    kept = [a.copy() for a in args]
    step = ukf_kernel(MOTOR, engine)
    first, second = step(*args), step(*args)
    for a, b in zip(args, kept, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_asset_gets_the_same_numbers_alone_and_in_a_fleet():
    args = random_fleet(MOTOR, 250)
    step = ukf_kernel(MOTOR, "loop")
    fleet = step(*args)
    alone = step(*(a if a.shape == (4,) else a[7:8] for a in args))
    for a, b in zip(
        fleet, alone, strict=True
    ):  # a row of a larger array may lie elsewhere in memory: rounding differs in the last digits
        np.testing.assert_allclose(a[7:8], b, rtol=1e-10, atol=1e-13)


def simulate(model, count, steps, seed):
    """Truth and readings drawn from the filter's own assumptions."""
    rng = np.random.default_rng(seed)
    q, sd = np.array(model.process_noise, float), np.array(model.initial_sd, float) * 0.2
    noise = np.array([0.5, 0.5, 5e-5])
    start = np.add(model.initial, [0.0, 0.0, 0.3, 0.3])
    truth = start + sd * rng.normal(size=(count, len(sd)))
    u = np.tile(np.array(model.nominal, float), (count, 1))
    params = np.tile(np.array(model.Params(), float), (count, 1))
    mean, cov = np.tile(start, (count, 1)), np.tile(np.diag(sd**2), (count, 1, 1))
    step = ukf_kernel(model, "loop")
    for _ in range(steps):
        rates = np.stack(np.broadcast_arrays(*model.rhs(model.State(*truth.T), model.Input(*u.T), model.Params(*params.T))), axis=1)
        truth = truth + 20.0 * rates + q * np.sqrt(20.0) * rng.normal(size=truth.shape)
        y = np.stack(model.out(model.State(*truth.T), model.Input(*u.T), model.Params(*params.T)), axis=1)
        y = y + noise * rng.normal(size=y.shape)
        result = step(mean, cov, u, y, params, q, noise, 20.0)
        mean, cov = result.mean, result.cov
    return truth, mean, cov, result


def test_the_belief_is_consistent_its_error_and_its_innovations_are_chi_square():
    """NEES and NIS of 400 simulated machines after 60 steps inside their two-sided 95 % (Bonferroni: 97.5 %) regions."""
    truth, mean, cov, result = simulate(MOTOR, 400, 60, seed=3)
    error = truth - mean
    nees = np.einsum("ai,aij,aj->a", error, np.linalg.inv(cov), error).sum()
    low, high = chi2.ppf([0.0125, 0.9875], 400 * 4)
    assert low < nees < high
    low, high = chi2.ppf([0.0125, 0.9875], 400 * 3)
    assert low < result.nis.sum() < high


def test_gradients_of_the_likelihood_with_respect_to_a_parameter_equal_central_differences():
    jax = pytest.importorskip("jax")
    from didymos.numerics import sigma, source

    args = [np.asarray(a) for a in random_fleet(LINE, 1, missing=0.0)]
    args[3][:] = 0.2

    def loglik(damping, xp, split):
        mean, cov, u, y, _, q, r, dt = args
        P = [[cov[0, i, j] for j in range(i + 1)] for i in range(3)]
        given = sigma.Given(list(mean[0]), P, list(u[0]), [damping], list(y[0]), list(q), list(r[0]), dt[0])
        return sigma.update(sigma.Arithmetic(xp, split), source.machine(LINE, xp), given, 1).loglik

    with jax.enable_x64(True):
        xp = source.jax_namespace(jax.numpy)
        gradient = float(jax.grad(lambda d: loglik(d, xp, sigma.repeat_plainly))(0.3))
    h = 1e-5
    central = (loglik(0.3 + h, np, sigma.repeat_plainly) - loglik(0.3 - h, np, sigma.repeat_plainly)) / (2 * h)
    assert gradient == pytest.approx(central, rel=1e-7)
