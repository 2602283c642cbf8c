"""Bad input to finite elements: each is named, says what is allowed and what to do, and nothing is solved."""

import numpy as np
import pytest

from didymos.core.errors import ConfigError, ModelError, SolveError
from didymos.numerics.fe import elastic, heat, mesh, modal, recover, supports, thermoelastic
from didymos.numerics.fe.heat import Given, Surface
from didymos.numerics.fe.material import Conductor, Isotropic
from didymos.numerics.fe.solve import factorize
from didymos.numerics.fe.supports import Support
from tests.verify.fe_rig import STEEL, body, crooked


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"young_Pa": -1.0, "poisson": 0.3}, "young_Pa = -1"),
        ({"young_Pa": 0.0, "poisson": 0.3}, "young_Pa = 0"),
        ({"young_Pa": float("nan"), "poisson": 0.3}, "young_Pa = nan"),
        ({"young_Pa": 210e9, "poisson": 0.5}, "poisson = 0.5"),
        ({"young_Pa": 210e9, "poisson": 0.62}, "poisson = 0.62"),
        ({"young_Pa": 210e9, "poisson": -1.0}, "poisson = -1"),
        ({"young_Pa": 210e9, "poisson": 0.3, "density_kg_m3": -1.0}, "density_kg_m3 = -1"),
        ({"young_Pa": 210e9, "poisson": 0.3, "expansion_per_K": float("inf")}, "expansion_per_K = inf"),
    ],
)
def test_a_solid_that_cannot_exist_is_refused_by_name(given, named):
    with pytest.raises(ModelError, match=named) as error:
        Isotropic(**given)
    assert "Allowed" in str(error.value)
    assert "Correct it" in str(error.value)


@pytest.mark.parametrize(
    "given", [{"conductivity_W_mK": -5.0}, {"conductivity_W_mK": 0.0}, {"conductivity_W_mK": 50.0, "heat_J_kgK": -1.0}]
)
def test_a_conductor_that_cannot_exist_is_refused_by_name(given):
    name = list(given)[-1]
    with pytest.raises(ModelError, match=name):
        Conductor(**given)


def test_a_conductivity_law_that_turns_negative_names_the_temperature():
    law = Conductor(lambda t: 50.0 - 0.1 * t, slope_W_mK2=lambda t: np.full_like(t, -0.1))
    part = heat.part(mesh.box((2, 2), (1.0, 1.0)), law, [Given(lambda x: x[0] < 1e-9, 600.0)])
    with pytest.raises(ModelError, match=r"not positive at 5\d\d"):
        heat.steady(part)


@pytest.mark.parametrize(
    ("kind", "held", "free"),
    [
        ("solid", [], ["translation along x", "translation along y", "translation along z", "rotation about x"]),
        ("solid", [(0, 1.0, 0)], ["translation along y", "translation along z", "rotation about x"]),
        ("plane_stress", [], ["translation along x", "translation along y", "rotation about z"]),
        ("plane_strain", [(0, 1.0, 0)], ["translation along y"]),
        ("axisymmetric", [(0, 1.0, 0)], ["translation along z"]),
    ],
)
def test_a_body_that_can_float_is_refused_and_its_free_motions_are_named(kind, held, free):
    b = body(kind)
    fixed = [Support(supports.plane(b, axis, at), component) for axis, at, component in held] if b.kind.dim else []
    with pytest.raises(ModelError, match="free to move") as error:
        elastic.static(b, fixed, np.zeros(b.unknowns))
    named = str(error.value).split("free to move: ")[1].split(". Allowed")[0].split(", ")
    assert all(motion in named for motion in free)
    if kind != "solid" or held:
        assert len(named) == len(free)  # and no motion that is held


def test_a_body_pinned_at_one_node_can_only_turn():
    b = body("plane_stress")
    pin = np.array([supports.node_at(b, b.nodes[:, 0])])
    with pytest.raises(ModelError, match=r"free to move: rotation about z\. Allowed"):
        elastic.static(b, [Support(pin, 0), Support(pin, 1)], np.zeros(b.unknowns))


