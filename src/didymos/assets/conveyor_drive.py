"""Belt conveyor with its drive: main resistance of belt and idlers, grip of the drum, and the motor and gear that pull.

    F   = C f L g (m_R + 2 m_B + m_L) + m_L g H,   m_L = m. / v_0                f: idlers and belt; C: everything short
    v   = v_0 (1 - slip),  v_0 = n D / (2 i)       slip = s_0 U + s_1 max(U - 1, 0)
    U   = F / (T_2 (exp(mu a) - 1)),  mu = mu_0 (1 - w / 2)                      Eytelwein: 1 where the drum begins to slip
    P   = F v_0 / eta + losses of the motor        current: I^2 = I_0^2 + (P_shaft / P_r)^2 (I_r^2 - I_0^2)

    idlers          dw/dt = exp(r) n / life        f at 0.027, DIN 22101's unfavourable end, from 0.020
    lagging         dw/dt = exp(r) U n / life      slips under the rated load
    cooling_fouling as the motor's                 rated winding would reach its class limit
    pitting         as the gear unit's             4 % of a tooth flank

Motor and gear unit are `induction_motor` and `gearbox` at this size (MOTOR, GEAR); their equations are called, not repeated.
Source: DIN 22101:2011 and ISO 5048:1989 (resistances, C of 100 m, f, friction of lagged drums); Eytelwein; others as in the two
files. Valid: stationary, 20 to 500 m, 0.3 to 1.2 of rated speed. Verified: tests/verify/test_conveyor_drive.py.
"""

from typing import NamedTuple

import numpy as np

from didymos.assets import gearbox, induction_motor
from didymos.assets.water import GRAVITY
from didymos.assets.wear import LOG_RATE_HIGH, LOG_RATE_LOW, LOG_RATE_NOISE, LOG_RATE_SD, log_rate_drift
from didymos.core.channel import Channel
from didymos.core.model import Component, FailureMode, Model, Parameter

MotorState, MotorInput = induction_motor.State, induction_motor.Input
GearState, GearInput = gearbox.State, gearbox.Input

# 15 kW, four poles, IE3, frame size 160
MOTOR = induction_motor.Params()._replace(
    rated_current_A=28.0, no_load_current_A=11.0, resistance_20C_ohm=0.16, rotor_and_stray_loss_W=380.0, iron_loss_W=240.0,
    windage_loss_W=80.0, bearing_loss_W=25.0, winding_to_frame_K_per_W=0.060, frame_to_ambient_K_per_W=0.036,
    bearing_to_frame_K_per_W=0.20, winding_capacity_J_per_K=18_000.0, frame_capacity_J_per_K=60_000.0,
)  # fmt: skip
# the gear pair next to the motor: module 1.5 mm, 25/77 teeth, 15.5 mm wide
GEAR = gearbox.Params()._replace(module_m=1.5e-3, width_m=0.0155, pinion_bearing_m=0.040, wheel_bearing_m=0.050)


class State(NamedTuple):
    """idler_wear: growth of f; lagging_wear: loss of friction; fouling, pitting: as in motor and gear unit; friction_factor: this
    conveyor's f over the standard's, constant."""

    winding_temperature_K: float
    frame_temperature_K: float
    idler_wear: float
    log_idler_rate: float
    lagging_wear: float
    log_lagging_rate: float
    fouling: float
    log_fouling_rate: float
    pitting: float
    log_pitting_rate: float
    friction_factor: float


class Input(NamedTuple):
    speed_rad_per_s: float
    mass_flow_kg_per_s: float
    ambient_temperature_K: float


class Output(NamedTuple):
    motor_power_W: float
    winding_temperature_K: float
    belt_speed_m_per_s: float
    mesh_acceleration_m_per_s2: float


class Virtual(NamedTuple):
    resistance_N: float
    friction_coefficient: float
    grip_used: float
    motor_current_A: float
    contact_stress_Pa: float


class Severity(NamedTuple):
    idlers: float
    lagging: float
    cooling_fouling: float
    pitting: float


class Params(NamedTuple):
    """100 m, 6 m up, 800 mm belt, 300 t/h at 1.9 m/s, 15 kW."""

    rated_speed_rad_per_s: float = 152.9
    rated_mass_flow_kg_per_s: float = 83.3
    rated_power_W: float = 15.0e3
    length_m: float = 100.0
    lift_m: float = 6.0
    length_factor: float = 1.78
    friction_new: float = 0.020
    friction_worn: float = 0.027
    idler_kg_per_m: float = 18.0
    belt_kg_per_m: float = 11.0
    drum_m: float = 0.50
    gear_ratio: float = 20.0
    gear_efficiency: float = 0.96
    slack_tension_N: float = 4.0e3
    wrap_rad: float = 3.49
    lagging_friction: float = 0.35
    creep: float = 0.012
    sliding: float = 0.20
    idler_life_s: float = 1.0e8
    lagging_life_s: float = 9.0e7


