"""Servo axis with a preloaded ball screw: torque, preload, lost motion, thermal growth, rolling fatigue, lubrication.

    T    = F L / (2 pi e) + K F_p L / (2 pi) + F_g f L / (2 pi) + c v       e = (1 - mu tan b) / (1 + mu / tan b)
    K    = 0.05 / sqrt(tan b) f,  tan b = L / (pi d)                        drag of the preload; f: friction over new
    F_p  = F_p0 (1 - w)                                                     w: preload lost
    F_1  = F_p (1 + F / (2^1.5 F_p))^1.5 to F = 2^1.5 F_p, then F           loaded half of the nut
    dD   = turns / ((C_a / F_1)^3 10^6)                                     ISO 3408-5: D = 1 at L_10
    B    = 2 F_g f / k + play,  k = k_0 (F_p / F_p0)^(1/3)                  reversal error; play once the preload is gone
    C dT/dt = (friction torque) w - G (T - T_amb),  growth a L_s (T - T_amb)

    preload      dw/dt = exp(r) v / life          preload below a 2.83th of the largest load: the nut opens
    fatigue      dD/dt                            L_10
    grease       df/dt = exp(r) hot v / life      friction doubled

Source: ISO 3408-4:2006 (stiffness with the cube root of preload), ISO 3408-5:2006 (life, loaded half); drag of preload and
efficiency JIS B 1192:2018 and THK; ISO 230-2:2014 (reversal error). Valid: ball screws with double nut, 5 to 100 mm, oil or grease,
axis moving back and forth, speed and force as root mean cube of a minute. Verified: tests/verify/test_ball_screw_axis.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.bearings import basic_life_revolutions, grease_ageing
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

PI = 3.141592653589793
OPENING = 2.8284271247461903  # 2^1.5: axial load over preload at which the unloaded half of the nut is free


class State(NamedTuple):
    """preload_loss: share of the preload lost; starvation: relative growth of all friction; fatigue_damage: share of L_10 used;
    guide_factor: this axis' guide friction over the sheet's."""

    screw_temperature_K: float
    preload_loss: float
    log_preload_rate: float
    fatigue_damage: float
    starvation: float
    log_starvation_rate: float
    guide_factor: float


class Input(NamedTuple):
    speed_rad_per_s: float
    axial_force_N: float
    ambient_temperature_K: float


class Output(NamedTuple):
    motor_torque_Nm: float
    screw_temperature_K: float
    reversal_error_m: float


class Virtual(NamedTuple):
    preload_N: float
    thermal_growth_m: float
    nut_life_s: float
    friction_torque_Nm: float
    stiffness_N_per_m: float


class Severity(NamedTuple):
    preload: float
    fatigue: float
    grease: float


class Params(NamedTuple):
    """Screw 40 x 20 mm, C_a 52 kN, preload 2.6 kN, 1 m between supports, roller guides carrying 600 kg."""

    rated_speed_rad_per_s: float = 157.1
    rated_force_N: float = 4000.0
    largest_force_N: float = 5200.0
    screw_diameter_m: float = 0.040
    lead_m: float = 0.020
    rolling_friction: float = 0.005
    dynamic_rating_N: float = 52.0e3
    preload_N: float = 2600.0
    guide_force_N: float = 300.0
    viscous_Nm_s: float = 4.0e-3
    stiffness_N_per_m: float = 2.2e8
    play_m: float = 20.0e-6
    screw_length_m: float = 1.0
    expansion_per_K: float = 11.5e-6
    heat_capacity_J_per_K: float = 9.0e3
    cooling_W_per_K: float = 9.0
    duty: float = 0.5
    preload_life_s: float = 8.0e7
    starvation_limit: float = 1.0
    starvation_life_s: float = 7.0e7
    grease_reference_K: float = 313.15


def speed_ratio(u, p):
    return np.clip(np.abs(u.speed_rad_per_s) / p.rated_speed_rad_per_s, 0.0, 3.0)


def slope(p):
    """Tangent of the lead angle."""
    return p.lead_m / (PI * p.screw_diameter_m)


def efficiency(p):
    """From torque to force."""
    return (1.0 - p.rolling_friction * slope(p)) / (1.0 + p.rolling_friction / slope(p))


def preload_N(loss, p):
    return p.preload_N * np.clip(1.0 - loss, 0.01, 1.6)


def friction(x):
    return np.clip(1.0 + x.starvation, 0.2, 20.0)


def guide_N(x, p):
    return p.guide_force_N * x.guide_factor * friction(x)


def drag_Nm(x, p):
    """What preload alone costs, JIS B 1192."""
    return 0.05 / np.sqrt(slope(p)) * friction(x) * preload_N(x.preload_loss, p) * p.lead_m / (2.0 * PI)


def friction_Nm(x, u, p):
    """All that turns to heat, at the screw."""
    moving = np.clip(np.abs(u.speed_rad_per_s), 0.0, 1.0)
    cut = np.abs(u.axial_force_N) * p.lead_m / (2.0 * PI) * (1.0 / efficiency(p) - 1.0) * friction(x)
    guide = guide_N(x, p) * p.lead_m / (2.0 * PI)
    return moving * (drag_Nm(x, p) + cut + guide) + p.viscous_Nm_s * np.abs(u.speed_rad_per_s)


def motor_Nm(x, u, p):
    moving = np.clip(np.abs(u.speed_rad_per_s), 0.0, 1.0)
    return moving * np.abs(u.axial_force_N) * p.lead_m / (2.0 * PI) + friction_Nm(x, u, p)


def loaded_half_N(force_N, preload_N):
    """Load of the half of the nut that the axial load presses, ISO 3408-5."""
    share = np.clip(force_N / (OPENING * preload_N), 0.0, 1.0) + 1.0
    return np.maximum(preload_N * share * np.sqrt(share), force_N)


def stiffness_N_per_m(x, p):
    """Of the nut: cube root of the preload, ISO 3408-4."""
    return p.stiffness_N_per_m * np.exp(np.log(preload_N(x.preload_loss, p) / p.preload_N) / 3.0)


def reversal_error_m(x, u, p):
    """Elastic wind-up by friction, and play that opens smoothly over the last tenth of the preload."""
    open_share = np.clip((x.preload_loss - 0.9) / 0.1, 0.0, 10.0)
    return 2.0 * guide_N(x, p) / stiffness_N_per_m(x, p) + p.play_m * open_share


def life_used_per_s(x, u, p):
    load = loaded_half_N(np.abs(u.axial_force_N), preload_N(x.preload_loss, p))
    turns = np.abs(u.speed_rad_per_s) / (2.0 * PI)
    return p.duty * turns / basic_life_revolutions(p.dynamic_rating_N, np.clip(load, 1.0, 1e9))


def heat_W(x, u, p):
    return p.duty * friction_Nm(x, u, p) * np.abs(u.speed_rad_per_s)


def rhs(x, u, p):
    n = speed_ratio(u, p)
    cooled = p.cooling_W_per_K * (x.screw_temperature_K - u.ambient_temperature_K)
    load = loaded_half_N(np.abs(u.axial_force_N), preload_N(x.preload_loss, p)) / p.rated_force_N
    starving = n * grease_ageing(x.screw_temperature_K, p.grease_reference_K)
    return State(
        (heat_W(x, u, p) - cooled) / p.heat_capacity_J_per_K,
        np.exp(x.log_preload_rate) * n * np.clip(load, 0.0, 5.0) / p.preload_life_s,
        log_rate_drift(x.log_preload_rate),
        life_used_per_s(x, u, p),
        np.exp(x.log_starvation_rate) * starving / p.starvation_life_s,
        log_rate_drift(x.log_starvation_rate),
        0.0 * x.guide_factor,
    )


def out(x, u, p):
    return Output(motor_Nm(x, u, p), x.screw_temperature_K, reversal_error_m(x, u, p))


def virtual(x, u, p):
    return Virtual(
        preload_N(x.preload_loss, p),
        p.expansion_per_K * p.screw_length_m * (x.screw_temperature_K - u.ambient_temperature_K),
        1.0 / np.clip(life_used_per_s(x, u, p), 1e-12, 1.0),
        friction_Nm(x, u, p),
        stiffness_N_per_m(x, p),
    )


def severity(x, u, p):
    """Preload: lost over what may be lost until the nut opens under the largest load."""
    allowed = 1.0 - p.largest_force_N / OPENING / p.preload_N
    return Severity(x.preload_loss / allowed, x.fatigue_damage, x.starvation / p.starvation_limit)


def steady(x, u, p):
    """Friction does not depend on the screw's temperature here: the balance is linear."""
    warm = u.ambient_temperature_K + heat_W(x, u, p) / p.cooling_W_per_K
    return State(
        np.clip(warm, 233.15, 423.15), x.preload_loss, x.log_preload_rate, x.fatigue_damage, x.starvation,
        x.log_starvation_rate, x.guide_factor,
    )  # fmt: skip


