"""Critical planes: on which plane of a stress history fatigue starts, and how hard that plane is worked.

History (T, 6) in Pa: xx, yy, zz, xy, yz, zx. For a plane of normal n and a direction d in it
    s_n = n . S n,   t = d . S n                      both linear in the six stresses, so all planes are one matrix product
    findley     max over planes of  t_a + k max s_n   t_a half the range of t, over all directions in the plane
    max_shear   findley with k = 0
    swt         max over planes of  max s_n  e_a      e_a half the range of the elastic normal strain; Pa
First planes STEP_DEG apart over the half sphere, then the best is refined around itself until it moves by less than 1e-4 rad, so
that the answer does not depend on how the axes lie. Closed forms: uniaxial s_a fully reversed (s_a/2)(k + sqrt(1 + k^2)), torsion
t_a sqrt(1 + k^2). `cycles` counts each plane by rainflow where the load is no single repeated cycle.
Source: Findley, Trans. ASME B 81 (1959) 301; Socie & Marquis, Multiaxial Fatigue, SAE 2000, ch. 5.
Valid: elastic stresses; t by projection on a direction is the longest chord of the shear path, not its circumscribed circle.
Verified: tests/verify/test_fatigue_planes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError, ModelError
from didymos.numerics.fatigue import rainflow
from didymos.numerics.fatigue.rainflow import Cycles

Array = NDArray[np.float64]
STEP_DEG = 10.0
BLOCK = 4096  # stresses at a time, so that a long history needs no matrix of planes x samples


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane worked hardest: the parameter there (Pa), its normal and, for shear, the direction in it (unit vectors (3,))."""

    value: float
    normal: Array
    direction: Array


def findley(history: ArrayLike, k: float) -> Plane:
    """k: the material's sensitivity to normal stress, 0.2 to 0.3 for ductile steel."""
    if not (np.isfinite(k) and k >= 0.0):
        raise ModelError(f"findley: k is {k!r}; a number >= 0 is needed, 0.2 to 0.3 for ductile steel.")
    stress = _stresses(history)

    def worked(angles: Array) -> Array:
        n, d = frames(angles)
        low, high = _extremes(stress, _shear(n, d))
        return 0.5 * (high - low) + k * _extremes(stress, _normal(n))[1]

    return _hardest(worked)


def max_shear(history: ArrayLike) -> Plane:
    """Half the largest range of shear stress on any plane in any direction."""
    return findley(history, 0.0)


def swt(history: ArrayLike, youngs_Pa: float, poisson: float) -> Plane:
    """Largest normal stress times amplitude of normal strain on one plane; 0 where every plane is only pressed."""
    if not (np.isfinite(youngs_Pa) and youngs_Pa > 0.0 and -1.0 < poisson < 0.5):
        raise ModelError(f"swt: E {youngs_Pa!r} Pa and Poisson's ratio {poisson!r}; allowed: E > 0, -1 < nu < 0.5.")
    stress = _stresses(history)
    trace = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])

    def worked(angles: Array) -> Array:
        n, _ = frames(angles)
        rows = _normal(n)
        low, high = _extremes(stress, ((1.0 + poisson) * rows - poisson * trace) / youngs_Pa)
        return np.maximum(_extremes(stress, rows)[1], 0.0) * 0.5 * (high - low)

    return _hardest(worked)


def signed_von_mises(history: ArrayLike) -> Array:
    """Von Mises stress (T,) Pa with the sign of the mean normal stress, so that a reversed load does not fold into twice as many
    cycles of half the range. Only for stresses that keep their directions and are not mainly shear, where it means nothing."""
    s = _stresses(history)
    normal = 0.5 * (np.square(s[:, 0] - s[:, 1]) + np.square(s[:, 1] - s[:, 2]) + np.square(s[:, 2] - s[:, 0]))
    return np.copysign(np.sqrt(normal + 3.0 * np.square(s[:, 3:]).sum(1)), s[:, :3].sum(1))


