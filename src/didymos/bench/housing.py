"""The demo's spindle housings: the Field as the worker keeps it, against the virtual line's own full model of each unit.

Truth: `plant.virtual.housings`, a transient of 1,480 nodes on elements and a mesh of its own, whose conductivity, films and contact
are 10 to 20 % off the Field's and differ from unit to unit; films that are uneven around and not linear; a headstock that warms up.
Judged at every node of the Field on six machines, every hour after the first six: RMSE [K], largest error, share inside the 90 %
band, its mean width [K], share of hours in which the innovation monitor said that the model fits.

alone      the Field without thermocouples, on what the lumped model believes
measured   with the demo's four thermocouples a housing
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets.housing_field import Job, build
from didymos.core.channel import channel_id
from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError
from didymos.core.field import Field, digest, write
from didymos.core.series import Batch, Quality, batch_of
from didymos.infer import field_filter
from didymos.infer.field_filter import Z90
from didymos.plant.config import Plant, load
from didymos.plant.loop import Loop

Array = NDArray[np.float64]
START, SEEDS, DAYS = "2026-01-05T06:00:00Z", (1, 2), 3.0
JOB = Job(modes=20)  # as the demo builds it
WARM_UP, EVERY = 72, 12  # steps of five minutes


def run(data: Path | None = None, part: str | None = None, seeds: tuple[int, ...] = SEEDS, days: float = DAYS) -> dict[str, Any]:
    """{"alone": {...}, "measured": {...}}; part: a seed. Needs no data."""
    if part is not None:
        if not part.isdigit():
            raise ConfigError(f"housing: part {part!r}. Allowed: a seed, a number of at least 0. Leave it out for seeds {SEEDS}.")
        seeds = (int(part),)
    made = build(JOB)
    found: dict[str, list[Judged]] = {"alone": [], "measured": []}
    with TemporaryDirectory(prefix="didymos-bench-") as folder:
        plant = plant_of(Path(folder), made)
        for seed in seeds:
            for name, judged in found.items():
                judged.append(judge(plant if name == "measured" else blind(plant), made, seed, days))
    return {name: pooled(judged) for name, judged in found.items()} | {"machines": 6 * len(seeds), "days": days}


def plant_of(folder: Path, made: Field) -> Plant:
    """The demo's spindles with this Field bound as the demo binds it."""
    from didymos.plant.virtual.template import fill, housing_line

    data = write(made)
    (folder / "housing.npz").write_bytes(data)
    at = "127.0.0.1:1"
    text = fill(
        f"opc.tcp://{at}", f"mqtt://{at}", "sqlite://", str(folder / "store"), START, START, 1.0, "127.0.0.1", 8050,
        spindle_field=housing_line("housing.npz", digest(data)),
    )  # fmt: skip
    (folder / "plant.toml").write_text(text)
    whole = load(folder / "plant.toml")
    return replace(whole, assets=tuple(a for a in whole.assets if a.model == "spindle"))


def blind(plant: Plant) -> Plant:
    """The same without thermocouples."""
    bare = lambda a: replace(a, fields=tuple(replace(f, thermocouples=()) for f in a.fields))  # noqa: E731
    return replace(plant, assets=tuple(bare(a) for a in plant.assets))


@dataclass(frozen=True, slots=True)
class Judged:
    """error and sd (hours x machines, n) [K], range of the true field [K], fits; field_core_s: the Fields' steps, a plant day."""

    error: Array
    sd: Array
    spread: Array
    fits: NDArray[np.bool_]
    field_core_s: float


def judge(plant: Plant, made: Field, seed: int, days: float) -> Judged:
    from didymos.plant.virtual import housings

    loop, points = Loop(plant), made.points.astype(float)
    spent, true, rows = timed(loop), {}, []
    for k, (batch, now_ns, state) in enumerate(history(plant, seed, days)):
        true[now_ns] = state
        loop.samples(batch)
        loop.outputs.clear()
        loop.ticks.clear()
        if k < WARM_UP or k % EVERY:
            continue
        for i, asset in enumerate(plant.assets):
            bound = loop.fields.bound[asset.id][0]
            memory = loop.fields.memory[bound.key]
            there = housings.field(true[memory.time_ns], i, points) - made.made.reference_K
            off = made.modes @ memory.belief.mean[: bound.sensing.modes] - there
            sd = field_filter.temperature_sd(bound.sensing, memory.belief, made.modes)
            rows.append((off, sd, float(np.ptp(there)), field_filter.fits(memory.belief)[0]))
        true = {t: x for t, x in true.items() if t > now_ns - 3600 * 10**9}
    error, sd, spread, fits = (np.array(column) for column in zip(*rows, strict=True))
    return Judged(error, sd, spread, fits, sum(spent) / days)


def history(plant: Plant, seed: int, days: float) -> Iterator[tuple[Batch, int, Any]]:
    """(samples of the spindles in SI, their time, true state of the housings) of every step."""
    from didymos.plant.virtual.line import SPINDLES, UNITS
    from didymos.plant.virtual.plant import STEP_NS, begin, build, step

    line = build(seed, parse_time(START), days)
    x, first = begin(line), line.start_ns // STEP_NS + 1
    for k in range(first, first + round(days * 288)):
        x, sample = step(line, x, k)
        rows = []
        for value, (machine, sensor) in zip(sample.value.tolist(), line.sensors, strict=True):
            if machine in SPINDLES and value == value:
                factor, offset = UNITS[sensor.unit]
                rows.append((channel_id(machine, sensor.channel), sample.time_ns, value / factor + offset, Quality.GOOD))
        yield batch_of(rows), sample.time_ns, x.housing


def timed(loop: Loop) -> list[float]:
    """CPU seconds of each of its Fields' steps from now on."""
    spent, plain = [], loop.fields.step

    def step(*given: Any) -> None:
        began = time.process_time()
        plain(*given)
        spent.append(time.process_time() - began)

    loop.fields.step = step  # pyright: ignore[reportAttributeAccessIssue]
    return spent


def pooled(runs: list[Judged]) -> dict[str, float]:
    error, sd = (np.concatenate([getattr(run, key) for run in runs]) for key in ("error", "sd"))
    return {
        "rmse_k": float(np.sqrt(np.mean(error**2))),
        "worst_k": float(np.abs(error).max()),
        "range_k": float(np.mean(np.concatenate([run.spread for run in runs]))),
        "coverage90": float(np.mean(np.abs(error) <= Z90 * sd)),
        "band90_k": float(2.0 * Z90 * np.mean(sd)),
        "fits": float(np.mean(np.concatenate([run.fits for run in runs]))),
        "field_core_s_a_day": float(np.mean([run.field_core_s for run in runs])),
    }
