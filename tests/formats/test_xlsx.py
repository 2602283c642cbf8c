"""Workbooks: written by hand for what attacks and what is odd, by openpyxl and xlsxwriter, where they are, for what is usual.

Serial dates: 1 = 1900-01-01, 59 = 1900-02-28, 60 = the day that never was, 61 = 1900-03-01, 46027 = 2026-01-05 (Excel); 0 =
1904-01-01 and 44565 = 2026-01-05 in the 1904 system (ISO/IEC 29500-1, 18.17.4; 1462 days between the two).
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pytest

from didymos.core.errors import DataError
from didymos.formats.xlsx import CellError, is_date_format, read_rows, serial_date
from didymos.formats.zip_safe import Limits, open_zip
from tests.erp.rigs import workbook

DATES = '<numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/></numFmts>'
DATES += '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs>'


@pytest.mark.parametrize(
    ("serial", "day"),
    [
        (1, datetime(1900, 1, 1)),
        (59, datetime(1900, 2, 28)),
        (61, datetime(1900, 3, 1)),
        (46027, datetime(2026, 1, 5)),
        (46027.604166666664, datetime(2026, 1, 5, 14, 30)),
    ],
)
def test_a_serial_is_its_day_in_the_1900_system(serial, day):
    assert serial_date(serial) == day


def test_the_day_that_never_was_and_what_is_no_day_are_errors():
    for serial in (60, 60.5, 0.5, -1, 2_958_466, float("nan"), float("inf")):
        assert isinstance(serial_date(serial), CellError)


def test_the_1904_system_has_no_leap_year_bug():
    assert serial_date(0, True) == datetime(1904, 1, 1)
    assert serial_date(60, True) == datetime(1904, 3, 1)
    assert serial_date(44565, True) == datetime(2026, 1, 5)


@pytest.mark.parametrize(
    ("code", "is_date"),
    [
        ("dd.mm.yyyy", True),
        ("[$-407]d. mmmm yyyy", True),
        ("h:mm", True),
        ("0.00", False),
        ('0 "days"', False),
        ("[h]:mm", False),
        ("General", False),
        ("#,##0.00 [$EUR]", False),
        ("[Red]0", False),
        ("@", False),
    ],
)
def test_a_format_that_shows_a_date_is_told_from_one_that_does_not(code, is_date):
    assert is_date_format(code) is is_date


@pytest.mark.parametrize(("date1904", "day"), [(False, datetime(2026, 1, 5)), (True, datetime(2030, 1, 6))])
def test_a_cell_is_a_date_by_its_style_in_the_workbooks_system(date1904, day):
    cells = '<row r="3"><c r="A3"><v>46027</v></c><c r="C3" s="1"><v>46027</v></c></row>'
    assert read_rows(workbook([], cells, DATES, date1904), "f.xlsx") == [(3, [46027, None, day])]


def test_errors_formulas_booleans_and_escapes_are_what_they_are():
    cells = (
        '<row><c t="e"><v>#N/A</v></c><c t="b"><v>1</v></c><c t="str"><f>A1</f><v>a_x000D_b</v></c><c><f>1+1</f></c>'
        '<c t="s"><v>9</v></c><c><v>1.5</v></c><c t="d"><v>2026-01-05T06:00:00</v></c></row>'
    )
    ((_, row),) = read_rows(workbook([], cells), "f.xlsx")
    assert row == [CellError("#N/A"), True, "a\rb", None, CellError("shared text 9 is missing"), 1.5, datetime(2026, 1, 5, 6)]


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a ZIP"),
        (b"PK\x03\x04garbage", "not a ZIP"),
        (workbook([["a"]])[:-30], "not a ZIP"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"0" * 100, "old .xls"),
        (packed(x=b"y"), "holds no _rels/.rels"),
        (packed(**{"../evil": b"x"}), "leads out"),
        (packed(**{"/abs": b"x"}), "leads out"),
        (packed(**{"C:evil": b"x"}), "leads out"),
        (packed(bomb=b"\0" * (8 << 20)), ":1"),
        (workbook([], '<row r="1048577"><c><v>1</v></c></row>'), "at most 1048576"),
        (workbook([], '<row r="1"><c r="XFE1"><v>1</v></c></row>'), "at most 16384 columns"),
        (workbook([], '<row r="1"><c r="1A"><v>1</v></c></row>'), "cell reference"),
    ],
)
def test_a_file_that_attacks_or_is_damaged_is_refused_by_name(data, why):
    with pytest.raises(DataError, match=why) as refusal:
        read_rows(data, "f.xlsx")
    assert "f.xlsx" in str(refusal.value)


def test_a_workbook_with_an_entity_is_refused():
    data = workbook([["a"]])
    bad = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            new.writestr(name, b'<!DOCTYPE a [<!ENTITY x "y">]>' + body if name.endswith("sheet1.xml") else body)
    with pytest.raises(DataError, match="document type declaration"):
        read_rows(bad.getvalue(), "f.xlsx")


def test_a_bomb_that_lies_about_its_size_is_stopped_while_unpacking():
    data = bytearray(packed(bomb=b"\0" * 100_000))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"damaged|more than"):
        open_zip(bytes(data), "f.zip", Limits(member_bytes=50_000)).read("bomb")
    many = packed(**{f"m{i}": b"x" for i in range(20)})
    with pytest.raises(DataError, match="20 members"):
        open_zip(many, "f.zip", Limits(members=10))
    with pytest.raises(DataError, match="more than 50000"):
        open_zip(packed(bomb=b"\0" * 100_000), "f.zip", Limits(member_bytes=50_000)).read("bomb")


def test_a_sheet_is_found_by_name_and_its_absence_says_which_there_are():
    assert read_rows(workbook([["a"]], sheet="Aufträge"), "f.xlsx", "aufträge") == [(1, ["a"])]
    with pytest.raises(DataError, match="it has Aufträge"):
        read_rows(workbook([["a"]], sheet="Aufträge"), "f.xlsx", "Orders")


ROWS = [
    ["Nr", "Menge", "Datum", "Text"],
    [4711, 1.25, datetime(2026, 1, 5, 14, 30), 'Größe <&> 5"'],
    [None, -3, datetime(1900, 3, 1), "a\nb"],
]


@pytest.mark.parametrize("epoch1904", [False, True])
def test_a_workbook_of_openpyxl_reads_back(epoch1904):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, a peer for workbooks, is not installed")
    book = openpyxl.Workbook()
    if epoch1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    hidden = book.create_sheet("hidden", 0)
    hidden.sheet_state = "hidden"
    hidden.append(["no"])
    sheet = book["Sheet"]
    rows = ROWS[:2] if epoch1904 else ROWS
    for row in rows:
        sheet.append(row)
    book.save(out := io.BytesIO())
    assert read_rows(out.getvalue(), "f.xlsx") == list(enumerate(rows, 1))


@pytest.mark.parametrize("epoch1904", [False, True])
def test_a_workbook_of_xlsxwriter_reads_back(epoch1904):
    xlsxwriter = pytest.importorskip("xlsxwriter", reason="xlsxwriter, a peer for workbooks, is not installed")
    out = io.BytesIO()
    rows = ROWS[:2] if epoch1904 else ROWS
    with xlsxwriter.Workbook(out, {"default_date_format": "dd.mm.yyyy hh:mm", "date_1904": epoch1904}) as book:
        sheet = book.add_worksheet("Data")
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                if value is not None:
                    sheet.write(i, j, value)
    assert read_rows(out.getvalue(), "f.xlsx", "data") == list(enumerate(rows, 1))
