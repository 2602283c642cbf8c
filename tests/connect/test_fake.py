"""Faults on demand. Each is compared with the undamaged rows, or with the share that was asked for within four standard errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from didymos.core.clock import DataClock
from didymos.core.errors import ConfigError
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.core.series import Waveform
from didymos.data.connect.fake import Fake, Row, Rows

from .servers import faults, run, values

SECOND = 1_000_000_000
ROWS: list[Row] = [(tag, k * 10 * SECOND, float(k), 0) for k in range(500) for tag in ("a", "b")]


async def read(source: Fake, tags: str = "ab") -> list[Payload | Fault]:
    return [item async for item in source.stream([TagSpec(tag) for tag in tags])]


def damaged(size: int = 20, rows: list[Row] = ROWS, **options: str | int | float | bool) -> list[Payload | Fault]:
    return run(read(Fake("f", "", options, DataClock(), Rows("f", rows, size))))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "'inner' is missing"),
        ({"inner": "fake"}, "write one of"),
        ({"inner": "replay", "drop": 1.5}, "0.0 to 1.0"),
        ({"inner": "replay", "dropp": 0.5}, "Allowed: clock_back"),
        ({"inner": "replay", "inner_sped": 1.0}, "'sped' is not known"),
    ],
)
def test_wrong_options_are_refused(options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match="f") as caught:
        Fake("f", "x.csv", options, DataClock())
    assert said in str(caught.value)


def test_without_faults_everything_passes_untouched() -> None:
    assert values(damaged()) == ROWS


def test_the_same_seed_gives_the_same_damage_whatever_the_batching() -> None:
    options = {"seed": 3, "drop": 0.1, "repeat": 0.1, "clock_back": 0.1, "factor": 2.0}
    assert values(damaged(20, **options)) == values(damaged(7, **options))
    assert values(damaged(20, **options)) != values(damaged(20, **(options | {"seed": 4})))


@pytest.mark.parametrize("fault", ["drop", "repeat", "nan", "clock_back"])
def test_the_share_asked_for_is_hit(fault: str) -> None:
    rows = values(damaged(seed=1, **{fault: 0.2}))
    hit = {
        "drop": len(ROWS) - len(rows),
        "repeat": len(rows) - len(ROWS),
        "nan": sum(value != value and quality == 6 for _, _, value, quality in rows),
        "clock_back": sum(time_ns != value * 10 * SECOND for _, time_ns, value, _ in rows),
    }[fault]
    assert abs(hit - 200) < 4 * np.sqrt(1000 * 0.2 * 0.8)


def test_a_wrong_unit_and_a_frozen_value_hit_only_the_tags_named() -> None:
    rows = values(damaged(tags="b", factor=1000.0, freeze_from=100, freeze_count=50))
    assert [row for row in rows if row[0] == "a"] == [row for row in ROWS if row[0] == "a"]
    b = [row[2] for row in rows if row[0] == "b"]
    assert b == [1000.0 * (99 if 100 <= k < 150 else k) for k in range(500)]


def test_delayed_payloads_come_later_and_none_is_lost() -> None:
    items = damaged(seed=2, delay=0.3)
    order = [item.batch.sequence for item in items if isinstance(item, Payload) and item.batch]
    assert sorted(order) == list(range(1, 51))
    assert order != sorted(order)
    assert all(max(order[: place + 1]) <= late + 3 for place, late in enumerate(order))  # delay_by = 3


def test_a_ten_minute_gap_is_lost_and_reported_once() -> None:
    items = damaged(2, gap_from_s=1000.0, gap_s=600.0)
    assert values(items) == [row for row in ROWS if not 1000 <= row[1] / SECOND < 1600]
    assert [item.kind for item in items if isinstance(item, Fault)] == ["disconnected", "connected", "gap"]


def test_a_broken_connection_loses_one_payload_and_says_so() -> None:
    items = damaged(disconnect_every=9)
    assert [item.batch.sequence for item in items if isinstance(item, Payload) and item.batch] == [
        k for k in range(1, 51) if k % 10
    ]
    assert [len(faults(items, kind)) for kind in ("disconnected", "connected", "gap")] == [5, 4, 4]


def test_done_is_called_for_what_was_dropped_whole_and_waveforms_suffer_as_well() -> None:
    called = []

    class One(Rows):
        async def stream(self, tags):
            async def done() -> None:
                called.append(1)

            wave = Waveform("w", 5 * SECOND, 10.0, np.ones(4, np.float32))
            yield Payload(None, (wave,), done)

    async def through(**options: float) -> list[Payload | Fault]:
        return [item async for item in Fake("f", "", options, DataClock(), One("f", [])).stream([TagSpec("w", True)])]

    assert run(through(drop=1.0)) == []
    assert called == [1]
    (item,) = run(through(factor=3.0, clock_back=1.0, clock_back_s=2.0))
    assert isinstance(item, Payload)
    np.testing.assert_array_equal(item.waveforms[0].samples, np.full(4, 3.0))
    assert item.waveforms[0].start_ns == 3 * SECOND


def test_it_wraps_a_connector_named_in_the_plant_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("t,a\n1,2\n2,3\n")
    source = Fake(
        "f", str(path), {"inner": "replay", "inner_time_column": "t", "inner_time_unit": "s", "factor": 10.0}, DataClock()
    )
    assert values(run(read(source, "a"))) == [("a", SECOND, 20.0, 0), ("a", 2 * SECOND, 30.0, 0)]
    assert [row["address"] for row in run(source.browse())] == ["a"]
