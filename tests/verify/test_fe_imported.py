"""Meshes from elsewhere: every family keeps its volume and holds constant stress; what is wrong is named with its place."""

import numpy as np
import pytest
from skfem import MeshHex1

from didymos.core.errors import ModelError
from didymos.numerics.fe import elastic, imported, order, recover
from didymos.numerics.fe.imported import Raw
from tests.verify.fe_rig import STEEL, crooked, everywhere
from tests.verify.test_fe_assembly import tets


def raw_of(mesh, serendipity=False):
    b = elastic.body(mesh, STEEL, "solid", serendipity)
    return Raw(b.nodes.T.copy(), order.elements(b.basis), order.family(b.basis))


RAWS = {
    "tet4": lambda: raw_of(tets(False)),
    "tet10": lambda: raw_of(tets()),
    "hex8": lambda: raw_of(MeshHex1().refined(1)),
    "hex20": lambda: raw_of(crooked(3, 2), serendipity=True),
    "hex27": lambda: raw_of(crooked(3, 2)),
}


@pytest.mark.parametrize("family", RAWS)
def test_a_mesh_survives_being_written_and_read_back(family):
    raw = RAWS[family]()
    assert raw.family == family
    shuffled = np.random.default_rng(1).permutation(len(raw.nodes))
    moved = Raw(raw.nodes[shuffled], np.argsort(shuffled)[raw.elements], family)
    b = elastic.body(imported.solid(moved), STEEL, "solid", family == "hex20")
    again = np.sort(np.round(b.nodes.T, 12), axis=0)
    assert np.allclose(again, np.sort(np.round(raw.nodes, 12), axis=0), atol=1e-11)
    found = elastic.static(b, everywhere(b, lambda x: 1e-4 * x), np.zeros(b.unknowns))
    loose = 1e5 if family == "tet10" else 1.0  # four points do not integrate a bent tetrahedron exactly
    assert np.abs(found.at(b) - 1e-4 * b.nodes).max() < loose * 1e-13
    assert np.ptp(recover.stress(b, found.u).mean[0]) < loose * 1e-8 * STEEL.young_Pa * 1e-4


def test_unused_nodes_are_left_out():
    raw = RAWS["tet4"]()
    more = Raw(np.vstack([raw.nodes, [[np.nan, 0.0, 0.0]]]), raw.elements, "tet4")
    assert imported.solid(more).p.shape[1] == len(raw.nodes)


def changed(raw, **what):
    return Raw(what.get("nodes", raw.nodes), what.get("elements", raw.elements), what.get("family", raw.family))


def swapped(raw, element):
    elements = raw.elements.copy()
    elements[element, [0, 1]] = elements[element, [1, 0]]
    return elements


def flat(raw):
    nodes = raw.nodes.copy()
    nodes[:, 2] = 0.0
    return nodes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda r: changed(r, elements=swapped(r, 5)), r"1 of 40 elements are inverted or flat, the first is 5 near \["),
        (lambda r: changed(r, nodes=flat(r)), "inverted or flat"),
        (lambda r: changed(r, elements=np.vstack([r.elements, r.elements[3:4]])), r"not manifold.*Remove doubled elements"),
        (lambda r: changed(r, elements=r.elements[:0]), "holds no solid element"),
        (lambda r: changed(r, elements=r.elements + 7), "elements use node"),
        (lambda r: changed(r, elements=r.elements[:, :3]), "3 nodes an element. Allowed: 4"),
        (lambda r: changed(r, nodes=np.where(np.arange(len(r.nodes))[:, None] == 2, np.inf, r.nodes)), "node 2 has no finite"),
        (lambda r: changed(r, family="wedge6"), "elements 'wedge6'. Allowed: tet4"),
    ],
)
def test_a_mesh_that_cannot_be_used_says_what_is_wrong_and_where(wrong, said):
    with pytest.raises(ModelError, match=said):
        imported.solid(wrong(RAWS["tet4"]()))
