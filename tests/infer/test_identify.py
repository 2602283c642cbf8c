"""What the data can tell: matrices whose answer is known by inspection."""

import numpy as np

from didymos.infer.identify import identifiability


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
