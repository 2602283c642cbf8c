"""Published cases by the three-part rule, the rule itself, and the command. The longest cases are `slow`."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from didymos.bench import fe_cases
from didymos.bench.fe_cases.case import Answer, Case, corner_exponent, judge
from didymos.numerics.fe.converge import extrapolated, observed_order
from didymos.service.cli import app

LONG = ("le10", "macneal")  # of which the suite solves one coarse mesh
COARSER = {"kirsch": (12, 24, 48), "goodier": (8, 16, 32), "le1": (4, 8, 16)}  # the rule holds on these already
TEXT = CliRunner()


def assert_holds(one):
    for row in fe_cases.verify(one):
        assert row.ok, f"{row.name}: {row.why}; values {row.values}"
        assert row.order_theory is None or row.order is None or row.order >= row.order_theory - 0.5


@pytest.mark.parametrize("name", [name for name in fe_cases.CASES if name not in LONG])
def test_published_case_holds_in_all_three_parts(name):
    one = fe_cases.CASES[name]
    assert_holds(replace(one, levels=COARSER.get(name, one.levels)))


def test_the_beam_of_macneal_and_harder_is_near_its_targets_on_a_coarse_mesh():
    one = fe_cases.CASES["macneal"]
    for (label, target), value in zip(one.targets, one.solve(2).values, strict=True):
        assert value == pytest.approx(target, rel=0.02), label


@pytest.mark.slow
@pytest.mark.parametrize("name", [*LONG, *COARSER])
def test_published_case_holds_on_its_own_meshes(name):
    assert_holds(fe_cases.CASES[name])


def case(levels=(4, 8, 16), order=2.0, band=0.01, **more):
    return Case("made", "made up", "1", (("x", 1.0),), "none", band, order, levels, lambda n: Answer((0.0,), 1, "none"), **more)


def judged(values, **more):
    return judge(case(**more), [Answer((v,), 10, "superlu") for v in values])[0]


def test_the_rule_passes_a_value_that_converges_to_its_target():
    row = judged([1.0 + 0.1 / n**2 for n in (4, 8, 16)])
    assert row.ok
    assert row.order == pytest.approx(2.0)
    assert row.converged == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.05 + 0.1 / n**2 for n in (4, 8, 16)], "off the target"),
        ([1.0 + 1.0 / n**2 for n in (4, 8, 16)], "from the converged value"),
        ([1.0 + 0.01 / n for n in (4, 8, 16)], "observed order 1.00; theory 2.00"),
        ([1.002, 0.999, 1.001], "not monotone"),
        ([1.0, float("nan"), float("nan")], "off the target"),
    ],
)
def test_the_rule_fails_each_part_for_its_own_reason(values, reason):
    row = judged(values)
    assert not row.ok
    assert reason in row.why


def test_exact_values_have_no_order_and_locked_cases_only_the_first_part():
    assert judged([1.0, 1.0, 1.0]).order is None
    locked = judge(case(levels=(4,), locked="its mesh is published"), [Answer((1.004,), 10, "superlu")])[0]
    assert locked.ok
    assert (locked.converged, locked.order, locked.why) == (None, None, "its mesh is published")
    assert not judge(case(levels=(4,), locked="why"), [Answer((1.2,), 10, "superlu")])[0].ok


@pytest.mark.parametrize("levels", [(1, 2, 4), (2, 3, 4), (4, 6, 9)])
@pytest.mark.parametrize("order", [1.0, 2.0, 3.7])
def test_order_and_limit_are_those_of_a_made_up_sequence(levels, order):
    values = [5.0 - 0.3 / n**order for n in levels]
    assert observed_order(values, levels) == pytest.approx(order, rel=1e-6)
    assert extrapolated(values, levels, order) == pytest.approx(5.0, rel=1e-12)


def test_corner_exponents_are_those_of_williams():
    # clamped-free corner of 90 degrees, nu = 0.3: 0.7112 plane strain, 0.7583 plane stress
    assert corner_exponent(np.pi / 2.0, 3.0 - 4.0 * 0.3) == pytest.approx(0.7112, abs=5e-4)
    assert corner_exponent(np.pi / 2.0, (3.0 - 0.3) / 1.3) == pytest.approx(0.7583, abs=5e-4)
    assert corner_exponent(np.pi / 3.0, 1.8) > corner_exponent(np.pi / 2.0, 1.8)


def test_every_case_names_its_source_and_its_band_is_the_design_s():
    wide = {"le10": 0.02, "le11": 0.02, "t4": 0.02, "t1": 0.05}
    for name, one in fe_cases.CASES.items():
        assert one.source
        assert one.band == wide.get(name, 0.01)
        assert len(one.levels) >= 3 or one.locked


def test_verify_prints_a_verdict_for_each_target_and_exits_zero():
    result = TEXT.invoke(app, ["fe", "verify", "t2", "fv52"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert all(
        word in result.output
        for word in ("t2", "fv52.10", "locked", "exact", "superlu" if "superlu" in result.output else "solver")
    )


def test_verify_answers_in_json_with_the_design_s_keys():
    result = TEXT.invoke(app, ["fe", "verify", "lame", "--json"])
    answer = json.loads(result.stdout.strip().splitlines()[-1])
    assert answer["all_ok"] is True
    assert {"name", "target", "got", "rel_err", "band", "converged", "order", "ok"} <= set(answer["cases"][0])


def test_verify_exits_one_when_a_case_fails_and_says_why(monkeypatch):
    wrong = case()
    monkeypatch.setitem(fe_cases.CASES, "made", wrong)
    result = TEXT.invoke(app, ["fe", "verify", "made"], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "off the target by -100.00%" in result.output
    assert "FAILS" in result.output


def test_verify_names_the_cases_when_one_is_unknown():
    result = TEXT.invoke(app, ["fe", "verify", "le2"])
    assert result.exit_code != 0
    assert "case 'le2' is not known. Allowed: lame, kirsch" in str(result.exception)


def test_bench_refuses_a_part_that_it_has_not():
    from didymos.bench.fe import run
    from didymos.core.errors import ConfigError

    with pytest.raises(ConfigError, match="Allowed: cases, wall, memory"):
        run(part="rom")
