"""Errors as `application/problem+json` (RFC 9457): who, what was given, what is allowed, what to do.

raise Problem(404, "No such asset", who="asset 'cp-99'", allowed="cp-01, cp-02", todo="Take an id from /api/v1/assets.")
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from didymos.core.errors import ConnectError, DataError, DidymosError

log = logging.getLogger(__name__)


@dataclass(eq=False)  # not frozen: Python itself writes __traceback__
class Problem(Exception):
    """One refusal. `given` is what came, `allowed` what would have been taken, `todo` the next step of whoever asked."""

    status: int
    title: str
    who: str
    given: str = ""
    allowed: str = ""
    todo: str = ""

    @property
    def detail(self) -> str:
        parts = [f"{self.who}: {self.title[0].lower()}{self.title[1:]}"]
        parts += [f"given: {self.given}"] if self.given else []
        parts += [f"allowed: {self.allowed}"] if self.allowed else []
        return "; ".join(parts) + (f". {self.todo}" if self.todo else "")


def unknown(kind: str, given: str, known: Sequence[str], todo: str) -> Problem:
    """404 for an id that nobody knows; names the nearest ones, or the first few."""
    near = get_close_matches(given, known, 5, 0.4) or list(known[:5])
    more = "" if len(known) <= len(near) else f" (of {len(known)})"
    return Problem(404, f"No such {kind}", f"{kind} {given!r}", given, (", ".join(near) or "none configured") + more, todo)


def answer(problem: Problem, path: str) -> Response:
    body = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "who": problem.who,
        "given": problem.given,
        "allowed": problem.allowed,
        "todo": problem.todo,
    }
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
    return Response(msgspec.json.encode(body), problem.status, headers, "application/problem+json")


def _invalid(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first.get("loc", ())[1:]) or "body"
    given = "nothing" if first.get("type") == "missing" else repr(first.get("input"))[:200]
    more = len(error.errors()) - 1
    todo = "Correct it and send again." if not more else f"Correct it and send again; {more} more mistakes follow."
    return Problem(422, "Not a legal value", place, given, str(first.get("msg", "")), todo)


def _ours(error: DidymosError) -> Problem:
    if isinstance(error, ConnectError):
        return Problem(503, "A part of the plant does not answer", "service", todo=f"{error} Try again; see GET /api/v1/health.")
    if isinstance(error, DataError):
        return Problem(422, "The stored data cannot be used", "history", todo=str(error))
    return Problem(500, "The request failed", "service", todo=str(error))


def add_problems(app: FastAPI) -> None:
    """Every error of `app` leaves as problem+json."""

    @app.exception_handler(Problem)
    async def refused(request: Request, error: Problem) -> Response:
        return answer(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(_invalid(error), request.url.path)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        todo = "See /api/v1/openapi.json for what exists."
        return answer(
            Problem(error.status_code, str(error.detail), f"{request.method} {request.url.path}", todo=todo), request.url.path
        )

    @app.exception_handler(DidymosError)
    async def ours(request: Request, error: DidymosError) -> Response:
        return answer(_ours(error), request.url.path)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
        todo = "The service's log has the cause; report it with the time."
        return answer(Problem(500, "The service failed", f"{request.method} {request.url.path}", todo=todo), request.url.path)
