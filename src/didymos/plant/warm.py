"""Compile what a worker of this plant needs into the kernel cache, in a process that ends and gives the compiler's memory back.

    python -m didymos.plant.warm PLANT.toml [MODEL ...]

Without names: of every model that lacks one, a process each. With names: of these, here. Each kernel is called once, by the
functions that the worker itself calls.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import channel_id
from didymos.core.model import Model
from didymos.data.align import Grid
from didymos.infer.life import forecast
from didymos.numerics import cache, kernels
from didymos.numerics.fatigue import rainflow
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
    """Names of the models with a kernel that is not on disk yet. Nothing is compiled."""
    wanted = [family for family in FAMILIES if family != "open_loop" or plant.commission_s > 0]
    return [m.name for m in models(plant) if not all(_on_disk(m, f) for f in wanted) or (_counts(plant, m) and not _counted())]


def _counts(plant: Plant, model: Model) -> bool:
    """Whether fatigue is counted at hot spots of such a machine."""
    return any(a.fields for a in plant.assets if a.model == model.name)


def _counted() -> bool:
    stem = cache.module_name("rainflow", rainflow.kernel_text())
    return any((cache.wanted_directory() / "__pycache__").glob(f"{stem}.stream-*.nbi"))


def warm(plant: Plant, names: Sequence[str] = ()) -> float:
    """Compile or load every kernel of these models, all without names; returns the seconds that took."""
    began = time.perf_counter()
    for model in models(plant):
        if not names or model.name in names:
            _call(plant, model, next(a for a in plant.assets if a.model == model.name))
    return time.perf_counter() - began


async def warmed(plant: Plant, plant_file: Path) -> None:
    """Compile what is missing, a child for each model and a processor for each child. One that fails is logged: the worker then
    compiles for itself."""
    absent = missing(plant)
    if not absent:
        return
    began, processors = time.perf_counter(), asyncio.Semaphore(os.cpu_count() or 1)
    done = await asyncio.gather(*(_child(plant_file, name, processors) for name in absent))
    seconds = time.perf_counter() - began
    for name, status in zip(absent, done, strict=True):
        if status:
            log.warning("kernels of %s: the compiling process ended with status %d; the worker compiles by itself", name, status)
    log.info("kernels of %s compiled in %.1f s", ", ".join(absent), seconds)


async def _child(plant_file: Path, name: str, processors: asyncio.Semaphore) -> int:
    async with processors:
        command = [sys.executable, "-m", "didymos.plant.warm", str(plant_file), name]
        child = await asyncio.create_subprocess_exec(*tethered(command))
        try:
            return await child.wait()
        finally:
            if child.returncode is None:
                child.terminate()


def _call(plant: Plant, model: Model, asset: Asset) -> None:
    """One filter step, one forecast and one open-loop run of this asset, with numbers that only need to be finite."""
    names = [channel_id(asset.id, c.name) for c in (*model.inputs, *model.sensors)]
    fleet = Fleet(model, [asset], [0], Grid(names, [0] * len(names), 1, plant.step_s, plant.lateness_s))
    who, s = np.zeros(1, np.int64), fleet.state
    u = np.ones((1, len(model.inputs)))
    fleet.update(fleet.hypotheses(who), u, np.full((1, model.n_sensors), np.nan), who)
    loads, keys = np.repeat(u[:, None], LOADS, axis=1), np.zeros(1, np.uint64)
    forecast(model, s.mean[who], s.cov[who], loads, s.params[who], fleet.process_noise, 3600.0, 1, keys, 1, 1)
    if _counts(plant, model):
        rainflow.residue(rainflow.step(rainflow.init(), np.zeros(2))[0])
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
    if not words:
        sys.exit("usage: python -m didymos.plant.warm PLANT.toml [MODEL ...]")
    file, names = Path(words[0]), words[1:]
    if names:
        log.info("kernels in %s after %.1f s", cache.kernel_directory(), warm(load(file), names))
    else:
        asyncio.run(warmed(load(file), file))


if __name__ == "__main__":
    main(sys.argv[1:])
