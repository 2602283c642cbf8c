"""The unscented Kalman filter of `numerics.sigma` with loops and small arrays: the readable reference, any number of states.

This text is copied into a generated file together with the model's functions `rhs` and `out` (straight-line text) and
compiled there; see `numerics.kernels`. Same steps and names as in `sigma.py`, which holds the equations and their sources.
Work arrays come from outside, and rows are named by their asset instead of being sliced: both halve the compile time.
"""

import math

import numpy as np

SPREAD, SINGULAR, LOG_2PI = 3.0, 1e-13, math.log(2.0 * math.pi)


def rhs(x, U, PAR, a, dx):  # replaced by the model's
    raise NotImplementedError


def out(x, U, PAR, a, readings, k):  # replaced by the model's
    raise NotImplementedError


def work_arrays(n, m):
    """What `fleet` needs beside its arguments: L, M, T, V; D, bend, G; N, W; points, readings; x, xc, dx, z, f, Tf; nu, floor."""
    square = [np.zeros((n, n)) for _ in range(4)]
    wide = [np.zeros((m, n)) for _ in range(3)]
    vectors = [np.zeros(n) for _ in range(6)]
    return (
        *square, *wide, np.zeros((m, m)), np.zeros((m, m)), np.zeros((2 * n + 1, n)), np.zeros((2 * n + 1, m)),
        *vectors, np.zeros(m), np.zeros(m),
    )  # fmt: skip


