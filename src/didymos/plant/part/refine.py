"""The same part on three meshes, each finer than the last: order, extrapolated value and error estimate of every figure."""

from __future__ import annotations

from collections.abc import Callable

from didymos.numerics.fe.converge import Converged, converged
from didymos.plant.part.file import Part
from didymos.plant.part.geometry import geometry
from didymos.plant.part.solve import Answer, solve

WITHOUT = ("reaction_", "von_mises_spread")  # sums that are exact or nearly zero, and what is an error indicator itself
FINER = {"box_m": (1.0, 2.0, 4.0), "step": (1.0, 1.4, 2.0)}  # how many times finer each mesh is


def refined(part: Part, on_mesh: Callable[[str], None] = lambda _text: None) -> tuple[Answer, dict[str, Converged]]:
    """The answer on the finest mesh, and how each of its figures got there."""
    steps = FINER["box_m" if part.mesh["box_m"] is not None else "step"]
    answers = []
    for place, finer in enumerate(steps, 1):
        on_mesh(f"mesh {place} of {len(steps)}")
        answers.append(solve(part, geometry(part, finer)))
    levels = [answer.level for answer in answers]
    names = [name for name in answers[-1].figures if not name.startswith(WITHOUT)]
    return answers[-1], {name: converged([answer.figures[name][0] for answer in answers], levels) for name in names}
