"""Every machine of the ASSETS table on every engine: 200 random units, 20 % of readings missing, one unit blind, to 1e-10."""

import sys
from pathlib import Path

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.numerics.futures import Variant, futures_kernel, kernel_text
from didymos.numerics.kernels import loop_text
from didymos.numerics.source import check
from didymos.numerics.ukf import substeps_for, ukf_kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))
from small_models import random_fleet
from tests.pace import BY_KERNEL, COMPILED

UNITS = 200
STEPS = 10
SLOW = pytest.mark.slow
STRAIGHT = 10  # states up to which straight-line text is compiled; 14 states in six substeps took a compiler beyond 6 GB
QUICK = {name: "python" for name in ASSETS if ASSETS[name].n_states <= STRAIGHT}  # at least one engine in every run
ENGINES = [
    pytest.param(
        name, engine, marks=[] if (name in COMPILED and engine in ("loop", "python")) or engine == QUICK.get(name) else [SLOW]
    )
    for name in ASSETS
    for engine in ("loop", "traced", "jax", "python")
    if engine in ("loop", "python") or ASSETS[name].n_states <= STRAIGHT
]


def largest_difference(a, b):
    """Relative to the largest entry of each result column."""
    worst = 0.0
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
        scale = np.nanmax(np.abs(np.nan_to_num(y)), axis=0) + 1e-300
        worst = max(worst, float(np.nanmax(np.nan_to_num(np.abs(x - y)) / scale)))
    return worst


@pytest.mark.parametrize("name", ASSETS)
def test_the_models_text_holds_only_what_every_engine_can_run(name):
    check(ASSETS[name])


@pytest.mark.parametrize("name", ASSETS)
def test_what_numba_would_be_given_of_any_machine_is_python(name):
    compile(loop_text(ASSETS[name]), name, "exec")
    compile(kernel_text(ASSETS[name], Variant((), False)), name, "exec")


@pytest.mark.parametrize(("name", "engine"), ENGINES)
def test_an_engine_gives_numpys_belief(name, engine):
    model = ASSETS[name]
    units, steps = (UNITS, STEPS) if engine != "python" else (6, 2)
    substeps = substeps_for(model, 60.0)
    args = list(random_fleet(model, units))
    args[7] = np.full(units, 60.0)
    step, reference = ukf_kernel(model, engine, substeps), ukf_kernel(model, "numpy", substeps)
    for _ in range(steps):
        got, expected = step(*args), reference(*args)
        assert np.isfinite(expected.mean).all()
        assert largest_difference(got, expected) < 1e-10
        args[0], args[1] = expected.mean, expected.cov


@pytest.mark.parametrize("name", BY_KERNEL)
def test_a_new_unit_has_a_future_and_a_belief_of_worse_wear_a_shorter_one(name):
    """At twice the commissioning spread of wear the middle of all passages of the first mode must not come later."""
    model = ASSETS[name]
    run = futures_kernel(model)
    params, u = np.array([model.Params()], float), np.array([model.nominal], float)
    q, sd = np.array(model.process_noise, float), np.array(model.initial_sd, float)
    cov = np.diag(sd**2)[None]
    fresh = np.array([model.initial], float)
    worn = fresh.copy()
    for field in model.slow:
        worn[0, model.state_index(field)] += 2 * sd[model.state_index(field)]
    worn = np.clip(worn, model.low, model.high)
    arguments = (10 * 86_400.0, 400, 300, 1)
    early, late = run(worn, cov, u, params, q, *arguments), run(fresh, cov, u, params, q, *arguments)
    assert not np.isnan(late).any()
    assert (late >= 0).all()
    horizon = 4000 * 86_400.0
    assert np.minimum(early, horizon).mean() < np.minimum(late, horizon).mean()
