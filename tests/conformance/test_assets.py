"""Every machine of the ASSETS table keeps the promises of `core.model`. A new machine is found here by itself."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from tests.pace import PACE

from didymos.assets import ASSETS, GENERIC
from didymos.core.channel import check_id
from didymos.core.units import to_si
from didymos.numerics import source
from didymos.numerics.ukf import substeps_for

MODELS = list(ASSETS.values())
LONG_EULER = ("heat_treat_furnace", "conveyor_drive")  # many equations in short steps; each has a shorter test of its own
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)


def field_of(channel):
    """`W/(m2 K)` of `heat_transfer`: `heat_transfer_W_per_m2K`."""
    suffix = "" if channel.unit == "1" else re.sub(r"[() ]", "", channel.unit).replace("/", "_per_")
    return f"{channel.name}_{suffix}" if suffix else channel.name


def random_states(model, count, seed=7):
    """States within two initial standard deviations, inside the bounds; inputs within a fifth of nominal."""
    rng = np.random.default_rng(seed)
    x = np.array(model.initial, float) + np.array(model.initial_sd, float) * rng.uniform(-2, 2, (count, model.n_states))
    x = np.clip(x, np.array(model.low, float), np.array(model.high, float))
    u = np.array(model.nominal, float) * rng.uniform(0.8, 1.2, (count, len(model.nominal)))
    for i, field in enumerate(model.Input._fields):
        if field.endswith("_K"):
            u[:, i] = rng.uniform(285.0, 310.0, count)
    return x, u


@each_model
def test_the_table_and_the_model_agree_on_the_name(model):
    assert ASSETS[model.name] is model
    assert check_id(model.name, "model") != GENERIC


@each_model
def test_every_field_is_its_channel_plus_the_unit(model):
    assert tuple(field_of(c) for c in model.inputs) == model.Input._fields
    assert tuple(field_of(c) for c in model.sensors) == model.Output._fields
    answer = model.virtual(model.initial, model.nominal, model.Params())
    assert tuple(field_of(c) for c in model.virtuals) == answer._fields


@each_model
def test_every_channel_has_a_known_unit_a_range_and_a_noise(model):
    for channel in (*model.inputs, *model.sensors, *model.virtuals):
        check_id(channel.name, model.name)
        to_si(channel.unit, channel.unit, channel.name)
    for channel in (*model.inputs, *model.sensors):
        assert -math.inf < channel.low < channel.high < math.inf, channel.name
        assert channel.noise > 0.0, channel.name


@each_model
def test_nominal_operation_reads_inside_every_plausible_range(model):
    x = model.steady(model.initial, model.nominal, model.Params())
    for channels, values in ((model.inputs, model.nominal), (model.sensors, model.out(x, model.nominal, model.Params()))):
        for channel, value in zip(channels, values, strict=True):
            assert channel.low < value < channel.high, channel.name


@each_model
def test_severity_has_one_number_per_failure_mode(model):
    answer = model.severity(model.initial, model.nominal, model.Params())
    assert answer._fields == tuple(mode.name for mode in model.failure_modes)
    assert len(model.failure_modes) >= 2


@each_model
def test_no_mode_is_failed_at_commissioning_or_once_warm(model):
    p = model.Params()
    for x in (model.initial, model.steady(model.initial, model.nominal, p)):
        for name, value in model.severity(x, model.nominal, p)._asdict().items():
            assert 0.0 <= value < 1.0, name


@each_model
def test_every_mode_says_what_fails_how_it_is_seen_and_where_its_threshold_is_published(model):
    components = {component.id for component in model.components}
    for mode in model.failure_modes:
        assert mode.component in components
        assert set() < set(mode.wear) <= set(model.slow)
        assert set() < set(mode.sensors) <= {c.name for c in model.sensors}
        assert all((mode.threshold, mode.source, mode.action, mode.spare, mode.title))
        assert 0.0 < mode.threshold_log_sd < 1.0


@each_model
def test_every_component_starts_its_own_wear_anew_and_every_wear_of_a_mode_belongs_to_its_component(model):
    for component in model.components:
        check_id(component.id, model.name)
        assert set() < set(component.wear) <= set(model.slow)
    for mode in model.failure_modes:
        owner = next(c for c in model.components if c.id == mode.component)
        assert set(mode.wear) <= set(owner.wear)


@each_model
def test_bounds_contain_the_start_and_every_spread_is_positive(model):
    for field in model.State._fields:
        low, start, high = (getattr(s, field) for s in (model.low, model.initial, model.high))
        assert low <= start <= high, field
        assert min(getattr(model.initial_sd, field), getattr(model.process_noise, field)) > 0.0, field


@each_model
def test_every_parameter_has_a_source_and_its_default_is_allowed(model):
    assert tuple(q.name for q in model.parameters) == model.Params._fields
    for parameter, value in zip(model.parameters, model.Params(), strict=True):
        assert parameter.low <= value <= parameter.high, parameter.name
        assert min(len(parameter.source), len(parameter.title)) > 5, parameter.name


@each_model
def test_floats_and_arrays_give_equal_numbers(model):
    x, u = random_states(model, 50)
    p = model.Params()
    for f in (model.rhs, model.out, model.virtual, model.severity, model.steady):
        many = np.stack(np.broadcast_arrays(*f(model.State(*x.T), model.Input(*u.T), p)), axis=-1)
        one = np.array(
            [[float(v) for v in f(model.State(*map(float, a)), model.Input(*map(float, b)), p)] for a, b in zip(x, u, strict=True)]
        )
        assert many == pytest.approx(one, rel=1e-12, abs=1e-300)
        assert np.isfinite(many).all()


@each_model
def test_no_state_inside_the_bounds_and_no_standstill_gives_anything_infinite(model):
    p, n = model.Params(), model.n_states
    rng = np.random.default_rng(3)
    low, high = np.array(model.low, float), np.array(model.high, float)
    x = np.concatenate([rng.uniform(low, high, (200, n)), low[None], high[None]])
    for scale in (0.0, 1.0, 1.5):
        u = model.Input(*(v if f.endswith("_K") else v * scale for f, v in zip(model.Input._fields, model.nominal, strict=True)))
        for f in (model.rhs, model.out, model.virtual, model.severity, model.steady):
            assert all(np.isfinite(v).all() for v in f(model.State(*x.T), u, p)), f.__name__


@each_model
def test_every_engine_can_read_the_text_of_the_model(model):
    source.check(model)


@each_model
def test_steady_keeps_the_slow_entries_and_changes_nothing_the_second_time(model):
    x0 = model.State(*(v + 0.1 * s for v, s in zip(model.initial, model.initial_sd, strict=True)))
    once = model.steady(x0, model.nominal, model.Params())
    again = model.steady(once, model.nominal, model.Params())
    for field in model.slow:
        assert getattr(once, field) == getattr(x0, field)
    assert np.array(again, float) == pytest.approx(np.array(once, float), rel=1e-12)


@pytest.mark.parametrize(
    "model", [pytest.param(m, marks=pytest.mark.slow if m.name in LONG_EULER else []) for m in MODELS], ids=lambda m: m.name
)
def test_euler_at_the_longest_step_is_stable_and_as_accurate_as_the_sensors(model):
    """A cold start at nominal load over six hours, against steps twenty times shorter."""
    p, u = model.Params(), model.nominal
    step = 300.0 / substeps_for(model, 300.0)
    coarse, fine = model.initial, model.initial
    for _ in range(int(6 * 3600 / step)):
        coarse = model.State(*(float(v + step * d) for v, d in zip(coarse, model.rhs(coarse, u, p), strict=True)))
        for _ in range(20):
            fine = model.State(*(float(v + step / 20 * d) for v, d in zip(fine, model.rhs(fine, u, p), strict=True)))
        for channel, a, b in zip(model.sensors, model.out(coarse, u, p), model.out(fine, u, p), strict=True):
            assert abs(a - b) < 2.0 * channel.noise, channel.name


@each_model
def test_a_healthy_unit_lasts_months_and_a_fast_one_days_to_weeks(model):
    assert days_to_failure(model, 0.0, 24.0) > 90.0
    assert 1.0 < days_to_failure(model, 5.0, 1.0) < 30.0


def days_to_failure(model, log_rate, step_h):
    """Until the first mode, at nominal load, with every learned rate held at `log_rate`; five years at most, at its pace."""
    p, u, hour_s = model.Params(), model.nominal, 3600.0 * PACE.get(model.name, 1.0)
    rates = {f: log_rate for f in model.slow if f.startswith("log_")}
    x = model.initial._replace(**rates)
    for k in range(int(5 * 8766 / step_h)):
        x = model.steady(x, u, p)
        if max(float(v) for v in model.severity(x, u, p)) >= 1.0:
            return k * step_h / 24.0
        d = model.rhs(x, u, p)
        x = x._replace(**{f: float(getattr(x, f) + hour_s * step_h * getattr(d, f)) for f in model.slow if f not in rates})
    return math.inf


@each_model
def test_every_machine_file_says_its_equations_source_validity_and_where_it_is_verified(model):
    head = __import__(model.rhs.__module__, fromlist=["_"]).__doc__
    for word in ("Source:", "Valid:", "Verified:"):
        assert word in head
    assert (Path(__file__).parents[1] / "verify" / f"test_{model.name}.py").exists()
