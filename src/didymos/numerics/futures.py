"""Compiled Monte Carlo: when does each failure mode of each machine first reach its threshold?

Per trajectory: the state is drawn from the belief (put inside its bounds); every mode's threshold is lognormal around
severity 1 with the mode's `threshold_log_sd`, given that the unit has not reached it yet (a mode with no spread has
threshold 1, and a drawn state beyond it counts as failed now). Then per step: one of the given operating points, fast
states at equilibrium (`steady`), severity, slow states x + rhs h + q √h z. A passage is placed inside its step by a
straight line; excursions between two instants are not seen, which delays passages of a noisy state by 0.58 q √h / drift
on average (Siegmund, Adv. Appl. Prob. 11 (1979) 701).

Numbers depend on (seed, key of the asset, trajectory) alone: the same on any shard, in any order, and equal noise for the
branches of a what-if. Verified: tests/numerics/test_futures.py against the inverse Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didymos.core.errors import DataError, ModelError
from didymos.core.model import Model
from didymos.numerics import cache, normals, source
from didymos.numerics.arrays import lower_root
from didymos.numerics.sigma import Machine, inside
from didymos.numerics.trace import Recording

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Variant:
    """What the text depends on besides the model: states that get noise; whether each step draws an operating point."""

    noisy: tuple[int, ...]
    varied: bool


@lru_cache(maxsize=64)
def futures_kernel(model: Model) -> Futures:
    """ModelError, in one line with file and line, when the model cannot be compiled."""
    source.check(model)
    names = [mode.name for mode in model.failure_modes]
    if not names:
        raise ModelError(f"{model.name}: no failure mode is configured, so there is no threshold to reach.")
    kernel_text(model, Variant((), False))
    return Futures(model)


@dataclass(frozen=True)
class Futures:
    """Call it: (N, modes, trajectories) first passage times in s, modes in the model's order."""

    model: Model

    def __call__(
        self,
        mean: Array,
        cov: Array,
        u: ArrayLike,
        params: ArrayLike,
        q: ArrayLike,
        step_s: float,
        n_steps: int,
        n_trajectories: int,
        seed: int,
        keys: ArrayLike | None = None,
    ) -> Array:
        """mean (N, n), cov (N, n, n), u (N, k) or (N, L, k): L operating points of which each step draws one; params (N, p);
        q (n,) or (N, n) standard deviation per √s (used for slow states only); keys (N,) distinct numbers that name the assets
        (0, 1, ... when absent). inf = not within n_steps * step_s. No argument is changed."""
        given = self._checked(mean, cov, u, params, q)
        mean, cov, u, params, q = given
        numbers = np.arange(len(mean), dtype=np.uint64) if keys is None else np.array(keys).astype(np.uint64)
        if not step_s > 0 or n_steps < 1 or n_trajectories < 1 or numbers.shape != (len(mean),):
            raise DataError(
                f"{self.model.name}: step_s {step_s}, n_steps {n_steps}, n_trajectories {n_trajectories} must be above 0, "
                f"and keys {numbers.shape} one per asset."
            )
        slow = [self.model.state_index(field) for field in self.model.slow]
        variant = Variant(tuple(i for i in slow if (q[:, i] > 0).any()), u.shape[1] > 1)
        out = np.full((len(mean), len(self.model.failure_modes), n_trajectories), np.inf)
        normals.module()  # first, so that the model's file can import it
        run = cache.load(f"{self.model.name}_futures", kernel_text(self.model, variant)).run
        run(mean, lower_root(cov), u, params, q * np.sqrt(step_s), float(step_s), n_steps, np.uint64(seed % 2**64), numbers, out)
        return out

    def _checked(self, *given: ArrayLike) -> tuple[Array, ...]:
        mean, cov, u, params, q = (np.asarray(a, np.float64) for a in given)
        n, k, p = self.model.n_states, len(self.model.Input._fields), len(self.model.Params._fields)
        count = len(mean)
        u = u[:, None, :] if u.ndim == 2 else u
        q = np.broadcast_to(q, (count, n)) if q.shape == (n,) else q
        shapes = ((count, n), (count, n, n), (count, max(1, u.shape[1] if u.ndim == 3 else 1), k), (count, p), (count, n))
        for name, array, shape in zip(("mean", "cov", "u", "params", "q"), (mean, cov, u, params, q), shapes, strict=True):
            if array.shape != shape:
                raise DataError(f"{self.model.name}: {name} has shape {array.shape}; {shape} is needed.")
            if not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise DataError(f"{self.model.name}: {name} of asset row {row} is not finite. Only a known state has futures.")
        return tuple(np.require(a, requirements=("C", "W")) for a in (mean, cov, u, params, q))  # one layout: compiled once


