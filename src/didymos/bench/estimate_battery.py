"""The cell of `bench.battery` by our unscented and particle filters and by progpy's: the same equations, one after the other.

One update = a second's predict and observe of one cell, both sensors; the particle filter's with 1,000 particles, resampling
where it is due. Start, noise and readings are the same for both.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from didymos.bench.battery import MODEL
from didymos.infer.estimator import Given
from didymos.infer.sampled import Particles
from didymos.numerics.ukf import ukf_kernel

CELLS, PARTICLES, DT_S = 2_000, 1_000, 1.0
FEW = 50  # cells a call of the particle filter
Rate = Callable[..., float]


def figures(rate: Rate) -> dict[str, Any]:
    """`rate(work, units, least_s, repeats)` measures; None where progpy is not installed."""
    given, ukf = _given(CELLS), ukf_kernel(MODEL, "traced")
    mean = np.tile(np.array(MODEL.initial, float), (CELLS, 1))
    cov = np.tile(np.diag(np.square(np.array(MODEL.initial_sd, float))), (CELLS, 1, 1))
    ours = rate(lambda: ukf(mean, cov, *given), CELLS, 0.0, 9)
    filter_ = Particles(MODEL, PARTICLES)
    state, few = filter_.init(FEW, seed=1), Given(*(a[:FEW] for a in given))
    at = [state]

    def second() -> None:  # goes on from where it is, as the peer does
        at[0] = filter_.step(at[0], few)[0]

    clouds = rate(second, FEW, 0.3, 7)
    peer, peer_clouds = _progpy(rate, "UnscentedKalmanFilter"), _progpy(rate, "ParticleFilter")
    return {
        "battery_updates_per_core_s": ours,
        "battery_ratio_progpy": ours / peer if peer else None,
        "battery_progpy_updates_per_core_s": peer,
        "particles": PARTICLES,
        "particle_updates_per_core_s": clouds,
        "particle_ratio_progpy": clouds / peer_clouds if peer_clouds else None,
        "particle_progpy_updates_per_core_s": peer_clouds,
    }


def _given(count: int) -> Given:
    """One second at the nominal current: readings one standard deviation of noise around the model's."""
    rng = np.random.default_rng(1)
    noise = np.array([s.noise for s in MODEL.sensors])
    healthy = np.array(MODEL.out(MODEL.initial, MODEL.nominal, MODEL.Params()), float)
    y = healthy + noise * rng.normal(size=(count, 2))
    u, params = np.full((count, 1), MODEL.nominal.current_A), np.tile(np.array(MODEL.Params(), float), (count, 1))
    q = np.tile(np.array(MODEL.process_noise, float), (count, 1))
    return Given(u, y, params, q, np.tile(noise, (count, 1)), np.full(count, DT_S))


def progpy_cell(**settings: Any) -> Any:
    """progpy's model, started where ours is."""
    from progpy.models import BatteryElectroChemEOD

    cell = BatteryElectroChemEOD(**settings)
    cell.parameters["x0"].update(dict(zip(("tb", "Vo", "Vsn", "Vsp", "qnB", "qnS", "qpB", "qpS"), MODEL.initial, strict=True)))
    return cell


def _progpy(rate: Rate, kind: str) -> float | None:
    try:
        from progpy import state_estimators
        from progpy.uncertain_data import MultivariateNormalDist
    except ImportError:
        return None
    sd, noise = np.array(MODEL.initial_sd, float), [s.noise for s in MODEL.sensors]
    cell = progpy_cell()
    names = list(cell.states)
    mean = np.array([cell.parameters["x0"][name] for name in names])
    start = MultivariateNormalDist(names, mean, np.diag(sd**2))
    cell.parameters["process_noise"] = dict(zip(names, MODEL.process_noise, strict=True))
    extra: dict[str, Any] = {"Q": np.diag(np.square(np.array(MODEL.process_noise, float))), "R": np.diag(np.square(noise))}
    if kind == "ParticleFilter":
        extra = {"num_particles": PARTICLES, "measurement_noise": dict(zip(cell.outputs, noise, strict=True))}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        filter_, clock = getattr(state_estimators, kind)(cell, start, **extra), [0.0]
        u, y = cell.InputContainer({"i": MODEL.nominal.current_A}), _given(1).y[0]
        reading = dict(zip(cell.outputs, y, strict=True))

        def once() -> None:
            clock[0] += DT_S
            filter_.estimate(clock[0], u, cell.OutputContainer(reading))

        return rate(once, 1, 0.3, 5)
