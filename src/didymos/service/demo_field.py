"""The demo's spindle housings: one Field artefact, built once per computer by `didymos fe build`, and the lines that bind it.

The simulated spindles have no thermocouples on their housings, so the field runs on what the lumped model believes: heat through
the bearing rings, the motor's heat, bearing forces. Bands are as wide as that allows.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from didymos import __version__
from didymos.core.field import FORMAT, digest
from didymos.numerics.cache import wanted_directory, writable

log = logging.getLogger(__name__)

BUILD = ("fe", "build", "small", "--modes", "20")
SOURCES = ("assets/housing.py", "assets/housing_field.py", "assets/engineering_solids.py", "core/field.py")
PATIENCE_S = 120.0
INPUTS = {
    "front_heat": '"spindle.front_heat_W"',
    "rear_heat": '"spindle.rear_heat_W"',
    "stator_heat": '"spindle.motor_heat_W"',
    "coolant_temperature": '"channel:ambient_temperature"',
    "ambient_temperature": '"channel:ambient_temperature"',
    "flange_temperature": '"channel:ambient_temperature"',
    "coolant_film": "250.0",
    "air_film": "12.0",
    "flange_conductance": "1500.0",
    "front_force": '"spindle.front_force_N"',
    "rear_force": '"spindle.rear_force_N"',
}


def demo_field(folder: Path) -> str:
    """The line for each spindle of the template; empty, with a warning, when the artefact cannot be built here."""
    kept = wanted_directory().parent / "fields"
    name = f"housing-{recipe()}.npz"
    built = (kept if writable(kept) else folder) / name
    if not built.exists() and not _build(built):
        return ""
    here = folder / "housing.npz"
    shutil.copyfile(built, here)
    inputs = ", ".join(f"{key} = {value}" for key, value in INPUTS.items())
    row = f'component = "housing", artefact = "housing.npz", sha256 = "{digest(here.read_bytes())}", inputs = {{ {inputs} }}'
    return f"field = [ {{ {row} }} ]"


def recipe() -> str:
    """Hash of everything that the artefact is made by."""
    package = files("didymos")
    reduced = sorted(f.name for f in package.joinpath("numerics/rom").iterdir() if f.name.endswith(".py"))
    sources = (*SOURCES, *(f"numerics/rom/{name}" for name in reduced))
    whole = hashlib.sha256(" ".join((__version__, FORMAT, *BUILD)).encode())
    for source in sources:
        whole.update(package.joinpath(source).read_bytes())
    return whole.hexdigest()[:16]


def _build(out: Path) -> bool:
    """In a child, so that the demo never holds the finite-element code; complete or not at all."""
    draft = out.with_suffix(f".{id(out)}.part")
    command = [sys.executable, "-m", "didymos.service.cli", *BUILD, "--out", str(draft), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode == 0:
            draft.replace(out)
            return True
        log.warning("the spindles go without their housing field: %s", done.stderr.strip()[-400:])
    except (subprocess.TimeoutExpired, OSError) as error:
        log.warning("the spindles go without their housing field: %s", error)
    finally:
        draft.unlink(missing_ok=True)
    return False