def test_a_hinged_solid_can_turn_about_its_hinge():
    b = elastic.body(mesh.box((2, 2, 2), (1.0, 1.0, 1.0)), STEEL, "solid")
    hinge = supports.nodes_where(b, lambda x: (x[0] < 1e-9) & (x[1] < 1e-9))
    with pytest.raises(ModelError, match=r"free to move: rotation about z\. Allowed"):
        elastic.static(b, [Support(hinge, axis) for axis in range(3)], np.zeros(b.unknowns))


def test_a_loose_second_piece_is_told_apart_from_the_held_first():
    left, right = mesh.block((2, 2), lambda s: s), mesh.block((2, 2), lambda s: s + np.array([[3.0], [0.0]]))
    b = elastic.body(mesh.join([left, right]), STEEL, "plane_stress")
    wall = supports.plane(b, 0, 0.0)
    with pytest.raises(ModelError, match=r"piece 2 of 2 is free to move: translation along x"):
        elastic.static(b, [Support(wall, 0), Support(wall, 1)], np.zeros(b.unknowns))


def test_loads_that_are_no_number_say_where():
    b = body("plane_stress")
    wall = supports.plane(b, 0, 1.0)
    fixed = [Support(wall, 0), Support(wall, 1)]
    load = np.zeros(b.unknowns)
    load[21] = np.nan
    with pytest.raises(ModelError, match="load on node 10 is no number"):
        elastic.static(b, fixed, load)
    with pytest.raises(ModelError, match="is no number"):
        elastic.body_force(b, lambda x: np.where(x[0] > 1.5, np.inf, 0.0) * np.ones_like(x))
    with pytest.raises(ModelError, match="temperature is no number"):
        thermoelastic.thermal_load(b, lambda x: np.full(x.shape[1:], np.nan))


def test_a_load_or_support_where_nothing_is_names_the_body_s_reach():
    b = body("plane_stress")
    with pytest.raises(ModelError, match=r"no boundary facet lies in the region.*reaches from"):
        elastic.pressure(b, lambda x: x[0] > 1000.0, 1e6)
    with pytest.raises(ModelError, match=r"no node lies in the region.*reaches from"):
        supports.plane(b, 0, 55.0)


def test_supports_that_contradict_each_other_are_refused():
    b = body("plane_stress")
    wall = supports.plane(b, 0, 1.0)
    with pytest.raises(ModelError, match=r"is given 0 and 0\.001 m at once"):
        elastic.static(b, [Support(wall, 0), Support(wall, 0, 1e-3)], np.zeros(b.unknowns))
    with pytest.raises(ModelError, match="component 2"):
        elastic.static(b, [Support(wall, 2)], np.zeros(b.unknowns))
    with pytest.raises(ModelError, match="displacement is no number"):
        elastic.static(b, [Support(wall, 0, np.nan)], np.zeros(b.unknowns))


def test_an_inverted_element_is_named_with_its_place():
    def folded(s):
        return np.stack([s[0] + np.where(s[0] > 0.4, -1.1 * (s[0] - 0.4), 0.0), s[1]])

    with pytest.raises(ModelError, match=r"of 16 elements are inverted or flat, the first is \d+ near"):
        mesh.join([mesh.block((4, 4), folded)])


def test_a_flat_element_and_a_place_that_is_no_number_are_refused():
    with pytest.raises(ModelError, match="inverted or flat"):
        mesh.join([mesh.block((2, 2), lambda s: np.stack([s[0], 0.0 * s[1]]))])
    with pytest.raises(ModelError, match="has no finite position"):
        mesh.join([mesh.block((2, 2), lambda s: np.stack([np.where(s[0] == 0.25, np.nan, s[0]), s[1]]))])


def test_blocks_that_disagree_on_their_common_side_are_refused():
    bulge = mesh.block((1, 1), lambda s: np.stack([s[0] + 0.2 * s[0] * s[1] * (1 - s[1]), s[1]]))
    plain = mesh.block((1, 1), lambda s: np.stack([1.0 + s[0], s[1]]))
    with pytest.raises(ModelError, match="one shared mid-side node in two places"):
        mesh.join([bulge, plain])


