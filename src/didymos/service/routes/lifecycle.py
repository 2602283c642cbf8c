"""The life of an asset beside its wear: POST assets/{id}/events, GET assets/{id}/lifecycle, GET hierarchy.

Two times: `at` = when it was true, `known_at` = only what had been entered by then. The service changes nothing itself: the event
goes to the plant stream, the worker takes it exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from didymos.core.channel import partition
from didymos.core.errors import DataError
from didymos.formats.wire import pack
from didymos.plant.lifecycle import Lifecycle, event_of, under
from didymos.service.auth import check_token
from didymos.service.context import LAST_MS, MS_NS, Context, With, find_asset, json_answer
from didymos.service.problem import Problem
from didymos.service.routes.cases import Accepted, Key

router = APIRouter(tags=["assets"])
Moment = Annotated[int | None, Query(ge=0, le=LAST_MS, description="epoch ms; now when absent")]


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to an asset. `at`: when it was true, epoch ms (now when absent). `gain`, `offset` in SI."""

    kind: str
    at: Annotated[int | None, Field(ge=0, le=LAST_MS)] = None
    path: str | None = None
    name: str | None = None
    channel: str | None = None
    gain: float | None = None
    offset: float | None = None
    serial: str | None = None
    note: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class EntryRow:
    id: str
    kind: str
    at: int
    known: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LifecycleView:
    """As it was at `at`, by what was known at `known_at`. calibrations: channel -> [gain, offset] where calibrated."""

    asset: str
    name: str
    path: str
    in_service: bool
    calibrations: dict[str, tuple[float, float]]
    entries: list[EntryRow]


@router.post("/assets/{asset_id}/events", response_model=Accepted, status_code=202)
async def enter(request: Request, context: With, asset_id: str, happening: Happening, key: Key = None) -> Response:
    """commissioned, decommissioned, moved, renamed, sensor_replaced or sensor_recalibrated. The same sent twice has one effect."""
    check_token(request, context.token)
    asset = find_asset(context, asset_id)
    if context.configured is None:
        raise Problem(404, "No plant file here", f"asset {asset_id}", todo="Ask a service started from a plant file.")
    now = context.clock.now_ns()
    given = {f: getattr(happening, f) for f in Happening.__dataclass_fields__ if f not in ("kind", "at")}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        at_ns = now if happening.at is None else happening.at * MS_NS
        event = event_of(happening.kind, context.configured.asset(asset.id), at_ns, now, given, key or "")
    except DataError as error:
        raise Problem(422, "This cannot be entered", f"asset {asset_id}", happening.kind, todo=str(error)) from error
    sequence = await context.bus.publish(f"evt.{partition(asset.id)}", pack(event), f"event:{event.id}")
    answer = json_answer(Accepted(event.id, sequence))
    answer.status_code = 202
    return answer


@router.get("/assets/{asset_id}/lifecycle", response_model=LifecycleView)
async def lifecycle(context: With, asset_id: str, at: Moment = None, known_at: Moment = None) -> Response:
    """Name, place, calibrations and whether in service, at any moment, by what is or was known."""
    asset = find_asset(context, asset_id)
    at_ns, known_ns = _times(context, at, known_at)
    life = context.model.lives.get(asset.id) or Lifecycle(asset.id, asset.name, asset.path)
    entries = [
        EntryRow(e.id, e.kind, e.time_ns // MS_NS, e.known_ns // MS_NS, e.body)
        for e in life.entries
        if known_ns is None or e.known_ns <= known_ns
    ]
    channels = {str(e.body["channel"]) for e in entries if "channel" in e.body}
    return json_answer(
        LifecycleView(
            asset.id,
            life.name_at(at_ns, known_ns),
            life.path_at(at_ns, known_ns),
            life.out_of_service(at_ns, known_ns) is None,
            {name: life.calibration_at(name, at_ns, known_ns) for name in sorted(channels)},
            entries,
        )
    )


@router.get("/hierarchy", response_model=list[str])
async def hierarchy(context: With, path: str = "", at: Moment = None, known_at: Moment = None) -> Response:
    """Ids of the assets that stood in `path` or below it at that moment and were in service: what a roll-up sums over."""
    at_ns, known_ns = _times(context, at, known_at)
    known = {a.id: context.model.lives.get(a.id) or Lifecycle(a.id, a.name, a.path) for a in context.plant.assets}
    return json_answer(under(known, path, at_ns, known_ns))


def _times(context: Context, at: int | None, known_at: int | None) -> tuple[int, int | None]:
    return context.clock.now_ns() if at is None else at * MS_NS, None if known_at is None else known_at * MS_NS
