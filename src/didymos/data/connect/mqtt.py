"""MQTT 3.1.1 on raw frames: many PUBLISH frames of one socket read become ONE Payload.

    QoS 1: PUBACK goes out only after `Payload.done`, so the broker keeps, and re-sends, whatever was not on disk when this
    process died. That needs a persistent session: a stable client id and clean_session = false, both defaults.

Source: OASIS MQTT 3.1.1. Addresses: see `columns`. Own frames because Python client libraries reach only
3 to 50 thousand messages a second.
Not supported: QoS 2, TLS, MQTT 5. Verified: tests/connect/test_mqtt.py against nats-server and mosquitto.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from didymos.core.clock import Clock
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect import mqtt_frames as m
from didymos.data.connect.columns import Route, routes_of
from didymos.data.connect.mqtt_inbox import Inbox, parts
from didymos.data.connect.mqtt_session import handshake, keep_alive, subscribe
from didymos.data.connect.options import Option, limited, read_options, read_url
from didymos.data.connect.supervise import Connected, Retry, Supervisor, reason
from didymos.data.connect.wire_tcp import Wire
from didymos.formats.json_payload import decode_telemetry

_SINGLE_FILTERS = 4  # like topics beyond this number share one filter with wildcards


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """qos 1 keeps messages safe over a crash of either side; 0 is faster and loses what is on the way.

    client_id          stable name of our session at the broker; "" = didymos-<source id>
    subscribe          topic filters with wildcards, comma separated; "" = one filter per group of like topics
    interval_s         how often data normally come; after silent_intervals without any we connect anew; 0 = only pings count
    gather_s           wait this long for more messages before handing over a batch
    max_message_bytes  topic and payload; larger ones are refused, reported and acknowledged
    """

    qos: int = limited(1, 0, 1)
    client_id: str = ""
    clean_session: bool = False
    user: str = ""
    password: str = ""
    keepalive_s: int = limited(30, 1, 65535)
    subscribe: str = ""
    interval_s: float = limited(0.0, 0.0)
    silent_intervals: int = limited(5, 2)
    gather_s: float = limited(0.01, 0.0, 10.0)
    max_message_bytes: int = limited(4 << 20, 16, m.LARGEST)
    connect_timeout_s: float = limited(10.0, 0.05, 600.0)
    retry_s: float = limited(0.5, 0.01, 3600.0)
    retry_most_s: float = limited(15.0, 0.01, 3600.0)


class Mqtt:
    """One broker connection; `stream` may be called once."""

    def __init__(self, source_id: str, url: str, options: Mapping[str, Option], clock: Clock) -> None:
        parts = read_url(url, ("mqtt",), source_id)
        self._options = o = read_options(MqttOptions, options, source_id)
        self._id, self._host, self._port, self._clock = source_id, parts.hostname or "", parts.port or 1883, clock
        self._login = m.Login(o.client_id or f"didymos-{source_id}", o.clean_session, o.keepalive_s, o.user, o.password)
        if o.password and not o.user:
            raise ConfigError(f"source {source_id}: option password needs option user as well (MQTT 3.1.1 knows no password alone)")
        self._supervisor = Supervisor(source_id, clock, Retry(o.retry_s, max(o.retry_s, o.retry_most_s)))
        self._wire: Wire | None = None

    def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        routes = routes_of(tags, self._id)
        filters = [name for name in self._options.subscribe.replace(" ", "").split(",") if name] or filters_of(routes)
        inbox = Inbox([tag.address for tag in tags], routes, self._id, self._clock)
        return self._supervisor.run(lambda: self._session(inbox, filters))

    async def _session(self, inbox: Inbox, filters: Sequence[str]) -> AsyncIterator[Payload | Fault | Connected]:
        o = self._options
        wire, kept = await self._open(self._login)
        pulse = asyncio.create_task(keep_alive(wire, o.keepalive_s))
        try:
            subscribe(wire, filters, o.qos)
            yield Connected(f"connected to {self._host}:{self._port}", _kept(o.qos, kept))
            reader = m.FrameReader(o.max_message_bytes)
            while True:
                data = await self._data(wire)
                for item in inbox.take(wire, *reader.feed(data)):
                    yield item
        finally:
            pulse.cancel()
            wire.finish(m.DISCONNECT_FRAME)

    async def _data(self, wire: Wire) -> bytearray:
        """What arrived; ConnectError after too long a silence, where `interval_s` says how long that is."""
        quiet_s = self._options.interval_s * self._options.silent_intervals or None
        try:
            async with asyncio.timeout(quiet_s):
                return await wire.take(self._options.gather_s)
        except TimeoutError:
            raise ConnectError(f"no data from {self._host}:{self._port} for {quiet_s} s") from None

    async def _open(self, login: m.Login) -> tuple[Wire, bool]:
        wire, kept = await self._supervisor.unless_closed(
            handshake(self._host, self._port, login), self._options.connect_timeout_s, f"{self._host}:{self._port}"
        )
        self._wire = wire
        return wire, kept

    async def browse(self, seconds: float = 2.0) -> list[dict[str, str]]:
        """What is published within `seconds` on any topic, retained messages included: one row per telemetry field or topic."""
        found: dict[str, dict[str, str]] = {}
        login = m.Login(f"{self._login.client_id}-browse", True, 30, self._login.user, self._login.password)
        try:
            wire, _ = await self._open(login)
        except OSError as error:
            raise ConnectError(f"{self._id}: {reason(error)}") from error
        subscribe(wire, ["#"], 0)
        reader = m.FrameReader(self._options.max_message_bytes)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for topic, payload in _messages(*reader.feed(await wire.take())):
                        found |= {row["address"]: row for row in _rows(topic, payload)}
        except TimeoutError:
            wire.finish(m.DISCONNECT_FRAME)
        return [found[address] for address in sorted(found)]

    async def close(self) -> None:
        self._supervisor.closed.set()
        if self._wire is not None:
            self._wire.abort("closed")


def filters_of(routes: Mapping[str, Route]) -> list[str]:
    """Topic filters for these topics. More than a few with equal length, first and last level share a filter with '+':
    brokers keep state for every subscription (nats-server a consumer each with QoS 1)."""
    groups: dict[tuple[int, str, str], list[list[str]]] = {}
    for topic in routes:
        levels = topic.split("/")
        groups.setdefault((len(levels), levels[0], levels[-1]), []).append(levels)
    filters: list[str] = []
    for alike in groups.values():
        if len(alike) <= _SINGLE_FILTERS:
            filters += ["/".join(levels) for levels in alike]
        else:
            filters.append("/".join(level[0] if len(set(level)) == 1 else "+" for level in zip(*alike, strict=True)))
    return filters


def _kept(qos: int, session_kept: bool) -> str:
    if qos and session_kept:
        return "the broker kept our session and re-sends what it queued"
    return "what was sent in between is lost" + ("" if qos else " (qos = 0)")


def _messages(buffer: bytes, frames: Sequence[tuple[int, int, int]], _: object) -> list[tuple[str, bytes]]:
    """(topic, payload) of the PUBLISH frames."""
    found = [parts(buffer, *place) for place in frames if place[0] >> 4 == m.PUBLISH]
    return [(topic.decode("utf-8", "replace"), payload) for topic, payload, _ in found]


def _rows(topic: str, payload: bytes) -> list[dict[str, str]]:
    """What one message offers, for `browse`."""
    try:
        values = decode_telemetry(payload)[1]
    except DataError:
        kind = "waveform" if b'"rate_hz"' in payload[:200] else "value"
        return [{"address": topic, "name": topic, "type": kind, "unit": "", "value": payload[:40].decode("utf-8", "replace")}]
    return [
        {"address": f"{topic}#{field}", "name": field, "type": "telemetry", "unit": "", "value": str(value)}
        for field, value in values.items()
    ]
