"""The line, live: every step at its wall moment, over OPC UA and MQTT, with its ERP beside it.

Plant time is `start` at the wall moment `wall_start` and runs `speed` times as fast. A late step is caught up, never skipped.
MQTT messages wait in a queue while the broker is away; the PLCs go on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from didymos.core.clock import iso
from didymos.core.errors import ConnectError
from didymos.data.connect.mqtt_publish import Publisher
from didymos.formats.json_payload import encode_telemetry, encode_waveform
from didymos.plant.virtual import erp, truth
from didymos.plant.virtual.line import MACHINES, OPCUA, WAVE_RATE_HZ, wave_topic
from didymos.plant.virtual.opcua import OpcUaSide
from didymos.plant.virtual.plant import Line, Sample, build, samples
from didymos.plant.virtual.waveform import SCALE_G

log = logging.getLogger("didymos.virtual")
QUEUE = 200_000
Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Settings:
    """wall_start_ns 0 = when everything listens. mqtt_port 0 = no MQTT. stop_after_s: wall seconds, 0 = until the days are over."""

    seed: int
    start_ns: int
    speed: float
    days: float
    opcua_port: int
    mqtt_port: int
    erp: Path
    truth: Path
    stop_after_s: float = 0.0
    wall_start_ns: int = 0
    host: str = "127.0.0.1"


def messages(line: Line, sample: Sample) -> list[Message]:
    """Telemetry of the MQTT machines (null for a reading the sensor could not give; none from a machine that is cut off)
    and the waveforms of all spindles."""
    found = []
    for machine in MACHINES:
        if machine in OPCUA:
            continue
        columns = [i for i, (name, _) in enumerate(line.sensors) if name == machine]
        value = sample.value[columns]
        if np.isnan(value).all():
            continue
        row = {line.sensors[i][1].tag: (float(v) if v == v else None) for i, v in zip(columns, value, strict=True)}
        found.append((f"line7/{machine}/telemetry", encode_telemetry(sample.time_ns, row)))
    waves = [(wave_topic(w.machine), encode_waveform(w.time_ns, WAVE_RATE_HZ, w.counts, SCALE_G)) for w in sample.waves]
    return found + waves


async def _send(queue: asyncio.Queue[list[Message]], settings: Settings) -> None:
    """Deliver in order, at least once; tries for ever."""
    url = f"mqtt://{settings.host}:{settings.mqtt_port}"
    while True:
        try:
            async with Publisher(url, "line7-gateway") as out:
                while True:
                    batch = await queue.get()
                    while not queue.empty():
                        batch = batch + queue.get_nowait()
                        queue.task_done()
                    await _deliver(out, batch)
                    queue.task_done()
        except ConnectError as error:
            log.warning("broker: %s", error)


async def _deliver(out: Publisher, batch: list[Message]) -> None:
    """Until the broker has it; a lost connection is the publisher's business, a broker that stays away ours."""
    while True:
        try:
            return await out.publish_many(batch, qos=1)
        except ConnectError as error:
            log.warning("broker: %s", error)


async def main(settings: Settings) -> None:
    """Write truth and ERP, open both sides, run. Ends when the days are over, after stop_after_s, or on SIGTERM."""
    line = build(settings.seed, settings.start_ns, settings.days)
    truth.write(settings.truth, line, settings.days)
    url = f"sqlite:///{settings.erp}"
    erp.create(url, line)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    side = await OpcUaSide.open(line, settings.host, settings.opcua_port)
    queue: asyncio.Queue[list[Message]] = asyncio.Queue(QUEUE)
    sender = asyncio.create_task(_send(queue, settings)) if settings.mqtt_port else None
    clerk = erp.Clerk(url, line)
    try:
        await _run(settings, line, side, queue if sender else None, clerk, stop)
        if sender and not stop.is_set():
            await asyncio.wait_for(queue.join(), 10.0)
    finally:
        if sender:
            sender.cancel()
        clerk.close()
        await side.close()


async def _run(
    settings: Settings,
    line: Line,
    side: OpcUaSide,
    queue: asyncio.Queue[list[Message]] | None,
    clerk: erp.Clerk,
    stop: asyncio.Event,
) -> None:
    began = time.time_ns()
    wall_start = settings.wall_start_ns or began
    ready = {"ready": True, "wall_start_ns": wall_start, "start": iso(settings.start_ns), "opcua_port": settings.opcua_port}
    print(json.dumps(ready), flush=True)
    for sample in samples(line, settings.days):
        due = wall_start + int((sample.time_ns - settings.start_ns) / settings.speed)
        if settings.stop_after_s and due > began + settings.stop_after_s * 1e9:
            await _wait(stop, began + int(settings.stop_after_s * 1e9))
            return
        if await _wait(stop, due):
            return
        clerk.until(sample.time_ns)
        await side.write(sample)
        if queue is not None:
            await queue.put(messages(line, sample))
    await _wait(stop, time.time_ns() + 1_000_000_000)  # let subscribers fetch the last step


async def _wait(stop: asyncio.Event, until_ns: int) -> bool:
    """Sleep until the wall shows `until_ns`; True when asked to stop."""
    left = (until_ns - time.time_ns()) / 1e9
    if left <= 0:
        await asyncio.sleep(0)
        return stop.is_set()
    try:
        await asyncio.wait_for(stop.wait(), left)
    except TimeoutError:
        return False
    return True
