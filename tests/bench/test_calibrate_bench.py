"""The calibration bench: physics against closed forms and simulated truth; absent data and bad rows; figures on real data."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from didymos.assets import hydraulic_rig as rig
from didymos.bench import BENCHES, calibrate, held_out
from didymos.bench import calibrate_battery as battery
from didymos.bench import calibrate_hydraulic as hydraulic
from didymos.bench import calibrate_wear as wear
from didymos.core.errors import DataError
from didymos.numerics import source
from didymos.service.cli import app

# ---- absent data, unknown parts


def test_a_folder_without_the_data_lists_its_parts_as_absent(tmp_path):
    for name in ("hydraulic", "battery", "wear"):
        assert calibrate.run(tmp_path, name)["absent"] == [name]
    done = CliRunner().invoke(app, ["bench", "calibrate", "--data", str(tmp_path), "--part", "wear", "--json"])
    assert done.exit_code == 2
    done = CliRunner().invoke(app, ["bench", "wear", "--data", str(tmp_path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["absent"] == ["wear"]


def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match=r"part 'oil' is not known\. Allowed: hydraulic, battery, wear, fleet"):
        calibrate.run(tmp_path, "oil")
    assert {"calibrate", "wear"} <= set(BENCHES)


# ---- errors and intervals


def test_the_mean_error_weighs_every_group_once_however_long_it_is():
    found = held_out.mean_error({"a": np.full(1000, 1.0), "b": np.full(2, -3.0), "c": np.zeros(0)})
    assert found[0] == 2.0
    assert (found[1], found[2]) == (1.0, 3.0)


def test_a_peer_that_is_not_installed_is_null_and_the_best_of_the_others_is_compared():
    found = held_out.compared(
        {
            "physics": {1: np.array([1.0]), 2: np.array([2.0])},
            "boosting": {1: None, 2: None},
            "line": {1: np.array([2.0]), 2: np.array([4.0])},
        }
    )
    assert found["boosting"] is None
    assert found["physics_less_best_peer"][0] == -1.5


# ---- hydraulic rig


def test_every_engine_can_read_the_rig_and_its_rest_is_a_rest():
    source.check(rig.MODEL)
    x = rig.steady(rig.MODEL.initial, rig.MODEL.nominal, rig.Params())
    assert rig.rhs(x, rig.MODEL.nominal, rig.Params()).oil_temperature_K == pytest.approx(0.0, abs=1e-12)


def test_heat_in_equals_heat_out_at_the_cooler_and_the_walls():
    """First law: what the motor gives to the oil leaves by the oil stream's drop in temperature and by the tank."""
    u, p = rig.MODEL.nominal, rig.Params()
    x = rig.steady(rig.MODEL.initial, u, p)
    y = rig.out(x, u, p)
    by_stream = rig.OIL_J_PER_M3K * u.cooling_flow_m3_per_s * (y.oil_temperature_K - y.cooled_temperature_K)
    by_walls = p.tank_W_per_K * (x.oil_temperature_K - p.ambient_K)
    assert by_stream + by_walls == pytest.approx(p.heat_share * u.motor_power_W, rel=1e-12)


def test_the_gas_is_found_from_the_volume_it_takes_by_boyles_law():
    """A steady flow of 7.5 l/min from which an accumulator of p_0 V_0 = 60 bar l takes and gives at four changes of load."""
    levels, pressure, flow = [143.0, 153.0, 163.0, 153.0, 148.0], np.zeros((2, 60)), np.full((2, 600), 7.5)
    for level, (start, end) in zip(levels, [(0, 19), (19, 29), (29, 39), (39, 49), (49, 60)], strict=True):
        pressure[:, start:end] = level
    for t, before, after in zip(hydraulic.SWITCHES, levels[:-1], levels[1:], strict=True):
        litres = 60.0 * (1.0 / after - 1.0 / before)  # negative: taken
        flow[:, 10 * t : 10 * t + 10] += litres * 60.0
    pressure[1] = 150.0  # a cycle without any change of load tells nothing
    found = hydraulic.gas_J(pressure, flow)
    assert found[0] == pytest.approx(60.0e5 * 1e-3, rel=1e-6)
    assert np.isnan(found[1])


def test_pairs_in_order_are_those_of_the_naive_count():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 60).astype(float)
    estimate = np.round(label + rng.normal(size=60), 1)
    label[:5] = np.nan
    found = hydraulic.ordered(estimate, label)
    for low, high in ((0, 1), (1, 2)):
        a, b = estimate[label == low], estimate[label == high]
        naive = np.mean([(y > x) + 0.5 * (y == x) for x in a for y in b])
        assert found["pairs_in_order"][f"{low} < {high}"] == pytest.approx(naive)
    assert hydraulic.ordered(estimate, np.full(60, np.nan))["rank_correlation"] is None


