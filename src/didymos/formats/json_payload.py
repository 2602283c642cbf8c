"""The JSON that machines send: telemetry, one value, a waveform; and the topics they send it to.

    telemetry   {"ts": T, "values": {"tag": number, ...}}
    one value   12.5   or   {"ts": T, "value": 12.5}
    waveform    {"ts": T, "rate_hz": 25600, "dtype": "int16", "scale": 0.001, "offset": -65.536, "data": base64, little endian}

T is ISO 8601 with a zone, or epoch milliseconds. A waveform's value is raw * scale + offset, in the tag's unit.
`null` for a value is a sample that the source has and cannot give: NaN. Every refusal is a DataError that says what was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import SECOND_NS, iso
from didymos.core.errors import ConfigError, DataError
from didymos.core.series import Waveform
from didymos.formats.iso_time import epoch_ns, iso_ns

Stamp = int | float | str
TELEMETRY_TOPIC = "line7/{asset}/telemetry"
WAVEFORM_TOPIC = "line7/{asset}/waveform/{tag}"


class Telemetry(msgspec.Struct, gc=False):
    ts: Stamp
    values: dict[str, float | None]


class AnyTelemetry(msgspec.Struct):
    """Telemetry in which some fields are text or objects: only the fields that somebody asks for must be numbers."""

    ts: Stamp
    values: dict[str, Any]


class OneValue(msgspec.Struct, gc=False):
    value: float | bool | None
    ts: Stamp | None = None


class WaveformPayload(msgspec.Struct):
    ts: Stamp
    rate_hz: float
    data: bytes
    dtype: Literal["int16", "int32", "float32"]
    scale: float = 1.0
    offset: float = 0.0


_telemetry = msgspec.json.Decoder(Telemetry)
_any_telemetry = msgspec.json.Decoder(AnyTelemetry)
_one_value = msgspec.json.Decoder(OneValue)
_number = msgspec.json.Decoder(float)
_waveform = msgspec.json.Decoder(WaveformPayload)
_WORDS = {b"nan": float("nan"), b"null": float("nan"), b"true": 1.0, b"false": 0.0}
_SHOWN = 60


def stamp_ns(ts: Stamp) -> int:
    """`ts` of a payload -> UTC ns."""
    if isinstance(ts, str):
        return iso_ns(ts)
    return ts * 1_000_000 if type(ts) is int and abs(ts) < 9_000_000_000_000 else epoch_ns(ts, "ms")


def decode_telemetry(payload: bytes) -> tuple[int, Mapping[str, float | None]]:
    """(time_ns, {tag: value}). Fields that are not numbers come as they are: see `number_of`."""
    try:
        message = _telemetry.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = _decode(_any_telemetry, payload, 'telemetry {"ts": ..., "values": {"tag": number}}')
    return stamp_ns(message.ts), message.values


def number_of(field: str, value: Any) -> float:
    """A telemetry field as a number: null is NaN, true is 1. DataError for text, lists and objects."""
    if value is None:
        return float("nan")
    if isinstance(value, int | float):
        return float(value)
    raise DataError(f"field {field!r} holds {value!r:.{_SHOWN}}; a number, true, false or null is allowed")


def decode_value(payload: bytes) -> tuple[int | None, float]:
    """(time_ns or None where the source gives none, value) of a tag that has a topic of its own."""
    if payload[:1] == b"{":
        message = _decode(_one_value, payload, '{"ts": ..., "value": number}')
        return None if message.ts is None else stamp_ns(message.ts), number_of("value", message.value)
    try:
        return None, _number.decode(payload)
    except msgspec.DecodeError:
        word = payload.strip().lower()
        if word in _WORDS:
            return None, _WORDS[word]
        raise DataError(f'{_shown(payload)} is not a number, nor {{"ts": ..., "value": number}}') from None


def decode_waveform(payload: bytes, tag: str, source: str = "") -> Waveform:
    """Waveform of `tag` in the tag's own unit, samples (n,) float32."""
    message = _decode(_waveform, payload, "a waveform")
    raw_type = np.dtype(message.dtype).newbyteorder("<")
    if not message.data or len(message.data) % raw_type.itemsize:
        raise DataError(f"waveform data of {len(message.data)} bytes are not whole {message.dtype} samples")
    if not 0.0 < message.rate_hz < float("inf"):
        raise DataError(f"waveform rate_hz {message.rate_hz} is not a positive rate")
    samples = np.frombuffer(message.data, raw_type).astype(np.float64) * message.scale + message.offset
    return Waveform(tag, stamp_ns(message.ts), message.rate_hz, samples.astype(np.float32), source=source)


def encode_telemetry(time_ns: int, values: Mapping[str, float | None]) -> bytes:
    """Telemetry; NaN becomes null, since JSON has no NaN."""
    return msgspec.json.encode({"ts": _stamp(time_ns), "values": values})


def encode_value(time_ns: int, value: float) -> bytes:
    return msgspec.json.encode({"ts": _stamp(time_ns), "value": value})


def encode_waveform(time_ns: int, rate_hz: float, raw: NDArray[Any], scale: float = 1.0, offset: float = 0.0) -> bytes:
    """`raw` (n,) of int16, int32 or float32, as the sensor counted it."""
    if raw.dtype.name not in ("int16", "int32", "float32"):
        raise DataError(f"waveform samples are {raw.dtype.name}; int16, int32 or float32 is allowed")
    data = raw.astype(raw.dtype.newbyteorder("<")).tobytes()
    message = WaveformPayload(_stamp(time_ns), rate_hz, data, raw.dtype.name, scale, offset)  # pyright: ignore[reportArgumentType]
    return msgspec.json.encode(message)


def topic_of(template: str, **names: str) -> str:
    """topic_of('line7/{asset}/telemetry', asset='cp-01') -> 'line7/cp-01/telemetry'."""
    try:
        return template.format(**names)
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(f"topic template {template!r} needs {error}; given are {', '.join(names) or 'no names'}") from error


def names_in(template: str, topic: str) -> dict[str, str] | None:
    """The inverse of `topic_of`: {'asset': 'cp-01'}, or None when `topic` does not follow `template`."""
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(re.escape(part) if place % 2 == 0 else f"(?P<{part}>[^/]+)" for place, part in enumerate(parts))
    found = re.fullmatch(pattern, topic)
    return found.groupdict() if found else None


def _stamp(time_ns: int) -> Stamp:
    """Epoch milliseconds, or ISO 8601 with nine decimals where milliseconds would round."""
    whole, rest = divmod(time_ns, 1_000_000)
    return f"{iso(time_ns)[:-1]}.{time_ns % SECOND_NS:09d}Z" if rest else whole


def _decode(decoder: msgspec.json.Decoder[Any], payload: bytes, what: str) -> Any:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{_shown(payload)} is not {what}: {error}") from error


def _shown(payload: bytes) -> str:
    """The start of a payload, printable."""
    return repr(payload[:_SHOWN].decode("utf-8", "replace")) + (f" ({len(payload)} bytes)" if len(payload) > _SHOWN else "")
