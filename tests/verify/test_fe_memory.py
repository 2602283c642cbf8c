"""A solid of 300 k unknowns in a process of its own: its peak memory with the solver that is always here. Slow."""

import pytest

from didymos.bench import calculix, fe_wall


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_three_hundred_thousand_unknowns_stay_under_two_and_a_half_gigabytes():
    found = fe_wall.memory(["pyamg"])["pyamg"]
    assert found["unknowns"] > 300_000
    assert found["peak_mb"] < 2500.0
    assert found["seconds"]["assembly"] > 0.0


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(calculix.found() is None, reason=calculix.ABSENT)
def test_the_timed_part_has_calculix_s_displacement():
    found = fe_wall.against_calculix(repeats=1)
    assert found["displacement_apart"] < 1e-6
    assert found["wall_ratio"] > 0.0
