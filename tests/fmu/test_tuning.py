"""A parameter of an FMU estimated from its outputs by particles that are whole states of it."""

from __future__ import annotations

import numpy as np
import pytest

from didymos.assets.fmu.bind import open_fmu
from didymos.core.errors import ConfigError, DataError, ModelError
from didymos.infer.black_box import Tuning

TRUE, NOISE, DT = 3.0, 0.2, 0.3


def response(u: np.ndarray) -> np.ndarray:
    """The probe's output for a gain of 1: it is linear in the gain."""
    x, found = 0.0, []
    for value in u:
        x = value + (x - value) * np.exp(-DT)
        found.append(x)
    return np.array(found)


def filter_of(fmu, members: int = 400) -> Tuning:
    return Tuning(fmu, *(np.array([v]) for v in (2.0, 1.0, 0.0, 10.0, 0.0)), members=members)


def data(steps: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    u = rng.uniform(0.5, 1.5, steps)
    return u, TRUE * response(u) + NOISE * rng.normal(size=steps)


def test_the_particles_give_the_exact_posterior_of_a_linear_machine(probes):
    u, y = data(25)
    y[7] = np.nan
    seen = np.isfinite(y)
    h = response(u)[seen] / NOISE
    precision = 1.0 + h @ h
    exact = (2.0 + h @ (y[seen] / NOISE)) / precision, precision**-0.5
    with open_fmu(probes(2), stop_s=1e9, outputs=["x"], tuned=["gain"]) as fmu:
        filter = filter_of(fmu)
        cloud = filter.init(seed=1)
        for k in range(len(u)):
            cloud, found = filter.step(cloud, u[k : k + 1], y[k : k + 1], np.array([NOISE]), DT)
        mean, sd = found.mean[0], float(np.sqrt(found.cov[0, 0]))
        assert mean == pytest.approx(exact[0], abs=0.5 * exact[1])
        assert sd == pytest.approx(exact[1], rel=0.3)
        assert abs(mean - TRUE) < 3.0 * sd


@pytest.mark.slow
def test_a_stored_cloud_goes_on_to_the_byte(probes):
    u, y = data(8)
    with open_fmu(probes(3), stop_s=1e9, outputs=["x"], tuned=["gain"]) as fmu:
        filter = filter_of(fmu, 30)
        cloud, r = filter.init(seed=2), np.array([NOISE])
        for k in range(5):
            cloud, _ = filter.step(cloud, u[k : k + 1], y[k : k + 1], r, DT)
        stored = cloud
        for k in range(5, 8):
            cloud, found = filter.step(cloud, u[k : k + 1], y[k : k + 1], r, DT)
        fmu.steps(np.ones((3, 1)), DT)  # what the box itself does meanwhile changes nothing
        for k in range(5, 8):
            stored, again = filter.step(stored, u[k : k + 1], y[k : k + 1], r, DT)
        assert found.mean.tobytes() == again.mean.tobytes()
        assert found.cov.tobytes() == again.cov.tobytes()


def test_what_cannot_be_tuned_is_named(probes):
    with open_fmu(probes(2, states=False), stop_s=1e9, outputs=["x"], tuned=["gain"]) as fmu:
        with pytest.raises(ConfigError, match="cannot write its state down"):
            filter_of(fmu).init()
        with pytest.raises(ModelError, match="members at least 10"):
            filter_of(fmu, 3)
        with pytest.raises(ModelError, match=r"walk has shape \(2,\); \(1,\) is needed"):
            Tuning(fmu, *(np.array([v]) for v in (2.0, 1.0, 0.0, 10.0)), np.zeros(2))
        with pytest.raises(DataError, match="r must be above 0"):
            filter_of(fmu).step(None, np.ones(1), np.ones(1), np.zeros(1), DT)  # type: ignore[arg-type]
