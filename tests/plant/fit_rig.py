"""A plant of three motors with two days of recorded data each, for the tests of `didymos fit`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from didymos.assets import ASSETS
from didymos.core.clock import iso, parse_time
from didymos.infer.calibrate import simulate

MOTOR = ASSETS["induction_motor"]
NAMES = MOTOR.Params._fields
START, STEP_S, STEPS = "2026-01-05T00:00:00Z", 600.0, 288
END = "2026-01-07T00:00:00Z"

TEXT = """
[plant]
id = "small"
name = "Small"
step_s = 600
commission_s = 86400
[clock]
kind = "data"
[store]
path = "{store}"
[[source]]
id = "files"
type = "replay"
url = "file:///nowhere.csv"
"""
ASSET = """
[[asset]]
id = "{id}"
model = "induction_motor"
{extra}
constants = {{ speed = 152.0 }}
tag = [
    {{ channel = "current", source = "files", address = "{id} I", unit = "A" }},
    {{ channel = "ambient_temperature", source = "files", address = "{id} air", unit = "degC" }},
    {{ channel = "winding_temperature", source = "files", address = "{id} winding", unit = "degC" }},
    {{ channel = "bearing_temperature", source = "files", address = "{id} bearing", unit = "degC" }},
    {{ channel = "vibration_velocity", source = "files", address = "{id} v", unit = "mm/s" }},
]
"""


def plant_file(folder: Path, extra: dict[str, str] | None = None, ids: tuple[str, ...] = ("mo-01", "mo-02", "mo-03")) -> Path:
    path = folder / "plant.toml"
    text = TEXT.format(store=folder / "store") + "".join(ASSET.format(id=i, extra=(extra or {}).get(i, "")) for i in ids)
    path.write_text(text)
    return path


def duty(steps: int = STEPS) -> np.ndarray:
    """(T, 3) inputs: current in steps, constant speed, day and night ambient."""
    t = np.arange(steps)
    return np.stack([10.0 + 3.0 * np.sin(t // 24 * 1.7), np.full(steps, 152.0), 295.0 + 4.0 * np.sin(t * 2 * np.pi / 144)], axis=1)


def params(**factors: float) -> np.ndarray:
    p = np.array(MOTOR.Params(), float)
    for name, factor in factors.items():
        p[NAMES.index(name)] *= factor
    return p


def readings(p: np.ndarray, u: np.ndarray, seed: int = 1, step_s: float = STEP_S) -> np.ndarray:
    """(T, 3) with the sensors' noise."""
    noise = np.array([c.noise for c in MOTOR.sensors])
    return simulate(MOTOR, p[None], u[None], step_s)[0] + np.random.default_rng(seed).normal(size=(len(u), 3)) * noise


def csv_file(path: Path, machines: dict[str, np.ndarray], steps: int = STEPS) -> Path:
    """Wide, in the tags' units: what a data logger exports."""
    u, start = duty(steps), parse_time(START)
    head, columns = ["time"], []
    for seed, (id, p) in enumerate(machines.items(), 1):
        y = readings(p, u, seed)
        head += [f"{id} {name}" for name in ("I", "air", "winding", "bearing", "v")]
        columns += [u[:, 0], u[:, 2] - 273.15, y[:, 0] - 273.15, y[:, 1] - 273.15, y[:, 2] * 1e3]
    rows = [",".join([iso(start + int(k * STEP_S * 1e9)), *(f"{c[k]:.6g}" for c in columns)]) for k in range(steps)]
    path.write_text("\n".join([",".join(head), *rows]) + "\n")
    return path
