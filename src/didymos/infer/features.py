"""What a vibration record says in a few numbers, and which bearing line it shows.

    vibration_features(samples (n,) m/s2, rate_hz, speed_rad_s, orders)
        -> {velocity_rms, acceleration_rms, peak, crest, kurtosis, envelope_bpfo, envelope_bpfi, envelope_bsf, envelope_ftf}
    match_frequency(...) -> the visible lines, strongest evidence first; an empty tuple means "not visible"

Source and equations: numerics/spectra.py. The mean of the record is removed first (an accelerometer's offset says nothing).
Verified: tests/infer/test_features.py against closed forms and the CWRU records.
"""

from __future__ import annotations

from math import isfinite, nan, pi

import numpy as np
from numpy.typing import NDArray

from didymos.numerics.spectra import (
    HARMONICS,
    VISIBLE,
    BearingOrders,
    Line,
    bearing_lines,
    check_record,
    envelope_spectrum,
    velocity_rms,
)

LINES = ("bpfo", "bpfi", "bsf", "ftf")
TREND_BAND = (0.1, 0.45)  # of the sample rate: fixed, so that a feature's history is of one kind; naming a line picks its own band


def level_features(samples: NDArray[np.floating], rate_hz: float) -> dict[str, float]:
    """Numbers that need no speed: velocity_rms [m/s], acceleration_rms and peak [m/s2], crest and kurtosis [1] (3 for noise)."""
    record = check_record(samples, rate_hz)
    swing = record - record.mean()
    rms = float(np.sqrt(np.mean(swing**2)))
    peak = float(np.max(np.abs(swing)))
    moving = rms > 0.0
    return {
        "velocity_rms": velocity_rms(record, rate_hz),
        "acceleration_rms": rms,
        "peak": peak,
        "crest": peak / rms if moving else nan,
        "kurtosis": float(np.mean(swing**4)) / rms**4 if moving else nan,
    }


def lines(
    samples: NDArray[np.floating],
    rate_hz: float,
    speed_rad_s: float,
    orders: BearingOrders,
    component: str = "",
    band_hz: tuple[float, float] | None = None,
) -> tuple[Line, ...]:
    """All four lines of one bearing, visible or not, from `band_hz` or else from the most impulsive band of this record.
    At standstill or unknown speed every one has NaN and chance 1."""
    turning = isfinite(speed_rad_s) and abs(speed_rad_s) > 0.0
    if not turning:
        check_record(samples, rate_hz)
        return tuple(Line(name, getattr(orders, name), nan, nan, 1.0, component) for name in LINES)
    highest_hz = max(orders.bpfo, orders.bpfi) * abs(speed_rad_s) / (2.0 * pi)
    envelope = envelope_spectrum(samples, rate_hz, band_hz, width_hz=HARMONICS * highest_hz)
    return bearing_lines(envelope, speed_rad_s, orders, component)


def vibration_features(
    samples_m_s2: NDArray[np.floating], rate_hz: float, speed_rad_s: float, orders: BearingOrders | None
) -> dict[str, float]:
    """Every feature of one record (n,). The envelope_* entries [m/s2] are absent without `orders` and NaN where the record is too
    short, or the shaft too slow, to resolve the line. DataError for a record that is empty, not finite or without a rate."""
    features = level_features(samples_m_s2, rate_hz)
    if orders is None:
        return features
    found = lines(samples_m_s2, rate_hz, speed_rad_s, orders, band_hz=(TREND_BAND[0] * rate_hz, TREND_BAND[1] * rate_hz))
    return features | {f"envelope_{line.name}": line.amplitude for line in found}


def match_frequency(
    samples_m_s2: NDArray[np.floating],
    rate_hz: float,
    speed_rad_s: float,
    orders: BearingOrders,
    component: str = "",
    visible: float = VISIBLE,
) -> tuple[Line, ...]:
    """Lines (name, order, amplitude, signal_to_floor, p_noise) that noise alone would show less often than `visible`, the least
    likely to be noise first. Empty: no bearing line is visible in this record."""
    found = [line for line in lines(samples_m_s2, rate_hz, speed_rad_s, orders, component) if line.p_noise < visible]
    return tuple(sorted(found, key=lambda line: (line.p_noise, -line.signal_to_floor)))
