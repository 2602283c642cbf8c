"""Control valve with a pneumatic spring-diaphragm actuator: what its positioner sees of stem, spring, diaphragm and seat.

    F_s  = F_0 (1 - s) + k (1 - s) h                        spring, relaxed by s; h: travel
    p_m A = F_s + F_p,   F_p = a_p dp_v                     pressure that holds the stem in the middle between up and down
    dp   = 2 F_f / A,    F_f = F_f0 + F_fw w                dead band: the pressure between moving up and moving down
    q    = q_0 + q_d (1 + g)^2 p_m / p_r                    air that the positioner must make up: laminar leak of the diaphragm
    Q_l  = f_l Q_r sqrt(dp_v / dp_r)                        through the closed seat; f_l grows with erosion, e

    stiction   dw/dt = exp(r) travel / travel life          dead band 5 % of the spring range
    diaphragm  dg/dt = exp(r) (travel + hot) / life         make-up air three times the new value
    spring     ds/dt = exp(r) / life                        spring lost 10 % of its force
    seat       de/dt = exp(r) (dp / dp_r)^1.5 / life        leakage class IV, 0.01 % of the rated flow

Source: ISA-75.25.01-2000 (dead band of a valve), IEC 60534-4:2021 (seat leakage), IEC 60534-6 (signals 0.2 to 1 bar); Smith &
Mokhatab, Control Valve Handbook (Fisher), 5th ed. 2019, ch. 2 (forces, packing friction). Valid: single-acting, air to open, travel
10 to 100 %, quasi-static: telemetry slower than the stroke. Verified: tests/verify/test_valve_actuator.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter


class State(NamedTuple):
    """All slow. stiction, diaphragm_wear: growth of friction, of pores; spring_loss: share of the force; seat_erosion: 1 at the
    class; bench_factor: this actuator's spring over the sheet's, constant."""

    stiction: float
    log_stiction_rate: float
    diaphragm_wear: float
    log_diaphragm_rate: float
    spring_loss: float
    log_spring_rate: float
    seat_erosion: float
    log_seat_rate: float
    bench_factor: float


class Input(NamedTuple):
    travel: float
    stem_speed_m_per_s: float
    valve_pressure_drop_Pa: float
    ambient_temperature_K: float


class Output(NamedTuple):
    middle_pressure_Pa: float
    dead_band_Pa: float
    make_up_air_kg_per_s: float
    seat_leakage_kg_per_s: float


class Virtual(NamedTuple):
    friction_N: float
    spring_force_N: float
    dead_band_share: float
    seat_leakage_share: float


class Severity(NamedTuple):
    stiction: float
    diaphragm: float
    spring: float
    seat: float


class Params(NamedTuple):
    """DN 50, actuator 350 cm2, 0.2 to 1.0 bar over 20 mm, PTFE packing, rated flow 40 t/h of water at 5 bar."""

    rated_drop_Pa: float = 5.0e5
    rated_flow_kg_per_s: float = 11.1
    area_m2: float = 0.035
    travel_m: float = 0.020
    spring_preload_N: float = 700.0
    spring_N_per_m: float = 1.4e5
    stem_area_m2: float = 3.1e-4
    friction_N: float = 25.0
    friction_growth_N: float = 45.0
    dead_band_limit: float = 0.05
    travel_life: float = 8.0e5
    bleed_kg_per_s: float = 2.0e-5
    diaphragm_leak_kg_per_s: float = 2.0e-6
    reference_pressure_Pa: float = 6.0e4
    make_up_limit: float = 3.0
    diaphragm_life_s: float = 1.0e8
    spring_limit: float = 0.10
    spring_life_s: float = 1.5e8
    seat_new: float = 1.0e-5
    seat_limit: float = 1.0e-4
    seat_life_s: float = 9.0e7


def travel(u):
    return np.clip(u.travel, 0.0, 1.2)


def spring_N(x, u, p):
    whole = p.spring_preload_N + p.spring_N_per_m * p.travel_m * travel(u)
    return x.bench_factor * np.clip(1.0 - x.spring_loss, 0.2, 1.5) * whole


def friction_N(x, p):
    return np.clip(p.friction_N + p.friction_growth_N * x.stiction, 1.0, 1e5)


def middle_Pa(x, u, p):
    return (spring_N(x, u, p) + p.stem_area_m2 * u.valve_pressure_drop_Pa) / p.area_m2


def dead_band_Pa(x, p):
    return 2.0 * friction_N(x, p) / p.area_m2


def span_Pa(p):
    """Spring range."""
    return p.spring_N_per_m * p.travel_m / p.area_m2


def make_up_kg_per_s(diaphragm_wear, pressure_Pa, p):
    wide = np.clip(1.0 + diaphragm_wear, 0.1, 50.0)
    return p.bleed_kg_per_s + p.diaphragm_leak_kg_per_s * wide * wide * pressure_Pa / p.reference_pressure_Pa


def seat_share(x, p):
    """Of the rated flow; grows from the new value to the class on a logarithm, as erosion widens a groove."""
    return p.seat_new * np.exp(np.log(p.seat_limit / p.seat_new) * np.clip(x.seat_erosion, -1.0, 3.0))


def drop_ratio(u, p):
    return np.clip(u.valve_pressure_drop_Pa / p.rated_drop_Pa, 0.0, 10.0)


def rhs(x, u, p):
    moved, drop = np.clip(np.abs(u.stem_speed_m_per_s) / p.travel_m, 0.0, 10.0), drop_ratio(u, p)
    warm = np.exp(0.6931471805599453 * (np.clip(u.ambient_temperature_K, 233.15, 373.15) - 298.15) / 15.0)
    return State(
        np.exp(x.log_stiction_rate) * moved / p.travel_life,
        log_rate_drift(x.log_stiction_rate),
        np.exp(x.log_diaphragm_rate) * warm / p.diaphragm_life_s,
        log_rate_drift(x.log_diaphragm_rate),
        np.exp(x.log_spring_rate) * np.clip(1.0 - x.spring_loss, 0.0, 2.0) * p.spring_limit / p.spring_life_s,
        log_rate_drift(x.log_spring_rate),
        np.exp(x.log_seat_rate) * drop * np.sqrt(drop) / p.seat_life_s,
        log_rate_drift(x.log_seat_rate),
        0.0 * x.bench_factor,
    )


def out(x, u, p):
    return Output(
        middle_Pa(x, u, p),
        dead_band_Pa(x, p),
        make_up_kg_per_s(x.diaphragm_wear, middle_Pa(x, u, p), p),
        seat_share(x, p) * p.rated_flow_kg_per_s * np.sqrt(drop_ratio(u, p)),
    )


def virtual(x, u, p):
    return Virtual(friction_N(x, p), spring_N(x, u, p), dead_band_Pa(x, p) / span_Pa(p), seat_share(x, p))


def severity(x, u, p):
    """Seat: on the logarithm, as it grows. Make-up air: at the reference pressure."""
    new = 2.0 * p.friction_N / p.area_m2 / span_Pa(p)
    first = make_up_kg_per_s(0.0, p.reference_pressure_Pa, p)
    now = make_up_kg_per_s(x.diaphragm_wear, p.reference_pressure_Pa, p)
    return Severity(
        (dead_band_Pa(x, p) / span_Pa(p) - new) / np.clip(p.dead_band_limit - new, 1e-4, 1.0),
        (now / first - 1.0) / (p.make_up_limit - 1.0),
        x.spring_loss / p.spring_limit,
        x.seat_erosion,
    )


def steady(x, u, p):
    """No fast state: a stroke takes seconds."""
    return x


_SIZE = "own layout: DN 50 globe valve, 350 cm2"
_FISHER = "Fisher Control Valve Handbook 2019, ch. 2"

MODEL = Model(
    name="valve_actuator",
    title="Control valve with pneumatic actuator",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("travel", "Travel", "1", -0.05, 1.2, 1.0e-3),
        Channel("stem_speed", "Stem movement, both ways, mean", "m/s", 0.0, 1.0, 2.0e-7),
        Channel("valve_pressure_drop", "Pressure drop across the valve", "Pa", 0.0, 1.0e8, 2.0e3),
        Channel("ambient_temperature", "Ambient", "K", 233.15, 373.15, 0.5),
    ),
    sensors=(
        Channel("middle_pressure", "Actuator pressure, mean of up and down", "Pa", 0.0, 7.0e5, 200.0),
        Channel("dead_band", "Actuator pressure, up less down", "Pa", 0.0, 7.0e5, 80.0),
        Channel("make_up_air", "Air that the positioner makes up", "kg/s", 0.0, 1.0, 1.0e-6),
        Channel("seat_leakage", "Leakage while closed", "kg/s", 0.0, 1.0, 3.0e-5),
    ),
    virtuals=(
        Channel("friction", "Stem friction", "N"),
        Channel("spring_force", "Spring force", "N"),
        Channel("dead_band_share", "Dead band over spring range", "1"),
        Channel("seat_leakage_share", "Seat leakage over rated flow", "1"),
    ),
    slow=State._fields,
    initial=State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(0.1, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.01, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.002),
    process_noise=State(
        2.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 1.0e-6, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 1.0e-7,
    ),
    low=State(-0.5, LOG_RATE_LOW, -0.8, LOG_RATE_LOW, -0.2, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.7),
    high=State(20.0, LOG_RATE_HIGH, 20.0, LOG_RATE_HIGH, 0.7, LOG_RATE_HIGH, 3.0, LOG_RATE_HIGH, 1.4),
    nominal=Input(0.5, 2.0e-4, 4.0e5, 298.15),
    max_step_s=3600.0,
    failure_modes=(
        FailureMode(
            "stiction", "Stem sticks", "packing", ("stiction", "log_stiction_rate"), "dead band 5 % of the spring range",
            "ISA-75.25.01-2000; loops begin to cycle at 5 %, Fisher Control Valve Handbook 2019", 0.2, ("dead_band",),
            "Renew the packing; look at the stem for scores", "packing set", "STD",
        ),
        FailureMode(
            "diaphragm", "Diaphragm leaks", "diaphragm", ("diaphragm_wear", "log_diaphragm_rate"),
            "make-up air three times the new value", "maintenance rule of positioner diagnostics, NAMUR NE 107 limit", 0.3,
            ("make_up_air",), "Renew the diaphragm", "diaphragm", "ELP",
        ),
        FailureMode(
            "spring", "Spring relaxed", "spring", ("spring_loss", "log_spring_rate"), "spring force down by 10 %",
            "maintenance rule: bench set 10 % off, Fisher Control Valve Handbook 2019", 0.15, ("middle_pressure",),
            "Renew the springs and set the bench range", "spring set", "STD",
        ),
        FailureMode(
            "seat", "Seat leaks", "seat", ("seat_erosion", "log_seat_rate"), "0.01 % of the rated flow through the closed seat",
            "IEC 60534-4:2021, class IV", 0.2, ("seat_leakage",), "Lap or renew seat and plug", "trim", "INL",
        ),
    ),
    components=(
        Component("packing", "Packing", ("stiction", "log_stiction_rate")),
        Component("diaphragm", "Diaphragm", ("diaphragm_wear", "log_diaphragm_rate")),
        Component("spring", "Springs", ("spring_loss", "log_spring_rate")),
        Component("seat", "Seat and plug", ("seat_erosion", "log_seat_rate")),
    ),
    parameters=(
        Parameter("rated_drop_Pa", "Rated pressure drop", "Pa", _SIZE, 1e3, 1e8),
        Parameter("rated_flow_kg_per_s", "Rated flow", "kg/s", _SIZE, 1e-3, 1e4),
        Parameter("area_m2", "Area of the diaphragm", "m2", _SIZE, 1e-3, 1.0),
        Parameter("travel_m", "Rated travel", "m", _SIZE, 2e-3, 0.3),
        Parameter("spring_preload_N", "Spring force when closed", "N", "0.2 bar on 350 cm2, IEC 60534-6", 1.0, 1e6),
        Parameter("spring_N_per_m", "Spring rate", "N/m", "0.8 bar over 20 mm", 1e2, 1e8),
        Parameter("stem_area_m2", "Unbalanced area", "m2", _FISHER, 0.0, 0.1),
        Parameter("friction_N", "Friction of the packing, new", "N", _FISHER + ": PTFE 20 to 50 N", 0.5, 1e5),
        Parameter("friction_growth_N", "Its growth at 1", "N", "estimate: to 5 % of the range", 1.0, 1e6),
        Parameter("dead_band_limit", "Dead band allowed over spring range", "1", "ISA-75.25.01: 5 %", 0.02, 0.1),
        Parameter("travel_life", "Full strokes until that growth", "1", "estimate: 400 000 cycles", 1e3, 1e9),
        Parameter("bleed_kg_per_s", "Steady consumption of the positioner", "kg/s", "catalogues: 0.06 m3/h", 0.0, 1e-2),
        Parameter("diaphragm_leak_kg_per_s", "Leak of the new diaphragm", "kg/s", "estimate, learned per unit", 1e-9, 1e-2),
        Parameter("reference_pressure_Pa", "Pressure of that leak", "Pa", "middle of 0.2 to 1 bar", 1e3, 1e6),
        Parameter("make_up_limit", "Make-up air allowed over new", "1", "maintenance rule: 3 times", 1.5, 10.0),
        Parameter("diaphragm_life_s", "Time in which the pores double at 25 C", "s", "estimate: 3 years", 1e5, 1e11),
        Parameter("spring_limit", "Loss of force allowed", "1", "maintenance rule: 10 %", 0.05, 0.3),
        Parameter("spring_life_s", "Time to that loss", "s", "estimate: 5 years", 1e5, 1e11),
        Parameter("seat_new", "Leakage of a new seat over rated flow", "1", "a tenth of class IV", 1e-8, 1e-2),
        Parameter("seat_limit", "Leakage allowed over rated flow", "1", "IEC 60534-4 class IV: 0.01 %", 1e-5, 1e-3),
        Parameter("seat_life_s", "Time to that leakage at rated drop", "s", "estimate: 25 000 h", 1e5, 1e11),
    ),
)  # fmt: skip
