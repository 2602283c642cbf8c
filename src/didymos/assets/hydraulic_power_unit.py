"""Hydraulic power unit: fixed pump, accumulator, air cooler and return filter, with the oil's temperature in all of them.

    Q   = V w / 2 pi - Q_s,   Q_s = C_s V p / (2 pi mu) (1 + gap)^3                 delivered; slip through gaps, Wilson
    M   = V / 2 pi ((1 + C_f) p + C_d mu w),   P_motor = M w / efficiency           case drain: its share of Q_s
    C dT/dt = M w - useful p Q - (K_c / (1 + fouling) + K_t) (T - T_amb)            mu = rho v(T), Walther
    p_min = p (V_1 / (V_1 + dV))^k,   V_1 = V_0 p_0 (1 - gas_loss) / p              lowest in a cycle that draws dV beyond the pump
    dp_f  = dp_0 (v / v_ref) (Q / Q_r) (dp_lim / dp_0)^loading <= bypass            return filter; loading 1 at its indicator

    pump_leakage     dg/dt = exp(r) n p/p_r / life            case drain 10 % of the theoretical flow at rated pressure and 30 mm2/s
    gas_loss         dg/dt = exp(r) (1 - g) / life            pre-charge down to a quarter of the working pressure
    cooler_fouling   df/dt = exp(r) / interval                rated load at 40 C would thin the oil to 16 mm2/s
    filter_clogging  dl/dt = exp(r) n / life                  clogging indicator, 2 bar at 30 mm2/s and rated flow

The accumulator is charged slowly (isothermal) and drawn fast (polytropic). The oil's viscosity at 40 C is an input, as analysed.
Source: Wilson, Proc. IMechE 160 (1949) 99; Merritt, Hydraulic Control Systems, 1967, ch. 4 (pump); Findeisen, Oelhydraulik,
5th ed. 2006 (accumulator, filter); viscosity Rexroth RE 92711 (16 to 36, start 1600 mm2/s); pre-charge Hydac E 3.000.
Valid: oil 0 to 90 C, 2 to 500 mm2/s, pressure above pre-charge, cycle shorter than a minute.
Verified: tests/verify/test_hydraulic_power_unit.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.filters import clogged_drop_Pa
from didymos.assets.lubricants import viscosity_fall_per_K, viscosity_m2_per_s
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

TWO_PI = 6.283185307179586
OIL_DENSITY = 860.0  # kg/m3, mineral oil at 50 C
REFERENCE_M2_PER_S = 30.0e-6  # middle of the optimum range
THIN_M2_PER_S = 16.0e-6  # its lower end
STARTING_M2_PER_S = 1600.0e-6  # cold start, shortly
HOT_DAY_K = 313.15


class State(NamedTuple):
    """pump_gap: relative growth of the pump's gaps; gas_loss: share of the pre-charge lost; cooler_fouling: relative growth of the
    cooler's resistance; filter_loading: 1 at the indicator."""

    tank_temperature_K: float
    pump_gap: float
    log_pump_rate: float
    gas_loss: float
    log_gas_rate: float
    cooler_fouling: float
    log_cooler_rate: float
    filter_loading: float
    log_filter_rate: float


class Input(NamedTuple):
    speed_rad_per_s: float
    set_pressure_Pa: float
    ambient_temperature_K: float
    oil_viscosity_m2_per_s: float


class Output(NamedTuple):
    pressure_Pa: float
    flow_m3_per_s: float
    tank_temperature_K: float
    motor_power_W: float
    case_drain_m3_per_s: float
    filter_pressure_drop_Pa: float


class Virtual(NamedTuple):
    volumetric_efficiency: float
    pump_efficiency: float
    heat_W: float
    tank_viscosity_m2_per_s: float
    precharge_Pa: float


class Severity(NamedTuple):
    pump_leakage: float
    gas_loss: float
    cooler_fouling: float
    filter_clogging: float


