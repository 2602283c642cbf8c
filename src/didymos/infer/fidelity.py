"""How well the twin mirrors its machine now: one score from 0 to 1, the smallest of three parts, each told with its numbers.

    explained    mean over sensors of  min(1, E_j / X_j),  E_j = 1 - <e_j²> / var(y_j),  X_j = 1 - n_j² / var(y_j)
                 e innovation (the forecast one step ahead, not the fit), n the sensor's noise: of what can be explained at all,
                 which share is. A sensor that scatters by no more than TELLING n_j² tells nothing and has no part
    consistency  min(1, h / S),  S = sum nis / sum dof,  h the upper limit of S:  S D ~ chi-square(D), D = sum dof / tau,
                 tau = 1 + 2 sum rho_k of the nis: readings of a window that agree with one another count less
    envelope     exp(-d / JOINT), d the distance from the operating points of the calibration (`infer.envelope`)

Beside them for each sensor its skill over persistence, 1 - <e²> / <(y_t - y_t-1)²>: below 0 the last reading foretells better.
Means <.> and variances forget with MEMORY_S of plant time and count running steps only (a machine that stands has nothing to
explain). S below its lower limit: the twin is less sure than it could be; this costs no score and is told.
Source: Bar-Shalom, Li & Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, 5.4 (NIS test); Nash &
Sutcliffe, J. Hydrology 10 (1970) 282 (explained variance against a naive forecast); West, CACM 22 (1979) 532 (running moments);
Priestley, Spectral Analysis and Time Series, 1981, 5.3 (effective number of readings). The minimum, MEMORY_S and TELLING are our
choice. Verified: tests/infer/test_fidelity.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from didymos.core.errors import DataError
from didymos.core.estimate import Fidelity
from didymos.infer.envelope import JOINT

Array = NDArray[np.float64]
MEMORY_S = 86_400.0
TELLING = 2.0  # times the noise variance
SETTLED = 12.0  # readings' weight before a sensor is told of
LIMITS = (0.995, 0.005)  # of the NIS test, above and below
LOW = 0.5  # a score below asks for maintenance of the twin
ROWS = ("weight", "mean", "square", "innovation", "steps", "step", "last")  # of the moments


def moments(count: int, sensors: int) -> Array:
    """(N, len(ROWS), m), nothing seen yet."""
    found = np.zeros((count, len(ROWS), sensors))
    found[:, ROWS.index("last")] = np.nan
    return found


def see(past: Array, y: Array, innovation: Array, step_s: float) -> Array:
    """One step later: readings y (N, m) and their innovations, NaN = none, or not running. `past` is not changed."""
    if y.shape != past[:, 0].shape or innovation.shape != y.shape:
        raise DataError(f"fidelity: readings {y.shape} and innovations {innovation.shape} must both be {past[:, 0].shape}.")
    weight, mean, square, spread, steps, step, last = (past[:, i] for i in range(len(ROWS)))
    seen, keep = np.isfinite(y) & np.isfinite(innovation), np.exp(-step_s / MEMORY_S)
    follows = seen & np.isfinite(last)
    value, error, jump = np.where(seen, y, 0.0), np.where(seen, innovation, 0.0), np.where(follows, y - last, 0.0)
    total = keep * weight + seen
    away = np.where(seen, value - mean, 0.0)
    gained = away / np.maximum(total, 1e-300)
    return np.stack(
        [
            total,
            mean + gained,
            keep * square + away * (away - gained),
            keep * spread + error**2,
            keep * steps + follows,
            keep * step + jump**2,
            np.where(seen, y, last),
        ],
        axis=1,
    )


class Explained(NamedTuple):
    """Of each sensor (m,), NaN = not told: share of variance explained, skill over persistence, share of the explainable."""

    share: Array
    skill: Array
    part: Array


def explained(found: Array, noise: Array) -> Explained:
    """Of one asset's moments (len(ROWS), m); noise (m,) of the sensors themselves."""
    weight, _, square, spread, steps, step, _ = found
    told = weight >= SETTLED
    variance = np.where(told, square / np.maximum(weight, 1e-300), np.nan)
    error = spread / np.maximum(weight, 1e-300)
    with np.errstate(all="ignore"):
        share = np.where(variance > 0.0, 1.0 - error / variance, np.nan)
        jumps = np.where(told & (steps > 0.0), step / np.maximum(steps, 1e-300), np.nan)
        skill = np.where(jumps > 0.0, 1.0 - error / jumps, np.nan)
        tells = variance > TELLING * noise**2
        part = np.where(tells, np.clip(share / (1.0 - noise**2 / variance), 0.0, 1.0), np.nan)
    return Explained(share, skill, part)


class Consistency(NamedTuple):
    """ratio S, NaN without readings; low, high its limits; tau: how many readings count as one."""

    ratio: float
    low: float
    high: float
    tau: float


def consistency(nis: Array, dof: Array) -> Consistency:
    """NIS test over steps (W,), oldest first; dof 0: no reading. Each sensor that is missing lowers dof by one."""
    used = np.isfinite(nis) & (dof > 0)
    if not used.any():
        return Consistency(np.nan, np.nan, np.nan, 1.0)
    total, readings = float(nis[used].sum()), float(dof[used].sum())
    tau = correlation(nis[used] / dof[used])
    free = max(1.0, readings / tau)
    return Consistency(total / readings, float(chdtri(free, LIMITS[0])) / free, float(chdtri(free, LIMITS[1])) / free, tau)


def correlation(values: Array) -> float:
    """Integrated autocorrelation time in steps, at least 1: the sum stops at the first rho below 2 / sqrt(n), which white noise of
    that length reaches too."""
    n, away = len(values), values - values.mean()
    power = float(away @ away)
    if n < 8 or power == 0.0:
        return 1.0
    tau = 1.0
    for lag in range(1, n // 3):
        rho = float(away[lag:] @ away[:-lag]) / power
        if rho < 2.0 / np.sqrt(n):
            break
        tau += 2.0 * rho
    return tau


def score(of: Explained, agree: Consistency, distance: float) -> Fidelity:
    """The three parts and the smallest of them; parts that nothing tells are None. Without any part the score is 0."""
    parts = {
        "explained": float(np.nanmean(of.part)) if np.isfinite(of.part).any() else None,
        "consistency": float(min(1.0, agree.high / max(agree.ratio, 1e-300))) if np.isfinite(agree.ratio) else None,
        "envelope": float(np.exp(-distance / JOINT)),
    }
    read = parts["consistency"] is not None
    told = {name: part for name, part in parts.items() if part is not None}
    weakest = min(told, key=lambda name: told[name])
    ratio = agree.ratio if read else None
    limits = (agree.low, agree.high) if read else (None, None)
    return Fidelity(
        told[weakest] if read else 0.0, weakest, parts["explained"], parts["consistency"], parts["envelope"], ratio, *limits,
        readings_per_independent=agree.tau, distance=distance,
    )  # fmt: skip
