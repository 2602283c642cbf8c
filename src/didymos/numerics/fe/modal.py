"""Natural frequencies: K φ = ω² M φ with the consistent mass, by Lanczos on the shifted inverse.

The shift lies below zero, so that a free body (rigid motions at 0 Hz) is as good as a held one.
Source: Bathe, Finite Element Procedures, chapter 11. Verified: tests/verify/test_fe_modal.py, NAFEMS FV32 and FV52.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh
from skfem import Basis

from didymos.core.errors import ModelError, SolveError
from didymos.numerics.fe import assembly
from didymos.numerics.fe import supports as held
from didymos.numerics.fe.elastic import Body, stiffness, weights
from didymos.numerics.fe.solve import Factor, factorize

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Modes:
    """Frequencies [Hz] rising, shapes (n, count) of unit modal mass."""

    frequency_Hz: Array
    shapes: Array
    factor: Factor


def mass(body: Body) -> sparse.csr_matrix:
    """Consistent M (n, n) [kg], integrated exactly on straight elements."""
    if body.material.density_kg_m3 <= 0.0:
        raise ModelError("modal: density_kg_m3 = 0. Allowed: > 0. Give the material its density.")
    basis = Basis(body.basis.mesh, body.basis.elem, intorder=5)
    found = assembly.pattern(np.asarray(basis.element_dofs).T, basis.N)
    each = found.matrix(assembly.product(basis, found, weights(body, basis) * body.material.density_kg_m3))
    return sparse.csr_matrix(sparse.kron(each, sparse.eye(body.kind.dim)))


def modes(body: Body, fixed: Sequence[held.Support], count: int, solver: str = "auto") -> Modes:
    """The `count` lowest, rigid motions included where the supports leave them free."""
    k, m = stiffness(body), mass(body)
    dofs, _ = held.prescribed(body, fixed)
    free = np.setdiff1d(np.arange(body.unknowns), dofs)
    if not 0 < count < len(free):
        raise ModelError(f"modal: {count} modes of {len(free)} unknowns. Allowed: 1 to {len(free) - 1}. Ask for fewer or refine.")
    kf, mf = k[free][:, free], m[free][:, free]
    shift = 1e-3 * float(kf.diagonal().sum() / mf.diagonal().sum()) / len(free)
    factor = factorize(kf + shift * mf, near_null=held.rigid_motions(body)[free], solver=solver)
    inverse: Any = LinearOperator(kf.shape, matvec=factor.solve)  # pyright: ignore[reportCallIssue]
    start = np.random.default_rng(1).normal(size=len(free))
    try:
        squares, found = eigsh(kf, count, mf, sigma=-shift, OPinv=inverse, v0=start)
    except ArpackError as error:
        raise SolveError(f"modal: Lanczos: {error}. Ask for fewer modes, or check that the mesh is in one piece.") from error
    order = np.argsort(squares)
    shapes = np.zeros((body.unknowns, count))
    shapes[free] = found[:, order]
    return Modes(np.sqrt(np.maximum(squares[order], 0.0)) / (2.0 * np.pi), shapes, factor)
