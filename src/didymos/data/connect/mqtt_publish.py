"""A small MQTT 3.1.1 publisher: what the replay tool and the simulated plant send with.

QoS 1 returns once the broker acknowledged every message; what a broken connection left open is sent again (DUP) on the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from didymos.core.errors import ConnectError
from didymos.data.connect import mqtt_frames as m
from didymos.data.connect.mqtt_session import handshake, keep_alive
from didymos.data.connect.options import read_url
from didymos.data.connect.wire_tcp import Wire

_WINDOW = 200  # QoS 1 messages on the way at once; mosquitto and nats-server both accept more


class Publisher:
    """`async with Publisher("mqtt://host:1883", "plant-1") as out: await out.publish("topic", b"1.5", qos=1)`."""

    def __init__(self, url: str, client_id: str, user: str = "", password: str = "", patience_s: float = 60.0) -> None:
        """patience_s: how long to try to reach a broker before a publish raises ConnectError."""
        parts = read_url(url, ("mqtt",), client_id)
        self._host, self._port = parts.hostname or "", parts.port or 1883
        self._login = m.Login(client_id, True, 30, user, password)
        self._patience_s = patience_s
        self._wire: Wire | None = None
        self._reader = m.FrameReader(1 << 16)
        self._pulse: asyncio.Task[None] | None = None
        self._last_id = 0
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Publisher:
        await self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """One message; with QoS 1 acknowledged on return."""
        await self.publish_many([(topic, payload)], qos, retain)

    async def publish_many(self, messages: Sequence[tuple[str, bytes]], qos: int = 0, retain: bool = False) -> None:
        """[(topic, payload)] in this order; with QoS 1 all acknowledged on return."""
        step = _WINDOW if qos else max(1, len(messages))
        async with self._one_at_a_time:
            for start in range(0, len(messages), step):
                part = messages[start : start + step]
                await self._send(dict(zip(map(self._id, part), part, strict=True)), qos, retain)

    async def _send(self, open_ids: dict[int, tuple[str, bytes]], qos: int, retain: bool) -> None:
        """Until the broker has them all, over as many connections as it takes."""
        again = False
        while open_ids:
            wire = await self._connected()
            try:
                frames = [m.publish_frame(*item, qos, number, retain, again) for number, item in open_ids.items()]
                wire.write(b"".join(frames))
                await wire.drain()
                if not qos:
                    return
                again = True
                await self._acknowledged(wire, open_ids)
            except ConnectError:
                wire.abort("lost")

    def _id(self, _: object) -> int:
        self._last_id = self._last_id % 65535 + 1
        return self._last_id

    async def _acknowledged(self, wire: Wire, open_ids: dict[int, tuple[str, bytes]]) -> None:
        """Removes from `open_ids` what the broker acknowledges, until nothing is left."""
        while open_ids:
            buffer, frames, _ = self._reader.feed(await wire.take())
            for head, start, _ in frames:
                if head >> 4 == m.PUBACK:
                    open_ids.pop(buffer[start] << 8 | buffer[start + 1], None)

    async def _connected(self) -> Wire:
        """The open connection, or a new one; ConnectError after `patience_s` without a broker."""
        if self._wire is not None and self._wire.is_open:
            return self._wire
        loop = asyncio.get_running_loop()
        end_s, wait_s = loop.time() + self._patience_s, 0.1
        while True:
            try:
                async with asyncio.timeout(max(0.1, end_s - loop.time())):
                    self._wire, _ = await handshake(self._host, self._port, self._login)
                break
            except (OSError, ConnectError, TimeoutError) as error:
                if loop.time() + wait_s > end_s:
                    raise ConnectError(
                        f"publisher {self._login.client_id}: {self._host}:{self._port} cannot be reached: {error}"
                    ) from error
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, 2.0)
        self._reader = m.FrameReader(1 << 16)
        if self._pulse is not None:
            self._pulse.cancel()
        self._pulse = asyncio.create_task(keep_alive(self._wire, self._login.keepalive_s))
        return self._wire

    async def close(self) -> None:
        """Sends what is left and says goodbye."""
        if self._pulse is not None:
            self._pulse.cancel()
        if self._wire is not None and self._wire.is_open:
            await self._wire.drain()
            self._wire.finish(m.DISCONNECT_FRAME)
