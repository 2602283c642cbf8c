"""line7.toml, the twin's plant file for the virtual line: a template with the placeholders below, written once and kept by hand.

What it says of the machines is what a commissioning engineer knows (nameplates, bearing types, costs); nothing of the hidden truth.
"""

from __future__ import annotations

from importlib.resources import files

PLACEHOLDERS = (
    "opcua_url",
    "mqtt_url",
    "mqtt_port",
    "erp_url",
    "store",
    "wall_start",
    "start",
    "speed",
    "host",
    "port",
    "spindle_field",
)


def text() -> str:
    """The template as it is stored."""
    return files("didymos.plant.virtual").joinpath("line7.toml").read_text(encoding="utf-8")


def fill(
    opcua_url: str,
    mqtt_url: str,
    erp_url: str,
    store: str,
    wall_start: str,
    start: str,
    speed: float,
    host: str,
    port: int,
    mqtt_port: int = 0,
    spindle_field: str = "",
) -> str:
    """The plant file with every placeholder `{name}` replaced. Times are ISO 8601 with a zone.

    mqtt_port: where the embedded stream server shall listen for MQTT; 0 when the broker is somebody else's.
    spindle_field: a line `field = [ ... ]` for every spindle; empty: none has one.
    """
    values = {
        "opcua_url": opcua_url, "mqtt_url": mqtt_url, "mqtt_port": mqtt_port, "erp_url": erp_url, "store": store,
        "wall_start": wall_start, "start": start, "speed": f"{speed:g}", "host": host, "port": port,
        "spindle_field": spindle_field,
    }  # fmt: skip
    filled = text()
    for name in PLACEHOLDERS:
        filled = filled.replace(f"{{{name}}}", str(values[name]))
    return filled
