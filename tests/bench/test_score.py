"""The labelled score: each rule of its docstring, on made-up runs."""

import pytest

from didymos.bench.score import GRACE_NS, HOUR_NS, Opened, score, table

H = HOUR_NS
END = 240 * H


def fault(machine="cp-01", mode="seal", onset=24 * H, failure=100 * H, repaired=110 * H, kind="seal_leak"):
    return {"machine": machine, "kind": kind, "mode": mode, "onset_ns": onset, "failure_ns": failure, "repaired_ns": repaired}


def judged(cases, *faults):
    return score({"seed": 1, "faults": list(faults)}, cases, END)


def test_a_case_before_onset_is_false_and_does_not_find_the_fault():
    found = judged([Opened("cp-01", "seal", 20 * H)], fault())
    assert (found["detected"], found["missed"], found["false"]) == (0, 1, 1)


def test_a_case_after_functional_failure_finds_nothing():
    found = judged([Opened("cp-01", "seal", 101 * H)], fault())
    assert (found["detected"], found["missed"], found["false"]) == (0, 1, 0)


def test_the_right_mode_in_time_is_detected_with_lead_and_delay():
    found = judged([Opened("cp-01", "seal", 40 * H)], fault())
    row = found["faults"][0]
    assert (row["result"], row["lead_h"], row["delay_h"]) == ("detected", 60.0, 16.0)


def test_another_mode_on_the_faulty_machine_is_wrong_not_false():
    found = judged([Opened("cp-01", "wear_ring", 40 * H)], fault())
    assert (found["detected"], found["wrong_mode"], found["false"]) == (0, 1, 0)


def test_a_fault_that_outlives_the_run_is_open_not_missed():
    assert judged([], fault(failure=300 * H, repaired=310 * H))["open"] == 1


def test_a_case_on_a_healthy_machine_is_false():
    assert judged([Opened("cp-02", "seal", 40 * H)], fault())["false"] == 1


@pytest.mark.parametrize(("after", "false"), [(GRACE_NS - H, 0), (GRACE_NS + H, 1)])
def test_a_case_after_repair_is_false_once_a_day_has_passed(after, false):
    assert judged([Opened("cp-01", "seal", 40 * H), Opened("cp-01", "wear_ring", 110 * H + after)], fault())["false"] == false


def test_a_sensor_fault_is_found_by_any_doubtful_sensor_of_that_machine_and_has_no_lead_time():
    found = judged([Opened("cm-01", "sensor_winding_temperature", 50 * H)], fault("cm-01", "sensor", failure=None, repaired=None))
    assert (found["detected"], found["faults"][0]["lead_h"]) == (1, None)


def test_a_failure_mode_named_on_a_machine_whose_sensor_fails_is_the_wrong_mode():
    assert judged([Opened("cm-01", "insulation", 50 * H)], fault("cm-01", "sensor", failure=None, repaired=None))["wrong_mode"] == 1


def test_the_table_names_every_fault_and_every_false_alarm():
    text = table(judged([Opened("cp-02", "seal", 40 * H)], fault()))
    assert "cp-01" in text
    assert "MISSED" in text
    assert "FALSE ALARM: seal" in text
