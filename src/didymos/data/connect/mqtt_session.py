"""What both our MQTT sides do with a fresh connection: log in, subscribe, keep it alive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from didymos.core.errors import ConnectError
from didymos.data.connect import mqtt_frames as m
from didymos.data.connect.wire_tcp import Wire

_FILTERS_A_FRAME = 200


async def handshake(host: str, port: int, login: m.Login) -> tuple[Wire, bool]:
    """(connection, broker kept our session). ConnectError when it refuses us, OSError when nobody listens."""
    where = f"{host}:{port}"
    wire = await Wire.open(host, port)
    try:
        wire.write(m.connect_frame(login))
        answer = await wire.exactly(4)
        if answer[:2] != b"\x20\x02":
            raise ConnectError(f"{where} does not answer as an MQTT broker: it sent {bytes(answer)!r}; check host and port")
        if answer[3]:
            raise ConnectError(
                f"{where} refuses us: {m.REFUSALS.get(answer[3], f'code {answer[3]}')} (client id {login.client_id!r})"
            )
        return wire, bool(answer[2] & 1)
    except BaseException:
        wire.abort("login failed")
        raise


def subscribe(wire: Wire, filters: Sequence[str], qos: int) -> None:
    for start in range(0, len(filters), _FILTERS_A_FRAME):
        wire.write(m.subscribe_frame(1 + start // _FILTERS_A_FRAME, filters[start : start + _FILTERS_A_FRAME], qos))


async def keep_alive(wire: Wire, keepalive_s: float) -> None:
    """Ping at half the agreed time; end the connection when nothing at all came for one and a half times it."""
    loop = asyncio.get_running_loop()
    while wire.is_open:
        await asyncio.sleep(keepalive_s / 2)
        silent_s = loop.time() - wire.heard_s
        if silent_s > 1.5 * keepalive_s and not wire.paused:
            wire.abort(f"the broker is silent for {silent_s:.1f} s, pings included")
        wire.write(m.PINGREQ_FRAME)
