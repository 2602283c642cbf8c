"""The acceleration record of a spindle's front end: 4096 samples at 20 kHz, as the sensor counts them.

    imbalance and its 2nd order, line hum at 100 Hz, built-in motor slot passing, coloured noise that grows when the film is thin,
    and for a spall: one blow per ball passing the outer race, spaced 1/BPFO with 1 % random slip, modulated by the load zone and by
    each ball's own strength, rung down by two second-order resonances: housing near 800 Hz (it carries the velocity), ring 4.6 kHz.

Bearing: 19 balls of 12.7 mm on 90 mm; its contact angle grows from 15 degrees under preload and speed, so BPFO is not quite the
catalogue's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import draw, spindles
from didymos.plant.virtual.line import WAVE_RATE_HZ, WAVE_SAMPLES, G

SCALE_G = 50.0 / 32768.0  # a 50 g accelerometer on 16 bit
HOUSING_HZ, RING_HZ = 790.0, 4600.0


def record(
    seed: int, machine: int, time_ns: int, speed: float, u: spindles.Unit, spall: float, thin_film: float
) -> NDArray[np.int16]:
    """(4096,) counts of SCALE_G; speed in rad/s, spall 0..1 severity, thin_film 0 (full film) to 1."""
    rng = draw.at(seed, f"wave {machine}", time_ns // 1_000_000_000)
    n = speed / spindles.RATED_SPEED
    t = np.arange(WAVE_SAMPLES) / WAVE_RATE_HZ
    level = float(u.old_spall[machine]) + spall
    shaking = _orders(rng, t, speed, float(u.imbalance[machine]) * (1 + 0.25 * spall), n)
    rough = _noise(rng, float(u.noise[machine]) * n**1.2 * (1 + 2.2 * thin_film + 0.5 * spall))
    ringing = _ring_down(_blows(rng, speed, n), HOUSING_HZ, 0.08, 19.0 * n * level)
    ringing += _ring_down(_blows(rng, speed, n), RING_HZ * (1 + 0.02 * np.sin(machine)), 0.06, 30.0 * n**1.2 * level)
    return np.clip(np.rint((shaking + rough + ringing) / G / SCALE_G), -32768, 32767).astype(np.int16)


def _orders(rng: np.random.Generator, t: NDArray[np.float64], speed: float, velocity_rms: float, n: float) -> NDArray[np.float64]:
    """Imbalance (velocity ~ n^1.5), its second order, slot passing, hum of the supply."""
    phase = rng.uniform(0, 2 * np.pi, 4)
    first = np.sqrt(2) * velocity_rms * n**1.5 * speed
    wave = first * np.sin(speed * t + phase[0]) + 0.35 * first * np.sin(2 * speed * t + phase[1])
    return wave + 0.5 * np.sin(24 * speed * t + phase[2]) + 0.15 * np.sin(2 * np.pi * 100.0 * t + phase[3])


def _noise(rng: np.random.Generator, rms: float) -> NDArray[np.float64]:
    """Coloured: first difference of a leaky sum, so that little of it lies below 500 Hz."""
    white = rng.standard_normal(WAVE_SAMPLES + 1)
    shaped = np.diff(white) + 0.6 * white[1:]
    return rms * shaped / shaped.std()


def ball_pass_hz(speed: float, n: float) -> float:
    """Outer-race passing frequency at the contact angle that preload and speed leave; balls slip 0.6 % on the way."""
    angle = np.deg2rad(15.0 + 1.3 * n)
    return 0.994 * 19 * (1 - 12.7 / 90.0 * np.cos(angle)) / 2 * speed / (2 * np.pi)


def _blows(rng: np.random.Generator, speed: float, n: float) -> NDArray[np.float64]:
    """One blow per passing ball: jittered spacing, load-zone modulation at cage speed, lognormal strength."""
    period = 1.0 / ball_pass_hz(speed, n)
    count = int(WAVE_SAMPLES / WAVE_RATE_HZ / period) + 4
    times = np.cumsum(period * (1 + 0.008 * rng.standard_normal(count))) - 2 * period * rng.uniform()
    strength = (1 + 0.1 * np.sin(0.43 * speed * times + rng.uniform(0, 6.28))) * np.exp(0.2 * rng.standard_normal(count))
    place = times * WAVE_RATE_HZ
    train = np.zeros(WAVE_SAMPLES)
    inside = (place >= 0) & (place < WAVE_SAMPLES - 1)
    whole = place[inside].astype(np.int64)
    rest = place[inside] - whole
    np.add.at(train, whole, strength[inside] * (1 - rest))
    np.add.at(train, whole + 1, strength[inside] * rest)
    return train


def _ring_down(train: NDArray[np.float64], hz: float, damping: float, rms: float) -> NDArray[np.float64]:
    """The blows through a resonance of this frequency and damping ratio, scaled to an rms in m/s2."""
    t = np.arange(1024) / WAVE_RATE_HZ
    omega = 2 * np.pi * hz
    kernel = np.exp(-damping * omega * t) * np.sin(omega * np.sqrt(1 - damping**2) * t)
    size = WAVE_SAMPLES + 1024
    out = np.fft.irfft(np.fft.rfft(train, size) * np.fft.rfft(kernel, size), size)[:WAVE_SAMPLES]
    spread = out.std()
    return out * (rms / spread) if spread > 0 else out
