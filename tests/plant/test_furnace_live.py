"""A tempering furnace through the worker's loop, on a truth richer than the twin: shells, k(T), c(T), brick, biased control.

The truth heats a bar in eight shells with conductivity and heat capacity that change with temperature, has a lining that stores
heat, radiates with an emissivity that rises with temperature, is controlled by thermocouples that have drifted, and counts
tempering by Hollomon and Jaffe step by step. The twin has two halves of a bar, constants and an Arrhenius clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from didymos.assets import PROCESSES, heat_treatment
from didymos.assets.heat_treat_furnace import MODEL, Params
from didymos.assets.process import figures
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.formats.wire import pack
from didymos.plant.config import load
from didymos.plant.loop import Loop
from tests.plant.small import START

STEP_S, LOADS, TARGET = 60, 3, 873.15
MASS, SHELLS = 2800.0, 8
STEEL = heat_treatment.STEELS["42CrMo4"]
MATERIAL = {"quenched_hardness": 55.0, "composition_hardness": float(heat_treatment.composition_HB(STEEL))}
PHASES = ((0.0, 0.75), (1.0, 5.5))  # charged, hours


def text() -> str:
    found = (
        '[plant]\nid = "cell"\nname = "Hardening shop"\nstep_s = 60\nlateness_s = 60\npublish_s = 3600\ncommission_s = 0\n'
        '[clock]\nkind = "data"\n[calendar]\nfirst_stop = "2026-01-05T06:00:00Z"\nevery_h = 336\n[limits]\ncase_cost = 1500\n'
        '[[source]]\nid = "s"\ntype = "replay"\nurl = "file:///nowhere.csv"\n'
        '[[asset]]\nid = "hf-01"\nmodel = "heat_treat_furnace"\nconsequence_cost = 9000\ncommissioned = "2025-01-01T00:00:00Z"\n'
        f"constants = {{ {', '.join(f'{n} = {v}' for n, v in MATERIAL.items())} }}\ntag = [\n"
    )
    for c in (*MODEL.inputs[:7], *MODEL.sensors):
        found += f'  {{ channel = "{c.name}", source = "s", address = "hf-01.{c.name}", unit = "{c.unit}" }},\n'
    return found + "]\n"


@dataclass
class Furnace:
    """The truth; `step` takes one plant step and gives what is read."""

    rng: np.random.Generator
    zones: np.ndarray = field(default_factory=lambda: np.array([860.0, 868.0]))
    brick: float = 600.0
    bar: np.ndarray = field(default_factory=lambda: np.full(SHELLS, 293.15))
    drift: np.ndarray = field(default_factory=lambda: np.array([1.2, -0.8]))
    integral: np.ndarray = field(default_factory=lambda: np.array([0.05, 0.05]))
    parameter: float = 0.0
    duty: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def part(self, charged: float, dt: float) -> None:
        p, t = Params(), self.bar
        power = self.duty * 400.0**2 / (p.element_ohm * np.array([1.02, 0.99]))
        edges = np.linspace(0.0, p.bar_diameter_m / 2, SHELLS + 1)
        volume, middle = np.diff(edges**2), 0.5 * (edges[1:] + edges[:-1])
        length = MASS / (7850.0 * np.pi * edges[-1] ** 2)
        k = 42.0 - 0.018 * (0.5 * (t[1:] + t[:-1]) - 293.15)
        flow = k * 2 * np.pi * edges[1:-1] * length * np.diff(t) / np.diff(middle)
        area, emits = 2 * np.pi * edges[-1] * length, 0.46 + 8e-5 * (self.zones - 293.15)
        onto = charged * 0.5 * area * (38.0 * (self.zones - t[-1]) + emits * 5.670374e-8 * (self.zones**4 - t[-1] ** 4))
        heat = np.append(flow, onto.sum()) - np.append(0.0, flow)
        c = 470.0 + 0.42 * (t - 293.15)
        self.bar = t + dt * heat / (7850.0 * np.pi * volume * length * c)
        across = 980.0 * (self.zones[1] - self.zones[0]) * np.array([1.0, -1.0])
        into_brick = 55.0 * (self.zones - self.brick)
        door = np.array([0.9, 0.0]) * (self.zones - 293.15)
        self.zones = self.zones + dt * (power + across - into_brick - door - onto) / 4.7e5
        self.brick += dt * (into_brick.sum() - 8.6 * (self.brick - 293.15)) / 2.5e6
        if charged:
            self.parameter = tempered(self.parameter, float(self.bar[0]), dt / 3600.0)

    def step(self, charged: float) -> dict[str, float]:
        if not charged:
            self.bar, self.parameter = np.full(SHELLS, 293.15), 0.0
        away = TARGET - (self.zones + self.drift)
        self.integral = np.clip(self.integral + 2e-5 * STEP_S * np.clip(away, -20, 20) / 20.0 * 20.0, 0.0, 0.5)
        self.duty = np.clip(0.02 * away + self.integral, 0.0, 1.0)
        for _ in range(STEP_S * 2):
            self.part(charged, 0.5)
        power = self.duty * 400.0**2 / (Params().element_ohm * np.array([1.02, 0.99]))
        shell = 293.15 + 6.1 * (self.brick - 293.15) / 98.0
        read = {
            "front_temperature": self.zones[0] + self.drift[0], "back_temperature": self.zones[1] + self.drift[1],
            "front_resident_temperature": self.zones[0], "back_resident_temperature": self.zones[1],
            "front_power": power[0], "back_power": power[1], "shell_temperature": shell, "load_temperature": self.bar[-1],
        }  # fmt: skip
        noisy = {c.name: read[c.name] + c.noise * self.rng.normal() for c in MODEL.sensors}
        if not charged:
            del noisy["load_temperature"]
        given = {"front_duty": self.duty[0], "back_duty": self.duty[1], "mains_voltage": 400.0, "charged": charged}
        return given | {"load_mass": MASS, "target_temperature": TARGET, "hall_temperature": 293.15} | noisy


def tempered(parameter: float, temperature: float, hours: float) -> float:
    """Hollomon and Jaffe, step by step: the time that would have done this much here, and a step more of it."""
    here = 10 ** (parameter / temperature - 20.0) if parameter else 0.0
    return temperature * (20.0 + np.log10(here + hours))


@pytest.mark.slow
def test_core_tempering_and_drift_of_three_loads_are_found_and_hardness_lies_in_its_interval(tmp_path):
    (tmp_path / "plant.toml").write_text(text())
    loop, truth = Loop(load(tmp_path / "plant.toml")), Furnace(np.random.default_rng(4))
    fleet, p, k, inside = loop.fleets["heat_treat_furnace"], Params(), 0, []
    for _ in range(LOADS):
        for charged, hours in PHASES:
            for _ in range(round(hours * 3600 / STEP_S)):
                k += 1
                rows = [(f"hf-01.{n}", START + k * STEP_S * SECOND_NS, float(v), 0) for n, v in truth.step(charged).items()]
                loop.feed(Message(k, f"tel.{partition('hf-01')}", pack(batch_of(rows))))
            if not charged:
                continue
            s = fleet.state
            drawn = (truth.bar[0], truth.parameter)
            held = s.held[0][None]
            found = {f.name: f for f in figures(PROCESSES["heat_treat_furnace"], np.array(p), s.mean[0], s.cov[0], held)}
            hard = heat_treatment.tempered_HB(
                55.0, MATERIAL["composition_hardness"], heat_treatment.two_hour_temperature_K(drawn[1])
            )
            print(f"core {drawn[0]:.1f} twin {found['core_temperature'].value:.1f}; HB {hard:.1f} twin", found["hardness"])
            assert found["core_temperature"].value == pytest.approx(drawn[0], abs=3.0)
            assert found["hardness"].value == pytest.approx(hard, abs=4.0)
            inside.append(found["hardness"].low <= hard <= found["hardness"].high)
            assert found["soak_time"].value > 1.0
            assert not [name for name, figure in found.items() if figure.outside]
    drift = [fleet.state.mean[0, MODEL.state_index(n)] * p.drift_limit_K for n in ("front_drift", "back_drift")]
    assert drift == pytest.approx(truth.drift.tolist(), abs=0.3)
    assert inside == [True] * LOADS
