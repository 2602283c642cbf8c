"""Parts solved from their files, against closed forms; what only the geometry can tell is told by name."""

import numpy as np
import pytest

from didymos.core.errors import ConfigError, DataError, ModelError
from didymos.numerics.fe.heat import STEFAN_BOLTZMANN
from didymos.plant.part import file, geometry, refine, write
from didymos.plant.part.solve import solve
from tests.plant.part_rig import BEAM, PLATE
from tests.verify.test_fe_cad import needs_gmsh

PINNED = '[[support]]\npoint = [0.0, 0.0]\nfix = ["y"]\n'
BOX = "box_m = [0.4, 0.02, 0.02]\nelements = [8, 1, 1]"
TIP = 'surface = "tip"\nforce_N = [0.0, 0.0, -100.0]'


@pytest.fixture
def part(tmp_path):
    def made(text, *changes):
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "part.toml"
        path.write_text(text)
        return file.load(path)

    return made


def answer(one):
    return solve(one, geometry.geometry(one))


def figure(found, name):
    return found.figures[name][0]


def test_a_cantilever_bends_as_its_closed_form_says(part):
    found = answer(part(BEAM))
    second, length = 0.02**4 / 12.0, 0.4
    bend, shear = 100.0 * length**3 / (3.0 * 210e9 * second), 100.0 * length / (210e9 / 2.0 * 0.02**2 * 5.0 / 6.0)
    assert figure(found, "end.u_z") == pytest.approx(-(bend + shear), rel=2e-3)
    assert figure(found, "reaction_z") == pytest.approx(100.0, rel=1e-9)
    assert figure(found, "reaction_x") == 0.0
    assert figure(found, "work_of_loads") == pytest.approx(0.5 * 100.0 * (bend + shear), rel=2e-3)
    assert found.factor.solver
    assert found.factor.blas


def test_pressure_traction_gravity_and_given_movement_meet_their_bars(part):
    # poisson 0: one-dimensional bars in closed form
    pulled = answer(part(BEAM, ("force_N = [0.0, 0.0, -100.0]", "pressure_Pa = -21e6")))
    assert figure(pulled, "end.u_x") == pytest.approx(21e6 * 0.4 / 210e9, rel=1e-9)
    assert figure(pulled, "end.von_mises") == pytest.approx(21e6, rel=1e-9)
    pulled = answer(part(BEAM, ("force_N = [0.0, 0.0, -100.0]", "traction_Pa = [21e6, 0, 0]")))
    assert figure(pulled, "end.s_xx") == pytest.approx(21e6, rel=1e-9)
    hung = answer(part(BEAM, ('surface = "tip"\nforce_N = [0.0, 0.0, -100.0]', "gravity_m_s2 = [9.81, 0, 0]")))
    assert figure(hung, "end.u_x") == pytest.approx(7850 * 9.81 * 0.4**2 / 2.0 / 210e9, rel=1e-9)
    moved = answer(
        part(
            BEAM, ('[[load]]\nsurface = "tip"\nforce_N = [0.0, 0.0, -100.0]', '[[support]]\nsurface = "tip"\nmove_m = { x = 1e-4 }')
        )
    )
    assert figure(moved, "end.s_xx") == pytest.approx(210e9 * 1e-4 / 0.4, rel=1e-9)


def test_a_plate_conducts_and_loses_by_convection_radiation_and_k_of_t(part):
    found = answer(part(PLATE))
    wall = (500.0 - 300.0) / (0.5 / 20.0 + 1.0 / 40.0)
    assert figure(found, "end.temperature") == pytest.approx(300.0 + wall / 40.0, rel=1e-9)
    assert figure(found, "hot.heat_in") == pytest.approx(wall * 0.1, rel=1e-9)
    found = answer(part(PLATE, ("film_W_m2K = 40", "emissivity = 0.9\nsurroundings_K = 250")))
    cold = figure(found, "end.temperature")
    assert 20.0 * (500.0 - cold) / 0.5 == pytest.approx(0.9 * STEFAN_BOLTZMANN * (cold**4 - 250.0**4), rel=1e-9)
    found = answer(part(PLATE, ("= 20.0", "= [[300, 10.0], [500, 30.0]]")))
    cold = figure(found, "end.temperature")
    mean = 10.0 + 20.0 * ((500.0 + cold) / 2.0 - 300.0) / 200.0
    assert mean * (500.0 - cold) / 0.5 == pytest.approx(40.0 * (cold - 300.0), rel=1e-4)
    found = answer(part(PLATE, ("film_W_m2K = 40\nambient_K = 300", "heat_W = 12.0")))
    assert figure(found, "end.temperature") == pytest.approx(500.0 + 12.0 / 0.1 * 0.5 / 20.0, rel=1e-9)


