"""Fields of a worker's machines: after each step of the lumped estimator the Field's own filter steps, then fatigue at hot spots.

    fields = Fields(assets, grid)             artefacts read and checked once; nothing is stored here but the memory below
    fields.step(fleet, who, step)             memory of each goes on; part of the checkpoint
    fields.results(asset) -> FieldResults     what is published with the snapshot

Inputs come from channels (the last value in force when one is missing), from what the model believes (`Model.loads`, `virtual`), or
are constants. A load from a channel or model is right within a tenth of its box (`GIVEN`); one given as a number is unknown, and
what the thermocouples tell is added to it. A field whose inputs leave
the box of its artefact is marked, and goes on. Stress is that of temperature and bearing forces; a step's stress is one sample.
Verified: tests/plant/test_fields.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.assets.materials import metal, smooth_specimen
from didymos.core.channel import channel_id
from didymos.core.errors import ConfigError, DataError
from didymos.core.estimate import FieldResult, FieldResults
from didymos.core.field import Field, outside, read
from didymos.data.align import Grid
from didymos.infer import damage, field_filter
from didymos.infer.damage import Damage, HotSpot
from didymos.infer.field_filter import FieldBelief, Sensing, Tuning
from didymos.infer.filters import pack_cov
from didymos.numerics.fatigue import rainflow
from didymos.numerics.fatigue.rainflow import Rainflow
from didymos.numerics.fatigue.stress_life import haibach
from didymos.numerics.rom.live import HotSpots, Stepper, hot_spots, split, stepper
from didymos.plant.config import Asset, FieldBinding
from didymos.plant.fleet import Fleet

log = logging.getLogger("didymos.worker")
Array = NDArray[np.float64]

METAL = "sae_1045"
GATE_PA = 0.5e6  # smaller stress ranges are noise of the estimate
GIVEN = Tuning(load_walk=0.1 * (2.0 / 3600.0) ** 0.5, load_sd=0.1, load_time_s=3600.0)
SD_LOG10 = 0.25  # scatter of log10 N, assumed: `assets.materials`


@dataclass(slots=True)
class FieldMemory:
    """Of one field, in the checkpoint: its artefact, the step it stands at, belief, inputs in force, counting and damage."""

    sha256: str
    time_ns: int
    belief: FieldBelief
    held: Array
    flow: Rainflow
    damage: Damage
    stress: Array
    beyond: tuple[str, ...] = ()


@dataclass(slots=True)
class Bound:
    """A binding ready to step. `by` is kept while the films stay."""

    key: str
    binding: FieldBinding
    field: Field
    sensing: Sensing
    spots: HotSpots
    channels: NDArray[np.int64]  # place on the grid of each input, -1 = not a channel
    couples: NDArray[np.int64]
    by: Stepper | None = None


@lru_cache(maxsize=16)
def artefact(path: Path, sha256: str) -> Field:
    """Read once per process. ConfigError when it is not there or is another."""
    try:
        return read(path.read_bytes(), sha256, path.name)
    except (OSError, DataError) as error:
        raise ConfigError(f"{path}: {error}") from error


class Fields:
    """`memory` {"asset/component": FieldMemory} is all that changes."""

    def __init__(self, assets: Sequence[Asset], grid: Grid) -> None:
        self.grid = grid
        self.bound: dict[str, list[Bound]] = {a.id: [_bound(a, b, grid) for b in a.fields] for a in assets if a.fields}
        self.memory: dict[str, FieldMemory] = {}

    def step(self, fleet: Fleet, who: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        """Of assets `who` (local numbers) that were just stepped to `step`."""
        for asset, k in zip(who.tolist(), step.tolist(), strict=True):
            for bound in self.bound.get(fleet.assets[asset].id, ()):
                self._step(bound, fleet, asset, k)

    def _step(self, b: Bound, fleet: Fleet, asset: int, k: int) -> None:
        memory = self.memory.get(b.key)
        held = self._inputs(b, fleet, asset, k, None if memory is None else memory.held)
        if not np.isfinite(held).all():
            return  # an input that was never seen yet
        if memory is None or memory.sha256 != b.binding.sha256:
            memory = _new(b, held)
        time_ns = k * self.grid.step_ns
        values = dict(zip((i.name for i in b.field.inputs), held.tolist(), strict=True))
        load, behind, film, force = split(b.field, values)
        if b.by is None or not np.array_equal(b.by.film, film):
            b.by = stepper(b.field, film, self.grid.step_ns / 1e9, exact=True)
        sensing = b.sensing
        reading = self.grid.values(b.couples, np.array([k])) - b.field.made.reference_K if len(b.couples) else np.full(1, np.nan)
        belief = field_filter.step(sensing, memory.belief, b.by, load, behind, reading)
        stress = b.spots(belief.mean[: sensing.modes], force)
        flow, cycles = rainflow.step(memory.flow, stress[:, None])
        added = damage.of_cycles(_hot(b.field), cycles)
        aged = damage.step(memory.damage, added, self.grid.step_ns / 1e9)
        beyond = tuple(str(o) for o in outside(b.field, values))
        self.memory[b.key] = FieldMemory(b.binding.sha256, time_ns, belief, held, flow, aged, stress, beyond)

    def _inputs(self, b: Bound, fleet: Fleet, asset: int, k: int, before: Array | None) -> Array:
        """(inputs,) in force at step k."""
        s, m = fleet.state, fleet.model
        given = m.State(*s.mean[asset]), m.Input(*s.held[asset]), m.Params(*s.params[asset])
        model = {f"{m.name}.{n}": v for n, v in m.virtual(*given)._asdict().items()}
        if m.loads is not None:
            model |= {f"{m.name}.{n}": v for n, v in m.loads(*given)._asdict().items()}
        source = dict(b.binding.inputs)
        found = np.full(len(b.field.inputs), np.nan) if before is None else before.copy()
        read_ = self.grid.values(b.channels, np.array([k]))
        names = [c.name for c in m.inputs]
        for i, each in enumerate(b.field.inputs):
            value = source[each.name]
            if isinstance(value, str) and value.startswith("channel:"):
                name = value.removeprefix("channel:")
                now = s.held[asset, names.index(name)] if name in names else read_[i]
            else:
                now = model[value] if isinstance(value, str) else value
            if np.isfinite(now):
                found[i] = float(now)
        return found

    def results(self, asset: str, time_ns: int, sequence: int) -> FieldResults | None:
        """None for a machine without fields, or before the first step of each."""
        found = tuple(_result(b, self.memory[b.key]) for b in self.bound.get(asset, ()) if b.key in self.memory)
        return FieldResults(asset, time_ns, sequence, found) if found else None


def _bound(asset: Asset, binding: FieldBinding, grid: Grid) -> Bound:
    made = artefact(binding.artefact, binding.sha256)
    source = dict(binding.inputs)
    place = lambda text: grid.place(channel_id(asset.id, text.removeprefix("channel:")))  # noqa: E731
    channels = [str(source[i.name]) for i in made.inputs]
    places = np.array([place(c) if c.startswith("channel:") else -1 for c in channels])
    told = all(isinstance(source[i.name], str) for i in made.named("load"))
    couples_at = [p for p, _ in binding.thermocouples]
    sensing = field_filter.sensing(made, couples_at, GIVEN if told else None) if couples_at else _blind(made)
    couples = np.array([place(c) for _, c in binding.thermocouples], np.int64)
    return Bound(f"{asset.id}/{binding.component}", binding, made, sensing, hot_spots(made), places, couples)


def _blind(made: Field) -> Sensing:
    """A field without thermocouples: one place that never reads."""
    return field_filter.sensing(made, [made.sensors[0].name], GIVEN)


def _new(b: Bound, held: Array) -> FieldMemory:
    """As warm as what lies behind its films on average; nothing has happened to it yet."""
    log.info("%s: field starts from artefact %s", b.key, b.binding.sha256[:12])
    behind = [v for i, v in zip(b.field.inputs, held, strict=True) if i.kind == "behind"]
    count = len(b.field.hot_spots)
    start = field_filter.init(b.sensing, float(np.mean(behind)))
    return FieldMemory(b.binding.sha256, 0, start, held, rainflow.init(count, GATE_PA), damage.init(count), np.zeros(count))


@lru_cache(maxsize=64)
def _curves(names: tuple[str, ...]) -> list[HotSpot]:
    steel = metal(METAL)
    below = haibach(-1.0 / steel.strength_exponent)
    curve = smooth_specimen(METAL, knee_cycles=1e6, below=below, sd_log10=SD_LOG10)
    return [HotSpot(n, n, curve, "goodman", steel.ultimate_Pa) for n in names]


def _hot(made: Field) -> list[HotSpot]:
    return _curves(tuple(s.name for s in made.hot_spots))


def _result(b: Bound, m: FieldMemory) -> FieldResult:
    sensing, modes = b.sensing, b.sensing.modes
    good, ratio = field_filter.fits(m.belief)
    sd = field_filter.stress_sd(sensing, m.belief, b.field.hot).max(axis=1)
    waiting = damage.of_cycles(_hot(b.field), rainflow.residue(m.flow))
    rates = m.damage.rates
    known = np.isfinite(rates)
    rate = np.where(known.any(axis=1), np.where(known, rates, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)
    return FieldResult(
        b.binding.component, m.sha256, m.time_ns, m.belief.mean[:modes].copy(), pack_cov(m.belief.cov[:modes, :modes]),
        m.held.copy(), m.stress.copy(), sd, m.damage.closed + waiting, 3600.0 * rate, m.beyond, good, ratio,
    )  # fmt: skip


def resumed(fields: Fields, stored: dict[str, FieldMemory]) -> None:
    """Go on from a checkpoint, with the fields that are bound still; another artefact starts anew."""
    own = {b.key: b.binding.sha256 for bounds in fields.bound.values() for b in bounds}
    fields.memory.update({key: _own(m) for key, m in stored.items() if own.get(key) == m.sha256})


def _own(m: FieldMemory) -> FieldMemory:
    return replace(m, held=np.array(m.held))
