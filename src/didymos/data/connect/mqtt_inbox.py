"""PUBLISH frames of one socket read -> Payloads whose `done` acknowledges exactly the messages they hold.

Unusable messages are reported once per topic when it starts and once when it ends, and acknowledged with their neighbours:
a broker would re-send them for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from didymos.core.clock import Clock
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Fault, Payload
from didymos.data.connect import mqtt_frames as m
from didymos.data.connect.columns import MOST_UNASKED, Columns, Route
from didymos.data.connect.wire_tcp import Wire

MOST_VALUES = 8000  # a batch is closed by the message that reaches this


class Inbox:
    """PUBLISH frames -> Payloads; also remembers which topics send rubbish, to report each once at start and once at end."""

    def __init__(self, names: Sequence[str], routes: Mapping[str, Route], source_id: str, clock: Clock) -> None:
        self._routes = {topic.encode(): route for topic, route in routes.items()}
        self._columns = Columns(names, source_id)
        self._id, self._clock = source_id, clock
        self._bad: dict[bytes, int] = {}
        self._strange: set[bytes] = set()
        self._sequence = time.time_ns() // 1000  # names batches for ever: must not repeat after a restart

    def take(
        self, wire: Wire, buffer: bytes, frames: Sequence[tuple[int, int, int]], large: Sequence[m.Oversize]
    ) -> Iterable[Payload | Fault]:
        """One Payload per `MOST_VALUES` values of these frames, and a Fault for what could not be used."""
        now_ns, columns, acks, bad = self._clock.now_ns(), self._columns, bytearray(), self._bad
        for head, start, stop in frames:
            if head >> 4 != m.PUBLISH:
                yield from self._other(buffer, head, start, stop)
                continue
            topic, body, packet_id = parts(buffer, head, start, stop)
            if packet_id:
                acks += b"\x40\x02" + packet_id
            route = self._routes.get(topic)
            if route is None:
                yield from self._unasked(topic, now_ns)
                continue
            try:
                columns.add(route, body, now_ns, bool(head & 1))
            except DataError as error:
                yield from self._refused(topic, str(error), now_ns)
            else:
                if bad and topic in bad:
                    yield self._good_again(topic, now_ns)
            if len(columns) >= MOST_VALUES:
                yield from self._payload(wire, acks)
                acks = bytearray()
        for message in large:
            yield from self._refused(
                message.topic, f"message of {message.size} bytes is too large; see option max_message_bytes", now_ns
            )
            acks += m.puback_frame(message.packet_id) if message.packet_id else b""
        yield from self._payload(wire, acks)
        yield from self._unasked_fields(now_ns)

    def _unasked(self, topic: bytes, now_ns: int) -> Iterable[Fault]:
        """`unmapped`, once for each topic that comes through a wildcard without a tag."""
        if topic not in self._strange and len(self._strange) < MOST_UNASKED:
            self._strange.add(topic)
            yield Fault("unmapped", topic.decode("utf-8", "replace"), now_ns)

    def _unasked_fields(self, now_ns: int) -> Iterable[Fault]:
        unasked, self._columns.unasked = self._columns.unasked, []
        for address in unasked:
            yield Fault("unmapped", address, now_ns)

    def _payload(self, wire: Wire, acks: bytearray) -> Iterable[Payload]:
        batch, waveforms = self._columns.take(self._sequence + 1)
        self._sequence += batch is not None
        frames = bytes(acks)
        if batch is None and not waveforms:
            wire.write(frames)
            return

        async def done() -> None:
            wire.write(frames)

        yield Payload(batch, waveforms, done if frames else None)

    def _other(self, buffer: bytes, head: int, start: int, stop: int) -> Iterable[Fault]:
        if head >> 4 == m.SUBACK and 0x80 in buffer[start + 2 : stop]:
            yield Fault(
                "unknown_tag",
                f"{self._id}: the broker refuses one or more of our subscriptions; check the user's rights",
                self._clock.now_ns(),
            )

    def _refused(self, topic: bytes, why: str, now_ns: int) -> Iterable[Fault]:
        self._bad[topic] = self._bad.get(topic, 0) + 1
        if self._bad[topic] == 1:
            yield Fault("rejected", f"{self._id}: topic {topic.decode('utf-8', 'replace')}: {why}", now_ns)

    def _good_again(self, topic: bytes, now_ns: int) -> Fault:
        text = f"{self._id}: topic {topic.decode('utf-8', 'replace')}: good again after {self._bad.pop(topic)} rejected"
        return Fault("rejected", text, now_ns)


def parts(buffer: bytes, head: int, start: int, stop: int) -> tuple[bytes, bytes, bytes]:
    """(topic, payload, packet id or b'') of one PUBLISH body."""
    begin = start + 2
    at = begin + (buffer[start] << 8 | buffer[start + 1]) if stop >= begin else stop + 1
    qos = head & 0x06
    body = at + 2 if qos else at
    if body > stop or qos > 2:
        raise ConnectError(
            "the answer is not MQTT 3.1.1: PUBLISH shorter than its topic, or of a quality of service we did not ask for"
        )
    return buffer[begin:at], buffer[body:stop], buffer[at:body]
