"""The particle filter of `infer.sampled` with loops, one asset after the other: the text of the compiled one.

Copied into a generated file together with the model's `move` and `look` (straight-line text) and the generator of
`numerics.normals`; see `numerics.particles`. Same steps, names and numbers dealt as `sampled.Particles`, which holds the sources.
"""

import math

import numpy as np

PARTS, HALVINGS, SINGULAR = 60, 30, 1e-13
FEWEST, ENOUGH = 0.5, 0.55  # share of the particles that still count after a part of the likelihood
MIDDLE = -math.log(0.5 * (FEWEST + ENOUGH))


def stream(parent, number) -> int:  # replaced by the generator's
    raise NotImplementedError


def uniform(s) -> tuple[float, int]:  # replaced by the generator's
    raise NotImplementedError


def normal(s) -> tuple[float, int]:  # replaced by the generator's
    raise NotImplementedError


def move(a, POINTS, U, PAR, Q, DT, substeps, s):  # replaced by the model's
    raise NotImplementedError


def look(a, POINTS, U, Y, PAR, R, H, LIK):  # replaced by the model's
    raise NotImplementedError


def cholesky(P, L):  # replaced by that of `loop_source`
    raise NotImplementedError


def weigh(a, LW, LIK, part, W):
    """W: the weights with `part` of the likelihood, their sum 1. Returns log of the sum before, how many count."""
    top, total, squares = -math.inf, 0.0, 0.0
    for e in range(W.shape[0]):
        W[e] = LW[a, e] + part * LIK[e]
        top = max(top, W[e])
    for e in range(W.shape[0]):
        W[e] = math.exp(W[e] - top)
        total += W[e]
        squares += W[e] * W[e]
    for e in range(W.shape[0]):
        W[e] /= total
    return top + math.log(total), total * total / squares


def moments(x, W, mean, cov):  # replaced by straight-line text for the state's size
    """Weighted mean and covariance of the rows of x."""
    raise NotImplementedError


def moments_of_readings(x, W, mean, cov):  # the same for the readings'
    raise NotImplementedError


def jitter(a, POINTS, copies, mean, root, kept, h, low, high, s):  # replaced by straight-line text
    """Each copy drawn towards the mean and moved by h root z, z standard normal, inside the bounds."""
    raise NotImplementedError


def share(a, LW, LIK, left, W):
    """The largest share of the likelihood, at most `left`, after which half of the particles, or few more, count; and the log of
    the weights' sum then. W: the weights then."""
    E = W.shape[0]
    total, count = weigh(a, LW, LIK, left, W)
    if count >= FEWEST * E:
        return left, total
    low, high, part = 0.0, left, left * math.sqrt(MIDDLE / math.log(E / count))  # as if log weights were normal
    for _ in range(HALVINGS):
        total, count = weigh(a, LW, LIK, part, W)
        if FEWEST * E <= count <= ENOUGH * E:
            break
        if count > ENOUGH * E:
            low = part
        else:
            high = part
        part = 0.5 * (low + high)
    return part, total


def apart(a, POINTS, W, copies, mean, cov, root, low, high, s):
    """Systematic resampling, then a kernel that keeps mean and covariance."""
    E, n = copies.shape
    moments(POINTS[a], W, mean, cov)
    cholesky(cov, root)
    h = (4.0 / (E * (n + 2.0))) ** (1.0 / (n + 4.0))
    first, s = uniform(s)
    i, edge = 0, W[0]
    for e in range(E):
        while edge < (e + first) / E and i < E - 1:
            i += 1
            edge += W[i]
        copies[e] = POINTS[a, i]
    jitter(a, POINTS, copies, mean, root, math.sqrt(1.0 - h * h), h, low, high, s)


def fleet(POINTS, LW, U, Y, PAR, Q, R, DT, low, high, substeps, seed, step, MEAN, COV, YP, S, LL):
    """Every asset, one after the other; POINTS and LW (the log weights) are changed, results go into the arrays from MEAN on."""
    E, n, m = POINTS.shape[1], POINTS.shape[2], Y.shape[1]
    H, LIK, W, copies = np.empty((E, m)), np.empty(E), np.empty(E), np.empty((E, n))
    mean, cov, root, nothing = np.empty(n), np.empty((n, n)), np.zeros((n, n)), np.zeros(E)
    now = stream(seed, step)
    for a in range(POINTS.shape[0]):
        s = uniform(stream(stream(now, 0), a))[1]
        move(a, POINTS, U, PAR, Q, DT, substeps, s)
        look(a, POINTS, U, Y, PAR, R, H, LIK)
        weigh(a, LW, nothing, 0.0, W)
        moments_of_readings(H, W, YP[a], S[a])
        LL[a] = 0.0
        for j in range(m):
            if not math.isnan(Y[a, j]):
                LL[a] -= math.log(R[a, j]) + 0.5 * math.log(2.0 * math.pi)
        left, number, stale = 1.0, 0, False
        while left > 0.0 and number < PARTS:
            number += 1
            if stale:
                look(a, POINTS, U, Y, PAR, R, H, LIK)
            part, total = share(a, LW, LIK, left, W)
            LL[a] += total
            stale = part < left
            left -= part
            for e in range(E):
                LW[a, e] = -math.log(E) if stale else LW[a, e] + part * LIK[e] - total
            if stale:
                s = stream(stream(now, number), a)
                apart(a, POINTS, W, copies, mean, cov, root, low, high, s)
                for e in range(E):
                    W[e] = 1.0 / E
        moments(POINTS[a], W, MEAN[a], COV[a])
