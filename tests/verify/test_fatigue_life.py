"""Stress-life, strain-life, Neuber and Miner against closed forms, hand-computed sums and an independent root finder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from didymos.assets.materials import METALS, strain_curve
from didymos.core.errors import ModelError
from didymos.numerics.fatigue import rainflow, strain_life, stress_life
from didymos.numerics.fatigue.rainflow import Cycles
from didymos.numerics.fatigue.stress_life import StressLife, equivalent_amplitude, haibach

CURVE = StressLife(5.0, 1e6, 200e6, sd_log10=0.25)
STEEL = strain_curve("rqc_100")


def blocks(*rows):
    """Cycles of (amplitude MPa, mean MPa, count)."""
    amplitude, mean, count = np.array(rows, float).T
    return Cycles(np.zeros(len(rows), np.int32), 2e6 * amplitude, 1e6 * mean, count)


# bad input


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"slope": 0.0}, "slope is 0.0; a finite number above 0"),
        ({"knee_cycles": -1.0}, "knee_cycles is -1.0"),
        ({"knee_amplitude_Pa": np.nan}, "knee_amplitude_Pa is nan"),
        ({"below": 3.0}, r"below is 3.0, steeper than the slope 5.0\. Allowed: .* 9 \(Haibach\)"),
        ({"below": np.nan}, "below is nan"),
        ({"sd_log10": -0.1}, "allowed: sd_log10 >= 0"),
        ({"survival": 1.0}, "0 < survival < 1"),
    ],
)
def test_a_curve_that_is_none_is_refused(given_, message):
    with pytest.raises(ModelError, match=message):
        StressLife(**{"slope": 5.0, "knee_cycles": 1e6, "knee_amplitude_Pa": 2e8, **given_})


def test_a_rising_basquin_line_is_refused():
    with pytest.raises(ModelError, match=r"exponent 0\.1; a negative number"):
        stress_life.basquin(1e9, 0.1, 1e6)


def test_a_mean_stress_rule_that_is_unknown_or_lacks_its_strength_is_refused():
    with pytest.raises(ModelError, match=r"'soderberg' is not known\. Allowed: none, goodman, gerber, morrow, swt"):
        equivalent_amplitude(blocks((1, 0, 1)), "soderberg")
    for rule in stress_life.NEEDS_STRENGTH:
        for strength in (None, 0.0, np.nan):
            with pytest.raises(ModelError, match=rf"{rule} needs the material's strength_Pa above 0"):
                equivalent_amplitude(blocks((1, 0, 1)), rule, strength)


@pytest.mark.parametrize("field", ["youngs_Pa", "strength_exponent", "ductility_exponent", "cyclic_hardening"])
def test_strain_life_constants_of_the_wrong_sign_are_refused(field):
    from dataclasses import replace

    for value in (-getattr(STEEL, field), 0.0, np.nan):
        with pytest.raises(ModelError, match=f"strain-life: {field} is"):
            replace(STEEL, **{field: value})


def test_unknown_strain_rule_and_a_notch_below_one_are_refused():
    with pytest.raises(ModelError, match=r"rule 'walker' is not known\. Allowed: morrow, swt"):
        strain_life.cycles_to_failure(STEEL, 0.01, rule="walker")
    with pytest.raises(ModelError, match="at least 1 is needed"):
        strain_life.notch(STEEL, 1e8, 0.9)


# stress-life


def test_a_two_block_miner_sum_is_what_the_hand_computes():
    """400 MPa: 1e6 / 2^5 = 31,250. 300 MPa: 1e6 / 1.5^5 = 131,687. 10,000 and 50,000 of them: 0.32 + 0.3796875."""
    each = stress_life.damage(CURVE, blocks((400, 0, 10_000), (300, 0, 50_000)))
    np.testing.assert_allclose(each, [0.32, 0.3796875], rtol=1e-14)
    assert each.sum() == pytest.approx(0.6996875, rel=1e-14)


@pytest.mark.parametrize(("below", "N"), [(np.inf, np.inf), (5.0, 32e6), (haibach(5.0), 512e6)])
def test_below_the_knee_the_chosen_rule_goes_on(below, N):
    """Half the knee amplitude: Miner 2^5, Haibach 2^9 times the knee's cycles, endurance limit for ever."""
    curve = StressLife(5.0, 1e6, 200e6, below)
    assert stress_life.cycles_to_failure(curve, 100e6) == pytest.approx(N, rel=1e-14)
    assert stress_life.cycles_to_failure(curve, 200e6) == 1e6
    assert stress_life.cycles_to_failure(curve, 199.999e6) == (np.inf if below == np.inf else pytest.approx(1e6, rel=1e-4))
    assert stress_life.cycles_to_failure(curve, 0.0) == np.inf


