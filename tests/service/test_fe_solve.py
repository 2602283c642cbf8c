"""`didymos fe solve`: figures with units, solver named, files written, mistakes told with their lines."""

import json

import pytest
from tests.plant.part_rig import BEAM, PLATE
from typer.testing import CliRunner

from didymos.core.errors import ConfigError
from didymos.service.cli import app

TEXT = CliRunner()
COARSE = BEAM.replace("[8, 1, 1]", "[2, 1, 1]")


def run(tmp_path, text, *arguments):
    path = tmp_path / "part.toml"
    path.write_text(text)
    return TEXT.invoke(app, ["fe", "solve", str(path), *arguments])


def last(result):
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout.strip().splitlines()[-1])


def test_figures_come_with_units_and_the_solver_with_its_blas(tmp_path):
    result = run(tmp_path, COARSE)
    assert result.exit_code == 0, result.exception
    assert "end.u_z" in result.output
    assert "unknowns, solver" in result.output
    answer = last(run(tmp_path, COARSE, "--json"))
    assert answer["figures"]["reaction_z"] == {"value": pytest.approx(100.0), "unit": "N"}
    assert answer["solver"]
    assert answer["blas"]
    assert answer["converged"] == {}


def test_refining_adds_order_limit_and_error(tmp_path):
    text = PLATE.replace("[8, 1]", "[1, 1]").replace("= 20.0", "= [[300, 10.0], [500, 30.0]]")
    result = run(tmp_path, text, "--converge")
    assert result.exit_code == 0, result.exception
    assert "extrapolated" in result.output
    answer = last(run(tmp_path, text, "--converge", "--json"))
    assert len(answer["converged"]["end.temperature"]["values"]) == 3


def test_files_are_written_where_asked(tmp_path):
    out = tmp_path / "beam.vtu"
    assert last(run(tmp_path, COARSE, "--out", str(out), "--json"))["out"] == str(out)
    assert out.read_bytes().startswith(b"<?xml")
    text = PLATE.replace('"heat"', '"transient"').replace("[[temperature]]", "[heat]\nstep_s = 100\nsteps = 3\n[[temperature]]")
    curve = tmp_path / "curve.csv"
    last(run(tmp_path, text, "--out", str(curve), "--json"))
    lines = curve.read_text().splitlines()
    assert lines[0] == "time_s,lowest_K,highest_K,end_K"
    assert [float(line.split(",")[0]) for line in lines[1:]] == [100.0, 200.0, 300.0]


def test_mistakes_are_told_together_and_nothing_is_solved(tmp_path):
    result = run(tmp_path, BEAM.replace("poisson = 0.0", "poisson = 0.5").replace("-100.0]", "nan]"))
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).count("part.toml:") == 2
