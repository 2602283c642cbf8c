"""One round of the join: rows out of the staging store, cycles out of history, records onto the stream, doubts into `quarantine`.

    await join_round(plant, staging, bus, history)        number of records made

A record is published first, by its key, and noted after; a kill between the two publishes the same bytes again, which changes
nothing. Also here: closed work orders of the staging store become Events, once by their number; those that name a machine or
part that does not exist are quarantined and looked at again when they are corrected.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, insert, select

from didymos.assets import PROCESSES
from didymos.core.case import Event
from didymos.core.channel import channel_id, partition
from didymos.core.clock import HOUR_NS, SECOND_NS
from didymos.core.ports import Bus, HistoryClient
from didymos.core.series import Series
from didymos.data.erp.staging import Staging
from didymos.data.erp.staging_join import Doubt, keep_doubts, keep_joined, neighbours, pending, resolve
from didymos.data.erp.staging_process import keep_operations
from didymos.data.erp.staging_tables import CURRENT, WRITTEN
from didymos.formats.wire import pack
from didymos.plant.config import CycleChannel, Plant
from didymos.plant.cycles import CYCLES_OF, Shown
from didymos.plant.join import Claim, Facts, join

MARGIN_NS = HOUR_NS  # of telemetry on both sides of what is claimed, so that a wrong clock can be seen
SPAN_NS = 24 * HOUR_NS  # windows nearer to one another are read together
ORDERS = CURRENT["work_orders"]
STREAM = "stream"  # in `written`: what was published
BODY = ("component", "action", "new_serial", "note", "failure_mode", "mechanism", "cause")


async def join_round(plant: Plant, staging: Staging, bus: Bus, history: HistoryClient) -> int:
    rows = await asyncio.to_thread(pending, staging)
    if not rows:
        return 0
    facts = await asyncio.to_thread(facts_of, plant, staging, rows)
    claims = [claim_of(row, True, facts) for row in rows]
    shown = await shown_by(plant, history, claims)
    beside = await asyncio.to_thread(_beside, staging, claims)
    found, left = join([*claims, *(claim_of(row, False, facts) for row in beside)], facts, shown)
    for joined in found:
        record = joined.record
        asset = str(record.body["asset"])
        await bus.publish(f"res.{partition(asset)}.record.{asset}", pack(record), f"record:{record.key}")
    models = {a.id: a.model for a in plant.assets}
    processed = [j.record for j in found if models[str(j.record.body["asset"])] in PROCESSES]
    await asyncio.to_thread(keep_operations, staging, processed)
    hashes = {str(row["number"]): str(row["hash"]) for row in rows}
    now_ns = plant.clock.now_ns()
    notes = [(j.claim.number, j.record.key, hashes[j.claim.number]) for j in found]
    await asyncio.to_thread(keep_joined, staging, notes, now_ns)
    await asyncio.to_thread(keep_doubts, staging, [Doubt(q.key, q.kind, q.reason, q.asset) for q in left], now_ns)
    return len(found)


def facts_of(plant: Plant, staging: Staging, rows: Sequence[Mapping[str, Any]]) -> Facts:
    """What the staging store says of the orders and serials that the rows name."""
    orders = sorted({str(row["order"]) for row in rows if row["order"]})
    operations: dict[tuple[str, str], str] = {}
    serials: dict[str, list[str]] = defaultdict(list)
    order_of: dict[str, str] = {}
    t, s = CURRENT["operations"], CURRENT["serials"]
    named = sorted({str(row["serial"]) for row in rows if row["serial"]})
    with staging.reading() as db:
        for part in _parts(orders):
            for row in db.execute(select(t.c.order, t.c.operation, t.c.asset).where(t.c.order.in_(part))):
                operations[row.order, row.operation] = row.asset or ""
            for row in db.execute(select(s.c.order, s.c.serial).where(s.c.order.in_(part)).order_by(s.c.serial)):
                serials[row.order].append(row.serial)
        for part in _parts(named):
            for row in db.execute(select(s.c.order, s.c.serial).where(s.c.serial.in_(part), s.c.order.is_not(None))):
                order_of[row.serial] = row.order
        any_operation = db.execute(select(t.c.bkey).limit(1)).first() is not None
    if any_operation:
        operations.setdefault(("", ""), "")  # the ERP hands operations over: one that is missing is unknown, not unasked
    machines = frozenset(asset.id for asset in plant.assets)
    of_order = {order: tuple(found) for order, found in serials.items()}
    return Facts(machines, operations, of_order, order_of, plant.clock.now_ns())


def claim_of(row: Mapping[str, Any], is_pending: bool, facts: Facts) -> Claim:
    claim = Claim(
        str(row["number"]), row["order"] or "", row["operation"] or "", row["serial"] or "", row["lot"] or "", row["asset"] or "",
        row["start"], row["end"], row["known_ns"], row["good"], row["scrap"], row["joined"] or "", is_pending,
    )  # fmt: skip
    planned = facts.operations.get((claim.order, claim.operation), "")
    return claim if claim.asset or not planned else replace(claim, asset=planned)


async def shown_by(plant: Plant, history: HistoryClient, claims: Sequence[Claim]) -> dict[str, Shown]:
    """The cycles of every machine that has a channel for them, around what is claimed of it."""
    found: dict[str, Shown] = {}
    for channel in (c for erp in plant.erps for c in erp.cycles):
        times = [t for c in claims if c.asset == channel.asset for t in (c.start_ns, c.end_ns) if t is not None]
        parts = [await _shown(history, channel, start, end) for start, end in spans(times)]
        cycles = tuple(sorted((c for part in parts for c in part.cycles), key=lambda c: c.start_ns))
        gaps = tuple(span for part in parts for span in part.spans)
        found[channel.asset] = Shown(cycles, gaps, int(channel.tolerance_s * SECOND_NS))
    return found


async def _shown(history: HistoryClient, channel: CycleChannel, start_ns: int, end_ns: int) -> Shown:
    series: Series = await history.read(channel_id(channel.asset, channel.channel), start_ns, end_ns)
    return CYCLES_OF[channel.kind](series)


def spans(times: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of history that hold all of `times` with a margin; far ones apart."""
    found: list[tuple[int, int]] = []
    for t in sorted(times):
        if found and t - MARGIN_NS <= found[-1][1] + SPAN_NS:
            found[-1] = (found[-1][0], t + MARGIN_NS)
        else:
            found.append((t - MARGIN_NS, t + MARGIN_NS))
    return found


