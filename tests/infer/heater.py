"""A linear heater with one fast and one slow state, and a scale without any dynamics: small enough for closed forms.

C dT/dt = gain u - (T - T_a) / R / (1 + fouling)          gain, C and 1/R times one factor look the same
reading = slope u + offset
"""

from typing import NamedTuple

import numpy as np

from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter


class State(NamedTuple):
    temperature_K: float
    fouling: float


class Input(NamedTuple):
    power_W: float
    ambient_K: float


class Output(NamedTuple):
    temperature_K: float
    scale: float


class Virtual(NamedTuple):
    heat_W: float


class Severity(NamedTuple):
    fouling: float


class Params(NamedTuple):
    gain: float = 0.8
    resistance_K_per_W: float = 0.1
    capacity_J_per_K: float = 40_000.0
    slope: float = 0.02
    offset: float = 5.0
    idle: float = 3.0


def rhs(x, u, p):
    away = (x.temperature_K - u.ambient_K) / (p.resistance_K_per_W * (1.0 + x.fouling))
    return State((p.gain * u.power_W - away) / p.capacity_J_per_K, 1e-9 + 0.0 * x.fouling)


def out(x, u, p):
    return Output(x.temperature_K, p.slope * u.power_W + p.offset)


def virtual(x, u, p):
    return Virtual(p.gain * u.power_W)


def severity(x, u, p):
    return Severity(x.fouling / 0.8)


def steady(x, u, p):
    return State(u.ambient_K + p.gain * u.power_W * p.resistance_K_per_W * (1.0 + x.fouling), x.fouling)


HEATER = Model(
    name="heater", title="Heater", State=State, Input=Input, Output=Output, Params=Params, rhs=rhs, out=out,
    virtual=virtual, severity=severity, steady=steady,
    inputs=(Channel("power", "Power", "W", 0.0, 1e4, 1.0), Channel("ambient", "Ambient", "K", 200.0, 400.0, 0.1)),
    sensors=(Channel("temperature", "Temperature", "K", 200.0, 800.0, 0.3), Channel("scale", "Scale", "1", -1e3, 1e3, 0.2)),
    virtuals=(Channel("heat", "Heat", "W"),), slow=("fouling",),
    initial=State(300.0, 0.0), initial_sd=State(3.0, 0.1), process_noise=State(0.01, 1e-6),
    low=State(200.0, -0.3), high=State(900.0, 5.0), nominal=Input(500.0, 293.0), max_step_s=600.0,
    failure_modes=(FailureMode("fouling", "Fouled", "coil", ("fouling",), "0.8", "test", 0.1, ("temperature",), "clean", "coil"),),
    components=(Component("coil", "Coil", ("fouling",)),),
    parameters=tuple(Parameter(n, n, "1", "made up for tests", v / 20.0, v * 20.0) for n, v in Params()._asdict().items()),
)  # fmt: skip

NOISE = np.array([c.noise for c in HEATER.sensors])


def duty(steps: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    power = np.repeat(rng.uniform(100.0, 900.0, steps // 10 + 1), 10)[:steps]
    return np.stack([power, 293.0 + 3.0 * np.sin(np.arange(steps) / 30.0)], axis=1)


def readings(p: Params, u: np.ndarray, step_s: float, seed: int = 1, wander: float = 0.01) -> np.ndarray:
    """(T, 2): the exact linear system by hand, with process and sensor noise."""
    rng = np.random.default_rng(seed)
    x, rows = steady(State(0.0, 0.0), Input(*u[0]), p).temperature_K, []
    for power, ambient in u:
        x += step_s * (p.gain * power - (x - ambient) / p.resistance_K_per_W) / p.capacity_J_per_K
        x += wander * np.sqrt(step_s) * rng.normal()
        rows.append([x, p.slope * power + p.offset])
    return np.array(rows) + NOISE * rng.normal(size=(len(u), 2))
