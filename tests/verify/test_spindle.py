"""Spindle: heat balance, statics, ISO 281 life from live conditions, spall growth."""

import numpy as np
import pytest

from didymos.assets import spindle
from didymos.assets.bearings import BEARINGS, basic_life_revolutions, fatigue_limit_N, life_factor
from didymos.assets.spindle import MODEL, Input, Params

P = Params()
U = MODEL.nominal
X = MODEL.steady(MODEL.initial, U, P)


@pytest.mark.parametrize("speed", [0.0, 60.0, 400.0, 628.3, 800.0])
@pytest.mark.parametrize("start", [280.0, 298.15, 360.0])
def test_steady_zeroes_the_temperature_rates_from_wherever_it_starts(speed, start):
    u = Input(speed, 2500.0, 295.0, 46e-6)
    x0 = MODEL.initial._replace(front_bearing_temperature_K=start, rear_bearing_temperature_K=start, starvation=0.2)
    x = MODEL.steady(x0, u, P)
    rates, scale = MODEL.rhs(x, u, P), 400.0 / P.bearing_capacity_J_per_K
    assert abs(rates.front_bearing_temperature_K) < 1e-9 * scale
    assert abs(rates.rear_bearing_temperature_K) < 1e-9 * scale


def test_all_friction_and_drive_heat_leave_through_the_housing():
    seen = MODEL.virtual(X, U, P)
    away = (seen.housing_temperature_K - U.ambient_temperature_K) / P.housing_to_ambient_K_per_W
    assert away == pytest.approx(seen.friction_W + P.housing_heat_W, rel=1e-9)


def test_bearing_reactions_balance_the_overhung_load():
    # a force F at the nose, overhang o times the bearing distance: front (1 + o) F, rear o F the other way
    u, bare = U._replace(radial_load_N=1000.0), Params(preload_N=1e-9)
    assert spindle.front_load_N(u, bare) - spindle.rear_load_N(u, bare) == pytest.approx(1000.0, rel=1e-9)


def test_default_bearings_are_those_of_the_table():
    front, rear = BEARINGS["7014c"], BEARINGS["7012c"]
    assert (P.front_rating_N, P.front_mean_diameter_m) == (front.dynamic_rating_N, front.mean_diameter_m)
    assert (P.rear_rating_N, P.rear_mean_diameter_m) == (rear.dynamic_rating_N, rear.mean_diameter_m)
    limits = (fatigue_limit_N(front), fatigue_limit_N(rear))
    assert (P.front_fatigue_limit_N, P.rear_fatigue_limit_N) == pytest.approx(limits, rel=1e-3)


def test_front_life_is_iso_281_worked_by_hand():
    load = 400.0 + 1.5 * 2500.0
    kappa = spindle.front_kappa(X, U, P)
    turns = life_factor(kappa, 0.2, 1955.0, load) * basic_life_revolutions(48_000.0, load)
    assert spindle.front_life_s(X, U, P) == pytest.approx(turns * 2 * np.pi / U.speed_rad_per_s, rel=1e-9)


def test_life_falls_with_the_cube_of_the_load_where_the_life_factor_stands_still():
    # contamination 0 holds a_ISO at 0.1, so L10m = 0.1 L10 and (C / P)^3 remains
    dirty = Params(contamination=0.0, preload_N=1e-6)
    light, heavy = (spindle.front_life_s(X, U._replace(radial_load_N=f), dirty) for f in (2000.0, 4000.0))
    assert light / heavy == pytest.approx(8.0, rel=1e-6)


def test_damage_counts_one_per_l10_life():
    rate = MODEL.rhs(X, U, P).front_damage
    assert rate * spindle.front_life_s(X, U, P) == pytest.approx(1.0, rel=1e-12)


def test_the_median_bearing_outlives_l10_by_the_weibull_ratio():
    # ISO 281 explanatory notes: slope 1.11 of ball bearings
    assert pytest.approx((np.log(2) / np.log(1 / 0.9)) ** (1 / 1.11), rel=1e-3) == spindle.MEDIAN_OVER_L10


def test_thin_oil_shortens_life_and_fails_the_lubrication_below_kappa_one():
    thick, thin = (MODEL.severity(X, U._replace(oil_viscosity_m2_per_s=v), P).lubrication for v in (32e-6, 8e-6))
    assert thick < 1.0 < thin
    lives = [spindle.front_life_s(X, U._replace(oil_viscosity_m2_per_s=v), P) for v in (32e-6, 15e-6, 8e-6)]
    assert lives[0] > lives[1] > lives[2]


def test_lubrication_fails_exactly_at_kappa_one():
    lo, hi = 1e-6, 100e-6
    for _ in range(60):
        middle = 0.5 * (lo + hi)
        failed = MODEL.severity(X, U._replace(oil_viscosity_m2_per_s=middle), P).lubrication > 1.0
        lo, hi = (middle, hi) if failed else (lo, middle)
    u = U._replace(oil_viscosity_m2_per_s=lo)
    kappa = spindle.kappa(X.front_bearing_temperature_K, 0.0, P.rated_speed_rad_per_s, P.rear_mean_diameter_m, u, P)
    assert kappa == pytest.approx(1.0, rel=1e-6)


def test_a_full_front_spall_reads_the_zone_limit_at_rated_speed():
    # ISO 10816-1 class I, zone C/D: 4.5 mm/s
    u = U._replace(speed_rad_per_s=P.rated_speed_rad_per_s)
    read = MODEL.out(X._replace(front_spall=1.0), u, P)
    assert read.velocity_rms_m_per_s == pytest.approx(4.5e-3, rel=1e-12)
    assert MODEL.severity(X._replace(front_spall=1.0), u, P).front_bearing_fatigue == 1.0


def test_what_is_learned_of_one_spall_leaves_the_other_bearing_alone():
    x = X._replace(front_spall=0.3, log_spall_rate=5.0)
    calm, fast = MODEL.rhs(X._replace(front_spall=0.3), U, P), MODEL.rhs(x, U, P)
    assert fast.front_spall / calm.front_spall > 100.0
    assert fast.rear_spall / calm.rear_spall == pytest.approx(1.0, abs=0.05)


def test_a_spall_grows_exponentially_in_a_tenth_of_l10m():
    # ds/dt = s / (0.1 L10m) once s is well above the flaw
    x = X._replace(front_spall=0.5)
    tau = P.spall_growth_share * spindle.front_life_s(x, U, P)
    assert MODEL.rhs(x, U, P).front_spall * tau == pytest.approx(0.5, rel=1e-3)


def test_a_stopped_spindle_neither_warms_nor_wears():
    u = U._replace(speed_rad_per_s=0.0, radial_load_N=0.0)
    x = MODEL.initial._replace(front_spall=0.2)
    read, rates = MODEL.out(x, u, P), MODEL.rhs(x, u, P)
    assert (read.drive_power_W, read.velocity_rms_m_per_s, read.acceleration_rms_m_per_s2) == (0.0, 0.0, 0.0)
    assert rates.front_damage * 1e9 < 1e-3
    assert rates.front_spall * 1e9 < 1e-2
