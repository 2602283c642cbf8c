"""The OPC UA connector against a server of asyncua in its own process. Bad input first."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from didymos.core.clock import WallClock
from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect.opcua import OpcUa

from .servers import faults, free_port, run, values, wait_for_port

SECOND = 1_000_000_000
DAY = 1_767_571_200 * SECOND  # 2026-01-05T00:00:00Z
FAST = {"retry_s": 0.05, "retry_most_s": 0.2, "connect_timeout_s": 10.0, "publish_s": 0.05}

SERVER = """
import asyncio, sys
from datetime import datetime, timedelta, timezone
from asyncua import Server, ua

async def main(port, folder):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    if folder:
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.set_application_uri("urn:test:server")
        await server.load_certificate(folder + "/server.der")
        await server.load_private_key(folder + "/server.pem")
    space = await server.register_namespace("test")
    objects = server.nodes.objects
    async def node(name, value, kind):
        return await objects.add_variable(ua.NodeId(name, space), name, value, kind)
    count = await node("count", 0.0, ua.VariantType.Double)
    await node("flag", True, ua.VariantType.Boolean)
    await node("text", "RUN", ua.VariantType.String)
    bad = await node("bad", 5.0, ua.VariantType.Double)
    unsure = await node("unsure", 6.0, ua.VariantType.Double)
    wave = await node("wave", [1.0, 2.0, 3.5], ua.VariantType.Float)
    nan = await node("nan", float("nan"), ua.VariantType.Double)
    for k in range(300):
        await node(f"many{k}", float(k), ua.VariantType.Double)
    start = datetime(2026, 1, 5, tzinfo=timezone.utc)
    def data(value, kind, status=0, k=0):
        moment = start + timedelta(seconds=k, microseconds=7)
        return ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=moment)
    await bad.write_value(data(5.0, ua.VariantType.Double, 0x80050000))
    await unsure.write_value(data(6.0, ua.VariantType.Double, 0x40900000))
    await wave.write_value(data([1.0, 2.0, 3.5], ua.VariantType.Float))
    async with server:
        for k in range(100000):
            await count.write_value(data(float(k), ua.VariantType.Double, 0, k if k % 10 != 9 else k - 5))
            await asyncio.sleep(0.01)

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
"""


class Plc:
    """The server process; `kill` is SIGKILL, `freeze` stops it without closing its sockets."""

    def __init__(self, folder: str = "") -> None:
        self.port, self.folder = free_port(), folder
        self.start()

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-c", SERVER, str(self.port), self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture(scope="module")
def plc() -> Iterator[Plc]:
    server = Plc()
    yield server
    server.kill()


def connector(url: str, **options: str | int | float | bool) -> OpcUa:
    return OpcUa("plc", url, {**FAST, **options}, WallClock())


async def gather(source: OpcUa, tags: list[TagSpec], enough: Callable[[list], bool]) -> list[Payload | Fault]:
    items: list[Payload | Fault] = []
    async with aclosing(source.stream(tags)) as stream:  # pyright: ignore[reportArgumentType]
        async for item in stream:
            items.append(item)
            if enough(items):
                break
    await source.close()
    return items


def tag(name: str, waveform: bool = False) -> TagSpec:
    return TagSpec(f"ns=2;s={name}", waveform)


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("http://127.0.0.1:4840", {}, "opc.tcp://host:port"),
        ("opc.tcp://", {}, "opc.tcp://host:port"),
        ("opc.tcp://u:p@host", {}, "not in the url"),
        ("opc.tcp://host", {"publish": 1.0}, "Allowed: application_uri"),
        ("opc.tcp://host", {"publish_s": 0.0}, "0.01 to"),
        ("opc.tcp://host", {"security": "Basic128"}, "'None', 'Basic256Sha256'"),
        ("opc.tcp://host", {"security": "Basic256Sha256"}, "certificate and private_key"),
    ],
)
def test_a_wrong_url_or_option_is_refused_with_what_is_allowed(url: str, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match="plc") as caught:
        OpcUa("plc", url, options, WallClock())
    assert said in str(caught.value)


def test_a_waveform_tag_needs_a_rate() -> None:
    with pytest.raises(ConfigError, match="rate_hz"):
        connector("opc.tcp://host").stream([tag("w", True)])


def test_an_unreachable_server_is_one_fault_and_close_ends_the_stream() -> None:
    async def main() -> list[Payload | Fault]:
        source, items = connector(f"opc.tcp://127.0.0.1:{free_port()}"), []

        async def read() -> None:
            async for item in source.stream([tag("a")]):
                items.append(item)  # noqa: PERF401

        task = asyncio.create_task(read())
        while not items:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # further attempts
        await source.close()
        await asyncio.wait_for(task, 10)
        return items

    (fault,) = run(main())
    assert fault.kind == "disconnected"
    with pytest.raises(ConnectError):
        run(connector(f"opc.tcp://127.0.0.1:{free_port()}").browse())


def test_garbage_instead_of_opc_ua_is_a_fault() -> None:
    async def main() -> list[Payload | Fault]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        source = connector(f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", connect_timeout_s=3.0)
        items = await gather(source, [tag("a")], lambda items: len(items) == 1)
        server.close()
        return items

    (fault,) = run(main())
    assert isinstance(fault, Fault)
    assert fault.kind == "disconnected"


def test_unknown_and_unusable_tags_are_named_and_the_others_arrive(plc: Plc) -> None:
    tags = [tag("none"), TagSpec("what is this"), tag("text"), tag("wave"), tag("flag", True), tag("flag")]
    items = run(gather(connector(plc.url, rate_hz=10.0), tags, lambda items: bool(values(items))))
    unknown = faults(items, "unknown_tag")
    assert len(unknown) == 2
    assert "what is this is not a node id" in unknown[0]
    assert "ns=2;s=none is refused by the server: BadNodeIdUnknown" in unknown[1]
    assert sorted(text.split(";")[1][2:6] for text in faults(items, "rejected")) == ["flag", "text", "wave"]
    assert [(row[0], row[2]) for row in values(items)] == [("ns=2;s=flag", 1.0)]


def test_source_time_status_and_value_arrive_untouched(plc: Plc) -> None:
    tags = [tag("bad"), tag("unsure"), tag("nan"), tag("wave", True), tag("count")]
    items = run(gather(connector(plc.url, rate_hz=1000.0), tags, lambda items: len(values(items)) > 40))
    rows = {name[7:]: (time_ns, value, quality) for name, time_ns, value, quality in values(items)}
    assert rows["unsure"] == (DAY + 7000, 6.0, 1)
    assert rows["bad"][0] == DAY + 7000
    assert rows["bad"][2] == 6
    assert rows["nan"][2] == 6
    (wave,) = [wave for item in items if isinstance(item, Payload) for wave in item.waveforms]
    assert (wave.start_ns, wave.rate_hz) == (DAY + 7000, 1000.0)
    np.testing.assert_array_equal(wave.samples, np.array([1.0, 2.0, 3.5], np.float32))
    counts = [(time_ns, value) for name, time_ns, value, _ in values(items) if name == "ns=2;s=count"]
    for time_ns, value in counts:  # each tenth source time goes 5 s backwards: passed through
        at = int(value) if int(value) % 10 != 9 else int(value) - 5
        moment = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=at, microseconds=7)
        assert time_ns == int(moment.timestamp()) * SECOND + 7000


def test_many_items_are_created_within_small_limits(plc: Plc) -> None:
    source = connector(plc.url, items_per_subscription=120, items_per_call=50)
    items = run(gather(source, [tag(f"many{k}") for k in range(300)], lambda items: len(values(items)) >= 300))
    assert {row[0]: row[2] for row in values(items)} == {f"ns=2;s=many{k}": float(k) for k in range(300)}


def test_browse_lists_variables_with_type_and_value(plc: Plc) -> None:
    rows = {row["name"]: row for row in run(connector(plc.url).browse())}
    assert rows["unsure"] == {"address": "ns=2;s=unsure", "name": "unsure", "type": "Double", "unit": "", "value": "6.0"}
    assert rows["wave"]["type"] == "Float[]"
    assert "ServerStatus" not in rows


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_server_that_goes_and_comes_back_is_reported_with_the_gap(how: str) -> None:
    server = Plc()

    async def main() -> list[Payload | Fault]:
        items: list[Payload | Fault] = []
        source = connector(server.url, connect_timeout_s=3.0, silent_intervals=6)
        async with aclosing(source.stream([tag("count")])) as stream:  # pyright: ignore[reportArgumentType]
            async for item in stream:
                items.append(item)
                kinds = [item.kind for item in items if isinstance(item, Fault)]
                if kinds == ["connected"] and isinstance(item, Payload) and sum(isinstance(i, Payload) for i in items) == 1:
                    await asyncio.to_thread(server.kill if how == "killed" else lambda: server.signal(signal.SIGSTOP))
                elif kinds == ["connected", "disconnected"] and isinstance(item, Fault):
                    await asyncio.to_thread(server.start if how == "killed" else lambda: server.signal(signal.SIGCONT))
                elif "gap" in kinds and isinstance(item, Payload):
                    break
        await source.close()
        return items

    try:
        items = run(main(), 120)
    finally:
        server.signal(signal.SIGCONT)
        server.kill()
    assert [item.kind for item in items if isinstance(item, Fault)] == ["connected", "disconnected", "connected", "gap"]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    import anyio
    from asyncua.crypto.cert_gen import setup_self_signed_certificate
    from cryptography.x509.oid import ExtendedKeyUsageOID

    assert callable(anyio.open_file)  # loaded here: pytest's import hook inside an event loop can fail on Python 3.11
    for name, use in (("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)):
        key, cert = tmp_path / f"{name}.pem", tmp_path / f"{name}.der"
        run(setup_self_signed_certificate(key, cert, f"urn:test:{name}", "localhost", [use], {"countryName": "XX"}))
    return tmp_path


def test_a_signed_and_encrypted_session_works_and_an_open_one_is_refused(certificates: Path) -> None:
    server = Plc(str(certificates))
    keys = {"certificate": str(certificates / "client.der"), "private_key": str(certificates / "client.pem")}
    try:
        source = connector(server.url, security="Basic256Sha256", application_uri="urn:test:client", **keys)
        items = run(gather(source, [tag("count")], lambda items: len(values(items)) > 3))
        refused = run(gather(connector(server.url), [tag("count")], lambda items: bool(items)))
    finally:
        server.kill()
    assert values(items)[-1][0] == "ns=2;s=count"
    assert not faults(items, "disconnected")
    assert faults(refused, "disconnected")
