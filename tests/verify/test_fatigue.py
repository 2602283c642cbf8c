"""Rainflow counting against the standard's example, the `rainflow` package, and a naive version; its state and its grid."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rainflow as package
from hypothesis import example, given, settings
from hypothesis import strategies as st

from didymos.core.errors import DataError
from didymos.formats.wire import pack, unpack
from didymos.numerics.fatigue import histogram, rainflow
from didymos.numerics.fatigue.rainflow import Cycles, Rainflow
from tests.naive import naive_rainflow

E1049 = [-2, 1, -3, 5, -1, 3, -4, 4, -2]


def counted(x, gate=0.0, pieces=()):
    """[(range, mean, weight)] of one signal, residue included, cut before the samples `pieces`; and the last state."""
    state, parts = rainflow.init(gate=gate), []
    for piece in np.split(np.asarray(x, float), list(pieces)):
        state, part = rainflow.step(state, piece)
        parts.append(part)
    return rows(rainflow.joined(*parts, rainflow.residue(state))), state


def rows(cycles):
    return list(zip(cycles.range.tolist(), cycles.mean.tolist(), cycles.weight.tolist(), strict=True))


def by_range(found):
    total = {}
    for size, _, weight in found:
        total[size] = total.get(size, 0.0) + weight
    return dict(sorted(total.items()))


# bad input


@pytest.mark.parametrize("locations", [0, -1])
def test_no_location_is_refused(locations):
    with pytest.raises(DataError, match=r"locations were given; give 1 or more"):
        rainflow.init(locations)


@pytest.mark.parametrize("gate", [-1.0, np.nan, np.inf])
def test_a_gate_that_is_no_range_is_refused(gate):
    with pytest.raises(DataError, match=r"gate .* is not allowed; give a range >= 0"):
        rainflow.init(1, gate)


@pytest.mark.parametrize("x", [np.zeros((3, 5)), np.zeros((2, 5, 1)), np.zeros(5), 1.0])
def test_samples_of_another_shape_are_refused_and_the_state_stays(x):
    state, _ = rainflow.step(rainflow.init(2), np.array([E1049, E1049]))
    before = pack(state)
    with pytest.raises(DataError, match=r"state of 2 locations; give \(2, samples\)"):
        rainflow.step(state, x)
    assert pack(state) == before


def test_samples_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="the samples are not numbers"):
        rainflow.step(rainflow.init(), ["high", "low"])


def test_what_is_not_finite_is_skipped_and_counted():
    holes = [np.nan, -2, 1, np.nan, -3, np.inf, 5, -1, 3, -np.inf, -4, 4, -2, np.nan]
    found, state = counted(holes)
    assert found == counted(E1049)[0]
    assert state.missing.tolist() == [5]


def test_a_signal_of_nothing_but_gaps_counts_nothing():
    found, state = counted([np.nan] * 7)
    assert (found, state.missing.tolist(), state.depth.tolist()) == ([], [7], [0])


@pytest.mark.parametrize("x", [[], [3.0], [3.0, 3.0, 3.0]])
def test_a_signal_without_a_range_counts_nothing(x):
    assert counted(x)[0] == []


def test_a_residue_that_never_closes_asks_for_a_gate_and_loses_nothing():
    swings = np.arange(5000, 0, -1.0) * (-1.0) ** np.arange(5000)
    state, _ = rainflow.step(rainflow.init(), swings[:100])
    before = pack(state)
    with pytest.raises(DataError, match=r"location 0 holds 4096 shrinking ranges .* Set `gate`"):
        rainflow.step(state, swings[100:])
    assert pack(state) == before
    gated, _ = rainflow.step(rainflow.init(gate=5000.0), swings)
    assert gated.depth[0] < 4096


def test_a_long_residue_doubles_its_row_and_counts_as_the_standard_does():
    swings = np.arange(1000, 0, -1.0) * (-1.0) ** np.arange(1000)
    found, state = counted(swings, pieces=[17, 500])
    assert state.residue.shape == (1, 1024)
    assert found == naive_rainflow.count(swings)


# the standard


def test_the_example_of_e1049_is_exact():
    found, _ = counted(E1049)
    assert by_range(found) == {3.0: 0.5, 4.0: 1.5, 6.0: 0.5, 8.0: 1.0, 9.0: 0.5}
    ordered = [(3, -0.5, 0.5), (4, -1, 0.5), (4, 1, 1), (8, 1, 0.5), (9, 0.5, 0.5), (8, 0, 0.5), (6, 1, 0.5)]
    assert found == ordered


def test_a_report_changes_nothing_and_leaves_the_residue_uncommitted():
    state, _ = rainflow.step(rainflow.init(), E1049[:6])
    before = pack(state)
    first = rows(rainflow.residue(state))
    assert rows(rainflow.residue(state)) == first
    assert pack(state) == before


signals = st.one_of(
    st.lists(st.integers(-4, 4), min_size=3, max_size=60),  # ties and plateaus
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=3, max_size=60),
)


@settings(deadline=None)
@given(signals)
@example([1, 1, 2, 2, 1, 1])
@example([0, 2, 0, 2, 0, 2])
def test_any_signal_counts_as_the_naive_version_does(x):
    assert counted(x)[0] == naive_rainflow.count([float(v) for v in x])


@settings(deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=80))
def test_any_signal_counts_as_the_rainflow_package_does(x):
    """Except that the package counts half a cycle of range 0 where nothing ever moves."""
    expected = [(r, m, w) for r, m, w, *_ in package.extract_cycles([float(v) for v in x]) if r > 0.0]
    assert counted(x)[0] == expected


@pytest.mark.parametrize("seed", range(3))
def test_long_noise_counts_as_the_rainflow_package_does(seed):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(size=20_000)) + rng.normal(size=20_000)
    assert counted(x)[0] == [(r, m, w) for r, m, w, *_ in package.extract_cycles(x)]


@pytest.mark.data
def test_recorded_vibration_with_the_ties_of_a_real_converter_counts_as_the_rainflow_package_does(recorded):
    records = np.load(recorded("cwru_bearing") / "cwru_de_12k.npz")
    for name in records.files[:3]:
        x = records[name].astype(float).ravel()[:30_000]
        assert len(np.unique(x)) < len(x) / 2  # many equal values
        found, state = counted(x, pieces=range(0, len(x), 997))
        assert found == [(r, m, w) for r, m, w, *_ in package.extract_cycles(x)]
        assert state.missing.tolist() == [0]


@settings(deadline=None)
@given(signals, st.data())
def test_where_a_signal_is_cut_changes_neither_counts_nor_the_states_bytes(x, data):
    pieces = sorted(data.draw(st.lists(st.integers(0, len(x)), max_size=8)))
    gate = data.draw(st.sampled_from([0.0, 1.0, 1.5]))
    whole, cut = counted(x, gate), counted(x, gate, pieces)
    assert cut[0] == whole[0]
    assert pack(cut[1]) == pack(whole[1])


def test_random_cuts_of_long_noise_at_many_locations_change_nothing_to_the_byte():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(7, 30_000))
    x[rng.random(x.shape) < 0.01] = np.nan
    whole, cycles = rainflow.step(rainflow.init(7), x)
    state, parts = rainflow.init(7), []
    for piece in np.split(x, np.sort(rng.integers(0, 30_000, 40)), axis=1):
        state, part = rainflow.step(state, piece)
        parts.append(part)
    assert pack(state) == pack(whole)
    for l in range(7):
        assert rows(rainflow.joined(*parts).at(l)) == rows(cycles.at(l))
        alone, mine = rainflow.step(rainflow.init(), x[l])
        assert rows(mine) == rows(cycles.at(l))
        assert alone.missing[0] == whole.missing[l] == np.isnan(x[l]).sum()


def test_a_restart_from_packed_bytes_goes_on_as_though_nothing_had_happened():
    x = np.random.default_rng(2).normal(size=(3, 4000))
    state, _ = rainflow.step(rainflow.init(3, gate=0.3), x[:, :1234])
    back = unpack(Rainflow, pack(state))
    (one, first), (two, second) = rainflow.step(state, x[:, 1234:]), rainflow.step(back, x[:, 1234:])
    assert pack(one) == pack(two)
    assert pack(first) == pack(second)
    assert pack(rainflow.residue(back)) == pack(rainflow.residue(state))
    assert pack(rainflow.residue(one)) == pack(rainflow.residue(two))


@settings(deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=3, max_size=40), st.sampled_from([0.25, 2.0, 1024.0]), st.integers(-64, 64))
def test_scaling_scales_ranges_and_means_and_a_shift_moves_means_only(x, scale, shift):
    """Powers of two and whole numbers: exact in floating point."""
    plain = counted(x)[0]
    assert counted(np.array(x) * scale)[0] == [(r * scale, m * scale, w) for r, m, w in plain]
    assert counted(np.array(x) + shift)[0] == [(r, m + shift, w) for r, m, w in plain]
    assert counted(-np.array(x))[0] == [(r, -m, w) for r, m, w in plain]


@settings(deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=3, max_size=60), st.integers(1, 4))
def test_a_gate_counts_no_range_up_to_it_and_keeps_the_largest_range(x, gate):
    found, _ = counted(x, gate=float(gate))
    assert all(r > gate for r, _, _ in found)
    span = max(x) - min(x)
    assert max((r for r, _, _ in found), default=0) == (span if span > gate else 0)
    open_, _ = counted(x, gate=0.0)
    assert sum(w for _, _, w in found) <= sum(w for _, _, w in open_)


def test_a_gate_takes_noise_off_a_sine_and_leaves_its_cycles():
    t = np.arange(20_000)
    x = 10.0 * np.sin(2 * np.pi * t / 1000) + np.random.default_rng(0).uniform(-0.5, 0.5, t.size)
    found, _ = counted(x, gate=2.0)
    assert sum(w for r, _, w in found if 19.0 < r <= 21.0) == 19.5
    assert [w for r, _, w in found if r <= 19.0] == [0.5, 0.5]  # from the middle to the first crest, from the last trough back


def test_memory_does_not_grow_with_the_load():
    rng = np.random.default_rng(9)
    state, sizes = rainflow.init(5), set()
    for _ in range(60):
        state, _ = rainflow.step(state, rng.normal(size=(5, 20_000)))
        sizes.add(len(pack(state)))
    assert state.residue.shape == (5, rainflow.CAPACITY)
    assert max(sizes) - min(sizes) < 64  # nothing but the digits of `missing` and `gate`


def test_counting_starts_with_the_extreme_that_came_first_when_a_gate_hides_the_first_range():
    found, _ = counted([0, 1, -1, 6], gate=1.5)
    assert found == [(2.0, 0.0, 0.5), (7.0, 2.5, 0.5)]


# the grid


@pytest.mark.parametrize("edges", [(0.0, -1.0, 1.0), (5.0, 1.0, 1.0), (np.nan, 0.0, 1.0), (5.0, 0.0, np.inf)])
def test_a_grid_without_extent_is_refused(edges):
    with pytest.raises(DataError, match="fatigue histogram: ranges to"):
        histogram.empty(1, *edges)


def test_a_grid_for_other_locations_is_refused():
    with pytest.raises(DataError, match=r"a grid of 2 locations was given for 3; make it with empty\(3"):
        histogram.fold(rainflow.init(3), histogram.empty(2, 1.0, 0.0, 1.0), np.zeros((3, 4)))


def test_the_grid_holds_every_cycle_in_its_cell_and_a_long_record_folds_into_the_same_one():
    x = np.random.default_rng(3).normal(size=(4, 40_000))
    grid = histogram.empty(4, 10.0, -3.0, 3.0, ranges=40, means=24)
    state, folded = histogram.fold(rainflow.init(4), grid, x)
    whole, cycles = rainflow.step(rainflow.init(4), x)
    added = histogram.add(grid, cycles)
    assert pack(state) == pack(whole)
    assert pack(folded) == pack(added)
    assert grid.count.sum() == 0.0
    for l in range(4):
        c = cycles.at(l)
        expected, *_ = np.histogram2d(c.range, c.mean, [np.arange(41) * 0.25, -3.0 + np.arange(25) * 0.25], weights=c.weight)
        np.testing.assert_array_equal(added.count[l], expected)
        assert rows(histogram.cells(added, l))[0][2] == added.count[l][added.count[l] > 0][0]
    assert (added.outside == 0.0).all()


def test_what_lies_outside_the_grid_is_kept_told_and_read_at_the_largest_range():
    one = Cycles(np.zeros(3, np.int32), np.array([9.0, 25.0, 31.0]), np.array([0.0, 0.0, 99.0]), np.array([1.0, 1.0, 0.5]))
    grid = histogram.add(histogram.empty(1, 10.0, -1.0, 1.0, 10, 2), one)
    assert grid.outside.tolist() == [1.5]
    assert grid.count.sum() == 2.5
    assert set(histogram.cells(grid, 0).range) == {31.0}


def test_the_damage_sum_from_the_grid_is_near_the_exact_one():
    """Slope 5, 64 rows: the middle of a cell costs m(m-1)/24 (h/r)^2 too little, far below the scatter of any material."""
    x = np.random.default_rng(4).normal(size=100_000)
    _, cycles = rainflow.step(rainflow.init(), x)
    cell = histogram.cells(histogram.add(histogram.empty(1, 10.0, -4.0, 4.0), cycles), 0)
    assert np.sum(cell.weight * cell.range**5) == pytest.approx(np.sum(cycles.weight * cycles.range**5), rel=5e-3)


# the kernel file

SCRIPT = """
from didymos.numerics.fatigue import histogram, rainflow
state, grid = histogram.fold(rainflow.init(), histogram.empty(1, 10.0, -5.0, 5.0), [-2, 1, -3, 5, -1, 3, -4, 4, -2])
print(grid.count.sum(), rainflow._kernel().__file__)
"""


def test_a_read_only_installation_counts_with_its_kernels_elsewhere(tmp_path):
    import shutil

    import didymos

    site = tmp_path / "site"
    shutil.copytree(Path(didymos.__file__).parent, site / "didymos", ignore=shutil.ignore_patterns("__pycache__", "static"))
    folders = [site, *(p for p in site.rglob("*") if p.is_dir())]
    before = sorted(site.rglob("*"))
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    env = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "DIDYMOS_CACHE": str(tmp_path / "cache")}
    try:
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=250, check=False)
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert done.returncode == 0, done.stderr
    total, file = done.stdout.split()
    assert (total, Path(file).parent) == ("2.5", tmp_path / "cache")
    assert sorted(site.rglob("*")) == before


def test_importing_fatigue_does_not_import_numba():
    code = "import sys, didymos.numerics.fatigue.histogram, didymos.numerics.fatigue.planes; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_compiled_passes_are_the_python_ones():
    from didymos.numerics.fatigue import rainflow_source as source

    x = np.array([[0.0, 2.0, 2.0, np.nan, -1.0, 3.0, 0.5, 1.0, -2.0]])
    points = np.empty(12)
    assert source.turning_points(x[0], 1, 9, 0.0, 2.0, 1.0, points)[0] == 5
    compiled = np.empty(12)
    assert rainflow._kernel().turning_points(x[0], 1, 9, 0.0, 2.0, 1.0, compiled)[0] == 5
    np.testing.assert_array_equal(points[:5], compiled[:5])
    assert points[:5].tolist() == [2.0, -1.0, 3.0, 0.5, 1.0]
