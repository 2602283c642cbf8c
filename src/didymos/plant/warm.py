"""Compile what a worker of this plant needs into the kernel cache, in a process that ends and gives the compiler's memory back.

    python -m didymos.plant.warm PLANT.toml

A kernel is compiled for the layout of its arguments, and an array of one asset is laid out differently from one of two (a
broadcast row may be read-only): both are called, with the functions that the worker itself calls.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import channel_id
from didymos.core.model import Model
from didymos.data.align import Grid
from didymos.infer.life import forecast
from didymos.numerics import cache, kernels
from didymos.numerics.futures import Variant, kernel_text
from didymos.numerics.open_loop import open_loop_kernel
from didymos.numerics.ukf import substeps_for
from didymos.plant.config import Asset, Plant, load
from didymos.plant.fleet import LOADS, Fleet
from didymos.plant.supervise import tethered

log = logging.getLogger("didymos.warm")

FAMILIES = ("loop", "futures", "open_loop")


def models(plant: Plant) -> list[Model]:
    """Physics models that at least one asset has."""
    return [model for name, model in ASSETS.items() if any(a.model == name for a in plant.assets)]


def missing(plant: Plant) -> list[str]:
    """Names of the kernels that are not on disk yet. Nothing is compiled."""
    return [
        f"{model.name} {family}"
        for model in models(plant)
        for family in FAMILIES
        if (family != "open_loop" or plant.commission_s > 0) and not _on_disk(model, family)
    ]


def warm(plant: Plant) -> float:
    """Compile or load every kernel; returns the seconds that took."""
    began = time.perf_counter()
    for model in models(plant):
        asset = next(a for a in plant.assets if a.model == model.name)
        for count in (1, 2):
            _call(plant, model, [replace(asset, id=f"{asset.id}-{i}") for i in range(count)])
    return time.perf_counter() - began


async def warmed(plant: Plant, plant_file: Path) -> None:
    """Run `warm` in a child when a kernel is missing. A child that fails is logged: the worker then compiles for itself."""
    absent = missing(plant)
    if not absent:
        return
    began = time.perf_counter()
    command = [sys.executable, "-m", "didymos.plant.warm", str(plant_file)]
    child = await asyncio.create_subprocess_exec(*tethered(command))
    try:
        status = await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
    seconds = time.perf_counter() - began
    if status:
        log.warning(
            "kernels: the compiling process ended with status %d after %.1f s; the worker compiles by itself", status, seconds
        )
    else:
        log.info("kernels: %d compiled in %.1f s (%s)", len(absent), seconds, ", ".join(absent))


def _call(plant: Plant, model: Model, assets: list[Asset]) -> None:
    """One filter step, one forecast and one open-loop run of these assets, with numbers that only need to be finite."""
    names = [channel_id(a.id, c.name) for a in assets for c in (*model.inputs, *model.sensors)]
    per_asset = len(model.inputs) + len(model.sensors)
    rows = list(range(len(assets)))
    grid = Grid(names, [row for row in rows for _ in range(per_asset)], len(assets), plant.step_s, plant.lateness_s)
    fleet = Fleet(model, assets, rows, grid)
    who, s = np.arange(len(assets)), fleet.state
    u = np.ones((len(assets), len(model.inputs)))
    fleet.update(s.mean[who], s.cov[who], u, np.full((len(assets), model.n_sensors), np.nan), who)
    loads, keys = np.repeat(u[:, None], LOADS, axis=1), np.arange(len(assets), dtype=np.uint64)
    forecast(model, s.mean[who], s.cov[who], loads, s.params[who], fleet.process_noise, 3600.0, 1, keys, 1, 1)
    if plant.commission_s > 0:
        substeps = substeps_for(model, plant.step_s)
        open_loop_kernel(model)(s.mean[who], np.repeat(u[:, None], 2, axis=1), who, s.params[who], substeps, plant.step_s)


def _on_disk(model: Model, family: str) -> bool:
    """Whether numba has machine code of this kernel beside its text. Open-loop runs are looked for by name alone: they are made of
    the same `rhs` and `out` as the filter, whose name is a hash of them."""
    stem, function = f"didymos_{model.name}_open_loop_*", "run"
    if family == "loop":
        stem, function = cache.module_name(f"{model.name}_loop", kernels.loop_text(model)), "fleet"
    elif family == "futures":
        noisy = tuple(i for i in map(model.state_index, model.slow) if model.process_noise[i] > 0)
        stem = cache.module_name(f"{model.name}_futures", kernel_text(model, Variant(noisy, varied=True)))
    return any((cache.wanted_directory() / "__pycache__").glob(f"{stem}.{function}-*.nbi"))


def main(words: list[str]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    if len(words) != 1:
        sys.exit("usage: python -m didymos.plant.warm PLANT.toml")
    log.info("kernels in %s after %.1f s", cache.kernel_directory(), warm(load(Path(words[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
