"""The publisher of the drill, a process of its own: step after step straight onto the stream, every message under a fixed id.

    python -m didymos.bench.chain_publisher FOLDER URL REPLICAS STEPS_PER_S

It keeps the number of steps done in the store and goes on from there; what it had sent already falls to the message ids.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from didymos.bench.chain import closing_row, machines
from didymos.core.channel import partition
from didymos.core.series import batch_of
from didymos.data.stream import open_bus
from didymos.data.stream.nats import NatsOptions
from didymos.formats.wire import pack

DONE = "chain.publisher"


async def main(folder: Path, url: str, replicas: int, pace: float) -> None:
    steps = json.loads((folder / "published.json").read_text())
    bus = await open_bus(url, NatsOptions(replicas=replicas))
    try:
        done = int(await bus.get(DONE) or b"0")
        for k in range(done, len(steps)):
            named = [(f"tel.{partition(id)}", pack(batch_of([tuple(r) for r in rows])), f"chain:{k}:{id}") for id, rows in steps[k]]
            await bus.publish_many(named)
            await bus.put(DONE, b"%d" % (k + 1))
            await asyncio.sleep(1 / pace)
    finally:
        await bus.close()


async def close_days(url: str) -> None:
    """One sample three days ahead."""
    bus, (_, clock) = await open_bus(url), machines()
    try:
        await bus.publish(f"tel.{partition(clock)}", pack(batch_of([closing_row(clock)])), "chain:close")
    finally:
        await bus.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
