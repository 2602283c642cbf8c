"""HTTP push receiver: machines POST their JSON to us; 200 means that it is on disk.

    POST /push          telemetry {"ts", "values"}: a tag's address is its field name
    POST /push/<topic>  as on an MQTT topic: addresses `<topic>#<field>`, or `<topic>` for one value or a waveform

Answers: 200 {"accepted": n}; otherwise problem+json (RFC 9457) that says what is wrong: 400, 413 too large, 401 without the bearer
token, 503 while nobody takes the data, to be sent again. A body is taken in whole or not at all.
Verified: tests/connect/test_http.py.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from didymos.core.clock import Clock, iso
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect.columns import Columns, Route, routes_of
from didymos.data.connect.options import Option, limited, read_options, read_url
from didymos.data.connect.supervise import Connected, Retry, Supervisor

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
_PUSH = "/push"
_WAITING = 64  # bodies held before senders get 503
_BARE = "\0push"  # the topic of POST /push itself; no address can name it
_TITLES = {400: "Bad request", 401: "Not authorised", 404: "Not found", 405: "Method not allowed", 413: "Too large", 503: "Busy"}


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """token      senders must give it as `Authorization: Bearer ...`; required unless we listen on loopback
    disk_s     how long a sender waits for its data to be on disk before it gets 503
    interval_s how often data normally come; nothing for silent_intervals of it is reported as disconnected. 0 = never
    """

    token: str = ""
    max_body_bytes: int = limited(4 << 20, 16, 1 << 30)
    disk_s: float = limited(10.0, 0.01, 600.0)
    interval_s: float = limited(0.0, 0.0)
    silent_intervals: int = limited(5, 2)
    retry_s: float = limited(0.5, 0.01, 3600.0)
    retry_most_s: float = limited(15.0, 0.01, 3600.0)


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class HttpPush:
    """One listener; `url` names host and port, for example http://127.0.0.1:8090. `stream` may be called once."""

    def __init__(self, source_id: str, url: str, options: Mapping[str, Option], clock: Clock) -> None:
        parts = read_url(url, ("http",), source_id)
        self._options = o = read_options(HttpOptions, options, source_id)
        if parts.port is None or parts.path not in ("", "/"):
            raise ConfigError(f"source {source_id}: url {url!r} is not allowed; write http://host:port without a path")
        self._host, self._port = parts.hostname or "", parts.port
        if not o.token and self._host not in ("127.0.0.1", "localhost", "::1"):
            raise ConfigError(
                f"source {source_id}: listening on {self._host} needs option token; without one only loopback is allowed"
            )
        self._id, self._clock = source_id, clock
        self._supervisor = Supervisor(source_id, clock, Retry(o.retry_s, max(o.retry_s, o.retry_most_s)))
        self._sequence = time.time_ns() // 1000  # names batches for ever: must not repeat after a restart

    def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        plain = [TagSpec(tag.address if _has_topic(tag) else f"{_BARE}#{tag.address}", tag.waveform) for tag in tags]
        routes = routes_of(plain, self._id)
        return self._supervisor.run(lambda: self._session(routes, [tag.address for tag in tags]))

    async def _session(self, routes: dict[str, Route], names: Sequence[str]) -> AsyncIterator[Payload | Fault | Connected]:
        inbox: asyncio.Queue[Payload] = asyncio.Queue(_WAITING)
        server, serving = await self._listen(lambda scope, receive, send: self._app(scope, receive, send, routes, names, inbox))
        try:
            yield Connected(f"listening on {self._host}:{self._port}", "senders that got no 200 send again")
            while not self._supervisor.closed.is_set():
                async for item in self._next(inbox):
                    yield item
        finally:
            server.should_exit = True
            with suppress(TimeoutError):
                async with asyncio.timeout(3.0):
                    await serving

    async def _next(self, inbox: asyncio.Queue[Payload]) -> AsyncIterator[Payload | Fault]:
        """The next payload; before it a Fault when it is overdue and two when it ends the silence. We go on listening meanwhile."""
        where, since_ns = f"{self._id}: {self._host}:{self._port}", self._clock.now_ns()
        quiet_s = self._options.interval_s * self._options.silent_intervals or None
        try:
            item = await self._supervisor.unless_closed(inbox.get(), quiet_s, where)
        except ConnectError:
            if self._supervisor.closed.is_set():
                return
            yield Fault(
                "disconnected", f"{where}: no data for {quiet_s} s. Check the sender; we go on listening.", self._clock.now_ns()
            )
            item = await self._supervisor.unless_closed(inbox.get(), None, where)
            now_ns = self._clock.now_ns()
            yield Fault("connected", f"{where}: data again", now_ns)
            yield Fault("gap", f"{where}: no data from {iso(since_ns)} to {iso(now_ns)}", now_ns)
        yield item

    async def _listen(self, app: Any) -> tuple[Any, asyncio.Task[None]]:
        """uvicorn inside this loop, without its signal handlers. OSError when the port is taken."""
        import socket

        import uvicorn

        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", interface="asgi3", access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)

        async def serve() -> None:
            try:
                await server.startup(sockets=[listener])
                await server.main_loop()
            finally:
                await server.shutdown(sockets=[listener])
                listener.close()

        return server, asyncio.create_task(serve())

    async def _app(
        self,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
        routes: dict[str, Route],
        names: Sequence[str],
        inbox: asyncio.Queue[Payload],
    ) -> None:
        try:
            topic = self._admitted(scope)
            accepted = await self._take(topic, await self._body(scope, receive), routes, names, inbox)
            await _answer(send, 200, {"accepted": accepted}, b"application/json")
        except Refused as error:
            problem = {"type": "about:blank", "title": _TITLES[error.status], "status": error.status, "detail": error.detail}
            await _answer(send, error.status, problem, b"application/problem+json")

    def _admitted(self, scope: dict[str, Any]) -> str:
        """The topic a request is for; Refused for anybody and anything else."""
        headers = dict(scope["headers"])
        path = unquote(scope["path"])
        if path != _PUSH and not path.startswith(_PUSH + "/"):
            raise Refused(404, f"{path} is not here; POST to {_PUSH} or {_PUSH}/<topic>")
        if scope["method"] != "POST":
            raise Refused(405, f"{scope['method']} is not allowed; POST")
        given = headers.get(b"authorization", b"").decode("latin-1")
        if self._options.token and not hmac.compare_digest(given.encode(), f"Bearer {self._options.token}".encode()):
            raise Refused(401, "give the token as 'Authorization: Bearer <token>'")
        return path[len(_PUSH) + 1 :] or _BARE

    async def _body(self, scope: dict[str, Any], receive: Receive) -> bytes:
        most = self._options.max_body_bytes
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            raise Refused(413, f"the body has {int(announced)} bytes; at most {most} are allowed (option max_body_bytes)")
        body, more = bytearray(), True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise Refused(400, "the sender went away")
            body += part.get("body", b"")
            more = part.get("more_body", False)
            if len(body) > most:
                raise Refused(413, f"the body has more than {most} bytes, the most that is allowed (option max_body_bytes)")
        return bytes(body)

    async def _take(
        self, topic: str, body: bytes, routes: dict[str, Route], names: Sequence[str], inbox: asyncio.Queue[Payload]
    ) -> int:
        """Number of values and waveforms accepted, once they are on disk."""
        route = routes.get(topic)
        if route is None:
            raise Refused(
                400, f"no tag is configured for {_PUSH}{'' if topic == _BARE else '/' + topic}; see the source's tags in plant.toml"
            )
        columns = Columns(names, self._id)
        try:
            columns.add(route, body, self._clock.now_ns())
        except DataError as error:
            raise Refused(400, str(error)) from error
        self._sequence += 1
        batch, waveforms = columns.take(self._sequence)
        if batch is None and not waveforms:
            return 0
        stored = asyncio.Event()

        async def done() -> None:
            stored.set()

        try:
            inbox.put_nowait(Payload(batch, waveforms, done))
            async with asyncio.timeout(self._options.disk_s):
                await stored.wait()
        except (asyncio.QueueFull, TimeoutError):
            raise Refused(503, "the data are not on disk yet; send them again") from None
        return (0 if batch is None else len(batch)) + len(waveforms)

    async def browse(self) -> list[dict[str, str]]:
        """A receiver cannot ask: senders choose what they push."""
        raise ConnectError(f"{self._id}: an HTTP push source cannot be browsed; its senders choose what they send")

    async def close(self) -> None:
        self._supervisor.closed.set()


def _has_topic(tag: TagSpec) -> bool:
    """Addresses with '#' or '/', and waveforms, have a path of their own; plain names are fields of POST /push."""
    return "#" in tag.address or "/" in tag.address or tag.waveform


async def _answer(send: Send, status: int, body: object, kind: bytes) -> None:
    data = msgspec.json.encode(body)
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(data))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
