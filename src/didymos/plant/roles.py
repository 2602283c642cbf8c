"""The roles of the runtime, each a process of its own: edge, worker, historian, erp polling inside edge, and who starts whom.

edge        sources and ERP -> stream           worker   stream -> beliefs -> results
historian   stream and results -> history, and results -> the plant's ledger
serve       (in didymos.service) results and history -> HTTP, websocket, page
"""

from __future__ import annotations

import asyncio
import logging
import sys
import uuid
from collections.abc import Coroutine, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from didymos.assets import ASSETS
from didymos.core.case import Event, Record
from didymos.core.channel import PARTITIONS, partition
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Bus, Connector
from didymos.data.connect import CONNECTORS
from didymos.data.connect.replay import path_of
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, command, wait_ready
from didymos.formats.wire import pack, unpack_plain
from didymos.plant.config import Asset, Erp, Plant, Source
from didymos.plant.edge import Edge
from didymos.plant.report import ErpReport, shown
from didymos.plant.supervise import Role

log = logging.getLogger("didymos")


def connectors(plant: Plant, cursors: Path | None = None) -> dict[str, Connector]:
    """One per source of the plant file. ConfigError for an option that its connector does not know. A recording goes on where it
    stopped when `cursors`, a folder, is given."""
    options = {s.id: dict(s.options) for s in plant.sources}
    for s in plant.sources:
        if s.type == "replay" and cursors is not None:
            options[s.id].setdefault("cursor", str(cursors / f"{s.id}-{recording(s)}.cursor"))
    return {s.id: CONNECTORS[s.type](s.id, s.url, options[s.id], plant.clock) for s in plant.sources}


def recording(source: Source) -> str:
    """Names the rows behind a replay's sequence numbers: changes with the file and with every option."""
    path = path_of(source.url, source.id)
    found = path.stat() if path.exists() else None
    what = (source.url, sorted(source.options), found and (found.st_size, found.st_mtime_ns))
    return blake2b(repr(what).encode(), digest_size=8).hexdigest()


async def open_plant_bus(plant: Plant, nats_url: str) -> Bus:
    """The streams with as many copies as the plant file says."""
    from didymos.data.stream.nats import NatsOptions

    return await open_bus(nats_url, NatsOptions(replicas=plant.replicas))


async def stream_name(bus: Bus) -> str:
    """Of the streams behind this bus: a position in a recording means nothing to streams that were begun anew."""
    name = await bus.get("edge.stream")
    if name is None:
        name = uuid.uuid4().hex[:12].encode()
        await bus.put("edge.stream", name)
    return name.decode()


async def edge(plant: Plant, nats_url: str) -> None:
    bus = await open_plant_bus(plant, nats_url)
    try:
        cursors = plant.store / f"edge-{await stream_name(bus)}"
        cursors.mkdir(parents=True, exist_ok=True)
        running = Edge(plant, bus, connectors(plant, cursors))
        async with asyncio.TaskGroup() as group:
            for erp in plant.erps:
                running.erps[erp.id] = ErpReport(erp.id, shown(erp.url))
                group.create_task(poll_erp(plant, erp, bus, running.erps[erp.id]))
            for work in business(plant, bus):
                group.create_task(work)
            group.create_task(running.run())
    finally:
        await bus.close()


def business(plant: Plant, bus: Bus) -> list[Coroutine[Any, Any, None]]:
    """The join and the requests written back, where the plant file asks for them; their libraries are loaded only then."""
    if not any(erp.entities or erp.request for erp in plant.erps):
        return []
    from didymos.data.history.client import HistoryClient
    from didymos.plant.erp import join_forever, write_requests

    found: list[Coroutine[Any, Any, None]] = [write_requests(plant, erp, bus) for erp in plant.erps if erp.request is not None]
    if any(erp.entities for erp in plant.erps):
        found.append(join_forever(plant, bus, HistoryClient(bus)))
    return found


