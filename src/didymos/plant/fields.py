"""Fields of a worker's machines: after each step of the lumped estimator the Field's own filter steps, then fatigue at hot spots.

    fields = Fields(assets, grid)             artefacts read and checked once; nothing is stored here but the memory below
    fields.step(fleet, who, step)             memory of each goes on; part of the checkpoint
    fields.results(asset) -> FieldResults     what is published with the snapshot

Inputs come from channels (the last value in force when one is missing), from what the model believes (`Model.loads`, `virtual`), or
are constants. A load from a channel or model is right within some share of its box (`plant.field_memory`); one given as a number is
unknown, and what the thermocouples tell is added to it. A field whose inputs leave the box of its artefact is marked, and goes on.
Stress is that of temperature and bearing forces; a step's stress is one sample.
Verified: tests/plant/test_fields.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import channel_id
from didymos.core.estimate import FieldResult, FieldResults
from didymos.core.model import Model
from didymos.data.align import Grid
from didymos.infer import damage, field_filter
from didymos.infer.filters import pack_cov
from didymos.numerics.fatigue import rainflow
from didymos.plant.config import Asset
from didymos.plant.field_memory import Bound, FieldMemory, Given, advance, artefact, bind, hot, largest, with_copy
from didymos.plant.fleet import Fleet

__all__ = ["FieldMemory", "Fields", "artefact", "resumed"]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wired:
    """A bound field, and the places on the grid of its inputs (I,), -1 = none of its own, and thermocouples (m,)."""

    bound: Bound
    channels: NDArray[np.int64]
    couples: NDArray[np.int64]


class Fields:
    """`memory` {"asset/component": FieldMemory} is all that changes."""

    def __init__(self, assets: Sequence[Asset], grid: Grid) -> None:
        self.grid = grid
        self.wired = {a.id: [_wired(a.id, bind(a.id, b), grid) for b in a.fields] for a in assets if a.fields}
        self.bound: dict[str, list[Bound]] = {asset: [w.bound for w in wired] for asset, wired in self.wired.items()}
        self.memory: dict[str, FieldMemory] = {}

    def step(self, fleet: Fleet, who: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        """Of assets `who` (local numbers) that were just stepped to `step`."""
        s = fleet.state
        for asset, k in zip(who.tolist(), step.tolist(), strict=True):
            for wired in self.wired.get(fleet.assets[asset].id, ()):
                at = np.array([k])
                now = self.grid.values(wired.channels, at)
                reading = self.grid.values(wired.couples, at) if len(wired.couples) else np.empty(0)
                inputs = inputs_of(wired.bound, fleet.model, s.mean[asset], s.held[asset], s.params[asset], now)
                b = wired.bound
                found = advance(b, self.memory.get(b.key), Given(inputs, reading, s.held[asset].copy()), k, self.grid.step_ns)
                if found is not None:
                    self.memory[b.key] = with_copy(found) if s.commissioned[asset] else found

    def results(self, asset: str, time_ns: int, sequence: int) -> FieldResults | None:
        """None for a machine without fields, or before the first step of each."""
        found = tuple(_result(w.bound, self.memory[w.bound.key]) for w in self.wired.get(asset, ()) if w.bound.key in self.memory)
        return FieldResults(asset, time_ns, sequence, found) if found else None


def _wired(asset: str, bound: Bound, grid: Grid) -> Wired:
    place = lambda channel: grid.place(channel_id(asset, channel))  # noqa: E731
    channels = [place(c) if c else -1 for c in channels_of(bound)]
    couples = [place(c) for _, c in bound.binding.thermocouples]
    return Wired(bound, np.array(channels, np.int64), np.array(couples, np.int64))


def channels_of(bound: Bound) -> list[str]:
    """The channel that each input comes from; "" for one that does not."""
    source = dict(bound.binding.inputs)
    told = [str(source[i.name]) for i in bound.field.inputs]
    return [text.removeprefix("channel:") if text.startswith("channel:") else "" for text in told]


def inputs_of(b: Bound, m: Model, mean: Array, held: Array, params: Array, channels: Array) -> Array:
    """(I,) the field's inputs now, NaN = nothing new: of the machine's belief, of its inputs in force, of its other channels."""
    given = m.State(*mean), m.Input(*held), m.Params(*params)
    model = {f"{m.name}.{n}": v for n, v in m.virtual(*given)._asdict().items()}
    if m.loads is not None:
        model |= {f"{m.name}.{n}": v for n, v in m.loads(*given)._asdict().items()}
    source, names = dict(b.binding.inputs), [c.name for c in m.inputs]
    found = np.empty(len(channels))
    for i, (each, channel) in enumerate(zip(b.field.inputs, channels_of(b), strict=True)):
        value = source[each.name]
        if channel:
            found[i] = held[names.index(channel)] if channel in names else channels[i]
        else:
            found[i] = float(model[value]) if isinstance(value, str) else value
    return np.where(np.isfinite(found), found, np.nan)


def _result(b: Bound, m: FieldMemory) -> FieldResult:
    sensing, modes = b.sensing, b.sensing.modes
    good, ratio = field_filter.fits(m.belief)
    sd = field_filter.stress_sd(sensing, m.belief, b.field.hot).max(axis=1)
    known = np.isfinite(m.damage.rates)
    summed = np.where(known, m.damage.rates, 0.0).sum(axis=1)
    rate = np.where(known.any(axis=1), summed / np.maximum(known.sum(axis=1), 1), np.nan)
    return FieldResult(
        b.binding.component, m.sha256, m.time_ns, m.belief.mean[:modes].copy(), pack_cov(m.belief.cov[:modes, :modes]),
        m.held.copy(), m.stress.copy(), sd, so_far(b, m), 3600.0 * rate, m.beyond, good, ratio,
        field_filter.rest_K(sensing), used(b, m),
    )  # fmt: skip


def so_far(b: Bound, m: FieldMemory) -> Array:
    """(H,) damage of what closed, and of the residue as if it ended now."""
    return m.damage.closed + damage.of_cycles(hot(b.field), rainflow.residue(m.flow))


def used(b: Bound, m: FieldMemory) -> Array:
    """(H,) largest amplitude so far, the residue's too, over the endurance limit."""
    return largest(b.field, rainflow.residue(m.flow), m.amplitude) / hot(b.field)[0].curve.knee_amplitude_Pa


def resumed(fields: Fields, stored: dict[str, FieldMemory]) -> None:
    """Go on from a checkpoint, with the fields that are bound still; another artefact starts anew."""
    own = {b.key: b.binding.sha256 for bounds in fields.bound.values() for b in bounds}
    fields.memory.update({key: replace(m, held=np.array(m.held)) for key, m in stored.items() if own.get(key) == m.sha256})
