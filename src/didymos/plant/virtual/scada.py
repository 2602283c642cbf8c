"""One simulated machine as a SCADA system exports it: a CSV file to try an own plant file on.

    python -m didymos.plant.virtual.scada --machine cp-03 --fault wear_ring_loss --out exports

exports/<machine>.csv     one row per 5 minutes, one column per tag; semicolons, decimal comma, local time, empty: sample lost

The machine is well for `--healthy-days`. Then the fault that was asked for begins; hours after the machine has failed it is
repaired. What is wrong, and since when, stands in no file.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from didymos.core.clock import DAY_NS, parse_time
from didymos.core.errors import ConfigError
from didymos.plant.virtual.faults import KINDS, fault
from didymos.plant.virtual.line import MACHINES, plc, sensors_of
from didymos.plant.virtual.plant import build, samples

ZONE = ZoneInfo("Europe/Vienna")


def export(seed: int, start_ns: int, days: float, machine: str, kind: str, healthy_days: float, folder: Path) -> Path:
    """The file written. ConfigError for a machine, or a fault of it, that does not exist."""
    if machine not in MACHINES:
        raise ConfigError(f"--machine {machine!r} is not on the line; it has {', '.join(MACHINES)}")
    kinds = {k.name: k for k in KINDS if machine in k.machines}
    if kind and kind not in kinds:
        raise ConfigError(f"--fault {kind!r} does not happen to {machine}; allowed are {', '.join(kinds) or 'none'}")
    line = build(seed, start_ns, days, faulty=False)
    if kind:
        line = replace(line, faults=(fault(seed, kinds[kind], machine, start_ns + int(healthy_days * DAY_NS)),))
    columns = [place for place, (name, _) in enumerate(line.sensors) if name == machine]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{machine}.csv"
    rows = [";".join(("Zeit", *(f"{plc(machine)}.{sensor.tag}" for sensor in sensors_of(machine))))]
    for sample in samples(line, days):
        local = datetime.fromtimestamp(sample.time_ns / 1e9, UTC).astimezone(ZONE)
        values = ("" if np.isnan(v) else f"{v:.6g}".replace(".", ",") for v in sample.value[columns])
        rows.append(";".join((f"{local:%d.%m.%Y %H:%M:%S}", *values)))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    ask = argparse.ArgumentParser("didymos.plant.virtual.scada", description="One machine of the simulated line as a CSV export.")
    ask.add_argument("--machine", required=True)
    ask.add_argument("--fault", default="", help="kind of fault; default: none")
    ask.add_argument("--healthy-days", type=float, default=7.0)
    ask.add_argument("--seed", type=int, default=11)
    ask.add_argument("--start", default="2026-01-05T06:00:00Z")
    ask.add_argument("--days", type=float, default=12.0)
    ask.add_argument("--out", type=Path, required=True)
    given = ask.parse_args()
    try:
        print(
            export(
                given.seed,
                parse_time(given.start),
                given.days,
                given.machine,
                given.fault,
                given.healthy_days,
                given.out,
            )
        )
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
