"""May the twin's answer be used? Judged from what it did not foresee, from the age of its inputs and from where it was calibrated.

    S = Σ nis / Σ dof over a window of steps: 1 when model, noise and reality agree; Σ nis ~ chi-square(Σ dof) then

Not valid when no input or no sensor has been read lately (F), when the operating point lies outside the range seen at
commissioning by more than `MARGIN` allows (S), or when S is both beyond the chi-square limit of one false alarm in 10,000 and
above `TOLERANCE`: the residuals are then more than twice as large as the twin itself expects (S). Before `SETTLED` readings:
function check (C).
Source: Bar-Shalom, Li & Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, 5.4; status signals
after NAMUR NE 107. The tolerance, the margin and the ages are our choice. Verified: tests/infer/test_validity.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from didymos.core.channel import Channel
from didymos.core.estimate import Validity
from didymos.core.model import Model
from didymos.infer.plain import plain, plain_time
from didymos.infer.self_status import status_of

Array = NDArray[np.float64]

FALSE_ALARM = 1e-4
TOLERANCE = 4.0  # mean squared whitened residual
SETTLED = 12  # readings
MARGIN = 0.25  # of the range seen, or of the largest value seen: physics extrapolates a little
REACH = 0.1  # of the channel's plausible range, the most that the second of these may be
STALE_S = 3600.0


class Window(NamedTuple):
    """The last W steps of N assets, newest last: nis and dof (N, W), whitened (N, W, m). Steps not yet taken: dof 0, NaN."""

    nis: Array
    dof: Array
    whitened: Array


def window(count: int, sensors: int, steps: int = 36) -> Window:
    """An empty window of `count` assets."""
    return Window(np.zeros((count, steps)), np.zeros((count, steps)), np.full((count, steps, sensors), np.nan))


def see(past: Window, nis: Array, dof: Array, whitened: Array) -> Window:
    """The window one step later; nis, dof (N,), whitened (N, m). `past` is not changed."""
    return Window(
        np.concatenate([past.nis[:, 1:], nis[:, None]], axis=1),
        np.concatenate([past.dof[:, 1:], dof[:, None]], axis=1),
        np.concatenate([past.whitened[:, 1:], whitened[:, None]], axis=1),
    )


def widen(low: Array, high: Array, u: Array) -> tuple[Array, Array]:
    """The envelope of inputs seen, with one more operating point u (N, k)."""
    return np.fmin(low, u), np.fmax(high, u)


def assess(
    model: Model,
    nis: ArrayLike,
    dof: ArrayLike,
    u: ArrayLike,
    input_age_s: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    whitened: ArrayLike | None = None,
    stale_s: float = STALE_S,
    step_s: float = 300.0,
    elsewhere: str = "",
) -> Validity:
    """Validity of one asset. nis, dof (W,) and whitened (W, m) of the last steps, oldest first, NaN or dof 0 = no reading;
    u (k,) the inputs in force, input_age_s (k,) how long they have been held; low, high (k,) the range seen at commissioning;
    elsewhere: why it is outside of it beyond what this one moment shows."""
    nis, dof = np.nan_to_num(np.asarray(nis, float)), np.nan_to_num(np.asarray(dof, float))
    score = _score(nis, dof)
    stale, silent = _stale(model.inputs, np.asarray(input_age_s, float), stale_s), _silent(dof, stale_s, step_s)
    if reason := stale or silent:
        code = "input_stale" if stale else "no_readings"
        return Validity(False, 0.0, status_of(code), reason)
    if reason := next(iter(outside(model.inputs, u, low, high).values()), "") or elsewhere:
        return Validity(False, score, status_of("outside_envelope"), f"{reason}; the twin is not calibrated there")
    if dof.sum() < SETTLED:
        reason = f"the twin has used {int(dof.sum())} readings so far; it needs {SETTLED} to be judged"
        return Validity(False, score, status_of("few_readings"), reason)
    if not consistent(float(nis.sum()), float(dof.sum())):
        return Validity(False, score, status_of("inconsistent"), _inconsistent(model, float(nis.sum() / dof.sum()), whitened))
    return Validity(True, score, "ok", "the twin explains what is measured")


def consistent(nis: float, dof: float) -> bool:
    """Whether the summed squares of `dof` whitened residuals agree with chi-square, model error up to TOLERANCE allowed."""
    return nis <= max(float(chdtri(dof, FALSE_ALARM)), TOLERANCE * dof)


def _score(nis: Array, dof: Array) -> float:
    """1 while residuals are as small as expected, falling with their mean square; 0 without readings."""
    if dof.sum() == 0:
        return 0.0
    return float(min(1.0, dof.sum() / max(nis.sum(), 1e-300)))


def _stale(inputs: tuple[Channel, ...], age_s: Array, stale_s: float) -> str | None:
    worst = int(np.argmax(age_s)) if len(age_s) else -1
    if worst < 0 or age_s[worst] <= stale_s:
        return None
    age = plain_time(float(age_s[worst])) if np.isfinite(age_s[worst]) else "ever"
    return f"{inputs[worst].title} has not been read for {age}; the twin cannot follow the machine without it"


def _silent(dof: Array, stale_s: float, step_s: float) -> str | None:
    steps = max(1, round(stale_s / step_s))
    if len(dof) < steps or dof[-steps:].any():
        return None
    return f"no sensor has been read for {plain_time(steps * step_s)}; the twin runs on its model alone"


def outside(inputs: tuple[Channel, ...], u: ArrayLike, low: ArrayLike, high: ArrayLike, share: float = 1.0) -> dict[str, str]:
    """Name of each input that has left the range seen at commissioning by more than `share` of the margin, and a sentence with both
    numbers."""
    u, low, high = (np.asarray(a, float) for a in (u, low, high))
    plausible = np.array([c.high - c.low if np.isfinite(c.high - c.low) else 0.0 for c in inputs])
    largest = MARGIN * np.maximum(np.abs(low), np.abs(high))
    margin = share * np.where(
        np.isfinite(high - low), np.maximum(MARGIN * (high - low), np.minimum(largest, REACH * plausible)), 0.0
    )
    found = {}
    for i, channel in enumerate(inputs):
        side, limit = ("above", high[i]) if u[i] > high[i] + margin[i] else ("below", low[i])
        if u[i] > high[i] + margin[i] or u[i] < low[i] - margin[i]:
            now, then = plain(float(u[i]), channel.unit), plain(float(limit), channel.unit)
            found[channel.name] = f"{channel.title} {now} is {side} the {then} seen at commissioning"
    return found


def _inconsistent(model: Model, ratio: float, whitened: ArrayLike | None) -> str:
    text = f"residuals are {np.sqrt(ratio):.1f} times as large as the twin expects"
    if whitened is None:
        return text
    squares = np.asarray(whitened, float) ** 2
    read = np.isfinite(squares)
    mean = np.where(read, squares, 0.0).sum(axis=0) / np.maximum(read.sum(axis=0), 1)
    worst = int(np.argmax(mean))
    return f"{text}, most of all {model.sensors[worst].title} ({np.sqrt(mean[worst]):.1f} sigma)"
