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

# what a Field of the housing is driven by and measured with: the three heats and two forces as the lumped model believes them
INPUTS = {
    "front_heat": '"spindle.front_heat_W"',
    "rear_heat": '"spindle.rear_heat_W"',
    "stator_heat": '"spindle.motor_heat_W"',
    "coolant_temperature": '"channel:ambient_temperature"',
    "ambient_temperature": '"channel:ambient_temperature"',
    "flange_temperature": '"channel:headstock_temperature"',
    "coolant_film": "250.0",
    "air_film": "12.0",
    "flange_conductance": "1500.0",
    "front_force": '"spindle.front_force_N"',
    "rear_force": '"spindle.rear_force_N"',
}
THERMOCOUPLES = {
    "front_seat_r110_0deg_z24": "housing_flange",
    "front_wall_r75_90deg_z52": "housing_front",
    "motor_r75_180deg_z110": "housing_motor",
    "rear_seat_r75_270deg_z198": "housing_rear",
}


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


def housing_line(artefact: str, sha256: str) -> str:
    """The line `field = [ ... ]` of every spindle, for the artefact beside the plant file."""
    inputs = ", ".join(f"{key} = {value}" for key, value in INPUTS.items())
    couples = ", ".join(f'{place} = "channel:{channel}"' for place, channel in THERMOCOUPLES.items())
    row = f'component = "housing", artefact = "{artefact}", sha256 = "{sha256}", inputs = {{ {inputs} }}'
    return f"field = [ {{ {row}, thermocouples = {{ {couples} }} }} ]"
