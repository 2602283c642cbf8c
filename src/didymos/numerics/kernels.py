"""The text of the compiled filters: straight-line (`traced_text`) and with loops (`loop_text`), and the functions they hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from didymos.core.model import Model
from didymos.numerics import cache, loop_source, sigma
from didymos.numerics.sigma import LOG_2PI, SINGULAR, SPREAD
from didymos.numerics.source import machine
from didymos.numerics.trace import Recording

ARGUMENTS = "X, P, U, Y, PAR, Q, R, DT, XN, PN, YP, SD, INN, WH, NIS, DOF, LL"


def traced_text(model: Model, substeps: int) -> str:
    """Model and filter as straight-line text in one loop over assets."""
    rec = Recording()
    n, m = model.n_states, model.n_sensors
    k, w = len(model.Input._fields), len(model.Params._fields)
    P = [[rec.symbol(f"P{i}_{j}") for j in range(i + 1)] for i in range(n)]
    x, u, p, y = rec.symbols("x", n), rec.symbols("u", k), rec.symbols("p", w), rec.symbols("y", m)
    given = sigma.Given(x, P, u, p, y, rec.symbols("q", n), rec.symbols("r", m), rec.symbol("dt"))
    arith = sigma.Arithmetic(rec.xp, rec.repeat)
    done = sigma.update(arith, machine(model, rec.xp), given, substeps)
    loads = [
        f"{s}{i} = {A}[a, {i}]"
        for s, A, c in (("x", "X", n), ("u", "U", k), ("p", "PAR", w), ("y", "Y", m), ("q", "Q", n), ("r", "R", m))
        for i in range(c)
    ]
    loads += [f"P{i}_{j} = P[a, {i}, {j}]" for i in range(n) for j in range(i + 1)] + ["dt = DT[a]"]
    stores = [(f"XN[a, {i}]", v) for i, v in enumerate(done.mean)]
    stores += [(f"PN[a, {i}, {j}]", done.cov[i][j]) for i in range(n) for j in range(i + 1)]
    stores += [(f"PN[a, {j}, {i}]", done.cov[i][j]) for i in range(n) for j in range(i)]
    for target, values in (("YP", done.predicted), ("SD", done.predicted_sd), ("INN", done.innovation), ("WH", done.whitened)):
        stores += [(f"{target}[a, {j}]", v) for j, v in enumerate(values)]
    stores += [("NIS[a]", done.nis), ("DOF[a]", done.dof), ("LL[a]", done.loglik)]
    inner = "".join(f"        {line}\n" for line in loads) + rec.body(stores, "        ")
    return f"{cache.HEADER}\n@njit(**FLAGS)\ndef fleet({ARGUMENTS}):\n    for a in range(X.shape[0]):\n{inner}"


def model_function(model: Model, name: str, head: str, result: str) -> str:
    """`rhs` or `out` as a function that reads one asset's row and stores into `result`."""
    rec = Recording()
    made = machine(model, rec.xp)
    fields = {"x": model.State._fields, "u": model.Input._fields, "p": model.Params._fields}
    x, u, p = (rec.symbols(s, len(f)) for s, f in fields.items())
    values = (made.rhs if name == "rhs" else made.out)(x, u, p)
    loads = "".join(f"    x{i} = x[{i}]\n" for i in range(len(x)))
    loads += "".join(f"    {s}{i} = {A}[a, {i}]\n" for s, A, c in (("u", "U", len(u)), ("p", "PAR", len(p))) for i in range(c))
    return f"{head}\n{loads}{rec.body([(result.format(i), v) for i, v in enumerate(values)], '    ')}"


ALGEBRA = ("cholesky", "noise_root", "spread", "clip_into", "leave_out", "condition", "give_back")  # the same for every model
AROUND_MODEL = ("predict", "observe", "fleet")


def _jitted(names: Sequence[str]) -> str:
    return "".join(f"\n\n@njit(**FLAGS)\n{inspect.getsource(getattr(loop_source, name))}" for name in names)


def algebra_text() -> str:
    return f"{cache.HEADER}\nSPREAD, SINGULAR, LOG_2PI = {SPREAD!r}, {SINGULAR!r}, {LOG_2PI!r}\n{_jitted(ALGEBRA)}"


def loop_text(model: Model) -> str:
    """`loop_source` with the model's own `rhs` and `out`; the algebra comes from a file that all models share."""
    shared = cache.module_name("algebra", algebra_text())
    head = f"{cache.HEADER}\nfrom {shared} import {', '.join(ALGEBRA)}\n\nSPREAD = {SPREAD!r}\n"
    rhs = model_function(model, "rhs", "def rhs(x, U, PAR, a, dx):", "dx[{}]")
    out = model_function(model, "out", "def out(x, U, PAR, a, readings, k):", "readings[k, {}]")
    return f"{head}\n\n@njit(**FLAGS)\n{rhs}\n\n@njit(**FLAGS)\n{out}{_jitted(AROUND_MODEL)}"


def traced_kernel(model: Model, substeps: int) -> Callable[..., Any]:
    """The straight-line kernel; compiled by numba at its first call, or loaded from the cache."""
    return cache.load(f"{model.name}_traced", traced_text(model, substeps)).fleet


def loop_kernel(model: Model) -> Callable[..., Any]:
    cache.load("algebra", algebra_text())  # first, so that the model's file can import it
    return cache.load(f"{model.name}_loop", loop_text(model)).fleet
