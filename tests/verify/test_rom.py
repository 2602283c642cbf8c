"""Reduced heat and stress against the full finite-element model, and the bound against the true error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skfem import Basis

from didymos.assets.engineering_solids import solid
from didymos.assets.housing import Fineness, mesh, surfaces
from didymos.assets.housing_field import LOADS, full_model
from didymos.core.errors import ModelError
from didymos.numerics.fe import heat
from didymos.numerics.fe.material import Conductor
from didymos.numerics.rom.affine import affine_heat, full_step
from didymos.numerics.rom.facets import facets_of
from didymos.numerics.rom.live import Live, advance, bound_of, bounded, hot_spots, start, stepper, surface_stress, temperature
from didymos.numerics.rom.reduce import orthonormal, pod, project
from didymos.numerics.rom.stress import Joint, standing, taken_over
from tests.verify.field_rig import JOB, SHAPE, history, small, truth


def test_a_surface_without_facets_or_a_conductivity_that_moves_is_refused():
    body = mesh(SHAPE, JOB.fineness)
    there = surfaces(SHAPE, body)
    with pytest.raises(ModelError, match=r"'lid' has no facet\. Allowed: front_seat"):
        affine_heat(body, solid("steel_1045").thermal, there, ("lid",), ("jacket",))
    moving = Conductor(lambda t: 50.0 + 0.0 * t, 7800.0, 480.0, lambda t: 0.0 * t)
    with pytest.raises(ModelError, match="one number for conductivity"):
        affine_heat(body, moving, there, ("stator",), ("jacket",))
    with pytest.raises(ModelError, match="joint"):
        standing(body, solid("steel_1045").elastic, Joint(there["flange"], 0.0))
    with pytest.raises(ModelError, match="meshes that nest"):
        taken_over(np.asarray(body.doflocs) + 1e-3, body, np.zeros((body.doflocs.shape[1], 1)))


def test_a_basis_vector_that_is_no_number_is_refused():
    full = small().full
    with pytest.raises(ModelError, match="no number"):
        orthonormal(full, np.full((full.size, 2), np.nan), 4)


def test_the_affine_model_steps_as_the_general_heat_code_does():
    body, full = full_model(replace(JOB, fineness=Fineness(1, 1, 1)))
    r = lambda x: np.hypot(x[0], x[1])  # noqa: E731
    at = lambda radius, low, high: lambda x: (np.abs(r(x) - radius) < 1e-9) & (x[2] > low - 1e-9) & (x[2] < high + 1e-9)  # noqa: E731
    stator = at(SHAPE.stator_radius_m, SHAPE.front_seat_m, SHAPE.stator_end_m)
    flange = lambda x: (np.abs(x[2]) < 1e-9) & (r(x) > SHAPE.stator_radius_m - 1e-9)  # noqa: E731
    stator_area = facets_of(body, Basis(body, body.elem(), intorder=2), surfaces(SHAPE, body)["stator"]).area.sum()
    part = heat.part(
        body,
        solid("steel_1045").thermal,
        surfaces=[
            heat.Surface(stator, inflow_W_m2=700.0 / stator_area),
            heat.Surface(flange, film_W_m2K=900.0, ambient=5.0),
        ],
    )
    _, other = list(heat.transient(part, 2.0, 10.0, 1, theta=1.0))[-1]
    step = full_step(full, np.array([0.0, 0.0, 900.0]), 10.0)
    ours = step(np.full(full.size, 2.0), np.array([0.0, 0.0, 700.0]), np.array([0.0, 0.0, 5.0]))
    assert np.abs(ours - other.temperature).max() < 2e-4 * np.ptp(ours)  # quadrature orders differ on curved elements


def test_heat_that_enters_leaves_through_the_films_in_steady_state():
    full = small().full
    film, load, behind = np.array([400.0, 12.0, 1500.0]), np.array([200.0, 100.0, 600.0]), np.array([1.0, 3.0, -2.0])
    rise = np.zeros(full.size)
    step = full_step(full, film, 1e7)
    for _ in range(3):
        rise = step(rise, load, behind)
    leaves = sum(h * (c @ rise - c.sum() * t) for h, c, t in zip(film, full.behind.T, behind, strict=True))
    assert leaves == pytest.approx(load.sum(), rel=1e-6)


def test_one_temperature_all_around_is_exact_whatever_the_films():
    field = small().field
    step, live = stepper(field, np.array([333.0, 7.0, 2222.0]), 17.0), start(field, 303.15)
    after = advance(step, live.amount, np.zeros(3), np.full(3, 10.0))
    assert np.abs(temperature(field, after) - 303.15).max() < 1e-3


@pytest.mark.parametrize("method", ["krylov", "pod"])
def test_reduced_temperatures_follow_the_full_model_on_loads_and_films_never_seen(method):
    made = small()
    basis = made.basis if method == "krylov" else pod(made.full, [truth(made.full, *history(100 + s, 40)).T for s in range(2)], 24)
    reduced = project(made.full, basis)
    field = replace(made.field, conduction=reduced.conduction, films=reduced.films, loads=reduced.loads, behind=reduced.behind)
    for seed in range(2):
        film, load, behind = history(seed, 40)
        expected = truth(made.full, film, load, behind)
        step, amount, worst = stepper(field, film, 10.0), np.zeros(basis.shape[1]), 0.0
        for q, t, rise in zip(load, behind, expected, strict=True):
            amount = advance(step, amount, q, t)
            worst = max(worst, float(np.abs(basis @ amount - rise).max()))
        assert worst < (0.01 if method == "krylov" else 0.02) * np.ptp(expected)


def test_more_modes_are_nearer_to_the_full_model():
    made = small()
    film, load, behind = history(3, 30)
    expected = truth(made.full, film, load, behind)[-1]

    def error(modes: int) -> float:
        reduced = project(made.full, made.basis[:, :modes])
        field = replace(made.field, conduction=reduced.conduction, films=reduced.films, loads=reduced.loads, behind=reduced.behind)
        step, amount = stepper(field, film, 10.0), np.zeros(modes)
        for q, t in zip(load, behind, strict=True):
            amount = advance(step, amount, q, t)
        return float(np.linalg.norm(made.basis[:, :modes] @ amount - expected))

    few, some, many = error(6), error(12), error(24)
    assert many < some < few


def test_the_bound_is_never_below_the_true_error_and_not_hopelessly_above():
    made = small()
    limit, ratio = bound_of(made.field), []
    for seed in range(6):
        film, load, behind = history(200 + seed, 15)
        step, live = stepper(made.field, film, 10.0), Live(np.zeros(made.basis.shape[1]))
        for q, t, rise in zip(load, behind, truth(made.full, film, load, behind), strict=True):
            live = bounded(step, live, q, t, limit)
            off = rise - made.basis @ live.amount
            ratio.append(live.error_M / np.sqrt(off @ (made.full.capacity @ off)))
    assert min(ratio) >= 1.0
    assert np.median(ratio) < 100.0


def test_the_bound_grows_when_a_mode_is_taken_away():
    """It is computed from the residual, so it must see what the basis lacks."""
    made = small()
    film, load, behind = history(7, 10)
    step, limit = stepper(made.field, film, 10.0), bound_of(made.field)
    whole, crippled = Live(np.zeros(24)), Live(np.zeros(24))
    drop = np.ones(24)
    drop[1] = 0.0
    for q, t in zip(load, behind, strict=True):
        whole = bounded(step, whole, q, t, limit)
        stepped = bounded(step, crippled, q, t, limit)
        amount = stepped.amount * drop
        residual = limit.residual_norm(amount, (amount - crippled.amount) / 10.0, q, film, t)
        crippled = Live(amount, limit.next(crippled.error_M, residual, 10.0))
    assert crippled.error_M > 10.0 * whole.error_M


def test_stress_modes_add_up_to_the_elastic_answer_of_the_whole_temperature():
    from didymos.assets.housing_field import JOINT_N_M3, elastic_mesh
    from didymos.numerics.fe.recover import stress

    made = small()
    rng = np.random.default_rng(5)
    amount = rng.normal(size=24) * 1000.0
    body = elastic_mesh(JOB)
    stand = standing(body, solid("steel_1045").elastic, Joint(surfaces(SHAPE, body)["flange"], JOINT_N_M3))
    rise = taken_over(made.full.points, body, made.basis) @ amount
    from didymos.numerics.fe.thermoelastic import thermal_load

    def at(x):  # temperature at the points of whichever basis asks: quadrature or corners
        points = stand.body.basis if x.shape[-1] == stand.body.basis.dx.shape[1] else corner
        field = Basis(body, body.elem(), quadrature=points.quadrature)
        return np.asarray(field.interpolate(rise))

    corners = np.ascontiguousarray(np.asarray(body.elem.refdom.p, float))
    corner = Basis(body, body.elem(), quadrature=(corners, np.ones(8)))
    u = stand.factor.solve(thermal_load(stand.body, at))
    whole = stress(stand.body, u, at)
    vertices = np.unique(np.asarray(body.facets)[:, body.boundary_facets()])
    ours = made.field.stress @ np.concatenate([amount, [0.0, 0.0]])
    assert np.abs(ours - whole.mean[:, vertices]).max() < 1e-5 * np.abs(whole.mean[:, vertices]).max()


def test_a_bearing_force_is_carried_by_the_joint_and_bends_the_housing_as_its_force_grows():
    field = small().field
    zero = np.zeros(24)
    one = hot_spots(field)(zero, np.array([1000.0, 0.0]))
    assert np.abs(one).max() > 0.0
    assert hot_spots(field)(zero, np.array([2000.0, 0.0])) == pytest.approx(2.0 * one)
    skin = surface_stress(field, zero, np.array([1000.0, 0.0]))
    assert np.abs(skin).max() >= np.abs(one).max() * (1 - 1e-5)
    assert len(LOADS) == 3
