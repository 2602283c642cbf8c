"""Heat exchanger: effectiveness tables, Kern's worked example, conservation of energy, Kern and Seaton's law."""

import numpy as np
import pytest

from didymos.assets import heat_exchanger as hx
from didymos.assets.heat_exchanger import MODEL, Params
from didymos.assets.heat_transfer import counter_flow, shell_and_tube
from didymos.assets.water import HEAT_CAPACITY

P = Params()
X, U = MODEL.initial, MODEL.nominal
BTU = 5.678263  # W/(m2 K) in one Btu/(h ft2 F)
PSI = 6894.757


def test_equal_capacities_in_counter_flow_give_n_over_one_plus_n():
    assert counter_flow(3.0, 1.0) == pytest.approx(0.75, rel=1e-5)


def test_a_boiling_or_condensing_stream_gives_one_minus_exp_of_n_in_any_arrangement():
    # Incropera 2011 eq. 11.35a: C = 0
    for units in (0.5, 1.0, 3.0):
        for arrangement in (counter_flow, shell_and_tube):
            assert arrangement(units, 0.0) == pytest.approx(1.0 - np.exp(-units), rel=1e-12)


def test_an_endless_one_two_exchanger_reaches_the_limit_of_kays_and_london():
    # 2 / (1 + C + sqrt(1 + C^2)): 0.5858 at equal capacities
    assert shell_and_tube(200.0, 1.0) == pytest.approx(2.0 / (2.0 + np.sqrt(2.0)), rel=1e-12)


@pytest.mark.parametrize(("units", "ratio"), [(0.5, 0.3), (1.5, 0.625), (4.0, 1.0)])
def test_effectiveness_of_the_shell_equals_the_integrated_differential_equations(units, ratio):
    """Bowman's assumptions, two tube passes, shell stream of capacity 1, tube stream of capacity 1/C or C integrated by RK4."""
    for shell, tube in ((1.0, 1.0 / ratio), (1.0 / ratio, 1.0)):
        assert integrated(units, shell, tube) == pytest.approx(shell_and_tube(units, ratio), rel=1e-6)


def integrated(units, shell, tube):
    """Shell s(x) flows along x from 1; tube a along x from 0, turns at the end, b comes back: a(1) = b(1). Linear: two shots."""
    half = units / 2.0
    matrix = np.array(
        [[-2 * half / shell, half / shell, half / shell], [half / tube, -half / tube, 0.0], [-half / tube, 0.0, half / tube]]
    )
    steps, through = 2000, np.eye(3)
    h = 1.0 / steps
    one = np.eye(3) + h * matrix @ (np.eye(3) + h * matrix / 2 @ (np.eye(3) + h * matrix / 3 @ (np.eye(3) + h * matrix / 4)))
    for _ in range(steps):
        through = one @ through
    turn = through[1] - through[2]  # a(1) - b(1) for start (1, 0, b)
    back = -turn[0] / turn[2]
    return tube * back / min(shell, tube)  # heat taken up by the tube stream over the largest possible


def test_the_two_streams_exchange_exactly_one_heat():
    seen, heat = MODEL.out(X, U, P), MODEL.virtual(X, U, P).duty_W
    given = U.hot_flow_kg_per_s * HEAT_CAPACITY * (U.hot_inlet_temperature_K - seen.hot_outlet_temperature_K)
    taken = U.cold_flow_kg_per_s * HEAT_CAPACITY * (seen.cold_outlet_temperature_K - U.cold_inlet_temperature_K)
    assert given == pytest.approx(taken, rel=1e-12)
    assert given == pytest.approx(heat, rel=1e-12)


@pytest.mark.parametrize(("hot", "cold"), [(2.0, 60.0), (22.0, 5.0), (30.0, 30.0)])
@pytest.mark.parametrize("passes", [0.0, 1.0])
def test_no_stream_ends_beyond_the_others_inlet(hot, cold, passes):
    # second law
    u = U._replace(hot_flow_kg_per_s=hot, cold_flow_kg_per_s=cold)
    seen = MODEL.out(X, u, P._replace(shell_passes=passes))
    assert U.cold_inlet_temperature_K < seen.hot_outlet_temperature_K < U.hot_inlet_temperature_K
    assert U.cold_inlet_temperature_K < seen.cold_outlet_temperature_K < U.hot_inlet_temperature_K


