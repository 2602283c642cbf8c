"""Critical planes against closed forms for tension and torsion, and under rotation of the axes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from didymos.core.errors import DataError, ModelError
from didymos.numerics.fatigue import planes

SINE = np.sin(2 * np.pi * np.arange(400) / 400)
VOIGT = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)]


def history(**components):
    """(T, 6) from components by name in MPa."""
    names = ("xx", "yy", "zz", "xy", "yz", "zx")
    return 1e6 * np.stack([np.broadcast_to(components.get(name, 0.0), SINE.shape) for name in names], axis=1)


def turned(stress, rotation):
    full = np.zeros((len(stress), 3, 3))
    for column, (i, j) in enumerate(VOIGT):
        full[:, i, j] = full[:, j, i] = stress[:, column]
    R = rotation.as_matrix()
    moved = R @ full @ R.T
    return np.stack([moved[:, i, j] for i, j in VOIGT], axis=1)


@pytest.mark.parametrize("wrong", [np.zeros(6), np.zeros((0, 6)), np.zeros((4, 3))])
def test_a_history_of_another_shape_is_refused(wrong):
    with pytest.raises(DataError, match=r"give \(samples, 6\): xx, yy, zz, xy, yz, zx"):
        planes.findley(wrong, 0.3)


def test_a_missing_component_is_named_by_its_row():
    stress = history(xx=SINE)
    stress[17, 2] = np.nan
    with pytest.raises(DataError, match="stress row 17 holds a NaN"):
        planes.swt(stress, 2e11, 0.3)


def test_constants_out_of_range_are_refused():
    with pytest.raises(ModelError, match=r"k is -0\.1"):
        planes.findley(history(xx=SINE), -0.1)
    for youngs, poisson in ((0.0, 0.3), (2e11, 0.5), (np.nan, 0.3)):
        with pytest.raises(ModelError, match=r"allowed: E > 0, -1 < nu < 0\.5"):
            planes.swt(history(xx=SINE), youngs, poisson)


@pytest.mark.parametrize("k", [0.0, 0.2, 0.3, 1.0])
def test_findley_is_the_closed_form_in_tension_in_torsion_and_in_pulsating_tension(k):
    """Reversed tension (s/2)(k + sqrt(1 + k^2)); torsion t sqrt(1 + k^2); 0 to 2 s: (s/2)(2 k + sqrt(1 + 4 k^2))."""
    root = np.sqrt(1 + k * k)
    assert planes.findley(history(xx=100 * SINE), k).value == pytest.approx(50e6 * (k + root), rel=1e-6)
    assert planes.findley(history(xy=100 * SINE), k).value == pytest.approx(100e6 * root, rel=1e-6)
    pulsating = planes.findley(history(xx=100 + 100 * SINE), k).value
    assert pulsating == pytest.approx(50e6 * (2 * k + np.sqrt(1 + 4 * k * k)), rel=1e-6)


def test_the_largest_shear_is_half_the_tension_at_45_degrees_and_all_of_the_torsion():
    tension = planes.max_shear(history(yy=100 * SINE))
    assert tension.value == pytest.approx(50e6, rel=1e-6)
    assert abs(tension.normal[1]) == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert tension.normal @ tension.direction == pytest.approx(0.0, abs=1e-12)
    assert planes.max_shear(history(zx=100 * SINE)).value == pytest.approx(100e6, rel=1e-6)


def test_pressure_from_all_sides_shears_no_plane():
    stress = history(xx=100 * SINE, yy=100 * SINE, zz=100 * SINE)
    assert planes.max_shear(stress).value == pytest.approx(0.0, abs=1e-6 * 100e6)


def test_swt_is_the_closed_form_across_tension_and_at_45_degrees_to_torsion():
    """s^2 / E on the plane across the bar; (1 + nu) t^2 / E on the plane of the largest principal stress."""
    tension = planes.swt(history(xx=100 * SINE), 2e11, 0.3)
    assert tension.value == pytest.approx(1e16 / 2e11, rel=1e-6)
    assert abs(tension.normal[0]) == pytest.approx(1.0, abs=1e-5)
    torsion = planes.swt(history(xy=100 * SINE), 2e11, 0.3)
    assert torsion.value == pytest.approx(1.3e16 / 2e11, rel=1e-6)
    assert planes.swt(history(xx=-200 + 100 * SINE), 2e11, 0.0).value == pytest.approx(0.0, abs=1e-3)


def test_tension_and_torsion_a_quarter_turn_apart_shear_every_plane_through_the_axis_alike():
    """s sin and (s/2) cos: t = (s/2) on every such plane (Tresca circle), so the amplitude is s/2 whatever the plane."""
    cosine = np.cos(2 * np.pi * np.arange(400) / 400)
    assert planes.max_shear(history(xx=100 * SINE, xy=50 * cosine)).value == pytest.approx(50e6, rel=1e-4)


@pytest.mark.parametrize("seed", [0, 1, 2, 16, 54])
def test_how_the_axes_lie_changes_nothing(seed):
    """Three harmonics of random phase in every component: many planes nearly as bad; 16 and 54 fool a single start."""
    rng = np.random.default_rng(seed)
    t = 2 * np.pi * np.arange(100) / 100
    phases, sizes = rng.uniform(0, 2 * np.pi, (3, 6)), rng.uniform(20e6, 100e6, (3, 6))
    means = rng.uniform(-50e6, 50e6, 6)
    stress = means + sum(sizes[k] * np.sin((k + 1) * t[:, None] + phases[k]) for k in range(3))
    moved = turned(stress, Rotation.random(rng=rng))
    assert planes.findley(moved, 0.3).value == pytest.approx(planes.findley(stress, 0.3).value, rel=1e-6)
    assert planes.swt(moved, 2e11, 0.3).value == pytest.approx(planes.swt(stress, 2e11, 0.3).value, rel=1e-6)


def test_a_plane_is_counted_by_rainflow_as_its_shear_stress_is():
    """One plane at 45 degrees to tension: shear half the tension, largest normal stress half of the peak."""
    x = np.array([-2.0, 1, -3, 5, -1, 3, -4, 4, -2])
    stress = np.zeros((9, 6))
    stress[:, 0] = 1e6 * x
    found, normal = planes.cycles(stress, np.array([[np.pi / 4, 0.0, 0.0]]))
    assert found.range.tolist() == pytest.approx([1.5e6, 2e6, 2e6, 4e6, 4.5e6, 4e6, 3e6])
    assert normal == pytest.approx([2.5e6])
    every, _ = planes.cycles(stress)
    assert every.range.max() == pytest.approx(4.5e6, rel=0.02)


def test_signed_von_mises_is_the_tension_itself_and_does_not_fold_reversed_cycles():
    np.testing.assert_allclose(planes.signed_von_mises(history(zz=100 * SINE)), 100e6 * SINE, rtol=1e-12, atol=1e-3)
    assert planes.signed_von_mises(history(xy=100.0)) == pytest.approx(np.sqrt(3) * 100e6)
    with pytest.raises(DataError, match=r"give \(samples, 6\)"):
        planes.signed_von_mises(np.zeros((4, 5)))
