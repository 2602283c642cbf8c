"""What machines of one model teach a new one: mean and spread of their parameters over the fleet, by empirical Bayes.

    zeta_i ~ N(mu, T),  T diagonal,    data of machine i:  N(zeta_i; its optimum, F_i^-1)        zeta = ln theta

Each machine gives its estimate and the information F_i of its data alone, so one that tells a parameter badly says little
about it. mu and T by expectation-maximisation; both are held by what literature says (mu within the published spread, T with an
inverse gamma prior of NU machines that spread S_0), so that few sisters do not make the fleet look narrower than it is.
Source: Lindley & Smith, J. R. Stat. Soc. B 34 (1972) 1; Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, ch. 5.
Verified: tests/infer/test_sisters.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.infer.fit import Prior

Array = NDArray[np.float64]
NU, S_0 = 1.0, 0.1
ROUNDS = 200


class Sister(NamedTuple):
    """What one machine's data alone say: exp(-x'Fx/2 + l'x), x = ln(theta / origin); origin, linear l (p,), information
    F (p, p)."""

    origin: Array
    linear: Array
    information: Array


def learn(published: Prior, sisters: Sequence[Sister]) -> Prior:
    """The prior for a new machine. Parameters that no sister tells keep the published mean and spread."""
    if not sisters:
        raise DataError("sisters: none is given; at least one fitted machine is needed.")
    free = np.flatnonzero((np.sum([np.diag(s.information) for s in sisters], axis=0) > 0.0) & (published.mean > 0.0))
    if not len(free):
        return published
    F = np.array([s.information[np.ix_(free, free)] for s in sisters])
    start = np.array([np.log(s.origin[free] / published.mean[free]) for s in sisters])
    b = np.einsum("spq,sq->sp", F, start) + np.array([s.linear[free] for s in sisters])
    mu, spread = _em(F, b, published.log_sd[free])
    mean, log_sd = published.mean.copy(), published.log_sd.copy()
    mean[free] *= np.exp(mu[0])
    log_sd[free] = np.sqrt(spread + mu[1])
    return Prior(mean, log_sd, f"{len(sisters)} sister machines")


def _em(F: Array, b: Array, outer: Array) -> tuple[tuple[Array, Array], Array]:
    """((mean, variance of the mean), spread^2), each (d,)."""
    n, d = b.shape
    mu, spread = np.zeros(d), np.full(d, S_0**2)
    for _ in range(ROUNDS):
        cov = np.linalg.inv(F + np.diag(1.0 / spread))
        each = np.einsum("spq,sq->sp", cov, b + mu / spread)
        var_mu = 1.0 / (n / spread + 1.0 / outer**2)
        mu = var_mu * each.sum(axis=0) / spread
        second = (each - mu) ** 2 + np.einsum("sii->si", cov) + var_mu
        new = (second.sum(axis=0) + NU * S_0**2) / (n + NU)
        if np.abs(np.log(new / spread)).max() < 1e-4:
            spread = new
            break
        spread = new
    # how well the mean itself is known: the machines' own uncertainty counts
    own = np.linalg.inv(np.linalg.inv(F + 1e-9 * np.eye(d)) + np.diag(spread)) if d else np.zeros((n, 0, 0))
    known = np.linalg.inv(own.sum(axis=0) + np.diag(1.0 / outer**2))
    return (mu, np.diag(known)), spread
