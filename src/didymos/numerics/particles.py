"""The compiled particle filter: every particle of every asset moved, weighed and, where few still count, resampled, in one kernel.

The algorithm and its sources are in `infer.sampled`; here it is put together as text: the model's equations as straight-line code
inside the loop over particles, the rest from `particle_source`. Numbers dealt depend on (seed, step, part, asset) alone.
Verified: tests/numerics/test_particles.py, equal to the NumPy form.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from didymos.core.model import Model
from didymos.numerics import cache, loop_source, normals, particle_source, source
from didymos.numerics.sigma import inside
from didymos.numerics.trace import Recording

LOOPS = ("weigh", "share", "apart", "fleet")


@lru_cache(maxsize=64)
def particle_kernel(model: Model) -> Callable[..., Any]:
    """`particle_source.fleet` with the model in it. ModelError, in one line with file and line, when it cannot be compiled."""
    source.check(model)
    normals.module()  # first, so that the model's file can import it
    return cache.load(f"{model.name}_particles", particle_text(model)).fleet


def particle_text(model: Model) -> str:
    shared = f"from {normals.module_name()} import normal, stream, uniform\n"
    numbers = "".join(
        f"{name} = {getattr(particle_source, name)!r}\n" for name in ("PARTS", "HALVINGS", "FEWEST", "ENOUGH", "MIDDLE", "SINGULAR")
    )
    functions = [inspect.getsource(loop_source.cholesky), _move(model), _look(model)]
    functions += [_moments("moments", model.n_states), _moments("moments_of_readings", model.n_sensors), _jitter(model.n_states)]
    functions += [inspect.getsource(getattr(particle_source, name)) for name in LOOPS]
    return f"{cache.HEADER}{shared}{numbers}" + "".join(f"\n\n@njit(**FLAGS)\n{f}" for f in functions)


def _loads(model: Model) -> tuple[list[str], list[str]]:
    """Lines that read an asset's inputs and parameters, and one particle's state."""
    own = [f"u{i} = U[a, {i}]" for i in range(len(model.Input._fields))]
    own += [f"p{i} = PAR[a, {i}]" for i in range(len(model.Params._fields))]
    return own, [f"x{i} = POINTS[a, e, {i}]" for i in range(model.n_states)]


def _lines(spaces: int, lines: list[str]) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in lines)


def _traced(model: Model) -> tuple[Recording, Any, list[Any], list[Any], list[Any]]:
    rec = Recording()
    sizes = {"x": model.n_states, "u": len(model.Input._fields), "p": len(model.Params._fields)}
    x, u, p = (rec.symbols(name, count) for name, count in sizes.items())
    return rec, source.machine(model, rec.xp), x, u, p


def _move(model: Model) -> str:
    rec, machine, x, u, p = _traced(model)
    rates = machine.rhs(inside(rec.xp, x, machine), u, p)
    step = rec.body([(f"n{i}", v + rec.symbol("h") * rate) for i, (v, rate) in enumerate(zip(x, rates, strict=True))], " " * 12)
    noise = Recording()
    moved = [v + noise.symbol(f"sd{i}") * noise.symbol(f"z{i}") for i, v in enumerate(noise.symbols("x", model.n_states))]
    stores = [(f"POINTS[a, e, {i}]", v) for i, v in enumerate(inside(noise.xp, moved, source.machine(model, noise.xp)))]
    own, state = _loads(model)
    n = range(model.n_states)
    return (
        "def move(a, POINTS, U, PAR, Q, DT, substeps, s):\n"
        + _lines(4, [*own, "h, root = DT[a] / substeps, math.sqrt(DT[a])", *(f"sd{i} = Q[a, {i}] * root" for i in n)])
        + _lines(4, ["for e in range(POINTS.shape[1]):"])
        + _lines(8, [*state, "for _ in range(substeps):"])
        + step
        + _lines(12, [f"x{i} = n{i}" for i in n])
        + _lines(8, [f"z{i}, s = normal(s)" for i in n])
        + noise.body(stores, " " * 8)
    )


def _look(model: Model) -> str:
    rec, machine, x, u, p = _traced(model)
    readings = machine.out(inside(rec.xp, x, machine), u, p)
    own, state = _loads(model)
    stores = rec.body([(f"H[e, {j}]", v) for j, v in enumerate(readings)], " " * 8)
    away = [
        line
        for j in range(model.n_sensors)
        for line in (f"if not math.isnan(Y[a, {j}]):", f"    off = (Y[a, {j}] - H[e, {j}]) / R[a, {j}]", "    l -= 0.5 * off * off")
    ]
    return (
        "def look(a, POINTS, U, Y, PAR, R, H, LIK):\n"
        + _lines(4, [*own, "for e in range(POINTS.shape[1]):"])
        + _lines(8, state)
        + stores
        + _lines(8, ["l = 0.0", *away, "LIK[e] = l"])
    )


def _moments(name: str, n: int) -> str:
    pairs = [(i, j) for i in range(n) for j in range(i + 1)]
    return (
        f"def {name}(x, W, mean, cov):\n"
        + _lines(4, [*(f"m{i} = 0.0" for i in range(n)), *(f"c{i}_{j} = 0.0" for i, j in pairs), "for e in range(x.shape[0]):"])
        + _lines(8, [f"m{i} += W[e] * x[e, {i}]" for i in range(n)])
        + _lines(4, ["for e in range(x.shape[0]):"])
        + _lines(8, [f"d{i} = x[e, {i}] - m{i}" for i in range(n)])
        + _lines(8, [f"w{i} = W[e] * d{i}" for i in range(n)])
        + _lines(8, [f"c{i}_{j} += w{i} * d{j}" for i, j in pairs])
        + _lines(4, [f"mean[{i}] = m{i}" for i in range(n)])
        + _lines(4, [f"cov[{i}, {j}] = cov[{j}, {i}] = c{i}_{j}" for i, j in pairs])
    )


def _jitter(n: int) -> str:
    pairs = [(i, j) for i in range(n) for j in range(i + 1)]
    drawn = [f"v{i} = kept * copies[e, {i}] + b{i}" + "".join(f" + r{i}_{j} * z{j}" for j in range(i + 1)) for i in range(n)]
    return (
        "def jitter(a, POINTS, copies, mean, root, kept, h, low, high, s):\n"
        + _lines(4, [f"b{i} = (1.0 - kept) * mean[{i}]" for i in range(n)])
        + _lines(4, [f"r{i}_{j} = h * root[{i}, {j}]" for i, j in pairs])
        + _lines(4, ["for e in range(POINTS.shape[1]):"])
        + _lines(8, [*(f"z{i}, s = normal(s)" for i in range(n)), *drawn])
        + _lines(8, [f"POINTS[a, e, {i}] = min(max(v{i}, low[{i}]), high[{i}])" for i in range(n)])
    )