def cholesky(P, L):
    n = P.shape[0]
    for j in range(n):
        pivot = P[j, j]
        for k in range(j):
            pivot -= L[j, k] * L[j, k]
        live = pivot > SINGULAR * P[j, j]
        root = math.sqrt(pivot) if live else 0.0
        inverse = 1.0 / root if live else 0.0
        L[j, j] = root
        for i in range(j + 1, n):
            s = P[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            L[i, j] = s * inverse


def noise_root(N, W, floor):
    for j in range(N.shape[0]):
        pivot = N[j, j]
        for k in range(j):
            pivot -= W[j, k] * W[j, k]
        W[j, j] = math.sqrt(pivot if pivot > floor[j] else floor[j])
        for i in range(j + 1, N.shape[0]):
            s = N[i, j]
            for k in range(j):
                s -= W[i, k] * W[j, k]
            W[i, j] = s / W[j, j]


def spread(x, L, points):
    n, step = x.shape[0], math.sqrt(SPREAD)
    for i in range(n):
        points[0, i] = x[i]
        for c in range(n):
            away = step * L[i, c] if c <= i else 0.0
            points[1 + 2 * c, i] = x[i] + away
            points[2 + 2 * c, i] = x[i] - away


def clip_into(points, k, low, high, xc):
    for i in range(low.shape[0]):
        v = points[k, i]
        xc[i] = low[i] if v < low[i] else (high[i] if v > high[i] else v)


def predict(a, points, U, PAR, Q, DT, substeps, low, high, x, P, xc, dx):
    n, h = x.shape[0], DT[a] / substeps
    for k in range(2 * n + 1):
        for _ in range(substeps):
            clip_into(points, k, low, high, xc)
            rhs(xc, U, PAR, a, dx)
            for i in range(n):
                points[k, i] += h * dx[i]
    for i in range(n):
        s = 0.0
        for k in range(1, 2 * n + 1):
            s += points[k, i] - points[0, i]
        x[i] = points[0, i] + s / (2.0 * SPREAD)
        for j in range(i + 1):
            s = 0.0
            for k in range(1, 2 * n + 1):
                s += (points[k, i] - points[0, i]) * (points[k, j] - points[0, j])
            P[i, j] = s / (2.0 * SPREAD)
        P[i, i] += Q[a, i] * Q[a, i] * DT[a]


def observe(a, points, U, PAR, R, Y, low, high, D, bend, N, YP, SD, INN, readings, xc):
    m, n = D.shape
    for k in range(2 * n + 1):
        clip_into(points, k, low, high, xc)
        out(xc, U, PAR, a, readings, k)
    for j in range(m):
        s, spread_j = 0.0, 0.0
        for i in range(n):
            up, down = readings[1 + 2 * i, j], readings[2 + 2 * i, j]
            D[j, i] = (up - down) * (0.5 / math.sqrt(SPREAD))
            bend[j, i] = (up + down) * 0.5 - readings[0, j]
            s += bend[j, i]
            spread_j += D[j, i] * D[j, i]
        for k in range(j + 1):
            t = 0.0
            for i in range(n):
                t += bend[j, i] * bend[k, i]
            N[j, k] = t / SPREAD
        N[j, j] += R[a, j] * R[a, j]
        SD[a, j] = math.sqrt(N[j, j] + spread_j)
        YP[a, j] = readings[0, j] + s / SPREAD
        INN[a, j] = Y[a, j] - YP[a, j]


def leave_out(a, Y, R, D, N, INN, nu, floor):
    """A missing sensor gets row 0 in D and row 1 in N: exactly as if absent."""
    m, n = D.shape
    for j in range(m):
        missing = math.isnan(Y[a, j])
        floor[j] = 1.0 if missing else R[a, j] * R[a, j]
        nu[j] = 0.0 if missing else INN[a, j]
        if missing:
            for i in range(n):
                D[j, i] = 0.0
            for k in range(j):
                N[j, k] = 0.0
            for k in range(j + 1, m):
                N[k, j] = 0.0
            N[j, j] = 1.0


def condition(a, D, G, W, nu, z, T, f, Tf, Y, WH, NIS, DOF, LL):
    m, n = D.shape
    nis, dof, square = 0.0, 0.0, 1.0
    for i in range(n):
        z[i] = 0.0
        for k in range(n):
            T[i, k] = 1.0 if i == k else 0.0
    for j in range(m):
        for k in range(j):
            nu[j] -= W[j, k] * nu[k]
        nu[j] /= W[j, j]
        s, e = 1.0, nu[j]
        for i in range(n):
            g = D[j, i]
            for k in range(j):
                g -= W[j, k] * G[k, i]
            G[j, i] = g / W[j, j]
        for i in range(n):
            v = 0.0
            for k in range(n):
                v += T[k, i] * G[j, k]
            f[i] = v
            s += v * v
            e -= G[j, i] * z[i]
        root = math.sqrt(s)
        for i in range(n):
            v = 0.0
            for k in range(n):
                v += T[i, k] * f[k]
            Tf[i] = v
        for i in range(n):
            z[i] += Tf[i] * (e / s)
            for k in range(n):
                T[i, k] -= Tf[i] * (f[k] / (s + root))
        if math.isnan(Y[a, j]):
            WH[a, j] = math.nan
        else:
            WH[a, j] = e / root
            nis += e / root * (e / root)
            dof += 1.0
        square *= s * W[j, j] * W[j, j]
    NIS[a], DOF[a] = nis, dof
    LL[a] = -0.5 * (nis + math.log(square) + LOG_2PI * dof)


def give_back(a, x, L, z, T, V, low, high, XN, PN):
    n = x.shape[0]
    for i in range(n):
        s = x[i]
        for k in range(i + 1):
            s += L[i, k] * z[k]
        XN[a, i] = low[i] if s < low[i] else (high[i] if s > high[i] else s)
        for c in range(n):
            s = 0.0
            for k in range(i + 1):
                s += L[i, k] * T[k, c]
            V[i, c] = s
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for c in range(n):
                s += V[i, c] * V[j, c]
            PN[a, i, j] = PN[a, j, i] = s


def fleet(
    X, P, U, Y, PAR, Q, R, DT, low, high, substeps,
    L, M, T, V, D, bend, G, N, W, points, readings, x, xc, dx, z, f, Tf, nu, floor,
    XN, PN, YP, SD, INN, WH, NIS, DOF, LL,
):  # fmt: skip
    """Every asset, one after the other; results go into the arrays from XN on."""
    n = X.shape[1]
    for a in range(X.shape[0]):
        for i in range(n):
            x[i] = X[a, i]
            for j in range(i + 1):
                M[i, j] = P[a, i, j]
        cholesky(M, L)
        spread(x, L, points)
        predict(a, points, U, PAR, Q, DT, substeps, low, high, x, M, xc, dx)
        cholesky(M, L)
        spread(x, L, points)
        observe(a, points, U, PAR, R, Y, low, high, D, bend, N, YP, SD, INN, readings, xc)
        leave_out(a, Y, R, D, N, INN, nu, floor)
        noise_root(N, W, floor)
        condition(a, D, G, W, nu, z, T, f, Tf, Y, WH, NIS, DOF, LL)
        give_back(a, x, L, z, T, V, low, high, XN, PN)
