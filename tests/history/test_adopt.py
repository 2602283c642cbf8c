"""A day file written by somebody else becomes part of history once, beside what is there, hot or closed; a wrong one is refused."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from didymos.core.errors import DataError
from didymos.core.series import batch_of
from didymos.data.history import adopt as module
from didymos.data.history.adopt import INCOMING, Adopt, Adopted
from didymos.data.history.reading import FOREVER
from didymos.data.history.store import Rows, Store
from didymos.data.history.tables import DAY_NS, SAMPLES, SNAPSHOTS

N = 20_000
DAY = N * DAY_NS
KNOWN = DAY + 40 * DAY_NS


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "history")
    opened.begin_source("one")
    yield opened
    opened.close()


def live(store, sequence, rows, known):
    store.commit("plant", sequence, Rows(samples=[(batch_of(rows), sequence, known)]))


def staged(store, rows, name="f", known=KNOWN) -> Adopt:
    """rows: (channel, time_ns, value, quality), sorted."""
    channel, time_ns, value, quality = zip(*rows, strict=True)
    n = len(rows)
    columns = [channel, time_ns, value, pa.array(quality, pa.int8()), np.zeros(n, np.int64), np.full(n, known)]
    place = store.folder / INCOMING / f"{name}.parquet"
    place.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], schema=SAMPLES.closed), place)
    return Adopt("samples", N, place.name, name)


def read(store, channel, known=FOREVER):
    got = store.reader.read(channel, DAY - DAY_NS, DAY + 9 * DAY_NS, known, FOREVER, 10**6).to_pydict()
    return list(zip(got["time_ns"], got["value"], got["quality"], strict=True))


def test_an_empty_day_takes_the_file_as_it_is_and_the_same_name_again_adds_nothing(store):
    rows = [("a.x", DAY, 1.0, 0), ("a.x", DAY + 5, float("nan"), 7), ("a.y", DAY, 2.0, 0)]
    assert store.adopt(staged(store, rows)) == Adopted(3, 3, False)
    assert read(store, "a.y") == [(DAY, 2.0, 0)]
    assert read(store, "a.y", KNOWN - 1) == []
    assert store.adopt(staged(store, rows)) == Adopted(3, 0, True, 3)
    assert store.adopt(staged(store, rows, "g")) == Adopted(3, 0, False)
    assert list((store.folder / INCOMING).iterdir()) == []
    assert len(store._closed["samples"].files[N]) == 1


@pytest.mark.parametrize("closed_before", [False, True])
def test_live_rows_and_imported_ones_are_merged_and_the_past_stays_as_it_was_known(store, closed_before):
    live(store, 7, [("a.x", DAY, 1.0, 0), ("a.x", DAY + 1, 1.0, 0), ("a.z", DAY, 9.0, 0)], DAY + 10)
    if closed_before:
        store.compact(DAY + 2 * DAY_NS)
    wish = staged(store, [("a.x", DAY, 1.0, 0), ("a.x", DAY + 1, 5.0, 0), ("a.x", DAY + 2, 3.0, 0)])
    store.adopt(wish)
    for _ in range(2):
        assert read(store, "a.x") == [(DAY, 1.0, 0), (DAY + 1, 5.0, 0), (DAY + 2, 3.0, 0)]
        assert read(store, "a.x", KNOWN - 1) == [(DAY, 1.0, 0), (DAY + 1, 1.0, 0)]
        assert read(store, "a.z") == [(DAY, 9.0, 0)]
        count = store.reader.sql("SELECT count(*) AS n FROM samples", 10, 10).to_pydict()
        assert count == {"n": [5]}  # one repeat is gone, one revision is kept beside what it revises
        store.compact(DAY + 2 * DAY_NS)
    live(store, 9, [("a.x", DAY + 1, 6.0, 0)], KNOWN + 1)
    assert read(store, "a.x")[1] == (DAY + 1, 6.0, 0)


def test_imports_one_after_another_revise_each_other_without_the_stream_moving(store):
    for k in range(3):
        assert store.adopt(staged(store, [("a.x", DAY, float(k), 0)], f"f{k}", KNOWN + k)).added == 1
    assert [read(store, "a.x", KNOWN + k) for k in range(3)] == [[(DAY, float(k), 0)] for k in range(3)]


def test_killed_after_the_commit_the_file_is_forgotten_and_not_taken_twice(store, monkeypatch):
    rows = [("a.x", DAY, 1.0, 0)]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    wish = staged(store, rows)
    monkeypatch.setattr(module.Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        store.adopt(wish)
    monkeypatch.undo()
    assert (store.folder / INCOMING / wish.file).exists()
    assert store.adopt(wish) == Adopted(1, 0, True, 1)
    assert read(store, "a.x") == [(DAY, 1.0, 0)]


def test_a_file_system_without_hard_links_copies(store, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("not supported")))
    assert store.adopt(staged(store, [("a.x", DAY, 1.0, 0)])).added == 1
    assert read(store, "a.x") == [(DAY, 1.0, 0)]


def test_files_that_are_not_what_they_should_be_are_refused_and_nothing_changes(store):
    good = [("a.x", DAY, 1.0, 0)]
    store.adopt(staged(store, good))
    folder = store.folder / INCOMING
    (folder / "cut.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"channel": ["a.x"], "value": [1.0]}), folder / "other.parquet")
    pq.write_table(SAMPLES.closed.empty_table(), folder / "none.parquet")
    unsorted = SAMPLES.closed.empty_table()
    for name in ("a.y", "a.x"):
        part = pa.Table.from_pydict(
            {"channel": [name], "time_ns": [DAY], "value": [1.0], "quality": [0], "sequence": [0], "known_ns": [0]}, SAMPLES.closed
        )
        unsorted = pa.concat_tables([unsorted, part])
    pq.write_table(unsorted, folder / "unsorted.parquet", row_group_size=1)
    day_off = staged(store, [("a.x", DAY + DAY_NS, 1.0, 0)], "late")
    for wish, words in (
        (Adopt("samples", N, "cut.parquet", "1"), "cannot be read"),
        (Adopt("samples", N, "absent.parquet", "2"), "cannot be read"),
        (Adopt("samples", N, "other.parquet", "3"), "has columns"),
        (Adopt("samples", N, "none.parquet", "4"), "no row"),
        (Adopt("samples", N, "unsorted.parquet", "5"), "not sorted"),
        (day_off, "not all of day"),
        (Adopt("samples", N, "../../etc/passwd", "6"), "outside incoming"),
        (Adopt("secrets", N, "cut.parquet", "7"), "'secrets' is not known"),
    ):
        with pytest.raises(DataError, match=words):
            store.adopt(wish)
    assert read(store, "a.x") == [(DAY, 1.0, 0)]


def test_a_belief_of_the_past_stays_behind_one_that_was_lived(store):
    store.commit("results", 3, Rows(snapshots=[("m", DAY, b"lived", 3, DAY)]))
    place = store.folder / INCOMING / "s.parquet"
    place.parent.mkdir(exist_ok=True)
    rows = [["m", "m"], [DAY, DAY + 1], [b"past", b"past"], [-5, -5], [KNOWN, KNOWN]]
    pq.write_table(
        pa.Table.from_arrays([pa.array(r, f.type) for r, f in zip(rows, SNAPSHOTS.closed, strict=True)], schema=SNAPSHOTS.closed),
        place,
    )
    store.adopt(Adopt("snapshots", N, "s.parquet", "s"))
    for _ in range(2):
        assert store.reader.snapshots("m", DAY, DAY + 9, 10**6) == ([b"lived", b"past"], None)
        store.compact(DAY + 2 * DAY_NS)


def test_the_newest_sample_of_a_channel_may_be_an_imported_one(tmp_path):
    store = Store(tmp_path / "history")
    store.begin_source("one")
    live(store, 1, [("a.live", DAY + 7, 3.0, 0)], DAY + 8)
    store.adopt(staged(store, [("a.live", DAY + 5, 1.0, 0), ("a.old", DAY + 5, 2.0, 0), ("a.old", DAY + 6, 2.5, 0)]))
    expected = {"a.live": (DAY + 7, 3.0, 0), "a.old": (DAY + 6, 2.5, 0)}
    assert store.latest.of([]) == expected
    store.close()
    again = Store(tmp_path / "history")
    assert again.latest.of([]) == expected
    live(again, 2, [("a.old", DAY + 9, 4.0, 0), ("a.new", DAY, 1.0, 0)], DAY + 9)
    assert again.latest.of(["a.old", "a.new"]) == {"a.old": (DAY + 9, 4.0, 0), "a.new": (DAY, 1.0, 0)}
    again.close()
