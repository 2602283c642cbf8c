"""Which of an FMU's variables are driven, read, set and tuned: checked by name, then bound.

    with open_fmu("pump.fmu", stop_s=3600.0, parameters={"area": 0.02}) as fmu: ...

Every mistake is named here, before any library of the FMU is loaded. Verified: tests/fmu/test_files.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from didymos.assets.fmu.model import Fmu, Given
from didymos.assets.fmu.process import Limits
from didymos.core.black_box import NUMBERS, BlackBox, Variable
from didymos.core.errors import ConfigError, ModelError
from didymos.formats.fmu import FmuFile, check_runs_here, read_fmu


def open_fmu(
    path: Path | str,
    stop_s: float | None = None,
    start_s: float | None = None,
    parameters: Mapping[str, float] | None = None,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] | None = None,
    tuned: Sequence[str] = (),
    sha256: str = "",
    limits: Limits = Limits(),
) -> Fmu:
    """The FMU at `path`, found sound and fit for this machine. stop_s, start_s: as declared in the file where not given; `outputs`:
    names to read, all outputs when empty; `inputs`: names to drive, all inputs when None (one that is not driven keeps what the
    FMU gives it); `parameters`: values before the start, in the file's own units; `tuned`: what `members` varies."""
    place = Path(path)
    try:
        data = place.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Give the path of an FMU.") from error
    return of_file(read_fmu(data, place.name, sha256), stop_s, start_s, parameters, outputs, inputs, tuned, limits)


def of_file(
    file: FmuFile,
    stop_s: float | None = None,
    start_s: float | None = None,
    parameters: Mapping[str, float] | None = None,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] | None = None,
    tuned: Sequence[str] = (),
    limits: Limits = Limits(),
) -> Fmu:
    d = file.description
    check_runs_here(file)
    start = d.experiment.start_s if start_s is None else start_s
    stop = d.experiment.stop_s if stop_s is None else stop_s
    if stop is None:
        raise ConfigError(f"{d.name}: it declares no stop time. Give one.")
    if not (np.isfinite(start) and np.isfinite(stop) and stop > start):
        raise ConfigError(f"{d.name}: stop time {stop} s is not after start time {start} s. Give a later stop time.")
    shown = tuple(d.variable(name) for name in outputs) or d.of("output")
    for v in shown:
        _number(d, v)
    set_before = tuple((_settable(d, name, value), float(value)) for name, value in (parameters or {}).items())
    driven = d.of("input") if inputs is None else tuple(_number(d, d.variable(name, ("input",))) for name in inputs)
    return Fmu(file, start, stop, Given(driven, shown, set_before, tuple(_tunable(d, n) for n in tuned)), limits)


def _number(d: BlackBox, v: Variable) -> Variable:
    if v.kind not in NUMBERS:
        raise ModelError(f"{d.name}: {v.name!r} is {v.type}, which is not a number. Leave it out.")
    return v


def _settable(d: BlackBox, name: str, value: float) -> Variable:
    v = _number(d, d.variable(name))
    if not v.settable:
        raise ModelError(f"{d.name}: {name!r} is calculated by the FMU and cannot be set.")
    if not np.isfinite(value) or not v.low <= value <= v.high:
        raise ModelError(f"{d.name}: {name} = {value}; allowed are {v.low:g} to {v.high:g}. Correct the value.")
    return v


def _tunable(d: BlackBox, name: str) -> Variable:
    v = _number(d, d.variable(name, ("parameter", "input")))
    if v.role == "parameter" and not v.tunable:
        raise ModelError(f"{d.name}: parameter {name!r} is fixed; only tunable parameters may change while it runs.")
    return v
