"""The compiled particle filter and its NumPy form are one filter: same numbers dealt, same particles."""

from __future__ import annotations

import numpy as np
import pytest
from tests.numerics.small_models import LINE, MOTOR

from didymos.infer.estimator import Given
from didymos.infer.sampled import Particles


@pytest.mark.parametrize("model", [LINE, MOTOR], ids=lambda m: m.name)
def test_the_compiled_filter_equals_its_numpy_form_particle_by_particle(model, monkeypatch):
    """Through quiet steps, a missing reading, one so far off that the likelihood is folded in by parts, and several substeps."""
    rng, N = np.random.default_rng(3), 3
    forms = [Particles(model, 300, engine) for engine in ("compiled", "numpy")]
    states = [form.init(N, seed=8) for form in forms]
    noise = np.array([c.noise if c.noise > 0 else 0.1 for c in model.sensors])
    healthy = np.array(model.out(model.State(*model.initial), model.nominal, model.Params()), float)
    resampled, apart = [], Particles._apart
    monkeypatch.setattr(Particles, "_apart", lambda *given: resampled.append(1) or apart(*given))
    for k in range(8):
        y = healthy + noise * rng.normal(size=(N, model.n_sensors))
        y[0, k % model.n_sensors] = np.nan
        y[1] += (k == 4) * 30.0 * noise
        q, p = np.array(model.process_noise, float), np.array(model.Params(), float)
        given = Given(np.array(model.nominal, float), y, p, q, noise, np.array(0.5 if k % 2 else 3.1 * model.max_step_s))
        (states[0], one), (states[1], other) = (form.step(s, given) for form, s in zip(forms, states, strict=True))
        for name in ("mean", "cov", "predicted", "predicted_sd", "loglik", "nis"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-7, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(states[0].points, states[1].points, rtol=1e-8, atol=1e-9)
    assert len(resampled) > 5  # many steps had to resample
