"""Business systems in the edge role: imports into the staging store, closed work orders to the stream, the join, requests written
back.

    import_now(plant, erp, staging)     one run of one [[erp]]; yields what each delivery changed
    poll_staged / join_forever / write_requests     tasks of the edge
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from didymos.core.case import Case, Event, Record
from didymos.core.channel import partition
from didymos.core.clock import iso
from didymos.core.errors import DidymosError
from didymos.core.ports import Bus, HistoryClient
from didymos.data.erp import SOURCES, SourceConfig
from didymos.data.erp.delivery import Source
from didymos.data.erp.request import Target, WorkRequest
from didymos.data.erp.staging import Staging, Taken
from didymos.data.erp.write import WRITERS, Writer, noted_number, write_once
from didymos.formats.wire import pack, unpack
from didymos.plant.config import Erp, Plant
from didymos.plant.join_run import closed_orders, join_round, keep_published
from didymos.plant.process_run import process_round

log = logging.getLogger("didymos")
T = TypeVar("T")
WANTED = ("accepted", "work")  # states of a case in which somebody wants the work done


def source_config(erp: Erp) -> SourceConfig:
    return SourceConfig(erp.id, erp.url, erp.entities, dict(erp.options))


def import_now(plant: Plant, erp: Erp, staging: Staging, source: Source | None = None) -> Iterator[Taken]:
    """Everything that `erp` has and the staging store has not, one delivery after the other, each on disk when it is yielded."""
    opened = source or SOURCES[erp.type](source_config(erp))
    try:
        for delivery in opened.deliveries(staging):
            yield staging.take(delivery, plant.clock.now_ns())
    finally:
        if source is None:
            opened.close()


async def poll_staged(plant: Plant, erp: Erp, bus: Bus, parts: dict[str, tuple[str, ...]]) -> None:
    """Import again and again; closed work orders become Events, each exactly once by its number."""
    source = await _until_there(erp.id, erp.poll_s, lambda: SOURCES[erp.type](source_config(erp)))
    staging = await _until_there(erp.id, erp.poll_s, lambda: Staging(plant.staging_url))

    async def once() -> None:
        for taken in await asyncio.to_thread(lambda: list(import_now(plant, erp, staging, source))):
            for bad in taken.bad:
                log.warning("erp %s: %s", erp.id, bad)
        await publish_closed(plant, staging, bus, parts)

    try:
        await _again(f"erp {erp.id}", erp.poll_s, once)
    finally:
        source.close()
        staging.close()


async def publish_closed(plant: Plant, staging: Staging, bus: Bus, parts: dict[str, tuple[str, ...]]) -> int:
    events = await asyncio.to_thread(closed_orders, plant, staging, parts)
    for event in events:
        await bus.publish(f"evt.{partition(event.asset)}", pack(event), f"event:{event.id}")
        await asyncio.to_thread(keep_published, staging, event, plant.clock.now_ns())
    return len(events)


async def join_forever(plant: Plant, bus: Bus, history: HistoryClient) -> None:
    """Performance rows and machine cycles -> records, as they come; and what the twin says of each on a process model."""
    poll_s = min(erp.poll_s for erp in plant.erps if erp.entities)
    staging = await _until_there("join", poll_s, lambda: Staging(plant.staging_url))

    async def once() -> None:
        await join_round(plant, staging, bus, history)
        await process_round(plant, staging, bus, history)

    try:
        await _again("erp join", poll_s, once)
    finally:
        staging.close()


async def write_requests(plant: Plant, erp: Erp, bus: Bus) -> None:
    """Every accepted case -> one request in the ERP. Only for an [[erp]] with `write = true`."""
    assert erp.request is not None
    staging = await _until_there(erp.id, erp.poll_s, lambda: Staging(plant.staging_url))
    target = Target(erp.request.origin, dict(erp.request.columns), dict(erp.request.constant))
    writer: Writer = await _until_there(erp.id, erp.poll_s, lambda: WRITERS[erp.type](source_config(erp), target))
    cases = await bus.subscribe("results", ["res.*.case.>"], -1)
    waiting: dict[str, Case] = {}

    async def once() -> None:
        for message in await cases.fetch(500, 0.2):
            case = unpack(Case, message.data)
            waiting.pop(case.id, None)
            if case.state in WANTED:
                waiting[case.id] = case
        for case in list(waiting.values()):
            await request(plant, erp.id, writer, staging, bus, case)
            del waiting[case.id]

    try:
        await _again(f"erp {erp.id} requests", min(erp.poll_s, 2.0), once)
    finally:
        writer.close()
        staging.close()
        await cases.close()


async def request(plant: Plant, erp: str, writer: Writer, staging: Staging, bus: Bus, case: Case) -> None:
    """Write it if it is not there, and say so once: an Event on the stream and a Record for the ledger."""
    told = f"work-order-request:{erp}:{case.id}"
    if noted_number(staging, erp, told) is not None:
        return
    now_ns = plant.clock.now_ns()
    number, _ = await asyncio.to_thread(write_once, writer, staging, erp, request_of(case), now_ns)
    body: dict[str, Any] = {"case": case.id, "erp": erp, "number": number, "reference": case.id}
    event = Event(told, "work_order_requested", case.asset, case.changed_ns, case.changed_ns, body)
    await bus.publish(f"evt.{partition(case.asset)}", pack(event), f"event:{told}")
    record = Record(told, "work_order_requested", case.asset, case.changed_ns, body)
    await bus.publish(f"res.{partition(case.asset)}.record.{case.asset}", pack(record), f"record:{told}")
    await asyncio.to_thread(note_told, staging, erp, told, number, now_ns)


def note_told(staging: Staging, erp: str, told: str, number: str, known_ns: int) -> None:
    from sqlalchemy import insert

    from didymos.data.erp.staging_tables import WRITTEN

    with staging.writing() as db:
        db.execute(insert(WRITTEN).values(erp=erp, key=told, number=number, known_ns=known_ns))


def request_of(case: Case) -> WorkRequest:
    due = iso(case.next_stop_ns) if case.next_stop_ns is not None else ""
    return WorkRequest(
        case.id, case.asset, case.component, case.mode, case.sentence, case.priority, iso(case.opened_ns), due, case.spare,
        case.action, case.p_fail_next_stop, case.expected_cost,
    )  # fmt: skip


async def _until_there(who: str, wait_s: float, make: Callable[[], T]) -> T:
    """A business system that is away or wrongly described never stops the edge, which has machines to read."""
    told = False
    while True:
        try:
            return await asyncio.to_thread(make)
        except DidymosError as error:
            if not told:
                log.warning("erp %s: %s", who, error)
            told = True
            await asyncio.sleep(wait_s)


async def _again(who: str, every_s: float, once: Callable[[], Awaitable[None]]) -> None:
    """`once` for ever. A fault is logged when it starts and when it ends."""
    away = False
    while True:
        try:
            await once()
        except DidymosError as error:
            if not away:
                log.warning("%s: %s", who, error)
            away = True
        else:
            if away:
                log.warning("%s: works again", who)
            away = False
        await asyncio.sleep(every_s)