@pytest.mark.parametrize(
    ("rule", "mean", "expected"),
    [
        ("none", 100.0, 200.0),
        ("goodman", 100.0, 250.0),  # 200 / (1 - 100/500)
        ("goodman", -100.0, 200.0),
        ("gerber", 100.0, 200.0 / 0.96),
        ("gerber", -100.0, 200.0),
        ("morrow", 100.0, 250.0),
        ("morrow", -125.0, 160.0),  # 200 / 1.25
        ("swt", 250.0, 300.0),  # sqrt(450 * 200)
        ("swt", 0.0, 200.0),
        ("swt", -300.0, 0.0),
        ("goodman", 500.0, np.inf),
        ("gerber", 600.0, np.inf),
    ],
)
def test_mean_stress_turns_into_amplitude_as_the_formula_says(rule, mean, expected):
    assert equivalent_amplitude(blocks((200, mean, 1)), rule, 500e6) == pytest.approx(expected * 1e6)


def test_a_static_failure_costs_everything_and_nothing_costs_nothing():
    assert stress_life.damage(CURVE, blocks((200, 500, 1)), "goodman", 500e6)[0] == np.inf
    assert stress_life.damage(CURVE, blocks((0, 500, 1)), "goodman", 500e6)[0] == 0.0


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=60), st.sampled_from([0.5, 2.0, 3.0]))
def test_damage_grows_with_load_to_the_power_of_the_slope_and_ignores_a_shift_without_mean_correction(x, scale):
    curve = StressLife(5.0, 1e6, 200e6, 5.0)

    def total(signal):
        state, done = rainflow.step(rainflow.init(), signal)
        return stress_life.damage(curve, rainflow.joined(done, rainflow.residue(state))).sum()

    plain = total(np.array(x) * 1e6)
    assert total(np.array(x) * 1e6 * scale) == pytest.approx(plain * scale**5, rel=1e-12)
    assert total((np.array(x) + 1024) * 1e6) == pytest.approx(plain, rel=1e-12)


def test_damage_is_summed_at_each_location():
    cycles = Cycles(np.array([2, 0, 2], np.int32), np.full(3, 8e8), np.zeros(3), np.array([1.0, 0.5, 1.0]))
    np.testing.assert_allclose(
        stress_life.by_location(cycles, stress_life.damage(CURVE, cycles), 4), np.array([0.5, 0, 2, 0]) / 31_250
    )


def test_the_chance_of_failure_follows_the_lognormal_scatter():
    """Median curve: half failed at D = 1. A curve that 97.7 % outlive, sd 0.2: 2.3 % failed at D = 1, half at 10^0.4."""
    assert stress_life.failure_probability(1.0, 0.2) == pytest.approx(0.5)
    assert stress_life.failure_probability(10**0.2, 0.2) == pytest.approx(norm.cdf(1.0))
    assert stress_life.failure_probability(1.0, 0.2, norm.cdf(2.0)) == pytest.approx(norm.cdf(-2.0))
    assert stress_life.failure_probability(10**0.4, 0.2, norm.cdf(2.0)) == pytest.approx(0.5)
    assert stress_life.failure_probability([0.0, 0.999, 1.0], 0.0).tolist() == [0.0, 0.0, 1.0]
    assert stress_life.failure_probability(0.0, 0.2) == 0.0


