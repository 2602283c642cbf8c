"""Cutting tool, outside turning: extended Taylor life, Kienzle force, and what a worn edge adds to force, power and roughness.

    T   = T_15 (v_15 / v)^a (f_15 / f)^b (d_15 / d)^c                            life to VB = 0.3 mm; T_15 = 15 min
    F_c = k_c (d / sin k) h^(1 - m_c) x K,   h = f sin k,  K = 1 + k_w w         cutting force;  F_f alike with k_f, m_f
    P   = P_0 + F_c v / efficiency                                               drive power
    R_a = f^2 / (32 r_e) (1 + nose)                                              feed marks of the nose radius, doubled at nose = 1

    flank_wear   dw/dt = exp(r) / T               VB = 0.3 mm: w = 1
    roughness    dn/dt = exp(r) / (s T)           R_a at its limit

x is the force factor of this melt and this edge over the table, constant until the tool is changed. Nothing wears without a cut.
A tool lives minutes to hours: its asset needs a plant step of seconds, and log rates stay what they were when the edge is turned.
Source: ISO 3685:1993 (VB_B 0.3 mm, uniform wear); Taylor 1907, extended by feed and depth, Boothroyd & Knight, Fundamentals of
Machining, 3rd ed. 2006, ch. 4; Kienzle 1952 and wear terms Tschaetsch, Applied Machining Technology, 2009, ch. 2; R_a of a circular
nose: Boothroyd & Knight ch. 4. Valid: steel, coated carbide, continuous cut, feed below the nose radius, v 1.5 to 6 m/s.
Verified: tests/verify/test_cutting_tool.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets import machining
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter


class State(NamedTuple):
    """All slow. flank_wear: VB over its limit; nose_wear: relative growth of the roughness."""

    flank_wear: float
    log_flank_rate: float
    nose_wear: float
    log_nose_rate: float
    force_factor: float


class Input(NamedTuple):
    cutting_speed_m_per_s: float
    feed_m: float
    depth_m: float


class Output(NamedTuple):
    spindle_power_W: float
    feed_force_N: float
    roughness_m: float


class Virtual(NamedTuple):
    flank_wear_land_m: float
    cutting_force_N: float
    tool_life_s: float


class Severity(NamedTuple):
    flank_wear: float
    roughness: float


class Params(NamedTuple):
    """Insert CNMG 120408, coated carbide P25, approach angle 95 degrees, steel C45."""

    life_15_s: float = 900.0
    speed_15_m_per_s: float = 4.167
    feed_15_m: float = 0.3e-3
    depth_15_m: float = 2.0e-3
    speed_exponent: float = 4.0
    feed_exponent: float = 1.5
    depth_exponent: float = 0.6
    wear_land_limit_m: float = 0.3e-3
    approach_sine: float = 0.9962
    cutting_pressure_Pa: float = 2.22e9
    cutting_exponent: float = 0.14
    feed_pressure_Pa: float = 3.6e8
    feed_force_exponent: float = 0.6
    cutting_force_wear: float = 0.3
    feed_force_wear: float = 0.75
    idle_power_W: float = 400.0
    drive_efficiency: float = 0.85
    nose_radius_m: float = 0.8e-3
    roughness_limit_m: float = 6.3e-6
    nose_life_ratio: float = 0.7


def cutting(u):
    return machining.engaged(u.cutting_speed_m_per_s, u.feed_m, u.depth_m)


def tool_life_s(u, p):
    return machining.tool_life_s(u.cutting_speed_m_per_s, u.feed_m, u.depth_m, p)


def kienzle_N(pressure_Pa, exponent, u, p):
    width = np.clip(u.depth_m, 0.0, 0.05) / p.approach_sine
    return machining.kienzle_N(pressure_Pa, exponent, width, machining.feed_kept_m(u.feed_m) * p.approach_sine) * cutting(u)


def cutting_force_N(x, u, p):
    dull = 1.0 + p.cutting_force_wear * x.flank_wear
    return kienzle_N(p.cutting_pressure_Pa, p.cutting_exponent, u, p) * x.force_factor * dull


def feed_force_N(x, u, p):
    dull = 1.0 + p.feed_force_wear * x.flank_wear
    return kienzle_N(p.feed_pressure_Pa, p.feed_force_exponent, u, p) * x.force_factor * dull


def theoretical_roughness_m(u, p):
    return machining.feed_mark_roughness_m(machining.feed_kept_m(u.feed_m), p.nose_radius_m)


def rhs(x, u, p):
    rate = cutting(u) / tool_life_s(u, p)
    return State(
        np.exp(x.log_flank_rate) * rate,
        log_rate_drift(x.log_flank_rate),
        np.exp(x.log_nose_rate) * rate / p.nose_life_ratio,
        log_rate_drift(x.log_nose_rate),
        0.0 * x.force_factor,
    )


def out(x, u, p):
    return Output(
        p.idle_power_W + cutting_force_N(x, u, p) * np.clip(u.cutting_speed_m_per_s, 0.0, 50.0) / p.drive_efficiency,
        feed_force_N(x, u, p),
        theoretical_roughness_m(u, p) * (1.0 + x.nose_wear),
    )


def virtual(x, u, p):
    return Virtual(p.wear_land_limit_m * x.flank_wear, cutting_force_N(x, u, p), tool_life_s(u, p))


def severity(x, u, p):
    """Roughness: how much of the room between the new edge's finish and the limit is used."""
    new = theoretical_roughness_m(u, p)
    return Severity(x.flank_wear, np.clip(new * x.nose_wear / np.clip(p.roughness_limit_m - new, 1e-8, 1.0), 0.0, 1e3))


