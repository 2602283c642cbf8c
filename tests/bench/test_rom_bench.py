"""The `rom` bench: parts, and its trials on a small housing (the figures themselves come from `didymos bench rom`)."""

from __future__ import annotations

import numpy as np
import pytest
from tests.verify.field_rig import JOB, small

from didymos.bench import rom, rom_sensors, rom_trials
from didymos.core.errors import ConfigError


def test_an_unknown_part_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="field, bound, sensors"):
        rom.run(part="mesh")


def test_trials_count_no_violation_and_see_the_error_that_is_there():
    trials = rom_trials.run(small(), JOB, films=2, each=2, steps=6, seed=1)
    assert trials.count == 4
    assert trials.violations == 0
    assert trials.bound_over_error[0] >= 1.0
    assert 0.0 < trials.of_range < 0.02


def test_a_bound_that_is_too_low_is_counted():
    from dataclasses import replace

    made = small()
    cheat = replace(made, field=replace(made.field, bound=0.01 * made.field.bound))
    assert rom_trials.run(cheat, JOB, films=1, each=2, steps=4, seed=1).violations == 2


def test_the_judged_mismatches_are_twenty_percent_each_alone_and_all_together():
    cases = rom_sensors.judged()
    assert len(cases) == 12
    assert all(set(np.round(np.abs(f - 1.0), 9)) <= {0.0, 0.2} for f in cases.values())
    assert sum((f != 1.0).sum() == 4 for f in cases.values()) == 4


@pytest.mark.slow
def test_virtual_sensors_keep_the_figures_under_mismatch():
    from didymos.assets.housing_field import built

    found = rom_sensors.run(rom.SMALL, built(rom.SMALL))
    assert found["rmse_k"] <= 1.5
    assert 0.85 <= found["coverage90"] <= 0.95
    assert found["rmse_k"] < found["static_rmse_k"]
