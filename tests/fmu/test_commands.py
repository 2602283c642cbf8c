"""`didymos fmu`: whole runs from a CSV to a CSV, and what is said of bad input."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from didymos.core.errors import ConfigError, DataError, ModelError, SolveError
from didymos.service.cli import app


def fmu(*words: object) -> str:
    """Output of `didymos fmu ...`; the error itself where it fails."""
    done = CliRunner().invoke(app, ["fmu", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_inputs_of_a_csv_in_their_own_units_drive_the_fmu_and_what_was_measured_is_compared(probes, tmp_path):
    rows = "time,u [m3/s],x\n0,1e-3,0\n1,1e-3,\n2,2e-3,110\n4,2e-3,220\n"  # 1e-3 m3/s are 60 l/min; the gain is 2
    (tmp_path / "in.csv").write_text(rows)
    said = fmu("run", probes(2), "--inputs", tmp_path / "in.csv", "--step", 0.5, "--output", tmp_path / "out.csv", "--json")
    found = json.loads(said.splitlines()[-1])
    x2 = 120.0 * (1.0 - 2.718281828459045**-2.0)
    x4 = 240.0 + (x2 - 240.0) * 2.718281828459045**-2.0
    assert found["steps"] == 8
    assert found["last"]["x"] == pytest.approx(x4)
    residual = found["residuals"][0]
    assert (residual["output"], residual["readings"]) == ("x", 3)
    assert residual["bias"] == pytest.approx(((110.0 - x2) + (220.0 - x4)) / 3.0)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "time,x,steps"
    assert lines[1] == "0.0,0.0,0.0"
    assert len(lines) == 10


def test_check_says_what_an_fmu_is_and_that_it_runs(probes):
    found = json.loads(fmu("check", probes(3), "--json").splitlines()[-1])
    assert found["ok"]
    assert found["problems"] == []
    assert found["inputs"][0] == {"name": "u", "unit": "l/min", "type": "Float64", "size": 1, "tunable": False, "start": 0.0}


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (
            "time,v\n0,1\n1,1\n",
            ConfigError,
            "column 'v' is neither an input nor an output that is read. Inputs: u; outputs: x, steps",
        ),
        ("t,u\n0,1\n", DataError, "one must be `time`"),
        ("time [min],u\n0,1\n1,1\n", ConfigError, "time is in 'min'. Allowed: s"),
        ("time,u [bar]\n0,1\n1,1\n", ConfigError, "'bar' does not measure the same thing"),
        ("time,u [furlong/fortnite]\n0,1\n1,1\n", ConfigError, "is not known"),
        ("time,steps [m]\n0,1\n1,1\n", ConfigError, "'steps' has no unit in the FMU"),
        ("time,u\n0,1\n0,2\n", DataError, "line 3: time does not rise"),
        ("time,u\n0,1\n1\n", DataError, "line 3: 1 fields"),
        ("time,u\n0,one\n", DataError, "line 2: 'one' is not a number"),
        ("time,u\n", DataError, "at least one row"),
        ("time,u\n0,1\n1,\n2,1\n", DataError, "input 'u' is nan"),
    ],
)
def test_a_csv_that_is_wrong_is_named(probes, tmp_path, text, error, said):
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(error, match=said):
        fmu("run", probes(2), "--inputs", tmp_path / "in.csv", "--step", 0.5, "--output", tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]  # no half output


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--step", "-1"), ConfigError, "step -1.0 s; it must be above 0"),
        (("--stop", "-1"), ConfigError, "is not after start"),
        (("--step", "1e-12"), ConfigError, "are allowed"),
        (("--set", "gain"), ConfigError, "write name=value"),
        (("--set", "mood=x"), ConfigError, "write name=value"),
        (("--set", "gian=1"), ModelError, "no variable 'gian'"),
        (("--read", "speed"), ModelError, "no variable 'speed'"),
        (("--sha256", "00"), DataError, "not 00 as pinned"),
        (("--wall", "0"), ConfigError, "wall_s is 0"),
    ],
)
def test_words_that_make_no_sense_are_named(probes, words, error, said):
    with pytest.raises(error, match=said):
        fmu("run", probes(2), *words)


def test_an_output_that_exists_is_not_written_over(probes, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        fmu("run", probes(2), "--stop", 1, "--output", tmp_path / "out.csv")


def test_a_run_that_fails_leaves_no_half_output(probes, tmp_path):
    with pytest.raises(SolveError, match="SIGSEGV"):
        fmu("run", probes(2), "--stop", 1, "--set", "mood=1", "--set", "after=0.5", "--output", tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_export_names_what_it_cannot_write(tmp_path):
    with pytest.raises(ConfigError, match=r"model 'pomp' is not known\. Allowed: .*centrifugal_pump"):
        fmu("export", "pomp", "-o", tmp_path / "a.fmu")
    with pytest.raises(ConfigError, match=r"FMI version '1\.0'"):
        fmu("export", "fan", "-o", tmp_path / "a.fmu", "--fmi", 1)
    assert list(tmp_path.iterdir()) == []
