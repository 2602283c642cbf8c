"""Induction motor: closed forms, energy balance, and the rules its thresholds come from."""

import numpy as np
import pytest

from didymos.assets import induction_motor as motor
from didymos.assets.induction_motor import MODEL, Input, Params, State

P = Params()
U = MODEL.nominal
X = MODEL.steady(MODEL.initial, U, P)


@pytest.mark.parametrize("current", [0.0, 7.0, 14.2, 18.0])
@pytest.mark.parametrize("fouling", [-0.2, 0.0, 0.5])
def test_steady_zeroes_the_temperature_rates(current, fouling):
    u = Input(current, 140.0, 300.0)
    x = MODEL.steady(MODEL.initial._replace(fouling=fouling, bearing_wear=0.3, winding_factor=1.1), u, P)
    rates = MODEL.rhs(x, u, P)
    scale = MODEL.virtual(x, u, P).loss_W / P.winding_capacity_J_per_K
    assert abs(rates.winding_temperature_K) < 1e-9 * scale
    assert abs(rates.frame_temperature_K) < 1e-9 * scale


def test_at_rest_everything_is_at_ambient():
    x = MODEL.steady(MODEL.initial, Input(0.0, 0.0, 290.0), P)
    assert (x.winding_temperature_K, x.frame_temperature_K) == pytest.approx((290.0, 290.0), rel=1e-12)


def test_all_loss_leaves_through_the_cooling_path():
    through = (X.frame_temperature_K - U.ambient_temperature_K) / motor.cooling_K_per_W(X.fouling, U, P)
    assert through == pytest.approx(MODEL.virtual(X, U, P).loss_W, rel=1e-9)


def test_while_warming_up_heat_made_equals_heat_stored_plus_heat_given_away():
    x = MODEL.initial._replace(winding_temperature_K=330.0, frame_temperature_K=310.0)
    rates = MODEL.rhs(x, U, P)
    stored = rates.winding_temperature_K * P.winding_capacity_J_per_K + rates.frame_temperature_K * P.frame_capacity_J_per_K
    away = (x.frame_temperature_K - U.ambient_temperature_K) / motor.cooling_K_per_W(x.fouling, U, P)
    assert stored + away == pytest.approx(MODEL.virtual(x, U, P).loss_W, rel=1e-12)


def test_total_loss_at_rated_load_is_that_of_the_efficiency_class():
    # IEC 60034-30-1: IE3, 7.5 kW, four poles, 50 Hz: 90.4 %
    assert MODEL.virtual(X, U, P).loss_W == pytest.approx(7500.0 / 0.904 - 7500.0, rel=0.05)


def test_rated_temperature_rise_is_within_class_b():
    # IEC 60034-1 table 8: 80 K by resistance for class B, to which IE3 motors are usually designed
    rated = Input(P.rated_current_A, P.rated_speed_rad_per_s, 313.15)
    rise = MODEL.steady(MODEL.initial, rated, P).winding_temperature_K - 313.15
    assert 70.0 < rise < 90.0


def test_ten_kelvin_halve_the_insulation_life_exactly():
    cold, hot = (MODEL.rhs(X._replace(winding_temperature_K=t), U, P).insulation_damage for t in (400.0, 410.0))
    assert hot / cold == pytest.approx(2.0, rel=1e-12)


def test_insulation_lasts_20000_hours_at_the_class_limit():
    # IEC 60216-1
    rate = MODEL.rhs(X._replace(winding_temperature_K=428.15), U, P).insulation_damage
    assert 1.0 / rate / 3600.0 == pytest.approx(20_000.0, rel=1e-12)


def test_the_fouling_threshold_is_where_the_rated_winding_meets_its_class_limit():
    rated = Input(P.rated_current_A, P.rated_speed_rad_per_s, 313.15)
    lo, hi = 0.0, 5.0
    for _ in range(60):
        middle = 0.5 * (lo + hi)
        fouled = MODEL.severity(X._replace(fouling=middle), U, P).cooling_fouling < 1.0
        lo, hi = (middle, hi) if fouled else (lo, middle)
    assert MODEL.steady(X._replace(fouling=lo), rated, P).winding_temperature_K == pytest.approx(428.15, abs=1e-6)


def test_vibration_at_full_wear_and_rated_speed_is_the_zone_limit():
    # ISO 10816-1 class I, zone C/D
    rated = Input(10.0, P.rated_speed_rad_per_s, 300.0)
    assert MODEL.out(X._replace(bearing_wear=1.0), rated, P).vibration_velocity_m_per_s == pytest.approx(4.5e-3, rel=1e-12)


def test_copper_resistance_follows_iec_60028():
    # 0.393 % per kelvin from 20 C: 100 K warmer is 39.3 % more
    x = X._replace(winding_temperature_K=393.15)
    assert MODEL.virtual(x, U, P).winding_resistance_ohm / P.resistance_20C_ohm == pytest.approx(1.393, rel=1e-12)


def test_a_slower_fan_cools_less_and_a_stopped_one_a_quarter():
    # the standstill time constant of a fan-cooled machine is a few times the running one (IEC 60255-149)
    full, still = (motor.cooling_K_per_W(0.0, Input(0.0, s, 300.0), P) for s in (P.rated_speed_rad_per_s, 0.0))
    assert still / full == pytest.approx(4.0, rel=1e-12)


def test_grease_life_halves_every_fifteen_kelvin():
    # SKF: above 70 C grease life halves per 15 K
    x = State(400.0, 340.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    rates = [MODEL.rhs(x._replace(frame_temperature_K=t), U, P).bearing_wear for t in (340.0, 355.0)]
    assert rates[1] / rates[0] == pytest.approx(2.0, rel=1e-12)


def test_arrays_over_motors_give_the_same_as_one_motor():
    hot = np.array([300.0, 350.0, 400.0])
    many = MODEL.rhs(X._replace(winding_temperature_K=hot), U, P)
    for i, t in enumerate(hot):
        one = MODEL.rhs(X._replace(winding_temperature_K=float(t)), U, P)
        assert many.winding_temperature_K[i] == one.winding_temperature_K