def speed_ratio(u, p):
    return np.clip(u.speed_rad_per_s / p.rated_speed_rad_per_s, 0.0, 2.0)


def drum_speed_m_per_s(u, p):
    return 0.5 * p.drum_m * np.clip(u.speed_rad_per_s, 0.0, 1e3) / p.gear_ratio


def friction_coefficient(x, p):
    """f of DIN 22101."""
    worn = p.friction_new + (p.friction_worn - p.friction_new) * np.clip(x.idler_wear, -1.0, 20.0)
    return worn * x.friction_factor


def resistance_N(f, mass_flow_kg_per_s, u, p):
    """Nothing lies on a belt that stands."""
    load = mass_flow_kg_per_s / np.clip(drum_speed_m_per_s(u, p), 0.1, 20.0)
    moving = np.clip(u.speed_rad_per_s, 0.0, 1.0)
    main = p.length_factor * f * p.length_m * GRAVITY * (p.idler_kg_per_m + 2.0 * p.belt_kg_per_m + load)
    return moving * (main + load * GRAVITY * p.lift_m)


def grip_N(lagging_wear, p):
    """What the drum can pull before it slips."""
    friction = p.lagging_friction * np.clip(1.0 - 0.5 * lagging_wear, 0.05, 1.3)
    return p.slack_tension_N * (np.exp(friction * p.wrap_rad) - 1.0)


def grip_used(x, u, p):
    return resistance_N(friction_coefficient(x, p), u.mass_flow_kg_per_s, u, p) / grip_N(x.lagging_wear, p)


def shaft_W(x, u, p):
    pulled = resistance_N(friction_coefficient(x, p), u.mass_flow_kg_per_s, u, p) * drum_speed_m_per_s(u, p)
    return pulled / p.gear_efficiency


def motor_input(x, u, p):
    """Current by the load part of I^2 - I_0^2, with torque: a slower drive draws as much for the same pull."""
    load = shaft_W(x, u, p) / p.rated_power_W / np.clip(speed_ratio(u, p), 0.05, 2.0)
    span = MOTOR.rated_current_A * MOTOR.rated_current_A - MOTOR.no_load_current_A * MOTOR.no_load_current_A
    square = MOTOR.no_load_current_A * MOTOR.no_load_current_A + load * load * span
    on = np.clip(u.speed_rad_per_s, 0.0, 1.0)
    return MotorInput(on * np.sqrt(square), u.speed_rad_per_s, u.ambient_temperature_K)


def motor_state(x):
    """Of which the bearing and the insulation are not followed here."""
    return MotorState(x.winding_temperature_K, x.frame_temperature_K, x.fouling, x.log_fouling_rate, 0.0, 0.0, 0.0, 1.0)


def gear_state(x):
    return GearState(330.0, x.pitting, x.log_pitting_rate, 0.0, 0.0, 0.0)


def gear_input(x, u, p):
    torque = shaft_W(x, u, p) / np.clip(u.speed_rad_per_s, 1.0, 1e3)
    return GearInput(torque, u.speed_rad_per_s, u.ambient_temperature_K)


def rhs(x, u, p):
    motor = induction_motor.rhs(motor_state(x), motor_input(x, u, p), MOTOR)
    gear = gearbox.rhs(gear_state(x), gear_input(x, u, p), GEAR)
    n = speed_ratio(u, p)
    return State(
        motor.winding_temperature_K,
        motor.frame_temperature_K,
        np.exp(x.log_idler_rate) * n / p.idler_life_s,
        log_rate_drift(x.log_idler_rate),
        np.exp(x.log_lagging_rate) * n * np.clip(grip_used(x, u, p), 0.0, 5.0) / p.lagging_life_s,
        log_rate_drift(x.log_lagging_rate),
        motor.fouling,
        log_rate_drift(x.log_fouling_rate),
        gear.pitting,
        log_rate_drift(x.log_pitting_rate),
        0.0 * x.friction_factor,
    )


