"""Published finite-element cases by the three-part rule of `bench.fe_cases.case`, on the solver that this machine offers.

Parts: `cases`; `wall` against CalculiX where `ccx` is installed; `memory` at 300 k unknowns. `wall_ratio_calculix` is given with
CHOLMOD on an optimised BLAS only, as the figure is defined; with another solver look at `wall`.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from didymos.bench import calculix, fe_wall
from didymos.bench.estimate import versions
from didymos.bench.fe_cases import CASES, verify
from didymos.core.errors import ConfigError
from didymos.numerics.fe.solve import available


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of DESIGN 8 `fe`. Needs no data."""
    if part not in (None, *PARTS):
        raise ConfigError(f"fe: part {part!r} is not known. Allowed: {', '.join(PARTS)}.")
    found: dict[str, Any] = {}
    for name, work in PARTS.items():
        if part in (None, name):
            found |= work()
    return found | {
        "solvers_available": list(available()),
        "versions": versions("numpy", "scipy", "scikit-fem", "pyamg", "scikit-sparse"),
    }


def _cases() -> dict[str, Any]:
    begun, rows, seconds = time.process_time(), [], {}
    for case in CASES.values():
        before = time.process_time()
        rows += verify(case)
        seconds[case.name] = round(time.process_time() - before, 2)
    return {
        "cases": [asdict(row) for row in rows],
        "all_ok": all(row.ok for row in rows),
        "failed": [row.name for row in rows if not row.ok],
        "solver": ", ".join(sorted({row.solver for row in rows})),
        "cpu_s": round(time.process_time() - begun, 1),
        "case_cpu_s": seconds,
    }


def _wall() -> dict[str, Any]:
    if calculix.found() is None:
        return {"wall_ratio_calculix": None, "calculix": calculix.ABSENT}
    wall = fe_wall.against_calculix()
    as_defined = wall["solver"] == "cholmod" and wall["blas"] == "optimised"
    return {"wall_ratio_calculix": wall["wall_ratio"] if as_defined else None, "calculix": "present", "wall": wall}


PARTS = {"cases": _cases, "wall": _wall, "memory": lambda: {"memory": fe_wall.memory()}}