class Params(NamedTuple):
    """Rexroth A10VSO 45 at full stroke, 1475 1/min, 160 bar, motor 22 kW; bladder accumulator 10 l; tank 250 l of ISO VG 46."""

    rated_speed_rad_per_s: float = 154.5
    rated_pressure_Pa: float = 1.6e7
    displacement_m3: float = 45.0e-6
    slip: float = 5.0e-9
    coulomb_friction: float = 0.03
    viscous_drag: float = 1.0e5
    case_share: float = 0.75
    case_limit: float = 0.10
    motor_efficiency: float = 0.925
    useful_share: float = 0.35
    pump_life_s: float = 8.0e7
    accumulator_m3: float = 10.0e-3
    precharge_Pa: float = 1.15e7
    precharge_limit: float = 0.25
    drawn_m3: float = 0.8e-3
    polytropic: float = 1.4
    gas_life_s: float = 1.5e8
    cooler_W_per_K: float = 600.0
    tank_W_per_K: float = 24.0
    heat_capacity_J_per_K: float = 6.0e5
    cooler_interval_s: float = 9.0e7
    filter_drop_Pa: float = 3.0e4
    filter_limit_Pa: float = 2.0e5
    filter_bypass_Pa: float = 3.0e5
    filter_life_s: float = 1.8e7
    walther_slope: float = 3.684


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def oil_m2_per_s(temperature_K, u, p):
    """At most what the pump may be started with."""
    return np.minimum(viscosity_m2_per_s(temperature_K, u.oil_viscosity_m2_per_s, p.walther_slope), STARTING_M2_PER_S)


def theoretical_m3_per_s(u, p):
    return p.displacement_m3 * np.clip(u.speed_rad_per_s, 0.0, 1e4) / TWO_PI


def slip_m3_per_s(gap, pressure_Pa, viscosity, p):
    """Laminar flow through all gaps, never more than the pump moves at rated speed."""
    wide = np.clip(1.0 + gap, 0.1, 20.0)
    flow = p.slip * p.displacement_m3 * pressure_Pa / (TWO_PI * OIL_DENSITY * viscosity) * wide * wide * wide
    return np.clip(flow, 0.0, p.displacement_m3 * p.rated_speed_rad_per_s / TWO_PI)


def pressed_Pa(u):
    """A pump at rest builds no pressure."""
    return np.clip(u.set_pressure_Pa, 0.0, 1e9) * np.clip(u.speed_rad_per_s, 0.0, 1.0)


def flow_m3_per_s(gap, viscosity, u, p):
    return np.clip(theoretical_m3_per_s(u, p) - slip_m3_per_s(gap, pressed_Pa(u), viscosity, p), 0.0, 10.0)


def viscous_W(viscosity, u, p):
    drag = p.displacement_m3 / TWO_PI * p.viscous_drag * OIL_DENSITY * viscosity
    return drag * u.speed_rad_per_s * u.speed_rad_per_s


def shaft_W(viscosity, u, p):
    return (1.0 + p.coulomb_friction) * pressed_Pa(u) * theoretical_m3_per_s(u, p) + viscous_W(viscosity, u, p)


def heat_W(gap, viscosity, u, p):
    """What the motor gives less the work that leaves the unit."""
    return shaft_W(viscosity, u, p) - p.useful_share * pressed_Pa(u) * flow_m3_per_s(gap, viscosity, u, p)


def cooling_W_per_K(fouling, p):
    return p.cooler_W_per_K / np.clip(1.0 + fouling, 0.1, 100.0) + p.tank_W_per_K


def lowest_pressure_Pa(gas_loss, pressure_Pa, p):
    """End of the draw; once the accumulator is empty its pressure is what the gas has at full volume."""
    charge = p.precharge_Pa * np.clip(1.0 - gas_loss, 0.02, 2.0)
    before = p.accumulator_m3 * np.clip(charge / np.clip(pressure_Pa, 1e4, 1e9), 0.0, 1.0)
    after = np.minimum(before + p.drawn_m3, p.accumulator_m3)
    return pressure_Pa * (before / after) ** p.polytropic


def filter_drop_Pa(loading, viscosity, flow, p):
    """Up to the bypass, which then opens."""
    rated = p.displacement_m3 * p.rated_speed_rad_per_s / TWO_PI
    dirty = clogged_drop_Pa(loading, p.filter_drop_Pa, p.filter_limit_Pa)
    return np.minimum(dirty * viscosity / REFERENCE_M2_PER_S * flow / rated, p.filter_bypass_Pa)


