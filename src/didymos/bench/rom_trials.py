"""Unseen trials of a reduced model: films anywhere in the box, loads and temperatures in jumps; the full model beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.assets.housing_field import Built, Job
from didymos.numerics.rom.affine import full_step
from didymos.numerics.rom.live import Live, Stepper, bound_of, bounded, stepper, temperature

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trials:
    """Over all trials: largest error of any node at any time as deployed (float32) [K], range [K], trials in which the bound lay
    below the true error at any step, and quantiles of bound over true error."""

    count: int
    error_K: float
    range_K: float
    violations: int
    bound_over_error: tuple[float, float, float]  # least, median, largest
    bound_rms_K: float  # largest

    @property
    def of_range(self) -> float:
        return self.error_K / self.range_K


def histories(job: Job, rng: np.random.Generator, steps: int, count: int) -> tuple[Array, Array, Array]:
    """One set of films (J,), `count` loads (steps, L, count) and temperatures behind films (steps, J, count), both in jumps."""
    r = job.ranges()
    film = r.film_low * (r.film_high / r.film_low) ** rng.random(len(r.film_low))
    jumps = lambda width, every: np.repeat(rng.random((-(-steps // every), width, count)), every, axis=0)[:steps]  # noqa: E731
    return film, jumps(len(r.load), 5) * r.load[:, None], (jumps(len(film), 8) - 0.5) * r.behind[:, None]


def run(
    made: Built, job: Job, films: int, each: int, steps: int, seed: int, told: Callable[[int], None] = lambda _n: None
) -> Trials:
    """`films` * `each` trials of `steps` steps; every trial from its own seed."""
    basis, limit, capacity = made.basis, bound_of(made.field), made.full.capacity
    error, low, high, bad, ratios, widest = 0.0, np.inf, -np.inf, 0, [], 0.0
    for number in range(films):
        film, load, behind = histories(job, np.random.default_rng((seed, number)), steps, each)
        full, by = full_step(made.full, film, job.step_s), stepper(made.field, film, job.step_s)
        rise, lives = np.zeros((made.full.size, each)), [Live(np.zeros(basis.shape[1]))] * each
        below = np.zeros(each, bool)
        for instant in range(steps):
            rise = full(rise, load[instant], behind[instant])
            lives = [bounded(by, live, load[instant, :, i], behind[instant, :, i], limit) for i, live in enumerate(lives)]
            off = rise - basis @ np.stack([live.amount for live in lives], axis=1)
            true = np.sqrt(np.einsum("ij,ij->j", off, capacity @ off))
            bounds = np.array([live.error_M for live in lives])
            below |= bounds < true
            ratios.append(bounds / true)
            widest = max(widest, limit.rms_K(float(bounds.max())))
            low, high = min(low, float(rise.min())), max(high, float(rise.max()))
            error = max(error, _deployed(made, by, lives, rise))
        bad += int(below.sum())
        told(number + 1)
    least, median, most = (float(np.quantile(ratios, q)) for q in (0.0, 0.5, 1.0))
    return Trials(films * each, error, high - low, bad, (least, median, most), widest)


def _deployed(made: Built, by: Stepper, lives: list[Live], rise: Array) -> float:
    shown = np.stack([temperature(made.field, live.amount) for live in lives], axis=1)
    return float(np.abs(shown - by.field.made.reference_K - rise).max())