def steady(x, u, p):
    """No fast state: the chip forms within milliseconds."""
    return x


_TAYLOR = "Boothroyd & Knight 2006 ch. 4, carbide on steel: 1/n 3 to 5; estimate for this grade"
_CATALOGUE = "estimate, in the range of catalogue values for 15 min"
_KIENZLE = "Tschaetsch 2009 table 2.1, C45: 2220 N/mm2, 0.14"

MODEL = Model(
    name="cutting_tool",
    title="Cutting tool",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("cutting_speed", "Cutting speed", "m/s", 0.0, 30.0, 0.01),
        Channel("feed", "Feed a turn", "m", 0.0, 5.0e-3, 1.0e-6),
        Channel("depth", "Depth of cut", "m", 0.0, 0.02, 2.0e-5),
    ),
    sensors=(
        Channel("spindle_power", "Drive power", "W", 0.0, 2.0e5, 40.0),
        Channel("feed_force", "Feed force", "N", 0.0, 5.0e4, 10.0),
        Channel("roughness", "Roughness Ra", "m", 0.0, 1.0e-4, 1.5e-7),
    ),
    virtuals=(
        Channel("flank_wear_land", "Flank wear VB", "m"),
        Channel("cutting_force", "Cutting force", "N"),
        Channel("tool_life", "Tool life of a new edge at these cutting data", "s"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(0.08, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.05),
    process_noise=State(1.0e-3, LOG_RATE_NOISE, 2.0e-3, LOG_RATE_NOISE, 1.0e-5),
    low=State(-0.3, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.4),
    high=State(10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 2.5),
    nominal=Input(3.333, 0.25e-3, 2.0e-3),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "flank_wear", "Flank worn", "edge", ("flank_wear", "log_flank_rate"), "flank wear land VB 0.3 mm",
            "ISO 3685:1993, tool-life criterion of carbide with uniform wear", 0.15, ("feed_force", "spindle_power"),
            "Turn or change the insert", "insert", "PDE",
        ),
        FailureMode(
            "roughness", "Surface too rough", "edge", ("nose_wear", "log_nose_rate"),
            "Ra 6.3 um, roughness grade N9",
            "ISO 1302:2002 annex (grade N9)", 0.1, ("roughness",), "Turn or change the insert; lower the feed", "insert", "PDE",
        ),
    ),
    components=(
        Component("edge", "Cutting edge", ("flank_wear", "log_flank_rate", "nose_wear", "log_nose_rate", "force_factor")),
    ),
    parameters=(
        Parameter("life_15_s", "Tool life of the reference data", "s", "catalogues state speeds for 15 min", 60.0, 36_000.0),
        Parameter("speed_15_m_per_s", "Cutting speed for that life", "m/s", _CATALOGUE + ": 250 m/min", 0.1, 20.0),
        Parameter("feed_15_m", "Feed for that life", "m", _CATALOGUE, 1e-5, 3e-3),
        Parameter("depth_15_m", "Depth for that life", "m", _CATALOGUE, 1e-4, 0.02),
        Parameter("speed_exponent", "Exponent of speed", "1", _TAYLOR, 1.0, 10.0),
        Parameter("feed_exponent", "Exponent of feed", "1", _TAYLOR, 0.0, 6.0),
        Parameter("depth_exponent", "Exponent of depth", "1", _TAYLOR, 0.0, 3.0),
        Parameter("wear_land_limit_m", "Limit of VB", "m", "ISO 3685:1993", 2e-4, 4e-4),
        Parameter("approach_sine", "Sine of the approach angle", "1", "tool holder PCLN: 95 degrees", 0.55, 1.05),
        Parameter("cutting_pressure_Pa", "Kienzle pressure k_c1.1", "Pa", _KIENZLE, 2e8, 6e9),
        Parameter("cutting_exponent", "Kienzle exponent m_c", "1", _KIENZLE, 0.0, 0.6),
        Parameter("feed_pressure_Pa", "Kienzle pressure k_f1.1", "Pa", "estimate: a third of the cutting force", 2e7, 3e9),
        Parameter("feed_force_exponent", "Kienzle exponent m_f", "1", "estimate, as feed forces of carbon steels", 0.0, 0.9),
        Parameter("cutting_force_wear", "Growth of the cutting force at the limit", "1", "Tschaetsch 2009: 1.3 to 1.5", 0.0, 2.0),
        Parameter("feed_force_wear", "Growth of the feed force at the limit", "1", "estimate: 25 % for 0.1 mm of VB", 0.0, 5.0),
        Parameter("idle_power_W", "Drive power without cut", "W", "estimate, learned per machine", 0.0, 1e5),
        Parameter("drive_efficiency", "Efficiency of the drive in the cut", "1", "Tschaetsch 2009: 0.7 to 0.85", 0.3, 1.0),
        Parameter("nose_radius_m", "Nose radius", "m", "ISO 1832: 08 is 0.8 mm", 1e-4, 3e-3),
        Parameter("roughness_limit_m", "Limit of Ra", "m", "ISO 1302: N9, 6.3 um", 5e-6, 8e-6),
        Parameter("nose_life_ratio", "Time in which Ra doubles over tool life", "1", "estimate", 0.05, 20.0),
    ),
)  # fmt: skip
