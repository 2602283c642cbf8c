"""GET health and plant: does the service follow the plant, and what plant is it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from didymos.core.clock import DAY_NS
from didymos.service.context import MS_NS, Context, With, json_answer

router = APIRouter(tags=["plant"])


@dataclass(frozen=True, slots=True)
class Health:
    """`status`: ok, starting (not every asset heard of), stale (newest estimate too old), lost (no stream). Times epoch ms."""

    status: Literal["ok", "starting", "stale", "lost"]
    now: int
    newest: int | None
    assets: int
    estimated: int
    rejected: int
    sequence: int


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """Epoch ms."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlanRow:
    """`where`: an asset or area, "" = everything; `load`: times rated, 0 = stands still. Epoch ms."""

    start: int
    end: int
    where: str
    product: str
    load: float


@dataclass(frozen=True, slots=True)
class Plant:
    """`stops`: the next planned stops, epoch ms. `shift`: the one that is on, null between shifts; `shifts`: those of the next
    seven days; `running`: whether the plant is meant to run now; `plan`: production windows that are in force or to come."""

    id: str
    name: str
    timezone: str
    currency: str
    now: int
    stops: list[int]
    writable: bool
    shift: str | None
    running: bool
    shifts: list[ShiftRow]
    holidays: list[str]
    plan: list[PlanRow]


def health_of(context: Context) -> Health:
    snapshots = context.model.snapshots.values()
    newest = max((snapshot.time_ns for snapshot in snapshots), default=None)
    now = context.clock.now_ns()
    missing = [asset for asset in context.plant.assets if asset.id not in context.model.snapshots]
    if not context.model.connected:
        status = "lost"
    elif newest is not None and now - newest > context.plant.stale_s * 1e9:
        status = "stale"
    else:
        status = "starting" if missing else "ok"
    count = len(context.plant.assets)
    newest_ms = None if newest is None else newest // MS_NS
    return Health(status, now // MS_NS, newest_ms, count, count - len(missing), context.model.rejected, context.model.sequence)


@router.get("/health", response_model=Health)
async def health(context: With) -> Response:
    """200 whatever the state, so that a probe can read it; `status` says it."""
    return json_answer(health_of(context))


@router.get("/plant", response_model=Plant)
async def plant(context: With) -> Response:
    """Name, time zone, present plant time and the next planned stops."""
    now, stops = context.clock.now_ns(), []
    at = context.plant.calendar.next_stop(now)
    while at is not None and len(stops) < 8:
        stops.append(at // MS_NS)
        at = context.plant.calendar.next_stop(at)
    view, calendar = context.plant, context.plant.calendar
    shifts = [ShiftRow(name, begin // MS_NS, end // MS_NS) for begin, end, name in calendar.shifts_between(now, now + 7 * DAY_NS)]
    plans = [PlanRow(p.start_ns // MS_NS, p.end_ns // MS_NS, p.where, p.product, p.load) for p in calendar.plan if p.end_ns > now]
    given = (view.id, view.name, view.timezone, view.currency, now // MS_NS, stops, context.token is not None)
    running = calendar.is_planned(now)
    return json_answer(Plant(*given, calendar.shift_at(now), running, shifts, list(calendar.holidays), plans))
