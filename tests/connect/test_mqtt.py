"""The MQTT connector against nats-server and mosquitto, brokers that nobody here wrote. Bad input first."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from didymos.core.clock import WallClock
from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect import mqtt_frames as m
from didymos.data.connect.columns import routes_of
from didymos.data.connect.mqtt import Mqtt, filters_of
from didymos.data.connect.mqtt_publish import Publisher
from didymos.formats.json_payload import encode_telemetry, encode_waveform

from .servers import Broker, faults, free_port, mosquitto_broker, nats_broker, run, values

FAST = {"retry_s": 0.05, "retry_most_s": 0.2, "connect_timeout_s": 2.0}
SECOND = 1_000_000_000
DAY = 1_767_571_200 * SECOND  # 2026-01-05T00:00:00Z


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    started = nats_broker(tmp_path) if request.param == "nats" else mosquitto_broker(tmp_path)
    yield started
    if started.process.poll() is None:
        started.kill()


def connector(url: str, **options: str | int | float | bool) -> Mqtt:
    return Mqtt("plc", url, {**FAST, **options}, WallClock())


async def gather(source: Mqtt, tags: list[TagSpec], enough, on_fault=None) -> list[Payload | Fault]:
    """Items until `enough(items)`; every payload is put 'on disk' at once."""
    items: list[Payload | Fault] = []
    async with aclosing(source.stream(tags)) as stream:  # pyright: ignore[reportArgumentType]
        async for item in stream:
            items.append(item)
            if isinstance(item, Payload):
                if item.done is not None:
                    await item.done()
            elif on_fault is not None:
                await on_fault(item)
            if enough(items):
                break
    await source.close()
    return items


def rows_of(count: int):
    return lambda items: len(values(items)) >= count


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("http://127.0.0.1:1883", {}, "mqtt://host:port"),
        ("127.0.0.1:1883", {}, "mqtt://host:port"),
        ("mqtt://", {}, "mqtt://host:port"),
        ("mqtt://host:99999", {}, "cannot be read"),
        ("mqtt://host", {"qoss": 1}, "Allowed: clean_session"),
        ("mqtt://host", {"qos": 2}, "0 to 1"),
        ("mqtt://host", {"qos": "one"}, "a int is allowed"),
        ("mqtt://host", {"qos": True}, "a int is allowed"),
        ("mqtt://host", {"keepalive_s": 0}, "out of range"),
        ("mqtt://host", {"gather_s": float("nan")}, "out of range"),
        ("mqtt://host", {"password": "x"}, "needs option user"),
    ],
)
def test_a_wrong_url_or_option_is_refused_with_what_is_allowed(url: str, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match="plc") as caught:
        Mqtt("plc", url, options, WallClock())
    assert said in str(caught.value)


@pytest.mark.parametrize("address", ["t#", "t#f"])
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        routes_of([TagSpec(address, waveform=True)], "plc")
    with pytest.raises(ConfigError, match="both telemetry"):
        routes_of([TagSpec("t#f"), TagSpec("t")], "plc")


def test_an_unreachable_broker_is_one_fault_and_never_an_exception() -> None:
    async def main() -> list[Payload | Fault]:
        source = connector(f"mqtt://127.0.0.1:{free_port()}")
        items: list[Payload | Fault] = []

        async def read() -> None:
            async for item in source.stream([TagSpec("t")]):
                items.append(item)  # noqa: PERF401

        task = asyncio.create_task(read())
        await asyncio.sleep(0.6)  # several attempts
        await source.close()
        await asyncio.wait_for(task, 2)  # close ends the stream
        return items

    items = run(main())
    assert len(items) == 1
    assert isinstance(items[0], Fault)
    assert items[0].kind == "disconnected"


def test_garbage_instead_of_mqtt_is_a_fault_and_the_next_attempt_follows() -> None:
    rng = random.Random(1)
    connack = b"\x20\x02\x00\x00"
    answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n", connack + b"\x00\x00", connack + b"\x36\x05\x00\x01tab"]
    answers += [connack + b"\x30\xff\xff\xff\xff\x7f", connack + b"\x30\x03\x00\x09t", connack + rng.randbytes(300), b""]

    async def main() -> list[Payload | Fault]:
        asked = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            await reader.read(100)
            if asked < len(answers):
                writer.write(answers[asked])
            else:
                writer.write(connack + m.publish_frame("t", b"7.5"))
            asked += 1
            await writer.drain()
            if asked > len(answers):
                await asyncio.sleep(0.2)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        source = connector(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", retry_s=0.01, retry_most_s=0.01)
        items = await gather(source, [TagSpec("t")], rows_of(1))
        server.close()
        await asyncio.sleep(0.3)
        return items

    items = run(main())
    assert [row[2] for row in values(items)] == [7.5]
    texts = faults(items, "disconnected")
    assert "does not answer as an MQTT broker" in texts[0]
    assert any("not MQTT" in text for text in texts)
    assert len(faults(items, "connected")) == len(texts)  # each interruption has one start and one end


def test_wrong_password_says_so(tmp_path: Path) -> None:
    broker = mosquitto_broker(tmp_path, "allow_anonymous false\n")
    try:
        items = run(gather(connector(broker.url, user="a", password="b"), [TagSpec("t")], lambda items: items))
    finally:
        broker.kill()
    assert "refuses us" in faults(items, "disconnected")[0]


def test_values_telemetry_and_waveforms_arrive_untouched(broker: Broker) -> None:
    raw = np.array([0, 65536, 70000, -5], np.int32)
    tags = [TagSpec("a/one"), TagSpec("a/tele#flow"), TagSpec("a/tele#p"), TagSpec("a/wave/acc", True)]

    async def publish(_: Fault) -> None:
        async with Publisher(broker.url, "p") as out:
            await asyncio.sleep(0.3)
            await out.publish("a/one", b'{"ts": "2026-01-05T00:00:05Z", "value": 3.5}', 1)
            await out.publish("a/one", b'{"ts": "2026-01-05T00:00:01Z", "value": 4.5}', 1)  # clock backwards
            await out.publish("a/tele", encode_telemetry(DAY + 7, {"flow": 1.25, "other": 9.0, "p": float("nan")}), 1)
            await out.publish("a/wave/acc", encode_waveform(DAY, 25600.0, raw, 0.001, -65.536), 1)

    source = connector(broker.url)
    items = run(gather(source, tags, lambda items: any(isinstance(i, Payload) and i.waveforms for i in items), publish))
    rows = values(items)
    assert rows[:2] == [("a/one", DAY + 5 * SECOND, 3.5, 0), ("a/one", DAY + SECOND, 4.5, 0)]
    assert rows[2] == ("a/tele#flow", DAY + 7, 1.25, 0)
    assert rows[3][:2] == ("a/tele#p", DAY + 7)
    assert np.isnan(rows[3][2])
    assert rows[3][3] == 6  # Quality.BAD
    (wave,) = [wave for item in items if isinstance(item, Payload) for wave in item.waveforms]
    assert (wave.channel, wave.start_ns, wave.rate_hz) == ("a/wave/acc", DAY, 25600.0)
    np.testing.assert_allclose(wave.samples, raw * 0.001 - 65.536, rtol=1e-6)


def test_rubbish_on_a_topic_is_reported_at_its_start_and_end_and_hides_nothing_else(broker: Broker) -> None:
    async def publish(_: Fault) -> None:
        async with Publisher(broker.url, "p") as out:
            await asyncio.sleep(0.3)
            for payload in (b"1", b"{{{", b"\xff\xfe", b"", b"2"):
                await out.publish("a/b", payload, 1)
            await out.publish("a/c", bytes(3000), 1)  # too large
            await out.publish("a/b", b"3", 1)

    source = connector(broker.url, max_message_bytes=2000)
    items = run(
        gather(source, [TagSpec("a/b"), TagSpec("a/c")], lambda items: [r[2] for r in values(items)][-1:] == [3.0], publish)
    )
    assert [row[2] for row in values(items)] == [1.0, 2.0, 3.0]
    said = faults(items, "rejected")
    assert "'{{{' is not" in said[0]
    assert "good again after 3 rejected" in said[1]
    assert "a/c: message of 3007 bytes is too large" in said[2]
    assert len(said) == 3


def test_mosquitto_pub_and_our_reader_agree(broker: Broker) -> None:
    if shutil.which("mosquitto_pub") is None:
        pytest.skip("mosquitto_pub is not installed (apt-get install mosquitto-clients)")

    async def publish(_: Fault) -> None:
        await asyncio.sleep(0.3)
        for qos in "01":
            command = ["mosquitto_pub", "-p", str(broker.port), "-t", "line/x", "-q", qos, "-l"]
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
            await process.communicate(b"".join(b"%d.5\n" % i for i in range(200)))

    items = run(gather(connector(broker.url), [TagSpec("line/x")], rows_of(400), publish))
    assert sorted(row[2] for row in values(items)) == sorted(2 * [i + 0.5 for i in range(200)])


READER = """
import asyncio, sys
from didymos.core.clock import WallClock
from didymos.core.ports import Payload, TagSpec
from didymos.data.connect.mqtt import Mqtt

