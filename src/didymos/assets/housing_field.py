"""The spindle housing as a `Field`: mesh, full model, reduction, stress modes, hot spots, all from one frozen description.

    field = build(Job(), told)            a minute or two at fineness `bench`, seconds at `small`

Heat enters at both bearing seats and the stator bore; it leaves by the coolant grooves, the outer surface and the flange joint. A
bearing presses into its seat with the cosine of the angle, the front one along +x, the rear one against it (overhung force).
The housing does not turn, so there is no centrifugal mode. Joint stiffness under the flange: 1e12 N/m3, the order of magnitude of
bolted ground joints (1 um under 1 MPa), an assumption; stress more than `EDGE_M` from the joint hardly depends on it.
Verified: tests/verify/test_field.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skfem import MeshHex2

from didymos.assets.engineering_solids import solid
from didymos.assets.housing import EDGE_M, FINENESS, Fineness, Housing, mesh, surfaces
from didymos.core.errors import ModelError
from didymos.core.field import Field, FieldInput, Made, Spot
from didymos.numerics.fe.solve import Factor
from didymos.numerics.rom.affine import REFERENCE_K, AffineHeat, affine_heat, direct, full_step
from didymos.numerics.rom.certify import bound, lowest
from didymos.numerics.rom.live import MISES
from didymos.numerics.rom.reduce import Ranges, Reduced, pod, project, rational_krylov
from didymos.numerics.rom.stress import Joint, cosine_pressure, elastic_answers, standing, stress_modes, taken_over

Array = NDArray[np.float64]
Told = Callable[[str], None]
LOADS, FILMS, FORCES = ("front_seat", "rear_seat", "stator"), ("jacket", "outer", "flange"), ("front", "rear")
JOINT_N_M3 = 1e12
APART_M = 0.02  # between two hot spots
INPUTS = (
    FieldInput("front_heat", "Heat of the front bearing", "load", "W", 0.0, 500.0, 200.0),
    FieldInput("rear_heat", "Heat of the rear bearing", "load", "W", 0.0, 300.0, 120.0),
    FieldInput("stator_heat", "Heat of the motor", "load", "W", 0.0, 1500.0, 500.0),
    FieldInput("coolant_temperature", "Coolant", "behind", "K", 278.15, 318.15, 293.15),
    FieldInput("ambient_temperature", "Ambient air", "behind", "K", 268.15, 318.15, 295.15),
    FieldInput("flange_temperature", "Headstock behind the flange", "behind", "K", 268.15, 333.15, 295.15),
    FieldInput("coolant_film", "Film in the coolant grooves", "film", "W/(m2 K)", 100.0, 1500.0, 400.0),
    FieldInput("air_film", "Film of the outer surface", "film", "W/(m2 K)", 4.0, 40.0, 12.0),
    FieldInput("flange_conductance", "Contact conductance of the flange", "film", "W/(m2 K)", 400.0, 5000.0, 1500.0),
    FieldInput("front_force", "Radial force of the front bearing", "force", "N", 0.0, 15000.0, 2500.0),
    FieldInput("rear_force", "Radial force of the rear bearing", "force", "N", 0.0, 10000.0, 1200.0),
)


@dataclass(frozen=True, slots=True)
class Job:
    """What to build. step_s: the step the basis is made for; other steps are allowed, and bounded."""

    name: str = "spindle_housing"
    shape: Housing = field(default_factory=Housing)
    material: str = "steel_1045"
    fineness: Fineness = FINENESS["small"]
    method: str = "krylov"
    modes: int = 24
    step_s: float = 10.0
    hot_spots: int = 20
    inputs: tuple[FieldInput, ...] = INPUTS

    def __post_init__(self) -> None:
        solid(self.material)
        if self.method not in METHODS:
            raise ModelError(f"housing field: method {self.method!r}. Allowed: {', '.join(METHODS)}. Correct `method`.")
        if not (4 <= self.modes <= 120 and 1 <= self.hot_spots <= 200 and 0.0 < self.step_s < 1e5):
            raise ModelError(
                f"housing field: {self.modes} modes, {self.hot_spots} hot spots, step {self.step_s} s. "
                "Allowed: 4 to 120, 1 to 200, above 0 s. Correct it."
            )

    def ranges(self) -> Ranges:
        pick = lambda kind: [i for i in self.inputs if i.kind == kind]  # noqa: E731
        return Ranges(
            np.array([i.high for i in pick("load")]),
            np.array([i.high - i.low for i in pick("behind")]),
            np.array([i.low for i in pick("film")]),
            np.array([i.high for i in pick("film")]),
        )


@dataclass(frozen=True, slots=True)
class Built:
    """The field, and the full model it stands for."""

    field: Field
    full: AffineHeat
    basis: Array


def full_model(job: Job) -> tuple[MeshHex2, AffineHeat]:
    body = mesh(job.shape, job.fineness)
    return body, affine_heat(body, solid(job.material).thermal, surfaces(job.shape, body), LOADS, FILMS)


def build(job: Job, told: Told = lambda _text: None) -> Field:
    return built(job, told).field


def built(job: Job, told: Told = lambda _text: None) -> Built:
    told("mesh and full model")
    body, full = full_model(job)
    ranges = job.ranges()
    low = lowest(full, ranges.film_low)
    basis = METHODS[job.method](job, full, low, told)
    told("error bound")
    limit = bound(full, basis, ranges.film_low, low)
    told("stress modes")
    skin = _skin(job, full, basis)
    told("hot spots")
    reduced = project(full, basis)
    hot = _hot_spots(job, skin, reduced.conduction + np.tensordot(ranges.film_low, reduced.films, 1), reduced)
    places = _sensors(job, skin)
    made = _made(job, body, skin)
    found = Field(
        job.name, "Spindle housing", made, job.inputs,
        tuple(_spot(job, skin.points[v]) for v in hot), tuple(_spot(job, skin.points[v]) for v in places),
        reduced.conduction, reduced.films, reduced.loads, reduced.behind, basis.astype(np.float32),
        basis.T @ (full.capacity @ np.ones(full.size)), full.points.T.astype(np.float32), skin.nodes, skin.faces,
        skin.stress.astype(np.float32), np.ascontiguousarray(skin.stress[:, hot].transpose(1, 0, 2)), basis[skin.nodes[places]],
        limit.residual, limit.decay_per_s, limit.capacity_J_K, limit.film_low,
        solid(job.material).elastic.young_Pa * solid(job.material).elastic.expansion_per_K,
    )  # fmt: skip
    return Built(found, full, basis)


def _krylov(job: Job, full: AffineHeat, low: Factor, told: Told) -> Array:
    return rational_krylov(full, job.ranges(), job.step_s, job.modes, told, low)


def _pod(job: Job, full: AffineHeat, _low: Factor, told: Told) -> Array:
    """Snapshots of one load after another switched on and off, at low, middle and high films."""
    ranges, shots = job.ranges(), []
    count = len(LOADS) + len(FILMS)
    for number, film in enumerate((ranges.film_low, ranges.film_middle, ranges.film_high)):
        told(f"snapshots {number + 1} of 3")
        step = full_step(full, film, job.step_s)
        load = np.vstack([np.diag(ranges.load), np.zeros((len(FILMS), len(LOADS)))]).T
        behind = np.vstack([np.zeros((len(LOADS), len(FILMS))), np.diag(ranges.behind)]).T
        rise = np.zeros((full.size, count))
        for instant in range(60):
            on = 1.0 if instant < 30 else 0.0
            rise = step(rise, on * load, on * behind)
            shots.append(rise)
    return pod(full, shots, job.modes)


METHODS: dict[str, Callable[[Job, AffineHeat, Factor, Told], Array]] = {"krylov": _krylov, "pod": _pod}


@dataclass(frozen=True, slots=True)
class Skin:
    """Surface vertices of the elastic mesh: rows of the thermal nodes (s,), places (s, 3), faces (f, 4), stress modes (6, s, m),
    and whether each lies away from inner edges."""

    nodes: NDArray[np.int32]
    points: Array
    faces: NDArray[np.int32]
    stress: Array
    smooth: NDArray[np.bool_]
    solver: str
    unknowns: int


def elastic_mesh(job: Job) -> MeshHex2:
    """The thermal mesh, with every second radial cut where that is possible."""
    radial = job.fineness.radial
    return mesh(job.shape, replace(job.fineness, radial=radial // 2 if radial % 2 == 0 else radial))


def _skin(job: Job, full: AffineHeat, basis: Array) -> Skin:
    body = elastic_mesh(job)
    there = surfaces(job.shape, body)
    stand = standing(body, solid(job.material).elastic, Joint(there["flange"], JOINT_N_M3))
    forces = np.stack(
        [cosine_pressure(body, stand.body, there["front_seat"], 1.0), cosine_pressure(body, stand.body, there["rear_seat"], -1.0)],
        1,
    )
    rise = taken_over(full.points, body, basis)
    u = elastic_answers(stand, rise, forces)
    faces = _faces(body)
    vertices, rows = np.unique(faces, return_inverse=True)
    points = np.asarray(body.p)[:, vertices].T
    nodes = np.asarray(KDTree(full.points.T).query(points)[1], np.int32)
    return Skin(
        nodes, points, rows.reshape(faces.shape).astype(np.int32), stress_modes(stand, u, rise, vertices),
        _smooth(body, vertices), stand.factor.solver, stand.body.unknowns,
    )  # fmt: skip


def _faces(body: MeshHex2) -> NDArray[np.intp]:
    """Boundary quadrilaterals (f, 4), counter-clockwise seen from outside."""
    facets = body.boundary_facets()
    quad = np.asarray(body.facets)[:, facets].T
    inside = body.p[:, body.t[:, body.f2t[0, facets]]].mean(axis=1).T
    corner = body.p.T[quad]
    normal = np.cross(corner[:, 2] - corner[:, 0], corner[:, 3] - corner[:, 1])
    inward = np.einsum("fd,fd->f", normal, corner.mean(axis=1) - inside) < 0.0
    return np.where(inward[:, None], quad[:, ::-1], quad)


def _smooth(body: MeshHex2, vertices: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Vertices farther than `EDGE_M` from the joint and from every inner edge: there 3, 5, 6 or 7 of 8 cells around are solid."""
    cells = np.bincount(np.asarray(body.t).ravel(), minlength=int(body.t.max()) + 1)
    inner = np.isin(cells, (3, 5, 6, 7))
    place = np.asarray(body.p)[:, vertices].T
    gap = KDTree(np.asarray(body.p)[:, : len(cells)][:, inner].T).query(place)[0]
    return (gap > EDGE_M) & (place[:, 2] > EDGE_M)


