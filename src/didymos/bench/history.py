"""What a stored sample costs, and how long the usual questions take, beside databases that many plants use for it.

One day of 5 machines x 20 tags at 1 Hz goes through the historian's own store, message by message (`history_rows`), and is closed.

    bytes_per_point      all files of the closed day (data and Delta log), by distinct samples, times stamped in ms; _us: the same
                         of two machines whose clocks count us. A sample keeps time, value, quality, its sequence in the stream and
                         when it was known; nothing is rounded but the last, up to a whole second
    tag_day_ms           one tag, its whole closed day, 1000 buckets of min, mean, max, worst quality, asked in the owner;
                         _bus_ms: the same through nats from another process
    latest_ms            newest samples of 20,000 tags by name, in the owner: from the list's key to arrays of time, value,
                         quality. _bus_ms: through nats from another process, to arrays; _dict_bus_ms: to a dictionary by name

Peers have the same rows in columns tag, ts, value, quality, without what a question about the past needs. Medians of
seven, after one that is not counted.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from didymos.bench.history_peers import PEERS, REPEATS, Columns, Question, median_ms
from didymos.bench.history_rows import DAY, TAGS, machine_day, messages, names
from didymos.core.clock import DAY_NS, SECOND_NS, DataClock
from didymos.core.series import Batch
from didymos.data.history.arriving import whole_second
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.history.reading import FOREVER
from didymos.data.history.store import Rows, Store
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.formats.wire import pack

MACHINES, MACHINES_US, POINTS, LATEST = 5, 2, 1000, 20_000
MS_NS, US_NS = 1_000_000, 1_000
COMMIT = 400  # messages


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """{"bytes_per_point", "bytes_per_point_us", "tag_day_ms", "latest_ms", "peers": {name: figures}, ...}. `part` names one peer,
    or "own" for none; no recorded data are needed."""
    if part is not None and part not in (*PEERS, "own"):
        return {"absent": [part]}
    result: dict[str, Any] = {"load_average": list(os.getloadavg()), "cores": os.cpu_count(), "versions": versions()}
    with tempfile.TemporaryDirectory(prefix="didymos-bench-") as folder:
        root = Path(folder)
        result |= stored(root / "ms" / "history")
        result["bytes_per_point_us"] = filled(root / "us", MACHINES_US, US_NS)[0]
        result |= latest_in_owner()
        result |= asyncio.run(through_the_bus(root / "ms"))
        result["peers"], result["absent"] = peers(root, part)
    return result


def filled(folder: Path, machines: int, tick_ns: int) -> tuple[float, dict[str, float]]:
    """(bytes a distinct sample of the closed day, seconds spent to commit and to close it)."""
    store = Store(folder)
    began = time.perf_counter()
    rows, sequence = Rows(), 0
    for second, batches in messages(machines, tick_ns):
        for batch in batches:
            sequence += 1
            rows.samples.append((batch, sequence, whole_second(DAY + second * SECOND_NS + 1_200_000_000)))
        if len(rows.samples) >= COMMIT:
            store.commit("plant", sequence, rows)
            rows = Rows()
    store.commit("plant", sequence, rows)
    committed = time.perf_counter()
    store.compact(DAY + 2 * DAY_NS)
    closed = time.perf_counter()
    [held] = store.reader.sql("SELECT count(*) AS n FROM samples", 600.0, 10)["n"].to_pylist()
    size = sum(file.stat().st_size for file in (folder / "closed" / "samples").rglob("*") if file.is_file())
    assert held == machines * TAGS * 86_400, held
    store.close()
    return size / held, {"commit_s": committed - began, "close_s": closed - committed}


def stored(folder: Path) -> dict[str, Any]:
    size, spent = filled(folder, MACHINES, MS_NS)
    store = Store(folder)
    q = question()
    channel = names(1)[3]
    days = median_ms(lambda: store.reader.buckets(channel, q.start_ns, q.end_ns, POINTS, FOREVER))
    assert len(store.reader.buckets(channel, q.start_ns, q.end_ns, POINTS, FOREVER)) == POINTS
    store.close()
    return {"bytes_per_point": size, "tag_day_ms": days, "points": MACHINES * TAGS * 86_400, **spent}


def question() -> Question:
    return Question(TAGS + 3, DAY, DAY + DAY_NS, DAY_NS // POINTS)


def newest_rows() -> list[Batch]:
    """Ten samples of each of 20,000 tags, in messages of 1,000."""
    tags = [f"a-{i // TAGS:04d}.t{i % TAGS:02d}" for i in range(LATEST)]
    rng = np.random.default_rng(5)
    found = []
    for second in range(10):
        for at in range(0, LATEST, 1000):
            moment = DAY + DAY_NS + second * SECOND_NS + rng.integers(0, 900, 1000) * MS_NS
            place = np.arange(1000, dtype=np.uint16)
            found.append(Batch(tuple(tags[at : at + 1000]), place, moment, rng.normal(size=1000), np.zeros(1000, np.uint8)))
    return found


def latest_in_owner() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="didymos-bench-") as folder:
        store = Store(Path(folder))
        rows = newest_rows()
        for sequence, batch in enumerate(rows, 1):
            store.commit("plant", sequence, Rows(samples=[(batch, sequence, DAY)]))
        asked = shuffled(rows)
        store.latest.columns(b"key", asked)
        found = store.latest.columns(b"key", None)
        assert found is not None
        assert bool((found[0] >= DAY + DAY_NS + 9 * SECOND_NS).all())
        took = median_ms(lambda: store.latest.columns(b"key", None))
        by_name = median_ms(lambda: store.latest.of(asked))
        store.close()
    return {"latest_ms": took, "latest_dict_ms": by_name}


def shuffled(rows: list[Batch]) -> list[str]:
    """The 20,000 names in no order that helps."""
    known = list(dict.fromkeys(name for batch in rows for name in batch.channels))
    return [known[i] for i in np.random.default_rng(6).permutation(len(known))]


async def through_the_bus(folder: Path) -> dict[str, float]:
    """The same questions from this process to a historian in another, over nats."""
    server = ServerConfig(folder / "nats", free_port())
    nats = start(server)
    owner = subprocess.Popen([sys.executable, "-m", "didymos.bench.history", server.url, str(folder / "history")])
    try:
        bus = await open_bus(server.url)
        client, rows, q = HistoryClient(bus, 60.0), newest_rows(), question()
        last = await bus.publish_many([("tel.1", pack(batch), f"b{i}") for i, batch in enumerate(rows)])
        await client.reached("plant", last)
        asked, channel = tuple(shuffled(rows)), names(1)[3]
        found = {
            "tag_day_bus_ms": await median_of(lambda: client.buckets(channel, q.start_ns, q.end_ns, POINTS)),
            "latest_bus_ms": await median_of(lambda: client.latest_columns(asked)),
            "latest_dict_bus_ms": await median_of(lambda: client.latest(asked)),
        }
        assert len(await client.latest(asked)) == LATEST
        await bus.close()
        return found
    finally:
        owner.terminate()
        owner.wait()
        stop(nats)


async def median_of(call: Callable[[], Awaitable[Any]]) -> float:
    await call()
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await call()
        found.append(time.perf_counter() - began)
    return statistics.median(found) * 1e3


def peers(root: Path, part: str | None) -> tuple[dict[str, Any], list[str]]:
    """(figures of each peer that is installed, names of those that are not)."""
    wanted = {name: peer for name, peer in PEERS.items() if part in (None, name)}
    if not wanted:
        return {}, []
    day, newest = day_columns(), newest_columns()
    found, absent = {}, []
    for name, peer in wanted.items():
        folder = root / name
        folder.mkdir()
        try:
            found[name] = peer(folder, day, newest, question())
        except (ImportError, FileNotFoundError):
            absent.append(name)
    return found, absent


def day_columns() -> Columns:
    """Distinct samples of the day in order of arrival."""
    days = [machine_day(m, MS_NS) for m in range(MACHINES)]
    tag = np.concatenate([day[0] + m * TAGS for m, day in enumerate(days)])
    columns = [tag, *(np.concatenate([day[i] for day in days]) for i in (1, 2, 3))]
    _, first = np.unique(columns[0] * (1 << 40) + (columns[1] - DAY) // MS_NS, return_index=True)
    order = first[np.argsort(columns[3][first], kind="stable")]
    assert len(order) == MACHINES * TAGS * 86_400
    return columns[0][order].astype(np.int32), columns[1][order], columns[2][order], np.zeros(len(order), np.int16)


def newest_columns() -> Columns:
    rows = newest_rows()
    place = {name: i for i, name in enumerate(dict.fromkeys(name for batch in rows for name in batch.channels))}
    tag = np.concatenate([[place[name] for name in batch.channels] for batch in rows]).astype(np.int32)
    moment, value = np.concatenate([b.time_ns for b in rows]), np.concatenate([b.value for b in rows])
    return tag, moment, value, np.zeros(len(tag), np.int16)


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("duckdb", "deltalake", "pyarrow", "numpy")}}


async def own(url: str, folder: Path) -> None:
    """The historian in a process of its own."""
    bus = await open_bus(url)
    await Historian(HistoryOptions(compact_s=3600.0)).run(bus, folder, DataClock(), lambda record: None)


if __name__ == "__main__":
    asyncio.run(own(sys.argv[1], Path(sys.argv[2])))
