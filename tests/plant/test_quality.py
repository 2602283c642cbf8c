"""Quality as uncertainty, through the loop: what UNCERTAIN readings and missing days do to beliefs, held against a
simulated truth that the loop does not see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from didymos.assets import ASSETS
from didymos.core.clock import SECOND_NS
from didymos.core.ports import Message
from didymos.core.series import Quality, batch_of
from didymos.formats.wire import pack
from didymos.infer import filters
from didymos.infer.life import forecast
from didymos.plant.config import load
from didymos.plant.loop import Loop
from tests.plant.small import START, TOML

PUMP = ASSETS["centrifugal_pump"]
STEP_S = 21_600
WEAR = [PUMP.state_index(name) for name in ("ring_wear", "impeller_erosion", "seal_wear")]
FLEET, STEPS = 40, 168


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    text = TOML.replace("step_s = 300", f"step_s = {STEP_S}").replace("lateness_s = 600", "lateness_s = 1")
    text = text.replace("publish_s = 3600", f"publish_s = {56 * STEP_S}")
    for i in range(FLEET):
        text += f'[[asset]]\nid = "cp-{i:02}"\nmodel = "centrifugal_pump"\ntag = [\n'
        for c in (*PUMP.inputs, *PUMP.sensors):
            text += f'  {{ channel = "{c.name}", source = "s", address = "cp-{i:02}.{c.name}", unit = "{c.unit}" }},\n'
        text += "]\n"
    path = tmp_path_factory.mktemp("quality") / "plant.toml"
    path.write_text(text)
    return load(path)


def truth(seed: int, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """FLEET pumps that begin as `first` (N, n), worn by the model's own equations with its own process noise, under loads that
    change by the hour: states (T, N, n), inputs (T, N, k), sensors without noise (T, N, m)."""
    rng, p = np.random.default_rng(seed), PUMP.Params()
    low, high = np.array(PUMP.low, float), np.array(PUMP.high, float)
    x = np.clip(first, low, high)
    q = np.array(PUMP.process_noise, float)
    states, inputs, sensors = [], [], []
    for t in range(STEPS):
        u = np.tile(np.array(PUMP.nominal, float), (FLEET, 1))
        u[:, 0] *= 0.85 + 0.15 * np.sin(t / 5.0 + np.arange(FLEET))
        u[:, 1] *= 0.85 + 0.15 * np.sin(t / 3.0 + np.arange(FLEET))
        slope = np.stack(np.broadcast_arrays(*PUMP.rhs(PUMP.State(*x.T), PUMP.Input(*u.T), p)), axis=1)
        x = np.clip(x + slope * STEP_S + q * np.sqrt(STEP_S) * rng.normal(size=x.shape), low, high)
        states.append(x)
        inputs.append(u)
        out = PUMP.out(PUMP.State(*x.T), PUMP.Input(*u.T), p)
        sensors.append(np.stack(np.broadcast_arrays(*out), axis=1))
    return np.array(states), np.array(inputs), np.array(sensors)


def lived(plant, given, qualities, times_noise, gap=range(0), seed=3) -> Loop:
    """The loop over noisy readings. qualities, times_noise (T,): of the sensors' samples; nothing comes in steps of `gap`."""
    _, inputs, sensors = given
    rng, sd, loop, number = np.random.default_rng(seed), np.array([c.noise for c in PUMP.sensors]), Loop(plant), 0
    loop.fleets["centrifugal_pump"].state.noise[:] = sd  # as after commissioning: before it the filter is given twice as much
    for t in range(STEPS):
        y = sensors[t] + rng.normal(size=sensors[t].shape) * sd * times_noise[t]
        if t in gap:
            continue
        now = START + (t + 1) * STEP_S * SECOND_NS
        rows = []
        for i in range(FLEET):
            rows += [(f"cp-{i:02}.{c.name}", now, float(v), 0) for c, v in zip(PUMP.inputs, inputs[t, i], strict=True)]
            rows += [(f"cp-{i:02}.{c.name}", now, float(v), int(qualities[t])) for c, v in zip(PUMP.sensors, y[i], strict=True)]
        number += 1
        loop.feed(Message(number, "tel.0", pack(batch_of(rows))))
    return loop


def inside(loop: Loop, truth_now: np.ndarray) -> int:
    """How many of the FLEET x 3 wear states lie in the belief's 90 % band."""
    state = loop.fleets["centrifugal_pump"].state
    sd = np.sqrt(np.array([np.diag(c) for c in state.cov]))
    return int((np.abs(truth_now - state.mean)[:, WEAR] <= 1.645 * sd[:, WEAR]).sum())


def too_few(count: int) -> bool:
    """Rejected by a one-sided 1 % test against 90 %, the three states of a pump taken as one draw (they share its loads)."""
    return bool(binom.cdf(count / 3, FLEET, 0.9) < 0.01)


