"""`factorize(K) -> Factor`: one way to the sparse solver; the answer names solver and BLAS and says what a slow one costs.

    cholmod   `scikit-sparse` (<0.5, system SuiteSparse): fastest, when importable
    pardiso   `pypardiso`, symmetric positive mode: 1.3 to 2 times CHOLMOD's time, when importable
    superlu   SciPy with symmetric ordering: the choice up to `SUPERLU_MAX` unknowns without the two above
    pyamg     conjugate gradients on smoothed aggregation, rigid-body modes as near null space: the choice above

Costs: measured on three-dimensional quadratic elasticity, one thread; SuperLU takes 5 times CHOLMOD's time at 42 k unknowns and
25 times at 115 k. Verified: tests/verify/test_fe_solve.py (each solver against a dense solution).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from didymos.core.errors import ConfigError, SolveError

Array = NDArray[np.float64]
SUPERLU_MAX, SUPERLU_ENTRIES = 40_000, 3_000_000  # unknowns of a solid; entries, so that plane bodies up to 100 k stay with it
TOLERANCE = 1e-11  # residual over load of the iterative solver
ADVICE = 'pip install "scikit-sparse<0.5" on libsuitesparse-dev and libopenblas0-pthread, or pip install pypardiso'


@dataclass(frozen=True, slots=True)
class Factor:
    """A matrix ready to solve. `note` is empty when nothing faster could have been used at this size."""

    solver: str
    blas: str
    unknowns: int
    note: str
    solve: Callable[[Array], Array]


def available() -> tuple[str, ...]:
    """Names that `factorize` accepts here, best first."""
    optional = (("cholmod", "sksparse"), ("pardiso", "pypardiso"))
    return (*(name for name, package in optional if find_spec(package)), "superlu", "pyamg")


def factorize(matrix: Any, spd: bool = True, near_null: Array | None = None, solver: str = "auto", held: int = 0) -> Factor:
    """Prepare K (n, n), CSR or BSR. `near_null` (n, r): rigid-body modes, for pyamg. `held`: how many rows are diagonal only.

    A matrix that is not `spd` goes to SuperLU."""
    if not np.isfinite(matrix.data).all():
        raise SolveError("solve: the matrix holds values that are no numbers. Allowed: finite. Check material and mesh.")
    unknowns = int(matrix.shape[0]) - held
    name = _choice(unknowns, int(matrix.nnz), spd) if solver == "auto" else solver
    if name not in available():
        raise ConfigError(f"solve: solver {solver!r} is not here. Allowed: auto, {', '.join(available())}. {ADVICE}.")
    entries, only = int(matrix.nnz), [matrix]
    del matrix  # a direct solver drops it before it factorises; at 300 k unknowns that is 200 MB
    solve, blas = SOLVERS[name](only, spd, near_null)
    return Factor(name, blas, unknowns, _note(name, unknowns, entries, blas), _guarded(name, solve))


def _choice(unknowns: int, entries: int, spd: bool) -> str:
    best = available()[0]
    if not spd:
        return "superlu"
    if best in ("cholmod", "pardiso"):
        return best
    return "superlu" if unknowns <= SUPERLU_MAX or entries <= SUPERLU_ENTRIES else "pyamg"


def _note(name: str, unknowns: int, entries: int, blas: str) -> str:
    if name == "cholmod":
        slow = blas == "reference" and unknowns > 20_000
        return "CHOLMOD on reference BLAS: 2 to 10 times slower than on OpenBLAS; install libopenblas0-pthread" if slow else ""
    if name == "superlu" and entries > SUPERLU_ENTRIES // 2:
        return f"SuperLU at {unknowns} unknowns: 3 to 25 times CHOLMOD's time and 4 times its memory; {ADVICE}"
    if name == "pyamg":
        return f"pyamg solves each load anew: a second load costs as much as the first, a direct solver's 1 % of it; {ADVICE}"
    return ""


def _guarded(name: str, solve: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def guarded(load: Array) -> Array:
        if not np.isfinite(load).all():
            place = int(np.flatnonzero(~np.isfinite(load).reshape(len(load), -1).all(axis=1))[0])
            raise SolveError(f"solve: the load of unknown {place} is no number. Allowed: finite loads. Correct the load there.")
        found = solve(load)
        if not np.isfinite(found).all():
            raise SolveError(f"solve: {name} gave no finite answer; the matrix is singular. Check supports and material.")
        return found

    return guarded


def _superlu(only: list[Any], spd: bool, _near_null: Array | None) -> tuple[Callable[[Array], Array], str]:
    from scipy.sparse.linalg import splu

    symmetric = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    try:
        factor = splu(sparse.csc_matrix(only.pop()), **(symmetric if spd else {}))
    except RuntimeError as error:
        raise SolveError(f"solve: SuperLU: {error}. The matrix is singular. Check supports and material.") from error
    return factor.solve, _numpy_blas()


def _cholmod(only: list[Any], _spd: bool, _near_null: Array | None) -> tuple[Callable[[Array], Array], str]:
    from sksparse.cholmod import CholmodError, cholesky  # pyright: ignore[reportMissingImports]

    try:
        return cholesky(_lower(only), ordering_method="metis"), _linked_blas()
    except CholmodError as error:
        raise SolveError(f"solve: CHOLMOD: {error}. The matrix is not positive definite. Check supports and material.") from error


def _lower(only: list[Any]) -> sparse.csc_matrix:
    """Lower half of a symmetric matrix, which is the upper half of its rows read as columns."""
    rows = sparse.csr_matrix(only.pop())
    upper: Any = sparse.triu(rows, format="csr")
    return sparse.csc_matrix((upper.data, upper.indices, upper.indptr), shape=rows.shape)


def _pardiso(only: list[Any], _spd: bool, _near_null: Array | None) -> tuple[Callable[[Array], Array], str]:
    from pypardiso import PyPardisoSolver  # pyright: ignore[reportMissingImports]

    upper = sparse.triu(sparse.csr_matrix(only.pop()), format="csr")
    solver = PyPardisoSolver(mtype=2)
    solver.factorize(upper)
    return lambda load: solver.solve(upper, load), "MKL"


def _pyamg(only: list[Any], _spd: bool, near_null: Array | None) -> tuple[Callable[[Array], Array], str]:
    from pyamg import smoothed_aggregation_solver

    matrix = only.pop()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyamg speaks of formats and of its own deprecated calls
        hierarchy = smoothed_aggregation_solver(
            matrix if matrix.format == "bsr" else sparse.csr_matrix(matrix), B=near_null, symmetry="symmetric", max_coarse=500
        )

    def solve(load: Array) -> Array:
        found, info = hierarchy.solve(load, tol=TOLERANCE, accel="cg", maxiter=2000, return_info=True)
        left, scale = float(np.linalg.norm(matrix @ found - load)), float(np.linalg.norm(load))
        if info != 0 or left > 100.0 * TOLERANCE * scale:
            raise SolveError(
                f"solve: pyamg stopped at a residual of {left / scale:.1e}; {TOLERANCE:g} was asked. "
                f"Slender bodies can be too much for it: use solver='superlu' (slow), or {ADVICE}."
            )
        return found

    return solve, _numpy_blas()


def _numpy_blas() -> str:
    config: Any = np.show_config(mode="dicts")
    return str(config.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown"))


def _linked_blas() -> str:
    """Of the libraries mapped into this process beside NumPy's own: what CHOLMOD calls. Linux only."""
    try:
        with open("/proc/self/maps") as maps:
            names = {
                line.rsplit("/", 1)[-1].strip() for line in maps if "/" in line and "numpy" not in line and "scipy" not in line
            }
    except OSError:
        return "unknown"
    if any("openblas" in name or "mkl_rt" in name or "blis" in name for name in names):
        return "optimised"
    return "reference" if any(name.startswith("libblas") for name in names) else "unknown"


SOLVERS = {"cholmod": _cholmod, "pardiso": _pardiso, "superlu": _superlu, "pyamg": _pyamg}  # name -> ([matrix], spd, near_null)
