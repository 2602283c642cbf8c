"""Recordings as MQTT messages: what is missing is named, the counts reach the wire untouched, no bearing teaches itself."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.formats.json_payload import decode_waveform
from didymos.infer.bearing_life import History
from didymos.plant.config import load
from didymos.plant.replay import LAYOUT, recordings, rounds, send, teach, time_of
from tests.plant.small import small_plant
from tests.replay.rig import LIVES, plant_file, recorded, write_bearing


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("data"))


@pytest.fixture
def plant(tmp_path):
    return load(plant_file(tmp_path))


def test_a_folder_without_the_recordings_is_named(plant, tmp_path):
    with pytest.raises(DataError, match="there is no folder femto_pronostia in it"):
        recordings(plant, tmp_path)


def test_a_plant_file_without_waveform_tags_is_told_what_to_add(tmp_path, data):
    with pytest.raises(ConfigError, match=r"nothing to replay.*waveform = true.*type replay"):
        recordings(small_plant(tmp_path), data)


def test_an_asset_without_a_recording_is_named_beside_those_there_are(tmp_path, data):
    plant = load(plant_file(tmp_path, ("bearing1-1", "bearing2-2")))
    with pytest.raises(DataError, match=r"no recording of bearing2-2; there are bearing1-1, bearing1-2"):
        recordings(plant, data)


def test_a_channel_that_no_file_holds_is_refused(tmp_path, data):
    path = plant_file(tmp_path)
    path.write_text(path.read_text().replace("horizontal", "axial"))
    with pytest.raises(ConfigError, match="bearing1-1: waveform channels axial, vertical"):
        recordings(load(path), data)


@pytest.mark.parametrize("columns", [{"h": 2561, "v": 2561}, {"h": 2560}, {"h": 0, "v": 0}])
def test_a_file_that_is_not_whole_snapshots_of_both_axes_is_refused(tmp_path, columns):
    folder = tmp_path / "femto_pronostia"
    folder.mkdir()
    pq.write_table(pa.table({name: np.zeros(n, np.int32) for name, n in columns.items()}), folder / "Bearing1_1.parquet")
    with pytest.raises(DataError, match=r"Bearing1_1.parquet: .* rows of h.*whole snapshots of 2560 rows"):
        recordings(load(plant_file(tmp_path, ("bearing1-1",))), tmp_path)


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    folder = tmp_path / "femto_pronostia"
    folder.mkdir()
    (folder / "Bearing1_1.parquet").write_text("hello")
    with pytest.raises(DataError, match="not a Parquet file"):
        recordings(load(plant_file(tmp_path, ("bearing1-1",))), tmp_path)


def test_every_count_reaches_the_wire_as_it_was_recorded_clipping_included(plant, data):
    found = recordings(plant, data)
    code = pq.read_table(data / "femto_pronostia" / "Bearing3_1.parquet")["v"].to_numpy().reshape(-1, 2560)
    topic = "pronostia/bearing3-1/waveform/vertical"
    sent = [dict(messages)[topic] for messages in rounds(found) if topic in dict(messages)]
    assert len(sent) == LIVES["Bearing3_1"] == len(code)
    for k, payload in enumerate(sent):
        body = json.loads(payload)
        assert (body["dtype"], body["scale"], body["offset"]) == ("int32", 0.001, -65.536)
        wave = decode_waveform(payload, topic)
        assert (wave.start_ns, wave.rate_hz) == (time_of(k), 25_600.0)
        np.testing.assert_array_equal(wave.samples, ((code[k] - 65536) / 1000.0).astype(np.float32))
    assert decode_waveform(sent[-1], topic).samples[:3].tolist() == [48.0, -48.0, 0.0]


def test_all_run_side_by_side_from_one_start_until_each_ends(plant, data):
    found = recordings(plant, data)
    lengths = [len(messages) for messages in rounds(found)]
    alive = [sum(n > k for n in LIVES.values()) for k in range(max(LIVES.values()))]
    assert lengths == [2 * n for n in alive]
    assert time_of(0) == LAYOUT.start_ns
    assert time_of(3) - time_of(0) == 30_000_000_000


def test_what_a_bearing_is_told_does_not_depend_on_itself(plant, tmp_path):
    def taught(own_life_s: float) -> dict[str, str]:
        shown = np.zeros(50)
        histories = {a.id: History(shown + i, 500.0 + 10 * i, 1e5) for i, a in enumerate(plant.assets)}
        histories["bearing1-2"] = History(shown + 9.0, own_life_s, 1e5)
        lives = {a.id: tmp_path / "lives" / f"{own_life_s}-{a.id}.json" for a in plant.assets}
        moved = type(plant)(
            **{
                **{name: getattr(plant, name) for name in plant.__slots__},
                "assets": tuple(with_life(a, str(lives[a.id])) for a in plant.assets),
            }
        )
        teach(moved, histories)
        return {name: path.read_text() for name, path in lives.items()}

    one, other = taught(100.0), taught(9_000.0)
    assert one["bearing1-2"] == other["bearing1-2"]
    assert one["bearing1-1"] != other["bearing1-1"]


def with_life(asset, life):
    return type(asset)(**{**{name: getattr(asset, name) for name in asset.__slots__}, "life": life})


def test_too_few_others_to_learn_from_is_said(tmp_path):
    plant = load(plant_file(tmp_path, ("bearing1-1", "bearing1-2", "bearing2-1")))
    with pytest.raises(DataError, match="2 known lives; at least 3"):
        teach(plant, {a.id: History(np.zeros(50), 500.0, 1e5) for a in plant.assets})


def test_a_broker_that_does_not_answer_is_named(tmp_path, free_port):
    folder = tmp_path / "femto_pronostia"
    folder.mkdir()
    write_bearing(folder, "Bearing1_1", 3, 1)
    path, port = plant_file(tmp_path, ("bearing1-1",)), free_port()
    path.write_text(path.read_text().replace("127.0.0.1:18883", f"127.0.0.1:{port}"))

    async def main() -> None:
        async def taken() -> bool:
            raise AssertionError("nothing can have been taken")

        async def room(_: int) -> None: ...

        async for _ in send(recordings(load(path), tmp_path), 0.0, taken, room, patience_s=0.5):
            raise AssertionError("nothing can have been sent")

    with pytest.raises(ConnectError, match=f"127.0.0.1:{port} cannot be reached"):
        asyncio.run(main())
