"""What the twin says of one operation on one part or load: an operation record and a belief -> a process record.

    record = process_record(operation, process, said)       the same arguments give the same bytes

The record names the operation by its key; serial, order, tool and program; what was measured while it ran; the figures of the
process model at its end with their intervals; and by name what is out of limit. Where the twin has nothing to say, `withheld` says
why and the figures are missing, never guessed. Pure; `plant.process_run` brings the rows and publishes once.
Verified: tests/plant/test_process.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets.process import Figure, Process, figures
from didymos.core.case import Record
from didymos.core.errors import DataError
from didymos.core.series import Quality, Series

Array = NDArray[np.float64]
KIND = "process"


@dataclass(frozen=True, slots=True)
class Said:
    """params (p,), mean (n,), cov (n, n): the twin at the end of the operation. series: channels of the asset over it, inputs and
    measured ones. constants: inputs that no sensor measures. withheld: why there is no belief."""

    params: Array
    mean: Array
    cov: Array
    series: Mapping[str, Series]
    constants: Mapping[str, float] = field(default_factory=dict)
    tool: str = ""
    program: str = ""
    withheld: str = ""


def process_record(operation: Record, process: Process, said: Said) -> Record:
    """Key: that of the operation, so that there is one for each."""
    found, withheld = (), said.withheld
    if not withheld:
        try:
            inputs = held_inputs(process, said, int(operation.body["start_ns"]), int(operation.body["end_ns"]))  # type: ignore[call-overload]
            found = figures(process, said.params, said.mean, said.cov, inputs)
        except DataError as error:
            withheld = str(error)
    told = ("order", "operation", "serial", "lot", "asset", "start_ns", "end_ns")
    body: dict[str, object] = {
        "record": operation.key, **{name: operation.body.get(name) for name in told}, "tool": said.tool, "program": said.program,
        "model": process.model.name, "model_version": process.model.version,
        "measured": {name: statistics(said.series.get(name)) for name in process.measured},
        "figures": [_plain(figure) for figure in found],
        "outside": [figure.name for figure in found if figure.outside],
        "withheld": withheld,
    }  # fmt: skip
    return Record(f"{KIND}:{operation.key}", KIND, operation.subject, operation.time_ns, body)


def last_active_ns(operation: Record, process: Process, said: Said) -> int | None:
    """When the process last worked on the part: a load that was drawn before the program ended is judged as it was drawn."""
    start_ns, end_ns = (int(operation.body[name]) for name in ("start_ns", "end_ns"))  # type: ignore[call-overload]
    try:
        inputs, times = held_inputs(process, said, start_ns, end_ns), _times(process, said, start_ns, end_ns)
    except DataError:
        return None
    model = process.model
    on = process.active(model.initial, model.Input(*inputs.T), model.Params(*map(float, said.params)))
    active = np.flatnonzero(np.broadcast_to(on, len(times)) > 0.5)
    return int(times[active[-1]]) if len(active) else None


def _times(process: Process, said: Said, start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """At which an input came inside the window."""
    usable = [_usable(said.series[c.name])[0] for c in process.model.inputs if c.name in said.series]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(t[(t >= start_ns) & (t <= end_ns)] for t in usable)]))


def held_inputs(process: Process, said: Said, start_ns: int, end_ns: int) -> Array:
    """(T, k) at every time at which an input came inside the window; others hold their last value. DataError without any."""
    channels = process.model.inputs
    usable = {c.name: _usable(said.series[c.name]) for c in channels if c.name in said.series}
    times = _times(process, said, start_ns, end_ns)
    if not len(times):
        raise DataError(f"{process.model.name}: no usable sample of any input in the window")
    columns = []
    for channel in channels:
        time_ns, value = usable.get(channel.name, (np.zeros(0, np.int64), np.zeros(0)))
        at = np.searchsorted(time_ns, times, "right") - 1
        held = np.where(at >= 0, value[np.maximum(at, 0)], np.nan) if len(value) else np.full(len(times), np.nan)
        columns.append(np.where(np.isfinite(held), held, said.constants.get(channel.name, np.nan)))
    return np.column_stack(columns)


def statistics(series: Series | None) -> dict[str, Any]:
    """Mean, least and most of the usable samples, how many there were and how many could not be used."""
    if series is None:
        return {"samples": 0, "unusable": 0}
    _, value = _usable(series)
    found: dict[str, Any] = {"samples": len(value), "unusable": len(series) - len(value)}
    if len(value):
        found |= {"mean": float(value.mean()), "least": float(value.min()), "most": float(value.max())}
    return found


def _usable(series: Series) -> tuple[NDArray[np.int64], Array]:
    good = (np.asarray(series.quality) <= Quality.UNCERTAIN) & np.isfinite(series.value)
    return series.time_ns[good], series.value[good]


def _plain(figure: Figure) -> dict[str, Any]:
    return {name: value for name, value in asdict(figure).items() if value is not None}
