"""The HTTP push receiver, asked by httpx. Bad input first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import numpy as np
import pytest

from didymos.core.clock import WallClock
from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect.http import HttpPush
from didymos.formats.json_payload import encode_telemetry, encode_waveform

from .servers import faults, free_port, run, values

DAY = 1_767_571_200_000_000_000
TAGS = [TagSpec("flow"), TagSpec("line7/cp-01/telemetry#p"), TagSpec("line7/cp-01/acc", True), TagSpec("line7/cp-01/one")]


async def served(
    ask: Callable[[httpx.AsyncClient], Awaitable[None]], on_disk: bool = True, **options: str | int | float | bool
) -> list[Payload | Fault]:
    """What the connector streams while `ask` talks to it."""
    url = f"http://127.0.0.1:{free_port()}"
    source = HttpPush("push", url, options, WallClock())
    items: list[Payload | Fault] = []
    ready = asyncio.Event()

    async def read() -> None:
        async for item in source.stream(TAGS):
            items.append(item)
            ready.set()
            if isinstance(item, Payload) and item.done is not None and on_disk:
                await item.done()

    task = asyncio.create_task(read())
    await ready.wait()
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        await ask(client)
    await source.close()
    await asyncio.wait_for(task, 5)
    return items


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("https://127.0.0.1:80", {}, "http://host:port"),
        ("http://127.0.0.1", {}, "http://host:port without a path"),
        ("http://127.0.0.1:80/push", {}, "without a path"),
        ("http://0.0.0.0:80", {}, "needs option token"),
        ("http://127.0.0.1:80", {"tokn": "x"}, "Allowed: disk_s"),
    ],
)
def test_a_wrong_url_or_option_is_refused_with_what_is_allowed(url: str, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match="push") as caught:
        HttpPush("push", url, options, WallClock())
    assert said in str(caught.value)


def test_a_taken_port_is_a_fault_and_never_an_exception() -> None:
    async def main() -> list[Payload | Fault]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            source = HttpPush("push", f"http://127.0.0.1:{taken.getsockname()[1]}", {"retry_s": 0.05}, WallClock())
            fault = await anext(aiter(source.stream(TAGS)))
            await source.close()
        return [fault]

    (fault,) = run(main())
    assert isinstance(fault, Fault)
    assert (fault.kind, "in use" in fault.text) == ("disconnected", True)
    with pytest.raises(ConnectError, match="cannot be browsed"):
        run(HttpPush("push", "http://127.0.0.1:1", {}, WallClock()).browse())


def test_what_cannot_be_used_is_refused_with_the_reason_and_nothing_is_stored() -> None:
    requests: list[tuple[str, str, bytes, int, str]] = [
        ("POST", "/push", b"", 400, "truncated"),
        ("POST", "/push", b"\xff\xfe", 400, "is not telemetry"),
        ("POST", "/push", b'{"values": {"flow": 1}}', 400, "ts"),
        ("POST", "/push", b'{"ts": "2026-01-05T00:00:00", "values": {"flow": 1}}', 400, "no zone"),
        ("POST", "/push", b'{"ts": 1, "values": {"flow": "wet"}}', 400, "'flow' holds 'wet'"),
        ("POST", "/push/line7/cp-99/telemetry", encode_telemetry(DAY, {"p": 1.0}), 400, "no tag is configured"),
        ("POST", "/push/line7/cp-01/one", b"abc", 400, "is not a number"),
        ("POST", "/push", b"x" * 2000, 413, "at most 1000"),
        ("GET", "/push", b"", 405, "POST"),
        ("POST", "/pull", b"", 404, "POST to /push"),
    ]

    async def ask(client: httpx.AsyncClient) -> None:
        for method, path, body, status, said in requests:
            answer = await client.request(method, path, content=body)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
            assert said in answer.json()["detail"]
            assert answer.json()["status"] == status

        async def pieces():
            for _ in range(10):
                yield b"x" * 500

        assert (await client.post("/push", content=pieces())).status_code == 413  # a body without announced length

    items = run(served(ask, max_body_bytes=1000))
    assert values(items) == []


def test_without_the_token_nothing_is_taken() -> None:
    body = encode_telemetry(DAY, {"flow": 1.0})

    async def ask(client: httpx.AsyncClient) -> None:
        for header in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "secret"},
            {"authorization": "Bearer sécret".encode()},
        ):
            assert (await client.post("/push", content=body, headers=header)).status_code == 401
        assert (await client.post("/push", content=body, headers={"authorization": "Bearer secret"})).status_code == 200

    assert len(values(run(served(ask, token="secret")))) == 1


def test_values_and_waveforms_arrive_untouched() -> None:
    raw = np.array([1, -2, 3], np.int16)

    async def ask(client: httpx.AsyncClient) -> None:
        assert (await client.post("/push", content=encode_telemetry(DAY + 5, {"flow": 1.5, "x": 2.0}))).json() == {"accepted": 1}
        await client.post("/push", content=encode_telemetry(DAY, {"flow": None}))  # clock backwards, no value
        await client.post("/push/line7/cp-01/telemetry", content=encode_telemetry(DAY, {"p": 2.5}))
        await client.post("/push/line7/cp-01/one", content=b'{"ts": 0, "value": 3}')
        assert (await client.post("/push/line7/cp-01/acc", content=encode_waveform(DAY, 10.0, raw, 0.5))).json() == {"accepted": 1}
        assert (await client.post("/push", content=encode_telemetry(DAY, {"other": 2.0}))).json() == {"accepted": 0}

    items = run(served(ask))
    rows = values(items)
    assert rows[0] == ("flow", DAY + 5, 1.5, 0)
    assert (rows[1][0], rows[1][1], rows[1][3]) == ("flow", DAY, 6)
    assert rows[2:] == [("line7/cp-01/telemetry#p", DAY, 2.5, 0), ("line7/cp-01/one", 0, 3.0, 0)]
    (wave,) = [wave for item in items if isinstance(item, Payload) for wave in item.waveforms]
    np.testing.assert_array_equal(wave.samples, np.float32([0.5, -1.0, 1.5]))
    assert [item.kind for item in items if isinstance(item, Fault)] == ["connected"]


def test_200_comes_only_after_the_data_are_on_disk() -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.post("/push", content=encode_telemetry(DAY, {"flow": 1.0}))
        assert (answer.status_code, "again" in answer.json()["detail"]) == (503, True)

    assert len(values(run(served(ask, on_disk=False, disk_s=0.2)))) == 1


def test_silence_longer_than_announced_is_reported_and_its_end_as_well() -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        await client.post("/push", content=encode_telemetry(DAY, {"flow": 1.0}))
        await asyncio.sleep(0.8)
        await client.post("/push", content=encode_telemetry(DAY, {"flow": 2.0}))

    items = run(served(ask, interval_s=0.1, silent_intervals=3))
    assert [item.kind for item in items if isinstance(item, Fault)] == ["connected", "disconnected", "connected", "gap"]
    assert "no data" in faults(items, "disconnected")[0]
    assert [row[2] for row in values(items)] == [1.0, 2.0]
