"""The figures of a twin's judgement of itself: bad input, and the parts on small data."""

from pathlib import Path

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.bench import validity
from didymos.bench.validity_recorded import told
from didymos.bench.validity_simulated import DEVELOPMENT, runs, visible, watched
from didymos.core.errors import DataError


def test_a_part_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(DataError, match=r"part 'skap' is not known\. Allowed: simulated, skab, hydraulic, envelope"):
        validity.run(None, "skap")


@pytest.mark.parametrize("part", ["skab", "hydraulic", "envelope"])
def test_a_part_without_its_recording_is_named_absent(part, tmp_path):
    assert validity.run(Path(tmp_path), part) == {"absent": [part]}


def test_every_change_of_a_long_record_is_told_once_and_rows_start_anew_at_each():
    rng = np.random.default_rng(1)
    z = rng.normal(0.0, 1.0, (200, 3)) + 12.0 * (np.arange(200) >= 60)[:, None] - 12.0 * (np.arange(200) >= 130)[:, None]
    found = told(z, np.zeros((200, 0)), np.full(3, 0.3), np.zeros((0, 3)))
    assert [round(f.at, -1) for f, _ in found] == [60, 130]
    assert all(stop - f.at < 20 for f, stop in found)


def test_every_story_is_simulated_alike_for_one_seed_and_only_where_it_says():
    model = ASSETS["cutting_tool"]
    one, other = (runs(model, "sensor", DEVELOPMENT, 2) for _ in range(2))
    np.testing.assert_array_equal(one[0].y, other[0].y)
    quiet = runs(model, "nothing", DEVELOPMENT, 2)
    assert [r.at for r in quiet] == [-1, -1]
    assert len(one[0].y) // 3 <= one[0].at < len(one[0].y)
    assert watched(model, quiet[0])[0] is None
    assert visible(model)
