"""Which line of a TOML text a key stands on, so that a mistake can be pointed at.

`lines("[a]\\nb = 1")` -> {("a",): 1, ("a", "b"): 2}. Tables in arrays are numbered: ("asset", 0, "tag", 2, "unit").
Keys inside inline tables and multi-line values share the line on which the value begins.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


def lines(text: str) -> dict[Path, int]:
    """Path -> line number, 1 for the first."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    here: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            here = _open(table.group(2).split("."), table.group(1) == "[[", counts)
            found[here] = number
        elif key := _KEY.match(line):
            found.setdefault((*here, key.group(1)), number)
    return found


def _open(names: list[str], is_array: bool, counts: dict[Path, int]) -> Path:
    """Path of the table just opened; parents that are arrays stand for their newest element."""
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, names[-1])
    if is_array:
        counts[path] = counts.get(path, 0) + 1
        return (*path, counts[path] - 1)
    return path
