"""Boundary triangles: closed, outward, with the area and volume of the body."""

import numpy as np
import pytest
from skfem import MeshHex1, MeshTet1

from didymos.numerics.fe import mesh, surface
from tests.verify.test_fe_assembly import tets

CUBES = {
    "tet4": lambda: MeshTet1().refined(2),
    "tet10": lambda: type(tets()).from_mesh(tets(False)),
    "hex8": lambda: MeshHex1().refined(2),
    "hex27": lambda: mesh.box((2, 3, 2), (1.0, 1.0, 1.0)),
}


@pytest.mark.parametrize("name", CUBES)
def test_a_cube_s_surface_is_closed_and_turned_outward(name):
    body = CUBES[name]()
    points, found, vertices = surface.triangles(body)
    assert np.allclose(points, body.p[:, vertices].T)
    a, b, c = (points[found[:, k]] for k in range(3))
    assert np.sum(np.linalg.norm(np.cross(b - a, c - a), axis=1)) / 2.0 == pytest.approx(6.0)
    assert np.sum(np.einsum("td,td->t", a, np.cross(b, c))) / 6.0 == pytest.approx(1.0)  # negative where turned inward
    edges = np.sort(np.concatenate([found[:, [0, 1]], found[:, [1, 2]], found[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_a_plane_body_is_its_own_surface():
    points, found, _ = surface.triangles(mesh.box((3, 2), (3.0, 2.0)))
    a, b, c = (points[found[:, k]] for k in range(3))
    assert np.sum(np.cross(b - a, c - a)[:, 2]) / 2.0 == pytest.approx(6.0)
