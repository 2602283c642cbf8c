"""Turning on a lathe, as a process: what the spindle's power and the feed force say of edge, material and finished surface.

    F_c = x k b h (h / 1 mm)^-m K_g K_v (1 + k_w w)         k, m of the material in the chuck, x what this lot has over the table
    P   = P_0 n / n_r + F_c v / efficiency                  drive power; v = n D / 2
    R_a = (f^2 / 32 r + R_0 / 4) (1 + nose)                 feed marks, what the least chip leaves standing, the worn nose
    D   + 2 VB tan(clearance)                               the part grows as the edge wears

    flank_wear   dw/dt = exp(r) / T       VB = 0.3 mm: w = 1             Taylor's life T at the live speed, feed and depth
    roughness    dn/dt = exp(r) / (s T)   R_a at its limit

Forces, life and feed marks are those of `assets.machining`, the edge that of `assets.cutting_tool`. x wanders from bar to bar and
starts anew with a new lot; power alone gives x (1 + k_w w), the feed force tells the two apart. Idle power says what the spindle
itself takes. An edge lives minutes to hours: such an asset needs a plant step of seconds. `PROCESS` is what a part's record gets.
Source: as `assets.machining`; ISO 3685:1993 (VB), ISO 1302:2002 (R_a), ISO 286-1:2010 (size). Valid: outside turning of steel and
cast iron, dry or flooded, feed below the nose radius, v 0.3 to 10 m/s. Verified: tests/verify/test_turning.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets import cutting_tool, machining
from didymos.assets.process import Limit, Process
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, Model, Parameter


class State(NamedTuple):
    """All slow. flank_wear: VB over its limit; nose_wear: relative growth of the roughness; force_factor: this lot's force over
    the table's; idle_factor: this spindle's idle power over the sheet's."""

    flank_wear: float
    log_flank_rate: float
    nose_wear: float
    log_nose_rate: float
    force_factor: float
    idle_factor: float


class Input(NamedTuple):
    speed_rad_per_s: float
    diameter_m: float
    feed_m: float
    depth_m: float
    specific_force_Pa: float
    force_exponent: float


class Output(NamedTuple):
    spindle_power_W: float
    feed_force_N: float
    roughness_m: float


class Virtual(NamedTuple):
    cutting_force_N: float
    spindle_torque_Nm: float
    flank_wear_land_m: float
    expected_roughness_m: float
    chip_temperature_K: float
    diameter_growth_m: float
    tool_life_s: float


Severity = cutting_tool.Severity


class Params(NamedTuple):
    """Lathe of 15 kW; insert CNMG 120408, coated carbide P25, approach angle 95 degrees; C45 in the chuck."""

    life_15_s: float = 900.0
    speed_15_m_per_s: float = 4.167
    feed_15_m: float = 0.3e-3
    depth_15_m: float = 2.0e-3
    speed_exponent: float = 4.0
    feed_exponent: float = 1.5
    depth_exponent: float = 0.6
    wear_land_limit_m: float = 0.3e-3
    approach_sine: float = 0.9962
    rake_deg: float = 6.0
    reference_rake_deg: float = 6.0
    clearance_tangent: float = 0.1051
    feed_share: float = 0.162
    feed_force_exponent: float = 0.6
    cutting_force_wear: float = 0.3
    feed_force_wear: float = 0.75
    rated_speed_rad_per_s: float = 209.4
    idle_power_W: float = 600.0
    drive_efficiency: float = 0.85
    nose_radius_m: float = 0.8e-3
    least_chip_m: float = 1.0e-6
    roughness_limit_m: float = 6.3e-6
    nose_life_ratio: float = 0.7
    growth_limit_m: float = 12.5e-6
    heat_capacity_J_per_m3K: float = 3.7e6
    diffusivity_m2_per_s: float = 1.2e-5
    ambient_K: float = 293.15


def cutting_speed_m_per_s(u):
    return 0.5 * np.clip(u.speed_rad_per_s, 0.0, 2e3) * np.clip(u.diameter_m, 0.0, 5.0)


def engaged(u):
    return machining.engaged(cutting_speed_m_per_s(u), u.feed_m, u.depth_m)


def width_m(u, p):
    return np.clip(u.depth_m, 0.0, 0.05) / p.approach_sine


def thickness_m(u, p):
    return machining.feed_kept_m(u.feed_m) * p.approach_sine


def corrections(x, u, p):
    """Of this lot, this rake angle and this speed: the same for every component of the force."""
    speed = machining.speed_factor(cutting_speed_m_per_s(u))
    return engaged(u) * x.force_factor * machining.rake_factor(p.rake_deg, p.reference_rake_deg) * speed


