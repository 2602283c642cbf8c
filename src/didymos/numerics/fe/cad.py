"""STEP to a mesh of tetrahedra, by gmsh in a process of its own (extra `cad`; any interpreter that has it: DIDYMOS_CAD_PYTHON).

    mesh_step(path, Meshing(size_m=0.004)) -> Meshed: Raw arrays in metres, and what the mesher said

What is wrong with the file is told before gmsh is asked, as far as its text shows it. Verified: tests/verify/test_fe_cad.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from didymos.core.errors import ConfigError, DataError, ModelError, SolveError
from didymos.numerics.fe.imported import Raw

CHILD = Path(__file__).with_name("gmsh_child.py")
LIBRARIES = "libglu1-mesa libgl1 libxrender1 libxcursor1 libxfixes3 libxft2 libxinerama1"
INSTALL = (
    'pip install "didymos[cad]" (GPL), or name a Python that has gmsh in DIDYMOS_CAD_PYTHON; '
    f"on Debian also: apt-get install {LIBRARIES}"
)


@dataclass(frozen=True, slots=True)
class Meshing:
    """Largest element [m] (0: a twelfth of the part), elements per full turn of a curve, order 1 or 2, time limit."""

    size_m: float = 0.0
    per_turn: int = 12
    order: int = 2
    timeout_s: float = 600.0
    python: str = ""

    def __post_init__(self) -> None:
        if not (0.0 <= self.size_m < 1e3 and 0 <= self.per_turn <= 360 and self.order in (1, 2)):
            raise ConfigError(
                f"mesh: size_m {self.size_m}, per_turn {self.per_turn}, order {self.order}. Allowed: 0 to 1000 m, 0 to 360, 1 or 2."
            )


@dataclass(frozen=True, slots=True)
class Meshed:
    raw: Raw
    solids: int
    volume_m3: float
    size_m: float
    straightened: int  # elements whose sides are straight where the CAD bends
    mesher: str


def mesh_step(path: Path, how: Meshing | None = None) -> Meshed:
    """DataError for a file that is no whole STEP or holds no solid; ConfigError without gmsh; SolveError when meshing fails."""
    how = how or Meshing()
    check_step(path)
    with tempfile.TemporaryDirectory() as folder:
        job, out = Path(folder) / "job.json", Path(folder) / "mesh.npz"
        size = {"step": str(path.resolve()), "size_m": how.size_m, "per_turn": how.per_turn, "order": how.order}
        job.write_text(json.dumps(size))
        answer = _asked(path, how, [str(job), str(out)])
        if "error" in answer:
            raise _error(path, answer["error"], answer["text"])
        with np.load(out, allow_pickle=False) as arrays:
            raw = Raw(arrays["nodes"], arrays["elements"], "tet10" if how.order == 2 else "tet4")
    return Meshed(raw, answer["solids"], answer["volume_m3"], answer["size_m"], answer["straightened"], f"gmsh {answer['gmsh']}")


def check_step(path: Path) -> None:
    """DataError when the text is no STEP file, or not a whole one."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file. Give the path of a STEP file (.step, .stp).")
    data = path.read_bytes()
    if not data.strip():
        raise DataError(f"{path.name}: the file is empty. Export it again as STEP (AP203, AP214, AP242).")
    if data[:2] == b"\x1f\x8b":
        raise DataError(f"{path.name}: the file is compressed. Unpack it first (gunzip).")
    if b"ISO-10303-21" not in data[:2000]:
        raise DataError(
            f"{path.name}: it does not begin with ISO-10303-21, so it is no STEP file. Export it as STEP (AP203, AP214, AP242)."
        )
    if b"END-ISO-10303-21" not in data[-2000:]:
        raise DataError(f"{path.name}: END-ISO-10303-21 is missing at the end: the file was cut off. Copy or export it again.")


def _asked(path: Path, how: Meshing, arguments: list[str]) -> dict[str, Any]:
    python = how.python or os.environ.get("DIDYMOS_CAD_PYTHON", "") or sys.executable
    try:
        done = subprocess.run([python, str(CHILD), *arguments], capture_output=True, text=True, timeout=how.timeout_s, check=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"mesh: DIDYMOS_CAD_PYTHON names {python!r}, which does not exist. Allowed: a Python with gmsh. {INSTALL}."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SolveError(
            f"{path.name}: meshing took more than {how.timeout_s:g} s. Take larger elements (size_m) or a longer limit."
        ) from error
    lines = done.stdout.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        said = done.stderr.strip()[-300:]
        if "cannot open shared object" in said:
            raise _error(path, "no_library", said) from error
        raise SolveError(
            f"{path.name}: the mesher ended with {done.returncode} and no answer. {said} Repair the solid in CAD."
        ) from error


def _error(path: Path, kind: str, text: str) -> ModelError | ConfigError | DataError | SolveError:
    if kind == "no_gmsh":
        return ConfigError(f"mesh: STEP files need gmsh, which is not here ({text}). {INSTALL}.")
    if kind == "no_library":
        return ConfigError(f"mesh: gmsh cannot load a system library ({text}). On Debian: apt-get install {LIBRARIES}.")
    if kind == "no_solid" and text == "0":
        return DataError(
            f"{path.name}: the file holds no geometry. Allowed: at least one solid. Export the shape, not only its data."
        )
    if kind == "no_solid":
        return DataError(
            f"{path.name}: {text} surfaces but no closed solid. Allowed: at least one. Close the shell in CAD, export as solid."
        )
    if kind == "zero_solid":
        return DataError(f"{path.name}: a solid with a volume of {text} m³: it is empty or turned inside out. Repair it in CAD.")
    return SolveError(f"{path.name}: gmsh: {text} Repair the solid in CAD (sew, remove slivers), or take another size_m.")
