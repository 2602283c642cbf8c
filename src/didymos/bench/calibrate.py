"""Calibration on real recordings and on a simulated fleet: held-out errors beside simple and learned peers.

    hydraulic   uci_hydraulic: cooler, pump leakage, accumulator        `bench.calibrate_hydraulic`
    battery     battery_aging: capacity of cells                        `bench.calibrate_battery`
    wear        vicomtech_turning_wear: flank wear of turning tools     `bench.calibrate_wear`
    fleet       the simulated line's six motors (four heat nodes, truth that the twin's two cannot hold): one week commissions a
                machine, and what its sisters are worth to a new one    `bench.calibrate_fleet`

Every MAE is [value, low, high]: mean over tools, cells or blocks, 90 % interval by drawing those.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from didymos.bench import calibrate_battery, calibrate_fleet, calibrate_hydraulic, calibrate_wear
from didymos.bench.held_out import absent_peers
from didymos.core.errors import DataError

PARTS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "hydraulic": calibrate_hydraulic.part,
    "battery": calibrate_battery.part,
    "wear": calibrate_wear.part,
    "fleet": lambda _: calibrate_fleet.part(),
}


def run(data: Path | None, part: str | None = None) -> dict[str, Any]:
    """{part: figures, "absent": parts that the folder lacks, "absent_peers": peers that are not installed}."""
    if part is not None and part not in PARTS:
        raise DataError(f"calibrate: part {part!r} is not known. Allowed: {', '.join(PARTS)}. Correct --part.")
    folder = Path(data) if data is not None else Path("nowhere")
    found = {name: PARTS[name](folder) for name in ([part] if part else PARTS)}
    there = {name: value for name, value in found.items() if value is not None}
    return {**there, "absent": [name for name in found if name not in there], "absent_peers": absent_peers()}
