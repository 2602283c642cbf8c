"""Induction motor, totally enclosed and fan cooled: two thermal masses and three ways to fail.

    C_w dT_w/dt = 3 R(T_w) I^2 - (T_w - T_f) / R_wf                R(T) = R_20 (1 + a (T - 293.15 K))
    C_f dT_f/dt = (T_w - T_f) / R_wf + P_rotor + P_iron + P_friction - (T_f - T_amb) / R_fa
    R_fa = R_0 (1 + fouling) / (k + (1 - k) n^0.8)                 n = speed / rated speed; k: share that needs no fan
    T_b  = T_f + R_b P_bearing                                     bearing ring above the end shield that carries it

    insulation   dD/dt = 2^((T_w - 428.15 K) / 10 K) / 20 000 h                                          fails at D = 1
    bearing      dw/dt = exp(r) n (1 + g w) 2^((T_b - 343.15 K) / 15 K) / life,  v = n (v_0 + (v_lim - v_0) w)     w = 1
    cooling      df/dt = exp(r) n / interval         fails when the rated winding would reach its class limit

Source: two-body motor model, Boldea & Nasar, The Induction Machine Handbook, 2001, ch. 12; copper IEC 60028; class F and
20 000 h IEC 60085, IEC 60216-1; 10 K rule Montsinger, Trans. AIEE 49 (1930); grease life halves per 15 K, SKF 2018.
Valid: one winding temperature, sinusoidal or drive supply up to 1.2 rated speed, continuous or intermittent duty above one minute.
Verified: tests/verify/test_induction_motor.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.bearings import greased_wear
from didymos.assets.wear import DAMAGE_LOW, LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

LN2 = 0.6931471805599453
RATED_AMBIENT_K = 313.15  # 40 C, IEC 60034-1


class State(NamedTuple):
    """fouling: relative growth of the cooling resistance; bearing_wear: 1 at the vibration limit; winding_factor: this unit's
    winding-to-frame resistance over the data sheet's, constant and found in the first days."""

    winding_temperature_K: float
    frame_temperature_K: float
    fouling: float
    log_fouling_rate: float
    bearing_wear: float
    log_bearing_rate: float
    insulation_damage: float
    winding_factor: float


class Input(NamedTuple):
    current_A: float
    speed_rad_per_s: float
    ambient_temperature_K: float


class Output(NamedTuple):
    winding_temperature_K: float
    bearing_temperature_K: float
    vibration_velocity_m_per_s: float


class Virtual(NamedTuple):
    loss_W: float
    winding_resistance_ohm: float
    frame_temperature_K: float
    insulation_ageing: float


class Severity(NamedTuple):
    insulation: float
    bearing_wear: float
    cooling_fouling: float


class Params(NamedTuple):
    """7.5 kW, four poles, 400 V, IE3, frame size 132."""

    rated_current_A: float = 14.2
    rated_speed_rad_per_s: float = 152.9
    no_load_current_A: float = 6.0
    resistance_20C_ohm: float = 0.40
    copper_coeff_per_K: float = 0.00393
    rotor_and_stray_loss_W: float = 240.0
    iron_loss_W: float = 160.0
    windage_loss_W: float = 55.0
    bearing_loss_W: float = 20.0
    winding_to_frame_K_per_W: float = 0.113
    frame_to_ambient_K_per_W: float = 0.055
    bearing_to_frame_K_per_W: float = 0.30
    still_air_share: float = 0.25
    winding_capacity_J_per_K: float = 8_000.0
    frame_capacity_J_per_K: float = 25_000.0
    winding_limit_K: float = 428.15
    insulation_life_s: float = 7.2e7
    halving_interval_K: float = 10.0
    bearing_life_s: float = 1.26e8
    bearing_wear_growth: float = 2.0
    bearing_friction_growth: float = 1.5
    grease_reference_K: float = 343.15
    fouling_interval_s: float = 9.5e7
    vibration_healthy_m_per_s: float = 0.9e-3
    vibration_limit_m_per_s: float = 4.5e-3


def winding_loss_20C_W(u, p):
    return 3.0 * p.resistance_20C_ohm * u.current_A * u.current_A


