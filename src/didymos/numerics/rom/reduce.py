"""Bases for affine heat: rational Krylov (needs no example inputs) and POD (from snapshots). Columns are M-orthonormal.

Rational Krylov: at each expansion point (s, h) the block  A⁻¹B,  A = s M + K(h), B = loads and surfaces, and its next moments
A⁻¹ M A⁻¹B (in frequency) and A⁻¹ K_j A⁻¹B (in the film j); each column is weighted by the range of its input, so that a vector's
length is kelvin and the SVD keeps what matters. The constant is always the first vector: equal temperature all around is exact.
Source: Grimme, Krylov Projection Methods for Model Reduction, 1997; Daniel et al., IEEE Trans. CAD 23 (2004) (several parameters).
Verified: tests/verify/test_rom.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from didymos.core.errors import ModelError
from didymos.numerics.fe.solve import Factor, factorize
from didymos.numerics.rom.affine import AffineHeat, direct

Array = NDArray[np.float64]
Told = Callable[[str], None]
MOMENTS = 2


@dataclass(frozen=True, slots=True)
class Ranges:
    """What a model will be used for: largest loads (L,) [W], spread of the temperatures behind films (J,) [K],
    films (J,) low and high."""

    load: Array
    behind: Array
    film_low: Array
    film_high: Array

    @property
    def film_middle(self) -> Array:
        return np.sqrt(self.film_low * self.film_high)


def expansion_points(ranges: Ranges, step_s: float) -> list[tuple[float, Array]]:
    """(s, h): steady state at the lowest films (slowest), the corner of the time step at the highest, and between."""
    return [
        (0.0, ranges.film_low),
        (0.03 / step_s, ranges.film_middle),
        (0.5 / step_s, ranges.film_high),
    ]


def rational_krylov(
    model: AffineHeat, ranges: Ranges, step_s: float, modes: int, told: Told = lambda _text: None, low: Factor | None = None
) -> Array:
    """V (n, modes). `low`: K at the lowest films, where it is factorised already."""
    found = []
    for number, (s, film) in enumerate(points := expansion_points(ranges, step_s)):
        told(f"expansion point {number + 1} of {len(points)}")
        known = low if s == 0.0 and np.array_equal(film, ranges.film_low) else None
        factor = known or factorize(sparse.csr_matrix(s * model.capacity + model.stiffness(film)), solver=direct())
        weighted = np.hstack([model.loads * ranges.load, model.behind * (film * ranges.behind)])
        block = factor.solve(weighted)
        found.append(block)
        scale = s or 0.02 / step_s
        for _ in range(MOMENTS - 1):
            turned = [factor.solve(h * (k @ block)) for h, k in zip(film, model.films, strict=True)]
            block = factor.solve(scale * (model.capacity @ block))
            found += [block, *turned]
    return orthonormal(model, np.hstack(found), modes)


def pod(model: AffineHeat, snapshots: Sequence[Array], modes: int) -> Array:
    """V (n, modes) of snapshots, each (n, m), in kelvin of rise."""
    return orthonormal(model, np.hstack(list(snapshots)), modes)


def orthonormal(model: AffineHeat, columns: Array, modes: int) -> Array:
    """The constant, then the leading left singular vectors of what is orthogonal to it, all in the norm of M."""
    if not np.isfinite(columns).all():
        raise ModelError("rom: a basis vector is no number. Check films and material: all finite, films above 0.")
    one = np.ones((model.size, 1))
    one /= np.sqrt(float((one.T @ (model.capacity @ one)).item()))
    rest = columns - one @ (one.T @ (model.capacity @ columns))
    size, turn = np.linalg.eigh(rest.T @ (model.capacity @ rest))
    order = np.argsort(-size)[: modes - 1]
    order = order[size[order] > 1e-15 * size.max(initial=0.0)]
    kept = (rest @ turn[:, order]) / np.sqrt(size[order])
    basis = np.hstack([one, kept])
    for _ in range(2):  # the Gram matrix squares the condition number: clean up what that cost
        gram = basis.T @ (model.capacity @ basis)
        basis = np.linalg.solve(np.linalg.cholesky(gram), basis.T).T
    return basis


@dataclass(frozen=True, slots=True)
class Reduced:
    """Vᵀ of everything: conduction (r, r), films (J, r, r), loads (r, L), behind (r, J). The state is the amount of each mode."""

    conduction: Array
    films: Array
    loads: Array
    behind: Array

    @property
    def modes(self) -> int:
        return len(self.conduction)


def project(model: AffineHeat, basis: Array) -> Reduced:
    onto = lambda matrix: basis.T @ (matrix @ basis)  # noqa: E731
    films = np.stack([onto(k) for k in model.films])
    return Reduced(onto(model.conduction), films, basis.T @ model.loads, basis.T @ model.behind)
