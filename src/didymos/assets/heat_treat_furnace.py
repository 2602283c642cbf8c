"""Tempering furnace, two electric zones with a fan, as a process: zones, load, how far the steel is tempered, and what ages.

    C_z dT_i/dt = P_i + K (T_j - T_i) - g_i (1 + l) (T_i - T_hall) - q_i
    q_i   = A/2 (h (T_i - T_s) + e sigma (T_i^4 - T_s^4)),  A = 4 m / (rho d)            fan and radiation onto the load's surface
    m c/2 dT_s/dt = q_1 + q_2 - G (T_s - T_c),  m c/2 dT_c/dt = G (T_s - T_c),  G = 16 k m / (rho d^2)
    P_i   = duty_i U^2 / (R (1 + 0.1 a_i))                                              a = 1: resistance up by a tenth
    reading_i = T_i + b_i drift                                                         b = 1: what an accuracy test allows
    T_shell = T_hall + (loss of both zones) / (h_o A_o)
    dt_e/dt = hours at the target that do the same;  soak: hours with the core inside the band.   Both from 0 for each load

    lining        dl/dt = exp(r) hot / life         shell at 65 C in rated operation
    elements      da/dt = exp(r) on / life          resistance of one zone up by 10 %
    thermocouples db/dt = exp(r) hot / life         control reading of one zone off by 2.8 K

Surface and core are the outer and inner half of round bars; G lets their means differ as in an exactly heated cylinder. The
resident second sensor of each zone is renewed at every survey and counts as true. Hardness: `assets.heat_treatment`.
Source: Incropera et al., Fundamentals of Heat and Mass Transfer, 7th ed. 2011, ch. 1, 5; SAE AMS2750 class 5 (14 K, 2.8 K); ASTM
B76 (10 % of resistance); ISO 13732-1:2006 (65 C). Valid: 300 to 700 C, round bars, Bi below 0.5.
Verified: tests/verify/test_heat_treat_furnace.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets import heat_treatment
from didymos.assets.process import Limit, Process
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

STEFAN_BOLTZMANN = 5.670374419e-8
STEEL_DENSITY = 7850.0
EMPTY_S = 300.0  # within which surface, core and clocks return to what the next load begins with


class State(NamedTuple):
    """tempering_h: hours at the target that do the same; soak_h: hours in the band; the rest is wear, 0 new and 1 at its limit.
    front is the zone at the door."""

    front_temperature_K: float
    back_temperature_K: float
    surface_temperature_K: float
    core_temperature_K: float
    tempering_h: float
    soak_h: float
    lining_wear: float
    log_lining_rate: float
    front_ageing: float
    back_ageing: float
    log_element_rate: float
    front_drift: float
    back_drift: float
    log_drift_rate: float


class Input(NamedTuple):
    front_duty: float
    back_duty: float
    mains_voltage_V: float
    charged: float
    load_mass_kg: float
    target_temperature_K: float
    hall_temperature_K: float
    quenched_hardness: float
    composition_hardness: float


class Output(NamedTuple):
    front_temperature_K: float
    back_temperature_K: float
    front_resident_temperature_K: float
    back_resident_temperature_K: float
    front_power_W: float
    back_power_W: float
    shell_temperature_K: float
    load_temperature_K: float


class Virtual(NamedTuple):
    core_temperature_K: float
    zone_deviation_K: float
    load_spread_K: float
    lining_loss_W: float
    soak_time_h: float
    tempering_parameter_K: float
    hardness: float


class Severity(NamedTuple):
    lining: float
    elements: float
    thermocouples: float


class Params(NamedTuple):
    """Chamber of 1.5 x 1.2 x 1.2 m, fibre lined, 2 x 45 kW on 400 V, 3 t of bars of 160 mm, 42CrMo4 tempered at 600 C."""

    rated_temperature_K: float = 873.15
    rated_voltage_V: float = 400.0
    zone_heat_capacity_J_per_K: float = 5.0e5
    zone_exchange_W_per_K: float = 900.0
    front_loss_W_per_K: float = 3.2
    back_loss_W_per_K: float = 2.6
    element_ohm: float = 3.556
    film_W_per_m2K: float = 40.0
    emissivity: float = 0.5
    bar_diameter_m: float = 0.16
    steel_conductivity_W_per_m_K: float = 33.0
    steel_heat_capacity_J_per_kg_K: float = 620.0
    shell_W_per_K: float = 130.0
    shell_limit_K: float = 338.15
    lining_life_s: float = 1.2e8
    element_growth: float = 0.1
    element_life_s: float = 6.0e7
    drift_limit_K: float = 2.8
    drift_life_s: float = 4.0e7
    band_K: float = 14.0
    soak_least_h: float = 1.0
    hardness_least: float = 300.0
    hardness_most: float = 380.0
    hardness_sd: float = 8.0


def area_m2(u, p):
    """Surface of round bars of that mass."""
    return 4.0 * np.clip(u.load_mass_kg, 1.0, 1e6) / (STEEL_DENSITY * p.bar_diameter_m)


def onto_load_W(zone_K, surface_K, u, p):
    """From one zone onto its half of the load; nothing where none is."""
    zone, surface = np.clip(zone_K, 200.0, 1500.0), np.clip(surface_K, 200.0, 1500.0)
    radiated = p.emissivity * STEFAN_BOLTZMANN * (zone * zone * zone * zone - surface * surface * surface * surface)
    return 0.5 * area_m2(u, p) * (p.film_W_per_m2K * (zone - surface) + radiated) * np.clip(u.charged, 0.0, 1.0)


def inward_W_per_K(u, p):
    """Between the outer and the inner half of the bars."""
    square = p.bar_diameter_m * p.bar_diameter_m
    return 16.0 * p.steel_conductivity_W_per_m_K * np.clip(u.load_mass_kg, 1.0, 1e6) / (STEEL_DENSITY * square)


def element_W(duty, ageing, u, p):
    resistance = p.element_ohm * np.clip(1.0 + p.element_growth * ageing, 0.3, 10.0)
    return np.clip(duty, 0.0, 1.0) * u.mains_voltage_V * u.mains_voltage_V / resistance


def lining_W(front_K, back_K, lining_wear, hall_K, p):
    worn = np.clip(1.0 + lining_wear, 0.2, 20.0)
    return worn * (p.front_loss_W_per_K * (front_K - hall_K) + p.back_loss_W_per_K * (back_K - hall_K))


def hot(x, p):
    """How hot the chamber is against rated, 0 below 500 K."""
    mean = 0.5 * (x.front_temperature_K + x.back_temperature_K)
    return np.clip((mean - 500.0) / (p.rated_temperature_K - 500.0), 0.0, 2.0)


def in_band(x, u, p):
    """1 with the core inside the band around the target; a ramp of 1 K at its edges."""
    away = np.abs(x.core_temperature_K - u.target_temperature_K)
    return np.clip(p.band_K - away + 0.5, 0.0, 1.0) * np.clip(u.charged, 0.0, 1.0)


def rhs(x, u, p):
    first = onto_load_W(x.front_temperature_K, x.surface_temperature_K, u, p)
    second = onto_load_W(x.back_temperature_K, x.surface_temperature_K, u, p)
    across = p.zone_exchange_W_per_K * (x.back_temperature_K - x.front_temperature_K)
    worn = np.clip(1.0 + x.lining_wear, 0.2, 20.0)
    lost_front = p.front_loss_W_per_K * worn * (x.front_temperature_K - u.hall_temperature_K)
    lost_back = p.back_loss_W_per_K * worn * (x.back_temperature_K - u.hall_temperature_K)
    half = 0.5 * np.clip(u.load_mass_kg, 1.0, 1e6) * p.steel_heat_capacity_J_per_kg_K
    inward = inward_W_per_K(u, p) * (x.surface_temperature_K - x.core_temperature_K)
    charged = np.clip(u.charged, 0.0, 1.0)
    empty = (1.0 - charged) / EMPTY_S
    pace = heat_treatment.tempering_pace(x.core_temperature_K, np.clip(u.target_temperature_K, 400.0, 1200.0))
    wearing = hot(x, p)
    return State(
        (element_W(u.front_duty, x.front_ageing, u, p) + across - lost_front - first) / p.zone_heat_capacity_J_per_K,
        (element_W(u.back_duty, x.back_ageing, u, p) - across - lost_back - second) / p.zone_heat_capacity_J_per_K,
        charged * (first + second - inward) / half + empty * (u.hall_temperature_K - x.surface_temperature_K),
        charged * inward / half + empty * (u.hall_temperature_K - x.core_temperature_K),
        charged * pace / 3600.0 - empty * x.tempering_h,
        in_band(x, u, p) / 3600.0 - empty * x.soak_h,
        np.exp(x.log_lining_rate) * wearing / p.lining_life_s,
        log_rate_drift(x.log_lining_rate),
        np.exp(x.log_element_rate) * 2.0 * wearing / (1.0 + wearing) / p.element_life_s,
        np.exp(x.log_element_rate) * 2.0 * wearing / (1.0 + wearing) / p.element_life_s,
        log_rate_drift(x.log_element_rate),
        np.exp(x.log_drift_rate) * wearing / p.drift_life_s,
        np.exp(x.log_drift_rate) * wearing / p.drift_life_s,
        log_rate_drift(x.log_drift_rate),
    )


def shell_K(lining_W, hall_K, p):
    return hall_K + lining_W / p.shell_W_per_K


def out(x, u, p):
    lost = lining_W(x.front_temperature_K, x.back_temperature_K, x.lining_wear, u.hall_temperature_K, p)
    return Output(
        x.front_temperature_K + p.drift_limit_K * x.front_drift,
        x.back_temperature_K + p.drift_limit_K * x.back_drift,
        x.front_temperature_K,
        x.back_temperature_K,
        element_W(u.front_duty, x.front_ageing, u, p),
        element_W(u.back_duty, x.back_ageing, u, p),
        shell_K(lost, u.hall_temperature_K, p),
        x.surface_temperature_K,
    )


def parameter_K(x, u):
    """Tempering parameter of the hours that were done at the target."""
    hours = np.clip(x.tempering_h, 1e-3, 1e4)
    return heat_treatment.tempering_parameter_K(u.target_temperature_K, hours)


def virtual(x, u, p):
    front, back = np.abs(x.front_temperature_K - u.target_temperature_K), np.abs(x.back_temperature_K - u.target_temperature_K)
    two_hours = heat_treatment.two_hour_temperature_K(parameter_K(x, u))
    return Virtual(
        x.core_temperature_K,
        np.maximum(front, back),
        x.surface_temperature_K - x.core_temperature_K,
        lining_W(x.front_temperature_K, x.back_temperature_K, x.lining_wear, u.hall_temperature_K, p),
        x.soak_h,
        parameter_K(x, u),
        heat_treatment.tempered_HB(u.quenched_hardness, u.composition_hardness, two_hours),
    )


def severity(x, u, p):
    """Lining: rise of the shell above that of the new furnace, rated operation in a hall of 20 C. Others: the worse zone."""
    hall = 293.15
    new = shell_K(lining_W(p.rated_temperature_K, p.rated_temperature_K, 0.0, hall, p), hall, p)
    worn = shell_K(lining_W(p.rated_temperature_K, p.rated_temperature_K, x.lining_wear, hall, p), hall, p)
    return Severity(
        (worn - new) / np.clip(p.shell_limit_K - new, 0.5, 1e3),
        np.maximum(x.front_ageing, x.back_ageing),
        np.maximum(np.abs(x.front_drift), np.abs(x.back_drift)),
    )


def steady(x, u, p):
    """A controlled furnace stands at its target, and so does its load; without one the next load stands in the hall."""
    zone = u.target_temperature_K
    charged = np.clip(u.charged, 0.0, 1.0)
    load = charged * zone + (1.0 - charged) * u.hall_temperature_K
    return State(
        zone, zone, load, load, x.tempering_h, x.soak_h, x.lining_wear, x.log_lining_rate, x.front_ageing, x.back_ageing,
        x.log_element_rate, x.front_drift, x.back_drift, x.log_drift_rate,
    )  # fmt: skip


def loaded(x, u, p):
    return u.charged


_OWN = "own layout: chamber of 2.2 m3, fibre lining of 250 mm"
_ZONE = ("front_ageing", "back_ageing", "log_element_rate")
_COUPLE = ("front_drift", "back_drift", "log_drift_rate")
_STEEL = heat_treatment.STEELS["42CrMo4"]

MODEL = Model(
    name="heat_treat_furnace",
    title="Heat-treat furnace",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("front_duty", "Share of the time that the front zone is switched on", "1", -0.01, 1.01, 2.0e-3),
        Channel("back_duty", "Share of the time that the back zone is switched on", "1", -0.01, 1.01, 2.0e-3),
        Channel("mains_voltage", "Voltage at the elements", "V", 0.0, 1000.0, 1.0),
        Channel("charged", "A load is in", "1", -0.01, 1.01, 1.0e-3),
        Channel("load_mass", "Mass of the load", "kg", 0.0, 1.0e5, 10.0),
        Channel("target_temperature", "Temperature asked for", "K", 273.15, 1400.0, 0.1),
        Channel("hall_temperature", "Hall", "K", 233.15, 333.15, 0.5),
        Channel("quenched_hardness", "Hardness as quenched, HRC", "1", 0.0, 70.0, 0.5),
        Channel("composition_hardness", "What the composition adds, HB", "1", -50.0, 300.0, 2.0),
    ),
    sensors=(
        Channel("front_temperature", "Control sensor of the front zone", "K", 233.15, 1500.0, 1.0),
        Channel("back_temperature", "Control sensor of the back zone", "K", 233.15, 1500.0, 1.0),
        Channel("front_resident_temperature", "Resident sensor of the front zone", "K", 233.15, 1500.0, 1.0),
        Channel("back_resident_temperature", "Resident sensor of the back zone", "K", 233.15, 1500.0, 1.0),
        Channel("front_power", "Power of the front zone", "W", 0.0, 1.0e6, 30.0),
        Channel("back_power", "Power of the back zone", "W", 0.0, 1.0e6, 30.0),
        Channel("shell_temperature", "Shell", "K", 233.15, 473.15, 0.5),
        Channel("load_temperature", "Load thermocouple, on the surface", "K", 233.15, 1500.0, 2.0),
    ),
    virtuals=(
        Channel("core_temperature", "Core of the load", "K"),
        Channel("zone_deviation", "Larger deviation of a zone from the target", "K"),
        Channel("load_spread", "Surface above core", "K"),
        Channel("lining_loss", "Heat through the lining", "W"),
        Channel("soak_time", "Time of the core in the band", "h"),
        Channel("tempering_parameter", "Tempering parameter, t in h", "K"),
        Channel("hardness", "Hardness after tempering, HB", "1"),
    ),
    slow=State._fields[4:],
    initial=State(873.15, 873.15, 873.15, 873.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    initial_sd=State(50.0, 50.0, 100.0, 100.0, 0.01, 0.01, 0.08, LOG_RATE_SD, 0.08, 0.08, LOG_RATE_SD, 0.15, 0.15, LOG_RATE_SD),
    process_noise=State(
        0.1, 0.1, 0.1, 0.03, 1.0e-4, 1.0e-5, 2.0e-5, LOG_RATE_NOISE, 2.0e-5, 2.0e-5, LOG_RATE_NOISE, 3.0e-5, 3.0e-5,
        LOG_RATE_NOISE,
    ),
    low=State(
        233.15, 233.15, 233.15, 233.15, 0.0, 0.0, -0.5, LOG_RATE_LOW, -1.0, -1.0, LOG_RATE_LOW, -5.0, -5.0, LOG_RATE_LOW,
    ),
    high=State(
        1400.0, 1400.0, 1400.0, 1400.0, 1.0e3, 1.0e3, 10.0, LOG_RATE_HIGH, 10.0, 10.0, LOG_RATE_HIGH, 10.0, 10.0, LOG_RATE_HIGH,
    ),
    nominal=Input(0.0412, 0.0335, 400.0, 1.0, 3000.0, 873.15, 293.15, 55.0, float(heat_treatment.composition_HB(_STEEL))),
    max_step_s=10.0,
    failure_modes=(
        FailureMode(
            "lining", "Lining worn", "lining", ("lining_wear", "log_lining_rate"),
            "shell at 65 C in rated operation, hall 20 C", "ISO 13732-1:2006, burn threshold of bare metal touched for 1 s", 0.15,
            ("shell_temperature",), "Renew the lining; look for gaps at the door", "fibre modules", "OHE",
        ),
        FailureMode(
            "elements", "Heating elements aged", "elements", _ZONE, "resistance of one zone up by 10 %",
            "ASTM B76, end of useful life", 0.2, ("front_power", "back_power"), "Renew the elements of the zone",
            "element set", "PDE",
        ),
        FailureMode(
            "thermocouples", "Control sensor drifted", "thermocouples", _COUPLE,
            "reading of one zone off by 2.8 K", "SAE AMS2750, system accuracy test of a class 5 furnace", 0.1,
            ("front_temperature", "back_temperature"), "Change the control thermocouple and repeat the accuracy test",
            "thermocouple", "ERO",
        ),
    ),
    components=(
        Component("elements", "Heating elements", _ZONE),
        Component("lining", "Lining", ("lining_wear", "log_lining_rate")),
        Component("thermocouples", "Control thermocouples", _COUPLE),
    ),
    parameters=(
        Parameter("rated_temperature_K", "Rated temperature", "K", "own layout: 600 C", 500.0, 1100.0),
        Parameter("rated_voltage_V", "Rated voltage", "V", "IEC 60038: 400 V", 10.0, 1000.0),
        Parameter("zone_heat_capacity_J_per_K", "Heat capacity of a zone", "J/K", _OWN, 1e4, 1e8),
        Parameter("zone_exchange_W_per_K", "Exchange between the zones", "W/K", "fan 3000 m3/h, estimate", 10.0, 1e5),
        Parameter("front_loss_W_per_K", "Loss of the front zone, door included", "W/K", _OWN, 0.1, 1e3),
        Parameter("back_loss_W_per_K", "Loss of the back zone", "W/K", _OWN, 0.1, 1e3),
        Parameter("element_ohm", "Resistance of new elements", "1", "ohm: 45 kW at 400 V", 1e-2, 1e3),
        Parameter("film_W_per_m2K", "Film coefficient of the fan", "W/(m2 K)", "Incropera 2011 table 1.1", 1.0, 500.0),
        Parameter("emissivity", "Emissivity to the load, bars shading one another", "1", "oxidised steel 0.8, estimate", 0.05, 1.0),
        Parameter("bar_diameter_m", "Diameter of the bars", "m", "own layout", 5e-3, 0.5),
        Parameter("steel_conductivity_W_per_m_K", "Conductivity of the steel", "W/(m K)", "42CrMo4 at 500 C: 33", 10.0, 80.0),
        Parameter("steel_heat_capacity_J_per_kg_K", "Heat capacity of the steel", "J/(kg K)", "mean of 20 to 600 C", 400.0, 1000.0),
        Parameter("shell_W_per_K", "Shell to the hall", "W/K", "12 m2 at 11 W/(m2 K)", 1.0, 1e4),
        Parameter("shell_limit_K", "Shell at its limit", "K", "ISO 13732-1:2006: 65 C", 330.0, 350.0),
        Parameter("lining_life_s", "Time in which the loss doubles", "s", "estimate: 4 years hot", 1e6, 1e10),
        Parameter("element_growth", "Growth of the resistance at its limit", "1", "ASTM B76: 10 %", 0.05, 0.2),
        Parameter("element_life_s", "Time to that growth", "s", "estimate: 17 000 h hot", 1e6, 1e10),
        Parameter("drift_limit_K", "Drift allowed", "K", "SAE AMS2750 class 5: 2.8 K", 1.0, 6.0),
        Parameter("drift_life_s", "Time to that drift", "s", "estimate: type K at 600 C, 11 000 h", 1e5, 1e10),
        Parameter("band_K", "Uniformity allowed", "K", "SAE AMS2750 class 5: 14 K", 3.0, 28.0),
        Parameter("soak_least_h", "Least time in the band", "h", "work instruction: 1 h", 0.0, 100.0),
        Parameter("hardness_least", "Least hardness, HB", "1", "drawing: 300 to 380 HB", 50.0, 700.0),
        Parameter("hardness_most", "Most hardness, HB", "1", "drawing: 300 to 380 HB", 50.0, 700.0),
        Parameter("hardness_sd", "Scatter around the relation, HB", "1", "rms against Heat Treater's Guide, SAE 4140", 0.0, 50.0),
    ),
)  # fmt: skip

PROCESS = Process(
    model=MODEL,
    measured=("front_temperature", "back_temperature", "load_temperature", "front_power", "back_power"),
    active=loaded,
    figures=("core_temperature", "zone_deviation", "load_spread", "soak_time", "tempering_parameter", "hardness"),
    states=(),
    limits=(
        Limit("zone_deviation", high="band_K"),
        Limit("soak_time", low="soak_least_h"),
        Limit("hardness", low="hardness_least", high="hardness_most"),
    ),
    scatter=(("hardness", "hardness_sd"),),
)
