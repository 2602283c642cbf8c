"""Metal cutting with one point: chip, Kienzle force and its corrections, Taylor life, feed marks, temperature of the chip.

    b = d / sin k,  h = f sin k                                    width and thickness of the chip
    F = k b h (h / 1 mm)^-m                                        Kienzle; k for a chip of 1 mm by 1 mm
    K_g = 1 - 0.015 (g - g_0)                                      rake angle, degrees; g_0 = 6 for steel
    K_v = 2.023 v^-0.153 to 100 m/min, 1.380 v^-0.07 above         cutting speed, m/min
    T = T_15 (v_15 / v)^a (f_15 / f)^b (d_15 / d)^c                extended Taylor life
    R_t = f^2 / 8 r + h_0 / 2 (1 + r h_0 / f^2)                    feed marks, and what the least chip thickness h_0 leaves
    dT = 0.4 (U / rho c) (v h / a)^0.333                           chip face above ambient; U = F v / (v b h)

Source: Kienzle 1952 and corrections, Tschaetsch, Applied Machining Technology, 2009, ch. 2; Taylor 1907, extended, Boothroyd &
Knight, Fundamentals of Machining, 3rd ed. 2006, ch. 4; Brammertz, Industrie-Anzeiger 83 (1961) 25 (R_t); Cook, ASME J. Eng. Ind.
95 (1973) 931 (temperature). Constants of STOCK: Tschaetsch table 2.1 after Kienzle and Victor; recalled.
Valid: continuous chip, f below the nose radius, v 20 to 600 m/min. Verified: tests/verify/test_turning.py.
"""

from typing import NamedTuple

import numpy as np


class Stock(NamedTuple):
    """k_c1.1 in Pa and exponent m_c of one work material."""

    specific_force_Pa: float
    force_exponent: float


STOCK = {
    "S235": Stock(1.78e9, 0.17), "E295": Stock(1.99e9, 0.26), "E335": Stock(2.11e9, 0.17), "E360": Stock(2.26e9, 0.30),
    "C45": Stock(2.22e9, 0.14), "16MnCr5": Stock(2.10e9, 0.26), "34CrMo4": Stock(2.24e9, 0.21), "42CrMo4": Stock(2.50e9, 0.26),
    "50CrV4": Stock(2.22e9, 0.26), "EN-GJL-200": Stock(1.02e9, 0.25), "EN-GJL-250": Stock(1.16e9, 0.26),
}  # fmt: skip


def kienzle_N(pressure_Pa, exponent, width_m, thickness_m):
    """Force on a chip of this width and thickness, with the pressure of a chip of 1 mm by 1 mm."""
    return pressure_Pa * width_m * thickness_m * (thickness_m / 1e-3) ** (-exponent)


def rake_factor(rake_deg, reference_deg):
    return 1.0 - 0.015 * (rake_deg - reference_deg)


def speed_factor(speed_m_per_s):
    v = np.clip(60.0 * speed_m_per_s, 20.0, 600.0)
    return np.where(v < 100.0, 2.023 * v**-0.153, 1.380 * v**-0.07)


def engaged(speed_m_per_s, feed_m, depth_m):
    """1 in the cut, 0 without speed, feed or depth; between them a ramp up to a hundredth of a usual value."""
    return np.clip(np.minimum(np.minimum(speed_m_per_s / 0.03, feed_m / 2e-6), depth_m / 2e-5), 0.0, 1.0)


def feed_kept_m(feed_m):
    return np.clip(feed_m, 1e-6, 5e-3)


def tool_life_s(speed_m_per_s, feed_m, depth_m, p):
    """Of a new edge until VB is at its limit. p holds life, speed, feed and depth of 15 minutes and the three exponents."""
    speed = p.speed_15_m_per_s / np.clip(speed_m_per_s, 0.1, 50.0)
    depth = p.depth_15_m / np.clip(depth_m, 1e-5, 0.05)
    feed = p.feed_15_m / feed_kept_m(feed_m)
    return p.life_15_s * speed**p.speed_exponent * feed**p.feed_exponent * depth**p.depth_exponent


def feed_mark_roughness_m(feed_m, nose_radius_m):
    """R_a of circular feed marks: a quarter of their height, f^2 / 32 r."""
    return feed_m * feed_m / (32.0 * nose_radius_m)


def left_standing_m(feed_m, nose_radius_m, least_chip_m):
    """What Brammertz adds to R_t: where the chip gets thinner than h_0 nothing is cut."""
    return 0.5 * least_chip_m * (1.0 + nose_radius_m * least_chip_m / (feed_m * feed_m))


def chip_temperature_rise_K(specific_energy_J_per_m3, speed_m_per_s, thickness_m, heat_capacity_J_per_m3K, diffusivity_m2_per_s):
    peclet = np.clip(speed_m_per_s * thickness_m / diffusivity_m2_per_s, 0.0, 1e6)
    return 0.4 * specific_energy_J_per_m3 / heat_capacity_J_per_m3K * peclet**0.333


def diameter_growth_m(wear_land_m, clearance_tangent):
    """A worn flank cuts less deep by VB tan(clearance): twice that on the diameter."""
    return 2.0 * wear_land_m * clearance_tangent
