"""A small plant for tests of the loop: one pump, one motor, one generic machine, and samples of them as stream messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS, parse_time
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.formats.wire import pack
from didymos.infer.calibrate import simulate
from didymos.plant.config import Plant, load

START = parse_time("2026-01-05T06:00:00Z")
STEP_S = 300

TOML = """
[plant]
id = "small"
name = "Small plant"
step_s = 300
lateness_s = 600
publish_s = 3600
commission_s = 0
[clock]
kind = "data"
[calendar]
first_stop = "2026-01-05T06:00:00Z"
every_h = 336
[limits]
case_cost = 1500
[[source]]
id = "s"
type = "replay"
url = "file:///nowhere.csv"
"""


def plant_text(commission_s: float = 0.0, motor_only: bool = False) -> str:
    """motor_only: for tests of one machine, which then do not pay for the others' filters and futures."""
    text = TOML.replace("commission_s = 0", f"commission_s = {commission_s}")
    for id, model in (("cm-01", "induction_motor"), ("cp-01", "centrifugal_pump"))[: 1 if motor_only else 2]:
        machine = ASSETS[model]
        text += (
            f'[[asset]]\nid = "{id}"\nmodel = "{model}"\nconsequence_cost = 20000\ncommissioned = "2025-01-01T00:00:00Z"\ntag = [\n'
        )
        for c in (*machine.inputs, *machine.sensors):
            text += f'  {{ channel = "{c.name}", source = "s", address = "{id}.{c.name}", unit = "{c.unit}" }},\n'
        text += f']\ncomponent = [ {{ id = "{machine.components[1].id}", part = "P-1", serial = "OLD" }} ]\n'
    if motor_only:
        return text
    text += '[[asset]]\nid = "hu-01"\nmodel = "generic"\nregime = "speed"\nchannel = [\n'
    text += '  { name = "speed", unit = "rad/s" },\n  { name = "pressure", unit = "Pa" },\n]\ntag = [\n'
    text += '  { channel = "speed", source = "s", address = "hu-01.speed", unit = "rad/s" },\n'
    text += '  { channel = "pressure", source = "s", address = "hu-01.pressure", unit = "Pa" },\n]\n'
    return text


def small_plant(folder: Path, commission_s: float = 0.0, motor_only: bool = False) -> Plant:
    path = folder / "plant.toml"
    path.write_text(plant_text(commission_s, motor_only))
    return load(path)


def samples(steps: int, seed: int = 5) -> list[list[tuple[str, int, float, int]]]:
    """One list of (channel, time_ns, value, quality) per step: machines that follow the twin's own equations, plus sensor noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(steps)
    rows: list[list[tuple[str, int, float, int]]] = [[] for _ in t]
    for id, model in (("cm-01", "induction_motor"), ("cp-01", "centrifugal_pump")):
        machine = ASSETS[model]
        u = np.tile(np.array(machine.nominal, float), (steps, 1))
        u[:, 0] *= 0.8 + 0.15 * np.sin(t / 20.0)
        y = simulate(machine, np.array([machine.Params()], float), u[None], float(STEP_S))[0]
        y += rng.normal(size=y.shape) * np.array([c.noise for c in machine.sensors])
        for k in t:
            now = START + int(k + 1) * STEP_S * SECOND_NS
            rows[k] += [(f"{id}.{c.name}", now, float(v), 0) for c, v in zip(machine.inputs, u[k], strict=True)]
            rows[k] += [(f"{id}.{c.name}", now, float(v), 0) for c, v in zip(machine.sensors, y[k], strict=True)]
    for k in t:
        now = START + int(k + 1) * STEP_S * SECOND_NS
        speed = 100.0 + 10.0 * np.sin(k / 15.0)
        rows[k] += [("hu-01.speed", now, float(speed), 0), ("hu-01.pressure", now, float(2e5 * speed + 1e4 * rng.normal()), 0)]
    return rows


def messages(rows: list[list[tuple[str, int, float, int]]], first: int = 1) -> list[Message]:
    """One message per step and asset, numbered from `first`."""
    found = []
    for step in rows:
        for asset in dict.fromkeys(row[0].partition(".")[0] for row in step):
            mine = [row for row in step if row[0].startswith(asset + ".")]
            found.append(Message(first + len(found), f"tel.{partition(asset)}", pack(batch_of(mine))))
    return found
