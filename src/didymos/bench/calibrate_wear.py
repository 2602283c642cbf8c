"""Flank wear of turning tools (Vicomtech): the cutting tool's equations, calibrated over the other tools, on a tool left out.

    dVB/dt = VB_lim exp(r) / T(v, f, d)                       extended Taylor of `assets.cutting_tool`, published exponents
    r = m + a exp(-VB / 50 um) + b VB / 300 um + tool + rest  running-in, steady and rapid wear; each tool has a rate of its own
    F_f = F_0 (1 + k w)                                       feed force with wear, Kienzle's as in the asset; F_0 of the start

m, a, b and both spreads come from the other tools (mixed model by expectation-maximisation); the tool's own effect is what its past
intervals tell, shrunk towards the others. A row is one segment of 1 s; segments are samples of a longer cut, so times are in
segments. The spindle turns at 1 / (D_0 - i d) in equal steps of diameter from pass to pass: the cutting speed is constant. Feed a
turn is the programmed one; depth is not recorded.

The wear land was read under a microscope four to nine times a tool; the file joins the readings by straight lines, so a row between
two readings knows the later one. Here only the readings (where the slope changes) are measurements, and only they are forecast.

forecast   at each reading from the second on: the next one, about 30 segments ahead (one step), and the one after it (long).
           Peers: persistence, the line through the last two readings, gradient boosting on the other tools
sensing    no reading but the first: time, cutting data and feed force, every segment. Peers: mean wear of the other tools then,
           gradient boosting on all 150 features

Source: ISO 3685:1993 (three zones of wear); Laird & Ware, Biometrics 38 (1982) 963 (mixed model). Form and settings were chosen
with all ten tools in view; their numbers are learned without the tool left out.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.assets import cutting_tool
from didymos.assets.cutting_tool import MODEL
from didymos.bench.held_out import boosted, compared

Array = NDArray[np.float64]
FOLDER, FILE = "vicomtech_turning_wear", "turning_wear.parquet"
HORIZONS = {"one_step": 1, "long_horizon": 2}  # readings ahead
FIRST = 10  # segments before anything is sensed
BEND = 0.02e-6  # m a segment: a change of slope that is a reading
SHORTEST = 5  # segments between readings; a jump over fewer is cut away between the files' segments and tells no rate
RESOLVED_M = 10e-6  # what two readings must differ by to be told apart
LIMIT_M = MODEL.Params().wear_land_limit_m
P = MODEL.Params()


class Tool(NamedTuple):
    """inputs (T, 3), wear (T,) in m, forces (T, 2), features (T, f) for boosting without wear."""

    inputs: Array
    wear: Array
    forces: Array
    features: Array


def tools(path: Path) -> dict[str, Tool]:
    """In the order of their rows; missing cells stay NaN."""
    from pyarrow import parquet

    table = parquet.read_table(path)
    names = [n for n in table.column_names if n not in ("tool", "Vb", "__index_level_0__")]
    order = np.argsort(table["__index_level_0__"].to_numpy()) if "__index_level_0__" in table.column_names else slice(None)
    data = {n: np.asarray(table[n].to_numpy(zero_copy_only=False), float)[order] for n in (*names, "tool", "Vb")}
    speed, feed = data["CON.A.SREAL.S"], data["CON.G.FREAL"]
    turn = feed / np.where(speed > 0.0, speed, np.nan)
    p = MODEL.Params()
    inputs = np.stack(
        [
            np.full(len(speed), p.speed_15_m_per_s),
            p.feed_15_m * turn / np.nanmedian(turn),
            np.full(len(speed), p.depth_15_m),
        ],
        axis=1,
    )
    x = np.stack([data[n] for n in names], axis=1)
    forces = np.stack([data["F_c_MEAN"], data["F_f_MEAN"]], axis=1)
    found = {}
    for tool in np.unique(data["tool"]):
        mine = data["tool"] == tool
        u = np.where(inputs[mine] > 0.0, inputs[mine], np.nan)  # a row without feed is no standstill: the tool goes on cutting
        u = np.where(np.isfinite(u), u, np.nanmedian(u, axis=0))
        found[f"{tool:g}"] = Tool(u, data["Vb"][mine] * 1e-6, forces[mine], x[mine])
    return found


def readings(wear: Array) -> NDArray[np.int64]:
    """Segments at which the wear land was read: the ends of the straight lines."""
    bend = np.abs(np.diff(wear, 2)) > BEND
    return np.array([0, *(np.flatnonzero(bend) + 1), len(wear) - 1])


def part(folder: Path) -> dict[str, Any] | None:
    """The figures; None without the file."""
    path = folder / FOLDER / FILE
    return scored(tools(path)) if path.exists() else None


def scored(known: dict[str, Tool]) -> dict[str, Any]:
    ahead = {h: {m: dict[str, Array | None]() for m in ("physics", "persistence", "line", "boosting")} for h in HORIZONS}
    sensing: dict[str, dict[str, Array | None]] = {m: {} for m in ("physics", "time_table", "boosting")}
    for name, tool in known.items():
        others = {k: v for k, v in known.items() if k != name}
        law = learn(list(others.values()))
        for h, steps in HORIZONS.items():
            _forecast(name, tool, others, law, steps, ahead[h])
        _sense(name, tool, others, law, sensing)
    found = {f"{h}_mae": compared(v) for h, v in ahead.items()} | {"sensing_mae": compared(sensing)}
    physics, base = found["sensing_mae"]["physics"], found["sensing_mae"]["time_table"]
    assert physics is not None
    assert base is not None
    return {"tools": len(known), "unit": "um", "mae": physics[0], "baseline_mae": base[0], **found}


class Law(NamedTuple):
    """From other tools: coefficients (3,) of r, spread between tools and of the rest; k (1 / w), and how far a wear that is read
    off the feed force is away, in w; the fastest r seen, beyond which nothing is believed."""

    coefficients: Array
    between: float
    rest: float
    growth: float
    force_sd: float
    fastest: float


def terms(land_m: Array | float) -> Array:
    """(..., 3)"""
    land = np.asarray(land_m, float)
    return np.stack([np.ones_like(land), np.exp(-land / 50e-6), land / 300e-6], axis=-1)


def taylor(inputs: Array) -> Array:
    """VB_lim / T (T,) in m a segment at rate factor 1."""
    return LIMIT_M / np.asarray(cutting_tool.tool_life_s(MODEL.Input(*inputs.T), P), float)


def intervals(tool: Tool) -> tuple[Array, Array]:
    """(terms (K, 3) at the middle of each interval between readings, r (K,))."""
    at = readings(tool.wear)
    speed = np.array([taylor(tool.inputs[i:j]).mean() for i, j in pairwise(at)])
    rate = np.maximum(np.diff(tool.wear[at]), RESOLVED_M) / np.diff(at)
    X, long = terms(0.5 * (tool.wear[at][:-1] + tool.wear[at][1:])), np.diff(at) >= SHORTEST
    return X[long], np.log(rate / speed)[long]


def learn(others: list[Tool]) -> Law:
    """Mixed model by expectation-maximisation, then the force's growth by least squares through each tool's own start."""
    X, r = zip(*(intervals(t) for t in others), strict=True)
    c, between, rest = np.linalg.lstsq(np.concatenate(X), np.concatenate(r), rcond=None)[0], 0.3**2, 0.5**2
    for _ in range(100):
        left = [b - A @ c for A, b in zip(X, r, strict=True)]
        var = np.array([1.0 / (1.0 / between + len(e) / rest) for e in left])
        own = np.array([v * e.sum() / rest for v, e in zip(var, left, strict=True)])
        between = float(np.mean(own**2 + var))
        rest = float(sum(((e - o) ** 2).sum() + len(e) * v for e, o, v in zip(left, own, var, strict=True)) / sum(map(len, left)))
        c = np.linalg.lstsq(np.concatenate(X), np.concatenate([b - o for b, o in zip(r, own, strict=True)]), rcond=None)[0]
    grown = [(_force_ratio(t) - 1.0, (t.wear - t.wear[0]) / LIMIT_M) for t in others]
    y, w = np.concatenate([g[0] for g in grown]), np.concatenate([g[1] for g in grown])
    good = np.isfinite(y)
    growth = float(np.clip(y[good] @ w[good] / (w[good] @ w[good]), 0.05, 5.0))
    return Law(
        c,
        between**0.5,
        rest**0.5,
        growth,
        float(np.sqrt(np.mean((y[good] / growth - w[good]) ** 2))),
        float(np.concatenate(r).max()),
    )


def _force_ratio(tool: Tool) -> Array:
    """Feed force over that of the first segments, and over what Kienzle says of feed; a mean of ten segments."""
    u = MODEL.Input(*tool.inputs.T)
    plain = np.asarray(cutting_tool.kienzle_N(P.feed_pressure_Pa, P.feed_force_exponent, u, P), float)
    x = tool.forces[:, 1] / plain
    x = np.where(np.isfinite(x), x, np.nanmedian(x))
    total = np.cumsum(np.concatenate([[0.0], x]))
    k = np.arange(len(x))
    first = np.maximum(k - 9, 0)
    return (total[k + 1] - total[first]) / (k + 1 - first) / np.median(x[:FIRST])


def grown(land_m: Any, speed: Array, law: Law, own: float) -> Array:
    """VB (T,) after each segment of `speed` (T,), by the law."""
    found = []
    for each in speed:
        land_m = land_m + each * float(np.exp(min(terms(land_m) @ law.coefficients + own, law.fastest)))
        found.append(land_m)
    return np.array(found)


def own_rate(tool: Tool, upto: int, law: Law) -> float:
    """The tool's effect after its first `upto` readings."""
    X, r = intervals(tool)
    known = int(np.sum(np.diff(readings(tool.wear))[: upto - 1] >= SHORTEST))
    left = (r - X @ law.coefficients)[:known]
    return float(left.sum() / law.rest**2 / (1.0 / law.between**2 + len(left) / law.rest**2))


