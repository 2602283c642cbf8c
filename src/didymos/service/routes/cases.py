"""GET cases; POST cases/{id}/accept | work | close: a person's decision becomes an Event on the plant stream.

The service changes nothing itself: the worker folds the event in, writes the Record and publishes the Case anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response

from didymos.core.case import TRANSITIONS, Case, Event
from didymos.core.channel import partition
from didymos.formats.wire import pack
from didymos.service.auth import check_token
from didymos.service.context import Context, With, check_text_id, json_answer, page_of
from didymos.service.problem import Problem, unknown
from didymos.service.routes.assets import Limit, Offset
from didymos.service.views import CaseRow, case_row

router = APIRouter(tags=["cases"])
STATES = {"accept": "accepted", "work": "work", "close": "closed"}
Verdict = Literal["confirmed", "other_cause", "false_alarm", "unclear"]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says about a case. `verdict` is required on close."""

    verdict: Verdict | None = None
    note: Annotated[str, Field(max_length=2000)] = ""
    who: Annotated[str, Field(max_length=200)] = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is on disk. `sequence` is its place in the plant stream."""

    event: str
    sequence: int


@router.get("/cases", response_model=list[CaseRow])
async def cases(
    request: Request,
    context: With,
    limit: Limit = 500,
    offset: Offset = 0,
    asset: str | None = None,
    state: Annotated[Literal["open", "accepted", "work", "closed", "active"] | None, Query()] = None,
) -> Response:
    """Cases, most urgent first, closed ones last; `state=active` = all that are not closed."""
    chosen = [case for case in context.model.cases.values() if _fits(case, asset, state)]
    chosen.sort(key=lambda case: (case.state == "closed", case.priority, -case.opened_ns, case.id))
    rows = [case_row(case) for case in chosen[offset : offset + limit]]
    return page_of(request, rows, len(chosen), limit, offset)


def _fits(case: Case, asset: str | None, state: str | None) -> bool:
    right_state = state in (None, case.state) or (state == "active" and case.state != "closed")
    return right_state and asset in (None, case.asset)


@router.post("/cases/{case_id}/{action}", response_model=Accepted, status_code=202)
async def decide(
    request: Request, context: With, case_id: str, action: Literal["accept", "work", "close"], decision: Decision, key: Key = None
) -> Response:
    """Accept a case, take it to work, or close it with a verdict. The same decision sent twice has one effect."""
    check_token(request, context.token)
    case = context.model.cases.get(check_text_id("case", case_id))
    if case is None:
        raise unknown("case", case_id, list(context.model.cases), "Take an id from GET /api/v1/cases.")
    event = _event(context, case, action, decision, key)
    subject = f"evt.{partition(case.asset)}"
    sequence = await context.bus.publish(subject, pack(event), event.id)
    answer = json_answer(Accepted(event.id, sequence))
    answer.status_code = 202
    return answer


def _event(context: Context, case: Case, action: str, decision: Decision, key: str | None) -> Event:
    state = STATES[action]
    if state != case.state and state not in TRANSITIONS[case.state]:
        allowed = ", ".join(TRANSITIONS[case.state]) or "nothing: it is closed"
        raise Problem(
            409, "The case cannot go there", f"case {case.id}", f"{case.state} -> {state}", allowed, "Read the case again."
        )
    if action == "close" and decision.verdict is None:
        allowed = "confirmed, other_cause, false_alarm, unclear"
        raise Problem(422, "A case is closed with a verdict", f"case {case.id}", "no verdict", allowed, "Say whether it was right.")
    now = context.clock.now_ns()
    body: dict[str, str | float | int | None] = {
        "case": case.id,
        "state": state,
        "verdict": decision.verdict,
        "note": decision.note,
        "who": decision.who,
    }
    return Event(key or f"verdict-{case.id}-{state}", "case_verdict", case.asset, now, now, body)
