"""An application behind a real uvicorn on a free loopback port, in a thread of the test process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

STARTS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """`url` of the running application; `run` awaits something inside its event loop."""

    url: str
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)


@contextmanager
def served(app: FastAPI) -> Iterator[Served]:
    """Started, and stopped when the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1))
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_until_complete, args=(server.serve([listener]),), daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Served(f"http://127.0.0.1:{port}", loop)
        finally:
            server.should_exit = True
            thread.join(STARTS_WITHIN_S)
            loop.close()


@contextmanager
def client_of(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as place, httpx.Client(base_url=place.url, trust_env=False) as client:
        yield client


def wait_until(true: Callable[[], Any]) -> Any:
    """What `true` returns once it is true; AssertionError when that takes longer than STARTS_WITHIN_S."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not true within {STARTS_WITHIN_S} s")
