"""MQTT 3.1.1 control packets as bytes, both ways. No I/O.

Source: OASIS MQTT Version 3.1.1, sections 2 (fixed header) and 3 (packets); numbers in brackets are its normative statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from didymos.core.errors import ConnectError, DataError

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ_FRAME = b"\xc0\x00"
DISCONNECT_FRAME = b"\xe0\x00"
LARGEST = 268_435_455  # remaining length of four bytes
_FROM_BROKER = frozenset({CONNACK, PUBLISH, PUBACK, SUBACK, 11, PINGRESP})
_TOPIC_AND_ID = 2 + 65535 + 2
REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not accept the client id",
    3: "it is not available",
    4: "user or password is wrong",
    5: "this user may not connect",
}


@dataclass(frozen=True, slots=True)
class Login:
    """What CONNECT says of us. keepalive_s 1 to 65535; an empty user means none."""

    client_id: str
    clean_session: bool = False
    keepalive_s: int = 30
    user: str = ""
    password: str = ""


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 65535 or "\0" in text:
        raise DataError(f"{text[:40]!r}... is too long for MQTT, or holds a zero character")
    return len(data).to_bytes(2, "big") + data


def frame(head: int, body: bytes) -> bytes:
    """Fixed header (`head` with its flags, remaining length) and body."""
    rest, length = len(body), bytearray()
    if rest > LARGEST:
        raise DataError(f"an MQTT packet of {rest} bytes is too large; at most {LARGEST}")
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | 0x80 if rest else low)
        if not rest:
            return bytes((head,)) + bytes(length) + body


def connect_frame(login: Login) -> bytes:
    flags = (0x02 if login.clean_session else 0) | (0xC0 if login.user else 0)
    names = [login.client_id] + ([login.user, login.password] if login.user else [])
    head = b"\x00\x04MQTT\x04" + bytes((flags,)) + login.keepalive_s.to_bytes(2, "big")
    return frame(0x10, head + b"".join(map(_text, names)))


def subscribe_frame(packet_id: int, filters: Sequence[str], qos: int) -> bytes:
    return frame(0x82, packet_id.to_bytes(2, "big") + b"".join(_text(name) + bytes((qos,)) for name in filters))


def publish_frame(topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, retain: bool = False, again: bool = False) -> bytes:
    """PUBLISH; `packet_id` 1 to 65535 with QoS 1; `again` sets DUP."""
    if not topic or "+" in topic or "#" in topic:
        raise DataError(f"topic {topic!r} is not allowed; a topic to publish to has no '+' and no '#'")
    head = 0x30 | (0x08 if again else 0) | qos << 1 | retain
    return frame(head, _text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + payload)


def puback_frame(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Oversize:
    """A PUBLISH larger than allowed: its topic, packet id (0 with QoS 0) and size; its payload was skipped."""

    topic: bytes
    packet_id: int
    size: int


class FrameReader:
    """Bytes in whatever pieces -> whole frames. `limit` is the largest remaining length accepted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._skip = 0
        self._need = 2

    def feed(self, data: bytes | bytearray) -> tuple[bytes, list[tuple[int, int, int]], list[Oversize]]:
        """(buffer, [(first byte, start, stop) of each frame's body in it], oversize ones). ConnectError when it is not MQTT."""
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        self._rest += data
        if len(self._rest) < self._need:  # a large frame in many pieces is scanned once, not per piece
            return b"", [], []
        return self._split(bytes(self._rest))

    def _split(self, buffer: bytes) -> tuple[bytes, list[tuple[int, int, int]], list[Oversize]]:
        found: list[tuple[int, int, int]] = []
        large: list[Oversize] = []
        place, end = 0, len(buffer)
        self._need = 2
        while end - place >= 2:
            head, size, start = buffer[place], buffer[place + 1], place + 2
            if head >> 4 not in _FROM_BROKER:
                raise ConnectError(f"the answer is not MQTT: packet begins with 0x{head:02x}")
            if size > 127:
                size, start = _length(buffer, place + 1)
                if start == 0:
                    self._need = end - place + 1
                    break
            stop = start + size
            if size > self._limit:
                if end - start < min(size, _TOPIC_AND_ID):
                    self._need = start - place + min(size, _TOPIC_AND_ID)
                    break
                large.append(_oversize(head, buffer, start, size))
                self._skip = max(0, stop - end)
                place = min(stop, end)
                continue
            if stop > end:
                self._need = stop - place
                break
            found.append((head, start, stop))
            place = stop
        self._rest = bytearray(buffer[place:])
        return buffer, found, large


def _length(buffer: bytes, place: int) -> tuple[int, int]:
    """(remaining length, start of the body); start 0 when the length is not whole yet."""
    size = shift = 0
    for at in range(place, min(place + 4, len(buffer))):
        size |= (buffer[at] & 0x7F) << shift
        if buffer[at] < 0x80:
            return size, at + 1
        shift += 7
    if len(buffer) >= place + 4:
        raise ConnectError("the answer is not MQTT: a remaining length of more than four bytes")
    return 0, 0


def _oversize(head: int, buffer: bytes, start: int, size: int) -> Oversize:
    if head >> 4 != PUBLISH:
        raise ConnectError(f"the answer is not MQTT: packet 0x{head:02x} of {size} bytes")
    stop = start + 2 + int.from_bytes(buffer[start : start + 2], "big")
    packet_id = int.from_bytes(buffer[stop : stop + 2], "big") if head & 0x06 else 0
    return Oversize(buffer[start + 2 : stop], packet_id, size)
