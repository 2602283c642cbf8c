"""The motor on which filters are timed: 6 states, 4 sensors, 15 parameters. Not a machine of the product.

L di/dt = v - R(T) i - k w                      J dw/dt = k i - b(wear) w - load
C dT/dt = R i^2 - (T - T_b)/R_1                 C_b dT_b/dt = (T - T_b)/R_1 + b w^2 - (T_b - T_amb)/R_2
dwear/dt = exp(r) w / life 2^((T_b - 343)/15)   dr/dt = 0
"""

from typing import NamedTuple

import numpy as np

from didymos.core.channel import Channel
from didymos.core.model import FailureMode, Model


class State(NamedTuple):
    current_A: float
    speed_rad_per_s: float
    winding_temperature_K: float
    bearing_temperature_K: float
    wear: float
    log_wear_rate: float


class Input(NamedTuple):
    voltage_V: float
    load_Nm: float
    ambient_temperature_K: float


class Output(NamedTuple):
    current_A: float
    speed_rad_per_s: float
    bearing_temperature_K: float
    vibration_m_per_s: float


class Params(NamedTuple):
    inductance_H: float = 0.02
    resistance_ohm: float = 0.6
    copper_per_K: float = 0.00393
    torque_Nm_per_A: float = 0.9
    inertia_kg_m2: float = 0.05
    friction_Nm_s: float = 0.004
    friction_growth: float = 2.0
    winding_capacity_J_per_K: float = 850.0
    bearing_capacity_J_per_K: float = 400.0
    winding_to_bearing_K_per_W: float = 0.65
    bearing_to_ambient_K_per_W: float = 0.4
    life_rad: float = 1e9
    halving_K: float = 15.0
    vibration_m_per_s: float = 1e-3
    vibration_growth: float = 1.2


class Severity(NamedTuple):
    bearing: float


def resistance(x, p):
    return p.resistance_ohm * (1.0 + p.copper_per_K * (x.winding_temperature_K - 293.15))


def friction(x, p):
    return p.friction_Nm_s * (1.0 + p.friction_growth * x.wear)


def rhs(x, u, p):
    r, b = resistance(x, p), friction(x, p)
    inward = (x.winding_temperature_K - x.bearing_temperature_K) / p.winding_to_bearing_K_per_W
    outward = (x.bearing_temperature_K - u.ambient_temperature_K) / p.bearing_to_ambient_K_per_W
    rate = np.exp(x.log_wear_rate + 0.6931471805599453 * (x.bearing_temperature_K - 343.15) / p.halving_K)
    return State(
        (u.voltage_V - r * x.current_A - p.torque_Nm_per_A * x.speed_rad_per_s) / p.inductance_H,
        (p.torque_Nm_per_A * x.current_A - b * x.speed_rad_per_s - u.load_Nm) / p.inertia_kg_m2,
        (r * x.current_A * x.current_A - inward) / p.winding_capacity_J_per_K,
        (inward + b * x.speed_rad_per_s * x.speed_rad_per_s - outward) / p.bearing_capacity_J_per_K,
        rate * x.speed_rad_per_s / p.life_rad,
        0.0,
    )


def out(x, u, p):
    vibration = p.vibration_m_per_s * np.exp(p.vibration_growth * x.wear)
    return Output(x.current_A, x.speed_rad_per_s, x.bearing_temperature_K, vibration)


def severity(x, u, p):
    return Severity(x.wear)


def steady(x, u, p):
    return x


_INF = float("inf")
MODEL = Model(
    name="bench_motor",
    title="Motor of the filter benchmark",
    State=State,
    Input=Input,
    Output=Output,
    Params=Params,
    rhs=rhs,
    out=out,
    virtual=out,
    severity=severity,
    steady=steady,
    inputs=(Channel("voltage", "Voltage", "V"), Channel("load", "Load", "N*m"), Channel("ambient_temperature", "Ambient", "K")),
    sensors=(
        Channel("current", "Current", "A", noise=0.1),
        Channel("speed", "Speed", "rad/s", noise=0.5),
        Channel("bearing_temperature", "Bearing", "K", noise=0.5),
        Channel("vibration", "Vibration", "m/s", noise=5e-5),
    ),
    virtuals=(),
    slow=("wear", "log_wear_rate"),
    initial=State(8.0, 150.0, 330.0, 320.0, 0.1, 0.0),
    initial_sd=State(1.0, 3.0, 3.0, 3.0, 0.05, 0.5),
    process_noise=State(0.1, 0.3, 0.05, 0.05, 1e-4, 1e-3),
    low=State(*[-_INF] * 6),
    high=State(*[_INF] * 6),
    nominal=Input(140.0, 6.5, 298.15),
    max_step_s=0.01,
    failure_modes=(FailureMode("bearing", "Bearing", "bearing", ("wear",), "wear 1", "definition", 0.0, (), ""),),
    components=(),
    parameters=(),
)
