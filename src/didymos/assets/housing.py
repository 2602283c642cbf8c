"""Spindle housing: a stepped bore, a flange in front, ribs around the motor; a mesh of 27-node hexahedra whose nodes lie on it.

    z = 0  flange face | front bearing seat | motor (stator bore inside, ribs and coolant grooves outside) | rear bearing seat

Cells of a polar grid (r, angle, z), kept where the housing is solid. Every cut lies on the true surface, so that a mesh with
doubled counts contains each node of this one. Bore and flange are circles, ribs run along the axis; edges are sharp, so stress
right at an inner edge has no limit: hot spots keep `EDGE_M` away from it.
Surfaces: `front_seat`, `rear_seat`, `stator` (heat comes in), `jacket` (coolant: ribs and wall around the motor), `outer` (air),
`flange` (contact).
Verified: tests/verify/test_housing.py (volume, areas, nested meshes).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from skfem import MeshHex1, MeshHex2

from didymos.core.errors import ModelError

Array = NDArray[np.float64]
EDGE_M = 0.006
SURFACES = ("front_seat", "rear_seat", "stator", "jacket", "outer", "flange")


@dataclass(frozen=True, slots=True)
class Housing:
    """Radii and lengths [m]. Defaults: 7014 bearings (bore of the seat 110 mm) in front, 7012 (95 mm) at the rear, a 6000 1/min
    milling spindle. `ribs` evenly around; rib and groove are equally wide."""

    rear_seat_radius_m: float = 0.0475
    front_seat_radius_m: float = 0.055
    stator_radius_m: float = 0.062
    wall_radius_m: float = 0.075
    rib_radius_m: float = 0.088
    flange_radius_m: float = 0.110
    flange_m: float = 0.024
    front_seat_m: float = 0.052
    ribs_begin_m: float = 0.080
    ribs_end_m: float = 0.170
    stator_end_m: float = 0.198
    length_m: float = 0.230
    ribs: int = 10

    def __post_init__(self) -> None:
        for name, cuts in (("radii", self.radii), ("lengths", self.lengths)):
            if not (all(map(math.isfinite, cuts)) and cuts[0] >= 0.0 and (np.diff(cuts) > 1e-4).all() and cuts[-1] <= 10.0):
                told = ", ".join(f"{c:g}" for c in cuts)
                raise ModelError(
                    f"housing: {name} {told} m. Allowed: each at least 0.1 mm above the one before, below 10 m. Correct it."
                )
        if self.rear_seat_radius_m < 1e-3 or not 3 <= self.ribs <= 60:
            raise ModelError(
                f"housing: rear seat radius {self.rear_seat_radius_m:g} m, {self.ribs} ribs. "
                "Allowed: above 1 mm, 3 to 60. Correct it."
            )

    @property
    def radii(self) -> tuple[float, ...]:
        return astuple(self)[:6]

    @property
    def lengths(self) -> tuple[float, ...]:
        return (0.0, *astuple(self)[6:12])

    def revision(self) -> str:
        """Hash of the geometry alone."""
        text = " ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fineness:
    """Elements across each zone: radial and angular in every zone, axial in each of the six lengths times `axial`."""

    radial: int = 1
    angular: int = 1
    axial: int = 1

    def __post_init__(self) -> None:
        if not all(1 <= n <= 16 for n in astuple(self)):
            raise ModelError(f"housing: fineness {astuple(self)}. Allowed: 1 to 16 elements each. Correct it.")


FINENESS = {"small": Fineness(1, 1, 1), "medium": Fineness(2, 2, 2), "bench": Fineness(4, 2, 2)}
ALONG = (1, 1, 1, 3, 1, 2)  # elements along each length at axial fineness 1
INNER = (1, 1, 2, 2, 2, 0)  # innermost radial zone that is solid, along the axis
WALL = 3  # radial zones below this one are solid all around


def mesh(shape: Housing, fineness: Fineness) -> MeshHex2:
    """The whole housing."""
    radius, ring = _cuts(shape.radii, [fineness.radial] * 5)
    length, slab = _cuts(shape.lengths, [n * fineness.axial for n in ALONG])
    turns = 2 * shape.ribs * fineness.angular
    angle, sector = np.linspace(0.0, 2.0 * np.pi, turns + 1), np.arange(turns) // fineness.angular
    grid = np.meshgrid(np.arange(len(ring)), np.arange(turns), np.arange(len(slab)), indexing="ij")
    keep = _solid(ring[grid[0]], sector[grid[1]], slab[grid[2]])
    corner = np.asarray(MeshHex1.elem.refdom.p).astype(np.intp)  # (3, 8) of zeros and ones
    i, j, k = (cell[keep][None] + step[:, None] for cell, step in zip(grid, corner, strict=True))
    number = (i * turns + j % turns) * len(length) + k
    _, t = np.unique(number, return_inverse=True)
    return _curved(np.stack([radius[i], angle[j], length[k]]), t.reshape(number.shape), corner)


def _solid(ring: NDArray[np.intp], sector: NDArray[np.intp], slab: NDArray[np.intp]) -> NDArray[np.bool_]:
    rib = (ring == WALL) & (slab == 3) & (sector % 2 == 0)
    return (ring >= np.array(INNER)[slab]) & ((ring < WALL) | (slab == 0) | rib)


def _cuts(edges: Sequence[float], counts: Sequence[int]) -> tuple[Array, NDArray[np.intp]]:
    """Cuts of all zones together, and the zone of each interval."""
    pieces = [np.linspace(a, b, n + 1)[1:] for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    return np.concatenate([[edges[0]], *pieces]), np.repeat(np.arange(len(counts)), counts)


def _curved(polar: Array, t: NDArray[np.intp], corner: NDArray[np.intp]) -> MeshHex2:
    """Quadratic mesh from the corners (r, angle, z) of each element, (3, 8, elements)."""
    p = np.zeros((3, int(t.max()) + 1))
    p[:, t] = _space(polar)
    flat = MeshHex2.from_mesh(MeshHex1(p, t))
    local = np.asarray(flat.elem.doflocs)
    weight = np.prod(np.where(corner[None] == 1, local[:, :, None], 1.0 - local[:, :, None]), axis=1)  # (27, 8)
    nodes = np.empty_like(flat.doflocs)
    nodes[:, flat.dofs.element_dofs] = _space(np.einsum("nc,dce->dne", weight, polar))
    return MeshHex2(nodes, flat.t)


def _space(polar: Array) -> Array:
    return np.stack([polar[0] * np.cos(polar[1]), polar[0] * np.sin(polar[1]), polar[2]])


def surfaces(shape: Housing, body: MeshHex2) -> dict[str, NDArray[np.intp]]:
    """Boundary facets of each surface; every boundary facet belongs to one, but bore steps and end faces that see neither air nor
    heat (inside the spindle) belong to none."""
    facets = body.boundary_facets()
    corners = np.asarray(body.facets)[:, facets]
    r, z = np.hypot(body.p[0], body.p[1])[corners], body.p[2][corners]
    near = 1e-9
    on = lambda radius: (np.abs(r - radius) < near).all(axis=0)  # noqa: E731
    between = lambda low, high: (z > low - near).all(axis=0) & (z < high + near).all(axis=0)  # noqa: E731
    beyond = (r > shape.wall_radius_m - near).all(axis=0)
    flange = (np.abs(z) < near).all(axis=0)
    jacket = beyond & between(shape.front_seat_m, shape.stator_end_m) & ~on(shape.rib_radius_m) & ~flange
    chosen = {
        "front_seat": on(shape.front_seat_radius_m) & between(0.0, shape.front_seat_m),
        "rear_seat": on(shape.rear_seat_radius_m),
        "stator": on(shape.stator_radius_m) & between(shape.front_seat_m, shape.stator_end_m),
        "flange": flange & (r > shape.stator_radius_m - near).all(axis=0),
    }
    chosen["jacket"] = jacket
    taken = np.any(list(chosen.values()), axis=0)
    outside = beyond | (np.abs(z - shape.length_m) < near).all(axis=0) | on(shape.flange_radius_m) | flange
    chosen["outer"] = outside & ~taken
    return {name: facets[chosen[name]] for name in SURFACES}
