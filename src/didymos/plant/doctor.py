"""The doctor asks every hop how it is: source -> edge -> stream -> worker -> historian, each within a few seconds.

facts = await examine(plant, bus, history)      what each said, and who did not answer
found = diagnose(facts)                         (`plant.diagnosis`) what is wrong, and what to do about it

Nothing is changed anywhere: the doctor reads.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from didymos.assets import ASSETS
from didymos.core.channel import PARTITIONS, partition
from didymos.core.clock import SECOND_NS, DataClock
from didymos.core.errors import ConnectError, DataError, DidymosError
from didymos.core.ports import Bus, Extent, HistoryClient
from didymos.data.history.requests import Condition
from didymos.data.history.tables import NOT_FAR_AHEAD
from didymos.data.stream.subjects import STREAMS
from didymos.formats.wire import unpack_plain
from didymos.plant.config import Plant
from didymos.plant.report import EdgeReport, WorkerReport, ask_edge, ask_history, ask_worker

PATIENCE_S = 3.0  # wall time that a role has for its answer
LAST = 12  # readings of a channel that are looked at for one that never moves
WINDOW_STEPS = 36


@dataclass(frozen=True, slots=True)
class Recent:
    """One channel's samples of the last WINDOW_STEPS steps. spread: largest minus smallest of the last `of` (at most LAST)
    usable ones; newest: of any quality."""

    n: int
    first_ns: int
    newest_ns: int
    value: float
    quality: int
    gaps: int
    bad: int
    late: int
    of: int
    spread: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What was heard. `silent`: role -> why it did not answer. recent: channel id -> Recent; latest: channel id -> (time_ns, value,
    quality) of its newest sample ever. quarantine: (file, rows, most frequent reasons)."""

    plant: Plant
    now_ns: int
    edge: EdgeReport | None = None
    workers: tuple[WorkerReport, ...] = ()
    history: Condition | None = None
    streams: dict[str, Extent] = field(default_factory=dict)
    erp_positions: dict[str, str] = field(default_factory=dict)
    quarantine: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    recent: dict[str, Recent] = field(default_factory=dict)
    latest: dict[str, tuple[int, float, int]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


async def examine(plant: Plant, bus: Bus, history: HistoryClient) -> Facts:
    silent: dict[str, str] = {}

    async def heard(role: str, asked: Any, default: Any) -> Any:
        try:
            async with asyncio.timeout(4 * PATIENCE_S):
                return await asked
        except (DidymosError, TimeoutError, OSError) as error:
            silent[role] = str(error) or f"no answer within {4 * PATIENCE_S:g} s"
            return default

    edge, condition, workers, streams = await asyncio.gather(
        heard("edge", ask_edge(bus, PATIENCE_S), None),
        heard("historian", ask_history(bus, PATIENCE_S), None),
        _workers(plant, bus, silent),
        heard("stream", _streams(bus), {}),
    )
    recent, latest = {}, {}
    if condition is not None:
        step_ns = int(plant.step_s * SECOND_NS)
        recent = await heard("history", _recent(history, condition.newest_ns - WINDOW_STEPS * step_ns), {})
        latest = await heard("latest values", history.latest(sorted(_bound(plant))), {})
    positions = {erp.id: await heard(f"position of erp {erp.id}", _position(bus, erp.id), "") for erp in plant.erps}
    quarantine = await asyncio.to_thread(quarantined, plant.store)
    return Facts(
        plant,
        _now(plant, edge, workers, condition),
        edge,
        workers,
        condition,
        streams,
        positions,
        quarantine,
        recent,
        latest,
        silent,
    )


def _now(plant: Plant, edge: EdgeReport | None, workers: tuple[WorkerReport, ...], history: Condition | None) -> int:
    """The plant's clock; where the data drive it, the newest time that a role has seen."""
    if not isinstance(plant.clock, DataClock):
        return plant.clock.now_ns()
    seen = [edge.now_ns if edge else 0, history.newest_ns if history else 0, *(w.newest_ns for w in workers)]
    return max(seen)


async def _workers(plant: Plant, bus: Bus, silent: dict[str, str]) -> tuple[WorkerReport, ...]:
    """Every worker once; a partition with assets that nobody answers for is a silent one."""
    wanted = sorted({partition(asset.id) for asset in plant.assets} & set(range(PARTITIONS)))
    found = await asyncio.gather(*(ask_worker(bus, p, PATIENCE_S) for p in wanted), return_exceptions=True)
    lost = [p for p, answer in zip(wanted, found, strict=True) if isinstance(answer, ConnectError | DataError)]
    for answer in found:
        if isinstance(answer, BaseException) and not isinstance(answer, ConnectError | DataError):
            raise answer
    if lost:
        owned = [a.id for a in plant.assets if partition(a.id) in lost]
        silent["worker"] = f"nobody answers for partition {', '.join(map(str, lost))} ({', '.join(owned[:6])})"
    named = {answer.name: answer for answer in found if isinstance(answer, WorkerReport)}
    return tuple(named.values())


async def _streams(bus: Bus) -> dict[str, Extent]:
    return {name: await bus.extent(name) for name in STREAMS}


async def _position(bus: Bus, erp: str) -> str:
    saved = await bus.get(f"erp-{erp}")
    return "" if saved is None else " ".join(str(part) for part in _flat(unpack_plain(saved)))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [f"{key}={each}" for key, each in value.items()]
    return list(value) if isinstance(value, list | tuple) else [value]


async def _recent(history: HistoryClient, after_ns: int) -> dict[str, Recent]:
    usable = "quality <= 1"
    table = await history.sql(
        f"WITH rows AS (SELECT channel, time_ns, value, quality FROM samples WHERE time_ns > {int(after_ns)} "
        f"AND {NOT_FAR_AHEAD}), "
        f"last AS (SELECT channel, max(value) - min(value) AS spread, count(*) AS of FROM (SELECT channel, value FROM rows "
        f"WHERE {usable} QUALIFY row_number() OVER (PARTITION BY channel ORDER BY time_ns DESC) <= {LAST}) GROUP BY channel) "
        "SELECT r.channel, count(*) AS n, min(time_ns) AS first_ns, max(time_ns) AS newest_ns, "
        "arg_max(value, time_ns) AS value, arg_max(quality, time_ns) AS quality, count(*) FILTER (quality = 7) AS gaps, "
        "count(*) FILTER (quality IN (3, 4, 5, 6)) AS bad, count(*) FILTER (quality = 2) AS late, "
        "any_value(last.spread) AS spread, any_value(last.of) AS of "
        "FROM rows r LEFT JOIN last ON last.channel = r.channel GROUP BY r.channel"
    )
    found = {}
    for row in table.to_pylist():
        spread = float("nan") if row["spread"] is None else row["spread"]
        value = float("nan") if row["value"] is None else row["value"]
        found[row["channel"]] = Recent(
            row["n"], row["first_ns"], row["newest_ns"], value, row["quality"], row["gaps"], row["bad"], row["late"],
            row["of"] or 0, spread,
        )  # fmt: skip
    return found


def _bound(plant: Plant) -> set[str]:
    """Channels that a tag feeds, and sensors of a model that are read off its waveform."""
    tags = {f"{asset.id}.{tag.channel}" for asset in plant.assets for tag in asset.tags if not tag.waveform}
    read_off = [a for a in plant.assets if a.model in ASSETS and any(tag.waveform for tag in a.tags)]
    return tags | {f"{asset.id}.{c.name}" for asset in read_off for c in ASSETS[asset.model].sensors}


def quarantined(store: Path) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """Rows that the ERP's staging put aside: every SQLite file of the store that has a table `quarantine`."""
    found = []
    for path in sorted(store.glob("*.db")):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)) as db:
                columns = [row[1] for row in db.execute("PRAGMA table_info(quarantine)")]
                if not columns:
                    continue
                (count,) = db.execute("SELECT count(*) FROM quarantine").fetchone()
                reason = next((name for name in ("reason", "why", "text") if name in columns), None)
                query = f"SELECT {reason} FROM quarantine GROUP BY 1 ORDER BY count(*) DESC LIMIT 5" if reason else None
                reasons = tuple(str(row[0]) for row in db.execute(query)) if query else ()
        except sqlite3.Error:
            continue  # not a database, or another process has just made it: the next call sees it
        found.append((path.name, int(count), reasons))
    return tuple(found)
