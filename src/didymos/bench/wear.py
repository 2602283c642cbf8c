"""Flank wear of turning tools, leave one tool out: `mae` of wear sensed without a microscope, in micrometres, and of the mean of
the other tools at that time as `baseline_mae`; forecasts and gradient boosting beside. See `bench.calibrate_wear`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from didymos.bench import calibrate_wear
from didymos.bench.held_out import absent_peers


def run(data: Path | None, part: str | None = None) -> dict[str, Any]:
    found = calibrate_wear.part(Path(data)) if data is not None else None
    return {**(found or {}), "absent": [] if found else ["wear"], "absent_peers": absent_peers()}
