"""`Model`: a machine written once, as plain functions on NamedTuples of scalars.

A machine file in `assets/` holds NamedTuples State, Input, Output, Params (fields end in their SI unit), functions

    rhs(x, u, p)       -> State      time derivatives, per second
    out(x, u, p)       -> Output     what each sensor should read
    virtual(x, u, p)   -> NamedTuple quantities nobody measures
    severity(x, u, p)  -> NamedTuple one number per failure mode; 1.0 is the published threshold
    steady(x, u, p)    -> State      fast entries at their equilibrium, slow entries unchanged

and one `Model` value that names them. Inside the functions only `np.name(...)`, arithmetic, comparisons, calls of plain
functions and of other modules' plain functions are allowed; no `if` on a value (write `np.where`), no `math`, no closures.
The same file then runs on floats, on NumPy arrays over assets, on JAX and, traced, on numba (`numerics.trace`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from didymos.core.channel import Channel


@dataclass(frozen=True, slots=True)
class FailureMode:
    """One way to fail.

    name        field of the model's `severity` result
    component   id of the component that fails
    wear        State fields that carry the damage
    threshold   what severity 1.0 means, in words with number and unit
    source      where the threshold is published
    threshold_log_sd  unit-to-unit spread of the threshold (standard deviation of its logarithm)
    sensors     Output fields (channel names) that show it
    action      what the crew does; `spare` the part to bring
    iso14224    failure-mode code of ISO 14224 Annex B, where one fits
    conditions  inputs that are the machine's own condition, not its load (the oil's viscosity): one that leaves the range seen at
                commissioning is a symptom of this mode
    """

    name: str
    title: str
    component: str
    wear: tuple[str, ...]
    threshold: str
    source: str
    threshold_log_sd: float
    sensors: tuple[str, ...]
    action: str
    spare: str = ""
    iso14224: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """A replaceable part; `wear` lists the State fields that start anew when it is replaced."""

    id: str
    title: str
    wear: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Meaning, unit and origin of one field of Params. `low` and `high`: what `didymos check` accepts."""

    name: str
    title: str
    unit: str
    source: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Model:
    """A machine model. Every tuple of channels is in the order of the NamedTuple it describes.

    slow           State fields that are wear; all others are fast and may be put at equilibrium by `steady`
    initial        State at commissioning (healthy); initial_sd its standard deviation
    process_noise  standard deviation per square root of second, a State
    low, high      bounds of the State, kept by the estimator
    nominal        Input at rated operation
    loads          (x, u, p) -> NamedTuple: heat and forces that the machine puts into its parts, for their Fields
    max_step_s     largest step at which Euler's rule is stable and accurate to a sensor's noise
    """

    name: str
    title: str
    State: type[Any]
    Input: type[Any]
    Output: type[Any]
    Params: type[Any]
    rhs: Callable[[Any, Any, Any], Any]
    out: Callable[[Any, Any, Any], Any]
    virtual: Callable[[Any, Any, Any], Any]
    severity: Callable[[Any, Any, Any], Any]
    steady: Callable[[Any, Any, Any], Any]
    inputs: tuple[Channel, ...]
    sensors: tuple[Channel, ...]
    virtuals: tuple[Channel, ...]
    slow: tuple[str, ...]
    initial: Any
    initial_sd: Any
    process_noise: Any
    low: Any
    high: Any
    nominal: Any
    max_step_s: float
    failure_modes: tuple[FailureMode, ...]
    components: tuple[Component, ...]
    parameters: tuple[Parameter, ...]
    version: str = "1"
    loads: Callable[[Any, Any, Any], Any] | None = None

    @property
    def n_states(self) -> int:
        return len(self.State._fields)

    @property
    def n_sensors(self) -> int:
        return len(self.Output._fields)

    def state_index(self, field: str) -> int:
        return self.State._fields.index(field)
