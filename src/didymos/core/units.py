"""Units at the edge: a factor and an offset to SI, found once when a tag is bound. The only file that imports pint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from didymos.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ToSI:
    """SI value = factor * given + offset."""

    factor: float
    offset: float


# What plants write that pint does not read as meant.
_ALIASES = {
    "%": "percent",
    "°C": "degC",
    "C": "degC",
    "°F": "degF",
    "rpm": "revolutions_per_minute",
    "g": "g_0",
    "cSt": "centistokes",
}


@cache
def _registry() -> Any:
    import pint

    exponent = re.compile(r"(?<=[a-zA-Z])(-?\d)(?![\w.])")  # m3/h, s-1 -> m**3/h, s**-1
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True, preprocessors=[lambda text: exponent.sub(r"**\1", text)])


def to_si(unit: str, si_unit: str, where: str) -> ToSI:
    """Conversion from `unit` to `si_unit`. ConfigError names `where` for an unknown unit or another dimension.

    `g` is read as the standard acceleration (vibration), never as gram; `C` as degree Celsius, never as coulomb.
    """
    registry = _registry()
    try:
        given = _unit(unit)
    except Exception as error:
        raise ConfigError(
            f"{where}: unit {unit!r} is not known. Allowed: any unit that converts to {si_unit or '1'}, "
            f"such as {_examples(si_unit)}. Correct `unit`."
        ) from error
    target = _unit(si_unit)
    if given.dimensionality != target.dimensionality:
        raise ConfigError(
            f"{where}: unit {unit!r} does not measure the same thing as {si_unit or '1'}. "
            f"Allowed: {_examples(si_unit)}. Correct `unit` or `channel`."
        )
    zero = registry.Quantity(0.0, given).to(target).magnitude
    one = registry.Quantity(1.0, given).to(target).magnitude
    return ToSI(float(one - zero), float(zero))


def _unit(text: str) -> Any:
    return _registry().Unit("" if text in ("", "1") else _ALIASES.get(text, text))


def _examples(si_unit: str) -> str:
    known = {
        "K": "K, degC, degF", "Pa": "Pa, bar, psi", "m3/s": "m3/s, m3/h, l/min", "m/s": "m/s, mm/s", "W": "W, kW",
        "m/s2": "m/s2, g", "rad/s": "rad/s, rpm", "A": "A, mA", "V": "V, kV", "N": "N, kN", "m2/s": "m2/s, cSt", "1": "1, %",
        "kg/s": "kg/s, t/h, kg/h", "N m": "N m, kN m",
    }  # fmt: skip
    return known.get(si_unit, si_unit or "1")


def base_powers(unit: str) -> tuple[dict[str, int], float]:
    """Powers of kg, m, s, A, K, mol, cd that a unit stands for, and how many of them it is: {"kg": 1, "m": -1, "s": -2}, 1 for Pa,
    {"s": 1}, 3600 for h. ConfigError for one with a broken power. A radian counts as 1."""
    registry = _registry()
    quantity = registry.Quantity(1.0, _unit(unit)).to_base_units()
    names = {
        "kilogram": "kg",
        "gram": "kg",
        "meter": "m",
        "second": "s",
        "ampere": "A",
        "kelvin": "K",
        "mole": "mol",
        "candela": "cd",
    }
    found = {}
    for name, power in quantity.unit_items():
        if name == "radian":
            continue
        if name not in names or power != int(power):
            raise ConfigError(f"unit {unit!r} has no whole powers of SI base units ({name}**{power}). Use an SI unit.")
        found[names[name]] = int(power)
    return found, float(quantity.magnitude) if abs(quantity.magnitude - 1.0) > 1e-12 else 1.0
