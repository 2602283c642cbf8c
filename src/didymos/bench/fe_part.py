"""A part for timing: half of a bearing housing, quadratic tetrahedra with bent sides, held at its foot, bore under pressure.

`python -m didymos.bench.fe_part RADIAL AROUND AXIAL SOLVER` solves it and prints one JSON line: seconds of each part, peak memory.
A process of its own, so that threads are counted before NumPy starts and memory is this solution's alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import numpy as np
from skfem import MeshTet, MeshTet2

from didymos.numerics.fe import elastic, supports
from didymos.numerics.fe.elastic import Array, Body
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import checked
from didymos.numerics.fe.supports import Support

STEEL = Isotropic(210e9, 0.3, 7850.0, 12e-6)
INNER_M, OUTER_M, LENGTH_M, PRESSURE_PA = 0.06, 0.075, 0.16, 5e6
SIZES = {122: (3, 36, 40), 300: (4, 52, 53)}  # thousand unknowns -> elements across, around, along


def mesh(across: int, around: int, along: int) -> MeshTet2:
    """Half ring: every node, mid-side ones included, on its cylinder."""
    grids = [np.linspace(0.0, 1.0, n + 1) for n in (across, around, along)]
    flat = MeshTet2.from_mesh(MeshTet.init_tensor(*grids))
    s = flat.doflocs
    radius, angle = INNER_M + (OUTER_M - INNER_M) * s[0], np.pi * s[1]
    return MeshTet2(np.stack([radius * np.cos(angle), radius * np.sin(angle), LENGTH_M * s[2]]), flat.t)


def loaded(body: Body) -> tuple[list[Support], list[tuple[int, int, float]], Array]:
    """Supports, the same as rows (node, component, value), and nodal forces (n,)."""
    foot = supports.plane(body, 2, 0.0)
    reach = INNER_M + 1e-9
    force = elastic.pressure(body, lambda x: np.hypot(x[0], x[1]) < reach, PRESSURE_PA)
    rows = [(int(node), axis, 0.0) for node in foot for axis in range(3)]
    return [Support(foot, axis) for axis in range(3)], rows, force


def solved(shape: tuple[int, int, int], solver: str) -> dict[str, Any]:
    """From a mesh in memory to the displacement of every node."""
    geometry = checked(mesh(*shape))
    fixed, _, force = loaded(elastic.body(geometry, STEEL, "solid"))
    begun, cpu = time.perf_counter(), time.process_time()
    body = elastic.body(geometry, STEEL, "solid")
    basis_s = time.perf_counter() - begun
    found = elastic.static(body, fixed, force, solver)
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    return {
        "unknowns": body.unknowns,
        "solver": found.factor.solver,
        "blas": found.factor.blas,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "seconds": {"basis": basis_s, **found.seconds},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "largest_m": float(np.linalg.norm(found.at(body), axis=0).max()),
    }


if __name__ == "__main__":
    print(json.dumps(solved((int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), sys.argv[4])))
