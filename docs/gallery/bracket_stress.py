"""Why the largest stress of a bracket means nothing at a sharp inner corner, and something at a rounded one.

    python docs/gallery/bracket_stress.py

An L-shaped bracket of structural steel, held at the top, pulled down at its tip, on three meshes each twice as fine as the last. At
the sharp corner theory has no stress at all: it grows by 2^0.456 with every halving, for ever (Williams 1952, 270 degrees).
With a radius it settles. The sentence that this script teaches, and asserts: a figure without its convergence is not a figure.
"""

from pathlib import Path

import numpy as np

from didymos.assets.engineering_solids import solid
from didymos.formats import gltf
from didymos.numerics.fe import elastic, mesh, recover, supports, surface
from didymos.numerics.fe.converge import converged
from didymos.numerics.fe.material import Isotropic
from didymos.numerics.fe.supports import Support

THICK, LENGTH, RADIUS, FORCE = 0.02, 0.10, 0.008, -20e3  # m, m, m, N per metre of depth
STEEL = solid("structural_steel")
LEVELS = (2, 4, 8)


def rectangle(x0: float, x1: float, y0: float, y1: float, shape: tuple[int, int]) -> mesh.Block:
    return mesh.block(shape, lambda s: np.stack([x0 + s[0] * (x1 - x0), y0 + s[1] * (y1 - y0)]))


def sharp(n: int) -> list[mesh.Block]:
    t, far = THICK, LENGTH
    return [rectangle(0, t, 0, t, (n, n)), rectangle(0, t, t, far, (n, 4 * n)), rectangle(t, far, 0, t, (4 * n, n))]


def rounded(n: int) -> list[mesh.Block]:
    t, far, r = THICK, LENGTH, RADIUS
    reach = t + r

    def below(s: np.ndarray) -> np.ndarray:
        """From the foot of the bracket to the lower half of the round."""
        angle = np.pi * (1.5 - 0.25 * s[0])
        edge, arc = np.stack([reach * (1.0 - s[0]), 0.0 * s[0]]), reach + r * np.stack([np.cos(angle), np.sin(angle)])
        return edge + s[1] * (arc - edge)

    lower = mesh.block((2 * n, n), lambda s: below(np.stack([1.0 - s[0], s[1]])))
    upper = mesh.block((n, 2 * n), lambda s: below(np.stack([1.0 - s[1], s[0]]))[::-1])  # mirrored at the diagonal
    return [lower, upper, rectangle(0, t, reach, far, (n, 4 * n)), rectangle(reach, far, 0, t, (4 * n, n))]


def solved(blocks: list[mesh.Block]) -> tuple[elastic.Body, np.ndarray]:
    """The body, and von Mises stress at its vertices."""
    body = elastic.body(mesh.join(blocks), Isotropic(STEEL.young_Pa, STEEL.poisson), "plane_stress")
    top = supports.plane(body, 1, LENGTH)
    pull = elastic.force(body, lambda x: x[0] > LENGTH - 1e-9, np.array([0.0, FORCE]))
    found = elastic.static(body, [Support(top, 0), Support(top, 1)], pull)
    return body, recover.von_mises(body, recover.stress(body, found.u))


def near_corner(body: elastic.Body, mises: np.ndarray) -> float:
    """The largest stress around the inner corner, away from the clamp, whose own corners are sharp too."""
    x = body.basis.mesh.p[:, : len(mises)]
    return float(mises[np.hypot(x[0] - THICK, x[1] - THICK) < 2.0 * RADIUS].max())


def main() -> None:
    answers = {}
    for name, shape in (("sharp", sharp), ("rounded", rounded)):
        runs = [solved(shape(n)) for n in LEVELS]
        answers[name] = converged([near_corner(*run) for run in runs], LEVELS)
        shown = "  ".join(f"{value / 1e6:6.1f}" for value in answers[name].values)
        print(f"{name:8s} {shown} MPa   {answers[name].remark or f'order {answers[name].order:.1f}'}")
        if name == "rounded":
            body, mises = runs[-1]
            points, triangles, vertices = surface.triangles(body.basis.mesh)
            Path("bracket.glb").write_bytes(gltf.glb(points, triangles, mises[vertices], "von Mises stress [Pa]"))

    growth = answers["sharp"].values[-1] / answers["sharp"].values[-2]
    print(f"sharp: each halving multiplies the stress by {growth:.2f}; theory says {2**0.4555:.2f}, without end")
    good = answers["rounded"]
    assert good.limit is not None
    print(f"rounded: {good.limit / 1e6:.1f} MPa, give or take {good.error / 1e6:.1f}")
    assert abs(growth - 2**0.4555) < 0.08
    assert answers["sharp"].limit is None
    assert good.error < 0.03 * good.limit


if __name__ == "__main__":
    main()
