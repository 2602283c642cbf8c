"""Capacity of cells, forecast from the first 30, 50 and 70 % of their cycles, with a fade law calibrated over the other cells.

    Q(n) = Q_0 - a sqrt(n) - b n - d k(n),   k(n) = exp(n / n_k) - 1      side reactions, loss of active material, the knee

Q_0, a, b, d of a cell: the same for all its cycles, around what the other cells of its data set show (mean and covariance by
empirical Bayes; none of a, b, d is negative); n_k one number for a data set, chosen on the other cells. Given n_k all is linear, so
the posterior is exact. Residuals hang together (capacity comes back after rests): a first-order process under white noise, both
learned on the other cells and filtered on this one; a reading counts as 1 / tau of one for the law.

Cells are left out one at a time. one_step: the next cycle, from cycles after 30 % of life. long_horizon: all that are left.
Peers: persistence, a line through the cell's last 30 % of known cycles, an exponential through all of them, gradient boosting over
the other cells. Source: Ploehn, J. Electrochem. Soc. 151 (2004) A456 (sqrt); He et al., J. Power Sources 196 (2011) 10314 (double
exponential of the CALCE cells).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from didymos.bench.held_out import boosted, compared, slope
from didymos.infer.calibrate import correlation_time

Array = NDArray[np.float64]
FOLDER = "battery_aging"
FILES = {"nasa": "nasa_capacity.csv", "calce": "calce_capacity.csv", "xjtu": "xjtu.parquet", "tju": "tju.parquet"}
CUTS = (0.3, 0.5, 0.7)
KNEES = (0.12, 0.2, 0.35, 0.7)  # n_k over the mean life of the other cells
FEWEST, MOST_CELLS = 30, 40
TERMS = 4
Z90 = 1.6449


class Law(NamedTuple):
    """What other cells teach: n_k, mean (4,) and cov (4, 4) of (Q_0, a, b, d), noise sd and correlation time of residuals; of
    their variance `held` is a process that keeps `phi` from cycle to cycle."""

    knee: float
    mean: Array
    cov: Array
    noise: float
    tau: float
    phi: float
    held: float


def cells(path: Path) -> dict[str, Array]:
    """Capacity of each cell in the order of its cycles; rows without a number are left out."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        from pyarrow import parquet

        rows = parquet.read_table(path).to_pylist()
    name = next(k for k in rows[0] if k.lower().startswith("capacity"))
    cell = next(k for k in rows[0] if k.lower() in ("cell", "battery", "file", "name"))
    found: dict[str, list[tuple[float, float]]] = {}
    for i, row in enumerate(rows):
        if row[name] not in ("", None) and np.isfinite(float(row[name])):
            found.setdefault(str(row[cell]), []).append((float(row.get("cycle") or i), float(row[name])))
    return {k: np.array([q for _, q in sorted(v)]) for k, v in found.items() if len(v) >= FEWEST}


def part(folder: Path) -> dict[str, Any] | None:
    """{"nasa": {...}, ...} for the files that are there; None without any."""
    there = {name: folder / FOLDER / file for name, file in FILES.items() if (folder / FOLDER / file).exists()}
    if not there:
        return None
    return {name: _source(cells(path)) for name, path in there.items()}


def _source(all_cells: dict[str, Array]) -> dict[str, Any]:
    known = dict(list(all_cells.items())[:MOST_CELLS])
    one: dict[str, dict[str, Array | None]] = {m: {} for m in ("physics", "persistence", "boosting")}
    far = {cut: {m: dict[str, Array | None]() for m in (*one, "line", "exponential")} for cut in CUTS}
    inside: list[float] = []
    for name, q in known.items():
        others = {k: v for k, v in known.items() if k != name}
        law = learn(list(others.values()))
        _next(name, q, law, others, one)
        for cut in CUTS:
            covered = _rest(name, q, round(cut * len(q)), law, others, far[cut])
            inside.append(covered)
    return {
        "cells": len(known), "unit": "Ah", "one_step_mae": compared(one),
        "long_horizon_mae": {f"{cut:.0%}": compared(far[cut]) for cut in CUTS}, "coverage90_long": float(np.mean(inside)),
    }  # fmt: skip


def basis(n: Array, knee: float) -> Array:
    """(len(n), 4)"""
    return np.stack([np.ones_like(n), -np.sqrt(n), -n, -np.expm1(np.minimum(n / knee, 20.0))], axis=1)


def learn(others: list[Array]) -> Law:
    """Empirical Bayes over whole lives of other cells; the knee that explains them best."""
    life = float(np.mean([len(q) for q in others]))
    fits = []
    for share in KNEES:
        each = [nnls(basis(_cycles(q), share * life), q)[0] for q in others]
        rest = [q - basis(_cycles(q), share * life) @ c for q, c in zip(others, each, strict=True)]
        fits.append((sum(float(r @ r) / len(r) for r in rest), share * life, np.array(each), rest))
    _, knee, each, rest = min(fits, key=lambda fit: fit[0])
    noise = float(np.sqrt(np.mean([r @ r / len(r) for r in rest])))
    tau = float(np.median([correlation_time(r) for r in rest]))
    between = np.cov(each.T) if len(each) > 1 else np.zeros((TERMS, TERMS))
    floor = (0.3 * np.abs(each.mean(axis=0)) + 1e-9) ** 2  # a spread of 30 % weighs as one more cell
    grown = between * (1.0 + 1.0 / len(each)) + np.diag(floor) / len(each)
    return Law(knee, each.mean(axis=0), grown, noise, tau, *_process(rest))


