"""The lithium-ion cell on which filters are timed against progpy's: 8 states, 2 sensors. Not a machine of the product.

    V = V_p - V_n - V_o - V_eta,n - V_eta,p
    V_i = U_0,i + R T / F ln((1 - x_i) / x_i) + (y P_i(y) - (1 - y^2) / 2 P_i'(y)) / F,   x_i = q_s,i / q_s,max,   y = 2 x_i - 1
    d q_b,i / dt = -j_i,   d q_s,i / dt = j_i -+ I,   j_i = (q_b,i / v_b - q_s,i / v_s) / D
    tau_i d V_eta,i / dt = R T / (F a) arsinh(I / (2 S_i k_i (x_i (1 - x_i))^a)) - V_eta,i,   tau_o d V_o / dt = I R_o - V_o
    d T / dt = (V_o + V_eta,n + V_eta,p) I / C + (T_amb - T) / tau,   P_i the Redlich-Kister polynomial

Source: Daigle & Kulkarni, Electrochemistry-based Battery Modeling for Prognostics, Annual Conference of the PHM Society, 2013, with
its parameters of an 18650 cell; T as in progpy, so that both run the same equations (tests/bench/test_battery.py).
"""

from typing import NamedTuple

import numpy as np

from didymos.core.channel import Channel
from didymos.core.model import FailureMode, Model

FARADAY_C_PER_MOL, GAS_J_PER_MOL_K = 96487.0, 8.3144621
POSITIVE = (
    -31593.7, 0.106747, 24606.4, -78561.9, 13317.9, 307387.0, 84916.1, -1074690.0, 2285.04, 990894.0,
    283920.0, -161513.0, -469218.0,
)  # fmt: skip
SURFACE_M3, BULK_M3, TRANSFER = 2e-6, 1.8e-5, 0.5


class State(NamedTuple):
    temperature_K: float
    ohmic_V: float
    negative_overpotential_V: float
    positive_overpotential_V: float
    negative_bulk_C: float
    negative_surface_C: float
    positive_bulk_C: float
    positive_surface_C: float


class Input(NamedTuple):
    current_A: float


class Output(NamedTuple):
    temperature_C: float
    voltage_V: float


class Params(NamedTuple):
    resistance_ohm: float = 0.117215
    diffusion_s_per_m3: float = 7e6
    largest_surface_C: float = 7600.0 / 0.6 * 0.1
    negative_exchange: float = 2120.96 * 0.000437545  # A: rate times surface
    positive_exchange: float = 248898.0 * 0.00030962
    ohmic_s: float = 6.08671
    negative_s: float = 1001.38
    positive_s: float = 46.4311
    negative_V: float = 0.01
    positive_V: float = 4.03
    negative_interaction_J_per_mol: float = 86.19
    capacity_J_per_K: float = 37.04
    cooling_s: float = 100.0
    ambient_K: float = 292.1


class Severity(NamedTuple):
    empty: float


def overpotential(x, surface, exchange, current, p):
    filled = surface / p.largest_surface_C
    ratio = current / (2.0 * exchange * np.sqrt(filled * (1.0 - filled)))
    arsinh = np.log(ratio + np.sqrt(ratio * ratio + 1.0))
    return GAS_J_PER_MOL_K * x.temperature_K / (FARADAY_C_PER_MOL * TRANSFER) * arsinh


def diffusion(bulk, surface, p):
    return (bulk / BULK_M3 - surface / SURFACE_M3) / p.diffusion_s_per_m3


def potential(x, surface, reference, interaction, p):
    """Interaction: the coefficients of P, lowest power first."""
    filled = surface / p.largest_surface_C
    y = 2.0 * filled - 1.0
    value, slope = interaction[-1], 0.0
    for k in range(len(interaction) - 1):
        slope = slope * y + value
        value = value * y + interaction[-2 - k]
    excess = (y * value - 0.5 * (1.0 - y * y) * slope) / FARADAY_C_PER_MOL
    nernst = GAS_J_PER_MOL_K * x.temperature_K / FARADAY_C_PER_MOL * np.log((1.0 - filled) / filled)
    return reference + nernst + excess


def rhs(x, u, p):
    i = u.current_A
    negative = diffusion(x.negative_bulk_C, x.negative_surface_C, p)
    positive = diffusion(x.positive_bulk_C, x.positive_surface_C, p)
    lost = x.ohmic_V + x.negative_overpotential_V + x.positive_overpotential_V
    at_negative = overpotential(x, x.negative_surface_C, p.negative_exchange, i, p)
    at_positive = overpotential(x, x.positive_surface_C, p.positive_exchange, i, p)
    return State(
        lost * i / p.capacity_J_per_K + (p.ambient_K - x.temperature_K) / p.cooling_s,
        (i * p.resistance_ohm - x.ohmic_V) / p.ohmic_s,
        (at_negative - x.negative_overpotential_V) / p.negative_s,
        (at_positive - x.positive_overpotential_V) / p.positive_s,
        -negative,
        negative - i,
        -positive,
        positive + i,
    )


def out(x, u, p):
    positive = potential(x, x.positive_surface_C, p.positive_V, POSITIVE, p)
    negative = potential(x, x.negative_surface_C, p.negative_V, (p.negative_interaction_J_per_mol,), p)
    lost = x.ohmic_V + x.negative_overpotential_V + x.positive_overpotential_V
    return Output(x.temperature_K - 273.15, positive - negative - lost)


def severity(x, u, p):
    return Severity(1.0 - x.negative_surface_C / 760.0)


def steady(x, u, p):
    return x


INF = float("inf")
MODEL = Model(
    name="bench_battery",
    title="Cell of the filter benchmark",
    State=State,
    Input=Input,
    Output=Output,
    Params=Params,
    rhs=rhs,
    out=out,
    virtual=out,
    severity=severity,
    steady=steady,
    inputs=(Channel("current", "Current", "A"),),
    sensors=(Channel("temperature", "Temperature", "degC", noise=0.1), Channel("voltage", "Voltage", "V", noise=0.01)),
    virtuals=(),
    slow=("negative_bulk_C",),
    initial=State(292.1, 0.0, 0.0, 0.0, 5400.0, 600.0, 6000.0, 666.6666666666667),  # some 79 % full
    initial_sd=State(1.0, 0.01, 0.01, 0.01, 60.0, 6.0, 60.0, 6.0),
    process_noise=State(0.01, 1e-3, 1e-3, 1e-3, 1.0, 0.1, 1.0, 0.1),
    low=State(200.0, -1.0, -1.0, -1.0, 0.0, 1.0, 0.0, 1.0),
    high=State(400.0, 2.0, 2.0, 2.0, INF, 1265.0, INF, 1265.0),
    nominal=Input(1.0),
    max_step_s=1.0,
    failure_modes=(FailureMode("empty", "Empty", "cell", ("negative_bulk_C",), "no charge left", "definition", 0.0, (), ""),),
    components=(),
    parameters=(),
)
