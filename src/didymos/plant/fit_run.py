"""One fit from samples to the two things that are kept: the file the worker reads, and the page a person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.model import Model
from didymos.infer.calibrate import open_loop
from didymos.infer.fit import Fit, fit
from didymos.infer.prediction_error import Record, checked, innovations
from didymos.plant import fit as plant_fit
from didymos.plant.fit import Job, Samples
from didymos.plant.fit_report import Curve, page
from didymos.plant.fitted import document

Array = NDArray[np.float64]


def fit_one(
    given: Job,
    samples: Samples,
    sisters: bool,
    starts: int,
    seed: int,
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
    body = document(model, found, origin)
    return body, page(model, body, whole, *curves(model, whole, found))


def curves(model: Model, record: Record, found: Fit) -> tuple[Curve, Curve]:
    """The record by the model before (prior mean) and after."""
    one, both = np.ones(2), np.stack([found.prior.mean, found.params])
    noise = np.stack([np.ones(model.n_sensors), found.noise_factor])
    run = innovations(model, both, record, noise, one * [1.0, found.wander_factor])
    readings = open_loop(model, both, record.inputs, record.step_s)
    return Curve(readings[0], run.whitened[0]), Curve(readings[1], run.whitened[1])
