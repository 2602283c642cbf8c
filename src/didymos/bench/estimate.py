"""Fleet UKF updates per core-second: 6 states, 4 sensors, 10,000 machines, each with its own parameters, inputs and noise.

One update = one full predict and observe of one machine: 13 sigma points twice, all four sensors, likelihood included.
Rate = machines / CPU time of this process, median of the repeats, after compilation. The peers run the same equations (with
`math`, their fastest form) for one machine after the other in the same process: filterpy's UnscentedKalmanFilter and progpy's.
Beside it a cell of 8 states against progpy's own battery, unscented and with 1,000 particles (`bench.estimate_battery`).
"""

from __future__ import annotations

import math
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from didymos.bench import consistency, estimate_battery
from didymos.bench.motor import MODEL, Params
from didymos.core.errors import ConfigError
from didymos.numerics.ukf import UkfStep, ukf_kernel

N = 10_000
REPEATS = 15
DT_S = 0.01
SEED = 1


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of DESIGN 8 `estimate`, and how they were obtained. Needs no data. Parts: `fleet`, and `consistency`, which takes
    minutes and runs only when named."""
    if part == "consistency":
        return {"machines": consistency.figures(), "units": consistency.UNITS, "seed": consistency.SEED}
    if part not in (None, "fleet"):
        raise ConfigError(f"estimate: part {part!r} is not known. Allowed: fleet, consistency.")
    args = fleet(N)
    step = ukf_kernel(MODEL, "traced")
    started = time.perf_counter()
    step(*args)
    compile_s = time.perf_counter() - started
    traced = rate(lambda: step(*args), N)
    loop = _other(ukf_kernel(MODEL, "loop"), args)
    arrays = _other(ukf_kernel(MODEL, "numpy"), args)
    filterpy, progpy = _filterpy_rate(), _progpy_rate()
    return {
        "n_assets": N,
        "updates_per_core_s": traced,
        "ratio_filterpy": traced / filterpy if filterpy else None,
        "ratio_progpy": traced / progpy if progpy else None,
        "loop_updates_per_core_s": loop,
        "numpy_updates_per_core_s": arrays,
        "one_asset_us": 1e6 / rate(lambda: step(*fleet_of_one), 1, least_s=0.05) if (fleet_of_one := fleet(1)) else None,
        "filterpy_updates_per_core_s": filterpy,
        "progpy_updates_per_core_s": progpy,
        **estimate_battery.figures(rate),
        "first_call_s": compile_s,
        "repeats": REPEATS,
        "seed": SEED,
        "versions": versions("numpy", "numba", "filterpy", "progpy"),
    }


def versions(*packages: str) -> dict[str, str]:
    """Of Python and each package; "absent" where it is not installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def rate(work: Callable[[], object], units: int, least_s: float = 0.0, repeats: int = REPEATS) -> float:
    """Units per second of CPU time: median over `repeats`, each at least `least_s` long."""
    work()
    rates = []
    for _ in range(repeats):
        calls, begun = 0, time.process_time()
        while not calls or time.process_time() - begun < least_s:
            work()
            calls += 1
        rates.append(calls * units / (time.process_time() - begun))
    return statistics.median(rates)


def fleet(count: int) -> tuple[np.ndarray, ...]:
    """Arguments of a filter step: parameters and inputs ±5 % per machine, readings three sigma around the model's."""
    rng = np.random.default_rng(SEED)
    sd, noise = np.array(MODEL.initial_sd, float), np.array([s.noise for s in MODEL.sensors])
    mean = np.array(MODEL.initial, float) + sd * rng.normal(size=(count, 6))
    cov = np.tile(np.diag(sd**2), (count, 1, 1))
    u = np.array(MODEL.nominal, float) * (1 + 0.05 * rng.uniform(-1, 1, (count, 3)))
    params = np.array(MODEL.Params(), float) * (1 + 0.05 * rng.uniform(-1, 1, (count, 15)))
    reading = MODEL.out(MODEL.State(*mean.T), MODEL.Input(*u.T), MODEL.Params(*params.T))
    y = np.stack(reading, axis=1) + 3 * noise * rng.normal(size=(count, 4))
    return mean, cov, u, y, params, np.array(MODEL.process_noise, float), np.tile(noise, (count, 1)), np.full(count, DT_S)


