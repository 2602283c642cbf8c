"""POST events: a fact from outside the sensors, such as a work order that was closed. It lands on the plant stream, once per id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.formats.wire import pack
from didymos.service.auth import check_token
from didymos.service.context import LAST_MS, MS_NS, With, find_asset, json_answer
from didymos.service.problem import Problem
from didymos.service.routes.cases import Accepted
from didymos.service.views import component_rows

router = APIRouter(tags=["events"])
Short = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True, slots=True)
class EventIn:
    """`id` names the fact for ever: sent again it has no second effect. `time`: when it was true, epoch ms, at most now."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    kind: Literal["work_order_closed"]
    asset: Short
    time: Annotated[int, Field(ge=0, le=LAST_MS)]
    body: dict[Short, str | float | int | None] = field(default_factory=dict)


@router.post("/events", response_model=Accepted, status_code=202)
async def event(request: Request, context: With, given: EventIn) -> Response:
    """Report a closed work order: body {"component", "new_serial", ...}. May come days late."""
    check_token(request, context.token)
    asset = find_asset(context, given.asset)
    now = context.clock.now_ns()
    if given.time * MS_NS > now:
        todo = "Send it when it has happened."
        raise Problem(422, "The event lies in the future", f"event {given.id}", str(given.time), f"time <= {now // MS_NS}", todo)
    component = given.body.get("component")
    known = [each.id for each in component_rows(asset, context.model.snapshots.get(asset.id))]
    if component not in known and (known or not component):
        raise Problem(
            422, "No such component", f"event {given.id}", repr(component), ", ".join(known), "Name one in body.component."
        )
    value = Event(given.id, given.kind, asset.id, given.time * MS_NS, now, given.body)
    sequence = await context.bus.publish(f"evt.{partition(asset.id)}", pack(value), value.id)
    answer = json_answer(Accepted(value.id, sequence))
    answer.status_code = 202
    return answer
