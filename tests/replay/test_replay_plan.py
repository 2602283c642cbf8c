"""The plant file of a run: everything that it keeps or listens on is its own, everything else is as given."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from didymos.core.errors import ConfigError
from didymos.plant.config import DataClock
from didymos.plant.replay_plan import Run, changed, plan, toml_text
from tests.plant.small import plant_text
from tests.replay.rig import EXAMPLE


def run_of(folder: Path) -> Run:
    return Run(folder, Path("/data"), 4711, 8123, 60.0)


def test_a_plant_file_with_mistakes_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "given.toml"
    path.write_text('[plant]\nid = "x"\nname = "X"\nstepp_s = 3\n')
    with pytest.raises(ConfigError, match="stepp_s"):
        plan(path, run_of(tmp_path))
    assert not (tmp_path / "plant.toml").exists()


@pytest.mark.parametrize("text", [EXAMPLE.read_text(), plant_text()])
def test_what_is_written_reads_back_equal(text):
    tree = tomllib.loads(text)
    assert tomllib.loads(toml_text(tree)) == tree


def test_text_numbers_and_odd_keys_survive_writing():
    tree = {
        "top": 1,
        "t": {"text": 'a "quote" \\ and\nline, \u00e9 \U0001f4a1', "yes": True, "whole": -3, "tiny": 1e-30, "far": float("inf")},
        "rows": [{"an odd key": [1.5, "x"], "deep": [{"a": {"b": []}}]}, {"x": 2}],
        "empty": [],
    }
    assert tomllib.loads(toml_text(tree)) == tree


def test_the_run_has_its_own_store_ports_and_clock_and_moves_the_source_with_the_listener(tmp_path):
    path, plant = plan(EXAMPLE, run_of(tmp_path))
    assert path == tmp_path / "plant.toml"
    assert (plant.store, plant.nats_url, plant.mqtt_port, plant.port) == (tmp_path / "store", "", 4711, 8123)
    assert isinstance(plant.clock, DataClock)
    assert plant.sources[0].url == "mqtt://127.0.0.1:4711"
    assert plant.asset("bearing1-1").life == str(tmp_path / "life" / "bearing1-1.json")
    assert [a.constants for a in plant.assets] == [a.constants for a in plan(EXAMPLE, Run(tmp_path, tmp_path, 1, 2))[1].assets]


def test_a_broker_somewhere_else_keeps_its_url():
    tree = tomllib.loads(EXAMPLE.read_text())
    for url in ("mqtt://broker.example:18883", "mqtt://127.0.0.1:1883"):
        tree["source"][0]["url"] = url
        assert changed(tree, run_of(Path("/run")))["source"][0]["url"] == url


def test_files_are_looked_up_in_the_folder_given_and_played_at_the_speed_given():
    tree = tomllib.loads(plant_text())
    for url, found in (("a/b.csv", "/data/a/b.csv"), ("/x/b.csv", "/x/b.csv"), ("file:///x/b.csv", "/x/b.csv")):
        tree["source"][0]["url"] = url
        source = changed(tree, run_of(Path("/run")))["source"][0]
        assert (source["url"], source["speed"]) == (found, 60.0)