def _other(step: UkfStep, args: tuple[np.ndarray, ...]) -> float:
    return rate(lambda: step(*args), N, repeats=5)


def rates_of_change(x: Any, u: Any, p: Params) -> tuple[float, ...]:
    """`motor.rhs` with `math`: what a user of a peer would write for speed."""
    i, w, t, tb, wear, r = (float(v) for v in x)
    resistance = p.resistance_ohm * (1.0 + p.copper_per_K * (t - 293.15))
    friction = p.friction_Nm_s * (1.0 + p.friction_growth * wear)
    inward = (t - tb) / p.winding_to_bearing_K_per_W
    return (
        (u[0] - resistance * i - p.torque_Nm_per_A * w) / p.inductance_H,
        (p.torque_Nm_per_A * i - friction * w - u[1]) / p.inertia_kg_m2,
        (resistance * i * i - inward) / p.winding_capacity_J_per_K,
        (inward + friction * w * w - (tb - u[2]) / p.bearing_to_ambient_K_per_W) / p.bearing_capacity_J_per_K,
        math.exp(r + 0.6931471805599453 * (tb - 343.15) / p.halving_K) * w / p.life_rad,
        0.0,
    )


def readings(x: Any, p: Params) -> tuple[float, ...]:
    """`motor.out` with `math`."""
    return float(x[0]), float(x[1]), float(x[3]), p.vibration_m_per_s * math.exp(p.vibration_growth * float(x[4]))


def _filterpy_rate() -> float | None:
    try:
        from filterpy.kalman import MerweScaledSigmaPoints, UnscentedKalmanFilter
    except ImportError:
        return None
    mean, cov, u, y, *_ = fleet(1)
    p, inputs, reading = Params(), tuple(u[0]), y[0]

    def advance(x: Any, dt: float) -> np.ndarray:
        return np.array([v + dt * d for v, d in zip(x, rates_of_change(x, inputs, p), strict=True)])

    points = MerweScaledSigmaPoints(6, alpha=0.5, beta=2.0, kappa=-3.0)
    filter_ = UnscentedKalmanFilter(6, 4, DT_S, lambda x: np.array(readings(x, p)), advance, points)
    noise = np.array([s.noise for s in MODEL.sensors])
    filter_.Q, filter_.R = np.diag(np.square(MODEL.process_noise) * DT_S), np.diag(noise**2)

    def once() -> None:
        filter_.x, filter_.P = mean[0].copy(), cov[0].copy()
        filter_.predict()
        filter_.update(reading)

    return rate(once, 1, least_s=0.15, repeats=5)


def _progpy_rate() -> float | None:
    try:
        from progpy import PrognosticsModel
        from progpy.state_estimators import UnscentedKalmanFilter
    except ImportError:
        return None
    mean, _, u, y, *_ = fleet(1)
    p = Params()

    class Motor(PrognosticsModel):
        inputs, states, outputs, events = list(MODEL.Input._fields), list(MODEL.State._fields), list("abcd"), ["worn"]
        default_parameters = {"x0": dict(zip(MODEL.State._fields, mean[0], strict=True)), "process_noise": 0.0}  # noqa: RUF012

        def dx(self, x: Any, u: Any) -> Any:
            values = rates_of_change([x[k] for k in self.states], [u[k] for k in self.inputs], p)
            return self.StateContainer(dict(zip(self.states, values, strict=True)))

        def output(self, x: Any) -> Any:
            values = readings([x[k] for k in self.states], p)
            return self.OutputContainer(dict(zip(self.outputs, values, strict=True)))

    model = Motor(dt=DT_S)
    noise = np.array([s.noise for s in MODEL.sensors])
    filter_ = UnscentedKalmanFilter(
        model, model.initialize(), Q=np.diag(np.square(MODEL.process_noise) * DT_S), R=np.diag(noise**2)
    )
    inputs = model.InputContainer(dict(zip(model.inputs, u[0], strict=True)))
    reading = model.OutputContainer(dict(zip(model.outputs, y[0], strict=True)))
    clock = [0.0]

    def once() -> None:
        clock[0] += DT_S
        filter_.estimate(clock[0], inputs, reading, dt=1.0)

    return rate(once, 1, least_s=0.15, repeats=5)