def _hot_spots(job: Job, skin: Skin, slow: Array, reduced: Reduced) -> list[int]:
    """The most stressed smooth places under each load at its largest, steady at the lowest films; at least `APART_M` apart."""
    ranges, modes = job.ranges(), len(slow)
    cases = [np.linalg.solve(slow, reduced.loads[:, i] * w) for i, w in enumerate(ranges.load)]
    cases.append(np.sum(cases, axis=0))
    amounts = np.array(
        [[*a, 0.0, 0.0] for a in cases]
        + [[*np.zeros(modes), *f] for f in np.diag([i.high for i in job.inputs if i.kind == "force"])]
    )
    mises = np.sqrt((np.einsum("ij,jsm,cm->isc", MISES[:6], skin.stress, amounts, optimize=True) ** 2).sum(axis=0))
    share = np.where(
        skin.smooth, (mises / mises[skin.smooth].max(axis=0)).max(axis=1) + 1e-3 * mises[:, -3] / mises[:, -3].max(), -1.0
    )
    chosen: list[int] = []
    for v in np.argsort(-share, kind="stable"):
        if len(chosen) == job.hot_spots or share[v] < 0.0:
            break
        if all(np.linalg.norm(skin.points[v] - skin.points[c]) >= APART_M for c in chosen):
            chosen.append(int(v))
    return chosen


