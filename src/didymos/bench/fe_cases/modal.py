"""NAFEMS natural frequencies: FV32 tapered membrane, FV52 simply supported solid plate on its published mesh.

Source: NAFEMS TNSB Rev. 3, 1990, as in the Abaqus Benchmarks Guide and Code_Aster V2.03.502. FV52 holds the plate along
lines, which has no limit in three dimensions: refining drifts away from every target. So it is judged on its published mesh of
4 x 4 x 1 20-node hexahedra only, against the values that NAFEMS printed for that mesh.
"""

from __future__ import annotations

from math import atan, pi

import numpy as np

from didymos.bench.fe_cases.case import Answer, Case, corner_exponent
from didymos.bench.fe_cases.shapes import between, line
from didymos.bench.fe_cases.stress import NAFEMS
from didymos.numerics.fe import elastic, mesh, modal, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import Array
from didymos.numerics.fe.supports import Support

STEEL = Isotropic(200e9, 0.3, 8000.0)
FV32_HZ = (44.623, 130.03, 162.70, 246.05, 379.90, 391.44)
FV52_HZ = (44.762, 110.52, 110.52, 169.08, 193.93, 206.64, 206.64)
ROOT_ANGLE = pi / 2.0 - atan(0.2)  # between clamped edge and tapered side


def fv32(n: int) -> Answer:
    """Membrane 10 m long, tapering from 5 m to 1 m, clamped at the wide end: the first six frequencies."""
    taper = between(line((0.0, -2.5), (0.0, 2.5)), line((10.0, -0.5), (10.0, 0.5)))
    body = elastic.body(mesh.join([mesh.block((2 * n, n), taper)]), STEEL, "plane_stress")
    root = supports.plane(body, 0, 0.0)
    found = modal.modes(body, [Support(root, 0), Support(root, 1)], len(FV32_HZ))
    return Answer(tuple(found.frequency_Hz.tolist()), body.unknowns, found.factor.solver, found.factor.note)


def fv52(_n: int) -> Answer:
    """Plate 10 x 10 x 1 m held in z along its lower edges: frequencies 4 to 10, after three rigid motions."""
    body = elastic.body(mesh.box((4, 4, 1), (10.0, 10.0, 1.0)), STEEL, "solid", serendipity=True)
    found = modal.modes(body, [Support(supports.nodes_where(body, _lower_edges), 2)], 3 + len(FV52_HZ))
    return Answer(tuple(found.frequency_Hz[3:].tolist()), body.unknowns, found.factor.solver, found.factor.note)


def _lower_edges(x: Array) -> np.ndarray:
    side = (np.minimum(x[0], 10.0 - x[0]) < 1e-9) | (np.minimum(x[1], 10.0 - x[1]) < 1e-9)
    return side & (x[2] < 1e-9)


CASES = (
    Case(
        "fv32",
        "tapered membrane, first six frequencies",
        "Hz",
        tuple((str(i + 1), f) for i, f in enumerate(FV32_HZ)),
        f"{NAFEMS} FV32",
        0.01,
        2.0 * corner_exponent(ROOT_ANGLE, (3.0 - STEEL.poisson) / (1.0 + STEEL.poisson)),
        (4, 8, 16),
        fv32,
    ),
    Case(
        "fv52",
        "simply supported solid plate, frequencies 4 to 10",
        "Hz",
        tuple((str(i + 4), f) for i, f in enumerate(FV52_HZ)),
        f"{NAFEMS} FV52, 20-node hexahedra 4 x 4 x 1",
        0.01,
        4.0,
        (4,),
        fv52,
        locked="locked to its published mesh: a line support has no limit under refinement",
    ),
)
