"""Columns of times and values as exports write them, against Python's own zone arithmetic and one value at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from didymos.core.clock import SECOND_NS
from didymos.core.series import Quality
from didymos.formats.iso_time import iso_ns
from didymos.formats.number_columns import EMPTY, UNREADABLE, numbers
from didymos.formats.stamps import Problem, Stamps, utc_of_local, utc_of_text

BERLIN = Stamps(zone="Europe/Berlin")


def read(how: Stamps, *texts: str | None) -> list[int | str]:
    """UTC ns, or the name of the problem."""
    found, problem = utc_of_text(pa.array(texts, pa.string()), how)
    return [int(t) if not p else Problem(p).name for t, p in zip(found, problem, strict=True)]


def utc(text: str) -> int:
    return iso_ns(text)


def test_iso_times_are_read_as_one_at_a_time_to_the_nanosecond():
    texts = ["2026-01-05T06:00:00Z", "2026-01-05T06:00:00.250Z", "2026-01-05 06:00:00.123456789Z", "2026-01-05T06:00:00+01:00",
             "2026-01-05T06:00:00.5-0330"]  # fmt: skip
    assert read(Stamps(), *texts) == [iso_ns(t.replace("-0330", "-03:30")) for t in texts]
    assert read(Stamps(), *texts[:3]) == [iso_ns(t) for t in texts[:3]]
    assert read(BERLIN, "2026-01-05 06:00:00", "2026-07-05 06:00:00") == [utc("2026-01-05T05:00:00Z"), utc("2026-07-05T04:00:00Z")]


def test_times_without_zone_are_refused_and_so_are_dates_that_do_not_exist():
    assert read(Stamps(), "2026-01-05T06:00:00", None, "", "yesterday") == ["ZONE", "EMPTY", "EMPTY", "UNREADABLE"]
    assert read(BERLIN, "2026-02-30 00:00:00", "2026-13-01 00:00:00", "31-Apr-25 00:00:00") == ["UNREADABLE"] * 3


def test_pi_times_have_letters_for_months_two_or_four_digits_for_years_and_fractions():
    expected = utc("2025-12-31T22:59:59Z")
    assert read(BERLIN, "31-Dec-25 23:59:59", "31-DEC-2025 23:59:59", "31-dec-25 23:59:59.25") == [
        expected, expected, expected + SECOND_NS // 4,
    ]  # fmt: skip
    assert read(Stamps(zone="UTC"), "01-Jan-70 00:00:00", "1-Jan-69 00:00:00") == [0, utc("2069-01-01T00:00:00Z")]


def test_day_and_month_are_never_guessed():
    assert read(Stamps(zone="UTC"), "03/04/2025 00:00:00", "31/12/2025 00:00:00") == ["ORDER", "ORDER"]
    assert read(Stamps(zone="UTC", order="dmy"), "03/04/2025 00:00:00") == [utc("2025-04-03T00:00:00Z")]
    assert read(Stamps(zone="UTC", order="mdy"), "03/04/2025 1:02:03 PM") == [utc("2025-03-04T13:02:03Z")]
    assert read(Stamps(zone="UTC", order="mdy"), "31/12/2025 00:00:00") == ["UNREADABLE"]
    assert read(Stamps(zone="UTC"), "31.12.2025 23:59") == [utc("2025-12-31T23:59:00Z")]
    assert read(Stamps(zone="UTC", order="mdy"), "3/4/2025 12:00:00 AM", "3/4/2025 13:00:00 PM") == [
        utc("2025-03-04T00:00:00Z"), "UNREADABLE",
    ]  # fmt: skip


def test_the_hour_that_occurs_twice_is_refused_until_somebody_says_which_and_the_skipped_one_always():
    text = "26-Oct-25 02:30:00"
    assert read(BERLIN, text) == ["REPEATED"]
    assert read(Stamps(zone="Europe/Berlin", repeated="first"), text) == [utc("2025-10-26T00:30:00Z")]
    assert read(Stamps(zone="Europe/Berlin", repeated="second"), text) == [utc("2025-10-26T01:30:00Z")]
    assert read(Stamps(zone="Europe/Berlin", repeated="first"), "30-Mar-25 02:30:00") == ["SKIPPED"]
    assert read(Stamps(zone="Europe/Berlin"), "26-Oct-25 01:59:59", "26-Oct-25 03:00:00") == [
        utc("2025-10-25T23:59:59Z"), utc("2025-10-26T02:00:00Z"),
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_local_times_of_a_year_agree_with_python(zone):
    rules, start = ZoneInfo(zone), datetime(2025, 1, 1)
    walls = [start + timedelta(minutes=17 * k) for k in range(31_000)]
    naive = np.array([int(w.replace(tzinfo=UTC).timestamp()) for w in walls], np.int64) * SECOND_NS
    found, problem = utc_of_local(naive, Stamps(zone=zone))
    for wall, got, code in zip(walls, found.tolist(), problem.tolist(), strict=True):
        first, second = (wall.replace(tzinfo=rules, fold=fold) for fold in (0, 1))
        back = first.astimezone(UTC).astimezone(rules).replace(tzinfo=None)
        if back != wall:
            assert code == Problem.SKIPPED
        elif first.utcoffset() != second.utcoffset():
            assert code == Problem.REPEATED
        else:
            assert (code, got) == (0, int(first.timestamp()) * SECOND_NS)


def test_numbers_since_1970_are_exact_in_every_unit():
    big = "1767225599123456789"
    assert read(Stamps("ns"), big, "x", "", "1e30") == [int(big), "UNREADABLE", "EMPTY", "UNREADABLE"]
    assert read(Stamps("s"), "1767225599.5", "1767225599,25") == [1767225599_500000000, 1767225599_250000000]
    assert read(Stamps("ms"), "1767225599123") == [1767225599_123000000]


def values(decimal: str, *cells: str | None) -> list[tuple[float | None, int]]:
    value, what = numbers(pa.array(cells, pa.string()), decimal)
    return [(None if np.isnan(v) else float(v), int(w)) for v, w in zip(value, what, strict=True)]


def test_numbers_with_a_comma_need_to_be_announced_and_thousands_are_refused():
    assert values(",", "5,5", "-1,25e3", "7", "1.234,5") == [(5.5, 0), (-1250.0, 0), (7.0, 0), (None, UNREADABLE)]
    assert values(".", "5.5", "5,5", "1 000", "0x10", "1_000") == [(5.5, 0)] + [(None, UNREADABLE)] * 4
    assert values(".", "", None, " ", " 3 ") == [(None, EMPTY)] * 3 + [(3.0, 0)]


def test_states_of_pi_are_samples_without_value():
    assert values(".", "Bad Input", "I/O Timeout", "NO DATA", "Pt Created", "Open") == [
        (None, Quality.BAD), (None, Quality.GAP), (None, Quality.GAP), (None, Quality.GAP), (None, UNREADABLE),
    ]  # fmt: skip


@pytest.mark.parametrize("cell", ["NaN", "nan", "inf", "-Infinity", "+5", "1e5", ".5", "5.", " 7", "1e400"])
def test_a_cell_means_the_same_whatever_stands_beside_it(cell):
    assert values(".", cell)[0] == values(".", cell, "Bad Input")[0]
    assert values(".", cell)[0][1] in (Quality.GOOD, Quality.BAD)


def test_columns_of_other_types_are_numbers_too():
    value, what = numbers(pa.array([True, False, None]), ".")
    assert value[:2].tolist() == [1.0, 0.0]
    assert what.tolist() == [0, 0, EMPTY]
    assert numbers(pa.array([float("nan"), 1.0]), ".")[1].tolist() == [Quality.BAD, 0]
    assert numbers(pa.array([{"a": 1}]), ".")[1].tolist() == [UNREADABLE]
