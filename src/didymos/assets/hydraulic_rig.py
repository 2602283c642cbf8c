"""Hydraulic test rig with a working and a cooling circuit over one tank, one step a load cycle. Not in ASSETS: it cannot fail.

    C dT/dt = share P - rho c Q_2 e (T - T_a) - K_t (T - T_a),    e = 1 - exp(-U A exp(k) / (rho c Q_2))     cooler, one-sided NTU
    T_c = T - e (T - T_a)                                                                                    oil behind the cooler
    Q   = V w / 2 pi - Q_s(p, v(T), gap)            pump's slip as in `hydraulic_power_unit` (Wilson), Walther's viscosity
    W   = p_0 V_0                                   what the accumulator's gas gives: volume taken over change of 1 / p, isothermal

Condition states wander: k of the cooler (ln of its conductance over that of the fit), gap of the pump, gas p_0 V_0.
Source: Wilson 1949 and Merritt 1967 (slip); Kays & London, Compact Heat Exchangers, 3rd ed. 1984, ch. 2 (one stream at constant
temperature); Boyle (gas, slow change). Valid: oil 20 to 70 C, cycles of a minute, pressure above pre-charge.
Verified: tests/bench/test_calibrate_bench.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.hydraulic_power_unit import slip_m3_per_s
from didymos.assets.lubricants import viscosity_m2_per_s
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

TWO_PI = 6.283185307179586
OIL_J_PER_M3K = 1.66e6  # rho c of mineral oil at 50 C


class State(NamedTuple):
    oil_temperature_K: float
    cooler_log: float
    pump_gap: float
    gas_J: float


class Input(NamedTuple):
    motor_power_W: float
    cooling_flow_m3_per_s: float
    pressure_Pa: float


class Output(NamedTuple):
    oil_temperature_K: float
    cooled_temperature_K: float
    flow_m3_per_s: float
    gas_work_J: float


class Virtual(NamedTuple):
    cooler_W_per_K: float


class Severity(NamedTuple):
    pump_gap: float


class Params(NamedTuple):
    ambient_K: float = 295.0
    heat_share: float = 0.8
    heat_capacity_J_per_K: float = 1.0e5
    tank_W_per_K: float = 10.0
    cooler_W_per_K: float = 100.0
    rated_speed_rad_per_s: float = 154.5
    displacement_m3: float = 5.4e-6
    slip: float = 1.0e-8
    viscosity_40C_m2_per_s: float = 46.0e-6
    walther_slope: float = 3.684


def effectiveness(log_factor, u, p):
    stream = OIL_J_PER_M3K * np.clip(u.cooling_flow_m3_per_s, 1e-6, 1.0)
    return 1.0 - np.exp(-p.cooler_W_per_K * np.exp(np.clip(log_factor, -6.0, 6.0)) / stream)


def rhs(x, u, p):
    rise = x.oil_temperature_K - p.ambient_K
    cooled = OIL_J_PER_M3K * np.clip(u.cooling_flow_m3_per_s, 1e-6, 1.0) * effectiveness(x.cooler_log, u, p) + p.tank_W_per_K
    return State(
        (p.heat_share * u.motor_power_W - cooled * rise) / p.heat_capacity_J_per_K,
        0.0 * x.cooler_log,
        0.0 * x.pump_gap,
        0.0 * x.gas_J,
    )


def out(x, u, p):
    viscosity = viscosity_m2_per_s(x.oil_temperature_K, p.viscosity_40C_m2_per_s, p.walther_slope)
    given = p.displacement_m3 * p.rated_speed_rad_per_s / TWO_PI
    return Output(
        x.oil_temperature_K,
        x.oil_temperature_K - effectiveness(x.cooler_log, u, p) * (x.oil_temperature_K - p.ambient_K),
        given - slip_m3_per_s(x.pump_gap, u.pressure_Pa, viscosity, p),
        x.gas_J,
    )


def virtual(x, u, p):
    return Virtual(p.cooler_W_per_K * np.exp(np.clip(x.cooler_log, -6.0, 6.0)))


def severity(x, u, p):
    return Severity(x.pump_gap)


def steady(x, u, p):
    cooled = OIL_J_PER_M3K * np.clip(u.cooling_flow_m3_per_s, 1e-6, 1.0) * effectiveness(x.cooler_log, u, p) + p.tank_W_per_K
    return State(p.ambient_K + p.heat_share * u.motor_power_W / cooled, x.cooler_log, x.pump_gap, x.gas_J)


MODEL = Model(
    name="hydraulic_rig",
    title="Hydraulic test rig",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("motor_power", "Motor power", "W", 0.0, 1e5, 5.0),
        Channel("cooling_flow", "Flow through the cooler", "m3/s", 0.0, 1e-2, 5e-7),
        Channel("pressure", "Working pressure", "Pa", 0.0, 6e7, 1e5),
    ),
    sensors=(
        Channel("oil_temperature", "Oil before the cooler", "K", 233.15, 423.15, 0.1),
        Channel("cooled_temperature", "Oil behind the cooler", "K", 233.15, 423.15, 0.1),
        Channel("flow", "Delivered flow", "m3/s", 0.0, 1e-2, 3e-7),
        Channel("gas_work", "Gas p V of the accumulator", "J", -1e5, 1e5, 150.0),
    ),
    virtuals=(Channel("cooler", "Conductance of the cooler", "W/K"),),
    slow=State._fields[1:],
    initial=State(315.0, 0.0, 0.0, 6000.0),
    initial_sd=State(10.0, 1.0, 0.3, 1500.0),
    process_noise=State(0.01, 0.004, 0.004, 8.0),
    low=State(250.0, -5.0, -0.8, 0.0),
    high=State(400.0, 5.0, 5.0, 1e5),
    nominal=Input(2450.0, 1.6e-4, 1.55e7),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "pump_gap", "Pump worn", "pump", ("pump_gap",), "gaps doubled", "no threshold is published for this rig", 0.2,
            ("flow",), "Exchange the pump", "pump",
        ),
    ),
    components=(Component("pump", "Pump", ("pump_gap",)),),
    parameters=(
        Parameter("ambient_K", "Air at the cooler", "K", "laboratory; not recorded", 285.0, 305.0),
        Parameter("heat_share", "Share of the motor power that ends in the oil", "1", "throttled rig, motor 0.8 to 0.9", 0.3, 1.2),
        Parameter("heat_capacity_J_per_K", "Heat capacity", "J/K", "estimate: 40 l of oil and its steel", 1e4, 1e6),
        Parameter("tank_W_per_K", "Conductance of the tank's walls", "W/K", "1 m2 at 10 W/(m2 K)", 0.5, 100.0),
        Parameter("cooler_W_per_K", "Conductance of the cooler", "W/K", "estimate from 2 kW at 20 K", 5.0, 1000.0),
        Parameter("rated_speed_rad_per_s", "Pump speed", "rad/s", "four poles, 1475 1/min", 140.0, 160.0),
        Parameter("displacement_m3", "Displacement a turn", "m3", "estimate from 8 l/min at 1475 1/min", 1e-6, 1e-4),
        Parameter("slip", "Slip coefficient C_s", "1", "Wilson 1949; Merritt 1967 table 4-1 order of magnitude", 1e-10, 1e-6),
        Parameter("viscosity_40C_m2_per_s", "Oil viscosity at 40 C", "m2/s", "ISO VG 46; not recorded", 4.0e-5, 5.0e-5),
        Parameter("walther_slope", "Slope B of the oil", "1", "ISO VG 46 mineral oil, 46 and 6.8 mm2/s", 3.0, 4.5),
    ),
)  # fmt: skip
