"""Cylindrical gears, no profile shift: geometry, stresses and lives after ISO 6336, mesh stiffness, losses after ISO/TR 14179-2.

    s_H  = Z_H Z_E Z_e Z_b sqrt(K F_t / (d_1 b) (u + 1) / u)                   contact stress at the pitch point (ISO 6336-2)
    s_F  = K F_t / (b m_n) Y_FS Y_b                                            root stress (ISO 6336-3), Y_FS = Y_F Y_S
    N_H  = 5e7 (s_HG / s_H)^13.2 above s_HG, ^32.6 below;   N_F = 3e6 (s_FG / s_F)^8.74 above s_FG, ^49.9 below
    1/c' = 0.04723 + 0.15551 / z_n1 + 0.25791 / z_n2 mm um / N,  c = 0.8 c' cos b (0.75 e_a + 0.25)     (ISO 6336-1)
    H_V  = pi (u + 1) / (z_1 u cos b_b) (1 - e_a + e_1^2 + e_2^2)              share of the friction that the mesh loses
    mu   = 0.048 (F_bt / b / (v_S r_C))^0.2 eta^-0.05 Ra^0.25                  N/mm, m/s, mm, mPa s, um

Exponents of the lives: the standards' points for case-hardened steel, Z_NT 1.6 at 1e5, 1 at 5e7, 0.85 at 1e10 cycles; Y_NT 2.5 at
1e3, 1 at 3e6, 0.85 at 1e10.
Source: ISO 6336-1, -2, -3:2019 (method B, factors as named there); ISO/TR 14179-2:2001 (mesh: Schlenk and Ohlendorf; churning:
Walter); ISO/TR 14179-1:2001 (seals). Valid: case-hardened steel, pressure angle 20 degrees, contact ratio 1 to 2.
Verified: tests/verify/test_gearbox.py.
"""

from typing import NamedTuple

import numpy as np

PI = 3.141592653589793
TAN_20, COS_20 = 0.36397023426620234, 0.9396926207859084
STEEL_SQRT_PA = 189.8e3  # Z_E of steel on steel, sqrt(N/m2)


class Pair(NamedTuple):
    """What follows from module, teeth and helix. first, second: path of contact beside the pitch point, in base pitches."""

    ratio: float
    pinion_diameter_m: float
    cos_helix: float
    cos_base_helix: float
    sin_pressure: float
    cos_pressure: float
    first: float
    second: float
    overlap: float


def path_share(teeth, cos_helix, sin_pressure, cos_pressure):
    """From the pitch point to where the tip of this gear ends the contact, in base pitches; addendum one normal module."""
    tip = teeth / cos_helix + 2.0
    base = teeth / cos_helix * cos_pressure
    return (np.sqrt(tip * tip - base * base) - teeth / cos_helix * sin_pressure) * cos_helix / (2.0 * PI * cos_pressure)


def pair(module_m, pinion_teeth, wheel_teeth, helix_rad, width_m):
    cos_helix, sin_helix = np.cos(helix_rad), np.sin(helix_rad)
    tangent = TAN_20 / cos_helix
    cos_pressure = 1.0 / np.sqrt(1.0 + tangent * tangent)
    sin_pressure = tangent * cos_pressure
    sin_base = sin_helix * COS_20
    return Pair(
        wheel_teeth / pinion_teeth,
        pinion_teeth * module_m / cos_helix,
        cos_helix,
        np.sqrt(1.0 - sin_base * sin_base),
        sin_pressure,
        cos_pressure,
        path_share(wheel_teeth, cos_helix, sin_pressure, cos_pressure),
        path_share(pinion_teeth, cos_helix, sin_pressure, cos_pressure),
        width_m * sin_helix / (PI * module_m),
    )


def contact_ratio(g):
    return g.first + g.second


def contact_stress_Pa(load_N_per_m, g):
    """s_H of load K F_t / b; 2019 edition: Z_b = 1 / sqrt(cos b)."""
    zone = np.sqrt(2.0 * g.cos_base_helix / (g.cos_pressure * g.sin_pressure))
    ratio, overlap = contact_ratio(g), np.clip(g.overlap, 0.0, 1.0)
    sharing = np.sqrt((4.0 - ratio) / 3.0 * (1.0 - overlap) + overlap / ratio)
    line = np.sqrt(np.clip(load_N_per_m, 0.0, 1e9) / g.pinion_diameter_m * (g.ratio + 1.0) / g.ratio)
    return zone * STEEL_SQRT_PA * sharing / np.sqrt(g.cos_helix) * line