def test_heating_in_time_ends_at_the_steady_answer_and_keeps_its_history(part):
    steps = ("[[temperature]]", "[heat]\nstart_K = 300\nstep_s = 4000\nsteps = 40\n[[temperature]]")
    found = answer(part(PLATE, ('"heat"', '"transient"'), steps))
    assert figure(found, "end.temperature") == pytest.approx(400.0, abs=0.01)
    history = found.curves["history"]
    assert len(history["time_s"]) == 40
    assert np.all(np.diff(history["end_K"]) > -1e-9)


def test_heat_held_between_walls_presses_by_its_closed_form(part):
    held = "".join(f'[[support]]\nsurface = "{wall}"\nfix = ["x"]\n' for wall in ("hot", "cold")) + PINNED
    even = ("film_W_m2K = 40\nambient_K = 300", "inflow_W_m2 = 0.0")
    found = answer(part(PLATE, ('"heat"', '"thermoelastic"\nreference_K = 400'), even, ("[[probe]]", held + "[[probe]]")))
    assert figure(found, "end.s_xx") == pytest.approx(-200e9 * 1e-5 * 100.0, rel=1e-9)
    assert figure(found, "temperature_highest") == pytest.approx(500.0)


def test_a_plane_strain_plate_counts_the_stress_across_its_plane(part):
    held = '[[support]]\nsurface = "hot"\nfix = ["x"]\n' + PINNED
    even = ("film_W_m2K = 40\nambient_K = 300", "inflow_W_m2 = 0.0")
    changes = (
        ('"heat"', '"thermoelastic"\nreference_K = 400'),
        ('"plane_stress"', '"plane_strain"'),
        even,
        ("[[probe]]", held + "[[probe]]"),
    )
    assert figure(answer(part(PLATE, *changes)), "end.von_mises") == pytest.approx(200e9 * 1e-5 * 100.0, rel=1e-9)


def test_modes_and_harmonic_peaks_lie_at_the_beam_s_closed_form(part):
    first = 1.875104**2 / (2.0 * np.pi * 0.4**2) * np.sqrt(210e9 * 0.02**2 / 12.0 / 7850.0)
    found = answer(part(BEAM, ('"static"', '"modal"'), ("[[probe]]", "[modes]\ncount = 3\n[[probe]]")))
    assert figure(found, "mode_1") == pytest.approx(first, rel=5e-3)
    assert figure(found, "mode_2") == pytest.approx(figure(found, "mode_1"), rel=1e-3)  # square section: two planes
    sweep = f"[harmonic]\nfrom_Hz = {0.8 * first}\nto_Hz = {1.2 * first}\npoints = 401\ndamping_ratio = 0.02\nmodes = 8\n[[probe]]"
    found = answer(part(BEAM, ('"static"', '"harmonic"'), ("[[probe]]", sweep)))
    assert figure(found, "end.u_z_largest_at") == pytest.approx(figure(found, "mode_1"), rel=2e-3)
    still = 100.0 * 0.4**3 / (3.0 * 210e9 * 0.02**4 / 12.0)
    assert figure(found, "end.u_z_largest") == pytest.approx(
        still * 0.9707 / (2 * 0.02), rel=0.02
    )  # 0.9707: the first mode's share
    assert set(found.curves["end"]) >= {"frequency_Hz", "u_z_m", "phase_z_rad"}


def test_an_axisymmetric_pipe_under_pressure_meets_lame(part):
    text = """
analysis = "static"
kind = "axisymmetric"
[mesh]
box_m = [0.1, 0.05]
elements = [12, 1]
corner_m = [0.1, 0.0]
[[surface]]
name = "bore"
plane = { axis = "r", at = 0.1 }
[[surface]]
name = "low"
plane = { axis = "z", at = 0.0 }
[[surface]]
name = "high"
plane = { axis = "z", at = 0.05 }
[material]
name = "structural_steel"
[[support]]
surface = "low"
fix = ["z"]
[[support]]
surface = "high"
fix = ["z"]
[[load]]
surface = "bore"
pressure_Pa = 100e6
[[probe]]
name = "in"
at = [0.1, 0.0]
"""
    found = answer(part(text))
    assert figure(found, "in.s_tt") == pytest.approx(100e6 * 5.0 / 3.0, rel=5e-3)


