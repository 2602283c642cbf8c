"""Years of samples from every kind of file: all of them in history or named with a reason, once, whatever happens on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from didymos.core.clock import SECOND_NS, iso
from didymos.core.errors import ConfigError, DataError
from didymos.core.series import Quality
from didymos.data.backfill import sources
from didymos.data.backfill.chunks import Export
from didymos.data.history.adopt import INCOMING
from didymos.data.history.store import Store
from didymos.formats.stamps import Stamps
from didymos.plant.backfill import Order, Report, backfill, sentences
from didymos.plant.config import load
from didymos.service.cli import app

START = 1_767_225_600 * SECOND_NS  # 2026-01-01T00:00:00Z
PLANT = """
[plant]
id = "p"
name = "Plant"
[store]
path = "{store}"
[[source]]
id = "pi"
type = "replay"
url = "file:///nowhere.csv"
[[source]]
id = "other"
type = "replay"
url = "file:///nowhere.csv"
[[asset]]
id = "m-1"
model = "generic"
regime = "speed"
channel = [
  {{ name = "speed", unit = "rad/s", low = 0, high = 400 }},
  {{ name = "temperature", unit = "K", low = 200, high = 500 }},
]
tag = [
  {{ channel = "speed", source = "pi", address = "M1.SPEED", unit = "rpm" }},
  {{ channel = "temperature", source = "pi", address = "M1.TEMP", unit = "degC" }},
]
"""


@pytest.fixture
def plant(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(PLANT.format(store=tmp_path / "store"))
    return load(path)


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def imported(plant, given: Path | str, **options: Any) -> Report:
    export = {k: v for k, v in options.items() if k in Export.__slots__}
    stamps = {k: v for k, v in options.items() if k in Stamps.__slots__}
    rest = {k: v for k, v in options.items() if k not in export and k not in stamps}
    stores: list[Store] = []

    def owner() -> Store:
        stores.append(Store(plant.store / "history"))
        return stores[0]

    try:
        return backfill(plant, Order(str(given), Export(Stamps(**stamps), **export), **rest), owner)  # type: ignore[arg-type]
    finally:
        for store in stores:
            store.close()


def history(plant, columns: str = "channel, time_ns, value, quality") -> list[tuple[Any, ...]]:
    store = Store(plant.store / "history")
    try:
        rows = store.reader.sql(f"SELECT {columns} FROM samples ORDER BY ALL", 60, 1_000_000).to_pylist()
    finally:
        store.close()
    return [tuple(row.values()) for row in rows]


def digest(plant) -> tuple[Any, ...]:
    """count, sum and xor over all of history."""
    [row] = history(plant, "count(*), sum(hash(channel, time_ns, value, quality)), bit_xor(hash(channel, time_ns, value, quality))")
    return row


LONG = "tag,time,value\nM1.SPEED,2026-01-01T00:00:00Z,600\nM1.TEMP,2026-01-01T00:00:00Z,20\nM1.SPEED,2026-01-02T00:00:00Z,1200\n"
SI = [
    ("m-1.speed", START, pytest.approx(20 * np.pi), 0),
    ("m-1.speed", START + 86_400 * SECOND_NS, pytest.approx(40 * np.pi), 0),
    ("m-1.temperature", START, pytest.approx(293.15), 0),
]


def of_kind(kind: str, folder: Path) -> tuple[Path | str, dict[str, Any]]:
    day = 86_400
    times = [START // SECOND_NS, START // SECOND_NS, START // SECOND_NS + day]
    if kind == "csv long":
        return put(folder, "a.csv", LONG), {}
    if kind == "csv wide":
        text = "time;M1.SPEED;M1.TEMP\n2026-01-01T00:00:00Z;600;20,0\n2026-01-02T00:00:00Z;1200;\n"
        return put(folder, "a.csv", text), {"decimal": ","}
    if kind == "utf-16":
        return put(folder, "a.csv", LONG, "utf-16"), {}
    if kind == "utf-8 with mark":
        return put(folder, "a.csv", LONG, "utf-8-sig"), {}
    if kind == "no header":
        return put(folder, "a.txt", LONG.partition("\n")[2]), {"header": ("tag", "time", "value")}
    if kind == "pi local":
        text = "tag,timestamp,value\nM1.SPEED,01-Jan-26 01:00:00,600\nM1.TEMP,01-Jan-26 01:00:00,20\n"
        text += "M1.SPEED,02-Jan-26 01:00:00,1200\n"
        return put(folder, "pi.csv", text), {"zone": "Europe/Berlin"}
    if kind == "sql":
        with sqlite3.connect(folder / "a.db") as db:
            db.execute("CREATE TABLE samples (tag TEXT, time INTEGER, value REAL)")
            rows = zip(["M1.SPEED", "M1.TEMP", "M1.SPEED"], times, [600.0, 20.0, 1200.0], strict=True)
            db.executemany("INSERT INTO samples VALUES (?, ?, ?)", list(rows))
        return f"sqlite:///{folder / 'a.db'}", {"table": "samples", "unit": "s"}
    stamps = pa.array([t * 1000 for t in times], pa.timestamp("ms", "UTC"))
    if kind == "parquet long":
        table = pa.table({"tag": ["M1.SPEED", "M1.TEMP", "M1.SPEED"], "time": stamps, "value": [600.0, 20.0, 1200.0]})
    else:
        table = pa.table({"time": stamps.take(pa.array([0, 2])), "M1.SPEED": [600, 1200], "M1.TEMP": [20.0, None]})
    pq.write_table(table, folder / "a.parquet")
    return folder / "a.parquet", {}


KINDS = ["csv long", "csv wide", "utf-16", "utf-8 with mark", "no header", "pi local", "sql", "parquet long", "parquet wide"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_export_gives_the_same_history_and_again_adds_nothing(plant, tmp_path, kind):
    given, options = of_kind(kind, tmp_path)
    report = imported(plant, given, **options)
    assert (report.rows, report.stored, report.days, list(sentences(report))) == (3, 3, 2, [])
    assert history(plant) == SI
    before = digest(plant)
    again = imported(plant, given, **options)
    assert (again.rows, again.stored, again.known) == (3, 0, 2)
    assert digest(plant) == before
    assert list((plant.store / "history" / "incoming").iterdir()) == []


def test_what_cannot_be_used_is_named_with_file_and_line_and_the_rest_goes_in(plant, tmp_path):
    text = """tag;timestamp;value
