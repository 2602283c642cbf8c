"""One small housing for the tests of reduced models and Fields: three ribs, 2772 thermal unknowns, made once per process."""

from __future__ import annotations

from functools import cache

import numpy as np

from didymos.assets.housing import Fineness, Housing
from didymos.assets.housing_field import Built, Job, built
from didymos.numerics.rom.affine import full_step

SHAPE = Housing(ribs=3)
JOB = Job(shape=SHAPE, fineness=Fineness(1, 2, 1), modes=24, hot_spots=6)


@cache
def small() -> Built:
    return built(JOB)


def history(seed: int, steps: int):
    """Films (J,) inside the box, loads (steps, L) and rise behind films (steps, J), in jumps."""
    rng, r = np.random.default_rng(seed), JOB.ranges()
    film = r.film_low * (r.film_high / r.film_low) ** rng.random(3)
    load = np.repeat(rng.random((-(-steps // 5), 3)) * r.load, 5, axis=0)[:steps]
    behind = np.repeat((rng.random((-(-steps // 8), 3)) - 0.5) * r.behind, 8, axis=0)[:steps]
    return film, load, behind


def truth(full, film, load, behind, step_s: float = 10.0) -> np.ndarray:
    """Rise (steps, n) of the full model from cold."""
    step, rise, found = full_step(full, film, step_s), np.zeros(full.size), []
    for q, t in zip(load, behind, strict=True):
        rise = step(rise, q, t)
        found.append(rise)
    return np.array(found)
