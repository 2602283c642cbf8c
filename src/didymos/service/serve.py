"""The serve role: the application over a plant's bus and history, on the host and port of the plant file."""

from __future__ import annotations

from math import isfinite

import uvicorn

from didymos.assets import ASSETS
from didymos.core.channel import Channel
from didymos.core.clock import ScaledClock
from didymos.data.history.client import HistoryClient
from didymos.plant.config import Asset, Plant
from didymos.plant.config_check import WAVEFORMS
from didymos.plant.diagnosis import Diagnosis, diagnose
from didymos.plant.doctor import examine
from didymos.plant.loop import bearing_orders
from didymos.plant.roles import open_plant_bus
from didymos.service.app import create_app
from didymos.service.read_model import AssetView, ChannelView, ComponentView, PlantView

UNDER_WAY_S = 10.0  # wall time that a verdict may be on its way before it counts as old


async def serve(plant: Plant, nats_url: str, token: str | None) -> None:
    bus = await open_plant_bus(plant, nats_url)
    history = HistoryClient(bus)

    async def examined() -> Diagnosis:
        return diagnose(await examine(plant, bus, history))

    app = create_app(bus, history, plant_view(plant), plant.clock, token, examine=examined, configured=plant)
    settings = uvicorn.Config(app, plant.host, plant.port, log_level="error", access_log=False, ws_per_message_deflate=False)
    try:
        await uvicorn.Server(settings).serve()
    finally:
        await bus.close()


def plant_view(plant: Plant) -> PlantView:
    """What the page needs of the configuration."""
    assets = tuple(asset_view(asset) for asset in plant.assets)
    speed = plant.clock.speed if isinstance(plant.clock, ScaledClock) else 1.0
    stale_s = 3 * plant.publish_s + UNDER_WAY_S * speed
    return PlantView(plant.id, plant.name, plant.timezone, assets, plant.calendar, stale_s=stale_s)


def asset_view(asset: Asset) -> AssetView:
    orders = bearing_orders(asset)
    return AssetView(
        id=asset.id,
        name=asset.name,
        path=asset.path,
        model=asset.model,
        model_title=ASSETS[asset.model].title if asset.model in ASSETS else "Generic machine",
        consequence_cost=asset.consequence_cost,
        components=tuple(ComponentView(c.id, c.part, c.serial) for c in asset.components),
        channels=channel_views(asset),
        orders=(("bpfo", orders.bpfo), ("bpfi", orders.bpfi), ("bsf", orders.bsf), ("ftf", orders.ftf)) if orders else (),
    )


def channel_views(asset: Asset) -> tuple[ChannelView, ...]:
    if asset.model not in ASSETS:
        waveforms = {t.channel for t in asset.tags if t.waveform}
        return tuple(_view(c, "waveform" if c.name in waveforms else "sensor") for c in asset.channels)
    machine = ASSETS[asset.model]
    kinds = (("sensor", machine.sensors), ("input", machine.inputs), ("virtual", machine.virtuals))
    found = [_view(channel, kind) for kind, channels in kinds for channel in channels]
    tagged = {t.channel for t in asset.tags if t.waveform}
    found += [_view(channel, "sensor") for channel in asset.channels]
    return (*found, *(_view(c, "waveform") for c in WAVEFORMS.get(asset.model, ()) if c.name in tagged))


def _view(channel: Channel, kind: str) -> ChannelView:
    low, high = (value if isfinite(value) else None for value in (channel.low, channel.high))
    return ChannelView(channel.name, channel.title, channel.unit, kind, low, high)
