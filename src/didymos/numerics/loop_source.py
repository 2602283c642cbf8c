"""The unscented Kalman filter of `numerics.sigma` with loops and small arrays: the readable reference, any number of states.

This text is copied into a generated file together with the model's functions `rhs` and `out` (straight-line text) and
compiled there; see `numerics.ukf`. Same steps and names as in `sigma.py`, which holds the equations and their sources.
"""

import math

import numpy as np

SPREAD, SINGULAR, LOG_2PI = 3.0, 1e-13, math.log(2.0 * math.pi)


def rhs(X, U, P, a, dX):  # replaced by the model's
    raise NotImplementedError


def out(X, U, P, a, y):  # replaced by the model's
    raise NotImplementedError


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
            L[j, i] = 0.0


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
            points[1 + 2 * c, i] = x[i] + step * L[i, c]
            points[2 + 2 * c, i] = x[i] - step * L[i, c]


def clip_into(x, low, high, xc):
    for i in range(x.shape[0]):
        xc[i] = low[i] if x[i] < low[i] else (high[i] if x[i] > high[i] else x[i])


def predict(a, points, U, PAR, q, dt, substeps, low, high, x, P, xc, dx):
    n, h = x.shape[0], dt / substeps
    for k in range(2 * n + 1):
        for _ in range(substeps):
            clip_into(points[k], low, high, xc)
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
            P[i, j] = P[j, i] = s / (2.0 * SPREAD)
        P[i, i] += q[i] * q[i] * dt


def observe(a, points, U, PAR, r, low, high, D, bend, N, predicted, predicted_sd, Y, xc):
    n, m = points.shape[1], r.shape[0]
    for k in range(2 * n + 1):
        clip_into(points[k], low, high, xc)
        out(xc, U, PAR, a, Y[k])
    for j in range(m):
        s = 0.0
        for i in range(n):
            D[j, i] = (Y[1 + 2 * i, j] - Y[2 + 2 * i, j]) * (0.5 / math.sqrt(SPREAD))
            bend[j, i] = (Y[1 + 2 * i, j] + Y[2 + 2 * i, j]) * 0.5 - Y[0, j]
            s += bend[j, i]
        predicted[j] = Y[0, j] + s / SPREAD
    for j in range(m):
        for k in range(j + 1):
            s = 0.0
            for i in range(n):
                s += bend[j, i] * bend[k, i]
            N[j, k] = N[k, j] = s / SPREAD
        N[j, j] += r[j] * r[j]
        s = N[j, j]
        for i in range(n):
            s += D[j, i] * D[j, i]
        predicted_sd[j] = math.sqrt(s)


def condition(D, N, r, y, predicted, W, G, nu, floor, z, T, f, Tf, whitened):
    """Returns nis, dof and the determinant of the innovation's covariance."""
    m, n = D.shape
    nis, dof, square = 0.0, 0.0, 1.0
    for j in range(m):
        floor[j] = r[j] * r[j]
        if math.isnan(y[j]):
            for k in range(m):
                N[j, k] = N[k, j] = 0.0
            N[j, j] = floor[j] = 1.0
    noise_root(N, W, floor)
    for i in range(n):
        z[i] = 0.0
        for k in range(n):
            T[i, k] = 1.0 if i == k else 0.0
    for j in range(m):
        missing = math.isnan(y[j])
        nu[j] = 0.0 if missing else y[j] - predicted[j]
        for k in range(j):
            nu[j] -= W[j, k] * nu[k]
        nu[j] /= W[j, j]
        for i in range(n):
            G[j, i] = 0.0 if missing else D[j, i]
            for k in range(j):
                G[j, i] -= W[j, k] * G[k, i]
            G[j, i] /= W[j, j]
        s, e = 1.0, nu[j]
        for i in range(n):
            f[i] = 0.0
            for k in range(n):
                f[i] += T[k, i] * G[j, k]
            s += f[i] * f[i]
            e -= G[j, i] * z[i]
        root = math.sqrt(s)
        for i in range(n):
            Tf[i] = 0.0
            for k in range(n):
                Tf[i] += T[i, k] * f[k]
        for i in range(n):
            z[i] += Tf[i] * (e / s)
            for k in range(n):
                T[i, k] -= Tf[i] * (f[k] / (s + root))
        whitened[j] = math.nan if missing else e / root
        nis += 0.0 if missing else whitened[j] * whitened[j]
        dof += 0.0 if missing else 1.0
        square *= s * W[j, j] * W[j, j]
    return nis, dof, square


def fleet(X, P, U, Y, PAR, Q, R, DT, low, high, substeps, XN, PN, YP, SD, INN, WH, NIS, DOF, LL):
    """Every asset, one after the other; results go into the arrays from XN on."""
    n, m = X.shape[1], Y.shape[1]
    L, M, T, V = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    D, bend, G, N, W = np.zeros((m, n)), np.zeros((m, n)), np.zeros((m, n)), np.zeros((m, m)), np.zeros((m, m))
    points, readings = np.zeros((2 * n + 1, n)), np.zeros((2 * n + 1, m))
    x, xc, dx, z, f, Tf = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    nu, floor = np.zeros(m), np.zeros(m)
    for a in range(X.shape[0]):
        cholesky(P[a], L)
        spread(X[a], L, points)
        predict(a, points, U, PAR, Q[a], DT[a], substeps, low, high, x, M, xc, dx)
        cholesky(M, L)
        spread(x, L, points)
        observe(a, points, U, PAR, R[a], low, high, D, bend, N, YP[a], SD[a], readings, xc)
        for j in range(m):
            INN[a, j] = Y[a, j] - YP[a, j]
        nis, dof, square = condition(D, N, R[a], Y[a], YP[a], W, G, nu, floor, z, T, f, Tf, WH[a])
        for i in range(n):
            s = x[i]
            for k in range(i + 1):
                s += L[i, k] * z[k]
            XN[a, i] = low[i] if s < low[i] else (high[i] if s > high[i] else s)
            for c in range(n):
                V[i, c] = 0.0
                for k in range(i + 1):
                    V[i, c] += L[i, k] * T[k, c]
        for i in range(n):
            for j in range(i + 1):
                s = 0.0
                for c in range(n):
                    s += V[i, c] * V[j, c]
                PN[a, i, j] = PN[a, j, i] = s
        NIS[a], DOF[a] = nis, dof
        LL[a] = -0.5 * (nis + math.log(square) + LOG_2PI * dof)
