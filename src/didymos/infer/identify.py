"""Which parameters the data can tell, which only in combination, which not at all: asked before anything is fitted.

    F = sum_j J_j' J_j / tau_j      J = d(whitened innovations) / d zeta,   zeta_i = ln(theta_i / theta_0i) / rho_i
    told_i = 1 - [(F + 1)^-1]_ii    share of the prior variance that the data take away, the other parameters free

In these units the prior is N(0, 1), so an eigenvalue of F below 1 is a direction in which the data say less than the literature.
tau: correlated innovations count for fewer. A parameter is told by `data`; only in `combination` with others (it would show if they
were known, but it is part of a direction that is not told); or by the `prior` alone, and then it is not moved.
Source: Fisher information and its eigenvectors, Raue et al., Bioinformatics 25 (2009) 1923; Brun et al., Water Resour. Res. 37
(2001) 1015. Verified: tests/infer/test_identify.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOLD, ALONE, MOVED = 0.5, 3.0, 0.02
SHARE = 0.3  # of an eigenvector's length: members named in a combination


class Identifiability(NamedTuple):
    """names (d,); told (d,) 0 to 1; kind (d,) data, combination, prior; combinations: directions that the data cannot tell, in
    words; information (d, d) is F."""

    names: tuple[str, ...]
    told: Array
    kind: tuple[str, ...]
    combinations: tuple[str, ...]
    information: Array


def identifiability(names: Sequence[str], information: Array) -> Identifiability:
    """Judge F (d, d) in units of the prior."""
    d = len(names)
    told = np.asarray(1.0 - np.diag(np.linalg.inv(information + np.eye(d))), float)
    alone = np.diag(information)
    seen = [i for i in range(d) if told[i] >= TOLD or alone[i] >= ALONE]
    untold = _untold(information, seen)
    mixed = {i for members, _ in untold for i in members}
    kind = tuple("prior" if i not in seen else "combination" if i in mixed or told[i] < TOLD else "data" for i in range(d))
    words = tuple(_in_words([names[i] for i in members], powers) for members, powers in untold)
    return Identifiability(tuple(names), told, kind, words, information)


def _untold(information: Array, seen: Sequence[int]) -> list[tuple[list[int], list[float]]]:
    """Directions with eigenvalue below 1 among parameters that each show: (members, biggest first; their powers)."""
    values, vectors = np.linalg.eigh(information[np.ix_(seen, seen)])
    found = []
    for value, vector in zip(values, vectors.T, strict=True):
        big = [i for i in np.argsort(-np.abs(vector)) if abs(vector[i]) >= SHARE]
        if value < 1.0 and len(big) > 1:
            found.append(([seen[i] for i in big], [float(vector[i] / vector[big[0]]) for i in big]))
    return found


def _in_words(names: Sequence[str], powers: Sequence[float]) -> str:
    """`a up by 10 % with b up by 8 % looks the same`."""
    parts = [
        f"{name} {'up' if power > 0 else 'down'} by {abs(power) * 10.0:.0f} %" for name, power in zip(names, powers, strict=True)
    ]
    return " with ".join(parts) + " changes no reading"
