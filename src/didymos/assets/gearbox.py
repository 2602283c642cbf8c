"""Gearbox, one helical stage in oil: losses and oil temperature, pitting, tooth bending, ageing oil, and the sound of the mesh.

    C dT/dt = P_mesh + P_bearings + P_churning + P_seals - G (T - T_amb)       G = G_0 (s + (1 - s) n^0.8): fan on the input shaft
    P_mesh  = mu H_V T_1 w_1                                                       n = speed / rated speed
    s_H, s_F of the live torque with K = K_A K_V K_Hb;   s_HG = s_Hlim Z_L Z_V Z_R,   s_FG = 2 s_Flim
    a_rms   = g W^2 (e_0 + q F_t / (b c) + e_p w) / sqrt(2)                     W = z_1 w_1: mesh frequency; e: transmission error
    v_40    = v_new (1 + 0.1 o)                                                    what an oil analysis or a viscometer reads

    pitting       dw/dt = exp(r) (1 + g w) ln(1 + g) / g (w_1 / 2 pi) / (3 N_H)          4 % of a flank pitted: w = 1
    tooth_bending dD/dt = (w_1 / 2 pi) / N_F                                             Miner's sum: D = 1
    oil           do/dt = exp(r) 2^((T - 353.15 K) / 10 K) / life                        out of its viscosity class: o = 1

N_H is what 1 % of gears do not reach; the middle gear lasts 3 N_H: 1 % and 50 % lie 0.92 apart in stress. A crack at the root
shows in vibration only shortly before the tooth breaks, so bending rests on the measured load, as a Miner sum.
Source: assets/gears.py (ISO 6336, ISO/TR 14179), assets/bearings.py, assets/lubricants.py; pitting limit ISO 6336-2:2019 4.2; oil
oxidation doubles per 10 K: 10 000 h at 80 C, Flender BA 5010; viscosity class ISO 3448.
Valid: speeds below the mesh resonance, oil bath, one direction of load, 0.1 to 1.3 rated speed.
Verified: tests/verify/test_gearbox.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets import gears
from didymos.assets.bearings import friction_torque_N_m
from didymos.assets.lubricants import viscosity_fall_per_K, viscosity_m2_per_s
from didymos.assets.wear import DAMAGE_LOW, LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

TWO_PI = 6.283185307179586
LN2 = 0.6931471805599453
OIL_REFERENCE_K = 353.15
OIL_DENSITY = 850.0  # kg/m3 at operating temperature, mineral oil


class State(NamedTuple):
    """pitting: 1 at the limit; oil_ageing: 1 where the oil leaves its class."""

    oil_temperature_K: float
    pitting: float
    log_pitting_rate: float
    bending_damage: float
    oil_ageing: float
    log_oil_rate: float


class Input(NamedTuple):
    torque_Nm: float
    speed_rad_per_s: float
    ambient_temperature_K: float


class Output(NamedTuple):
    oil_temperature_K: float
    mesh_acceleration_m_per_s2: float
    oil_viscosity_m2_per_s: float


class Virtual(NamedTuple):
    loss_W: float
    efficiency: float
    contact_stress_Pa: float
    root_stress_Pa: float
    mesh_frequency_Hz: float


class Severity(NamedTuple):
    pitting: float
    tooth_bending: float
    oil: float


class Params(NamedTuple):
    """Own layout, no catalogue unit: 160 mm centre distance, 25/77 teeth of module 3, 110 kW at 1475 1/min, rated for 20 000 h."""

    rated_speed_rad_per_s: float = 154.5
    module_m: float = 3.0e-3
    pinion_teeth: float = 25.0
    wheel_teeth: float = 77.0
    helix_rad: float = 0.2969
    width_m: float = 0.043
    application_factor: float = 1.25
    face_load_factor: float = 1.3
    contact_strength_Pa: float = 1.5e9
    roughness_factor: float = 0.95
    root_strength_Pa: float = 4.3e8
    root_form_factor: float = 2.6
    flank_roughness_m: float = 0.8e-6
    life_scatter: float = 3.0
    pitting_growth: float = 2.0
    immersion_m: float = 0.04
    pinion_bearing_m: float = 0.080
    wheel_bearing_m: float = 0.0925
    bearing_f0: float = 4.0
    bearing_f1: float = 4.0e-4
    pinion_seal_m: float = 0.045
    wheel_seal_m: float = 0.065
    oil_40C_m2_per_s: float = 220.0e-6
    walther_slope: float = 3.387
    oil_life_s: float = 3.6e7
    casing_W_per_K: float = 22.0
    still_air_share: float = 0.4
    heat_capacity_J_per_K: float = 90_000.0
    error_m: float = 1.0e-6
    stiffness_ripple: float = 0.1
    pitting_error_m: float = 3.0e-6
    mesh_transfer: float = 0.15


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def gear_pair(p):
    return gears.pair(p.module_m, p.pinion_teeth, p.wheel_teeth, p.helix_rad, p.width_m)


def pitch_speed_m_per_s(u, g):
    return 0.5 * g.pinion_diameter_m * np.clip(u.speed_rad_per_s, 0.0, 1e4)


def tangential_N(u, g):
    return 2.0 * np.clip(u.torque_Nm, 0.0, 1e8) / g.pinion_diameter_m


def rated_load_N_per_m(u, g, p):
    """K F_t / b: what the flank bears."""
    load = p.application_factor * tangential_N(u, g) / p.width_m
    return load * gears.dynamic_factor(load, pitch_speed_m_per_s(u, g), p.pinion_teeth, g) * p.face_load_factor


def oil_40C_m2_per_s(x, p):
    return p.oil_40C_m2_per_s * (1.0 + 0.1 * np.clip(x.oil_ageing, -5.0, 50.0))


def mesh_loss_W(viscosity, u, g, p):
    friction = gears.mesh_friction(
        tangential_N(u, g) / p.width_m, pitch_speed_m_per_s(u, g), viscosity * OIL_DENSITY, p.flank_roughness_m, g
    )
    power = np.clip(u.torque_Nm, 0.0, 1e8) * np.clip(u.speed_rad_per_s, 0.0, 1e4)
    return friction * gears.loss_factor(p.pinion_teeth, g) * power


def bearing_loss_W(viscosity, u, g, p):
    """Two bearings on each shaft, each with half of the tooth force."""
    speed, load = np.clip(u.speed_rad_per_s, 0.0, 1e4), 0.5 * tangential_N(u, g) / g.cos_pressure
    pinion = friction_torque_N_m(speed, load, viscosity, p.pinion_bearing_m, p.bearing_f0, p.bearing_f1)
    wheel = friction_torque_N_m(speed / g.ratio, load, viscosity, p.wheel_bearing_m, p.bearing_f0, p.bearing_f1)
    return 2.0 * (pinion + wheel / g.ratio) * speed


def idle_loss_W(u, g, p):
    """Churning of the wheel and both seals: neither depends on load or viscosity."""
    churning = gears.churning_torque_N_m(pitch_speed_m_per_s(u, g), p.immersion_m, p.width_m)
    lips = gears.seal_torque_N_m(p.pinion_seal_m) + gears.seal_torque_N_m(p.wheel_seal_m) / g.ratio
    return (churning / g.ratio + lips) * np.clip(u.speed_rad_per_s, 0.0, 1e4)


def loss_W(temperature_K, x, u, p):
    g, viscosity = gear_pair(p), viscosity_m2_per_s(temperature_K, oil_40C_m2_per_s(x, p), p.walther_slope)
    return mesh_loss_W(viscosity, u, g, p) + bearing_loss_W(viscosity, u, g, p) + idle_loss_W(u, g, p)


def cooling_W_per_K(u, p):
    return p.casing_W_per_K * (p.still_air_share + (1.0 - p.still_air_share) * speed_ratio(u, p) ** 0.8)


def contact_stress_Pa(u, p):
    g = gear_pair(p)
    return gears.contact_stress_Pa(rated_load_N_per_m(u, g, p), g)


def root_stress_Pa(u, p):
    g = gear_pair(p)
    return gears.root_stress_Pa(rated_load_N_per_m(u, g, p), p.module_m, p.root_form_factor, p.helix_rad, g)


def pitting_per_s(x, u, p):
    """Rating lives N_H consumed per second."""
    film = gears.film_factors(oil_40C_m2_per_s(x, p), pitch_speed_m_per_s(u, gear_pair(p)))
    strength = p.contact_strength_Pa * film * p.roughness_factor
    return np.clip(u.speed_rad_per_s, 0.0, 1e4) / TWO_PI * gears.pitting_damage(contact_stress_Pa(u, p) / strength)


def bending_per_s(u, p):
    """Stress correction factor of the test gears: Y_ST = 2."""
    return np.clip(u.speed_rad_per_s, 0.0, 1e4) / TWO_PI * gears.bending_damage(root_stress_Pa(u, p) / (2.0 * p.root_strength_Pa))


def oil_ageing_per_s(temperature_K, p):
    warm = (np.clip(temperature_K, 250.0, 450.0) - OIL_REFERENCE_K) / 10.0
    return np.exp(LN2 * warm) / p.oil_life_s


def rhs(x, u, p):
    out_W = cooling_W_per_K(u, p) * (x.oil_temperature_K - u.ambient_temperature_K)
    worse = (1.0 + p.pitting_growth * np.clip(x.pitting, 0.0, 10.0)) * np.log(1.0 + p.pitting_growth) / p.pitting_growth
    return State(
        (loss_W(x.oil_temperature_K, x, u, p) - out_W) / p.heat_capacity_J_per_K,
        np.exp(x.log_pitting_rate) * worse * pitting_per_s(x, u, p) / p.life_scatter,
        log_rate_drift(x.log_pitting_rate),
        bending_per_s(u, p),
        np.exp(x.log_oil_rate) * oil_ageing_per_s(x.oil_temperature_K, p),
        log_rate_drift(x.log_oil_rate),
    )


def mesh_acceleration_m_per_s2(x, u, p):
    """Quasi-static transmission error, shaken through at mesh frequency, rms on the casing."""
    g = gear_pair(p)
    bent = p.stiffness_ripple * tangential_N(u, g) / p.width_m / gears.mesh_stiffness_N_per_m2(p.pinion_teeth, p.wheel_teeth, g)
    mesh = p.pinion_teeth * u.speed_rad_per_s
    return p.mesh_transfer * mesh * mesh * (p.error_m + bent + p.pitting_error_m * x.pitting) * 0.7071067811865476


def out(x, u, p):
    return Output(x.oil_temperature_K, mesh_acceleration_m_per_s2(x, u, p), oil_40C_m2_per_s(x, p))


def virtual(x, u, p):
    loss, power = loss_W(x.oil_temperature_K, x, u, p), u.torque_Nm * u.speed_rad_per_s
    return Virtual(
        loss,
        1.0 - np.clip(loss / np.clip(power, 1e-3, 1e9), 0.0, 1.0),
        contact_stress_Pa(u, p),
        root_stress_Pa(u, p),
        p.pinion_teeth * u.speed_rad_per_s / TWO_PI,
    )


def severity(x, u, p):
    return Severity(x.pitting, x.bending_damage, x.oil_ageing)


def steady_step(temperature_K, x, u, p):
    """One Newton step of the heat balance: the mesh goes with viscosity^-0.05, the bearings' viscous part with ^(2/3)."""
    g, viscosity = gear_pair(p), viscosity_m2_per_s(temperature_K, oil_40C_m2_per_s(x, p), p.walther_slope)
    mesh, bearings = mesh_loss_W(viscosity, u, g, p), bearing_loss_W(viscosity, u, g, p)
    viscous = bearings - bearing_loss_W(0.0 * viscosity, u, g, p)
    slope = viscosity_fall_per_K(temperature_K, viscosity, p.walther_slope) * (2.0 / 3.0 * viscous - 0.05 * mesh)
    rest = mesh + bearings + idle_loss_W(u, g, p) - cooling_W_per_K(u, p) * (temperature_K - u.ambient_temperature_K)
    return np.clip(temperature_K + rest / (cooling_W_per_K(u, p) - np.clip(slope, -1e6, 0.0)), 233.15, 473.15)


