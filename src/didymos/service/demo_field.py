"""The demo's spindle housings: one Field artefact, built once per computer by `didymos fe build`, and the lines that bind it.

Four thermocouples on each housing measure it, a fifth the headstock behind its flange; what the lumped model believes of heat
through the bearing rings, of the motor's heat and of bearing forces is where the filter starts from. How far the field then is
from the virtual line's own full model: `didymos bench housing`.
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


def demo_field(folder: Path) -> str:
    """The line for each spindle of the template; empty, with a warning, when the artefact cannot be built here."""
    from didymos.plant.virtual.template import housing_line

    kept = wanted_directory().parent / "fields"
    name = f"housing-{recipe()}.npz"
    built = (kept if writable(kept) else folder) / name
    if not built.exists() and not _build(built):
        return ""
    here = folder / "housing.npz"
    shutil.copyfile(built, here)
    return housing_line(here.name, digest(here.read_bytes()))


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
