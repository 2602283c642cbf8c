"""A checkpoint of the time when one worker had one for all its partitions: each partition takes its part of it, once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from didymos.core.ports import Bus
from didymos.data.align import GridState
from didymos.formats.wire import pack, unpack
from didymos.plant.baseline import BaselineState
from didymos.plant.config import Plant
from didymos.plant.fleet import FleetState
from didymos.plant.loop import Loop, LoopState

WHOLE = "worker"  # its key
OF_ASSETS = ("next_step", "newest_ns")  # the rest of a grid's state is by channel


@dataclass(frozen=True, slots=True)
class _Saved:
    sequence: int
    results: int
    state: bytes


async def part_of_whole(bus: Bus, plant: Plant, mine: Loop) -> tuple[int, int, bytes] | None:
    """(sequence, results, state) for `mine`; None when there is no such checkpoint."""
    saved = await bus.get(WHOLE)
    if saved is None:
        return None
    old = unpack(_Saved, saved)
    whole, everything = unpack(LoopState, old.state), Loop(plant)
    everything.restore(old.state)  # DataError when it belongs to another plant file
    return old.sequence, old.results, pack(_part(whole, everything, mine))


def _part(whole: LoopState, everything: Loop, mine: Loop) -> LoopState:
    rows = np.array([everything.assets[id] for id in mine.assets], np.int64)
    places = np.array([everything.grid.place(channel) for channel in mine.grid.channels], np.int64)
    grid = GridState(*(getattr(whole.grid, f.name)[rows if f.name in OF_ASSETS else places] for f in fields(GridState)))
    fleets = {}
    for name, fleet in mine.fleets.items():
        here = [everything.fleets[name].local[everything.assets[a.id]] for a in fleet.assets]
        fleets[name] = FleetState(*(getattr(whole.fleets[name], f.name)[here] for f in fields(FleetState)))
    place = {a.id: i for i, a in enumerate(everything.baselines.assets)}
    here = [place[a.id] for a in mine.baselines.assets]
    old = whole.baselines
    baselines = BaselineState(
        [old.detectors[i] for i in here], [old.bearings[i] for i in here], [old.scores[i] for i in here],
        [old.rows[i] for i in here], old.time_ns[here], [old.since[i] for i in here],
    )  # fmt: skip
    return LoopState(whole.sequence, grid, fleets, baselines, {id: whole.memory[id] for id in mine.assets})
