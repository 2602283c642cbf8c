"""Monte-Carlo trajectories to threshold per core-second: wear with exact normal noise, about 100 steps each, one stream each.

    dw/dt = rate load (1 + growth w),  noise q per root second; failed at w = 1

Rate = trajectories that reached the threshold / CPU time, median of the repeats, after compilation; the mean number of steps is
in the answer. The peer, progpy's MonteCarlo predictor, runs the same equations to the same event in the same process.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from didymos.bench.estimate import rate, versions
from didymos.core.channel import Channel
from didymos.core.errors import ConfigError
from didymos.core.model import FailureMode, Model
from didymos.numerics.futures import futures_kernel

ASSETS, TRAJECTORIES, STEPS, STEP_S, NOISE = 10, 10_000, 1000, 1.0, 0.002
PEER_SAMPLES = 100


class State(NamedTuple):
    wear: float


class Input(NamedTuple):
    load: float


class Params(NamedTuple):
    rate_per_s: float = 0.00765
    growth: float = 0.6


class Severity(NamedTuple):
    wear: float


def rhs(x, u, p):
    return State(p.rate_per_s * u.load * (1.0 + p.growth * x.wear))


def out(x, u, p):
    return State(x.wear)


def severity(x, u, p):
    return Severity(x.wear)


def steady(x, u, p):
    return x


MODEL = Model(
    name="bench_wear",
    title="Wear of the futures benchmark",
    State=State,
    Input=Input,
    Output=State,
    Params=Params,
    rhs=rhs,
    out=out,
    virtual=out,
    severity=severity,
    steady=steady,
    inputs=(Channel("load", "Load", "1"),),
    sensors=(Channel("wear", "Wear", "1"),),
    virtuals=(),
    slow=("wear",),
    initial=State(0.0),
    initial_sd=State(0.01),
    process_noise=State(NOISE),
    low=State(-1.0),
    high=State(10.0),
    nominal=Input(1.0),
    max_step_s=1.0,
    failure_modes=(FailureMode("wear", "Wear", "part", ("wear",), "wear 1", "definition", 0.0, (), ""),),
    components=(),
    parameters=(),
)


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of DESIGN 8 `futures`, and how they were obtained. Needs no data; it has one part, `threshold`."""
    if part not in (None, "threshold"):
        raise ConfigError(f"futures: part {part!r} is not known. Allowed: threshold.")
    kernel = futures_kernel(MODEL)
    cov = np.full((ASSETS, 1, 1), MODEL.initial_sd.wear**2)
    u, params = np.ones((ASSETS, 1)), np.tile(np.array(MODEL.Params(), float), (ASSETS, 1))

    def once() -> np.ndarray:
        return kernel(np.zeros((ASSETS, 1)), cov, u, params, [NOISE], STEP_S, STEPS, TRAJECTORIES, 1)

    passage = once()
    reached = int(np.isfinite(passage).sum())
    ours, peer = rate(once, reached), _progpy_rate()
    return {
        "trajectories_per_core_s": ours,
        "noise": "exact normals: ziggurat, 256 strips, on splitmix64, one stream per trajectory",
        "ratio_progpy": ours / peer if peer else None,
        "progpy_trajectories_per_core_s": peer,
        "trajectories": reached,
        "mean_steps": float(passage.mean() / STEP_S),
        "seed": 1,
        "versions": versions("numpy", "numba", "progpy"),
    }


def _progpy_rate() -> float | None:
    try:
        from progpy import PrognosticsModel
        from progpy.predictors import MonteCarlo
        from progpy.uncertain_data import MultivariateNormalDist
    except ImportError:
        return None
    p = Params()

    class Wear(PrognosticsModel):
        inputs, states, outputs, events = ["load"], ["wear"], ["wear"], ["worn"]
        default_parameters = {"x0": {"wear": 0.0}, "process_noise": NOISE}  # noqa: RUF012

        def dx(self, x: Any, u: Any) -> Any:
            return self.StateContainer({"wear": p.rate_per_s * u["load"] * (1.0 + p.growth * x["wear"])})

        def output(self, x: Any) -> Any:
            return self.OutputContainer({"wear": x["wear"]})

        def event_state(self, x: Any) -> dict[str, Any]:
            return {"worn": 1.0 - x["wear"]}

        def threshold_met(self, x: Any) -> dict[str, Any]:
            return {"worn": x["wear"] >= 1.0}

    model = Wear(dt=STEP_S)
    load = model.InputContainer({"load": 1.0})
    start = MultivariateNormalDist(["wear"], [0.0], [[MODEL.initial_sd.wear**2]])
    predictor = MonteCarlo(model)

    def once() -> Any:
        return predictor.predict(
            start, lambda t, x=None: load, n_samples=PEER_SAMPLES, dt=STEP_S, horizon=STEPS * STEP_S, save_freq=STEPS * STEP_S
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rate(once, PEER_SAMPLES, repeats=3)
