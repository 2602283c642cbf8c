"""Reciprocating air compressor, one stage: polytropic work, what leaks past valves and rings, intake filter and aftercooler.

    p_1 = p_s - dp_filter,  r = p_2 / p_1,  t = r^((m - 1) / m)                   m: polytropic exponent
    e_f = e_0 (1 + c - c r^(1/m))                                                filled share of the swept volume, clearance c
    e_d = e_f - l - b                                                            delivered; l back through valves, b past the rings
    T_1 = e_f' T_s / (e_f' + l (1 - t)),  T_2 = T_1 t,  e_f' = e_f - l           what leaks back is hot and is compressed again
    m.  = e_d V N p_1 / (R T_s)       P = (m / (m - 1) p_1 e_f V N (t - 1) + P_f n) / efficiency
    T_o = T_c + (T_2 - T_c) exp(-NTU / (1 + fouling))                            air behind the cooler

    valves          dl/dt = exp(r) n T / life           hot discharge at 220 C in rated operation
    rings           db/dt = exp(r) n / life             delivered flow down by 10 %
    cooler_fouling  df/dt = exp(r) / interval           air leaves the cooler 25 K above its coolant
    intake_filter   dl/dt = exp(r) n / life             drop at the service indicator, 5 kPa

l and b grow with pressure and with the time that a turn gives them: p_2 / p_2r and N_r / N.
Source: Eastop & McConkey, Applied Thermodynamics, 5th ed. 1993, ch. 12 (cycle, clearance); Bloch & Hoefner, Reciprocating
Compressors, 1996 (leaks, 10 %); EN 1012-1:2010 (220 C); Incropera et al. 2011, ch. 11 (one stream of constant temperature).
Valid: air, one stage to 10 bar, 0.3 to 1.2 of rated speed. Verified: tests/verify/test_compressor.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.filters import clogged_drop_Pa
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

TWO_PI = 6.283185307179586
AIR_J_PER_KG_K = 287.05


class State(NamedTuple):
    """All slow. valve_leak, ring_leak: over the parameter's share; capacity_factor: this unit's e_0 over the sheet's."""

    valve_leak: float
    log_valve_rate: float
    ring_leak: float
    log_ring_rate: float
    cooler_fouling: float
    log_cooler_rate: float
    filter_loading: float
    log_filter_rate: float
    capacity_factor: float


class Input(NamedTuple):
    speed_rad_per_s: float
    suction_pressure_Pa: float
    discharge_pressure_Pa: float
    suction_temperature_K: float
    coolant_temperature_K: float


class Output(NamedTuple):
    flow_kg_per_s: float
    discharge_temperature_K: float
    outlet_temperature_K: float
    motor_power_W: float
    blow_by_m3_per_s: float
    filter_pressure_drop_Pa: float


class Virtual(NamedTuple):
    volumetric_efficiency: float
    indicated_power_W: float
    specific_energy_J_per_kg: float
    isothermal_efficiency: float


class Severity(NamedTuple):
    valves: float
    rings: float
    cooler_fouling: float
    intake_filter: float


class Params(NamedTuple):
    """Two cylinders 120 x 90 mm, 7 bar, 900 1/min, 15 kW, air cooled."""

    rated_speed_rad_per_s: float = 94.25
    rated_suction_Pa: float = 1.0e5
    rated_discharge_Pa: float = 8.0e5
    rated_suction_temperature_K: float = 293.15
    swept_m3: float = 2.036e-3
    clearance: float = 0.05
    filling: float = 0.95
    polytropic: float = 1.28
    friction_W: float = 900.0
    drive_efficiency: float = 0.90
    valve_share: float = 0.08
    ring_new: float = 0.01
    ring_share: float = 0.06
    discharge_limit_K: float = 493.15
    capacity_loss: float = 0.10
    valve_life_s: float = 3.6e7
    ring_life_s: float = 5.5e7
    cooler_units: float = 3.2
    approach_limit_K: float = 25.0
    cooler_interval_s: float = 7.0e7
    filter_drop_Pa: float = 1.2e3
    filter_limit_Pa: float = 5.0e3
    filter_life_s: float = 1.6e7


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def filter_drop_Pa(loading, n, p):
    """Of the intake filter; flow follows the swept volume."""
    return clogged_drop_Pa(loading, p.filter_drop_Pa, p.filter_limit_Pa) * n * n


