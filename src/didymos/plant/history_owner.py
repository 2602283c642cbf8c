"""Who owns history right now: the running historian, asked over the bus; or, where no runtime is up, this process for the while.

Verified: tests/plant/test_backfill_owner.py, with a real nats-server and historian.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, final

from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Bus
from didymos.data.history.adopt import Adopt, Adopted
from didymos.data.history.client import HistoryClient
from didymos.data.history.requests import LEASE
from didymos.data.history.store import Store
from didymos.data.stream import open_bus
from didymos.data.stream.lease import Asker
from didymos.formats.wire import pack, unpack
from didymos.plant.bus import running_bus
from didymos.plant.config import Plant

ADOPT_S = 1800.0  # a day of many channels that is there already is merged meanwhile
ASK_S, AWAY_S = 15.0, 60.0  # then it is asked again; so long nobody may answer at all
T = TypeVar("T")


@final
class Asked:
    """The historian behind `url`. ConnectError when none answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def adopt(self, wish: Adopt) -> Adopted:
        """Asked again where no answer came: the historian may have been started anew meanwhile, and takes no file twice."""

        async def ask(bus: Bus) -> Adopted:
            owner = Asker(bus, LEASE)
            until, again, seen = time.monotonic() + ADOPT_S, False, time.monotonic()
            while True:
                try:
                    found = unpack(Adopted, await owner.ask("history.adopt", pack(wish), ASK_S))
                    return Adopted(found.rows, found.earlier, False) if again and found.known else found
                except ConnectError:
                    again = True
                    seen = time.monotonic() if await alive(bus) else seen
                    if time.monotonic() > min(until, seen + AWAY_S):
                        raise

        return on_bus(self.url, ask)

    def sql(self, query: str) -> Any:
        return on_bus(self.url, lambda bus: HistoryClient(bus).sql(query))


@final
class Owning:
    """This process, with the store open."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def adopt(self, wish: Adopt) -> Adopted:
        return self._store.adopt(wish)

    def sql(self, query: str) -> Any:
        return self._store.reader.sql(query, 600.0, 1_000_000)


async def alive(bus: Bus) -> bool:
    """Whether a historian answers."""
    try:
        await HistoryClient(bus, 5.0).latest(["nobody.nothing"])
    except ConnectError:
        return False
    return True


def on_bus(url: str, ask: Callable[[Bus], Awaitable[T]]) -> T:
    """One question on a connection of its own."""

    async def work() -> T:
        bus = await open_bus(url)
        try:
            return await ask(bus)
        finally:
            await bus.close()

    return asyncio.run(work())


@contextmanager
def owner_of(plant: Plant, nats: str = "") -> Iterator[Asked | Owning]:
    """ConfigError when another process owns the store and no bus leads to it."""
    url = running_bus(plant, nats)
    if url is not None:
        yield Asked(url)
        return
    try:
        store = Store(plant.store / "history")
    except ConfigError as error:
        raise ConfigError(f"{error} Or, when a runtime owns it, say where its bus is with --nats.") from error
    try:
        yield Owning(store)
    finally:
        store.close()