def cycles(history: ArrayLike, angles: Array | None = None) -> tuple[Cycles, Array]:
    """Rainflow of the shear stress on every plane and direction (locations, residue included), and the largest normal stress of
    each (P,) Pa: amplitude 0.5 range + k normal is then Findley's parameter of each cycle."""
    stress = _stresses(history)
    n, d = frames(_grid() if angles is None else angles)
    state, parts = rainflow.init(len(n)), []
    for begin in range(0, len(stress), BLOCK):
        state, part = rainflow.step(state, _shear(n, d) @ stress[begin : begin + BLOCK].T)
        parts.append(part)
    return rainflow.joined(*parts, rainflow.residue(state)), _extremes(stress, _normal(n))[1]


def frames(angles: Array) -> tuple[Array, Array]:
    """Normal and in-plane direction (P, 3) of polar, azimuth and roll angles (P, 3) in rad."""
    (ct, cp, cr), (st, sp, sr) = np.cos(angles).T, np.sin(angles).T
    normal = np.stack([st * cp, st * sp, ct], 1)
    east, south = np.stack([-sp, cp, np.zeros_like(cp)], 1), np.stack([ct * cp, ct * sp, -st], 1)
    return normal, cr[:, None] * south + sr[:, None] * east


def _stresses(history: ArrayLike) -> Array:
    stress = np.asarray(history, float)
    if stress.ndim != 2 or stress.shape[1] != 6 or not len(stress):
        raise DataError(
            f"critical plane: a history of shape {stress.shape} was given; give (samples, 6): xx, yy, zz, xy, yz, zx in Pa."
        )
    if not np.isfinite(stress).all():
        row = int(np.argwhere(~np.isfinite(stress))[0][0])
        raise DataError(f"critical plane: stress row {row} holds a NaN or infinity; leave rows with missing components out.")
    return stress


def _normal(n: Array) -> Array:
    """Rows (P, 6) that turn the six stresses into normal stress."""
    x, y, z = n.T
    return np.stack([x * x, y * y, z * z, 2 * x * y, 2 * y * z, 2 * z * x], 1)


def _shear(n: Array, d: Array) -> Array:
    (x, y, z), (u, v, w) = n.T, d.T
    return np.stack([x * u, y * v, z * w, x * v + y * u, y * w + z * v, z * u + x * w], 1)


def _extremes(stress: Array, rows: Array) -> tuple[Array, Array]:
    """Lowest and highest value (P,) that each row shows over the history."""
    low, high = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    for begin in range(0, len(stress), BLOCK):
        shown = rows @ stress[begin : begin + BLOCK].T
        low, high = np.minimum(low, shown.min(1)), np.maximum(high, shown.max(1))
    return low, high


def _grid() -> Array:
    step = np.radians(STEP_DEG)
    polar = np.arange(0.0, 0.5 * np.pi + 0.5 * step, step)
    every = [
        (t, p, r) for t in polar for p in _around(2.0 * np.pi * np.sin(t), step, 2.0 * np.pi) for r in _around(np.pi, step, np.pi)
    ]
    return np.array(every)


def _around(length: float, step: float, turn: float) -> Array:
    return np.linspace(0.0, turn, max(1, int(np.ceil(length / step))), endpoint=False)


def _hardest(worked: Callable[[Array], Array], starts: int = 6) -> Plane:
    """Best of the grid, refined: several starts, since the true peak need not lie beside the best grid point."""
    grid = _grid()
    values = worked(grid)
    best = [_refined(worked, grid[i]) for i in np.argsort(-values)[:starts]]
    value, angles = max(best, key=lambda one: one[0])
    normal, direction = frames(angles[None])
    return Plane(value, normal[0], direction[0])


def _refined(worked: Callable[[Array], Array], angles: Array) -> tuple[float, Array]:
    offsets = np.stack(np.meshgrid(*[[-1.0, -0.5, 0.0, 0.5, 1.0]] * 3), -1).reshape(-1, 3)
    reach = np.radians(STEP_DEG)
    while True:
        tried = angles + reach * offsets
        values = worked(tried)
        best = int(np.argmax(values))
        angles = tried[best]
        if reach < 1e-4:
            return float(values[best]), angles
        reach *= 0.6
