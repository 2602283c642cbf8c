"""Small bodies that the finite-element tests share."""

from __future__ import annotations

import numpy as np

from didymos.numerics.fe import elastic, mesh
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.supports import Support

STEEL = Isotropic(210e9, 0.3, 7850.0, 12e-6)
DIM = {"plane_stress": 2, "plane_strain": 2, "axisymmetric": 2, "solid": 3}


def crooked(dim: int, n: int = 3):
    """A curved mesh: no element is a rectangle, sides bend."""

    def to_space(s):
        bend = 0.08 * np.sin(np.pi * s[0]) * np.sin(np.pi * s[1])
        x = np.stack([1.0 + s[0] + bend, 0.7 * s[1] - bend, *s[2:]])
        return x if dim == 2 else x + 0.06 * np.sin(np.pi * s[2]) * np.array([1.0, -1.0, 0.5])[:, None]

    return mesh.join([mesh.block((n,) * dim, to_space)])


def straight(dim: int, n: int = 3):
    """General parallelograms: affine elements, where quadratic fields are exact."""
    skew = np.eye(dim) + 0.2 * np.triu(np.ones((dim, dim)), 1)
    shift = np.array([1.0, 0.0, 0.0])[:dim, None]
    return mesh.join([mesh.block((n,) * dim, lambda s: skew @ s + shift)])


def body(kind: str, n: int = 3, serendipity: bool = False, material: Isotropic = STEEL):
    return elastic.body(crooked(DIM[kind], n), material, kind, serendipity)


def everywhere(body, displacement):
    """Supports that give the whole boundary this displacement, (dim, n) -> (dim, n)."""
    mesh_, basis = body.basis.mesh, body.basis
    nodes = basis.get_dofs(mesh_.boundary_facets()).all()
    values = displacement(body.nodes[:, nodes])
    return [Support(nodes, axis, values[axis]) for axis in range(body.kind.dim)]


def corner_supports(body):
    """Just enough to stop rigid motion of a solid or plane body without straining it: 3-2-1 (or 2-1) at three far nodes."""
    x = body.nodes
    first = int(np.argmin(x.sum(axis=0)))
    second = int(np.argmax(x[0] - x[1:].sum(axis=0)))
    held = [Support(np.array([first]), axis) for axis in range(body.kind.dim)]
    held += [Support(np.array([second]), axis) for axis in range(1, body.kind.dim)]
    if body.kind.dim == 3:
        held.append(Support(np.array([int(np.argmax(x[1] - x[0] - x[2]))]), 2))
    return held
