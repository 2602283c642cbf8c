"""How values of `core` travel on the bus: MessagePack with NumPy columns as raw little-endian bytes.

    pack(value) -> bytes        unpack(kind, bytes) -> value of dataclass `kind`

A message written by one process reads back equal, field by field, in another; NaN and infinity survive.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import numpy as np

from didymos.core.errors import DataError

T = TypeVar("T")
_ARRAY = 1  # MessagePack extension: dtype text, shape, bytes


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        header = msgspec.msgpack.encode((value.dtype.str, value.shape))
        return msgspec.msgpack.Ext(_ARRAY, bytes((len(header),)) + header + value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not travel on the bus")


def _array(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise DataError(f"message holds extension {code}; only {_ARRAY} (array) is known")
    size = data[0]
    dtype, shape = msgspec.msgpack.decode(data[1 : 1 + size])
    return np.frombuffer(data[1 + size :], np.dtype(dtype)).reshape(shape)


def _field(kind: Any, value: Any) -> Any:
    if kind is object or isinstance(value, np.ndarray):
        return value
    raise TypeError(f"{kind} expected, {type(value).__name__} found")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode)
_plain = msgspec.msgpack.Decoder(ext_hook=_array)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def pack(value: Any) -> bytes:
    return _encoder.encode(value)


def unpack(kind: type[T], data: bytes) -> T:
    """DataError when `data` is not a `kind`; the message says what was found."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind, ext_hook=_array, dec_hook=_field)
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise DataError(f"message of {len(data)} bytes is not a {kind.__name__}: {error}") from error


def unpack_plain(data: bytes) -> Any:
    """Dicts, lists, numbers, text, arrays."""
    try:
        return _plain.decode(data)
    except msgspec.MsgspecError as error:
        raise DataError(f"message of {len(data)} bytes is not MessagePack: {error}") from error
