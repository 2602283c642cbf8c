"""First passage times: bad input, closed forms, a naive version, independence of shards."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats
from small_models import LINE, MOTOR, random_fleet

from didymos.core.channel import Channel
from didymos.core.errors import DataError, ModelError
from didymos.core.model import FailureMode, Model
from didymos.numerics.futures import futures_kernel


class State(NamedTuple):
    wear: float


class Input(NamedTuple):
    load: float


class Params(NamedTuple):
    rate: float = 0.01


class Severity(NamedTuple):
    other: float
    worn: float


def rhs(x, u, p):
    return State(p.rate * u.load)


def out(x, u, p):
    return State(x.wear)


def severity(x, u, p):
    return Severity(0.0, x.wear)


def steady(x, u, p):
    return x


def wiener(log_sd=0.0):
    """Wear that drifts at rate * load per s; failed at 1."""
    mode = FailureMode("worn", "Worn", "part", ("wear",), "1", "test", log_sd, (), "replace")
    return Model(
        name="wiener", title="", State=State, Input=Input, Output=State, Params=Params, rhs=rhs, out=out, virtual=out,
        severity=severity, steady=steady, inputs=(Channel("load", "Load", "1"),), sensors=(Channel("wear", "Wear", "1"),),
        virtuals=(), slow=("wear",), initial=State(0.0), initial_sd=State(0.0), process_noise=State(0.0), low=State(-10.0),
        high=State(10.0), nominal=Input(1.0), max_step_s=1.0, failure_modes=(mode,), components=(), parameters=(),
    )  # fmt: skip


def passages(model, start=0.0, sd=0.0, q=0.0, step=1.0, steps=400, count=20_000, seed=1, u=1.0, **more):
    run = futures_kernel(model)
    return run([[start]], [[[sd**2]]], np.full((1, 1), u), [[0.01]], [q], step, steps, count, seed, **more)[0, 0]


def test_a_model_without_failure_modes_has_no_futures():
    with pytest.raises(ModelError, match="no failure mode is configured"):
        futures_kernel(replace(LINE, failure_modes=()))


def test_a_mode_that_severity_does_not_return_is_named():
    with pytest.raises(ModelError, match=r"'lost' is not a field of severity\(\); fields: far"):
        futures_kernel(replace(LINE, failure_modes=(replace(LINE.failure_modes[0], name="lost"),)))


def test_bad_arguments_are_named():
    run = futures_kernel(wiener())
    good = [np.zeros((1, 1)), np.zeros((1, 1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)]
    with pytest.raises(DataError, match=r"wiener: cov has shape"):
        run(good[0], np.zeros((2, 1, 1)), *good[2:], 1.0, 5, 5, 1)
    with pytest.raises(DataError, match="mean of asset row 0 is not finite"):
        run(np.full((1, 1), np.nan), *good[1:], 1.0, 5, 5, 1)
    with pytest.raises(DataError, match="must be above 0"):
        run(*good, 0.0, 5, 5, 1)
    with pytest.raises(DataError, match="one per asset"):
        run(*good, 1.0, 5, 5, 1, keys=[1, 2])


def test_without_noise_the_passage_is_the_distance_over_the_drift():
    """(1 - 0.35) / 0.01 per s = 65 s, also where that lies inside a step; severity is read by name, not by place."""
    np.testing.assert_allclose(passages(wiener(), start=0.35, step=10.0), 65.0, rtol=1e-12)
    np.testing.assert_allclose(passages(wiener(), start=0.35, step=7.0), 65.0, rtol=1e-12)


def test_beyond_the_horizon_is_infinite_and_a_unit_beyond_a_sharp_threshold_has_failed_now():
    assert np.isinf(passages(wiener(), steps=99, step=1.0)).all()
    assert (passages(wiener(), start=1.2) == 0.0).all()


def test_a_drifted_wiener_process_passes_by_the_inverse_gaussian():
    """Mean a/v, shape a²/q². Looking only every step delays the passage as if the threshold were 0.5826 q √h higher
    (Siegmund 1979); h = 0.05 s leaves an error well under the Kolmogorov-Smirnov distance tested."""
    h, q, v = 0.05, 0.05, 0.01
    t = passages(wiener(), q=q, step=h, steps=20_000, count=4000)
    a = 1.0 + 0.5826 * q * np.sqrt(h)
    mean, shape = a / v, a * a / q**2
    expected = stats.invgauss(mean / shape, scale=shape)
    assert stats.kstest(t, expected.cdf).pvalue > 1e-3
    assert np.isfinite(t).all()


def test_an_uncertain_state_gives_a_normal_passage():
    """x ~ N(0.2, 0.05²), no noise: t = (1 - x) / v ~ N(80, 5²)."""
    t = passages(wiener(), start=0.2, sd=0.05)
    assert stats.kstest(t, stats.norm(80, 5).cdf).pvalue > 1e-3


@pytest.mark.parametrize("start", [0.4, 0.9, 1.3])
def test_an_uncertain_threshold_is_lognormal_given_that_it_has_not_been_reached(start):
    t = passages(wiener(log_sd=0.2), start=start, steps=2000)
    least = np.log(start) / 0.2
    threshold = np.log(start + 0.01 * t) / 0.2
    assert (t > 0).all()
    assert stats.kstest(threshold, stats.truncnorm(least, np.inf).cdf).pvalue > 1e-3


def test_each_step_draws_one_of_the_given_operating_points():
    """Load 0 or 2 with equal chance: k ~ Binomial(n, 1/2) loaded steps; failed at the 50th, so t is negative binomial + 50."""
    run = futures_kernel(wiener())
    t = run([[0.0]], [[[0.0]]], [[[0.0], [2.0]]], [[0.01]], [0.0], 1.0, 400, 20_000, 4)[0, 0]
    steps = np.round(t).astype(int)
    assert steps.mean() == pytest.approx(100.0, abs=4 * 10 / np.sqrt(20_000))  # sd of the 50th success: sqrt(100) = 10
    assert steps.std() == pytest.approx(10.0, rel=0.03)


def test_trajectories_depend_on_seed_key_and_number_only_not_on_shard_or_order():
    mean, cov, u, _, params, q, _, _ = random_fleet(MOTOR, 6)
    mean[:, 2:] = [1.2, 0.5]
    run = futures_kernel(MOTOR)
    arguments = (86_400.0, 300)
    whole = run(mean, cov, u, params, q, *arguments, 200, 7, keys=[10, 11, 12, 13, 14, 15])
    assert np.isfinite(whole).mean() > 0.1
    order = [4, 1, 5]
    part = run(mean[order], cov[order], u[order], params[order], q, *arguments, 50, 7, keys=[14, 11, 15])
    np.testing.assert_array_equal(part, whole[order][:, :, :50])
    assert not np.array_equal(run(mean, cov, u, params, q, *arguments, 200, 8), whole)


def test_two_branches_of_a_what_if_share_their_noise():
    """The same trajectory under 2 % more load fails a little earlier, in every one of 2,000 trajectories."""
    base = passages(wiener(0.1), q=0.01, count=2000, steps=1000)
    more = passages(wiener(0.1), q=0.01, count=2000, steps=1000, u=1.02)
    assert (more < base).all()
    assert np.corrcoef(base, more)[0, 1] > 0.99


def test_the_motors_passages_equal_a_naive_loop_in_numpy():
    """Other random numbers, same rules; medians within four standard errors (estimated from the two samples)."""
    mean, cov, u, _, params, q, _, _ = random_fleet(MOTOR, 1)
    mean[0, 2:], cov[0] = [1.0, 0.5], np.diag([1.0, 1.0, 0.01, 0.01])
    count, h = 4000, 36_000.0
    got = futures_kernel(MOTOR)(mean, cov, u, params, q, h, 300, count, 3)[0]
    rng = np.random.default_rng(5)
    x = np.clip(mean[0] + rng.multivariate_normal(np.zeros(4), cov[0], count), MOTOR.low, MOTOR.high)
    inputs, p = MOTOR.Input(*u[0]), MOTOR.Params(*params[0])
    now = MOTOR.severity(MOTOR.State(*x.T), inputs, p).bearing
    least = np.log(now) / 0.2
    limits = [np.exp(0.2 * stats.truncnorm.rvs(least, np.inf, random_state=rng)), np.ones(count)]
    t = np.full((2, count), np.inf)
    for i in range(301):
        x = np.stack(np.broadcast_arrays(*MOTOR.steady(MOTOR.State(*x.T), inputs, p)), axis=1)
        for m, g in enumerate(MOTOR.severity(MOTOR.State(*x.T), inputs, p)):
            t[m] = np.where(np.isinf(t[m]) & (g >= limits[m]), i * h, t[m])
        rates = MOTOR.rhs(MOTOR.State(*x.T), inputs, p)
        for j in (2, 3):
            x[:, j] = np.clip(x[:, j] + h * rates[j] + q[j] * np.sqrt(h) * rng.normal(size=count), MOTOR.low[j], MOTOR.high[j])
    for m in range(2):
        assert np.isfinite(t[m]).mean() == pytest.approx(np.isfinite(got[m]).mean(), abs=4 * np.sqrt(0.5 / count))
        for horizon in (20 * h, 80 * h, 200 * h):
            assert (t[m] <= horizon).mean() == pytest.approx((got[m] <= horizon).mean(), abs=4 * np.sqrt(0.5 / count))