@lru_cache(maxsize=64)
def kernel_text(model: Model, variant: Variant) -> str:
    """Generator, model and loop in one file."""
    n, modes = model.n_states, len(model.failure_modes)
    fields = {"x": n, "u": len(model.Input._fields), "p": len(model.Params._fields)}
    load_u = [f"u{i} = U[a, l, {i}]" for i in range(fields["u"])]
    draw = ["l, loads = index(loads, U.shape[1])", *load_u] if variant.varied else []
    outer = [f"p{i} = PAR[a, {i}]" for i in range(fields["p"])] + ([] if variant.varied else ["l = 0", *load_u])
    begin = [f"z{i}, s = normal(s)" for i in range(n)]
    sums = (" + ".join(f"ROOT[a, {i}, {j}] * z{j}" for j in range(i + 1)) for i in range(n))
    begin += [f"x{i} = {_clipped(f'X[a, {i}] + {total}', model, i)}" for i, total in enumerate(sums)]
    first = [f"    limit{m}, s = threshold(g{m}, {_log_sd(model, m)!r}, s)" for m in range(modes)]
    open_ = [f"open{m} = True" for m in range(modes)]
    zero = [f"{name}{m} = 0.0" for m in range(modes) for name in ("limit", "before")]
    noise = [f"z{i}, path = normal(path)" for i in variant.noisy]
    check = [line for m in range(modes) for line in _check(m)]
    parts = [
        *_indent(8, ["asset = stream(stream(seed, 1), KEYS[a])", *outer]),
        "        for k in range(OUT.shape[2]):\n",
        *_indent(12, ["own = stream(asset, k)", "s, loads, path = stream(own, 0), stream(own, 1), stream(own, 2)", *begin, *draw]),
        *_indent(12, [*zero, *open_, f"left = {modes}", "i = 0", "while left > 0 and i <= n_steps:"]),
        *_indent(16, noise),
        _lines(model, fields, variant),
        *_indent(16, ["if i == 0:", *first, *check, *(f"x{i} = n{i}" for i in range(n)), "i += 1", *draw]),
    ]
    head = "def run(X, ROOT, U, PAR, NOISE, h, n_steps, seed, KEYS, OUT):\n    for a in range(X.shape[0]):\n"
    shared = f"from {normals.module_name()} import index, normal, normal_above, stream\n"
    return f"{cache.HEADER}{shared}{THRESHOLD}" + "\n\n@njit(**FLAGS)\n" + head + "".join(parts)


THRESHOLD = '''

@njit(**FLAGS)
def threshold(now, log_sd, s):
    """A lognormal threshold with median 1, given that severity `now` has not reached it."""
    if log_sd == 0.0:
        return 1.0, s
    z, s = normal_above(math.log(now) / log_sd if now > 0.0 else -inf, s)
    return math.exp(log_sd * z), s
'''


def _log_sd(model: Model, m: int) -> float:
    return float(model.failure_modes[m].threshold_log_sd)


def _indent(spaces: int, lines: list[str]) -> list[str]:
    return [f"{' ' * spaces}{line}\n" for line in lines]


def _clipped(text: str, model: Model, i: int) -> str:
    low, high = float(model.low[i]), float(model.high[i])
    text = f"max({text}, {low!r})" if low > -np.inf else text
    return f"min({text}, {high!r})" if high < np.inf else text


def _check(m: int) -> list[str]:
    """Mode m's passage, placed inside the step that ends at instant i."""
    return [
        f"if open{m}:",
        f"    if g{m} >= limit{m}:",
        f"        part = (limit{m} - before{m}) / (g{m} - before{m}) if i > 0 else 0.0",
        f"        OUT[a, {m}, k] = (i - 1 + part) * h if i > 0 else 0.0",
        f"        open{m} = False",
        "        left -= 1",
        f"    before{m} = g{m}",
    ]


def _lines(model: Model, fields: dict[str, int], variant: Variant) -> str:
    """Traced text that sets g<m> (severities at equilibrium) and n<i> (the state one step later)."""
    rec = Recording()
    x, u, p = (rec.symbols(name, count) for name, count in fields.items())
    steady = source.on_lists(model, model.steady, model.State, rec.xp)(x, u, p)
    severity = _severity(model, rec, steady, u, p)
    machine: Machine = source.machine(model, rec.xp)
    slow = {model.state_index(field) for field in model.slow}
    rates = machine.rhs(steady, u, p)
    after = [v + rec.symbol("h") * rates[i] if i in slow else v for i, v in enumerate(steady)]
    for i in variant.noisy:
        after[i] = after[i] + rec.symbol(f"NOISE[a, {i}]") * rec.symbol(f"z{i}")
    stores = [(f"g{m}", severity[mode.name]) for m, mode in enumerate(model.failure_modes)]
    return rec.body([*stores, *((f"n{i}", v) for i, v in enumerate(inside(rec.xp, after, machine)))], " " * 16)


def _severity(model: Model, rec: Recording, x: list[Any], u: list[Any], p: list[Any]) -> dict[str, Any]:
    """Severity by name; the NamedTuple that `severity` returns is found by running it once as commissioned."""
    with np.errstate(all="ignore"):
        result = type(model.severity(model.initial, model.nominal, model.Params()))
    found = dict(zip(result._fields, source.on_lists(model, model.severity, result, rec.xp)(x, u, p), strict=True))
    if missing := [mode.name for mode in model.failure_modes if mode.name not in found]:
        raise ModelError(f"{model.name}: failure mode {missing[0]!r} is not a field of severity(); fields: {', '.join(found)}.")
    return found
