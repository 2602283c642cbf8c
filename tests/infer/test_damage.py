"""Damage that runs along, and life from it, against closed forms of the lognormal and the inverse Gaussian."""

import numpy as np
import pytest
from scipy.stats import norm

from didymos.core.errors import DataError
from didymos.formats.wire import pack, unpack
from didymos.infer import damage
from didymos.infer.damage import Damage, HotSpot
from didymos.numerics.fatigue import histogram, rainflow
from didymos.numerics.fatigue.rainflow import Cycles
from didymos.numerics.fatigue.stress_life import StressLife

CURVE = StressLife(5.0, 1e6, 200e6, sd_log10=0.2)
SPOT = HotSpot("bore", "Bore fillet", CURVE)
HOUR, YEAR = 3600.0, 365 * 86_400.0
STEADY = np.full(168, 1e-3 / HOUR)  # a thousand hours to D = 1


# bad input


@pytest.mark.parametrize("given", [(0,), (1, 0.0), (1, np.nan), (1, 3600.0, 7)])
def test_a_state_without_location_block_or_length_is_refused(given):
    with pytest.raises(DataError, match="give at least 1 location, 8 blocks"):
        damage.init(*given)


@pytest.mark.parametrize("added", [[0.1], [0.1, np.nan], [0.1, -1e-9]])
def test_damage_that_is_none_is_refused_and_the_state_stays(added):
    state = damage.step(damage.init(2), np.array([0.1, 0.2]), 10.0)
    before = pack(state)
    with pytest.raises(DataError, match="one number >= 0 for each, without NaN"):
        damage.step(state, np.array(added), 10.0)
    assert pack(state) == before


@pytest.mark.parametrize("seconds", [-1.0, np.nan, np.inf])
def test_a_running_time_that_is_none_is_refused(seconds):
    with pytest.raises(DataError, match="give seconds >= 0"):
        damage.step(damage.init(1), np.zeros(1), seconds)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"spot": HotSpot("bore", "Bore", StressLife(5.0, 1e6, 200e6))}, "without scatter"),
        ({"rates": np.r_[np.full(161, np.nan), STEADY[:7]]}, "only 7 blocks of 60 minutes of load are recorded; 8 are needed"),
        ({"missing": 0.3}, "30 % of the load samples are missing"),
        ({"so_far": np.inf}, "reached the static strength"),
        ({"so_far": 10.0}, "damage sum of 10 is more than the part can have survived"),
    ],
)
def test_a_life_that_the_twin_cannot_stand_for_is_withheld_with_the_reason(changed, reason):
    asked = {"spot": SPOT, "so_far": 0.1, "rates": STEADY, "missing": 0.0, **changed}
    life = damage.life_of_spot(asked["spot"], asked["so_far"], asked["rates"], YEAR, 1, missing=asked["missing"])
    assert reason in life.withheld
    assert (life.quantiles_s, life.p_fail) == ((), ())


# the state


def test_blocks_fill_in_running_time_and_hold_the_rate_of_their_own_length():
    state = damage.init(2, 100.0, 8)
    for seconds in (40.0, 40.0, 40.0, 90.0):
        state = damage.step(state, np.array([0.4, 0.0]) * seconds, seconds)
    np.testing.assert_allclose(state.closed, [84.0, 0.0])
    np.testing.assert_allclose(state.rates[:, -1], [0.4, 0.0])
    assert np.isnan(state.rates[:, :-1]).all()
    assert state.block_s == 90.0
    back = unpack(Damage, pack(state))
    assert pack(damage.step(back, np.ones(2), 20.0)) == pack(damage.step(state, np.ones(2), 20.0))


def test_each_spot_is_judged_by_its_own_curve():
    spots = [SPOT, HotSpot("rib", "Rib", StressLife(5.0, 1e6, 100e6), "goodman", 400e6), SPOT]
    cycles = Cycles(np.array([0, 1, 1, 2], np.int32), np.full(4, 800e6), np.array([0.0, 0.0, 200e6, 0.0]), np.ones(4))
    np.testing.assert_allclose(damage.of_cycles(spots, cycles), [32e-6, 4**5 * 1e-6 + 8**5 * 1e-6, 32e-6])


# life


def exact(t, so_far, curve=CURVE, rate=1e-3 / HOUR):
    """P(C <= D + rate t | C > D), log10 C normal around sd z(survival)."""
    z = norm.ppf(curve.survival)
    now = norm.cdf(np.log10(so_far) / curve.sd_log10 - z) if so_far > 0.0 else 0.0
    return (norm.cdf(np.log10(so_far + rate * t) / curve.sd_log10 - z) - now) / (1.0 - now)