async def main(url, path, slow_s):
    source = Mqtt("plc", url, {"retry_s": 0.05}, WallClock())
    with open(path, "a") as disk:
        async for item in source.stream([TagSpec("line/x")]):
            if isinstance(item, Payload):
                await asyncio.sleep(slow_s)
                disk.writelines(f"{value:.0f}\\n" for value in item.batch.value)
                disk.flush()
                await item.done()
            else:
                print(item.kind, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


def test_kill_9_of_the_reader_loses_nothing_with_qos_1(broker: Broker, tmp_path: Path) -> None:
    disk, count = tmp_path / "disk.txt", 500  # messages in each of three rounds

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", READER, broker.url, str(disk), "0.02"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"connected\n"
        return process

    async def publish(first: int) -> None:
        async with Publisher(broker.url, "p") as out:
            for i in range(first, first + count, 50):
                await out.publish_many([("line/x", b"%d" % k) for k in range(i, i + 50)], 1)

    reader = start()
    time.sleep(0.5)  # subscription is in place
    for first in (0, count, 2 * count):
        run(publish(first))
        os.kill(reader.pid, signal.SIGKILL)
        reader.wait()
        reader.stdout.close()  # pyright: ignore[reportOptionalMemberAccess]
        reader = start()
    deadline = time.monotonic() + 45
    seen: set[str] = set()
    while time.monotonic() < deadline and len(seen) < 3 * count:
        time.sleep(0.2)
        seen = set(disk.read_text().split())
    os.kill(reader.pid, signal.SIGKILL)
    reader.wait()
    reader.stdout.close()  # pyright: ignore[reportOptionalMemberAccess]
    assert seen == {str(i) for i in range(3 * count)}  # what was on disk but not yet acknowledged may be there twice


def test_a_broker_killed_and_back_is_reported_with_the_gap_and_data_go_on(broker: Broker) -> None:
    async def main() -> list[Payload | Fault]:
        items: list[Payload | Fault] = []
        source = connector(broker.url)
        out = Publisher(broker.url, "p", patience_s=20)
        async for item in source.stream([TagSpec("line/x")]):
            items.append(item)
            if isinstance(item, Payload):
                if item.done is not None:
                    await item.done()
                if values(items)[-1][2] == 1.0:
                    broker.kill()
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(broker.start)
                else:
                    break
            elif item.kind == "connected":
                await asyncio.sleep(0.5)
                await out.publish("line/x", b"%d" % len(faults(items, "connected")), 1)
        await source.close()
        await out.close()
        return items

    items = run(main())
    assert [row[2] for row in values(items)] == [1.0, 2.0]
    assert [item.kind for item in items if isinstance(item, Fault)] == ["connected", "disconnected", "connected", "gap"]


def test_silence_longer_than_announced_makes_a_new_connection() -> None:
    connections = 0

    async def main() -> list[Payload | Fault]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.read(100)
            writer.write(b"\x20\x02\x00\x00" + m.publish_frame("t", b"%d" % connections))
            await reader.read()  # until the other side ends the connection
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        items = await gather(connector(url, interval_s=0.1, silent_intervals=3), [TagSpec("t")], rows_of(2))
        server.close()
        await asyncio.sleep(0.3)
        return items

    items = run(main())
    assert [row[2] for row in values(items)] == [1.0, 2.0]
    assert "no data" in faults(items, "disconnected")[0]


def test_browse_lists_what_is_published(broker: Broker) -> None:
    async def main() -> list[dict[str, str]]:
        async with Publisher(broker.url, "p") as out:
            task = asyncio.create_task(connector(broker.url).browse(1.0))
            await asyncio.sleep(0.4)
            await out.publish("a/tele", encode_telemetry(DAY, {"flow": 1.5}))
            await out.publish("a/one", b"2")
            return await task

    assert [(row["address"], row["value"]) for row in run(main())] == [("a/one", "2"), ("a/tele#flow", "1.5")]
    with pytest.raises(ConnectError):
        run(connector(f"mqtt://127.0.0.1:{free_port()}").browse())


def test_frames_survive_any_cut_of_the_byte_stream() -> None:
    rng = random.Random(7)
    sent = [(f"t/{i % 5}", rng.randbytes(rng.choice((0, 3, 150, 20_000)))) for i in range(60)]
    large = {place for place, item in enumerate(sent) if len(item[1]) == 20_000 and place % 2}
    stream = b""
    for place, (topic, payload) in enumerate(sent):
        stream += m.publish_frame(topic, payload + bytes(60_000) if place in large else payload, 1, place + 1)
    for _ in range(20):
        reader, got, skipped, place = m.FrameReader(50_000), [], [], 0
        while place < len(stream):
            size = rng.choice((1, 7, 400, 30_000, 200_000))
            buffer, frames, big = reader.feed(stream[place : place + size])
            place += size
            got += [buffer[start:stop] for _, start, stop in frames]
            skipped += [item.packet_id - 1 for item in big]
        bodies = [m._text(t) + (i + 1).to_bytes(2, "big") + p for i, (t, p) in enumerate(sent) if i not in large]
        assert got == bodies
        assert set(skipped) == large


def test_many_like_topics_share_one_filter() -> None:
    routes = routes_of([TagSpec(f"line7/m{i}/telemetry#x") for i in range(20)] + [TagSpec("line7/m1/waveform/acc", True)], "plc")
    assert filters_of(routes) == ["line7/+/telemetry", "line7/m1/waveform/acc"]