async def poll_erp(plant: Plant, erp: Erp, bus: Bus, report: ErpReport | None = None) -> None:
    """Closed work orders -> events on the stream, each exactly once by its number. With [[erp.entity]] tables everything that they
    name goes through the staging store; without, only work orders are read, from the position kept in the bus."""
    from didymos.data.erp.sql import START, WorkOrders

    if erp.entities:
        from didymos.plant.erp import poll_staged

        return await poll_staged(plant, erp, bus, {a.id: component_ids(a) for a in plant.assets})
    orders = WorkOrders(erp.url, dict(erp.options), {a.id: component_ids(a) for a in plant.assets})
    saved = await bus.get(f"erp-{erp.id}")
    position = tuple(unpack_plain(saved)) if saved else START
    away = False
    report = report or ErpReport(erp.id, shown(erp.url))
    while True:
        try:
            events, rejects, reached = await asyncio.to_thread(orders.poll, position, plant.clock.now_ns())
        except (ConnectError, DataError) as error:
            if not away:
                log.warning("erp %s: %s", erp.id, error)
            away, report.away = True, str(error)
            await asyncio.sleep(erp.poll_s)
            continue
        if away:
            log.warning("erp %s: reachable again", erp.id)
        away, report.away = False, ""
        report.polls, report.polled_ns, report.position = report.polls + 1, plant.clock.now_ns(), " ".join(map(str, reached))
        report.events, report.rejects = report.events + len(events), report.rejects + len(rejects)
        report.last_reject = str(rejects[-1]) if rejects else report.last_reject
        for reject in rejects:
            log.warning("erp %s: %s", erp.id, reject)
        for event in events:
            await publish_event(bus, event)
        if reached != position:
            position = reached
            await bus.put(f"erp-{erp.id}", pack(position))
        await asyncio.sleep(erp.poll_s)


def component_ids(asset: Asset) -> tuple[str, ...]:
    """Components that a work order may name: the model's, else those the plant file lists."""
    return tuple(c.id for c in (ASSETS[asset.model].components if asset.model in ASSETS else asset.components))


async def publish_event(bus: Bus, event: Event) -> None:
    await bus.publish(f"evt.{partition(event.asset)}", pack(event), f"event:{event.id}")


async def worker(
    plant: Plant, nats_url: str, partitions: Sequence[int] = range(PARTITIONS), plant_file: Path | None = None
) -> None:
    """With `plant_file`, missing kernels are compiled first, by a child, so that this process never holds the compiler's memory."""
    if plant_file is not None:
        from didymos.plant.warm import warmed

        await warmed(plant, plant_file)
    from didymos.data.history.client import HistoryClient
    from didymos.plant.crew import Crew

    bus = await open_plant_bus(plant, nats_url)
    try:
        await Crew(plant, bus, HistoryClient(bus), partitions).run()
    finally:
        await bus.close()


async def historian(plant: Plant, nats_url: str) -> None:
    from didymos.data.history.owner import Historian, HistoryOptions
    from didymos.thread.ledger import SqliteLedger

    bus = await open_plant_bus(plant, nats_url)
    plant.store.mkdir(parents=True, exist_ok=True)
    ledger = SqliteLedger(plant.store / "ledger.db")

    def on_record(record: Record) -> None:
        ledger.append(record)

    try:
        options = HistoryOptions(retention=plant.retention, lease_s=plant.lease_s)
        await Historian(options).run(bus, plant.store / "history", plant.clock, on_record)
    finally:
        await bus.close()


def runtime(plant: Plant, plant_file: Path, nats_url: str, server: ServerConfig | None, token: str) -> list[Role]:
    """The children of `didymos run`, in starting order. `server` None: nats is somebody else's."""

    plant.store.mkdir(parents=True, exist_ok=True)

    def child(role: str, *more: str) -> Role:
        return Role(role, (sys.executable, "-m", "didymos.service.cli", role, str(plant_file), "--nats", nats_url, *more))

    roles = [child("historian"), child("worker"), child("serve", "--token", token), child("edge")]
    if server is None:
        return roles

    async def ready() -> None:
        await asyncio.to_thread(wait_ready, nats_url, 20.0)

    return [Role("nats", tuple(command(server)), ready), *roles]