def test_refining_reports_order_limit_and_error_that_hold_the_true_value(part):
    found, orders = refine.refined(
        part(PLATE, ("= 20.0", "= [[300, 10.0], [500, 30.0]]"), ("elements = [8, 1]", "elements = [2, 1]"))
    )
    one = orders["end.temperature"]
    assert len(one.values) == 3
    assert figure(found, "end.temperature") == one.values[-1]
    flat = (
        ("[0.4, 0.02, 0.02]", "[0.4, 0.02]"),
        ("[8, 1, 1]", "[4, 1]"),
        ("[0.0, 0.0, -100.0]", "[0.0, -100.0]"),
        ("[0.4, 0.0, 0.0]", "[0.4, 0.0]"),
        ('"x", "y", "z"', '"x", "y"'),
        ('"static"', '"static"\nkind = "plane_stress"'),
    )
    beam = refine.refined(part(BEAM, *flat))[1]
    tip = beam["end.u_y"]
    assert 1.0 < tip.order <= 6.0
    fine = -100.0 * (0.4**3 / (3.0 * 210e9 * 0.02**3 / 12.0) + 0.4 / (210e9 / 2.0 * 0.02 * 5.0 / 6.0))
    assert tip.limit == pytest.approx(fine, rel=1e-3)
    assert abs(tip.values[-1] - tip.limit) <= tip.error


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ([('fix = ["x", "y", "z"]', 'fix = ["y", "z"]')], ModelError, "free to move: translation along x"),
        ([("at = 0.4", "at = 7.0")], ModelError, r"surface 'tip': no boundary facet lies in the region.*reaches from"),
        ([("at = [0.4, 0.0, 0.0]", "at = [0.4, 0.0, 0.013]")], ModelError, "probe 'end': no node lies at .*Take a corner"),
        ([("at = [0.4, 0.0, 0.0]", "at = [0.4, 0.0]")], ConfigError, "a point of 2 numbers. Allowed: 3 for solid"),
        ([('plane = { axis = "x", at = 0.4 }', "r = [0.0, 1.0]")], ConfigError, "axis 'r'. Allowed for this kind: x, y, z"),
        ([('plane = { axis = "x", at = 0.4 }', "plane = { normal = [1, 0, 0] }")], ConfigError, "a plane needs axis and at"),
        ([(TIP, "gravity_m_s2 = [0, 0, -9.81]"), ("density_kg_m3 = 7850", "")], ModelError, "gravity needs"),
        ([(BOX, 'file = "none.inp"')], DataError, "cannot be read"),
        ([(BOX, 'step = "none.step"')], DataError, "there is no such file"),
    ],
)
def test_what_only_the_geometry_can_tell_is_told_in_the_file_s_own_names(part, changes, error, said):
    with pytest.raises(error, match=said):
        answer(part(BEAM, *changes))


def test_answers_are_written_for_other_programs_and_other_endings_refused(part, tmp_path):
    found = answer(part(BEAM, ("elements = [8, 1, 1]", "elements = [2, 1, 1]")))
    write.write(found, tmp_path / "a.vtu")
    write.write(found, tmp_path / "a.glb")
    assert b"von_mises_Pa" in (tmp_path / "a.vtu").read_bytes()
    assert (tmp_path / "a.glb").read_bytes()[:4] == b"glTF"
    with pytest.raises(ConfigError, match=r"ends with \.txt. Allowed: \.vtu, \.glb, \.csv"):
        write.write(found, tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="no curve over time or frequency"):
        write.write(found, tmp_path / "a.csv")


def test_vertex_fields_on_mid_side_nodes_are_the_means_of_their_corners(part):
    found = answer(part(PLATE, ("elements = [8, 1]", "elements = [2, 1]")))
    linear = 3.0 * found.basis.mesh.p[0] - found.basis.mesh.p[1]
    from didymos.numerics.fe import order

    vertices = int(found.basis.mesh.t.max()) + 1
    on = write._on_nodes(linear[:vertices], order.elements(found.basis), order.family(found.basis), found.basis.N)
    assert np.allclose(on, 3.0 * found.basis.doflocs[0] - found.basis.doflocs[1])


@needs_gmsh
def test_a_recorded_step_cube_under_pressure_is_shortened_by_hooke_and_refined(part, recorded, tmp_path):
    cube = recorded("step_files") / "mayo" / "cube.step"  # 10 mm
    text = f"""
analysis = "static"
[mesh]
step = "{cube}"
size_m = 0.006
[[surface]]
name = "low"
plane = {{ axis = "z", at = 0.0 }}
[[surface]]
name = "top"
plane = {{ normal = [0, 0, 2], through = [0, 0, 0.01] }}
[[surface]]
name = "left"
plane = {{ axis = "x", at = 0.0 }}
[[surface]]
name = "front"
plane = {{ axis = "y", at = 0.0 }}
[material]
name = "structural_steel"
[[support]]
surface = "low"
fix = ["z"]
[[support]]
surface = "left"
fix = ["x"]
[[support]]
surface = "front"
fix = ["y"]
[[load]]
surface = "top"
pressure_Pa = 210e6
[[probe]]
name = "corner"
at = [0.01, 0.01, 0.01]
"""
    one = part(text)
    found, orders = refine.refined(one)
    assert figure(found, "corner.u_z") == pytest.approx(-1e-5, rel=1e-9)
    assert figure(found, "corner.u_x") == pytest.approx(0.3e-5, rel=1e-9)
    assert figure(found, "reaction_z") == pytest.approx(210e6 * 1e-4, rel=1e-9)
    assert orders["corner.u_z"].error < 1e-12
    write.write(found, tmp_path / "cube.vtu")
