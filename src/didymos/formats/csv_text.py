"""CSV as ERPs write it -> rows of text: encoding, delimiter and quotes found or declared; a row that cannot be read is named.

    text = decode(data, "orders.csv")              Decoded("...", "cp1252")
    rows = read_rows(data, "orders.csv")           [(line number, [field, ...]), ...] and [(line number, what is wrong)]

Encoding: a byte-order mark decides; else NUL bytes at every other place say UTF-16; else valid UTF-8 is UTF-8. Bytes that are not
UTF-8 make the file cp1252 (which Windows programs mean by "ANSI"), unless lines with proper UTF-8 umlauts are there too: then it is
UTF-8 and the other lines are refused by number. A declared encoding is never doubted; lines that do not fit it are refused too.
Delimiter: of ; , tab | the one that cuts most lines into as many fields as the header, and the header into most.
A quote that never closes costs its own line, not the rest of the file.

Verified: tests/formats/test_csv_text.py.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass

from didymos.core.errors import DataError

ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "latin-1")
DELIMITERS = (";", ",", "\t", "|")
MOST_BYTES = 256 << 20
LONGEST_RECORD = 50  # lines that one quoted field may span
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONE = re.compile(r"[\udc80-\udcff]")
_WRONG_UTF8 = "bytes that are not {encoding}"
_LINE_ENDS = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Decoded:
    """`text` holds a lone surrogate for each byte that does not fit `encoding`."""

    text: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The records with their first line's number, those that cannot be read, and how the file was read."""

    rows: list[tuple[int, list[str]]]
    bad: list[tuple[int, str]]
    encoding: str
    delimiter: str


def decode(data: bytes, where: str, encoding: str = "") -> Decoded:
    """DataError for a file that is too large or an encoding that nobody knows."""
    if len(data) > MOST_BYTES:
        raise DataError(f"{where}: {len(data)} bytes; at most {MOST_BYTES} are read. Split the file.")
    if encoding and encoding not in ENCODINGS:
        raise DataError(f"{where}: encoding {encoding!r}. Allowed: {', '.join(ENCODINGS)}. Correct `encoding` in [[erp]].")
    name = encoding or detect(data)
    if name.startswith("utf-16"):
        return Decoded(_utf16(data, name, where), name)
    return Decoded(data.decode(name, "surrogateescape"), name)


def detect(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    head = data[:4096]
    if len(head) >= 4 and head[1::2].count(0) > 0.3 * len(head[1::2]) and not head[::2].count(0):
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > 0.3 * len(head[::2]) and not head[1::2].count(0):
        return "utf-16-be"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "utf-8" if any(_proper_utf8(line) for line in data.split(b"\n")) else "cp1252"


def read_rows(data: bytes, where: str, encoding: str = "", delimiter: str = "") -> Rows:
    """Every record of the file, blank lines left out. See the head of this file for what is found and what is refused."""
    decoded = decode(data, where, encoding)
    lines = _LINE_ENDS.split(decoded.text)
    first = 0
    if lines and re.fullmatch(r"sep=[;,|\t]", lines[0], re.IGNORECASE):  # Excel's own hint
        delimiter, first = delimiter or lines[0][4], 1
    chosen = delimiter or _delimiter(lines[first:])
    rows: list[tuple[int, list[str]]] = []
    bad: list[tuple[int, str]] = []
    for number, record in _records(lines, first, chosen, bad):
        if _LONE.search(record):
            bad.append((number, _WRONG_UTF8.format(encoding=decoded.encoding)))
        elif record.strip():
            rows.append((number, _fields(record, chosen)))
    return Rows(rows, bad, decoded.encoding, chosen)


def _proper_utf8(line: bytes) -> bool:
    """A line with letters beyond ASCII, all of them proper UTF-8."""
    try:
        return not line.isascii() and bool(line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _utf16(data: bytes, name: str, where: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {error.start} is not {name}; the file was cut or damaged. Copy or export it anew."
        ) from error


def _delimiter(lines: list[str]) -> str:
    sample = [line for line in lines if line.strip()][:50]
    if not sample:
        return ";"

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(_fields(line, delimiter)) for line in sample]
        return (sum(w == widths[0] for w in widths) if widths[0] > 1 else 0), widths[0]

    return max(DELIMITERS, key=score)


def _records(lines: list[str], first: int, delimiter: str, bad: list[tuple[int, str]]):
    """(line number, record): lines joined while a quoted field is open."""
    at = first
    while at < len(lines):
        end = at + 1
        record = lines[at]
        while _is_open(record, delimiter) and end < len(lines) and end - at < LONGEST_RECORD:
            record += "\n" + lines[end]
            end += 1
        if _is_open(record, delimiter):
            bad.append((at + 1, "a quote that is never closed"))
            end = at + 1
        else:
            yield at + 1, record
        at = end


def _is_open(record: str, delimiter: str) -> bool:
    """Whether a quoted field is still open at the end. A quote opens only at the start of a field."""
    if '"' not in record:
        return False
    inside, fresh, i = False, True, 0
    while i < len(record):
        letter = record[i]
        if inside:
            if letter == '"' and record[i + 1 : i + 2] == '"':
                i += 1
            elif letter == '"':
                inside = False
        elif letter == '"' and fresh:
            inside = True
        fresh = not inside and letter == delimiter
        i += 1
    return inside


def _fields(record: str, delimiter: str) -> list[str]:
    if '"' not in record:
        return record.split(delimiter)
    csv.field_size_limit(MOST_BYTES)
    return next(csv.reader([record], delimiter=delimiter), [])
