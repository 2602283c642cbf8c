"""The figures `estimate` and `futures`: that the peers are given the same work, and that the arguments are checked."""

import numpy as np
import pytest

from didymos.bench import estimate, futures
from didymos.bench.motor import MODEL
from didymos.core.errors import ConfigError
from didymos.numerics.futures import futures_kernel
from didymos.numerics.ukf import ukf_kernel


@pytest.mark.parametrize("figure", [estimate, futures])
def test_an_unknown_part_is_refused(figure):
    with pytest.raises(ConfigError, match=r"part 'gpu' is not known\. Allowed"):
        figure.run(None, "gpu")


def test_the_peers_equations_are_the_models():
    mean, _, u, _, params, *_ = estimate.fleet(20)
    for x, v, p in zip(mean, u, params, strict=True):
        given = MODEL.State(*x), MODEL.Input(*v), MODEL.Params(*p)
        np.testing.assert_allclose(estimate.rates_of_change(x, v, given[2]), MODEL.rhs(*given), rtol=1e-13)
        np.testing.assert_allclose(estimate.readings(x, given[2]), MODEL.out(*given), rtol=1e-13)


def test_the_benchmark_has_six_states_four_sensors_and_every_result_is_finite():
    args = estimate.fleet(200)
    assert (MODEL.n_states, MODEL.n_sensors) == (6, 4)
    result = ukf_kernel(MODEL, "numpy")(*args)
    assert all(np.isfinite(column).all() for column in result)
    assert (result.dof == 4).all()


def test_the_futures_benchmark_takes_about_a_hundred_steps_and_every_trajectory_ends_at_the_threshold():
    """Without noise wear reaches 1 at ln(1 + g) / (g rate) = 102.4 s for g = 0.6 and 0.00765 per s."""
    run = futures_kernel(futures.MODEL)
    params = np.array([futures.Params()])
    passage = run([[0.0]], [[[1e-4]]], [[1.0]], params, [futures.NOISE], 1.0, futures.STEPS, 2000, 1)
    assert np.isfinite(passage).all()
    assert passage.mean() == pytest.approx(np.log(1.6) / (0.6 * 0.00765), rel=0.02)
