"""The store keeps every row once, hot or closed, answers about the past as it was known, and refuses what would change it."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from didymos.core.errors import ConfigError, DataError, FencedError
from didymos.core.series import Waveform, batch_of
from didymos.data.history.reading import FOREVER
from didymos.data.history.retention import Retention
from didymos.data.history.store import Rows, Store
from didymos.data.history.tables import DAY_NS, SAMPLES

DAY = 20_000 * DAY_NS  # 2024-10-04
HOUR = DAY_NS // 24


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "history")
    opened.begin_source("one")
    yield opened
    opened.close()


def put(store, sequence, rows, known=None, stream="plant"):
    store.commit(stream, sequence, Rows(samples=[(batch_of(rows), sequence, known or sequence)]))


def read(store, channel, start=DAY - DAY_NS, end=DAY + 9 * DAY_NS, known=FOREVER, sequence=FOREVER, limit=10**6):
    got = store.reader.read(channel, start, end, known, sequence, limit).to_pydict()
    return list(zip(got["time_ns"], got["value"], got["quality"], strict=True))


def test_what_was_committed_is_read_in_time_order_with_half_open_limits(store):
    put(store, 1, [("a.x", DAY + 2, 2.0, 0), ("a.x", DAY + 1, 1.0, 1), ("a.y", DAY + 1, 9.0, 0)])
    assert read(store, "a.x") == [(DAY + 1, 1.0, 1), (DAY + 2, 2.0, 0)]
    assert read(store, "a.x", DAY + 1, DAY + 2) == [(DAY + 1, 1.0, 1)]
    assert read(store, "a.unknown") == []
    assert read(store, "a.x", limit=1) == [(DAY + 1, 1.0, 1)]


def test_position_and_rows_are_one_transaction(store):
    put(store, 5, [("a.x", DAY, 1.0, 0)])
    bad = Rows(samples=[(batch_of([("a.x", DAY + 1, 2.0, 0), ("b.new", DAY, 3.0, 0)]), 6, 6)], events=[("too", "short")])  # type: ignore[list-item]
    with pytest.raises(duckdb.Error):
        store.commit("plant", 6, bad)
    assert store.positions()["plant"] == (5, "one")
    assert read(store, "a.x") == [(DAY, 1.0, 0)]
    put(store, 6, [("b.new", DAY, 3.0, 0)])
    assert read(store, "b.new") == [(DAY, 3.0, 0)]


def test_the_same_sample_twice_is_one_row_before_and_after_compaction(store):
    for sequence in (1, 2, 3):
        put(store, sequence, [("a.x", DAY + 1, 1.0, 0), ("a.x", DAY + 1 + sequence, float(sequence), 0)])
    expected = [(DAY + 1, 1.0, 0), (DAY + 2, 1.0, 0), (DAY + 3, 2.0, 0), (DAY + 4, 3.0, 0)]
    assert read(store, "a.x") == expected
    assert store.compact(DAY + DAY_NS) == 1
    assert read(store, "a.x") == expected
    put(store, 4, [("a.x", DAY + 1, 1.0, 0)])
    assert read(store, "a.x") == expected
    count = store.reader.sql("SELECT count(*) AS n FROM samples WHERE channel = 'a.x'", 10, 10)
    assert count.to_pydict() == {"n": [4]}
    assert store.compact(DAY + DAY_NS) == 1
    assert read(store, "a.x") == expected


def test_a_revised_sample_leaves_the_past_as_it_was_known(store):
    put(store, 1, [("a.x", DAY, 1.0, 0)], known=100)
    put(store, 2, [("a.x", DAY, 2.0, 0)], known=200)
    put(store, 3, [("a.x", DAY, 1.0, 0)], known=300)
    for _ in range(2):
        assert [read(store, "a.x", known=k) for k in (99, 100, 200, 300)] == [[], [(DAY, 1.0, 0)], [(DAY, 2.0, 0)], [(DAY, 1.0, 0)]]
        assert [read(store, "a.x", sequence=s) for s in (0, 1, 2)] == [[], [(DAY, 1.0, 0)], [(DAY, 2.0, 0)]]
        store.compact(DAY + DAY_NS)


def test_a_sample_sent_again_late_is_a_repeat_and_another_late_value_a_revision(store):
    put(store, 1, [("a.x", DAY, 1.0, 0), ("a.y", DAY, 1.0, 0), ("a.z", DAY, 4.0, 2)])
    put(store, 2, [("a.x", DAY, 1.0, 2), ("a.y", DAY, 7.0, 2), ("a.z", DAY, 4.0, 2)])
    put(store, 3, [("a.x", DAY, 1.0, 2)])
    for _ in range(2):
        assert read(store, "a.x") == [(DAY, 1.0, 0)]
        assert read(store, "a.y") == [(DAY, 7.0, 2)]
        assert read(store, "a.y", sequence=1) == [(DAY, 1.0, 0)]
        assert read(store, "a.z") == [(DAY, 4.0, 2)]
        assert store.reader.sql("SELECT count(*) AS n FROM samples", 10, 10).to_pydict() == {"n": [4]}
        store.compact(DAY + DAY_NS)
    put(store, 4, [("a.x", DAY, 1.0, 6)])
    assert read(store, "a.x") == [(DAY, 1.0, 6)]


def test_nan_repeats_are_one_row_and_survive(store):
    for sequence in (1, 2):
        put(store, sequence, [("a.x", DAY, float("nan"), 7)])
    store.compact(DAY + DAY_NS)
    got = store.reader.read("a.x", DAY, DAY + 1, FOREVER, FOREVER, 10)
    assert np.isnan(got["value"].to_numpy()).tolist() == [True]
    assert store.reader.sql("SELECT count(*) AS n FROM samples", 10, 10).to_pydict() == {"n": [1]}


def test_reads_join_closed_days_and_hot_rows(store):
    rng = np.random.default_rng(3)
    times = DAY + rng.permutation(5 * 24 * 60) * (HOUR // 60)
    for sequence, chunk in enumerate(np.array_split(times, 40), 1):
        put(store, sequence, [("a.x", int(t), float(t % 977), 0) for t in chunk])
    expected = [(int(t), float(t % 977), 0) for t in np.sort(times)]
    assert store.compact(DAY + 3 * DAY_NS) == 3
    assert read(store, "a.x") == expected
    assert read(store, "a.x", DAY + 2 * DAY_NS + HOUR, DAY + 3 * DAY_NS + HOUR) == [
        row for row in expected if DAY + 2 * DAY_NS + HOUR <= row[0] < DAY + 3 * DAY_NS + HOUR
    ]
    hot = store.reader.sql("SELECT min(time_ns) AS t FROM hot.samples", 10, 10).to_pydict()
    assert hot == {"t": [DAY + 3 * DAY_NS]}


def test_a_closed_day_is_one_sorted_delta_file_that_others_can_read(store, tmp_path):
    put(store, 1, [("b.x", DAY + 5, 5.0, 0), ("a.x", DAY + 9, 9.0, 0), ("a.x", DAY + 1, 1.0, 2)], known=77)
    store.compact(DAY + DAY_NS)
    table = DeltaTable(str(tmp_path / "history" / "closed" / "samples"))
    assert len(table.file_uris()) == 1
    found = duckdb.connect().execute(
        "SELECT channel, time * tick_ns, value, quality, sequence, known * known_tick_ns FROM read_parquet(?)", [table.file_uris()]
    )
    assert found.fetchall() == [("a.x", DAY + 1, 1.0, 2, 1, 77), ("a.x", DAY + 9, 9.0, 0, 1, 77), ("b.x", DAY + 5, 5.0, 0, 1, 77)]
    assert table.schema().to_arrow() is not None
    assert [(f.name, str(f.type)) for f in table.schema().fields][1] == ("time", 'PrimitiveType("long")')
    from deltalake import QueryBuilder

    other = QueryBuilder().register("t", table).execute("SELECT sum(value) AS s, max(day) AS d FROM t").read_all()
    assert [column[0].as_py() for column in other.columns] == [15.0, 20_000]


def test_a_compaction_that_died_before_it_deleted_is_repeated_without_effect(store, tmp_path, monkeypatch):
    put(store, 1, [("a.x", DAY + i, float(i), 0) for i in range(100)])
    put(store, 4, [("a.rms", DAY + i, float(i), 0) for i in range(100)], stream="results")
    closed = store._closed["samples"]
    replace = closed.replace

    def dies(*arguments):
        replace(*arguments)
        raise RuntimeError("killed here")

    monkeypatch.setattr(closed, "replace", dies)
    with pytest.raises(RuntimeError, match="killed"):
        store.compact(DAY + DAY_NS)
    assert len(read(store, "a.x")) == 100
    monkeypatch.setattr(closed, "replace", replace)
    version = DeltaTable(str(tmp_path / "history" / "closed" / "samples")).version()
    store.compact(DAY + DAY_NS)
    assert DeltaTable(str(tmp_path / "history" / "closed" / "samples")).version() == version
    assert store.reader.sql(
        "SELECT (SELECT count(*) FROM hot.samples) AS hot, (SELECT count(*) FROM samples) AS n", 9, 9
    ).to_pydict() == {
        "hot": [0],
        "n": [200],
    }


def test_late_rows_of_one_stream_are_not_mistaken_for_rows_of_another(store):
    put(store, 900, [("a.x", DAY, 1.0, 0)])
    store.compact(DAY + DAY_NS)
    put(store, 3, [("a.rms", DAY, 2.0, 0)], stream="results")
    put(store, 4, [("a.x", DAY + 7, 7.0, 0)], stream="results")  # the same name on the other stream
    store.compact(DAY + DAY_NS)
    assert read(store, "a.rms") == [(DAY, 2.0, 0)]
    assert read(store, "a.x") == [(DAY, 1.0, 0), (DAY + 7, 7.0, 0)]


def test_rows_of_a_new_stream_store_are_kept_although_its_sequences_begin_anew(store):
    put(store, 900, [("a.x", DAY, 1.0, 0)])
    store.compact(DAY + DAY_NS)
    store.begin_source("two")
    assert store.positions() == {"plant": (0, "two"), "results": (0, "two")}
    put(store, 1, [("a.x", DAY + 1, 2.0, 0)])
    store.compact(DAY + DAY_NS)
    assert read(store, "a.x") == [(DAY, 1.0, 0), (DAY + 1, 2.0, 0)]


def test_buckets_equal_the_naive_ones(store):
    rng = np.random.default_rng(5)
    times, values = np.sort(rng.choice(10**6, 5000, replace=False)), rng.normal(size=5000)
    quality = rng.integers(0, 5, 5000)
    values[rng.choice(5000, 50, replace=False)] = np.nan
    put(store, 1, [("a.x", DAY + int(t), float(v), int(q)) for t, v, q in zip(times, values, quality, strict=True)])
    got = store.reader.buckets("a.x", DAY, DAY + 10**6, 70, FOREVER)
    width = -(-(10**6) // 70)
    assert len(got) <= 70
    for t, low, mean, high, worst in got:
        inside = (times + DAY >= t) & (times + DAY < t + width)
        known = values[inside][~np.isnan(values[inside])]
        assert (low, high, worst) == (known.min(), known.max(), quality[inside].max())
        assert mean == pytest.approx(known.mean(), rel=1e-12)


def test_a_bucket_without_values_is_nan_with_its_quality(store):
    put(store, 1, [("a.x", DAY, float("nan"), 7)])
    [(t, *three, worst)] = store.reader.buckets("a.x", DAY, DAY + 100, 10, FOREVER)
    assert (t, worst) == (DAY, 7)
    assert np.isnan(three).all()


def test_a_bad_sample_from_the_far_future_is_stored_and_is_not_what_the_channel_reads_now(tmp_path):
    """A server that stamps "no value yet" with its own clock, years ahead of the plant's."""
    store = Store(tmp_path)
    ahead = DAY + 400 * DAY_NS
    put(store, 1, [("a.x", ahead, float("nan"), 6)], known=DAY)
    put(store, 2, [("a.x", DAY + 5, 5.0, 0)], known=DAY)
    assert store.latest.of(["a.x"]) == {"a.x": (DAY + 5, 5.0, 0)}
    assert [row[0] for row in read(store, "a.x", end=ahead + 1)] == [DAY + 5, ahead]
    store.close()
    again = Store(tmp_path)
    assert again.latest.of(["a.x"]) == {"a.x": (DAY + 5, 5.0, 0)}
    again.close()


