"""What physics leaves over, learned from the inputs: kept only where it beats physics on time it has not seen.

    residual_j ~ ridge on (u, u^2, products, means of u over the last hour and six hours), standardised

Judged by blocks of time: five stretches, each predicted from the others with a gap between. A sensor's residual model is used only
if its held-out error is lower by at least LEAST than that of physics, and of physics with a constant offset, and so in four blocks
of five: a drift or an offset is the calibration's or the sensor's, and no law. It is bounded: inputs are clipped to the
range seen and the correction to the middle 98 % of residuals seen, so that outside what was learned the answer is physics plus at
most that. Source: Hoerl & Kennard 1970 (ridge); Roberts et al., Ecography 40 (2017) 913 (blocked cross-validation).
Verified: tests/infer/test_residual.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLOCKS, LEAST, BETTER_IN = 5, 0.05, 4
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
FEWEST = 20  # readings per feature


class Verdict(NamedTuple):
    """Of one sensor: used or not; physics, learned: held-out root mean square errors; blocks in which it was better."""

    used: bool
    physics: float
    learned: float
    better: int
    said: str


class Residual(NamedTuple):
    """coefficients (m, f + 1) of standardised features, 0 where not used; centre, scale (f,); low, high (k,) inputs seen;
    bound (m, 2)."""

    coefficients: Array
    centre: Array
    scale: Array
    low: Array
    high: Array
    bound: Array
    step_s: float
    verdicts: tuple[Verdict, ...]


def learn(inputs: Array, residual: Array, step_s: float) -> Residual:
    """inputs (T, k) complete, residual (T, m) measured less model, NaN = missing."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    X = features(inputs, low, high, step_s)
    centre, scale = X.mean(axis=0), np.where(X.std(axis=0) > 1e-9 * (1.0 + np.abs(X.mean(axis=0))), X.std(axis=0), np.inf)
    Z = np.column_stack([(X - centre) / scale, np.ones(len(X))])
    coefficients, bound, verdicts = np.zeros((residual.shape[1], Z.shape[1])), np.zeros((residual.shape[1], 2)), []
    for j, r in enumerate(residual.T):
        known = np.isfinite(r)
        if known.sum() < FEWEST * Z.shape[1]:
            verdicts.append(Verdict(False, np.nan, np.nan, 0, f"not used: {int(known.sum())} readings are too few to judge it"))
            continue
        bound[j] = np.quantile(r[known], [0.01, 0.99])
        verdict, penalty = _judge(Z, r, known, step_s)
        verdicts.append(verdict)
        if verdict.used:
            coefficients[j] = _ridge(Z[known], r[known], penalty)
    return Residual(coefficients, centre, scale, low, high, bound, step_s, tuple(verdicts))


def correction(learned: Residual, inputs: Array) -> Array:
    """(T, m) to add to the model's readings; 0 where physics stands alone."""
    X = features(inputs, learned.low, learned.high, learned.step_s)
    Z = np.column_stack([(X - learned.centre) / learned.scale, np.ones(len(X))])
    used = np.array([v.used for v in learned.verdicts])
    return np.where(used, np.clip(Z @ learned.coefficients.T, learned.bound[:, 0], learned.bound[:, 1]), 0.0)


def features(inputs: Array, low: Array, high: Array, step_s: float) -> Array:
    u = np.clip(inputs, low, high)
    u = (u - low) / np.where(high > low, high - low, 1.0)
    k = u.shape[1]
    products = [u[:, i] * u[:, j] for i in range(k) for j in range(i, k)]
    past = [_mean_over(u, max(1, round(s / step_s))) for s in (3600.0, 21_600.0)]
    return np.column_stack([u, *products, *past])


def _mean_over(u: Array, steps: int) -> Array:
    """Mean of the last `steps` rows at each row; of those there are at the beginning."""
    total = np.concatenate([np.zeros((1, u.shape[1])), np.cumsum(u, axis=0)])
    at = np.arange(1, len(u) + 1)
    first = np.maximum(at - steps, 0)
    return (total[at] - total[first]) / (at - first)[:, None]


def _judge(Z: Array, r: Array, known: NDArray[np.bool_], step_s: float) -> tuple[Verdict, float]:
    """The penalty with the lowest held-out error, and whether that beats no correction at all."""
    block = np.minimum(np.arange(len(r)) * BLOCKS // len(r), BLOCKS - 1)
    gap = min(round(21_600.0 / step_s), len(r) // (4 * BLOCKS))
    best: tuple[float, float, Array, Array] | None = None
    for penalty in PENALTIES:
        off, plain = np.empty(BLOCKS), np.empty(BLOCKS)
        for b in range(BLOCKS):
            mine = np.flatnonzero(block == b)
            test, near = known & (block == b), np.zeros(len(r), bool)
            near[max(0, mine[0] - gap) : mine[-1] + gap + 1] = True
            train = known & ~near
            if not test.any() or not train.any():
                off[b] = plain[b] = 0.0
                continue
            guess = np.clip(Z[test] @ _ridge(Z[train], r[train], penalty), *np.quantile(r[train], [0.01, 0.99]))
            offset = r[test] - r[train].mean()
            off[b], plain[b] = np.sqrt(np.mean((r[test] - guess) ** 2)), np.sqrt(np.mean(r[test] ** 2))
            plain[b] = min(plain[b], float(np.sqrt(np.mean(offset**2))))
        if best is None or off.mean() < best[0]:
            best = (float(off.mean()), penalty, off, plain)
    assert best is not None
    learned, penalty, off, plain = best
    better = int(np.sum(off < plain))
    physics = float(plain.mean())
    used = learned < (1.0 - LEAST) * physics and better >= BETTER_IN
    word = "used" if used else "not used"
    said = f"{word}: held-out error {learned:.3g} against {physics:.3g} of physics, better in {better} of {BLOCKS} blocks"
    return Verdict(used, physics, learned, better, said), penalty


def _ridge(Z: Array, r: Array, penalty: float) -> Array:
    cost = np.full(Z.shape[1], penalty)
    cost[-1] = 0.0
    return np.asarray(np.linalg.solve(Z.T @ Z + np.diag(cost), Z.T @ r), float)
