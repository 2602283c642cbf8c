"""`BlackBoxModel`: a machine whose equations nobody can read, such as another tool's FMU: it steps, and its state can be kept.

    y = model.steps(u, dt_s)       inputs u (T, k) held through each of T steps -> outputs (T, m) at their ends
    state = model.get()            everything that goes on from here, as bytes
    model.set(state)               back to there; what follows is the same to the bit where the machine allows it

No slopes, no single precision of its state: NumPy's sigma points, ensembles and particles are all that can be built on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ModelError

Array = NDArray[np.float64]
NUMBERS = ("real", "integer", "boolean", "enumeration")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as its author declared it: value in `base` (SI base units, as core.units reads them) = factor * value + offset."""

    name: str
    base: str
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Variable:
    """One quantity of a black box.

    role    input, output, parameter, local (anything else that can be read)
    kind    real, integer, boolean, enumeration, or text, clock, binary, which are not numbers
    type    the word of the file for it, such as Float32
    start   as declared, NaN where there is none; low, high its declared range
    size    how many numbers (an array of constant size is one variable)
    fixed   a parameter that nobody may set, or only before the start
    """

    name: str
    role: str
    kind: str
    type: str
    reference: int
    unit: Unit | None = None
    start: float = float("nan")
    low: float = -float("inf")
    high: float = float("inf")
    size: int = 1
    tunable: bool = False
    settable: bool = True
    title: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What its author runs by default, in seconds; None where nothing is said."""

    start_s: float = 0.0
    stop_s: float | None = None
    step_s: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class BlackBox:
    """The frozen description.

    standard     `FMI 2.0`, `FMI 3.0`
    token        GUID (FMI 2) or instantiation token (FMI 3); identifier: name of its library
    sha256       of the whole file: two files are the same machine only when this is equal
    keeps_state  its state can be taken and given back within one process; stores_state: also written down
    any_step     steps of any length are allowed
    platforms    that it has a library for
    """

    name: str
    standard: str
    token: str
    identifier: str
    sha256: str
    variables: tuple[Variable, ...]
    experiment: Experiment
    keeps_state: bool
    stores_state: bool
    any_step: bool
    platforms: tuple[str, ...]
    tool: str = ""
    has_sources: bool = False
    once_per_process: bool = False

    def of(self, role: str) -> tuple[Variable, ...]:
        """Variables of one role that are numbers, in the order of the file."""
        return tuple(v for v in self.variables if v.role == role and v.kind in NUMBERS)

    def variable(self, name: str, roles: Sequence[str] = ("input", "output", "parameter", "local")) -> Variable:
        """ModelError names what there is, when `name` is not one of `roles`."""
        found = next((v for v in self.variables if v.name == name), None)
        if found is not None and found.role in roles:
            return found
        there = [v.name for v in self.variables if v.role in roles]
        near = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "")
        what = f"{name!r} is {_article(found.role)} {found.role}" if found else f"it has no variable {name!r}"
        raise ModelError(f"{self.name}: {what}. Allowed as {' or '.join(roles)}: {near or 'none'}. Correct the name.")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


class BlackBoxModel(Protocol):
    """One machine that steps. Deterministic: the same state and the same inputs give the same outputs."""

    description: BlackBox

    @property
    def time_s(self) -> float: ...

    def steps(self, u: Array, dt_s: float) -> Array:
        """u (T, k) complete -> outputs (T, m). ModelError or SolveError where it cannot; it then stands where it stood."""
        ...

    def get(self) -> bytes: ...

    def set(self, state: bytes) -> None:
        """DataError for a state of another machine."""
        ...


class Branching(Protocol):
    """A black box of which many states can be followed at once, each with its own values of some parameters."""

    description: BlackBox

    @property
    def time_s(self) -> float: ...

    def state(self) -> bytes: ...

    def members(self, states: Sequence[bytes], u: Array, time_s: float, dt_s: float, tuned: Array) -> tuple[list[bytes], Array]:
        """One step from each of N states at `time_s`: u (N, k), tuned (N, p) -> N states, outputs (N, m)."""
        ...