def test_latest_is_the_newest_in_time_not_the_last_to_arrive_also_after_reopening(tmp_path):
    store = Store(tmp_path)
    put(store, 1, [("a.x", DAY + 5, 5.0, 0), ("a.y", DAY, 1.0, 0)])
    put(store, 2, [("a.x", DAY + 3, 3.0, 2), ("b.z", DAY + 8, 8.0, 1)])
    expected = {"a.x": (DAY + 5, 5.0, 0), "a.y": (DAY, 1.0, 0), "b.z": (DAY + 8, 8.0, 1)}
    assert store.latest.of([]) == expected
    assert store.latest.of(["a.x", "nobody.x"]) == {"a.x": expected["a.x"]}
    store.compact(DAY + DAY_NS)
    store.close()
    again = Store(tmp_path)
    assert again.latest.of([]) == expected
    again.close()


def test_newest_samples_as_columns_equal_those_by_name_also_when_channels_are_added(store):
    put(store, 1, [("a.x", DAY + 5, 5.0, 0), ("a.y", DAY, 1.0, 2), ("b.z", DAY + 8, 8.0, 1)])
    asked = ["b.z", "nobody.x", "a.x", "c.new"]
    assert store.latest.columns(b"k", None) is None
    store.latest.columns(b"k", asked)
    put(store, 2, [("c.new", DAY + 9, 9.0, 0), ("a.x", DAY + 6, 6.0, 0)])
    put(store, 3, [("a.x", DAY + 7, 7.0, 3)], stream="results")  # the same name on the other stream
    for names in (None, asked, ["a.x", "a.y", "b.z"]):  # the last: neighbours, read as a slice
        columns = store.latest.columns(b"k", names)
        known = asked if names is None else names
        got = {n: row for n, row in zip(known, zip(*(c.tolist() for c in columns), strict=True), strict=True) if row[0] > 0}
        assert got == store.latest.of(known)


