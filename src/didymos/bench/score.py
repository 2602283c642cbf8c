"""The labelled score of a run on the simulated line: what was found, missed and cried for nothing, and how early.

A fault is *detected* by the first Case that opens on its machine between onset and functional failure (or the end of the run)
and names its failure mode, for a sensor fault the doubtful sensor; lead time = failure - opening. *Wrong mode*: only Cases of
other modes opened in that time. A fault whose failure lies beyond the run counts as *open* when no Case came: it could still
be found in time. A Case on a machine that has no fault then (before onset, from a day after repair on, or on a healthy
machine) is *false*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HOUR_NS = 3_600_000_000_000
GRACE_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Opened:
    """A Case as the ledger holds it: the moment it opened, in plant time."""

    asset: str
    mode: str
    time_ns: int


def score(truth: Mapping[str, Any], cases: Iterable[Opened], end_ns: int) -> dict[str, Any]:
    """{"detected", "wrong_mode", "missed", "open", "false", "faults": [...], "false_cases": [...]}."""
    cases = sorted(cases, key=lambda case: case.time_ns)
    rows = [_row(fault, cases, end_ns) for fault in truth["faults"] if fault["onset_ns"] < end_ns]
    false = [case for case in cases if not any(_excused(case, fault) for fault in truth["faults"])]
    counts = {name: sum(row["result"] == name for row in rows) for name in ("detected", "wrong_mode", "missed", "open")}
    leads = sorted(row["lead_h"] for row in rows if row["lead_h"] is not None)
    return {
        "seed": truth["seed"],
        **counts,
        "false": len(false),
        "median_lead_h": leads[len(leads) // 2] if leads else None,
        "faults": rows,
        "false_cases": [{"machine": case.asset, "mode": case.mode, "time_ns": case.time_ns} for case in false],
    }


def _row(fault: Mapping[str, Any], cases: Iterable[Opened], end_ns: int) -> dict[str, Any]:
    until = min(fault["failure_ns"] or end_ns, end_ns)
    during = [case for case in cases if case.asset == fault["machine"] and fault["onset_ns"] <= case.time_ns <= until]
    right = next((case for case in during if _names(case, fault)), None)
    pending = fault["failure_ns"] is None or fault["failure_ns"] > end_ns
    result = "detected" if right else "wrong_mode" if during else "open" if pending else "missed"
    lead = (fault["failure_ns"] - right.time_ns) / HOUR_NS if right and fault["failure_ns"] else None
    delay = (right.time_ns - fault["onset_ns"]) / HOUR_NS if right else None
    named = sorted({case.mode for case in during})
    return {"machine": fault["machine"], "kind": fault["kind"], "result": result, "lead_h": lead, "delay_h": delay, "named": named}


def _names(case: Opened, fault: Mapping[str, Any]) -> bool:
    return case.mode.startswith("sensor_") if fault["mode"] == "sensor" else case.mode == fault["mode"]


def _excused(case: Opened, fault: Mapping[str, Any]) -> bool:
    """A Case on a machine with a fault under way (or just repaired) is right or wrong about the mode, not false."""
    end = fault["repaired_ns"]
    return case.asset == fault["machine"] and fault["onset_ns"] <= case.time_ns and (end is None or case.time_ns <= end + GRACE_NS)


def table(result: Mapping[str, Any]) -> str:
    """What the demo prints at its end."""
    words = {
        "detected": "found",
        "wrong_mode": "found, other mode named",
        "missed": "MISSED",
        "open": "not yet found, not yet failed",
    }
    lines = [f"{'machine':9s} {'fault (truth)':20s} {'result':30s} {'after onset':>12s} {'before failure':>15s}"]
    for row in result["faults"]:
        late = f"{row['delay_h']:.0f} h" if row["delay_h"] is not None else ""
        lead = f"{row['lead_h']:.0f} h" if row["lead_h"] is not None else ""
        lines.append(f"{row['machine']:9s} {row['kind']:20s} {words[row['result']]:30s} {late:>12s} {lead:>15s}")
    lines += [f"{case['machine']:9s} {'none':20s} FALSE ALARM: {case['mode']}" for case in result["false_cases"]]
    lines.append(
        f"{result['detected']} found, {result['wrong_mode']} with another mode named, {result['missed']} missed, "
        f"{result['open']} still open, {result['false']} false alarms."
    )
    return "\n".join(lines)
