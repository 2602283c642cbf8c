"""Elasticity: patch tests, rigid motion, manufactured solution, free expansion, equilibrium of reactions, closed forms."""

import numpy as np
import pytest

from didymos.numerics.fe import elastic, mesh, modal, recover, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.supports import Support
from didymos.numerics.fe.thermoelastic import thermal_load
from tests.verify.fe_rig import DIM, STEEL, body, corner_supports, crooked, everywhere, straight

KINDS = ["plane_stress", "plane_strain", "solid"]


def linear(b):
    """A displacement of constant strain, and its strain in Voigt order."""
    gradient = 1e-4 * np.array([[1.0, 0.4, -0.3], [-0.2, 0.7, 0.5], [0.6, -0.1, -0.8]])[: b.kind.dim, : b.kind.dim]
    strain = np.zeros(len(b.kind.components))
    for row, component, direction in b.kind.rows:
        strain[row] += gradient[component, direction]
    return (lambda x: gradient @ x), strain


@pytest.mark.parametrize("serendipity", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_patch_of_crooked_elements_holds_constant_stress_exactly(kind, serendipity):
    # 8- and 20-node elements keep it where sides are straight (Zienkiewicz & Taylor 8.5), 9 and 27 on bent ones too
    flat = straight(DIM[kind])
    b = elastic.body(flat, STEEL, kind, True) if serendipity else body(kind)
    displacement, strain = linear(b)
    found = elastic.static(b, everywhere(b, displacement), np.zeros(b.unknowns))
    assert np.abs(found.at(b) - displacement(b.nodes)).max() < 1e-13
    seen = recover.stress(b, found.u)
    expected = b.law @ strain
    assert np.abs(seen.mean - expected[:, None]).max() < 1e-8 * np.abs(expected).max()
    assert seen.spread.max() < 1e-8 * np.abs(expected).max()


def test_axisymmetric_patch_holds_a_state_of_constant_stress_exactly():
    # u_r = a r, u_z = b z: rr = tt = a, zz = b everywhere, the axis included
    b = elastic.body(mesh.box((3, 2), (1.0, 0.5)), STEEL, "axisymmetric")
    found = elastic.static(b, everywhere(b, lambda x: np.stack([2e-4 * x[0], -1e-4 * x[1]])), np.zeros(b.unknowns))
    expected = b.law @ np.array([2e-4, -1e-4, 2e-4, 0.0])
    assert np.abs(recover.stress(b, found.u).mean - expected[:, None]).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("kind", [*KINDS, "axisymmetric"])
def test_rigid_motion_gives_no_force_and_no_stress(kind):
    b = body(kind)
    motions = supports.rigid_motions(b)
    assert motions.shape[1] == {"solid": 6, "axisymmetric": 1}.get(kind, 3)
    k = elastic.stiffness(b)
    assert np.abs(k @ motions).max() < 1e-9 * np.abs(k).max()
    for motion in motions.T:
        assert np.abs(recover.stress(b, motion).mean).max() < 1e-9 * STEEL.young_Pa


@pytest.mark.parametrize("kind", KINDS)
def test_stiffness_is_symmetric_and_has_no_other_zero_than_rigid_motion(kind):
    b = body(kind, n=1 if kind == "solid" else 2)
    k = elastic.stiffness(b).toarray()
    assert np.abs(k - k.T).max() < 1e-9 * np.abs(k).max()
    values = np.linalg.eigvalsh(k)
    rigid = supports.rigid_motions(b).shape[1]
    assert np.abs(values[:rigid]).max() < 1e-9 * values[-1]
    assert values[rigid] > 1e-6 * values[-1]


@pytest.mark.parametrize("kind", ["plane_stress", "solid"])
def test_free_expansion_gives_no_stress(kind):
    b = body(kind)
    rise = 80.0
    found = elastic.static(b, corner_supports(b), thermal_load(b, lambda x: np.full(x.shape[1:], rise)))
    seen = recover.stress(b, found.u, lambda x: np.full(x.shape[1:], rise))
    assert np.abs(seen.mean).max() < 1e-7 * STEEL.young_Pa * STEEL.expansion_per_K * rise
    assert np.abs(found.reactions).max() < 1e-3  # of GPa m^2 of stiffness: nothing holds it
    away, moved = b.nodes - b.nodes[:, :1], found.at(b) - found.at(b)[:, :1]
    grown = np.sum(away * moved, axis=0)[1:] / np.sum(away**2, axis=0)[1:]  # of each node's distance to the first
    assert np.abs(grown / (STEEL.expansion_per_K * rise) - 1.0).max() < 1e-9


def test_expansion_held_between_plane_walls_gives_minus_e_alpha_t():
    b = elastic.body(mesh.box((3, 1, 1), (3.0, 1.0, 1.0)), STEEL, "solid")
    held = [Support(supports.plane(b, 0, at), 0) for at in (0.0, 3.0)]
    held += [Support(supports.plane(b, axis, 0.0), axis) for axis in (1, 2)]
    rise = np.full(b.basis.N, 50.0)  # one value per node this time
    found = elastic.static(b, held, thermal_load(b, rise))
    value, spread = recover.stress(b, found.u, rise).at((1.0, 1.0, 1.0), "xx")
    assert value == pytest.approx(-STEEL.young_Pa * STEEL.expansion_per_K * 50.0, rel=1e-9)
    assert spread < 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_reactions_balance_the_load(kind):
    b = body(kind)
    wall = supports.plane(b, 0, 1.0) if kind != "solid" else np.flatnonzero(b.nodes[0] < np.quantile(b.nodes[0], 0.2))
    load = elastic.body_force(b, lambda x: np.stack([3.0 + 0.0 * x[0], x[0], x[1]][: b.kind.dim]))
    found = elastic.static(b, [Support(wall, axis) for axis in range(b.kind.dim)], load)
    total = (load + found.reactions).reshape(-1, b.kind.dim)
    assert np.abs(total.sum(axis=0)).max() < 1e-9 * np.abs(load).sum()
    x = b.nodes
    moment = (x[0] * total[:, 1] - x[1] * total[:, 0]).sum()
    assert abs(moment) < 1e-9 * np.abs(load).sum()


def test_pressure_on_a_closed_boundary_has_no_resultant_and_on_a_curve_that_of_its_chord():
    ring = body("plane_stress", n=4)
    closed = elastic.pressure(ring, lambda x: np.ones(x.shape[1], bool), 5e6).reshape(-1, 2)
    assert np.abs(closed.sum(axis=0)).max() < 1e-6  # of 5e6 Pa on metres


def test_bent_meshes_have_the_area_of_their_true_shape():
    # quarter ring a = 1, b = 2 by quadratic sides: area 3 pi / 4; the error of such an arc falls with h^4
    def ring(s):
        return (1.0 + s[0]) * np.stack([np.cos(s[1] * np.pi / 2), np.sin(s[1] * np.pi / 2)])

    errors = []
    for n in (2, 4, 8):
        b = elastic.body(mesh.join([mesh.block((1, n), ring)]), STEEL, "plane_stress")
        errors.append(abs(float(np.sum(b.basis.dx)) / (0.75 * np.pi) - 1.0))
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] > 14.0
    assert errors[1] / errors[2] > 14.0


