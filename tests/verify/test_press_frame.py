"""Press: the code's S-N line, moments of a normal spectrum, the preloaded joint, stopping time, limits."""

import pytest

from didymos.assets import press_frame as press
from didymos.assets.materials import weld
from didymos.assets.press_frame import MODEL, Params
from didymos.numerics.fatigue import stress_life

P = Params()
X, U = MODEL.initial, MODEL.nominal


@pytest.mark.parametrize("range_MPa", [40.0, 58.0, 60.0, 80.0, 120.0])
def test_one_stroke_costs_what_the_detail_category_of_the_materials_table_says(range_MPa):
    curve = weld("en_80")
    expected = 1.0 / stress_life.cycles_to_failure(curve, 0.5 * range_MPa * 1e6)
    assert press.weld_class_damage(range_MPa * 1e6 / P.stress_per_force, P) == pytest.approx(expected, rel=1e-9)


def test_a_category_80_weld_bears_two_million_cycles_of_80_MPa():
    assert press.weld_class_damage(80e6 / P.stress_per_force, P) == pytest.approx(1 / 2e6, rel=1e-9)


@pytest.mark.parametrize(("mean", "power"), [(4.0e6, 3), (1.0e6, 5)])
def test_three_points_give_the_exact_mean_of_a_normal_spectrum(mean, power):
    """E F^3 = m^3 (1 + 3 v^2), E F^5 = m^5 (1 + 10 v^2 + 15 v^4): all strokes on one slope of the line."""
    v = 0.1
    u = U._replace(peak_force_N=mean, peak_force_deviation_N=v * mean)
    factor = {3: 1 + 3 * v**2, 5: 1 + 10 * v**2 + 15 * v**4}[power]
    single = press.weld_class_damage(mean, P)
    assert press.damage_per_stroke(u, P) == pytest.approx(single * factor, rel=1e-9)


def test_the_joint_opens_where_the_clamped_parts_are_free():
    """VDI 2230: the clamp force F_v - (1 - phi) F is zero at F_v / (1 - phi)."""
    share = P.tie_rod_N_per_m / (P.tie_rod_N_per_m + P.upright_N_per_m)
    assert press.separation_N(0.0, P) == pytest.approx(P.preload_N / (1 - share), rel=1e-12)
    opens = press.separation_N(0.0, P)
    for force in (opens * 0.999, opens * 1.001):
        y = MODEL.out(X, U._replace(peak_force_N=force), P)
        assert y.tie_rod_force_N == pytest.approx(opens, rel=2e-3)
        assert y.stretch_m == pytest.approx(opens / 8e9, rel=6e-3)


def test_beyond_opening_only_the_rods_hold():
    opens = press.separation_N(0.0, P)
    a, b = (MODEL.out(X, U._replace(peak_force_N=f), P).stretch_m for f in (1.1 * opens, 1.2 * opens))
    assert (b - a) / (0.1 * opens) == pytest.approx(1 / P.tie_rod_N_per_m, rel=1e-9)


def test_each_limit_is_where_the_severity_is_one():
    allowed = 1 - P.rated_force_N / press.separation_N(0.0, P)
    brake = 2 * (1 - P.stop_inertial_s / (1.15 * 0.2 - P.stop_dead_s))
    x = X._replace(frame_damage=1.0, preload_loss=allowed, brake_wear=brake)
    assert MODEL.severity(x, U, P) == pytest.approx((1.0, 1.0, 1.0))
    assert MODEL.virtual(x, U, P).separation_force_N == pytest.approx(P.rated_force_N)
    assert MODEL.out(x, U, P).stopping_time_s == pytest.approx(1.15 * MODEL.out(X, U, P).stopping_time_s)


def test_a_tenth_more_force_costs_between_a_third_and_two_thirds_more_damage():
    more = press.damage_per_stroke(U._replace(peak_force_N=1.1 * U.peak_force_N), P) / press.damage_per_stroke(U, P)
    assert 1.1**3 < more < 1.1**5


def test_at_rest_nothing_wears():
    d = MODEL.rhs(X, U._replace(stroke_rate_Hz=0.0, stop_rate_Hz=0.0), P)
    assert (d.frame_damage, d.preload_loss, d.brake_wear) == (0.0, 0.0, 0.0)
