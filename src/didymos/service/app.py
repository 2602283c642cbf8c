"""The web service: one FastAPI application over a bus, a historian's client, a configured plant and a clock.

app = create_app(bus, history, plant, clock, token)      # token None = read-only
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, WebSocket
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from didymos.core.clock import Clock, DataClock
from didymos.core.ports import Bus, HistoryClient
from didymos.plant.config import Plant
from didymos.plant.diagnosis import Diagnosis
from didymos.service.context import Context
from didymos.service.live import live_of, serve_page
from didymos.service.pages import CSP, STATIC, add_pages, load_pages
from didymos.service.problem import add_problems
from didymos.service.read_model import PlantView, ReadModel
from didymos.service.routes import ROUTERS

HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class SafeHeaders:
    """Adds HEADERS to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def create_app(
    bus: Bus,
    history: HistoryClient,
    plant: PlantView,
    clock: Clock,
    token: str | None,
    static: Path = STATIC,
    examine: Callable[[], Awaitable[Diagnosis]] | None = None,
    configured: Plant | None = None,
) -> FastAPI:
    """The application. It follows the results stream while it runs and stops following when it is shut down."""
    context = Context(bus, history, plant, clock, token, ReadModel(), examine, configured)
    live = live_of(context)

    def changed(asset: str) -> None:
        live.changed(asset)
        snapshot = context.model.snapshots.get(asset)
        if isinstance(clock, DataClock) and snapshot is not None:
            clock.seen(snapshot.time_ns)  # in a replay the data tell the time

    context.model.changed = changed

    @asynccontextmanager
    async def following(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each) for each in (context.model.follow(bus), live.follow(bus), live.beat())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="Didymos",
        version="1",
        lifespan=following,
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.state.context, app.state.live = context, live
    app.add_middleware(SafeHeaders)
    add_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")

    @app.websocket("/api/v1/ws")
    async def ws(socket: WebSocket) -> None:
        await serve_page(live, socket)

    add_pages(app, load_pages(static, plant.name))
    return app
