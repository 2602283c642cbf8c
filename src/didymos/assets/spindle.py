"""Spindle on two rolling bearings: heat, film, fatigue after ISO 281, and the vibration of a spall.

    C_b dT/dt = M(T) w - (T - T_h) / R_b             front and rear bearing; M: Palmgren's torque with the oil at temperature T
    (T_f - T_h) / R_b + (T_r - T_h) / R_b + Q n^2 = (T_h - T_amb) / R_h        housing: its mass is counted with the bearings
    P_front = preload + (1 + o) F,   P_rear = preload + o F                    lever of the overhung cutting force F
    dD/dt = (w / 2 pi) / L10m(kappa, e_C C_u / P, C / P)                       damage: L10 lives consumed, D = 5.46 is the median
    ds/dt = (exp(r g) s + flaw + (D / 5.46)^4) / (0.1 L10m)                    spall: s = 1 at the vibration limit
    dz/dt = n (1 + 2 z) 2^((T_f - 343.15 K) / 15 K) / life                     starvation z: friction (1 + z), film kappa / (1 + z)
    v_rms = n (v_0 + (v_lim - v_0) (s_f + b s_r)),   power = idle n^2 + (M_f + M_r) w + arm F w

r is one learned growth exponent; each bearing has the part g of it that its spall has of both, so that one bearing's spall says
nothing about the other. Median over L10 is (ln 2 / ln (1/0.9))^(1/1.11), Weibull slope 1.11 of ball bearings.
Source: ISO 281:2007 (life); Harris & Kotzalas 2006 ch. 10 (torque), ch. 8 (two-bearing shaft); spall growth about a tenth of L10:
Kotzalas & Harris, J. Tribology 123 (2001); thresholds ISO 10816-1, ISO 281, ISO 15243. Valid: 0.02 to 1.3 rated speed, light oil.
Verified: tests/verify/test_spindle.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.bearings import basic_life_revolutions, friction_torque_N_m, grease_ageing, life_factor
from didymos.assets.lubricants import reference_viscosity_m2_per_s, viscosity_fall_per_K, viscosity_m2_per_s
from didymos.assets.wear import DAMAGE_LOW, LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

TWO_PI = 6.283185307179586
MEDIAN_OVER_L10 = 5.46
FLAW = 1.0e-4
LOG_SPALL_SD = 2.0  # spalls differ more than wear: from alarm to end, ln(time) of six PRONOSTIA bearings scatters by 1.8
COLD_K = 293.15


class State(NamedTuple):
    front_bearing_temperature_K: float
    rear_bearing_temperature_K: float
    front_damage: float
    rear_damage: float
    front_spall: float
    rear_spall: float
    log_spall_rate: float
    starvation: float


class Input(NamedTuple):
    speed_rad_per_s: float
    radial_load_N: float
    ambient_temperature_K: float
    oil_viscosity_m2_per_s: float


class Output(NamedTuple):
    front_bearing_temperature_K: float
    rear_bearing_temperature_K: float
    drive_power_W: float
    velocity_rms_m_per_s: float
    acceleration_rms_m_per_s2: float


class Virtual(NamedTuple):
    housing_temperature_K: float
    front_kappa: float
    rear_kappa: float
    front_life_s: float
    rear_life_s: float
    friction_W: float


class Loads(NamedTuple):
    front_heat_W: float
    rear_heat_W: float
    motor_heat_W: float
    front_force_N: float
    rear_force_N: float


class Severity(NamedTuple):
    front_bearing_fatigue: float
    rear_bearing_fatigue: float
    lubrication: float


class Params(NamedTuple):
    """Milling spindle, 7014 class bearings in front, 7012 class at the rear, oil-air, 6000 1/min."""

    rated_speed_rad_per_s: float = 628.3
    front_rating_N: float = 48_000.0
    front_fatigue_limit_N: float = 1_955.0
    front_mean_diameter_m: float = 0.0900
    rear_rating_N: float = 39_000.0
    rear_fatigue_limit_N: float = 1_523.0
    rear_mean_diameter_m: float = 0.0775
    preload_N: float = 400.0
    overhang: float = 0.5
    contamination: float = 0.2
    walther_slope: float = 3.75
    torque_f0: float = 1.7
    torque_f1: float = 4.5e-4
    bearing_to_housing_K_per_W: float = 0.05
    housing_to_ambient_K_per_W: float = 0.04
    bearing_capacity_J_per_K: float = 15_000.0
    housing_heat_W: float = 100.0
    spall_growth_share: float = 0.1
    life_cap_s: float = 1.44e8
    spall_friction: float = 0.1
    starvation_life_s: float = 2.0e8
    temperature_limit_K: float = 353.15
    idle_power_W: float = 600.0
    cutting_arm_m: float = 2.0e-3
    rear_transfer: float = 0.6
    rear_transfer_high: float = 0.35
    velocity_healthy_m_per_s: float = 0.7e-3
    velocity_limit_m_per_s: float = 4.5e-3
    acceleration_healthy_m_per_s2: float = 4.0
    acceleration_limit_m_per_s2: float = 40.0


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def front_load_N(u, p):
    return p.preload_N + (1.0 + p.overhang) * np.clip(u.radial_load_N, 0.0, 1e7)


def rear_load_N(u, p):
    return p.preload_N + p.overhang * np.clip(u.radial_load_N, 0.0, 1e7)


def oil_m2_per_s(temperature_K, u, p):
    return viscosity_m2_per_s(temperature_K, u.oil_viscosity_m2_per_s, p.walther_slope)


def torque_N_m(temperature_K, spall, starvation, load_N, diameter_m, u, p):
    clean = friction_torque_N_m(u.speed_rad_per_s, load_N, oil_m2_per_s(temperature_K, u, p), diameter_m, p.torque_f0, p.torque_f1)
    return clean * (1.0 + p.spall_friction * spall) * (1.0 + starvation)


def front_friction_W(temperature_K, x, u, p):
    torque = torque_N_m(temperature_K, x.front_spall, x.starvation, front_load_N(u, p), p.front_mean_diameter_m, u, p)
    return torque * u.speed_rad_per_s


def rear_friction_W(temperature_K, x, u, p):
    torque = torque_N_m(temperature_K, x.rear_spall, x.starvation, rear_load_N(u, p), p.rear_mean_diameter_m, u, p)
    return torque * u.speed_rad_per_s


def housing_temperature_K(front_K, rear_K, u, p):
    n = speed_ratio(u, p)
    inner = 1.0 / p.bearing_to_housing_K_per_W
    outer = 1.0 / p.housing_to_ambient_K_per_W
    return (inner * (front_K + rear_K) + outer * u.ambient_temperature_K + p.housing_heat_W * n * n) / (2.0 * inner + outer)


def kappa(temperature_K, starvation, speed_rad_per_s, diameter_m, u, p):
    film = oil_m2_per_s(temperature_K, u, p) / reference_viscosity_m2_per_s(speed_rad_per_s, diameter_m)
    return film / np.clip(1.0 + starvation, 0.1, 1e3)


def front_kappa(x, u, p):
    return kappa(x.front_bearing_temperature_K, x.starvation, u.speed_rad_per_s, p.front_mean_diameter_m, u, p)


def rear_kappa(x, u, p):
    return kappa(x.rear_bearing_temperature_K, x.starvation, u.speed_rad_per_s, p.rear_mean_diameter_m, u, p)


def life_s(film, rating_N, fatigue_limit_N, load_N, u, p):
    """Modified life L10m in seconds at the live speed, at most `life_cap_s` at rated speed."""
    turns = life_factor(film, p.contamination, fatigue_limit_N, load_N) * basic_life_revolutions(rating_N, load_N)
    cap = p.life_cap_s * p.rated_speed_rad_per_s / TWO_PI
    return np.clip(turns, 0.0, cap) * TWO_PI / np.clip(u.speed_rad_per_s, 1e-3, 1e6)


def front_life_s(x, u, p):
    return life_s(front_kappa(x, u, p), p.front_rating_N, p.front_fatigue_limit_N, front_load_N(u, p), u, p)


def rear_life_s(x, u, p):
    return life_s(rear_kappa(x, u, p), p.rear_rating_N, p.rear_fatigue_limit_N, rear_load_N(u, p), u, p)


def spall_rate(spall, other, damage, life, x, p):
    """Growth of one spall: of itself, at the learned rate, and out of flaws as the consumed life nears its median."""
    own = np.clip(spall, 0.0, 10.0) + 1e-3
    share = own / (own + np.clip(other, 0.0, 10.0) + 1e-3)
    used = np.clip(damage / MEDIAN_OVER_L10, 0.0, 10.0)
    born = FLAW + used * used * used * used
    return (np.exp(x.log_spall_rate * share) * (np.clip(spall, 0.0, 10.0) + FLAW) + born) / (p.spall_growth_share * life)


def starvation_rate(x, u, p):
    warm = grease_ageing(x.front_bearing_temperature_K, 343.15)
    return speed_ratio(u, p) * warm * (1.0 + 2.0 * np.clip(x.starvation, 0.0, 10.0)) / p.starvation_life_s


def rhs(x, u, p):
    housing = housing_temperature_K(x.front_bearing_temperature_K, x.rear_bearing_temperature_K, u, p)
    front_out = (x.front_bearing_temperature_K - housing) / p.bearing_to_housing_K_per_W
    rear_out = (x.rear_bearing_temperature_K - housing) / p.bearing_to_housing_K_per_W
    front_life = front_life_s(x, u, p)
    rear_life = rear_life_s(x, u, p)
    return State(
        (front_friction_W(x.front_bearing_temperature_K, x, u, p) - front_out) / p.bearing_capacity_J_per_K,
        (rear_friction_W(x.rear_bearing_temperature_K, x, u, p) - rear_out) / p.bearing_capacity_J_per_K,
        1.0 / front_life,
        1.0 / rear_life,
        spall_rate(x.front_spall, x.rear_spall, x.front_damage, front_life, x, p),
        spall_rate(x.rear_spall, x.front_spall, x.rear_damage, rear_life, x, p),
        log_rate_drift(x.log_spall_rate),
        starvation_rate(x, u, p),
    )


def friction_W(x, u, p):
    return front_friction_W(x.front_bearing_temperature_K, x, u, p) + rear_friction_W(x.rear_bearing_temperature_K, x, u, p)


def out(x, u, p):
    n = speed_ratio(u, p)
    cutting = p.cutting_arm_m * np.clip(u.radial_load_N, 0.0, 1e7) * u.speed_rad_per_s
    velocity = (p.velocity_limit_m_per_s - p.velocity_healthy_m_per_s) * (x.front_spall + p.rear_transfer * x.rear_spall)
    acceleration = (p.acceleration_limit_m_per_s2 - p.acceleration_healthy_m_per_s2) * (
        x.front_spall + p.rear_transfer_high * x.rear_spall
    )
    return Output(
        x.front_bearing_temperature_K,
        x.rear_bearing_temperature_K,
        p.idle_power_W * n * n + friction_W(x, u, p) + cutting,
        n * (p.velocity_healthy_m_per_s + velocity),
        n * (p.acceleration_healthy_m_per_s2 + acceleration),
    )


def virtual(x, u, p):
    return Virtual(
        housing_temperature_K(x.front_bearing_temperature_K, x.rear_bearing_temperature_K, u, p),
        front_kappa(x, u, p),
        rear_kappa(x, u, p),
        front_life_s(x, u, p),
        rear_life_s(x, u, p),
        friction_W(x, u, p),
    )


def loads(x, u, p):
    """What the housing gets: heat through both bearing rings, the motor's, and the radial forces in the seats."""
    housing = housing_temperature_K(x.front_bearing_temperature_K, x.rear_bearing_temperature_K, u, p)
    n = speed_ratio(u, p)
    return Loads(
        np.clip((x.front_bearing_temperature_K - housing) / p.bearing_to_housing_K_per_W, 0.0, 1e5),
        np.clip((x.rear_bearing_temperature_K - housing) / p.bearing_to_housing_K_per_W, 0.0, 1e5),
        p.housing_heat_W * n * n,
        front_load_N(u, p),
        rear_load_N(u, p),
    )


