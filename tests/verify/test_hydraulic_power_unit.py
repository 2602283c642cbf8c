"""Hydraulic power unit: laws of gas and slip in closed form, balance of volume and energy, published limits."""

import numpy as np
import pytest

from didymos.assets import hydraulic_power_unit as unit
from didymos.assets.hydraulic_power_unit import MODEL, OIL_DENSITY, Params
from didymos.assets.lubricants import walther_slope

P = Params()
U = MODEL.nominal
X = MODEL.steady(MODEL.initial, U, P)


def seen(x, u=U):
    return MODEL.out(x, u, P)


def test_a_slow_draw_follows_boyle_and_a_fast_one_the_adiabate():
    # V_1 = V_0 p_0 / p; then p V^k = constant
    volume = P.accumulator_m3 * P.precharge_Pa / 1.6e7
    for k in (1.0, 1.4):
        found = unit.lowest_pressure_Pa(0.0, 1.6e7, P._replace(polytropic=k))
        assert found * (volume + P.drawn_m3) ** k == pytest.approx(1.6e7 * volume**k, rel=1e-12)


def test_an_accumulator_without_enough_oil_ends_at_its_full_gas_volume():
    low = P._replace(drawn_m3=9e-3)
    assert unit.lowest_pressure_Pa(0.0, 1.6e7, low._replace(polytropic=1.0)) == pytest.approx(P.precharge_Pa, rel=1e-12)


def test_gas_leaves_exponentially():
    x, h = X._replace(log_gas_rate=1.0), 1e5
    for _ in range(1000):
        x = x._replace(gas_loss=x.gas_loss + h * MODEL.rhs(x, U, P).gas_loss)
    assert 1.0 - x.gas_loss == pytest.approx(np.exp(-np.exp(1.0) * 1e8 / P.gas_life_s), rel=2e-3)


def test_the_gas_has_failed_where_hydac_forbids_a_lower_charge():
    # p_0 >= 0.25 p_2
    lost = 1.0 - 0.25 * P.rated_pressure_Pa / P.precharge_Pa
    assert MODEL.severity(X._replace(gas_loss=lost), U, P).gas_loss == pytest.approx(1.0, rel=1e-12)


def test_volume_is_kept_theory_is_flow_plus_slip():
    x = X._replace(pump_gap=0.5)
    slip = seen(x).case_drain_m3_per_s / P.case_share
    assert seen(x).flow_m3_per_s + slip == pytest.approx(P.displacement_m3 * U.speed_rad_per_s / (2 * np.pi), rel=1e-12)


def test_slip_is_wilsons_and_grows_with_the_cube_of_the_gap():
    # C_s V p / (2 pi mu)
    one, two = (unit.slip_m3_per_s(g, 1.6e7, 30e-6, P) for g in (0.0, 1.0))
    assert one == pytest.approx(P.slip * P.displacement_m3 * 1.6e7 / (2 * np.pi * OIL_DENSITY * 30e-6), rel=1e-12)
    assert two / one == pytest.approx(8.0, rel=1e-12)
    assert unit.slip_m3_per_s(0.0, 1.6e7, 60e-6, P) == pytest.approx(0.5 * one, rel=1e-12)


def test_efficiencies_are_those_wilsons_coefficients_say():
    # Merritt 1967 eq. 4-19: (1 - C_s p/(mu w)) / (1 + C_f + C_d mu w / p)
    v = MODEL.virtual(X, U, P)
    mu_w = OIL_DENSITY * v.tank_viscosity_m2_per_s * U.speed_rad_per_s
    volumetric = 1.0 - P.slip * 1.6e7 / mu_w
    assert v.volumetric_efficiency == pytest.approx(volumetric, rel=1e-12)
    assert v.pump_efficiency == pytest.approx(volumetric / (1.0 + P.coulomb_friction + P.viscous_drag * mu_w / 1.6e7), rel=1e-12)
    assert 0.90 < v.pump_efficiency < 0.95  # axial piston pump of this size at this pressure


