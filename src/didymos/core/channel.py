"""`Channel`: the only description of "a quantity here".

A channel's full id is `<asset>.<channel>`, both of `[a-z0-9_-]+`; the dot separates them and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf, nan
from zlib import crc32

from didymos.core.errors import ConfigError

_ID = re.compile(r"[a-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of a machine, in SI.

    name       `winding_temperature`; the model's NamedTuple field is the name plus its unit: `winding_temperature_K`
    unit       SI, as `core.units` writes it: `K`, `m3/s`, `Pa`, `W`, `m/s`, `1`
    low, high  plausible range in `unit`; outside it a sample is kept and marked `Quality.OUT_OF_RANGE`
    noise      standard deviation of one reading, in `unit`; NaN for a quantity nobody measures
    """

    name: str
    title: str
    unit: str
    low: float = -inf
    high: float = inf
    noise: float = nan


def check_id(text: str, where: str) -> str:
    """`text` when it is a legal id, else ConfigError that names `where`."""
    if not _ID.match(text):
        raise ConfigError(f"{where}: id {text!r} is not allowed; use lower-case letters, digits, '_' and '-'")
    return text


def channel_id(asset: str, channel: str) -> str:
    return f"{asset}.{channel}"


def split_channel_id(text: str) -> tuple[str, str]:
    """'pump-03.flow' -> ('pump-03', 'flow')."""
    asset, dot, channel = text.partition(".")
    if not dot:
        raise ConfigError(f"channel {text!r} has no asset; write <asset>.<channel>, for example pump-03.flow")
    return asset, channel


PARTITIONS = 16


def partition(asset: str) -> int:
    """Stream partition of an asset: stable for ever, so that a worker can own a range."""
    return crc32(asset.encode()) % PARTITIONS