def drawn() -> np.ndarray:
    """(FLEET, n) from the model's own belief about a new pump."""
    spread = np.random.default_rng(7).normal(size=(FLEET, PUMP.n_states)) * np.array(PUMP.initial_sd, float)
    return np.array(PUMP.initial, float) + spread


@pytest.fixture(scope="module")
def given():
    return truth(1, drawn())


GOOD, SOUND = np.zeros(STEPS, int), np.ones(STEPS)


def test_readings_three_times_as_noisy_are_covered_when_called_uncertain_and_not_when_called_good(plant, given, monkeypatch):
    noisy = np.full(STEPS, 3.0)
    told = lived(plant, given, np.full(STEPS, int(Quality.UNCERTAIN)), noisy)
    now = given[0][-2]
    assert not too_few(inside(told, now))
    untold = lived(plant, given, GOOD, noisy)
    assert too_few(inside(untold, now))
    assert inside(untold, now) < inside(told, now)


@pytest.mark.slow
def test_sound_readings_called_uncertain_cost_width_not_honesty(plant, given):
    sure, unsure = lived(plant, given, GOOD, SOUND), lived(plant, given, np.full(STEPS, int(Quality.UNCERTAIN)), SOUND)
    wide, narrow = (np.array([np.diag(c)[WEAR] for c in x.fleets["centrifugal_pump"].state.cov]) for x in (unsure, sure))
    assert (wide > narrow).all()
    assert not too_few(inside(sure, given[0][-2]))
    assert not too_few(inside(unsure, given[0][-2]))


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "quality", [pytest.param(Quality.STALE, marks=SLOW), pytest.param(Quality.OUT_OF_RANGE, marks=SLOW), Quality.BAD]
)
def test_worse_readings_are_as_if_they_had_not_come(plant, given, quality):
    marks = GOOD.copy()
    marks[60:] = quality
    wild = np.where(np.arange(STEPS) >= 60, 50.0, 1.0)
    one, other = lived(plant, given, marks, SOUND), lived(plant, given, marks, wild)
    assert (one.fleets["centrifugal_pump"].state.steps == STEPS - 1).all()
    for name in ("mean", "cov"):
        a, b = (getattr(x.fleets["centrifugal_pump"].state, name) for x in (one, other))
        np.testing.assert_array_equal(a, b)


def test_after_days_without_any_data_the_belief_is_wider_and_its_band_still_holds_the_truth(plant, given):
    """Thirty days are missing. The band of each wear state grows over them, and holds the truth as often as it says."""
    gap = range(STEPS - 122, STEPS - 2)
    whole, holed = lived(plant, given, GOOD, SOUND), lived(plant, given, GOOD, SOUND, gap)
    states = [x.fleets["centrifugal_pump"].state for x in (whole, holed)]
    assert (states[0].time_ns == states[1].time_ns).all()
    sd = [np.sqrt(np.array([np.diag(c)[WEAR] for c in s.cov])) for s in states]
    assert (sd[1] > sd[0]).mean() > 0.95
    assert not too_few(inside(holed, given[0][-2]))


def test_around_the_same_belief_a_life_is_wider_after_uncertain_readings_and_wider_still_after_a_month_without_any(plant):
    """Pumps whose seals wear thirty times as fast as the average, so that good readings do say how fast. Each belief's own mean
    moves the life more than its width does: the three covariances are compared around one mean."""
    first = drawn()
    first[:, PUMP.state_index("log_seal_rate")] = 3.5
    fast, unsure = truth(1, first), np.full(STEPS, int(Quality.UNCERTAIN))
    gap = range(STEPS - 122, STEPS - 2)
    runs = [lived(plant, fast, *rest) for rest in ((GOOD, SOUND), (unsure, SOUND), (GOOD, SOUND, gap))]
    states = [run.fleets["centrifugal_pump"].state for run in runs]
    good, uncertain, missing = (seal_life_width(states[0].mean, state.cov) for state in states)
    assert wider(uncertain, good)
    assert wider(missing, uncertain)


def seal_life_width(mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """(FLEET,) logarithm of the 90 % over the 10 % quantile of the seal's life under the rated load, over ten years."""
    p, u = np.tile(np.array(PUMP.Params(), float), (FLEET, 1)), np.tile(np.array(PUMP.nominal, float), (FLEET, 1))
    passage = forecast(PUMP, mean, cov, u, p, np.array(PUMP.process_noise, float), 3.2e8, seed=1, trajectories=400)
    ends = np.sort(passage[:, [m.name for m in PUMP.failure_modes].index("seal")], axis=1)
    assert np.isfinite(ends[:, 359]).all()
    return np.log(ends[:, 359] / ends[:, 39])


def wider(one: np.ndarray, other: np.ndarray) -> bool:
    """By a sign test at 1 %."""
    return bool(binom.sf((one > other).sum() - 1, FLEET, 0.5) < 0.01)


def test_the_factor_is_the_one_that_is_documented():
    noise = filters.noise_of(np.array([1.0, 2.0]), np.array([False, True]))
    assert noise.tolist() == [1.0, 6.0]