def out(x, u, p):
    used = grip_used(x, u, p)
    slip = np.clip(p.creep * used + p.sliding * np.clip(used - 1.0, 0.0, 5.0), 0.0, 1.0)
    lost = induction_motor.virtual(motor_state(x), motor_input(x, u, p), MOTOR).loss_W
    return Output(
        shaft_W(x, u, p) + lost,
        x.winding_temperature_K,
        drum_speed_m_per_s(u, p) * (1.0 - slip),
        gearbox.mesh_acceleration_m_per_s2(gear_state(x), gear_input(x, u, p), GEAR),
    )


def virtual(x, u, p):
    return Virtual(
        resistance_N(friction_coefficient(x, p), u.mass_flow_kg_per_s, u, p),
        friction_coefficient(x, p),
        grip_used(x, u, p),
        motor_input(x, u, p).current_A,
        gearbox.contact_stress_Pa(gear_input(x, u, p), GEAR),
    )


def rated_input(p):
    return Input(p.rated_speed_rad_per_s, p.rated_mass_flow_kg_per_s, 298.15)


def severity(x, u, p):
    """Lagging: share of the grip's reserve under the rated load of the new conveyor that is gone."""
    pull = resistance_N(p.friction_new, p.rated_mass_flow_kg_per_s, rated_input(p), p)
    reserve = grip_N(0.0, p) - pull
    motor = induction_motor.severity(motor_state(x), motor_input(x, u, p), MOTOR)
    return Severity(
        x.idler_wear,
        (grip_N(0.0, p) - grip_N(x.lagging_wear, p)) / np.clip(reserve, 1.0, 1e7),
        motor.cooling_fouling,
        x.pitting,
    )


def steady(x, u, p):
    motor = induction_motor.steady(motor_state(x), motor_input(x, u, p), MOTOR)
    return State(
        motor.winding_temperature_K, motor.frame_temperature_K, x.idler_wear, x.log_idler_rate, x.lagging_wear,
        x.log_lagging_rate, x.fouling, x.log_fouling_rate, x.pitting, x.log_pitting_rate, x.friction_factor,
    )  # fmt: skip


_OWN = "own layout: 300 t/h of bulk over 100 m"
_DIN = "DIN 22101:2011"
_OF_MOTOR = {mode.name: mode for mode in induction_motor.MODEL.failure_modes}
_OF_GEAR = {mode.name: mode for mode in gearbox.MODEL.failure_modes}
_FOULING, _PITTING = _OF_MOTOR["cooling_fouling"], _OF_GEAR["pitting"]

