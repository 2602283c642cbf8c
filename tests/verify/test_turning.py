"""Turning: Kienzle against a printed table, Cook against a textbook's example, Brammertz, balances, and the part's record."""

import numpy as np
import pytest

from didymos.assets import PROCESSES, cutting_tool, machining, turning
from didymos.assets.machining import STOCK
from didymos.assets.process import figures
from didymos.assets.turning import MODEL, Params
from didymos.core.errors import DataError

P = Params()
X, U = MODEL.initial, MODEL.nominal
ROEHM_FEEDS_MM = (0.16, 0.25, 0.4, 0.63, 1.0, 1.6)
ROEHM = {  # Roehm works standard RN 1391, table 2: specific cutting force in kN/mm2 against feed at an approach angle of 45 degrees
    "S235": (2.60, 2.40, 2.20, 2.05, 1.90, 1.80),
    "E295": (3.50, 3.10, 2.75, 2.45, 2.15, 1.95),
    "E335": (3.05, 2.80, 2.60, 2.40, 2.20, 2.05),
    "E360": (4.35, 3.80, 3.30, 2.90, 2.50, 2.20),
    "42CrMo4": (4.35, 3.90, 3.45, 3.10, 2.75, 2.45),
    "16MnCr5": (3.75, 3.30, 2.95, 2.60, 2.30, 2.05),
    "EN-GJL-250": (2.05, 1.80, 1.60, 1.45, 1.30, 1.15),
}


@pytest.mark.parametrize("name", ROEHM)
def test_kienzles_force_reproduces_a_printed_table_of_specific_forces_to_its_rounding(name):
    stock, h = STOCK[name], np.array(ROEHM_FEEDS_MM) * 1e-3 * np.sin(np.pi / 4)
    specific = machining.kienzle_N(stock.specific_force_Pa, stock.force_exponent, 1.0, h) / h
    assert specific / 1e9 == pytest.approx(ROEHM[name], abs=0.06)  # printed in steps of 0.05


def test_the_chip_temperature_of_groovers_example():
    """Groover, Fundamentals of Modern Manufacturing, ch. 21, Cook's equation: U 1.038 N m/mm3, 100 m/min, h 0.50 mm, rho c 3.0e-3
    J/(mm3 K), K 50 mm2/s, 20 C ambient: 373 C."""
    rise = machining.chip_temperature_rise_K(1.038e9, 100.0 / 60.0, 0.5e-3, 3.0e6, 50e-6)
    assert 20.0 + rise == pytest.approx(373.0, abs=1.0)


def test_the_two_lines_of_the_speed_correction_meet_at_100_m_per_min_at_one():
    below, above = machining.speed_factor(99.999 / 60.0), machining.speed_factor(100.001 / 60.0)
    assert below == pytest.approx(above, abs=1e-3)
    assert above == pytest.approx(1.0, abs=1e-3)


def test_each_degree_of_rake_is_one_and_a_half_percent_of_force():
    base = turning.cutting_force_N(X, U, P)
    assert turning.cutting_force_N(X, U, P._replace(rake_deg=8.0)) == pytest.approx(0.97 * base, rel=1e-12)


def test_at_the_tables_own_conditions_the_force_is_that_of_the_cutting_tool():
    u = U._replace(speed_rad_per_s=100.0 / 60.0 / (0.5 * U.diameter_m))
    tool = cutting_tool.MODEL
    its = cutting_tool.cutting_force_N(
        tool.initial, tool.Input(turning.cutting_speed_m_per_s(u), u.feed_m, u.depth_m), tool.Params()
    )
    assert turning.cutting_force_N(X, u, P) == pytest.approx(its, rel=1e-3)


def test_the_same_data_give_the_life_of_the_cutting_tool():
    u = cutting_tool.Input(turning.cutting_speed_m_per_s(U), U.feed_m, U.depth_m)
    assert turning.tool_life_s(U, P) == pytest.approx(cutting_tool.tool_life_s(u, cutting_tool.Params()), rel=1e-12)


def test_power_is_torque_times_speed_and_force_times_radius_is_what_the_chip_takes():
    v = MODEL.virtual(X, U, P)
    power = MODEL.out(X, U, P).spindle_power_W
    assert v.spindle_torque_Nm * U.speed_rad_per_s == pytest.approx(power, rel=1e-12)
    idle = MODEL.out(X, U._replace(depth_m=0.0), P).spindle_power_W
    chip = v.cutting_force_N * 0.5 * U.diameter_m * U.speed_rad_per_s
    assert (power - idle) * P.drive_efficiency == pytest.approx(chip, rel=1e-12)
    assert idle == pytest.approx(P.idle_power_W * U.speed_rad_per_s / P.rated_speed_rad_per_s, rel=1e-12)