def _forecast(
    name: str, tool: Tool, others: dict[str, Tool], law: Law, steps: int, found: dict[str, dict[str, Array | None]]
) -> None:
    um, at, speed = 1e6, readings(tool.wear), taylor(tool.inputs)
    now, then = at[1 : len(at) - steps], at[1 + steps :]
    true, ahead = tool.wear[then], then - now
    ends = [
        grown(tool.wear[i], speed[i:j], law, own_rate(tool, n + 2, law))[-1] for n, (i, j) in enumerate(zip(now, then, strict=True))
    ]
    last = np.array([(tool.wear[k] - tool.wear[j]) / (k - j) for j, k in zip(at[: len(now)], now, strict=True)])
    found["physics"][name] = (np.array(ends) - true) * um
    found["persistence"][name] = (tool.wear[now] - true) * um
    found["line"][name] = (tool.wear[now] + ahead * last - true) * um
    rows, change = zip(*(_table(t) for t in others.values()), strict=True)
    learned = boosted(np.concatenate(rows), np.concatenate(change) * um, _known(tool, now, last, ahead))
    found["boosting"][name] = None if learned is None else tool.wear[now] * um + learned - true * um


def _sense(name: str, tool: Tool, others: dict[str, Tool], law: Law, found: dict[str, dict[str, Array | None]]) -> None:
    um, k = 1e6, np.arange(len(tool.wear))
    at = k[FIRST:]
    by_time = grown(tool.wear[0], taylor(tool.inputs), law, 0.0)
    by_force = tool.wear[0] + (_force_ratio(tool) - 1.0) / law.growth * LIMIT_M
    doubt = np.hypot(law.between, law.rest / np.sqrt(1.0 + k / 30.0)) * (by_time - tool.wear[0]) + 1e-6
    weight = doubt**2 / (doubt**2 + (law.force_sd * LIMIT_M) ** 2)
    land = by_time + weight * (by_force - by_time)
    found["physics"][name] = (land - tool.wear)[at] * um
    table = np.array([np.mean([t.wear[min(i, len(t.wear) - 1)] for t in others.values()]) for i in at])
    found["time_table"][name] = (table - tool.wear[at]) * um
    rows = [np.column_stack([t.features, np.arange(len(t.wear)), np.full(len(t.wear), t.wear[0])]) for t in others.values()]
    mine = np.column_stack([tool.features, k, np.full(len(k), tool.wear[0])]).astype(float)
    table_of = np.concatenate(rows).astype(float)
    learned = boosted(table_of, np.concatenate([t.wear for t in others.values()]) * um, mine[at])
    found["boosting"][name] = None if learned is None else learned - tool.wear[at] * um


def _known(tool: Tool, now: NDArray[np.int64], last: Array, ahead: NDArray[np.int64]) -> Array:
    """Known at readings `now`: wear, last slope, time, mean forces of the last ten segments, cutting data; how far ahead."""
    forces = np.array([np.nanmean(tool.forces[max(0, k - 9) : k + 1], axis=0) for k in now])
    return np.column_stack([tool.wear[now], last, now, forces, tool.inputs[now, :2], ahead]).astype(float)


def _table(tool: Tool) -> tuple[Array, Array]:
    """(known, change of wear) from every reading to every later segment of a tool that was watched to its end."""
    at, rows, change = readings(tool.wear), [], []
    for j, k in pairwise(at[:-1]):
        ahead = np.arange(1, len(tool.wear) - k)
        last = np.full(len(ahead), (tool.wear[k] - tool.wear[j]) / (k - j))
        rows.append(_known(tool, np.full(len(ahead), k), last, ahead))
        change.append(tool.wear[k + ahead] - tool.wear[k])
    return np.concatenate(rows), np.concatenate(change)
