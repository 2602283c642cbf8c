"""Is a filter as sure as it may be? 200 simulated units of each machine, their hidden wear drawn from what is believed of new ones.

Truth: the machine's own equations at a quarter of the filter's step, wear and rates drawn from the commissioning belief, process
noise as declared, inputs around rated operation that change every 48 steps, each unit its own. Readings: with the sensors'
noise, one in ten missing. The filter is the worker's, started at the commissioning belief.

    nees      (x - x^)' P^-1 (x - x^), summed over units, beside the 95 % region of chi-squared with units times states
    covered   share of all hidden (slow) states of all units inside their 90 % interval

after 4,032 steps, 14 days of most machines. A truth that follows other equations is met elsewhere (plant.virtual, the demo's score).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from didymos.assets import ASSETS
from didymos.core.model import Model
from didymos.infer.estimator import Given
from didymos.infer.hypotheses import Multiple, life_s
from didymos.numerics.arrays import Arrays
from didymos.numerics.ukf import substeps_for, ukf_kernel

Array = NDArray[np.float64]
UNITS, DAYS, STEP_S, FINER, LEVEL_STEPS = 200, 14.0, 300.0, 4, 48
MISSING, SEED = 0.1, 20
WITHIN = float(norm.ppf(0.95))


def figures(names: list[str] | None = None) -> dict[str, Any]:
    """By machine: nees per degree of freedom with its region, covered, and each hidden state's share covered."""
    return {name: one(model) for name, model in ASSETS.items() if model.failure_modes and (names is None or name in names)}


def one(model: Model, units: int = UNITS, days: float = DAYS, seed: int = SEED) -> dict[str, Any]:
    truth, mean, cov = followed(model, units, int(days * 86_400 / STEP_S), step_of(model), seed)
    away = truth - mean
    nees = float(np.einsum("an,anp,ap->", away, np.linalg.inv(cov), away))
    dof = away.size
    low, high = (float(v) / dof for v in chi2.ppf([0.025, 0.975], dof))
    hidden = [model.state_index(name) for name in model.slow]
    inside = np.abs(away) <= WITHIN * np.sqrt(np.einsum("ann->an", cov))
    return {
        "nees": nees / dof,
        "nees_region": [low, high],
        "nees_ok": low <= nees / dof <= high,
        "covered": float(inside[:, hidden].mean()),
        "by_state": {name: float(inside[:, i].mean()) for name, i in zip(model.slow, hidden, strict=True)},
    }


def step_of(model: Model) -> float:
    """STEP_S; for what lives an hour, a cutting edge, a hundred-thousandth of its life in rated operation."""
    new = np.array([model.Params()], float)
    return min(STEP_S, *(float(life_s(model, mode, new)[0]) / 1e5 for mode in model.failure_modes))


def followed(model: Model, units: int, steps: int, step_s: float, seed: int) -> tuple[Array, Array, Array]:
    """Truth (A, n), belief's mean (A, n) and covariance (A, n, n) after `steps`."""
    rng, machine = np.random.default_rng(seed), Arrays(model)
    p = np.tile(np.array(model.Params(), float), (units, 1))
    q, noise = np.array(model.process_noise, float), np.array([c.noise for c in model.sensors])
    sd = np.array(model.initial_sd, float)
    x = machine.inside(np.array(model.initial, float) + sd * rng.normal(size=(units, model.n_states)))
    filter_ = Multiple(model, ukf_kernel(model, "loop", substeps_for(model, step_s)))
    belief = filter_.init(units)
    dt, fine = np.full(units, step_s), np.full(units, step_s / FINER)
    for k in range(steps):
        if k % LEVEL_STEPS == 0:
            u = operation(model, rng, units)
        for _ in range(FINER):
            x = machine.advance(x, u, p, fine) + q * np.sqrt(fine[0]) * rng.normal(size=x.shape)
            x = machine.inside(x)
        y = machine.observe(x, u, p) + noise * rng.normal(size=(units, len(noise)))
        y[rng.uniform(size=y.shape) < MISSING] = np.nan
        belief, found = filter_.step(belief, Given(u, y, p, np.tile(q, (units, 1)), np.tile(noise, (units, 1)), dt))
    return x, found.mean, found.cov


def operation(model: Model, rng: np.random.Generator, units: int) -> Array:
    """(A, k) inputs around rated ones: temperatures within 8 K, all else down to 80 %."""
    rated = np.array(model.nominal, float)
    kelvin = np.array([name.endswith("_K") for name in model.Input._fields])
    return np.where(kelvin, rated + rng.uniform(-8.0, 8.0, (units, len(rated))), rated * rng.uniform(0.8, 1.0, (units, len(rated))))
