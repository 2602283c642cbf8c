"""Heat exchanger, water to water, shell and tube or counter-flow: effectiveness, and a deposit that grows on either side.

    Q    = e(N, C) C_min (T_hot - T_cold),  N = U A / C_min                          hot stream in the shell, cold in the tubes
    1/U  = f (1/h_s + 1/(h_t d_i/d_o)) + d_o ln(d_o/d_i) / (2 k_w) + R_s + R_t d_o/d_i               on the outer tube area
    R    = w R_TEMA,   deposit thickness R k_d narrows: dp_t ~ (1 - 2 R k_d / d_i)^-4.8, dp_s ~ (1 - 2 R k_d / gap)^-1.81
    w    is 1 at the fouling resistance that TEMA tells the designer to allow for; f: this unit's films over the correlation

    tube_fouling, shell_fouling   dw/dt = (exp(r) a n - n^2 w) / tau,  n = flow / rated flow                        w = 1

Kern and Seaton: what settles is proportional to what flows past, what is torn off to the shear stress and to what is there; the
deposit ends at w = a exp(r) / n. So a dirtier stream (r > 0) fouls faster and ends thicker, and a slow stream does too.
Source: films, effectiveness, pressure drops: assets/heat_transfer.py; Kern & Seaton, Brit. Chem. Eng. 4 (1959) 258; fouling
resistances TEMA Standards 10th ed. 2019, RGP-T-2.4; conductivities of deposits Shah & Sekulic, Fundamentals of Heat Exchanger
Design, 2003, ch. 13. Valid: water from 0 to 100 C, turbulent flow, telemetry slower than the passage time (seconds).
Verified: tests/verify/test_heat_exchanger.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.heat_transfer import (
    counter_flow,
    shell_and_tube,
    shell_film_W_per_m2K,
    shell_pressure_drop_Pa,
    tube_film_W_per_m2K,
    tube_pressure_drop_Pa,
)
from didymos.assets.water import HEAT_CAPACITY, conductivity_W_per_m_K, density_kg_per_m3, viscosity_Pa_s
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

PI = 3.141592653589793


class State(NamedTuple):
    """All slow. film_factor: this unit's film resistances over the correlations' (good to 20 %), constant, found as flows vary."""

    tube_fouling: float
    log_tube_rate: float
    shell_fouling: float
    log_shell_rate: float
    film_factor: float


class Input(NamedTuple):
    hot_inlet_temperature_K: float
    cold_inlet_temperature_K: float
    hot_flow_kg_per_s: float
    cold_flow_kg_per_s: float


class Output(NamedTuple):
    hot_outlet_temperature_K: float
    cold_outlet_temperature_K: float
    shell_pressure_drop_Pa: float
    tube_pressure_drop_Pa: float


class Virtual(NamedTuple):
    duty_W: float
    heat_transfer_W_per_m2K: float
    effectiveness: float
    fouling_m2K_per_W: float


class Severity(NamedTuple):
    tube_fouling: float
    shell_fouling: float


class Params(NamedTuple):
    """Kern's example 7.4: shell 15 1/4 in, 160 brass tubes 3/4 in 18 BWG, 16 ft, at 15/16 in triangles, 2 passes, baffle 12 in."""

    rated_hot_flow_kg_per_s: float = 22.05
    rated_cold_flow_kg_per_s: float = 35.28
    shell_passes: float = 1.0
    tubes: float = 160.0
    tube_passes: float = 2.0
    tube_outer_m: float = 19.05e-3
    tube_inner_m: float = 16.56e-3
    tube_length_m: float = 4.877
    tube_pitch_m: float = 23.81e-3
    tube_wall_W_per_m_K: float = 111.0
    shell_diameter_m: float = 0.3874
    baffle_spacing_m: float = 0.3048
    equivalent_diameter_m: float = 13.97e-3
    tube_fouling_limit_m2K_per_W: float = 2.64e-4
    shell_fouling_limit_m2K_per_W: float = 8.8e-5
    tube_deposit_W_per_m_K: float = 0.93
    shell_deposit_W_per_m_K: float = 2.9
    tube_fouling_end: float = 1.2
    shell_fouling_end: float = 1.2
    tube_fouling_time_s: float = 2.6e7
    shell_fouling_time_s: float = 2.6e7


