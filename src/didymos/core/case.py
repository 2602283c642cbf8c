"""`Case`: one suspected failure from evidence to verdict. Every transition is a Record; the current state is their projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from didymos.core.estimate import Evidence

CaseState = Literal["open", "accepted", "work", "closed"]
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "open": ("accepted", "work", "closed"),
    "accepted": ("work", "closed"),
    "work": ("closed",),
    "closed": (),
}


@dataclass(frozen=True, slots=True)
class Case:
    """id is `<asset>-<mode>-<n>`. priority 1 (critical) to 4 (advisory), after ISA-18.2. Times are plant time, UTC ns."""

    id: str
    asset: str
    mode: str
    component: str
    state: CaseState
    priority: int
    opened_ns: int
    changed_ns: int
    sentence: str
    action: str
    spare: str
    evidence: tuple[Evidence, ...]
    p_fail_next_stop: float
    next_stop_ns: int | None
    expected_cost: float
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A fact from outside the sensors: a work order closed, a verdict given, a configuration changed.

    id       idempotency key; the same id twice has no second effect
    time_ns  when it was true; known_ns when we learned it
    body     flat, JSON-writable
    """

    id: str
    kind: str
    asset: str
    time_ns: int
    known_ns: int
    body: dict[str, str | float | int | None]


@dataclass(frozen=True, slots=True)
class Record:
    """One line for the ledger. `key` makes appending it twice harmless. body: JSON-writable."""

    key: str
    kind: str
    subject: str
    time_ns: int
    body: dict[str, object]
