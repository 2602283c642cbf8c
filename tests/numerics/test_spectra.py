"""Spectra against closed forms: a sine, a modulated resonance, and noise that holds no line."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest

from didymos.core.errors import DataError
from didymos.numerics.spectra import SLIP, BearingOrders, bearing_lines, envelope_spectrum, velocity_rms

ORDERS = BearingOrders(bpfo=3.5848, bpfi=5.4152, bsf=2.357, ftf=0.3983)  # SKF 6205
RATE = 20_000.0
SPEED = 2 * pi * 30.0


def modulated(f0_hz: float, depth: float, seconds: float = 1.0, carrier_hz: float = 5000.0, amplitude: float = 4.0) -> np.ndarray:
    t = np.arange(int(RATE * seconds)) / RATE
    return amplitude * (1.0 + depth * np.cos(2 * pi * f0_hz * t)) * np.cos(2 * pi * carrier_hz * t)


@pytest.mark.parametrize("samples", [np.zeros(10), np.zeros((4, 100)), np.r_[np.zeros(99), np.nan]])
def test_a_record_that_says_nothing_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(DataError, match="vibration record"):
        envelope_spectrum(samples, RATE)


def test_a_record_without_a_rate_is_refused() -> None:
    with pytest.raises(DataError, match="rate"):
        velocity_rms(np.zeros(100), 0.0)


@pytest.mark.parametrize("frequency_hz", [40.0, 101.3, 700.0])
def test_the_velocity_of_a_sine_is_its_acceleration_over_its_angular_frequency(frequency_hz: float) -> None:
    t = np.arange(20_000) / RATE
    record = 3.0 + 8.0 * np.sin(2 * pi * frequency_hz * t)  # an offset must not count
    assert velocity_rms(record, RATE) == pytest.approx(8.0 / (2 * pi * frequency_hz) / sqrt(2), rel=2e-3)


def test_velocity_outside_its_band_does_not_count() -> None:
    t = np.arange(20_000) / RATE
    assert velocity_rms(8.0 * np.sin(2 * pi * 3000.0 * t), RATE) < 1e-6


def test_the_envelope_line_of_a_modulated_carrier_has_the_amplitude_of_the_modulation() -> None:
    envelope = envelope_spectrum(modulated(107.5, 0.4), RATE, (3000.0, 7000.0))
    at = int(np.argmax(envelope.power))
    assert at * envelope.step_hz == pytest.approx(107.5, abs=envelope.step_hz)
    assert envelope.amplitude[at] == pytest.approx(0.4 * 4.0, rel=0.03)


def test_the_band_with_the_impulses_is_chosen() -> None:
    rng = np.random.default_rng(1)
    hits = np.zeros(40_000)
    hits[::400] = 1.0
    t = np.arange(200) / RATE
    ring = np.convolve(hits, np.exp(-t * 1500.0) * np.sin(2 * pi * 6500.0 * t))[:40_000]
    low, high = envelope_spectrum(3.0 * ring + 0.6 * rng.normal(size=40_000), RATE, width_hz=500.0).band_hz
    assert low < 6500.0 < high
    assert high - low < 8000.0


@pytest.mark.parametrize("name", ["bpfo", "bpfi", "bsf"])
@pytest.mark.parametrize("slip", [-0.9 * SLIP, 0.0, 0.9 * SLIP])
def test_a_modulation_at_one_defect_frequency_is_found_there_and_at_its_true_order(name: str, slip: float) -> None:
    rng = np.random.default_rng(7)
    order = getattr(ORDERS, name) * (1.0 + slip)
    record = modulated(order * 30.0, 0.5) + rng.normal(size=20_000)
    found = {line.name: line for line in bearing_lines(envelope_spectrum(record, RATE, (3000.0, 7000.0)), SPEED, ORDERS)}
    assert min(found.values(), key=lambda line: line.p_noise).name == name
    assert found[name].order == pytest.approx(order, rel=0.01)
    assert found[name].amplitude == pytest.approx(0.5 * 4.0, rel=0.1)


def test_the_chance_of_a_line_in_noise_is_what_it_says() -> None:
    """Gaussian noise, 1500 combs: the share below p may not exceed p beyond its own sampling error (the bound is conservative)."""
    rng = np.random.default_rng(3)
    chances = [
        line.p_noise
        for _ in range(500)
        for line in bearing_lines(envelope_spectrum(rng.normal(size=8000), RATE, (2000.0, 8000.0)), SPEED, ORDERS)
        if line.name != "ftf"
    ]
    assert np.mean(np.array(chances) < 0.05) < 0.07
    assert np.mean(np.array(chances) < 0.005) < 0.012
    assert np.mean(np.array(chances) < 0.5) > 0.1  # and not so conservative that nothing is ever seen


def test_a_record_too_short_for_the_cage_says_so() -> None:
    found = {line.name: line for line in bearing_lines(envelope_spectrum(modulated(100.0, 0.5, 0.1), RATE), SPEED, ORDERS)}
    assert np.isnan(found["ftf"].amplitude)
    assert found["ftf"].p_noise == 1.0


def test_shaft_harmonics_are_no_bearing_line() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(40_000) / RATE
    shaft = sum(np.cos(2 * pi * 30.0 * k * t) for k in range(1, 9))
    record = (6.0 + shaft) * np.cos(2 * pi * 5000.0 * t) + rng.normal(size=40_000)
    near = BearingOrders(bpfo=4.03, bpfi=6.95, bsf=3.0, ftf=0.4)  # every comb within slip of shaft harmonics
    assert all(line.p_noise > 1e-4 for line in bearing_lines(envelope_spectrum(record, RATE, (3000.0, 7000.0)), SPEED, near))