def area_m2(p):
    return PI * p.tube_outer_m * p.tube_length_m * p.tubes


def tube_speed_m_per_s(u, p):
    flow = np.clip(u.cold_flow_kg_per_s, 1e-3 * p.rated_cold_flow_kg_per_s, 1e5) / density_kg_per_m3(u.cold_inlet_temperature_K)
    return flow * p.tube_passes / (p.tubes * 0.25 * PI * p.tube_inner_m * p.tube_inner_m)


def shell_flux_kg_per_m2s(u, p):
    """Kern's mass velocity at the middle of the shell."""
    gap_share = (p.tube_pitch_m - p.tube_outer_m) / p.tube_pitch_m
    flow = np.clip(u.hot_flow_kg_per_s, 1e-3 * p.rated_hot_flow_kg_per_s, 1e5)
    return flow / (p.shell_diameter_m * p.baffle_spacing_m * gap_share)


def tube_film(u, p):
    """Inside, referred to the outer area, W/(m2 K); properties at the inlet."""
    t = u.cold_inlet_temperature_K
    properties = density_kg_per_m3(t), viscosity_Pa_s(t), conductivity_W_per_m_K(t), HEAT_CAPACITY
    return tube_film_W_per_m2K(tube_speed_m_per_s(u, p), p.tube_inner_m, *properties) * p.tube_inner_m / p.tube_outer_m


def shell_film(u, p):
    t = u.hot_inlet_temperature_K
    properties = viscosity_Pa_s(t), conductivity_W_per_m_K(t), HEAT_CAPACITY
    return shell_film_W_per_m2K(shell_flux_kg_per_m2s(u, p), p.equivalent_diameter_m, *properties)


def clean_resistance_m2K_per_W(x, u, p):
    wall = p.tube_outer_m * np.log(p.tube_outer_m / p.tube_inner_m) / (2.0 * p.tube_wall_W_per_m_K)
    return x.film_factor * (1.0 / shell_film(u, p) + 1.0 / tube_film(u, p)) + wall


def fouling_m2K_per_W(x, p):
    """Both deposits, on the outer area."""
    tube = x.tube_fouling * p.tube_fouling_limit_m2K_per_W * p.tube_outer_m / p.tube_inner_m
    return tube + x.shell_fouling * p.shell_fouling_limit_m2K_per_W


def heat_transfer_W_per_m2K(x, u, p):
    return 1.0 / np.clip(clean_resistance_m2K_per_W(x, u, p) + fouling_m2K_per_W(x, p), 2e-5, 1.0)


def capacity_W_per_K(flow_kg_per_s):
    return HEAT_CAPACITY * np.clip(flow_kg_per_s, 1e-3, 1e5)


def smaller_capacity_W_per_K(u):
    return np.minimum(capacity_W_per_K(u.hot_flow_kg_per_s), capacity_W_per_K(u.cold_flow_kg_per_s))


def effectiveness(x, u, p):
    least = smaller_capacity_W_per_K(u)
    ratio = least / np.maximum(capacity_W_per_K(u.hot_flow_kg_per_s), capacity_W_per_K(u.cold_flow_kg_per_s))
    units = heat_transfer_W_per_m2K(x, u, p) * area_m2(p) / least
    return np.where(p.shell_passes > 0.5, shell_and_tube(units, ratio), counter_flow(units, ratio))


def duty_W(x, u, p):
    return effectiveness(x, u, p) * smaller_capacity_W_per_K(u) * (u.hot_inlet_temperature_K - u.cold_inlet_temperature_K)


def tube_drop_Pa(x, u, p):
    t = u.cold_inlet_temperature_K
    flow = tube_speed_m_per_s(u, p), p.tube_inner_m, p.tube_length_m, p.tube_passes
    thickness = x.tube_fouling * p.tube_fouling_limit_m2K_per_W * p.tube_deposit_W_per_m_K
    open_share = np.clip(1.0 - 2.0 * thickness / p.tube_inner_m, 0.2, 2.0)
    return tube_pressure_drop_Pa(*flow, density_kg_per_m3(t), viscosity_Pa_s(t)) * open_share**-4.8


