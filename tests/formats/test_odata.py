"""OData answers of both versions. 1767592800000 ms = 2026-01-05T06:00:00Z."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from didymos.core.errors import DataError
from didymos.formats.odata import Page, error_text, quoted, read_page, since, v2_time, value_of


@pytest.mark.parametrize(
    ("payload", "page"),
    [
        ({"value": [{"a": 1}], "@odata.nextLink": "n", "@odata.deltaLink": "d"}, Page(4, ({"a": 1},), "n", "d")),
        ({"value": [{"a": 1}], "@nextLink": "n"}, Page(4, ({"a": 1},), "n")),
        ({"value": [{"a": 1}, {"@removed": {"reason": "deleted"}, "@id": "x"}]}, Page(4, ({"a": 1},), removed=1)),
        ({"d": {"results": [{"a": 1}], "__next": "n", "__delta": "d"}}, Page(2, ({"a": 1},), "n", "d")),
        ({"d": [{"a": 1}]}, Page(2, ({"a": 1},))),
    ],
)
def test_a_page_is_rows_and_where_the_next_is(payload, page):
    assert read_page(payload, "Orders") == page


@pytest.mark.parametrize("payload", [{}, [], None, "x", {"value": 3}, {"d": {}}, {"value": [1]}, {"d": {"results": "x"}}])
def test_what_is_no_collection_is_refused(payload):
    with pytest.raises(DataError, match="Orders"):
        read_page(payload, "Orders")


def test_times_of_v2_are_wall_times_and_those_with_an_offset_are_not():
    assert v2_time("/Date(1767592800000)/") == datetime(2026, 1, 5, 6)
    assert v2_time("/Date(1767592800000+0060)/") == datetime(2026, 1, 5, 6, tzinfo=UTC)
    assert v2_time("/Date(-62135596800001)/") == "/Date(-62135596800001)/"
    assert v2_time("/Date(-86400000)/") == datetime(1969, 12, 31)


def test_a_value_is_found_down_its_path_and_an_unexpanded_one_is_nothing():
    row = {"Header": {"Number": "7"}, "Items": {"__deferred": {}}, "At": "/Date(0)/"}
    assert value_of(row, "Header/Number") == "7"
    assert value_of(row, "Header/None/Deeper") is None
    assert value_of(row, "Items") is None
    assert value_of(row, "At") == datetime(1970, 1, 1)


def test_the_filter_speaks_the_servers_version():
    assert since("At", "2026-01-05T06:00:00Z") == "At ge 2026-01-05T06:00:00Z"
    assert since("At", "/Date(1767592800123)/") == "At ge datetime'2026-01-05T06:00:00.123'"
    assert since("At", "/Date(1767592800000+0000)/") == "At ge datetimeoffset'2026-01-05T06:00:00.000Z'"
    assert quoted("o'race") == "'o''race'"


def test_an_error_says_what_the_server_said():
    assert error_text({"error": {"message": {"value": "no such entity"}}}) == "no such entity"
    assert error_text({"error": {"message": "no"}}) == "no"
    assert error_text("x") == ""
