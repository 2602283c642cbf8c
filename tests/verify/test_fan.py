"""Fan: affinity laws, intersection with the system, published limits, and the filter's exponential."""

import numpy as np
import pytest

from didymos.assets import fan
from didymos.assets.bearings import greased_wear
from didymos.assets.fan import MODEL, Input, Params
from didymos.assets.filters import clogged_drop_Pa

P = Params()
BARE = P._replace(filter_clean_Pa=1e-9, slip_new=0.0)  # no laminar filter and no slip: both break the affinity laws
U = Input(P.rated_motor_speed_rad_per_s, 1.0, 293.15)
X = MODEL.steady(MODEL.initial, U, P)
GONE = X._replace(filter_loading=0.0)


@pytest.mark.parametrize("ratio", [0.3, 0.8, 1.15])
@pytest.mark.parametrize("opening", [0.3, 1.0])
def test_affinity_laws_hold_exactly_on_one_system(ratio, opening):
    # Q ~ n, p ~ n^2, P ~ n^3
    fast = U._replace(damper_opening=opening)
    slow = fast._replace(motor_speed_rad_per_s=ratio * U.motor_speed_rad_per_s)
    for f, power in ((fan.flow_m3_per_s, 1), (fan.pressure_rise_Pa, 2), (fan.shaft_W, 3)):
        assert f(GONE, slow, BARE) == pytest.approx(ratio**power * f(GONE, fast, BARE), rel=1e-9)


@pytest.mark.parametrize("opening", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("loading", [0.0, 1.0])
@pytest.mark.parametrize("kelvin", [263.15, 293.15, 333.15])
def test_the_pressure_of_the_fan_is_what_filter_duct_and_damper_take(opening, loading, kelvin):
    x, u = X._replace(filter_loading=loading), U._replace(damper_opening=opening, air_temperature_K=kelvin)
    flow, density = fan.flow_m3_per_s(x, u, P), 293.15 / kelvin
    taken = MODEL.out(x, u, P).filter_pressure_drop_Pa + density * P.system_Pa_s2_per_m6 * (flow / opening) ** 2
    assert fan.pressure_rise_Pa(x, u, P) == pytest.approx(taken, rel=1e-9)


def test_the_default_fan_gives_its_rated_point():
    no_slip = P._replace(slip_new=0.0)
    assert fan.flow_m3_per_s(X, U, no_slip) == pytest.approx(4.0, rel=1e-6)
    assert fan.pressure_rise_Pa(X, U, no_slip) == pytest.approx(1600.0, rel=1e-6)
    assert MODEL.virtual(X, U, no_slip).efficiency == pytest.approx(6400.0 / 8200.0, rel=1e-6)
    assert 0.75 < MODEL.virtual(X, U, P).efficiency < 0.85  # backward-curved fans, Eck 1973


@pytest.mark.parametrize("opening", [0.06, 0.3, 1.0])
def test_the_motor_gives_more_than_the_air_takes(opening):
    u = U._replace(damper_opening=opening)
    assert MODEL.out(X, u, P).motor_power_W > fan.pressure_rise_Pa(X, u, P) * fan.flow_m3_per_s(X, u, P)


def test_slip_at_the_limit_costs_five_percent_of_the_speed():
    # US DOE Motor Systems Tip Sheet 5
    worn, new = (fan.fan_speed_rad_per_s(X._replace(belt_wear=w), U, P) for w in (1.0, 0.0))
    assert (new - worn) / (U.motor_speed_rad_per_s * P.belt_ratio) == pytest.approx(0.05, rel=1e-9)


def test_half_the_speed_has_a_quarter_of_the_slip():
    half = U._replace(motor_speed_rad_per_s=0.5 * U.motor_speed_rad_per_s)
    assert fan.slip(0.4, half, P) == pytest.approx(0.25 * fan.slip(0.4, U, P), rel=1e-12)


def test_unbalance_at_its_limit_reads_the_shut_down_value_of_iso_14694():
    # BV-3, rigid: 9.0 mm/s rms
    x = X._replace(unbalance=1.0)
    assert fan.turn_velocity_m_per_s(x, U, P._replace(slip_new=0.0)) == pytest.approx(9.0e-3, rel=1e-12)
    assert MODEL.severity(x, U, P).unbalance == 1.0


def test_the_new_fan_meets_the_start_up_limit_of_iso_14694():
    # BV-3, rigid: 4.5 mm/s overall at start-up
    assert MODEL.out(X, U, P).vibration_velocity_m_per_s < 4.5e-3


def test_overall_velocity_is_the_root_of_the_squares_of_its_parts():
    x = X._replace(unbalance=0.4, bearing_wear=0.7)
    read, rest = MODEL.out(x, U, P), fan.bearing_velocity_m_per_s(x, U, P)
    assert read.vibration_velocity_m_per_s == pytest.approx(np.hypot(read.turn_velocity_m_per_s, rest), rel=1e-6)


def test_the_bearing_wears_as_the_shared_law_says_and_twice_as_fast_15_kelvin_warmer():
    warm = X._replace(bearing_temperature_K=P.grease_reference_K)
    rate = MODEL.rhs(warm, U, P).bearing_wear
    assert rate == pytest.approx(1.0 / P.bearing_life_s, rel=1e-12)
    assert greased_wear(0.0, 0.0, 1.0, 358.15, 343.15, 2.0) == pytest.approx(2.0, rel=1e-12)
    hot = MODEL.rhs(warm._replace(bearing_temperature_K=P.grease_reference_K + 15.0), U, P).bearing_wear
    assert hot == pytest.approx(2.0 * rate, rel=1e-12)


def test_the_warm_bearing_gives_off_its_friction():
    given = (X.bearing_temperature_K - U.air_temperature_K) / P.bearing_to_air_K_per_W
    assert given == pytest.approx(fan.bearing_loss_W(X, U, P), rel=1e-12)
    assert 313.15 < X.bearing_temperature_K < 343.15  # usual of plummer blocks: 40 to 70 C


def test_a_filter_at_its_limit_reads_450_pascal_at_rated_flow():
    # EN 779:2012
    x = X._replace(filter_loading=1.0)
    assert fan.filter_slope_Pa_s_per_m3(x, P) * P.rated_flow_m3_per_s == pytest.approx(450.0, rel=1e-12)
    assert fan.flow_m3_per_s(x, U, P) < 0.95 * fan.flow_m3_per_s(X, U, P)


def test_equal_dirt_multiplies_the_pressure_drop_equally():
    drops = [clogged_drop_Pa(w, 100.0, 450.0) for w in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert drops[0] == 100.0
    assert drops[-1] == pytest.approx(450.0, rel=1e-12)
    assert np.diff(np.log(drops)) == pytest.approx([np.log(4.5) / 4] * 4, rel=1e-12)


def test_a_stopped_fan_moves_nothing_and_cools():
    still = U._replace(motor_speed_rad_per_s=0.0)
    read = MODEL.out(X, still, P)
    assert (read.fan_speed_rad_per_s, read.motor_power_W, read.turn_velocity_m_per_s) == (0.0, 0.0, 0.0)
    assert read.flow_m3_per_s == pytest.approx(0.0, abs=1e-6)
    assert MODEL.steady(X, still, P).bearing_temperature_K == U.air_temperature_K