def steady(x, u, p):
    """Eight Newton steps from where x is; the error is nearly squared at each."""
    t = steady_step(steady_step(x.oil_temperature_K, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    t = steady_step(steady_step(t, x, u, p), x, u, p)
    return State(t, x.pitting, x.log_pitting_rate, x.bending_damage, x.oil_ageing, x.log_oil_rate)


_LAYOUT = "own layout, see Params"
_MODE_PITTING = "4 % of the working area of one tooth flank pitted (surface-hardened gears)"

MODEL = Model(
    name="gearbox",
    title="Gearbox",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("torque", "Torque on the pinion shaft", "N m", 0.0, 1.0e6, 5.0),
        Channel("speed", "Speed of the pinion shaft", "rad/s", 0.0, 700.0, 0.5),
        Channel("ambient_temperature", "Ambient air", "K", 233.15, 343.15, 0.5),
    ),
    sensors=(
        Channel("oil_temperature", "Oil sump temperature", "K", 233.15, 423.15, 0.5),
        Channel("mesh_acceleration", "Acceleration at mesh frequency, rms", "m/s2", 0.0, 2000.0, 0.15),
        Channel("oil_viscosity", "Oil viscosity at 40 C", "m2/s", 1.0e-6, 5.0e-3, 2.5e-6),
    ),
    virtuals=(
        Channel("loss", "Total loss", "W"),
        Channel("efficiency", "Efficiency", "1"),
        Channel("contact_stress", "Contact stress", "Pa"),
        Channel("root_stress", "Tooth root stress", "Pa"),
        Channel("mesh_frequency", "Mesh frequency", "Hz"),
    ),
    slow=("pitting", "log_pitting_rate", "bending_damage", "oil_ageing", "log_oil_rate"),
    initial=State(298.15, 0.0, 0.0, 0.0, 0.0, 0.0),
    initial_sd=State(15.0, 0.1, LOG_RATE_SD, 0.02, 0.15, LOG_RATE_SD),
    process_noise=State(0.03, 1.0e-5, LOG_RATE_NOISE, 1.0e-7, 3.0e-5, LOG_RATE_NOISE),
    low=State(223.15, -0.3, LOG_RATE_LOW, DAMAGE_LOW, -0.5, LOG_RATE_LOW),
    high=State(473.15, 10.0, LOG_RATE_HIGH, 100.0, 10.0, LOG_RATE_HIGH),
    nominal=Input(712.0, 154.5, 298.15),
    max_step_s=120.0,
    failure_modes=(
        FailureMode(
            "pitting", "Tooth flanks pitted", "gears", ("pitting", "log_pitting_rate"), _MODE_PITTING,
            "ISO 6336-2:2019, 4.2 (limit of pitting)", 0.3, ("mesh_acceleration",),
            "Inspect the flanks through the cover, plan a gear set; check alignment and load", "gear set", "VIB",
        ),
        FailureMode(
            "tooth_bending", "Teeth fatigued at the root", "gears", ("bending_damage",),
            "Miner's sum 1 of the root stress against the S-N line with 1 % of failures", "ISO 6336-3:2019; ISO 6336-6:2019", 0.5,
            ("oil_temperature", "mesh_acceleration"), "Lower the torque peaks; crack test at the next stop", "gear set", "BRD",
        ),
        FailureMode(
            "oil", "Oil aged", "oil", ("oil_ageing", "log_oil_rate"),
            "viscosity at 40 C 10 % above its grade: out of its ISO viscosity class", "ISO 3448:1992, midpoint +-10 %", 0.1,
            ("oil_viscosity",), "Change oil and filter; look for water and heat", "gear oil", "OHE",
        ),
    ),
    components=(
        Component("gears", "Gear pair", ("pitting", "log_pitting_rate", "bending_damage")),
        Component("oil", "Oil", ("oil_ageing", "log_oil_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated speed of the pinion", "rad/s", _LAYOUT, 1.0, 700.0),
        Parameter("module_m", "Normal module", "m", _LAYOUT + "; series ISO 54", 5e-4, 0.05),
        Parameter("pinion_teeth", "Teeth of the pinion", "1", _LAYOUT, 12.0, 200.0),
        Parameter("wheel_teeth", "Teeth of the wheel", "1", _LAYOUT, 12.0, 500.0),
        Parameter("helix_rad", "Helix angle", "rad", "17.0 degrees: closes the centre distance", 0.0, 0.6),
        Parameter("width_m", "Face width", "m", _LAYOUT, 5e-3, 1.0),
        Parameter("application_factor", "Application factor K_A", "1", "ISO 6336-6:2019 annex B, light shocks", 1.0, 3.0),
        Parameter("face_load_factor", "Load sharing K_Hb K_Ha", "1", "estimate: grade 6, crowned; ISO 6336-1 method C", 1.0, 3.0),
        Parameter("contact_strength_Pa", "Pitting strength sigma_Hlim", "Pa", "ISO 6336-5:2016, case-hardened MQ", 3e8, 1.7e9),
        Parameter("roughness_factor", "Roughness factor Z_R", "1", "ISO 6336-2:2019 for Rz10 of 4 um: about 0.95", 0.7, 1.1),
        Parameter("root_strength_Pa", "Root strength sigma_Flim", "Pa", "ISO 6336-5:2016, case-hardened steel", 1e8, 5.5e8),
        Parameter("root_form_factor", "Form factor Y_F Y_S", "1", "estimate: ISO 6336-3, 29 virtual teeth", 1.5, 5.0),
        Parameter("flank_roughness_m", "Ra of the flanks, both averaged", "m", "ground gears", 1e-7, 1e-5),
        Parameter("life_scatter", "Median over the 1 % life", "1", "0.92^-13.2: strengths of 1 % and 50 %, estimate", 1.0, 30.0),
        Parameter("pitting_growth", "Growth of the pitting rate with pitting", "1", "estimate, learned per unit", 0.01, 20.0),
        Parameter("immersion_m", "Depth that the wheels dip into the oil", "m", _LAYOUT, 0.0, 0.5),
        Parameter("pinion_bearing_m", "Pitch diameter of the pinion's bearings", "m", "taper roller 50 x 110", 0.01, 1.0),
        Parameter("wheel_bearing_m", "Pitch diameter of the wheel's bearings", "m", "taper roller 65 x 120", 0.01, 1.0),
        Parameter("bearing_f0", "Palmgren f0", "1", "Harris & Kotzalas 2006 table 10.3, taper roller, oil bath", 0.1, 20.0),
        Parameter("bearing_f1", "Palmgren f1", "1", "Harris & Kotzalas 2006 table 10.2, taper roller", 1e-5, 1e-2),
        Parameter("pinion_seal_m", "Shaft diameter at the pinion's seal", "m", _LAYOUT, 5e-3, 0.5),
        Parameter("wheel_seal_m", "Shaft diameter at the wheel's seal", "m", _LAYOUT, 5e-3, 0.5),
        Parameter("oil_40C_m2_per_s", "Viscosity of the new oil at 40 C", "m2/s", "ISO VG 220", 2e-5, 1.2e-3),
        Parameter("walther_slope", "Slope B of the oil", "1", "ISO VG 220 mineral oil, 220 and 19 mm2/s", 2.0, 5.0),
        Parameter("oil_life_s", "Life of the oil at 80 C", "s", "10 000 h, mineral oil, Flender BA 5010", 1e5, 1e9),
        Parameter("casing_W_per_K", "Heat given off per kelvin, fan at rated speed", "W/K", "estimate: 0.9 m2, 24 W/m2K", 0.1, 1e5),
        Parameter("still_air_share", "Heat given off at rest, share", "1", "ISO/TR 14179-1:2001, with and without fan", 0.05, 1.0),
        Parameter("heat_capacity_J_per_K", "Heat capacity", "J/K", "150 kg of steel and iron, 10 l of oil", 100.0, 1e8),
        Parameter("error_m", "Transmission error without load", "m", "profile deviation of grade 6, ISO 1328-1", 0.0, 1e-4),
        Parameter("stiffness_ripple", "Share of the deflection that varies", "1", "estimate, overlap above 1", 0.0, 1.0),
        Parameter("pitting_error_m", "Transmission error added at the limit", "m", "estimate, learned per unit", 1e-7, 1e-4),
        Parameter("mesh_transfer", "Casing over mesh acceleration", "1", "estimate, learned per unit", 1e-4, 10.0),
    ),
)  # fmt: skip