def shell_drop_Pa(x, u, p):
    t = u.hot_inlet_temperature_K
    crossings = p.tube_length_m / p.baffle_spacing_m
    thickness = x.shell_fouling * p.shell_fouling_limit_m2K_per_W * p.shell_deposit_W_per_m_K
    open_share = np.clip(1.0 - 2.0 * thickness / (p.tube_pitch_m - p.tube_outer_m), 0.2, 2.0)
    flow = shell_flux_kg_per_m2s(u, p), p.equivalent_diameter_m, p.shell_diameter_m, crossings
    return shell_pressure_drop_Pa(*flow, density_kg_per_m3(t), viscosity_Pa_s(t)) * open_share**-1.81


def flow_ratio(flow_kg_per_s, rated_kg_per_s):
    return np.clip(flow_kg_per_s / rated_kg_per_s, 0.0, 3.0)


def deposit_rate(fouling, log_rate, ratio, end, time_s):
    return (np.exp(log_rate) * end * ratio - ratio * ratio * fouling) / time_s


def rhs(x, u, p):
    cold = flow_ratio(u.cold_flow_kg_per_s, p.rated_cold_flow_kg_per_s)
    hot = flow_ratio(u.hot_flow_kg_per_s, p.rated_hot_flow_kg_per_s)
    return State(
        deposit_rate(x.tube_fouling, x.log_tube_rate, cold, p.tube_fouling_end, p.tube_fouling_time_s),
        log_rate_drift(x.log_tube_rate),
        deposit_rate(x.shell_fouling, x.log_shell_rate, hot, p.shell_fouling_end, p.shell_fouling_time_s),
        log_rate_drift(x.log_shell_rate),
        0.0 * x.film_factor,
    )


def out(x, u, p):
    heat = duty_W(x, u, p)
    return Output(
        u.hot_inlet_temperature_K - heat / capacity_W_per_K(u.hot_flow_kg_per_s),
        u.cold_inlet_temperature_K + heat / capacity_W_per_K(u.cold_flow_kg_per_s),
        shell_drop_Pa(x, u, p),
        tube_drop_Pa(x, u, p),
    )


def virtual(x, u, p):
    return Virtual(duty_W(x, u, p), heat_transfer_W_per_m2K(x, u, p), effectiveness(x, u, p), fouling_m2K_per_W(x, p))


def severity(x, u, p):
    return Severity(x.tube_fouling, x.shell_fouling)


def steady(x, u, p):
    """No fast state: the water inside is renewed within seconds."""
    return x


_KERN = "Kern 1950, example 7.4"
_TEMA = "TEMA 2019 RGP-T-2.4, Kern 1950 table 12"
_DEPOSIT = "Shah & Sekulic 2003, table 13.2"
_LOW, _HIGH = 263.15, 423.15