def severity(x, u, p):
    """Lubrication: the film at rated speed and the bearing temperature, whichever is nearer to its limit."""
    warmer = np.where(
        x.front_bearing_temperature_K > x.rear_bearing_temperature_K, x.front_bearing_temperature_K, x.rear_bearing_temperature_K
    )
    film = 1.0 / kappa(warmer, x.starvation, p.rated_speed_rad_per_s, p.rear_mean_diameter_m, u, p)
    heat = (warmer - COLD_K) / (p.temperature_limit_K - COLD_K)
    return Severity(x.front_spall, x.rear_spall, np.where(film > heat, film, heat))


def friction_slope_W_per_K(temperature_K, friction_now_W, load_N, diameter_m, x, u, p):
    """d friction / d temperature: the viscous torque goes with viscosity^(2/3)."""
    relative = viscosity_fall_per_K(temperature_K, oil_m2_per_s(temperature_K, u, p), p.walther_slope)
    viscous = 1.0 - p.torque_f1 * load_N * diameter_m / torque_N_m(temperature_K, 0.0, 0.0, load_N, diameter_m, u, p)
    return friction_now_W * viscous * 2.0 / 3.0 * relative


def steady_step(x, u, p):
    """One Newton step of both heat balances: friction linear in T around x, then two linear equations solved."""
    inner = 1.0 / p.bearing_to_housing_K_per_W
    front_K, rear_K = x.front_bearing_temperature_K, x.rear_bearing_temperature_K
    front_W, rear_W = front_friction_W(front_K, x, u, p), rear_friction_W(rear_K, x, u, p)
    front_slope = friction_slope_W_per_K(front_K, front_W, front_load_N(u, p), p.front_mean_diameter_m, x, u, p)
    rear_slope = friction_slope_W_per_K(rear_K, rear_W, rear_load_N(u, p), p.rear_mean_diameter_m, x, u, p)
    housing = housing_temperature_K(front_K, rear_K, u, p)
    share = inner * inner / (2.0 * inner + 1.0 / p.housing_to_ambient_K_per_W)
    a, d = inner - share - front_slope, inner - share - rear_slope
    front_rest, rear_rest = front_W - inner * (front_K - housing), rear_W - inner * (rear_K - housing)
    both = a * d - share * share
    return State(
        np.clip(front_K + (d * front_rest + share * rear_rest) / both, 223.15, 473.15),
        np.clip(rear_K + (a * rear_rest + share * front_rest) / both, 223.15, 473.15),
        x.front_damage,
        x.rear_damage,
        x.front_spall,
        x.rear_spall,
        x.log_spall_rate,
        x.starvation,
    )


