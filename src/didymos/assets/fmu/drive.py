"""An FMU driven by rows of a CSV file: inputs by name and unit, held from row to row; measured outputs beside computed ones.

    time,flow [m3/h],power [kW]        `time` in seconds; a unit in brackets is converted to the FMU's own, none means the FMU's own
    0,25.1,5.6

Columns that are inputs drive; columns that are outputs are what was measured, and give residuals; any other column is a mistake.
Verified: tests/fmu/test_commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from didymos.assets.fmu.model import Fmu, columns
from didymos.core.black_box import BlackBox, Unit, Variable
from didymos.core.errors import ConfigError, DataError
from didymos.core.units import ToSI, to_si
from didymos.formats.csv_text import read_rows

Array = NDArray[np.float64]
HEAD = re.compile(r"\s*(.*?)\s*(?:\[([^\]]*)\])?\s*\Z")
MOST_STEPS = 50_000_000
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Table:
    """time_s (n,) rising; inputs name -> (n,), measured name -> (n,) with NaN for a gap; both in the FMU's own units."""

    time_s: Array
    inputs: dict[str, Array]
    measured: dict[str, Array]


@dataclass(frozen=True, slots=True)
class Residual:
    """Measured minus computed of one output, over the `count` readings there were."""

    name: str
    count: int
    bias: float
    rms: float
    largest: float


def conversion(variable: Variable, unit: str, where: str) -> ToSI:
    """From `unit` to the variable's own unit: own = factor * given + offset. ConfigError for another dimension."""
    own = variable.unit
    if not unit or (own is not None and unit == own.name):
        return ToSI(1.0, 0.0)
    if own is None:
        raise ConfigError(f"{where}: {variable.name!r} has no unit in the FMU, but {unit!r} is given. Leave the unit out.")
    base = own.base or own.name
    given = to_si(unit, base, where)
    return ToSI(given.factor / own.factor, (given.offset - own.offset) / own.factor) if own.base else given


def from_si(unit: Unit | None, si_unit: str, where: str) -> ToSI:
    """From SI to an FMU's unit; the channel's own number where the FMU declares none."""
    if unit is None:
        return ToSI(1.0, 0.0)
    if unit.base:
        given = to_si(si_unit, unit.base, where)
        return ToSI(given.factor / unit.factor, (given.offset - unit.offset) / unit.factor)
    back = to_si(unit.name, si_unit, where)
    return ToSI(1.0 / back.factor, -back.offset / back.factor)


def read_table(data: bytes, where: str, d: BlackBox, outputs: Sequence[Variable]) -> Table:
    read = read_rows(data, where)
    if read.bad or len(read.rows) < 2:
        line, text = read.bad[0] if read.bad else (1, "a head line and at least one row are needed")
        raise DataError(f"{where}, line {line}: {text}.")
    heads = [_head(cell, where) for cell in read.rows[0][1]]
    names = [name for name, _ in heads]
    if names.count("time") != 1 or len(set(names)) < len(names):
        raise DataError(f"{where}: columns are {', '.join(names)}; one must be `time`, in seconds, and each name once.")
    numbers = _numbers(read.rows[1:], len(names), where)
    time_s = numbers[:, names.index("time")]
    if not np.isfinite(time_s).all() or (np.diff(time_s) <= 0.0).any():
        row = int(np.argmax(~np.isfinite(time_s))) if not np.isfinite(time_s).all() else int(np.argmax(np.diff(time_s) <= 0.0)) + 1
        raise DataError(f"{where}, line {read.rows[row + 1][0]}: time does not rise. Sort the rows, each time once.")
    inputs, measured = _bound(heads, numbers, d, outputs, where)
    return Table(time_s, inputs, measured)


def _bound(
    heads: Sequence[tuple[str, str]], numbers: Array, d: BlackBox, outputs: Sequence[Variable], where: str
) -> tuple[dict[str, Array], dict[str, Array]]:
    driven = dict(zip(columns(d.of("input")), _each(d.of("input")), strict=True))
    read = dict(zip(columns(outputs), _each(outputs), strict=True))
    inputs, measured = {}, {}
    for column, (name, unit) in enumerate(heads):
        if name == "time":
            if unit not in ("", "s"):
                raise ConfigError(f"{where}: time is in {unit!r}. Allowed: s. Give seconds.")
            continue
        variable = driven.get(name) or read.get(name)
        if variable is None:
            raise ConfigError(
                f"{where}: column {name!r} is neither an input nor an output that is read. Inputs: {', '.join(driven) or 'none'}; "
                f"outputs: {', '.join(read) or 'none'}. Correct the head line."
            )
        own = conversion(variable, unit, f"{where}: column {name!r}")
        (inputs if name in driven else measured)[name] = own.factor * numbers[:, column] + own.offset
    return inputs, measured


def _each(variables: Sequence[Variable]) -> list[Variable]:
    return [v for v in variables for _ in range(v.size)]


