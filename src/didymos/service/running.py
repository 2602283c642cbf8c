"""`didymos run`: the roles supervised, and on SIGHUP the plant file read anew.

A file with a mistake, or with a change that needs a stop, changes nothing and is named in the log. Else the roles end, the new
version becomes the one that runs, and they start again in order; the worker takes its checkpoint over (`plant.migrate`).
nats-server runs on. What a source sends meanwhile waits where it always does: in the broker's session, in the file, in the PLC's
queue as far as that goes.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from didymos.core.errors import DidymosError
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig
from didymos.plant import versions
from didymos.plant.config import Plant, load
from didymos.plant.difference import difference, refusals
from didymos.plant.roles import runtime
from didymos.plant.supervise import Role, supervise

log = logging.getLogger("didymos")

PID, WHO = "run.pid", "reload.who"
_notes: set[asyncio.Task[None]] = set()  # held, so that none is collected before it ends


@dataclass(frozen=True, slots=True)
class Running:
    """What stays the same over reloads."""

    plant_file: Path
    url: str
    server: ServerConfig | None
    token: str


async def run(plant: Plant, place: Running) -> None:
    """Until SIGTERM or SIGINT."""
    stop, again, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    _apply(plant, place, _user(), [])
    (plant.store / PID).write_text(str(os.getpid()))
    pids: dict[str, int] = {}

    def started(name: str, pid: int) -> None:
        pids[name] = pid
        (plant.store / "pids.json").write_text(json.dumps(pids))

    below = [role for role in _roles(plant, place, place.server) if role.name == "nats"]
    ground = asyncio.create_task(supervise(below, stop, started))
    for role in below:
        if role.ready is not None:
            await role.ready()
    noting = asyncio.create_task(_note(plant, place))
    try:
        while not stop.is_set():
            plant = await _until_reload(plant, place, stop, again, started)
    finally:
        stop.set()
        noting.cancel()
        await asyncio.gather(noting, return_exceptions=True)
        await ground
        (plant.store / PID).unlink(missing_ok=True)


async def _until_reload(plant: Plant, place: Running, stop: asyncio.Event, again: asyncio.Event, started) -> Plant:  # type: ignore[no-untyped-def]
    """Supervise the roles of one version; returns the next one to run, the same when the end has come."""
    over = asyncio.Event()
    running = asyncio.create_task(supervise(_roles(plant, place, None), over, started))
    try:
        while not stop.is_set():
            waits = [asyncio.create_task(e.wait()) for e in (stop, again)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if not again.is_set():
                break
            again.clear()
            new = _read(plant, place)
            if new is not None:
                over.set()
                await running
                _apply(new, place, _who(plant), difference(plant, new))
                noting = asyncio.create_task(_note(new, place))
                _notes.add(noting)
                noting.add_done_callback(_notes.discard)
                return new
        return plant
    finally:
        over.set()
        await running


def _read(plant: Plant, place: Running) -> Plant | None:
    """The plant file as it is now; None, and the reason in the log, when it cannot replace the one that runs."""
    try:
        new = load(place.plant_file)
    except DidymosError as error:
        log.error("reload: nothing is changed: %s", error)
        return None
    refused = refusals(plant, new)
    for line in refused:
        log.error("reload: nothing is changed: %s", line)
    if not refused and not difference(plant, new):
        log.info("reload: the plant file says what runs already")
        return None
    return None if refused else new


def _apply(plant: Plant, place: Running, who: str, changes: list[str]) -> None:
    version = versions.apply(plant, place.plant_file, place.plant_file.read_text(encoding="utf-8"), who, changes)
    for line in changes:
        log.info("reload: %s", line)
    if version is not None:
        log.info("plant file version %d (%s) by %s", version.number, version.sha256[:12], version.who)


def _roles(plant: Plant, place: Running, server: ServerConfig | None) -> list[Role]:
    return runtime(plant, versions.applied_file(place.plant_file), place.url, server, place.token)


async def _note(plant: Plant, place: Running) -> None:
    """Every version in the ledger; those that are there already stay as they are."""
    bus = await open_bus(place.url)
    try:
        for version in versions.versions(plant.store):
            await versions.record(bus, plant, version, versions.text_of(plant.store, version))
    except DidymosError as error:
        log.warning("a version of the plant file is not in the ledger yet: %s", error)
    finally:
        await bus.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _who(plant: Plant) -> str:
    """Who asked, as `didymos reload` has left it."""
    file = plant.store / WHO
    said = file.read_text().strip() if file.exists() else ""
    file.unlink(missing_ok=True)
    return said or _user()
