"""`didymos replay`: recorded data through the runtime's own doors and the very same loop.

waveforms   a plant whose waveform tags come by MQTT (`service.replay_bearings`): every snapshot goes to a real broker, each verdict
            is held against the recording's end
files       a plant whose sources are all of type replay (`service.replay_files`): the roles run until the files end

The run keeps a folder of its own and starts from nothing; the folder is removed afterwards, unless the run failed.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.core.ports import Bus
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port
from didymos.plant.config import Plant, load
from didymos.plant.replay import recordings
from didymos.plant.replay_plan import Run, plan
from didymos.plant.roles import runtime
from didymos.plant.supervise import Role, supervise
from didymos.service import replay_bearings, replay_files
from didymos.service.replay_results import Said, follow

START_S = 120.0  # until the page must be up

Work = Callable[[Bus, Said, Console], Coroutine[Any, Any, dict[str, Any]]]


class StoppedError(DataError):
    """A signal came before the recordings ended."""


@dataclass(frozen=True, slots=True)
class Replay:
    """speed: plant seconds per second, 0 = as fast as possible. port: of the page, 0 = the plant file's. stay: keep the page."""

    plant_file: Path
    recordings: Path
    speed: float
    port: int
    stay: bool


def replay(settings: Replay, console: Console) -> dict[str, Any]:
    """Runs it and returns what was found. ConfigError and DataError come before anything is started."""
    given = load(settings.plant_file)
    if not settings.recordings.is_dir():
        raise DataError(f"--from {settings.recordings}: there is no such folder. Give the folder that holds the recordings.")
    if not of_files(given):
        recordings(given, settings.recordings)
    port = settings.port or given.port
    check_port(given.host, port)
    folder = Path(tempfile.mkdtemp(prefix="didymos-replay-"))
    run = Run(folder, settings.recordings.resolve(), free_port(), port, settings.speed)
    try:
        plant_file, plant = plan(settings.plant_file, run)
        if of_files(plant):
            work = replay_files.work(plant)
        else:
            with console.status("learning each bearing's life from the others"):
                work = replay_bearings.work(plant, run.recordings, settings.speed)
        found = asyncio.run(_with_runtime(settings, plant, plant_file, run, work, console))
    except StoppedError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        console.print(f"What was kept and said on the way: {folder}", soft_wrap=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return found


def of_files(plant: Plant) -> bool:
    return bool(plant.sources) and all(source.type == "replay" for source in plant.sources)


def check_port(host: str, port: int) -> None:
    """ConfigError when somebody else listens there: their page would be taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"page: {host}:{port} cannot be used ({error.strerror}). Choose another with --port.") from error


async def _with_runtime(settings: Replay, plant: Plant, plant_file: Path, run: Run, work: Work, console: Console) -> dict[str, Any]:
    """Starts the roles, does `work` beside them, ends them. A signal ends the work first, then the roles."""
    asked, stop, began = asyncio.Event(), asyncio.Event(), time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    server = ServerConfig(store=run.folder / "stream", port=free_port(), mqtt_port=run.mqtt_port)
    with (run.folder / "roles.log").open("ab") as output:
        running = asyncio.create_task(supervise(_roles(plant, plant_file, server), stop, output=output))
        running.add_done_callback(lambda _: asked.set())
        try:
            found = await _unless(asked, _worked(plant, work, server.url, console))
            found |= {"plant": plant.id, "speed": settings.speed, "wall_s": round(time.monotonic() - began, 1)}
            if settings.stay:
                console.print("All is judged; the page stays until Ctrl-C.")
                await asked.wait()
        finally:
            stop.set()
            await running
    return found


def _roles(plant: Plant, plant_file: Path, server: ServerConfig) -> list[Role]:
    """Of files this process itself is the edge, and so knows when they end."""
    roles = runtime(plant, plant_file, server.url, server, secrets.token_urlsafe(12))
    return [role for role in roles if role.name != "edge"] if of_files(plant) else roles


async def _unless(asked: asyncio.Event, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns. StoppedError when `asked` is set first; `work` has ended then."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StoppedError("replay: stopped before the end of the recordings; nothing is concluded from a part of them.")
        return await working
    finally:
        await ended(working)
        await ended(stopped)


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancels `task` until it has ended: a single cancellation may get lost in `asyncio.wait_for` of Python 3.11."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


async def _worked(plant: Plant, work: Work, url: str, console: Console) -> dict[str, Any]:
    """`work` over an open bus, once the page is up, while `Said` follows the results."""
    with console.status("starting the twin and its page"):
        await _page_is_up(plant)
    console.print(f"[bold]{plant.name}[/bold]  http://{plant.host}:{plant.port}/", soft_wrap=True)
    bus, said = await open_bus(url), Said()
    following = asyncio.create_task(follow(bus, said))
    working = asyncio.create_task(work(bus, said, console))
    try:
        await asyncio.wait({following, working}, return_when=asyncio.FIRST_COMPLETED)
        return await (working if working.done() else following)  # the follower ends with an error only
    finally:
        await ended(working)
        await ended(following)
        await bus.close()


async def _page_is_up(plant: Plant) -> None:
    """ConnectError after START_S."""
    began = time.monotonic()
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() - began < START_S:
            try:
                if (await client.get(f"http://{plant.host}:{plant.port}/api/v1/health")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise ConnectError(f"replay: no page after {START_S:.0f} s; roles.log in the folder named below says why.")
