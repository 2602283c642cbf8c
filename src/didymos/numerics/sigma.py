"""One step of an unscented Kalman filter, written once as scalar expressions.

    predict   points X0 = x, Xi = x ± √3 L_i  (P = L Lᵀ);   X' = X + ∫ rhs(clip(X)) dt  by Euler's rule
              x⁻ = X'0 + Σ (X'i - X'0)/6                    P⁻ = Σ (X'i - X'0)(X'i - X'0)ᵀ/6 + Q dt
    observe   points x⁻ and x⁻ ± √3 L_i  (P⁻ = L Lᵀ), i.e. ±√3 along each axis of z = L⁻¹(x - x⁻), which is N(0, 1)
              δ_i = (Y+ - Y-)/2, h_i = (Y+ + Y-)/2 - Y0;    ŷ = Y0 + Σ h_i/3,  y = ŷ + D z + v,  D = δ/√3,
              cov v = N = R + Σ h_i h_iᵀ/3   (what a straight line through the points leaves over, and sensor noise)
    update    whiten y by the Cholesky factor of N, then Potter's square-root update of z, one sensor after the other:
              f = Tᵀg, s = fᵀf + 1, T <- T - T f fᵀ/(s + √s);   P = (L T)(L T)ᵀ

Every covariance is a sum of squares, so it is symmetric and positive semi-definite whatever the rounding; on a linear
model the result is the Kalman filter's. A missing sensor (NaN) has row 0 of D and row 1 of N: exactly as if absent.
Deviations are taken from the central point (Julier & Uhlmann 2000): 3 is the kurtosis of a normal distribution.
Bounds: the model is only ever asked inside them, and the mean is put back at the end; uncertainty is not cut.

The functions run on floats, on (N,) arrays, on JAX arrays and on the recording scalar of `numerics.trace`. An `int` 0
stands for "structurally zero" and is left out of sums. Sources: Julier & Uhlmann, Proc. IEEE 92 (2004) 401; Potter in
Maybeck, Stochastic Models, Estimation and Control 1 (1979), 7.3. Verified: tests/numerics/test_ukf.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

SPREAD = 3.0  # squared distance of a sigma point, in standard deviations
SINGULAR = 1e-13  # a pivot below this share of its variance counts as zero
LOG_2PI = math.log(2.0 * math.pi)

Scalar = Any
Vector = Sequence[Any]
Matrix = Sequence[Sequence[Any]]


class Arithmetic(NamedTuple):
    """xp: a namespace with sqrt, log, where, clip, isnan. repeat(count, body, carry): `carry = body(carry)`, count times."""

    xp: Any
    repeat: Callable[[int, Callable[[list[Any]], list[Any]], list[Any]], list[Any]]


class Machine(NamedTuple):
    """rhs(x, u, p) and out(x, u, p) on lists of scalars; low, high: bounds of the state (±inf where there is none)."""

    rhs: Callable[[Vector, Vector, Vector], list[Any]]
    out: Callable[[Vector, Vector, Vector], list[Any]]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Given(NamedTuple):
    """x (n), P lower triangle, u (k), p, y (m, NaN = missing), q (n) sd per √s, r (m) sd, dt in s."""

    x: Vector
    P: Matrix
    u: Vector
    p: Vector
    y: Vector
    q: Vector
    r: Vector
    dt: Scalar


class Updated(NamedTuple):
    """mean (n), cov lower triangle; predicted, predicted_sd, innovation, whitened (m); nis, dof, loglik."""

    mean: list[Any]
    cov: list[list[Any]]
    predicted: list[Any]
    predicted_sd: list[Any]
    innovation: list[Any]
    whitened: list[Any]
    nis: Scalar
    dof: Scalar
    loglik: Scalar


def repeat_plainly(count: int, body: Callable[[list[Any]], list[Any]], carry: list[Any]) -> list[Any]:
    for _ in range(count):
        carry = body(carry)
    return carry


def total(terms: Sequence[Any]) -> Any:
    return reduce(add, terms) if terms else 0


def is_zero(value: Any) -> bool:
    return isinstance(value, int) and value == 0


def dot(a: Vector, b: Vector) -> Any:
    """Σ a_i b_i without the structural zeros; int 0 when nothing is left."""
    return total([s * t for s, t in zip(a, b, strict=True) if not (is_zero(s) or is_zero(t))])


def cholesky(xp: Any, P: Matrix) -> list[list[Any]]:
    """Lower L (n rows of n) with P = L Lᵀ; a direction without variance gets a column of zeros, never NaN."""
    n = len(P)
    L: list[list[Any]] = [[0] * n for _ in range(n)]
    for j in range(n):
        pivot = P[j][j] - dot(L[j][:j], L[j][:j])
        live = pivot > SINGULAR * P[j][j]
        safe = xp.where(live, pivot, 1.0)
        L[j][j] = xp.where(live, xp.sqrt(safe), 0.0)
        inverse = xp.where(live, 1.0 / xp.sqrt(safe), 0.0)
        for i in range(j + 1, n):
            L[i][j] = (P[i][j] - dot(L[i][:j], L[j][:j])) * inverse
    return L


def noise_root(xp: Any, N: Matrix, floor: Vector) -> list[list[Any]]:
    """Lower W with N = W Wᵀ for N = diag(floor) + a sum of squares: no pivot is below `floor`, whatever the rounding."""
    m = len(N)
    W: list[list[Any]] = [[0] * m for _ in range(m)]
    for j in range(m):
        pivot = N[j][j] - dot(W[j][:j], W[j][:j])
        W[j][j] = xp.sqrt(xp.where(pivot > floor[j], pivot, floor[j]))
        inverse = 1.0 / W[j][j]
        for i in range(j + 1, m):
            W[i][j] = (N[i][j] - dot(W[i][:j], W[j][:j])) * inverse
    return W


def triangle(points: Matrix, scale: float) -> list[list[Any]]:
    """Lower triangle of scale Σ d dᵀ over rows d."""
    columns = list(zip(*points, strict=True))
    return [[scale * dot(columns[i], columns[j]) for j in range(i + 1)] for i in range(len(columns))]


def sigma_points(x: Vector, L: Matrix) -> list[list[Any]]:
    """2n + 1 points: the centre, then + and - along each column of L."""
    points = [list(x)]
    for column in zip(*L, strict=True):
        step = [0 if is_zero(v) else math.sqrt(SPREAD) * v for v in column]
        points.append([a if is_zero(s) else a + s for a, s in zip(x, step, strict=True)])
        points.append([a if is_zero(s) else a - s for a, s in zip(x, step, strict=True)])
    return points


def inside(xp: Any, x: Vector, machine: Machine) -> list[Any]:
    bounds = zip(x, machine.low, machine.high, strict=True)
    return [v if lo == -math.inf and hi == math.inf else xp.clip(v, lo, hi) for v, lo, hi in bounds]


def advance(arith: Arithmetic, machine: Machine, points: list[list[Any]], g: Given, substeps: int) -> list[list[Any]]:
    """Every point over dt, in `substeps` Euler steps."""
    n, h = len(g.x), g.dt / float(substeps)

    def step(flat: list[Any]) -> list[Any]:
        moved: list[Any] = []
        for k in range(0, len(flat), n):
            x = flat[k : k + n]
            moved += [v + h * rate for v, rate in zip(x, machine.rhs(inside(arith.xp, x, machine), g.u, g.p), strict=True)]
        return moved

    flat = arith.repeat(substeps, step, [v for point in points for v in point])
    return [flat[k : k + n] for k in range(0, len(flat), n)]


def predict(arith: Arithmetic, machine: Machine, g: Given, substeps: int) -> tuple[list[Any], list[list[Any]]]:
    """Mean and lower triangle of the covariance, dt later."""
    points = advance(arith, machine, sigma_points(g.x, cholesky(arith.xp, g.P)), g, substeps)
    centre = points[0]
    away = [[v - c for v, c in zip(point, centre, strict=True)] for point in points[1:]]
    mean = [c + total(column) / (2.0 * SPREAD) for c, column in zip(centre, zip(*away, strict=True), strict=True)]
    cov = triangle(away, 1.0 / (2.0 * SPREAD))
    for i, q in enumerate(g.q):
        cov[i][i] = cov[i][i] + q * q * g.dt
    return mean, cov


def update(arith: Arithmetic, machine: Machine, g: Given, substeps: int) -> Updated:
    """One predict-and-update step of one asset (or, with arrays, of every asset at once)."""
    xp, n, m = arith.xp, len(g.x), len(g.y)
    mean, prior = predict(arith, machine, g, substeps)
    L = cholesky(xp, prior)
    readings = [machine.out(inside(xp, point, machine), g.u, g.p) for point in sigma_points(mean, L)]
    centre, pairs = readings[0], list(zip(readings[1::2], readings[2::2], strict=True))
    D = [[(up[j] - down[j]) * (0.5 / math.sqrt(SPREAD)) for up, down in pairs] for j in range(m)]
    bend = [[(up[j] + down[j]) * 0.5 - centre[j] for up, down in pairs] for j in range(m)]
    predicted = [centre[j] + total(bend[j]) * (1.0 / SPREAD) for j in range(m)]
    N = triangle(list(zip(*bend, strict=True)), 1.0 / SPREAD)
    for j in range(m):
        N[j][j] = N[j][j] + g.r[j] * g.r[j]
    predicted_sd = [xp.sqrt(N[j][j] + dot(D[j], D[j])) for j in range(m)]
    missing = [xp.isnan(value) for value in g.y]
    innovation = [g.y[j] - predicted[j] for j in range(m)]
    z, T, whitened, square = condition(xp, D, N, g.r, innovation, missing)
    moved = [v + dot(row[: i + 1], z[: i + 1]) for i, (v, row) in enumerate(zip(mean, L, strict=True))]
    V = [[dot(L[i][: i + 1], [T[k][c] for k in range(i + 1)]) for c in range(n)] for i in range(n)]
    cov = [[dot(V[i], V[j]) for j in range(i + 1)] for i in range(n)]
    nis = total([xp.where(missing[j], 0.0, whitened[j] * whitened[j]) for j in range(m)])
    dof = total([xp.where(missing[j], 0.0, 1.0) for j in range(m)])
    loglik = -0.5 * (nis + xp.log(square) + LOG_2PI * dof)
    return Updated(inside(xp, moved, machine), cov, predicted, predicted_sd, innovation, whitened, nis, dof, loglik)


def condition(
    xp: Any, D: Matrix, N: Matrix, r: Vector, innovation: Vector, missing: Vector
) -> tuple[list[Any], list[list[Any]], list[Any], Any]:
    """z ~ N(0, 1) (n) given innovation = D z + v: its mean, a square root T (n, n) of its covariance,
    the whitened innovation (m, NaN where missing) and the determinant of the innovation's covariance."""
    n, m = len(D[0]), len(D)
    masked = [[xp.where(missing[j], 1.0 if i == j else 0.0, N[j][i]) for i in range(j + 1)] for j in range(m)]
    for j in range(m):
        for i in range(j):
            masked[j][i] = xp.where(missing[i], 0.0, masked[j][i])
    W = noise_root(xp, masked, [xp.where(missing[j], 1.0, r[j] * r[j]) for j in range(m)])
    z: list[Any] = [0] * n
    T: list[list[Any]] = [[1 if i == j else 0 for j in range(n)] for i in range(n)]
    G: list[list[Any]] = []
    nu: list[Any] = []
    whitened: list[Any] = []
    square: Any = 1.0
    for j in range(m):
        scale = 1.0 / W[j][j]
        G.append([(xp.where(missing[j], 0.0, D[j][i]) - dot(W[j][:j], [row[i] for row in G])) * scale for i in range(n)])
        nu.append((xp.where(missing[j], 0.0, innovation[j]) - dot(W[j][:j], nu)) * scale)
        f = [dot([T[k][i] for k in range(n)], G[j]) for i in range(n)]
        s = dot(f, f) + 1.0
        root = xp.sqrt(s)
        Tf = [dot(T[i], f) for i in range(n)]
        e = nu[j] - dot(G[j], z)
        gain, shrink = e / s, 1.0 / (s + root)
        z = [z[i] + Tf[i] * gain for i in range(n)]
        T = [[T[i][k] - Tf[i] * (f[k] * shrink) for k in range(n)] for i in range(n)]
        whitened.append(xp.where(missing[j], math.nan, e / root))
        square = square * (s * (W[j][j] * W[j][j]))
    return z, T, whitened, square