@pytest.mark.parametrize("so_far", [0.0, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("survival", [0.5, 0.977])
def test_under_a_steady_load_life_is_the_lognormal_given_survival(so_far, survival):
    spot = HotSpot("bore", "Bore", StressLife(5.0, 1e6, 200e6, sd_log10=0.2, survival=survival))
    life = damage.life_of_spot(spot, so_far, STEADY, 4 * YEAR, 3)
    for seconds, chance in life.p_fail[1:]:
        assert chance == pytest.approx(exact(seconds, so_far, spot.curve), abs=2e-3)
    for q, seconds in life.quantiles_s:
        assert exact(seconds, so_far, spot.curve) == pytest.approx(q, abs=2e-3)


def test_an_uneven_load_spreads_the_life_as_the_inverse_gaussian_and_the_bootstrap_say():
    """Almost no scatter of the material: mean a/m, variance of the walk a v/m^3 plus (a/m)^2 v/(n m^2) of the mean rate."""
    curve = StressLife(5.0, 1e6, 200e6, sd_log10=1e-4)
    per_block = np.random.default_rng(1).exponential(0.01, 400)
    m, v = per_block.mean(), per_block.var()
    times = damage.passage(curve, 0.0, per_block, 1.0, 5, trajectories=40_000)
    assert times.mean() == pytest.approx(1.0 / m, rel=0.02)
    assert times.std() == pytest.approx(np.sqrt(v / m**3 + v / (400 * m**4)), rel=0.04)


def test_twice_the_load_halves_the_life_no_load_never_ends_it_and_nothing_is_told_beyond_the_horizon():
    (one, two) = (dict(damage.life_of_spot(SPOT, 0.2, STEADY * k, 4 * YEAR, 3).quantiles_s)[0.5] for k in (1, 2))
    assert two == pytest.approx(one / 2, rel=1e-12)
    short = damage.life_of_spot(SPOT, 0.2, STEADY, one / 2, 3)
    assert dict(short.quantiles_s)[0.5] is None  # beyond the horizon, as in infer/life.py
    assert short.p_fail[-1][0] == pytest.approx(one / 2)
    idle = damage.life_of_spot(SPOT, 0.2, STEADY * 0.0, YEAR, 3)
    assert idle.quantiles_s == ((0.1, None), (0.5, None), (0.9, None))
    assert idle.probability(YEAR) == 0.0


def test_a_life_is_the_same_for_the_same_seed_and_covers_the_truth_as_often_as_it_says():
    """400 parts with their own strength and a week of their own load: the 10 to 90 % interval holds 80 % of true lives."""
    assert damage.life_of_spot(SPOT, 0.2, STEADY, YEAR, 3) == damage.life_of_spot(SPOT, 0.2, STEADY, YEAR, 3)
    rng, hits = np.random.default_rng(8), 0
    for part in range(400):
        load = rng.lognormal(0.0, 1.0, 168) * 1e-3
        future = np.cumsum(rng.lognormal(0.0, 1.0, 6000) * 1e-3)
        failure = np.searchsorted(load.sum() + future, 10 ** (0.2 * rng.normal()))
        if failure == 0:
            continue
        life = damage.life_of_spot(SPOT, load.sum(), load / HOUR, 10 * YEAR, part)
        ends = dict(life.quantiles_s)
        hits += ends[0.1] <= failure * HOUR <= ends[0.9]
    assert 0.74 < hits / 400 < 0.86


# reasons


def counted():
    """A thousand small cycles and ten large ones around a tensile mean, in a grid of 8 by 4 bands."""
    x = np.r_[np.tile([-50e6, 50e6], 1000), np.tile([-150e6, 350e6], 10), -150e6]
    return histogram.fold(rainflow.init(), histogram.empty(1, 640e6, -200e6, 200e6), x)


def test_the_sentence_names_the_cycles_that_carry_the_damage_and_their_share():
    spot = HotSpot("bore", "Bore fillet", StressLife(5.0, 1e6, 200e6, 5.0, 0.2))
    state, grid = counted()
    so_far = damage.of_cycles([spot], histogram.cells(grid, 0))[0]
    life = damage.life_of_spot(spot, so_far, STEADY, YEAR, 1)
    why = damage.why_damage(spot, grid, 0, so_far, STEADY, life)
    assert why.sentence.startswith("Bore fillet: fatigue damage ")
    assert "by cycles of 480 to 560 MPa range with a mean of 100 to 200 MPa, under 1 % of all cycles" in why.sentence
    assert "8 chances in 10 that it fails after" in why.sentence
    assert sum(e.weight for e in why.evidence) == pytest.approx(1.0)
    large, small = 10 * (505 / 400) ** 5, 1000 * (105 / 400) ** 5
    assert why.evidence[0].weight == pytest.approx(large / (large + small), rel=0.02)
    assert state.missing.tolist() == [0]


def test_without_damage_or_a_date_the_sentence_says_so():
    grid = histogram.empty(1, 1e8, -1e8, 1e8)
    life = damage.life_of_spot(SPOT, 0.0, np.full(168, np.nan), YEAR, 1)
    why = damage.why_damage(SPOT, grid, 0, 0.0, np.full(168, np.nan), life)
    assert why.sentence == (
        "Bore fillet: fatigue damage 0 of 1; no date given: only 0 blocks of 60 minutes of load are recorded; 8 are needed."
    )
    assert why.evidence == ()


def test_damage_per_hour_has_an_interval_that_narrows_with_the_blocks():
    rng = np.random.default_rng(0)
    few, many = (damage.per_hour(rng.lognormal(0.0, 0.5, n) / HOUR) for n in (20, 2000))
    for mean, low, high in (few, many):
        assert low < mean < high
    assert few[2] - few[1] > 5 * (many[2] - many[1])
