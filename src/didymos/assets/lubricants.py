"""Oil viscosity against temperature, and how well it parts the surfaces of a rolling bearing.

    log log (v + 0.7) = A - B log T                                      Walther, v in mm2/s, T in K
    kappa = v / v_1                                                      viscosity ratio
    v_1   = 45000 n^-0.83 D_pw^-0.5 (n < 1000/min), 4500 n^-0.5 D_pw^-0.5      n in 1/min, D_pw in mm, v_1 in mm2/s

Source: ASTM D341-20 (form for v > 2 mm2/s); ISO 281:2007 eq. 27 to 29. Valid: 2 to 2e7 mm2/s, 230 K to 430 K.
Verified: tests/verify/test_lubricants.py.
"""

import numpy as np

LN_313K = 5.746682308971422  # ln(313.15 K / 1 K), 40 C, the temperature oils are named by


def walther_slope(viscosity_40C_m2_per_s, viscosity_100C_m2_per_s):
    """B of the oil from its two catalogue viscosities."""
    w40 = np.log(np.log(viscosity_40C_m2_per_s * 1e6 + 0.7))
    w100 = np.log(np.log(viscosity_100C_m2_per_s * 1e6 + 0.7))
    return (w40 - w100) / (np.log(373.15) - LN_313K)


def viscosity_m2_per_s(temperature_K, viscosity_40C_m2_per_s, slope):
    """Kinematic viscosity at temperature, from the viscosity at 40 C and the Walther slope B."""
    w40 = np.log(np.log(np.clip(viscosity_40C_m2_per_s * 1e6, 1.0, 1e5) + 0.7))
    w = w40 - slope * (np.log(np.clip(temperature_K, 230.0, 500.0)) - LN_313K)
    return 1e-6 * np.clip(np.exp(np.exp(w)) - 0.7, 0.2, 1e7)


def viscosity_fall_per_K(temperature_K, viscosity_m2_per_s, slope):
    """d ln v / dT of the oil that has this viscosity at this temperature: -(v + 0.7) ln(v + 0.7) B / (T v), v in mm2/s."""
    v = viscosity_m2_per_s * 1e6
    return -(v + 0.7) * np.log(v + 0.7) * slope / (temperature_K * v)


def reference_viscosity_m2_per_s(speed_rad_per_s, mean_diameter_m):
    """v_1: what a bearing needs for a sufficient film."""
    rpm = np.clip(speed_rad_per_s * 9.549296585513721, 1.0, 1e6)
    slow = 45_000.0 * rpm**-0.83
    fast = 4_500.0 / np.sqrt(rpm)
    return 1e-6 * np.where(rpm < 1000.0, slow, fast) / np.sqrt(mean_diameter_m * 1e3)
