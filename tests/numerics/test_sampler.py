"""The ensemble sampler against densities whose moments are known in closed form."""

import numpy as np
import pytest

from didymos.core.errors import SolveError
from didymos.numerics.sampler import diagnose, sample

COV = np.array([[4.0, 1.8, 0.0], [1.8, 1.0, 0.1], [0.0, 0.1, 0.25]])
MEAN = np.array([1.0, -2.0, 3.0])
INVERSE = np.linalg.inv(COV)


def normal(x):
    return -0.5 * np.einsum("ri,ij,rj->r", x - MEAN, INVERSE, x - MEAN)


def within(draws, values, expected, sigmas=4.5):
    """Monte-Carlo error from the effective size that the sampler itself states."""
    error = values.std() / np.sqrt(draws.effective.min())
    assert abs(values.mean() - expected) < sigmas * error


@pytest.mark.parametrize("wrong", [0.3, 4.0])
def test_a_correlated_normal_is_drawn_whatever_width_it_is_started_with(wrong):
    draws = sample(normal, MEAN + 0.5, wrong * COV, 1200, seed=3)
    assert (draws.r_hat < 1.02).all()
    for i in range(3):
        within(draws, draws.flat[:, i], MEAN[i])
        within(draws, (draws.flat[:, i] - MEAN[i]) ** 2, COV[i, i])
    within(draws, (draws.flat[:, 0] - MEAN[0]) * (draws.flat[:, 1] - MEAN[1]), COV[0, 1])


def test_a_banana_has_its_own_moments_though_laplace_has_not():
    """x ~ N(0, 1), y | x ~ N(x^2, 0.5^2): E y = 1, var y = 2 + 0.25."""

    def banana(v):
        return -0.5 * v[:, 0] ** 2 - 0.5 * ((v[:, 1] - v[:, 0] ** 2) / 0.5) ** 2

    draws = sample(banana, np.zeros(2), np.diag([1.0, 0.25]), 3000, seed=5)
    within(draws, draws.flat[:, 0], 0.0)
    within(draws, draws.flat[:, 1], 1.0)
    within(draws, (draws.flat[:, 1] - 1.0) ** 2, 2.25)


def test_a_bound_is_kept_and_the_half_normal_has_its_mean():
    """|N(0, 1)|: mean sqrt(2 / pi)."""
    draws = sample(lambda v: np.where(v[:, 0] > 0.0, -0.5 * v[:, 0] ** 2, -np.inf), np.array([0.5]), np.eye(1), 1500, seed=2)
    assert (draws.flat > 0.0).all()
    within(draws, draws.flat[:, 0], np.sqrt(2.0 / np.pi))


def test_a_centre_without_density_is_refused():
    with pytest.raises(SolveError, match="zero at the centre"):
        sample(lambda v: np.full(len(v), -np.inf), np.zeros(2), np.eye(2), 10)


def test_the_same_seed_gives_the_same_draws():
    one, two = (sample(normal, MEAN, COV, 50, seed=9).chain for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_effective_size_of_an_ar1_chain_is_that_of_the_closed_form():
    """tau = (1 + phi) / (1 - phi); walkers that stand apart have R-hat far above 1."""
    rng, phi = np.random.default_rng(1), 0.8
    x = np.zeros((2000, 20, 1))
    for k in range(1, len(x)):
        x[k] = phi * x[k - 1] + rng.normal(size=(20, 1))
    r_hat, effective = diagnose(x)
    assert r_hat[0] < 1.01
    assert effective[0] == pytest.approx(2000 * 20 * (1 - phi) / (1 + phi), rel=0.15)
    x[:, ::4] += 5.0
    assert diagnose(x)[0][0] > 1.3
