"""Going back: today's belief after maintenance that became known late, and the belief of a past moment.

late maintenance   the days since lived again with the replacement in its place -> today's belief and survival clock
as_of              the days up to the moment lived again -> the belief of that moment
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.case import Event
from didymos.core.channel import channel_id, partition
from didymos.core.clock import iso
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Bus
from didymos.data.stream.lease import Asker
from didymos.formats.wire import pack, unpack_plain
from didymos.infer import filters
from didymos.plant.field_relive import fields_relived
from didymos.plant.lifecycle import CALIBRATIONS
from didymos.plant.loop import Loop
from didymos.plant.relive import FOREVER, Past, Stand, Upto, informed, last_snapshot, replacements, run, running, stand, way

log = logging.getLogger("didymos.worker")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AsOf:
    """The question asked on `worker.as_of.<partition of the asset>.<epoch of its lease>`; the answer is packed
    (mean (n,), cov (n, n))."""

    asset: str
    time_ns: int
    known_ns: int | None = None


async def ask_as_of(bus: Bus, question: AsOf, timeout_s: float = 30.0) -> tuple[Array, Array]:
    """The worker's answer. DataError for a moment or an asset without a belief, ConnectError when no worker answers."""
    p = partition(question.asset)
    asker = Asker(bus, f"lease.worker.{p}")
    mean, cov = unpack_plain(await asker.ask(f"worker.as_of.{p}", pack(question), timeout_s))
    return mean, cov


async def rewind(loop: Loop, history: Past, event: Event, upto: Upto) -> None:
    """Apply a replacement that happened before the step the asset stands at. Nothing in `loop` changes before all is computed, so
    that a rewind cut short can be repeated."""
    row = loop.assets[event.asset]
    if event.kind in CALIBRATIONS:
        await reread(loop, history, event, upto)
        return
    component = loop.component(row, str(event.body["component"]))
    if component is None or component < 0:
        return
    fleet = loop.fleets[loop.config[row].model]
    if not fleet.state.steps[fleet.local[row]]:  # nothing is believed yet
        fleet.reset(fleet.local[row], component, event.time_ns)
        return
    at = stand(loop, event.asset, upto)
    await settled(history, upto)
    at = await informed(history, at)
    orders = [o for o in await replacements(history, at) if o.step < at.next]
    start = await last_snapshot(history, at, event.time_ns, orders)
    along = await way(history, at, start, at.next)
    state, step = at.fleet.state, -(-event.time_ns // at.fleet.grid.step_ns)
    newest = event.time_ns >= max((o.time_ns for o in orders if o.component == component), default=event.time_ns)
    running_s = await running(history, at, start, max(step, at.first)) if newest else 0.0
    lived = await fields_relived(loop.fields, history, at, orders, event.time_ns)
    if step >= along.first:  # else the belief was born after the work was done
        at.fleet.believe(np.array([at.asset]), run(at.fleet, along, orders))
    loop.fields.memory.update(lived)
    if newest:
        state.since_ns[at.asset, component], state.running_s[at.asset, component] = event.time_ns, running_s
    log.info("%s: %s known %d steps late; belief lived again from step %d", event.asset, event.id, at.next - step, along.first)


async def reread(loop: Loop, history: Past, event: Event, upto: Upto) -> None:
    """A recalibration that became known late: the days since are read again by it, from the last belief before it."""
    fleet = loop.fleets[loop.config[loop.assets[event.asset]].model]
    if not fleet.state.steps[fleet.local[loop.assets[event.asset]]]:  # nothing is believed yet
        return
    at = stand(loop, event.asset, upto)
    await settled(history, upto)
    at = await informed(history, at)
    orders = [o for o in await replacements(history, at) if o.step < at.next]
    along = await way(history, at, await last_snapshot(history, at, event.time_ns, orders), at.next)
    state = at.fleet.state
    lived = await fields_relived(loop.fields, history, at, orders, event.time_ns)
    at.fleet.believe(np.array([at.asset]), run(at.fleet, along, orders))
    loop.fields.memory.update(lived)
    newest = along.inputs[-1]
    state.held[at.asset] = np.where(np.isfinite(newest), newest, state.held[at.asset])
    log.info("%s: %s known late; days read again from step %d", event.asset, event.id, along.first)


async def as_of(
    loop: Loop, history: Past, upto: Upto, asset: str, time_ns: int, known_ns: int | None = None
) -> tuple[Array, Array]:
    """The belief mean (n,), cov (n, n) of the last step that ends at or before `time_ns`.

    With all that is known now (late work orders, late and corrected samples, recalibrated sensors), or with what was known at
    `known_ns`. When nothing came late it is what was published then, to the byte where a snapshot was. The same question has the
    same answer.
    """
    at = stand(loop, asset, upto)
    step_ns = at.fleet.grid.step_ns
    stop = time_ns // step_ns + 1
    if not at.first < stop <= at.next:
        first, last = iso(at.first * step_ns), iso((at.next - 1) * step_ns)
        raise DataError(f"{asset}: no belief at {iso(time_ns)}; there are beliefs from {first} to {last}.")
    await settled(history, upto)
    at = await informed(history, at, known_ns)
    orders = await replacements(history, at, known_ns)
    late_ns = FOREVER if known_ns is None else known_ns
    start = await last_snapshot(history, at, time_ns + 1, orders, await _known_sequence(history, at, known_ns), late_ns)
    if start is not None and start.time_ns // step_ns == stop - 1:
        return start.mean, filters.unpack_cov(start.cov)
    along = await way(history, at, start, stop, known_ns)
    whole = at.fleet.multiple.mixture(run(at.fleet, along, orders))
    return whole.mean[0], whole.cov[0]


async def _known_sequence(history: Past, at: Stand, known_ns: int | None) -> int:
    """The last message of this asset that had come by `known_ns`: a snapshot that folded in more was not known yet."""
    if known_ns is None:
        return at.upto.plant
    names = ", ".join(f"'{channel_id(at.id, tag.channel)}'" for tag in at.fleet.assets[at.asset].tags)
    found = await history.sql(
        f"SELECT max(sequence) AS last FROM samples WHERE channel IN ({names}) AND known_ns <= {int(known_ns)}"
    )
    return found.to_pylist()[0]["last"] or 0


async def settled(history: Past, upto: Upto) -> None:
    """Waits, however long it takes, until history holds both streams up to there; says so once."""
    said = False
    while True:
        try:
            await history.reached("plant", upto.plant)
            await history.reached("results", upto.results)
            return
        except (ConnectError, DataError) as error:
            if not said:
                log.warning("waiting for history: %s", error)
            said = True
            await asyncio.sleep(0.5)
