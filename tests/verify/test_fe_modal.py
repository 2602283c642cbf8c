"""Modes: rigid motions at zero, a bar's longitudinal frequencies, orthogonality, order four of eigenvalues."""

import numpy as np
import pytest

from didymos.numerics.fe import elastic, mesh, modal, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.supports import Support
from tests.verify.fe_rig import body

LOOSE = Isotropic(200e9, 0.0, 8000.0)  # no lateral contraction: a bar is one-dimensional then


@pytest.mark.parametrize(("kind", "rigid"), [("plane_stress", 3), ("solid", 6), ("axisymmetric", 1)])
def test_a_free_body_has_its_rigid_motions_at_zero_and_no_more(kind, rigid):
    found = modal.modes(body(kind, n=2), [], rigid + 2).frequency_Hz
    assert found[:rigid].max() < 1e-4 * found[rigid]


def test_a_bar_rings_at_c_over_4l_and_its_odd_multiples_with_order_four():
    sound, errors = np.sqrt(LOOSE.young_Pa / LOOSE.density_kg_m3), []
    for n in (2, 4, 8):
        b = elastic.body(mesh.box((n, 1), (2.0, 0.1)), LOOSE, "plane_stress")
        held = [Support(supports.plane(b, 0, 0.0), 0), Support(np.arange(b.basis.N), 1)]
        found = modal.modes(b, held, 2).frequency_Hz
        errors.append(np.abs(found / (sound / 8.0 * np.array([1.0, 3.0])) - 1.0))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders[-1] - 4.0) < 0.3)
    assert errors[-1].max() < 1e-4


def test_shapes_are_orthonormal_in_mass_and_diagonal_in_stiffness():
    b = body("plane_stress")
    found = modal.modes(b, [], 8)
    mass, stiffness = found.shapes.T @ modal.mass(b) @ found.shapes, found.shapes.T @ elastic.stiffness(b) @ found.shapes
    assert np.abs(mass - np.eye(8)).max() < 1e-8
    squares = (2.0 * np.pi * found.frequency_Hz) ** 2
    assert np.abs(stiffness - np.diag(squares)).max() < 1e-6 * squares.max()


def test_two_runs_give_the_same_bytes():
    b = body("plane_stress")
    first, second = (modal.modes(b, [], 6) for _ in range(2))
    assert first.frequency_Hz.tobytes() == second.frequency_Hz.tobytes()