_SCREW = "THK catalogue, rolled and ground screws of 40 mm"
_OWN = "own layout: axis of a machining centre"

MODEL = Model(
    name="ball_screw_axis",
    title="Servo axis with ball screw",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Screw speed, root mean cube", "rad/s", 0.0, 700.0, 0.3),
        Channel("axial_force", "Axial force, root mean cube", "N", 0.0, 5.0e5, 20.0),
        Channel("ambient_temperature", "Ambient", "K", 233.15, 333.15, 0.5),
    ),
    sensors=(
        Channel("motor_torque", "Motor torque while moving", "N m", 0.0, 1.0e3, 0.02),
        Channel("screw_temperature", "Nut and screw", "K", 233.15, 423.15, 0.5),
        Channel("reversal_error", "Reversal error, scale against encoder", "m", -1.0e-3, 1.0e-2, 2.0e-7),
    ),
    virtuals=(
        Channel("preload", "Preload of the nut", "N"),
        Channel("thermal_growth", "Growth of the screw", "m"),
        Channel("nut_life", "L10 of the nut at these conditions", "s"),
        Channel("friction_torque", "Friction torque", "N m"),
        Channel("stiffness", "Stiffness of the nut", "N/m"),
    ),
    slow=State._fields[1:],
    initial=State(298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(10.0, 0.08, LOG_RATE_SD, 0.01, 0.08, LOG_RATE_SD, 0.08),
    process_noise=State(0.02, 2.0e-5, LOG_RATE_NOISE, 1.0e-7, 2.0e-5, LOG_RATE_NOISE, 3.0e-6),
    low=State(233.15, -0.5, LOG_RATE_LOW, 0.0, -0.5, LOG_RATE_LOW, 0.4),
    high=State(423.15, 1.2, LOG_RATE_HIGH, 10.0, 10.0, LOG_RATE_HIGH, 2.5),
    nominal=Input(100.0, 3000.0, 298.15),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "preload", "Preload lost", "nut", ("preload_loss", "log_preload_rate"),
            "preload a 2.83th of the largest axial load: the unloaded half of the nut comes free", "ISO 3408-5:2006", 0.15,
            ("motor_torque", "reversal_error"), "Fit a new nut or balls of the next size", "ball nut", "PDE",
        ),
        FailureMode(
            "fatigue", "Raceway fatigue", "nut", ("fatigue_damage",), "L_10 of the mean load reached", "ISO 3408-5:2006", 0.6,
            ("motor_torque",), "Plan a screw and nut", "screw and nut", "PDE",
        ),
        FailureMode(
            "grease", "Starved of grease", "lubrication", ("starvation", "log_starvation_rate"), "friction twice the new value",
            "maintenance rule, THK support book: drag doubled", 0.2, ("reversal_error", "motor_torque"),
            "Grease; look at the distributor", "grease", "PDE",
        ),
    ),
    components=(
        Component("nut", "Ball nut", ("preload_loss", "log_preload_rate", "fatigue_damage")),
        Component("lubrication", "Lubrication", ("starvation", "log_starvation_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", "1500 1/min", 1.0, 700.0),
        Parameter("rated_force_N", "Load of the stated life of the preload", "N", _OWN, 10.0, 1e6),
        Parameter("largest_force_N", "Largest axial load", "N", _OWN, 10.0, 1e6),
        Parameter("screw_diameter_m", "Pitch diameter", "m", _SCREW, 4e-3, 0.2),
        Parameter("lead_m", "Lead of the thread", "m", _SCREW, 1e-3, 0.1),
        Parameter("rolling_friction", "Coefficient of rolling friction", "1", "THK: 0.003 to 0.01", 1e-3, 0.05),
        Parameter("dynamic_rating_N", "Dynamic axial rating C_a", "N", _SCREW, 100.0, 1e6),
        Parameter("preload_N", "Preload, new", "N", "5 % of C_a, ISO 3408-4: 5 to 10 %", 10.0, 1e5),
        Parameter("guide_force_N", "Friction of guides and wipers", "N", _OWN, 0.0, 1e5),
        Parameter("viscous_Nm_s", "Viscous drag", "N m s", "estimate, learned per axis", 0.0, 1.0),
        Parameter("stiffness_N_per_m", "Stiffness of nut and supports", "N/m", "ISO 3408-4, 40 mm", 1e6, 1e10),
        Parameter("play_m", "Play without preload", "m", "ISO 3408-3: 20 um", 1e-6, 1e-3),
        Parameter("screw_length_m", "Length from fixed bearing to nut", "m", _OWN, 0.05, 20.0),
        Parameter("expansion_per_K", "Expansion of steel", "1/K", "11.5e-6, bearing steel", 5e-6, 3e-5),
        Parameter("heat_capacity_J_per_K", "Heat capacity of screw and nut", "J/K", "18 kg of steel", 10.0, 1e7),
        Parameter("cooling_W_per_K", "Screw to ambient", "W/K", "0.3 m2 at 30 W/(m2 K), moving", 0.01, 1e4),
        Parameter("duty", "Share of the time that the axis moves", "1", _OWN, 1e-3, 1.0),
        Parameter("preload_life_s", "Time in which all preload would be lost", "s", "estimate: 22 000 h", 1e5, 1e11),
        Parameter("starvation_limit", "Growth of friction allowed", "1", "THK support book: 2 times", 0.3, 3.0),
        Parameter("starvation_life_s", "Time in which friction doubles at 40 C", "s", "estimate: 19 000 h", 1e5, 1e11),
        Parameter("grease_reference_K", "Temperature of that time", "K", "grease halves per 15 K, SKF 2018", 293.15, 353.15),
    ),
)  # fmt: skip
