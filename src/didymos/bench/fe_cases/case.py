"""A published case and its three-part verdict.

    1  value on the finest mesh within `band` of the published or exact target
    2  and within 0.2 % of our own converged value: Richardson's extrapolation of the two finest meshes, with the observed order
       where it lies between that of theory and 4, else with the nearer of those two
    3  observed order of convergence, from the three finest meshes, nearer to the order of theory than a whole
       order below it: at least theory minus 0.5

Order of theory: 2 for stress at a vertex (gradient of quadratic elements), 4 for eigenvalues and heat of smooth solutions, less at
a corner where the solution is singular: `corner_exponent`. Values that no longer change with the mesh are exact: the order is None.
A case locked to its published mesh has part 1 only, and says why. A figure in print that contradicts a closed form is quoted
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, isfinite, pi, sin

from scipy.optimize import brentq

from didymos.numerics.fe.converge import extrapolated, observed_order

CONVERGED, ORDER_SLACK, ORDER_MOST = 2e-3, 0.5, 4.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one mesh says: a value per target, unknowns, solver, and its cost note."""

    values: tuple[float, ...]
    unknowns: int
    solver: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """`solve(n)` with n elements along the side that counts; `targets` are (label, value) in `unit`."""

    name: str
    title: str
    unit: str
    targets: tuple[tuple[str, float], ...]
    source: str
    band: float
    order: float
    levels: tuple[int, ...]
    solve: Callable[[int], Answer]
    locked: str = ""
    printed: tuple[tuple[str, float, str], ...] = ()  # label, figure in print that is not the target, and why not


@dataclass(frozen=True, slots=True)
class Row:
    """One target judged. `order` None: exact on every mesh, locked, or not monotone. `printed`: a published figure set aside."""

    name: str
    target: float
    got: float
    rel_err: float
    band: float
    converged: float | None
    order: float | None
    order_theory: float | None
    ok: bool
    why: str
    unit: str
    values: tuple[float, ...]
    unknowns: tuple[int, ...]
    solver: str
    cost: str = ""
    printed: float | None = None


def judge(case: Case, answers: Sequence[Answer]) -> list[Row]:
    """One row per target from the answers of `case.levels`, coarse to fine."""
    many = len(case.targets) > 1
    rows = []
    for place, (label, target) in enumerate(case.targets):
        values = tuple(answer.values[place] for answer in answers)
        name = f"{case.name}.{label}" if many else case.name
        aside = next(((figure, why) for other, figure, why in case.printed if other == label), (None, ""))
        rows.append(_row(case, (name, target), values, answers, aside))
    return rows


def _row(
    case: Case,
    named: tuple[str, float],
    values: tuple[float, ...],
    answers: Sequence[Answer],
    aside: tuple[float | None, str],
) -> Row:
    (name, target), (printed, remark) = named, aside
    got = values[-1]
    error = got / target - 1.0
    wrong = [] if abs(error) <= case.band else [f"off the target by {error:+.2%}, allowed {case.band:.2%}"]
    converged = order = None
    if not case.locked:
        order = observed_order(values, case.levels)
        seen = case.order if order is None or not isfinite(order) else min(max(order, case.order), ORDER_MOST)
        converged = extrapolated(values, case.levels, seen)
        apart = abs(got - converged) / max(abs(converged), 1e-300)
        if not apart <= CONVERGED:
            wrong.append(f"{apart:.2%} from the converged value {converged:.6g}, allowed {CONVERGED:.2%}")
        if order is not None and not order >= case.order - ORDER_SLACK:
            seen_order = f"{order:.2f}" if isfinite(order) else "none, the values are not monotone"
            wrong.append(f"observed order {seen_order}; theory {case.order:.2f}")
    return Row(
        name=name,
        target=target,
        got=got,
        rel_err=error,
        band=case.band,
        converged=converged,
        order=order if order is None or isfinite(order) else None,
        order_theory=None if case.locked else case.order,
        ok=not wrong,
        why="; ".join([*wrong, *(text for text in (case.locked, remark) if text)]),
        unit=case.unit,
        values=values,
        unknowns=tuple(answer.unknowns for answer in answers),
        solver=answers[-1].solver,
        cost=answers[-1].note,
        printed=printed,
    )


def corner_exponent(angle_rad: float, kolosov: float) -> float:
    """λ of the strongest singularity r^λ where a clamped and a free side meet (Williams 1952, J. Appl. Mech. 19:526).

    sin²(λ ω) = (κ + 1)² / (4 κ) - λ² sin²(ω) / κ      κ = (3 - ν)/(1 + ν) plane stress, 3 - 4 ν plane strain
    """

    def gap(exponent: float) -> float:
        right = (kolosov + 1.0) ** 2 / (4.0 * kolosov) - exponent**2 * sin(angle_rad) ** 2 / kolosov
        return sin(exponent * angle_rad) ** 2 - right

    low = 0.01
    for step in range(1, 200):
        high = 0.01 + step * 0.01
        if gap(low) * gap(high) <= 0.0:
            return float(brentq(gap, low, high))  # pyright: ignore[reportArgumentType]
        low = high
    raise ValueError(f"no exponent below 2 for an angle of {angle_rad * 180.0 / pi:.1f} degrees, cos {cos(angle_rad):.3f}")
