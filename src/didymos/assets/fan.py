"""Fan, belt driven, with the filter of its duct: affinity laws meet the system curve, and four ways to fail.

    p   = d (n^2 p_0 + n a Q - b Q^2) = d (R_f Q + R (1 + R_d) Q^2)       fan and system; d = air density / 1.2, n = speed / rated
    P   = d n^2 (n P_0 + P_1 Q)                                          shaft power: affinity laws n, n^2, n^3 hold exactly
    n_f = i n_m (1 - s),  s = (s_0 + (s_lim - s_0) belt) d n_m^2         belt: slip is proportional to torque
    R_f = dp_0 (dp_lim / dp_0)^loading / Q_r                             filter, laminar;  damper: R_d = 1 / opening^2 - 1
    v_1 = n^3 (v_0 + (v_lim - v_0) unbalance)                            at speed of rotation: force n^2 on a stiff frame
    v   = sqrt(v_1^2 + v_b^2),  v_b = n (v_n + (v_c - v_n) w)            overall; v_b of the bearings
    C dT/dt = M(n) w_f (1 + h w) - (T - T_air) / R_b                     bearing, M after Palmgren

    belt             db/dt = exp(r) n^3 / life         slip costs 5 % of the speed at rated load
    unbalance        du/dt = exp(r) n / interval       9.0 mm/s rms at speed of rotation
    bearing_wear     assets/bearings.py                4.5 mm/s rms apart from the speed of rotation
    filter_clogging  dl/dt = exp(r) Q/Q_r / life       450 Pa at rated flow

Source: Eck, Fans, 1973, ch. 3 (affinity, system); ISO 14694:2003 table 5 (BV-3, rigid: start 4.5, alarm 7.1, shut-down 9.0 mm/s);
ISO 10816-1:1995 class I; slip US DOE Motor Systems Tip Sheet 5, 2012; EN 779:2012 (fine filters, final 450 Pa).
Valid: rigid foundation, running below the first resonance, incompressible air (below 3 kPa), 0.2 to 1.2 rated speed.
Verified: tests/verify/test_fan.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.bearings import friction_torque_N_m, greased_wear
from didymos.assets.filters import clogged_drop_Pa
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter


class State(NamedTuple):
    """belt, unbalance, bearing_wear, filter_loading: 1 at their limits."""

    bearing_temperature_K: float
    belt_wear: float
    log_belt_rate: float
    unbalance: float
    log_unbalance_rate: float
    bearing_wear: float
    log_bearing_rate: float
    filter_loading: float
    log_filter_rate: float


class Input(NamedTuple):
    motor_speed_rad_per_s: float
    damper_opening: float
    air_temperature_K: float


class Output(NamedTuple):
    flow_m3_per_s: float
    fan_speed_rad_per_s: float
    filter_pressure_drop_Pa: float
    motor_power_W: float
    turn_velocity_m_per_s: float
    vibration_velocity_m_per_s: float
    bearing_temperature_K: float


class Virtual(NamedTuple):
    pressure_rise_Pa: float
    efficiency: float
    slip: float


class Severity(NamedTuple):
    belt: float
    unbalance: float
    bearing_wear: float
    filter_clogging: float


class Params(NamedTuple):
    """Backward-curved centrifugal fan of size 630 (ISO 13351), 4 m3/s at 1600 Pa and 1700 1/min, motor 11 kW at 1465 1/min."""

    rated_motor_speed_rad_per_s: float = 153.4
    belt_ratio: float = 1.178
    shutoff_pressure_Pa: float = 1_900.0
    pressure_rise_Pa_s_per_m3: float = 100.0
    pressure_fall_Pa_s2_per_m6: float = 43.75
    power_zero_flow_W: float = 3_000.0
    power_slope_J_per_m3: float = 1_300.0
    rated_flow_m3_per_s: float = 4.0
    system_Pa_s2_per_m6: float = 93.75
    filter_clean_Pa: float = 100.0
    filter_limit_Pa: float = 450.0
    filter_life_s: float = 2.16e7
    slip_new: float = 0.012
    slip_limit: float = 0.062
    belt_efficiency: float = 0.96
    motor_efficiency: float = 0.912
    belt_life_s: float = 9.0e7
    unbalance_interval_s: float = 9.0e7
    turn_velocity_healthy_m_per_s: float = 1.8e-3
    turn_velocity_limit_m_per_s: float = 9.0e-3
    bearing_mean_diameter_m: float = 0.080
    bearing_load_N: float = 1_500.0
    bearing_f0: float = 1.5
    bearing_f1: float = 5.0e-4
    grease_m2_per_s: float = 40.0e-6
    bearing_to_air_K_per_W: float = 0.8
    bearing_capacity_J_per_K: float = 7_000.0
    bearing_life_s: float = 1.26e8
    bearing_wear_growth: float = 2.0
    bearing_friction_growth: float = 1.5
    grease_reference_K: float = 343.15
    bearing_velocity_healthy_m_per_s: float = 0.9e-3
    bearing_velocity_limit_m_per_s: float = 4.5e-3


def density_ratio(u):
    """Air at 101 kPa over 1.2 kg/m3 (ISO 5801 standard air, 20 C)."""
    return 293.15 / np.clip(u.air_temperature_K, 200.0, 800.0)


def motor_ratio(u, p):
    return np.clip(u.motor_speed_rad_per_s / p.rated_motor_speed_rad_per_s, 0.0, 2.0)


def slip(belt_wear, u, p):
    n = motor_ratio(u, p)
    return np.clip((p.slip_new + (p.slip_limit - p.slip_new) * belt_wear) * density_ratio(u) * n * n, 0.0, 0.9)


def fan_ratio(x, u, p):
    """Fan speed over its speed without slip at rated motor speed."""
    return motor_ratio(u, p) * (1.0 - slip(x.belt_wear, u, p))


def filter_slope_Pa_s_per_m3(x, p):
    return clogged_drop_Pa(x.filter_loading, p.filter_clean_Pa, p.filter_limit_Pa) / p.rated_flow_m3_per_s


def flow_m3_per_s(x, u, p):
    """Where the fan's curve meets the system's: (b + R) Q^2 + (R_f - n a) Q - n^2 p_0 = 0."""
    n, opening = fan_ratio(x, u, p), np.clip(u.damper_opening, 0.05, 1.0)
    square = p.pressure_fall_Pa_s2_per_m6 + p.system_Pa_s2_per_m6 / (opening * opening)
    linear = filter_slope_Pa_s_per_m3(x, p) - n * p.pressure_rise_Pa_s_per_m3
    return (np.sqrt(linear * linear + 4.0 * square * n * n * p.shutoff_pressure_Pa + 1e-12) - linear) / (2.0 * square)


def pressure_rise_Pa(x, u, p):
    n, flow = fan_ratio(x, u, p), flow_m3_per_s(x, u, p)
    curve = n * (n * p.shutoff_pressure_Pa + p.pressure_rise_Pa_s_per_m3 * flow) - p.pressure_fall_Pa_s2_per_m6 * flow * flow
    return density_ratio(u) * curve


def shaft_W(x, u, p):
    n = fan_ratio(x, u, p)
    return density_ratio(u) * n * n * (n * p.power_zero_flow_W + p.power_slope_J_per_m3 * flow_m3_per_s(x, u, p))


def fan_speed_rad_per_s(x, u, p):
    return fan_ratio(x, u, p) * p.rated_motor_speed_rad_per_s * p.belt_ratio


def bearing_loss_W(x, u, p):
    """One of the two bearings."""
    speed = fan_speed_rad_per_s(x, u, p)
    torque = friction_torque_N_m(speed, p.bearing_load_N, p.grease_m2_per_s, p.bearing_mean_diameter_m, p.bearing_f0, p.bearing_f1)
    return torque * speed * (1.0 + p.bearing_friction_growth * np.clip(x.bearing_wear, -0.5, 10.0))


def motor_power_W(x, u, p):
    """The belt passes on the torque and loses the slip."""
    at_fan = shaft_W(x, u, p) + 2.0 * bearing_loss_W(x, u, p)
    return at_fan / ((1.0 - slip(x.belt_wear, u, p)) * p.belt_efficiency * p.motor_efficiency)


def turn_velocity_m_per_s(x, u, p):
    n = fan_ratio(x, u, p)
    growth = (p.turn_velocity_limit_m_per_s - p.turn_velocity_healthy_m_per_s) * x.unbalance
    return n * n * n * (p.turn_velocity_healthy_m_per_s + growth)


def bearing_velocity_m_per_s(x, u, p):
    growth = (p.bearing_velocity_limit_m_per_s - p.bearing_velocity_healthy_m_per_s) * x.bearing_wear
    return fan_ratio(x, u, p) * (p.bearing_velocity_healthy_m_per_s + growth)


def rhs(x, u, p):
    n, lost = motor_ratio(u, p), (x.bearing_temperature_K - u.air_temperature_K) / p.bearing_to_air_K_per_W
    worn = greased_wear(x.bearing_wear, x.log_bearing_rate, n, x.bearing_temperature_K, p.grease_reference_K, p.bearing_wear_growth)
    return State(
        (bearing_loss_W(x, u, p) - lost) / p.bearing_capacity_J_per_K,
        np.exp(x.log_belt_rate) * n * n * n / p.belt_life_s,
        log_rate_drift(x.log_belt_rate),
        np.exp(x.log_unbalance_rate) * n / p.unbalance_interval_s,
        log_rate_drift(x.log_unbalance_rate),
        worn / p.bearing_life_s,
        log_rate_drift(x.log_bearing_rate),
        np.exp(x.log_filter_rate) * flow_m3_per_s(x, u, p) / p.rated_flow_m3_per_s / p.filter_life_s,
        log_rate_drift(x.log_filter_rate),
    )


def out(x, u, p):
    flow, turn, rest = flow_m3_per_s(x, u, p), turn_velocity_m_per_s(x, u, p), bearing_velocity_m_per_s(x, u, p)
    return Output(
        flow,
        fan_speed_rad_per_s(x, u, p),
        density_ratio(u) * filter_slope_Pa_s_per_m3(x, p) * flow,
        motor_power_W(x, u, p),
        turn,
        np.sqrt(turn * turn + rest * rest + 1e-14),
        x.bearing_temperature_K,
    )


def virtual(x, u, p):
    useful = pressure_rise_Pa(x, u, p) * flow_m3_per_s(x, u, p)
    return Virtual(pressure_rise_Pa(x, u, p), useful / np.clip(shaft_W(x, u, p), 1e-3, 1e9), slip(x.belt_wear, u, p))


def severity(x, u, p):
    return Severity(x.belt_wear, x.unbalance, x.bearing_wear, x.filter_loading)


def steady(x, u, p):
    return State(
        u.air_temperature_K + p.bearing_to_air_K_per_W * bearing_loss_W(x, u, p),
        x.belt_wear,
        x.log_belt_rate,
        x.unbalance,
        x.log_unbalance_rate,
        x.bearing_wear,
        x.log_bearing_rate,
        x.filter_loading,
        x.log_filter_rate,
    )


_CURVE = "typical curve of a backward-curved fan, size 630; Eck 1973"
_HARRIS = "Harris & Kotzalas 2006 ch. 10, grease"

MODEL = Model(
    name="fan",
    title="Fan",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("motor_speed", "Motor speed", "rad/s", 0.0, 400.0, 0.3),
        Channel("damper_opening", "Damper opening", "1", 0.0, 1.1, 0.01),
        Channel("air_temperature", "Air temperature", "K", 233.15, 373.15, 0.5),
    ),
    sensors=(
        Channel("flow", "Air flow", "m3/s", 0.0, 200.0, 0.04),
        Channel("fan_speed", "Fan speed", "rad/s", 0.0, 500.0, 0.3),
        Channel("filter_pressure_drop", "Pressure drop of the filter", "Pa", 0.0, 5.0e3, 5.0),
        Channel("motor_power", "Motor power", "W", 0.0, 1.0e6, 80.0),
        Channel("turn_velocity", "Vibration velocity at speed of rotation, rms", "m/s", 0.0, 0.1, 1.0e-4),
        Channel("vibration_velocity", "Vibration velocity, rms 10-1000 Hz", "m/s", 0.0, 0.1, 1.0e-4),
        Channel("bearing_temperature", "Bearing temperature", "K", 233.15, 473.15, 0.5),
    ),
    virtuals=(
        Channel("pressure_rise", "Pressure rise", "Pa"),
        Channel("efficiency", "Efficiency", "1"),
        Channel("slip", "Belt slip", "1"),
    ),
    slow=State._fields[1:],
    initial=State(298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    initial_sd=State(15.0, 0.1, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.1, LOG_RATE_SD),
    process_noise=State(0.03, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE),
    low=State(223.15, -0.2, LOG_RATE_LOW, -0.2, LOG_RATE_LOW, -0.2, LOG_RATE_LOW, -0.5, LOG_RATE_LOW),
    high=State(473.15, 10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 3.0, LOG_RATE_HIGH),
    nominal=Input(153.4, 1.0, 298.15),
    max_step_s=300.0,
    failure_modes=(
        FailureMode(
            "belt", "Belts slip", "belt", ("belt_wear", "log_belt_rate"), "slip costs 5 % of the speed at rated load, beyond creep",
            "US DOE Motor Systems Tip Sheet 5, 2012: loss by slip as much as 5 %", 0.2, ("fan_speed", "flow"),
            "Tension the belts, replace them as a set, check the pulleys' alignment", "belt set", "PDE",
        ),
        FailureMode(
            "unbalance", "Impeller out of balance", "impeller", ("unbalance", "log_unbalance_rate"),
            "vibration velocity 9.0 mm/s rms at speed of rotation: shut-down limit of category BV-3, rigid mounting",
            "ISO 14694:2003 table 5", 0.15, ("turn_velocity", "vibration_velocity"),
            "Clean the impeller, look for erosion and cracks, balance to G 6.3", "balance weights", "VIB",
        ),
        FailureMode(
            "bearing_wear", "Bearing worn", "bearing", ("bearing_wear", "log_bearing_rate"),
            "vibration velocity 4.5 mm/s rms apart from the speed of rotation, zone boundary C/D of class I",
            "ISO 10816-1:1995 Annex B (ISO 20816-1:2016 Annex C)", 0.2,
            ("vibration_velocity", "turn_velocity", "bearing_temperature"),
            "Replace both bearings, check greasing", "bearing set", "VIB",
        ),
        FailureMode(
            "filter_clogging", "Filter clogged", "filter", ("filter_loading", "log_filter_rate"),
            "450 Pa at rated flow", "EN 779:2012, final pressure drop of fine filters", 0.1, ("filter_pressure_drop", "flow"),
            "Change the filter bags", "filter bags", "PLU",
        ),
    ),
    components=(
        Component("belt", "Belts", ("belt_wear", "log_belt_rate")),
        Component("impeller", "Impeller", ("unbalance", "log_unbalance_rate")),
        Component("bearing", "Bearings", ("bearing_wear", "log_bearing_rate")),
        Component("filter", "Filter", ("filter_loading", "log_filter_rate")),
    ),
    parameters=(
        Parameter("rated_motor_speed_rad_per_s", "Rated motor speed", "rad/s", "11 kW, four poles, 1465 1/min", 10.0, 400.0),
        Parameter("belt_ratio", "Fan over motor speed without slip", "1", "pulleys 212/180 mm, ISO 4183", 0.1, 10.0),
        Parameter("shutoff_pressure_Pa", "Pressure at zero flow", "Pa", _CURVE, 10.0, 3e4),
        Parameter("pressure_rise_Pa_s_per_m3", "Linear part of the curve", "Pa s/m3", _CURVE, 0.0, 1e6),
        Parameter("pressure_fall_Pa_s2_per_m6", "Fall with flow squared", "Pa s2/m6", _CURVE, 1e-3, 1e7),
        Parameter("power_zero_flow_W", "Shaft power at zero flow", "W", _CURVE, 0.0, 1e6),
        Parameter("power_slope_J_per_m3", "Rise of power with flow", "J/m3", _CURVE, 0.0, 1e5),
        Parameter("rated_flow_m3_per_s", "Rated flow", "m3/s", _CURVE, 1e-2, 200.0),
        Parameter("system_Pa_s2_per_m6", "Duct, damper open", "Pa s2/m6", "own layout: 1500 Pa at 4 m3/s", 1e-3, 1e7),
        Parameter("filter_clean_Pa", "Drop of the new filter at rated flow", "Pa", "EN 13053:2019, F7: 100 Pa", 10.0, 400.0),
        Parameter("filter_limit_Pa", "Final drop at rated flow", "Pa", "EN 779:2012: 450 Pa", 50.0, 2e3),
        Parameter("filter_life_s", "Time to the final drop", "s", "estimate: 6000 h", 1e4, 1e10),
        Parameter("slip_new", "Creep of the new belt at rated load", "1", "V-belts 1 to 2 %, Niemann 1983", 0.0, 0.05),
        Parameter("slip_limit", "Slip at the limit at rated load", "1", "creep and 5 %, DOE Tip Sheet 5", 0.052, 0.1),
        Parameter("belt_efficiency", "Belt efficiency without slip", "1", "DOE Tip Sheet 5: V-belt 0.93 to 0.98", 0.5, 1.0),
        Parameter("motor_efficiency", "Motor efficiency", "1", "IEC 60034-30-1, 11 kW IE3, four poles: 0.914", 0.5, 0.99),
        Parameter("belt_life_s", "Time to the slip limit", "s", "25 000 h, design life of V-belts", 1e5, 1e10),
        Parameter("unbalance_interval_s", "Time to the unbalance limit", "s", "estimate: 25 000 h in clean air", 1e5, 1e10),
        Parameter("turn_velocity_healthy_m_per_s", "1x velocity, new", "m/s", "ISO 14694 BV-3: below 2.8 mm/s", 0.0, 0.0028),
        Parameter("turn_velocity_limit_m_per_s", "Its shut-down limit", "m/s", "ISO 14694 table 5, BV-3 rigid", 3e-3, 0.03),
        Parameter("bearing_mean_diameter_m", "Pitch diameter of the bearings", "m", "ball bearing 6310", 5e-3, 1.0),
        Parameter("bearing_load_N", "Load on each bearing", "N", "estimate: belt pull and impeller", 1.0, 1e5),
        Parameter("bearing_f0", "Palmgren f0", "1", _HARRIS, 0.1, 20.0),
        Parameter("bearing_f1", "Palmgren f1", "1", _HARRIS, 1e-5, 1e-2),
        Parameter("grease_m2_per_s", "Viscosity of the grease's oil, warm", "m2/s", "ISO VG 100 at 60 C", 1e-6, 1e-3),
        Parameter("bearing_to_air_K_per_W", "Thermal resistance bearing to air", "K/W", "estimate, learned per unit", 1e-3, 10.0),
        Parameter("bearing_capacity_J_per_K", "Heat capacity of a plummer block", "J/K", "15 kg of cast iron", 10.0, 1e7),
        Parameter("bearing_life_s", "Scale of the bearing's life at 70 C", "s", "35 000 h, SKF 2018", 1e5, 1e10),
        Parameter("bearing_wear_growth", "Growth of the wear rate with wear", "1", "exponential, Gebraeel 2005", 0.0, 20.0),
        Parameter("bearing_friction_growth", "Relative friction growth at the limit", "1", "estimate, learned per unit", 0.0, 20.0),
        Parameter("grease_reference_K", "Temperature of the stated grease life", "K", "SKF 2018, 70 C", 300.0, 400.0),
        Parameter("bearing_velocity_healthy_m_per_s", "Rest of the velocity, new", "m/s", "ISO 10816-1 zone A", 0.0, 0.003),
        Parameter("bearing_velocity_limit_m_per_s", "Rest of the velocity, limit", "m/s", "ISO 10816-1 class I, C/D", 3.1e-3, 0.03),
    ),
)  # fmt: skip
