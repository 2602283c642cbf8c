"""GET assets/{id}/waveform: spectrum and envelope spectrum of the last waveform at a moment, with the bearing's lines.

Computed on request (numerics/spectra.py) and thinned by the maximum of neighbouring bins, so that no line is lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import isfinite, pi

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

from didymos.core.channel import channel_id
from didymos.core.series import Waveform
from didymos.numerics.spectra import check_record, envelope_spectrum
from didymos.service.context import MS_NS, Context, With, find_asset, json_answer
from didymos.service.problem import Problem, unknown
from didymos.service.read_model import AssetView
from didymos.service.routes.history import Moment, Points

router = APIRouter(tags=["history"])
SPEED_AGE_NS = 3_600_000_000_000  # the shaft speed may be this much older than the waveform


@dataclass(frozen=True, slots=True)
class FaultLine:
    """A defect frequency at the measured shaft speed."""

    name: str
    hz: float


@dataclass(frozen=True, slots=True)
class Spectra:
    """One waveform: amplitude spectrum and envelope spectrum as [[Hz, amplitude]]. `speed_hz` null: no lines."""

    channel: str
    unit: str
    time: int
    rate_hz: float
    samples: int
    quality: int
    speed_hz: float | None
    lines: list[FaultLine]
    envelope_band_hz: tuple[float, float]
    spectrum: list[tuple[float, float]]
    envelope: list[tuple[float, float]]


@router.get("/assets/{asset_id}/waveform", response_model=Spectra)
async def waveform(context: With, asset_id: str, channel: str, at: Moment = None, points: Points = 800) -> Response:
    """Spectra of the last waveform of `channel` that began at or before `at` (now when left out)."""
    asset = find_asset(context, asset_id)
    known = [each.name for each in asset.channels if each.kind == "waveform"]
    if channel not in known:
        raise unknown("waveform channel", channel, known, f"Take a channel of kind waveform from GET /api/v1/assets/{asset_id}.")
    at_ns = context.clock.now_ns() if at is None else at * MS_NS
    found = await context.history.waveform(channel_id(asset.id, channel), at_ns)
    if found is None:
        raise Problem(404, "No waveform yet", f"{asset_id}.{channel}", f"at={at_ns // MS_NS}", "", "Ask for a later moment.")
    speed = await shaft_hz(context, asset, found.start_ns)
    return json_answer(await asyncio.to_thread(spectra, found, channel, asset, speed, points))


async def shaft_hz(context: Context, asset: AssetView, at_ns: int) -> float | None:
    """Mean measured shaft speed of the hour before `at_ns`, turns per second."""
    if all(each.name != "speed" for each in asset.channels):
        return None
    rows = await context.history.buckets(channel_id(asset.id, "speed"), at_ns - SPEED_AGE_NS, at_ns + 1, 12)
    usable = [mean for _, _, mean, _, quality in rows if quality <= 1 and isfinite(mean) and mean > 0]
    return usable[-1] / (2 * pi) if usable else None


def spectra(found: Waveform, channel: str, asset: AssetView, speed: float | None, points: int) -> Spectra:
    """Amplitude spectrum (Hann window, corrected for its gain) and envelope spectrum of one waveform."""
    record = check_record(found.samples, found.rate_hz)
    window = np.hanning(len(record) + 1)[:-1]
    amplitude = np.abs(np.fft.rfft((record - record.mean()) * window)) * 2 / window.sum()
    envelope = envelope_spectrum(record, found.rate_hz)
    lines = [] if speed is None else [FaultLine(name, order * speed) for name, order in asset.orders]
    return Spectra(
        channel, found.unit, found.start_ns // MS_NS, found.rate_hz, len(record), found.quality, speed, lines, envelope.band_hz,
        thinned(amplitude, found.rate_hz / len(record), points),
        thinned(_up_to(envelope.amplitude, envelope.step_hz, lines), envelope.step_hz, points),
    )  # fmt: skip


def _up_to(amplitude: NDArray[np.float64], step_hz: float, lines: list[FaultLine]) -> NDArray[np.float64]:
    """The part that shows four harmonics of the highest line; everything where no line is known."""
    top = max((line.hz for line in lines), default=np.inf) * 4.5 / step_hz
    return amplitude[: int(min(len(amplitude), max(64.0, top)))]


def thinned(amplitude: NDArray[np.float64], step_hz: float, points: int) -> list[tuple[float, float]]:
    """At most `points` [Hz, amplitude]: of each run of neighbours the largest, at its own frequency."""
    size = max(1, -(-len(amplitude) // points))
    starts = range(0, len(amplitude), size)
    peaks = [start + int(np.argmax(amplitude[start : start + size])) for start in starts]
    return [(round(k * step_hz, 4), float(amplitude[k])) for k in peaks]
