"""GET doctor: every hop from source to page as it is now, what is wrong and what to do about it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from didymos.plant.diagnosis import Diagnosis
from didymos.service.context import With, json_answer
from didymos.service.problem import Problem

router = APIRouter(tags=["plant"])
_one_at_a_time = asyncio.Semaphore(2)  # each asks every role: many open pages must not become a load on the plant


@router.get("/doctor", response_model=Diagnosis)
async def doctor(context: With) -> Response:
    """200 whatever the state; `ok` says it, `troubles` why. Takes some seconds while a role does not answer."""
    if context.examine is None:
        raise Problem(404, "No doctor here", "GET /api/v1/doctor", todo="Ask a service started from a plant file.")
    async with _one_at_a_time:
        return json_answer(await context.examine())
