"""`didymos asset EVENT ASSET`: what happened to a machine beside its wear, entered once, also late."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer


def asset(
    event: Annotated[
        str, typer.Argument(help="commissioned, decommissioned, moved, renamed, sensor_replaced, sensor_recalibrated")
    ],
    asset_id: Annotated[str, typer.Argument(metavar="ASSET")],
    plant_file: Annotated[Path, typer.Option("--plant", help="the plant file")] = Path("plant.toml"),
    at: Annotated[str, typer.Option("--at", help="when it was true, ISO 8601 with a zone; now when absent")] = "",
    path: Annotated[str, typer.Option(help="moved: where it stands from then on")] = "",
    name: Annotated[str, typer.Option(help="renamed: what it is called from then on")] = "",
    channel: Annotated[str, typer.Option(help="sensor_replaced, sensor_recalibrated: which")] = "",
    gain: Annotated[float | None, typer.Option(help="sensor_recalibrated: true value = gain x reading + offset, in SI")] = None,
    offset: Annotated[float | None, typer.Option(help="see gain")] = None,
    serial: Annotated[str, typer.Option(help="of a new sensor")] = "",
    note: str = "",
    id: Annotated[str, typer.Option(help="names the event for ever; its content when absent")] = "",
    nats: Annotated[str, typer.Option("--nats", help="URL of the nats-server; empty: the running plant's")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Enter what happened to a machine: moved, renamed, a sensor exchanged or recalibrated, taken in or out of service."""
    from didymos.core.clock import iso, parse_time
    from didymos.plant.bus import bus_url
    from didymos.plant.config import load

    plant = load(plant_file)
    texts = {"path": path, "name": name, "channel": channel, "serial": serial, "note": note}
    given: dict[str, Any] = {key: value for key, value in texts.items() if value}
    given |= {key: value for key, value in (("gain", gain), ("offset", offset)) if value is not None}
    machine = plant.asset(asset_id)
    entered = asyncio.run(_entered(plant, machine, event, parse_time(at) if at else 0, given, id, bus_url(plant, nats)))
    if as_json:
        typer.echo(json.dumps({"event": entered[0].id, "sequence": entered[1]}))
    else:
        typer.echo(f"{asset_id}: {event} as of {iso(entered[0].time_ns)} entered as {entered[0].id}, message {entered[1]}.")


async def _entered(plant: Any, machine: Any, kind: str, at_ns: int, given: dict[str, Any], id: str, url: str) -> tuple[Any, int]:
    """(event, its sequence in the plant stream). DataError, with every mistake, before anything is sent."""
    from didymos.core.channel import partition
    from didymos.data.stream import open_bus
    from didymos.data.stream.nats import NatsOptions
    from didymos.formats.wire import pack
    from didymos.plant.lifecycle import checked, event_of
    from didymos.plant.report import ask_history

    checked(kind, machine, given)
    bus = await open_bus(url, NatsOptions(patience_s=5.0))
    try:
        now_ns = plant.clock.now_ns() or (await ask_history(bus, 10.0)).newest_ns  # 0: the data tell the time
        event = event_of(kind, machine, at_ns or now_ns, now_ns, given, id)
        return event, await bus.publish(f"evt.{partition(machine.id)}", pack(event), f"event:{event.id}")
    finally:
        await bus.close()
