"""Which failure mode shows on which sensor: asked of the model itself, not of a table.

    signal[i, j] = | out_j(x worn by mode i to severity 1) - out_j(x as commissioned) | / noise_j      at rated operation, settled

Worn: the mode's own wear state moved from its commissioning value until the model's severity of that mode reaches 1.0, the
published threshold; the other states stay. So 3 means: at the day of failure a single reading of this sensor stands three of its
standard deviations away from healthy. Many readings show less than that, a wrong load model shows nothing: this is what the
sensor can say at best. Modes that look alike on all sensors are both "seen" here; telling them apart is `infer.explain`'s part.
Verified: tests/infer/test_coverage.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import FailureMode, Model

Array = NDArray[np.float64]
SEEN, WEAK = 3.0, 0.5  # standard deviations of one reading; WEAK: some 36 readings make SEEN of it
HALVINGS = 60


def signal_to_noise(model: Model, params: object | None = None, inputs: object | None = None) -> Array:
    """(modes, sensors); NaN in a row whose mode no wear state alone brings to its threshold within the model's bounds."""
    p = params if params is not None else model.Params()
    u = inputs if inputs is not None else model.nominal
    noise = np.array([channel.noise for channel in model.sensors])
    healthy = _out(model, list(map(float, model.initial)), u, p)
    found = np.full((len(model.failure_modes), model.n_sensors), np.nan)
    for i, mode in enumerate(model.failure_modes):
        worn = worn_state(model, mode, u, p)
        if worn is not None:
            found[i] = np.abs(_out(model, worn, u, p) - healthy) / noise
    return found


def worn_state(model: Model, mode: FailureMode, u: object, p: object) -> list[float] | None:
    """The commissioning state with the first of the mode's wear states that can do it moved to severity 1; None without one."""
    for field in mode.wear:
        i = model.state_index(field)
        start = float(model.initial[i])
        for end in (float(model.high[i]), float(model.low[i])):
            if _severity(model, mode, _moved(model, i, end), u, p) < 1.0:
                continue
            near, far = start, end  # severity below 1 at `near` (else it fails as commissioned), at or above 1 at `far`
            for _ in range(HALVINGS):
                middle = 0.5 * (near + far)
                near, far = (near, middle) if _severity(model, mode, _moved(model, i, middle), u, p) >= 1.0 else (middle, far)
            return _moved(model, i, far)
    return None


def seen_by(signal: Array, alive: Sequence[bool]) -> list[str]:
    """For each mode 'seen', 'weak' or 'blind' with the sensors that are `alive` (m,)."""
    heard = np.where(np.asarray(alive, bool)[None, :] & np.isfinite(signal), signal, 0.0)
    best = np.sqrt((heard**2).sum(axis=1))  # readings of independent noise, taken together
    return ["seen" if s >= SEEN else "weak" if s >= WEAK else "blind" for s in best]


def _moved(model: Model, i: int, value: float) -> list[float]:
    state = [float(x) for x in model.initial]
    state[i] = value
    return state


def _out(model: Model, state: Sequence[float], u: object, p: object) -> Array:
    with np.errstate(all="ignore"):
        return np.array(model.out(model.steady(model.State(*state), u, p), u, p), float)


def _severity(model: Model, mode: FailureMode, state: Sequence[float], u: object, p: object) -> float:
    with np.errstate(all="ignore"):
        return float(getattr(model.severity(model.steady(model.State(*state), u, p), u, p), mode.name))
