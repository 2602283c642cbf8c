"""SI turned into what a crew reads: degC, bar, mm/s, m3/h, rpm, days. Only for sentences; nothing is computed from these texts."""

from __future__ import annotations

from math import floor, isfinite, log10, pi

# SI unit -> (factor, text) from large to small; the first in which the number is at least 0.1 is taken.
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "Pa": ((1e-5, "bar"), (1e-2, "mbar")),
    "m/s": ((1e3, "mm/s"),),
    "m/s2": ((1.0 / 9.80665, "g"),),
    "m3/s": ((3600.0, "m3/h"), (3.6e6, "l/h"), (3.6e9, "ml/h")),
    "m2/s": ((1e6, "mm2/s"),),
    "rad/s": ((60.0 / (2.0 * pi), "rpm"),),
    "W": ((1e-6, "MW"), (1e-3, "kW"), (1.0, "W")),
    "N": ((1e-3, "kN"), (1.0, "N")),
    "m": ((1.0, "m"), (1e3, "mm"), (1e6, "um")),
    "1/s": ((3600.0, "per hour"), (3.6e6, "per 1000 h")),
    "s": ((1.0 / 86400.0, "days"), (1.0 / 3600.0, "hours"), (1.0, "s")),
    "1": ((1.0, ""),),
    "": ((1.0, ""),),
}
_TIMES = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"))


def plain(value: float, unit: str) -> str:
    """'71.3 degC' for 344.45 K."""
    factor, text, offset = _scale(unit, abs(value))
    return _with(_number(value * factor + offset), text)


def plain_change(change: float, unit: str) -> str:
    """A difference without its sign: '7.2 degC' for 7.2 K."""
    factor, text, _ = _scale(unit, abs(change))
    return _with(_number(abs(change) * factor), text)


def plain_interval(value: float, low: float, high: float, unit: str) -> tuple[str, str]:
    """('0.620 mm', '0.580 to 0.660'): one unit for all, decimals by the interval's width."""
    factor, text, offset = _scale(unit, max(abs(value), abs(low), abs(high)))
    step = abs(high - low) * factor / 20.0
    shown = [_number(v * factor + offset, step) for v in (value, low, high)]
    return _with(shown[0], text), f"{shown[1]} to {shown[2]}"


def plain_time(seconds: float) -> str:
    """'3.2 days', '5 hours', '40 minutes'."""
    for size, text in _TIMES:
        if seconds >= 1.5 * size:
            return f"{_two_digits(seconds / size)} {text}"
    return "a minute"


def plain_chance(probability: float) -> str:
    """'12 %'; never 0 % or 100 %, which nobody can know."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{round(100 * probability)} %"


def _scale(unit: str, size: float) -> tuple[float, str, float]:
    if unit == "K":
        return 1.0, "degC", -273.15
    options = _SCALES.get(unit, ((1.0, unit),))
    factor, text = next((o for o in options if size * o[0] >= 0.1), options[-1])
    return factor, text, 0.0


def _number(value: float, step: float | None = None) -> str:
    """Three significant digits, or decimals down to `step`; no exponent between 0.001 and a million."""
    if not isfinite(value):
        return "unknown"
    size = step or abs(value) / 100.0
    if size <= 0.0:
        return f"{value:g}"
    decimals = -floor(log10(size))
    if decimals > 5 or abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:.{max(0, decimals)}f}"


def _two_digits(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


def _with(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit else number
