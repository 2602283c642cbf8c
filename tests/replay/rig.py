"""Made-up recordings in the layout of PRONOSTIA, and the example's plant file for the bearings among them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "femto" / "plant.toml"
LIVES = {"Bearing1_1": 60, "Bearing1_2": 50, "Bearing2_1": 56, "Bearing3_1": 44}  # snapshots
LOUD = 8  # snapshots at the end, four times as loud


def write_bearing(folder: Path, name: str, snapshots: int, seed: int) -> None:
    """Noise of 0.5 g in both axes, 2 g in the last LOUD snapshots; the very last ones clip at 48 g."""
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(snapshots) >= snapshots - LOUD, 2.0, 0.5)[:, None]
    axes = {a: np.rint(65536 + 1000 * size * rng.normal(size=(snapshots, 2560))).astype(np.int32) for a in ("h", "v")}
    axes["v"][-1, :3] = (65536 + 48000, 65536 - 48000, 65536)
    pq.write_table(pa.table({a: code.ravel() for a, code in axes.items()}), folder / f"{name}.parquet")


def recorded(folder: Path) -> Path:
    """A data folder with LIVES in it."""
    (folder / "femto_pronostia").mkdir()
    for seed, (name, snapshots) in enumerate(LIVES.items()):
        write_bearing(folder / "femto_pronostia", name, snapshots, seed)
    return folder


def plant_file(folder: Path, keep: tuple[str, ...] = ("bearing1-1", "bearing1-2", "bearing2-1", "bearing3-1")) -> Path:
    """The example with these bearings only."""
    head, *assets = re.split(r"(?=\n\[\[asset\]\]\n)", EXAMPLE.read_text())
    path = folder / "plant.toml"
    path.write_text(head + "".join(a for a in assets if any(f'id = "{name}"' in a for name in keep)))
    return path