def ratio(x, u, p):
    """Of pressures, behind the filter."""
    before = np.clip(u.suction_pressure_Pa - filter_drop_Pa(x.filter_loading, speed_ratio(u, p), p), 2e4, 1e7)
    return np.clip(u.discharge_pressure_Pa / before, 1.001, 30.0)


def work_ratio(pressure_ratio, p):
    """t of the work; the exponent of the temperatures is the same."""
    return pressure_ratio ** ((p.polytropic - 1.0) / p.polytropic)


def filled(x, u, p):
    """What the clearance leaves of the swept volume."""
    regained = ratio(x, u, p) ** (1.0 / p.polytropic)
    return x.capacity_factor * p.filling * np.clip(1.0 + p.clearance - p.clearance * regained, 0.05, 1.2)


def leak_pace(u, p):
    """Pressure that drives a leak, and the time that a turn gives it, over rated."""
    return np.clip(u.discharge_pressure_Pa / p.rated_discharge_Pa, 0.0, 3.0) / np.clip(speed_ratio(u, p), 0.3, 2.0)


def valve_leak(x, u, p):
    return p.valve_share * np.clip(x.valve_leak, -0.5, 10.0) * leak_pace(u, p)


def ring_leak(x, u, p):
    return np.clip(p.ring_new + p.ring_share * x.ring_leak, 0.0, 0.8) * leak_pace(u, p)


def delivered(x, u, p):
    return np.clip(filled(x, u, p) - valve_leak(x, u, p) - ring_leak(x, u, p), 0.02, 1.2)


def discharge_temperature_K(x, u, p):
    """What leaks back mixes with what is drawn in: T_1 from the balance of both."""
    t = work_ratio(ratio(x, u, p), p)
    fresh, back = np.clip(filled(x, u, p) - valve_leak(x, u, p), 0.05, 2.0), valve_leak(x, u, p)
    return t * u.suction_temperature_K * fresh / np.clip(fresh + back * (1.0 - t), 0.3 * fresh, 10.0)


def swept_m3_per_s(u, p):
    return p.swept_m3 * np.clip(u.speed_rad_per_s, 0.0, 1e3) / TWO_PI


def suction_Pa(x, u, p):
    return u.discharge_pressure_Pa / ratio(x, u, p)


def flow_kg_per_s(x, u, p):
    density = suction_Pa(x, u, p) / (AIR_J_PER_KG_K * u.suction_temperature_K)
    return delivered(x, u, p) * swept_m3_per_s(u, p) * density


def indicated_W(x, u, p):
    """Everything that fills the cylinder is compressed, whether it is delivered or not."""
    work = p.polytropic / (p.polytropic - 1.0) * (work_ratio(ratio(x, u, p), p) - 1.0)
    return work * suction_Pa(x, u, p) * filled(x, u, p) * swept_m3_per_s(u, p)


def motor_W(x, u, p):
    return (indicated_W(x, u, p) + p.friction_W * speed_ratio(u, p)) / p.drive_efficiency


def outlet_K(fouling, discharge_K, u, p):
    left = np.exp(-p.cooler_units / np.clip(1.0 + fouling, 0.2, 50.0))
    return u.coolant_temperature_K + (discharge_K - u.coolant_temperature_K) * left


def rated_input(p):
    cool = p.rated_suction_temperature_K
    return Input(p.rated_speed_rad_per_s, p.rated_suction_Pa, p.rated_discharge_Pa, cool, cool)


def rhs(x, u, p):
    n = speed_ratio(u, p)
    hot = np.exp(0.6931471805599453 * (np.clip(discharge_temperature_K(x, u, p), 250.0, 700.0) - 460.0) / 30.0)
    return State(
        np.exp(x.log_valve_rate) * n * np.clip(hot, 0.0, 20.0) / p.valve_life_s,
        log_rate_drift(x.log_valve_rate),
        np.exp(x.log_ring_rate) * n / p.ring_life_s,
        log_rate_drift(x.log_ring_rate),
        np.exp(x.log_cooler_rate) / p.cooler_interval_s,
        log_rate_drift(x.log_cooler_rate),
        np.exp(x.log_filter_rate) * n / p.filter_life_s,
        log_rate_drift(x.log_filter_rate),
        0.0 * x.capacity_factor,
    )


