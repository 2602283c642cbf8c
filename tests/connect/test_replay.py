"""The replay connector. Bad input first; expected rows come from the standard library's csv module or are written by the test."""

from __future__ import annotations

import asyncio
import csv
import os
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from didymos.core.clock import DataClock, iso
from didymos.core.errors import ConfigError, ConnectError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.data.connect.replay import Replay

from .servers import faults, run, values

SECOND = 1_000_000_000
DAY = 1_767_571_200 * SECOND  # 2026-01-05T00:00:00Z
DATA = Path(os.environ.get("DIDYMOS_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))


def replay(path: Path | str, **options: str | int | float | bool) -> Replay:
    return Replay("rec", str(path), {"retry_s": 0.02, "retry_most_s": 0.02, **options}, DataClock())


async def read(source: Replay, tags: list[str], most: int = 10**9) -> list[Payload | Fault]:
    """Everything, or up to `most` payloads; each is put 'on disk' at once."""
    items: list[Payload | Fault] = []
    async with aclosing(source.stream([TagSpec(tag) for tag in tags])) as stream:  # pyright: ignore[reportArgumentType]
        async for item in stream:
            items.append(item)
            if isinstance(item, Payload) and item.done is not None:
                await item.done()
            if sum(isinstance(item, Payload) for item in items) >= most:
                break
    return items


def sequences(items: list[Payload | Fault]) -> list[int]:
    return [item.batch.sequence for item in items if isinstance(item, Payload) and item.batch is not None]


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """1000 seconds of two tags; tag b is empty in odd rows."""
    path = tmp_path / "wide.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["time", "a", "b"])
        lines.writerows([iso(DAY + k * SECOND), k / 10, "" if k % 2 else -k] for k in range(1000))
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sped": 1.0}, "Allowed: batch_rows"),
        ({"layout": "tall"}, "'wide', 'long', 'pronostia'"),
        ({"speed": -1.0}, "0.0 to"),
        ({"start_sequence": 0}, "1 to"),
        ({"zone": "Mars"}, "IANA"),
        ({"start": "2012-01-01"}, "no zone"),
        ({"decimal": ","}, "delimiter"),
    ],
)
def test_a_wrong_option_is_refused(options: dict, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        replay("x.csv", **options)
    assert said in str(caught.value)
    for url in ("http://host/x.csv", "", "file://host/x.csv"):
        with pytest.raises(ConfigError, match="file:///"):
            replay(url)


@pytest.mark.parametrize(
    ("name", "content", "options", "said"),
    [
        ("absent.csv", None, {}, "absent.csv"),
        ("empty.csv", b"", {}, "no column 'time'"),
        ("other.csv", b"t,a\n1,2\n", {}, "it has t, a"),
        ("long.csv", b"time,tag,v\n1,a,2\n", {"layout": "long"}, "no column 'value'"),
        ("junk.parquet", b"PAR1 this is not parquet", {}, "not a Parquet file"),
        ("folder.csv", "folder", {}, "folder.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault_and_is_tried_again(tmp_path, name, content, options, said) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)

    async def main() -> list[Payload | Fault]:
        source, items = replay(path, **options), []

        async def collect() -> None:
            async for item in source.stream([TagSpec("a")]):
                items.append(item)  # noqa: PERF401

        task = asyncio.create_task(collect())
        await asyncio.sleep(0.2)
        await source.close()
        await asyncio.wait_for(task, 2)
        return items

    (fault,) = run(main())
    assert isinstance(fault, Fault)
    assert fault.kind == "disconnected"
    assert said in fault.text


def test_browse_of_what_is_not_there_is_a_connect_error(tmp_path: Path) -> None:
    for name in ("absent.csv", "absent.parquet"):
        with pytest.raises(ConnectError, match="absent"):
            run(replay(tmp_path / name).browse())


def test_bad_rows_and_cells_are_named_and_everything_else_arrives(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(
        b"\xef\xbb\xbftime,a,b\n"
        b"2026-01-05T00:00:00Z,1,2\n"
        b"yesterday,3,4\n"
        b"2026-01-05T00:00:02Z,abc,5\n"
        b"2026-01-05T00:00:03Z,6\n"
        b"\n"
        b"2026-01-05T00:00:04Z,NaN,\xff\n"
        b"2026-01-05T00:00:01,7,7\n"
        b"2026-01-05T00:00:01Z,8, \n"
    )
    items = run(read(replay(path), ["a", "b", "c"]))
    expected = [("a", 0, 1.0), ("b", 0, 2.0), ("b", 2, 5.0), ("a", 4, None), ("a", 1, 8.0)]  # time goes backwards: untouched
    got = [(tag, (time_ns - DAY) // SECOND, None if value != value else value) for tag, time_ns, value, _ in values(items)]
    assert got == expected
    assert [quality for *_, quality in values(items)] == [0, 0, 0, 6, 0]  # NaN is BAD
    assert faults(items, "unknown_tag") == ["rec: bad.csv has no 'c'"]
    (said,) = faults(items, "rejected")
    assert "bad.csv row 5: 2 cells where the header has 3" in said
    assert "bad.csv row 3 column 'time': time 'yesterday' is not ISO 8601" in said
    assert "and 2 more" in said


def test_every_cell_arrives_once_and_an_empty_cell_is_no_sample(wide: Path) -> None:
    rows = values(run(read(replay(wide, batch_rows=7), ["b", "a"])))
    naive = []
    with wide.open() as file:
        for k, line in enumerate(csv.DictReader(file)):
            naive += [(tag, DAY + k * SECOND, float(line[tag]), 0) for tag in ("b", "a") if line[tag]]
    assert rows == naive


def test_batch_k_holds_the_same_rows_whatever_the_tags_and_where_one_starts(wide: Path) -> None:
    def by_sequence(items: list[Payload | Fault]) -> dict[int, set]:
        return {b.sequence: {r for r in values([i]) if r[0] == "a"} for i in items if isinstance(i, Payload) and (b := i.batch)}

    whole = by_sequence(run(read(replay(wide, batch_rows=30), ["a"])))
    assert sorted(whole) == list(range(1, 35))
    assert by_sequence(run(read(replay(wide, batch_rows=30), ["b", "a"]))) == whole
    rest = by_sequence(run(read(replay(wide, batch_rows=30, start_sequence=20), ["a"])))
    assert rest == {k: rows for k, rows in whole.items() if k >= 20}


def test_a_cursor_continues_exactly_where_the_last_payload_was_done(wide: Path, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    options = {"batch_rows": 30, "cursor": str(cursor)}
    first = run(read(replay(wide, **options), ["a"], most=5))
    second = run(read(replay(wide, **options), ["a"]))
    assert sequences(first) == [1, 2, 3, 4, 5]
    assert sequences(second) == list(range(6, 35))
    assert cursor.read_text() == "35\n"
    cursor.write_text("many")
    source = replay(wide, **options)
    fault = run(anext(aiter(source.stream([TagSpec("a")]))))  # pyright: ignore[reportArgumentType]
    assert "cursor" in fault.text


def test_long_csv_with_german_numbers_and_local_time(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("Zeit;Name;Wert\n2026-07-05 12:00:00;p;1,5\n2026-07-05 12:00:01;q;2,5\n2026-07-05 12:00:02;p;3,5\n")
    options = {"layout": "long", "time_column": "Zeit", "tag_column": "Name", "value_column": "Wert"}
    source = replay(path, delimiter=";", decimal=",", zone="Europe/Berlin", **options)
    rows = values(run(read(source, ["p"])))
    noon = 1_783_245_600 * SECOND  # 2026-07-05T10:00:00Z, `date -u -d @1783245600`
    assert rows == [("p", noon, 1.5, 0), ("p", noon + 2 * SECOND, 3.5, 0)]
    assert [row["address"] for row in run(source.browse())] == ["p", "q"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_epoch_times_of_any_unit_are_exact(tmp_path: Path, unit: str) -> None:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    path = tmp_path / "epoch.csv"
    path.write_text(f"time,a\n{1_767_571_200 * factor},1\n{1_767_571_200 * factor + 1},2\n")
    rows = values(run(read(replay(path, time_unit=unit), ["a"])))
    assert [row[1] for row in rows] == [DAY, DAY + SECOND // factor]


def test_parquet_gives_what_the_same_csv_gives(wide: Path, tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    times = pa.array(np.arange(1000) * SECOND + DAY, pa.timestamp("ns", "UTC"))
    b = pa.array([None if k % 2 else -float(k) for k in range(1000)])
    pq.write_table(pa.table({"time": times, "a": np.arange(1000) / 10, "b": b}), path)
    for options in ({}, {"batch_rows": 33}):
        assert values(run(read(replay(path, **options), ["a", "b"]))) == values(run(read(replay(wide), ["a", "b"])))
    local = pa.table({"time": times.cast(pa.timestamp("ns")), "a": np.arange(1000) / 10})
    pq.write_table(local, path)
    (said,) = faults(run(read(replay(path), ["a"])), "rejected")
    assert "no zone" in said
    assert len(values(run(read(replay(path, zone="UTC"), ["a"])))) == 1000


def test_speed_waits_for_source_time_and_cuts_batches_by_it(wide: Path) -> None:
    async def main() -> tuple[list[int], float]:
        start_s = asyncio.get_running_loop().time()
        items = await read(replay(wide, speed=100.0, batch_s=0.1), ["a"], most=4)
        return [
            len(item.batch) for item in items if isinstance(item, Payload) and item.batch
        ], asyncio.get_running_loop().time() - start_s

    sizes, took_s = run(main())
    assert sizes == [10, 10, 10, 10]  # 0.1 s at 100 s/s = 10 source seconds = 10 rows
    assert took_s >= 0.3  # 30 source seconds after the first batch cannot be there earlier


def test_snapshots_of_a_folder_run_side_by_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    raw = {name: rng.integers(60000, 70000, (n, 2), np.int32) for name, n in (("m1", 40), ("m2", 25))}
    for name, counts in raw.items():
        pq.write_table(pa.table({"h": counts[:, 0], "v": counts[:, 1]}), tmp_path / f"{name}.parquet")
    options = {"layout": "pronostia", "samples": 10, "start": "2026-01-05T00:00:00Z"}
    items = run(read(replay(tmp_path, **options), ["m1#h", "m1#v", "m2#h", "m2#x", "m3#h"]))
    waves = [[(w.channel, (w.start_ns - DAY) // SECOND) for w in i.waveforms] for i in items if isinstance(i, Payload)]
    both = [("m1#h", 0), ("m1#v", 0), ("m2#h", 0)]
    assert waves == [both, [(n, 10) for n, _ in both], [("m1#h", 20), ("m1#v", 20)], [("m1#h", 30), ("m1#v", 30)]]
    first = next(item for item in items if isinstance(item, Payload)).waveforms[0]
    np.testing.assert_array_equal(first.samples, ((raw["m1"][:10, 0] - 65536) / 1000).astype(np.float32))
    assert [text.split()[-1] for text in faults(items, "unknown_tag")] == ["'m2#x'", "'m3#h'"]
    assert "m2.parquet row 21: the last snapshot has 5 rows of 10" in faults(items, "rejected")[0]
    assert [row["address"] for row in run(replay(tmp_path, **options).browse())] == ["m1#h", "m1#v", "m2#h", "m2#v"]


@pytest.mark.data
def test_femto_bearing_gives_the_rms_that_its_publisher_tabulated() -> None:
    folder = DATA / "femto_pronostia"
    if not folder.exists():
        pytest.skip("recorded data absent; set DIDYMOS_DATA to the folder that holds femto_pronostia")
    items = run(read(replay(folder / "Bearing3_1.parquet", layout="pronostia"), ["h", "v"]))
    waves = [item.waveforms for item in items if isinstance(item, Payload)]
    table = pq.read_table(folder / "snapshots.parquet").to_pylist()
    known = [row for row in table if row["bearing"] == "Bearing3_1"]
    assert len(waves) == len(known) == 515
    rms = [[np.sqrt(np.mean(wave.samples.astype(float) ** 2)) for wave in pair] for pair in waves]
    np.testing.assert_allclose(rms, [[row["h_rms"], row["v_rms"]] for row in known], rtol=1e-5)
