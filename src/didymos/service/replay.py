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
from collections.abc import Awaitable, Callable
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

Work = Callable[[Bus, Said, Console], Awaitable[dict[str, Any]]]


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
    """Starts the roles, does `work` beside them, ends them."""
    stop, began = asyncio.Event(), time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = ServerConfig(store=run.folder / "stream", port=free_port(), mqtt_port=run.mqtt_port)
    with (run.folder / "roles.log").open("ab") as output:
        running = asyncio.create_task(supervise(_roles(plant, plant_file, server), stop, output=output))
        running.add_done_callback(lambda _: stop.set())
        try:
            with console.status("starting the twin and its page"):
                await _page_is_up(plant, stop)
            console.print(f"[bold]{plant.name}[/bold]  http://{plant.host}:{plant.port}/", soft_wrap=True)
            found = await _worked(work, server.url, stop, console)
            found |= {"plant": plant.id, "speed": settings.speed, "wall_s": round(time.monotonic() - began, 1)}
            if settings.stay:
                console.print("All is judged; the page stays until Ctrl-C.")
                await stop.wait()
        finally:
            stop.set()
            await running
    return found


def _roles(plant: Plant, plant_file: Path, server: ServerConfig) -> list[Role]:
    """Of files this process itself is the edge, and so knows when they end."""
    roles = runtime(plant, plant_file, server.url, server, secrets.token_urlsafe(12))
    return [role for role in roles if role.name != "edge"] if of_files(plant) else roles


async def _worked(work: Work, url: str, stop: asyncio.Event, console: Console) -> dict[str, Any]:
    """`work` over an open bus while `Said` follows the results. DataError when `stop` is set first."""
    bus, said = await open_bus(url), Said()
    following = asyncio.create_task(follow(bus, said))
    working = asyncio.ensure_future(work(bus, said, console))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({following, working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            await following  # says what went wrong
        if not working.done():
            raise DataError("replay: stopped before the end of the recordings; nothing is concluded from a part of them.")
        return await working
    finally:
        for task in (following, working, stopped):
            task.cancel()
        await asyncio.gather(following, working, stopped, return_exceptions=True)
        await bus.close()


async def _page_is_up(plant: Plant, stop: asyncio.Event) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while not stop.is_set():
            try:
                if (await client.get(f"http://{plant.host}:{plant.port}/api/v1/health")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise ConnectError("replay: the roles ended before the page was up; see roles.log in the folder named below.")
