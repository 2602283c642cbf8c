"""The operating space of the calibration: whole, small, mergeable, and what lies outside is named."""

import numpy as np
import pytest

from didymos.core.channel import Channel
from didymos.core.errors import DataError
from didymos.infer.envelope import JOINT, POINTS, empty, merge, novelty, scale, see, unseen

SPEED = Channel("speed", "Speed", "rad/s", 0.0, 400.0, 0.1)
TORQUE = Channel("torque", "Torque", "N m", 0.0, 100.0, 0.1)
TWO = (SPEED, TORQUE)


def operation(count, seed=1):
    """Torque rises with speed: a diagonal band of the square."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(60.0, 300.0, count)
    return np.stack([speed, 0.2 * speed + rng.normal(0.0, 2.0, count)], axis=1)


def known(rows):
    return see(empty(2), rows, TWO)


def test_rows_of_another_width_are_refused_and_name_both_shapes():
    with pytest.raises(DataError, match=r"\(5, 3\); \(T, 2\) is needed"):
        see(empty(2), np.zeros((5, 3)), TWO)


def test_rows_that_are_not_numbers_are_left_out_and_nothing_else_is():
    rows = operation(50)
    spoiled = np.concatenate([rows[:20], [[np.nan, 10.0], [np.inf, 1.0]], rows[20:]])
    for one, other in zip(known(rows), known(spoiled), strict=True):
        np.testing.assert_array_equal(one, other)


def test_before_anything_was_seen_nothing_is_outside():
    assert novelty(empty(2), [1e6, -1e6], TWO) == 0.0
    assert unseen(empty(2), [1e6, -1e6], TWO) == ""


def test_inputs_that_are_not_known_are_not_judged():
    assert novelty(known(operation(100)), [np.nan, 20.0], TWO) == 0.0


@pytest.mark.parametrize("count", [10, POINTS, 3000])
def test_every_operating_point_that_was_seen_is_inside(count):
    rows = operation(count)
    found = known(rows)
    assert np.isfinite(found.points).all(axis=1).sum() <= POINTS
    assert max(novelty(found, row, TWO) for row in rows) < 1e-12


def test_what_was_seen_in_pieces_is_inside_as_well():
    rows, found = operation(3000), empty(2)
    for piece in np.array_split(rows, 40):
        found = see(found, piece, TWO)
    assert found.seen == len(rows)
    assert max(novelty(found, row, TWO) for row in rows) < 1e-12
    np.testing.assert_array_equal([found.low, found.high], [rows.min(axis=0), rows.max(axis=0)])


def test_held_out_normal_operation_is_inside():
    found = known(operation(2000, seed=1))
    assert np.mean([novelty(found, row, TWO) > JOINT for row in operation(2000, seed=2)]) == 0.0


def test_inputs_never_seen_together_are_outside_though_each_is_in_its_range():
    found, odd = known(operation(2000)), np.array([80.0, 55.0])
    assert (found.low < odd).all()
    assert (odd < found.high).all()
    assert novelty(found, odd, TWO) > JOINT
    text = unseen(found, odd, TWO)
    assert "Torque 55.0 N m" in text
    assert "never seen together" in text


def test_what_either_of_two_has_seen_is_inside_of_both_merged():
    slow, fast = operation(500, 3), operation(500, 4) + np.array([60.0, 10.0])
    both = merge(known(slow), known(fast), TWO)
    assert both.seen == 1000
    assert max(novelty(both, row, TWO) for row in np.concatenate([slow, fast])) == 0.0
    assert merge(empty(2), both, TWO) is both
    assert merge(both, empty(2), TWO) is both


def test_an_input_that_stood_still_is_measured_against_its_plausible_range():
    np.testing.assert_allclose(scale(np.array([100.0, 5.0]), np.array([100.0, 25.0]), TWO), [8.0, 20.0])
