"""Going back: a belief at a past moment, and the same days lived again with what is known now.

    late maintenance   the last snapshot before it, the stored samples since, the replacement in its place -> today's belief
    as_of              the last snapshot before the moment, the stored samples up to it -> the belief of that moment

Both read history only up to a given stream sequence, so that the same question has the same answer to the byte.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.case import Event
from didymos.core.channel import channel_id, split_channel_id
from didymos.core.estimate import Belief, Snapshot
from didymos.core.ports import HistoryClient
from didymos.core.series import Quality
from didymos.data.align import align
from didymos.formats.wire import unpack
from didymos.infer import filters
from didymos.plant.fleet import Fleet
from didymos.plant.loop import Loop

log = logging.getLogger("didymos.worker")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reset:
    """Wear states that start anew at `step`."""

    step: int
    wear: tuple[str, ...]


async def rewind(loop: Loop, history: HistoryClient, event: Event, sequence: int) -> None:
    """Apply a replacement that happened before the step the asset stands at: relive the time since, with the reset in it."""
    row = loop.assets[event.asset]
    component = loop.component(row, str(event.body["component"]))
    if component is None or component < 0:
        return
    fleet = loop.fleets[loop.config[row].model]
    asset = fleet.local[row]
    reset_step = -(-event.time_ns // loop.grid.step_ns)
    start = await last_snapshot(history, event.asset, event.time_ns, int(loop.plant.publish_s * 1e9))
    if start is None:  # nothing was believed then: the whole belief is younger than the replacement
        fleet.reset(asset, component, event.time_ns)
        return
    first = start.time_ns // loop.grid.step_ns + 1
    now = int(loop.grid.next_step[row])
    inputs, readings = await relived(history, fleet, asset, first, now, sequence)
    reset = Reset(int(reset_step), fleet.model.components[component].wear)
    mean, cov = run(fleet, asset, start.mean, filters.unpack_cov(start.cov), first, inputs, readings, (reset,))
    fleet.state.mean[asset], fleet.state.cov[asset] = mean, cov
    fleet.state.since_ns[asset, component] = event.time_ns
    running = (
        np.abs(inputs[max(0, reset_step - first) :, fleet.speed]) > 1e-6 if fleet.speed is not None else np.ones(len(inputs), bool)
    )
    fleet.state.running_s[asset, component] = float(running.sum()) * loop.grid.step_ns / 1e9
    log.info("%s: %s known %d steps late; belief lived again from %d", event.asset, event.id, now - reset_step, first)


async def last_snapshot(history: HistoryClient, asset: str, before_ns: int, publish_ns: int) -> Snapshot | None:
    """The newest stored snapshot with time < before_ns, looking back further and further."""
    reach = 4 * publish_ns
    while True:
        found = await history.snapshots(asset, max(0, before_ns - reach), before_ns)
        if found:
            return unpack(Snapshot, found[-1])
        if reach >= before_ns:
            return None
        reach *= 16


async def relived(history: HistoryClient, fleet: Fleet, asset: int, first: int, stop: int, sequence: int) -> tuple[Array, Array]:
    """Inputs (T, k), held over gaps, and readings (T, m) of steps first <= step < stop, from history up to `sequence`."""
    names = [channel_id(fleet.assets[asset].id, c.name) for c in (*fleet.model.inputs, *fleet.model.sensors)]
    columns = [await _column(history, fleet, name, first, stop, sequence) for name in names]
    table = np.stack(columns, axis=1)
    k = len(fleet.model.inputs)
    inputs = table[:, :k]
    constant = fleet.constant[asset]
    inputs = np.where(np.isfinite(constant), constant, inputs)
    for t in range(1, len(inputs)):
        inputs[t] = np.where(np.isfinite(inputs[t]), inputs[t], inputs[t - 1])
    for t in range(len(inputs) - 2, -1, -1):
        inputs[t] = np.where(np.isfinite(inputs[t]), inputs[t], inputs[t + 1])
    return inputs, table[:, k:]


async def _column(history: HistoryClient, fleet: Fleet, channel: str, first: int, stop: int, sequence: int) -> Array:
    if fleet.grid.place(channel) < 0:
        return np.full(stop - first, np.nan)
    step_ns = fleet.grid.step_ns
    upto = None if is_feature(fleet, channel) else sequence  # features come back through the other stream, in plant time order
    series = await history.read(channel, (first - 1) * step_ns + 1, (stop - 1) * step_ns + 1, upto_sequence=upto)
    good = (series.quality <= Quality.UNCERTAIN) | (series.quality == Quality.LATE)  # what came late is known now
    return align(series.time_ns[good], series.value[good], first, stop - first, step_ns)


def is_feature(fleet: Fleet, channel: str) -> bool:
    """Read off a waveform by the worker itself, not by a tag."""
    asset, name = split_channel_id(channel)
    tags = next(a.tags for a in fleet.assets if a.id == asset)
    return name not in {tag.channel for tag in tags}


def run(
    fleet: Fleet, asset: int, mean: Array, cov: Array, first: int, inputs: Array, readings: Array, resets: Sequence[Reset]
) -> tuple[Array, Array]:
    """The filter over steps first ... first + T - 1 of one asset -> mean (n,), cov (n, n); wear restarts where `resets` say."""
    who = np.array([asset])
    mean, cov = mean[None].copy(), cov[None].copy()
    for t in range(len(inputs)):
        for reset in resets:
            if reset.step == first + t:
                belief = filters.reset(fleet.model, Belief(np.zeros(1, np.int64), mean, cov), 0, reset.wear)
                mean, cov = np.array(belief.mean), np.array(belief.cov)
        if np.isfinite(inputs[t]).all():
            result = fleet.update(mean, cov, inputs[t : t + 1], readings[t : t + 1], who)
            mean, cov = result.mean, result.cov
    return mean[0], cov[0]
