"""Data out: a level of the plant, SQL and samples, as JSON and as Arrow; and into a Parquet file by the command."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_plant import NOW_NS
from typer.testing import CliRunner

from didymos.core.clock import SECOND_NS, iso
from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.service.cli import app
from didymos.service.routes.export import ARROW

API = "/api/v1/"
NOW_MS = NOW_NS // 1_000_000


def test_a_level_of_the_plant_is_asked_for_every_machine_below_it(client, sample):
    answer = client.get(
        API + f"history/rollup?path=Wendlingen/Machining/Coolant/&channel=flow&how=mean&start={NOW_MS - 60_000}&end={NOW_MS}"
    )
    told = answer.json()
    assert told["channels"] == [f"cp-0{i}.flow" for i in range(1, 6)]
    assert (told["unit"], told["rows"]) == ("m3/s", [[NOW_MS - 60_000, 7.5, 1, 5, 60.0]])
    assert sample.history.asked[-1] == ("rollup", tuple(told["channels"]), "mean", NOW_NS - 60 * SECOND_NS, NOW_NS, 600)


def test_a_level_is_whole_names_of_the_path(client):
    answer = client.get(API + "history/rollup?path=Wendlingen/Machining/Cool&channel=flow")
    assert answer.status_code == 404
    assert "Wendlingen/Machining/Coolant" in answer.json()["detail"]


def test_units_that_differ_are_refused_by_name(client, sample):
    pump, spindle = (next(a for a in sample.plant.assets if a.id == id) for id in ("cp-02", "sp-01"))
    other = replace(pump, channels=tuple(replace(c, unit="l/min") if c.name == "flow" else c for c in pump.channels))
    plant = replace(sample.plant, assets=(sample.plant.asset("cp-01"), other, spindle))
    sample.app.state.context = replace(sample.app.state.context, plant=plant)
    problem = client.get(API + "history/rollup?channel=flow").json()
    assert (problem["status"], problem["given"]) == (409, "cp-01.flow in m3/s, cp-02.flow in l/min")
    assert client.get(API + "history/rollup?channel=speed").json()["channels"] == ["cp-01.speed", "cp-02.speed", "sp-01.speed"]


def test_where_samples_were_dropped_history_says_so(client):
    told = client.get(API + "history?channel=cp-01.flow&start=0&end=2000&points=1").json()
    assert told["dropped"] == [[0, 20 * 86_400_000, "minutes"]]
    assert client.get(API + "history?channel=cp-01.flow").json()["dropped"] == []


def test_sql_answers_in_json_and_in_arrow(client):
    told = client.get(API + "sql", params={"query": "SELECT 1"}).json()
    assert [(c["name"], c["type"]) for c in told["columns"]] == [
        ("n", "int64"), ("name", "string"), ("data", "binary"), ("x", "double"),
    ]  # fmt: skip
    assert told["rows"] == [[1, "a", "AAE=", 0.5], [2, None, "", None]]
    answer = client.get(API + "sql", params={"query": "SELECT 1"}, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    assert pa.ipc.open_stream(answer.content).read_all()["n"].to_pylist() == [1, 2]


def test_samples_come_page_by_page(client):
    first = client.get(API + f"samples?channel=cp-01.flow&start={NOW_MS - 5000}&end={NOW_MS}")
    assert first.json()["unit"] == "m3/s"
    times = [row[0] for row in first.json()["rows"]]
    second = client.get(first.links["next"]["url"])
    times += [row[0] for row in second.json()["rows"]]
    assert times == [NOW_NS - k * SECOND_NS for k in (5, 4, 3, 2, 1)]
    assert "next" not in second.links


def run(*words):
    return CliRunner().invoke(app, ["export", "samples", *words], catch_exceptions=True)


def test_the_command_writes_every_page_into_one_file(place, tmp_path):
    out = tmp_path / "flow.parquet"
    span = ("--start", iso(NOW_NS - 7 * SECOND_NS), "--end", iso(NOW_NS))
    done = run("--channel", "cp-01.flow", *span, "--out", str(out), "--url", place.url)
    assert done.exit_code == 0, done.exception
    assert "7 samples of cp-01.flow" in done.output
    table = pq.read_table(out)
    assert table["time_ns"].to_pylist() == [NOW_NS - k * SECOND_NS for k in range(7, 0, -1)]
    assert table.schema.metadata == {b"channel": b"cp-01.flow", b"unit": b"m3/s"}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"--channel": "cp-01.flows"}, DataError, "cp-01.flow"),
        ({"--start": "yesterday"}, ConfigError, "ISO 8601"),
        ({"--end": "2026-03-10T09:00:00"}, ConfigError, "no zone"),
        ({"--start": "2027-01-01T00:00:00Z"}, DataError, "start < end"),
        ({"--out": "there/is/none.parquet"}, DataError, "cannot be written"),
        ({"--url": "http://127.0.0.1:9"}, ConnectError, "Start the plant"),
    ],
)
def test_a_bad_wish_leaves_no_file_and_says_why(place, tmp_path, monkeypatch, words, error, said):
    monkeypatch.chdir(tmp_path)
    given = {"--channel": "cp-01.flow", "--start": iso(NOW_NS - SECOND_NS), "--end": iso(NOW_NS), "--out": "x.parquet"}
    done = run(*[word for pair in ({**given, "--url": place.url} | words).items() for word in pair])
    assert isinstance(done.exception, error)
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_is_not_written_over(place, tmp_path):
    (tmp_path / "x.parquet").write_text("mine")
    span = ("--start", iso(NOW_NS - SECOND_NS), "--end", iso(NOW_NS))
    done = run("--channel", "cp-01.flow", *span, "--out", str(tmp_path / "x.parquet"), "--url", place.url)
    assert isinstance(done.exception, ConfigError)
    assert (tmp_path / "x.parquet").read_text() == "mine"