def test_clean_coefficient_and_pressure_drops_are_those_of_kerns_example():
    # Kern 1950 example 7.4: U_C 537 Btu/(h ft2 F) without the wall; 7.5 psi in the tubes, 7.7 psi in the shell. His charts: 10 %
    no_wall = P._replace(tube_wall_W_per_m_K=1e9)
    assert hx.heat_transfer_W_per_m2K(X, U, no_wall) / BTU == pytest.approx(537.0, rel=0.10)
    assert hx.tube_drop_Pa(X, U, P) / PSI == pytest.approx(7.5, rel=0.10)
    assert hx.shell_drop_Pa(X, U, P) / PSI == pytest.approx(7.7, rel=0.10)
    assert hx.area_m2(P) == pytest.approx(502.0 * 0.09290304, rel=0.003)


def test_fouled_to_kerns_dirt_factor_the_exchanger_does_kerns_duty():
    # example 7.4: 1 400 000 Btu/h at U_D 259, R_d 0.0019 h ft2 F / Btu: 93 to 85 F against 75 to 80 F
    factor = 0.0019 / BTU / hx.fouling_m2K_per_W(X._replace(tube_fouling=1.0, shell_fouling=1.0), P)
    fouled = X._replace(tube_fouling=factor, shell_fouling=factor)
    assert MODEL.virtual(fouled, U, P).duty_W == pytest.approx(1.4e6 * 0.29307107, rel=0.03)
    seen = MODEL.out(fouled, U, P)
    assert seen.hot_outlet_temperature_K == pytest.approx(302.59, abs=0.15)
    assert seen.cold_outlet_temperature_K == pytest.approx(299.82, abs=0.15)


def test_one_allowance_is_temas_resistance_and_severity_one():
    # TEMA RGP-T-2.4: 0.0015 and 0.0005 h ft2 F / Btu
    worn = X._replace(tube_fouling=1.0, shell_fouling=1.0)
    assert P.tube_fouling_limit_m2K_per_W * BTU == pytest.approx(0.0015, rel=2e-3)
    assert P.shell_fouling_limit_m2K_per_W * BTU == pytest.approx(0.0005, rel=2e-3)
    assert tuple(MODEL.severity(worn, U, P)) == (1.0, 1.0)
    more = 1.0 / hx.heat_transfer_W_per_m2K(worn, U, P) - 1.0 / hx.heat_transfer_W_per_m2K(X, U, P)
    assert more == pytest.approx(P.shell_fouling_limit_m2K_per_W + P.tube_fouling_limit_m2K_per_W * 19.05 / 16.56, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.2])
def test_deposit_grows_after_kern_and_seatons_closed_form(ratio):
    # w(t) = w* (1 - exp(-n^2 t / tau)), w* = a exp(r) / n
    u, t, r = U._replace(cold_flow_kg_per_s=ratio * U.cold_flow_kg_per_s), 4.0e7, 0.8
    x, h = X._replace(log_tube_rate=r), 1e3
    for _ in range(int(t / h)):
        x = x._replace(tube_fouling=x.tube_fouling + h * MODEL.rhs(x, u, P).tube_fouling)
    end = P.tube_fouling_end * np.exp(r) / ratio
    assert x.tube_fouling == pytest.approx(end * (1.0 - np.exp(-(ratio**2) * t / P.tube_fouling_time_s)), rel=1e-3)


def test_nothing_settles_and_nothing_is_torn_off_at_standstill():
    still = MODEL.rhs(X._replace(tube_fouling=0.7), U._replace(cold_flow_kg_per_s=0.0), P)
    assert still.tube_fouling == 0.0


def test_a_deposit_in_the_tubes_is_told_from_one_outside_by_its_pressure_drop():
    inside, outside = X._replace(tube_fouling=1.0), X._replace(shell_fouling=1.0)
    clean = MODEL.out(X, U, P)
    for x, own, other in (
        (inside, "tube_pressure_drop_Pa", "shell_pressure_drop_Pa"),
        (outside, "shell_pressure_drop_Pa", "tube_pressure_drop_Pa"),
    ):
        assert getattr(MODEL.out(x, U, P), own) > 1.1 * getattr(clean, own)
        assert getattr(MODEL.out(x, U, P), other) == getattr(clean, other)