def test_blocks_join_to_the_same_answer_as_one_block():
    one = elastic.body(mesh.box((4, 2), (2.0, 1.0)), STEEL, "plane_stress")
    halves = [mesh.block((2, 2), lambda s: s), mesh.block((2, 2), lambda s: s + np.array([[1.0], [0.0]]))]
    two = elastic.body(mesh.join(halves), STEEL, "plane_stress")
    assert one.unknowns == two.unknowns
    ends = []
    for b in (one, two):
        wall = supports.plane(b, 0, 0.0)
        load = elastic.traction(b, lambda x: x[0] > 2.0 - 1e-9, lambda x, n: np.stack([0.0 * x[0], 1e6 + 0.0 * x[0]]))
        found = elastic.static(b, [Support(wall, 0), Support(wall, 1)], load)
        ends.append(found.at(b)[1, supports.node_at(b, (2.0, 0.5))])
    assert ends[0] == pytest.approx(ends[1], rel=1e-10)


SOFT = Isotropic(1.0, 0.3)


def manufactured(kind):
    """Displacement (dim, ...), its body force by differences of the stress, on the unit square or cube."""
    dim = DIM[kind]
    phase = np.array([0.3, 1.1, 2.0])[:dim]

    def u(x):
        return np.stack(
            [
                np.sin(x[0] + phase[c]) * np.cos(1.3 * x[1] - phase[c]) * (np.cos(0.7 * x[2]) if dim == 3 else 1.0)
                for c in range(dim)
            ]
        )

    return u


