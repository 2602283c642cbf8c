"""The live page's socket: what goes in comes out, once encoded for all, and a slow or rude page harms nobody.

frames.json holds one frame of each kind as bytes and as numbers. The decoder of the page is bundled and run by Node over the same
file (skipped where Node or its libraries are absent), so that the two cannot drift apart.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sample_plant import NOW_NS, sample_tick
from served import wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from didymos.core.estimate import Fresh
from didymos.formats.wire import pack
from didymos.service.frames import (
    STATUS,
    FieldShape,
    Fleet,
    Samples,
    Trend,
    encode_field,
    encode_fleet,
    encode_fresh,
    encode_trend,
)
from didymos.service.live import QUEUE, Reader, Topic, live_of

FIXTURE = Path(__file__).parent / "frames.json"
UI = Path(__file__).parent.parent.parent / "ui"


def recorded_fleet(row: dict) -> bytes:
    columns = {name: np.array([np.nan if v is None else v for v in row[name]]) for name in ("pFail", "deviation")}
    small = {name: np.array(row[name]) for name in ("index", "status", "priority")}
    fleet = Fleet(row["plantMs"], small["index"], columns["pFail"], columns["deviation"], small["status"], small["priority"])
    return encode_fleet(row["topic"], row["sequence"], row["serverMs"], fleet)


def recorded_trend(row: dict) -> bytes:
    columns = [np.array([np.nan if v is None else v for v in row[name]]) for name in ("measured", "value", "low", "high")]
    return encode_trend(row["topic"], row["sequence"], row["serverMs"], Trend(row["plantMs"], np.array(row["channel"]), *columns))


def recorded_fresh(row: dict) -> bytes:
    age_ms, measured = (np.array([np.nan if v is None else v for v in row[name]]) for name in ("ageMs", "measured"))
    samples = Samples(row["plantMs"], np.array(row["channel"]), age_ms, measured)
    return encode_fresh(row["topic"], row["sequence"], row["serverMs"], samples)


def recorded_field(row: dict) -> bytes:
    shape = FieldShape(
        row["plantMs"], bytes.fromhex(row["mesh"]), row["levelK"], row["scaleK"], np.array(row["coefficient"], np.int8)
    )
    return encode_field(row["topic"], row["sequence"], row["serverMs"], shape)


ENCODERS = {"fleet": recorded_fleet, "trend": recorded_trend, "fresh": recorded_fresh, "field": recorded_field}


@pytest.mark.parametrize(("kind", "encode"), ENCODERS.items())
def test_the_encoder_writes_the_recorded_frame(kind, encode):
    case = json.loads(FIXTURE.read_text())[kind]
    assert encode(case["frame"]).hex() == case["hex"]


def test_a_frame_is_laid_out_as_the_design_says():
    """u8 version, u8 kind, u16 topic, u32 sequence, f64 server ms, then the columns: read here with struct alone."""
    case = json.loads(FIXTURE.read_text())["trend"]
    data = bytes.fromhex(case["hex"])
    assert struct.unpack_from("<BBHId", data) == (
        1,
        2,
        case["frame"]["topic"],
        case["frame"]["sequence"],
        case["frame"]["serverMs"],
    )
    plant_ms, count, _ = struct.unpack_from("<dII", data, 16)
    assert (plant_ms, count) == (case["frame"]["plantMs"], len(case["frame"]["channel"]))
    assert struct.unpack_from("<f", data, 32)[0] == case["frame"]["measured"][0]
    assert len(data) % 4 == 0


def test_the_page_decodes_the_recorded_frames(tmp_path):
    node = shutil.which("node")
    if node is None or not (UI / "node_modules").is_dir():
        pytest.skip("Node or ui/node_modules is absent; run `python hatch_build.py` once")
    subprocess.run([node, "build.mjs", "--pure", str(tmp_path)], cwd=UI, check=True, timeout=60)
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", "test/pure.test.mjs", "test/field.test.mjs"],
        cwd=UI,
        env={"PURE": str(tmp_path), "FRAMES": str(FIXTURE), "PATH": str(Path(node).parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "not a wish"),
        ('{"subscribe": ["fleet"]}', "unknown field"),
        ('{"sub": "fleet"}', "Expected `array`"),
        ('{"sub": ["asset/cp-99/trend"]}', "no topic 'asset/cp-99/trend'"),
        ("", "not a wish"),
    ],
)
def test_a_page_that_asks_for_nonsense_is_closed_with_the_reason(place, text, said):
    with connect(socket_of(place)) as page:
        page.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            page.recv(timeout=10)
    assert closed.value.rcvd.code == 1008
    assert said in closed.value.rcvd.reason


def test_a_page_of_another_origin_is_refused(place):
    with pytest.raises(InvalidStatus) as refused:
        connect(socket_of(place), origin="http://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def socket_of(place) -> str:
    return place.url.replace("http", "ws") + "/api/v1/ws"


def test_the_fleet_topic_says_what_the_asset_list_says(client, place, sample):
    rows = client.get("/api/v1/assets").json()
    with connect(socket_of(place)) as page:
        page.send('{"sub": ["fleet"]}')
        assert json.loads(page.recv(timeout=10)) == {"topics": {"fleet": 0}}
        data = page.recv(timeout=10)
    assert isinstance(data, bytes)
    n = struct.unpack_from("<I", data, 24)[0]
    chances = np.frombuffer(data, "<f4", n, 32)
    status = np.frombuffer(data, "u1", n, 32 + 8 * n + 2 * n)
    priority = np.frombuffer(data, "u1", n, 32 + 8 * n + 2 * n + n)
    expected = [np.nan if row["p_fail_next_stop"] is None else row["p_fail_next_stop"] for row in rows]
    np.testing.assert_allclose(chances, np.array(expected, np.float32))
    assert [STATUS[each] for each in status] == [row["status"] for row in rows]
    assert list(priority) == [row["priority"] for row in rows]


def test_a_tick_reaches_every_page_that_shows_the_asset_and_no_other(client, place, sample):
    cp, name = sample.plant.asset("cp-03"), "asset/cp-03/trend"
    with connect(socket_of(place)) as first, connect(socket_of(place)) as second, connect(socket_of(place)) as other:
        for page in (first, second):
            page.send(json.dumps({"sub": [name]}))
            number = json.loads(page.recv(timeout=10))["topics"][name]
        other.send('{"sub": ["asset/cp-01/trend"]}')
        other.recv(timeout=10)
        place.run(sample.bus.notify("live.cp-03", b"\xc1 garbage"))
        place.run(sample.bus.notify("live.cp-03", pack(sample_tick(cp, NOW_NS))))
        frames = [page.recv(timeout=10) for page in (first, second)]
        with pytest.raises(TimeoutError):
            other.recv(timeout=0.3)
    assert frames[0] == frames[1]
    _, kind, topic, sequence, _ = struct.unpack_from("<BBHId", frames[0])
    assert (kind, topic, sequence) == (2, number, 1)
    tick, m = sample_tick(cp, NOW_NS), len(cp.channels)
    np.testing.assert_array_equal(np.frombuffer(frames[0], "<f4", m, 32), tick.measured.astype(np.float32))
    np.testing.assert_array_equal(np.frombuffer(frames[0], "<u2", m, 32 + 16 * m), np.arange(m))


def test_samples_reach_the_page_before_their_step_with_their_own_times(place, sample):
    cp, name = sample.plant.asset("cp-03"), "asset/cp-03/trend"
    first, last = cp.channels[0].name, cp.channels[2].name
    times = np.array([NOW_NS - 250_000_000, NOW_NS, NOW_NS])
    fresh = Fresh("cp-03", (last, "not listed", first), times, np.array([2.5, 9.0, 1.5]))
    with connect(socket_of(place)) as page:
        page.send(json.dumps({"sub": [name]}))
        page.recv(timeout=10)
        place.run(sample.bus.notify("fresh.cp-03", b"\xc1 garbage"))
        place.run(sample.bus.notify("fresh.cp-03", pack(Fresh("cp-03", ("not listed",), times[:1], np.zeros(1)))))
        place.run(sample.bus.notify("fresh.cp-03", pack(fresh)))
        frame = page.recv(timeout=10)
    assert isinstance(frame, bytes)
    assert (frame[1], *struct.unpack_from("<dI", frame, 16)) == (3, NOW_NS / 1e6, 2)
    assert np.frombuffer(frame, "<f4", 4, 32).tolist() == [250.0, 0.0, 2.5, 1.5]
    assert np.frombuffer(frame, "<u2", 2, 48).tolist() == [2, 0]


def test_a_page_that_left_is_forgotten(place, sample):
    live = sample.app.state.live
    with connect(socket_of(place)) as page:
        page.send('{"sub": ["fleet", "asset/cp-01/trend"]}')
        page.recv(timeout=10)
        assert len(live.topics["asset/cp-01/trend"].readers) == 1
    wait_until(lambda: not live.readers and not live.topics["asset/cp-01/trend"].readers)


def test_a_slow_page_keeps_the_newest_frames_and_the_queue_stays_bounded():
    topic, reader = Topic(3), Reader()
    topic.readers.add(reader)
    for _ in range(10 * QUEUE):
        topic.send(lambda number, sequence, ms: struct.pack("<HI", number, sequence))
    kept = [struct.unpack("<HI", frame)[1] for frame in reader.waiting]
    assert kept == list(range(9 * QUEUE + 1, 10 * QUEUE + 1))


def test_a_frame_is_encoded_once_whatever_the_number_of_readers(sample):
    live, encoded = live_of(sample.app.state.context), []
    topic = live.topics["fleet"]
    topic.readers |= {Reader() for _ in range(50)}
    topic.send(lambda number, sequence, ms: encoded.append(sequence) or b"frame")
    assert encoded == [1]
    assert len({id(reader.waiting[0]) for reader in topic.readers}) == 1


def test_channels_that_the_asset_does_not_list_are_left_out(sample):
    from dataclasses import replace

    live = live_of(sample.app.state.context)
    tick = sample_tick(sample.plant.asset("cp-01"), NOW_NS)
    trend = live._trend(replace(tick, channels=("unlisted", *tick.channels[1:])))
    assert list(trend.channel) == [1, 2, 3, 4, 5, 6]
    assert len(trend.measured) == 6
