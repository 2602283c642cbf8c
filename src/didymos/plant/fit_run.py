"""One fit from samples to the two things that are kept: the file the worker reads, and the page a person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer import posterior as sampling
from didymos.infer import residual
from didymos.infer.calibrate import open_loop
from didymos.infer.fit import Fit, fit
from didymos.infer.prediction_error import Record, checked, innovations
from didymos.plant import fit as plant_fit
from didymos.plant.fit import Job, Samples
from didymos.plant.fit_report import Curve, page
from didymos.plant.fitted import document, signed

Array = NDArray[np.float64]


def fit_one(
    given: Job,
    samples: Samples,
    sisters: bool,
    starts: int,
    seed: int,
    posterior: bool,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], str]:
    """(content of the fitted file, HTML report)."""
    say("reading the record")
    record, origin = plant_fit.record(given, samples)
    prior, _ = plant_fit.prior(given, sisters)
    model = given.model
    whole = checked(model, record)
    say(f"{len(record.inputs)} steps; seeking the optimum from {starts} starts")
    found = fit(model, record, prior, plant_fit.known(given), starts, seed)
    body, shown = document(model, found, origin), curves(model, whole, found)
    more: dict[str, Any] = {"residual": _residual(model, whole, shown[1])}
    if posterior:
        more["posterior"] = _posterior(model, whole, found, seed, say)
    body = signed({**body, **more})
    return body, page(model, body, whole, *shown)


def _residual(model: Model, record: Record, after: Curve) -> dict[str, Any]:
    """What can be learned on top, sensor by sensor; the worker's filter runs on physics alone."""
    learned = residual.learn(record.inputs, record.measured - after.readings, record.step_s)
    return {
        "said": [f"{c.title}: {v.said}" for c, v in zip(model.sensors, learned.verdicts, strict=True)],
        "used": [c.name for c, v in zip(model.sensors, learned.verdicts, strict=True) if v.used],
        "held_out": {c.name: [v.physics, v.learned] for c, v in zip(model.sensors, learned.verdicts, strict=True)},
        "coefficients": learned.coefficients,
        "bound": learned.bound,
    }


def _posterior(model: Model, record: Record, found: Fit, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    drawn = sampling.posterior(
        model, record, found, seed=seed, say=lambda k: say(f"drawing from the posterior, sweep {k + 1} of {sampling.SWEEPS}")
    )
    spans = zip(model.Params._fields, drawn.low, drawn.median, drawn.high, strict=True)
    return {
        "believed": drawn.believed, "r_hat": drawn.r_hat, "effective": drawn.effective, "accepted": drawn.accepted,
        "params": {name: [a, b, c] for name, a, b, c in spans},
    }  # fmt: skip


def curves(model: Model, record: Record, found: Fit) -> tuple[Curve, Curve]:
    """The record by the model before (prior mean) and after."""
    one, both = np.ones(2), np.stack([found.prior.mean, found.params])
    noise = np.stack([np.ones(model.n_sensors), found.noise_factor])
    run = innovations(model, both, record, noise, one * [1.0, found.wander_factor])
    readings = open_loop(model, both, record.inputs, record.step_s)
    return Curve(readings[0], run.whitened[0]), Curve(readings[1], run.whitened[1])
