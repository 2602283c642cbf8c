"""Water: vapour pressure, density, viscosity, conductivity against temperature. Machining coolant (5-8 % emulsion) counts as water.

Sources: saturation pressure IAPWS-IF97 eq. 30 (release R7-97(2012)); density Kell, J. Chem. Eng. Data 20 (1975) 97 at 101 kPa;
viscosity Likhachev, Tech. Phys. 48 (2003) 514, the 0.1 MPa fit mu = mu0 exp(a p + (E - b p) / (R (T - theta)));
conductivity Ramires et al., J. Phys. Chem. Ref. Data 24 (1995) 1377. Heat capacity: 4180 J/(kg K) within 0.3 % from 283 to 343 K.
Valid: 273.16 K to 423 K, conductivity to 373 K. Verified: tests/verify/test_water.py.
"""

import numpy as np

GRAVITY = 9.80665
HEAT_CAPACITY = 4180.0  # J/(kg K), CRC Handbook: 4195 at 10 C, 4182 at 20 C, 4179 at 40 C, 4188 at 70 C


def vapour_pressure_Pa(temperature_K):
    """Saturation pressure [Pa], IAPWS-IF97 region 4, eq. 29-30."""
    t = np.clip(temperature_K, 273.15, 640.0)
    theta = t - 0.23855557567849 / (t - 650.17534844798)
    a = theta * theta + 1167.0521452767 * theta - 724213.16703206
    b = -17.073846940092 * theta * theta + 12020.82470247 * theta - 3232555.0322333
    c = 14.91510861353 * theta * theta - 4823.2657361591 * theta + 405113.40542057
    root = 2.0 * c / (-b + np.sqrt(b * b - 4.0 * a * c))
    return 1e6 * root * root * root * root


def density_kg_per_m3(temperature_K):
    """Density of air-free water at 101.325 kPa [kg/m3], Kell 1975 eq. 16."""
    t = np.clip(temperature_K, 273.15, 423.15) - 273.15
    top = 999.83952 + t * (16.945176 + t * (-7.9870401e-3 + t * (-46.170461e-6 + t * (105.56302e-9 - t * 280.54253e-12))))
    return top / (1.0 + 16.879850e-3 * t)


def viscosity_Pa_s(temperature_K):
    """Dynamic viscosity at 0.1 MPa [Pa s]."""
    t = np.clip(temperature_K, 273.15, 423.15)
    return 2.4055e-5 * np.exp(4753.0 / (8.314 * (t - 139.7)))


def conductivity_W_per_m_K(temperature_K):
    """Thermal conductivity at 0.1 MPa [W/(m K)], Ramires et al. 1995 eq. 3."""
    t = np.clip(temperature_K, 273.15, 373.15) / 298.15
    return 0.6065 * (-1.48445 + t * (4.12292 - 1.63866 * t))
