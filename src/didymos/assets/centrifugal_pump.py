"""Centrifugal pump: head by affinity laws, and three ways to fail: wear ring, cavitation, seal.

    H      = f_H (n^2 H_0 - a Q_i^2), less what cavitation and erosion cost     n = speed / rated speed, Q_i = Q + Q_leak
    Q_leak = pi D s sqrt(2 g 0.75 H / (1.5 + f L / 2 s)),  s = s_0 (1 + ring_wear)     leakage back through the wear ring
    P      = f_P (rho g Q_i (n^2 E_0 - n e Q_i) + n^3 P_disc + n P_mech)          Euler head times what the impeller moves
    NPSHa  = (p_s - p_v(T)) / (rho g) + v_s^2 / 2g         NPSHr = n^2 r_0 + r_2 Q^2   (at 3 % head drop)
    c      = (m - NPSHa/NPSHr) / (m - 1)                   cavitation: 0 with the margin m that is asked for, 1 at NPSH3
    q_seal = pi h^3 dp / (6 mu ln(r_o/r_i)),  h = h_0 (1 + seal_wear)                  laminar film between the faces

    wear_ring   dw/dt = exp(r) n^2 / life                                  clearance doubled: w = 1
    cavitation  de/dt = exp(r) (base + c^2.83) n^3 / life                  erosion through three quarters of the blade: e = 1
    seal        dw/dt = exp(r) n dp/dp_rated / life                        leakage above 5.6 g/h

Source: Guelich, Centrifugal Pumps, 3rd ed. 2014, ch. 3.6 (ring leakage), 4 (head, power), 6.8 (cavitation erosion);
ISO 9906 (NPSH3); Lebeck, Principles and Design of Mechanical Face Seals, 1991 (film); Archard's law for the faces.
Valid: water-like liquid below 120 C, 0.2 to 1.2 rated speed, 0 to 1.5 rated flow, one stage.
Verified: tests/verify/test_centrifugal_pump.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.water import GRAVITY, density_kg_per_m3, vapour_pressure_Pa, viscosity_Pa_s
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

PI = 3.141592653589793
ATMOSPHERE_PA = 101_325.0


class State(NamedTuple):
    """All slow. ring_wear, seal_wear: relative growth of clearance and face gap; impeller_erosion: 1 at the end of its life;
    head_factor, power_factor: this unit over the data sheet (ISO 9906 tolerates 5 %), constant, found in the first days."""

    ring_wear: float
    log_ring_rate: float
    impeller_erosion: float
    log_erosion_rate: float
    seal_wear: float
    log_seal_rate: float
    head_factor: float
    power_factor: float


class Input(NamedTuple):
    speed_rad_per_s: float
    flow_m3_per_s: float
    suction_pressure_Pa: float
    fluid_temperature_K: float


class Output(NamedTuple):
    discharge_pressure_Pa: float
    power_W: float
    seal_leakage_m3_per_s: float
    vibration_velocity_m_per_s: float


class Virtual(NamedTuple):
    head_m: float
    efficiency: float
    npsh_margin: float
    ring_leakage_m3_per_s: float


class Severity(NamedTuple):
    wear_ring: float
    cavitation: float
    seal: float


class Params(NamedTuple):
    """End-suction water pump EN 733 size 50-200, two poles: 25 m3/h at 50 m."""

    rated_speed_rad_per_s: float = 303.7
    rated_flow_m3_per_s: float = 6.94e-3
    rated_suction_Pa: float = 1.3e5
    shutoff_head_m: float = 60.0
    head_loss_s2_per_m5: float = 1.75e5
    euler_head_m: float = 73.0
    euler_slope_s_per_m2: float = 1400.0
    disc_power_W: float = 900.0
    mechanical_power_W: float = 150.0
    suction_area_m2: float = 3.3e-3
    ring_diameter_m: float = 0.080
    ring_length_m: float = 0.015
    ring_clearance_m: float = 0.165e-3
    ring_friction: float = 0.04
    ring_head_share: float = 0.75
    ring_life_s: float = 7.9e7
    npshr_zero_flow_m: float = 1.0
    npshr_s2_per_m5: float = 3.1e4
    npsh_margin: float = 1.3
    erosion_head_loss: float = 0.04
    erosion_base: float = 0.02
    erosion_life_s: float = 3.6e6
    seal_gap_m: float = 0.5e-6
    seal_log_radius_ratio: float = 0.1625
    seal_life_s: float = 9.0e7
    seal_leakage_limit_m3_per_s: float = 1.56e-9
    vibration_healthy_m_per_s: float = 1.5e-3
    vibration_limit_m_per_s: float = 8.5e-3
    vibration_cavitation_m_per_s: float = 2.0e-3
    vibration_part_load_m_per_s: float = 2.0e-3


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def pump_curve_m(flow_m3_per_s, u, p):
    """Head of the undamaged impeller at impeller flow Q_i; scales exactly by the affinity laws."""
    n = speed_ratio(u, p)
    return n * n * p.shutoff_head_m - p.head_loss_s2_per_m5 * flow_m3_per_s * flow_m3_per_s


def ring_leakage_m3_per_s(x, u, p):
    """Flow back through the wear ring, driven by its share of the head at the delivered flow."""
    clearance = p.ring_clearance_m * np.clip(1.0 + x.ring_wear, 0.1, 20.0)
    head = p.ring_head_share * np.clip(pump_curve_m(u.flow_m3_per_s, u, p), 0.0, 1e4)
    resistance = 1.5 + p.ring_friction * p.ring_length_m / (2.0 * clearance)
    return PI * p.ring_diameter_m * clearance * np.sqrt(2.0 * GRAVITY * head / resistance)


def npsh_available_m(u, p):
    velocity = u.flow_m3_per_s / p.suction_area_m2
    above_vapour = u.suction_pressure_Pa - vapour_pressure_Pa(u.fluid_temperature_K)
    return above_vapour / (density_kg_per_m3(u.fluid_temperature_K) * GRAVITY) + velocity * velocity / (2.0 * GRAVITY)


def npsh_required_m(u, p):
    n = speed_ratio(u, p)
    return n * n * p.npshr_zero_flow_m + p.npshr_s2_per_m5 * u.flow_m3_per_s * u.flow_m3_per_s


def npsh_ratio(u, p):
    return npsh_available_m(u, p) / np.clip(npsh_required_m(u, p), 0.05, 1e3)


def cavitation(u, p):
    """Extent of cavitation: 0 with full margin, 1 where 3 % of the head is lost, at most 2."""
    return np.clip((p.npsh_margin - npsh_ratio(u, p)) / (p.npsh_margin - 1.0), 0.0, 2.0)


def head_m(x, u, p):
    """Head delivered; cavitation costs 3 % at NPSH3 by its definition (ISO 9906)."""
    c = cavitation(u, p)
    kept = 1.0 - 0.03 * c * c - p.erosion_head_loss * np.clip(x.impeller_erosion, -1.0, 10.0)
    return x.head_factor * kept * pump_curve_m(u.flow_m3_per_s + ring_leakage_m3_per_s(x, u, p), u, p)


def power_W(x, u, p):
    n = speed_ratio(u, p)
    moved = u.flow_m3_per_s + ring_leakage_m3_per_s(x, u, p)
    euler = n * (n * p.euler_head_m - p.euler_slope_s_per_m2 * moved)
    hydraulic = density_kg_per_m3(u.fluid_temperature_K) * GRAVITY * moved * euler
    return x.power_factor * (hydraulic + n * n * n * p.disc_power_W + n * p.mechanical_power_W)


def seal_pressure_Pa(u, p):
    """Pressure across the seal faces: suction side plus what the rear ring lets through, above atmosphere."""
    head = np.clip(pump_curve_m(u.flow_m3_per_s, u, p), 0.0, 1e4)
    inside = u.suction_pressure_Pa + p.ring_head_share * density_kg_per_m3(u.fluid_temperature_K) * GRAVITY * head
    return np.clip(inside - ATMOSPHERE_PA, 0.0, 1e8)


def seal_leakage_m3_per_s(seal_wear, u, p):
    gap = p.seal_gap_m * np.clip(1.0 + seal_wear, 0.1, 50.0)
    viscous = 6.0 * viscosity_Pa_s(u.fluid_temperature_K) * p.seal_log_radius_ratio
    return PI * gap * gap * gap * seal_pressure_Pa(u, p) / viscous


def vibration_m_per_s(x, u, p):
    """Speed times (healthy + erosion + cavitation + distance from the best point)."""
    n = speed_ratio(u, p)
    part_load = np.clip(u.flow_m3_per_s / (p.rated_flow_m3_per_s * np.clip(n, 0.1, 2.0)), 0.0, 2.0) - 1.0
    eroded = (p.vibration_limit_m_per_s - p.vibration_healthy_m_per_s) * x.impeller_erosion
    stirred = p.vibration_cavitation_m_per_s * cavitation(u, p) + p.vibration_part_load_m_per_s * part_load * part_load
    return n * (p.vibration_healthy_m_per_s + eroded + stirred)


def rated_input(p):
    return Input(p.rated_speed_rad_per_s, p.rated_flow_m3_per_s, p.rated_suction_Pa, 293.15)


def rhs(x, u, p):
    n = speed_ratio(u, p)
    load = seal_pressure_Pa(u, p) / seal_pressure_Pa(rated_input(p), p)
    return State(
        np.exp(x.log_ring_rate) * n * n / p.ring_life_s,
        log_rate_drift(x.log_ring_rate),
        np.exp(x.log_erosion_rate) * n * n * n * (p.erosion_base + cavitation(u, p) ** 2.83) / p.erosion_life_s,
        log_rate_drift(x.log_erosion_rate),
        np.exp(x.log_seal_rate) * n * load / p.seal_life_s,
        log_rate_drift(x.log_seal_rate),
        0.0 * x.head_factor,
        0.0 * x.power_factor,
    )


def out(x, u, p):
    weight = density_kg_per_m3(u.fluid_temperature_K) * GRAVITY
    return Output(
        u.suction_pressure_Pa + weight * head_m(x, u, p),
        power_W(x, u, p),
        seal_leakage_m3_per_s(x.seal_wear, u, p),
        vibration_m_per_s(x, u, p),
    )


def virtual(x, u, p):
    useful = density_kg_per_m3(u.fluid_temperature_K) * GRAVITY * u.flow_m3_per_s * head_m(x, u, p)
    return Virtual(
        head_m(x, u, p),
        useful / np.clip(power_W(x, u, p), 1.0, 1e9),
        npsh_ratio(u, p),
        ring_leakage_m3_per_s(x, u, p),
    )


def severity(x, u, p):
    rated = rated_input(p)
    new = seal_leakage_m3_per_s(0.0, rated, p)
    worn = seal_leakage_m3_per_s(x.seal_wear, rated, p)
    return Severity(x.ring_wear, x.impeller_erosion, (worn - new) / (p.seal_leakage_limit_m3_per_s - new))


def steady(x, u, p):
    """No fast state: water settles in well under a second."""
    return x


_SIZE = "typical of EN 733 size 50-200 at 2900 rpm"

MODEL = Model(
    name="centrifugal_pump",
    title="Centrifugal pump",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Shaft speed", "rad/s", 0.0, 700.0, 0.5),
        Channel("flow", "Delivered flow", "m3/s", 0.0, 5.0, 5.0e-5),
        Channel("suction_pressure", "Suction pressure, absolute", "Pa", 0.0, 5.0e6, 1.0e3),
        Channel("fluid_temperature", "Fluid temperature", "K", 263.15, 423.15, 0.5),
    ),
    sensors=(
        Channel("discharge_pressure", "Discharge pressure, absolute", "Pa", 0.0, 2.0e7, 3.0e3),
        Channel("power", "Shaft power", "W", 0.0, 1.0e7, 40.0),
        Channel("seal_leakage", "Seal leakage", "m3/s", 0.0, 1.0e-3, 5.0e-11),
        Channel("vibration_velocity", "Vibration velocity, rms 10-1000 Hz", "m/s", 0.0, 0.1, 1.0e-4),
    ),
    virtuals=(
        Channel("head", "Head", "m"),
        Channel("efficiency", "Efficiency", "1"),
        Channel("npsh_margin", "NPSH available over required", "1"),
        Channel("ring_leakage", "Internal leakage", "m3/s"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
    initial_sd=State(0.15, LOG_RATE_SD, 0.03, LOG_RATE_SD, 0.15, LOG_RATE_SD, 0.05, 0.08),
    process_noise=State(3.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-6, 3.0e-6),
    low=State(-0.6, LOG_RATE_LOW, -0.2, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.5, 0.5),
    high=State(10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 20.0, LOG_RATE_HIGH, 2.0, 2.0),
    nominal=Input(303.7, 6.94e-3, 1.3e5, 298.15),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "wear_ring", "Wear ring worn", "wear_ring", ("ring_wear", "log_ring_rate"),
            "ring clearance twice the new value",
            "new value API 610 11th ed. table 6; renewal when doubled: maintenance rule, McNally Institute w007", 0.15,
            ("discharge_pressure", "power"), "Renew the wear rings", "wear ring", "PDE",
        ),
        FailureMode(
            "cavitation", "Impeller eroded by cavitation", "impeller", ("impeller_erosion", "log_erosion_rate"),
            "erosion three quarters through the blade; vibration then at 8.5 mm/s, zone C/D",
            "Guelich 2014 ch. 6.8; ISO 10816-7:2009 category II to 200 kW", 0.3,
            ("vibration_velocity", "discharge_pressure"),
            "Raise the suction pressure or cool the fluid, check strainer and valve; plan an impeller", "impeller", "VIB",
        ),
        FailureMode(
            "seal", "Seal leaks", "seal", ("seal_wear", "log_seal_rate"), "leakage 5.6 g/h at rated operation",
            "API 682 (ISO 21049:2004), permitted leakage of a pair of faces", 0.2, ("seal_leakage",),
            "Replace the mechanical seal, check shaft run-out", "mechanical seal", "ELP",
        ),
    ),
    components=(
        Component("wear_ring", "Wear rings", ("ring_wear", "log_ring_rate")),
        Component("impeller", "Impeller", ("impeller_erosion", "log_erosion_rate")),
        Component("seal", "Mechanical seal", ("seal_wear", "log_seal_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed", "rad/s", _SIZE, 10.0, 700.0),
        Parameter("rated_flow_m3_per_s", "Flow at best efficiency", "m3/s", _SIZE, 1e-5, 5.0),
        Parameter(
            "rated_suction_Pa", "Suction pressure at rated operation", "Pa", "0.3 bar above atmosphere, flooded suction", 1e4, 5e6
        ),
        Parameter("shutoff_head_m", "Head at zero flow", "m", _SIZE, 1.0, 2000.0),
        Parameter("head_loss_s2_per_m5", "Fall of head with flow squared", "s2/m5", _SIZE, 0.0, 1e10),
        Parameter("euler_head_m", "Euler head at zero flow", "m", "0.78 u2^2/g, Guelich 2014 ch. 3.3", 1.0, 4000.0),
        Parameter("euler_slope_s_per_m2", "Fall of Euler head with flow", "s/m2", "blade angle, Guelich 2014 ch. 3.3", 0.0, 1e7),
        Parameter("disc_power_W", "Disc friction at rated speed", "W", "Guelich 2014 ch. 3.6.1", 0.0, 1e6),
        Parameter("mechanical_power_W", "Bearings and seal at rated speed", "W", "Guelich 2014 ch. 3.6.4", 0.0, 1e5),
        Parameter("suction_area_m2", "Suction nozzle area", "m2", "DN 65, EN 733", 1e-5, 5.0),
        Parameter("ring_diameter_m", "Wear ring diameter", "m", _SIZE, 0.01, 2.0),
        Parameter("ring_length_m", "Wear ring length", "m", _SIZE, 1e-3, 0.2),
        Parameter("ring_clearance_m", "New radial clearance", "m", "half of 0.33 mm, API 610 table 6", 1e-5, 2e-3),
        Parameter("ring_friction", "Friction factor of the gap", "1", "Guelich 2014 ch. 3.6.2", 0.005, 0.2),
        Parameter("ring_head_share", "Share of the head across the ring", "1", "Guelich 2014 ch. 3.6.2", 0.3, 1.0),
        Parameter("ring_life_s", "Time in which the clearance doubles", "s", "estimate: 22 000 h in clean coolant", 1e5, 1e9),
        Parameter("npshr_zero_flow_m", "NPSH3 at zero flow", "m", _SIZE, 0.0, 50.0),
        Parameter("npshr_s2_per_m5", "Rise of NPSH3 with flow squared", "s2/m5", _SIZE, 0.0, 1e9),
        Parameter("npsh_margin", "NPSH margin ratio without damage", "1", "ANSI/HI 9.6.1-2012, 1.1 to 1.3", 1.05, 5.0),
        Parameter("erosion_head_loss", "Head lost at the end of impeller life", "1", "estimate, learned per unit", 0.0, 0.5),
        Parameter("erosion_base", "Erosion rate with full margin, share of that at NPSH3", "1", "estimate", 0.0, 1.0),
        Parameter("erosion_life_s", "Impeller life at NPSH3", "s", "1000 h, grey cast iron; Guelich 2014 ch. 6.8", 1e4, 1e9),
        Parameter("seal_gap_m", "New face gap", "m", "0.5 um, Lebeck 1991", 1e-7, 1e-5),
        Parameter("seal_log_radius_ratio", "ln of outer over inner face radius", "1", "20 mm / 17 mm, EN 12756 size 33", 0.01, 1.0),
        Parameter("seal_life_s", "Time in which the gap doubles", "s", "25 000 h design life, API 682", 1e5, 1e9),
        Parameter("seal_leakage_limit_m3_per_s", "Leakage limit", "m3/s", "5.6 g/h, API 682", 1e-11, 1e-4),
        Parameter("vibration_healthy_m_per_s", "Vibration of the new pump", "m/s", "ISO 10816-7 zone A", 0.0, 0.01),
        Parameter("vibration_limit_m_per_s", "Vibration limit, zone C/D", "m/s", "ISO 10816-7 category II to 200 kW", 1e-3, 0.03),
        Parameter("vibration_cavitation_m_per_s", "Added vibration at NPSH3", "m/s", "estimate", 0.0, 0.03),
        Parameter("vibration_part_load_m_per_s", "Added vibration at zero flow", "m/s", "Guelich 2014 ch. 10", 0.0, 0.03),
    ),
)  # fmt: skip
