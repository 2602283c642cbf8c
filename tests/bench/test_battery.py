"""The cell of the filter benchmark runs progpy's equations, so the ratio compares filters and nothing else."""

import numpy as np
import pytest

from didymos.bench.battery import MODEL


def test_rates_and_readings_equal_progpys_at_random_states():
    pytest.importorskip("progpy", reason="progpy (extra bench) is not installed")
    from didymos.bench.estimate_battery import progpy_cell

    cell, rng = progpy_cell(), np.random.default_rng(2)
    for _ in range(20):
        x = np.array(MODEL.initial, float) * (1 + 0.2 * rng.uniform(-1, 1, 8)) + np.array(MODEL.initial_sd) * rng.normal(size=8)
        i = rng.uniform(0.1, 4.0)
        theirs = cell.StateContainer(dict(zip(cell.states, x, strict=True)))
        rates = cell.dx(theirs, cell.InputContainer({"i": i}))
        state, u, p = MODEL.State(*x), MODEL.Input(i), MODEL.Params()
        np.testing.assert_allclose(MODEL.rhs(state, u, p), [np.ravel(rates[k])[0] for k in cell.states], rtol=1e-9, atol=1e-12)
        read = cell.output(theirs)
        np.testing.assert_allclose(MODEL.out(state, u, p), [np.ravel(read[k])[0] for k in ("t", "v")], rtol=1e-10)