def steady(x, u, p):
    """Six Newton steps from where x is; the error is squared at each."""
    x = steady_step(steady_step(x, u, p), u, p)
    x = steady_step(steady_step(x, u, p), u, p)
    return steady_step(steady_step(x, u, p), u, p)


_SIZE = "typical of a 6000 1/min milling spindle"
_FATIGUE = "spall with 4.5 mm/s rms at rated speed, zone boundary C/D of class I; spalling is mode 5.1 of ISO 15243"
_FATIGUE_SOURCE = "ISO 10816-1:1995 Annex B; ISO 281:2007 for its origin"

MODEL = Model(
    name="spindle",
    title="Spindle",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady, loads=loads,
    inputs=(
        Channel("speed", "Spindle speed", "rad/s", 0.0, 6000.0, 1.0),
        Channel("radial_load", "Radial load at the nose", "N", 0.0, 1.0e5, 30.0),
        Channel("ambient_temperature", "Ambient air", "K", 233.15, 343.15, 0.5),
        Channel("oil_viscosity", "Oil viscosity at 40 C", "m2/s", 1.0e-6, 1.0e-3, 3.0e-7),
    ),
    sensors=(
        Channel("front_bearing_temperature", "Front bearing temperature", "K", 233.15, 473.15, 0.4),
        Channel("rear_bearing_temperature", "Rear bearing temperature", "K", 233.15, 473.15, 0.4),
        Channel("drive_power", "Drive power", "W", 0.0, 1.0e6, 60.0),
        Channel("velocity_rms", "Vibration velocity, rms 10-1000 Hz", "m/s", 0.0, 0.5, 1.0e-4),
        Channel("acceleration_rms", "Vibration acceleration, rms", "m/s2", 0.0, 2000.0, 1.0),
    ),
    virtuals=(
        Channel("housing_temperature", "Housing temperature", "K"),
        Channel("front_kappa", "Viscosity ratio, front", "1"),
        Channel("rear_kappa", "Viscosity ratio, rear", "1"),
        Channel("front_life", "Modified rating life L10m, front", "s"),
        Channel("rear_life", "Modified rating life L10m, rear", "s"),
        Channel("friction", "Bearing friction", "W"),
    ),
    slow=("front_damage", "rear_damage", "front_spall", "rear_spall", "log_spall_rate", "starvation"),
    initial=State(298.15, 298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    initial_sd=State(15.0, 15.0, 0.01, 0.01, 0.03, 0.03, LOG_SPALL_SD, 0.1),
    process_noise=State(0.03, 0.03, 1.0e-7, 1.0e-7, 2.0e-5, 2.0e-5, LOG_SPALL_SD * LOG_RATE_NOISE, 3.0e-5),
    low=State(223.15, 223.15, DAMAGE_LOW, DAMAGE_LOW, -0.05, -0.05, LOG_RATE_LOW, -0.5),
    high=State(473.15, 473.15, 100.0, 100.0, 10.0, 10.0, LOG_RATE_HIGH, 10.0),
    nominal=Input(628.3, 2500.0, 298.15, 32.0e-6),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "front_bearing_fatigue", "Front bearing spalled", "front_bearing",
            ("front_damage", "front_spall", "log_spall_rate"), _FATIGUE, _FATIGUE_SOURCE, 0.2,
            ("velocity_rms", "acceleration_rms", "front_bearing_temperature"),
            "Replace the front bearing set, check preload and seals", "front bearing set", "VIB",
        ),
        FailureMode(
            "rear_bearing_fatigue", "Rear bearing spalled", "rear_bearing", ("rear_damage", "rear_spall", "log_spall_rate"),
            _FATIGUE, _FATIGUE_SOURCE, 0.2, ("velocity_rms", "acceleration_rms", "rear_bearing_temperature"),
            "Replace the rear bearing", "rear bearing", "VIB",
        ),
        FailureMode(
            "lubrication", "Lubrication insufficient", "lubrication", ("starvation",),
            "viscosity ratio kappa 1 at rated speed, or a bearing at 80 C",
            "ISO 281:2007 (kappa below 1: mixed film); SKF super-precision bearings 2016 (80 C)", 0.1,
            ("front_bearing_temperature", "rear_bearing_temperature", "drive_power"),
            "Check oil supply and grade; change the oil", "oil", "OHE", ("oil_viscosity",),
        ),
    ),
    components=(
        Component("front_bearing", "Front bearing", ("front_damage", "front_spall", "log_spall_rate")),
        Component("rear_bearing", "Rear bearing", ("rear_damage", "rear_spall", "log_spall_rate")),
        Component("lubrication", "Lubrication", ("starvation",)),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", _SIZE, 10.0, 6000.0),
        Parameter("front_rating_N", "Dynamic rating C, front", "N", "bearings.BEARINGS 7014c", 500.0, 1e6),
        Parameter("front_fatigue_limit_N", "Fatigue limit load C_u, front", "N", "bearings.BEARINGS 7014c", 1.0, 1e5),
        Parameter("front_mean_diameter_m", "Pitch diameter, front", "m", "bearings.BEARINGS 7014c", 5e-3, 1.0),
        Parameter("rear_rating_N", "Dynamic rating C, rear", "N", "bearings.BEARINGS 7012c", 500.0, 1e6),
        Parameter("rear_fatigue_limit_N", "Fatigue limit load C_u, rear", "N", "bearings.BEARINGS 7012c", 1.0, 1e5),
        Parameter("rear_mean_diameter_m", "Pitch diameter, rear", "m", "bearings.BEARINGS 7012c", 5e-3, 1.0),
        Parameter("preload_N", "Load on each bearing without cutting", "N", _SIZE, 1.0, 1e5),
        Parameter("overhang", "Nose overhang over bearing distance", "1", _SIZE, 0.0, 3.0),
        Parameter(
            "contamination", "Contamination factor e_C", "1", "ISO 281:2007 table 13, 0.1 to 0.3 typical contamination", 0.0, 1.0
        ),
        Parameter("walther_slope", "Slope B of the oil", "1", "ISO VG 32 mineral oil, 32 and 5.4 mm2/s", 2.0, 5.0),
        Parameter("torque_f0", "Palmgren f0", "1", "Harris & Kotzalas 2006 table 10.3, oil mist", 0.1, 20.0),
        Parameter("torque_f1", "Palmgren f1", "1", "0.001 (P/C0)^0.33, Harris & Kotzalas 2006", 1e-5, 1e-2),
        Parameter("bearing_to_housing_K_per_W", "Thermal resistance bearing to housing", "K/W", _SIZE, 1e-3, 10.0),
        Parameter("housing_to_ambient_K_per_W", "Thermal resistance housing to ambient", "K/W", _SIZE, 1e-3, 10.0),
        Parameter("bearing_capacity_J_per_K", "Heat capacity at each bearing", "J/K", _SIZE, 10.0, 1e7),
        Parameter("housing_heat_W", "Drive heat into the housing at rated speed", "W", _SIZE, 0.0, 1e5),
        Parameter("spall_growth_share", "Growth time of a spall over L10m", "1", "Kotzalas & Harris 2001", 1e-3, 1.0),
        Parameter("life_cap_s", "Longest L10m counted", "s", "40 000 h: beyond it other causes end the life", 3.6e3, 1e9),
        Parameter("spall_friction", "Relative friction growth at the limit", "1", "estimate, learned per unit", 0.0, 5.0),
        Parameter("starvation_life_s", "Scale of the lubricant's life at 70 C", "s", "estimate", 1e5, 1e10),
        Parameter("temperature_limit_K", "Bearing temperature limit", "K", "SKF super-precision bearings 2016, 80 C", 320.0, 450.0),
        Parameter("idle_power_W", "Drive power without bearings and cutting", "W", _SIZE, 0.0, 1e5),
        Parameter("cutting_arm_m", "Cutting torque over radial load", "m", _SIZE, 0.0, 1.0),
        Parameter("rear_transfer", "Velocity of a rear spall over a front one", "1", "estimate", 0.0, 1.0),
        Parameter("rear_transfer_high", "Acceleration of a rear spall over a front one", "1", "estimate", 0.0, 1.0),
        Parameter("velocity_healthy_m_per_s", "Velocity of the new spindle", "m/s", "ISO 10816-1 zone A", 0.0, 0.01),
        Parameter("velocity_limit_m_per_s", "Velocity limit, zone C/D", "m/s", "ISO 10816-1 class I", 1e-3, 0.1),
        Parameter("acceleration_healthy_m_per_s2", "Acceleration of the new spindle", "m/s2", _SIZE, 0.0, 100.0),
        Parameter("acceleration_limit_m_per_s2", "Acceleration at the velocity limit", "m/s2", "estimate", 1.0, 1000.0),
    ),
)  # fmt: skip
