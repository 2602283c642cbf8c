"""Load samples per core-second through streaming rainflow: one signal, and 1,000 hot spots at a time; E1049's example beside them.

White noise, the hardest case: two samples in three are turning points, and every third closes a cycle, which is given out with its
range and mean. `single` and `locations` hand the record over in steps of STEP samples and take the cycles of each step;
`to_histogram` folds the same record of one signal into a 64 x 32 grid. Rate = samples / CPU time of this process, median of the
repeats, after compilation. Peer: the `rainflow` package on the first samples of the same record, in the same process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from didymos.bench.estimate import rate, versions
from didymos.core.errors import ConfigError
from didymos.numerics.fatigue import histogram, rainflow
from didymos.numerics.fatigue.rainflow import Cycles

SAMPLES, LOCATIONS, STEP, PEER_SAMPLES, REPEATS, SEED = 1 << 21, 1000, 1 << 15, 100_000, 9, 1
E1049 = (-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0)
EXPECTED = {3.0: 0.5, 4.0: 1.5, 6.0: 0.5, 8.0: 1.0, 9.0: 0.5}  # ASTM E1049-85, 5.4.4


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of `fatigue`, and how they were obtained. Needs no data; it has one part, `rainflow`."""
    if part not in (None, "rainflow"):
        raise ConfigError(f"fatigue: part {part!r} is not known. Allowed: rainflow.")
    x = np.random.default_rng(SEED).normal(size=SAMPLES)
    many = x[: SAMPLES // LOCATIONS * LOCATIONS].reshape(LOCATIONS, -1)
    single = rate(lambda: streamed(x[None, :], STEP), x.size, repeats=REPEATS)
    peer = peer_rate(x[:PEER_SAMPLES])
    grid = histogram.empty(1, 12.0, -4.0, 4.0)
    return {
        "samples_per_core_s": single,
        "samples_per_core_s_locations": rate(lambda: streamed(many, 256), many.size, repeats=REPEATS),
        "samples_per_core_s_to_histogram": rate(lambda: histogram.fold(rainflow.init(), grid, x), x.size, repeats=REPEATS),
        "locations": LOCATIONS,
        "ratio_rainflow": single / peer if peer else None,
        "rainflow_samples_per_core_s": peer,
        "e1049_exact": by_range(whole(np.array(E1049))) == EXPECTED,
        "cuts_equal": cuts_equal(x[:PEER_SAMPLES]),
        "equals_rainflow": equals_peer(x[:PEER_SAMPLES]),
        "signal": "white noise",
        "step_samples": STEP,
        "repeats": REPEATS,
        "seed": SEED,
        "versions": versions("numpy", "numba", "rainflow"),
    }


def streamed(x: np.ndarray, step: int) -> int:
    """Cycles closed by x (L, T) when it comes in steps."""
    state, closed = rainflow.init(len(x)), 0
    for begin in range(0, x.shape[1], step):
        state, cycles = rainflow.step(state, x[:, begin : begin + step])
        closed += len(cycles)
    return closed


def whole(x: np.ndarray, cuts: np.ndarray | tuple[()] = ()) -> Cycles:
    """Every cycle of a record that ends, given out in pieces."""
    state, parts = rainflow.init(), []
    for piece in np.split(x, cuts):
        state, part = rainflow.step(state, piece)
        parts.append(part)
    return rainflow.joined(*parts, rainflow.residue(state))


def by_range(cycles: Cycles) -> dict[float, float]:
    sizes, place = np.unique(cycles.range, return_inverse=True)
    return dict(zip(sizes.tolist(), np.bincount(place, cycles.weight).tolist(), strict=True))


def cuts_equal(x: np.ndarray) -> bool:
    """Whether the record cut at 50 random places counts as the whole one does, cycle by cycle."""
    cut = whole(x, np.sort(np.random.default_rng(SEED).integers(0, x.size, 50)))
    return _rows(cut) == _rows(whole(x))


def equals_peer(x: np.ndarray) -> bool | None:
    """Whether the package counts the same cycles; None where it is not installed."""
    return None if (extract := _peer()) is None else _rows(whole(x)) == [c[:3] for c in extract(x)]


def peer_rate(x: np.ndarray) -> float | None:
    return None if (extract := _peer()) is None else rate(lambda: sum(1 for _ in extract(x)), x.size, repeats=3)


def _peer() -> Callable[..., Any] | None:
    try:
        from rainflow import extract_cycles
    except ImportError:
        return None
    return extract_cycles


def _rows(cycles: Cycles) -> list[tuple[float, float, float]]:
    return list(zip(cycles.range.tolist(), cycles.mean.tolist(), cycles.weight.tolist(), strict=True))
