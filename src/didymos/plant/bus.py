"""Where the bus of a plant is: as given, as the plant file says, or the server that `didymos run` has started on the store."""

from __future__ import annotations

from didymos.core.errors import ConfigError
from didymos.data.stream.server import running_url
from didymos.plant.config import Plant


def running_bus(plant: Plant, given: str = "") -> str | None:
    """None where nothing is named and no server runs on the store."""
    return given or plant.nats_url or running_url(plant.store / "stream")


def bus_url(plant: Plant, given: str = "") -> str:
    """The same, or ConfigError."""
    url = running_bus(plant, given)
    if url is None:
        raise ConfigError(
            f"{plant.id}: no nats-server runs on {plant.store}, and none is named. Start the plant with `didymos run PLANT.toml`, "
            "give --nats nats://host:port, or set [nats] url in the plant file."
        )
    return url
