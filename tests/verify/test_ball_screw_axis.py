"""Ball screw axis: catalogue formulas by hand, ISO 3408 life and loaded half, balances, limits."""

import numpy as np
import pytest

from didymos.assets import ball_screw_axis as axis
from didymos.assets.ball_screw_axis import MODEL, OPENING, Params

P = Params()
X, U = MODEL.initial, MODEL.nominal


def test_efficiency_is_above_nine_tenths_as_catalogues_say_and_falls_with_a_flat_lead():
    # THK, diagram of positive efficiency: 0.005 at a lead angle of 5 degrees: 0.94 to 0.95
    flat = P._replace(lead_m=np.pi * 0.04 * np.tan(np.radians(5.0)))
    assert axis.efficiency(flat) == pytest.approx(0.945, abs=0.006)
    assert axis.efficiency(P) > axis.efficiency(flat)


def test_preload_drag_by_hand():
    """JIS B 1192: 0.05 / sqrt(tan b) F_p L / 2 pi with tan b = 20 / (40 pi) = 0.1592: 1.04 N m."""
    assert axis.drag_Nm(X, P) == pytest.approx(0.05 / 0.1592**0.5 * 2600.0 * 0.020 / (2 * np.pi), rel=1e-3)
    assert axis.drag_Nm(X, P) == pytest.approx(1.04, abs=0.005)


def test_the_loaded_half_begins_at_the_preload_and_carries_all_once_the_other_is_free():
    assert axis.loaded_half_N(0.0, 1000.0) == pytest.approx(1000.0, rel=1e-12)
    assert axis.loaded_half_N(OPENING * 1000.0, 1000.0) == pytest.approx(OPENING * 1000.0, rel=1e-12)
    assert axis.loaded_half_N(5000.0, 1000.0) == pytest.approx(5000.0, rel=1e-12)
    small = (axis.loaded_half_N(1.0, 1000.0) - 1000.0) / 1.0
    assert small == pytest.approx(1.5 / OPENING, rel=1e-3)  # both halves deflect alike at first


def test_life_is_the_cube_of_the_load_ratio():
    """C_a 52 kN, 4.4 kN without preload: (52/4.4)^3 = 1650 million turns."""
    bare = X._replace(preload_loss=1.0)
    u = U._replace(axial_force_N=4400.0)
    turns = P.duty * u.speed_rad_per_s / (2 * np.pi) / axis.life_used_per_s(bare, u, P)
    assert turns == pytest.approx(1650.7e6, rel=1e-3)


def test_torque_holds_the_balance_of_power():
    y = MODEL.out(X, U, P)
    useful = U.axial_force_N * P.lead_m / (2 * np.pi)
    assert y.motor_torque_Nm - useful == pytest.approx(MODEL.virtual(X, U, P).friction_torque_Nm, rel=1e-12)
    warm = MODEL.steady(X, U, P)
    assert MODEL.rhs(warm, U, P).screw_temperature_K == pytest.approx(0.0, abs=1e-9)
    rise = P.duty * MODEL.virtual(X, U, P).friction_torque_Nm * U.speed_rad_per_s / P.cooling_W_per_K
    assert warm.screw_temperature_K - U.ambient_temperature_K == pytest.approx(rise, rel=1e-12)


def test_a_metre_of_screw_grows_by_twelve_micrometres_a_kelvin():
    growth = MODEL.virtual(X._replace(screw_temperature_K=299.15), U, P).thermal_growth_m
    assert growth == pytest.approx(11.5e-6, rel=1e-9)


def test_less_preload_is_less_drag_and_more_lost_motion():
    worn = X._replace(preload_loss=0.5)
    assert MODEL.out(worn, U, P).motor_torque_Nm < MODEL.out(X, U, P).motor_torque_Nm
    ratio = MODEL.out(worn, U, P).reversal_error_m / MODEL.out(X, U, P).reversal_error_m
    assert ratio == pytest.approx(2.0 ** (1 / 3), rel=1e-9)


def test_each_limit_is_where_the_severity_is_one():
    allowed = 1.0 - P.largest_force_N / (OPENING * P.preload_N)
    x = X._replace(preload_loss=allowed, fatigue_damage=1.0, starvation=1.0)
    assert MODEL.severity(x, U, P) == pytest.approx((1.0, 1.0, 1.0))
    assert OPENING * MODEL.virtual(x, U, P).preload_N == pytest.approx(P.largest_force_N)
    assert axis.drag_Nm(X._replace(starvation=1.0), P) == pytest.approx(2 * axis.drag_Nm(X, P))


def test_at_rest_nothing_wears_and_nothing_turns():
    still = U._replace(speed_rad_per_s=0.0)
    d = MODEL.rhs(X, still, P)
    assert (d.preload_loss, d.fatigue_damage, d.starvation, MODEL.out(X, still, P).motor_torque_Nm) == (0.0, 0.0, 0.0, 0.0)
