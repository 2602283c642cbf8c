"""A checkpoint of the time when one worker had one for all its partitions: each partition takes its part of it, once."""

from __future__ import annotations

from dataclasses import dataclass

from didymos.core.channel import partition
from didymos.core.ports import Bus
from didymos.formats.wire import unpack
from didymos.plant.config import Plant
from didymos.plant.loop import Loop

WHOLE = "worker"  # its key


@dataclass(frozen=True, slots=True)
class _Saved:
    sequence: int
    results: int
    state: bytes


async def part_of_whole(bus: Bus, plant: Plant, mine: Loop) -> tuple[int, int, bytes] | None:
    """(sequence, results, state) for the machines of `mine`, by name; None when there is no such checkpoint."""
    saved = await bus.get(WHOLE)
    if saved is None:
        return None
    old = unpack(_Saved, saved)
    everything, part = Loop(plant), Loop(plant, sorted({partition(asset) for asset in mine.assets}))
    everything.restore(old.state)  # DataError when it cannot be told whose its rows are
    part.restore(everything.state())
    return old.sequence, old.results, part.state()
