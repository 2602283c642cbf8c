"""Bearings against CWRU's table, NSK's catalogue and SKF's diagram."""

import numpy as np
import pytest

from didymos.assets.bearings import (
    BEARINGS,
    basic_life_revolutions,
    basic_rating_N,
    fatigue_limit_N,
    friction_torque_N_m,
    life_factor,
    orders,
)


def test_orders_of_the_cwru_drive_end_bearing_equal_its_published_table():
    # Case Western Reserve University Bearing Data Center, 6205-2RS JEM; its "rolling element" 4.7135 is twice the spin
    found = orders(BEARINGS["6205"])
    assert found.bpfi == pytest.approx(5.4152, abs=1e-4)
    assert found.bpfo == pytest.approx(3.5848, abs=1e-4)
    assert found.ftf == pytest.approx(0.39828, abs=1e-4)
    assert 2 * found.bsf == pytest.approx(4.7135, abs=1e-4)


def test_orders_of_the_cwru_fan_end_bearing_equal_its_published_table():
    found = orders(BEARINGS["6203"])
    assert (found.bpfi, found.bpfo, found.ftf, 2 * found.bsf) == pytest.approx((4.9469, 3.0530, 0.3817, 3.9874), abs=4e-4)


@pytest.mark.parametrize("name", BEARINGS)
def test_race_orders_add_up_to_the_number_of_balls(name):
    # every ball passes either race: BPFO + BPFI = z, and the cage carries z FTF = BPFO
    found, balls = orders(BEARINGS[name]), BEARINGS[name].balls
    assert found.bpfo + found.bpfi == pytest.approx(balls, rel=1e-12)
    assert balls * found.ftf == pytest.approx(found.bpfo, rel=1e-12)


@pytest.mark.parametrize("name", ["6203", "6204", "6205", "6804dd"])
def test_basic_rating_from_geometry_equals_the_catalogue(name):
    # NSK Rolling Bearings: 9 550, 12 800, 14 000, 4 000 N
    assert basic_rating_N(BEARINGS[name]) == pytest.approx(BEARINGS[name].dynamic_rating_N, rel=0.005)


@pytest.mark.parametrize("name", ["7012c", "7014c"])
def test_basic_rating_of_spindle_bearings_is_within_a_tenth_of_the_catalogue(name):
    # the makers' ball sizes are not published; typical ones are in the table
    assert basic_rating_N(BEARINGS[name]) == pytest.approx(BEARINGS[name].dynamic_rating_N, rel=0.1)


def test_fatigue_limit_of_6205_is_near_its_catalogue_value():
    # SKF: P_u = 0.335 kN with C_0 = 7.8 kN; ISO 281's simple form is C_0 / 22
    assert fatigue_limit_N(BEARINGS["6205"]) == pytest.approx(335.0, rel=0.08)


def test_basic_life_equals_skf_example_one():
    # SKF Rolling bearings, calculation example 1: 6309, C = 55.3 kN, P = 10 kN, 3000 1/min -> 169 million, 940 h
    turns = basic_life_revolutions(55_300.0, 10_000.0)
    assert turns / 1e6 == pytest.approx(169.0, rel=2e-3)
    assert turns / (60 * 3000) == pytest.approx(940.0, rel=2e-3)


@pytest.mark.parametrize(
    ("kappa", "limit", "read"), [(4.0, 0.05, 2.5), (4.0, 0.1, 7.0), (4.0, 0.2, 30.0), (2.0, 0.1, 4.5), (2.0, 0.2, 16.0)]
)
def test_life_factor_lies_on_the_published_diagram(kappa, limit, read):
    # values read from SKF's diagram of a_SKF for radial ball bearings, which is that of ISO 281; readable to about a tenth
    assert life_factor(kappa, 1.0, limit, 1.0) == pytest.approx(read, rel=0.12)


@pytest.mark.parametrize("kappa", [0.4, 1.0])
def test_life_factor_has_no_jump_where_its_three_formulas_meet(kappa):
    # ISO 281's coefficients are rounded: the branches meet within 1 %
    below, above = (life_factor(kappa + d, 0.5, 1.0, 8.0) for d in (-1e-9, 1e-9))
    assert below == pytest.approx(above, rel=0.01)


def test_life_factor_keeps_the_limits_of_the_standard():
    assert life_factor(4.0, 1.0, 10.0, 1.0) == pytest.approx(50.0)
    assert life_factor(2.0, 0.0, 1.0, 1.0) == pytest.approx(0.1)
    assert life_factor(9.0, 0.3, 1.0, 2.0) == life_factor(4.0, 0.3, 1.0, 2.0)


def test_palmgren_torque_equals_the_handbook_formula_in_its_own_units():
    # Harris: M_0 = 1e-7 f_0 (v n)^(2/3) d_m^3, M_1 = f_1 P d_m, in N mm, mm2/s, 1/min, mm
    f0, f1, v, n, dm, load = 2.0, 5e-4, 20.0, 3000.0, 90.0, 1500.0
    by_hand = (1e-7 * f0 * (v * n) ** (2 / 3) * dm**3 + f1 * load * dm) * 1e-3
    assert friction_torque_N_m(n * 2 * np.pi / 60, load, v * 1e-6, dm * 1e-3, f0, f1) == pytest.approx(by_hand, rel=1e-9)


def test_palmgren_torque_is_constant_below_its_limit_of_2000():
    # Harris: 160e-7 f_0 d_m^3 for v n < 2000; 2000^(2/3) = 158.7, which the book rounds to 160
    slow = friction_torque_N_m(1.0, 0.0, 20e-6, 0.09, 2.0, 0.0)
    assert slow == friction_torque_N_m(5.0, 0.0, 20e-6, 0.09, 2.0, 0.0)
    assert slow == pytest.approx(160e-7 * 2.0 * 90.0**3 * 1e-3, rel=0.01)
