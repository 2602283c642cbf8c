"""The truth file of a run, for the score at its end. No process of the twin reads it while it runs."""

from __future__ import annotations

import json
from pathlib import Path

from didymos.plant.virtual.plant import Line


def truth(line: Line, run_days: float) -> dict[str, object]:
    """seed, start_ns, days and the faults; failure_ns is the functional failure if nobody acts (None for a sensor)."""
    faults = [
        {
            "machine": fault.machine,
            "kind": fault.kind,
            "component": fault.component,
            "mode": fault.mode,
            "onset_ns": fault.onset_ns,
            "failure_ns": fault.failure_ns,
            "repaired_ns": fault.repaired_ns,
            "heat": fault.heat,
        }
        for fault in line.faults
    ]
    return {"seed": line.seed, "start_ns": line.start_ns, "days": run_days, "faults": faults}


def write(path: Path, line: Line, run_days: float) -> None:
    path.write_text(json.dumps(truth(line, run_days), indent=1), encoding="utf-8")