def test_times_are_kept_exactly_whatever_their_resolution(store):
    ticks = {"a.s": 10**9, "a.ms": 10**6, "a.us": 10**3, "a.ns": 1, "a.odd": 7}
    rows = {name: [(DAY + k * tick, float(k), 0) for k in range(50)] for name, tick in ticks.items()}
    put(store, 1, [(name, *row) for name, some in rows.items() for row in some])
    store.compact(DAY + DAY_NS)
    assert {name: read(store, name) for name in ticks} == rows
    [path] = DeltaTable(str(store.folder / "closed" / "samples")).file_uris()
    found = duckdb.connect().execute("SELECT DISTINCT channel, tick_ns FROM read_parquet(?)", [path]).fetchall()
    assert dict(found) == {"a.s": 10**9, "a.ms": 10**6, "a.us": 10**3, "a.ns": 1, "a.odd": 1}


def test_days_written_before_times_were_kept_in_ticks_are_read_and_grow(tmp_path):
    folder = tmp_path / "closed" / "samples"
    schema = SAMPLES.closed.append(pa.field("day", pa.int32()))
    table = DeltaTable.create(str(folder), schema, partition_by=["day"])
    added = []
    for day in (20_000, 20_001):
        (folder / f"day={day}").mkdir()
        file = folder / f"day={day}" / "old.parquet"
        columns = {
            "channel": ["a.x"],
            "time_ns": [day * DAY_NS + 5],
            "value": [1.5],
            "quality": [0],
            "sequence": [1],
            "known_ns": [1],
        }
        pq.write_table(pa.table(columns, schema=SAMPLES.closed), file)
        added.append(AddAction(f"day={day}/old.parquet", file.stat().st_size, {"day": str(day)}, 1, True, '{"numRecords": 1}'))
    table.create_write_transaction(added, "append", schema, partition_by=["day"])
    store = Store(tmp_path)
    store.begin_source("one")
    put(store, 2, [("a.x", DAY + 9, 2.0, 0)])
    for _ in range(2):
        assert read(store, "a.x") == [(DAY + 5, 1.5, 0), (DAY + 9, 2.0, 0), (DAY + DAY_NS + 5, 1.5, 0)]
        assert store.reader.sql("SELECT sum(value) AS s FROM samples", 5, 9)["s"].to_pylist() == [5.0]
        store.compact(DAY + DAY_NS)
        store.keep(DAY + 9 * DAY_NS, Retention())
    store.close()


