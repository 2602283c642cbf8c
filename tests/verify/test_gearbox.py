"""Gearbox: Hertz, the standards' own points, numerical integration of the mesh loss, and balance of heat."""

import numpy as np
import pytest

from didymos.assets import gearbox as box
from didymos.assets import gears
from didymos.assets.gearbox import MODEL, Params
from didymos.assets.lubricants import viscosity_m2_per_s, walther_slope

P = Params()
U = MODEL.nominal
X = MODEL.steady(MODEL.initial, U, P)
SPUR = gears.pair(3e-3, 25.0, 77.0, 0.0, 0.04)
HELICAL = box.gear_pair(P)


def test_the_pair_closes_its_centre_distance():
    assert 0.5 * HELICAL.pinion_diameter_m * (1.0 + HELICAL.ratio) == pytest.approx(0.160, rel=1e-4)


def test_two_racks_have_the_contact_ratio_four_over_pi_sine_of_twice_the_pressure_angle():
    racks = gears.pair(3e-3, 1e6, 1e6, 0.0, 0.04)
    assert gears.contact_ratio(racks) == pytest.approx(4.0 / (np.pi * np.sin(np.radians(40.0))), rel=1e-4)


def test_contact_ratio_of_spur_gears_equals_the_path_drawn_between_the_tip_circles():
    # line of action: from where the wheel's tip circle cuts it to where the pinion's does
    m, a = 3.0, np.radians(20.0)
    r = np.array([25 * m / 2, 77 * m / 2])
    path = np.sum(np.sqrt((r + m) ** 2 - (r * np.cos(a)) ** 2)) - r.sum() * np.sin(a)
    assert gears.contact_ratio(SPUR) == pytest.approx(path / (np.pi * m * np.cos(a)), rel=1e-12)


def test_contact_stress_at_the_pitch_point_is_hertzs_for_two_cylinders():
    # s = sqrt(F' E / (2 pi (1 - nu^2) rho)) with one pair in contact, E 206 GPa, nu 0.3 (Z_E 189.8 of ISO 6336-2)
    load, alpha = 3.0e5, np.radians(20.0)
    d1 = SPUR.pinion_diameter_m
    rho = 0.5 * d1 * np.sin(alpha) * 77 / 102
    hertz = np.sqrt(load / np.cos(alpha) * 206e9 / (2 * np.pi * (1 - 0.3**2) * rho))
    sharing = np.sqrt((4.0 - gears.contact_ratio(SPUR)) / 3.0)
    assert gears.contact_stress_Pa(load, SPUR) / sharing == pytest.approx(hertz, rel=1e-3)


def test_the_zone_factor_of_spur_gears_is_2_495():
    # ISO 6336-2 figure 1, no profile shift
    one = gears.contact_stress_Pa(SPUR.pinion_diameter_m * 77 / 102, SPUR) / gears.STEEL_SQRT_PA
    assert one / np.sqrt((4.0 - gears.contact_ratio(SPUR)) / 3.0) == pytest.approx(2.495, abs=5e-4)


@pytest.mark.parametrize(
    ("damage", "factor", "cycles"),
    [
        (gears.pitting_damage, 1.6, 1e5), (gears.pitting_damage, 1.0, 5e7), (gears.pitting_damage, 0.85, 1e10),
        (gears.bending_damage, 2.5, 1e3), (gears.bending_damage, 1.0, 3e6), (gears.bending_damage, 0.85, 1e10),
    ],
)  # fmt: skip
def test_lives_go_through_the_points_of_iso_6336(damage, factor, cycles):
    # life factors of case-hardened steel, ISO 6336-2 table 2 and ISO 6336-3 table 1
    assert 1.0 / damage(factor) == pytest.approx(cycles, rel=0.01)


def test_mesh_stiffness_is_that_which_the_standard_names_for_usual_gears():
    # ISO 6336-1: c_gamma about 20 N/(mm um) for spur and near-spur gears of steel
    assert gears.mesh_stiffness_N_per_m2(25.0, 77.0, HELICAL) == pytest.approx(20e9, rel=0.05)


@pytest.mark.parametrize("g", [SPUR, HELICAL], ids=["spur", "helical"])
def test_loss_factor_equals_sliding_integrated_over_the_path_of_contact(g):
    """One pair bears all or half of the load; s base pitches from the pitch point it slides 2 pi / z_1 (1 + 1/u) s / cos b_b."""
    edges = np.linspace(-g.first, g.second, 400_001)
    s = 0.5 * (edges[1:] + edges[:-1])
    share = np.where((s < g.second - 1.0) | (s > 1.0 - g.first), 0.5, 1.0)
    integral = float(np.sum(np.abs(s) * share) * (edges[1] - edges[0]))
    expected = 2.0 * np.pi / 25.0 * (1.0 + 1.0 / g.ratio) * integral / g.cos_base_helix
    assert gears.loss_factor(25.0, g) == pytest.approx(expected, rel=1e-4)


