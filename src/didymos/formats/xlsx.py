"""XLSX (ISO/IEC 29500, SpreadsheetML) -> rows of plain values. A small reader on `zip_safe` and `xml_safe`; nothing is evaluated.

    rows = read_rows(data, "orders.xlsx")                 the first visible sheet
    rows = read_rows(data, "orders.xlsx", "Orders")       [(row number, [cell, ...]), ...]; a missing cell is None

A cell is text, float, int, bool, datetime (the cell's style says date or time), or `CellError` (#N/A, #REF!, ...). A formula gives
the value that was stored with it; one that was never calculated gives None.

Dates are serial numbers. System 1900 counts 1900-01-01 as 1 and has a 29 February 1900 that never was (serial 60), so that serials
from 61 on count from 1899-12-30 and those up to 59 from 1899-12-31; serial 60 is no date and comes as CellError. System 1904 counts
1904-01-01 as 0 and has no such day. Fractions are rounded to the millisecond: Excel keeps no more.

Verified: tests/formats/test_xlsx.py, against openpyxl and xlsxwriter where they are installed.
"""

from __future__ import annotations

import math
import posixpath
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from didymos.core.errors import DataError
from didymos.formats.xml_safe import local, parse
from didymos.formats.zip_safe import Archive, open_zip

MOST_COLUMNS, MOST_ROWS = 16_384, 1_048_576  # of the format itself
_MILLISECONDS = 86_400_000
_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)}  # ISO/IEC 29500-1, 18.8.30
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class CellError:
    """A cell that holds no value: #N/A, or a serial that is no day."""

    text: str


Cell = str | float | int | bool | datetime | CellError | None
Row = tuple[int, list[Cell]]


def read_rows(data: bytes, where: str, sheet: str = "") -> list[Row]:
    """Rows that hold anything, in order, numbered as Excel numbers them. DataError for what is no workbook or has no such sheet."""
    if data[:8] == bytes.fromhex("d0cf11e0a1b11ae1"):
        raise DataError(f"{where}: an old .xls or a password-protected workbook. Save it as .xlsx without a password.")
    archive = open_zip(data, where)
    book = _path_of_book(archive, where)
    root = parse(archive.read(book), f"{where}/{book}")
    path = _path_of_sheet(archive, root, book, where, sheet)
    shared = _shared(archive, where)
    dates = _date_styles(archive, where)
    since_1904 = any(e.get("date1904") in ("1", "true") for e in root.iter() if local(e) == "workbookPr")
    return _rows(parse(archive.read(path), f"{where}/{path}"), where, shared, dates, since_1904)


def serial_date(serial: float, since_1904: bool = False) -> datetime | CellError:
    """A serial number -> local wall time, no zone. CellError for 29 February 1900 and what is before or beyond the calendar."""
    if not math.isfinite(serial) or serial < 0 or serial >= 2_958_466:
        return CellError(f"{serial:g} is no day of Excel's calendar")
    if since_1904:
        epoch = datetime(1904, 1, 1)
    elif serial < 1:
        return CellError(f"{serial:g} is a time of day without a day")
    elif 60 <= serial < 61:
        return CellError("29 February 1900, a day that never was")
    else:
        epoch = datetime(1899, 12, 30) if serial >= 61 else datetime(1899, 12, 31)
    try:
        return epoch + timedelta(milliseconds=round(serial * _MILLISECONDS))
    except OverflowError:
        return CellError(f"{serial:g} is no day of the calendar")


def is_date_format(code: str) -> bool:
    """Whether a number format shows a date or a time: y m d h s outside quotes, brackets and escapes. [h]:mm is a duration: no."""
    if _ELAPSED.search(code):
        return False
    plain = _NOT_CODE.sub("", code.split(";")[0])
    return bool(re.search(r"[ymdhs]", plain, re.IGNORECASE)) and not re.search(r"general", plain, re.IGNORECASE)


def _path_of_book(archive: Archive, where: str) -> str:
    for e in parse(archive.read("_rels/.rels"), where).iter():
        if local(e) == "Relationship" and e.get("Type", "").endswith("/officeDocument"):
            return _resolved("", e.get("Target", ""))
    raise DataError(f"{where}: it names no workbook. Save it as .xlsx.")