@pytest.mark.parametrize("kelvin", [268.15, 298.15, 318.15])
@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_warm_all_that_the_motor_gives_leaves_as_work_or_heat(kelvin, gap):
    u = U._replace(ambient_temperature_K=kelvin)
    x = MODEL.steady(X._replace(pump_gap=gap, cooler_fouling=0.2), u, P)
    work = P.useful_share * 1.6e7 * seen(x, u).flow_m3_per_s
    away = (P.cooler_W_per_K / 1.2 + P.tank_W_per_K) * (x.tank_temperature_K - kelvin)
    assert seen(x, u).motor_power_W * P.motor_efficiency == pytest.approx(work + away, rel=1e-9)


def test_a_worn_pump_delivers_less_drains_more_and_heats_the_oil():
    worn = MODEL.steady(X._replace(pump_gap=0.8), U, P)
    assert seen(worn).flow_m3_per_s < seen(X).flow_m3_per_s
    assert seen(worn).case_drain_m3_per_s > 5.0 * seen(X).case_drain_m3_per_s
    assert worn.tank_temperature_K > X.tank_temperature_K


def test_the_pump_has_failed_at_a_tenth_of_its_flow_in_the_case_drain():
    limit = 0.1 * P.displacement_m3 * P.rated_speed_rad_per_s / (2 * np.pi)
    gap = (limit / (P.case_share * unit.slip_m3_per_s(0.0, P.rated_pressure_Pa, 30e-6, P))) ** (1 / 3) - 1.0
    assert MODEL.severity(X._replace(pump_gap=gap), U, P).pump_leakage == pytest.approx(1.0, rel=1e-9)


def test_oil_has_16_square_millimetres_at_the_temperature_named():
    for grade in (32e-6, 46e-6, 68e-6):
        u = U._replace(oil_viscosity_m2_per_s=grade)
        assert unit.oil_m2_per_s(unit.thin_K(u, P), u, P) == pytest.approx(16e-6, rel=1e-9)


def test_a_cooler_at_its_limit_brings_the_oil_to_16_square_millimetres_on_a_hot_day():
    x = X._replace(cooler_fouling=float(unit.fouling_limit(X, U, P)))
    assert MODEL.severity(x, U, P).cooler_fouling == pytest.approx(1.0, rel=1e-12)
    hot = U._replace(ambient_temperature_K=313.15)
    assert MODEL.virtual(MODEL.steady(x, hot, P), hot, P).tank_viscosity_m2_per_s == pytest.approx(16e-6, rel=1e-6)


def test_thinner_oil_brings_the_cooler_nearer_to_its_limit():
    x = X._replace(cooler_fouling=0.2)
    thin = U._replace(oil_viscosity_m2_per_s=36e-6)
    assert MODEL.severity(x, thin, P).cooler_fouling > MODEL.severity(x, U, P).cooler_fouling


def test_a_full_filter_reads_two_bar_at_rated_flow_and_reference_oil():
    rated = P.displacement_m3 * P.rated_speed_rad_per_s / (2 * np.pi)
    assert unit.filter_drop_Pa(1.0, 30e-6, rated, P) == pytest.approx(2.0e5, rel=1e-12)
    assert unit.filter_drop_Pa(0.0, 30e-6, rated, P) == pytest.approx(0.3e5, rel=1e-12)
    assert unit.filter_drop_Pa(0.5, 60e-6, 0.5 * rated, P) == pytest.approx(unit.filter_drop_Pa(0.5, 30e-6, rated, P), rel=1e-12)


def test_the_walther_slope_is_that_of_iso_vg_46():
    assert P.walther_slope == pytest.approx(walther_slope(46e-6, 6.8e-6), rel=1e-3)


def test_a_stopped_unit_reads_no_pressure_flow_or_power_and_cools():
    still = U._replace(speed_rad_per_s=0.0)
    read = seen(X, still)
    assert (read.pressure_Pa, read.flow_m3_per_s, read.motor_power_W, read.case_drain_m3_per_s) == (0.0, 0.0, 0.0, 0.0)
    assert MODEL.steady(X, still, P).tank_temperature_K == pytest.approx(U.ambient_temperature_K, rel=1e-12)
