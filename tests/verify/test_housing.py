"""The housing's mesh against closed forms of its volume and areas."""

from __future__ import annotations

import numpy as np
import pytest
from skfem import Basis, FacetBasis

from didymos.assets.engineering_solids import solid
from didymos.assets.housing import Fineness, Housing, mesh, surfaces
from didymos.core.errors import ModelError
from didymos.numerics.rom.facets import facets_of

SHAPE = Housing(ribs=5)


def ring(inner: float, outer: float) -> float:
    return np.pi * (outer**2 - inner**2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"wall_radius_m": 0.06}, "radii"),
        ({"length_m": float("nan")}, "lengths"),
        ({"ribs_end_m": 0.05}, "lengths"),
        ({"ribs": 2}, "ribs"),
        ({"flange_radius_m": 20.0}, "radii"),
    ],
)
def test_a_housing_that_cannot_exist_is_refused_with_what_is_allowed(given, told):
    with pytest.raises(ModelError, match=rf"(?s){told}.*Allowed"):
        Housing(**given)


def test_a_fineness_without_elements_and_an_unknown_solid_are_refused():
    with pytest.raises(ModelError, match="1 to 16"):
        Fineness(0, 1, 1)
    with pytest.raises(ModelError, match="steel_1045"):
        solid("unobtainium")


def test_volume_is_that_of_rings_flange_and_ribs():
    s = SHAPE
    z = np.diff(s.lengths)
    bore = np.array([s.front_seat_radius_m] * 2 + [s.stator_radius_m] * 3 + [s.rear_seat_radius_m])
    expected = float((ring(bore, s.wall_radius_m) * z).sum()) + ring(s.wall_radius_m, s.flange_radius_m) * z[0]
    expected += 0.5 * ring(s.wall_radius_m, s.rib_radius_m) * z[3]
    body = mesh(s, Fineness(1, 2, 1))
    assert Basis(body, body.elem(), intorder=4).dx.sum() == pytest.approx(expected, rel=1e-4)


def test_areas_of_the_surfaces_are_those_of_cylinders_and_rings():
    s, body = SHAPE, mesh(SHAPE, Fineness(1, 2, 1))
    found = surfaces(s, body)
    basis = Basis(body, body.elem(), intorder=2)
    area = {name: facets_of(body, basis, f).area.sum() for name, f in found.items()}
    around = 2.0 * np.pi
    assert area["front_seat"] == pytest.approx(around * s.front_seat_radius_m * s.front_seat_m, rel=1e-4)
    assert area["rear_seat"] == pytest.approx(around * s.rear_seat_radius_m * (s.length_m - s.stator_end_m), rel=1e-4)
    assert area["stator"] == pytest.approx(around * s.stator_radius_m * (s.stator_end_m - s.front_seat_m), rel=1e-4)
    assert area["flange"] == pytest.approx(ring(s.stator_radius_m, s.flange_radius_m), rel=1e-4)
    ribs = s.ribs_end_m - s.ribs_begin_m
    flanks = 2 * s.ribs * ribs * (s.rib_radius_m - s.wall_radius_m)
    ends = ring(s.wall_radius_m, s.rib_radius_m)  # both ends of half a ring
    bare = around * s.wall_radius_m * (s.stator_end_m - s.front_seat_m - 0.5 * ribs)
    assert area["jacket"] == pytest.approx(bare + flanks + ends, rel=1e-3)


def test_no_boundary_facet_has_two_surfaces_and_doubled_counts_contain_every_node():
    body = mesh(SHAPE, Fineness(1, 1, 1))
    together = np.concatenate(list(surfaces(SHAPE, body).values()))
    assert len(np.unique(together)) == len(together)
    fine = {tuple(p) for p in np.round(mesh(SHAPE, Fineness(2, 2, 2)).doflocs.T, 9) + 0.0}
    assert {tuple(p) for p in np.round(body.doflocs.T, 9) + 0.0} <= fine


def test_facets_have_the_areas_normals_and_products_of_scikit_fems_facet_basis():
    body = mesh(SHAPE, Fineness(1, 1, 1))
    facets = body.boundary_facets()[::7]
    basis = Basis(body, body.elem(), intorder=2)
    ours, theirs = facets_of(body, basis, facets), FacetBasis(body, body.elem(), facets=facets, intorder=5)
    assert ours.area.sum(axis=1) == pytest.approx(theirs.dx.sum(axis=1), rel=1e-12)
    mean = lambda normal, area: np.einsum("cfp,fp->fc", normal, area)  # noqa: E731
    assert mean(ours.normal.transpose(1, 0, 2), ours.area) == pytest.approx(mean(np.asarray(theirs.normals), theirs.dx), abs=1e-12)
    value = np.stack([np.asarray(b[0]) for b in theirs.basis])
    assert ours.product().sum() == pytest.approx(theirs.dx.sum(), rel=1e-12)
    assert ours.product().diagonal().sum() == pytest.approx(np.einsum("ifp,ifp,fp->", value, value, theirs.dx), rel=1e-10)
