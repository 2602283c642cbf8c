"""Mesh of a part, and its named surfaces as predicates on points: all that a [[surface]] says must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfem.mesh import Mesh

from didymos.core.errors import ConfigError
from didymos.numerics.fe import cad, imported
from didymos.numerics.fe import mesh as meshes
from didymos.plant.part.file import Part, Row

Array = NDArray[np.float64]
Region = Callable[[Array], NDArray[np.bool_]]
REACH = 1e-6  # of the part's extent: how near a point on a surface lies to it


@dataclass(frozen=True, slots=True)
class Geometry:
    """`level` counts elements along a side, for orders of convergence; `said` is what the mesher tells."""

    mesh: Mesh
    level: float
    said: str


def geometry(part: Part, finer: float = 1.0) -> Geometry:
    """`finer` 2 halves the elements. ConfigError where a mesh file cannot be made finer."""
    row = part.mesh
    if row["box_m"] is not None:
        shape = [max(1, round(n * finer)) for n in row["elements"]]
        corner = np.zeros(len(shape)) if row["corner_m"] is None else np.array(row["corner_m"])
        lengths = np.array(row["box_m"])[:, None]
        return Geometry(meshes.join([meshes.block(shape, lambda s: corner[:, None] + s * lengths)]), float(shape[0]), "")
    if row["step"] is not None:
        size = row["size_m"] or (0.0 if finer == 1.0 else _default_size(part))
        how = cad.Meshing(size / finer, round(row["per_turn"] * finer), timeout_s=row["timeout_s"])
        found = cad.mesh_step(part.folder / row["step"], how)
        solids = f"{found.solids} solid{'s' * (found.solids > 1)}, {len(found.raw.elements)} tetrahedra"
        straight = f", {found.straightened} with straight sides where the CAD bends" if found.straightened else ""
        return Geometry(imported.solid(found.raw), finer, f"{found.mesher}: {solids} of at most {found.size_m:.3g} m{straight}")
    if finer != 1.0:
        raise ConfigError(f"{row['file']}: a mesh file cannot be made finer. Allowed with --converge: mesh.step or mesh.box_m.")
    from didymos.formats.mesh_files import read_mesh

    nodes, elements, family = read_mesh(part.folder / row["file"])
    return Geometry(imported.solid(imported.Raw(nodes * row["scale"], elements, family)), 1.0, f"{len(elements)} elements {family}")


def _default_size(part: Part) -> float:
    raise ConfigError("mesh: --converge needs size_m beside step, so that it can be halved. Add `size_m = …` to [mesh].")


def region(part: Part, mesh: Mesh, name: str) -> Region:
    """Predicate of the surface `name` on points (dim, ...)."""
    row = part.surfaces[name]
    reach = row["tolerance_m"] or REACH * float(np.ptp(mesh.p, axis=1).max())
    tests = list(_tests(part, row, reach))
    return lambda x: np.logical_and.reduce([test(x) for test in tests])


def _tests(part: Part, row: Row, reach: float) -> Any:
    axes = part.axes
    for axis in ("x", "y", "z", "r"):
        if row[axis] is not None:
            number, (low, high) = _axis(axes, axis, row["name"]), row[axis]
            yield lambda x, n=number, lo=low, hi=high: (x[n] >= lo - reach) & (x[n] <= hi + reach)
    if row["plane"] is not None:
        yield _plane(axes, row["plane"], row["name"], reach)
    if row["cylinder"] is not None:
        yield _cylinder(axes, row["cylinder"], row["name"], reach)


def _plane(axes: tuple[str, ...], plane: Row, name: str, reach: float) -> Region:
    if plane["axis"] is not None:
        number = _axis(axes, plane["axis"], name)
        return lambda x: np.abs(x[number] - plane["at"]) <= reach
    normal = None if plane["normal"] is None else np.array(plane["normal"])
    if normal is None or plane["through"] is None or len(normal) != len(axes) or not normal.any():
        raise ConfigError(f"surface {name!r}: a plane needs axis and at, or normal and through with {len(axes)} numbers each.")
    unit, through = normal / np.linalg.norm(normal), np.array(plane["through"])
    return lambda x: np.abs(np.tensordot(unit, x, 1) - unit @ through) <= reach


def _cylinder(axes: tuple[str, ...], cylinder: Row, name: str, reach: float) -> Region:
    if len(axes) == 3:
        number = _axis(axes, cylinder["axis"], name)
        across = [n for n in range(3) if n != number]
    else:
        across = [0, 1]
    a, b = cylinder["through"]
    return lambda x: np.abs(np.hypot(x[across[0]] - a, x[across[1]] - b) - cylinder["radius"]) <= reach


def _axis(axes: tuple[str, ...], axis: str, name: str) -> int:
    if axis not in axes:
        raise ConfigError(f"surface {name!r}: axis {axis!r}. Allowed for this kind: {', '.join(axes)}. Correct the surface.")
    return axes.index(axis)