# ---- battery


def cell(n, q0=1.1, a=0.004, b=1e-5, d=0.004, knee=150.0):
    k = np.arange(1.0, n + 1)
    return q0 - a * np.sqrt(k) - b * k - d * np.expm1(k / knee)


def test_a_cell_that_follows_the_law_is_forecast_to_its_end():
    others = [cell(600, 1.1 + 0.01 * i, 0.004 * (1 + 0.1 * i), d=0.004 * (1 - 0.1 * i)) for i in range(-2, 3)]
    noisy = [q + 0.002 * np.random.default_rng(i).normal(size=600) for i, q in enumerate(others)]
    law = battery.learn(noisy)
    assert (law.mean >= 0.0).all()
    true = cell(600, 1.105, 0.0042, d=0.0038)
    start = (true + 0.002 * np.random.default_rng(9).normal(size=600))[:300]
    mean, sd = battery.forecast(start, np.arange(1.0, 301.0), law)
    assert np.abs(mean - true[300:]).mean() < 0.2 * np.abs(true[299] - true[300:]).mean()  # persistence
    assert np.mean(np.abs(mean - true[300:]) < 1.6449 * sd) > 0.5
    assert sd[-1] > sd[0]


def test_rows_without_a_number_and_cells_of_too_few_cycles_are_left_out(tmp_path):
    rows = [f"a,{i},{1.0 - i / 1000}" for i in range(40)] + ["a,40,", "a,41,nan"] + [f"short,{i},1.0" for i in range(10)]
    (tmp_path / "c.csv").write_text("\n".join(["cell,cycle,capacity_Ah", *rows]))
    found = battery.cells(tmp_path / "c.csv")
    assert list(found) == ["a"]
    assert len(found["a"]) == 40


# ---- wear


def tool(rate, seed, segments=200, start=0.0):
    """Wear by the law itself between readings 30 segments apart, joined by straight lines; force grows with it."""
    rng = np.random.default_rng(seed)
    u = np.tile(np.array(wear.MODEL.nominal, float), (segments, 1))
    speed = wear.taylor(u)
    law = wear.Law(np.array([0.3 + rate, 1.5, 1.2]), 0.1, 0.1, 0.8, 0.1, 3.0)
    land = wear.grown(start, speed, law, 0.0)
    at = np.arange(0, segments, 30)
    joined = np.interp(np.arange(segments), [*at, segments - 1], [*land[at], land[-1]])
    force = 300.0 * (1.0 + 0.8 * joined / wear.LIMIT_M) + 2.0 * rng.normal(size=segments)
    return wear.Tool(u, joined, np.stack([force, force], axis=1), np.stack([force, joined * 0.0], axis=1))


def test_the_readings_are_where_straight_lines_meet():
    assert wear.readings(np.interp(np.arange(90), [0, 31, 60, 89], [0.0, 9e-5, 1.1e-4, 3e-4])).tolist() == [0, 31, 60, 89]


def test_rate_and_growth_of_force_are_learned_from_other_tools_and_a_tool_of_its_own_rate_is_known_by_its_past():
    rates = [-0.3, -0.15, 0.0, 0.1, 0.2, 0.3]
    tools = [tool(r, i) for i, r in enumerate(rates)]
    law = wear.learn(tools)
    assert law.growth == pytest.approx(0.8, rel=0.1)
    assert law.between == pytest.approx(np.std(rates), rel=0.35)
    fast = wear.own_rate(tool(0.5, 9), 4, law)
    assert 0.3 < fast < 0.7
    assert wear.own_rate(tool(0.5, 9), 1, law) == 0.0  # one reading is no interval


# ---- real data


@pytest.mark.slow
@pytest.mark.data
def test_figures_on_the_recorded_data_keep_what_is_published(recorded):
    found = calibrate.run(recorded("battery_aging").parent, "battery")["battery"]
    assert found["nasa"]["long_horizon_mae"]["50%"]["physics"][0] < 0.05
    found = calibrate.run(recorded("vicomtech_turning_wear").parent, "wear")["wear"]
    assert found["mae"] < 0.7 * found["baseline_mae"]
    found = calibrate.run(recorded("uci_hydraulic").parent, "hydraulic")["hydraulic"]
    assert found["cooler"]["conditions"]["all"]["rank_correlation"] > 0.9
    assert found["leakage"]["conditions"]["held_out"]["pairs_in_order"]["0 < 1"] > 0.98