def winding_loss_W(x, u, p):
    return winding_loss_20C_W(u, p) * (1.0 + p.copper_coeff_per_K * (x.winding_temperature_K - 293.15))


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def bearing_loss_W(x, u, p):
    return p.bearing_loss_W * speed_ratio(u, p) * (1.0 + p.bearing_friction_growth * x.bearing_wear)


def rotor_loss_W(u, p):
    """Rotor copper and stray loss: follow the load part of the current, I^2 - I_0^2."""
    load = u.current_A * u.current_A - p.no_load_current_A * p.no_load_current_A
    rated = p.rated_current_A * p.rated_current_A - p.no_load_current_A * p.no_load_current_A
    return p.rotor_and_stray_loss_W * np.clip(load / rated, 0.0, 50.0)


def frame_loss_W(x, u, p):
    """Everything that is not made in the winding; iron loss with frequency^1.5, windage with its cube."""
    n = speed_ratio(u, p)
    return rotor_loss_W(u, p) + p.iron_loss_W * n * np.sqrt(n) + p.windage_loss_W * n * n * n + bearing_loss_W(x, u, p)


def cooling_K_per_W(fouling, u, p):
    air = p.still_air_share + (1.0 - p.still_air_share) * speed_ratio(u, p) ** 0.8
    return p.frame_to_ambient_K_per_W * (1.0 + fouling) / air


def winding_to_frame_K_per_W(x, p):
    return p.winding_to_frame_K_per_W * x.winding_factor


def bearing_temperature_K(x, u, p):
    return x.frame_temperature_K + p.bearing_to_frame_K_per_W * bearing_loss_W(x, u, p)


def insulation_ageing(temperature_K, p):
    """Life consumed per unit of life at the class limit: doubles every 10 K."""
    return np.exp(LN2 * (np.clip(temperature_K, 250.0, 600.0) - p.winding_limit_K) / p.halving_interval_K)


def rhs(x, u, p):
    n = speed_ratio(u, p)
    made = winding_loss_W(x, u, p)
    inward = (x.winding_temperature_K - x.frame_temperature_K) / winding_to_frame_K_per_W(x, p)
    outward = (x.frame_temperature_K - u.ambient_temperature_K) / cooling_K_per_W(x.fouling, u, p)
    bearing_K = bearing_temperature_K(x, u, p)
    wear = greased_wear(x.bearing_wear, x.log_bearing_rate, n, bearing_K, p.grease_reference_K, p.bearing_wear_growth)
    return State(
        (made - inward) / p.winding_capacity_J_per_K,
        (inward + frame_loss_W(x, u, p) - outward) / p.frame_capacity_J_per_K,
        np.exp(x.log_fouling_rate) * n / p.fouling_interval_s,
        log_rate_drift(x.log_fouling_rate),
        wear / p.bearing_life_s,
        log_rate_drift(x.log_bearing_rate),
        insulation_ageing(x.winding_temperature_K, p) / p.insulation_life_s,
        0.0 * x.winding_factor,
    )


def out(x, u, p):
    growth = (p.vibration_limit_m_per_s - p.vibration_healthy_m_per_s) * x.bearing_wear
    return Output(
        x.winding_temperature_K,
        bearing_temperature_K(x, u, p),
        speed_ratio(u, p) * (p.vibration_healthy_m_per_s + growth),
    )


def virtual(x, u, p):
    return Virtual(
        winding_loss_W(x, u, p) + frame_loss_W(x, u, p),
        p.resistance_20C_ohm * (1.0 + p.copper_coeff_per_K * (x.winding_temperature_K - 293.15)),
        x.frame_temperature_K,
        insulation_ageing(x.winding_temperature_K, p),
    )


def steady_winding_K(x, fouling, u, p):
    """T_w at which both balances close: T = (T_amb + R_fa P_frame + R b) / (1 - R k) with winding loss b + k T, R = R_fa + R_wf."""
    k = winding_loss_20C_W(u, p) * p.copper_coeff_per_K
    b = winding_loss_20C_W(u, p) - 293.15 * k
    cooling = cooling_K_per_W(fouling, u, p)
    both = cooling + winding_to_frame_K_per_W(x, p)
    return (u.ambient_temperature_K + cooling * frame_loss_W(x, u, p) + both * b) / np.clip(1.0 - both * k, 0.05, 1.0)


