"""The past in the light of what came after: unscented Rauch-Tung-Striebel smoother.

    forward    a filter's beliefs m_k, P_k after each step
    backward   X = points of N(m_k, P_k),  X' = f(X);   m-, P- their moments (+ Q dt),  C = cov(X, X')
               G = C P-^-1;   ms_k = m_k + G (ms_{k+1} - m-),   Ps_k = P_k + G (Ps_{k+1} - P-) G'

On a linear model the Rauch-Tung-Striebel smoother itself. Source: Särkkä, IEEE Trans. AC 53 (2008) 845-849.
Verified: tests/infer/test_smoother.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.model import Model
from didymos.infer.estimator import Given, checked
from didymos.infer.gaussian import Gaussian
from didymos.numerics.arrays import Arrays, square_root
from didymos.numerics.sigma import SPREAD

Array = NDArray[np.float64]


def smooth(model: Model, beliefs: Sequence[Gaussian], steps: Sequence[Given]) -> list[Gaussian]:
    """beliefs[k] is the filter's after steps[k]; the last one is returned as it is."""
    if len(beliefs) != len(steps) or not beliefs:
        raise DataError(f"{model.name}: {len(beliefs)} beliefs, {len(steps)} steps; give one step for each belief, at least one.")
    found = [beliefs[-1]]
    for belief, given in zip(reversed(beliefs[:-1]), reversed(steps[1:]), strict=True):
        found.append(_back(model, belief, found[-1], checked(model, len(belief.mean), given)))
    return found[::-1]


def _back(model: Model, at: Gaussian, later: Gaussian, g: Given) -> Gaussian:
    machine, n = Arrays(model), model.n_states
    root = np.sqrt(SPREAD) * square_root(at.cov)
    away = np.concatenate([np.zeros((len(root), 1, n)), root.swapaxes(1, 2), -root.swapaxes(1, 2)], axis=1)
    moved = machine.advance(at.mean[:, None, :] + away, g.u, g.params, g.dt_s)
    shift = moved - moved[:, :1]
    mean = moved[:, 0] + shift.sum(axis=1) / (2.0 * SPREAD)
    cov = np.einsum("aen,aep->anp", shift, shift) / (2.0 * SPREAD)
    cov += (g.q**2 * g.dt_s[:, None])[:, :, None] * np.eye(n)
    cross = np.einsum("aen,aep->anp", away, shift) / (2.0 * SPREAD)
    G = cross @ np.linalg.pinv(cov, hermitian=True)
    mean_s = at.mean + (G @ (later.mean - mean)[..., None])[..., 0]
    cov_s = at.cov + G @ (later.cov - cov) @ G.swapaxes(1, 2)
    return Gaussian(machine.inside(mean_s), 0.5 * (cov_s + cov_s.swapaxes(1, 2)))
