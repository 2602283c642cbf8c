"""Compressor: a textbook's worked example, clearance by hand, balances of mass and heat, leaks and limits."""

import numpy as np
import pytest

from didymos.assets import compressor
from didymos.assets.compressor import AIR_J_PER_KG_K, MODEL, Input, Params

P = Params()
X, U = MODEL.initial, MODEL.nominal
IDEAL = P._replace(clearance=0.0, filling=1.0, ring_new=0.0, friction_W=0.0, drive_efficiency=1.0, filter_drop_Pa=1e-9)


def test_eastop_and_mcconkeys_example_of_a_single_stage_compressor():
    """Applied Thermodynamics, 12.1: 1 m3/min at 1.013 bar, 15 C to 7 bar, p v^1.35: 1.226 kg/min, 475.2 K, 4.238 kW."""
    p = IDEAL._replace(polytropic=1.35, swept_m3=1e-3)
    u = Input(1000.0 / 60.0 * 2 * np.pi, 1.013e5, 7.0e5, 288.15, 288.15)
    y = MODEL.out(X, u, p)
    assert y.flow_kg_per_s * 60.0 == pytest.approx(1.226, rel=2e-3)
    assert y.discharge_temperature_K == pytest.approx(475.4, abs=0.5)
    assert y.motor_power_W == pytest.approx(4238.0, rel=2e-3)


def test_clearance_gas_expands_and_takes_room():
    """6 % of clearance, ratio 7, exponent 1.3: 1 - 0.06 (7^(1/1.3) - 1) = 0.792."""
    p = IDEAL._replace(clearance=0.06, polytropic=1.3)
    found = compressor.filled(X, U._replace(discharge_pressure_Pa=7e5), p)
    assert found == pytest.approx(1.0 - 0.06 * (7 ** (1 / 1.3) - 1.0), rel=1e-6)
    assert found == pytest.approx(0.792, abs=1e-3)


def test_work_is_the_heat_capacity_form_of_the_polytropic_integral():
    """m/(m-1) R (T_2 - T_1) a kilogram: the closed form of the integral of v dp."""
    y = MODEL.out(X, U, IDEAL)
    exponent = P.polytropic / (P.polytropic - 1.0)
    expected = y.flow_kg_per_s * exponent * AIR_J_PER_KG_K * (y.discharge_temperature_K - U.suction_temperature_K)
    assert y.motor_power_W == pytest.approx(expected, rel=1e-9)
    pressures = np.linspace(U.suction_pressure_Pa, U.discharge_pressure_Pa, 200_001)
    volume = (U.suction_pressure_Pa / pressures) ** (1 / P.polytropic) * AIR_J_PER_KG_K * U.suction_temperature_K / 1e5
    assert y.motor_power_W / y.flow_kg_per_s == pytest.approx(np.trapezoid(volume, pressures), rel=1e-6)


def test_leaking_valves_heat_the_suction_as_the_balance_of_the_two_streams_says():
    x = X._replace(valve_leak=1.0)
    fresh, back = compressor.filled(x, U, P) - compressor.valve_leak(x, U, P), compressor.valve_leak(x, U, P)
    t = compressor.work_ratio(compressor.ratio(x, U, P), P)
    hot = MODEL.out(x, U, P).discharge_temperature_K
    mixed = hot / t
    assert (fresh + back) * mixed == pytest.approx(fresh * U.suction_temperature_K + back * hot, rel=1e-9)


def test_leaks_cost_flow_but_not_power():
    for field in ("valve_leak", "ring_leak"):
        good, bad = MODEL.out(X, U, P), MODEL.out(X._replace(**{field: 1.0}), U, P)
        assert bad.flow_kg_per_s < 0.98 * good.flow_kg_per_s
        assert bad.motor_power_W == pytest.approx(good.motor_power_W, rel=1e-12)


def test_each_limit_is_where_the_severity_is_one():
    def at_one(field, mode):
        low, high = 0.0, 8.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            worse = getattr(MODEL.severity(X._replace(**{field: middle}), U, P), mode) >= 1.0
            low, high = (low, middle) if worse else (middle, high)
        return MODEL.out(X._replace(**{field: high}), compressor.rated_input(P), P)

    new = MODEL.out(X, compressor.rated_input(P), P)
    assert at_one("valve_leak", "valves").discharge_temperature_K == pytest.approx(493.15, abs=1e-6)
    assert at_one("ring_leak", "rings").flow_kg_per_s == pytest.approx(0.9 * new.flow_kg_per_s, rel=1e-9)
    assert at_one("cooler_fouling", "cooler_fouling").outlet_temperature_K == pytest.approx(293.15 + 25.0, abs=1e-6)
    assert at_one("filter_loading", "intake_filter").filter_pressure_drop_Pa == pytest.approx(5e3, rel=1e-9)


def test_isothermal_efficiency_is_in_the_textbook_range():
    # one stage to 7 bar, air cooled: 0.5 to 0.7
    assert 0.5 < MODEL.virtual(X, U, P).isothermal_efficiency < 0.7
    assert 400.0 < MODEL.out(X, U, P).discharge_temperature_K < 480.0


def test_at_rest_nothing_flows_or_wears_but_the_cooler_gets_dirty():
    still = U._replace(speed_rad_per_s=0.0)
    d, y = MODEL.rhs(X, still, P), MODEL.out(X, still, P)
    assert (d.valve_leak, d.ring_leak, d.filter_loading, y.flow_kg_per_s, y.motor_power_W) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert d.cooler_fouling > 0.0
