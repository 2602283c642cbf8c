"""What travels between the historian and its clients: questions as MessagePack, tables as Arrow IPC."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from didymos.core.errors import DataError

LEASE = "lease.historian"  # whoever holds it answers, on history.<method>.<epoch>
PAGE = 200_000  # samples in one answer; the client asks on from the last one
ANSWER_BYTES = 6 * 1024 * 1024  # room below the bus's largest message


@dataclass(frozen=True, slots=True)
class Read:
    channel: str
    start_ns: int
    end_ns: int
    known_ns: int | None = None
    upto_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Buckets:
    channel: str
    start_ns: int
    end_ns: int
    points: int
    known_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """How the historian is. positions: stream -> last sequence committed; newest_ns: of any usable sample, 0 without one;
    free_bytes: on the disk that holds the store."""

    positions: dict[str, int]
    hot_bytes: int
    closed_bytes: int
    free_bytes: int
    newest_ns: int
    channels: int


@dataclass(frozen=True, slots=True)
class LatestOf:
    """No channels = all."""

    channels: list[str]


@dataclass(frozen=True, slots=True)
class LatestColumns:
    """`channels` None: the list that was sent before under this key. Answer: time_ns, value, quality as bytes one after another;
    nothing when the key is not known."""

    key: bytes
    channels: list[str] | None = None


@dataclass(frozen=True, slots=True)
class WaveformAt:
    channel: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class SnapshotsOf:
    asset: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Rollup:
    channels: list[str]
    how: str
    start_ns: int
    end_ns: int
    points: int


@dataclass(frozen=True, slots=True)
class Held:
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Reached:
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Sql:
    query: str


def to_ipc(table: pa.Table) -> bytes:
    """Arrow IPC stream; DataError when it is too large for one message."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    if len(data) > ANSWER_BYTES:
        raise DataError(f"the answer has {len(data)} bytes, more than {ANSWER_BYTES}. Ask for fewer rows or columns.")
    return data


def from_ipc(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
