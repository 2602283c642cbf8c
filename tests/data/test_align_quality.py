"""Quality on the grid: UNCERTAIN is used and remembered, everything worse is not used."""

import numpy as np
import pytest

from didymos.core.clock import SECOND_NS
from didymos.core.series import Quality, batch_of
from didymos.data.align import Grid, GridState


def grid_with(*rows: tuple[int, float, int]) -> Grid:
    """One channel, steps of 10 s; (second, value, quality) in the order of arrival."""
    grid = Grid(["a.x"], [0], 1, 10.0, 20.0)
    grid.see(np.array([0]), np.array([5 * SECOND_NS]))
    for second, value, quality in rows:
        for chunk in grid.chunks(batch_of([("a.x", second * SECOND_NS, value, quality)])):
            grid.store(*chunk)
    return grid


def at(grid: Grid, step: int) -> tuple[float, bool]:
    place, k = np.array([0]), np.array([step])
    return float(grid.values(place, k)[0]), bool(grid.unsure(place, k)[0])


@pytest.mark.parametrize("quality", [q for q in Quality if q > Quality.UNCERTAIN])
def test_what_is_worse_than_uncertain_is_not_used(quality):
    grid = grid_with((5, 1.0, quality))
    assert np.isnan(at(grid, 1)[0])
    assert at(grid, 1)[1] is False


def test_the_quality_is_that_of_the_sample_which_is_used():
    assert at(grid_with((3, 1.0, 0), (7, 2.0, 1)), 1) == (2.0, True)
    assert at(grid_with((7, 2.0, 1), (3, 1.0, 0)), 1) == (2.0, True)
    assert at(grid_with((3, 1.0, 1), (7, 2.0, 0)), 1) == (2.0, False)
    assert at(grid_with((3, 1.0, 1), (7, 2.0, Quality.BAD)), 1) == (1.0, True)


def test_a_later_step_in_the_same_slot_forgets_the_mark():
    grid = grid_with((5, 1.0, 1))
    grid.next_step[0] = 1 + grid.n_open
    second = 10 * grid.n_open + 5
    for chunk in grid.chunks(batch_of([("a.x", second * SECOND_NS, 2.0, 0)])):
        grid.store(*chunk)
    assert at(grid, 1 + grid.n_open) == (2.0, False)


def test_a_checkpoint_of_before_quality_was_kept_is_taken():
    grid = grid_with((5, 1.0, 1))
    old = GridState(**{name: getattr(grid.state(), name) for name in GridState.__slots__ if name != "ring_unsure"})
    fresh = Grid(["a.x"], [0], 1, 10.0, 20.0)
    fresh.restore(old)
    assert at(fresh, 1) == (1.0, False)