MODEL = Model(
    name="heat_exchanger",
    title="Heat exchanger",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("hot_inlet_temperature", "Hot inlet", "K", _LOW, _HIGH, 0.1),
        Channel("cold_inlet_temperature", "Cold inlet", "K", _LOW, _HIGH, 0.1),
        Channel("hot_flow", "Hot mass flow (shell)", "kg/s", 0.0, 2000.0, 0.1),
        Channel("cold_flow", "Cold mass flow (tubes)", "kg/s", 0.0, 2000.0, 0.15),
    ),
    sensors=(
        Channel("hot_outlet_temperature", "Hot outlet", "K", _LOW, _HIGH, 0.1),
        Channel("cold_outlet_temperature", "Cold outlet", "K", _LOW, _HIGH, 0.1),
        Channel("shell_pressure_drop", "Pressure drop of the shell", "Pa", 0.0, 1.0e6, 500.0),
        Channel("tube_pressure_drop", "Pressure drop of the tubes", "Pa", 0.0, 1.0e6, 500.0),
    ),
    virtuals=(
        Channel("duty", "Heat transferred", "W"),
        Channel("heat_transfer", "Overall heat transfer coefficient", "W/(m2 K)"),
        Channel("effectiveness", "Effectiveness", "1"),
        Channel("fouling", "Fouling resistance, both sides", "m2 K/W"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(0.15, LOG_RATE_SD, 0.15, LOG_RATE_SD, 0.1),
    process_noise=State(3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-6),
    low=State(-0.4, LOG_RATE_LOW, -0.4, LOG_RATE_LOW, 0.4),
    high=State(10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 2.5),
    nominal=Input(307.04, 297.04, 22.05, 35.28),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "tube_fouling", "Tubes fouled", "tubes", ("tube_fouling", "log_tube_rate"),
            "fouling resistance 2.64e-4 m2 K/W inside the tubes, TEMA's allowance for raw water below 50 C",
            "TEMA Standards RGP-T-2.4", 0.15, ("tube_pressure_drop", "hot_outlet_temperature", "cold_outlet_temperature"),
            "Clean the tubes (brushes, or acid against scale); look to the water treatment", "head gaskets", "PLU",
        ),
        FailureMode(
            "shell_fouling", "Shell side fouled", "shell", ("shell_fouling", "log_shell_rate"),
            "fouling resistance 8.8e-5 m2 K/W outside the tubes, TEMA's allowance for distilled or treated closed-loop water",
            "TEMA Standards RGP-T-2.4", 0.15, ("shell_pressure_drop", "hot_outlet_temperature", "cold_outlet_temperature"),
            "Clean the shell side chemically; renew inhibitor and strainer", "shell gaskets", "PLU",
        ),
    ),
    components=(
        Component("tubes", "Tube side", ("tube_fouling", "log_tube_rate")),
        Component("shell", "Shell side", ("shell_fouling", "log_shell_rate")),
    ),
    parameters=(
        Parameter("rated_hot_flow_kg_per_s", "Rated flow in the shell", "kg/s", _KERN + ": 175 000 lb/h", 1e-2, 2000.0),
        Parameter("rated_cold_flow_kg_per_s", "Rated flow in the tubes", "kg/s", _KERN + ": 280 000 lb/h", 1e-2, 2000.0),
        Parameter("shell_passes", "1: one shell pass with returning tubes; 0: counter-flow", "1", _KERN, 0.0, 1.05),
        Parameter("tubes", "Number of tubes", "1", _KERN, 1.0, 20_000.0),
        Parameter("tube_passes", "Tube passes", "1", _KERN, 1.0, 16.0),
        Parameter("tube_outer_m", "Outer tube diameter", "m", _KERN + ": 3/4 in", 5e-3, 0.1),
        Parameter("tube_inner_m", "Inner tube diameter", "m", "18 BWG, Kern 1950 table 10: 0.652 in", 3e-3, 0.1),
        Parameter("tube_length_m", "Tube length", "m", _KERN + ": 16 ft", 0.1, 20.0),
        Parameter("tube_pitch_m", "Tube pitch", "m", _KERN + ": 15/16 in", 6e-3, 0.2),
        Parameter("tube_wall_W_per_m_K", "Conductivity of the tubes", "W/(m K)", "admiralty brass, TEMA table D-12", 5.0, 420.0),
        Parameter("shell_diameter_m", "Inner shell diameter", "m", _KERN + ": 15 1/4 in", 0.05, 5.0),
        Parameter("baffle_spacing_m", "Baffle spacing", "m", _KERN + ": 12 in", 0.02, 2.0),
        Parameter("equivalent_diameter_m", "Equivalent diameter of the bundle", "m", "Kern 1950 fig. 28: 0.55 in", 3e-3, 0.1),
        Parameter("tube_fouling_limit_m2K_per_W", "Fouling allowance inside", "m2 K/W", _TEMA + ": raw water 0.0015", 1e-6, 5e-3),
        Parameter("shell_fouling_limit_m2K_per_W", "Fouling allowance outside", "m2 K/W", _TEMA + ": distilled 0.0005", 1e-6, 5e-3),
        Parameter("tube_deposit_W_per_m_K", "Conductivity of the deposit inside", "W/(m K)", _DEPOSIT + ": calcite", 0.05, 5.0),
        Parameter("shell_deposit_W_per_m_K", "Conductivity of the deposit outside", "W/(m K)", _DEPOSIT + ": magnetite", 0.05, 5.0),
        Parameter("tube_fouling_end", "Where fouling of the average unit ends, in allowances", "1", "estimate", 0.1, 20.0),
        Parameter("shell_fouling_end", "Where fouling of the average unit ends, in allowances", "1", "estimate", 0.1, 20.0),
        Parameter("tube_fouling_time_s", "Time constant of fouling at rated flow", "s", "estimate: 300 days", 1e4, 1e10),
        Parameter("shell_fouling_time_s", "Time constant of fouling at rated flow", "s", "estimate: 300 days", 1e4, 1e10),
    ),
)  # fmt: skip