def steady(x, u, p):
    winding = steady_winding_K(x, x.fouling, u, p)
    loss = winding_loss_20C_W(u, p) * (1.0 + p.copper_coeff_per_K * (winding - 293.15))
    return State(
        winding,
        winding - winding_to_frame_K_per_W(x, p) * loss,
        x.fouling,
        x.log_fouling_rate,
        x.bearing_wear,
        x.log_bearing_rate,
        x.insulation_damage,
        x.winding_factor,
    )


def severity(x, u, p):
    rated = Input(p.rated_current_A, p.rated_speed_rad_per_s, RATED_AMBIENT_K)
    clean = steady_winding_K(x, 0.0, rated, p)
    fouled = steady_winding_K(x, x.fouling, rated, p)
    return Severity(x.insulation_damage, x.bearing_wear, (fouled - clean) / (p.winding_limit_K - clean))


_BOLDEA = "Boldea & Nasar 2001, ch. 12; typical of the frame size"
_SHEET = "typical data sheet of a 7.5 kW IE3 motor"

MODEL = Model(
    name="induction_motor",
    title="Induction motor",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("current", "Phase current", "A", 0.0, 2000.0, 0.1),
        Channel("speed", "Shaft speed", "rad/s", 0.0, 700.0, 0.5),
        Channel("ambient_temperature", "Ambient air", "K", 233.15, 343.15, 0.5),
    ),
    sensors=(
        Channel("winding_temperature", "Winding temperature", "K", 233.15, 523.15, 0.5),
        Channel("bearing_temperature", "Drive-end bearing temperature", "K", 233.15, 473.15, 0.5),
        Channel("vibration_velocity", "Vibration velocity, rms 10-1000 Hz", "m/s", 0.0, 0.1, 1.0e-4),
    ),
    virtuals=(
        Channel("loss", "Total loss", "W"),
        Channel("winding_resistance", "Winding resistance per phase", "ohm"),
        Channel("frame_temperature", "Frame temperature", "K"),
        Channel("insulation_ageing", "Insulation ageing, 1 at the class limit", "1"),
    ),
    slow=("fouling", "log_fouling_rate", "bearing_wear", "log_bearing_rate", "insulation_damage", "winding_factor"),
    initial=State(298.15, 298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(20.0, 20.0, 0.08, LOG_RATE_SD, 0.05, LOG_RATE_SD, 0.01, 0.1),
    process_noise=State(0.03, 0.03, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 1.0e-7, 1.0e-5),
    low=State(223.15, 223.15, -0.4, LOG_RATE_LOW, -0.2, LOG_RATE_LOW, DAMAGE_LOW, 0.4),
    high=State(573.15, 523.15, 10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 100.0, 2.5),
    nominal=Input(14.2, 152.9, 298.15),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "insulation", "Winding insulation aged", "winding", ("insulation_damage",),
            "thermal life consumed: 20 000 h at 155 C (class F), halved every 10 K",
            "IEC 60085, IEC 60216-1; Montsinger, Trans. AIEE 49 (1930)", 0.5, ("winding_temperature",),
            "Plan rewinding or replacement; lower the load or improve cooling until then", "motor", "BRD",
        ),
        FailureMode(
            "bearing_wear", "Bearing worn", "bearing", ("bearing_wear", "log_bearing_rate"),
            "vibration velocity 4.5 mm/s rms at rated speed, zone boundary C/D of class I",
            "ISO 10816-1:1995 Annex B (ISO 20816-1:2016 Annex C)", 0.2, ("vibration_velocity", "bearing_temperature"),
            "Replace both bearings, check alignment and greasing", "bearing set", "VIB",
        ),
        FailureMode(
            "cooling_fouling", "Cooling path fouled", "fan", ("fouling", "log_fouling_rate"),
            "rated load at 40 C ambient would bring the winding to 155 C (class F)", "IEC 60034-1, IEC 60085", 0.1,
            ("winding_temperature", "bearing_temperature"), "Clean fan cover and fins, check the fan", "fan", "OHE",
        ),
    ),
    components=(
        Component("winding", "Stator winding", ("insulation_damage",)),
        Component("bearing", "Bearings", ("bearing_wear", "log_bearing_rate")),
        Component("fan", "Fan and cooling path", ("fouling", "log_fouling_rate")),
    ),
    parameters=(
        Parameter("rated_current_A", "Rated current", "A", _SHEET, 0.5, 2000.0),
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", _SHEET, 10.0, 700.0),
        Parameter(
            "no_load_current_A", "No-load current", "A", "about 0.42 of rated at this size, Boldea & Nasar 2001", 0.0, 1000.0
        ),
        Parameter("resistance_20C_ohm", "Winding resistance per phase (star) at 20 C", "ohm", _SHEET, 1e-4, 50.0),
        Parameter("copper_coeff_per_K", "Temperature coefficient of copper", "1/K", "IEC 60028", 0.003, 0.005),
        Parameter("rotor_and_stray_loss_W", "Rotor and stray loss at rated load", "W", _BOLDEA, 0.0, 1e5),
        Parameter("iron_loss_W", "Iron loss at rated speed", "W", _BOLDEA, 0.0, 1e5),
        Parameter("windage_loss_W", "Windage at rated speed", "W", _BOLDEA, 0.0, 1e5),
        Parameter("bearing_loss_W", "Bearing friction at rated speed", "W", "SKF friction model, two 6208, light load", 0.0, 1e4),
        Parameter("winding_to_frame_K_per_W", "Thermal resistance winding to frame", "K/W", _BOLDEA, 1e-4, 10.0),
        Parameter("frame_to_ambient_K_per_W", "Thermal resistance frame to air, rated speed, clean", "K/W", _BOLDEA, 1e-4, 10.0),
        Parameter("bearing_to_frame_K_per_W", "Thermal resistance bearing to end shield", "K/W", _BOLDEA, 0.0, 10.0),
        Parameter("still_air_share", "Cooling left without fan", "1", "IEC 60255-149 standstill time constants", 0.05, 1.0),
        Parameter("winding_capacity_J_per_K", "Heat capacity of copper and teeth", "J/K", _BOLDEA, 100.0, 1e7),
        Parameter("frame_capacity_J_per_K", "Heat capacity of yoke, frame and shields", "J/K", _BOLDEA, 100.0, 1e8),
        Parameter("winding_limit_K", "Limit of the thermal class", "K", "IEC 60085, class F", 378.15, 493.15),
        Parameter("insulation_life_s", "Insulation life at the class limit", "s", "IEC 60216-1, 20 000 h", 1e6, 1e9),
        Parameter("halving_interval_K", "Temperature rise that halves life", "K", "Montsinger 1930", 5.0, 20.0),
        Parameter(
            "bearing_life_s", "Scale of the bearing's life at 70 C", "s", "35 000 h, usual L10h of motors, SKF 2018", 1e5, 1e9
        ),
        Parameter(
            "bearing_wear_growth", "Growth of the wear rate with wear", "1", "exponential degradation, Gebraeel 2005", 0.0, 20.0
        ),
        Parameter("bearing_friction_growth", "Relative friction growth at the limit", "1", "estimate, learned per unit", 0.0, 20.0),
        Parameter("grease_reference_K", "Temperature of the stated grease life", "K", "SKF 2018, 70 C", 300.0, 400.0),
        Parameter("fouling_interval_s", "Time in which fouling doubles the resistance", "s", "estimate: 3 years", 1e5, 1e9),
        Parameter(
            "vibration_healthy_m_per_s", "Vibration of the new motor", "m/s", "IEC 60034-14 grade A: at most 1.6 mm/s", 0.0, 0.01
        ),
        Parameter("vibration_limit_m_per_s", "Vibration limit, zone C/D", "m/s", "ISO 10816-1 class I", 1e-3, 0.03),
    ),
)  # fmt: skip