def body_force_of(u, b, x, step=1e-4):
    """-div σ(u) at points x (dim, ...), by central differences of closed-form u."""
    dim, force = b.kind.dim, np.zeros_like(x)

    def shifted(a, sign, then=None, sign2=0.0):
        y = x.copy()
        y[a] += sign * step
        if then is not None:
            y[then] += sign2 * step
        return y

    second = np.zeros((dim, dim, *x.shape))  # a, b, component, ...
    for a in range(dim):
        for c in range(dim):
            plus, minus = (
                u(shifted(a, 1.0, c, 1.0)) - u(shifted(a, 1.0, c, -1.0)),
                u(shifted(a, -1.0, c, 1.0)) - u(shifted(a, -1.0, c, -1.0)),
            )
            second[a, c] = (plus - minus) / (4.0 * step**2)
    index = {"plane_strain": [[0, 2], [2, 1]], "plane_stress": [[0, 2], [2, 1]], "solid": [[0, 5, 4], [5, 1, 3], [4, 3, 2]]}[b.name]
    for i in range(dim):
        for j in range(dim):  # d sigma_ij / d x_j
            for row, component, direction in b.kind.rows:
                force[i] -= b.law[index[i][j], row] * second[direction, j][component]
    return force


@pytest.mark.parametrize(("kind", "levels"), [("plane_stress", (4, 8)), ("plane_strain", (4, 8)), ("solid", (2, 4))])
def test_a_manufactured_solution_is_met_with_order_three_in_displacement_and_two_in_stress(kind, levels):
    u, errors = manufactured(kind), []
    for n in levels:
        b = elastic.body(mesh.box((n,) * DIM[kind], (1.0,) * DIM[kind]), SOFT, kind)
        load = elastic.body_force(b, lambda x, b=b: body_force_of(u, b, x))
        found = elastic.static(b, everywhere(b, u), load)
        exact, x = u(np.asarray(b.basis.global_coordinates())), np.stack([np.asarray(v[0]) for v in b.basis.basis])
        seen = np.einsum("iep,cie->cep", x, found.at(b)[:, np.asarray(b.basis.element_dofs)])
        l2 = np.sqrt(np.sum((seen - exact) ** 2 * np.asarray(b.basis.dx)))
        strain = np.einsum("epsj,ej->eps", elastic.strains(b, b.basis), found.u[elastic.element_unknowns(b, b.basis)])
        true = np.zeros_like(strain)
        points = np.asarray(b.basis.global_coordinates())
        for row, component, direction in b.kind.rows:
            ahead, behind = points.copy(), points.copy()
            ahead[direction] += 1e-6
            behind[direction] -= 1e-6
            true[:, :, row] += (u(ahead)[component] - u(behind)[component]) / 2e-6
        h1 = np.sqrt(np.sum(((strain - true) ** 2).sum(axis=2) * np.asarray(b.basis.dx)))
        errors.append((l2, h1))
    l2_order, h1_order = np.log2(np.array(errors[0]) / np.array(errors[1]))
    assert 2.7 < l2_order < 3.5
    assert 1.8 < h1_order < 2.4


def test_mass_of_the_body_is_its_density_times_its_volume():
    for kind, volume in (("plane_stress", 0.5), ("solid", 0.5), ("axisymmetric", np.pi * 0.5)):
        size = (1.0, 0.5) if kind != "solid" else (1.0, 0.5, 1.0)
        b = elastic.body(mesh.box((2,) * DIM[kind], size), STEEL, kind)
        along = np.tile(np.eye(b.kind.dim)[-1], b.basis.N)
        assert along @ modal.mass(b) @ along == pytest.approx(STEEL.density_kg_m3 * volume, rel=1e-12)


def test_spread_between_elements_shrinks_with_the_mesh_and_shows_where_it_is_coarse():
    spreads = []
    for n in (4, 8, 16):
        quarter = mesh.block((n, n), lambda s: (1.0 + s[0]) * np.stack([np.cos(s[1] * np.pi / 2), np.sin(s[1] * np.pi / 2)]))
        b = elastic.body(mesh.join([quarter]), STEEL, "plane_strain")
        held = [Support(supports.plane(b, axis, 0.0), axis) for axis in (0, 1)]
        found = elastic.static(b, held, elastic.pressure(b, lambda x: np.hypot(*x) < 1.0 + 1e-9, 1e6))
        spreads.append(float(np.nanmax(recover.stress(b, found.u).spread)))
    assert spreads[0] > 2.0 * spreads[1] > 4.0 * spreads[2]


def test_crooked_meshes_of_the_tests_are_crooked():
    straight_sided = crooked(2).p[:, crooked(2).facets].mean(axis=1)
    assert straight_sided.shape[0] == 2
    b = body("plane_stress")
    edge_nodes = b.basis.doflocs[:, b.basis.nodal_dofs.size : b.basis.nodal_dofs.size + b.basis.facet_dofs.size]
    assert np.abs(edge_nodes - straight_sided).max() > 1e-3
