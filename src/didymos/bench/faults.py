"""`kill -9` of every process of the chain while data flow: publisher -> stream -> worker -> Delta. Is anything lost or doubled?

Three nats-servers on loopback that keep three copies, four workers that share the partitions, historian, edge and publisher. Twenty
victims and moments are drawn from a seed; each victim is started again at once; one worker is frozen for three times lease_s and
woken. A second nats-server is killed only when the streams have all their copies again: of three, two are needed. In the end the
days are closed and compared with what one undisturbed loop per partition makes of the same samples:

    lake      count, sum and exclusive or of every channel's samples in the Delta table
    states    the same over every number in every worker's checkpoint
    beliefs   every snapshot once, and equal to the byte
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from didymos.bench import chain
from didymos.bench.chain_publisher import close_days
from didymos.bench.chain_rig import Rig, Setting
from didymos.core.channel import partition
from didymos.core.errors import ConnectError
from didymos.core.estimate import Snapshot
from didymos.data.history.client import HistoryClient
from didymos.data.stream.nats import NatsBus, NatsOptions
from didymos.formats.wire import unpack
from didymos.plant.worker import Saved, checkpoint_key

END_S = 240.0  # how long everything may take to come through after the last kill
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Drill:
    """kills: how many, drawn from `seed` over `victims` (None: all); gap_s: (least, most) seconds between two. freeze: a worker
    is frozen as well. steps: how many plant steps the data last."""

    kills: int = 20
    seed: int = 1
    steps: int = 168
    workers: int = 4
    servers: int = 3
    steps_per_s: float = 1.0
    lease_s: float = 6.0
    gap_s: tuple[float, float] = (2.0, 6.0)
    freeze: bool = True
    victims: tuple[str, ...] | None = None


@dataclass
class Outcome:
    """What was done, and every difference from the undisturbed run, in words; none when all is well."""

    killed: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    samples: int = 0
    snapshots: int = 0
    wall_s: float = 0.0


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="didymos-faults-") as folder:
        found = drill(Drill(), Path(folder), lambda line: print(line, file=sys.stderr, flush=True))
    return {
        "drills": 1,
        "survived": int(not found.differences),
        "lost": len(found.differences),
        "differences": found.differences[:20],
        "kills": len(found.killed),
        "samples": found.samples,
        "snapshots": found.snapshots,
        "recovery_s": {k["name"]: round(k["recovery_s"], 1) for k in found.killed},
        "longest_recovery_s": max((k["recovery_s"] for k in found.killed), default=0.0),
        "wall_s": found.wall_s,
        "seed": Drill().seed,
        "absent": [] if part is None else [part],
    }


def drill(what: Drill, folder: Path, say: Say = lambda line: None) -> Outcome:
    rig = Rig(Setting(folder, what.workers, what.servers, what.steps_per_s, what.lease_s))
    rows = chain.samples(what.steps, what.seed)
    chain.write(folder, rows)
    expected = chain.undisturbed(rig.plant_file, rows)
    began = time.monotonic()
    try:
        outcome = asyncio.run(_disturbed(what, rig, rows, expected, say))
    except BaseException:
        say(rig.logs())
        raise
    finally:
        rig.stop()
    _compare_lake(folder, rows, outcome)
    outcome.wall_s = time.monotonic() - began
    return outcome


async def _disturbed(what: Drill, rig: Rig, rows: Any, expected: chain.Undisturbed, say: Say) -> Outcome:
    outcome = Outcome()
    for server in rig.servers:
        rig.start(server.name)
    bus = await NatsBus.open(rig.url, NatsOptions(replicas=rig.replicas, patience_s=90.0))
    try:
        for name in (*rig.workers, "historian", "edge", "publisher"):
            rig.start(name)
        for name in ("worker", "historian", "edge", "publisher"):
            await rig.recovered(name, bus)
        say(f"all is up; data flow for {what.steps / what.steps_per_s:.0f} s")
        tending = asyncio.create_task(_tend(rig, say))
        try:
            await _kill_many(what, rig, bus, outcome, say)
            await _all_through(rig, bus, rows, expected, say)
        finally:
            tending.cancel()
        await _compare_results(bus, expected, outcome)
        await _compare_states(bus, expected, outcome)
        outcome.samples = sum(len(step) for steps in rows.values() for step in steps)
    finally:
        await bus.close()
    return outcome


async def _tend(rig: Rig, say: Say) -> None:
    """What ends by itself is started again, as `didymos run` or systemd would."""
    while True:
        await asyncio.sleep(0.5)
        for name in rig.tend():
            say(f"  {name} ended by itself and was started again")


async def _kill_many(what: Drill, rig: Rig, bus: NatsBus, outcome: Outcome, say: Say) -> None:
    draw, began = random.Random(what.seed), time.monotonic()
    recoveries: list[asyncio.Task[None]] = []
    frozen = asyncio.create_task(_freeze(what, rig, bus, say)) if what.freeze else None
    for number in range(what.kills):
        await asyncio.sleep(draw.uniform(*what.gap_s))
        able = [name for name in what.victims or rig.names if not rig.finished(name) and name not in rig.frozen]
        victim = draw.choice(able)
        if victim.startswith("n"):
            await rig._until(rig.whole_streams)
        when = time.monotonic() - began
        rig.kill(victim)
        rig.start(victim)
        entry = {"name": f"{number + 1:02d} {victim}", "at_s": when, "recovery_s": float("nan")}
        outcome.killed.append(entry)
        recoveries.append(asyncio.create_task(_note(rig, victim, bus, entry, say)))
    await asyncio.gather(*recoveries)
    if frozen is not None:
        await frozen


async def _note(rig: Rig, victim: str, bus: NatsBus, entry: dict[str, Any], say: Say) -> None:
    entry["recovery_s"] = await rig.recovered(victim, bus)
    say(f"  kill {entry['name']:14s} at {entry['at_s']:6.1f} s, well again after {entry['recovery_s']:5.1f} s")


async def _freeze(what: Drill, rig: Rig, bus: NatsBus, say: Say) -> None:
    """The owner of some partition is stopped for three times lease_s, another takes over, then it goes on where it stood."""
    await asyncio.sleep(what.gap_s[1])
    holder = next(iter((await rig.owners(bus)).values()))
    victim = rig.worker_of(holder) or rig.workers[0]
    rig.freeze(victim)
    await asyncio.sleep(3 * what.lease_s)
    rig.wake(victim)
    say(f"  {victim} was frozen for {3 * what.lease_s:.0f} s and woken")


async def _all_through(rig: Rig, bus: NatsBus, rows: Any, expected: chain.Undisturbed, say: Say) -> None:
    """Everything sent, folded in, checkpointed; then the days closed."""
    deadline = time.monotonic() + END_S + len(next(iter(rows.values()))) / rig.setting.steps_per_s
    while not (rig.finished("edge") and rig.finished("publisher")):
        _in_time(deadline, "the sources have not come to their end")
        await asyncio.sleep(0.2)
    last = {p: await bus.last(f"tel.{p}") for p in expected.states}
    for p, message in last.items():
        while unpack(Saved, await bus.get(checkpoint_key(p)) or b"").sequence < (message.sequence if message else 0):
            _in_time(deadline, f"partition {p} is not checkpointed up to its last message")
            await asyncio.sleep(0.2)
    say("all is sent and folded in; closing the days")
    await close_days(rig.url)
    history = HistoryClient(bus, 60.0)
    ids = ", ".join(f"'{id}'" for id in rows)
    query = "SELECT count(*) AS n FROM hot.samples s JOIN hot.channels c ON c.id = s.channel WHERE split_part(c.name, '.', 1) IN"
    while True:
        with suppress(ConnectError):
            if (await history.sql(f"{query} ({ids})")).to_pylist()[0]["n"] == 0:
                return
        _in_time(deadline, "the days are not closed")
        await asyncio.sleep(0.5)


def _in_time(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(what)


async def _compare_results(bus: NatsBus, expected: chain.Undisturbed, outcome: Outcome) -> None:
    subscription = await bus.subscribe("results", ["res.*.snapshot.>"], 0)
    seen: dict[tuple[str, int], bytes] = {}
    while messages := await subscription.fetch(500, 2.0):
        for message in messages:
            s = unpack(Snapshot, message.data)
            key = (s.asset, s.time_ns)
            if key in seen:
                outcome.differences.append(f"snapshot {key} was stored twice")
            seen[key] = chain.plain_snapshot(message.data)
    await subscription.close()
    outcome.snapshots = len(expected.snapshots)
    for key in sorted(expected.snapshots.keys() | seen.keys()):
        one, other = expected.snapshots.get(key), seen.get(key)
        if one != other and not (one is None and key[0] == chain.machines()[1]):
            outcome.differences.append(f"snapshot {key}: {'missing' if other is None else 'differs from the undisturbed run'}")


async def _compare_states(bus: NatsBus, expected: chain.Undisturbed, outcome: Outcome) -> None:
    for p, wanted in expected.states.items():
        saved = await bus.get(checkpoint_key(p))
        found = chain.plain_state(unpack(Saved, saved).state) if saved else None
        if found != wanted:
            outcome.differences.append(f"state of partition {p}: {found} instead of {wanted}")


def _compare_lake(folder: Path, rows: Any, outcome: Outcome) -> None:
    """The Delta table as any engine reads it, after the historian has ended: times as whole ticks (`data.history.ticks`)."""
    files = DeltaTable(str(folder / "store" / "history" / "closed" / "samples")).file_uris()
    query = f"SELECT channel, time * tick_ns AS time_ns, value FROM read_parquet({files!r}) ORDER BY channel, time_ns"
    found: Any = duckdb.connect().execute(query).fetchnumpy()
    wanted = chain.expected_lake(rows)
    for channel in sorted(wanted.keys() | set(found["channel"].tolist())):
        mine = found["channel"] == channel
        have = chain.numbers(found["time_ns"][mine], found["value"][mine])
        if have != wanted.get(channel) and partition(channel.partition(".")[0]) != partition(chain.machines()[1]):
            outcome.differences.append(f"lake: {channel}: {have} instead of {wanted.get(channel)}")
