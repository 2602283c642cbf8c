"""When the twin may be believed."""

import numpy as np
import pytest
from scipy.stats import chi2

from didymos.assets.induction_motor import MODEL
from didymos.infer.validity import assess, consistent, outside, see, widen, window

LOW, HIGH = np.array([5.0, 100.0, 280.0]), np.array([15.0, 155.0, 310.0])
GOOD = {
    "nis": np.full(36, 3.0),
    "dof": np.full(36, 3.0),
    "u": [10.0, 150.0, 295.0],
    "input_age_s": [0.0] * 3,
    "low": LOW,
    "high": HIGH,
}


def judge(**changes):
    return assess(MODEL, **{**GOOD, **changes})


def test_agreement_inside_the_envelope_is_ok_with_full_score():
    found = judge()
    assert (found.ok, found.status, found.score) == (True, "ok", 1.0)


def test_an_input_that_is_held_too_long_is_a_failure_and_named_with_its_age():
    found = judge(input_age_s=[0.0, 10_800.0, 0.0])
    assert (found.ok, found.status, found.score) == (False, "F", 0.0)
    assert found.reason.startswith("Shaft speed has not been read for 3")


def test_silence_of_all_sensors_for_an_hour_is_a_failure_and_of_half_an_hour_is_not():
    dof = np.full(36, 3.0)
    dof[-12:] = 0.0
    assert judge(dof=dof).status == "F"
    dof[-7] = 3.0
    assert judge(dof=dof).ok


def test_operation_outside_what_was_calibrated_is_out_of_specification_with_both_numbers():
    found = judge(u=[20.0, 150.0, 295.0])
    assert (found.ok, found.status) == (False, "S")
    assert "20.0 A is above the 15.0 A" in found.reason
    assert judge(u=[15.9, 150.0, 295.0]).ok
    assert "below" in judge(u=[10.0, 5.0, 295.0]).reason


def test_every_input_outside_its_range_is_named_without_those_inside():
    low, high = np.array([5.0, 100.0, 290.0]), np.array([15.0, 160.0, 300.0])
    found = outside(MODEL.inputs, [20.0, 150.0, 200.0], low, high)
    assert list(found) == [MODEL.inputs[0].name, MODEL.inputs[2].name]
    assert outside(MODEL.inputs, [10.0, 150.0, 295.0], low, high) == {}


def test_without_a_known_envelope_every_operating_point_is_inside():
    assert judge(u=[1e6, 0.0, 0.0], low=np.full(3, -np.inf), high=np.full(3, np.inf)).ok


def test_few_readings_are_not_judged_yet():
    found = judge(nis=np.full(3, 3.0), dof=np.full(3, 3.0))
    assert (found.ok, found.status) == (False, "C")
    assert "9 readings so far; it needs 12" in found.reason


def test_residuals_three_times_too_large_are_out_of_specification_and_the_worst_sensor_is_named():
    whitened = np.tile([1.0, 1.0, 5.0], (36, 1))
    found = judge(nis=np.full(36, 27.0), whitened=whitened)
    assert (found.ok, found.status, found.score) == (False, "S", pytest.approx(1 / 9))
    assert found.reason == (
        "residuals are 3.0 times as large as the twin expects, most of all Vibration velocity, rms 10-1000 Hz (5.0 sigma)"
    )


def test_missing_steps_are_ignored():
    nis, dof = GOOD["nis"].copy(), GOOD["dof"].copy()
    nis[:20], dof[:20] = np.nan, 0.0
    assert judge(nis=nis, dof=dof).ok


@pytest.mark.parametrize("dof", [12, 100])
def test_the_limit_is_the_chi_square_quantile_or_the_tolerance_whichever_is_larger(dof):
    limit = max(chi2.isf(1e-4, dof), 4.0 * dof)
    assert consistent(limit * 0.999, dof)
    assert not consistent(limit * 1.001, dof)


def test_a_consistent_filter_raises_no_false_alarm_in_ten_thousand_windows():
    """Short windows: one reading in each of 12 steps. The chi-square limit alone lets one window in 10,000 through."""
    nis = np.random.default_rng(1).chisquare(1, (10_000, 12)).sum(axis=1)
    assert sum(not consistent(total, 12) for total in nis) <= 3


def test_a_window_forgets_its_oldest_step_and_does_not_change_the_past():
    past = window(2, 3, steps=4)
    now = past
    for k in range(5):
        now = see(now, np.full(2, float(k)), np.ones(2), np.full((2, 3), float(k)))
    assert past.dof.sum() == 0
    np.testing.assert_array_equal(now.nis[0], [1, 2, 3, 4])
    np.testing.assert_array_equal(now.whitened[1, -1], [4, 4, 4])


def test_the_envelope_grows_with_what_is_seen_and_ignores_what_is_missing():
    low, high = widen(LOW[None], HIGH[None], np.array([[2.0, np.nan, 320.0]]))
    np.testing.assert_array_equal(low, [[2.0, 100.0, 280.0]])
    np.testing.assert_array_equal(high, [[15.0, 155.0, 320.0]])
