"""The rows of `bench history`: a day of machines as they are met, as messages with their sequence and when they came.

Of 20 tags of a machine 8 are float32 measurements with noise, 8 come from a 12- or 14-bit converter, 2 are states, 2 counters. Each
sends once a second, at its machine's own phase and 2 ms of jitter, stamped in ms or us. A message is one machine's second; 0.5 % of
the samples come up to two minutes late, 0.1 % twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.series import Batch

TAGS, DAY_S = 20, 86_400
DAY = 20_000 * DAY_NS
KINDS = ("noise",) * 8 + ("converter",) * 8 + ("state",) * 2 + ("counter",) * 2
LATE, TWICE, JITTER_S = 0.005, 0.001, 0.002


def names(machine: int) -> tuple[str, ...]:
    return tuple(f"m-{machine:03d}.t{tag:02d}" for tag in range(TAGS))


def values(kind: str, tag: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(DAY_S,) of one tag."""
    s = np.arange(DAY_S)
    smooth = 50 + 5 * np.sin(s / 3000 + tag) + np.cumsum(rng.normal(0, 0.01, DAY_S))
    if kind == "noise":
        return (smooth + rng.normal(0, 0.3, DAY_S)).astype(np.float32).astype(float)
    if kind == "converter":
        step = 100 / (4096 if tag % 2 else 16384)
        return np.round((smooth + rng.normal(0, 0.15, DAY_S)) / step) * step
    if kind == "state":
        return (rng.random(DAY_S) < 1 / 600).cumsum() % 4.0
    return np.cumsum(rng.poisson(3, DAY_S)).astype(float)


def machine_day(machine: int, tick_ns: int, seed: int = 1) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """tag, time_ns, value, second of its message, each (n,), in the order of the messages."""
    rng = np.random.default_rng([seed, machine, tick_ns])
    phase = rng.uniform(0.1, 0.8)
    time_s = phase + rng.normal(0, JITTER_S, (TAGS, DAY_S))
    time_ns = DAY + np.arange(DAY_S) * SECOND_NS + np.round(time_s * SECOND_NS / tick_ns).astype(np.int64) * tick_ns
    value = np.stack([values(kind, tag, rng) for tag, kind in enumerate(KINDS)])
    tag = np.repeat(np.arange(TAGS), DAY_S)
    second = np.tile(np.arange(DAY_S), TAGS)
    second += np.where(rng.random(len(second)) < LATE, rng.integers(1, 120, len(second)), 0)
    again = np.flatnonzero(rng.random(len(second)) < TWICE)
    rows = [np.concatenate([c, c[again]]) for c in (tag, time_ns.ravel(), value.ravel())]
    second = np.concatenate([second, second[again] + 1])
    order = np.argsort(second, kind="stable")
    return (*(c[order] for c in rows), second[order])  # type: ignore[return-value]


def messages(machines: int, tick_ns: int) -> Iterator[tuple[int, list[Batch]]]:
    """(second, one Batch a machine) in the order in which they come."""
    days = [machine_day(m, tick_ns) for m in range(machines)]
    cuts = [np.searchsorted(day[3], np.arange(DAY_S + 122)) for day in days]
    listed = [names(m) for m in range(machines)]
    for second in range(DAY_S + 121):
        found = []
        for day, cut, known in zip(days, cuts, listed, strict=True):
            part = slice(int(cut[second]), int(cut[second + 1]))
            if part.stop > part.start:
                tag = day[0][part].astype(np.uint16)
                found.append(Batch(known, tag, day[1][part], day[2][part], np.zeros(len(tag), np.uint8), "m", second))
        yield second, found
