"""STEP to tetrahedra: broken files are named without a mesher; with gmsh, volumes are those of the CAD, in metres."""

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from didymos.core.errors import ConfigError, DataError, SolveError
from didymos.numerics.fe import cad, elastic, imported
from didymos.numerics.fe.cad import Meshing, mesh_step
from tests.verify.fe_rig import STEEL


def has_gmsh():
    python = os.environ.get("DIDYMOS_CAD_PYTHON", "") or sys.executable
    return subprocess.run([python, "-c", "import gmsh"], capture_output=True, check=False).returncode == 0


needs_gmsh = pytest.mark.skipif(not has_gmsh(), reason=f"gmsh is not here; {cad.INSTALL}")
WHOLE = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"solid cube\nfacet normal", "does not begin with ISO-10303-21"),
        (WHOLE[:30], "the file was cut off"),
        (b"\x1f\x8b\x08 ISO-10303-21", "compressed. Unpack it"),
    ],
)
def test_a_file_that_is_no_whole_step_is_told_before_a_mesher_is_asked(tmp_path, content, said):
    path = tmp_path / "part.step"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        mesh_step(path, Meshing(python="/nowhere/python"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        mesh_step(tmp_path / "part.step")


def fake(tmp_path, body):
    """An interpreter of our own making: what the child says, without gmsh."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("""echo '{"error": "no_gmsh", "text": "No module named gmsh"}'""", ConfigError, r"didymos\[cad\].*libglu1-mesa"),
        ("""echo '{"error": "no_library", "text": "libGLU.so.1"}'""", ConfigError, "apt-get install libglu1-mesa"),
        ("echo 'libGLU.so.1: cannot open shared object file' >&2; exit 1", ConfigError, "apt-get install libglu1-mesa"),
        ("""echo '{"error": "no_solid", "text": "0"}'""", DataError, "holds no geometry"),
        ("""echo '{"error": "no_solid", "text": "4"}'""", DataError, "4 surfaces but no closed solid"),
        ("""echo '{"error": "zero_solid", "text": "0"}'""", DataError, "a solid with a volume of 0 m³"),
        ("""echo '{"error": "gmsh", "text": "Invalid boundary mesh."}'""", SolveError, "Invalid boundary mesh. Repair the solid"),
        ("kill -SEGV $$", SolveError, "ended with -11 and no answer"),
        ("sleep 5", SolveError, "took more than 0.2 s. Take larger elements"),
    ],
)
def test_whatever_the_mesher_s_process_does_becomes_a_named_error(tmp_path, body, error, said):
    path = tmp_path / "part.step"
    path.write_bytes(WHOLE)
    with pytest.raises(error, match=said):
        mesh_step(path, Meshing(python=fake(tmp_path, body), timeout_s=0.2 if "sleep" in body else 30.0))


def test_an_interpreter_that_does_not_exist_is_named(tmp_path):
    path = tmp_path / "part.step"
    path.write_bytes(WHOLE)
    with pytest.raises(ConfigError, match="DIDYMOS_CAD_PYTHON names '/nowhere/python'"):
        mesh_step(path, Meshing(python="/nowhere/python"))


@pytest.mark.parametrize("given", [{"size_m": -1.0}, {"size_m": float("nan")}, {"order": 3}, {"per_turn": -1}])
def test_a_meshing_that_cannot_be_is_refused(given):
    with pytest.raises(ConfigError, match="Allowed"):
        Meshing(**given)


def test_the_child_needs_nothing_of_didymos(tmp_path):
    job = tmp_path / "job.json"
    job.write_text("{}")
    done = subprocess.run([sys.executable, "-I", str(cad.CHILD), str(job), "x"], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert answer["error"] in ("no_gmsh", "gmsh", "no_library")


@needs_gmsh
@pytest.mark.parametrize(
    ("file", "volume_m3"),
    [("mayo/cube.step", 1e-6), ("pythonocc/test_ocaf.stp", 1e-3), ("stepcode/FOOT_BACK_000.stp", 2.40368e-6)],
)
def test_recorded_parts_have_the_volume_of_their_cad_in_metres(recorded, file, volume_m3):
    size = 0.3 * volume_m3 ** (1 / 3)
    found = mesh_step(recorded("step_files") / file, Meshing(size_m=size))
    assert found.volume_m3 == pytest.approx(volume_m3, rel=1e-3)
    b = elastic.body(imported.solid(found.raw), STEEL, "solid")
    assert float(np.sum(b.basis.dx)) == pytest.approx(found.volume_m3, rel=1e-3)


@needs_gmsh
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("pythonocc_demos/splinecage.stp", "4 surfaces but no closed solid"),
        ("stepcode/HEAD.stp", "holds no geometry"),
        ("stepcode/HEAD_BACK.stp", "overlapping facets"),
    ],
)
def test_recorded_files_without_a_sound_solid_are_named(recorded, file, said):
    with pytest.raises((DataError, SolveError), match=said):
        mesh_step(recorded("step_files") / file)


@needs_gmsh
def test_a_recorded_file_cut_in_its_middle_is_named(recorded, tmp_path):
    whole = (recorded("step_files") / "mayo" / "cube.step").read_bytes()
    for keep, text in ((0.5, "cut off"), (1.0, None)):
        path = tmp_path / "cut.step"
        path.write_bytes(whole[: int(keep * len(whole))])
        if text:
            with pytest.raises(DataError, match=text):
                mesh_step(path)
        else:
            assert mesh_step(path, Meshing(size_m=0.01)).solids == 1
    path.write_bytes(whole[: len(whole) // 2] + b"\nENDSEC;\nEND-ISO-10303-21;\n")
    with pytest.raises((DataError, SolveError)):
        mesh_step(path)


@needs_gmsh
def test_half_the_element_size_gives_about_eight_times_the_elements(recorded):
    path = recorded("step_files") / "mayo" / "cube.step"
    coarse, fine = (len(mesh_step(path, Meshing(size_m=size)).raw.elements) for size in (0.004, 0.002))
    assert 4.0 < fine / coarse < 16.0