M1.SPEED;31-Dec-25 23:59:59;600,0
M1.SPEED;31-Dec-25 23:59:59,5;Bad Input

M1.TEMP;01-Jan-26 00:00:01;I/O Timeout
M1.TEMP;31-Feb-26 00:00:01;3,0
M1.TEMP;02-Jan-26 00:00:01;abc
Kühl.1;02-Jan-26 00:00:01;1,0
Kühl.1;02-Jan-26 00:00:02;1,0
M1.TEMP;02-Jan-26
M1.TEMP;26-Oct-25 02:30:00;1,0
M1.TEMP;02-Jan-26 00:00:03;1.234,5
M1.TEMP;02-Jan-26 00:00:04;900,0
M1.SPEED;02-Jan-60 00:00:00;7,0
M1.SPEED;;7,0
"""
    path = put(tmp_path, "pi.csv", text, "cp1252")
    report = imported(plant, path, zone="Europe/Berlin", decimal=",", encoding="cp1252")
    said = "\n".join(sentences(report))
    for line, words in (
        (6, "31-Feb-26"),
        (7, "abc"),
        (8, "Kühl.1"),
        (10, "2 cells"),
        (11, "occurs twice"),
        (12, "1.234"),
        (15, "empty"),
    ):
        assert f"pi.csv line {line}" in said, (line, said)
        assert words in said
    assert report.unknown == {"Kühl.1": [2, "pi.csv line 8"]}
    assert report.marked == {"BAD": 1, "GAP": 1, "OUT_OF_RANGE": 1, "CLOCK": 1}
    assert report.rows + sum(report.faults.counts.values()) + 2 == 13  # every line that is not empty
    assert sorted(q for _, _, _, q in history(plant)) == [0, Quality.OUT_OF_RANGE, Quality.CLOCK, Quality.BAD, Quality.GAP]


@pytest.mark.parametrize(
    ("name", "data", "options", "words"),
    [
        ("a.csv", b"", {}, "is empty"),
        ("a.csv", b"tag,time,value\n", {}, "no row"),
        ("a.csv", "tag,time,value\nK\u00fchl,2026-01-01T00:00:00Z,1\n".encode("latin-1"), {}, "line 2: byte 0xfc is not UTF-8"),
        ("a.csv", LONG.encode("utf-16-le"), {}, "no column of times"),
        ("a.csv", LONG.encode(), {"time": "when"}, "no column 'when'"),
        ("a.csv", LONG.encode(), {"tag": "name"}, "no column 'name'"),
        ("a.csv", LONG.encode(), {"encoding": "klingon"}, "encoding 'klingon' is not known"),
        ("a.csv", LONG.replace("Z", "").encode(), {}, "names no zone"),
        ("a.csv", b"tag,time,value\nM1.TEMP,03/04/2025 00:00:00,1\n", {"zone": "UTC"}, "day or month first"),
        ("a.csv", b"tag,time,value\nM9,2026-01-01T00:00:00Z,1\n", {}, "tag 'M9' is not in the plant file: 1 samples"),
        ("a.csv", b"name,age\nx,3\n", {}, "no column of times; it has name, age"),
        ("a.parquet", b"", {}, "cannot be read as Parquet"),
        ("a.parquet", b"PAR1 and then nothing", {}, "cannot be read as Parquet"),
    ],
)
def test_a_file_without_a_usable_row_is_an_error_that_says_why(plant, tmp_path, name, data, options, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match="nothing could be stored") as raised:
        imported(plant, tmp_path / name, **options)
    assert words in str(raised.value)
    assert history(plant) == []


def test_a_truncated_parquet_file_is_refused_as_a_whole_and_its_neighbours_go_in(plant, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SAMPLES", 100)
    folder = tmp_path / "export"
    put(folder, "a.csv", LONG)
    put(folder, "notes.xlsx", "x")
    n = 5000
    rng = np.random.default_rng(1)
    table = pa.table(
        {"tag": ["M1.TEMP"] * n, "time": pa.array(START // 1000 + np.arange(n), pa.timestamp("us", "UTC")), "value": rng.random(n)}
    )
    pq.write_table(table, folder / "b.parquet", row_group_size=500)
    whole = (folder / "b.parquet").read_bytes()
    damaged = bytearray(whole)
    middle = len(whole) // 2
    damaged[middle : middle + 3000] = os.urandom(3000)
    (folder / "b.parquet").write_bytes(damaged)
    (folder / "c.parquet").write_bytes(whole[: len(whole) // 2])
    report = imported(plant, folder)
    assert sorted(report.refused) == ["b.parquet", "c.parquet"]
    assert report.strange == ["notes.xlsx"]
    assert (report.rows, history(plant)) == (3, SI)


def test_order_and_repeats_in_the_files_do_not_matter_and_of_two_values_the_later_row_counts(plant, tmp_path):
    rows = [f"M1.TEMP,{iso(START + k * 3600 * SECOND_NS)},{k}" for k in range(100)]
    shuffled = rows * 2
    random.Random(4).shuffle(shuffled)
    report = imported(plant, put(tmp_path, "a.csv", "\n".join(["tag,time,value", *shuffled, f"M1.TEMP,{iso(START)},77", ""])))
    assert (report.rows, report.stored, report.repeats, report.replaced) == (201, 100, 100, 1)
    assert "m-1.temperature at" in next(iter(sentences(report)))
    assert [round(v - 273.15) for _, _, v, _ in history(plant)] == [77, *range(1, 100)]


def test_a_correction_by_a_second_import_is_a_revision_known_from_then_on(plant, tmp_path):
    imported(plant, put(tmp_path, "a.csv", LONG))
    between = time.time_ns()
    put(tmp_path, "b.csv", LONG.replace("600", "900"))
    report = imported(plant, tmp_path / "b.csv")
    assert report.stored == 1
    again = imported(plant, tmp_path / "a.csv")  # A after B says nothing that history was not told before
    assert (again.stored, again.known) == (0, 2)
    store = Store(plant.store / "history")
    try:
        for known, value in ((START, None), (between, 600), (time.time_ns(), 900)):
            got = store.reader.read("m-1.speed", START, START + 1, known, 2**62, 10)["value"].to_pylist()
            assert got == ([] if value is None else [pytest.approx(value * np.pi / 30)])
    finally:
        store.close()


def test_names_of_an_export_are_mapped_by_a_file_and_its_mistakes_are_named(plant, tmp_path):
    data = put(tmp_path, "a.csv", LONG.replace("M1.SPEED", "\\\\PI\\U1:SPD").replace("M1.TEMP", "tt1"))
    names = put(tmp_path, "names.csv", "tag,channel,unit\n\\\\PI\\U1:SPD,m-1.speed,\ntt1,m-1.temperature,degF\n")
    assert imported(plant, data, names=names).rows == 3
    assert [round(v, 2) for c, _, v, _ in history(plant) if c == "m-1.temperature"] == [266.48]  # 20 °F
    put(tmp_path, "names.csv", "tag,channel\ntt1,m-1.pressure\n")
    with pytest.raises(ConfigError, match=r"line 2: tag 'tt1', channel 'm-1.pressure'"):
        imported(plant, data, names=names)
    with pytest.raises(ConfigError, match="no tag that could be back-filled"):
        imported(plant, data, source="other")
    with pytest.raises(ConfigError, match="'scada' is not in the plant file"):
        imported(plant, data, source="scada")
    with pytest.raises(ConfigError, match="no such file"):
        imported(plant, tmp_path / "nowhere")


def test_small_chunks_and_tags_in_any_grouping_give_the_same_history(plant, tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    n = 60_000
    time_s = START // SECOND_NS + rng.integers(0, 9 * 86_400, n)
    lines = [
        f"{'M1.TEMP' if k % 3 else 'M1.SPEED'},{t},{v:.3f}" for k, (t, v) in enumerate(zip(time_s, rng.random(n) * 50, strict=True))
    ]
    path = put(tmp_path, "a.csv", "\n".join(["tag,time,value", *lines, ""]))
    report = imported(plant, path, unit="s")
    assert report.rows == n
    assert report.rows == report.stored + report.repeats + report.replaced
    before = digest(plant)
    monkeypatch.setattr(sources, "BLOCK", 5_000)
    os.utime(path, (1, 1))  # another import, with chunks of another size
    assert (imported(plant, path, unit="s").known, digest(plant)) == (9, before)


KILLED = """
import sys, pathlib
from didymos.data.backfill import sources
sources.BLOCK = 4000
from didymos.data.history.store import Store
from didymos.plant.backfill import Order, backfill
from didymos.plant.config import load
from didymos.data.backfill.chunks import Export
from didymos.formats.stamps import Stamps
plant = load(pathlib.Path(sys.argv[1]))
print("began", flush=True)
store = []
def owner():
    store.append(Store(plant.store / "history"))
    return store[0]
