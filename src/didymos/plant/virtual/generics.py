"""Machines the twin has no physics for: hydraulic unit hu-01, chip conveyor cc-01, mist extractor mx-01. Vectorised: one of each.

hydraulic unit   C dT/dt = throttling loss - (T - T_hall) / R (T);  pressure by a pulsing demand, current by p times speed
chip conveyor    current by a random chip load that lags the line; vibration by speed and load
mist extractor   filter resistance grows with running time and falls when the filter shakes itself clean every 36 h
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from didymos.plant.virtual import days, draw


class State(NamedTuple):
    oil_K: float
    chips: float
    dust: float


Readings = dict[str, dict[str, float]]


def first(seed: int, time_s: float) -> State:
    return State(days.hall_K(seed, time_s) + 14.0, 0.5, 0.3)


def step(seed: int, x: State, step_no: int, dt_s: float) -> tuple[State, Readings]:
    """Readings by machine (SI, without sensor errors) at the end of step `step_no`."""
    time_s = step_no * dt_s
    speed, load = days.plan(seed, time_s, "motor")
    on = days.running(time_s, 3, 9)
    rng = draw.at(seed, "generic", step_no)
    hydraulic, x = _hydraulic(seed, x, time_s, dt_s, load * (1 + 0.03 * rng.standard_normal()), bool(on[0]))
    chips = x.chips + 0.2 * (load * on[1] * (1 + 0.2 * rng.standard_normal()) - x.chips)
    turning = 9.0 * speed * on[1]
    belt = {
        "speed": turning,
        "current": (1.1 + 2.2 * max(chips, 0.0)) * on[1],
        "vibration_velocity": (0.6e-3 + 0.5e-3 * max(chips, 0.0)) * (turning / 9.0) ** 1.3,
    }
    cleaned = int(time_s // 129_600.0) != int((time_s - dt_s) // 129_600.0)
    dust = 0.1 if cleaned else x.dust + 6e-6 * dt_s * on[2] * load
    fan = 298.0 * on[2]
    extractor = {
        "speed": fan,
        "filter_pressure": 420.0 * (fan / 298.0) ** 1.8 * (1 + 0.9 * dust),
        "current": 5.2 * (fan / 298.0) ** 2.2 * (1 - 0.10 * dust),
    }
    return State(x.oil_K, float(chips), float(dust)), {"hu-01": hydraulic, "cc-01": belt, "mx-01": extractor}


def _hydraulic(seed: int, x: State, time_s: float, dt_s: float, load: float, on: bool) -> tuple[dict[str, float], State]:
    hall = days.hall_K(seed, time_s)
    pressure = (1.05e7 + 2.5e6 * load) if on else 2.0e5
    loss = (900.0 + 1500.0 * load**2) * on
    cooling = (x.oil_K - hall) * (55.0 + 1.2 * max(x.oil_K - hall, 0.0))
    oil = x.oil_K + dt_s * (loss - cooling) / 2.2e5
    speed = 152.0 * (1 - 0.01 * load) * on
    current = 4.0 * on + 9.5 * (pressure / 1.3e7) * (speed / 152.0) * (1 + 0.004 * (318.0 - oil))
    return {"speed": speed, "system_pressure": pressure, "oil_temperature": oil, "current": current}, x._replace(oil_K=float(oil))


def flat(readings: Readings) -> dict[tuple[str, str], float]:
    return {(machine, channel): float(np.asarray(value)) for machine, row in readings.items() for channel, value in row.items()}