def test_roughness_has_brammertzs_least_feed_below_which_it_rises_again():
    """R_t = f^2/8r + h/2 (1 + r h/f^2) is least where f^4 = 4 r^2 h^2."""
    r, h = P.nose_radius_m, P.least_chip_m
    feeds = np.geomspace(2e-5, 5e-4, 4001)
    found = turning.sharp_roughness_m(U._replace(feed_m=feeds), P)
    assert feeds[int(np.argmin(found))] == pytest.approx((2.0 * r * h) ** 0.5, rel=2e-3)
    assert MODEL.out(X._replace(nose_wear=1.0), U, P).roughness_m == pytest.approx(2.0 * turning.sharp_roughness_m(U, P), rel=1e-12)


def test_a_part_grows_by_twice_the_wear_land_times_the_clearance():
    x = X._replace(flank_wear=0.4)  # VB 0.12 mm, 6 degrees
    assert MODEL.virtual(x, U, P).diameter_growth_m == pytest.approx(2 * 0.12e-3 * np.tan(np.radians(6.0)), rel=1e-3)


@pytest.mark.parametrize("field", ["speed_rad_per_s", "diameter_m", "feed_m", "depth_m"])
def test_without_speed_diameter_feed_or_depth_nothing_wears_and_nothing_pushes(field):
    idle = U._replace(**{field: 0.0})
    assert MODEL.rhs(X, idle, P).flank_wear == 0.0
    assert MODEL.out(X, idle, P).feed_force_N == 0.0
    assert MODEL.virtual(X, idle, P).chip_temperature_K == P.ambient_K


# ---- the record of one part

PROCESS = PROCESSES["turning"]
COV = np.diag(np.array([0.03, 0.5, 0.05, 0.5, 0.01, 0.01]) ** 2)


def part(inputs=None, **state):
    mean = np.array(X._replace(**state), float)
    rows = np.array([U._replace(depth_m=0.0), U, U._replace(feed_m=0.1e-3, depth_m=0.5e-3), U._replace(depth_m=0.0)], float)
    return {f.name: f for f in figures(PROCESS, np.array(P, float), mean, COV, rows if inputs is None else inputs)}


def test_the_figures_are_those_of_the_finishing_cut_and_the_most_those_of_the_roughing_cut():
    found, mean = part(), X
    finish = U._replace(feed_m=0.1e-3, depth_m=0.5e-3)
    assert found["cutting_force"].value == pytest.approx(turning.cutting_force_N(mean, finish, P), rel=1e-12)
    assert found["cutting_force"].most == pytest.approx(turning.cutting_force_N(mean, U, P), rel=1e-12)
    assert found["expected_roughness"].value == pytest.approx(turning.sharp_roughness_m(finish, P), rel=1e-12)


def test_intervals_are_those_of_the_belief_and_of_the_gauge():
    found = part(flank_wear=0.5)
    wear = found["flank_wear_land"]
    assert (wear.high - wear.low) / 2 == pytest.approx(1.645 * 0.03 * P.wear_land_limit_m, rel=0.06)
    rough = found["expected_roughness"]
    sd = np.hypot(0.05 * rough.value, 1.5e-7)
    assert (rough.high - rough.low) / 2 == pytest.approx(1.645 * sd, rel=0.06)


def test_a_worn_edge_is_out_of_limit_by_name_and_a_new_one_is_not():
    assert not any(f.outside for f in part().values())
    out = {name for name, f in part(flank_wear=1.2).items() if f.outside}
    assert out == {"flank_wear_land", "diameter_growth"}
    at_limit = part(flank_wear=1.0)["flank_wear_land"]
    assert at_limit.p_outside == pytest.approx(0.5, abs=0.05)


def test_the_same_belief_gives_the_same_figures_and_none_comes_without_a_cut():
    assert part() == part()
    with pytest.raises(DataError, match="never active"):
        part(np.array([U._replace(depth_m=0.0)], float))
    with pytest.raises(DataError, match="never active in 0 complete"):
        part(np.full((3, 6), np.nan))
