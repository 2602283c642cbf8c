"""The calendar against published dates of summer time (IANA tz database, 2026) and a naive minute-by-minute count.

Europe/Vienna       29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00
America/New_York    8 March 02:00 -> 03:00, 1 November 02:00 -> 01:00
Australia/Lord_Howe 5 April 02:00 -> 01:30, 4 October 02:00 -> 02:30 (half an hour)
"""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from didymos.core.calendar import Calendar, Planned, Shift, Stop, place_of
from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS, iso, parse_time

EVERY_DAY = tuple(range(7))
NIGHT = Shift("night", EVERY_DAY, 22 * 60, 6 * 60)
THREE = (Shift("early", EVERY_DAY, 6 * 60, 14 * 60), Shift("late", EVERY_DAY, 14 * 60, 22 * 60), NIGHT)
VIENNA = Calendar(timezone="Europe/Vienna", shifts=(NIGHT,))


def local(zone: str, *moment: int, fold: int = 0) -> int:
    return int(datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).timestamp()) * SECOND_NS


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Vienna", (2026, 3, 27), 8.0),
        ("Europe/Vienna", (2026, 3, 28), 7.0),
        ("Europe/Vienna", (2026, 10, 24), 9.0),
        ("America/New_York", (2026, 3, 7), 7.0),
        ("America/New_York", (2026, 10, 31), 9.0),
        ("Australia/Lord_Howe", (2026, 4, 4), 8.5),
        ("Australia/Lord_Howe", (2026, 10, 3), 7.5),
    ],
)
def test_a_night_shift_lasts_as_long_as_the_night_of_the_switch(zone, evening, hours):
    calendar = Calendar(timezone=zone, shifts=(NIGHT,))
    noon = local(zone, *evening, 12)
    assert calendar.running_s(noon, noon + DAY_NS) == hours * 3600
    ((begin, end, name),) = calendar.shifts_between(noon, noon + DAY_NS)
    assert (begin, name) == (local(zone, *evening, 22), "night")
    assert (end - begin) / HOUR_NS == hours


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe"])
def test_three_shifts_that_meet_on_the_clock_leave_no_second_of_the_year_out_and_none_twice(zone):
    calendar = Calendar(timezone=zone, shifts=THREE)
    start, end = local(zone, 2026, 1, 1), local(zone, 2027, 1, 1)
    assert calendar.running_s(start, end) == (end - start) / SECOND_NS
    shifts = calendar.shifts_between(start, end)
    assert all(one[1] == other[0] for one, other in pairwise(shifts))


def test_in_the_repeated_hour_the_shift_that_ends_at_its_first_occurrence_is_over_at_the_second():
    """25 October: 02:30 comes twice. The shift ends at the first, the next begins there."""
    calendar = Calendar(timezone="Europe/Vienna", shifts=(Shift("a", EVERY_DAY, 22 * 60, 150), Shift("b", EVERY_DAY, 150, 480)))
    first, second = local("Europe/Vienna", 2026, 10, 25, 2, 30), local("Europe/Vienna", 2026, 10, 25, 2, 30, fold=1)
    assert iso(first) == "2026-10-25T00:30:00Z"
    assert second - first == HOUR_NS
    assert [calendar.shift_at(t) for t in (first - 1, first, second - 1, second)] == ["a", "b", "b", "b"]


def test_in_the_skipped_hour_a_time_that_does_not_exist_is_taken_with_the_offset_before_the_gap():
    """29 March: 02:30 does not exist; with the offset before it, it is 01:30 UTC, which the clock calls 03:30 (RFC 5545, 3.3.5)."""
    calendar = Calendar(timezone="Europe/Vienna", shifts=(Shift("b", EVERY_DAY, 150, 480),))
    ((begin, end, _),) = calendar.shifts_between(parse_time("2026-03-29T00:00:00Z"), parse_time("2026-03-29T12:00:00Z"))
    assert (iso(begin), iso(end)) == ("2026-03-29T01:30:00Z", "2026-03-29T06:00:00Z")


def test_a_shift_that_lies_within_the_skipped_hour_still_has_its_length_an_hour_later():
    calendar = Calendar(timezone="Europe/Vienna", shifts=(Shift("b", EVERY_DAY, 135, 165),))
    ((begin, end, _),) = calendar.shifts_between(parse_time("2026-03-29T00:00:00Z"), parse_time("2026-03-29T12:00:00Z"))
    assert end - begin == HOUR_NS // 2


