"""Header and lines of a CSV or XLSX file -> raw rows, and what is wrong with the table itself.

Columns are found by name, whatever their order, case and surrounding blanks. A column that the plant file maps and the header
lacks is told once, by name; when it is part of the key, or the change time, no row of the file can be used.

Verified: tests/erp/test_drop.py.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from didymos.core.errors import ConfigError, DataError
from didymos.data.erp.rows import BadRow, EntityMap, Raw, Row, checked
from didymos.formats import csv_text, xlsx

Read = tuple[tuple[Row, ...], tuple[BadRow, ...]]
Lines = list[tuple[int, list[Any]]]


def read_csv(data: bytes, file: str, m: EntityMap, options: Mapping[str, Any], source: str) -> Read:
    try:
        found = csv_text.read_rows(data, file, str(options.get("encoding", "")), str(options.get("delimiter", "")))
    except DataError as error:
        return (), (_whole_file(source, file, error),)
    rows, bad = _table(list(found.rows), file, m, _header(options), source, True)
    torn = tuple(
        BadRow(source, file, str(n), "", why, "a record in the file's encoding, with its quotes closed") for n, why in found.bad
    )
    return rows, (*torn, *bad)


def read_xlsx(data: bytes, file: str, m: EntityMap, options: Mapping[str, Any], source: str) -> Read:
    try:
        found = xlsx.read_rows(data, file, str(options.get("sheet", "")))
    except DataError as error:
        return (), (_whole_file(source, file, error),)
    return _table(list(found), file, m, _header(options), source, False)


def _header(options: Mapping[str, Any]) -> int:
    given = options.get("header_row", 1)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ConfigError(f"erp: header_row = {given!r}; the number of the line that names the columns is allowed. Correct it.")
    return given


def _whole_file(source: str, file: str, error: DataError) -> BadRow:
    said = str(error).removeprefix(f"{file}: ").removeprefix(f"{file}/")
    return BadRow(source, file, "", "", said.split(". Allowed: ")[0].rstrip("."), "a file that can be read whole")


def _table(lines: Lines, file: str, m: EntityMap, header_row: int, source: str, ragged_is_bad: bool) -> Read:
    lines = [line for line in lines if line[0] >= header_row]
    if not lines:
        return (), (BadRow(source, file, "", "", "no header", "a line of column names, then rows"),)
    (number, titles), *rest = lines
    header = [_name(title) for title in titles]
    places, bad, usable = _places(header, m, source, file, number)
    if not usable:
        return (), tuple(bad)
    raws: list[Raw] = []
    for number, cells in rest:
        if ragged_is_bad and (len(cells) < len(header) or any(str(cell).strip() for cell in cells[len(header) :])):
            allowed = f"the header's {len(header)}; quote a field that holds the delimiter"
            bad.append(BadRow(source, file, str(number), "", f"{len(cells)} fields", allowed))
            continue
        values = {column: cells[i] if i < len(cells) else None for column, i in places.items()}
        if any(value not in (None, "") for value in values.values()):
            raws.append(Raw(str(number), values))
    rows, refused = checked(m, raws, source, file)
    return rows, (*bad, *refused)


def _name(title: Any) -> str:
    return unicodedata.normalize("NFC", str(title or "")).strip().strip("\ufeff").casefold()


def _places(header: list[str], m: EntityMap, source: str, file: str, number: int) -> tuple[dict[str, int], list[BadRow], bool]:
    """mapped column -> place in the line; what is missing or there twice; and whether rows can be read at all."""
    needed = {m.columns[f] for f in m.entity.key if f in m.columns} | ({m.changed} if m.changed else set())
    places: dict[str, int] = {}
    bad: list[BadRow] = []
    usable = True
    for column in dict.fromkeys([*m.columns.values(), *needed]):
        name = _name(column)
        count = header.count(name)
        if count == 1:
            places[column] = header.index(name)
            continue
        if count == 0 and not m.strict and column not in needed:
            continue
        given = f"the header has it {count} times" if count else f"the header has {', '.join(header)[:200]}"
        bad.append(BadRow(source, file, str(number), column, given, "each mapped column once; correct the export or `columns`"))
        usable = usable and column not in needed
    return places, bad, usable