def rhs(x, u, p):
    viscosity, n = oil_m2_per_s(x.tank_temperature_K, u, p), speed_ratio(u, p)
    away = cooling_W_per_K(x.cooler_fouling, p) * (x.tank_temperature_K - u.ambient_temperature_K)
    return State(
        (heat_W(x.pump_gap, viscosity, u, p) - away) / p.heat_capacity_J_per_K,
        np.exp(x.log_pump_rate) * n * pressed_Pa(u) / p.rated_pressure_Pa / p.pump_life_s,
        log_rate_drift(x.log_pump_rate),
        np.exp(x.log_gas_rate) * np.clip(1.0 - x.gas_loss, 0.0, 2.0) / p.gas_life_s,
        log_rate_drift(x.log_gas_rate),
        np.exp(x.log_cooler_rate) / p.cooler_interval_s,
        log_rate_drift(x.log_cooler_rate),
        np.exp(x.log_filter_rate) * n / p.filter_life_s,
        log_rate_drift(x.log_filter_rate),
    )


def out(x, u, p):
    viscosity = oil_m2_per_s(x.tank_temperature_K, u, p)
    flow = flow_m3_per_s(x.pump_gap, viscosity, u, p)
    return Output(
        lowest_pressure_Pa(x.gas_loss, pressed_Pa(u), p),
        flow,
        x.tank_temperature_K,
        shaft_W(viscosity, u, p) / p.motor_efficiency,
        p.case_share * slip_m3_per_s(x.pump_gap, pressed_Pa(u), viscosity, p),
        filter_drop_Pa(x.filter_loading, viscosity, flow, p),
    )


def virtual(x, u, p):
    viscosity = oil_m2_per_s(x.tank_temperature_K, u, p)
    flow = flow_m3_per_s(x.pump_gap, viscosity, u, p)
    return Virtual(
        flow / np.clip(theoretical_m3_per_s(u, p), 1e-9, 10.0),
        pressed_Pa(u) * flow / np.clip(shaft_W(viscosity, u, p), 1e-3, 1e9),
        heat_W(x.pump_gap, viscosity, u, p),
        viscosity,
        p.precharge_Pa * (1.0 - x.gas_loss),
    )


def thin_K(u, p):
    """Temperature at which this oil has 16 mm2/s: Walther's line read the other way."""
    ratio = np.log(np.log(np.clip(u.oil_viscosity_m2_per_s * 1e6, 17.0, 1e4) + 0.7)) - np.log(np.log(THIN_M2_PER_S * 1e6 + 0.7))
    return 313.15 * np.exp(ratio / p.walther_slope)


def fouling_limit(x, u, p):
    """Fouling at which rated load on a hot day thins the oil to 16 mm2/s; at least 0.02, for a unit too hot even when clean."""
    rated = Input(p.rated_speed_rad_per_s, p.rated_pressure_Pa, HOT_DAY_K, u.oil_viscosity_m2_per_s)
    needed = heat_W(x.pump_gap, THIN_M2_PER_S, rated, p) / np.clip(thin_K(u, p) - HOT_DAY_K, 1.0, 200.0) - p.tank_W_per_K
    return np.clip(p.cooler_W_per_K / np.clip(needed, 1.0, 1e6) - 1.0, 0.02, 100.0)


def severity(x, u, p):
    new = p.case_share * slip_m3_per_s(0.0, p.rated_pressure_Pa, REFERENCE_M2_PER_S, p)
    worn = p.case_share * slip_m3_per_s(x.pump_gap, p.rated_pressure_Pa, REFERENCE_M2_PER_S, p)
    limit = p.case_limit * p.displacement_m3 * p.rated_speed_rad_per_s / TWO_PI
    lost = 1.0 - p.precharge_limit * p.rated_pressure_Pa / p.precharge_Pa
    return Severity((worn - new) / (limit - new), x.gas_loss / lost, x.cooler_fouling / fouling_limit(x, u, p), x.filter_loading)


def steady_step(temperature_K, x, u, p):
    """One Newton step of the heat balance: drag goes with viscosity, slip with one over it."""
    viscosity = oil_m2_per_s(temperature_K, u, p)
    slip = pressed_Pa(u) * p.useful_share * slip_m3_per_s(x.pump_gap, pressed_Pa(u), viscosity, p)
    slope = viscosity_fall_per_K(temperature_K, viscosity, p.walther_slope) * (viscous_W(viscosity, u, p) - slip)
    away = cooling_W_per_K(x.cooler_fouling, p)
    rest = heat_W(x.pump_gap, viscosity, u, p) - away * (temperature_K - u.ambient_temperature_K)
    return np.clip(temperature_K + rest / np.clip(away - slope, 0.3 * away, 1e9), 233.15, 423.15)


