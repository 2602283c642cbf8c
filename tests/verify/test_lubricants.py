"""Oil viscosity against catalogue pairs, and the reference viscosity of ISO 281."""

import numpy as np
import pytest

from didymos.assets.lubricants import reference_viscosity_m2_per_s, viscosity_fall_per_K, viscosity_m2_per_s, walther_slope

RPM = 2 * np.pi / 60


@pytest.mark.parametrize(("at_40", "at_100"), [(32.0, 5.4), (46.0, 6.8), (68.0, 8.7), (220.0, 19.0)])
def test_the_slope_reproduces_both_catalogue_viscosities(at_40, at_100):
    # typical pairs of mineral oils ISO VG 32, 46, 68 (hydraulic) and 220 (gear)
    slope = walther_slope(at_40 * 1e-6, at_100 * 1e-6)
    assert viscosity_m2_per_s(313.15, at_40 * 1e-6, slope) == pytest.approx(at_40 * 1e-6, rel=1e-9)
    assert viscosity_m2_per_s(373.15, at_40 * 1e-6, slope) == pytest.approx(at_100 * 1e-6, rel=1e-9)


def test_the_d341_line_is_straight_in_its_own_coordinates():
    slope = walther_slope(32e-6, 5.4e-6)
    kelvin = np.array([293.15, 313.15, 333.15, 373.15])
    w = np.log10(np.log10(viscosity_m2_per_s(kelvin, 32e-6, slope) * 1e6 + 0.7))
    steps = np.diff(w) / np.diff(np.log10(kelvin))
    assert steps == pytest.approx([-slope] * 3, rel=1e-5)


@pytest.mark.parametrize(("rpm", "millimetre", "expected"), [(3000.0, 72.5, 9.649), (100.0, 100.0, 98.45), (6000.0, 90.0, 6.124)])
def test_reference_viscosity_is_the_formula_of_iso_281(rpm, millimetre, expected):
    # ISO 281:2007 eq. 28-29 worked by hand: 4500 / sqrt(3000 * 72.5), 45000 * 100^-0.83 / 10, 4500 / sqrt(6000 * 90)
    assert reference_viscosity_m2_per_s(rpm * RPM, millimetre * 1e-3) == pytest.approx(expected * 1e-6, rel=1e-3)


@pytest.mark.parametrize("kelvin", [280.0, 313.15, 360.0])
def test_the_fall_of_viscosity_equals_the_central_difference(kelvin):
    slope, h = walther_slope(220e-6, 19e-6), 1e-3
    low, middle, high = (viscosity_m2_per_s(kelvin + d, 220e-6, slope) for d in (-h, 0.0, h))
    assert viscosity_fall_per_K(kelvin, middle, slope) == pytest.approx((np.log(high) - np.log(low)) / (2 * h), rel=1e-6)
