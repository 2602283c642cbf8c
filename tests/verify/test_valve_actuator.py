"""Control valve: the standard's signal range by hand, force balance, dead band, leakage class, limits."""

import numpy as np
import pytest

from didymos.assets import valve_actuator as valve
from didymos.assets.valve_actuator import MODEL, Params

P = Params()
X, U = MODEL.initial, MODEL.nominal


@pytest.mark.parametrize(("travel", "bar"), [(0.0, 0.2), (0.5, 0.6), (1.0, 1.0)])
def test_without_process_forces_the_pressures_are_the_signal_range_of_the_standard(travel, bar):
    # IEC 60534-6: 0.2 to 1.0 bar
    found = MODEL.out(X, U._replace(travel=travel, valve_pressure_drop_Pa=0.0), P).middle_pressure_Pa
    assert found == pytest.approx(bar * 1e5, rel=1e-9)


def test_up_and_down_lie_the_dead_band_apart_around_the_middle():
    """Moving up: p A = F_s + F_p + F_f; down: minus F_f."""
    y, v = MODEL.out(X, U, P), MODEL.virtual(X, U, P)
    load = v.spring_force_N + P.stem_area_m2 * U.valve_pressure_drop_Pa
    up, down = (load + v.friction_N) / P.area_m2, (load - v.friction_N) / P.area_m2
    assert y.middle_pressure_Pa == pytest.approx(0.5 * (up + down), rel=1e-12)
    assert y.dead_band_Pa == pytest.approx(up - down, rel=1e-12)
    assert v.dead_band_share == pytest.approx(2 * 25.0 / 2800.0, rel=1e-9)


def test_a_packing_at_one_has_the_dead_band_that_makes_loops_cycle():
    x = X._replace(stiction=1.0)
    assert MODEL.virtual(x, U, P).dead_band_share == pytest.approx(0.05, rel=1e-9)
    assert MODEL.severity(x, U, P).stiction == pytest.approx(1.0, rel=1e-9)


def test_each_other_limit_is_where_the_severity_is_one():
    at = U._replace(travel=0.5, valve_pressure_drop_Pa=0.0)
    x = X._replace(spring_loss=0.1, seat_erosion=1.0)
    assert MODEL.severity(x, U, P)[2:] == pytest.approx((1.0, 1.0))
    assert MODEL.virtual(x, U, P).spring_force_N == pytest.approx(0.9 * MODEL.virtual(X, U, P).spring_force_N)
    assert MODEL.virtual(x, U, P).seat_leakage_share == pytest.approx(1e-4, rel=1e-12)
    pores = np.sqrt((3 * (P.bleed_kg_per_s + P.diaphragm_leak_kg_per_s) - P.bleed_kg_per_s) / P.diaphragm_leak_kg_per_s) - 1
    worn = X._replace(diaphragm_wear=pores)
    assert MODEL.severity(worn, U, P).diaphragm == pytest.approx(1.0, rel=1e-12)
    assert MODEL.out(worn, at, P).make_up_air_kg_per_s == pytest.approx(3 * MODEL.out(X, at, P).make_up_air_kg_per_s, rel=1e-9)


def test_leakage_through_the_seat_goes_with_the_root_of_the_pressure():
    four = U._replace(valve_pressure_drop_Pa=4 * U.valve_pressure_drop_Pa)
    assert MODEL.out(X, four, P).seat_leakage_kg_per_s == pytest.approx(2 * MODEL.out(X, U, P).seat_leakage_kg_per_s)


def test_who_does_not_move_wears_no_packing_and_without_pressure_no_seat():
    d = MODEL.rhs(X, U._replace(stem_speed_m_per_s=0.0, valve_pressure_drop_Pa=0.0), P)
    assert (d.stiction, d.seat_erosion) == (0.0, 0.0)
    assert valve.drop_ratio(U, P) == pytest.approx(0.8)
