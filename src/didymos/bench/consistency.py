"""Is a filter as sure as it may be? 200 simulated units of each machine, their hidden wear drawn from what is believed of new ones.

Truth and operation are `assets.recipes`; the truth follows the machine's own equations at a quarter of the filter's step, with the
process noise declared. Readings have the sensors' noise, one in ten is missing. The filter is the worker's, with its hypotheses,
started at the commissioning belief. At the end of the run, or at the last step before a unit fails (beyond its threshold no model
is valid, and no machine goes on):

    nees      (x - x^)' P^-1 (x - x^), summed over units, beside the 95 % region of chi-squared with units times states
    covered   share of all hidden states (`recipes.hidden`) of all units inside their 90 % interval

A truth that follows other equations is met elsewhere (plant.virtual, the demo's score).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from didymos.assets import ASSETS
from didymos.assets.recipes import RECIPES, hidden, schedule, truths
from didymos.core.model import Model
from didymos.infer.estimator import Given
from didymos.infer.hypotheses import Multiple
from didymos.numerics.arrays import Arrays
from didymos.numerics.ukf import substeps_for, ukf_kernel

Array = NDArray[np.float64]
UNITS, FINER = 200, 4
MISSING, SEED = 0.1, 20
WITHIN = float(norm.ppf(0.95))


def figures(names: list[str] | None = None) -> dict[str, Any]:
    """By machine: nees per degree of freedom with its region, covered, and each hidden state's share covered."""
    return {name: one(ASSETS[name]) for name in RECIPES if names is None or name in names}


def one(model: Model, units: int = UNITS, seed: int = SEED) -> dict[str, Any]:
    truth, mean, cov = followed(model, units, seed)
    away = truth - mean
    nees = float(np.einsum("an,anp,ap->", away, np.linalg.inv(cov), away))
    dof = away.size
    low, high = (float(v) / dof for v in chi2.ppf([0.025, 0.975], dof))
    places = [model.state_index(name) for name in hidden(model)]
    inside = np.abs(away) <= WITHIN * np.sqrt(np.einsum("ann->an", cov))
    return {
        "nees": nees / dof,
        "nees_region": [low, high],
        "nees_ok": low <= nees / dof <= high,
        "covered": float(inside[:, places].mean()),
        "by_state": {name: float(inside[:, i].mean()) for name, i in zip(hidden(model), places, strict=True)},
    }


def followed(model: Model, units: int, seed: int) -> tuple[Array, Array, Array]:
    """Truth (A, n), belief's mean (A, n) and covariance (A, n, n) when each unit ends: failed, or with the recipe."""
    rng, machine, step_s = np.random.default_rng(seed), Arrays(model), RECIPES[model.name].step_s
    x, inputs = truths(model, units, seed), schedule(model, units, seed)
    p = np.tile(np.array(model.Params(), float), (units, 1))
    q, noise = np.array(model.process_noise, float), np.array([c.noise for c in model.sensors])
    filter_ = Multiple(model, ukf_kernel(model, "loop", substeps_for(model, step_s)))
    belief = filter_.init(units)
    ends = (x.copy(), belief.mean[:, 0].copy(), belief.cov[:, 0].copy())
    whole = np.ones(units, bool)
    dt, fine = np.full(units, step_s), np.full(units, step_s / FINER)
    for k in range(inputs.shape[1]):
        u = inputs[:, k]
        for _ in range(FINER):
            x = machine.inside(machine.advance(x, u, p, fine) + q * np.sqrt(fine[0]) * rng.normal(size=x.shape))
        y = machine.observe(x, u, p) + noise * rng.normal(size=(units, len(noise)))
        y[rng.uniform(size=y.shape) < MISSING] = np.nan
        belief, found = filter_.step(belief, Given(u, y, p, np.tile(q, (units, 1)), np.tile(noise, (units, 1)), dt))
        whole &= machine.severity(x, u, p).max(axis=1) < 1.0
        for end, now in zip(ends, (x, found.mean, found.cov), strict=True):
            end[whole] = now[whole]
    return ends