def out(x, u, p):
    hot = discharge_temperature_K(x, u, p)
    return Output(
        flow_kg_per_s(x, u, p),
        hot,
        outlet_K(x.cooler_fouling, hot, u, p),
        motor_W(x, u, p),
        ring_leak(x, u, p) * swept_m3_per_s(u, p),
        filter_drop_Pa(x.filter_loading, speed_ratio(u, p), p),
    )


def virtual(x, u, p):
    flow, power = flow_kg_per_s(x, u, p), np.clip(motor_W(x, u, p), 1.0, 1e9)
    isothermal = flow * AIR_J_PER_KG_K * u.suction_temperature_K * np.log(ratio(x, u, p))
    return Virtual(delivered(x, u, p), indicated_W(x, u, p), power / np.clip(flow, 1e-5, 1e3), isothermal / power)


def severity(x, u, p):
    """All in rated operation. Filter: on the logarithm of its drop, as it grows."""
    rated = rated_input(p)
    new = State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, x.capacity_factor)
    cold, hot = discharge_temperature_K(new, rated, p), discharge_temperature_K(new._replace(valve_leak=x.valve_leak), rated, p)
    first = flow_kg_per_s(new, rated, p)
    lost = 1.0 - flow_kg_per_s(new._replace(ring_leak=x.ring_leak), rated, p) / first
    clean = outlet_K(0.0, cold, rated, p) - rated.coolant_temperature_K
    fouled = outlet_K(x.cooler_fouling, cold, rated, p) - rated.coolant_temperature_K
    return Severity(
        (hot - cold) / np.clip(p.discharge_limit_K - cold, 1.0, 1e3),
        lost / p.capacity_loss,
        (fouled - clean) / np.clip(p.approach_limit_K - clean, 1.0, 1e3),
        x.filter_loading,
    )


def steady(x, u, p):
    """No fast state: the gas is through in a turn."""
    return x


_SIZE = "own layout: two cylinders 120 x 90 mm"
_LEAK = "estimate, order of Bloch & Hoefner 1996"

