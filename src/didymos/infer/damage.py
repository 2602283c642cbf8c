"""Fatigue damage of hot spots while the machine runs, and the life that is left.

    state = init(locations)
    state = step(state, damage_of_the_cycles_that_closed, running_s)         damage (L,), Miner
    life_of_spot(spot, so_far, rates, horizon_s, seed)                       a Life
    why_damage(spot, grid, location, so_far, rates, life)                    the reason in one sentence

Damage so far = what closed + what the residue would cost now; the residue's part is for the report and is never added to the state.
A cycle costs when it closes, so the largest (start and stop of a shift) fall into the block in which they end.
Life: the spot fails when its damage D(t) reaches C. C is the material's scatter, log10 C normal with the curve's sd (median 1, or
higher for a curve that more than half survive), and larger than the damage it is known to have survived. The load is that of the
recorded blocks: their mean rate is drawn anew by bootstrap, and what single blocks add to or take from it makes D a random walk
with drift, whose first passage is inverse Gaussian:

    T ~ IG(a / m, a^2 / v)      a = C - D,  m and v mean and variance of the damage per block in the resample

Valid: the load goes on as recorded, with blocks long enough to be independent (an hour, a shift); the S-N curve holds for the part.
Source: Miner with lognormal scatter, Wirsching, J. Struct. Eng. 110 (1984); inverse Gaussian passage, Chhikara & Folks 1989, ch. 1;
bootstrap over blocks, Efron & Tibshirani 1993, ch. 8. Verified: tests/infer/test_damage.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from didymos.core.errors import DataError
from didymos.core.estimate import Evidence, Life, Why
from didymos.infer.life import life_of
from didymos.infer.plain import plain_chance, plain_time
from didymos.numerics.fatigue import histogram
from didymos.numerics.fatigue.histogram import Histogram
from didymos.numerics.fatigue.rainflow import Cycles
from didymos.numerics.fatigue.stress_life import StressLife, by_location, damage

Array = NDArray[np.float64]
BLOCK_S, BLOCKS = 3600.0, 168  # a week of hours
FEWEST = 8  # blocks before a life is given
MOST_MISSING = 0.2
SURVIVABLE = 1e-4  # chance to have survived the damage so far, below which curve or stress must be wrong
BANDS = (8, 4)  # ranges and means that the reasons are told in


@dataclass(frozen=True, slots=True)
class HotSpot:
    """One place that may crack: its S-N curve, the mean-stress rule and that rule's strength (`stress_life.MEAN_STRESS`)."""

    name: str
    title: str
    curve: StressLife
    mean_stress: str = "none"
    strength_Pa: float | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """Where damage stands, L locations: closed cycles (L,); rate [1/s] of the last finished blocks (L, B), oldest first, NaN = none
    yet; damage and running time of the block under way. Goes through `formats.wire.pack` and back unchanged."""

    closed: Array
    rates: Array
    block: Array
    block_s: float
    full_s: float


def init(locations: int, block_s: float = BLOCK_S, blocks: int = BLOCKS) -> Damage:
    """Nothing run yet. DataError for no location, no block or a block without length."""
    if not (locations >= 1 and blocks >= FEWEST and np.isfinite(block_s) and block_s > 0.0):
        raise DataError(
            f"damage: {locations} locations, {blocks} blocks of {block_s} s were given; give at least 1 location, {FEWEST} blocks, "
            "and a block longer than 0 s."
        )
    return Damage(np.zeros(locations), np.full((locations, blocks), np.nan), np.zeros(locations), 0.0, block_s)


def step(state: Damage, added: Array, running_s: float) -> Damage:
    """`added` (L,): Miner damage of the cycles that closed in `running_s` of running. A block ends with the step that fills it."""
    added = np.asarray(added, float)
    if added.shape != state.closed.shape or np.isnan(added).any() or (added < 0.0).any():
        raise DataError(f"damage: {added} was given for {len(state.closed)} locations; give one number >= 0 for each, without NaN.")
    if not (np.isfinite(running_s) and running_s >= 0.0):
        raise DataError(f"damage: running time {running_s} s was given; give seconds >= 0.")
    block, block_s, rates = state.block + added, state.block_s + running_s, state.rates
    if block_s >= state.full_s:
        rates = np.concatenate([rates[:, 1:], (block / block_s)[:, None]], axis=1)
        block, block_s = np.zeros_like(block), 0.0
    return Damage(state.closed + added, rates, block, block_s, state.full_s)


def of_cycles(spots: list[HotSpot], cycles: Cycles) -> Array:
    """Damage (L,) of counted cycles, location l by the curve of spots[l]."""
    total = np.zeros(len(spots))
    for curve in dict.fromkeys((s.curve, s.mean_stress, s.strength_Pa) for s in spots):
        mine = np.array([(s.curve, s.mean_stress, s.strength_Pa) == curve for s in spots])
        total += np.where(mine, by_location(cycles, damage(curve[0], cycles, *curve[1:]), len(spots)), 0.0)
    return total


