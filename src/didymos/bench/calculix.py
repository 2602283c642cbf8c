"""CalculiX as a program of its own, where `ccx` is installed: one deck in a folder of its own, one thread, its answer and times."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import SolveError
from didymos.formats import calculix
from didymos.numerics.fe import order
from didymos.numerics.fe.elastic import Body

Array = NDArray[np.float64]
ABSENT = "ccx (CalculiX) is not installed; on Debian: apt-get install calculix-ccx"


@dataclass(frozen=True, slots=True)
class Run:
    """Rows (nodes, components), wall and CPU seconds of the process, and what it said."""

    rows: Array
    wall_s: float
    cpu_s: float
    said: str


def found() -> str | None:
    """Path of the program."""
    return shutil.which("ccx")


def deck(body: Body, fixed: list[tuple[int, int, float]], load: Array) -> calculix.Deck:
    """Our solid with its supports and nodal forces (n,)."""
    loads = [(int(i) // 3, int(i) % 3, float(load[i])) for i in np.flatnonzero(load)]
    material = body.material
    nodes, elements = body.nodes.T, order.elements(body.basis)
    return calculix.Deck(nodes, elements, order.family(body.basis), fixed, loads, material.young_Pa, material.poisson)


def run(job: calculix.Deck, timeout_s: float = 600.0) -> Run:
    """SolveError when the program is absent, fails, or prints no answer for a node."""
    if (program := found()) is None:
        raise SolveError(f"calculix: {ABSENT}.")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "job.inp").write_text(calculix.text(job))
        threads = dict.fromkeys(("OMP_NUM_THREADS", "CCX_NPROC_EQUATION_SOLVER", "OPENBLAS_NUM_THREADS"), "1")
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [program, "job"], cwd=folder, env=os.environ | threads, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        answer = Path(folder) / "job.dat"
        if not job.analysis:
            return Run(np.zeros((0, 3)), wall, cpu, done.stdout)
        if done.returncode or "*ERROR" in done.stdout or not answer.is_file():  # ccx can fail with status 0
            raise SolveError(f"calculix: exit status {done.returncode}; it said: {done.stdout[-600:]}{done.stderr[-300:]}")
        nodes, rows = calculix.printed(answer.read_text())
    every = np.full((len(job.nodes), rows.shape[1]), np.nan)
    every[nodes] = rows
    wanted = every[list(job.print_nodes)] if job.print_nodes else every
    if np.isnan(wanted).any():
        raise SolveError(f"calculix: no answer for {np.count_nonzero(np.isnan(wanted[:, 0]))} of {len(wanted)} nodes.")
    return Run(every, wall, cpu, done.stdout)