def cutting_force_N(x, u, p):
    table = machining.kienzle_N(u.specific_force_Pa, u.force_exponent, width_m(u, p), thickness_m(u, p))
    return table * corrections(x, u, p) * (1.0 + p.cutting_force_wear * x.flank_wear)


def feed_force_N(x, u, p):
    table = machining.kienzle_N(p.feed_share * u.specific_force_Pa, p.feed_force_exponent, width_m(u, p), thickness_m(u, p))
    return table * corrections(x, u, p) * (1.0 + p.feed_force_wear * x.flank_wear)


def tool_life_s(u, p):
    return machining.tool_life_s(cutting_speed_m_per_s(u), u.feed_m, u.depth_m, p)


def sharp_roughness_m(u, p):
    """Of a new edge. A quarter of the height, for what stands as for the marks themselves."""
    feed = np.clip(u.feed_m, 2e-5, 5e-3)  # below it the chip is thinner than what can be cut
    standing = machining.left_standing_m(feed, p.nose_radius_m, p.least_chip_m)
    return machining.feed_mark_roughness_m(feed, p.nose_radius_m) + 0.25 * standing


def wear_land_m(x, p):
    return p.wear_land_limit_m * x.flank_wear


def spindle_power_W(x, u, p):
    idle = x.idle_factor * p.idle_power_W * np.clip(u.speed_rad_per_s, 0.0, 2e3) / p.rated_speed_rad_per_s
    return idle + cutting_force_N(x, u, p) * cutting_speed_m_per_s(u) / p.drive_efficiency


def chip_temperature_K(x, u, p):
    """Mean of the face between chip and tool; ambient without a chip."""
    section = np.clip(width_m(u, p) * thickness_m(u, p), 1e-12, 1.0)
    energy = cutting_force_N(x, u, p) / section * engaged(u)
    speed, h = cutting_speed_m_per_s(u), thickness_m(u, p)
    return p.ambient_K + machining.chip_temperature_rise_K(energy, speed, h, p.heat_capacity_J_per_m3K, p.diffusivity_m2_per_s)


def rhs(x, u, p):
    rate = engaged(u) / tool_life_s(u, p)
    return State(
        np.exp(x.log_flank_rate) * rate,
        log_rate_drift(x.log_flank_rate),
        np.exp(x.log_nose_rate) * rate / p.nose_life_ratio,
        log_rate_drift(x.log_nose_rate),
        0.0 * x.force_factor,
        0.0 * x.idle_factor,
    )


def out(x, u, p):
    return Output(spindle_power_W(x, u, p), feed_force_N(x, u, p), sharp_roughness_m(u, p) * (1.0 + x.nose_wear))


def virtual(x, u, p):
    force = cutting_force_N(x, u, p)
    return Virtual(
        force,
        spindle_power_W(x, u, p) / np.clip(u.speed_rad_per_s, 1.0, 2e3),
        wear_land_m(x, p),
        sharp_roughness_m(u, p) * (1.0 + x.nose_wear),
        chip_temperature_K(x, u, p),
        machining.diameter_growth_m(wear_land_m(x, p), p.clearance_tangent),
        tool_life_s(u, p),
    )


def severity(x, u, p):
    """Roughness: how much of the room between the new edge's finish and the limit is used."""
    new = sharp_roughness_m(u, p)
    return Severity(x.flank_wear, np.clip(new * x.nose_wear / np.clip(p.roughness_limit_m - new, 1e-8, 1.0), 0.0, 1e3))


def steady(x, u, p):
    """No fast state: the chip forms within milliseconds."""
    return x


def in_cut(x, u, p):
    return engaged(u)


_TOOL = cutting_tool.MODEL
_OF_TOOL = {parameter.name: parameter for parameter in _TOOL.parameters}
_SHARED = ("life_15_s", "speed_15_m_per_s", "feed_15_m", "depth_15_m", "speed_exponent", "feed_exponent", "depth_exponent")

