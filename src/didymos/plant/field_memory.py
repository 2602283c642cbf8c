"""One Field bound to one machine: what is remembered of it, and one step of it. Pure: memory and what the step is given go in.

    bound = bind(asset, binding)                ready to step, artefact read and checked once
    memory = advance(bound, memory, given, k, step_ns)

Thermocouples are believed within a tenth of a kelvin or so of each other over minutes, but their steady error, and what is uneven
around the part and even in the modes, does not average out: `MEASURED` adds it to the bands (a type K of class 1 may be 1.5 K off,
IEC 60584-1). Heat that a model or channel gives is right within a fifth of its box, for a day, where thermocouples can tell, within
a tenth and an hour where none can (`GIVEN`). Set on seeds 11 and 12 of the virtual line, judged on others by `bench housing`.

Once a day of plant time the memory as it then was is kept, for `KEPT` days, so that days can be lived again (`plant.field_relive`).
Verified: tests/plant/test_fields.py.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.assets.materials import metal, smooth_specimen
from didymos.core.clock import DAY_NS
from didymos.core.errors import ConfigError, DataError
from didymos.core.field import Field, outside, read
from didymos.formats.wire import pack, unpack
from didymos.infer import damage, field_filter
from didymos.infer.damage import Damage, HotSpot
from didymos.infer.field_filter import FieldBelief, Sensing, Tuning
from didymos.numerics.fatigue import rainflow
from didymos.numerics.fatigue.rainflow import Cycles, Rainflow
from didymos.numerics.fatigue.stress_life import equivalent_amplitude, haibach
from didymos.numerics.rom.live import HotSpots, Stepper, hot_spots, split, stepper
from didymos.plant.config import FieldBinding

log = logging.getLogger("didymos.worker")
Array = NDArray[np.float64]

METAL = "sae_1045"
GATE_PA = 0.5e6  # smaller stress ranges are noise of the estimate
GIVEN = Tuning(load_walk=0.1 * (2.0 / 3600.0) ** 0.5, load_sd=0.1, load_time_s=3600.0)
MEASURED = Tuning(load_walk=0.2 * (2.0 / 86_400.0) ** 0.5, load_sd=0.2, load_time_s=86_400.0, offset_K=1.5)
SD_LOG10 = 0.25  # scatter of log10 N, assumed: `assets.materials`
KEPT = 8


@dataclass(slots=True)
class FieldMemory:
    """Of one field, in the checkpoint: its artefact, the step it stands at, belief, inputs in force, counting and damage.

    amplitude (H,): the largest of the cycles that closed, as fully reversed [Pa]; worst (H,) the highest stress so far [Pa], and
    worst_at (H, k) the machine's own inputs then. kept: (time_ns, this memory as it was then, packed), oldest first.
    """

    sha256: str
    time_ns: int
    belief: FieldBelief
    held: Array
    flow: Rainflow
    damage: Damage
    stress: Array
    beyond: tuple[str, ...] = ()
    amplitude: Array = field(default_factory=lambda: np.zeros(0))
    worst: Array = field(default_factory=lambda: np.zeros(0))
    worst_at: Array = field(default_factory=lambda: np.zeros((0, 0)))
    kept: tuple[tuple[int, bytes], ...] = ()


@dataclass(slots=True)
class Bound:
    """A binding ready to step. `by` is kept while the films stay."""

    key: str
    binding: FieldBinding
    field: Field
    sensing: Sensing
    spots: HotSpots
    by: Stepper | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What one step is given: the field's inputs (I,), NaN = nothing new; readings (m,) of its thermocouples [K], NaN = none; the
    machine's own inputs (k,) in force."""

    inputs: Array
    reading: Array
    machine: Array


@lru_cache(maxsize=16)
def artefact(path: Path, sha256: str) -> Field:
    """Read once per process. ConfigError when it is not there or is another."""
    try:
        return read(path.read_bytes(), sha256, path.name)
    except (OSError, DataError) as error:
        raise ConfigError(f"{path}: {error}") from error


def bind(asset: str, binding: FieldBinding) -> Bound:
    made = artefact(binding.artefact, binding.sha256)
    source = dict(binding.inputs)
    told = all(isinstance(source[i.name], str) for i in made.named("load"))
    places = [place for place, _ in binding.thermocouples]
    # without thermocouples: one place that never reads
    sensing = field_filter.sensing(made, places or [made.sensors[0].name], (MEASURED if told else None) if places else GIVEN)
    return Bound(f"{asset}/{binding.component}", binding, made, sensing, hot_spots(made))