def _head(cell: str, where: str) -> tuple[str, str]:
    found = HEAD.match(cell)
    assert found is not None  # it matches anything
    return found.group(1).strip('"'), (found.group(2) or "").strip()


def _numbers(rows: Sequence[tuple[int, list[str]]], width: int, where: str) -> Array:
    found = np.empty((len(rows), width))
    for i, (line, cells) in enumerate(rows):
        if len(cells) != width:
            raise DataError(f"{where}, line {line}: {len(cells)} fields; the head line has {width}.")
        for j, cell in enumerate(cells):
            try:
                found[i, j] = float(cell) if cell.strip() else np.nan
            except ValueError as error:
                raise DataError(f"{where}, line {line}: {cell[:40]!r} is not a number.") from error
    return found


def driven(table: Table | None, d: BlackBox) -> list[str]:
    """Inputs that have a column. All numbers of an array must have one. The others keep what the FMU gives them."""
    if table is None:
        return []
    found = []
    for v in d.of("input"):
        given = [name in table.inputs for name in columns([v])]
        if any(given) and not all(given):
            raise ConfigError(
                f"{d.name}: of input {v.name!r} only some numbers have a column. Allowed: {', '.join(columns([v]))}. Give all."
            )
        found += [v.name] if all(given) else []
    return found


def grid(start_s: float, stop_s: float, step_s: float, where: str) -> int:
    """Steps from start to stop. ConfigError for a step that is not above 0, or does not lead to the stop."""
    if not (np.isfinite(step_s) and step_s > 0.0):
        raise ConfigError(f"{where}: step {step_s} s; it must be above 0. Give --step.")
    if not stop_s > start_s:
        raise ConfigError(f"{where}: stop {stop_s:g} s is not after start {start_s:g} s. Give a later --stop.")
    count = round((stop_s - start_s) / step_s)
    if count < 1 or count > MOST_STEPS:
        raise ConfigError(f"{where}: {count} steps of {step_s:g} s; 1 to {MOST_STEPS} are allowed. Correct --step or --stop.")
    return count


def held(table: Table | None, fmu: Fmu, time_s: Array) -> Array:
    """Driven inputs (T, k) at `time_s`: the last value given at or before each, the FMU's start value before the first row."""
    starts = {name: v.start for name, v in zip(columns(fmu.driven), _each(fmu.driven), strict=True)}
    u = np.tile(np.array([value if np.isfinite(value) else 0.0 for value in starts.values()], float), (len(time_s), 1))
    if table is None:
        return u
    row = np.searchsorted(table.time_s, time_s + 1e-9 * np.maximum(1.0, np.abs(time_s)), side="right") - 1
    for name, values in table.inputs.items():
        column = fmu.inputs.index(name)
        known = np.where(row >= 0, values[np.maximum(row, 0)], u[:, column])
        u[:, column] = known
    return u


def run(
    fmu: Fmu, table: Table | None, step_s: float, count: int, told: Callable[[int], None] = lambda _done: None
) -> Iterator[tuple[Array, Array]]:
    """(time_s (T,), outputs (T, m)), the start first, in chunks."""
    start = fmu.time_s
    yield np.array([start]), fmu.start()[None, :]
    for first in range(0, count, CHUNK):
        steps = np.arange(first, min(count, first + CHUNK), dtype=np.float64)
        y = fmu.steps(held(table, fmu, np.asarray(start + steps * step_s, np.float64)), step_s)
        told(first + len(steps))
        yield np.asarray(start + (steps + 1.0) * step_s, np.float64), y


class Compared:
    """Residuals of the measured outputs, gathered chunk by chunk: measured values are compared with the outputs between them."""

    def __init__(self, table: Table, outputs: Sequence[str]) -> None:
        self._table = table
        self._columns = {name: list(outputs).index(name) for name in table.measured}
        self._found: dict[str, list[Array]] = {name: [] for name in table.measured}
        self._last: tuple[float, Array] | None = None

    def see(self, time_s: Array, y: Array) -> None:
        """Chunks in order; linear between two outputs."""
        times, values = time_s, y
        if self._last is not None:
            times, values = np.concatenate([[self._last[0]], time_s]), np.concatenate([self._last[1][None], y])
        rows = (self._table.time_s <= times[-1]) & (
            self._table.time_s > times[0] if self._last is not None else self._table.time_s >= times[0]
        )
        at = self._table.time_s[rows]
        for name, column in self._columns.items():
            off = self._table.measured[name][rows] - np.interp(at, times, values[:, column])
            self._found[name].append(off[np.isfinite(off)])
        self._last = (float(time_s[-1]), y[-1])

    def residuals(self) -> list[Residual]:
        found = []
        for name, parts in self._found.items():
            r = np.concatenate(parts) if parts else np.zeros(0)
            some = len(r) > 0
            rms, largest = (sqrt(float(np.mean(r**2))), float(np.max(np.abs(r)))) if some else (0.0, 0.0)
            found.append(Residual(name, len(r), float(np.mean(r)) if some else 0.0, rms, largest))
        return found