def root_stress_Pa(load_N_per_m, module_m, form_factor, helix_rad, g):
    helix = (1.0 - np.clip(g.overlap, 0.0, 1.0) * helix_rad * 0.477464829275686) / (g.cos_helix * g.cos_helix * g.cos_helix)
    return np.clip(load_N_per_m, 0.0, 1e9) / module_m * form_factor * helix


def dynamic_factor(load_N_per_m, speed_m_per_s, pinion_teeth, g):
    """K_V of helical gears of grade 6, ISO 6336-1 method C: 1 + (13.3 / (F_t / b) + 0.0087) v z_1 / 100 u / sqrt(1 + u^2)."""
    load = np.clip(load_N_per_m * 1e-3, 100.0, 1e6)
    return 1.0 + (13.3 / load + 0.0087) * speed_m_per_s * pinion_teeth * 0.01 * g.ratio / np.sqrt(1.0 + g.ratio * g.ratio)


def damage_per_cycle(stress_ratio, cycles_at_limit, steep, flat):
    """1 / N of a stress given as its ratio to the strength at the knee of the S-N line."""
    s = np.clip(stress_ratio, 1e-3, 5.0)
    return np.where(s > 1.0, s**steep, s**flat) / cycles_at_limit


def pitting_damage(stress_ratio):
    return damage_per_cycle(stress_ratio, 5.0e7, 13.22, 32.6)


def bending_damage(stress_ratio):
    return damage_per_cycle(stress_ratio, 3.0e6, 8.74, 49.9)


def film_factors(viscosity_40C_m2_per_s, speed_m_per_s):
    """Z_L Z_V of hard gears (s_Hlim at least 1200 N/mm2): what oil and speed add to the pitting strength."""
    oil = 1.2 + 134e-6 / np.clip(viscosity_40C_m2_per_s, 1e-6, 1e-2)
    swift = np.sqrt(0.8 + 32.0 / np.clip(speed_m_per_s, 1e-3, 1e3))
    return (0.91 + 0.36 / (oil * oil)) * (0.93 + 0.14 / swift)


def mesh_stiffness_N_per_m2(pinion_teeth, wheel_teeth, g):
    """c_gamma_alpha per face width: 14e9 to 20e9 N/m2 for usual gears."""
    cube = g.cos_helix * g.cos_helix * g.cos_helix
    single = 0.8e9 * g.cos_helix / (0.04723 + 0.15551 * cube / pinion_teeth + 0.25791 * cube / wheel_teeth)
    return single * (0.75 * contact_ratio(g) + 0.25)


def loss_factor(pinion_teeth, g):
    """H_V, Ohlendorf."""
    paths = 1.0 - contact_ratio(g) + g.first * g.first + g.second * g.second
    return PI * (g.ratio + 1.0) / (pinion_teeth * g.ratio * g.cos_base_helix) * paths


def mesh_friction(load_N_per_m, speed_m_per_s, viscosity_Pa_s, roughness_m, g):
    """mu of Schlenk; below 0.05 m/s the film no longer changes it."""
    radius_mm = 500.0 * g.pinion_diameter_m * g.sin_pressure * g.ratio / ((g.ratio + 1.0) * g.cos_base_helix)
    rolling = 2.0 * np.clip(speed_m_per_s, 0.05, 1e3) * g.sin_pressure
    pressed = np.clip(load_N_per_m * 1e-3 / g.cos_pressure, 1.0, 1e6) / (rolling * radius_mm)
    return 0.048 * pressed**0.2 * (1e3 * viscosity_Pa_s) ** -0.05 * (1e6 * roughness_m) ** 0.25


def churning_torque_N_m(speed_m_per_s, immersion_m, width_m):
    """Of a pair whose wheel dips, Walter: C_1 exp(C_2 v / 10), lengths in units of 10 mm. immersion: of all wheels, summed."""
    constant = 6.3 * immersion_m + 1.28e4 * width_m * width_m * width_m
    turning = np.clip(speed_m_per_s, 0.0, 0.5) / 0.5  # nothing churns at rest
    return turning * constant * np.exp((1.25 * immersion_m + 0.2) * np.clip(speed_m_per_s, 0.0, 60.0) / 10.0)


def seal_torque_N_m(shaft_diameter_m):
    """One radial lip seal of fluoro rubber: 3.737e-3 N m per mm of shaft."""
    return 3.737 * shaft_diameter_m