report = backfill(plant, Order(sys.argv[2], Export(Stamps("s"))), owner)
store[0].close()
print(report.rows, report.resumed, flush=True)
"""


def test_an_import_killed_at_any_moment_goes_on_and_ends_exact(plant, tmp_path):
    rng = np.random.default_rng(3)
    n = 60_000
    time_s = START // SECOND_NS + np.sort(rng.integers(0, 12 * 86_400, n))
    lines = [f"{'M1.TEMP' if k % 3 else 'M1.SPEED'},{t},{k}" for k, t in enumerate(time_s)]
    path = put(tmp_path, "a.csv", "\n".join(["tag,time,value", *lines, ""]))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "plant.toml"), str(path)]
    chance, kills, said, incoming = random.Random(5), 0, "", plant.store / "history" / INCOMING
    for _ in range(60):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "began\n"
            try:
                begun = incoming.exists() and any(incoming.iterdir())  # the longer it takes to begin, the later the next kill
                child.wait(chance.uniform(0.01, 0.3 + 0.2 * kills) if kills < 5 or not begun else 120)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                kills += 1
            said = child.stdout.read()
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, said
    assert kills >= 3
    assert said == f"{n} True\n"
    rows = history(plant, "channel, time_ns, value")
    expected: dict[tuple[str, int], int] = {}
    for k, t in enumerate(time_s.tolist()):
        expected["m-1.temperature" if k % 3 else "m-1.speed", t * SECOND_NS] = k
    assert {(c, t) for c, t, _ in rows} == set(expected)
    assert len(rows) == len(expected)
    for channel, t, value in rows:
        k = expected[channel, t]
        assert value == pytest.approx(k + 273.15 if channel == "m-1.temperature" else k * np.pi / 30)


def test_the_command_answers_in_json_and_refuses_what_it_does_not_know(plant, tmp_path):
    put(tmp_path / "e", "a.csv", LONG)
    put(tmp_path / "e", "b.csv", "")
    command = [sys.executable, "-m", "didymos.service.cli", "backfill", str(tmp_path / "plant.toml"), "--no-beliefs", "--from"]
    done = subprocess.run([*command, str(tmp_path / "e"), "--json"], capture_output=True, text=True)
    said = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, said["rows"], said["refused"]) == (
        2,
        3,
        {"b.csv": "b.csv: is empty. Leave it out, or export it again."},
    )
    for options in (["--dates", "ymd"], ["--zone", "Mars/Base"], ["--decimal", "x"], ["--layout", "tall"]):
        done = CliRunner().invoke(app, [*command[3:], str(tmp_path / "e"), *options])
        assert isinstance(done.exception, ConfigError)
        assert options[1] in str(done.exception)
