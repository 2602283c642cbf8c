"""Centrifugal pump: affinity laws, definitions of NPSH3 and leakage, published limits."""

import numpy as np
import pytest

from didymos.assets import centrifugal_pump as pump
from didymos.assets.centrifugal_pump import MODEL, Input, Params
from didymos.assets.water import GRAVITY, density_kg_per_m3

P = Params(mechanical_power_W=0.0)  # bearings do not obey the affinity laws
X = MODEL.initial
RATED = Input(P.rated_speed_rad_per_s, P.rated_flow_m3_per_s, 4e5, 293.15)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.15])
@pytest.mark.parametrize("wear", [0.0, 0.7])
def test_affinity_laws_hold_exactly(ratio, wear):
    # Q ~ n, H ~ n^2, P ~ n^3, ring leakage ~ n: away from cavitation
    x = X._replace(ring_wear=wear)
    slow = Input(ratio * RATED.speed_rad_per_s, ratio * RATED.flow_m3_per_s, 4e5, 293.15)
    assert pump.head_m(x, slow, P) == pytest.approx(ratio**2 * pump.head_m(x, RATED, P), rel=1e-12)
    assert pump.power_W(x, slow, P) == pytest.approx(ratio**3 * pump.power_W(x, RATED, P), rel=1e-12)
    assert pump.ring_leakage_m3_per_s(x, slow, P) == pytest.approx(ratio * pump.ring_leakage_m3_per_s(x, RATED, P), rel=1e-12)


def test_the_default_pump_gives_its_rated_point():
    seen = MODEL.virtual(X, MODEL.nominal, Params())
    assert seen.head_m == pytest.approx(50.0, rel=0.01)
    assert 0.55 < seen.efficiency < 0.65  # Guelich fig. 3.26: specific speed 13, 25 m3/h


@pytest.mark.parametrize("flow", [1e-4, 2e-3, 6.94e-3, 9e-3])
@pytest.mark.parametrize("wear", [0.0, 1.0])
def test_the_shaft_gives_more_power_than_the_water_takes(flow, wear):
    u = RATED._replace(flow_m3_per_s=flow)
    x = X._replace(ring_wear=wear)
    useful = density_kg_per_m3(293.15) * GRAVITY * flow * pump.head_m(x, u, P)
    assert pump.power_W(x, u, P) > useful
    assert 0.0 < MODEL.virtual(x, u, P).efficiency < 0.8


def test_cavitation_is_none_at_the_margin_and_costs_three_percent_at_npsh3():
    # ISO 9906: NPSH3 is the NPSH at which 3 % of the head is lost
    required = pump.npsh_required_m(RATED, P)
    velocity_head = (RATED.flow_m3_per_s / P.suction_area_m2) ** 2 / (2 * GRAVITY)
    weight, vapour = density_kg_per_m3(293.15) * GRAVITY, pump.vapour_pressure_Pa(293.15)

    def at(ratio):
        return RATED._replace(suction_pressure_Pa=float(vapour + weight * (ratio * required - velocity_head)))

    full = pump.head_m(X, RATED, P)
    assert pump.cavitation(at(1.3), P) == pytest.approx(0.0, abs=1e-9)
    assert pump.head_m(X, at(1.0), P) / full == pytest.approx(0.97, rel=1e-9)
    assert pump.npsh_ratio(at(1.1), P) == pytest.approx(1.1, rel=1e-9)


def test_hot_water_cavitates_where_cold_water_does_not():
    cold = Input(303.7, 6.94e-3, 0.9e5, 293.15)
    assert pump.cavitation(cold, P) == 0.0
    assert pump.cavitation(cold._replace(fluid_temperature_K=363.15), P) > 0.5


def test_erosion_is_fifty_times_faster_at_npsh3_than_with_full_margin():
    # erosion_base = 0.02, c^2.83 = 1 at NPSH3
    rates = [MODEL.rhs(X, RATED._replace(suction_pressure_Pa=s), P).impeller_erosion for s in (4e5, _suction_at_npsh3())]
    assert rates[1] / rates[0] == pytest.approx(51.0, rel=1e-6)


def _suction_at_npsh3():
    lo, hi = 0.0, 4e5
    for _ in range(80):
        middle = 0.5 * (lo + hi)
        lo, hi = (middle, hi) if pump.npsh_ratio(RATED._replace(suction_pressure_Pa=middle), P) < 1.0 else (lo, middle)
    return lo


def test_doubling_the_ring_clearance_costs_head_and_power_as_textbooks_say():
    # McNally Institute w007: 7 to 14 % more power for low specific speed when the clearance doubles
    worn = X._replace(ring_wear=1.0)
    more = pump.power_W(worn, RATED, Params()) / pump.power_W(X, RATED, Params())
    assert 1.07 < more < 1.14
    assert 0.93 < pump.head_m(worn, RATED, P) / pump.head_m(X, RATED, P) < 0.97
    assert MODEL.severity(worn, RATED, P).wear_ring == 1.0


def test_new_ring_leakage_is_in_the_textbook_range():
    # Guelich ch. 3.6: some per cent of the flow at low specific speed
    assert 0.03 < pump.ring_leakage_m3_per_s(X, RATED, P) / RATED.flow_m3_per_s < 0.12


def test_new_clearance_is_the_api_610_minimum():
    # API 610 table 6: 0.33 mm on the diameter for 80 to 89.99 mm
    assert 2.0 * P.ring_clearance_m == pytest.approx(0.33e-3)
    assert 0.08 <= P.ring_diameter_m < 0.09


def test_seal_leakage_grows_with_the_cube_of_the_gap():
    # Reynolds' film between parallel faces
    one, two = (pump.seal_leakage_m3_per_s(w, RATED, P) for w in (0.0, 1.0))
    assert two / one == pytest.approx(8.0, rel=1e-12)


def test_the_seal_fails_at_the_leakage_that_api_682_permits():
    # 5.6 g/h of water
    assert P.seal_leakage_limit_m3_per_s * density_kg_per_m3(293.15) * 3600 * 1e3 == pytest.approx(5.6, rel=0.005)
    wear = (P.seal_leakage_limit_m3_per_s / pump.seal_leakage_m3_per_s(0.0, pump.rated_input(P), P)) ** (1 / 3) - 1.0
    assert MODEL.severity(X._replace(seal_wear=wear), RATED, P).seal == pytest.approx(1.0, rel=1e-9)


def test_an_impeller_at_its_end_shakes_the_pump_at_the_zone_limit():
    # ISO 10816-7 category II to 200 kW, zone C/D: 8.5 mm/s
    read = MODEL.out(X._replace(impeller_erosion=1.0), RATED, P).vibration_velocity_m_per_s
    assert read == pytest.approx(8.5e-3, rel=1e-12)


def test_a_stopped_pump_reads_suction_pressure_and_no_power():
    read = MODEL.out(X, Input(0.0, 0.0, 1.5e5, 293.15), P)
    assert (read.discharge_pressure_Pa, read.power_W, read.vibration_velocity_m_per_s) == (1.5e5, 0.0, 0.0)


def test_arrays_over_pumps_give_the_same_as_one_pump():
    flow = np.array([0.0, 3e-3, 9e-3])
    many = MODEL.out(X, RATED._replace(flow_m3_per_s=flow), P)
    for i, q in enumerate(flow):
        assert many.power_W[i] == MODEL.out(X, RATED._replace(flow_m3_per_s=float(q)), P).power_W
