"""`didymos fe build`: a wrong file or name is refused by name and writes nothing; a right one gives an artefact that reads back."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from didymos.core.errors import ConfigError, DidymosError
from didymos.core.field import read
from didymos.service.cli import app
from didymos.service.commands.fe_build import job_of

TINY = """
kind = "housing"
name = "tiny"
modes = 8
hot_spots = 2
[shape]
ribs = 3
[box]
stator_heat = [0, 900]
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind = 'gearbox'", "kind = 'gearbox'"),
        ("kind = 'housing'\nmode = 3", "unknown key 'mode'"),
        ("kind = 'housing'\nmodes = 'many'", "modes = 'many'"),
        ("kind = 'housing'\nmodes = 1", "4 to 120"),
        ("kind = 'housing'\nmaterial = 'wood'", "steel_1045"),
        ("kind = 'housing'\nshape = 3", "a table"),
        ("kind = 'housing'\n[shape]\nribz = 3", "unknown key 'ribz'"),
        ("kind = 'housing'\n[shape]\nribs = 2.5", "ribs = 2.5"),
        ("kind = 'housing'\n[shape]\nwall_radius_m = 0.01", "radii"),
        ("kind = 'housing'\n[fineness]\naxial = 0", "1 to 16"),
        ("kind = 'housing'\n[box]\nstator_heat = [5]", "low < high"),
        ("kind = 'housing'\n[box]\nair_film = [-1, 5]", "from 0"),
        ("kind = 'housing'\n[box]\nwind = [0, 5]", "wind"),
        ("kind = ", "TOML 1.0"),
    ],
)
def test_a_wrong_housing_file_is_refused_with_what_was_given_and_what_is_allowed(tmp_path, text, told):
    (tmp_path / "housing.toml").write_text(text)
    with pytest.raises(DidymosError, match=r"(?s)housing\.toml.*Allowed") as caught:
        job_of(str(tmp_path / "housing.toml"))
    assert told in str(caught.value)


def test_an_unknown_name_a_missing_file_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="small, medium, bench"):
        job_of("huge")
    with pytest.raises(ConfigError, match="cannot be read"):
        job_of(str(tmp_path / "none.toml"))
    done = CliRunner().invoke(app, ["fe", "build", "small", "--out", str(tmp_path / "no" / "x.npz")])
    assert "does not exist" in str(done.exception)


def test_a_file_becomes_the_artefact_that_the_command_tells_of(tmp_path):
    (tmp_path / "housing.toml").write_text(TINY)
    out = tmp_path / "tiny.npz"
    done = CliRunner().invoke(app, ["fe", "build", str(tmp_path / "housing.toml"), "--out", str(out), "--json"])
    told = json.loads(done.stdout.splitlines()[-1])
    field = read(out.read_bytes(), told["sha256"])
    assert (field.name, len(field.level), len(field.hot_spots)) == ("tiny", 8, 2)
    assert told["box"]["stator_heat"] == [0, 900, "W"]
    assert told["unknowns"] == len(field.points)
