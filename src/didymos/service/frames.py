"""The binary frames of the live page. The page's decoder is ui/src/frames.ts; tests/service/frames.json is read by both tests.

    header   u8 version, u8 kind, u16 topic, u32 sequence, f64 server ms            16 bytes, little-endian throughout
    fleet    f64 plant ms, u32 n, u32 0, f32 p_fail[n], f32 deviation[n], u16 index[n], u8 status[n], u8 priority[n]
    trend    f64 plant ms, u32 m, u32 0, f32 measured[m], value[m], low[m], high[m], u16 channel[m]

    fresh    f64 plant ms, u32 m, u32 0, f32 age ms[m], measured[m], u16 channel[m]
    field    f64 plant ms, u32 r, u32 0, u8 mesh hash[8], f32 level [K], f32 scale [K], i8 coefficient[r]

`fresh` are samples as they came: one `age` ms before the plant time. `trend` is one step of the twin. `field` is temperature on the
surface of a component: level + scale * sum of coefficient * shape, shapes from GET assets/{id}/fields?shapes=true; the mesh
hash says whose they are.
NaN = no value. Every column starts at a multiple of 4. `index` counts assets, `channel` the asset's channels, both in the
order in which the API lists them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VERSION = 1
FLEET, TREND, FRESH, FIELD = 1, 2, 3, 4
STATUS = ("ok", "M", "S", "C", "F", "stale")  # NAMUR NE 107, and `stale` = the estimate is too old or missing

_HEADER = struct.Struct("<BBHId")
_SIZES = struct.Struct("<dII")


@dataclass(frozen=True, slots=True)
class Fleet:
    """Per asset (n,): P(fail before next stop), signed deviation in sigma, status by its place in STATUS, priority 0 = none."""

    plant_ms: float
    index: NDArray[np.uint16]
    p_fail: NDArray[np.float32]
    deviation: NDArray[np.float32]
    status: NDArray[np.uint8]
    priority: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Trend:
    """One step of one asset, columns (m,): which channel, measured, twin value and its 95 % band, SI."""

    plant_ms: float
    channel: NDArray[np.uint16]
    measured: NDArray[np.float32]
    value: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Samples:
    """Newest samples of one asset, columns (m,): which channel, ms before `plant_ms`, measured in SI."""

    plant_ms: float
    channel: NDArray[np.uint16]
    age_ms: NDArray[np.float32]
    measured: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One component's surface temperature: coefficient (r,) int8 times `scale_K` over the level, on the mesh of this hash."""

    plant_ms: float
    mesh: bytes
    level_K: float
    scale_K: float
    coefficient: NDArray[np.int8]


def header(kind: int, topic: int, sequence: int, server_ms: float) -> bytes:
    return _HEADER.pack(VERSION, kind, topic, sequence & 0xFFFFFFFF, server_ms)


def encode_fleet(topic: int, sequence: int, server_ms: float, fleet: Fleet) -> bytes:
    columns = (_f4(fleet.p_fail), _f4(fleet.deviation), _u2(fleet.index), _u1(fleet.status), _u1(fleet.priority))
    return header(FLEET, topic, sequence, server_ms) + _SIZES.pack(fleet.plant_ms, len(fleet.index), 0) + _joined(columns)


def encode_trend(topic: int, sequence: int, server_ms: float, trend: Trend) -> bytes:
    columns = (_f4(trend.measured), _f4(trend.value), _f4(trend.low), _f4(trend.high), _u2(trend.channel))
    return header(TREND, topic, sequence, server_ms) + _SIZES.pack(trend.plant_ms, len(trend.channel), 0) + _joined(columns)


def encode_fresh(topic: int, sequence: int, server_ms: float, fresh: Samples) -> bytes:
    columns = (_f4(fresh.age_ms), _f4(fresh.measured), _u2(fresh.channel))
    return header(FRESH, topic, sequence, server_ms) + _SIZES.pack(fresh.plant_ms, len(fresh.channel), 0) + _joined(columns)


def encode_field(topic: int, sequence: int, server_ms: float, shape: FieldShape) -> bytes:
    head = header(FIELD, topic, sequence, server_ms) + _SIZES.pack(shape.plant_ms, len(shape.coefficient), 0)
    return head + shape.mesh + struct.pack("<ff", shape.level_K, shape.scale_K) + _joined((shape.coefficient.tobytes(),))


def _f4(column: NDArray[np.float32]) -> bytes:
    return np.asarray(column, "<f4").tobytes()


def _u2(column: NDArray[np.uint16]) -> bytes:
    return np.asarray(column, "<u2").tobytes()


def _u1(column: NDArray[np.uint8]) -> bytes:
    return np.asarray(column, "u1").tobytes()


def _joined(columns: tuple[bytes, ...]) -> bytes:
    return b"".join(column + bytes(-len(column) % 4) for column in columns)
