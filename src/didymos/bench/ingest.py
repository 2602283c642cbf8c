"""How much CPU it costs to take a value in, and how long a value takes from the source to a web page.

nats (stream and MQTT broker), edge, worker and historian run as the processes that they are; the publisher is one more and is
not counted. CPU time is user + system of the four from /proc/<pid>/stat, from after the warm-up until history holds every value
and the worker has checkpointed the last one. nats forces every stored message to disk before it acknowledges.

    batched       telemetry JSON, 2,000 values a payload (a gateway), MQTT QoS 1: acknowledged once its values are on disk
    batched_20    20 values a payload (a machine), QoS 1
    batched_20_0  the same payloads, QoS 0
    single        one QoS 0 message a value, merged again at the edge
    live          2,000 tags x 1 Hz in real time, 20 values a payload; from publishing to the websocket frame with the value
    live_single   the same, one message a value, each tag at its own moment of the second, step 0.2 s

A websocket reader may follow 64 assets, so `live` sees 1,280 of the 2,000 tags. A tick shows a step once it is complete, which
the asset's next sample proves: with one payload a second `live` cannot be under one second.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import nats
import numpy as np

from didymos.bench.ingest_plant import ASSETS, MS_NS, TAGS, VALUES, total
from didymos.bench.ingest_roles import Part, cpu, port_open, published, running
from didymos.core.channel import channel_id
from didymos.core.clock import SECOND_NS
from didymos.core.errors import DataError
from didymos.data.history.client import HistoryClient
from didymos.data.stream import open_bus
from didymos.data.stream.server import find_server
from didymos.plant.worker import reached

DONE_S = 300.0
WATCHED = 64  # assets that one websocket reader may follow
LIVE_S, LIVE_WARM_S = 25, 5
PAYLOAD = {"gateway": VALUES, "batched": TAGS, "single": 1, "live": TAGS, "live_single": 1}  # values
FRESH = 3  # the kind of frame that carries samples as they came


PARTS = {
    "batched": Part("gateway", 1, 60, 1000, 400_000.0),
    "batched_20": Part("batched", 1, 60, 250, 400_000.0),
    "batched_20_0": Part("batched", 0, 60, 500, 250_000.0),
    "single": Part("single", 0, 20, 100, 25_000.0),
    "live": Part("live", 0, 0, LIVE_S, 0.0, 1.0, 0.0, 60.0),
    "live_single": Part("live_single", 0, 0, LIVE_S, 0.0, 0.2, 0.0, 60.0),
}


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """{"points_per_core_s_batched", "points_per_core_s_single", "p99_ms", one dictionary per part, "versions", "load_average"}.
    No recorded data are needed; an unknown `part` is named in "absent"."""
    if part is not None and part not in PARTS:
        return {"absent": [part]}
    names = list(PARTS) if part is None else [part]
    result: dict[str, Any] = {"load_average": list(os.getloadavg()), "cores": os.cpu_count(), "versions": versions()}
    for name in names:
        result[name] = asyncio.run(live(PARTS[name]) if name.startswith("live") else throughput(PARTS[name]))
    for name in ("batched", "single"):
        if name in result:
            result[f"points_per_core_s_{name}"] = result[name]["points_per_core_s"]
    if "live" in result:
        result["p99_ms"] = result["live"]["p99_ms"]
    return result


async def throughput(part: Part) -> dict[str, Any]:
    """Values per CPU-second of one part. DataError when history does not hold exactly what was sent."""
    with running(part, ("historian", "worker", "edge")) as up:
        bus = await open_bus(up.url)
        try:
            last = part.warm_s + part.seconds
            first_ns = (time.time_ns() // SECOND_NS - last - 120) // 600 * 600 * SECOND_NS
            await published(up, part, first_ns, 0, part.warm_s)
            await taken_in(bus, up.url, first_ns + (part.warm_s - 1) * SECOND_NS)
            before, began = cpu(up.pids), time.monotonic()
            await published(up, part, first_ns, part.warm_s, last)
            sent_s = time.monotonic() - began
            await taken_in(bus, up.url, first_ns + (last - 1) * SECOND_NS)
            spent = {role: seconds - before[role] for role, seconds in cpu(up.pids).items()}
            found = await checked(HistoryClient(bus), last)
        finally:
            await bus.close()
    points, core_s = part.seconds * VALUES, sum(spent.values())
    return {
        "points_per_core_s": points / core_s,
        "points": points,
        "cpu_s": spent,
        "in_history": found,
        "sent_s": sent_s,
        "values_a_payload": PAYLOAD[part.kind],
        "qos": part.qos,
        "most_values_per_s": part.rate,
        "step_s": part.step_s,
    }


async def taken_in(bus: Any, url: str, last_ns: int) -> None:
    """Waits until history has every tag's value of `last_ns`, and the worker has checkpointed the stream's last message."""
    history, deadline = HistoryClient(bus), time.monotonic() + DONE_S
    names = [channel_id(f"m-{a:03d}", f"t{TAGS - 1:02d}") for a in range(ASSETS)]
    while time.monotonic() < deadline:
        latest = await history.latest(names)
        if len(latest) == ASSETS and all(time_ns >= last_ns for time_ns, _, _ in latest.values()):
            break
        await asyncio.sleep(0.2)
    sequence = await last_sequence(url)
    while time.monotonic() < deadline:
        if await reached(bus, [f"m-{a:03d}" for a in range(ASSETS)]) >= sequence:
            return
        await asyncio.sleep(0.2)
    raise DataError(
        f"ingest: after {DONE_S:.0f} s not all values are in history and in the worker's checkpoint. Some are lost or late"
    )


async def last_sequence(url: str) -> int:
    """Of the stream that edge writes."""
    line = await nats.connect(url)
    try:
        return (await line.jetstream().stream_info("plant")).state.last_seq
    finally:
        await line.close()


async def checked(history: HistoryClient, seconds: int) -> int:
    """Rows in history. DataError when they are not exactly the values sent in `seconds` of source time, each once and GOOD."""
    table = await history.sql("SELECT count(*) AS n, sum(value) AS v, sum(quality) AS q FROM samples")
    rows, value, quality = (table[name][0].as_py() for name in ("n", "v", "q"))
    if (rows, value, quality) != (seconds * VALUES, total(seconds), 0):
        raise DataError(
            f"ingest: history holds {rows} rows, sum {value}, quality {quality}; "
            f"sent were {seconds * VALUES} rows, sum {total(seconds)}, quality 0"
        )
    return rows


async def live(part: Part) -> dict[str, Any]:
    """Milliseconds from publishing to the frame, over all values that came in a frame after the warm-up."""
    import websockets

    with running(part, ("historian", "worker", "serve", "edge")) as up:
        await asyncio.to_thread(port_open, up.port)
        first_ns = (time.time_ns() // SECOND_NS + 2) * SECOND_NS
        async with websockets.connect(f"ws://127.0.0.1:{up.port}/api/v1/ws", proxy=None) as socket:
            await socket.send(json.dumps({"sub": [f"asset/m-{a:03d}/trend" for a in range(WATCHED)]}))
            sending = asyncio.create_task(published(up, part, first_ns, 0, part.seconds))
            taken = await frames(socket, first_ns / MS_NS, part.seconds + 4.0)
            await sending
    if not taken:
        raise DataError("ingest: no frame carried a value")
    delay = np.array([ms for since, ms in taken if since >= LIVE_WARM_S * 1000])
    sent = WATCHED * TAGS * (part.seconds - LIVE_WARM_S)
    p50, p99 = np.percentile(delay, [50, 99])
    return {
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "values_seen": len(delay),
        "values_sent_to_watched": sent,
        "step_s": part.step_s,
        "lateness_s": part.lateness_s,
        "assets_watched": WATCHED,
        "values_a_payload": PAYLOAD[part.kind],
    }


async def frames(socket: Any, first_ms: float, seconds: float) -> list[tuple[float, float]]:
    """(value = ms since `first_ms` at publishing, ms until it was here) of every measured value that comes within `seconds`."""
    found: list[tuple[float, float]] = []
    ends = time.monotonic() + seconds + 2.0
    while (left := ends - time.monotonic()) > 0:
        try:
            frame = await asyncio.wait_for(socket.recv(), left)
        except TimeoutError:
            break
        now_ms = time.time_ns() / MS_NS
        if isinstance(frame, bytes) and frame[1] == FRESH:
            count = int.from_bytes(frame[24:28], "little")
            measured = np.frombuffer(frame, "<f4", count, 32 + 4 * count).astype(float)
            found += [(v, now_ms - first_ms - v) for v in measured[np.isfinite(measured)].tolist()]
    return found


def versions() -> dict[str, str]:
    nats = subprocess.run([find_server(), "--version"], capture_output=True, text=True).stdout.strip()
    return {"python": platform.python_version(), "numpy": np.__version__, "nats": nats, "machine": platform.machine()}
