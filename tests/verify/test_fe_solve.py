"""Solvers: each that is installed against a dense solution; the choice by size; the answer names solver, BLAS and cost."""

import importlib.util
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from didymos.core.errors import SolveError
from didymos.numerics.fe import elastic, solve, supports
from didymos.numerics.fe.solve import SUPERLU_MAX, available, factorize
from didymos.numerics.fe.supports import Support
from tests.verify.fe_rig import body


def held_solid():
    b = body("solid", n=3)
    wall = np.flatnonzero(b.nodes[0] < np.quantile(b.nodes[0], 0.2))
    return b, [Support(wall, axis) for axis in range(3)]


@pytest.mark.parametrize("solver", available())
def test_each_solver_here_meets_the_dense_solution(solver):
    b, fixed = held_solid()
    load = elastic.body_force(b, lambda x: np.stack([0.0 * x[0], 0.0 * x[0], 1e5 + 0.0 * x[0]]))
    found = elastic.static(b, fixed, load, solver)
    dofs, _ = supports.prescribed(b, fixed)
    free = np.setdiff1d(np.arange(b.unknowns), dofs)
    dense = np.linalg.solve(elastic.stiffness(b).toarray()[np.ix_(free, free)], load[free])
    assert np.abs(found.u[free] - dense).max() < 1e-8 * np.abs(dense).max()
    assert (found.factor.solver, found.factor.unknowns) == (solver, len(free))
    assert found.factor.blas


def test_several_loads_on_one_factor_are_the_loads_one_by_one():
    b, fixed = held_solid()
    loads = np.random.default_rng(3).normal(size=(b.unknowns, 3))
    together = elastic.static(b, fixed, loads).u
    alone = np.column_stack([elastic.static(b, fixed, load).u for load in loads.T])
    assert np.abs(together - alone).max() < 1e-12 * np.abs(alone).max()


def test_the_choice_follows_what_is_installed_and_the_size(monkeypatch):
    monkeypatch.setattr(solve, "available", lambda: ("superlu", "pyamg"))
    assert solve._choice(SUPERLU_MAX, 10**7, True) == "superlu"
    assert solve._choice(SUPERLU_MAX + 1, 10**7, True) == "pyamg"
    assert solve._choice(SUPERLU_MAX + 1, 10**6, True) == "superlu"  # a plane body
    assert solve._choice(SUPERLU_MAX + 1, 10**7, False) == "superlu"
    monkeypatch.setattr(solve, "available", lambda: ("cholmod", "superlu", "pyamg"))
    assert solve._choice(10, 100, True) == "cholmod"
    monkeypatch.setattr(solve, "available", lambda: ("pardiso", "superlu", "pyamg"))
    assert solve._choice(10**6, 10**8, True) == "pardiso"


def test_the_price_of_a_slow_solver_is_said_and_none_where_there_is_none():
    assert solve._note("superlu", 1000, 50_000, "x") == ""
    assert "CHOLMOD" in solve._note("superlu", 30_000, 5_000_000, "x")
    assert "solves each load anew" in solve._note("pyamg", 100_000, 8_000_000, "x")
    assert "libopenblas0-pthread" in solve._note("cholmod", 30_000, 2_500_000, "reference")
    assert solve._note("cholmod", 30_000, 2_500_000, "optimised") == ""


def test_an_iterative_solver_that_stalls_says_how_far_it_came(monkeypatch):
    monkeypatch.setattr(solve, "TOLERANCE", 1e-30)
    grid = sparse.diags([-np.ones(699), 2.0 * np.ones(700), -np.ones(699)], [-1, 0, 1], format="csr")
    with pytest.raises(SolveError, match=r"pyamg stopped at a residual of"):
        factorize(grid, solver="pyamg").solve(np.random.default_rng(1).normal(size=700))


def test_cholmod_is_used_through_its_own_interface(monkeypatch):
    # the optional package is not installed in the suite: what we call is checked against a stand-in of the same signature
    if importlib.util.find_spec("sksparse"):
        pytest.skip("scikit-sparse is installed: the real one is tested above")
    stand_in = types.ModuleType("sksparse.cholmod")
    calls = []

    def cholesky(matrix, ordering_method):
        calls.append((matrix.format, ordering_method))
        return sparse.linalg.factorized(matrix)

    stand_in.cholesky, stand_in.CholmodError = cholesky, type("CholmodError", (Exception,), {})
    package = types.ModuleType("sksparse")
    monkeypatch.setitem(sys.modules, "sksparse", package)
    monkeypatch.setitem(sys.modules, "sksparse.cholmod", stand_in)
    monkeypatch.setattr(solve, "available", lambda: ("cholmod", "superlu", "pyamg"))
    factor = factorize(sparse.csr_matrix(np.diag([2.0, 4.0])))
    assert factor.solver == "cholmod"
    assert factor.solve(np.array([2.0, 2.0])).tolist() == [1.0, 0.5]
    assert calls == [("csc", "metis")]
