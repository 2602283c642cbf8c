"""A lathe that turns twelve parts with one edge: plant file, ERP rows, and a truth that is richer than the twin's model.

The truth runs in, wears faster as it gets dull, pays for wear by a power of it, warms its spindle, has a drive whose efficiency
falls at part load, and material whose force differs from bar to bar. None of that is in `assets.turning`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from didymos.assets import machining
from didymos.assets.turning import MODEL, Params
from didymos.core.clock import SECOND_NS, iso
from tests.plant.small import START

STEP_S, PARTS, PART_STEPS, PAUSE_STEPS = 10, 12, 15, 3
STOCK = machining.STOCK["42CrMo4"]
ERP = """
[[erp]]
id = "files"
type = "csv"
url = "drop"
poll_s = 0.05
settle_s = 0
[[erp.entity]]
entity = "performance"
origin = "perf*.csv"
[[erp.entity]]
entity = "operations"
origin = "op*.csv"
[[erp.cycle]]
asset = "ln-01"
channel = "speed"
kind = "running"
tolerance_s = 30
"""


def plant_text() -> str:
    text = (
        '[plant]\nid = "cell"\nname = "Turning cell"\nstep_s = 10\nlateness_s = 10\npublish_s = 60\ncommission_s = 0\n'
        '[clock]\nkind = "data"\n[calendar]\nfirst_stop = "2026-01-05T06:00:00Z"\nevery_h = 336\n[limits]\ncase_cost = 1500\n'
        '[[source]]\nid = "s"\ntype = "replay"\nurl = "file:///nowhere.csv"\n'
        '[[asset]]\nid = "ln-01"\nmodel = "turning"\nconsequence_cost = 300\ncommissioned = "2025-01-01T00:00:00Z"\n'
        f"constants = {{ specific_force = {STOCK.specific_force_Pa}, force_exponent = {STOCK.force_exponent} }}\ntag = [\n"
    )
    for c in (*MODEL.inputs[:4], *MODEL.sensors):
        text += f'  {{ channel = "{c.name}", source = "s", address = "ln-01.{c.name}", unit = "{c.unit}" }},\n'
    return text + ']\ncomponent = [ { id = "edge", part = "CNMG 120408", serial = "E-77" } ]\n' + ERP


@dataclass(frozen=True)
class Lived:
    """rows: samples of each step. wear, roughness (PARTS,): the truth at the end of each part. windows (PARTS, 2) ns."""

    rows: list[list[tuple[str, int, float, int]]]
    wear: list[float]
    roughness: list[float]
    windows: list[tuple[int, int]]


def truth(seed: int = 3) -> Lived:
    rng, p = np.random.default_rng(seed), Params()
    wear, nose, warm, rows, ends, rough, windows = 0.0, 0.0, 0.0, [], [], [], []
    for k in range(PAUSE_STEPS + PARTS * (PART_STEPS + PAUSE_STEPS) + 12):
        part, at = divmod(k - PAUSE_STEPS, PART_STEPS + PAUSE_STEPS)
        on = 0 <= part < PARTS and at < PART_STEPS
        finish = at >= PART_STEPS - 4
        feed, depth = (0.16e-3, 0.6e-3) if finish else (0.28e-3, 2.2e-3)
        diameter = 0.046 if finish else 0.050
        speed, bar = (150.0 if on else 0.0), 1.04 + 0.02 * np.sin(1.7 * part)
        v = 0.5 * speed * diameter
        warm += STEP_S / 900.0 * ((1.0 if on else 0.0) - warm)
        if on:
            life = machining.tool_life_s(v, feed, depth, p)
            wear += STEP_S / life * (1.0 + 3.0 * np.exp(-wear / 0.03)) * (1.0 + 0.25 * wear)
            nose += 1.2 * STEP_S / life
        h, b = feed * p.approach_sine, depth / p.approach_sine
        base = bar * float(machining.speed_factor(max(v, 0.4))) * on
        cut = machining.kienzle_N(STOCK.specific_force_Pa, STOCK.force_exponent, b, h) * base * (1 + 0.31 * wear**1.1)
        push = machining.kienzle_N(p.feed_share * STOCK.specific_force_Pa, 0.6, b, h) * base * (1 + 0.72 * wear**0.95)
        chip_W = cut * v
        power = 600.0 * speed / 209.4 * (1.08 - 0.1 * warm) + chip_W / (0.85 + 0.01 * np.tanh(chip_W / 6e3 - 1.0))
        now = START + (k + 1) * STEP_S * SECOND_NS
        values = {"speed": speed, "diameter": diameter, "feed": feed * on, "depth": depth * on}
        values |= {"spindle_power": power + 40.0 * rng.normal(), "feed_force": push + 10.0 * rng.normal()}
        ra = (machining.feed_mark_roughness_m(0.16e-3, p.nose_radius_m) + 0.16e-6) * (1 + nose)
        if on and at == PART_STEPS - 1:
            ends.append(wear)
            rough.append(ra)
            windows.append((now - PART_STEPS * STEP_S * SECOND_NS, now + 2 * STEP_S * SECOND_NS))
            values["roughness"] = ra + 1.5e-7 * rng.normal()
        rows.append([(f"ln-01.{name}", now, float(value), 0) for name, value in values.items()])
    return Lived(rows, ends, rough, windows)


def performance(lived: Lived) -> list[dict]:
    return [
        {"number": f"P{i}", "order": "PO-1", "operation": "10", "serial": f"SN-{i:02d}", "asset": "ln-01",
         "start": iso(start), "end": iso(end)}
        for i, (start, end) in enumerate(lived.windows)
    ]  # fmt: skip
