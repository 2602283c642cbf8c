"""MacNeal & Harder's straight cantilever 6 x 0.2 x 0.1, unit loads at the free end, solid elements.

Source: R. H. MacNeal, R. L. Harder, Finite Elements in Analysis and Design 1 (1985) 3-20, table 3: extension, in-plane shear,
out-of-plane shear, twist. The root is held fully, which beam theory does not know: it stiffens the last depth of the beam, within
the band. Displacements are the load's own mean (its work), so they converge like energy.

Twist: the paper prints 0.03208. Saint-Venant's exact torsion of this rectangle is L / (G J) = 0.03411, and a solid converges to
that less the root's restraint (0.0340). So that closed form is the target; the printed figure stays in the answer, beside it.
"""

from __future__ import annotations

import numpy as np

from didymos.bench.fe_cases.case import Answer, Case, corner_exponent
from didymos.numerics.fe import elastic, mesh, supports
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.mesh import Array
from didymos.numerics.fe.supports import Support

LENGTH, DEPTH, WIDTH = 6.0, 0.2, 0.1
MATERIAL = Isotropic(1e7, 0.3)
AREA = DEPTH * WIDTH


def straight(n: int) -> Answer:
    """Work of the four unit loads: mean end displacement along x, y, z, and mean rotation about x."""
    body = elastic.body(mesh.join([mesh.block((6 * n, 2 * n, n), _bar, (4.0, 1.0, 1.0))]), MATERIAL, "solid")
    root = supports.plane(body, 0, 0.0)
    loads = np.column_stack([elastic.traction(body, lambda x: x[0] > LENGTH - 1e-9, force) for force in LOADS])
    found = elastic.static(body, [Support(root, axis) for axis in range(3)], loads)
    work = np.einsum("nl,nl->l", loads, found.u)
    return Answer(tuple(work.tolist()), body.unknowns, found.factor.solver, found.factor.note)


def _bar(s: Array) -> Array:
    return s * np.array([LENGTH, DEPTH, WIDTH])[:, None]


def _along(axis: int):
    def force(x: Array, _normal: Array) -> Array:
        out = np.zeros_like(x)
        out[axis] = 1.0 / AREA
        return out

    return force


def _torque(x: Array, _normal: Array) -> Array:
    """A unit moment about the beam's axis, as the shear stress of Saint-Venant's rectangle: no local disturbance at the end."""
    y, z = x[1] - DEPTH / 2.0, x[2] - WIDTH / 2.0
    sxy, sxz = np.zeros_like(y), np.zeros_like(y)
    for k in range(1, 60, 2):  # Timoshenko & Goodier art. 109, thickness WIDTH along z, G θ' = 1
        sign, beta = (-1.0) ** ((k - 1) // 2), k * np.pi / WIDTH
        ratio = np.exp(beta * (np.abs(y) - DEPTH / 2.0)) / (1.0 + np.exp(-beta * DEPTH))
        mirror = np.exp(-2.0 * beta * np.abs(y))
        scale = 8.0 * WIDTH / np.pi**2 * sign / k**2 / 2.0
        sxy -= 2.0 * scale * (1.0 - ratio * (1.0 + mirror)) * np.sin(beta * z)
        sxz += 2.0 * scale * ratio * np.sign(y) * (1.0 - mirror) * np.cos(beta * z)
    return np.stack([np.zeros_like(y), sxy, sxz]) / saint_venant()


def saint_venant() -> float:
    """Torsion constant of the rectangle [m⁴]."""
    k = np.arange(1, 60, 2)
    series = np.sum(np.tanh(k * np.pi * DEPTH / (2.0 * WIDTH)) / k**5)
    return float(DEPTH * WIDTH**3 / 3.0 * (1.0 - 192.0 * WIDTH / (np.pi**5 * DEPTH) * series))


LOADS = (_along(0), _along(1), _along(2), _torque)


ROOT_ORDER = 2.0 * corner_exponent(np.pi / 2.0, 3.0 - 4.0 * MATERIAL.poisson)
CASES = (
    Case(
        "macneal",
        "straight cantilever under unit loads, end displacement",
        "1",
        (
            ("extension", 3e-5),
            ("in_plane", 0.1081),
            ("out_of_plane", 0.4321),
            ("twist", LENGTH / (MATERIAL.shear_Pa * saint_venant())),
        ),
        "MacNeal & Harder 1985, table 3",
        0.01,
        ROOT_ORDER,
        (1, 2, 4),
        straight,
        printed=(("twist", 0.03208, "the paper prints 0.03208, 5.9 % below the closed form"),),
    ),
)