def steady(x, u, p):
    """Eight Newton steps from where x is; the error is squared at each."""
    t = steady_step(steady_step(x.tank_temperature_K, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    return State(
        t,
        x.pump_gap,
        x.log_pump_rate,
        x.gas_loss,
        x.log_gas_rate,
        x.cooler_fouling,
        x.log_cooler_rate,
        x.filter_loading,
        x.log_filter_rate,
    )


_SHEET = "Rexroth RE 92711, A10VSO size 45"
_WILSON = "Wilson 1949; piston pumps, Merritt 1967 table 4-1 order of magnitude"

MODEL = Model(
    name="hydraulic_power_unit",
    title="Hydraulic power unit",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Pump speed", "rad/s", 0.0, 400.0, 0.5),
        Channel("set_pressure", "Working pressure as set", "Pa", 0.0, 5.0e7, 5.0e4),
        Channel("ambient_temperature", "Ambient air", "K", 233.15, 343.15, 0.5),
        Channel("oil_viscosity", "Oil viscosity at 40 C", "m2/s", 1.0e-6, 1.0e-3, 5.0e-7),
    ),
    sensors=(
        Channel("pressure", "Lowest pressure of the cycle", "Pa", 0.0, 6.0e7, 1.0e5),
        Channel("flow", "Delivered flow", "m3/s", 0.0, 0.1, 5.0e-6),
        Channel("tank_temperature", "Tank temperature", "K", 233.15, 393.15, 0.3),
        Channel("motor_power", "Motor power", "W", 0.0, 1.0e6, 100.0),
        Channel("case_drain", "Case drain flow", "m3/s", 0.0, 1.0e-2, 4.0e-7),
        Channel("filter_pressure_drop", "Pressure drop of the return filter", "Pa", 0.0, 2.0e6, 2.0e3),
    ),
    virtuals=(
        Channel("volumetric_efficiency", "Volumetric efficiency", "1"),
        Channel("pump_efficiency", "Pump efficiency", "1"),
        Channel("heat", "Heat into the oil", "W"),
        Channel("tank_viscosity", "Oil viscosity in the tank", "m2/s"),
        Channel("precharge", "Pre-charge pressure", "Pa"),
    ),
    slow=State._fields[1:],
    initial=State(298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    initial_sd=State(15.0, 0.08, LOG_RATE_SD, 0.06, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.1, LOG_RATE_SD),
    process_noise=State(0.02, 2.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE),
    low=State(233.15, -0.4, LOG_RATE_LOW, -0.3, LOG_RATE_LOW, -0.4, LOG_RATE_LOW, -0.4, LOG_RATE_LOW),
    high=State(423.15, 10.0, LOG_RATE_HIGH, 0.95, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 3.0, LOG_RATE_HIGH),
    nominal=Input(154.5, 1.6e7, 298.15, 46.0e-6),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "pump_leakage", "Pump worn", "pump", ("pump_gap", "log_pump_rate"),
            "case drain 10 % of the theoretical flow at rated pressure and 30 mm2/s",
            "maintenance rule for piston pumps (10 % of the flow), Casey, The Hydraulic Maintenance Handbook, 2002", 0.2,
            ("case_drain", "flow"), "Exchange the pump; look for dirt and water in the oil", "pump", "PDE",
        ),
        FailureMode(
            "gas_loss", "Accumulator lost its gas", "accumulator", ("gas_loss", "log_gas_rate"),
            "pre-charge a quarter of the working pressure: the bladder is crushed beyond", "Hydac E 3.000: p_0 >= 0.25 p_2", 0.15,
            ("pressure",), "Check and refill nitrogen; change the bladder when it falls again", "bladder", "PDE",
        ),
        FailureMode(
            "cooler_fouling", "Cooler fouled", "cooler", ("cooler_fouling", "log_cooler_rate"),
            "rated load at 40 C ambient would thin the oil to 16 mm2/s", "Rexroth RE 92711, optimum viscosity 16 to 36 mm2/s", 0.1,
            ("tank_temperature",), "Clean the fins, check the cooler's fan", "cooler", "OHE", ("oil_viscosity",),
        ),
        FailureMode(
            "filter_clogging", "Return filter clogged", "filter", ("filter_loading", "log_filter_rate"),
            "2 bar at rated flow and 30 mm2/s: the clogging indicator answers, the bypass follows at 3 bar",
            "Hydac E 7.050, indicator VM 2 of return filters", 0.1, ("filter_pressure_drop",),
            "Change the element; take an oil sample", "filter element", "PLU",
        ),
    ),
    components=(
        Component("pump", "Pump", ("pump_gap", "log_pump_rate")),
        Component("accumulator", "Accumulator", ("gas_loss", "log_gas_rate")),
        Component("cooler", "Cooler", ("cooler_fouling", "log_cooler_rate")),
        Component("filter", "Return filter", ("filter_loading", "log_filter_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", "four poles, 1475 1/min", 10.0, 400.0),
        Parameter("rated_pressure_Pa", "Rated working pressure", "Pa", "own layout: 160 bar", 1e5, 5e7),
        Parameter("displacement_m3", "Displacement a turn", "m3", _SHEET, 1e-7, 1e-2),
        Parameter("slip", "Slip coefficient C_s", "1", _WILSON, 1e-11, 1e-6),
        Parameter("coulomb_friction", "Friction coefficient C_f", "1", _WILSON, 0.0, 0.5),
        Parameter("viscous_drag", "Drag coefficient C_d", "1", _WILSON, 1e2, 1e7),
        Parameter("case_share", "Share of the slip that leaves by the case", "1", "estimate, learned per unit", 0.05, 1.0),
        Parameter("case_limit", "Case drain limit over theoretical flow", "1", "Casey 2002: 10 %", 0.1, 0.15),
        Parameter("motor_efficiency", "Motor efficiency", "1", "IEC 60034-30-1, 22 kW IE3, four poles: 0.93", 0.5, 0.99),
        Parameter("useful_share", "Share of the hydraulic work that leaves the unit", "1", "estimate: throttled drives", 0.0, 1.0),
        Parameter("pump_life_s", "Time in which the gaps double", "s", "estimate: 22 000 h at ISO 4406 20/18/15", 1e5, 1e10),
        Parameter("accumulator_m3", "Gas volume of the accumulator", "m3", "Hydac SB330, 10 l", 1e-4, 1.0),
        Parameter("precharge_Pa", "Pre-charge at operating temperature", "Pa", "0.9 of the lowest, Hydac E 3.000", 1e5, 4e7),
        Parameter("precharge_limit", "Least pre-charge over working pressure", "1", "Hydac E 3.000: 0.25", 0.2, 0.3),
        Parameter("drawn_m3", "Volume drawn in a cycle beyond the pump", "m3", "own layout", 1e-6, 1.0),
        Parameter("polytropic", "Polytropic exponent", "1", "nitrogen, adiabatic 1.4; Findeisen 2006", 1.0, 1.9),
        Parameter("gas_life_s", "Time constant of the gas loss", "s", "estimate: 19 % a year", 1e5, 1e11),
        Parameter("cooler_W_per_K", "Conductance of the clean cooler", "W/K", "own layout: 12 kW at 20 K", 1.0, 1e5),
        Parameter("tank_W_per_K", "Conductance of the tank's walls", "W/K", "2 m2 at 12 W/(m2 K), Findeisen 2006", 0.1, 1e4),
        Parameter("heat_capacity_J_per_K", "Heat capacity", "J/K", "250 l of oil, 300 kg of steel", 1e3, 1e9),
        Parameter("cooler_interval_s", "Time in which fouling doubles the resistance", "s", "estimate: 3 years", 1e5, 1e10),
        Parameter("filter_drop_Pa", "Drop of the clean filter at rated flow", "Pa", "sized for 0.3 bar, Hydac", 1e2, 2e5),
        Parameter("filter_limit_Pa", "Drop at the indicator", "Pa", "Hydac VM 2: 2 bar", 5e4, 1e6),
        Parameter("filter_bypass_Pa", "Drop at which the bypass opens", "Pa", "Hydac E 7.050: 3 bar", 1e5, 1e6),
        Parameter("filter_life_s", "Time to the indicator", "s", "estimate: 5000 h", 1e4, 1e10),
        Parameter("walther_slope", "Slope B of the oil", "1", "ISO VG 46 mineral oil, 46 and 6.8 mm2/s", 2.0, 5.0),
    ),
)  # fmt: skip
