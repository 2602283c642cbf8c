"""Roll-ups give what the samples give; samples go only after them; what is gone is told, and read as what is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable

from didymos.core.series import batch_of
from didymos.data.history.reading import FOREVER
from didymos.data.history.retention import Retention
from didymos.data.history.roll import HOUR_NS, MINUTE_NS
from didymos.data.history.store import Rows, Store
from didymos.data.history.tables import DAY_NS

DAY = 20_000 * DAY_NS
NOW = DAY + 10 * DAY_NS


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "history")
    opened.begin_source("one")
    yield opened
    opened.close()


def put(store, sequence, rows):
    store.commit("plant", sequence, Rows(samples=[(batch_of(rows), sequence, sequence)]))


def days(store, n=3, channels=("a.x", "b.x"), seed=1):
    """`n` days of noise with gaps, bad values and revisions, closed."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        rows = []
        for channel in channels:
            times = DAY + i * DAY_NS + np.sort(rng.choice(DAY_NS // 10**6, 3000, replace=False)) * 10**6
            values = np.where(rng.random(3000) < 0.02, np.nan, rng.normal(1e6, 3.0, 3000))
            quality = np.where(np.isnan(values), 7, rng.choice([0, 0, 0, 1, 2, 6], 3000))
            rows += list(zip([channel] * 3000, times.tolist(), values.tolist(), quality.tolist(), strict=True))
        put(store, 2 * i + 1, rows)
        put(store, 2 * i + 2, [(c, t, v + 1, 0) for c, t, v, _ in rows[::50]])
    store.compact(DAY + n * DAY_NS)


def same(got, expected):
    assert [row[0] for row in got] == [row[0] for row in expected]
    np.testing.assert_allclose([row[1:4] for row in got], [row[1:4] for row in expected], rtol=1e-12)
    assert [row[4] for row in got] == [row[4] for row in expected]


@pytest.mark.parametrize(
    ("start", "end", "points"), [(0, 3 * DAY_NS, 72), (HOUR_NS, 2 * DAY_NS, 47), (7 * MINUTE_NS, 607 * MINUTE_NS, 120)]
)
def test_buckets_out_of_roll_ups_equal_those_out_of_samples(store, monkeypatch, start, end, points):
    days(store)
    expected = store.reader.buckets("a.x", DAY + start, DAY + end, points, FOREVER)
    assert store.tiers.roll_up(store._connection) == 3
    monkeypatch.setattr(store.tiers.day_files, "rows", None)  # samples cannot be read any more
    same(store.reader.buckets("a.x", DAY + start, DAY + end, points, FOREVER), expected)


def test_what_was_held_equals_the_naive_integral_minute_by_minute(store):
    rows = [(DAY + 30 * 10**9, 2.0, 0), (DAY + 90 * 10**9, 8.0, 2), (DAY + 150 * 10**9, 5.0, 6), (DAY + 200 * 10**9, 4.0, 1)]
    rows += [(DAY + 230 * 10**9, float("nan"), 7)]
    put(store, 1, [("a.x", *row) for row in rows])
    store.compact(DAY + DAY_NS)
    store.keep(NOW, Retention())
    found = store.reader.sql("SELECT time_ns, samples, seconds, held, worst FROM minutes ORDER BY time_ns", 5, 9999).to_pylist()
    got = [((r["time_ns"] - DAY) // MINUTE_NS, r["samples"], r["seconds"], round(r["held"], 9), r["worst"]) for r in found]
    assert got == [(0, 1, 30.0, 2.0, 0), (1, 1, 60.0, 5.0, 2), (2, 1, 30.0, 8.0, 6), (3, 2, 30.0, 4.0, 7)]


def test_samples_go_only_after_their_roll_ups_and_what_is_left_is_marked(store, caplog):
    days(store)
    before = store.reader.buckets("a.x", DAY, DAY + 3 * DAY_NS, 72, FOREVER)
    exact = store.reader.read("a.x", DAY + 2 * DAY_NS, DAY + 3 * DAY_NS, FOREVER, FOREVER, 10**6)
    store.tiers.keep(store._connection, NOW, Retention(raw_days=1))
    assert len(store._closed["samples"].files) == 3  # not rolled up: not dropped
    kept = store.keep(DAY + int(3.5 * DAY_NS), Retention(raw_days=1))
    assert (kept.state, kept.dropped_samples) == ("ok", [20_000, 20_001])
    assert "day 20000: its samples were dropped, older than 1 days; coarser rows stay" in caplog.text
    assert store.reader.held(0, FOREVER) == [(DAY, DAY + 2 * DAY_NS, "minutes")]
    after = store.reader.buckets("a.x", DAY, DAY + 3 * DAY_NS, 72, FOREVER)
    same([(*row[:4], 0) for row in after], [(*row[:4], 0) for row in before])
    assert {row[4] for row in after[:48]} <= {1, 2, 6, 7}
    gone = store.reader.read("a.x", DAY, DAY + DAY_NS, FOREVER, FOREVER, 10**6)
    assert 1000 < gone.num_rows <= 1440
    assert min(gone["quality"].to_pylist()) >= 1
    whole = store.reader.read("a.x", DAY + 2 * DAY_NS, DAY + 3 * DAY_NS, FOREVER, FOREVER, 10**6)
    for name in ("time_ns", "value", "quality"):
        np.testing.assert_array_equal(whole[name], exact[name])
    dropped = store.reader.sql("SELECT day, kept FROM dropped ORDER BY day", 5, 9).to_pylist()
    assert dropped == [{"day": 20_000, "kept": "minutes"}, {"day": 20_001, "kept": "minutes"}]


def test_what_was_dropped_is_still_known_after_opening_again_and_its_files_leave(store, tmp_path):
    days(store, 2)
    paths = store._closed["samples"].files[20_000]
    store.keep(NOW, Retention(raw_days=9, minute_days=9))
    store.keep(NOW, Retention())
    assert not any(Path(path).exists() for path in paths)
    again = store.tiers.__class__(tmp_path / "history", store._closed["samples"])
    assert (again.dropped["samples"], again.dropped["minutes"]) == ({20_000}, {20_000})
    (tmp_path / "history" / "closed" / "dropped.json").write_text("{")
    assert store.tiers.__class__(tmp_path / "history", store._closed["samples"]).dropped == again.dropped
    assert (again.tier(20_000), again.tier(20_001)) == ("hours", "samples")
    assert store.reader.held(0, FOREVER) == [(DAY, DAY + DAY_NS, "hours")]
    assert store.reader.buckets("a.x", DAY, DAY + DAY_NS, 24, FOREVER)[3][4] >= 1
    for name, n in (("samples", 1), ("minutes", 1), ("hours", 2)):  # as any engine that reads Delta sees it
        assert len(DeltaTable(str(tmp_path / "history" / "closed" / name)).file_uris()) == n


def test_late_samples_of_a_dropped_day_are_added_to_its_roll_up_once(store):
    days(store, 2, ("a.x",))
    store.keep(NOW, Retention(raw_days=1))
    [row] = store.reader.buckets("a.x", DAY, DAY + DAY_NS, 1, FOREVER)
    put(store, 50, [("a.x", DAY + HOUR_NS, 5e6, 0), ("c.new", DAY, 1.0, 0)])
    count = "SELECT sum(samples) AS n FROM minutes WHERE channel = 'a.x' AND time_ns < " + str(DAY + DAY_NS)
    [before] = store.reader.sql(count, 5, 9)["n"].to_pylist()
    for _ in range(3):
        store.compact(DAY + 2 * DAY_NS)
        store.keep(NOW, Retention(raw_days=1))
        assert store.reader.sql(count, 5, 9)["n"].to_pylist() == [before + 1]
        [late] = store.reader.buckets("a.x", DAY, DAY + DAY_NS, 1, FOREVER)
        assert (late[1], late[3]) == (row[1], 5e6)
        assert store.reader.buckets("c.new", DAY, DAY + DAY_NS, 1, FOREVER) == [(DAY, 1.0, 1.0, 1.0, 1)]
        put(store, 50, [("a.x", DAY + HOUR_NS, 5e6, 0)])  # the stream again, after the hot file was lost


def test_a_day_that_gets_late_samples_is_rolled_up_anew(store):
    days(store, 1, ("a.x",))
    store.keep(NOW, Retention())
    put(store, 50, [("a.x", DAY + HOUR_NS, 5e6, 0)])
    store.compact(DAY + DAY_NS)
    assert not store.tiers.current(20_000)
    store.keep(NOW, Retention())
    assert store.tiers.current(20_000)
    assert store.reader.sql("SELECT max(high) AS h FROM hours", 5, 9)["h"].to_pylist() == [5e6]


def test_the_budget_drops_the_oldest_first_and_says_plainly_when_nothing_may_go(store, caplog):
    days(store, 4)
    full = store.keep(NOW, Retention()).bytes
    one = sum(Path(p).stat().st_size for p in store._closed["samples"].files[20_000])
    kept = store.keep(NOW, Retention(budget_bytes=full - one // 2))
    assert (kept.state, kept.dropped_samples) == ("ok", [20_000])
    put(store, 90, [("a.x", NOW, 1.0, 0)])  # hot, not rolled up
    kept = store.keep(NOW, Retention(budget_bytes=1000))
    assert (kept.state, kept.dropped_samples, kept.dropped_minutes) == (
        "over_budget",
        [20_000 + i for i in range(4)],
        [20_000 + i for i in range(4)],
    )
    assert "Raise [store] budget_gb or give it a larger disk. Nothing is lost." in caplog.text
    assert store.reader.read("a.x", NOW, NOW + 1, FOREVER, FOREVER, 9).num_rows == 1
    assert len(store.reader.buckets("a.x", DAY, DAY + 4 * DAY_NS, 96, FOREVER)) == 96
    assert store.keep(NOW, Retention(budget_bytes=10**12)).state == "ok"


def test_hours_go_too_in_the_end_and_late_samples_of_that_day_are_not_taken_for_the_day(store):
    days(store, 1, ("a.x",))
    for _ in range(2):
        kept = store.keep(NOW, Retention(1, 2, 3))
    assert (kept.dropped_samples, kept.dropped_minutes) == ([20_000], [20_000])
    assert store.reader.held(0, FOREVER) == [(DAY, DAY + DAY_NS, "nothing")]
    put(store, 50, [("a.x", DAY + HOUR_NS, 5e6, 0)])
    store.compact(DAY + DAY_NS)
    store.keep(NOW, Retention(1, 2, 3))
    assert store.reader.held(0, FOREVER) == [(DAY, DAY + DAY_NS, "nothing")]
    assert store.reader.buckets("a.x", DAY, DAY + DAY_NS, 24, FOREVER) == []


def test_a_crash_between_raw_and_roll_up_or_between_minutes_and_hours_heals(store, monkeypatch):
    days(store, 1)
    commit = store.tiers.hours.commit
    monkeypatch.setattr(store.tiers.hours, "commit", lambda *a: (_ for _ in ()).throw(RuntimeError("killed here")))
    with pytest.raises(RuntimeError, match="killed"):
        store.keep(NOW, Retention(raw_days=1))
    assert not store.tiers.current(20_000)
    monkeypatch.setattr(store.tiers.hours, "commit", commit)
    assert store.keep(NOW, Retention(raw_days=1)).dropped_samples == [20_000]
