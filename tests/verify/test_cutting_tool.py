"""Cutting tool: Taylor's lines, Kienzle by hand, geometry of the feed marks, balance of power."""

import numpy as np
import pytest

from didymos.assets import cutting_tool as tool
from didymos.assets.cutting_tool import MODEL, Input, Params

P = Params()
X, U = MODEL.initial, MODEL.nominal


def test_the_reference_cutting_data_give_15_minutes():
    assert tool.tool_life_s(Input(P.speed_15_m_per_s, P.feed_15_m, P.depth_15_m), P) == pytest.approx(15 * 60.0, rel=1e-12)


@pytest.mark.parametrize(
    ("field", "exponent"), [("cutting_speed_m_per_s", "speed_exponent"), ("feed_m", "feed_exponent"), ("depth_m", "depth_exponent")]
)
def test_life_falls_on_a_straight_line_in_logarithms(field, exponent):
    # Taylor's diagram
    lives = [tool.tool_life_s(U._replace(**{field: k * getattr(U, field)}), P) for k in (0.5, 1.0, 2.0)]
    assert np.diff(np.log(lives)) / np.log(2.0) == pytest.approx([-getattr(P, exponent)] * 2, rel=1e-12)


def test_an_average_edge_has_vb_0_3_mm_at_the_end_of_its_life():
    # ISO 3685; changing speed half way: shares of life add up
    x, fast = X, U._replace(cutting_speed_m_per_s=4.0)
    for u in (U, fast):
        half = 0.5 * tool.tool_life_s(u, P)
        for _ in range(100):
            x = x._replace(flank_wear=x.flank_wear + half / 100 * MODEL.rhs(x, u, P).flank_wear)
    assert MODEL.virtual(x, U, P).flank_wear_land_m == pytest.approx(0.3e-3, rel=1e-9)
    assert MODEL.severity(x, U, P).flank_wear == pytest.approx(1.0, rel=1e-9)


def test_cutting_force_is_kienzles_by_hand():
    # C45, k_c1.1 2220 N/mm2, m 0.14, d 2 mm, f 0.25 mm, 90 degrees: 2220 * 2 * 0.25^0.86 = 1347.7 N
    square = P._replace(approach_sine=1.0)
    assert tool.cutting_force_N(X, U, square) == pytest.approx(2220.0 * 2.0 * 0.25**0.86, rel=1e-9)
    assert tool.cutting_force_N(X, U, square) == pytest.approx(1347.7, abs=0.1)


def test_force_doubles_with_depth_and_grows_less_than_doubly_with_feed():
    base = tool.cutting_force_N(X, U, P)
    assert tool.cutting_force_N(X, U._replace(depth_m=2 * U.depth_m), P) == pytest.approx(2.0 * base, rel=1e-12)
    assert tool.cutting_force_N(X, U._replace(feed_m=2 * U.feed_m), P) == pytest.approx(2.0**0.86 * base, rel=1e-12)


def test_the_drive_gives_idle_power_and_what_the_chip_takes():
    taken = tool.cutting_force_N(X, U, P) * U.cutting_speed_m_per_s
    assert MODEL.out(X, U, P).spindle_power_W == pytest.approx(P.idle_power_W + taken / P.drive_efficiency, rel=1e-12)


def test_specific_cutting_energy_of_steel_is_in_the_textbook_range():
    # 2 to 5 J/mm3: Boothroyd & Knight 2006 fig. 2.16 (carbon steel)
    volume = U.cutting_speed_m_per_s * U.feed_m * U.depth_m
    assert 2e9 < tool.cutting_force_N(X, U, P) * U.cutting_speed_m_per_s / volume < 5e9


def test_new_roughness_is_the_mean_height_of_parabolic_feed_marks():
    # height h = f^2 / 8 r; mean deviation 4 / (9 sqrt 3) h = 0.2566 h, in practice rounded to h / 4
    f, r = U.feed_m, P.nose_radius_m
    y = np.linspace(-f / 2, f / 2, 200_001)
    profile = y**2 / (2 * r)
    exact = float(np.mean(np.abs(profile - profile.mean())))
    found = MODEL.out(X, U, P).roughness_m
    assert found == pytest.approx((f**2 / (8 * r)) / 4.0, rel=1e-12)
    assert found == pytest.approx(exact, rel=0.03)


def test_a_nose_twice_as_rough_and_the_limit():
    # ISO 1302: N9 is 6.3 um
    assert MODEL.out(X._replace(nose_wear=1.0), U, P).roughness_m == pytest.approx(2.0 * MODEL.out(X, U, P).roughness_m, rel=1e-12)
    at_limit = 6.3e-6 / MODEL.out(X, U, P).roughness_m - 1.0
    assert MODEL.severity(X._replace(nose_wear=at_limit), U, P).roughness == pytest.approx(1.0, rel=1e-12)


def test_a_dull_edge_raises_feed_force_more_than_power():
    new, dull = MODEL.out(X, U, P), MODEL.out(X._replace(flank_wear=1.0), U, P)
    assert dull.feed_force_N / new.feed_force_N == pytest.approx(1.75, rel=1e-12)
    assert 1.2 < dull.spindle_power_W / new.spindle_power_W < 1.3


@pytest.mark.parametrize("field", Input._fields)
def test_without_speed_feed_or_depth_nothing_wears_and_nothing_pushes(field):
    idle = U._replace(**{field: 0.0})
    assert MODEL.rhs(X, idle, P).flank_wear == 0.0
    assert MODEL.out(X, idle, P).feed_force_N == 0.0
    assert MODEL.out(X, idle, P).spindle_power_W == P.idle_power_W
