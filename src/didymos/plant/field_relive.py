"""The Fields' days lived again, after maintenance or a recalibration that became known late.

    start   the newest of the copies that a Field's memory keeps of itself (one a day) from before the event
    way     the machine's belief from that copy on (`plant.relive`), step by step with every replacement in its place
    then    each step of the Field again, with what the belief, the inputs and the thermocouples are now known to have been

An event older than the oldest copy: the Field is lived again from there, and stands as it was believed before. A Field that has no
copy since the machine was commissioned is left as it is. Both are logged.
Verified: tests/plant/test_field_rewind.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from didymos.plant.field_memory import Bound, FieldMemory, Given, advance, at_copy, with_copy
from didymos.plant.fields import Fields, channels_of, inputs_of
from didymos.plant.relive import Past, Replacement, Stand, Way, column, last_snapshot, steps, way

log = logging.getLogger("didymos.worker")
Array = NDArray[np.float64]


async def fields_relived(
    fields: Fields, history: Past, at: Stand, orders: Sequence[Replacement], event_ns: int
) -> dict[str, FieldMemory]:
    """Memory of each field of the asset by its key, as it would stand had the event been known in time; nothing is changed here."""
    found = {}
    for bound in fields.bound.get(at.id, ()):
        memory = fields.memory.get(bound.key)
        if memory is not None and event_ns <= memory.time_ns:
            lived = await _relived(bound, memory, history, at, orders, event_ns)
            found |= {bound.key: lived} if lived is not None else {}
    return found


async def _relived(
    b: Bound, memory: FieldMemory, history: Past, at: Stand, orders: Sequence[Replacement], event_ns: int
) -> FieldMemory | None:
    step_ns = at.fleet.grid.step_ns
    born = at.first if at.reborn is None else at.reborn
    start = at_copy(memory, event_ns, born * step_ns)
    if start is None:
        log.warning("%s: the field has no copy since its machine was commissioned; it stays as it is", b.key)
        return None
    if start.time_ns >= event_ns:
        log.warning("%s: the field keeps no copy of before the event; it is lived again from its oldest one", b.key)
    along = await way(history, at, await last_snapshot(history, at, start.time_ns + 1, orders), at.next)
    first = start.time_ns // step_ns + 1
    if along.first > first:
        log.warning("%s: the machine's belief begins after the field's copy; the field stays as it is", b.key)
        return None
    columns, readings = await _columns(b, history, at, along)
    for k, state in steps(at.fleet, along, orders):
        if k >= first:
            t = k - along.first
            mean = at.fleet.multiple.mixture(state).mean[0]
            inputs = inputs_of(b, at.fleet.model, mean, along.inputs[t], along.params, columns[t])
            lived = advance(b, start, Given(inputs, readings[t], along.inputs[t].copy()), k, step_ns)
            assert lived is not None
            start = with_copy(lived)
    log.info("%s: field lived again from step %d", b.key, first)
    return start


async def _columns(b: Bound, history: Past, at: Stand, along: Way) -> tuple[Array, Array]:
    """(T, I) channels of the field's inputs that are none of the machine's, (T, m) thermocouples, NaN where nothing came."""
    stop = along.first + len(along.inputs)
    own, nothing = [c.name for c in at.fleet.model.inputs], np.full(len(along.inputs), np.nan)
    read: dict[str, Array] = {}
    for name in {*channels_of(b), *(c for _, c in b.binding.thermocouples)} - {"", *own}:
        read[name] = (await column(history, at, name, along.first, stop))[0]
    inputs = np.stack([read.get(name, nothing) for name in channels_of(b)], axis=1)
    couples = [read[c] if c in read else along.inputs[:, own.index(c)] for _, c in b.binding.thermocouples]
    return inputs, np.stack(couples, axis=1) if couples else np.empty((len(nothing), 0))
