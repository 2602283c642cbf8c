"""Spectra of a vibration record and the bearing lines in its envelope.

    velocity      V(f) = A(f) / (2 pi f), summed from 10 to 1000 Hz (the band of ISO 20816-3)
    envelope      e(t) = |a_B(t)|, a_B the analytic signal of the record inside one band B of high frequency
    line          the comb f0, 2 f0, ... H f0 in the spectrum of e; f0 = order x shaft speed, free within the slip of 2 %

Source: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011) 485-520; band choice after
J. Antoni, "Fast computation of the kurtogram", MSSP 21 (2007) 108-124, with a short bank instead of the full tree.
Significance: in noise a spectral power is exponentially distributed around the local floor, so the sum of H powers over the mean
floor is Gamma(H); the search over slip multiplies the chance by the number of combs that can be told apart.
Valid: record longer than three periods of the line sought; else that line is "not visible".
Verified: tests/numerics/test_spectra.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log, nan, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from didymos.core.errors import DataError

SLIP = 0.02
HARMONICS = 3
VISIBLE = 1e-4  # a line is called visible when noise alone would show one as strong less often than this
_MIN_BINS = 3.0  # a line closer to zero frequency than this many bins cannot be told from the mean


@dataclass(frozen=True, slots=True)
class BearingOrders:
    """Defect frequencies of one rolling bearing per turn of its shaft: outer race, inner race, ball spin, cage."""

    bpfo: float
    bpfi: float
    bsf: float
    ftf: float


class Line(NamedTuple):
    """One comb found in an envelope spectrum.

    name, order      which defect frequency; the order at which it was found, events per shaft turn
    amplitude        root of the sum of squared harmonic amplitudes, in the unit of the record
    signal_to_floor  that amplitude against the same sum over the local noise floor (median)
    p_noise          chance that noise alone shows a comb as strong
    component        id of the bearing it belongs to; "" where the spectrum cannot say
    """

    name: str
    order: float
    amplitude: float
    signal_to_floor: float
    p_noise: float
    component: str = ""


class Envelope(NamedTuple):
    """Envelope spectrum: bins at k x step_hz; power (m,) of each (Hann); amplitude (m,) of a line there; the band it came from."""

    step_hz: float
    power: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    band_hz: tuple[float, float]


def check_record(samples: NDArray[np.floating], rate_hz: float) -> NDArray[np.float64]:
    """The record as float64 (n,); DataError when nothing can be computed from it."""
    record = np.asarray(samples, float)
    if record.ndim != 1 or len(record) < 64:
        raise DataError(f"vibration record has shape {record.shape}; at least 64 samples in one column are needed")
    if not rate_hz > 0:
        raise DataError(f"vibration record: rate {rate_hz} Hz; a rate above zero is needed")
    if not np.isfinite(record).all():
        raise DataError(f"vibration record: {np.sum(~np.isfinite(record))} of {len(record)} samples are not numbers; mark it bad")
    return record


def velocity_rms(samples: NDArray[np.floating], rate_hz: float, low_hz: float = 10.0, high_hz: float = 1000.0) -> float:
    """RMS velocity [m/s] of an acceleration record (n,) [m/s2] between two frequencies."""
    record = check_record(samples, rate_hz)
    window = np.hanning(len(record) + 1)[:-1]
    spectrum = np.abs(np.fft.rfft((record - record.mean()) * window)) ** 2
    frequency = np.arange(len(spectrum)) * rate_hz / len(record)
    inside = (frequency >= low_hz) & (frequency <= high_hz)
    power = 2.0 * spectrum[inside] / (len(record) * np.sum(window**2))
    return float(np.sqrt(np.sum(power / (2.0 * pi * frequency[inside]) ** 2)))


def analytic_band(spectrum: NDArray[np.complex128], rate_hz: float, band_hz: tuple[float, float]) -> NDArray[np.complex128]:
    """Analytic signal of one band at twice the band's width as sample rate, from the full FFT (n,) of the record."""
    n = len(spectrum)
    first, last = (min(n // 2, max(1, round(edge * n / rate_hz))) for edge in band_hz)
    inside = spectrum[first:last]
    return np.fft.ifft(np.concatenate([inside, np.zeros_like(inside)])) * (4.0 * len(inside) / n)


def choose_band(spectrum: NDArray[np.complex128], rate_hz: float, width_hz: float) -> tuple[float, float]:
    """The most impulsive band at least `width_hz` wide out of halves, thirds, quarters and sixths of what lies above rate/40.

    Impulsiveness: kurtosis of the complex envelope, the median over four quarters of the record, so that one knock decides nothing.
    """
    bottom, top = rate_hz / 40.0, rate_hz * 0.48
    cuts = [np.linspace(bottom, top, parts + 1) for parts in (1, 2, 3, 4, 6)]
    bands = [(float(a), float(b)) for cut in cuts for a, b in pairwise(cut) if b - a >= width_hz]
    return max(bands or [(bottom, top)], key=lambda band: _impulsiveness(analytic_band(spectrum, rate_hz, band)))


def _impulsiveness(signal: NDArray[np.complex128]) -> float:
    quarters = np.array_split(np.abs(signal) ** 2, 4)
    return float(np.median([np.mean(q**2) / max(float(np.mean(q)) ** 2, 1e-300) for q in quarters]))


def envelope_spectrum(
    samples: NDArray[np.floating], rate_hz: float, band_hz: tuple[float, float] | None = None, width_hz: float = 0.0
) -> Envelope:
    """Envelope spectrum of a record (n,); without `band_hz` the band is chosen from the record, at least `width_hz` wide."""
    record = check_record(samples, rate_hz)
    spectrum = np.fft.fft(record - record.mean())
    band = band_hz or choose_band(spectrum, rate_hz, width_hz)
    envelope = np.abs(analytic_band(spectrum, rate_hz, band))
    window = np.hanning(len(envelope) + 1)[:-1]
    power = np.abs(np.fft.rfft((envelope - envelope.mean()) * window)) ** 2 * (4.0 / max(window.sum(), 1.0) ** 2)
    lobe = np.convolve(power, np.ones(3), "same") / 1.5  # a Hann line spreads over three bins and carries 1.5 times its peak power
    return Envelope(rate_hz / len(record), power, np.sqrt(lobe), band)


def bearing_lines(envelope: Envelope, speed_rad_s: float, orders: BearingOrders, component: str = "") -> tuple[Line, ...]:
    """The four combs (bpfo, bpfi, bsf, ftf), visible or not; a comb that the record cannot resolve has NaN and chance 1."""
    shaft_hz = abs(speed_rad_s) / (2.0 * pi)
    power = _without_shaft(envelope, shaft_hz)
    names = ("bpfo", "bpfi", "bsf", "ftf")
    return tuple(_comb(name, getattr(orders, name), shaft_hz, envelope, power, component) for name in names)


def _without_shaft(envelope: Envelope, shaft_hz: float) -> NDArray[np.float64]:
    """Power with the bins at multiples of shaft speed put at the floor: imbalance and misalignment are no bearing lines."""
    power = envelope.power.copy()
    if not shaft_hz >= _MIN_BINS * envelope.step_hz:
        return power
    for frequency in np.arange(1, int(len(power) * envelope.step_hz / shaft_hz)) * shaft_hz:
        k = round(frequency / envelope.step_hz)
        around = envelope.power[max(1, k - 12) : k + 13]
        power[max(1, k - 1) : k + 2] = np.median(around)
    return power


def _comb(name: str, order: float, shaft_hz: float, spectrum: Envelope, power: NDArray[np.float64], component: str) -> Line:
    step, top = spectrum.step_hz, len(power) - 2
    nominal = order * shaft_hz / step  # in bins
    harmonics = np.arange(1, HARMONICS + 1)
    harmonics = harmonics[harmonics * nominal * (1.0 + SLIP) < top]
    if not (nominal >= _MIN_BINS and len(harmonics)):
        return Line(name, order, nan, nan, 1.0, component)
    floor = np.array([_floor(power, h * nominal, nominal) for h in harmonics])
    reach = SLIP * nominal
    trials = np.linspace(-reach, reach, 2 * int(np.ceil(reach * harmonics[-1])) + 3)
    bins = np.rint(harmonics * (nominal + trials)[:, None]).astype(int)  # (trials, harmonics)
    strength = np.sum(power[bins] / floor, axis=1)
    best = int(np.argmax(strength))
    told_apart = 1.0 + 2.0 * reach * harmonics[-1]
    chance = min(1.0, told_apart * float(gammaincc(len(harmonics), strength[best])))
    amplitude = np.sqrt(np.sum(np.minimum(spectrum.amplitude[bins[best]] ** 2, 3.0 * power[bins[best]])))
    noise = np.sqrt(np.sum(floor) * log(2.0))
    found = (nominal + trials[best]) * step / shaft_hz
    return Line(name, float(found), float(amplitude), float(amplitude / noise), chance, component)


def _floor(power: NDArray[np.float64], centre: float, spacing: float) -> float:
    """Mean noise power near a line: the local median over ln 2 (power of noise is exponentially distributed)."""
    half = max(12.0, 0.4 * spacing)
    first, last = int(max(2, centre - half)), int(centre + half) + 1
    return max(float(np.median(power[first:last])) / log(2.0), 1e-300)
