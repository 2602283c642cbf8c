"""An answer as a file that other programs open: .vtu with every field, .glb as a coloured surface, .csv with curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import ConfigError
from didymos.formats import gltf, vtu
from didymos.numerics.fe import order, surface
from didymos.plant.part.solve import Answer

Array = NDArray[np.float64]


def write(answer: Answer, path: Path) -> None:
    """ConfigError for another ending, or when nothing can be coloured."""
    makers = {".vtu": as_vtu, ".glb": as_glb, ".csv": as_csv}
    if path.suffix.lower() not in makers:
        raise ConfigError(f"--out {path}: ends with {path.suffix or 'nothing'}. Allowed: {', '.join(makers)}. Rename it.")
    path.write_bytes(makers[path.suffix.lower()](answer))


def as_vtu(answer: Answer) -> bytes:
    """Vertex fields are carried to mid-side nodes as the mean of the nodes of their edge, face or element."""
    family, elements = order.family(answer.basis), order.elements(answer.basis)
    nodes = np.asarray(answer.basis.doflocs).T
    fields = {name: _three(field) for name, field in answer.fields.items()}
    fields |= {name: _on_nodes(field, elements, family, len(nodes)) for name, field in answer.vertex.items()}
    return vtu.vtu(nodes, elements, family, fields)


def as_glb(answer: Answer) -> bytes:
    if not answer.colour:
        raise ConfigError("--out: this analysis has no field to colour a surface with. Allowed: .vtu. Rename the file.")
    points, triangles, vertices = surface.triangles(answer.basis.mesh)
    field = answer.vertex.get(answer.colour, answer.fields.get(answer.colour))
    return gltf.glb(points, triangles, np.asarray(field)[vertices], answer.colour)


def as_csv(answer: Answer) -> bytes:
    """Every curve, a column for each quantity; curves of one analysis share their first column."""
    if not answer.curves:
        raise ConfigError("--out: this analysis has no curve over time or frequency. Allowed: .vtu, .glb. Rename the file.")
    first = next(iter(next(iter(answer.curves.values())).items()))
    columns = dict([first])
    for name, curve in answer.curves.items():
        columns |= {(key if name == "history" else f"{name}.{key}"): v for key, v in curve.items() if key != first[0]}
    lines = [",".join(columns), *(",".join(repr(float(x)) for x in row) for row in zip(*columns.values(), strict=True))]
    return ("\n".join(lines) + "\n").encode()


def _three(field: Array) -> Array:
    """Vectors of plane bodies get a third component."""
    if field.ndim == 2 and field.shape[1] == 2:
        return np.column_stack([field, np.zeros(len(field))])
    return field


def _on_nodes(field: Array, elements: NDArray[np.int64], family: str, count: int) -> Array:
    places = np.array(order.FAMILIES[family])
    corners = np.flatnonzero((np.abs(places - 0.5) > 0.25).all(axis=1))
    found = np.full(count, np.nan)
    value = field[elements[:, corners]]
    for column, place in enumerate(places):
        near = np.abs(places[corners] - place)
        mine = np.flatnonzero(near.max(axis=1) <= (0.0 if column in corners else 0.5))
        found[elements[:, column]] = value[:, mine].mean(axis=1)
    return found
