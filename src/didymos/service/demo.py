"""`didymos demo`: a simulated machining line over real OPC UA and MQTT, the runtime beside it, and the page.

The line is a process of its own; what it knows of its faults goes into a truth file that nothing reads before the end. Then the
Cases in the ledger are held against it and the score is printed.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from didymos.bench.score import Opened, score, table
from didymos.core.clock import DAY_NS, HOUR_NS, parse_time
from didymos.data.stream.server import ServerConfig, free_port
from didymos.numerics.cache import wanted_directory
from didymos.plant.config import Plant, load
from didymos.plant.roles import runtime
from didymos.plant.supervise import Role, supervise
from didymos.service.context import MS_NS
from didymos.service.demo_field import demo_field
from didymos.thread.ledger import SqliteLedger

START = "2026-01-05T06:00:00Z"
SPEED = 3600.0
DAYS = 11.0
BEGIN_AFTER_S = 20.0  # wall time until the line starts: long enough for every role to listen
PATIENCE_S = 300.0  # wall time that the score waits for a twin that is behind
LAST_HOURS_NS = 3 * HOUR_NS
SETTLE_S = 15.0  # wall time for the last samples to become verdicts


@dataclass(frozen=True, slots=True)
class Demo:
    """host, port: of the page. stop_after_s: wall seconds after the start; 0 = until Ctrl-C."""

    host: str
    port: int
    seed: int
    stop_after_s: float


def demo(settings: Demo) -> None:
    folder = Path(tempfile.mkdtemp(prefix="didymos-demo-"))
    server = ServerConfig(store=folder / "stream", port=free_port(), mqtt_port=free_port())
    opcua_port = free_port()
    spindle_field = demo_field(folder)
    compile_once(write_plant(folder, settings, server, opcua_port, datetime.now(UTC), spindle_field))
    began = datetime.now(UTC) + timedelta(seconds=BEGIN_AFTER_S)
    plant_file = write_plant(folder, settings, server, opcua_port, began, spindle_field)
    plant = load(plant_file)
    token = secrets.token_urlsafe(12)
    line = Role("line", virtual_command(folder, settings, server, opcua_port, began), once=True)
    roles = runtime(plant, plant_file, server.url, server, token)
    asyncio.run(_run(settings, plant, [roles[0], line, *roles[1:]], folder, token, began))


def write_plant(
    folder: Path, settings: Demo, server: ServerConfig, opcua_port: int, began: datetime, spindle_field: str = ""
) -> Path:
    from didymos.plant.virtual.template import fill

    text = fill(
        opcua_url=f"opc.tcp://127.0.0.1:{opcua_port}",
        mqtt_url=f"mqtt://127.0.0.1:{server.mqtt_port}",
        mqtt_port=server.mqtt_port,
        erp_url=f"sqlite:///{folder / 'erp.db'}",
        store=str(folder / "store"),
        wall_start=began.isoformat(),
        start=START,
        speed=SPEED,
        host=settings.host,
        port=settings.port,
        spindle_field=spindle_field,
    )
    path = folder / "plant.toml"
    path.write_text(text)
    (folder / "store").mkdir(exist_ok=True)
    return path


def compile_once(plant_file: Path) -> None:
    """On a computer that never ran one: the machines' equations become machine code before the line starts, so that it is watched
    from its first hour. Later starts find them in the cache; a single one that is missing is compiled by the worker."""
    if any(wanted_directory().glob("__pycache__/*.nbi")):
        return
    columns = (
        SpinnerColumn(),
        TextColumn("first start here: compiling the machines' equations, about half a minute"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(), transient=True) as shown:
        shown.add_task("compiling", total=None)
        subprocess.run([sys.executable, "-m", "didymos.plant.warm", str(plant_file)], stderr=subprocess.DEVNULL)


def virtual_command(folder: Path, settings: Demo, server: ServerConfig, opcua_port: int, began: datetime) -> tuple[str, ...]:
    given = {
        "seed": settings.seed,
        "start": START,
        "speed": SPEED,
        "days": DAYS,
        "opcua-port": opcua_port,
        "mqtt-port": server.mqtt_port,
        "erp": folder / "erp.db",
        "truth": folder / "truth.json",
        "wall-start": began.isoformat(),
    }
    return (
        sys.executable,
        "-m",
        "didymos.plant.virtual",
        *(word for key, value in given.items() for word in (f"--{key}", str(value))),
    )


async def _run(settings: Demo, plant: Plant, roles: list[Role], folder: Path, token: str, began: datetime) -> None:
    console, stop, pids = Console(), asyncio.Event(), {}

    def started(name: str, pid: int) -> None:
        pids[name] = pid
        (folder / "pids.json").write_text(json.dumps(pids))

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    output = (folder / "roles.log").open("ab")
    running = asyncio.create_task(supervise(roles, stop, started, output))
    running.add_done_callback(lambda _: stop.set())
    first = time.monotonic()
    with console.status("starting the line, the twin and the page"):
        await _page_is_up(plant, stop)
    if not stop.is_set():
        url = f"http://{plant.host}:{plant.port}/"
        console.print(f"[bold]{plant.name}[/bold]  {url}   (up after {time.monotonic() - first:.0f} s)", soft_wrap=True)
        console.print(
            f"{len(plant.assets)} machines; one second here is {SPEED / 3600:.0f} hour of plant time, for {DAYS:.0f} plant days."
        )
        console.print(f"To decide on cases: {url}#token={token}", soft_wrap=True)
        console.print(f"Data, log and pids: {folder}   Ctrl-C ends it.\n", soft_wrap=True)
        await _watch(settings, plant, folder, stop, console, began)
    stop.set()
    await running


async def _page_is_up(plant: Plant, stop: asyncio.Event) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while not stop.is_set():
            try:
                if (await client.get(f"http://{plant.host}:{plant.port}/api/v1/health")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)


async def _watch(settings: Demo, plant: Plant, folder: Path, stop: asyncio.Event, console: Console, began: datetime) -> None:
    """Say each new Case as it opens; after the last day, the score; then wait for the end."""
    ends = began.timestamp() + DAYS * 86_400 / SPEED + SETTLE_S
    limit = time.time() + settings.stop_after_s if settings.stop_after_s else float("inf")
    said: set[str] = set()
    scored = False
    while not stop.is_set() and time.time() < limit:
        for record in cases(folder):
            if record.key not in said and record.body["state"] == "open":
                said.add(record.key)
                day = (record.time_ns - parse_time(START)) / DAY_NS
                console.print(
                    f"day {day:4.1f}  [bold]{record.subject}[/bold]  priority {record.body['priority']}  {record.body['sentence']}"
                )
        if not scored and time.time() > ends and (time.time() > ends + PATIENCE_S or await _through(plant, folder)):
            scored = True
            _score(folder, console)
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            pass
    if not scored:
        _score(folder, console)


async def _through(plant: Plant, folder: Path) -> bool:
    """Has the twin judged the last hours of the run? On a busy computer it is behind the line."""
    try:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5.0) as client:
            rows = (await client.get(f"http://{plant.host}:{plant.port}/api/v1/assets")).json()
        last = json.loads((folder / "truth.json").read_text())["start_ns"] + int(DAYS * DAY_NS) - LAST_HOURS_NS
        return max(row["time"] or 0 for row in rows) * MS_NS >= last
    except (httpx.HTTPError, OSError, ValueError):
        return False


def cases(folder: Path) -> list:
    ledger = folder / "store" / "ledger.db"
    return list(SqliteLedger(ledger).records(kind="case")) if ledger.exists() else []


def _score(folder: Path, console: Console) -> None:
    """The run so far, held against the truth file."""
    if not (folder / "truth.json").exists():
        return
    opened: dict[str, Opened] = {}
    last = 0
    for record in cases(folder):
        last = max(last, record.time_ns)
        if record.body["state"] == "open":
            opened.setdefault(str(record.body["case"]), Opened(record.subject, str(record.body["mode"]), record.time_ns))
    truth = json.loads((folder / "truth.json").read_text())
    end_ns = truth["start_ns"] + int(DAYS * DAY_NS)
    console.print("\nHeld against the truth file:")
    console.print(table(score(truth, opened.values(), end_ns)), highlight=False)
