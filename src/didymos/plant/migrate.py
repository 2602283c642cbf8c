"""A checkpoint of one set of machines taken over into a loop of another set: row by row, by name.

    unchanged machines   every array row as it was, to the byte
    new ones             as commissioned
    removed ones         handed back, packed, for the archive; one that returns is taken over from there

A machine counts as unchanged while its model (generic: its list of channels) is the same; channels are taken over by name.
Verified: tests/plant/test_reload.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from didymos.core.errors import DataError
from didymos.data.align import GridState
from didymos.formats.wire import pack
from didymos.plant.baseline import BaselineState
from didymos.plant.fleet import Fleet, FleetState

if TYPE_CHECKING:
    from didymos.plant.loop import Layout, Loop, LoopState

BY_ASSET = ("next_step", "newest_ns")
BY_CHANNEL = ("ring_step", "ring_time", "ring_value", "ring_unsure", "last_time", "last_value", "last_quality", "late")


@dataclass(frozen=True, slots=True)
class Archived:
    """One machine's share of a checkpoint: a whole `LoopState` of it alone, packed, that any loop can take over again."""

    asset: str
    state: bytes


def take_over(loop: Loop, state: LoopState) -> None:
    """Every machine that `state` knows and `loop` has. DataError when the state does not say whose its rows are."""
    if not state.layout.assets or len(state.layout.assets) != len(state.memory):
        raise DataError(
            "worker: the checkpoint belongs to another set of assets or tags than this plant file, and is too old to say which. "
            "Start with an empty store, or give back the earlier plant file."
        )
    if state.grid.ring_step.shape[1:] != loop.grid.ring_step.shape[1:]:
        raise DataError("worker: step_s or lateness_s differ from the checkpoint's. Start with an empty store, or give them back.")
    _grid(loop, state)
    for name, fleet in loop.fleets.items():
        _fleet(fleet, state.fleets.get(name), state.layout.fleets.get(name, ()))
    _baselines(loop, state)
    for id in loop.memory:
        if id in state.memory:
            loop.memory[id] = state.memory[id]


def removed(loop: Loop, state: LoopState) -> list[Archived]:
    """Machines of the checkpoint that the loop does not have."""
    gone = [id for id in state.layout.assets if id not in loop.assets]
    return [Archived(id, pack(_alone(state, id))) for id in gone]


def _grid(loop: Loop, state: LoopState) -> None:
    old, new = state.grid, loop.grid
    place = {name: i for i, name in enumerate(state.layout.channels)}
    pairs = [(i, place[name]) for i, name in enumerate(new.channels) if name in place]
    rows = [(i, state.layout.assets.index(id)) for id, i in loop.assets.items() if id in state.layout.assets]
    _copy(new, old, BY_CHANNEL, pairs)
    _copy(new, old, BY_ASSET, rows)


def _copy(new: Any, old: GridState, names: tuple[str, ...], pairs: list[tuple[int, int]]) -> None:
    to, origin = [p[0] for p in pairs], [p[1] for p in pairs]
    for name in names:
        source = getattr(old, name)
        if pairs and len(source):  # a checkpoint of before quality was kept has no `ring_unsure`
            getattr(new, name)[to] = source[origin]


def _fleet(fleet: Fleet, old: FleetState | None, ids: tuple[str, ...]) -> None:
    pairs = [(i, ids.index(a.id)) for i, a in enumerate(fleet.assets) if a.id in ids]
    if old is None or not pairs:
        return
    to, origin = [p[0] for p in pairs], [p[1] for p in pairs]
    s = fleet.state
    same = old.hyp_mean.shape[1:2] == s.hyp_mean.shape[1:2]
    for name in (f.name for f in fields(FleetState) if f.name != "record" and (same or not f.name.startswith("hyp_"))):
        if len(column := getattr(old, name)):  # a checkpoint of before a column has none of it
            getattr(s, name)[to] = column[origin]
    if not same:
        fleet.begin_anew(np.array(to))
    if old.record.shape[1] == s.record.shape[1]:
        s.record[to] = old.record[origin]
    if s.commissioned.all():
        s.record = s.record[:, :0]
    constant = fleet.constant[to]
    s.held[to] = np.where(np.isfinite(constant), constant, s.held[to])
    fleet.refit()


def _baselines(loop: Loop, state: LoopState) -> None:
    old, new, ids = state.baselines, loop.baselines.state, state.layout.baselines
    for i, asset in enumerate(loop.baselines.assets):
        known = ids.index(asset.id) if asset.id in ids else None
        if known is None or len(old.rows[known]) != len(new.rows[i]):
            continue
        new.detectors[i], new.bearings[i], new.scores[i] = old.detectors[known], old.bearings[known], old.scores[known]
        if old.twins and (fmu := loop.baselines.fmus[i]) is not None:
            new.twins[i] = fmu.restored(old.twins[known])
        new.rows[i], new.since[i], new.time_ns[i] = np.array(old.rows[known]), np.array(old.since[known]), old.time_ns[known]


def _alone(state: LoopState, id: str) -> LoopState:
    """The rows of one machine."""
    layout: Layout = state.layout
    row = layout.assets.index(id)
    channels = [i for i, name in enumerate(layout.channels) if name.partition(".")[0] == id]
    grid = replace(
        state.grid,
        **{n: getattr(state.grid, n)[[row]] for n in BY_ASSET},
        **{n: getattr(state.grid, n)[channels] for n in BY_CHANNEL if len(getattr(state.grid, n))},
    )
    fleets = {name: _rows(state.fleets[name], ids.index(id)) for name, ids in layout.fleets.items() if id in ids}
    i = layout.baselines.index(id) if id in layout.baselines else None
    b, at = state.baselines, slice(0, 0) if i is None else slice(i, i + 1)
    mine = BaselineState(b.detectors[at], b.bearings[at], b.scores[at], b.rows[at], b.time_ns[at], b.since[at], b.twins[at])
    names = tuple(layout.channels[c] for c in channels)
    kept = {key: memory for key, memory in state.fields.items() if key.partition("/")[0] == id}
    alone = type(layout)((id,), names, {name: (id,) for name in fleets}, (id,) if i is not None else ())
    return replace(state, grid=grid, fleets=fleets, baselines=mine, memory={id: state.memory[id]}, layout=alone, fields=kept)


def _rows(state: FleetState, i: int) -> FleetState:
    return FleetState(*(column[[i]] if len(column := getattr(state, f.name)) else column for f in fields(FleetState)))