def _path_of_sheet(archive: Archive, root: Element, book: str, where: str, wanted: str) -> str:
    folder, name = posixpath.split(book)
    links = parse(archive.read(posixpath.join(folder, "_rels", f"{name}.rels")), where)
    targets = {e.get("Id", ""): e for e in links.iter() if local(e) == "Relationship"}
    sheets = [e for e in root.iter() if local(e) == "sheet"]
    if wanted:
        chosen = [e for e in sheets if e.get("name", "").strip().casefold() == wanted.strip().casefold()]
    else:
        chosen = [e for e in sheets if e.get("state", "visible") == "visible"]
    for e in chosen[:1]:
        id = next((value for key, value in e.attrib.items() if key.rpartition("}")[2] == "id"), "")
        if id in targets and targets[id].get("TargetMode") != "External":
            return _resolved(folder, targets[id].get("Target", ""))
    names = ", ".join(e.get("name", "") for e in sheets) or "none"
    raise DataError(
        f"{where}: sheet {wanted or 'to be seen'!r} is not in the workbook; it has {names}. Set `sheet` in [[erp.entity]]."
    )


def _resolved(folder: str, target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))


def _shared(archive: Archive, where: str) -> list[str]:
    path = "xl/sharedStrings.xml"
    if path not in archive:
        return []
    return [_text_of(e) for e in parse(archive.read(path), f"{where}/{path}") if local(e) == "si"]


def _text_of(item: Element) -> str:
    """Runs put together; phonetic hints left out; _x000D_ turned back."""
    parts: list[str] = []
    for child in item:
        if local(child) == "t":
            parts.append(child.text or "")
        elif local(child) == "r":
            parts += [t.text or "" for t in child if local(t) == "t"]
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), "".join(parts))


def _date_styles(archive: Archive, where: str) -> list[bool]:
    """Of each cell style: does it show a date?"""
    path = "xl/styles.xml"
    if path not in archive:
        return []
    root = parse(archive.read(path), f"{where}/{path}")
    own = {e.get("numFmtId", ""): e.get("formatCode", "") for e in root.iter() if local(e) == "numFmt"}
    found: list[bool] = []
    for cells in (e for e in root if local(e) == "cellXfs"):
        for xf in cells:
            id = xf.get("numFmtId", "0")
            found.append(is_date_format(own[id]) if id in own else id.isdigit() and int(id) in _BUILT_IN_DATES)
    return found


def _rows(root: Element, where: str, shared: list[str], dates: list[bool], since_1904: bool) -> list[Row]:
    rows: list[Row] = []
    number = 0
    for row in (r for data in root if local(data) == "sheetData" for r in data if local(r) == "row"):
        given = row.get("r", "")
        number = int(given) if given.isdigit() else number + 1
        if number > MOST_ROWS:
            raise DataError(f"{where}: row {number}; a sheet has at most {MOST_ROWS}. Save the file anew.")
        cells: dict[int, Cell] = {}
        place = -1
        for c in (c for c in row if local(c) == "c"):
            place = _column(c.get("r", ""), place, where)
            cells[place] = _value(c, shared, dates, since_1904)
        if any(value not in (None, "") for value in cells.values()):
            rows.append((number, [cells.get(i) for i in range(max(cells) + 1)]))
    return rows


def _column(reference: str, before: int, where: str) -> int:
    """'C7' -> 2; a cell without reference follows the one before."""
    if not reference:
        return before + 1
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise DataError(f"{where}: cell reference {reference[:20]!r}; letters and a row number are allowed. Save the file anew.")
    place = 0
    for letter in found[1]:
        place = place * 26 + ord(letter) - 64
    if place > MOST_COLUMNS:
        raise DataError(f"{where}: cell {reference}; a sheet has at most {MOST_COLUMNS} columns. Save the file anew.")
    return place - 1


def _value(c: Element, shared: list[str], dates: list[bool], since_1904: bool) -> Cell:
    kind, style = c.get("t", "n"), c.get("s", "0")
    parts = {local(e): e for e in c}
    if kind == "inlineStr":
        return _text_of(parts["is"]) if "is" in parts else None
    text = (parts["v"].text or "") if "v" in parts else ""
    if text == "":
        return "" if kind == "str" and "v" in parts else None
    if kind == "s":
        return shared[int(text)] if text.isdigit() and int(text) < len(shared) else CellError(f"shared text {text[:20]} is missing")
    if kind == "str":
        return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)
    if kind == "b":
        return text.strip() in ("1", "true")
    if kind == "e":
        return CellError(text)
    if kind == "d":
        return _iso(text)
    is_date = style.isdigit() and int(style) < len(dates) and dates[int(style)]
    return _number(text, is_date, since_1904)


def _iso(text: str) -> Cell:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return CellError(f"date {text[:40]!r}")


def _number(text: str, is_date: bool, since_1904: bool) -> Cell:
    try:
        value = float(text)
    except ValueError:
        return CellError(f"number {text[:40]!r}")
    if is_date:
        return serial_date(value, since_1904)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