MODEL = Model(
    name="compressor",
    title="Reciprocating compressor",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Crankshaft speed", "rad/s", 0.0, 400.0, 0.3),
        Channel("suction_pressure", "Before the intake filter, absolute", "Pa", 2.0e4, 1.0e6, 100.0),
        Channel("discharge_pressure", "Discharge pressure, absolute", "Pa", 2.0e4, 5.0e6, 2.0e3),
        Channel("suction_temperature", "Air drawn in", "K", 233.15, 333.15, 0.5),
        Channel("coolant_temperature", "Air or water at the cooler", "K", 233.15, 343.15, 0.5),
    ),
    sensors=(
        Channel("flow", "Delivered flow", "kg/s", 0.0, 10.0, 3.0e-4),
        Channel("discharge_temperature", "Before the cooler", "K", 233.15, 600.0, 1.0),
        Channel("outlet_temperature", "Behind the cooler", "K", 233.15, 500.0, 0.5),
        Channel("motor_power", "Motor power", "W", 0.0, 1.0e6, 80.0),
        Channel("blow_by", "Crankcase vent", "m3/s", 0.0, 1.0, 2.0e-5),
        Channel("filter_pressure_drop", "Pressure drop of the intake filter", "Pa", 0.0, 5.0e4, 40.0),
    ),
    virtuals=(
        Channel("volumetric_efficiency", "Volumetric efficiency", "1"),
        Channel("indicated_power", "Indicated power", "W"),
        Channel("specific_energy", "Energy for a kilogram delivered", "J/kg"),
        Channel("isothermal_efficiency", "Isothermal efficiency", "1"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(0.1, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.04),
    process_noise=State(
        2.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-6,
    ),
    low=State(-0.5, LOG_RATE_LOW, -0.15, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.5),
    high=State(8.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 3.0, LOG_RATE_HIGH, 1.3),
    nominal=Input(94.25, 1.0e5, 8.0e5, 293.15, 293.15),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "valves", "Valves leak", "valves", ("valve_leak", "log_valve_rate"), "discharge at 220 C in rated operation",
            "EN 1012-1:2010, one stage to 10 bar", 0.15, ("discharge_temperature", "flow"),
            "Renew the valve plates; look for carbon and liquid", "valve set", "INL",
        ),
        FailureMode(
            "rings", "Piston rings worn", "rings", ("ring_leak", "log_ring_rate"), "delivered flow down by 10 % in rated operation",
            "maintenance rule, Bloch & Hoefner 1996", 0.2, ("blow_by", "flow"), "Renew the rings, measure the cylinders",
            "ring set", "INL",
        ),
        FailureMode(
            "cooler_fouling", "Aftercooler fouled", "cooler", ("cooler_fouling", "log_cooler_rate"),
            "air leaves 25 K above the coolant in rated operation", "maintenance rule; dryers are rated at 35 C, ISO 7183", 0.15,
            ("outlet_temperature",), "Clean the cooler", "cooler", "OHE",
        ),
        FailureMode(
            "intake_filter", "Intake filter clogged", "filter", ("filter_loading", "log_filter_rate"),
            "drop 5 kPa at rated speed", "service indicator of intake filters, catalogues: 50 mbar", 0.1,
            ("filter_pressure_drop",), "Change the element", "filter element", "PLU",
        ),
    ),
    components=(
        Component("valves", "Valves", ("valve_leak", "log_valve_rate")),
        Component("rings", "Piston rings", ("ring_leak", "log_ring_rate")),
        Component("cooler", "Aftercooler", ("cooler_fouling", "log_cooler_rate")),
        Component("filter", "Intake filter", ("filter_loading", "log_filter_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", "900 1/min", 10.0, 400.0),
        Parameter("rated_suction_Pa", "Rated suction pressure", "Pa", "ISO 1217: 1 bar", 2e4, 1e6),
        Parameter("rated_discharge_Pa", "Rated discharge pressure, absolute", "Pa", "7 bar above atmosphere", 1.2e5, 5e6),
        Parameter("rated_suction_temperature_K", "Rated air temperature", "K", "ISO 1217: 20 C", 253.15, 333.15),
        Parameter("swept_m3", "Swept volume a turn", "m3", _SIZE, 1e-5, 1.0),
        Parameter("clearance", "Clearance over swept volume", "1", "Eastop & McConkey 1993: 0.03 to 0.1", 0.005, 0.3),
        Parameter("filling", "What throttling and warm walls leave", "1", "estimate, learned per unit", 0.5, 1.0),
        Parameter("polytropic", "Polytropic exponent", "1", "Eastop & McConkey 1993: 1.25 to 1.35", 1.05, 1.4),
        Parameter("friction_W", "Friction at rated speed", "W", "mechanical efficiency 0.93", 0.0, 1e5),
        Parameter("drive_efficiency", "Motor and belt", "1", "IEC 60034-30-1 IE3 and 0.97 for the belt", 0.5, 1.0),
        Parameter("valve_share", "Back through leaking valves at 1", "1", _LEAK, 1e-3, 0.3),
        Parameter("ring_new", "Past new rings", "1", _LEAK, 0.0, 0.1),
        Parameter("ring_share", "Past worn rings at 1", "1", _LEAK, 1e-3, 0.5),
        Parameter("discharge_limit_K", "Discharge temperature allowed", "K", "EN 1012-1:2010: 220 C", 470.0, 500.0),
        Parameter("capacity_loss", "Loss of flow allowed", "1", "Bloch & Hoefner 1996: 10 %", 0.05, 0.2),
        Parameter("valve_life_s", "Time until the leak is 1 at 187 C", "s", "estimate: 10 000 h", 1e5, 1e10),
        Parameter("ring_life_s", "Time until the leak is 1", "s", "estimate: 15 000 h", 1e5, 1e10),
        Parameter("cooler_units", "Transfer units of the clean cooler", "1", "approach 7 K", 0.1, 10.0),
        Parameter("approach_limit_K", "Approach allowed", "K", "maintenance rule: 25 K", 10.0, 60.0),
        Parameter("cooler_interval_s", "Time in which the resistance doubles", "s", "estimate: 2 years", 1e5, 1e10),
        Parameter("filter_drop_Pa", "Drop of the clean filter", "Pa", "catalogues: 10 to 20 mbar", 50.0, 1e4),
        Parameter("filter_limit_Pa", "Drop at the indicator", "Pa", "catalogues: 50 mbar", 1e3, 2e4),
        Parameter("filter_life_s", "Time to the indicator", "s", "estimate: 4400 h", 1e4, 1e10),
    ),
)  # fmt: skip
