"""FMPy's own checks of an FMU (schema, names, model structure, units), in a child process like everything of FMPy."""

from __future__ import annotations

import tempfile
from pathlib import Path

from didymos.assets.fmu.process import Child, Limits, Lost
from didymos.core.errors import SolveError


def problems(path: Path, limits: Limits) -> list[str]:
    """What FMPy finds wrong; empty when nothing is. The file must have passed `formats.fmu.read_fmu` before."""
    with tempfile.TemporaryDirectory(prefix="didymos-fmu-") as folder:
        child = Child(limits, Path(folder))
        try:
            found, _ = child.ask({"do": "validate", "path": str(path.resolve())}, wall_s=limits.wall_s + 30.0)
        except Lost as lost:
            raise SolveError(f"{path.name}: the process that checks it {lost}. Raise --wall or --memory.") from lost
        finally:
            child.close()
    return [str(text) for text in found]
