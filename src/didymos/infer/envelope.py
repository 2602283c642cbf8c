"""Where in the space of its inputs a machine has been while the twin was calibrated, and how far outside of that it is now.

    box       low, high (k,) of each input; outside by more than `validity.MARGIN` allows: the input is named with both numbers
    points    at most POINTS operating points that cover all that were seen: none lies further than 2 radius from one of them,
              distances in units of the range seen of each input; outside where

              d(u) = min over points |u - point| - 2 radius  >  JOINT

The box finds an input that leaves its range; the points find inputs that were never seen together though each stays in its range
(full load at standstill). Streaming (`see`), mergeable (`merge`), fixed in size, no randomness: arrays that go into a checkpoint.
Source: Charikar, Chekuri, Feder & Motwani, "Incremental clustering and dynamic information retrieval", STOC 1997, 626 (doubling
algorithm, k-centre); novelty by distance after Markou & Singh, Signal Processing 83 (2003) 2481. POINTS, JOINT are our choice:
on uci_hydraulic, blocks held out, the nearest of 64 points finds 84 % of unseen combinations, a Mahalanobis distance 67 %, the box
3 % (what it calls outside by mistake anyway); each finds every single input outside (`bench.validity`).
Verified: tests/infer/test_envelope.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.channel import Channel
from didymos.core.errors import DataError
from didymos.infer.plain import plain

Array = NDArray[np.float64]
POINTS = 64
JOINT = 0.25  # of the ranges seen: as far as the box lets one input go
LEAST_SHARE = 0.02  # of its plausible range: an input that hardly moved is not measured in units of less


class Envelope(NamedTuple):
    """low, high (k,) NaN before the first; points (POINTS, k), NaN where none; radius; how many operating points were seen."""

    low: Array
    high: Array
    points: Array
    radius: float
    seen: int


def empty(inputs: int) -> Envelope:
    return Envelope(np.full(inputs, np.nan), np.full(inputs, np.nan), np.full((POINTS, inputs), np.nan), 0.0, 0)


def see(past: Envelope, rows: ArrayLike, channels: tuple[Channel, ...]) -> Envelope:
    """With more operating points (T, k); one that is not finite is left out. `past` is not changed."""
    rows = np.asarray(rows, float)
    if rows.ndim != 2 or rows.shape[1] != len(past.low):
        raise DataError(f"envelope: operating points have shape {rows.shape}; (T, {len(past.low)}) is needed. Give one row each.")
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return past
    low, high = np.fmin(past.low, rows.min(axis=0)), np.fmax(past.high, rows.max(axis=0))
    size = scale(low, high, channels)
    points, radius = [p / size for p in past.points[np.isfinite(past.points).all(axis=1)]], past.radius
    for row in np.unique(rows, axis=0) / size:
        if points and np.sqrt(np.square(np.array(points) - row).sum(axis=1).min()) <= radius:
            continue
        points.append(row)
        while len(points) > POINTS:
            points, radius = _coarser(points, radius)
    kept = np.full_like(past.points, np.nan)
    kept[: len(points)] = np.array(points) * size
    return Envelope(low, high, kept, radius, past.seen + len(rows))


def merge(one: Envelope, other: Envelope, channels: tuple[Channel, ...]) -> Envelope:
    """What either has seen; a point of the other may stand for any within 2 radius of it, so the radii add."""
    if not one.seen or not other.seen:
        return one if one.seen else other
    both = see(one, other.points, channels)
    low, high = np.fmin(one.low, other.low), np.fmax(one.high, other.high)
    return Envelope(low, high, both.points, both.radius + other.radius, one.seen + other.seen)


def scale(low: Array, high: Array, channels: tuple[Channel, ...]) -> Array:
    """(k,) unit of distance of each input: its range seen, and never less than LEAST_SHARE of its plausible range."""
    plausible = np.array([c.high - c.low if np.isfinite(c.high - c.low) else 0.0 for c in channels])
    seen = np.where(np.isfinite(high - low), high - low, 0.0)
    return np.maximum(np.maximum(seen, LEAST_SHARE * plausible), 1e-12 * np.maximum(1.0, np.abs(np.nan_to_num(high))))


def novelty(seen: Envelope, u: ArrayLike, channels: tuple[Channel, ...]) -> float:
    """How far (k,) inputs lie from all that was seen together, in units of the ranges seen; 0 inside, or where nothing is known."""
    known = seen.points[np.isfinite(seen.points).all(axis=1)]
    u = np.asarray(u, float)
    if not len(known) or not np.isfinite(u).all():
        return 0.0
    size = scale(seen.low, seen.high, channels)
    nearest = float(np.sqrt(np.square((known - u) / size).sum(axis=1).min()))
    return max(0.0, nearest - 2.0 * seen.radius)


def unseen(seen: Envelope, u: ArrayLike, channels: tuple[Channel, ...], limit: float = JOINT) -> str:
    """The sentence for a combination that was never seen; "" inside. Names the two inputs furthest from the nearest point seen."""
    if not novelty(seen, u, channels) > limit:
        return ""
    u, known = np.asarray(u, float), seen.points[np.isfinite(seen.points).all(axis=1)]
    away = np.abs((known - u) / scale(seen.low, seen.high, channels))
    nearest = known[np.square(away).sum(axis=1).argmin()]
    worst = np.argsort(-away[np.square(away).sum(axis=1).argmin()], kind="stable")[:2]
    now = " with ".join(f"{channels[i].title} {plain(float(u[i]), channels[i].unit)}" for i in worst)
    then = " with ".join(plain(float(nearest[i]), channels[i].unit) for i in worst)
    return f"{now} was never seen together at commissioning (nearest: {then})"


def _coarser(points: list[Array], radius: float) -> tuple[list[Array], float]:
    """At least doubled, points within it of an earlier one left out."""
    all_ = np.array(points)
    apart = np.sqrt(np.square(all_[:, None] - all_[None]).sum(axis=2))
    radius = max(2.0 * radius, float(apart[np.triu_indices(len(all_), 1)].min()))
    kept: list[int] = []
    for i in range(len(all_)):
        if not kept or apart[i, kept].min() > radius:
            kept.append(i)
    return [all_[i] for i in kept], radius