def test_a_waveform_is_found_by_time_hot_or_closed(store):
    def wave(start, value):
        return Waveform("a.acceleration", start, 25_600.0, np.full(4, value, np.float32), "m/s2", 0)

    for sequence, start in enumerate((DAY, DAY + HOUR, DAY + DAY_NS, DAY + 2 * DAY_NS), 1):
        store.commit("plant", sequence, Rows(waveforms=[(wave(start, sequence), sequence, start)]))
    store.compact(DAY + 2 * DAY_NS)
    store.commit("plant", 9, Rows(waveforms=[(wave(DAY + 2 * HOUR, 9), 9, DAY)]))  # late: hot, older than closed ones
    cases = {DAY - 1: None, DAY: 1, DAY + HOUR: 2, DAY + 3 * HOUR: 9, DAY + DAY_NS + 5: 3, DAY + 5 * DAY_NS: 4}
    for at, value in cases.items():
        found = store.reader.waveform("a.acceleration", at)
        assert (None if found is None else found.samples.tolist()) == (None if value is None else [float(value)] * 4)
    found = store.reader.waveform("a.acceleration", DAY)
    assert (found.rate_hz, found.unit, found.start_ns, found.quality) == (25_600.0, "m/s2", DAY, 0)
    assert store.reader.waveform("b.acceleration", DAY) is None


