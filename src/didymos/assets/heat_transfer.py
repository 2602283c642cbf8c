"""Heat exchangers: effectiveness by number of transfer units, film coefficients and pressure drops of tubes and shells.

    counter-flow          e = (1 - exp(-N (1 - C))) / (1 - C exp(-N (1 - C))),   C = 1: N / (1 + N)
    one shell, 2 n tubes  e = 2 / (1 + C + s (1 + E) / (1 - E)),   s = sqrt(1 + C^2), E = exp(-N s)
    inside tubes          Nu = 0.023 Re^0.8 Pr^0.4                       dp = n ((0.014 + 1.056 Re^-0.42) L / d + 4) rho v^2 / 2
    across a bundle       Nu = 0.36 Re^0.55 Pr^(1/3)                     dp = exp(0.576 - 0.19 ln Re) G^2 D_s b / (2 rho D_e)

N = UA / C_min, C = C_min / C_max; n tube passes; b baffle spaces.
Source: Incropera et al., Fundamentals of Heat and Mass Transfer, 7th ed. 2011, table 11.3 (effectiveness), eq. 8.60 (tubes);
Kern, Process Heat Transfer, 1950, eq. 3.47b (friction of commercial tubes), ch. 7 (shell, return loss); Kakac & Liu,
Heat Exchangers, 2nd ed. 2002, eq. 8.11 and 8.14 (Kern's charts as formulas).
Valid: turbulent flow, Re 1e4 to 1e6 in tubes, 2e3 to 1e6 across the bundle.
Verified: tests/verify/test_heat_exchanger.py.
"""

import numpy as np


def counter_flow(units, ratio):
    """Effectiveness of counter-flow; at equal capacities its limit N / (1 + N)."""
    apart = np.clip(1.0 - ratio, 1e-6, 1.0)  # 1e-6 from the limit the error is below 1e-6
    left = np.exp(-units * apart)
    return (1.0 - left) / (1.0 - (1.0 - apart) * left)


def shell_and_tube(units, ratio):
    """Effectiveness of one shell pass and two, four, ... tube passes."""
    root = np.sqrt(1.0 + ratio * ratio)
    left = np.exp(-np.clip(units, 1e-9, 1e3) * root)
    return 2.0 / (1.0 + ratio + root * (1.0 + left) / (1.0 - left))


def tube_film_W_per_m2K(speed_m_per_s, diameter_m, density, viscosity, conductivity, heat_capacity):
    reynolds = density * speed_m_per_s * diameter_m / viscosity
    prandtl = viscosity * heat_capacity / conductivity
    return 0.023 * reynolds**0.8 * prandtl**0.4 * conductivity / diameter_m


def tube_pressure_drop_Pa(speed_m_per_s, diameter_m, length_m, passes, density, viscosity):
    """Friction in `passes` lengths, and four velocity heads for each turn."""
    reynolds = density * speed_m_per_s * diameter_m / viscosity
    heads = (0.014 + 1.056 * reynolds**-0.42) * length_m / diameter_m + 4.0
    return passes * heads * 0.5 * density * speed_m_per_s * speed_m_per_s


def shell_film_W_per_m2K(flux_kg_per_m2s, equivalent_diameter_m, viscosity, conductivity, heat_capacity):
    reynolds = flux_kg_per_m2s * equivalent_diameter_m / viscosity
    prandtl = viscosity * heat_capacity / conductivity
    return 0.36 * reynolds**0.55 * prandtl ** (1.0 / 3.0) * conductivity / equivalent_diameter_m


def shell_pressure_drop_Pa(flux_kg_per_m2s, equivalent_diameter_m, shell_diameter_m, crossings, density, viscosity):
    reynolds = flux_kg_per_m2s * equivalent_diameter_m / viscosity
    friction = np.exp(0.576 - 0.19 * np.log(reynolds))
    square = flux_kg_per_m2s * flux_kg_per_m2s
    return friction * square * shell_diameter_m * crossings / (2.0 * density * equivalent_diameter_m)
