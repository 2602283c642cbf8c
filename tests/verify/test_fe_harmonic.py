"""Frequency response: a mass on a spring, a cantilever in closed form, and the direct complex solution of the whole matrix."""

import numpy as np
import pytest

from didymos.core.errors import ModelError
from didymos.numerics.fe import elastic, harmonic, mesh, modal, supports
from didymos.numerics.fe.harmonic import Damping
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.supports import Support
from tests.verify.fe_rig import STEEL, body


def cantilever(poisson=0.0, shape=(16, 1)):
    """Length 1 m, height 20 mm, width 1 m."""
    b = elastic.body(mesh.box(shape, (1.0, 0.02)), Isotropic(210e9, poisson, 7850.0), "plane_stress")
    wall = supports.plane(b, 0, 0.0)
    tip = supports.node_at(b, (1.0, 0.01))
    return b, [Support(wall, 0), Support(wall, 1)], tip


def test_near_its_first_mode_a_body_answers_like_one_mass_on_a_spring():
    b, fixed, tip = cantilever()
    load = elastic.point_forces(b, np.array([tip]), np.array([0.0, 100.0]))
    first = modal.modes(b, fixed, 1)
    w0, part = 2.0 * np.pi * first.frequency_Hz[0], first.shapes[2 * tip + 1, 0]
    for zeta in (0.005, 0.02):
        found = harmonic.response(b, fixed, load, first.frequency_Hz, Damping(zeta), count=6)
        peak = found.of(2 * tip + 1)[0]
        alone = 100.0 * part**2 / (2j * zeta * w0**2)
        assert abs(peak - alone) < 0.04 * 2.0 * zeta * abs(alone)  # the others add what they do statically, 3 % of the first
        assert np.angle(peak) == pytest.approx(-np.pi / 2.0, abs=0.01)  # a quarter turn behind the force


def test_a_cantilever_meets_its_closed_form_over_two_resonances():
    # Euler-Bernoulli with complex stiffness EI(1 + i b w): tip per tip force
    # = (sin l cosh l - cos l sinh l) / (EI k^3 (1 + cos l cosh l)), l = k L, k^4 = rho A w^2 / EI
    b, fixed, tip = cantilever(shape=(24, 1))
    load = elastic.point_forces(b, np.array([tip]), np.array([0.0, 1.0]))
    first = float(modal.modes(b, fixed, 1).frequency_Hz[0])
    frequency, beta = first * np.array([0.0, 0.3, 0.7, 1.0, 1.5, 3.0, 5.0, 6.27, 8.0]), 2e-4
    found = harmonic.response(b, fixed, load, frequency, Damping(stiffness_s=beta), count=10)
    w = 2.0 * np.pi * np.maximum(frequency, 1e-3)
    stiff = 210e9 * 0.02**3 / 12.0 * (1.0 + 1j * beta * w)
    k = (7850.0 * 0.02 * w**2 / stiff) ** 0.25
    exact = (np.sin(k) * np.cosh(k) - np.cos(k) * np.sinh(k)) / (stiff * k**3 * (1.0 + np.cos(k) * np.cosh(k)))
    seen = found.of(2 * tip + 1)
    off = np.abs(seen / exact - 1.0)
    assert off.max() < 0.02  # shear and rotation, which the closed form leaves out, move a resonance by 0.02 and 0.3 %
    assert np.median(off) < 0.002


def test_nearly_all_modes_together_are_the_direct_solution_of_the_complex_matrix():
    b = body("plane_stress", n=2)
    wall = supports.plane(b, 0, 1.0)
    fixed = [Support(wall, 0), Support(wall, 1)]
    load = elastic.body_force(b, lambda x: np.stack([x[1], 1.0 + 0.0 * x[0]]))
    free = np.setdiff1d(np.arange(b.unknowns), supports.prescribed(b, fixed)[0])
    k, m = (matrix[free][:, free].toarray() for matrix in (elastic.stiffness(b), modal.mass(b)))
    alpha, beta, ratio = 30.0, 1e-6, 0.0
    frequency = np.array([100.0, 900.0, 2500.0])
    found = harmonic.response(b, fixed, load, frequency, Damping(ratio, alpha, beta), count=len(free) - 2)
    for place, f in enumerate(frequency):
        w = 2.0 * np.pi * f
        direct = np.linalg.solve(k + 1j * w * (alpha * m + beta * k) - w**2 * m, load[free])
        assert np.abs(found.u(place)[free] - direct).max() < 1e-5 * np.abs(direct).max()


def test_at_zero_frequency_the_answer_is_the_static_one():
    b, fixed, tip = cantilever()
    load = elastic.point_forces(b, np.array([tip]), np.array([0.0, 7.0]))
    found = harmonic.response(b, fixed, load, np.array([0.0]), Damping(0.02), count=3)
    assert np.abs(found.u(0) - elastic.static(b, fixed, load).u).max() < 1e-12 * np.abs(found.u(0)).max() + 1e-20


@pytest.mark.parametrize("given", [{"ratio": -0.1}, {"ratio": 1.0}, {"mass_per_s": float("nan")}, {"stiffness_s": -1.0}])
def test_a_damping_that_cannot_be_is_refused(given):
    with pytest.raises(ModelError, match="Allowed: 0 <= ratio < 1"):
        Damping(**given)


def test_frequencies_beyond_the_modes_or_no_number_are_refused():
    b, fixed, tip = cantilever()
    load = elastic.point_forces(b, np.array([tip]), np.array([0.0, 1.0]))
    with pytest.raises(ModelError, match=r"3 modes serve up to .* Hz. Ask for more modes"):
        harmonic.response(b, fixed, load, np.array([1e5]), Damping(0.01), count=3)
    with pytest.raises(ModelError, match="frequencies must be finite"):
        harmonic.response(b, fixed, load, np.array([np.nan]), Damping(0.01))
    first = modal.modes(b, fixed, 1).frequency_Hz
    with pytest.raises(ModelError, match="no bound"):
        harmonic.response(b, fixed, load, first, Damping(), count=4)


def test_a_free_body_has_no_static_part_and_is_refused_by_its_motions():
    b = elastic.body(mesh.box((2, 2), (1.0, 1.0)), STEEL, "plane_stress")
    with pytest.raises(ModelError, match="free to move"):
        harmonic.response(b, [], np.zeros(b.unknowns), np.array([10.0]), Damping(0.01), count=5)
