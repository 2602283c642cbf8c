"""One week of a machine's own data, and what its sisters are worth to it: six simulated motors, made by richer equations.

Each motor is fitted on its first week and judged on its second, which it has not seen: the model runs open loop through the
measured inputs. As a new machine it is fitted on its first shift (eight hours), day and week, once around published values and once
around what the other five taught. error: root mean square over the sensor's standard deviation in that week, mean over sensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets import ASSETS
from didymos.core.clock import parse_time
from didymos.infer.calibrate import open_loop
from didymos.infer.fit import Fit, Prior, fit, published
from didymos.infer.prediction_error import Record
from didymos.infer.sisters import Sister, learn

Array = NDArray[np.float64]
MODEL = ASSETS["induction_motor"]
STEP_S, SHIFT, DAY, WEEK = 300.0, 96, 288, 2016
START = "2026-01-05T06:00:00Z"
KNOWN = np.array([name.startswith("rated_") for name in MODEL.Params._fields])
DRAWS = 2000


def part(seed: int = 11) -> dict[str, Any]:
    inputs, measured = recorded(seed)
    whole = range(len(inputs))
    start = published(np.array(MODEL.Params(), float))
    fits = [_fit(inputs[i, :WEEK], measured[i, :WEEK], start) for i in whole]
    rows: dict[str, list[float]] = {
        "published": [],
        "shift": [],
        "shift_sisters": [],
        "day": [],
        "day_sisters": [],
        "week": [],
        "week_sisters": [],
        "sisters_only": [],
    }
    for i in whole:
        taught = learn(start, [Sister(f.prior.mean, f.linear, f.information) for k, f in enumerate(fits) if k != i])
        found = {"published": start.mean, "week": fits[i].params, "sisters_only": taught.mean}
        for name, steps in (("shift", SHIFT), ("day", DAY), ("week", WEEK)):
            if name not in found:
                found[name] = _fit(inputs[i, :steps], measured[i, :steps], start).params
            found[f"{name}_sisters"] = _fit(inputs[i, :steps], measured[i, :steps], taught).params
        for name, params in found.items():
            rows[name].append(error(params, inputs[i], measured[i]))
    reached = sum(f.convergence.reached for f in fits)
    gains = {f"{name}_gain": _gain(rows[name], rows[f"{name}_sisters"]) for name in ("shift", "day", "week")}
    return {"machines": len(inputs), "reached": reached, "error": {k: _mean(v) for k, v in rows.items()}, **gains}


def recorded(seed: int, days: int = 14) -> tuple[Array, Array]:
    """(inputs (6, T, k), measured (6, T, m) with the sensors' noise) of healthy motors."""
    from didymos.plant.virtual import motors

    unit, t0 = motors.units(seed), parse_time(START) // 10**9
    x, none = motors.first(seed, float(t0)), np.zeros(motors.N)
    healthy, rows = motors.Wear(none, none, np.zeros(motors.N, bool)), []
    for k in range(int(days * 86_400 / STEP_S)):
        x, found = motors.step(seed, unit, x, healthy, int(t0 // STEP_S) + 1 + k, STEP_S)
        rows.append([np.broadcast_to(found[c.name], motors.N) for c in (*MODEL.inputs, *MODEL.sensors)])
    table, k = np.array(rows, float).transpose(2, 0, 1), len(MODEL.inputs)
    noise = np.array([c.noise for c in MODEL.sensors])
    return table[..., :k], table[..., k:] + noise * np.random.default_rng(seed).normal(size=(*table.shape[:2], len(noise)))


def _fit(inputs: Array, measured: Array, prior: Prior) -> Fit:
    return fit(MODEL, Record(inputs, measured, STEP_S), prior, KNOWN, starts=1)


def error(params: Array, inputs: Array, measured: Array) -> float:
    """Over the second week, after a run through the first."""
    readings = open_loop(MODEL, params[None], inputs, STEP_S)[0]
    off = (readings - measured)[WEEK:]
    return float(np.mean(np.sqrt(np.mean(off**2, axis=0)) / measured[WEEK:].std(axis=0)))


def _mean(values: list[float], seed: int = 1) -> list[float]:
    v = np.array(values)
    low, high = np.quantile(v[np.random.default_rng(seed).integers(0, len(v), (DRAWS, len(v)))].mean(axis=1), [0.05, 0.95])
    return [float(v.mean()), float(low), float(high)]


def _gain(without: list[float], with_sisters: list[float]) -> list[float]:
    """Mean of the error without less the error with sisters, paired."""
    return _mean([a - b for a, b in zip(without, with_sisters, strict=True)])
