"""What each table of a part's file may hold: key -> (reader, default). A reader gives the value or says what is allowed.

A new key is one line here and one field in `file`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Reader = Callable[[Any], Any]
REQUIRED = object()
ANALYSES = ("static", "heat", "transient", "thermoelastic", "modal", "harmonic")
KINDS = ("solid", "plane_stress", "plane_strain", "axisymmetric")
AXES = ("x", "y", "z", "r")


class Refused(ValueError):
    """Holds what is allowed."""


def number(low: float = -math.inf, high: float = math.inf, strictly: bool = False) -> Reader:
    """A finite number from `low` to `high`, ends included; `strictly`: above `low` and below `high`."""
    between = f"{low:g} < it < {high:g}" if strictly else f"{low:g} to {high:g}"
    allowed = "a finite number" if math.isinf(low) and math.isinf(high) else f"a finite number, {between}"

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Refused(allowed)
        if not (low < value < high if strictly else low <= value <= high):
            raise Refused(allowed)
        return float(value)

    return read


def count(low: int, high: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refused(f"a whole number from {low} to {high}")
        return value

    return read


def text(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or (choices and value not in choices) or not value:
            raise Refused(f"one of {', '.join(choices)}" if choices else "a text that is not empty")
        return value

    return read


def several(each: Reader, least: int, most: int) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Refused(f"a list of {least}{f' to {most}' if most != least else ''}")
        return tuple(each(item) for item in value)

    return read


def table(**keys: tuple[Reader, Any]) -> Reader:
    """A small inline table; every key that is not required is None when absent."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or set(value) - set(keys):
            raise Refused(f"a table with {', '.join(keys)}")
        found = {}
        for key, (reader, default) in keys.items():
            if key in value:
                try:
                    found[key] = reader(value[key])
                except Refused as error:
                    raise Refused(f"`{key}` {error}") from error
            elif default is REQUIRED:
                raise Refused(f"a table with {', '.join(keys)}; `{key}` is missing")
            else:
                found[key] = default
        return found

    return read


def conductivity(value: Any) -> float | tuple[tuple[float, float], ...]:
    """A positive number, or rising pairs [kelvin, W/(m K)]."""
    if not isinstance(value, list):
        return number(0.0, strictly=True)(value)
    pairs = several(several(number(0.0, strictly=True), 2, 2), 2, 1000)(value)
    if any(a[0] >= b[0] for a, b in pairwise(pairs)):
        raise Refused("pairs [kelvin, W/(m K)] with rising temperature")
    return pairs


def displacement(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value or set(value) - set(AXES):
        raise Refused(f"a table of {', '.join(AXES)} with metres")
    return {axis: number()(metres) for axis, metres in value.items()}


POSITIVE, ANY, VECTOR, NAME = number(0.0, strictly=True), number(), several(number(), 2, 3), text()
PLANE = table(axis=(text(*AXES), None), at=(ANY, 0.0), normal=(VECTOR, None), through=(VECTOR, None))
CYLINDER = table(axis=(text("x", "y", "z"), "z"), through=(several(ANY, 2, 2), (0.0, 0.0)), radius=(POSITIVE, REQUIRED))
RANGE = several(ANY, 2, 2)

RULES: dict[str, dict[str, tuple[Reader, Any]]] = {
    "": {
        "title": (NAME, ""),
        "analysis": (text(*ANALYSES), REQUIRED),
        "kind": (text(*KINDS), "solid"),
        "reference_K": (number(0.0), 293.15),
        "solver": (text("auto", "cholmod", "pardiso", "superlu", "pyamg"), "auto"),
    },
    "mesh": {
        "step": (NAME, None),
        "file": (NAME, None),
        "box_m": (several(POSITIVE, 2, 3), None),
        "elements": (several(count(1, 200), 2, 3), None),
        "corner_m": (VECTOR, None),
        "size_m": (number(0.0, 1e3), 0.0),
        "per_turn": (count(0, 360), 12),
        "scale": (POSITIVE, 1.0),
        "timeout_s": (POSITIVE, 600.0),
    },
    "surface": {
        "name": (NAME, REQUIRED),
        "plane": (PLANE, None),
        "cylinder": (CYLINDER, None),
        "x": (RANGE, None),
        "y": (RANGE, None),
        "z": (RANGE, None),
        "r": (RANGE, None),
        "tolerance_m": (POSITIVE, None),
    },
    "material": {
        "name": (NAME, None),
        "young_Pa": (POSITIVE, None),
        "poisson": (number(-1.0, 0.5, strictly=True), None),
        "density_kg_m3": (POSITIVE, None),
        "expansion_per_K": (number(-1.0, 1.0), None),
        "conductivity_W_mK": (conductivity, None),
        "heat_J_kgK": (POSITIVE, None),
    },
    "support": {
        "surface": (NAME, None),
        "point": (VECTOR, None),
        "fix": (several(text(*AXES), 1, 3), None),
        "move_m": (displacement, None),
    },
    "load": {
        "surface": (NAME, None),
        "pressure_Pa": (ANY, None),
        "traction_Pa": (VECTOR, None),
        "force_N": (VECTOR, None),
        "gravity_m_s2": (VECTOR, None),
    },
    "temperature": {"surface": (NAME, REQUIRED), "kelvin": (number(0.0), REQUIRED)},
    "exchange": {
        "surface": (NAME, REQUIRED),
        "film_W_m2K": (number(0.0), 0.0),
        "ambient_K": (number(0.0), 0.0),
        "emissivity": (number(0.0, 1.0), 0.0),
        "surroundings_K": (number(0.0), 0.0),
        "inflow_W_m2": (ANY, 0.0),
        "heat_W": (ANY, None),
    },
    "heat": {
        "source_W_m3": (ANY, 0.0),
        "start_K": (number(0.0), 293.15),
        "step_s": (POSITIVE, None),
        "steps": (count(1, 100_000), None),
    },
    "modes": {"count": (count(1, 500), 6)},
    "harmonic": {
        "from_Hz": (number(0.0), REQUIRED),
        "to_Hz": (POSITIVE, REQUIRED),
        "points": (count(2, 100_000), 201),
        "modes": (count(1, 500), 20),
        "damping_ratio": (number(0.0, 0.99), 0.01),
        "damping_mass_per_s": (number(0.0), 0.0),
        "damping_stiffness_s": (number(0.0), 0.0),
    },
    "probe": {"name": (NAME, REQUIRED), "at": (VECTOR, REQUIRED)},
}
ARRAYS = ("surface", "support", "load", "temperature", "exchange", "probe")
NEEDS = {  # analysis -> material constants
    "static": ("young_Pa", "poisson"),
    "heat": ("conductivity_W_mK",),
    "transient": ("conductivity_W_mK", "density_kg_m3", "heat_J_kgK"),
    "thermoelastic": ("young_Pa", "poisson", "expansion_per_K", "conductivity_W_mK"),
    "modal": ("young_Pa", "poisson", "density_kg_m3"),
    "harmonic": ("young_Pa", "poisson", "density_kg_m3"),
}
