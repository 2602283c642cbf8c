"""Cases: when they open, rise and close. Every number is the rule's own definition."""

from dataclasses import replace

import pytest

from didymos.core.case import Event
from didymos.decide.alerts import CLEAR, CONFIRM, Finding, Watch, decided, maintained, review

DUE = Finding("wear_ring", "wear_ring", 1.2, 0.2, 1200.0, 10, "The wear ring …", "Replace it", "P-1", ())
QUIET = replace(DUE, ratio=0.01)


def looks(finding, times, watch=None):
    watch = watch or Watch()
    seen = []
    for t in range(times):
        watch, changed = review(watch, "cp-01", (finding,), t)
        seen += changed
    return watch, seen


def test_one_review_above_the_limit_opens_nothing():
    _, seen = looks(DUE, CONFIRM - 1)
    assert seen == []


def test_the_second_review_in_a_row_opens_one_case_and_later_ones_none():
    watch, seen = looks(DUE, 10)
    assert [case.id for case in seen] == ["cp-01-wear_ring-1"]
    assert watch.cases == tuple(seen)


def test_reviews_above_the_limit_count_only_in_a_row():
    watch = Watch()
    for finding in (DUE, QUIET, DUE, QUIET, DUE):
        watch, changed = review(watch, "cp-01", (finding,), 0)
        assert changed == ()


@pytest.mark.parametrize(("ratio", "priority"), [(1.0, 3), (3.0, 2), (10.0, 1)])
def test_priority_follows_the_expected_cost(ratio, priority):
    _, seen = looks(replace(DUE, ratio=ratio), CONFIRM)
    assert seen[0].priority == priority


def test_a_finding_may_ask_for_more_reviews_in_a_row():
    _, early = looks(replace(DUE, advisory=True, confirm=6), 5)
    _, late = looks(replace(DUE, advisory=True, confirm=6), 6)
    assert early == []
    assert [case.priority for case in late] == [4]


def test_an_advisory_that_becomes_a_risk_rises_in_the_same_case():
    watch, _ = looks(replace(DUE, advisory=True, confirm=6), 6)
    _, seen = looks(replace(DUE, ratio=3.0), 1, watch)
    assert [(case.id, case.priority) for case in seen] == [("cp-01-wear_ring-1", 2)]


def test_an_advisory_is_never_more_than_priority_4():
    _, seen = looks(replace(DUE, ratio=50.0, advisory=True), CONFIRM)
    assert seen[0].priority == 4


def test_a_rising_risk_raises_the_priority_of_the_same_case_and_a_falling_one_does_not_lower_it():
    watch, _ = looks(DUE, CONFIRM)
    watch, changed = review(watch, "cp-01", (replace(DUE, ratio=12.0),), 5)
    assert [(c.id, c.priority) for c in changed] == [("cp-01-wear_ring-1", 1)]
    watch, changed = review(watch, "cp-01", (DUE,), 6)
    assert changed == ()


def test_a_case_that_nobody_took_up_clears_itself_only_after_a_row_of_quiet_reviews():
    watch, _ = looks(DUE, CONFIRM)
    watch, seen = looks(QUIET, CLEAR - 1, watch)
    assert seen == []
    watch, seen = looks(QUIET, 1, watch)
    assert [(c.state, c.verdict) for c in seen] == [("closed", "cleared by the twin")]
    assert watch.cases == ()


def test_an_accepted_case_does_not_clear_itself():
    watch, seen = looks(DUE, CONFIRM)
    event = Event("e1", "case_verdict", "cp-01", 5, 5, {"case": seen[0].id, "state": "accepted"})
    watch, _ = decided(watch, event, 5)
    watch, seen = looks(QUIET, CLEAR + 3, watch)
    assert seen == []


def test_maintenance_closes_the_cases_of_its_component_and_no_other():
    other = replace(DUE, mode="seal", component="seal")
    watch = Watch()
    for t in range(CONFIRM):
        watch, _ = review(watch, "cp-01", (DUE, other), t)
    watch, changed = maintained(watch, "wear_ring", "WO-7", 9)
    assert [(c.mode, c.verdict) for c in changed] == [("wear_ring", "maintained under WO-7")]
    assert [c.mode for c in watch.cases] == ["seal"]


def test_after_maintenance_the_next_case_needs_confirmation_again_and_a_new_number():
    watch, _ = looks(DUE, CONFIRM)
    watch, _ = maintained(watch, "wear_ring", "WO-7", 9)
    watch, seen = looks(DUE, CONFIRM - 1, watch)
    assert seen == []
    _, seen = looks(DUE, 1, watch)
    assert seen[0].id == "cp-01-wear_ring-2"


def test_a_verdict_that_the_state_does_not_allow_changes_nothing():
    watch, seen = looks(DUE, CONFIRM)
    for state in ("open", "reopened", ""):
        event = Event("e", "case_verdict", "cp-01", 5, 5, {"case": seen[0].id, "state": state})
        assert decided(watch, event, 5) == (watch, ())


def test_a_verdict_closes_the_case_and_keeps_the_words():
    watch, seen = looks(DUE, CONFIRM)
    event = Event("e", "case_verdict", "cp-01", 5, 5, {"case": seen[0].id, "state": "closed", "verdict": "found worn ring"})
    watch, changed = decided(watch, event, 7)
    assert (changed[0].state, changed[0].verdict, changed[0].changed_ns) == ("closed", "found worn ring", 7)
    assert watch.cases == ()