def per_hour(rates: Array) -> tuple[float, float, float]:
    """Mean damage per hour of one spot's blocks (B,) and its 90 % interval by bootstrap; NaN with no finished block."""
    known = rates[np.isfinite(rates)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    drawn = known[np.random.default_rng(0).integers(0, len(known), (2000, len(known)))].mean(1)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return 3600.0 * float(known.mean()), 3600.0 * float(low), 3600.0 * float(high)


def life_of_spot(
    spot: HotSpot, so_far: float, rates: Array, horizon_s: float, seed: int, full_s: float = BLOCK_S, missing: float = 0.0
) -> Life:
    """Life of one spot in running seconds from now, up to the horizon. so_far: damage including the residue; rates (B,): the spot's
    `Damage.rates`; missing: share of the load samples that were no numbers."""
    known = rates[np.isfinite(rates)]
    if reason := _withheld(spot, so_far, known, full_s, missing):
        return Life(spot.name, spot.title, withheld=reason)
    times = passage(spot.curve, so_far, known * full_s, full_s, seed)
    return life_of(spot.name, spot.title, np.where(times > horizon_s, np.inf, times), horizon_s)


def passage(curve: StressLife, so_far: float, per_block: Array, block_s: float, seed: int, trajectories: int = 4000) -> Array:
    """First passage times (T,) s of damage to its critical value, given that it has not been reached; inf without load."""
    rng = np.random.default_rng(seed)
    left = _critical(curve, so_far, rng, trajectories) - so_far
    drawn = per_block[rng.integers(0, len(per_block), (trajectories, len(per_block)))]
    mean, variance = drawn.mean(1), drawn.var(1)
    with np.errstate(divide="ignore"):
        blocks = left / mean
    walks = np.isfinite(blocks) & (variance > 0.0) & (left > 0.0)
    blocks[walks] = rng.wald(blocks[walks], left[walks] ** 2 / variance[walks])
    return blocks * block_s


def _critical(curve: StressLife, so_far: float, rng: np.random.Generator, count: int) -> Array:
    """Draws of C > so_far, stratified so that quantiles are smooth."""
    u = (rng.permutation(count) + rng.random(count)) / count
    median = curve.sd_log10 * ndtri(curve.survival)
    alive = ndtr(-_least(curve, so_far))
    return 10.0 ** (median - curve.sd_log10 * ndtri(u * alive))


def _least(curve: StressLife, so_far: float) -> float:
    """Standard deviations of log10 C at which the damage so far lies."""
    return float((np.log10(so_far) / curve.sd_log10 if so_far > 0.0 else -np.inf) - ndtri(curve.survival))


def _withheld(spot: HotSpot, so_far: float, known: Array, full_s: float, missing: float) -> str | None:
    if not spot.curve.sd_log10 > 0.0:
        return "the S-N curve comes without scatter (sd_log10), and a life without scatter is not given"
    if len(known) < FEWEST:
        return f"only {len(known)} blocks of {plain_time(full_s)} of load are recorded; {FEWEST} are needed"
    if missing > MOST_MISSING:
        return f"{plain_chance(missing)} of the load samples are missing, so that cycles may have gone uncounted"
    if not np.isfinite(so_far):
        return "a cycle reached the static strength of the material; inspect the part"
    if ndtr(-_least(spot.curve, so_far)) < SURVIVABLE:
        return f"a damage sum of {so_far:.3g} is more than the part can have survived; the S-N curve or the stress is wrong"
    return None


def why_damage(spot: HotSpot, grid: Histogram, location: int, so_far: float, rates: Array, life: Life) -> Why:
    """The reason: which cycles carry the damage, as shares of it (the weights), and when it ends."""
    bands = shares(spot, grid, location)
    evidence = tuple(Evidence("level", text, share, spot.name) for share, _, text in bands)
    chance = life.p_fail[-1][1] if life.p_fail else None
    modes = ((spot.name, chance),) if chance is not None else ()
    mean, low, high = per_hour(rates)
    speed = f", {mean:.2g} [{low:.2g} to {high:.2g}] an hour" if np.isfinite(mean) else ""
    told = [f"{spot.title}: fatigue damage {so_far:.2g} of 1{speed}"]
    if bands:
        share, count, text = bands[0]
        told.append(f"{plain_chance(share)} of it by {text}, {plain_chance(count)} of all cycles")
    return Why("; ".join([*told, _when(life)]) + ".", evidence, modes)


def shares(spot: HotSpot, grid: Histogram, location: int) -> list[tuple[float, float, str]]:
    """(share of the damage, share of the cycles, the cycles in words) of coarse bands of range and mean, largest share first; the
    damage shares sum to 1. Empty where nothing has cost anything."""
    cell = histogram.cells(grid, location)
    each = damage(spot.curve, cell, spot.mean_stress, spot.strength_Pa)
    if not (each.sum() > 0.0 and np.isfinite(each).all()):
        return []
    _, rows, columns = grid.count.shape
    tall, wide = -(-rows // BANDS[0]), -(-columns // BANDS[1])
    row, column = np.nonzero(grid.count[location])
    band = (row // tall) * BANDS[1] + column // wide
    cost, count = (np.bincount(band, value) / value.sum() for value in (each, cell.weight))
    order = [b for b in np.argsort(-cost) if cost[b] > 0.0]
    return [(float(cost[b]), float(count[b]), _words(grid, *divmod(int(b), BANDS[1]), tall, wide)) for b in order]


def _words(grid: Histogram, row: int, column: int, tall: int, wide: int) -> str:
    low, high = (1e-6 * grid.range_width * tall * edge for edge in (row, row + 1))
    left, right = (1e-6 * (grid.mean_low + grid.mean_width * wide * edge) for edge in (column, column + 1))
    return f"cycles of {low:.0f} to {high:.0f} MPa range with a mean of {left:.0f} to {right:.0f} MPa"


def _when(life: Life) -> str:
    if life.withheld:
        return f"no date given: {life.withheld}"
    ends = dict(life.quantiles_s)
    early, late = ends.get(0.1), ends.get(0.9)
    if early is None:
        return "no failure expected within the horizon"
    if late is None:
        return f"9 chances in 10 that it runs longer than {plain_time(early)}"
    return f"8 chances in 10 that it fails after {plain_time(early)} to {plain_time(late)} of running"
