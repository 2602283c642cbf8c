"""Heat: linear profile, k(T) by Kirchhoff's transform, radiation by its balance, orders in time, T3's Fourier series."""

import numpy as np
import pytest

from didymos.numerics.fe import heat, mesh
from didymos.numerics.fe.heat import STEFAN_BOLTZMANN, Given, Surface
from didymos.numerics.fe.material import Conductor
from tests.verify.fe_rig import crooked


def left(value):
    return Given(lambda x: x[0] < 1e-9, value)


def right(value):
    return Given(lambda x: x[0] > 1.0 - 1e-9, value)


@pytest.mark.parametrize("dim", [2, 3])
def test_patch_of_crooked_elements_holds_a_linear_temperature_exactly(dim):
    part = heat.part(crooked(dim), Conductor(40.0), [Given(lambda x: np.ones(x.shape[1], bool), 0.0)])
    nodes = np.asarray(part.basis.doflocs)
    linear = 300.0 + np.array([20.0, -7.0, 3.0])[:dim] @ nodes
    flow, _ = heat._flow(part, linear)
    inside = np.setdiff1d(np.arange(len(linear)), part.basis.get_dofs(part.basis.mesh.boundary_facets()).all())
    assert np.abs(flow[inside]).max() < 1e-10 * 40.0 * 20.0


def test_conductivity_that_follows_temperature_meets_kirchhoff_s_transform():
    # k = k0 (1 + b T): theta = T + b T^2 / 2 is linear in x
    b = 2e-3
    law = Conductor(lambda t: 15.0 * (1.0 + b * t), slope_W_mK2=lambda t: np.full_like(t, 15.0 * b))
    part = heat.part(mesh.box((16, 1), (1.0, 0.1)), law, [left(0.0), right(500.0)])
    found = heat.steady(part, start=100.0)
    x = np.asarray(part.basis.doflocs)[0]
    theta = (500.0 + b * 500.0**2 / 2.0) * x
    exact = (np.sqrt(1.0 + 2.0 * b * theta) - 1.0) / b
    assert np.abs(found.temperature - exact).max() < 0.02
    assert 2 < found.iterations < 12


def test_radiation_and_convection_meet_the_heat_balance_of_a_bar():
    k, h, e, hot, air, sky = 20.0, 30.0, 0.8, 900.0, 320.0, 280.0
    end = Surface(lambda x: x[0] > 1.0 - 1e-9, film_W_m2K=h, ambient=air, emissivity=e, surroundings_K=sky)
    part = heat.part(mesh.box((2, 1), (1.0, 0.5)), Conductor(k), [left(hot)], [end])
    cold = float(heat.steady(part, start=400.0).temperature.min())
    given = k * (hot - cold)
    taken = h * (cold - air) + e * STEFAN_BOLTZMANN * (cold**4 - sky**4)
    assert given == pytest.approx(taken, rel=1e-10)


def test_radiation_settles_from_far_away_starts():
    end = Surface(lambda x: x[0] > 1.0 - 1e-9, emissivity=1.0, surroundings_K=300.0)
    part = heat.part(mesh.box((4, 1), (1.0, 0.25)), Conductor(1.0), [left(1500.0)], [end])
    answers = [heat.steady(part, start=start).temperature for start in (1.0, 300.0, 1500.0, 4000.0)]
    assert all(np.abs(a - answers[0]).max() < 1e-6 for a in answers)


def test_a_heated_slab_meets_its_parabola():
    part = heat.part(mesh.box((4, 1), (1.0, 0.25)), Conductor(10.0), [left(0.0), right(0.0)], source=lambda x: 2000.0 + 0.0 * x[0])
    x = np.asarray(part.basis.doflocs)[0]
    assert np.abs(heat.steady(part).temperature - 100.0 * x * (1.0 - x)).max() < 1e-9


