"""Rolling bearings: catalogue table, defect frequencies in orders of shaft speed, ISO 281 life, friction torque.

With q = D cos(alpha) / D_pw, z balls of diameter D, outer ring at rest:

    FTF = (1 - q) / 2     BPFO = z (1 - q) / 2     BPFI = z (1 + q) / 2     BSF = (1 - q^2) D_pw / (2 D)

    L_nm = a_1 a_ISO (C / P)^3 million revolutions          a_ISO = 0.1 (1 - F(kappa)^0.83 (e_C C_u / P)^(1/3))^-9.3 <= 50
    M    = f_0 (v n)^(2/3) D_pw^3 1e-7 + f_1 P D_pw         Palmgren, N mm with v in mm2/s, n in 1/min

A ball defect strikes both rings: twice BSF, which is how some tables (CWRU) list it.
Source: ISO 281:2007 (a_ISO eq. 31-33, radial ball bearings); Harris & Kotzalas, Rolling Bearing Analysis, 5th ed. 2006,
ch. 10 (torque). Valid: ball bearings, kappa 0.1 to 4. Verified: tests/verify/test_bearings.py.
"""

from typing import NamedTuple

import numpy as np


class Bearing(NamedTuple):
    """Geometry and ratings; NaN where the maker publishes none."""

    balls: int
    ball_diameter_m: float
    mean_diameter_m: float
    contact_angle_rad: float
    dynamic_rating_N: float
    static_rating_N: float
    fatigue_limit_N: float
    source: str


class Orders(NamedTuple):
    """Defect frequencies as multiples of shaft frequency."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float


NAN = float("nan")
DEGREE = 0.017453292519943295

BEARINGS = {
    "6203": Bearing(8, 6.747e-3, 28.5e-3, 0.0, 9_950.0, 4_750.0, 200.0, "SKF catalogue; CWRU fan end 6203-2RS geometry"),
    "6204": Bearing(8, 7.938e-3, 33.5e-3, 0.0, 13_500.0, 6_550.0, 280.0, "SKF catalogue; geometry typical"),
    "6205": Bearing(9, 7.940e-3, 39.04e-3, 0.0, 14_800.0, 7_800.0, 335.0, "SKF catalogue; CWRU drive end 6205-2RS geometry"),
    "6804dd": Bearing(13, 3.5e-3, 25.6e-3, 0.0, 4_000.0, 2_470.0, NAN, "NSK; Nectoux et al., PRONOSTIA, IEEE PHM 2012"),
    "7012c": Bearing(
        19, 11.1e-3, 77.5e-3, 15.0 * DEGREE, 30_000.0, 27_500.0, 1_160.0, "typical of dimension series 10, 15 degrees"
    ),
    "7014c": Bearing(
        19, 12.7e-3, 90.0e-3, 15.0 * DEGREE, 39_000.0, 36_000.0, 1_500.0, "typical of dimension series 10, 15 degrees"
    ),
}


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


def friction_torque_N_m(speed_rad_per_s, load_N, viscosity_m2_per_s, mean_diameter_m, f0, f1):
    """Palmgren: viscous part (constant below v n = 2000) plus load part."""
    product = np.clip(viscosity_m2_per_s * 1e6 * speed_rad_per_s * 9.549296585513721, 2000.0, 1e9)
    cube = mean_diameter_m * mean_diameter_m * mean_diameter_m
    return 1e-1 * f0 * product ** (2.0 / 3.0) * cube + f1 * load_N * mean_diameter_m
