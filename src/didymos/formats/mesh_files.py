"""Solid elements of a mesh file: Abaqus and CalculiX decks (.inp), gmsh's ASCII .msh of versions 2.2 and 4.1.

    read_mesh(path) -> nodes (n, 3), elements (e, k) with nodes from 0, family        in the file's own unit

Only volume elements of one family are taken; lines and surfaces beside them are left out. Elements in the common order (Abaqus,
VTK, meshio); gmsh's last two mid-side nodes of a ten-node tetrahedron, and its 20-node order, are put right.
Verified: tests/formats/test_mesh_files.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError

Array = NDArray[np.float64]
Found = tuple[Array, NDArray[np.int64], str]
ABAQUS = {
    **dict.fromkeys(("C3D4", "DC3D4"), ("tet4", 4)),
    **dict.fromkeys(("C3D10", "C3D10M", "DC3D10"), ("tet10", 10)),
    **dict.fromkeys(("C3D8", "C3D8R", "C3D8I", "DC3D8"), ("hex8", 8)),
    **dict.fromkeys(("C3D20", "C3D20R", "DC3D20"), ("hex20", 20)),
}
GMSH = {4: ("tet4", 4), 11: ("tet10", 10), 5: ("hex8", 8), 17: ("hex20", 20)}
GMSH_ORDER = {
    "tet10": [0, 1, 2, 3, 4, 5, 6, 7, 9, 8],
    "hex20": [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15],
}


def read_mesh(path: Path) -> Found:
    """DataError for a file that is absent, of another kind, damaged, or without one family of solid elements."""
    readers = {".inp": _abaqus, ".msh": _gmsh}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path.name}: a mesh file ends with {' or '.join(readers)}. Convert it, or give a STEP file.")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Give the path of a mesh file.") from error
    try:
        numbers, places, groups = readers[path.suffix.lower()](text)
    except (ValueError, IndexError) as error:
        raise DataError(f"{path.name}: damaged or cut off: {error}. Export it again as ASCII.") from error
    if len(groups) != 1:
        known = ", ".join(sorted({family for family, _ in (*ABAQUS.values(), *GMSH.values())}))
        seen = " and ".join(groups) or "none"
        raise DataError(
            f"{path.name}: solid elements: {seen}. Allowed: exactly one of {known}. Export volume elements of one kind."
        )
    family, rows = next(iter(groups.items()))
    return _from_zero(path, np.array(numbers, np.int64), np.array(places, float).reshape(-1, 3), np.array(rows, np.int64), family)


def _from_zero(path: Path, numbers: NDArray[np.int64], places: Array, rows: NDArray[np.int64], family: str) -> Found:
    order = np.argsort(numbers)
    at = np.minimum(np.searchsorted(numbers[order], rows), len(numbers) - 1)
    if len(numbers) == 0 or (numbers[order][at] != rows).any():
        raise DataError(f"{path.name}: elements name nodes that the file does not define. Export nodes and elements together.")
    return places, order[at], family


def _abaqus(text: str) -> tuple[list[int], list[list[float]], dict[str, list[list[int]]]]:
    numbers: list[int] = []
    places: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    kind, family, width, words = "", "", 0, list[str]()
    for line in text.splitlines():
        if line.startswith("**") or not line.strip():
            continue
        if line.startswith("*"):
            head = line.upper().replace(" ", "").split(",")
            kind, words = head[0], []
            element = next((part[5:] for part in head if part.startswith("TYPE=")), "")
            family, width = ABAQUS.get(element, ("", 0))
        elif kind == "*NODE":
            parts = line.split(",")
            numbers.append(int(parts[0]))
            places.append([float(part) for part in parts[1:4]])
            if len(places[-1]) != 3:
                raise ValueError(f"node {parts[0]} has {len(places[-1])} coordinates")
        elif kind == "*ELEMENT" and family:
            words += [word for word in line.replace(" ", "").split(",") if word]
            if len(words) > width:
                groups.setdefault(family, []).append([int(word) for word in words[1 : width + 1]])
                words = []
    return numbers, places, groups


def _gmsh(text: str) -> tuple[list[int], list[list[float]], dict[str, list[list[int]]]]:
    parts = _sections(text)
    version, binary = parts["MeshFormat"][0].split()[:2]
    if binary != "0":
        raise ValueError("binary .msh; save it as ASCII (Mesh.Binary = 0)")
    if version not in ("2.2", "4.1"):
        raise ValueError(f"version {version}; save it as 4.1 or 2.2")
    return (_gmsh_2 if version == "2.2" else _gmsh_4)(parts["Nodes"], parts["Elements"])


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("$End"):
            name = ""
        elif line.startswith("$"):
            name = line[1:].strip()
            found[name] = []
        elif name:
            found[name].append(line)
    missing = [name for name in ("MeshFormat", "Nodes", "Elements") if not found.get(name)]
    if missing:
        raise ValueError(f"${missing[0]} is missing")
    return found


def _gmsh_2(nodes: list[str], elements: list[str]) -> tuple[list[int], list[list[float]], dict[str, list[list[int]]]]:
    rows = [line.split() for line in nodes[1 : 1 + int(nodes[0])]]
    groups: dict[str, list[list[int]]] = {}
    for line in elements[1 : 1 + int(elements[0])]:
        words = [int(word) for word in line.split()]
        if words[1] in GMSH:
            _taken(groups, words[1], words[3 + words[2] :])
    _whole(len(rows), int(nodes[0]), "nodes")
    _whole(len(elements) - 1, int(elements[0]), "elements")
    return [int(row[0]) for row in rows], [[float(x) for x in row[1:4]] for row in rows], groups


def _gmsh_4(nodes: list[str], elements: list[str]) -> tuple[list[int], list[list[float]], dict[str, list[list[int]]]]:
    numbers: list[int] = []
    places: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    blocks, total = map(int, nodes[0].split()[:2])
    line = 1
    for _ in range(blocks):
        count = int(nodes[line].split()[3])
        numbers += [int(word) for word in nodes[line + 1 : line + 1 + count]]
        places += [[float(x) for x in row.split()[:3]] for row in nodes[line + 1 + count : line + 1 + 2 * count]]
        line += 1 + 2 * count
    _whole(len(places), total, "nodes")
    blocks, line = int(elements[0].split()[0]), 1
    for _ in range(blocks):
        _, _, kind, count = map(int, elements[line].split()[:4])
        rows = elements[line + 1 : line + 1 + count]
        _whole(len(rows), count, "elements")
        if kind in GMSH:
            for row in rows:
                _taken(groups, kind, [int(word) for word in row.split()[1:]])
        line += 1 + count
    return numbers, places, groups


def _taken(groups: dict[str, list[list[int]]], kind: int, nodes: list[int]) -> None:
    family, width = GMSH[kind]
    _whole(len(nodes), width, f"nodes of a {family}")
    order = GMSH_ORDER.get(family)
    groups.setdefault(family, []).append([nodes[k] for k in order] if order else nodes)


def _whole(found: int, said: int, what: str) -> None:
    if found != said:
        raise ValueError(f"{found} {what} where {said} are announced")
