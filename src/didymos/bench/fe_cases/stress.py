"""NAFEMS stress cases: LE1, LE10, LE11, T1.

Source: NAFEMS, The Standard NAFEMS Benchmarks, TNSB Rev. 3, 1990, as reproduced in the Abaqus Benchmarks Guide and the Altair
OptiStruct verification manual; dimensions of LE11 as reprinted by ESRD, Benchmarks Guide, 2018.
"""

from __future__ import annotations

import numpy as np

from didymos.bench.fe_cases.case import Answer, Case
from didymos.bench.fe_cases.exact import STEEL, stress_answer, symmetric
from didymos.bench.fe_cases.shapes import arc, around_hole, between, ellipse, line, mirrored, on
from didymos.numerics.fe import elastic, mesh, recover, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import Array
from didymos.numerics.fe.supports import Support
from didymos.numerics.fe.thermoelastic import thermal_load

NAFEMS = "NAFEMS TNSB Rev. 3 (1990)"
RING = between(ellipse(2.0, 1.0), ellipse(3.25, 2.75))
OUTER = on(lambda x: (x[0] / 3.25) ** 2 + (x[1] / 2.75) ** 2 - 1.0, 1e-6)
PLATE_M, SPLIT = 0.6, 1.0 / 3.0
NECK, TOP, THROAT = (1.2124355652982142, 0.7), 1.79, np.sqrt(0.5)
HOT_M, HALF_M, HOT = 1.0, 10.0, Isotropic(100e9, 0.3, 0.0, 1e-5)  # T1 in millimetres: no length enters its stress


def le1(n: int) -> Answer:
    """Elliptic membrane, plane stress, 10 MPa outward on its outer edge: σ_yy at D (2, 0)."""
    body = elastic.body(mesh.join([mesh.block((n, 2 * n), RING, (8.0, 8.0))]), STEEL, "plane_stress")
    return stress_answer(body, symmetric(body), elastic.pressure(body, OUTER, -10e6), (2.0, 0.0), "yy")


def le10(n: int) -> Answer:
    """Thick elliptic plate, 1 MPa on top: σ_yy at D (2, 0, 0.6).

    The support along a line is the published idealisation; its reaction settles slowly, so the observed order stays below 2.
    """
    body = elastic.body(mesh.join([mesh.block((4 * n, 4 * n, 3 * n), _plate, (10.0, 20.0, 1.0))]), STEEL, "solid")
    load = elastic.pressure(body, on(lambda x: x[2] - PLATE_M, 1e-9), 1e6)
    rim = supports.nodes_where(body, OUTER)
    middle = rim[np.abs(body.nodes[2, rim] - PLATE_M / 2.0) < 1e-9]
    held = [*symmetric(body), Support(rim, 0), Support(rim, 1), Support(middle, 2)]
    return stress_answer(body, held, load, (2.0, 0.0, PLATE_M), "yy")


def _plate(s: Array) -> Array:
    """A third of the layers below the middle plane, two thirds above it, where D is."""
    low, high = 0.9 * s[2], 0.3 + 0.45 * (s[2] - SPLIT)
    return np.concatenate([RING(s[:2]), np.where(s[2] <= SPLIT + 1e-12, low, high)[None]])


def le11(n: int) -> Answer:
    """Cylinder, taper and sphere strained by T = r + z: σ_zz at A (1, 0). Axisymmetric, as body and temperature are."""
    throat, foot = (THROAT, THROAT), (THROAT, 1.39)
    sphere = between(arc(1.0, 0.0, np.pi / 4.0), arc(1.4, 0.0, np.pi / 6.0))
    taper = between(line(throat, foot), line(NECK, (1.0, 1.39)))
    cylinder = between(line(foot, (THROAT, TOP)), line((1.0, 1.39), (1.0, TOP)))
    parts = [mesh.block((2 * n, 4 * n), sphere), mesh.block((2 * n, 2 * n), taper), mesh.block((2 * n, n), cylinder)]
    body = elastic.body(mesh.join(parts), Isotropic(210e9, 0.3, 0.0, 2.3e-4), "axisymmetric")
    ends = [Support(supports.plane(body, 1, z), 1) for z in (0.0, TOP)]
    found = elastic.static(body, ends, thermal_load(body, _r_plus_z))
    value, _ = recover.stress(body, found.u, _r_plus_z).at((1.0, 0.0), "zz")
    return Answer((value / 1e6,), body.unknowns, found.factor.solver, found.factor.note)


def _r_plus_z(x: Array) -> Array:
    return x[0] + x[1]


def t1(n: int) -> Answer:
    """Membrane with a hot spot, 100 K within the radius 1 mm: σ_yy at D (1, 0), on the cold side of the interface."""
    core = between(line((0.5, 0.0), (0.5, 0.5)), arc(HOT_M, 0.0, np.pi / 4.0))
    hot = [mesh.block((n, n), lambda s: 0.5 * s), mesh.block((n, n), core), mesh.block((n, n), mirrored(core))]
    body = elastic.body(mesh.join([*hot, *around_hole(HOT_M, HALF_M, (3 * n, n), 20.0)]), HOT, "plane_stress")
    heated, cold = np.arange(3 * n * n), np.arange(3 * n * n, body.basis.mesh.nelements)
    found = elastic.static(body, symmetric(body), thermal_load(body, lambda x: np.full(x.shape[1:], 100.0), heated))
    value, _ = recover.stress(body, found.u, elements=cold).at((HOT_M, 0.0), "yy")
    return Answer((value / 1e6,), body.unknowns, found.factor.solver, found.factor.note)


CASES = (
    Case("le1", "elliptic membrane, σyy at D", "MPa", (("D", 92.7),), f"{NAFEMS} LE1", 0.01, 2.0, (8, 16, 32), le1),
    Case(
        "le10",
        "thick plate under pressure, σyy at D",
        "MPa",
        (("D", -5.38),),
        f"{NAFEMS} LE10",
        0.02,
        2.0,
        (2, 3, 4),
        le10,
    ),
    Case("le11", "cylinder, taper, sphere, σzz at A", "MPa", (("A", -105.0),), f"{NAFEMS} LE11", 0.02, 2.0, (2, 4, 8), le11),
    Case("t1", "membrane with hot spot, σyy at D", "MPa", (("D", 50.0),), f"{NAFEMS} T1", 0.05, 2.0, (4, 8, 16), t1),
)
