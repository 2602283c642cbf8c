"""CSV bytes as ERPs write them. Expected fields are the texts encoded; each refusal names its line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didymos.core.errors import DataError
from didymos.formats.csv_text import detect, read_rows

TEXT = 'Auftrag;Werkstück\n1;"Gehäuse; groß"\n2;Ölpumpe\n'
ROWS = [(1, ["Auftrag", "Werkstück"]), (2, ["1", "Gehäuse; groß"]), (3, ["2", "Ölpumpe"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_each_encoding_and_line_end_gives_the_same_rows(encoding, ends):
    found = read_rows(TEXT.replace("\n", ends).encode(encoding), "f.csv")
    assert found.rows == ROWS
    assert not found.bad


def test_plain_ascii_utf16_without_a_mark_is_found_by_its_nuls():
    assert detect("number;asset\n1;sp-01\n".encode("utf-16-le")) == "utf-16-le"
    assert detect("number;asset\n1;sp-01\n".encode("utf-16-be")) == "utf-16-be"


def test_a_utf8_file_with_one_cp1252_line_refuses_that_line_by_number():
    data = "a;b\n1;Gehäuse\n".encode() + "2;Gehäuse\n".encode("cp1252") + b"3;Welle\n"
    found = read_rows(data, "f.csv")
    assert [row for _, row in found.rows] == [["a", "b"], ["1", "Gehäuse"], ["3", "Welle"]]
    assert found.bad == [(3, "bytes that are not utf-8")]


def test_a_declared_encoding_is_never_doubted():
    found = read_rows("a;b\n1;ä\n".encode("cp1252"), "f.csv", "utf-8")
    assert found.bad == [(2, "bytes that are not utf-8")]
    with pytest.raises(DataError, match="encoding 'klingon'"):
        read_rows(b"a", "f.csv", "klingon")


def test_a_cut_utf16_file_is_refused_whole():
    with pytest.raises(DataError, match="cut or damaged"):
        read_rows("a;b\n1;2".encode("utf-16")[:-1], "f.csv")


def test_a_quote_that_never_closes_costs_its_own_line_only():
    found = read_rows(b'a;b\n1;"open\n2;x\n3;y\n', "f.csv")
    assert [row for _, row in found.rows] == [["a", "b"], ["2", "x"], ["3", "y"]]
    assert found.bad == [(2, "a quote that is never closed")]


def test_a_quote_inside_a_field_and_a_field_over_two_lines_are_text():
    found = read_rows(b'a;b\n1;5" pipe\n2;"two\nlines ""quoted"""\n3;z\n', "f.csv")
    assert found.rows[1:] == [(2, ["1", '5" pipe']), (3, ["2", 'two\nlines "quoted"']), (5, ["3", "z"])]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_even_where_decimal_commas_abound(delimiter):
    lines = [["number", "quantity", "note"], ["1", "2", "a"], ["2", "3", "b"]]
    data = "\n".join(delimiter.join(line) for line in lines).encode()
    assert read_rows(data, "f.csv").delimiter == delimiter
    assert read_rows(b"a;b;c\n1;1,5;2,5\n2;2,5;3,5\n", "f.csv").delimiter == ";"


def test_excels_own_hint_is_taken_and_is_no_row():
    found = read_rows(b"sep=|\na|b\n1|2\n", "f.csv")
    assert found.rows == [(2, ["a", "b"]), (3, ["1", "2"])]


def test_an_empty_file_has_no_rows():
    assert read_rows(b"", "f.csv").rows == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")),
            min_size=2,
            max_size=3,
        )
    )
)
def test_what_pythons_writer_wrote_is_read_back(rows):
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    found = read_rows(out.getvalue().encode("utf-8-sig"), "f.csv", "utf-8-sig", ";")
    assert [row for _, row in found.rows][1:] == rows
