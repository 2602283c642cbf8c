"""Every machine can be put to the test: its recipe names its own inputs, stays in their ranges, moves it, and is the same twice."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.assets.recipes import RECIPES, hidden, schedule, truths
from didymos.numerics.ukf import substeps_for

each_model = pytest.mark.parametrize("model", list(ASSETS.values()), ids=lambda m: m.name)


def test_every_machine_has_its_recipe_and_no_other():
    assert set(RECIPES) == set(ASSETS)


@each_model
def test_the_schedule_stays_inside_every_plausible_range_and_moves(model):
    u = schedule(model, 5, 1)
    assert u.shape == (5, RECIPES[model.name].steps, len(model.inputs))
    for i, channel in enumerate(model.inputs):
        assert channel.low <= u[..., i].min(), channel.name
        assert u[..., i].max() <= channel.high, channel.name
    moved = {model.inputs[i].name for i in range(u.shape[2]) if np.ptp(u[..., i]) > 0}
    assert moved == {name for name, _ in RECIPES[model.name].swings}
    assert len(moved) >= 2
    assert np.ptp(u[:, 0], axis=0).max() > 0  # units differ


@each_model
def test_truths_spread_as_the_model_says_and_keep_its_bounds(model):
    x = truths(model, 4000, 2)
    assert (x >= np.array(model.low)).all()
    assert (x <= np.array(model.high)).all()
    rate = next(i for i, f in enumerate(model.State._fields) if f.startswith("log_"))
    assert 0.8 < x[:, rate].std() / model.initial_sd[rate] < 1.05  # bounds cut the tails off
    np.testing.assert_array_equal(x, truths(model, 4000, 2))
    np.testing.assert_array_equal(schedule(model, 3, 7), schedule(model, 3, 7))


@each_model
def test_hidden_states_are_wear_and_their_rates(model):
    names = hidden(model)
    assert any(n.startswith("log_") for n in names)
    assert set(names) <= set(model.slow)
    assert not [n for n in names if n.endswith("_damage")]


@each_model
def test_ten_units_can_be_run_through_their_schedule(model):
    """A hundredth of it, by Euler as the filter steps: everything stays finite, and wear that is fast grows."""
    recipe, p = RECIPES[model.name], model.Params()
    x, u = truths(model, 10, 3), schedule(model, 10, 3)
    parts = substeps_for(model, recipe.step_s)
    low, high = np.array(model.low, float), np.array(model.high, float)
    for field in model.slow:
        if field.startswith("log_"):
            x[:, model.state_index(field)] = 2.0
    start = x.copy()
    for t in range(recipe.steps // 96):
        row = model.Input(*u[:, t].T)
        for _ in range(parts):
            d = model.rhs(model.State(*x.T), row, p)
            x = np.clip(x + recipe.step_s / parts * np.stack(np.broadcast_arrays(*d), axis=-1), low, high)
    assert np.isfinite(x).all()
    assert np.isfinite(np.stack(np.broadcast_arrays(*model.out(model.State(*x.T), row, p)))).all()
    for field in hidden(model):
        i = model.state_index(field)
        if not field.startswith("log_"):
            assert (x[:, i] != start[:, i]).any(), field
