"""Every filter by its name.

    estimator = ESTIMATORS["ukf"](model)

    ukf    unscented Kalman filter: what the worker runs
    ekf    extended Kalman filter: cheapest where the model is nearly straight
    enkf   ensemble Kalman filter: no slopes, any number of states
    pf     particle filter: any shape of belief, the reference where a filter's shape is doubted

Besides: `infer.smoother` (the past with what came after), `infer.hypotheses` (several models, each with its probability).
Verified: tests/conformance/test_estimators.py.
"""

from __future__ import annotations

from collections.abc import Callable

from didymos.core.model import Model
from didymos.infer.estimator import Estimator
from didymos.infer.gaussian import Ekf, Ukf
from didymos.infer.sampled import Ensemble, Particles

ESTIMATORS: dict[str, Callable[[Model], Estimator]] = {"ukf": Ukf, "ekf": Ekf, "enkf": Ensemble, "pf": Particles}
