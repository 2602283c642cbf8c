"""What the twin would have believed in back-filled years: the worker's own loop, fed with the stored samples in time order.

    stored samples of the closed days -> Loop -> snapshots into history, day by day
                                               -> the state it ends in, as the worker's checkpoint, where that worker has none

Imported again, perhaps with another model for a machine, the past is computed anew: what was said of it before is taken back.
A worker that has taken live messages keeps its belief: then only the days before its first stored snapshot get one, and a belief of
the past never stands in front of one that was lived. Work orders are not fed here; the ERP brings them, late, as always.
The state is the same to the byte as after living through the samples live, where they came in time order and machines of one model
took their steps together; otherwise it agrees to rounding. Verified: tests/plant/test_past_beliefs.py, against a live worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from didymos.core.case import Case
from didymos.core.channel import PARTITIONS
from didymos.core.clock import DAY_NS, iso
from didymos.core.errors import ConnectError, DataError
from didymos.core.estimate import Snapshot
from didymos.core.ports import Bus
from didymos.core.series import Batch
from didymos.data.history.adopt import INCOMING, Adopt
from didymos.data.history.closed import Closed
from didymos.data.history.tables import SAMPLES, SNAPSHOTS, arrow
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack, unpack
from didymos.plant.backfill import Owner, Progress, Report
from didymos.plant.bus import running_bus
from didymos.plant.config import Plant
from didymos.plant.loop import Loop, LoopState, Output
from didymos.plant.rewind import AsOf, ask_as_of
from didymos.plant.worker import Saved, checkpoint_key

AT_ONCE = 500_000  # samples held at once
LIVED = -(2**62)  # added to the time at which a past belief was made: its sequence, below every live one
WORKER = "worker"
TOLD = 5  # machines of which the end is told


@dataclass(frozen=True, slots=True)
class Recomputed:
    """samples: fed. snapshots: made. handed_over: whether the worker goes on from here. sentences: for a person."""

    samples: int
    snapshots: int
    handed_over: bool
    sentences: tuple[str, ...]


@dataclass(slots=True)
class Lived:
    """What the loop said: snapshots by day until they are stored; cases and records, the last of each name."""

    snapshots: dict[int, list[tuple[str, int, bytes]]] = field(default_factory=dict)
    others: dict[str, Output] = field(default_factory=dict)
    last: dict[str, Output] = field(default_factory=dict)
    made: int = 0

    def take(self, outputs: list[Output]) -> None:
        for subject, data, name in outputs:
            if subject.split(".")[2] == "snapshot":
                _, asset, time_ns = name.split(":")
                self.snapshots.setdefault(int(time_ns) // DAY_NS, []).append((asset, int(time_ns), data))
                self.last[asset] = (subject, data, name)
            else:
                self.others[name] = (subject, data, name)


def recompute(
    plant: Plant, report: Report, owner: Owner, nats: str = "", progress: Callable[[Progress], None] = lambda _: None
) -> Recomputed:
    """After an import: beliefs of its days, or of all stored days where the worker has never seen a live message."""
    url = running_bus(plant, nats)
    found = with_bus(plant, url, _checkpoint)
    live = (found is not None and found.sequence > 0) or (url is not None and with_bus(plant, url, _answers, plant))
    folder = plant.store / "history"
    closed = Closed(folder / "closed", SAMPLES)
    first = report.first_ns // DAY_NS if live else min(closed.files)
    begun = _begun(owner) if live else {}
    last_ns = min(report.last_ns, max(begun.values())) if begun else report.last_ns if live else (max(closed.files) + 1) * DAY_NS
    loop, lived, samples = Loop(plant), Lived(), 0
    days = [day for day in sorted(closed.files) if first <= day and day * DAY_NS < last_ns]
    known_ns = report.known_ns
    for number, day in enumerate(days, 1):
        for batch in samples_of(closed, day, loop, last_ns):
            loop.samples(batch)
            samples += len(batch)
            lived.take(loop.outputs)
            loop.outputs, loop.ticks = [], {}
        for past in [d for d in lived.snapshots if d < day or number == len(days)]:
            _store(folder, owner, past, lived, begun, known_ns)
        progress(Progress("beliefs", number, len(days), samples, "day"))
    if live:
        said = "The worker has beliefs of its own and keeps them: beliefs of the past are stored, the live belief is left."
        return Recomputed(samples, lived.made, False, (_sentence(samples, lived, days), said))
    with_bus(plant, url, _hand_over, loop, lived, found)
    said = "The worker had not begun: it goes on from the belief of the last sample."
    return Recomputed(samples, lived.made, True, (_sentence(samples, lived, days), said, *_endings(lived)))


def _sentence(samples: int, lived: Lived, days: list[int]) -> str:
    if not days:
        return "No day lies before the live beliefs: none was recomputed."
    span = f"{iso(days[0] * DAY_NS)[:10]} to {iso(days[-1] * DAY_NS)[:10]}"
    return f"Beliefs recomputed from {samples} stored samples of {span}: {lived.made} snapshots."


def _endings(lived: Lived) -> list[str]:
    """What is believed of each machine at the end, the most urgent first."""
    found = [unpack(Snapshot, data) for _, data, _ in lived.last.values()]
    found.sort(key=lambda s: -(s.p_fail_next_stop or 0.0))
    told = [f"{s.asset}, {iso(s.time_ns)}: {s.why.sentence}" for s in found[:TOLD]]
    return told + ([f"and {len(found) - TOLD} machines more"] if len(found) > TOLD else [])


# ---- stored samples


def samples_of(closed: Closed, day: int, loop: Loop, end_ns: int) -> Iterator[Batch]:
    """The day's samples in time order, as they are known now, of the channels on the loop's grid; about AT_ONCE of them at once."""
    source, names = closed.source((day,)), loop.grid.channels
    connection = duckdb.connect(":memory:", config={"threads": "2", "memory_limit": "256MB"})
    connection.execute("SET enable_progress_bar = false")
    columns = [arrow(names, pa.string()), arrow(np.arange(len(names)), pa.int32())]
    connection.register("wanted", pa.Table.from_arrays(columns, names=["name", "place"]))
    try:
        mine = f"FROM ({source}) JOIN wanted ON name = channel"
        [(rows,)] = connection.execute(f"SELECT count(*) {mine}").fetchall()
        width = -(-DAY_NS // max(1, -(-rows // AT_ONCE)))
        for begin in range(day * DAY_NS, (day + 1) * DAY_NS, width):
            stop_ns = min(begin + width, (day + 1) * DAY_NS, end_ns)
            found = connection.execute(
                f"SELECT place, time_ns, value, quality, sequence {mine} WHERE time_ns >= ? AND time_ns < ?", [begin, stop_ns]
            ).fetchnumpy()
            if len(found["place"]):
                yield _in_time(found, names)
    finally:
        connection.close()


def _in_time(found: dict[str, Any], names: tuple[str, ...]) -> Batch:
    """Ordered by (time, channel); of a revised sample the last revision."""
    place, time_ns, sequence = (np.asarray(found[name], np.int64) for name in ("place", "time_ns", "sequence"))
    order = np.lexsort((sequence, place, time_ns))
    place, time_ns = place[order], time_ns[order]
    last = np.append((place[1:] != place[:-1]) | (time_ns[1:] != time_ns[:-1]), True)
    keep = order[last]
    value: NDArray[np.float64] = np.asarray(found["value"], np.float64)[keep]
    quality = np.asarray(found["quality"])[keep].astype(np.uint8)
    return Batch(names, place[last].astype(np.uint16), time_ns[last], value, quality)


# ---- snapshots into history


def _begun(owner: Owner) -> dict[str, int]:
    """asset -> time of its first snapshot that was lived."""
    rows = owner.sql("SELECT asset, min(time_ns) AS t FROM snapshots WHERE sequence > 0 GROUP BY asset").to_pylist()
    return {row["asset"]: row["t"] for row in rows}


def _store(folder: Path, owner: Owner, day: int, lived: Lived, begun: dict[str, int], known_ns: int) -> None:
    """The day's snapshots, except of assets that had begun to live by then."""
    rows = sorted(row for row in lived.snapshots.pop(day) if row[1] < begun.get(row[0], row[1] + 1))
    if not rows:
        return
    digest = blake2b(digest_size=16)
    for asset, time_ns, data in rows:
        digest.update(f"{asset}:{time_ns}:{len(data)}:".encode() + data)
    name, n = digest.hexdigest(), len(rows)
    place = folder / INCOMING / "beliefs" / f"{day}-{name}.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    assets, times, data = zip(*rows, strict=True)
    columns = (assets, times, data, np.full(n, LIVED + known_ns // 2), np.full(n, known_ns))
    arrays = [arrow(column, kind.type) for column, kind in zip(columns, SNAPSHOTS.closed, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SNAPSHOTS.closed), place, compression="zstd", row_group_size=2048)
    owner.adopt(Adopt(SNAPSHOTS.name, day, f"beliefs/{place.name}", name))
    lived.made += n


# ---- the worker


def with_bus(plant: Plant, url: str | None, ask: Callable[..., Any], *arguments: Any) -> Any:
    """`ask(bus, ...)` on the bus at `url`; where no runtime is up, on the plant's own embedded server, started for the while."""

    async def work(at: str) -> Any:
        bus = await open_bus(at)
        try:
            return await ask(bus, *arguments)
        finally:
            await bus.close()

    if url is not None:
        return asyncio.run(work(url))
    config = ServerConfig(store=plant.store / "stream", port=free_port())
    child = start(config)
    try:
        return asyncio.run(work(config.url))
    finally:
        stop(child)


async def _checkpoint(bus: Bus) -> Saved | None:
    """The one that has come furthest, of all partitions and of what was handed over and no worker has taken yet."""
    saved = [await bus.get(key) for key in (WORKER, *map(checkpoint_key, range(PARTITIONS)))]
    return max((unpack(Saved, data) for data in saved if data is not None), key=lambda one: one.sequence, default=None)


async def _answers(bus: Bus, plant: Plant) -> bool:
    """Whether a worker runs now."""
    try:
        await ask_as_of(bus, AsOf(plant.assets[0].id, 0), 1.0)
    except ConnectError:
        return False
    except DataError:
        return True
    return True


async def _hand_over(bus: Bus, loop: Loop, lived: Lived, before: Saved | None) -> None:
    """Cases, records and each asset's last snapshot as the worker would have said them, then its checkpoint."""
    if before is not None:
        loop.publish_cases(_taken_back(unpack(LoopState, before.state), loop, lived))
        lived.take(loop.outputs)
    last = [(subject, data, f"{name}:{blake2b(data, digest_size=8).hexdigest()}") for subject, data, name in lived.last.values()]
    outputs = [*lived.others.values(), *last]
    results = 0
    for first in range(0, len(outputs), 500):
        results = await bus.publish_many(outputs[first : first + 500])
    await bus.put(WORKER, pack(Saved(0, results, loop.state())))


def _taken_back(before: LoopState, loop: Loop, lived: Lived) -> list[Case]:
    """Cases of the earlier computation that this one does not have."""
    told = {name.split(":")[1] for name in lived.others if name.startswith("case:")}
    found = []
    for id, memory in before.memory.items():
        if id not in loop.assets:
            continue
        model = loop.config[loop.assets[id]].model
        now_ns = int(lived.last[id][2].rpartition(":")[2]) if id in lived.last else 0
        for case in memory.watch.cases:
            if case.id not in told:
                verdict = f"taken back: its past was computed anew, with the model {model}"
                found.append(replace(case, state="closed", changed_ns=max(case.changed_ns, now_ns), verdict=verdict))
    return found