@pytest.mark.parametrize(("theta", "order"), [(1.0, 1.0), (0.5, 2.0)])
def test_steps_in_time_have_the_order_of_their_rule(theta, order):
    # sin(pi x) decays as exp(-a pi^2 t), a = k / (rho c); space is fine enough not to matter
    k, start = 1.0, None
    part = heat.part(mesh.box((16, 1), (1.0, 1.0 / 16.0)), Conductor(k, 1.0, 1.0), [left(0.0), right(0.0)])
    x = np.asarray(part.basis.doflocs)[0]
    start, exact, errors = np.sin(np.pi * x), np.sin(np.pi * x) * np.exp(-(np.pi**2) * 0.1), []
    for steps in (4, 8, 16):
        *_, (_, last) = heat.transient(part, start, 0.1 / steps, steps, theta)
        errors.append(np.abs(last.temperature - exact).max())
    seen = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(seen - order) < 0.25)


def test_t3_converges_to_its_fourier_series():
    # Duhamel: T = f x/L + sum b_n(t) sin(n pi x/L), b_n' = -a (n pi/L)^2 b_n - f' c_n, c_n = 2 (-1)^(n+1) / (n pi)
    from didymos.bench.fe_cases.thermal import t3

    a, w, length, t, x = 35.0 / (7200.0 * 440.5), np.pi / 40.0, 0.1, 32.0, 0.08
    n = np.arange(1, 20000)
    rate = a * (n * np.pi / length) ** 2
    shape = 2.0 * (-1.0) ** (n + 1) / (n * np.pi)
    memory = (rate * np.cos(w * t) + w * np.sin(w * t) - rate * np.exp(-rate * t)) / (rate**2 + w**2)
    exact = 100.0 * np.sin(w * t) * x / length - np.sum(shape * 100.0 * w * memory * np.sin(n * np.pi * x / length))
    assert t3(40).values[0] == pytest.approx(exact, abs=2e-3)


def test_a_closed_box_keeps_its_heat_while_it_evens_out():
    part = heat.part(crooked(2), Conductor(30.0, 1000.0, 500.0))
    nodes = np.asarray(part.basis.doflocs)
    start = 300.0 + 50.0 * np.sin(3.0 * nodes[0])
    mass = heat.capacity_matrix(part)
    runs = [found.temperature for _, found in heat.transient(part, start, 50.0, 20)]
    whole = mass.sum(axis=0) @ start
    assert np.allclose([mass.sum(axis=0) @ t for t in runs], whole, rtol=1e-12)
    assert np.ptp(runs[-1]) < 0.2 * np.ptp(start)


def test_a_pipe_turned_about_its_axis_meets_the_logarithm_and_loses_what_it_is_given():
    # T = T_i - q' ln(r / a) / (2 pi k); convection takes away exactly what the inside gives
    a, b, k, h, air, inside = 0.05, 0.2, 15.0, 40.0, 20.0, 300.0
    outer = Surface(lambda x: x[0] > b - 1e-9, film_W_m2K=h, ambient=air)
    tube = mesh.join([mesh.block((12, 1), lambda s: np.stack([a + (b - a) * s[0], 0.1 * s[1]]))])
    part = heat.part(tube, Conductor(k), [Given(lambda x: x[0] < a + 1e-9, inside)], [outer], axisymmetric=True)
    found = heat.steady(part).temperature
    per_length = (inside - air) / (np.log(b / a) / (2.0 * np.pi * k) + 1.0 / (2.0 * np.pi * b * h))
    r = np.asarray(part.basis.doflocs)[0]
    exact = inside - per_length * np.log(r / a) / (2.0 * np.pi * k)
    assert np.abs(found - exact).max() < 2e-3
    lost = -heat._flow(part, found)[0][part.given[0][1]].sum()
    assert abs(lost) == pytest.approx(per_length * 0.1, rel=1e-4)


def test_a_turned_body_has_the_heat_of_its_volume():
    part = heat.part(mesh.box((3, 2), (0.5, 0.2)), Conductor(1.0, 1000.0, 400.0), axisymmetric=True)
    assert heat.capacity_matrix(part).sum() == pytest.approx(4e5 * np.pi * 0.25 * 0.2, rel=1e-12)
