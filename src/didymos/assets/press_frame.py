"""Mechanical press: fatigue of its welded frame by the spectrum of its loads, tie rods that lose preload, a brake that wears.

    s     = c F,  F of a stroke normal (mean, sd)                              stress range at the weld, unloaded to peak
    dD    = n E[ (s / s_D)^3 or ^5 ] / 5e6,  s_D = class (2/5)^(1/3)           EN 1993-1-9; mean over the spectrum by three points
    F_sep = F_v (1 - w) (1 + k_t / k_u)                                        load at which frame joint opens (VDI 2230)
    F_t   = F_v (1 - w) + F k_t / (k_t + k_u) to F_sep, then F                 force in the tie rods at peak
    stretch = F / (k_t + k_u) to F_sep, then F_sep / (k_t + k_u) + (F - F_sep) / k_t
    t_s   = t_0 + J w_0 / (M_b (1 - b / 2))                                    stopping time; b: brake lining worn

    frame     dD/dt                              D = 1: 2.3 % of such welds cracked
    tie_rods  dw/dt = exp(r) n F / F_r / life    joint opens at the rated load
    brake     db/dt = exp(r) stops / life        stopping time up by 15 %

Three points: mean and mean +- sqrt(3) sd with weights 2/3, 1/6, 1/6: exact for the third and fifth power of a normal variable.
Source: EN 1993-1-9:2005 (detail category, slopes 3 and 5, Miner), VDI 2230-1:2015 (preloaded joint), ISO 16092-2:2019 and ISO 13855
(stopping time of presses, its monitoring). Valid: H-frame with tie rods, single strokes or continuous, loads below 1.5 of rated.
Verified: tests/verify/test_press_frame.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.gears import damage_per_cycle
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

ROOT_3 = 1.7320508075688772
KNEE_CYCLES = 5.0e6
KNEE_SHARE = 0.7368062997280773  # (2/5)^(1/3): fatigue limit at 5e6 cycles over the class at 2e6


class State(NamedTuple):
    """All slow. frame_damage: Miner's sum; preload_loss: share of the preload; brake_wear: 1 halves the torque's other half;
    stretch_factor: this frame's compliance over the drawing's."""

    frame_damage: float
    preload_loss: float
    log_preload_rate: float
    brake_wear: float
    log_brake_rate: float
    stretch_factor: float


class Input(NamedTuple):
    stroke_rate_Hz: float
    peak_force_N: float
    peak_force_deviation_N: float
    stop_rate_Hz: float


class Output(NamedTuple):
    tie_rod_force_N: float
    stretch_m: float
    stopping_time_s: float


class Virtual(NamedTuple):
    weld_stress_range_Pa: float
    separation_force_N: float
    damage_life_s: float


class Severity(NamedTuple):
    frame: float
    tie_rods: float
    brake: float


class Params(NamedTuple):
    """2500 kN, 40 strokes a minute, four tie rods; fillet weld of the crown, category 80."""

    rated_force_N: float = 2.5e6
    weld_class_Pa: float = 80.0e6
    stress_per_force: float = 26.0
    preload_N: float = 3.0e6
    tie_rod_N_per_m: float = 1.6e9
    upright_N_per_m: float = 6.4e9
    preload_life_s: float = 1.2e8
    stop_dead_s: float = 0.080
    stop_inertial_s: float = 0.120
    stop_growth: float = 0.15
    brake_stops: float = 4.0e6


def peak_N(u):
    return np.clip(u.peak_force_N, 0.0, 1e9)


def weld_class_damage(force_N, p):
    """1 / N of one stroke of this peak force."""
    ratio = p.stress_per_force * np.clip(force_N, 0.0, 1e9) / (p.weld_class_Pa * KNEE_SHARE)
    return damage_per_cycle(ratio, KNEE_CYCLES, 3.0, 5.0)


def damage_per_stroke(u, p):
    """Mean over the spectrum."""
    away = ROOT_3 * np.clip(u.peak_force_deviation_N, 0.0, 1e9)
    outer = weld_class_damage(peak_N(u) - away, p) + weld_class_damage(peak_N(u) + away, p)
    return 2.0 / 3.0 * weld_class_damage(peak_N(u), p) + outer / 6.0


def preload_N(loss, p):
    return p.preload_N * np.clip(1.0 - loss, 0.02, 1.5)


def separation_N(loss, p):
    return preload_N(loss, p) * (1.0 + p.tie_rod_N_per_m / p.upright_N_per_m)


def tie_rod_N(x, u, p):
    share = p.tie_rod_N_per_m / (p.tie_rod_N_per_m + p.upright_N_per_m)
    return np.maximum(preload_N(x.preload_loss, p) + share * peak_N(u), peak_N(u))


def stretch_m(x, u, p):
    opens, stiff = separation_N(x.preload_loss, p), p.tie_rod_N_per_m + p.upright_N_per_m
    closed, beyond = np.minimum(peak_N(u), opens), np.clip(peak_N(u) - opens, 0.0, 1e9)
    return x.stretch_factor * (closed / stiff + beyond / p.tie_rod_N_per_m)


def stopping_time_s(brake_wear, p):
    return p.stop_dead_s + p.stop_inertial_s / np.clip(1.0 - 0.5 * brake_wear, 0.05, 2.0)


def rhs(x, u, p):
    strokes = np.clip(u.stroke_rate_Hz, 0.0, 100.0)
    return State(
        strokes * damage_per_stroke(u, p),
        np.exp(x.log_preload_rate) * strokes / 0.6667 * peak_N(u) / p.rated_force_N / p.preload_life_s,
        log_rate_drift(x.log_preload_rate),
        np.exp(x.log_brake_rate) * np.clip(u.stop_rate_Hz, 0.0, 100.0) / p.brake_stops,
        log_rate_drift(x.log_brake_rate),
        0.0 * x.stretch_factor,
    )


def out(x, u, p):
    return Output(tie_rod_N(x, u, p), stretch_m(x, u, p), stopping_time_s(x.brake_wear, p))


def virtual(x, u, p):
    pace = np.clip(u.stroke_rate_Hz, 0.0, 100.0) * damage_per_stroke(u, p)
    return Virtual(p.stress_per_force * peak_N(u), separation_N(x.preload_loss, p), 1.0 / np.clip(pace, 1e-12, 1.0))


def severity(x, u, p):
    """Tie rods: loss over the loss at which the joint opens at the rated load. Brake: growth of the stopping time."""
    allowed = 1.0 - p.rated_force_N / separation_N(0.0, p)
    new = stopping_time_s(0.0, p)
    return Severity(x.frame_damage, x.preload_loss / allowed, (stopping_time_s(x.brake_wear, p) / new - 1.0) / p.stop_growth)


def steady(x, u, p):
    """No fast state: a stroke takes seconds."""
    return x


_OWN = "own layout: 2500 kN, H-frame"

MODEL = Model(
    name="press_frame",
    title="Mechanical press",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("stroke_rate", "Strokes a second, mean", "Hz", 0.0, 50.0, 1.0e-3),
        Channel("peak_force", "Peak force of a stroke, mean", "N", 0.0, 1.0e8, 5.0e3),
        Channel("peak_force_deviation", "Peak force, standard deviation", "N", 0.0, 1.0e8, 5.0e3),
        Channel("stop_rate", "Stops a second, mean", "Hz", 0.0, 50.0, 1.0e-4),
    ),
    sensors=(
        Channel("tie_rod_force", "Force in the tie rods at peak, strain gauges", "N", 0.0, 1.0e8, 1.5e4),
        Channel("stretch", "Stretch of the frame at peak", "m", 0.0, 0.1, 2.0e-6),
        Channel("stopping_time", "Stopping time", "s", 0.0, 5.0, 1.0e-3),
    ),
    virtuals=(
        Channel("weld_stress_range", "Stress range at the weld", "Pa"),
        Channel("separation_force", "Load at which the joint opens", "N"),
        Channel("damage_life", "Life of the weld at this spectrum", "s"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(0.01, 0.05, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.02),
    process_noise=State(1.0e-7, 1.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 1.0e-6),
    low=State(0.0, -0.3, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.6),
    high=State(10.0, 0.95, LOG_RATE_HIGH, 1.85, LOG_RATE_HIGH, 1.8),
    nominal=Input(0.5, 1.8e6, 2.0e5, 0.05),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "frame", "Weld of the frame cracks", "frame", ("frame_damage",), "Miner's sum of the design line reached",
            "EN 1993-1-9:2005, detail category 80, survival 95 % and more", 0.5, ("stretch",),
            "Test the welds with dye or ultrasound; gouge and weld anew", "test kit", "STD",
        ),
        FailureMode(
            "tie_rods", "Tie rods lost their preload", "tie_rods", ("preload_loss", "log_preload_rate"),
            "joint of the frame opens at the rated load", "VDI 2230-1:2015, separation of the joint", 0.1,
            ("tie_rod_force", "stretch"), "Tension the tie rods anew", "tensioner", "STD",
        ),
        FailureMode(
            "brake", "Brake lining worn", "brake", ("brake_wear", "log_brake_rate"), "stopping time up by 15 %",
            "ISO 16092-2:2019: overrun monitored against the set distance; 15 %: maintenance rule", 0.15, ("stopping_time",),
            "Renew the lining, set the brake, measure the safety distance", "brake lining", "PDE",
        ),
    ),
    components=(
        Component("frame", "Frame", ("frame_damage",)),
        Component("tie_rods", "Tie rods", ("preload_loss", "log_preload_rate")),
        Component("brake", "Brake", ("brake_wear", "log_brake_rate")),
    ),
    parameters=(
        Parameter("rated_force_N", "Rated force", "N", _OWN, 1e3, 1e8),
        Parameter("weld_class_Pa", "Detail category of the weld", "Pa", "EN 1993-1-9 table 8.4: 80 MPa", 3.6e7, 1.6e8),
        Parameter("stress_per_force", "Stress range at the weld of 1 N", "1/m2", "own calculation: 65 MPa at rated", 0.01, 1e6),
        Parameter("preload_N", "Preload of all tie rods", "N", "1.5 of the rated force opens the joint", 1e3, 1e9),
        Parameter("tie_rod_N_per_m", "Stiffness of all tie rods", "N/m", _OWN, 1e6, 1e12),
        Parameter("upright_N_per_m", "Stiffness of the uprights", "N/m", _OWN, 1e6, 1e12),
        Parameter("preload_life_s", "Time in which all preload would be lost", "s", "estimate: 33 000 h at 40 a minute", 1e5, 1e11),
        Parameter("stop_dead_s", "Dead time of control and valve", "s", "ISO 13855: 50 to 100 ms", 1e-3, 1.0),
        Parameter("stop_inertial_s", "Stopping with the new brake", "s", _OWN, 1e-3, 5.0),
        Parameter("stop_growth", "Growth of the stopping time allowed", "1", "maintenance rule: 15 %", 0.05, 0.5),
        Parameter("brake_stops", "Stops until half of the torque is gone", "1", "estimate: 4 million", 1e3, 1e10),
    ),
)  # fmt: skip
