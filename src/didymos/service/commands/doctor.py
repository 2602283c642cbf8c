"""`didymos doctor`: every hop as it is now, what is wrong first, and what to do about it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from didymos.core.errors import ConnectError


def doctor(
    plant_file: Annotated[Path, typer.Argument(metavar="[PLANT.toml]", help="the plant file")] = Path("plant.toml"),
    nats: Annotated[
        str, typer.Option("--nats", help="URL of the nats-server; empty: the plant file's, else the running plant's")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="every channel and failure mode, not only those in trouble")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Each hop from source to page: connected, last value, age, rate, gaps, lag; what is wrong and what to do. Exit 1 then."""
    from rich.console import Console

    from didymos.plant.bus import running_bus
    from didymos.plant.config import load
    from didymos.service.commands.doctor_table import show

    plant = load(plant_file)
    found = asyncio.run(_examined(plant, running_bus(plant, nats)))
    if as_json:
        from didymos.service.context import json_answer

        typer.echo(bytes(json_answer(asdict(found)).body).decode())
    else:
        show(found, Console(), everything)
    raise typer.Exit(0 if found.ok else 1)


async def _examined(plant: Any, url: str | None) -> Any:
    from didymos.data.history.client import HistoryClient
    from didymos.data.stream import open_bus
    from didymos.data.stream.nats import NatsOptions
    from didymos.plant.diagnosis import diagnose
    from didymos.plant.doctor import PATIENCE_S, Facts, examine

    if url is None:
        silent = {"stream": f"no nats-server runs on {plant.store}, and none is named"}
        return diagnose(Facts(plant, plant.clock.now_ns(), silent=silent))
    try:
        bus = await open_bus(url, NatsOptions(patience_s=PATIENCE_S))
    except ConnectError as error:
        return diagnose(Facts(plant, plant.clock.now_ns(), silent={"stream": str(error)}))
    try:
        return diagnose(await examine(plant, bus, HistoryClient(bus, 2 * PATIENCE_S)))
    finally:
        await bus.close()
