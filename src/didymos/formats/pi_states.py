"""Texts that stand where a number should be: system digital states of PI, and what they say about the sample.

A point of any type may hold a state of the SYSTEM set instead of a value. It is data: that nothing was known, or that the
sensor was beyond its range, is kept as a sample without value and with this quality.
Source: AVEVA, "The SYSTEM digital state set" and `AFSystemStateCode` (state names and what interfaces mean by them).
"""

from __future__ import annotations

from didymos.core.series import Quality

STATES: dict[str, Quality] = {
    "bad input": Quality.BAD,
    "bad": Quality.BAD,
    "bad data": Quality.BAD,
    "bad_data": Quality.BAD,
    "bad output": Quality.BAD,
    "bad quality": Quality.BAD,
    "bad total": Quality.BAD,
    "calc failed": Quality.BAD,
    "calc crash": Quality.BAD,
    "calc off": Quality.BAD,
    "calc overflow": Quality.BAD,
    "calc timeout": Quality.BAD,
    "coercion failed": Quality.BAD,
    "dcs failed": Quality.BAD,
    "equip fail": Quality.BAD,
    "error": Quality.BAD,
    "failed": Quality.BAD,
    "invalid": Quality.BAD,
    "invalid data": Quality.BAD,
    "invalid float": Quality.BAD,
    "sample bad": Quality.BAD,
    "set to bad": Quality.BAD,
    "unk. val.": Quality.BAD,
    "nan": Quality.BAD,
    "inf": Quality.BAD,
    "-inf": Quality.BAD,
    "infinity": Quality.BAD,
    "-infinity": Quality.BAD,
    "over range": Quality.BAD,
    "under range": Quality.BAD,
    "access denied": Quality.GAP,
    "arc off-line": Quality.GAP,
    "archive offline": Quality.GAP,
    "comm fail": Quality.GAP,
    "configure": Quality.GAP,
    "i/o timeout": Quality.GAP,
    "intf shut": Quality.GAP,
    "no data": Quality.GAP,
    "no lab data": Quality.GAP,
    "no result": Quality.GAP,
    "no sample": Quality.GAP,
    "not connect": Quality.GAP,
    "point created": Quality.GAP,
    "pt created": Quality.GAP,
    "scan off": Quality.GAP,
    "scan timeout": Quality.GAP,
    "shutdown": Quality.GAP,
    "snapfix": Quality.GAP,
    "unit down": Quality.GAP,
}