MODEL = Model(
    name="turning",
    title="Turning process",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Spindle speed", "rad/s", 0.0, 1500.0, 0.2),
        Channel("diameter", "Diameter being turned", "m", 0.0, 2.0, 1.0e-5),
        Channel("feed", "Feed a turn", "m", 0.0, 5.0e-3, 1.0e-6),
        Channel("depth", "Depth of cut", "m", 0.0, 0.02, 2.0e-5),
        Channel("specific_force", "k_c1.1 of the material", "Pa", 0.0, 1.0e10, 1.0e7),
        Channel("force_exponent", "Kienzle exponent of the material", "1", 0.0, 0.9, 1.0e-3),
    ),
    sensors=(
        Channel("spindle_power", "Drive power", "W", 0.0, 2.0e5, 40.0),
        Channel("feed_force", "Feed force", "N", 0.0, 5.0e4, 10.0),
        Channel("roughness", "Roughness Ra of the finished part", "m", 0.0, 1.0e-4, 1.5e-7),
    ),
    virtuals=(
        Channel("cutting_force", "Cutting force", "N"),
        Channel("spindle_torque", "Spindle torque", "N m"),
        Channel("flank_wear_land", "Flank wear VB", "m"),
        Channel("expected_roughness", "Roughness Ra of the part being cut", "m"),
        Channel("chip_temperature", "Mean temperature of the chip's face", "K"),
        Channel("diameter_growth", "Growth of the diameter by the worn flank", "m"),
        Channel("tool_life", "Tool life of a new edge at these cutting data", "s"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
    initial_sd=State(0.08, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.05, 0.05),
    process_noise=State(1.0e-3, LOG_RATE_NOISE, 2.0e-3, LOG_RATE_NOISE, 1.0e-3, 3.0e-6),
    low=State(-0.3, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.4, 0.3),
    high=State(10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 2.5, 3.0),
    nominal=Input(133.3, 0.05, 0.25e-3, 2.0e-3, 2.22e9, 0.14),
    max_step_s=3600.0,
    failure_modes=_TOOL.failure_modes,
    components=(
        Component("edge", "Cutting edge", ("flank_wear", "log_flank_rate", "nose_wear", "log_nose_rate")),
        Component("stock", "Material lot", ("force_factor",)),
        Component("spindle", "Spindle drive", ("idle_factor",)),
    ),
    parameters=(
        *(_OF_TOOL[name] for name in _SHARED),
        _OF_TOOL["wear_land_limit_m"],
        _OF_TOOL["approach_sine"],
        Parameter("rake_deg", "Rake angle", "1", "degrees; holder -6, chip breaker +12", -20.0, 30.0),
        Parameter("reference_rake_deg", "Rake angle of the table", "1", "Tschaetsch 2009: 6 for steel, 2 for iron", 0.0, 10.0),
        Parameter("clearance_tangent", "Tangent of the clearance angle", "1", "6 degrees, insert in its holder", 0.03, 0.3),
        Parameter("feed_share", "k_f1.1 over k_c1.1", "1", "as cutting_tool: 360 of 2220 N/mm2", 0.01, 1.0),
        _OF_TOOL["feed_force_exponent"],
        _OF_TOOL["cutting_force_wear"],
        _OF_TOOL["feed_force_wear"],
        Parameter("rated_speed_rad_per_s", "Speed of the stated idle power", "rad/s", "2000 1/min", 10.0, 1500.0),
        Parameter("idle_power_W", "Idle power at that speed", "W", "estimate, learned per machine", 0.0, 1e5),
        _OF_TOOL["drive_efficiency"],
        _OF_TOOL["nose_radius_m"],
        Parameter("least_chip_m", "Least chip thickness", "m", "Brammertz 1961: 0.5 to 6 um on steel, edge radius", 0.0, 1e-5),
        _OF_TOOL["roughness_limit_m"],
        _OF_TOOL["nose_life_ratio"],
        Parameter("growth_limit_m", "Growth of the diameter allowed", "m", "ISO 286-1: half of IT7, 25 um", 1e-6, 1e-3),
        Parameter("heat_capacity_J_per_m3K", "Heat capacity", "J/(m3 K)", "C45: 7850 kg/m3, 470 J/(kg K)", 1e6, 6e6),
        Parameter("diffusivity_m2_per_s", "Its thermal diffusivity", "m2/s", "C45: 46 W/(m K) over the above", 1e-6, 2e-4),
        Parameter("ambient_K", "Material before the cut", "K", "20 C, material store in the hall", 253.15, 373.15),
    ),
)  # fmt: skip

PROCESS = Process(
    model=MODEL,
    measured=("spindle_power", "feed_force"),
    active=in_cut,
    figures=("cutting_force", "spindle_torque", "flank_wear_land", "expected_roughness", "chip_temperature", "diameter_growth"),
    states=("force_factor",),
    limits=(
        Limit("flank_wear_land", high="wear_land_limit_m"),
        Limit("expected_roughness", high="roughness_limit_m"),
        Limit("diameter_growth", high="growth_limit_m"),
    ),
    observed=(("expected_roughness", "roughness"),),
)
