"""Who may change something: whoever holds the token that the start printed. Reading is anonymous."""

from __future__ import annotations

from hmac import compare_digest

from fastapi import Request

from didymos.service.problem import Problem


def check_token(request: Request, token: str | None) -> None:
    """Problem 401 without the right `Authorization: Bearer` header, 403 where the service runs read-only (`token` None)."""
    who = f"{request.method} {request.url.path}"
    if token is None:
        raise Problem(403, "This service is read-only", who, todo="Start it with a token to allow changes.")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), token.encode()):
        found = "no token" if not given else "a token that is not the right one"
        todo = "Send the header `Authorization: Bearer TOKEN` with the token that the start printed."
        raise Problem(401, "A token is needed to change anything", who, found, "the token printed at start", todo)
