"""`didymos erp import` as a user runs it: a process, its exit status, what it prints."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

PLANT = """
[plant]
id = "p"
name = "P"
timezone = "Europe/Vienna"
[[asset]]
id = "sp-01"
name = "S"
model = "generic"
channel = [{ name = "x", unit = "1" }]
[[erp]]
id = "files"
type = "csv"
url = "drop"
settle_s = 0.05
[[erp.entity]]
entity = "orders"
origin = "auftrag_*.csv"
columns = { order = "Auftrag", product = "Material", quantity = "Menge", start = "Start" }
"""
GOOD = "Auftrag;Material;Menge;Start\nA1;Gehäuse;1.234,5;05.01.2026 06:00\nA2;Welle;3,5;05.01.2026\n"


@pytest.fixture
def plant(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "plant.toml").write_text(PLANT)
    return tmp_path


def run(folder, *more: str):
    command = [sys.executable, "-m", "didymos.service.cli", "erp", "import", str(folder / "plant.toml"), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def tables(folder) -> list[str]:
    db = sqlite3.connect(folder / "state" / "erp.db")
    found = list(db.iterdump())
    db.close()
    return found


def test_good_rows_go_in_and_two_runs_leave_equal_tables(plant):
    (plant / "drop" / "auftrag_1.csv").write_bytes(GOOD.encode("cp1252"))
    first = run(plant)
    before = tables(plant)
    second = run(plant, "files", "--json")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "2 new, 0 revised, 0 as before, 0 rejected" in first.stdout
    assert tables(plant) == before
    assert json.loads(second.stdout.splitlines()[-1])["new"] == 0


def test_a_rejected_row_is_listed_by_file_row_and_column_and_the_answer_is_1(plant):
    (plant / "drop" / "auftrag_1.csv").write_bytes((GOOD + "A3;Welle;drei;31.02.2026\n").encode("utf-16"))
    found = run(plant)
    assert found.returncode == 1
    assert "files: auftrag_1.csv, row 4, column Menge: 'drei'. Allowed: a number." in found.stdout
    assert "files: auftrag_1.csv, row 4, column Start: '31.02.2026'. Allowed: a date that exists" in found.stdout
    assert "2 new, 0 revised, 0 as before, 2 rejected" in found.stdout


def test_a_source_that_is_none_and_a_folder_that_is_not_there_are_input_errors(plant):
    found = run(plant, "sap")
    assert found.returncode == 2
    assert "erp 'sap' is not in the plant file" in found.stderr
    (plant / "drop").rmdir()
    found = run(plant)
    assert found.returncode == 2
    assert "is no folder" in found.stderr
