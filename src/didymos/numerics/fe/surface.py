"""The boundary of a body as flat triangles, turned outward, for pictures: vertices only, mid-side nodes left out.

A plane body is its own elements. Verified: tests/verify/test_fe_surface.py (closed, outward, area and volume of a cube).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skfem.mesh import Mesh

Array = NDArray[np.float64]


def triangles(mesh: Mesh) -> tuple[Array, NDArray[np.int64], NDArray[np.intp]]:
    """Points (n, 3), triangles (t, 3), and the mesh vertex of each point."""
    corners, middles = _flat(mesh) if mesh.dim() == 2 else _boundary(mesh)
    used, local = np.unique(corners, return_inverse=True)
    points = np.zeros((len(used), 3))
    points[:, : mesh.dim()] = np.asarray(mesh.p)[:, used].T
    return points, _outward(points, local.reshape(-1, 3), middles), used


def _flat(mesh: Mesh) -> tuple[NDArray[np.int64], Array | None]:
    t = np.asarray(mesh.t, np.int64).T
    return (t if t.shape[1] == 3 else np.concatenate([t[:, [0, 1, 2]], t[:, [0, 2, 3]]])), None


def _boundary(mesh: Any) -> tuple[NDArray[np.int64], Array]:
    """Corners of the triangles, and a point inside the body behind each."""
    facets = np.asarray(mesh.boundary_facets())
    corners = np.asarray(mesh.facets, np.int64)[:, facets].T
    inside = np.asarray(mesh.p)[:, np.asarray(mesh.t)[:, np.asarray(mesh.f2t)[0, facets]]].mean(axis=1).T
    if corners.shape[1] == 3:
        return corners, inside
    ring = _ring(np.asarray(mesh.p).T[corners])
    corners = np.take_along_axis(corners, ring, axis=1)
    return np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]), np.concatenate([inside, inside])


def _ring(p: Array) -> NDArray[np.intp]:
    """Order of the four corners (f, 4, 3) around their middle."""
    away = p - p.mean(axis=1, keepdims=True)
    first = away[:, 0] / np.linalg.norm(away[:, 0], axis=1, keepdims=True)
    normal = np.cross(away[:, 0], away[:, 1])
    flat = np.linalg.norm(normal, axis=1) < 1e-9 * np.linalg.norm(away, axis=2).max(axis=1) ** 2
    normal[flat] = np.cross(away[flat, 0], away[flat, 2])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    second = np.cross(normal, first)
    angle = np.arctan2(np.einsum("fcd,fd->fc", away, second), np.einsum("fcd,fd->fc", away, first))
    return np.argsort(angle, axis=1)


def _outward(points: Array, found: NDArray[np.intp], inside: Array | None) -> NDArray[np.int64]:
    p = points[found]
    normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    away = np.array([0.0, 0.0, 1.0]) if inside is None else p.mean(axis=1) - inside
    wrong = np.sum(normal * away, axis=1) < 0.0
    turned = found.astype(np.int64)
    turned[wrong] = turned[wrong][:, [0, 2, 1]]
    return turned