# strain-life


@pytest.mark.parametrize("name", [n for n, m in METALS.items() if m.strain_life])
def test_life_from_strain_and_strain_from_life_are_inverse(name):
    N = np.geomspace(1.0, 1e9, 40)
    for mean in (-100e6, 0.0, 100e6):
        strain = strain_life.strain_amplitude(strain_curve(name), N, mean)
        np.testing.assert_allclose(strain_life.cycles_to_failure(strain_curve(name), strain, mean), N, rtol=1e-9)


@pytest.mark.parametrize(("strain", "mean"), [(0.004, 100e6), (0.02, 0.0), (0.002, -50e6)])
def test_lives_are_those_of_an_independent_root_finder(strain, mean):
    m = STEEL

    def morrow(logN):
        two_n = 2 * np.exp(logN)
        return (
            (m.strength_coefficient_Pa - mean) / m.youngs_Pa * two_n**m.strength_exponent
            + m.ductility_coefficient * (two_n**m.ductility_exponent)
            - strain
        )

    assert strain_life.cycles_to_failure(m, strain, mean) == pytest.approx(np.exp(brentq(morrow, -5, 40, xtol=1e-14)), rel=1e-9)
    stress = 500e6

    def swt(logN):
        two_n, sf, b, c = 2 * np.exp(logN), m.strength_coefficient_Pa, m.strength_exponent, m.ductility_exponent
        right = sf**2 * two_n ** (2 * b) + m.youngs_Pa * sf * m.ductility_coefficient * two_n ** (b + c)
        return np.log(right) - np.log((stress + mean) * strain * m.youngs_Pa)

    found = strain_life.cycles_to_failure(m, strain, mean, "swt", stress)
    assert found == pytest.approx(np.exp(brentq(swt, -20, 60, xtol=1e-14)), rel=1e-9)


def test_what_is_not_strained_or_only_pressed_lasts_for_ever_and_a_mean_at_the_strength_lasts_not_at_all():
    assert strain_life.cycles_to_failure(STEEL, 0.0) == np.inf
    assert strain_life.cycles_to_failure(STEEL, 0.004, -600e6, "swt", 500e6) == np.inf
    assert strain_life.cycles_to_failure(STEEL, 0.004, STEEL.strength_coefficient_Pa) == 0.0


def test_a_notch_keeps_neubers_product_on_the_cyclic_curve_and_is_elastic_at_small_loads():
    nominal = np.array([-400e6, -1e3, 0.0, 1e3, 200e6, 800e6])
    stress, strain = strain_life.notch(STEEL, nominal, 2.5)
    np.testing.assert_allclose(stress * strain, (2.5 * nominal) ** 2 / STEEL.youngs_Pa, rtol=1e-9)
    size = np.abs(stress)
    on_curve = size / STEEL.youngs_Pa + (size / STEEL.cyclic_strength_Pa) ** (1 / STEEL.cyclic_hardening)
    np.testing.assert_allclose(np.abs(strain), on_curve, rtol=1e-12)
    assert stress[3] == pytest.approx(2.5e3, rel=1e-9)
    assert stress[0] == -strain_life.notch(STEEL, 400e6, 2.5)[0]


def test_a_fully_reversed_notch_cycle_costs_what_its_local_strain_says_and_tension_costs_more():
    reversed_, pulled = (strain_life.damage(STEEL, blocks((150, mean, 1.0)), 3.0)[0] for mean in (0, 100))
    _, strain = strain_life.notch(STEEL, 150e6, 3.0)
    assert reversed_ == pytest.approx(1 / strain_life.cycles_to_failure(STEEL, strain), rel=1e-12)
    assert pulled > reversed_
    assert (
        strain_life.damage(STEEL, blocks((150, 100, 1.0)), 3.0, "swt")[0]
        > strain_life.damage(STEEL, blocks((150, 0, 1.0)), 3.0, "swt")[0]
    )