def _beside(staging: Staging, claims: Sequence[Claim]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for asset in {c.asset for c in claims if c.asset}:
        times = [t for c in claims if c.asset == asset for t in (c.start_ns, c.end_ns) if t is not None]
        for start, end in spans(times):
            rows |= {str(row["number"]): row for row in neighbours(staging, asset, start, end)}
    return list(rows.values())


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[i : i + 300] for i in range(0, len(items), 300)]


def closed_orders(plant: Plant, staging: Staging, parts: Mapping[str, Sequence[str]]) -> list[Event]:
    """Closed work orders that were not published yet; those that cannot be used are in `quarantine` from now on."""
    note = and_(WRITTEN.c.erp == STREAM, WRITTEN.c.key == ORDERS.c.number)
    query = (
        select(ORDERS).outerjoin(WRITTEN, note).where(ORDERS.c.state == "closed", WRITTEN.c.key.is_(None)).order_by(ORDERS.c.bkey)
    )
    events: list[Event] = []
    doubts: list[Doubt] = []
    with staging.reading() as db:
        rows = [dict(row) for row in db.execute(query).mappings()]
    for row in rows:
        why = _why_not(row, parts)
        if why:
            doubts.append(Doubt(f"work order {row['number']}", "work_order", why, row["asset"] or ""))
            continue
        body: dict[str, str | float | int | None] = {name: row[name] for name in BODY if row[name] is not None or name in BODY[:4]}
        events.append(Event(row["number"], "work_order_closed", row["asset"], row["closed"], row["known_ns"], body))
    keep_doubts(staging, doubts, plant.clock.now_ns())
    return events


def keep_published(staging: Staging, event: Event, known_ns: int) -> None:
    with staging.writing() as db:
        db.execute(insert(WRITTEN).values(erp=STREAM, key=event.id, number="", known_ns=known_ns))
        resolve(db, [f"work order {event.id}"], known_ns)


def _why_not(row: Mapping[str, Any], parts: Mapping[str, Sequence[str]]) -> str:
    if not row["asset"] or row["asset"] not in parts:
        return f"machine {row['asset']!r} is not in the plant"
    if row["component"] not in parts[row["asset"]]:
        known = ", ".join(parts[row["asset"]]) or "no component"
        return f"component {row['component']!r} is not part of {row['asset']}; it has {known}"
    return "" if row["closed"] is not None else "it is closed and says not when"