def test_snapshots_come_oldest_first_and_say_where_to_go_on(store):
    store.commit("results", 9, Rows(snapshots=[("cp-01", DAY + t, bytes([t]) * 100, t, t) for t in (3, 1, 2)]))
    store.commit("results", 10, Rows(snapshots=[("cp-01", DAY + 1, bytes([1]) * 100, 10, 10), ("cp-02", DAY, b"other", 10, 10)]))
    assert store.reader.snapshots("cp-01", DAY, DAY + 3, 10**6) == ([b"\1" * 100, b"\2" * 100], None)
    assert store.reader.snapshots("cp-01", DAY, DAY + 9, 250) == ([b"\1" * 100, b"\2" * 100], DAY + 3)
    store.compact(DAY + DAY_NS)
    assert store.reader.snapshots("cp-01", DAY, DAY + 9, 50) == ([b"\1" * 100], DAY + 2)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM hot.samples",
        "INSERT INTO hot.events VALUES ('x','x','x',0,0,'',0)",
        "DROP TABLE hot.samples",
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1; SELECT 2",
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'other.duckdb'",
        "SET memory_limit = '9GB'",
        "",
    ],
)
def test_sql_that_is_not_one_select_is_refused(store, query):
    with pytest.raises(DataError, match="sql: allowed is one SELECT"):
        store.reader.sql(query, 5, 100)


