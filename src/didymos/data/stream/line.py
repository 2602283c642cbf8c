"""One connection to nats-server, and what to do while the server is away: try again for a bounded time, then say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from didymos.core.errors import ConnectError, FencedError
from didymos.data.stream.server import check_version

T = TypeVar("T")
AWAY = (OSError, asyncio.TimeoutError, nats.errors.Error, nats.js.errors.Error)  # what nats-py raises while the server is away
# server busy, same id under way, no responder, insufficient resources for now, too few peers up,
# another conditional write of the subject under way
PASSING = (10008, 10158, 10074, 10023, 10005, 10164)
WRONG_LAST = 10071  # what was expected to be the last message is not
Notice = Callable[[], Awaitable[None]]


async def connect(url: str, reconnect: bool, reconnected: Notice | None = None, closed: Notice | None = None) -> Client:
    """One attempt of 4 s; with `reconnect` the connection restores itself for ever. Raises one of AWAY, or ConnectError."""
    heard: list[Exception] = []

    async def keep(error: Exception) -> None:
        heard.append(error)
        del heard[:-8]

    line, servers = Client(), [server.strip() for server in url.split(",")]
    try:
        await asyncio.wait_for(
            line.connect(
                servers, error_cb=keep, reconnected_cb=reconnected, closed_cb=closed, allow_reconnect=reconnect,
                max_reconnect_attempts=-1 if reconnect else 1, reconnect_time_wait=0.2, connect_timeout=2,  # type: ignore[arg-type]
                ping_interval=5, name="didymos",
            ),
            4.0,
        )  # fmt: skip
        refuse_old(url, line)
    except BaseException:
        await line.close()
        for error in heard:
            raise_if_final(url, error)
        raise
    return line


def refuse_old(url: str, line: Client) -> None:
    refusal = check_version(url, str(line.connected_server_version))
    if refusal:
        raise ConnectError(f"{refusal}. Allowed: 2.11 or newer. Update that server.")


def raise_if_final(url: str, error: BaseException) -> None:
    """Raises ConnectError for what no retry can cure: the server understood and refused."""
    if isinstance(error, nats.errors.AuthorizationError):
        raise ConnectError(
            f"{url}: the server refuses our credentials ({error}). Correct user and password in [nats] url."
        ) from error
    if isinstance(error, nats.js.errors.APIError) and error.err_code == WRONG_LAST:
        raise FencedError(f"{url}: refused, somebody else has written meanwhile ({error.description}).") from error
    if isinstance(error, nats.js.errors.APIError) and error.code not in (None, 404, 408, 503) and error.err_code not in PASSING:
        raise ConnectError(
            f"{url}: the server refuses: {error.description} (code {error.err_code}). Check the streams' limits and the disk."
        ) from error


async def patiently(url: str, what: str, patience_s: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """Result of `attempt`, tried again until `patience_s` has passed without success; then ConnectError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        try:
            return await attempt()
        except AWAY as error:
            raise_if_final(url, error)
            if loop.time() >= deadline:
                raise ConnectError(
                    f"{url}: {what} not possible for {patience_s:g} s ({type(error).__name__}: {error}). "
                    "Start nats-server or correct [nats] url."
                ) from error
        await asyncio.sleep(0.1)
