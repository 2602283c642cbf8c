"""When the line runs, what it makes, and the air around it.

Three shifts Monday to Saturday 14:00 UTC, again from Sunday 22:00; every shift has one break of 25 minutes, staggered by machine.
A product (of four) is made for 5 to 11 hours; it sets speed and load of every machine. The hall follows day, night and weather.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from didymos.plant.virtual import draw

HOUR_S = 3600.0
DAY_S = 86_400.0
SHIFT_S = 8 * HOUR_S
BREAK_S = 25 * 60.0

# product: relative speed, relative load of (spindle, pump, motor)
PRODUCTS = np.array(
    [
        [0.80, 0.90, 0.86, 0.92, 0.90, 0.72],
        [1.00, 0.60, 1.00, 1.05, 1.00, 0.82],
        [0.90, 1.15, 0.95, 1.00, 0.96, 0.90],
        [0.70, 0.75, 0.90, 0.97, 0.92, 0.64],
    ]
)
COLUMN = {"spindle": (0, 1), "pump": (2, 3), "motor": (4, 5)}


def in_shift(time_s: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the line is manned. 1970-01-01 was a Thursday: week seconds count from Monday 00:00 UTC."""
    week = np.mod(np.asarray(time_s) + 3 * DAY_S, 7 * DAY_S)
    return (week < 5 * DAY_S + 14 * HOUR_S) | (week >= 6 * DAY_S + 22 * HOUR_S)


def running(time_s: float, n: int, shift_by: int) -> NDArray[np.bool_]:
    """(n,) machines that run at `time_s`; machine i breaks at its own time of the shift."""
    begin = HOUR_S * 2.0 + 900.0 * ((np.arange(n) + shift_by) % 12)
    into = time_s % SHIFT_S - begin
    return in_shift(time_s) & ~((into >= 0) & (into < BREAK_S))


def product(seed: int, time_s: float) -> int:
    """Which product is made: constant within slots whose length differs from day to day."""
    day = int(time_s // DAY_S)
    rng = draw.at(seed, "product", day)
    edges = np.cumsum(rng.uniform(5.0, 11.0, 5)) * HOUR_S
    return int(rng.permutation(8)[int(np.searchsorted(edges, time_s % DAY_S))] % len(PRODUCTS))


def plan(seed: int, time_s: float, kind: str) -> tuple[float, float]:
    """(relative speed, relative load) that today's product asks of machines of `kind`."""
    speed, load = COLUMN[kind]
    row = PRODUCTS[product(seed, time_s)]
    return float(row[speed]), float(row[load])


def hall_K(seed: int, time_s: float) -> float:
    """Air of the hall: 23 C, 3 K of day and night (warmest at 16:00), 2 K of weather over days."""
    phases = draw.at(seed, "weather").uniform(0.0, 2 * np.pi, 2)
    days = time_s / DAY_S
    daily = 3.0 * np.cos(2 * np.pi * (days - 16.0 / 24.0))
    weather = 1.3 * np.sin(2 * np.pi * days / 3.7 + phases[0]) + 0.7 * np.sin(2 * np.pi * days / 1.61 + phases[1])
    return 296.15 + daily + float(weather)
