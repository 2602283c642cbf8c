"""Alignment to steps: the rule, and that batching, repetition and order within the lateness do not matter."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didymos.core.clock import SECOND_NS
from didymos.core.series import Quality, batch_of
from didymos.data.align import Grid, align
from didymos.plant.loop import MOVES_TIME


def run(batches, step_s=10.0, lateness_s=20.0):
    """Feed row lists; return every step taken as {(asset, step): [values of the two channels]}."""
    grid = Grid(["m.a", "m.b"], [0, 0], 1, step_s, lateness_s)
    taken = {}
    for rows in batches:
        for place, time_ns, value, quality in grid.chunks(batch_of(rows)):
            timely = MOVES_TIME[quality]
            grid.see(grid.asset_of[place[timely]], time_ns[timely])
            while len(due := grid.due()):
                step = grid.next_step[due]
                taken[int(step[0])] = grid.values(np.array([0, 1]), step).tolist()
                grid.taken(due)
            grid.store(place, time_ns, value, quality)
    return taken, grid


def rows(samples):
    return [(f"m.{c}", int(t * SECOND_NS), v, q) for c, t, v, q in samples]


STEADY = [(c, t, 100.0 * (c == "b") + t, 0) for t in range(1, 200, 3) for c in "ab"]


def test_a_step_holds_the_latest_usable_sample_of_its_interval():
    taken, _ = run(
        [rows([("a", 1, 1.0, 0), ("a", 10, 2.0, 0), ("a", 9, 9.0, 0), ("b", 5, np.nan, Quality.BAD), ("a", 40, 0.0, 0)])]
    )
    assert taken[1][0] == 2.0
    assert np.isnan(taken[1][1])


def test_a_bad_sample_is_not_used_and_does_not_hide_the_good_one_before_it():
    taken, grid = run([rows([("a", 1, 1.0, 0), ("a", 2, 7.0, Quality.OUT_OF_RANGE), ("a", 40, 0.0, 0)])])
    assert taken[1][0] == 1.0
    assert grid.last_quality[0] == Quality.GOOD


def test_a_bad_sample_stamped_days_ahead_is_not_what_its_channel_reads_now():
    """A server's "no value yet" carries the wall clock's time, the plant's clock may stand in another year."""
    later = 90 * 86_400
    _, grid = run([rows([("a", 1, 1.0, 0), ("b", 2, 5.0, 0)]), rows([("a", later, np.nan, Quality.BAD)]), rows([("a", 3, 2.0, 0)])])
    assert (grid.last_value[0], grid.last_quality[0], grid.last_time[0]) == (2.0, Quality.GOOD, 3 * SECOND_NS)
    near = run([rows([("a", 1, 1.0, 0)]), rows([("a", 9, np.nan, Quality.BAD)])])[1]
    assert near.last_quality[0] == Quality.BAD


def test_a_sample_after_its_step_was_taken_is_counted_and_left_out():
    taken, grid = run([rows([("a", 1, 1.0, 0), ("a", 100, 2.0, 0)]), rows([("a", 3, 5.0, 0)])])
    assert taken[1][0] == 1.0
    assert grid.late[0] == 1


def test_steps_without_any_sample_are_taken_too_so_that_a_gap_is_time_that_passed():
    taken, _ = run([rows([("a", 5, 1.0, 0), ("a", 605, 2.0, 0)])])
    assert sorted(taken) == list(range(1, 59))
    assert all(np.isnan(taken[k][0]) for k in range(2, 59))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(STEADY)), max_size=6), st.data())
def test_batching_repetition_and_order_within_the_lateness_change_nothing(cuts, data):
    whole, _ = run([rows(STEADY)])
    edges = [0, *sorted(cuts), len(STEADY)]
    pieces = [STEADY[a:b] for a, b in pairwise(edges) if b > a]
    shuffled = []
    for piece in pieces:
        repeat = data.draw(st.integers(0, min(3, len(piece))))
        shuffled.append(rows([*piece, *piece[-repeat:]] if repeat else piece))
    split, _ = run(shuffled)
    np.testing.assert_equal(split, whole)


def test_a_restored_grid_goes_on_exactly():
    whole, _ = run([rows(STEADY)])
    first, grid = run([rows(STEADY[:50])])
    again = Grid(["m.a", "m.b"], [0, 0], 1, 10.0, 20.0)
    again.restore(grid.state())
    for place, time_ns, value, quality in again.chunks(batch_of(rows(STEADY[50:]))):
        again.see(again.asset_of[place], time_ns)
        while len(due := again.due()):
            step = again.next_step[due]
            first[int(step[0])] = again.values(np.array([0, 1]), step).tolist()
            again.taken(due)
        again.store(place, time_ns, value, quality)
    np.testing.assert_equal(first, whole)


def test_history_aligned_in_one_call_equals_the_live_grid():
    whole, _ = run([rows(STEADY)])
    a = [(int(t * SECOND_NS), v) for c, t, v, _ in STEADY if c == "a"]
    steps = sorted(whole)
    got = align(np.array([t for t, _ in a]), np.array([v for _, v in a]), steps[0], len(steps), 10 * SECOND_NS)
    np.testing.assert_array_equal(got, [whole[k][0] for k in steps])


def test_an_unknown_channel_is_left_out_without_disturbing_the_others():
    taken, _ = run([[("x.y", 5, 1.0, 0), *rows([("a", 5, 1.0, 0), ("a", 50, 2.0, 0)])]])
    assert taken[1][0] == pytest.approx(1.0)