def _sensors(job: Job, skin: Skin) -> list[int]:
    """Where a thermocouple can be put: outer faces, ribs, flange edge; thinned to one per `APART_M`."""
    r, z = np.hypot(skin.points[:, 0], skin.points[:, 1]), skin.points[:, 2]
    near = 1e-9
    outside = (r > job.shape.wall_radius_m - near) & (z > near) | (np.abs(z - job.shape.length_m) < near)
    chosen: list[int] = []
    for v in np.flatnonzero(outside):
        if all(np.linalg.norm(skin.points[v] - skin.points[c]) >= APART_M for c in chosen):
            chosen.append(int(v))
    return chosen


def _spot(job: Job, point: Array) -> Spot:
    x, y, z = (float(c) for c in point)
    r, angle = float(np.hypot(x, y)), round(np.degrees(np.arctan2(y, x)) % 360.0) % 360
    zone = job.shape.lengths.index(min(job.shape.lengths, key=lambda c: (c > z + 1e-9, abs(z - c))))
    part = ("flange", "front_seat", "front_wall", "motor", "rear_wall", "rear_seat", "rear_face")[min(zone, 6)]
    name = f"{part}_r{round(1e3 * r)}_{angle}deg_z{round(1e3 * z)}"
    return Spot(name, f"{part.replace('_', ' ').capitalize()} at {1e3 * r:.0f} mm radius, {angle} deg, {1e3 * z:.0f} mm", (x, y, z))


def _made(job: Job, body: MeshHex2, skin: Skin) -> Made:
    geometry = job.shape.revision()
    meshed = hashlib.sha256(
        np.ascontiguousarray(np.round(body.doflocs, 9)).tobytes() + np.ascontiguousarray(body.t.astype(np.int64)).tobytes()
    )
    material = hashlib.sha256(f"{job.material} {solid(job.material).digits()}".encode()).hexdigest()
    whole = hashlib.sha256(f"{geometry} {meshed.hexdigest()} {material}".encode()).hexdigest()
    solver = direct() if direct() == skin.solver else f"{direct()}, {skin.solver}"
    return Made(
        geometry, meshed.hexdigest(), material, whole, job.method, solver, body.doflocs.shape[1], skin.unknowns, job.step_s,
        REFERENCE_K, solid(job.material).source,
    )  # fmt: skip