def test_mesh_friction_is_in_the_range_of_gear_tests():
    # Schlenk, TU Munich: 0.03 to 0.09 in mineral oil
    mu = gears.mesh_friction(4e5, 6.0, 0.035, 0.8e-6, HELICAL)
    assert 0.03 < mu < 0.09
    assert gears.mesh_friction(8e5, 6.0, 0.035, 0.8e-6, HELICAL) / mu == pytest.approx(2.0**0.2, rel=1e-9)


def test_a_helical_stage_loses_about_one_percent():
    # ISO/TR 14179-1: 98.5 to 99.5 % a stage at rated load
    assert 0.985 < MODEL.virtual(X, U, P).efficiency < 0.995


@pytest.mark.parametrize("torque", [0.0, 200.0, 712.0])
@pytest.mark.parametrize("kelvin", [263.15, 298.15, 318.15])
def test_the_warm_gearbox_gives_off_all_it_loses(torque, kelvin):
    u = U._replace(torque_Nm=torque, ambient_temperature_K=kelvin)
    x = MODEL.steady(MODEL.initial, u, P)
    given = box.cooling_W_per_K(u, P) * (x.oil_temperature_K - kelvin)
    assert given == pytest.approx(box.loss_W(x.oil_temperature_K, x, u, P), rel=1e-9)


def test_the_warm_gearbox_stays_below_the_limit_of_mineral_oil():
    # ISO/TR 14179-1: sump at most 95 C
    assert 333.15 < X.oil_temperature_K < 368.15


def test_the_layout_is_rated_for_its_20_000_hours():
    hours = 1.0 / box.pitting_per_s(X, U, P) / 3600.0
    assert hours == pytest.approx(20_000.0, rel=0.1)
    assert 1.0 / box.bending_per_s(U, P) / 3600.0 > 1e6  # bending is endurance rated, as usual for case-hardened gears


def test_a_fifth_more_torque_costs_most_of_the_pitting_life():
    # contact stress goes with the root of the load, life with its 32.6th power below and 13.2th above the knee
    more = box.pitting_per_s(X, U._replace(torque_Nm=1.2 * U.torque_Nm), P) / box.pitting_per_s(X, U, P)
    assert 1.2 ** (13.22 / 2) < more < 1.2 ** (32.6 / 2)


def test_the_middle_gear_is_pitted_after_three_rating_lives():
    x, h = X, 3.6e6
    for _ in range(int(3.0 / box.pitting_per_s(X, U, P) / h)):
        x = x._replace(pitting=x.pitting + h * MODEL.rhs(x, U, P).pitting)
    assert x.pitting == pytest.approx(1.0, abs=0.03)
    assert MODEL.severity(x, U, P).pitting == x.pitting


def test_oil_lasts_10_000_hours_at_80_c_and_half_at_90_c():
    assert 1.0 / box.oil_ageing_per_s(353.15, P) == pytest.approx(10_000 * 3600.0, rel=1e-12)
    assert box.oil_ageing_per_s(363.15, P) == pytest.approx(2.0 * box.oil_ageing_per_s(353.15, P), rel=1e-12)


def test_aged_oil_reads_the_upper_limit_of_its_viscosity_class():
    # ISO 3448: VG 220 is 198 to 242 mm2/s
    assert MODEL.out(X._replace(oil_ageing=1.0), U, P).oil_viscosity_m2_per_s == pytest.approx(242e-6, rel=1e-12)


def test_the_walther_slope_is_that_of_iso_vg_220():
    assert P.walther_slope == pytest.approx(walther_slope(220e-6, 19e-6), rel=1e-3)
    assert viscosity_m2_per_s(373.15, 220e-6, P.walther_slope) == pytest.approx(19e-6, rel=5e-3)


def test_the_mesh_sounds_at_teeth_times_turns():
    assert MODEL.virtual(X, U, P).mesh_frequency_Hz == pytest.approx(25 * 154.5 / (2 * np.pi), rel=1e-12)


def test_a_stopped_gearbox_loses_nothing_and_cools_to_ambient():
    still = U._replace(torque_Nm=0.0, speed_rad_per_s=0.0)
    assert MODEL.virtual(X, still, P).loss_W == 0.0
    assert MODEL.steady(X, still, P).oil_temperature_K == pytest.approx(U.ambient_temperature_K, rel=1e-12)
    assert MODEL.out(X, still, P).mesh_acceleration_m_per_s2 == 0.0
