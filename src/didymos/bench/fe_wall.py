"""Wall time of one static solution against CalculiX: same mesh, supports and nodal forces; 124 k unknowns, quadratic tetrahedra.

Runs alternate, ours first, each in a process of its own with one thread. Ours: from the mesh in memory to every displacement
(`bench.fe_part`). CalculiX's own reading is set apart: the same deck without its step is timed beside each run and subtracted, and
one node is printed instead of all. Where another process takes the processor, wall time says little: CPU seconds stand beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from didymos.bench import calculix, fe_part
from didymos.core.errors import SolveError
from didymos.numerics.fe import elastic
from didymos.numerics.fe.solve import available

REPEATS = 5
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def best_solver() -> str:
    """CHOLMOD, PARDISO, or multigrid: what `auto` takes at this size."""
    return next(name for name in available() if name != "superlu")


def child(thousand: int, solver: str, timeout_s: float = 600.0) -> dict[str, Any]:
    """`bench.fe_part` in a process with one thread."""
    shape = map(str, fe_part.SIZES[thousand])
    command = [sys.executable, "-m", "didymos.bench.fe_part", *shape, solver]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise SolveError(
            f"bench fe: the process that solves {thousand} k unknowns ended with {done.returncode}: {done.stderr[-500:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def memory(solvers: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Peak memory of a whole process at 300 k unknowns by each of these solvers; none named: all that are here but SuperLU."""
    keys = ("unknowns", "blas", "peak_mb", "wall_s", "cpu_s", "seconds")
    names = solvers or [name for name in available() if name != "superlu"]
    return {name: {key: found[key] for key in keys} for name in names for found in [child(300, name)]}


def against_calculix(repeats: int = REPEATS) -> dict[str, Any]:
    """Medians, their ratio, and how far the displacements are apart."""
    body = elastic.body(fe_part.mesh(*fe_part.SIZES[122]), fe_part.STEEL, "solid")
    _, rows, force = fe_part.loaded(body)
    job = calculix.deck(body, rows, force)
    whole = np.linalg.norm(calculix.run(job).rows, axis=1).max()
    job, ours, peer, reading = replace(job, print_nodes=(0,)), [], [], []
    for _ in range(repeats):
        ours.append(child(122, best_solver()))
        reading.append(calculix.run(replace(job, analysis=False)))
        peer.append(calculix.run(job))
    wall = [p.wall_s - r.wall_s for p, r in zip(peer, reading, strict=True)]
    cpu = [p.cpu_s - r.cpu_s for p, r in zip(peer, reading, strict=True)]
    mine = {key: median(run[key] for run in ours) for key in ("wall_s", "cpu_s", "peak_mb")}
    return {
        "unknowns": body.unknowns,
        "solver": ours[0]["solver"],
        "blas": ours[0]["blas"],
        "ours": mine | {name: median(run["seconds"][name] for run in ours) for name in ours[0]["seconds"]},
        "calculix": {"wall_s": median(wall), "cpu_s": median(cpu), "reading_s": median(r.wall_s for r in reading)},
        "wall_ratio": mine["wall_s"] / median(wall),
        "cpu_ratio": mine["cpu_s"] / median(cpu),
        "runs_wall_s": [[run["wall_s"], w] for run, w in zip(ours, wall, strict=True)],
        "displacement_apart": abs(ours[0]["largest_m"] / float(whole) - 1.0),
    }
