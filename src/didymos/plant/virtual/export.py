"""A run without a network: what the plant's tags, sensors and ERP gave, in one folder, and apart from it the truth.

    python -m didymos.plant.virtual.export --seed 1 --days 11 --out FOLDER

tags.npz   time_ns (T,), address (m,), source (m,), value (m, T) in plant units, NaN = none
waves.npz  topic (w,), time_ns (w,), counts (w, n) int16, rate_hz, scale_g
erp.db     the ERP as it stands at the end; changed_at tells when each row was entered
truth.json for the score, not for the twin
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from didymos.core.clock import DAY_NS, parse_time
from didymos.plant.virtual import erp, truth
from didymos.plant.virtual.line import OPCUA, WAVE_RATE_HZ, address, wave_topic
from didymos.plant.virtual.plant import build, simulate
from didymos.plant.virtual.waveform import SCALE_G


def export(seed: int, start_ns: int, days: float, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    run = simulate(seed, start_ns, days)
    names = list(run.value)
    machines = [name.partition(".")[0] for name in names]
    np.savez_compressed(
        folder / "tags.npz",
        time_ns=run.time_ns,
        address=np.array([address(machine, run.sensors[name].tag) for machine, name in zip(machines, names, strict=True)]),
        source=np.array(["plc" if machine in OPCUA else "broker" for machine in machines]),
        value=np.stack([run.value[name] for name in names]),
    )
    np.savez_compressed(
        folder / "waves.npz",
        topic=np.array([wave_topic(wave.machine) for wave in run.waves]),
        time_ns=np.array([wave.time_ns for wave in run.waves], np.int64),
        counts=np.stack([wave.counts for wave in run.waves]),
        rate_hz=WAVE_RATE_HZ,
        scale_g=SCALE_G,
    )
    line = build(seed, start_ns, days)
    url = f"sqlite:///{folder / 'erp.db'}"
    erp.create(url, line)
    clerk = erp.Clerk(url, line)
    clerk.until(start_ns + int(days * DAY_NS))
    clerk.close()
    truth.write(folder / "truth.json", line, days)


if __name__ == "__main__":
    ask = argparse.ArgumentParser("didymos.plant.virtual.export", description="Simulated machining line 7 as files.")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--start", default="2026-01-05T06:00:00Z")
    ask.add_argument("--days", type=float, default=11.0)
    ask.add_argument("--out", type=Path, required=True)
    given = ask.parse_args()
    export(given.seed, parse_time(given.start), given.days, given.out)
