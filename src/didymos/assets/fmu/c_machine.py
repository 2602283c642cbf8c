"""machine.h: what differs from one exported machine to the next, as C. The rest is written once, in the *.h and *.c files here.

Two kinds: `of_model` (any `core.model.Model`, by its own equations) and `of_affine` (a reduced field, by its matrices).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.black_box import Experiment, Unit, Variable
from didymos.core.channel import Channel
from didymos.core.errors import ModelError
from didymos.core.model import Model
from didymos.core.units import base_powers
from didymos.numerics.c_source import HELPERS, c_function, fields_of

Array = NDArray[np.float64]
BASE = ("kg", "m", "s", "A", "K", "mol", "cd")
OUTPUTS = ("out", "virtual", "severity")


@dataclass(frozen=True, slots=True)
class CMachine:
    """Text of machine.h without token, and what the description needs."""

    name: str
    identifier: str
    title: str
    text: str
    variables: tuple[Variable, ...]
    experiment: Experiment
    needs: tuple[str, ...]  # files beside instance.h


@dataclass(frozen=True, slots=True)
class Affine:
    """A reduced field,  M da/dt + (K + Σ h_j K_j) a = B q + C (h ∘ (T - reference)),  y = W a + offset,  σ = S [a, forces].

    mass, stiffness (r, r); films (J, r, r); loads (r, L); behind (r, J); out (m, r); offset (m,); start (r,); hot (H, 6, r + F)
    with components xx yy zz yz xz xy, of which the FMU gives von Mises stresses.
    Inputs are the loads q, then the films h, then the temperatures T behind them, then the forces: `inputs` names L + 2 J + F
    channels, `outputs` m + H. `step_s`: the longest step of backward Euler. low, high of the channels are its validity box.
    """

    name: str
    mass: Array
    stiffness: Array
    films: Array
    loads: Array
    behind: Array
    out: Array
    offset: Array
    start: Array
    inputs: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    nominal: tuple[float, ...]
    step_s: float
    reference: float = 0.0
    hot: Array | None = None


def of_model(model: Model, parameters: Mapping[str, float] | None = None, initial: Mapping[str, float] | None = None) -> CMachine:
    """Start values may be given by the names of Params and State fields."""
    params = _with(model, model.Params(), parameters or {}, "parameter")
    state = _with(model, model.initial, initial or {}, "state")
    variables = _model_variables(model, params, state)
    sizes = _sizes(model.n_states, len(model.Input._fields), len(params), sum(v.role == "output" for v in variables))
    text = sizes + "".join(
        _numbers(name, values)
        for name, values in {
            "X_START": state, "X_LOW": model.low, "X_HIGH": model.high, "U_START": model.nominal, "P_START": params,
        }.items()
    )  # fmt: skip
    text += f"#define MAX_STEP {model.max_step_s!r}\n\n{HELPERS}\n"
    text += c_function(model, "rhs", ("rhs",)) + "\n" + c_function(model, "outputs", OUTPUTS) + '\n#include "machine_rk4.h"\n'
    step = min(model.max_step_s, 60.0)
    experiment = Experiment(0.0, 1000.0 * step, step)
    return CMachine(model.name, model.name, model.title, text, variables, experiment, ("machine_rk4.h",))


def of_affine(system: Affine) -> CMachine:
    r, m, films, loads = len(system.start), len(system.offset), len(system.films), system.loads.shape[1]
    hot = system.hot if system.hot is not None else np.zeros((0, 6, r))
    forces = hot.shape[-1] - r
    _check_affine(system, hot, forces)
    text = _sizes(r, loads + 2 * films + forces, 0, m + len(hot))
    text += f"#define N_FORCES {forces}\n#define N_LINEAR {m}\n#define N_HOT {len(hot)}\n"
    text += (
        f"#define N_LOADS {loads}\n#define N_FILMS {films}\n#define N_LOADS_1 {max(1, loads)}\n#define N_FILMS_1 {max(1, films)}\n"
    )
    text += f"#define MAX_STEP {float(system.step_s)!r}\n#define REFERENCE {float(system.reference)!r}\n"
    arrays = {
        "X_START": system.start, "U_START": system.nominal, "P_START": (), "MASS": system.mass, "STIFFNESS": system.stiffness,
        "FILMS": system.films, "LOADS": system.loads, "BEHIND": system.behind, "OUT": system.out, "OFFSET": system.offset,
        "HOT": hot,
    }  # fmt: skip
    text += "".join(_numbers(name, np.ravel(values)) for name, values in arrays.items())
    text += f'\n{HELPERS}\n#include "machine_affine.h"\n'
    variables = [_channel(c, "input", start) for c, start in zip(system.inputs, system.nominal, strict=True)]
    variables += [_state(f"state.{i + 1}", value) for i, value in enumerate(system.start)]
    variables += [_channel(c, "output") for c in system.outputs]
    experiment = Experiment(0.0, 1000.0 * system.step_s, system.step_s)
    return CMachine(
        system.name, _identifier(system.name), "Reduced field", text, _referred(variables), experiment, ("machine_affine.h",)
    )


def _check_affine(s: Affine, hot: Array, forces: int) -> None:
    r, m, films, loads = len(s.start), len(s.offset), len(s.films), s.loads.shape[1]
    inputs = loads + 2 * films + forces
    wanted = {
        "mass": (r, r), "stiffness": (r, r), "films": (films, r, r), "loads": (r, loads), "behind": (r, films), "out": (m, r),
        "hot": (len(hot), 6, r + max(0, forces)), "nominal": (inputs,), "inputs": (inputs,), "outputs": (m + len(hot),),
    }  # fmt: skip
    for name, shape in wanted.items():
        value = hot if name == "hot" else getattr(s, name)
        found = (len(value),) if name in ("inputs", "outputs") else np.shape(value)
        if found != shape:
            raise ModelError(f"{s.name}: {name} has shape {found}; {shape} is needed.")
        if name not in ("inputs", "outputs") and not np.isfinite(np.asarray(value, float)).all():
            raise ModelError(f"{s.name}: {name} holds a value that is no finite number.")
    if not (r and isfinite(s.step_s) and s.step_s > 0.0):
        raise ModelError(f"{s.name}: {r} states and steps of {s.step_s} s; at least one state and a step above 0 are needed.")


def _with(model: Model, values: Any, given: Mapping[str, float], what: str) -> Any:
    for name, value in given.items():
        if name not in values._fields:
            raise ModelError(f"{model.name}: {what} {name!r} is not known. Allowed: {', '.join(values._fields)}.")
        if not isfinite(value):
            raise ModelError(f"{model.name}: {what} {name} = {value}; a finite number is needed.")
    return values._replace(**{name: float(value) for name, value in given.items()})


def _model_variables(model: Model, params: Any, state: Any) -> tuple[Variable, ...]:
    about = {p.name: p for p in model.parameters}
    found = [_channel(c, "input", float(start)) for c, start in zip(model.inputs, model.nominal, strict=True)]
    for name, value in zip(params._fields, params, strict=True):
        p = about.get(name)
        low, high = (min(p.low, float(value)), max(p.high, float(value))) if p else (-inf, inf)
        unit, title = (_unit(p.unit), p.title) if p else (None, "")
        found.append(
            Variable(f"parameter.{name}", "parameter", "real", "Float64", 0, unit, float(value), low, high, 1, True, True, title)
        )
    for name, value, low, high in zip(state._fields, state, model.low, model.high, strict=True):
        found.append(_state(f"state.{name}", float(value), float(low), float(high)))
    found += [_channel(c, "output") for c in model.sensors]
    found += [_channel(c, "output", prefix="virtual.") for c in model.virtuals]
    titles = {mode.name: mode.title for mode in model.failure_modes}
    for name in fields_of(model, "severity"):
        title = f"{titles.get(name, name)}: 1 at the published threshold"
        found.append(Variable(f"severity.{name}", "output", "real", "Float64", 0, settable=False, title=title))
    return _referred(found)


def _referred(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    from dataclasses import replace

    return tuple(replace(v, reference=i + 1) for i, v in enumerate(variables))


def _channel(c: Channel, role: str, start: float = float("nan"), prefix: str = "") -> Variable:
    low, high = (c.low, c.high) if role == "input" else (-inf, inf)
    low, high = (min(low, start), max(high, start)) if role == "input" else (low, high)
    return Variable(
        prefix + c.name, role, "real", "Float64", 0, _unit(c.unit), start, low, high, 1, False, role == "input", c.title
    )


def _state(name: str, start: float, low: float = -inf, high: float = inf) -> Variable:
    return Variable(
        name, "local", "real", "Float64", 0, None, start, low, high, title="state; its value may be set before the start"
    )


def _unit(text: str) -> Unit | None:
    if text in ("", "1"):
        return None
    powers, factor = base_powers(text)
    return Unit(text, " * ".join(f"{name}**{powers[name]}" for name in BASE if name in powers) or "1", factor)


def _identifier(name: str) -> str:
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return text if text and not text[0].isdigit() else f"m_{text}"


def _sizes(n: int, k: int, p: int, m: int) -> str:
    sizes = {"N_X": n, "N_U": k, "N_P": p, "N_Y": m, "N_U_1": max(1, k), "N_P_1": max(1, p), "N_Y_1": max(1, m)}
    return "".join(f"#define {name} {size}\n" for name, size in sizes.items())


def _numbers(name: str, values: Any) -> str:
    words = [_number(float(v)) for v in values] or ["0.0"]
    rows = [", ".join(words[i : i + 6]) for i in range(0, len(words), 6)]
    return f"static const double {name}[] = {{\n    " + ",\n    ".join(rows) + "\n};\n"


def _number(value: float) -> str:
    return repr(value) if isfinite(value) else ("INFINITY" if value > 0 else "-INFINITY")
