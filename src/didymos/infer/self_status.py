"""What a twin and each of its sensors say of themselves: one table from a condition to its status signal after NAMUR NE 107.

    F  failure               what is shown cannot be used
    C  check function        for the time being it is not what it says: being set up, being checked, doubted
    S  out of specification  outside the conditions for which it was made or calibrated
    M  maintenance required  still good, but somebody should see to it
    ok                       none of them

Of several conditions the one first in ORDER is shown. Every status letter of a twin or a sensor comes from this table.
Source: NAMUR NE 107 (2017), section 4 and table 1. Which condition has which status is our reading of it.
Verified: tests/infer/test_self_status.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ORDER = ("F", "C", "S", "M", "ok")


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of the twin or of a sensor. usable: whether predictions (a reading) may still be used."""

    status: str
    usable: bool
    meaning: str
    do: str


RULES: dict[str, Rule] = {
    # of the twin
    "input_stale": Rule("F", False, "an input has not been read lately", "Bring the tag back; see `didymos doctor`."),
    "no_readings": Rule("F", False, "no sensor has been read lately", "Bring a sensor back; see `didymos doctor`."),
    "commissioning": Rule("C", False, "the first healthy days are being learned", "Wait, or fit the twin from history."),
    "few_readings": Rule("C", False, "too few readings so far", "Wait."),
    "outside_envelope": Rule("S", False, "operated where the twin was not calibrated", "Fit again with these days."),
    "inconsistent": Rule("S", False, "residuals are larger than the twin expects", "Fit again, or look for a change."),
    "unseen_together": Rule("S", True, "inputs that were never seen together", "Fit again with these days, if they last."),
    "unexplained_change": Rule("M", True, "the plant has changed and nobody said why", "Enter the work order, or fit again."),
    "low_fidelity": Rule("M", True, "the twin explains less than it should", "Fit again with recent days."),
    # of a sensor
    "out_of_range": Rule("F", False, "reads outside its plausible range", "Check sensor and wiring."),
    "stuck": Rule("F", False, "has not moved while the others scatter", "Check sensor and wiring."),
    "silent": Rule("F", False, "has not been read lately", "Check sensor, wiring and source."),
    "spike": Rule("C", True, "single readings far off", "Check wiring and shielding."),
    "drift": Rule("C", False, "reads other than the other sensors support", "Check or recalibrate it."),
    "uncertain": Rule("S", True, "its source is not sure of it", "See the source's own diagnosis."),
    "unexplained_step": Rule("M", True, "stepped at one moment and nothing else did", "Recalibrate it, or enter its exchange."),
}


def status_of(condition: str) -> str:
    """'ok' for no condition ("")."""
    return RULES[condition].status if condition else "ok"


def worst(conditions: Iterable[str]) -> str:
    """The condition that is shown, "" without one; of equal status the first."""
    return min(conditions, key=lambda name: ORDER.index(RULES[name].status), default="")
