"""Rolling bearings: catalogue table, defect frequencies in orders of shaft speed, ISO 281 life, friction torque.

With q = D cos(alpha) / D_pw, z balls of diameter D, outer ring at rest:

    FTF = (1 - q) / 2     BPFO = z (1 - q) / 2     BPFI = z (1 + q) / 2     BSF = (1 - q^2) D_pw / (2 D)

    L_nm = a_1 a_ISO (C / P)^3 million revolutions          a_ISO = 0.1 (1 - F(kappa)^0.83 (e_C C_u / P)^(1/3))^-9.3 <= 50
    M    = f_0 (v n)^(2/3) D_pw^3 1e-7 + f_1 P D_pw         Palmgren, N mm with v in mm2/s, n in 1/min

    dw/dt = exp(r) n (1 + g w) 2^((T - T_ref) / 15 K) / life      greased; w = 1 at its vibration limit; n = speed / rated

A ball defect strikes both rings: twice BSF, which is how some tables (CWRU) list it.
Source: ISO 281:2007 (a_ISO eq. 31-33, radial ball bearings); Harris & Kotzalas, Rolling Bearing Analysis, 5th ed. 2006,
ch. 10 (torque); grease life halves per 15 K, SKF 2018. Valid: ball bearings (torque: all), kappa 0.1 to 4.
Verified: tests/verify/test_bearings.py.
"""

from typing import NamedTuple

import numpy as np


class Bearing(NamedTuple):
    """Geometry, catalogue ratings, and where both come from."""

    balls: int
    ball_diameter_m: float
    mean_diameter_m: float
    contact_angle_rad: float
    dynamic_rating_N: float
    static_rating_N: float
    source: str


class Orders(NamedTuple):
    """Defect frequencies as multiples of shaft frequency."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float


LN2 = 0.6931471805599453
ANGLE_15 = 0.2617993877991494
BEARINGS = {
    "6203": Bearing(8, 6.74624e-3, 28.4988e-3, 0.0, 9_550.0, 4_800.0, "ratings NSK; geometry CWRU fan end, 0.2656 and 1.122 in"),
    "6204": Bearing(8, 7.938e-3, 33.5e-3, 0.0, 12_800.0, 6_600.0, "ratings NSK; geometry typical"),
    "6205": Bearing(9, 7.94004e-3, 39.0398e-3, 0.0, 14_000.0, 7_850.0, "ratings NSK; geometry CWRU drive end, 0.3126 and 1.537 in"),
    "6804dd": Bearing(13, 3.5e-3, 25.6e-3, 0.0, 4_000.0, 2_470.0, "NSK 6804DD; Nectoux et al., PRONOSTIA, IEEE PHM 2012"),
    "7012c": Bearing(19, 11.1e-3, 77.5e-3, ANGLE_15, 39_000.0, 33_500.0, "ratings FAG B7012C; geometry typical"),
    "7014c": Bearing(19, 12.7e-3, 90.0e-3, ANGLE_15, 48_000.0, 43_000.0, "between FAG B7012C and B7015C; geometry typical"),
}  # fmt: skip

# ISO 281:2007 table 2: f_c of deep groove and angular contact ball bearings against D cos(alpha) / D_pw
FC_RATIO = (0.05, 0.06, 0.07, 0.08, 0.09, 0.10, 0.12, 0.14, 0.16, 0.18, 0.20, 0.22, 0.24, 0.26, 0.28, 0.30, 0.34, 0.38, 0.40)
FC_VALUE = (46.7, 49.1, 51.1, 52.8, 54.3, 55.5, 57.5, 58.8, 59.6, 59.9, 59.9, 59.6, 59.0, 58.2, 57.1, 56.0, 53.2, 50.0, 48.4)


def basic_rating_N(bearing: Bearing) -> float:
    """Basic dynamic rating C_r = 1.3 f_c cos(alpha)^0.7 z^(2/3) D^1.8, D in mm up to 25.4 mm, one row (ISO 281:2007 eq. 2)."""
    cosine = float(np.cos(bearing.contact_angle_rad))
    fc = float(np.interp(bearing.ball_diameter_m * cosine / bearing.mean_diameter_m, FC_RATIO, FC_VALUE))
    return 1.3 * fc * cosine**0.7 * bearing.balls ** (2 / 3) * (bearing.ball_diameter_m * 1e3) ** 1.8


def fatigue_limit_N(bearing: Bearing) -> float:
    """C_u = C_0 / 22 of ball bearings up to 100 mm pitch diameter (ISO 281:2007 annex B)."""
    return bearing.static_rating_N / 22.0


def orders(bearing: Bearing) -> Orders:
    q = bearing.ball_diameter_m * float(np.cos(bearing.contact_angle_rad)) / bearing.mean_diameter_m
    ratio = bearing.mean_diameter_m / bearing.ball_diameter_m
    return Orders(bearing.balls * (1 - q) / 2, bearing.balls * (1 + q) / 2, ratio * (1 - q * q) / 2, (1 - q) / 2)


def life_factor(kappa, contamination, fatigue_limit_N, load_N):
    """a_ISO of radial ball bearings; contamination e_C is 1 for extreme cleanliness, 0 for very severe contamination."""
    k = np.clip(kappa, 0.1, 4.0)
    low = 2.5671 - 2.2649 / k**0.054381
    middle = 2.5671 - 1.9987 / k**0.19087
    high = 2.5671 - 1.9987 / k**0.071739
    film = np.where(k < 0.4, low, np.where(k < 1.0, middle, high))
    limit = np.clip(contamination * fatigue_limit_N / load_N, 0.0, 1e3)
    rest = 1.0 - film**0.83 * limit ** (1.0 / 3.0)
    return np.clip(0.1 * np.clip(rest, 0.4, 1.0) ** -9.3, 0.1, 50.0)


def basic_life_revolutions(dynamic_rating_N, load_N):
    """L_10 of ball bearings, (C / P)^3 million revolutions."""
    ratio = dynamic_rating_N / load_N
    return 1e6 * ratio * ratio * ratio


def grease_ageing(temperature_K, reference_K):
    """Grease life at the reference temperature over that at this one."""
    return np.exp(LN2 * (np.clip(temperature_K, 250.0, 473.15) - reference_K) / 15.0)


def greased_wear(wear, log_rate, speed_ratio, temperature_K, reference_K, growth):
    """Wear per life of the average bearing at reference temperature and rated speed; it grows with itself."""
    worse = 1.0 + growth * np.clip(wear, 0.0, 10.0)
    return np.exp(log_rate) * speed_ratio * grease_ageing(temperature_K, reference_K) * worse


def friction_torque_N_m(speed_rad_per_s, load_N, viscosity_m2_per_s, mean_diameter_m, f0, f1):
    """Palmgren: viscous part (constant below v n = 2000) plus load part."""
    product = np.clip(viscosity_m2_per_s * 1e6 * speed_rad_per_s * 9.549296585513721, 2000.0, 1e9)
    cube = mean_diameter_m * mean_diameter_m * mean_diameter_m
    return 1e-1 * f0 * product ** (2.0 / 3.0) * cube + f1 * load_N * mean_diameter_m
