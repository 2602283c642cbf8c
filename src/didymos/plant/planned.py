"""Futures over planned running time, where the calendar knows the shifts: a machine wears while it runs.

    load      only operating points at which the machine ran: standing still is the calendar's part now
    on_clock  passage times in running seconds -> seconds on the clock, each asset by its own plan

Without shifts nothing is changed: the past week's operating points, stops included, then stand for the coming weeks. A planned
load of 0 stands still; other load factors are shown but not yet folded into the operating points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from didymos.core.calendar import place_of
from didymos.plant.config import Plant
from didymos.plant.fleet import Fleet

Array = NDArray[np.float64]


def load(plant: Plant, fleet: Fleet, who: NDArray[np.int64]) -> Array:
    """Operating points (M, L, k) that the futures draw from."""
    found = fleet.load(who)
    if not plant.calendar.knows_shifts or fleet.speed is None:
        return found
    for points in found:
        ran = points[np.abs(points[:, fleet.speed]) > 1e-6]
        if len(ran):
            points[:] = np.resize(ran, points.shape)
    return found


def on_clock(plant: Plant, fleet: Fleet, who: NDArray[np.int64], passage: Array, horizon_s: float) -> Array:
    """passage (M, modes, T) in running seconds -> on the clock, inf beyond `horizon_s`."""
    if not plant.calendar.knows_shifts:
        return passage
    found = np.empty_like(passage)
    for i, asset in enumerate(who):
        config = fleet.assets[asset]
        place = place_of(config.id, config.path)
        found[i] = plant.calendar.clock_s(int(fleet.state.time_ns[asset]), passage[i], place)
    return np.where(found <= horizon_s, found, np.inf)
