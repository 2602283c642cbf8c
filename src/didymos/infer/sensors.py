"""A sensor that fails, told from a machine that fails.

    out of range   raw value outside the channel's plausible range in each of the last 3 readings
    stuck          the last 12 readings equal to 1/1000 of the sensor's noise while most other sensors still scatter
    spike          a residual above 6 standard deviations between two below 3
    drift          the median residual r_i of one sensor above 5, of one sign in 80 % of the window, while every other median is
                   below 2 (the others agree with the twin), and no wear state explains the pattern: the share of |r|2 along
                   sensor i must exceed the share along the signature of any wear state by 0.2

The signature of a wear state is what it does to all sensors, in their noise: a wear that one sensor alone sees looks like that
sensor's drift, so such a pair is never told apart here and the machine is suspected. Rows: only while the machine runs.
Source: structured residuals after J. Gertler, "Fault Detection and Diagnosis in Engineering Systems" (1998); status words after
NAMUR NE 107. Verified: tests/infer/test_sensors.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import Channel
from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.infer.self_status import status_of

Array = NDArray[np.float64]
RANGE_READINGS, STUCK_READINGS = 3, 12
SPIKE, CALM = 6.0, 3.0
DRIFT, AGREE, PERSISTENT, MARGIN = 5.0, 2.0, 0.8, 0.2
SPIKES_TOO_MANY = 0.2  # of the window: then the sensor is not believed at all


class Verdict(NamedTuple):
    """One faulty sensor. kind: out_of_range, stuck, spike, drift; status after NE 107: F failure, C function check, S out of
    specification; believe False: the filter should treat the sensor as missing until the verdict is gone."""

    sensor: str
    kind: str
    status: str
    believe: bool
    text: str


class Window(NamedTuple):
    """What is judged: whitened residuals (T, m), raw readings (T, m) in SI, NaN = missing; oldest first, a column a channel."""

    channels: tuple[Channel, ...]
    residuals: Array
    raw: Array


def judge(window: Window, signatures: Array | None = None) -> tuple[Verdict, ...]:
    """Every sensor that cannot be trusted, at most one verdict each, the plainest fault first.

    signatures (k, m): effect of each wear state on each sensor in units of its noise (`signatures` below); None = no physics known.
    """
    shape = (len(window.raw), len(window.channels))
    if window.residuals.shape != shape or window.raw.shape != shape:
        raise DataError(f"sensors: residuals {window.residuals.shape} and raw {window.raw.shape} must both be {shape}")
    known = np.zeros((0, shape[1])) if signatures is None else signatures
    return tuple(verdict for i in range(shape[1]) if (verdict := _first(window, i, known)))


def disbelieved(verdicts: Sequence[Verdict], channels: Sequence[Channel]) -> NDArray[np.bool_]:
    """(m,) True where the filter should treat the sensor as missing."""
    names = {verdict.sensor for verdict in verdicts if not verdict.believe}
    return np.array([channel.name in names for channel in channels])


def signatures(model: Model, params: object, inputs: object | None = None) -> Array:
    """(k, m): change of each sensor, in its noise, when one wear state moves by its initial standard deviation, at equilibrium.

    Only states that some failure mode owns: a constant factor of one unit cannot wear, so a pattern along it is no excuse."""
    u = model.nominal if inputs is None else inputs
    noise = np.array([channel.noise for channel in model.sensors])

    def shown(state: Sequence[float]) -> Array:
        return np.array(model.out(model.steady(model.State(*state), u, params), u, params), float)

    healthy = [float(x) for x in model.initial]
    worn = {name for mode in model.failure_modes for name in mode.wear}
    rows = []
    for name in (slow for slow in model.slow if slow in worn):
        moved = list(healthy)
        moved[model.state_index(name)] += float(getattr(model.initial_sd, name))
        rows.append((shown(moved) - shown(healthy)) / noise)
    return np.array(rows).reshape(len(rows), len(noise))


def _first(window: Window, i: int, known: Array) -> Verdict | None:
    checks: tuple[Callable[[], Verdict | None], ...] = (
        lambda: _out_of_range(window.channels[i], window.raw[:, i]),
        lambda: _stuck(window, i),
        lambda: _drift(window, i, known),
        lambda: _spike(window.channels[i], window.residuals[:, i]),
    )
    return next((verdict for check in checks if (verdict := check())), None)


def _out_of_range(channel: Channel, raw: Array) -> Verdict | None:
    last = raw[np.isfinite(raw)][-RANGE_READINGS:]
    if len(last) < RANGE_READINGS or np.any((last >= channel.low) & (last <= channel.high)):
        return None
    text = f"{channel.title.lower()} reads outside its plausible range"
    return Verdict(channel.name, "out_of_range", status_of("out_of_range"), False, text)


def _stuck(window: Window, i: int) -> Verdict | None:
    frozen = [_frozen(channel, window.raw[:, j]) for j, channel in enumerate(window.channels)]
    others = [state for j, state in enumerate(frozen) if j != i and state is not None]
    if not frozen[i] or not others or np.mean(others) >= 0.5:
        return None
    title = window.channels[i].title.lower()
    text = f"{title} has not moved in {STUCK_READINGS} readings while the other sensors scatter"
    return Verdict(window.channels[i].name, "stuck", status_of("stuck"), False, text)


def _frozen(channel: Channel, raw: Array) -> bool | None:
    """None where too few readings are known to say."""
    last = raw[np.isfinite(raw)][-STUCK_READINGS:]
    if len(last) < STUCK_READINGS:
        return None
    return bool(np.ptp(last) <= 1e-3 * (channel.noise if np.isfinite(channel.noise) else 0.0))


def _spike(channel: Channel, residuals: Array) -> Verdict | None:
    size = np.abs(residuals[np.isfinite(residuals)])
    if len(size) < 3:
        return None
    alone = (size[1:-1] > SPIKE) & (size[:-2] < CALM) & (size[2:] < CALM)
    if not alone.any():
        return None
    share = float(np.mean(size > SPIKE))
    text = f"{channel.title.lower()} shows {int(alone.sum())} single readings far off among {len(size)}"
    return Verdict(channel.name, "spike", status_of("spike"), share < SPIKES_TOO_MANY, text)


def _drift(window: Window, i: int, known: Array) -> Verdict | None:
    seen = np.isfinite(window.residuals)
    usable = seen.sum(axis=0) >= STUCK_READINGS
    if not usable[i] or usable.sum() < 2:
        return None  # without a second sensor nothing tells this one from the machine
    middle = np.array([np.median(window.residuals[seen[:, j], j]) if use else 0.0 for j, use in enumerate(usable)])
    one_sign = np.mean(np.sign(window.residuals[seen[:, i], i]) == np.sign(middle[i]))
    if abs(middle[i]) < DRIFT or one_sign < PERSISTENT or np.any(np.abs(np.delete(middle, i)) >= AGREE):
        return None
    if middle[i] ** 2 / np.sum(middle**2) - _best_wear(middle, known) < MARGIN:
        return None
    size, side = abs(middle[i]), "above" if middle[i] > 0.0 else "below"
    text = f"{window.channels[i].title.lower()} stays {size:.1f} standard deviations {side} what the other sensors support"
    return Verdict(window.channels[i].name, "drift", status_of("drift"), False, text)


def _best_wear(middle: Array, known: Array) -> float:
    """Largest share of |r|2 that lies along one wear state's signature."""
    size = np.sum(known**2, axis=1)
    along = (known @ middle) ** 2 / np.where(size > 0.0, size, 1.0)
    return float(np.max(along, initial=0.0) / np.sum(middle**2))
