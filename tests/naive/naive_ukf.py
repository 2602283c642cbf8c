"""An unscented Kalman filter of one asset as a textbook writes it: matrices, an inverse, nothing shared with `numerics`."""

import numpy as np


def step(model, mean, cov, u, y, params, q, r, dt, substeps=1):
    """Same definition as numerics.sigma (deviations from the central point, 3 = spread), with np.linalg. Returns
    mean, cov, predicted, predicted_sd, nis, loglik."""
    n = len(mean)
    u, params = model.Input(*u), model.Params(*params)

    def clip(x):
        return model.State(*np.clip(x, model.low, model.high))

    def advance(x):
        x = np.array(x)
        for _ in range(substeps):
            x = x + dt / substeps * np.array(model.rhs(clip(x), u, params), float)
        return x

    def points(x, P):
        L = np.linalg.cholesky(P) * np.sqrt(3.0)
        return [x] + [x + s * L[:, i] for i in range(n) for s in (1, -1)]

    moved = [advance(x) for x in points(mean, cov)]
    prior = moved[0] + sum(x - moved[0] for x in moved[1:]) / 6
    P = sum(np.outer(x - moved[0], x - moved[0]) for x in moved[1:]) / 6 + np.diag(np.array(q) ** 2 * dt)
    spread = points(prior, P)
    readings = [np.array(model.out(clip(x), u, params), float) for x in spread]
    predicted = readings[0] + sum(v - readings[0] for v in readings[1:]) / 6
    S = sum(np.outer(v - readings[0], v - readings[0]) for v in readings[1:]) / 6 + np.diag(np.array(r) ** 2)
    C = sum(np.outer(x - prior, v - readings[0]) for x, v in zip(spread[1:], readings[1:], strict=True)) / 6
    seen = np.isfinite(y)
    if not seen.any():
        return np.array(clip(prior)), P, predicted, np.sqrt(np.diag(S)), 0.0, 0.0
    nu, Ss, Cs = (y - predicted)[seen], S[np.ix_(seen, seen)], C[:, seen]
    inverse = np.linalg.inv(Ss)
    nis = nu @ inverse @ nu
    loglik = -0.5 * (nis + np.linalg.slogdet(Ss)[1] + seen.sum() * np.log(2 * np.pi))
    after = prior + Cs @ inverse @ nu
    return np.array(clip(after)), P - Cs @ inverse @ Cs.T, predicted, np.sqrt(np.diag(S)), nis, loglik
