"""Which line of a TOML text a key stands on, so that a mistake can be pointed at.

`lines("[a]\\nb = 1")` -> {("a",): 1, ("a", "b"): 2}. Elements of arrays are numbered: ("asset", 0, "tag", 2, "unit"), whether they
are written as [[asset.tag]] or as one inline table a line. Other values over several lines stand on the line they begin.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
_ROWS = re.compile(r"\s*[A-Za-z0-9_-]+\s*=\s*\[\s*(#.*)?$")
_ROW = re.compile(r"\s*\{")
_ROW_KEY = re.compile(r"[{,]\s*([A-Za-z0-9_-]+)\s*=")


def lines(text: str) -> dict[Path, int]:
    """Path -> line number, 1 for the first."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    here: Path = ()
    rows: Path | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if rows is not None and _ROW.match(line):
            row = _open_row(rows, counts)
            found[row] = number
            for key in _ROW_KEY.findall(line):
                found[(*row, key)] = number
        elif table := _TABLE.match(line):
            rows, here = None, _open(table.group(2).split("."), table.group(1) == "[[", counts)
            found[here] = number
        elif key := _KEY.match(line):
            found.setdefault((*here, key.group(1)), number)
            rows = (*here, key.group(1)) if _ROWS.match(line) else None
    return found


def _open(names: list[str], is_array: bool, counts: dict[Path, int]) -> Path:
    """Path of the table just opened; parents that are arrays stand for their newest element."""
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, names[-1])
    return _open_row(path, counts) if is_array else path


def _open_row(path: Path, counts: dict[Path, int]) -> Path:
    counts[path] = counts.get(path, 0) + 1
    return (*path, counts[path] - 1)