def advance(b: Bound, memory: FieldMemory | None, given: Given, k: int, step_ns: int) -> FieldMemory | None:
    """The memory after step k; None while an input has never been seen."""
    held = given.inputs if memory is None else np.where(np.isfinite(given.inputs), given.inputs, memory.held)
    if not np.isfinite(held).all():
        return memory
    if memory is None or memory.sha256 != b.binding.sha256:
        memory = _new(b, held)
    memory = _grown(memory, len(given.machine))
    step_s = step_ns / 1e9
    values = dict(zip((i.name for i in b.field.inputs), held.tolist(), strict=True))
    load, behind, film, force = split(b.field, values)
    if b.by is None or not np.array_equal(b.by.film, film):
        b.by = stepper(b.field, film, step_s, exact=True)
    reading = given.reading - b.field.made.reference_K if b.binding.thermocouples else np.full(1, np.nan)
    belief = field_filter.step(b.sensing, memory.belief, b.by, load, behind, reading)
    stress = b.spots(belief.mean[: b.sensing.modes], force)
    flow, cycles = rainflow.step(memory.flow, stress[:, None])
    aged = damage.step(memory.damage, damage.of_cycles(hot(b.field), cycles), step_s)
    higher = np.abs(stress) > np.abs(memory.worst)
    return replace(
        memory, time_ns=k * step_ns, belief=belief, held=held, flow=flow, damage=aged, stress=stress,
        beyond=tuple(str(o) for o in outside(b.field, values)), amplitude=largest(b.field, cycles, memory.amplitude),
        worst=np.where(higher, stress, memory.worst), worst_at=np.where(higher[:, None], given.machine, memory.worst_at),
    )  # fmt: skip


def _new(b: Bound, held: Array) -> FieldMemory:
    """As warm as what lies behind its films on average; nothing has happened to it yet."""
    log.info("%s: field starts from artefact %s", b.key, b.binding.sha256[:12])
    behind = [v for i, v in zip(b.field.inputs, held, strict=True) if i.kind == "behind"]
    count = len(b.field.hot_spots)
    start = field_filter.init(b.sensing, float(np.mean(behind)))
    return FieldMemory(b.binding.sha256, 0, start, held, rainflow.init(count, GATE_PA), damage.init(count), np.zeros(count))


def _grown(memory: FieldMemory, inputs: int) -> FieldMemory:
    """With room for what a checkpoint of before it does not have."""
    count = len(memory.stress)
    if memory.worst_at.shape == (count, inputs):
        return memory
    return replace(memory, amplitude=np.zeros(count), worst=np.zeros(count), worst_at=np.full((count, inputs), np.nan))


@lru_cache(maxsize=64)
def _curves(names: tuple[tuple[str, str], ...]) -> list[HotSpot]:
    steel = metal(METAL)
    below = haibach(-1.0 / steel.strength_exponent)
    curve = smooth_specimen(METAL, knee_cycles=1e6, below=below, sd_log10=SD_LOG10)
    return [HotSpot(name, title, curve, "goodman", steel.ultimate_Pa) for name, title in names]


def hot(made: Field) -> list[HotSpot]:
    return _curves(tuple((s.name, s.title) for s in made.hot_spots))


def largest(made: Field, cycles: Cycles, before: Array) -> Array:
    """(H,) the largest fully reversed amplitude [Pa] of these cycles and of those before."""
    spot, found = hot(made)[0], before.copy()
    np.maximum.at(found, cycles.location, equivalent_amplitude(cycles, spot.mean_stress, spot.strength_Pa))
    return found


def with_copy(memory: FieldMemory) -> FieldMemory:
    """The memory, with itself as a copy when the newest copy is a day old."""
    if memory.kept and memory.time_ns - memory.kept[-1][0] < DAY_NS:
        return memory
    copy = zlib.compress(pack(replace(memory, kept=())), 1)
    return replace(memory, kept=(*memory.kept, (memory.time_ns, copy))[-KEPT:])


def at_copy(memory: FieldMemory, before_ns: int, least_ns: int) -> FieldMemory | None:
    """The memory as it was at its newest copy of before `before_ns`, or at its oldest when all are younger, with the copies that
    were older then. None without a copy of at least `least_ns`."""
    fit = [i for i, (time_ns, _) in enumerate(memory.kept) if time_ns >= least_ns]
    if not fit:
        return None
    chosen = max((i for i in fit if memory.kept[i][0] < before_ns), default=fit[0])
    found = unpack(FieldMemory, zlib.decompress(memory.kept[chosen][1]))
    return replace(found, held=np.array(found.held), kept=memory.kept[: chosen + 1])
