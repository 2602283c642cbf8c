"""Steel in a furnace: how far it is tempered, how hard it is before and after, and what a furnace of a class may deviate.

    H_q = 20 + 60 sqrt(C)                      HRC as quenched, all martensite; 14 + 44 sqrt(C) with half of it
    P   = T (20 + log t)                       tempering parameter, T in K, t in h
    T_2 = P / (20 + log 2)                     the temperature that does the same in two hours
    HB  = 435.66 + 2.84 H_q + a - 0.55 T_2     tempered, T_2 in C;  a = 75 C - 0.78 Si + 14.24 Mn + 14.77 Cr + 128.22 Mo - 54 V
    dt_e/dt = exp(ln 10 (20 + log 2) (1 - T_0 / T))        hours at T_0 that do the same: Arrhenius, equal to P at two hours

Source: Hollomon & Jaffe, Trans. AIME 162 (1945) 223; quenched hardness Burns, Moore & Archer 1938 and Just, HB of Spies, Muench &
Prewitz, Neue Huette 22 (1977) 443, both as in Totten, Steel Heat Treatment Handbook, 2nd ed. 2006, ch. 5; SAE AMS2750; recalled.
Valid: C 0.20 to 0.54, Si 0.17 to 1.4, Mn 0.5 to 1.9, Cr 0.03 to 1.2 %, 20 to 65 HRC as quenched, tempered at 500 to 650 C.
Verified: tests/verify/test_heat_treat_furnace.py.
"""

from typing import NamedTuple

import numpy as np

LN10 = 2.302585092994046
HOLLOMON = 20.0
TWO_HOURS = 20.301029995663981  # 20 + log10(2)


class Steel(NamedTuple):
    """Middle of the range of EN ISO 683-2, mass percent."""

    carbon: float
    silicon: float
    manganese: float
    chromium: float
    molybdenum: float
    vanadium: float


STEELS = {
    "C45": Steel(0.45, 0.25, 0.65, 0.20, 0.05, 0.0),
    "42CrMo4": Steel(0.415, 0.25, 0.75, 1.05, 0.225, 0.0),
    "34CrMo4": Steel(0.335, 0.25, 0.75, 1.05, 0.225, 0.0),
    "51CrV4": Steel(0.51, 0.25, 0.90, 1.05, 0.0, 0.18),
}

# SAE AMS2750, furnace class -> temperature uniformity, and largest difference of a system accuracy test, both +- K
UNIFORMITY_K = {1: 3.0, 2: 6.0, 3: 8.0, 4: 10.0, 5: 14.0, 6: 28.0}
ACCURACY_K = {1: 1.1, 2: 1.7, 3: 2.2, 4: 2.2, 5: 2.8, 6: 5.6}


def quenched_HRC(carbon):
    return 20.0 + 60.0 * np.sqrt(np.clip(carbon, 0.0, 0.7))


def half_martensite_HRC(carbon):
    return 14.0 + 44.0 * np.sqrt(np.clip(carbon, 0.0, 0.7))


def composition_HB(s):
    return 75.0 * s.carbon - 0.78 * s.silicon + 14.24 * s.manganese + 14.77 * s.chromium + 128.22 * s.molybdenum - 54.0 * s.vanadium


def tempering_parameter_K(temperature_K, hours):
    return temperature_K * (HOLLOMON + np.log(hours) / LN10)


def two_hour_temperature_K(parameter_K):
    return parameter_K / TWO_HOURS


def tempered_HB(quenched_HRC, composition_HB, two_hour_K):
    return 435.66 + 2.84 * quenched_HRC + composition_HB - 0.55 * (two_hour_K - 273.15)


def tempering_pace(temperature_K, reference_K):
    """Hours at the reference temperature that an hour at this one is worth."""
    ratio = reference_K / np.clip(temperature_K, 250.0, 1400.0)
    return np.exp(np.clip(LN10 * TWO_HOURS * (1.0 - ratio), -200.0, 20.0))
