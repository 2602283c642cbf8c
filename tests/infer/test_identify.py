"""What the data can tell: matrices whose answer is known by inspection."""

import numpy as np
import pytest

from didymos.infer.identify import identifiability, profile


def test_a_sensitive_parameter_is_told_and_an_insensitive_one_is_not():
    found = identifiability(["seen", "blind"], np.diag([99.0, 0.0]))
    assert found.kind == ("data", "prior")
    np.testing.assert_allclose(found.told, [0.99, 0.0])
    assert found.combinations == ()


def test_of_a_product_only_the_product_is_told():
    """Readings depend on a + b (in logarithms): each alone would show, together they do not; told is half by symmetry."""
    found = identifiability(["a", "b"], 1e4 * np.ones((2, 2)))
    assert found.kind == ("combination", "combination")
    np.testing.assert_allclose(found.told, 0.5, atol=1e-4)
    assert found.combinations[0] in (
        "a up by 10 % with b down by 10 % changes no reading",
        "b up by 10 % with a down by 10 % changes no reading",
    )


def test_no_parameter_at_all_is_no_error():
    assert identifiability([], np.zeros((0, 0))).kind == ()


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_profile_of_a_normal_posterior_is_its_own_parabola(rho):
    """Closed form: with the other parameter at its best, twice the cost above the optimum is points^2."""
    cov = np.array([[4.0, 2.0 * rho], [2.0 * rho, 1.0]])
    inverse, best = np.linalg.inv(cov), np.array([1.0, -2.0])
    points = np.array([-2.0, -1.0, 1.0, 2.0])
    at, rise = profile(lambda z: 0.5 * np.einsum("ri,ij,rj->r", z - best, inverse, z - best), best, cov, 0, points)
    np.testing.assert_allclose(at, 1.0 + 2.0 * points)
    np.testing.assert_allclose(rise, points**2, rtol=1e-6)


def test_the_profile_of_a_parameter_that_saturates_is_flat_where_laplace_says_parabola():
    """cost = x^2 / (1 + x^2): curvature 2 at the optimum, but it never rises by more than 1."""
    _, rise = profile(lambda z: z[:, 0] ** 2 / (1.0 + z[:, 0] ** 2), np.zeros(1), np.array([[0.5]]), 0, np.array([3.0, 30.0]))
    assert (rise < 2.0).all()