def _process(rest: list[Array]) -> tuple[float, float]:
    """(phi, held) from the autocorrelations at one and two cycles: held phi^k."""
    one, two = (
        float(np.mean([(r[k:] - r.mean()) @ (r[:-k] - r.mean()) / ((r - r.mean()) @ (r - r.mean())) for r in rest])) for k in (1, 2)
    )
    phi = float(np.clip(two / one if one > 0.05 else 0.0, 0.0, 0.995))
    return phi, float(np.clip(one / phi if phi > 0.0 else 0.0, 0.0, 0.98))


def posterior(q: Array, law: Law) -> tuple[Array, Array]:
    """Mean and covariance of a cell's four numbers after its first cycles q."""
    X = basis(_cycles(q), law.knee)
    weight = 1.0 / (law.noise**2 * law.tau)
    precision = np.linalg.inv(law.cov) + X.T @ X * weight
    cov = np.asarray(np.linalg.inv(precision), float)
    return cov @ (np.linalg.solve(law.cov, law.mean) + X.T @ q * weight), cov


def forecast(q: Array, ahead: Array, law: Law) -> tuple[Array, Array]:
    """(mean, sd) of the readings `ahead` cycles after the last of q."""
    mean, cov = posterior(q, law)
    level, unsure = _level(q - basis(_cycles(q), law.knee) @ mean, law)
    X, kept = basis(len(q) + ahead, law.knee), law.phi**ahead
    process = law.held * law.noise**2 * (1.0 - kept**2) + unsure * kept**2
    sd = np.sqrt(np.einsum("ti,ij,tj->t", X, cov, X) + process + (1.0 - law.held) * law.noise**2)
    return X @ mean + level * kept, sd


def _level(rest: Array, law: Law) -> tuple[float, float]:
    """(mean, variance) of the process in the last residual: a scalar Kalman filter over the last hundred."""
    stationary, white = law.held * law.noise**2, (1.0 - law.held) * law.noise**2
    level, P = 0.0, stationary
    for value in rest[-100:]:
        level, P = law.phi * level, law.phi**2 * P + stationary * (1.0 - law.phi**2)
        gain = P / (P + white)
        level, P = level + gain * (value - level), P * (1.0 - gain)
    return level, P


def _cycles(q: Array) -> Array:
    return np.arange(1, len(q) + 1, dtype=float)


def _next(name: str, q: Array, law: Law, others: dict[str, Array], found: dict[str, dict[str, Array | None]]) -> None:
    at = np.arange(round(CUTS[0] * len(q)), len(q) - 1, max(1, len(q) // 150))
    found["physics"][name] = np.array([forecast(q[: k + 1], np.ones(1), law)[0][0] - q[k + 1] for k in at])
    found["persistence"][name] = q[at] - q[at + 1]
    rows = [_features(v)[:-1] for v in others.values()]
    change = [np.diff(v) for v in others.values()]
    learned = boosted(np.concatenate(rows), np.concatenate(change), _features(q)[at])
    found["boosting"][name] = None if learned is None else q[at] + learned - q[at + 1]


def _rest(name: str, q: Array, cut: int, law: Law, others: dict[str, Array], found: dict[str, dict[str, Array | None]]) -> float:
    """Errors of every method over all cycles from `cut` on; share of them inside the physics' 90 % band."""
    ahead, true = np.arange(1.0, len(q) - cut + 1), q[cut:]
    mean, sd = forecast(q[:cut], ahead, law)
    n, tail = _cycles(q[:cut]), slice(round(0.7 * cut), cut)
    line = np.polyfit(n[tail], q[tail], 1)
    growth = np.polyfit(n, np.log(np.maximum(q[:cut], 1e-3)), 1)
    found["physics"][name] = mean - true
    found["persistence"][name] = q[cut - 1] - true
    found["line"][name] = np.polyval(line, cut + ahead) - true
    found["exponential"][name] = np.exp(np.polyval(growth, cut + ahead)) - true
    learned = boosted(
        *_long_table(list(others.values())), np.column_stack([np.repeat(_features(q)[cut - 1 : cut], len(ahead), 0), ahead])
    )
    found["boosting"][name] = None if learned is None else q[cut - 1] + learned - true
    return float(np.mean(np.abs(mean - true) < Z90 * sd))


def _features(q: Array) -> Array:
    """What is known at each cycle."""
    return np.column_stack([_cycles(q), q, q / q[:5].mean(), *(slope(q, back) for back in (1, 5, 20, 60))])


def _long_table(others: list[Array], seed: int = 1) -> tuple[Array, Array]:
    """Rows (features at a cycle, cycles ahead) -> change of capacity, drawn from the other cells."""
    rng = np.random.default_rng(seed)
    rows, change = [], []
    for q in others:
        at = rng.integers(round(0.2 * len(q)), len(q) - 1, 600)
        ahead = np.array([rng.integers(1, len(q) - k) for k in at])
        rows.append(np.column_stack([_features(q)[at], ahead]))
        change.append(q[at + ahead] - q[at])
    return np.concatenate(rows), np.concatenate(change)
