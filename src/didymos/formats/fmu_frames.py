"""Messages between a process and the child that runs an FMU: two lengths, a JSON header, raw bytes (columns of float64)."""

from __future__ import annotations

import json
import struct
from typing import Any

PREFIX = struct.Struct("<IQ")
LONGEST_HEADER, LONGEST_PAYLOAD = 64 << 20, 1 << 32


def encode(header: dict[str, Any], payload: bytes | memoryview = b"") -> bytes:
    text = json.dumps(header).encode()
    return PREFIX.pack(len(text), len(payload)) + text + payload


def wanted(received: bytearray) -> int:
    """Bytes that the message at the start of `received` has in all. ValueError when that cannot be a message."""
    if len(received) < PREFIX.size:
        return PREFIX.size
    header, payload = PREFIX.unpack_from(received)
    if header > LONGEST_HEADER or payload > LONGEST_PAYLOAD:
        raise ValueError(f"a message of {header} + {payload} bytes")
    return PREFIX.size + header + payload


def decode(message: bytearray) -> tuple[dict[str, Any], bytes]:
    """One whole message."""
    header, _ = PREFIX.unpack_from(message)
    place = PREFIX.size + header
    return json.loads(bytes(message[PREFIX.size : place])), bytes(message[place:])
