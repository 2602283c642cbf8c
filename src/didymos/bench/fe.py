"""Published finite-element cases by the three-part rule of `bench.fe_cases.case`, on the solver that this machine offers.

`wall_ratio_calculix` needs CalculiX as a peer and is null: that comparison is not built.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from didymos.bench.estimate import versions
from didymos.bench.fe_cases import CASES, verify
from didymos.core.errors import ConfigError
from didymos.numerics.fe.solve import available


def run(data: Path | None = None, part: str | None = None) -> dict[str, Any]:
    """The figures of DESIGN 8 `fe`. Needs no data; its one part is `cases`."""
    if part not in (None, "cases"):
        raise ConfigError(f"fe: part {part!r} is not known. Allowed: cases.")
    begun, rows, seconds = time.process_time(), [], {}
    for case in CASES.values():
        before = time.process_time()
        rows += verify(case)
        seconds[case.name] = round(time.process_time() - before, 2)
    return {
        "cases": [asdict(row) for row in rows],
        "all_ok": all(row.ok for row in rows),
        "failed": [row.name for row in rows if not row.ok],
        "wall_ratio_calculix": None,
        "calculix": "absent",
        "solver": ", ".join(sorted({row.solver for row in rows})),
        "solvers_available": list(available()),
        "cpu_s": round(time.process_time() - begun, 1),
        "case_cpu_s": seconds,
        "versions": versions("numpy", "scipy", "scikit-fem", "pyamg"),
    }