def test_sql_cannot_read_files_outside_history(store, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="Permission"):
        store.reader.sql(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')", 5, 100)
    with pytest.raises(DataError, match="sql: "):
        store.reader.sql("SELECT * FROM nowhere", 5, 100)


def test_sql_is_limited_in_rows_and_time(store):
    with pytest.raises(DataError, match="more than 100 rows"):
        store.reader.sql("SELECT * FROM range(101)", 5, 100)
    with pytest.raises(DataError, match=r"stopped after 0.2 s"):
        store.reader.sql("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3", 0.2, 100)


def test_sql_sees_all_four_tables(store):
    put(store, 1, [("a.x", DAY, 1.0, 0)])
    store.commit("plant", 2, Rows(events=[("e1", "work_order", "a", DAY, DAY + 1, '{"n":1}', 2)]))
    for table in ("samples", "waveforms", "snapshots", "events"):
        assert store.reader.sql(f"SELECT * FROM {table}", 5, 100).num_rows == (1 if table in ("samples", "events") else 0)


def test_a_hot_file_that_cannot_be_opened_is_kept_aside_and_begun_anew(tmp_path, caplog):
    store = Store(tmp_path)
    store.begin_source("one")
    put(store, 7, [("a.x", DAY, 1.0, 0)])
    store.compact(DAY + DAY_NS)
    put(store, 8, [("a.x", DAY + DAY_NS, 2.0, 0)])
    store.close()
    (tmp_path / "hot.duckdb").write_bytes(b"not a database" * 1000)
    again = Store(tmp_path)
    assert again.fresh
    assert again.positions()["plant"] == (0, "")
    assert "kept as hot.duckdb.unreadable-1, rebuilt from the stream" in caplog.text
    assert (tmp_path / "hot.duckdb.unreadable-1").read_bytes().startswith(b"not a database")
    assert again.latest.of(["a.x"]) == {"a.x": (DAY, 1.0, 0)}
    again.begin_source("one")
    put(again, 7, [("a.x", DAY, 1.0, 0)])
    put(again, 8, [("a.x", DAY + DAY_NS, 2.0, 0)])
    assert read(again, "a.x") == [(DAY, 1.0, 0), (DAY + DAY_NS, 2.0, 0)]
    assert again.latest.of(["a.x"]) == {"a.x": (DAY + DAY_NS, 2.0, 0)}
    again.close()


def test_a_second_owner_is_refused(tmp_path):
    import subprocess
    import sys

    store = Store(tmp_path)
    code = f"from pathlib import Path\nfrom didymos.data.history.store import Store\nStore(Path({str(tmp_path)!r}))"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert second.returncode != 0
    assert ConfigError.__name__ in second.stderr
    assert "another historian owns this file" in second.stderr
    assert (tmp_path / "hot.duckdb").exists()
    store.close()


def test_a_historian_of_an_earlier_epoch_adds_nothing_to_the_closed_days(tmp_path):
    store = Store(tmp_path)
    store.begin_source("one")
    store.own(5)
    put(store, 1, [("a.x", DAY, 1.0, 0)])
    assert store.compact(DAY + DAY_NS) == 1
    closed = store._closed["samples"]
    later = type(closed)(tmp_path / "closed", closed.table)  # on another host, on storage that both see
    later.own("historian-one", 9)
    version = DeltaTable(str(later.folder)).version()
    put(store, 2, [("a.x", DAY + 1, -1.0, 0), ("a.x", DAY + DAY_NS, -1.0, 0)])
    for refused in (lambda: store.compact(DAY + DAY_NS), lambda: store.compact(DAY + 2 * DAY_NS), lambda: store.own(5)):
        with pytest.raises(FencedError, match="a later historian has committed; nothing was added"):
            refused()
    assert DeltaTable(str(later.folder)).version() == version
    store.begin_source("two")  # streams begun anew count their epochs anew
    store.own(1)
    assert store.compact(DAY + 2 * DAY_NS) == 2
    store.close()


def test_a_commit_that_an_earlier_historian_has_under_way_while_another_takes_over_is_refused(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.begin_source("one")
    store.own(5)
    put(store, 1, [("a.x", DAY, 1.0, 0)])
    store.compact(DAY + DAY_NS)
    closed = store._closed["samples"]
    later = type(closed)(tmp_path / "closed", closed.table)
    monkeypatch.setattr(closed, "_added", _then(closed._added, lambda: later.own("historian-one", 6)))
    look = DeltaTable.update_incremental
    monkeypatch.setattr(DeltaTable, "update_incremental", lambda self: None if self is closed.delta else look(self))
    put(store, 2, [("a.x", DAY + 1, 2.0, 0)])
    with pytest.raises(FencedError, match="another historian committed meanwhile"):
        store.compact(DAY + DAY_NS)
    monkeypatch.undo()
    assert read(store, "a.x") == [(DAY, 1.0, 0), (DAY + 1, 2.0, 0)]  # the new row is still hot
    store.close()


def _then(call, more):
    """`call`, and `more` after it: what happens between the look at the table and the commit."""

    def both(*arguments):
        found = call(*arguments)
        more()
        return found

    return both
