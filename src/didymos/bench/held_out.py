"""What every real-data comparison shares: gradient boosting as the peer, and errors with an interval over units.

Groups (tools, cells, blocks of cycles) are drawn whole, because errors inside one hang together. LightGBM with fixed settings,
never tuned on what is held out; where it is not installed its column is null and named under `absent_peers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SETTINGS = {
    "objective": "l1", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.7, "num_threads": 1,
    "deterministic": True, "seed": 1, "verbose": -1,
}  # fmt: skip
ROUNDS, DRAWS = 200, 2000


def boosted(x: Array, y: Array, x_new: Array) -> Array | None:
    """Predictions for x_new; None without LightGBM."""
    try:
        import lightgbm  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    model = lightgbm.train(SETTINGS, lightgbm.Dataset(x, label=y), ROUNDS)
    return np.asarray(model.predict(x_new), float)


def absent_peers() -> list[str]:
    try:
        import lightgbm  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return ["lightgbm"]
    return []


def mean_error(errors: Mapping[Any, Array], seed: int = 1) -> list[float]:
    """[MAE, low, high]: mean over groups of each group's mean absolute error; 90 % interval by drawing groups."""
    each = np.array([np.mean(np.abs(e)) for e in errors.values() if len(e)])
    if not len(each):
        return [float("nan")] * 3
    drawn = np.random.default_rng(seed).integers(0, len(each), (DRAWS, len(each)))
    low, high = np.quantile(each[drawn].mean(axis=1), [0.05, 0.95])
    return [float(each.mean()), float(low), float(high)]


def compared(methods: Mapping[str, Mapping[Any, Array | None]]) -> dict[str, list[float] | None]:
    """method -> `mean_error`, None for a peer that is not here; `physics_less_best_peer` with an interval over paired groups."""
    found: dict[str, list[float] | None] = {}
    for name, errors in methods.items():
        known = {k: e for k, e in errors.items() if e is not None}
        found[name] = mean_error(known) if known else None
    peers = [(value[0], name) for name, value in found.items() if name != "physics" and value is not None]
    if peers and found.get("physics"):
        best = min(peers)[1]
        found["physics_less_best_peer"] = _paired(methods["physics"], methods[best])
    return found


def _paired(a: Mapping[Any, Array | None], b: Mapping[Any, Array | None], seed: int = 1) -> list[float]:
    both = [(x, y) for k, x in a.items() if x is not None and (y := b.get(k)) is not None and len(x)]
    gap = np.array([np.mean(np.abs(x)) - np.mean(np.abs(y)) for x, y in both])
    drawn = np.random.default_rng(seed).integers(0, len(gap), (DRAWS, len(gap)))
    low, high = np.quantile(gap[drawn].mean(axis=1), [0.05, 0.95])
    return [float(gap.mean()), float(low), float(high)]


def slope(values: Sequence[float] | Array, back: int) -> Array:
    """Change per step over the last `back` steps, at each step, from what was known then."""
    v = np.asarray(values, float)
    first = np.maximum(np.arange(len(v)) - back, 0)
    return (v - v[first]) / np.maximum(np.arange(len(v)) - first, 1)