def test_running_time_equals_a_count_minute_by_minute_over_holidays_stops_and_the_plan():
    zone = "America/New_York"
    calendar = Calendar(
        timezone=zone,
        shifts=(Shift("day", (0, 1, 2, 3, 4), 6 * 60, 18 * 60), Shift("night", (4, 5), 22 * 60, 5 * 60 + 30)),
        holidays=("2026-03-06",),
        stops=(Stop(local(zone, 2026, 3, 3, 9), 5 * HOUR_NS, 2 * DAY_NS),),
        plan=(Planned(local(zone, 2026, 3, 5, 7), local(zone, 2026, 3, 5, 11), "hall/cp-01", "", 0.0),),
    )
    start, end = local(zone, 2026, 3, 2), local(zone, 2026, 3, 11)
    for where in ("", "hall/cp-01", "hall/cp-02"):
        minutes = sum(calendar.is_planned(t, where) for t in range(start, end, 60 * SECOND_NS))
        assert calendar.running_s(start, end, where) == 60 * minutes
    assert calendar.running_s(start, end, "hall/cp-01") < calendar.running_s(start, end, "hall/cp-02")
    assert not calendar.is_planned(local(zone, 2026, 3, 6, 12))  # the holiday
    assert not calendar.is_planned(local(zone, 2026, 3, 6, 23))  # and the night shift that begins on it
    assert calendar.is_planned(local(zone, 2026, 3, 7, 23))


def test_a_night_shift_that_began_before_the_holiday_is_worked_to_its_end():
    calendar = Calendar(timezone="Europe/Vienna", shifts=(NIGHT,), holidays=("2026-12-25",))
    at = [(24, 23), (25, 5), (25, 23), (26, 5)]
    assert [calendar.is_planned(local("Europe/Vienna", 2026, 12, *t)) for t in at] == [True, True, False, False]


def test_running_time_becomes_clock_time_and_back():
    """8 hours a day from 22:00: 1 h, 8 h and 9 h of running from noon on are reached after 11, 18 and 35 clock hours."""
    noon = local("Europe/Vienna", 2026, 2, 2, 12)
    found = VIENNA.clock_s(noon, np.array([3600.0, 8 * 3600.0, 9 * 3600.0, np.inf]))
    assert found.tolist() == [11 * 3600.0, 18 * 3600.0, 35 * 3600.0, np.inf]
    for hours in (0.5, 30.0, 500.0):
        clock_s = float(VIENNA.clock_s(noon, hours * 3600.0))
        assert VIENNA.running_s(noon, noon + int(clock_s * SECOND_NS)) == pytest.approx(hours * 3600.0)


def test_a_plan_that_never_runs_again_has_no_clock_time():
    calendar = Calendar(shifts=(NIGHT,), plan=(Planned(0, 2**62, "", "", 0.0),))
    assert calendar.clock_s(0, [1.0]).tolist() == [np.inf]


def test_without_shifts_everything_is_planned_and_the_stops_are_as_before():
    calendar = Calendar((5, 9), 0, 7)
    assert not calendar.knows_shifts
    assert calendar.is_planned(12345)
    assert calendar.running_s(0, 10 * SECOND_NS) == 10
    assert [calendar.next_stop(t) for t in (-1, 0, 5, 6, 7, 9)] == [0, 5, 7, 7, 9, 14]
    assert calendar.shift_at(5) is None


def test_a_stop_that_lasts_is_a_next_stop_and_time_in_which_nothing_runs():
    calendar = Calendar(stops=(Stop(100 * HOUR_NS, 8 * HOUR_NS, 168 * HOUR_NS),))
    assert calendar.next_stop(0) == 100 * HOUR_NS
    assert calendar.next_stop(100 * HOUR_NS) == 268 * HOUR_NS
    assert calendar.running_s(0, 300 * HOUR_NS) == (300 - 16) * 3600
    assert not calendar.is_planned(103 * HOUR_NS)


def test_the_plan_of_the_asset_counts_before_that_of_its_area():
    plan = (Planned(0, 10, "hall", "A", 0.9), Planned(0, 10, "cp-01", "B", 0.7), Planned(5, 10, "cp-01", "", 0.0))
    calendar = Calendar(plan=plan)
    where = place_of("cp-01", "hall/line 7")
    assert (calendar.load_at(2, where), calendar.planned_at(2, where).product) == (0.7, "B")
    assert calendar.load_at(7, where) == 0.0
    assert calendar.load_at(2, place_of("cp-02", "hall/line 7")) == 0.9
    assert calendar.load_at(2, "other") is None