def test_a_kind_that_does_not_fit_the_mesh_lists_those_that_do():
    with pytest.raises(ModelError, match="Allowed: plane_stress, plane_strain, axisymmetric"):
        elastic.body(crooked(2), STEEL, "solid")


def test_steady_heat_without_any_fixed_level_is_refused():
    part = heat.part(mesh.box((2, 2), (1.0, 1.0)), Conductor(50.0), surfaces=[Surface(lambda x: x[0] < 1e-9, inflow_W_m2=100.0)])
    with pytest.raises(ModelError, match="the level is free"):
        heat.steady(part)


@pytest.mark.parametrize("given", [{"film_W_m2K": -1.0}, {"emissivity": 1.2}, {"surroundings_K": -3.0}, {"ambient": float("nan")}])
def test_a_surface_that_cannot_exist_is_refused(given):
    with pytest.raises(ModelError, match="Allowed: film >= 0, 0 <= emissivity <= 1"):
        Surface(lambda x: x[0] < 1e-9, **given)


@pytest.mark.parametrize("given", [{"step_s": 0.0}, {"step_s": float("nan")}, {"theta": 0.2}])
def test_time_steps_that_cannot_be_are_refused(given):
    part = heat.part(mesh.box((2, 2), (1.0, 1.0)), Conductor(50.0, 7800.0, 500.0), [Given(lambda x: x[0] < 1e-9, 0.0)])
    with pytest.raises(ModelError, match="step"):
        next(heat.transient(part, 0.0, **{"step_s": 1.0, "steps": 1, **given}))


def test_transient_heat_without_capacity_is_refused():
    part = heat.part(mesh.box((2, 2), (1.0, 1.0)), Conductor(50.0), [Given(lambda x: x[0] < 1e-9, 0.0)])
    with pytest.raises(ModelError, match="density times heat 0"):
        next(heat.transient(part, 0.0, 1.0, 1))


def test_a_source_or_boundary_temperature_that_is_no_number_is_refused():
    square, cold = mesh.box((2, 2), (1.0, 1.0)), Given(lambda x: x[0] < 1e-9, 0.0)
    with pytest.raises(ModelError, match="source is no number"):
        heat.steady(heat.part(square, Conductor(50.0), [cold], source=lambda x: np.full(x.shape[1:], np.nan)))
    with pytest.raises(ModelError, match="given temperature is nan"):
        heat.steady(heat.part(square, Conductor(50.0), [Given(lambda x: x[0] < 1e-9, float("nan"))]))


def test_modes_without_mass_and_more_modes_than_unknowns_are_refused():
    with pytest.raises(ModelError, match="density_kg_m3 = 0"):
        modal.modes(body("plane_stress", material=Isotropic(210e9, 0.3)), [], 3)
    with pytest.raises(ModelError, match="Ask for fewer"):
        modal.modes(body("plane_stress", n=1), [], 18)


def test_stress_is_not_read_between_vertices():
    b = body("plane_stress")
    with pytest.raises(ModelError, match="no vertex at"):
        recover.stress(b, np.zeros(b.unknowns)).at((1.4321, 0.3), "xx")


def test_a_singular_matrix_and_an_unknown_solver_are_named():
    from scipy import sparse

    with pytest.raises(SolveError, match="singular"):
        factorize(sparse.csr_matrix(np.zeros((3, 3)))).solve(np.ones(3))
    with pytest.raises(ConfigError, match="Allowed: auto,"):
        factorize(sparse.eye(3, format="csr"), solver="magic")
    with pytest.raises(SolveError, match="load of unknown 1 is no number"):
        factorize(sparse.eye(3, format="csr")).solve(np.array([0.0, np.nan, 1.0]))
    with pytest.raises(SolveError, match="values that are no numbers"):
        factorize(sparse.csr_matrix(np.diag([1.0, np.nan, 1.0])))
