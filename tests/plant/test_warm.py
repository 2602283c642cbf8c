"""Kernels before the worker begins: what is missing is named, children compile it, and the worker finds it."""

import asyncio
import subprocess
import sys

import pytest

from didymos.plant.config import load
from didymos.plant.warm import missing, warmed
from tests.plant.small import plant_text


@pytest.fixture
def pump(tmp_path, monkeypatch):
    """A plant with one pump and an empty kernel cache."""
    monkeypatch.setenv("DIDYMOS_CACHE", str(tmp_path / "kernels"))
    head, _, assets = plant_text().partition("[[asset]]")
    own = next(part for part in assets.split("[[asset]]") if "centrifugal_pump" in part)
    (tmp_path / "plant.toml").write_text(head + "[[asset]]" + own)
    return tmp_path / "plant.toml"


def test_a_compiling_child_that_fails_is_named_in_the_log_and_stops_nothing(pump, tmp_path, caplog):
    plant = load(pump)
    (tmp_path / "broken.toml").write_text("[plant")
    asyncio.run(warmed(plant, tmp_path / "broken.toml"))
    assert "centrifugal_pump: the compiling process ended with status" in caplog.text
    assert missing(plant) == ["centrifugal_pump"]


@pytest.mark.slow
def test_children_compile_all_that_a_worker_of_this_plant_calls(pump, tmp_path):
    """The second call, here or in any process, compiles nothing: no new file of machine code."""
    plant = load(pump)
    assert missing(plant) == ["centrifugal_pump"]
    asyncio.run(warmed(plant, pump))
    assert missing(plant) == []
    before = sorted((tmp_path / "kernels" / "__pycache__").glob("*.nb?"))
    subprocess.run([sys.executable, "-m", "didymos.plant.warm", str(pump), "centrifugal_pump"], check=True)
    assert sorted((tmp_path / "kernels" / "__pycache__").glob("*.nb?")) == before
