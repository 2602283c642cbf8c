"""The roll-up over a level of the plant equals the naive time-weighted one, out of samples and out of roll-ups."""

from __future__ import annotations

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.core.series import batch_of
from didymos.data.history.hierarchy import grid_of, rollup
from didymos.data.history.retention import Retention
from didymos.data.history.roll import HOUR_NS, MINUTE_NS
from didymos.data.history.store import Rows, Store
from didymos.data.history.tables import DAY_NS

DAY = 20_000 * DAY_NS
NOW = DAY + 30 * DAY_NS
NAMES = ("a.flow", "b.flow", "c.flow")


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "history")
    opened.begin_source("one")
    yield opened
    opened.close()


def naive(samples, start, end, now):
    """(integral, seconds) of one channel in [start, end): sample by sample."""
    area = seconds = 0.0
    for (t, value, quality), following in zip(samples, [*(row[0] for row in samples[1:]), None], strict=True):
        until = (t // DAY_NS + 1) * DAY_NS if following is None else min(following, (t // DAY_NS + 1) * DAY_NS)
        first, last = max(t, start), min(until, end, now)
        if last > first and quality <= 2 and not np.isnan(value):
            area += value * (last - first) / 1e9
            seconds += (last - first) / 1e9
    return area, seconds


def filled(store, n=2):
    rng = np.random.default_rng(4)
    made = {}
    for i, name in enumerate(NAMES):
        times = DAY + np.sort(rng.choice(n * DAY_NS // 10**6, 900 * (i + 1), replace=False)) * 10**6
        quality = rng.choice([0, 0, 0, 1, 2, 6, 7], len(times))
        values = np.where(quality == 7, np.nan, rng.normal(10 * (i + 1), 1.0, len(times)))
        made[name] = list(zip(times.tolist(), values.tolist(), quality.tolist(), strict=True))
        store.commit("plant", i + 1, Rows(samples=[(batch_of([(name, *row) for row in made[name]]), i + 1, 1)]))
    return made


def expected(made, how, grid, now):
    rows = []
    for k in range(grid.points):
        start = grid.start_ns + k * grid.width_ns
        parts = [naive(samples, start, start + grid.width_ns, now) for samples in made.values()]
        parts = [(area, seconds) for area, seconds in parts if seconds > 0]
        if parts:
            means = [area / seconds for area, seconds in parts]
            mean = sum(area for area, _ in parts) / sum(seconds for _, seconds in parts)
            value = {"sum": sum(means), "min": min(means), "max": max(means), "mean": mean}[how]
            rows.append((start, value, len(parts), sum(seconds for _, seconds in parts)))
    return rows


@pytest.mark.parametrize("how", ["sum", "mean", "min", "max"])
@pytest.mark.parametrize(
    ("start", "end", "points"), [(0, 2 * DAY_NS, 48), (5 * HOUR_NS + 17, 9 * HOUR_NS, 40), (HOUR_NS, HOUR_NS + 10**10, 9)]
)
def test_it_equals_the_naive_one_hot_and_closed_and_rolled_up(store, how, start, end, points):
    made, grid = filled(store), grid_of(DAY + start, DAY + end, points)
    wanted = expected(made, how, grid, NOW)
    seen = []
    for step in (lambda: None, lambda: store.compact(DAY + 2 * DAY_NS), lambda: store.keep(NOW, Retention())):
        step()
        got = rollup(store.reader, NAMES, how, grid, NOW)
        assert [(row[0], row[3]) for row in got] == [(row[0], row[2]) for row in wanted]
        np.testing.assert_allclose([(row[1], row[4]) for row in got], [(row[1], row[3]) for row in wanted], rtol=1e-9)
        seen.append([row[2] for row in got])
    assert seen[0] == seen[1] == seen[2]


def test_samples_that_are_gone_leave_the_same_numbers_marked_uncertain(store):
    made, grid = filled(store), grid_of(DAY, DAY + 2 * DAY_NS, 48)
    store.compact(DAY + 2 * DAY_NS)
    store.keep(NOW, Retention(raw_days=1))
    got, wanted = rollup(store.reader, NAMES, "sum", grid, NOW), expected(made, "sum", grid, NOW)
    np.testing.assert_allclose([row[1] for row in got], [row[1] for row in wanted], rtol=1e-9)
    assert min(row[2] for row in got) >= 1


def test_nothing_is_known_beyond_now(store):
    store.commit("plant", 1, Rows(samples=[(batch_of([("a.flow", DAY + HOUR_NS, 3.0, 0)]), 1, 1)]))
    grid = grid_of(DAY, DAY + 3 * HOUR_NS, 3)
    now = DAY + HOUR_NS + 10 * MINUTE_NS
    assert rollup(store.reader, ("a.flow",), "sum", grid, now) == [(DAY + HOUR_NS, 3.0, 0, 1, 600.0)]


def test_a_question_that_makes_no_sense_or_is_too_large_is_refused_by_name(store):
    grid = grid_of(DAY, DAY + DAY_NS, 3)
    with pytest.raises(DataError, match="how = 'median' is not known; allowed are sum, mean, min, max"):
        rollup(store.reader, NAMES, "median", grid, NOW)
    with pytest.raises(DataError, match="Ask for a shorter time"):
        rollup(store.reader, ["x"] * 11_000, "sum", grid, NOW)
