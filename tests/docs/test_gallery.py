"""Every gallery script runs, keeps what it asserts, prints figures; and every machine has one, which draws it."""

from __future__ import annotations

import os
import runpy
import xml.etree.ElementTree as ET

import pytest
from tests.conftest import ROOT

from didymos.assets import ASSETS

FOLDER = ROOT / "docs" / "gallery"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def test_every_machine_has_its_script():
    assert {path.stem for path in SCRIPTS} >= set(ASSETS)


LONG = ("calibration", "housing_field")  # ten seconds each


@pytest.mark.parametrize(
    "script", [pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in LONG else ()) for path in SCRIPTS]
)
def test_a_gallery_script_runs_and_its_assertions_hold(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FOLDER)  # as `python docs/gallery/x.py` has it
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert sum(line.strip() != "" for line in printed.splitlines()) >= 2
    if script.stem in ASSETS:
        drawing = ET.parse(tmp_path / f"{script.stem}.svg").getroot()
        assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) >= 1
        assert len(script.read_text().splitlines()) <= 60
    assert os.listdir(FOLDER)  # untouched
