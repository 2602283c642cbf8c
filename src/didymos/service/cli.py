"""The `didymos` command. Exit status 0 done, 1 the answer is "no", 2 usage or input error. Heavy imports wait for their command."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from didymos.core.errors import DidymosError

app = typer.Typer(
    help="A digital twin for manufacturing.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

PlantFile = Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")]
Nats = Annotated[str, typer.Option("--nats", help="URL of the nats-server; empty: the plant file's, else an embedded one")]


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s", datefmt="%H:%M:%S")
    for noisy in ("asyncua", "httpx", "uvicorn.access", "nats", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        app()
    except DidymosError as error:
        typer.echo(f"didymos: {error}", err=True)
        raise SystemExit(2) from error


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run one role until it ends, or until SIGTERM or SIGINT asks it to."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            pass

    asyncio.run(guarded())


@app.command()
def check(plant_file: PlantFile, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Every mistake of a plant file in one pass: line, what was given, what is allowed, what to do."""
    from dataclasses import asdict

    from didymos.plant.config import read

    plant, mistakes = read(plant_file)
    if as_json:
        typer.echo(json.dumps({"ok": plant is not None, "mistakes": [asdict(m) for m in mistakes]}))
    elif plant is not None:
        tags = sum(len(a.tags) for a in plant.assets)
        typer.echo(f"{plant_file.name}: no mistake. {len(plant.assets)} assets, {tags} tags, {len(plant.sources)} sources.")
    else:
        for mistake in mistakes:
            typer.echo(str(mistake))
        typer.echo(f"{plant_file.name}: {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}.")
    raise typer.Exit(0 if plant is not None else 1)


@app.command()
def demo(
    port: int = 8050,
    host: str = "127.0.0.1",
    seed: int = 1,
    stop_after: Annotated[float, typer.Option(help="wall seconds; 0 = until Ctrl-C")] = 0.0,
) -> None:
    """A simulated machining line over real protocols, the twin beside it, and the page."""
    from didymos.service.demo import Demo
    from didymos.service.demo import demo as start

    logging.getLogger().setLevel(logging.WARNING)
    start(Demo(host, port, seed, stop_after))


@app.command()
def run(plant_file: PlantFile, nats: Nats = "") -> None:
    """The runtime: starts and supervises nats, historian, worker, serve and edge."""
    from didymos.data.stream.server import ServerConfig, free_port
    from didymos.plant.config import load
    from didymos.service import running

    plant = load(plant_file)
    url = nats or plant.nats_url
    server = None
    if not url:
        server = ServerConfig(store=plant.store / "stream", port=free_port(), mqtt_port=plant.mqtt_port)
        url = server.url
    plant.store.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(18)
    typer.echo(f"{plant.name}: http://{plant.host}:{plant.port}/   token for changes: {token}")
    asyncio.run(running.run(plant, running.Running(plant_file, url, server, token)))


@app.command()
def replay(
    plant_file: PlantFile,
    recordings: Annotated[Path, typer.Option("--from", help="folder that holds the recordings")],
    speed: Annotated[float, typer.Option(min=0.0, help="plant seconds per second; 0 = as fast as possible")] = 0.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="of the page; 0 = the plant file's")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="keep the page after the end, until Ctrl-C")] = False,
) -> None:
    """Recorded data through the very same loop: waveforms over a real MQTT broker, or the files that the plant file names."""
    from rich.console import Console

    from didymos.service.replay import Replay
    from didymos.service.replay import replay as start
    from didymos.service.replay_results import show

    logging.getLogger().setLevel(logging.WARNING)
    found = start(Replay(plant_file, recordings, speed, port, stay), Console(stderr=True))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        show(found, Console())


@app.command()
def edge(plant_file: PlantFile, nats: Nats = "") -> None:
    """Role: sources and ERP -> stream."""
    from didymos.plant import roles
    from didymos.plant.bus import bus_url
    from didymos.plant.config import load

    plant = load(plant_file)
    until_stopped(roles.edge(plant, bus_url(plant, nats)))


@app.command()
def worker(
    plant_file: PlantFile,
    nats: Nats = "",
    partitions: Annotated[str, typer.Option(help="first-last of the partitions to share with other workers")] = "0-15",
) -> None:
    """Role: stream -> beliefs -> results."""
    from didymos.plant import roles
    from didymos.plant.bus import bus_url
    from didymos.plant.config import load

    first, _, last = partitions.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last) < 16):
        raise typer.BadParameter(f"{partitions!r}; write first-last within 0-15, for example 0-7")
    plant = load(plant_file)
    until_stopped(roles.worker(plant, bus_url(plant, nats), range(int(first), int(last) + 1), plant_file))


@app.command()
def historian(plant_file: PlantFile, nats: Nats = "") -> None:
    """Role: stream and results -> history and ledger."""
    from didymos.plant import roles
    from didymos.plant.bus import bus_url
    from didymos.plant.config import load

    plant = load(plant_file)
    until_stopped(roles.historian(plant, bus_url(plant, nats)))


@app.command()
def serve(
    plant_file: PlantFile, nats: Nats = "", token: Annotated[str, typer.Option(help="allows changes; empty: read-only")] = ""
) -> None:
    """Role: results and history -> HTTP, websocket, page."""
    from didymos.plant.bus import bus_url
    from didymos.plant.config import load
    from didymos.service import serve as role

    plant = load(plant_file)
    until_stopped(role.serve(plant, bus_url(plant, nats), token or None))


@app.command()
def bench(
    name: str,
    data: Annotated[Path | None, typer.Option(help="folder laid out like the data folder")] = None,
    part: Annotated[str | None, typer.Option(help="one part only; exit status 2 when the data hold no such part")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """One published figure, with its peer in the same run where one is named."""
    from importlib import import_module

    from didymos.bench import BENCHES

    if name not in BENCHES:
        raise typer.BadParameter(f"{name!r} is not known; there are {', '.join(BENCHES)}")
    result = import_module(f"didymos.bench.{name}").run(data, part)
    if part is not None and part in result.get("absent", ()):
        typer.echo(f"didymos: bench {name}: part {part!r} is absent from {data}", err=True)
        raise typer.Exit(2)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        from didymos.bench import show

        typer.echo(show(result))


from didymos.service.commands import asset as _asset  # noqa: E402  each command of its own file, one line here
from didymos.service.commands import backfill as _backfill  # noqa: E402
from didymos.service.commands import doctor as _doctor  # noqa: E402
from didymos.service.commands import erp as _erp  # noqa: E402
from didymos.service.commands import export as _export  # noqa: E402
from didymos.service.commands import fe as _fe  # noqa: E402
from didymos.service.commands import fit as _fit  # noqa: E402
from didymos.service.commands import fmu as _fmu  # noqa: E402
from didymos.service.commands import reload as _reload  # noqa: E402

app.command("asset")(_asset.asset)
app.command("backfill")(_backfill.backfill)
app.command("doctor")(_doctor.doctor)
app.add_typer(_erp.app, name="erp")
app.add_typer(_export.app, name="export")
app.add_typer(_fe.app, name="fe")
app.command("fit")(_fit.fit)
app.add_typer(_fmu.app, name="fmu")
app.command("reload")(_reload.reload)


if __name__ == "__main__":
    sys.exit(main())