MODEL = Model(
    name="conveyor_drive",
    title="Conveyor drive",
    State=State, Input=Input, Output=Output, Params=Params,
    rhs=rhs, out=out, virtual=virtual, severity=severity, steady=steady,
    inputs=(
        Channel("speed", "Motor speed", "rad/s", 0.0, 400.0, 0.3),
        Channel("mass_flow", "Belt scale", "kg/s", 0.0, 5.0e3, 0.4),
        Channel("ambient_temperature", "Ambient", "K", 233.15, 333.15, 0.5),
    ),
    sensors=(
        Channel("motor_power", "Motor power", "W", 0.0, 5.0e6, 60.0),
        Channel("winding_temperature", "Motor winding", "K", 233.15, 473.15, 0.5),
        Channel("belt_speed", "Belt speed, by the tail drum", "m/s", 0.0, 20.0, 3.0e-4),
        Channel("mesh_acceleration", "Mesh vibration of the gear unit, rms", "m/s2", 0.0, 1.0e3, 0.2),
    ),
    virtuals=(
        Channel("resistance", "Peripheral force at the drum", "N"),
        Channel("friction_coefficient", "Friction coefficient f", "1"),
        Channel("grip_used", "Share of the drum's grip in use", "1"),
        Channel("motor_current", "Motor current", "A"),
        Channel("contact_stress", "Contact stress of the first gear pair", "Pa"),
    ),
    slow=State._fields[2:],
    initial=State(298.15, 298.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    initial_sd=State(15.0, 15.0, 0.1, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.1, LOG_RATE_SD, 0.08, LOG_RATE_SD, 0.015),
    process_noise=State(
        0.03, 0.02, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 3.0e-5, LOG_RATE_NOISE, 2.0e-5, LOG_RATE_NOISE, 1.0e-6,
    ),
    low=State(233.15, 233.15, -0.8, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, -0.5, LOG_RATE_LOW, 0.6),
    high=State(573.15, 473.15, 15.0, LOG_RATE_HIGH, 1.9, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 10.0, LOG_RATE_HIGH, 1.7),
    nominal=Input(152.9, 75.0, 298.15),
    max_step_s=60.0,
    failure_modes=(
        FailureMode(
            "idlers", "Idlers run hard", "idlers", ("idler_wear", "log_idler_rate"), "f at 0.027, from 0.020",
            "DIN 22101:2011, unfavourable operation", 0.2, ("motor_power",), "Find and change the idlers that turn hard or stand",
            "idlers", "PDE",
        ),
        FailureMode(
            "lagging", "Drum slips", "lagging", ("lagging_wear", "log_lagging_rate"),
            "grip down to what the rated load needs: the drum begins to slip", "Eytelwein's limit, DIN 22101:2011", 0.15,
            ("belt_speed",), "Renew the lagging, check the take-up weight", "lagging", "PDE",
        ),
        FailureMode(
            "cooling_fouling", _FOULING.title, "motor", ("fouling", "log_fouling_rate"), _FOULING.threshold, _FOULING.source,
            _FOULING.threshold_log_sd, ("winding_temperature",), _FOULING.action, _FOULING.spare, _FOULING.iso14224,
        ),
        FailureMode(
            "pitting", _PITTING.title, "gear_unit", ("pitting", "log_pitting_rate"), _PITTING.threshold, _PITTING.source,
            _PITTING.threshold_log_sd, ("mesh_acceleration",), _PITTING.action, _PITTING.spare, _PITTING.iso14224,
        ),
    ),
    components=(
        Component("idlers", "Idlers", ("idler_wear", "log_idler_rate")),
        Component("lagging", "Lagging of the drum", ("lagging_wear", "log_lagging_rate")),
        Component("motor", "Motor", ("fouling", "log_fouling_rate")),
        Component("gear_unit", "Gear unit", ("pitting", "log_pitting_rate")),
    ),
    parameters=(
        Parameter("rated_speed_rad_per_s", "Rated motor speed", "rad/s", "four poles, 1460 1/min", 10.0, 400.0),
        Parameter("rated_mass_flow_kg_per_s", "Rated mass flow", "kg/s", _OWN, 0.1, 5e3),
        Parameter("rated_power_W", "Rated motor power", "W", "IEC 60072: 15 kW", 100.0, 5e6),
        Parameter("length_m", "Length between drums", "m", _OWN, 2.0, 5e3),
        Parameter("lift_m", "Lift of the load", "m", _OWN, -500.0, 500.0),
        Parameter("length_factor", "Factor C of the secondary resistances", "1", _DIN + ", 100 m: 1.78", 1.0, 10.0),
        Parameter("friction_new", "Friction coefficient f, new", "1", _DIN + ": 0.020", 0.01, 0.05),
        Parameter("friction_worn", "Friction coefficient f at its limit", "1", _DIN + ": 0.023 to 0.027", 0.022, 0.05),
        Parameter("idler_kg_per_m", "Turning mass of the idlers", "kg/m", _OWN, 0.5, 500.0),
        Parameter("belt_kg_per_m", "Mass of the belt", "kg/m", "EP 400/3, 800 mm", 0.5, 500.0),
        Parameter("drum_m", "Diameter of the drum", "m", _OWN, 0.05, 3.0),
        Parameter("gear_ratio", "Ratio of the gear unit", "1", _OWN, 1.0, 200.0),
        Parameter("gear_efficiency", "Efficiency of the gear unit", "1", "three stages, 0.985 to 0.99 each", 0.5, 1.0),
        Parameter("slack_tension_N", "Tension of the slack side", "N", "take-up weight of 0.8 t", 10.0, 1e6),
        Parameter("wrap_rad", "Angle of wrap", "rad", "200 degrees with a snub drum", 1.0, 8.0),
        Parameter("lagging_friction", "Friction of the lagged drum", "1", _DIN + ": rubber, wet and clean 0.35", 0.05, 0.8),
        Parameter("creep", "Elastic creep at full grip", "1", "belt of 8 kN/mm and 800 mm: 0.5 to 1 %", 1e-4, 0.05),
        Parameter("sliding", "Slip for a tenth above the grip, times ten", "1", "estimate", 0.01, 5.0),
        Parameter("idler_life_s", "Time until f is at its limit", "s", "estimate: 28 000 h", 1e5, 1e11),
        Parameter("lagging_life_s", "Time until the friction is halved at full grip", "s", "estimate: 25 000 h", 1e5, 1e11),
    ),
)  # fmt: skip
