"""Cells as people and spreadsheets write them. Expected numbers and times are worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from didymos.core.clock import parse_time
from didymos.formats.cells import Customs, number, text, time_ns, whole
from didymos.formats.xlsx import CellError

AUTO, COMMA, POINT = Customs(), Customs(","), Customs(".")
VIENNA = Customs(zone="Europe/Vienna")


@pytest.mark.parametrize(
    ("given", "customs", "value"),
    [
        ("1.234,56", AUTO, 1234.56),
        ("1,234.56", AUTO, 1234.56),
        ("1 234,5", AUTO, 1234.5),
        ("1'234.5", AUTO, 1234.5),
        ("1\u00a0234,5", AUTO, 1234.5),
        ("1.234.567", AUTO, 1234567.0),
        ("1,234,567", AUTO, 1234567.0),
        ("0,125", AUTO, 0.125),
        ("0.125", AUTO, 0.125),
        ("3,5", AUTO, 3.5),
        ("-7", AUTO, -7.0),
        ("12,50-", AUTO, -12.5),
        ("1e-3", AUTO, 0.001),
        ("1.234", POINT, 1.234),
        ("1.234", COMMA, 1234.0),
        ("1,234", COMMA, 1.234),
        ("1,234", POINT, 1234.0),
        (5, AUTO, 5.0),
        (Decimal("2.50"), COMMA, 2.5),
        ("12345.678", AUTO, 12345.678),
        (",5", COMMA, 0.5),
    ],
)
def test_a_number_is_read_by_its_customs(given, customs, value):
    assert number(given, customs) == value


@pytest.mark.parametrize(
    ("given", "customs", "why"),
    [
        ("1.234", AUTO, "one way only"),
        ("1,234", AUTO, "one way only"),
        ("-12.500", AUTO, "one way only"),
        ("abc", AUTO, "a number"),
        ("1.23.4", AUTO, "thousands"),
        ("12.34,5", COMMA, "thousands"),
        ("nan", AUTO, "a number"),
        ("1e999", POINT, "finite"),
        (True, AUTO, "a number"),
        (CellError("#N/A"), AUTO, "#N/A"),
        ("", AUTO, "a number"),
        ("٣", AUTO, "a number"),
        ("1_000", AUTO, "a number"),
        (float("inf"), AUTO, "finite"),
    ],
)
def test_what_is_no_number_or_two_is_refused(given, customs, why):
    with pytest.raises(ValueError, match=why):
        number(given, customs)


def test_a_whole_number_has_no_fraction():
    assert whole("1.000", COMMA) == 1000
    with pytest.raises(ValueError, match="whole"):
        whole("1,5", COMMA)


@pytest.mark.parametrize(
    ("given", "customs", "iso"),
    [
        ("05.01.2026 14:30", Customs(), "2026-01-05T14:30:00Z"),
        ("5.1.2026", Customs(), "2026-01-05T00:00:00Z"),
        ("05/01/2026", Customs(dates="dmy"), "2026-01-05T00:00:00Z"),
        ("05/01/2026", Customs(dates="mdy"), "2026-05-01T00:00:00Z"),
        ("25/01/2026", Customs(), "2026-01-25T00:00:00Z"),
        ("01/25/2026", Customs(), "2026-01-25T00:00:00Z"),
        ("04/04/2026", Customs(), "2026-04-04T00:00:00Z"),
        ("2026-01-05T14:30:00+01:00", VIENNA, "2026-01-05T13:30:00Z"),
        ("2026-01-05 14:30:00", VIENNA, "2026-01-05T13:30:00Z"),
        ("05.07.2026 14:30", VIENNA, "2026-07-05T12:30:00Z"),
        ("20260105", Customs(), "2026-01-05T00:00:00Z"),
        ("20260105143000", Customs(), "2026-01-05T14:30:00Z"),
        ("2026-01-05T14:30:00.1234567Z", Customs(), "2026-01-05T14:30:00.123456Z"),
        (date(2026, 1, 5), Customs(), "2026-01-05T00:00:00Z"),
        (datetime(2026, 1, 5, 14, tzinfo=UTC), VIENNA, "2026-01-05T14:00:00Z"),
        ("05.01.2026 14:30:15,250", Customs(), "2026-01-05T14:30:15.250Z"),
    ],
)
def test_a_date_is_read_by_its_customs(given, customs, iso):
    assert time_ns(given, customs) == parse_time(iso)


@pytest.mark.parametrize(
    ("given", "customs", "why"),
    [
        ("05/01/2026", AUTO, "one way only"),
        ("31.02.2026", AUTO, "exists"),
        ("05.01.26", AUTO, "four digits"),
        ("soon", AUTO, "exists"),
        ("29.03.2026 02:30", VIENNA, "does not exist"),
        ("25.10.2026 02:30", VIENNA, "happens twice"),
        (46027, AUTO, "plain number"),
        ("2026-13-01", AUTO, "exists"),
        (CellError("#REF!"), AUTO, "#REF!"),
        ("24:00", AUTO, "exists"),
        ("05.01.2026", Customs(dates="ymd"), "year first"),
    ],
)
def test_what_is_no_date_or_two_is_refused(given, customs, why):
    with pytest.raises(ValueError, match=why):
        time_ns(given, customs)


def test_the_hour_after_the_clock_change_is_plain_again():
    assert time_ns("29.03.2026 03:30", VIENNA) == parse_time("2026-03-29T01:30:00Z")
    assert time_ns("25.10.2026 03:30", VIENNA) == parse_time("2026-10-25T02:30:00Z")


@pytest.mark.parametrize(
    ("given", "found"), [(4711, "4711"), (4711.0, "4711"), (" SN-1 ", "SN-1"), ("007", "007"), ("Ölfilter", "Ölfilter")]
)
def test_a_name_is_text_with_all_its_letters(given, found):
    assert text(given) == found


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("1,23E+11", "shortened"),
        (1.5e17, "15 digits"),
        (1.5, "15 digits"),
        ("GehÃ¤use", "Gehäuse"),
        ("Geh\ufffduse", "lost"),
        (True, "text"),
        ("a\x00b", "control"),
    ],
)
def test_a_name_that_lost_letters_on_its_way_is_refused(given, why):
    with pytest.raises(ValueError, match=why):
        text(given)
