"""Assembly of all elements at once: entry by entry scikit-fem's own forms, on every element family; held rows in place."""

import numpy as np
import pytest
from scipy import sparse
from skfem import BilinearForm, MeshHex1, MeshTet1, MeshTet2, MeshTri1, MeshTri2
from skfem.models.elasticity import lame_parameters, linear_elasticity

from didymos.numerics.fe import assembly, constrain, elastic, modal
from didymos.numerics.fe.material import Isotropic
from tests.verify.fe_rig import STEEL, body, crooked

LAME, SHEAR = lame_parameters(STEEL.young_Pa, STEEL.poisson)


def tets(quadratic: bool = True):
    """A cube of tetrahedra; the quadratic ones bend."""
    flat = MeshTet1().refined(1)
    if not quadratic:
        return flat
    nodes = MeshTet2.from_mesh(flat)
    return MeshTet2(nodes.doflocs + 0.03 * np.sin(2.0 * nodes.doflocs[[1, 2, 0]]), nodes.t)


SOLIDS = {
    "tet4": lambda: elastic.body(tets(False), STEEL, "solid"),
    "tet10": lambda: elastic.body(tets(), STEEL, "solid"),
    "hex8": lambda: elastic.body(MeshHex1().refined(1), STEEL, "solid"),
    "hex20": lambda: body("solid", n=1, serendipity=True),
    "hex27": lambda: body("solid", n=1),
    "tri3": lambda: elastic.body(MeshTri1().refined(2), STEEL, "plane_strain"),
    "tri6": lambda: elastic.body(MeshTri2.from_mesh(MeshTri1().refined(2)), STEEL, "plane_strain"),
    "quad9": lambda: body("plane_strain"),
}


def renumbered(matrix, vector_basis, b):
    """A matrix in scikit-fem's numbering of a vector element, in ours: dim * node + component."""
    order = np.empty(b.unknowns, int)
    nodes, dim = np.asarray(b.basis.element_dofs), b.kind.dim
    theirs = np.asarray(vector_basis.element_dofs).reshape(len(nodes), dim, -1)
    for c in range(dim):
        order[dim * nodes + c] = theirs[:, c]
    return matrix[order][:, order]


@pytest.mark.parametrize("family", SOLIDS)
def test_stiffness_equals_scikit_fem_s_to_rounding(family):
    from skfem import ElementVector

    b = SOLIDS[family]()
    vector = b.basis.with_element(ElementVector(b.basis.elem))
    peer = renumbered(linear_elasticity(LAME, SHEAR).assemble(vector), vector, b)
    ours = elastic.stiffness(b)
    assert abs(ours - peer).max() < 1e-12 * abs(peer).max()


@pytest.mark.parametrize("family", SOLIDS)
def test_conduction_and_mass_equal_scikit_fem_s_to_rounding(family):
    basis = SOLIDS[family]().basis
    found = assembly.pattern(basis.element_dofs.T, basis.N)
    conduct = BilinearForm(lambda u, v, w: sum(a * b for a, b in zip(u.grad, v.grad, strict=True))).assemble(basis)
    g = assembly.products(basis, found, basis.dx)
    ours = found.matrix(sum(g[a, a] for a in range(basis.mesh.dim())))
    assert abs(ours - conduct).max() < 1e-12 * abs(conduct).max()
    mass = BilinearForm(lambda u, v, w: u * v).assemble(basis)
    assert abs(found.matrix(assembly.product(basis, found, basis.dx)) - mass).max() < 1e-12 * abs(mass).max()


def test_pieces_of_any_size_give_the_same_sum(monkeypatch):
    b = SOLIDS["tet10"]()
    whole = elastic.stiffness(b)
    monkeypatch.setattr(assembly, "PIECE", 1)
    assert abs(elastic.stiffness(b) - whole).max() < 1e-12 * abs(whole).max()


def test_the_pattern_is_sorted_without_doubles_and_knows_the_mirrored_entry():
    basis = elastic.body(crooked(2), STEEL, "plane_stress").basis
    found = assembly.pattern(basis.element_dofs.T, basis.N)
    matrix = found.matrix(np.arange(len(found.indices), dtype=float))
    assert matrix.has_canonical_format
    assert abs(matrix.T.tocsr() - found.matrix(found.mirrored.astype(float))).max() == 0.0


def test_a_node_that_no_element_has_leaves_an_empty_row():
    found = assembly.pattern(np.array([[0, 3], [3, 4]]), 6)
    assert np.diff(found.indptr).tolist() == [2, 0, 0, 3, 2, 0]


def test_held_unknowns_leave_the_rest_as_it_was_and_their_rows_give_the_reactions():
    b = body("solid", n=1)
    rng = np.random.default_rng(2)
    dofs = np.sort(rng.choice(b.unknowns, 17, replace=False))
    whole, changed = elastic.stiffness(b).toarray(), elastic.blocks(b)
    kept = constrain.hold(changed, dofs)
    free = np.setdiff1d(np.arange(b.unknowns), dofs)
    dense = changed.toarray()
    assert np.array_equal(dense[np.ix_(free, free)], whole[np.ix_(free, free)])
    assert np.array_equal(dense[np.ix_(dofs, dofs)], np.diag(np.diag(dense[np.ix_(dofs, dofs)])))
    assert np.abs(dense[np.ix_(free, dofs)]).max() == np.abs(dense[np.ix_(dofs, free)]).max() == 0.0
    assert (np.diag(dense) > 0.0).all()
    u, load = rng.normal(size=b.unknowns), rng.normal(size=b.unknowns)
    reactions = kept.reactions(u, load)
    assert np.abs(reactions[dofs] - (whole @ u - load)[dofs]).max() < 1e-9 * np.abs(whole).max()
    assert np.abs(reactions[free]).max() == 0.0


def test_an_axisymmetric_matrix_is_symmetric_and_keeps_the_b_matrix_way():
    b = body("axisymmetric")
    k = elastic.stiffness(b)
    assert abs(k - k.T).max() < 1e-12 * abs(k).max()
    assert isinstance(elastic.blocks(b), sparse.bsr_matrix)


def test_mass_counts_each_direction_alone():
    b = elastic.body(tets(), Isotropic(1e9, 0.3, 1000.0), "solid")
    m = modal.mass(b)
    x, y = np.tile([1.0, 0.0, 0.0], b.basis.N), np.tile([0.0, 1.0, 0.0], b.basis.N)
    assert x @ m @ x == pytest.approx(1000.0 * float(np.sum(b.basis.dx)), rel=1e-3)
    assert x @ m @ y == 0.0
