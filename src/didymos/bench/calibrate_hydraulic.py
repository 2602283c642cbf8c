"""The ZeMA hydraulic rig: cooler, pump leakage and accumulator as physical states of one model, estimated without any label.

Each load cycle of a minute gives a row: mean motor power, cooling flow, pressure and flow in the seconds of steady load, oil before
and behind the cooler; and the accumulator's p_0 V_0 by least squares over the four changes of load,

    volume missing in the flow behind it = - p_0 V_0 change of 1 / p

Where the steady pressure lies above 165 bar a relief valve takes part of the flow, which then says nothing of the pump: left out.
Parameters of `assets.hydraulic_rig` are fitted on the first 60 % of the cycles; its filter then runs through the rest. Forecasts
are made for the rest only, one and 30 cycles ahead, every method given the inputs (power, cooling flow, pressure) of the way: the
filter's belief moved on, persistence, gradient boosting trained on the first 60 %.
conditions: rank correlation of the estimated state with the label, and of two neighbouring classes the share of pairs in the right
order; labels were seen by nothing else. Hidden labels (NaN) are left out. Intervals: blocks of 45 cycles.
Source of the data: Helwig, Pignanelli & Schuetze, I2MTC 2015.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets.hydraulic_rig import MODEL
from didymos.bench.held_out import boosted, compared, slope
from didymos.infer.estimator import Given
from didymos.infer.fit import Fit, fit, published
from didymos.infer.gaussian import Ukf
from didymos.infer.prediction_error import Record

Array = NDArray[np.float64]
FOLDER, FILE = "uci_hydraulic", "hydraulic_1hz.npz"
STEP_S, TRAINED, BLOCK = 60.0, 0.6, 45
HORIZONS = {"one_step": 1, "long_horizon": 30}
STEADY = np.r_[22:28, 32:38, 42:48, 52:58]  # seconds in which neither load nor accumulator moves
SWITCHES = (19, 29, 39, 49)
RELIEF_BAR = 165.0
BAR, LITRE_A_MINUTE = 1e5, 1e-3 / 60.0
TARGETS = {"cooler": (1, 1.0, "K"), "leakage": (2, 1.0 / LITRE_A_MINUTE, "l/min"), "accumulator": (3, 0.01, "bar l")}
LABELS = {"cooler": (0, "cooler_log"), "leakage": (2, "pump_gap"), "accumulator": (3, "gas_J")}  # both rise together


def rows(data: Any) -> tuple[Array, Array]:
    """(inputs (T, 3), measured (T, 4)) in SI, NaN where a cycle does not give it."""
    steady = {name: np.asarray(data[name], float)[:, STEADY].mean(axis=1) for name in ("PS1", "FS1", "FS2")}
    power = np.asarray(data["EPS1"], float).mean(axis=1)
    hot, cold = (np.asarray(data[name], float).mean(axis=1) + 273.15 for name in ("TS3", "TS4"))
    inputs = np.stack([power, steady["FS2"] * LITRE_A_MINUTE, steady["PS1"] * BAR], axis=1)
    gas = gas_J(np.asarray(data["PS1"], float), np.asarray(data["FS1_10Hz"], float))
    flow = np.where(steady["PS1"] < RELIEF_BAR, steady["FS1"] * LITRE_A_MINUTE, np.nan)
    return inputs, np.stack([hot, cold, flow, gas], axis=1)


def gas_J(pressure_bar: Array, flow_l_min: Array) -> Array:
    """p_0 V_0 (T,) by least squares over the changes of load; NaN where the pressure hardly changes."""
    above, below = np.zeros(len(pressure_bar)), np.zeros(len(pressure_bar))
    for t in SWITCHES:
        before, after = pressure_bar[:, t - 3 : t - 1].mean(axis=1), pressure_bar[:, t + 3 : t + 5].mean(axis=1)
        steady = 0.5 * (flow_l_min[:, 10 * (t - 3) : 10 * (t - 1)] + flow_l_min[:, 10 * (t + 3) : 10 * (t + 5)]).mean(axis=1)
        taken = (flow_l_min[:, 10 * (t - 1) : 10 * (t + 3)] - steady[:, None]).sum(axis=1) / 10.0 * LITRE_A_MINUTE
        change = 1.0 / np.maximum(after, 1.0) - 1.0 / np.maximum(before, 1.0)
        above, below = above + taken * change / BAR, below + (change / BAR) ** 2
    usual = float(np.median(below))
    return np.where(below > 0.25 * usual, above / np.maximum(below, 1e-30), np.nan)


def part(folder: Path) -> dict[str, Any] | None:
    """The figures; None without the file."""
    path = folder / FOLDER / FILE
    if not path.exists():
        return None
    with np.load(path) as data:
        inputs, measured = rows(data)
        labels = np.asarray(data["profile"], float)
    return scored(inputs, measured, labels)


def scored(inputs: Array, measured: Array, labels: Array) -> dict[str, Any]:
    first = round(TRAINED * len(inputs))
    found = fitted(inputs[:first], measured[:first])
    beliefs = filtered(found, inputs, measured)
    params = dict(zip(MODEL.Params._fields, found.params.tolist(), strict=True))
    kinds = dict(zip(MODEL.Params._fields, found.kind, strict=True))
    table: dict[str, Any] = {
        "cycles": len(inputs), "trained_on": first, "reached": found.convergence.reached,
        "told_by_data": [k for k, v in kinds.items() if v == "data"], "params": params,
    }  # fmt: skip
    for name, (j, scale, unit) in TARGETS.items():
        forecasts = {h: forecast(found, beliefs, inputs, measured, j, scale, steps, first) for h, steps in HORIZONS.items()}
        label, state = LABELS[name]
        estimate = beliefs[:, MODEL.state_index(state)]
        order = {"held_out": ordered(estimate[first:], labels[first:, label]), "all": ordered(estimate, labels[:, label])}
        table[name] = {"unit": unit, **{f"{h}_mae": v for h, v in forecasts.items()}, "conditions": order}
    return table


def fitted(inputs: Array, measured: Array) -> Fit:
    known = np.array(
        [name in ("rated_speed_rad_per_s", "walther_slope", "viscosity_40C_m2_per_s") for name in MODEL.Params._fields]
    )
    prior = published(np.array(MODEL.Params(), float))
    wide = {"heat_capacity_J_per_K": 0.7, "cooler_W_per_K": 0.7, "slip": 0.7, "tank_W_per_K": 0.5, "ambient_K": 0.01}
    log_sd = np.array([wide.get(name, sd) for name, sd in zip(MODEL.Params._fields, prior.log_sd, strict=True)])
    return fit(MODEL, Record(inputs, measured, STEP_S), prior._replace(log_sd=log_sd), known, starts=1, wear="estimated")


def filtered(found: Fit, inputs: Array, measured: Array) -> Array:
    """(T, n) the mean after each cycle, from what was known then."""
    ukf, beliefs = Ukf(MODEL), []
    state = ukf.init(1)
    q = (np.array(MODEL.process_noise, float) * found.wander_factor)[None]
    r = (np.array([c.noise for c in MODEL.sensors]) * found.noise_factor)[None]
    for u, y in zip(inputs, measured, strict=True):
        state, done = ukf.step(state, Given(u[None], y[None], found.params[None], q, r, np.array([STEP_S])))
        beliefs.append(done.mean[0])
    return np.array(beliefs)


def forecast(
    found: Fit, beliefs: Array, inputs: Array, measured: Array, j: int, scale: float, steps: int, first: int
) -> dict[str, Any]:
    """MAE of every method on cycles after `first`, `steps` ahead of each belief."""
    at = np.arange(first, len(inputs) - steps)
    true = measured[at + steps, j]
    good = np.isfinite(true)
    x, p = MODEL.State(*beliefs[at].T), MODEL.Params(*found.params)
    for k in range(1, steps + 1):
        u = MODEL.Input(*inputs[at + k].T)
        x = MODEL.State(*(v + STEP_S * d for v, d in zip(x, MODEL.rhs(x, u, p), strict=True)))
    physics = np.broadcast_to(MODEL.out(x, MODEL.Input(*inputs[at + steps].T), p)[j], at.shape)
    held = _held(measured[:, j])
    rows_ = _features(inputs, measured, steps)
    learn = np.flatnonzero(np.isfinite(measured[steps:first, j]))
    learned = boosted(rows_[learn], (measured[steps:first, j] - held[: first - steps])[learn], rows_[at])
    methods = {"physics": physics, "persistence": held[at], "boosting": None if learned is None else held[at] + learned}
    blocks = at // BLOCK
    return compared(
        {
            name: {b: None if value is None else ((value - true) * scale)[good & (blocks == b)] for b in np.unique(blocks)}
            for name, value in methods.items()
        }
    )


def _features(inputs: Array, measured: Array, steps: int) -> Array:
    """Known at each cycle, and the inputs of the way to `steps` ahead: their mean, and their last."""
    held = np.stack([_held(column) for column in measured.T], axis=1)
    later = np.minimum(np.arange(len(inputs)) + steps, len(inputs) - 1)
    total = np.concatenate([np.zeros((1, inputs.shape[1])), np.cumsum(inputs, axis=0)])
    mean = (total[later + 1] - total[np.arange(len(inputs)) + 1]) / np.maximum(later - np.arange(len(inputs)), 1)[:, None]
    slopes = [slope(column, back) for column in held.T for back in (1, 5)]
    return np.column_stack([held, *slopes, inputs, mean, inputs[later]])


def _held(column: Array) -> Array:
    """The last value known at each cycle."""
    place = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(len(column)), 0))
    return column[place]


def ordered(estimate: Array, label: Array) -> dict[str, Any]:
    """Rank correlation, and for neighbouring classes the share of pairs in the right order, with cycles of each class."""
    from scipy.stats import spearmanr

    known = np.isfinite(label) & np.isfinite(estimate)
    classes = np.unique(label[known])
    if len(classes) < 2 or np.ptp(estimate[known]) == 0.0:
        return {"classes": classes.tolist(), "rank_correlation": None, "pairs_in_order": {}}
    pairs = {}
    for low, high in pairwise(classes.tolist()):
        a, b = estimate[known & (label == low)], estimate[known & (label == high)]
        above = np.searchsorted(np.sort(a), b, side="left") + np.searchsorted(np.sort(a), b, side="right")
        share = float(above.mean() / (2.0 * len(a)))
        pairs[f"{low:g} < {high:g}"] = share
    rank = float(np.asarray(spearmanr(estimate[known], label[known]))[0])
    return {"classes": classes.tolist(), "rank_correlation": rank, "pairs_in_order": pairs}
