"""A plant whose sources are recorded files: read them to their end, wait for the verdicts, say what each asset ended with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from rich.console import Console

from didymos.core.channel import partition
from didymos.core.errors import DataError
from didymos.core.ports import Bus
from didymos.plant.config import Plant
from didymos.plant.crew import KINDS
from didymos.plant.edge import Edge
from didymos.plant.roles import connectors, poll_erp
from didymos.plant.worker import reached
from didymos.service.replay_results import Said, asset_rows

STALL_S = 120.0


def work(plant: Plant) -> Callable[[Bus, Said, Console], Coroutine[Any, Any, dict[str, Any]]]:
    async def run(bus: Bus, said: Said, console: Console) -> dict[str, Any]:
        edge = Edge(plant, bus, connectors(plant))
        orders = [asyncio.create_task(poll_erp(plant, erp, bus)) for erp in plant.erps]
        try:
            with console.status("reading the recordings"):
                await edge.run()
            with console.status("judging what was read"):
                last = await newest(bus, plant)
                await judged(bus, plant, last)
        finally:
            for task in orders:
                task.cancel()
            await asyncio.gather(*orders, return_exceptions=True)
        await settled(said)
        rows = asset_rows(plant, said)
        if all(row["status"] is None for row in rows):
            raise DataError(
                "replay: no asset got an estimate; the files hold too little of the tags' addresses. Correct --from or the tags."
            )
        return {"form": "files", "messages": last, "assets": rows}

    return run


async def newest(bus: Bus, plant: Plant) -> int:
    """Sequence of the last message of the stream `plant` that concerns an asset; 0 when there is none."""
    subjects = [f"{kind}.{p}" for kind in KINDS for p in {partition(a.id) for a in plant.assets}]
    subscription, last = await bus.subscribe("plant", subjects, -1), 0
    while messages := await subscription.fetch(100, 0.5):
        last = max(last, *(message.sequence for message in messages))
    await subscription.close()
    return last


async def judged(bus: Bus, plant: Plant, last: int) -> None:
    """Returns when the worker's checkpoint has reached message `last`. DataError when it does not move for STALL_S."""
    before, moved = -1, time.monotonic()
    while True:
        now = await reached(bus, [asset.id for asset in plant.assets])
        if now >= last:
            return
        if now != before:
            before, moved = now, time.monotonic()
        if time.monotonic() - moved > STALL_S:
            raise DataError(f"replay: the worker has stood at message {now} of {last} for {STALL_S:.0f} s. See roles.log.")
        await asyncio.sleep(0.2)


async def settled(said: Said) -> None:
    """Results are stored before the checkpoint; give their reader the moment it needs to have them all."""
    before = -1
    while (now := said.taken) != before:
        before = now
        await asyncio.sleep(1.5)
