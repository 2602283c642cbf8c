"""Cases with an exact answer: Lamé's cylinder, Kirsch's hole, Goodier's cavity.

Sources: Timoshenko & Goodier, Theory of Elasticity, 3rd ed., articles 28 (Lamé), 35 (Kirsch), 137 (Goodier 1933).
"""

from __future__ import annotations

import numpy as np

from didymos.bench.fe_cases.case import Answer, Case
from didymos.bench.fe_cases.shapes import arc, around_hole, between
from didymos.numerics.fe import elastic, mesh, recover, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import Array
from didymos.numerics.fe.supports import Support

STEEL = Isotropic(210e9, 0.3)
LAME_A, LAME_B, LAME_P = 0.1, 0.2, 100e6
KIRSCH_BOX = 4.0  # hole radii, half width
GOODIER_R = 40.0  # cavity radii; the cavity's own stress falls with the third power, so 1.6e-5 is left there


def symmetric(body: elastic.Body) -> list[Support]:
    """Symmetry on x = 0 and y = 0 (axis and middle plane where axisymmetric)."""
    return [Support(supports.plane(body, axis, 0.0), axis) for axis in (0, 1)]


def lame(n: int) -> Answer:
    """Hoop stress at the bore of a quarter of a thick cylinder under internal pressure, plane strain."""
    quarter = between(arc(LAME_A, 0.0, np.pi / 2.0), arc(LAME_B, 0.0, np.pi / 2.0))
    body = elastic.body(mesh.join([mesh.block((n, n), quarter)]), STEEL, "plane_strain")
    load = elastic.pressure(body, lambda x: np.hypot(*x) < LAME_A * (1.0 + 1e-6), LAME_P)
    return stress_answer(body, symmetric(body), load, (LAME_A, 0.0), "yy")


def kirsch(n: int) -> Answer:
    """Stress beside a round hole under tension 1 along x; the exact tractions on the sides of a finite square."""
    body = elastic.body(mesh.join(around_hole(1.0, KIRSCH_BOX, (n, n // 2), 6.0)), STEEL, "plane_stress")
    outside = elastic.traction(body, lambda x: np.max(np.abs(x), axis=0) > KIRSCH_BOX * (1.0 - 1e-9), kirsch_traction)
    return stress_answer(body, symmetric(body), outside, (0.0, 1.0), "xx", scale=1.0)


def kirsch_traction(x: Array, normal: Array) -> Array:
    r, angle = np.hypot(x[0], x[1]), np.arctan2(x[1], x[0])
    near, far, c2, c4, s2, s4 = r**-2.0, 1.5 * r**-4.0, np.cos(2 * angle), np.cos(4 * angle), np.sin(2 * angle), np.sin(4 * angle)
    xx = 1.0 - near * (1.5 * c2 + c4) + far * c4
    yy = -near * (0.5 * c2 - c4) - far * c4
    xy = -near * (0.5 * s2 + s4) + far * s4
    return np.stack([xx * normal[0] + xy * normal[1], xy * normal[0] + yy * normal[1]])


def goodier(n: int) -> Answer:
    """Stress at the equator of a round cavity under tension 1 along z, axisymmetric."""
    shell = between(arc(1.0, 0.0, np.pi / 2.0), arc(GOODIER_R, 0.0, np.pi / 2.0))
    body = elastic.body(mesh.join([mesh.block((2 * n, n), shell, (200.0, 1.0))]), STEEL, "axisymmetric")
    outside = elastic.traction(
        body, lambda x: np.hypot(*x) > GOODIER_R * (1.0 - 1e-6), lambda x, normal: np.stack([0.0 * normal[0], normal[1]])
    )
    return stress_answer(body, symmetric(body), outside, (1.0, 0.0), "zz", scale=1.0)


def stress_answer(
    body: elastic.Body, fixed: list[Support], load: Array, point: tuple[float, ...], component: str, scale: float = 1e6
) -> Answer:
    """Solve, and read one stress at one vertex in units of `scale` pascal."""
    found = elastic.static(body, fixed, load)
    value, _ = recover.stress(body, found.u).at(point, component)
    return Answer((value / scale,), body.unknowns, found.factor.solver, found.factor.note)


NU = STEEL.poisson
CASES = (
    Case(
        "lame",
        "thick cylinder under internal pressure, hoop stress at the bore",
        "MPa",
        (("hoop", LAME_P / 1e6 * (LAME_A**2 + LAME_B**2) / (LAME_B**2 - LAME_A**2)),),
        "Lamé: p (a² + b²)/(b² - a²)",
        0.01,
        2.0,
        (8, 16, 32),
        lame,
    ),
    Case(
        "kirsch",
        "round hole under tension, stress concentration",
        "1",
        (("Kt", 3.0),),
        "Kirsch 1898: 3",
        0.01,
        2.0,
        (16, 32, 64),
        kirsch,
    ),
    Case(
        "goodier",
        "round cavity under tension, stress concentration",
        "1",
        (("Kt", (27.0 - 15.0 * NU) / (14.0 - 10.0 * NU)),),
        "Goodier 1933: (27 - 15 ν)/(14 - 10 ν)",
        0.01,
        2.0,
        (12, 24, 48),
        goodier,
    ),
)
