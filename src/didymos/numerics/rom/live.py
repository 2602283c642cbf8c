"""A Field at telemetry rate: one reduced step, the whole temperature field, stress at hot spots and on the surface. NumPy only.

    live = start(field)                     amounts of a body at one temperature
    step = stepper(field, films, step_s)    reduced matrices at these films, exactly; kept while films stay
    live = advance(step, live, loads, behind)
    temperature(field, live)  hot_spots(field, live, forces)  surface_stress(field, live, forces)

Stress comes as components and as signed von Mises: its size with the sign of the mean normal stress, so that a cycle from
tension to compression is counted as one. Verified: tests/verify/test_rom.py, tests/verify/test_field.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError
from didymos.core.field import Field, FieldAnswer, outside
from didymos.numerics.rom.bound import Bound

Array = NDArray[np.float64]
# rows whose squares sum to the square of von Mises' stress, then the mean normal stress
MISES = np.array([
    [np.sqrt(0.5), -np.sqrt(0.5), 0, 0, 0, 0], [0, np.sqrt(0.5), -np.sqrt(0.5), 0, 0, 0], [-np.sqrt(0.5), 0, np.sqrt(0.5), 0, 0, 0],
    [0, 0, 0, np.sqrt(3.0), 0, 0], [0, 0, 0, 0, np.sqrt(3.0), 0], [0, 0, 0, 0, 0, np.sqrt(3.0)], [1, 1, 1, 0, 0, 0],
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Live:
    """Amounts (r,) of the modes, and the bound on the error in the norm of heat capacity (`numerics.rom.bound`)."""

    amount: Array
    error_M: float = 0.0


@dataclass(frozen=True, slots=True)
class Stepper:
    """amount -> hold @ amount + heat @ loads + behind @ rise at these films; gain (r, r): of a heat flow held over the step."""

    field: Field
    film: Array
    step_s: float
    hold: Array
    gain: Array
    heat: Array
    behind: Array


def start(field: Field, temperature_K: float | None = None) -> Live:
    rise = 0.0 if temperature_K is None else temperature_K - field.made.reference_K
    return Live(rise * field.level)


def stiffness(field: Field, film: Array) -> Array:
    """(r, r) [1/s]."""
    return field.conduction + np.tensordot(film, field.films, 1)


def stepper(field: Field, film: Array, step_s: float, exact: bool = False) -> Stepper:
    """By backward Euler, as the full model and the bound; `exact`: for inputs held over the step, whatever its length."""
    if not (step_s > 0.0 and np.isfinite(step_s) and np.isfinite(film).all() and (film >= 0.0).all()):
        raise ModelError(f"field {field.name}: step {step_s} s at films {film}. Allowed: a step above 0 s, films >= 0. Correct it.")
    slow = stiffness(field, film)
    if exact:
        rate, turn = np.linalg.eigh(slow)
        decay = np.exp(-rate * step_s)
        hold, gain = (turn * decay) @ turn.T, (turn * ((1.0 - decay) / rate)) @ turn.T
    else:
        hold = np.asarray(np.linalg.inv(np.eye(len(slow)) + step_s * slow), float)
        gain = step_s * hold
    return Stepper(field, film, step_s, hold, gain, gain @ field.loads, gain @ (field.behind * film))


def advance(step: Stepper, amount: Array, load: Array, behind: Array) -> Array:
    """(r,) after one step; `behind` is the rise above the reference [K]."""
    return step.hold @ amount + step.heat @ load + step.behind @ behind


def bounded(step: Stepper, live: Live, load: Array, behind: Array, bound: Bound) -> Live:
    """`advance`, with the bound on the error carried along."""
    amount = advance(step, live.amount, load, behind)
    residual = bound.residual_norm(amount, (amount - live.amount) / step.step_s, load, step.film, behind)
    return Live(amount, bound.next(live.error_M, residual, step.step_s))


def bound_of(field: Field) -> Bound:
    return Bound(field.bound, field.decay_per_s, field.capacity_J_K, field.film_low)


def temperature(field: Field, amount: Array) -> NDArray[np.float32]:
    """(n,) [K]."""
    return field.modes @ (amount + field.made.reference_K * field.level).astype(np.float32)


def answer(field: Field, live: Live, inputs: Mapping[str, float]) -> FieldAnswer:
    """The whole field, marked with every input that lies outside the box; a bound only inside."""
    beyond = outside(field, inputs)
    rms = None if beyond else bound_of(field).rms_K(live.error_M)
    return FieldAnswer(temperature(field, live.amount), rms, beyond)


def split(field: Field, inputs: Mapping[str, float]) -> tuple[Array, Array, Array, Array]:
    """(loads, rise behind films, films, forces) out of one mapping by name."""
    pick = lambda kind: np.array([inputs[i.name] for i in field.named(kind)], float)  # noqa: E731
    return pick("load"), pick("behind") - field.made.reference_K, pick("film"), pick("force")


@dataclass(frozen=True, slots=True)
class HotSpots:
    """Stress of the hot spots as one matrix (7 H, r + F): von Mises' six squares and the sign of each."""

    rows: Array
    count: int

    def __call__(self, amount: Array, force: Array) -> Array:
        """(H,) signed von Mises stress [Pa]."""
        part = (self.rows @ np.concatenate((amount, force))).reshape(self.count, 7)
        size = np.sqrt(np.einsum("hi,hi->h", part[:, :6], part[:, :6]))
        return np.copysign(size, part[:, 6])


def hot_spots(field: Field) -> HotSpots:
    rows = np.einsum("ij,hjk->hik", MISES, field.hot)
    return HotSpots(np.ascontiguousarray(rows.reshape(-1, field.hot.shape[2])), len(field.hot))


def surface_stress(field: Field, amount: Array, force: Array) -> NDArray[np.float32]:
    """(s,) signed von Mises stress [Pa] of the surface's vertices."""
    part = field.stress @ np.concatenate((amount, force)).astype(np.float32)  # (6, s)
    x, y, z = part[:3]
    size = np.sqrt(0.5 * ((x - y) ** 2 + (y - z) ** 2 + (z - x) ** 2) + 3.0 * (part[3:] ** 2).sum(axis=0))
    return np.copysign(size, x + y + z)
