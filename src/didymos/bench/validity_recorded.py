"""Changes of recorded rigs, told by `infer.change`: no threshold and no window was set by them. That rows are whitened, not their
gains divided by a correlation time, was decided on `skab`, so its false alarms are not those of data that nobody has seen.

    skab        valve tests, rows of ROW_S seconds, eight channels, no model and no inputs (`valve1`, `valve2`: a valve is closed by
                hand at the first labelled second). told: after it; false: before it. anomaly_free: false alarms an hour
    hydraulic   uci_hydraulic, a row a cycle, `assets.hydraulic_rig` with published parameters, wear frozen as commissioned. Changes
                are the labelled steps of cooler, pump and accumulator (each is set anew by hand; the valve is no part of the model)
                with LEAST_ROWS rows of one condition before and AFTER_CHANGE after. told: within AFTER_CHANGE rows; false: told
                with an onset more than NEAR rows from any step of a label. Hidden labels are left out
    envelope    uci_hydraulic, motor power, cooling flow and pressure as operating space: blocks of 45 cycles, seven of ten seen,
                the others held out. false: held-out rows outside; found: one input moved 30 % of its range beyond it (alone),
                columns shuffled among held-out rows (together). Beside the points a box and a Mahalanobis distance, each with its
                limit at the 99 % quantile of held-out rows of the seen blocks

Sources of the data: their README.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets.hydraulic_rig import MODEL
from didymos.bench.calibrate_hydraulic import rows as cycles
from didymos.infer.change import KINDS, LEAST_ROWS, Found, Rows, find, reference
from didymos.infer.envelope import empty, novelty, see

Array = NDArray[np.float64]
ROW_S, WINDOW, AFTER_CHANGE, NEAR = 5, 168, 24, 8
SKAB, HYDRAULIC = ("skab", "skab.parquet"), ("uci_hydraulic", "hydraulic_1hz.npz")
REPEATS, SEED, BLOCK = 5, 0, 45


def told(z: Array, u: Array, noise: Array, signatures: Array, stop_at_first: bool = False) -> list[tuple[Found, int]]:
    """Every change told, with the row at which it was: rows come one by one, and start anew at each change."""
    found: list[tuple[Found, int]] = []
    first = 0
    for stop in range(1, len(z) + 1):
        begin = max(first, stop - WINDOW)
        if stop - begin < LEAST_ROWS:
            continue
        one = find(Rows(z[begin:stop], u[begin:stop], noise, signatures))
        if one is not None:
            first = begin + one.at
            found.append((one._replace(at=first), stop))
            if stop_at_first:
                break
    return found


def skab(folder: Path) -> dict[str, Any] | None:
    path = folder.joinpath(*SKAB)
    if not path.exists():
        return None
    import pyarrow.parquet as pq

    table = pq.read_table(path).to_pydict()
    names = np.array(table["file"])
    labels = np.array([0.0 if a is None else a for a in table["anomaly"]], float)
    columns = [n for n in table if n not in ("file", "datetime", "anomaly", "changepoint", "__index_level_0__")]
    values = np.stack([np.array(table[n], float) for n in columns], axis=1)
    result: dict[str, Any] = {"row_s": ROW_S}
    for part in ("valve1", "valve2"):
        files = [f for f in dict.fromkeys(names.tolist()) if str(f).startswith(part + "/")]
        if files:
            result[part] = _valves([(values[names == f], labels[names == f]) for f in files])
    quiet = _means(values[names == "anomaly-free/anomaly-free"])
    alarms = told(quiet, np.zeros((len(quiet), 0)), _floor(quiet), np.zeros((0, quiet.shape[1])))
    hours = len(quiet) * ROW_S / 3600.0
    result["anomaly_free"] = {"hours": hours, "alarms": len(alarms), "alarms_per_hour": len(alarms) / hours}
    return result


def _valves(tests: list[tuple[Array, Array]]) -> dict[str, Any]:
    delays, early = [], 0
    kinds: dict[str, int] = {kind: 0 for kind in ("none", *KINDS[1:])}
    for values, label in tests:
        z, onset = _means(values), int(np.flatnonzero(label > 0.0)[0]) // ROW_S
        every = told(z, np.zeros((len(z), 0)), _floor(z), np.zeros((0, z.shape[1])))
        early += any(stop <= onset for _, stop in every)
        after = [(f, stop) for f, stop in every if stop > onset]
        kinds[after[0][0].kind if after else "none"] += 1
        delays += [after[0][1] - onset] if after else []
    return {
        "files": len(tests), "told": len(delays), "files_with_alarm_before": early, "first_kind": kinds,
        "delay_s_median": ROW_S * float(np.median(delays)) if delays else None,
        "delay_s_90": ROW_S * float(np.quantile(delays, 0.9)) if delays else None,
    }  # fmt: skip


def _means(values: Array) -> Array:
    """(T, m) of ROW_S seconds each."""
    rows = len(values) // ROW_S
    return values[: rows * ROW_S].reshape(rows, ROW_S, -1).mean(axis=1)


def _floor(z: Array) -> Array:
    """The least noise of a row: half of what neighbouring rows of the first LEAST_ROWS differ by."""
    jump = np.diff(z[:LEAST_ROWS], axis=0).std(axis=0)
    return np.maximum(0.5 * jump, 1e-9 * np.maximum(1.0, np.abs(z).max(axis=0)))


def hydraulic(folder: Path) -> dict[str, Any] | None:
    path = folder.joinpath(*HYDRAULIC)
    if not path.exists():
        return None
    with np.load(path) as data:
        u, y = cycles(data)
        labels = np.asarray(data["profile"], float)[:, [0, 2, 3]]
    z = y - reference(MODEL, np.array(MODEL.initial, float), np.array(MODEL.Params(), float), u, 60.0)
    noise = np.array([c.noise for c in MODEL.sensors])
    pump = np.array([[0.0, 0.0, -noise[2], 0.0]])
    known = np.asarray(np.isfinite(labels).all(axis=1), bool)
    every = told(z, u, noise, pump)
    steps = [t for t in range(1, len(z)) if known[t - 1 : t + 1].all() and (labels[t] != labels[t - 1]).any()]
    fair = [
        t
        for t in steps
        if t >= LEAST_ROWS
        and known[t - LEAST_ROWS : t + AFTER_CHANGE].all()
        and (labels[t - LEAST_ROWS : t] == labels[t - 1]).all()
        and (labels[t : t + AFTER_CHANGE] == labels[t]).all()
    ]
    delays, missed = [], []
    for t in fair:
        hit = [stop - t for f, stop in every if abs(f.at - t) <= NEAR and 0 < stop - t <= AFTER_CHANGE]
        delays += hit[:1]
        missed += [] if hit else [t]
    names = ("cooler", "pump", "accumulator")
    which = {n: int(sum(labels[t, i] != labels[t - 1, i] for t in fair)) for i, n in enumerate(names)}
    lost = {n: int(sum(labels[t, i] != labels[t - 1, i] for t in missed)) for i, n in enumerate(names)}
    judged = [f for f, _ in every if known[max(0, f.at - NEAR) : f.at + NEAR].all()]
    false = [f for f in judged if not any(abs(f.at - t) <= NEAR for t in steps)]
    rows = int(known.sum())
    return {
        "rows": rows, "changes": len(fair), "told": len(delays), "by_label": which, "missed_by_label": lost,
        "delay_rows_median": float(np.median(delays)) if delays else None, "told_in_known_rows": len(judged), "false": len(false),
        "false_per_1000_rows": 1000.0 * len(false) / rows,
    }  # fmt: skip


def envelope(folder: Path) -> dict[str, Any] | None:
    path = folder.joinpath(*HYDRAULIC)
    if not path.exists():
        return None
    with np.load(path) as data:
        u, _ = cycles(data)
    rng, block = np.random.default_rng(SEED), np.arange(len(u)) // BLOCK
    rounds: dict[str, list[list[float]]] = {"points": [], "box": [], "mahalanobis": []}
    for _ in range(REPEATS):
        order = rng.permutation(np.unique(block))
        seen, held = order[: int(0.7 * len(order))], order[int(0.7 * len(order)) :]
        inner = seen[: int(0.7 * len(seen))]
        limit_rows = u[np.isin(block, seen[int(0.7 * len(seen)) :])]
        rows, out = u[np.isin(block, seen)], u[np.isin(block, held)]
        alone, together = _moved_out(rows, out, rng)
        for name, way in (("points", _points), ("box", _box), ("mahalanobis", _mahalanobis)):
            limit = float(np.quantile(way(u[np.isin(block, inner)], limit_rows), 0.99))
            rounds[name].append([float((way(rows, x) > limit).mean()) for x in (out, alone, together)])
    keys = ("false", "found_alone", "found_together")
    return {name: dict(zip(keys, np.mean(found, axis=0).tolist(), strict=True)) for name, found in rounds.items()}


def _moved_out(rows: Array, out: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    low, high = rows.min(axis=0), rows.max(axis=0)
    moved = []
    for i in range(rows.shape[1]):
        one = out[rng.integers(0, len(out), 100)].copy()
        up = rng.uniform(size=100) < 0.5
        one[:, i] = np.where(up, high[i] + 0.3 * (high[i] - low[i]), low[i] - 0.3 * (high[i] - low[i]))
        moved.append(one)
    return np.concatenate(moved), np.asarray(np.stack([rng.permutation(column) for column in out.T], axis=1), np.float64)


def _points(rows: Array, x: Array) -> Array:
    """Distance from the nearest point: without the slack of 2 radius, so that the limit is set like the others'."""
    seen = see(empty(rows.shape[1]), rows, MODEL.inputs)._replace(radius=0.0)
    return np.array([novelty(seen, row, MODEL.inputs) for row in x])


def _box(rows: Array, x: Array) -> Array:
    low, high = rows.min(axis=0), rows.max(axis=0)
    return (np.maximum(x - high, low - x) / (high - low)).max(axis=1).clip(0.0)


def _mahalanobis(rows: Array, x: Array) -> Array:
    away = x - rows.mean(axis=0)
    return np.sqrt(np.einsum("ij,jk,ik->i", away, np.linalg.inv(np.cov(rows.T)), away))
