"""CalculiX 2.20 as oracle: the same mesh, supports and nodal forces give the same displacement, to the digits that it prints."""

import numpy as np
import pytest
from skfem import MeshHex1

from didymos.bench import calculix
from didymos.core.errors import ModelError, SolveError
from didymos.numerics.fe import elastic, heat, order
from didymos.numerics.fe.heat import Given
from didymos.numerics.fe.material import Conductor
from didymos.numerics.fe.supports import Support
from tests.verify.fe_rig import STEEL, straight
from tests.verify.test_fe_assembly import tets

needs_ccx = pytest.mark.skipif(calculix.found() is None, reason=calculix.ABSENT)
DIGITS = 1e-6  # of the largest displacement: CalculiX prints seven digits


def slanted(mesh):
    skew = np.eye(3) + 0.2 * np.triu(np.ones((3, 3)), 1)
    return type(mesh)(skew @ mesh.doflocs, mesh.t)


MESHES = {
    "tet4": lambda: elastic.body(slanted(tets(False)), STEEL, "solid"),
    "tet10_straight": lambda: elastic.body(slanted(type(tets()).from_mesh(tets(False))), STEEL, "solid"),
    "tet10_bent": lambda: elastic.body(tets(), STEEL, "solid"),
    "hex8": lambda: elastic.body(slanted(MeshHex1().refined(2)), STEEL, "solid"),
    "hex20": lambda: elastic.body(straight(3, n=2), STEEL, "solid", serendipity=True),
}


def wall(b):
    return np.flatnonzero(b.nodes[2] < b.nodes[2].min() + 0.05 * np.ptp(b.nodes[2]))


@needs_ccx
@pytest.mark.parametrize("name", MESHES)
def test_displacement_equals_calculix_to_six_digits(name):
    b = MESHES[name]()
    load = elastic.body_force(b, lambda x: np.stack([2e6 * x[1], -3e6 + 0.0 * x[0], 1e6 * x[0] * x[2]]))
    at = wall(b)
    ours = elastic.static(b, [Support(at, axis) for axis in range(3)], load).at(b).T
    peer = calculix.run(calculix.deck(b, [(int(node), axis, 0.0) for node in at for axis in range(3)], load)).rows
    assert np.abs(ours).max() > 1e-7
    assert np.abs(ours - peer).max() < DIGITS * np.abs(peer).max()


@needs_ccx
def test_steady_temperature_equals_calculix_to_six_digits():
    mesh = type(tets()).from_mesh(tets(False))  # straight, where both quadratures are exact
    part = heat.part(mesh, Conductor(40.0), [Given(lambda x: x[2] < 1e-9, 300.0)], source=lambda x: 1e4 * (1.0 + x[0]))
    ours = heat.steady(part).temperature
    fixed, flow = part.given[0][1], -heat._flow(part, np.zeros(len(ours)))[0]
    nodes, elements = np.asarray(part.basis.doflocs).T, order.elements(part.basis)
    rows = [(int(node), 0, 300.0) for node in fixed]
    loads = [(int(i), 0, float(flow[i])) for i in np.flatnonzero(flow)]
    job = calculix.calculix.Deck(nodes, elements, "tet10", rows, loads, conductivity_W_mK=40.0)
    assert np.ptp(ours) > 10.0
    peer = calculix.run(job).rows[:, 0]
    assert np.abs(ours - peer).max() < DIGITS * np.abs(peer).max()


@needs_ccx
def test_what_calculix_refuses_is_told_in_its_own_words():
    b = MESHES["tet4"]()
    with pytest.raises(SolveError, match="calculix"):
        calculix.run(calculix.deck(b, [(10**6, 0, 0.0)], np.zeros(b.unknowns)))


def test_without_calculix_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    b = MESHES["tet4"]()
    with pytest.raises(SolveError, match="apt-get install calculix-ccx"):
        calculix.run(calculix.deck(b, [], np.zeros(b.unknowns)))


def test_elements_that_calculix_lacks_are_refused():
    b = elastic.body(straight(3, n=1), STEEL, "solid")
    assert order.family(b.basis) == "hex27"
    with pytest.raises(ModelError, match="Allowed: tet4, tet10, hex8, hex20"):
        calculix.calculix.text(calculix.deck(b, [], np.zeros(b.unknowns)))
