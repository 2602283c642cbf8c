"""Conveyor: resistances by hand, Eytelwein, the motor's and the gear unit's own answers, balances, limits."""

import numpy as np
import pytest

from didymos.assets import conveyor_drive as conveyor
from didymos.assets import gearbox, induction_motor
from didymos.assets.conveyor_drive import GEAR, MODEL, MOTOR, Params

P = Params()
X, U = MODEL.initial, MODEL.nominal


def test_resistance_by_hand():
    """DIN 22101: 1.78 * 0.020 * 100 * 9.80665 * (18 + 2*11 + m_L) + m_L * 9.80665 * 6 with m_L = 75 / 1.911 = 39.24 kg/m."""
    load = 75.0 / (0.25 * 152.9 / 20.0)
    expected = 1.78 * 0.020 * 100 * 9.80665 * (40.0 + load) + load * 9.80665 * 6
    assert MODEL.virtual(X, U, P).resistance_N == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(5075.0, abs=5.0)


def test_the_drum_begins_to_slip_at_eytelweins_ratio_of_tensions():
    limit = conveyor.grip_N(0.0, P)
    assert (P.slack_tension_N + limit) / P.slack_tension_N == pytest.approx(np.exp(0.35 * 3.49), rel=1e-12)


def test_power_is_pull_times_speed_through_the_gear_and_what_the_motor_loses():
    v = MODEL.virtual(X, U, P)
    current = induction_motor.Input(v.motor_current_A, U.speed_rad_per_s, U.ambient_temperature_K)
    lost = induction_motor.virtual(conveyor.motor_state(X), current, MOTOR).loss_W
    pulled = v.resistance_N * 0.25 * U.speed_rad_per_s / 20.0
    assert MODEL.out(X, U, P).motor_power_W == pytest.approx(pulled / 0.96 + lost, rel=1e-12)


def test_motor_and_gear_unit_answer_as_their_own_models_do():
    x = X._replace(winding_temperature_K=350.0, frame_temperature_K=330.0, fouling=0.2, pitting=0.3)
    d = MODEL.rhs(x, U, P)
    motor = induction_motor.rhs(conveyor.motor_state(x), conveyor.motor_input(x, U, P), MOTOR)
    gear = gearbox.rhs(conveyor.gear_state(x), conveyor.gear_input(x, U, P), GEAR)
    assert (d.winding_temperature_K, d.frame_temperature_K, d.fouling) == motor[:3]
    assert d.pitting == gear.pitting


def test_the_rated_motor_runs_below_its_class_and_at_its_rated_current():
    heavy = U._replace(mass_flow_kg_per_s=0.0)
    need = 15e3 / (0.25 * 152.9 / 20.0) * 0.96
    p = P._replace(lift_m=(need - MODEL.virtual(X, U, P).resistance_N) / (75.0 / 1.91125 * 9.80665) + 6.0)
    assert MODEL.virtual(X, U, p).motor_current_A == pytest.approx(28.0, rel=1e-3)
    assert MODEL.steady(X, U._replace(ambient_temperature_K=313.15), p).winding_temperature_K < 428.15
    assert MODEL.virtual(X, heavy, P).motor_current_A < 20.0


def test_steady_is_where_the_motors_heat_balances_close():
    warm = MODEL.steady(X, U, P)
    d = MODEL.rhs(warm, U, P)
    assert d.winding_temperature_K == pytest.approx(0.0, abs=1e-9)
    assert d.frame_temperature_K == pytest.approx(0.0, abs=1e-9)


def test_a_cold_start_is_as_accurate_at_the_longest_step_as_the_sensors():
    coarse, fine = X, X
    for _ in range(120):
        coarse = MODEL.State(*(float(a + 60.0 * d) for a, d in zip(coarse, MODEL.rhs(coarse, U, P), strict=True)))
        for _ in range(4):
            fine = MODEL.State(*(float(a + 15.0 * d) for a, d in zip(fine, MODEL.rhs(fine, U, P), strict=True)))
        for channel, a, b in zip(MODEL.sensors, MODEL.out(coarse, U, P), MODEL.out(fine, U, P), strict=True):
            assert abs(a - b) < 2.0 * channel.noise, channel.name


def test_each_limit_is_where_the_severity_is_one():
    x = X._replace(idler_wear=1.0)
    assert MODEL.virtual(x, U, P).friction_coefficient == pytest.approx(0.027, rel=1e-12)
    rated = conveyor.rated_input(P)
    pull = MODEL.virtual(X, rated, P).resistance_N
    friction = np.log(1.0 + pull / P.slack_tension_N) / P.wrap_rad
    worn = X._replace(lagging_wear=2.0 * (1.0 - friction / P.lagging_friction))
    assert MODEL.severity(worn, U, P).lagging == pytest.approx(1.0, rel=1e-9)
    assert MODEL.virtual(worn, rated, P).grip_used == pytest.approx(1.0, rel=1e-9)


def test_at_rest_nothing_wears_and_nothing_pulls():
    still = U._replace(speed_rad_per_s=0.0)
    d, y = MODEL.rhs(X, still, P), MODEL.out(X, still, P)
    assert (d.idler_wear, d.lagging_wear, d.fouling, d.pitting, y.belt_speed_m_per_s) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert y.motor_power_W == pytest.approx(0.0, abs=1e-9)
