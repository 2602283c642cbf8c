"""When a finding becomes a Case, and how a Case ends. Pure: (watch, facts) -> (watch, cases that changed).

A finding is *due* when P(fail before the next planned stop) x consequence reaches the plant's limit (advisories: when their
own limit is passed). A Case opens at the `CONFIRM`-th review in a row that finds it due (a finding may ask for more), so that
one noisy estimate opens nothing; it closes by a verdict of a person, by maintenance of its component, or by itself after
`CLEAR` reviews in a row far below the limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from didymos.core.case import TRANSITIONS, Case, Event
from didymos.core.estimate import Evidence

CONFIRM = 2
CLEAR = 6
CLEAR_SHARE = 0.2  # of the limit: below it a finding counts as gone


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspicion at one review.

    ratio   expected cost over the plant's limit; 1.0 opens a Case. Advisories (a doubtful sensor, an anomaly without a
            failure mode, a fault that is sure but not urgent) state their own ratio and have `advisory` set.
    confirm reviews in a row that must find it due
    """

    mode: str
    component: str
    ratio: float
    p_fail_next_stop: float
    expected_cost: float
    next_stop_ns: int | None
    sentence: str
    action: str
    spare: str
    evidence: tuple[Evidence, ...]
    advisory: bool = False
    confirm: int = CONFIRM


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of one asset between reviews: its cases that are not closed, reviews in a row above and below
    the limit for each mode, and how many cases it has had."""

    cases: tuple[Case, ...] = ()
    above: tuple[tuple[str, int], ...] = ()
    below: tuple[tuple[str, int], ...] = ()
    opened: int = 0


def priority(finding: Finding) -> int:
    """1 critical ... 4 advisory (ISA-18.2), by expected cost: ten, three, one times the limit."""
    if finding.advisory:
        return 4
    return 1 if finding.ratio >= 10 else 2 if finding.ratio >= 3 else 3


def review(watch: Watch, asset: str, findings: tuple[Finding, ...], now_ns: int) -> tuple[Watch, tuple[Case, ...]]:
    """One look at one asset. Returns the new watch and every case that opened, changed its priority or closed."""
    above, below = dict(watch.above), dict(watch.below)
    open_ = {case.mode: case for case in watch.cases}
    changed: list[Case] = []
    opened = watch.opened
    for finding in findings:
        above[finding.mode] = above.get(finding.mode, 0) + 1 if finding.ratio >= 1 else 0
        below[finding.mode] = below.get(finding.mode, 0) + 1 if finding.ratio < CLEAR_SHARE else 0
        case = open_.get(finding.mode)
        if case is None and above[finding.mode] >= finding.confirm:
            opened += 1
            case = _open(asset, opened, finding, now_ns)
        elif case is not None and case.state == "open" and below[finding.mode] >= CLEAR:
            case = replace(case, state="closed", changed_ns=now_ns, verdict="cleared by the twin")
        elif case is not None:
            case = _follow(case, finding, now_ns)
        if case is not None and case != open_.get(finding.mode):
            changed.append(case)
            open_[finding.mode] = case
    kept = tuple(case for case in open_.values() if case.state != "closed")
    return Watch(kept, tuple(above.items()), tuple(below.items()), opened), tuple(changed)


def maintained(watch: Watch, component: str, number: str, now_ns: int) -> tuple[Watch, tuple[Case, ...]]:
    """Maintenance of `component` under work order `number` closes its cases and starts its counts anew."""
    closed = tuple(
        replace(case, state="closed", changed_ns=now_ns, verdict=f"maintained under {number}")
        for case in watch.cases
        if case.component == component
    )
    modes = {case.mode for case in closed}
    kept = tuple(case for case in watch.cases if case.component != component)
    above = tuple((mode, n) for mode, n in watch.above if mode not in modes)
    return replace(watch, cases=kept, above=above), closed


def decided(watch: Watch, event: Event, now_ns: int) -> tuple[Watch, tuple[Case, ...]]:
    """A person's decision on a case: event body {"case", "state", "verdict"}. What the case's state does not allow is ignored."""
    changed: list[Case] = []
    for case in watch.cases:
        state = str(event.body.get("state", ""))
        if case.id == event.body.get("case") and state in TRANSITIONS[case.state]:
            verdict = event.body.get("verdict")
            changed.append(replace(case, state=state, changed_ns=now_ns, verdict=str(verdict) if verdict else case.verdict))  # type: ignore[arg-type]
    new = {case.id: case for case in changed}
    kept = tuple(c for c in (new.get(case.id, case) for case in watch.cases) if c.state != "closed")
    return replace(watch, cases=kept), tuple(changed)


def _open(asset: str, number: int, finding: Finding, now_ns: int) -> Case:
    return Case(
        id=f"{asset}-{finding.mode}-{number}".lower().replace(".", "-"),
        asset=asset,
        mode=finding.mode,
        component=finding.component,
        state="open",
        priority=priority(finding),
        opened_ns=now_ns,
        changed_ns=now_ns,
        sentence=finding.sentence,
        action=finding.action,
        spare=finding.spare,
        evidence=finding.evidence,
        p_fail_next_stop=finding.p_fail_next_stop,
        next_stop_ns=finding.next_stop_ns,
        expected_cost=finding.expected_cost,
    )


def _follow(case: Case, finding: Finding, now_ns: int) -> Case:
    """The same case when nothing a person would act on has changed; otherwise with today's numbers. Priority only rises."""
    new = min(case.priority, priority(finding))
    if new == case.priority:
        return case
    return replace(
        case,
        priority=new,
        changed_ns=now_ns,
        sentence=finding.sentence,
        evidence=finding.evidence,
        p_fail_next_stop=finding.p_fail_next_stop,
        next_stop_ns=finding.next_stop_ns,
        expected_cost=finding.expected_cost,
    )
