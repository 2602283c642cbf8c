"""Order, limit and error of sequences whose limit is known; what has no order gets a range and a reason."""

import pytest

from didymos.numerics.fe.converge import converged


@pytest.mark.parametrize("order", [1.0, 2.0, 3.3])
@pytest.mark.parametrize("levels", [(1.0, 2.0, 4.0), (1.0, 1.4, 2.0)])
def test_a_made_up_sequence_gives_its_order_its_limit_and_an_error_that_holds_it(order, levels):
    found = converged([3.0 + 0.2 / n**order for n in levels], levels)
    assert found.order == pytest.approx(order, rel=1e-6)
    assert found.limit == pytest.approx(3.0, rel=1e-12)
    assert abs(found.values[-1] - 3.0) <= found.error
    assert found.error < 10.0 * abs(found.values[-1] - 3.0)


@pytest.mark.parametrize(
    ("values", "limit", "error", "remark"),
    [
        ((2.0, 2.0, 2.0), 2.0, 0.0, "the same on every mesh"),
        ((1.0, 1.2, 1.1), None, 0.2, "not monotone"),
        ((1.0, 1.5, 2.3), None, 1.3, "the changes grow"),
        ((1.0, 1.5, 1.95), None, 0.95, "order 0.1"),
    ],
)
def test_what_has_no_order_gets_a_range_and_a_reason(values, limit, error, remark):
    found = converged(values, (1.0, 2.0, 4.0))
    assert (found.order, found.limit) == (None, limit)
    assert found.error == pytest.approx(error)
    assert remark in found.remark
