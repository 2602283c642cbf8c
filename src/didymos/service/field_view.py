"""What a page is shown of a Field: the newest result beside the artefact that it belongs to.

The worker publishes amounts of modes and stress at hot spots; temperature and stress of the surface are made here, on request, from
the same artefact (its sha256 is part of the result, so another one on disk is noticed and not shown).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from didymos.core.errors import DataError
from didymos.core.estimate import FieldResult, Validity
from didymos.core.field import Field, read
from didymos.infer.filters import unpack_cov
from didymos.numerics.rom.live import split, surface_stress
from didymos.plant.config import FieldBinding
from didymos.service.context import MS_NS, Context
from didymos.service.frames import FieldShape

Z90 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class InputRow:
    name: str
    title: str
    unit: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HotSpotRow:
    """Signed von Mises stress with its 90 % band, Miner damage so far and per hour (null before the first full hour); `used`: the
    largest stress amplitude so far over the endurance limit, null where it is not known."""

    name: str
    title: str
    point: tuple[float, float, float]
    stress_Pa: float
    low_Pa: float
    high_Pa: float
    damage: float
    damage_per_h: float | None
    used: float | None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Where a thermocouple sits [m]."""

    name: str
    title: str
    point: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SurfaceRow:
    """points [m] and quadrilaterals of the surface, unless they were not asked for; temperature and signed von Mises stress, each
    with the half width of its 90 % band; shapes per kelvin, on request: temperature = level + scale * shapes @ coefficients of the
    websocket's field frame."""

    points: list[list[float]] | None
    faces: list[list[int]] | None
    temperature_K: list[float]
    band_K: list[float]
    stress_Pa: list[float]
    stress_band_Pa: list[float]
    shapes: list[list[float]] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the surface is asked for: its values, its points and faces, its shapes."""

    surface: bool = True
    geometry: bool = True
    shapes: bool = False


@dataclass(frozen=True, slots=True)
class FieldState:
    """A Field of the plant file. `withheld`: why nothing is shown of it, null when something is."""

    component: str
    title: str
    withheld: str | None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """`stale`: older than the plant's `stale_s`. `mesh` is the whole hash; a field frame carries its first eight bytes."""

    component: str
    title: str
    at_ms: int
    stale: bool
    sha256: str
    mesh: str
    fits: bool
    fit: float | None
    outside: tuple[str, ...]
    thermocouples: tuple[str, ...]
    places: list[PlaceRow]
    inputs: list[InputRow]
    hot_spots: list[HotSpotRow]
    surface: SurfaceRow | None


@lru_cache(maxsize=32)
def _artefact(path: Path, sha256: str) -> Field:
    return read(path.read_bytes(), sha256, path.name)


def field_of(context: Context, asset: str, component: str, sha256: str) -> Field | None:
    """The artefact of a result; None when the plant file names another, or it cannot be read."""
    binding = _binding(context, asset, component)
    if binding is None or binding.sha256 != sha256:
        return None
    try:
        return _artefact(binding.artefact, sha256)
    except (OSError, DataError):
        return None


def field_states(context: Context, asset: str, out_of_service: Validity | None = None) -> list[FieldState]:
    """One per Field of the plant file, whether or not there is anything to show of it."""
    found = context.model.fields.get(asset)
    newest = {} if found is None else {each.component: each for each in found.fields}
    return [_state(b, newest.get(b.component), out_of_service) for b in _bindings(context, asset)]


def _state(binding: FieldBinding, result: FieldResult | None, out_of_service: Validity | None) -> FieldState:
    name = binding.component.replace("_", " ").capitalize()
    try:
        name = _artefact(binding.artefact, binding.sha256).title
    except (OSError, DataError) as error:
        return FieldState(binding.component, name, f"the artefact cannot be used: {error}")
    if out_of_service is not None:
        return FieldState(binding.component, name, out_of_service.reason)
    if result is None:
        return FieldState(binding.component, name, "no result yet: the worker publishes the first one with its next estimate")
    if result.sha256 != binding.sha256:
        told = f"the newest result is of artefact {result.sha256[:12]}, this plant file names {binding.sha256[:12]}"
        return FieldState(binding.component, name, f"{told}. Start worker and service again on one plant file.")
    return FieldState(binding.component, name, None)


def _bindings(context: Context, asset: str) -> tuple[FieldBinding, ...]:
    configured = context.configured.assets if context.configured is not None else ()
    return next((a.fields for a in configured if a.id == asset), ())


def _binding(context: Context, asset: str, component: str) -> FieldBinding | None:
    return next((b for b in _bindings(context, asset) if b.component == component), None)


def field_row(context: Context, asset: str, result: FieldResult, wanted: Wanted) -> FieldRow | None:
    made, binding = field_of(context, asset, result.component, result.sha256), _binding(context, asset, result.component)
    if made is None or binding is None:
        return None
    inputs = [InputRow(i.name, i.title, i.unit, float(v), i.low, i.high) for i, v in zip(made.inputs, result.inputs, strict=True)]
    rate = [None if np.isnan(r) else float(r) for r in result.damage_per_h]
    used = [float(u) for u in result.used] if len(result.used) else [None] * len(made.hot_spots)
    spots = [
        HotSpotRow(s.name, s.title, s.point, float(v), float(v - Z90 * sd), float(v + Z90 * sd), float(d), r, u)
        for s, v, sd, d, r, u in zip(made.hot_spots, result.stress, result.stress_sd, result.damage, rate, used, strict=True)
    ]
    couples = tuple(place for place, _ in binding.thermocouples)
    places = [PlaceRow(s.name, s.title, s.point) for s in made.sensors if s.name in couples]
    stale = context.clock.now_ns() - result.time_ns > context.plant.stale_s * 1e9
    return FieldRow(
        result.component, made.title, result.time_ns // MS_NS, stale, result.sha256, made.made.mesh, result.fits,
        None if np.isnan(result.fit) else result.fit, result.outside, couples, places, inputs, spots,
        _surface(made, result, wanted) if wanted.surface else None,
    )  # fmt: skip


def _surface(made: Field, result: FieldResult, wanted: Wanted) -> SurfaceRow:
    rows = made.modes[made.surface].astype(float)
    cov = unpack_cov(result.cov)
    sd = np.sqrt(np.maximum(np.einsum("sr,sr->s", rows @ cov, rows), 0.0) + result.rest_K**2)
    part = made.stress[:, :, : len(cov)].astype(float)
    spread = np.maximum(np.einsum("csr,csr->cs", part @ cov, part).max(axis=0), 0.0)
    stress_sd = np.sqrt(spread + (result.rest_K * made.stress_Pa_K) ** 2)
    values = dict(zip((i.name for i in made.inputs), result.inputs.tolist(), strict=True))
    force = split(made, values)[3]
    return SurfaceRow(
        np.round(made.points[made.surface].astype(float), 6).tolist() if wanted.geometry else None,
        made.faces.tolist() if wanted.geometry else None,
        np.round(made.made.reference_K + rows @ result.amount, 3).tolist(),
        np.round(Z90 * sd, 3).tolist(),
        np.round(surface_stress(made, result.amount, force).astype(float), -2).tolist(),
        np.round(Z90 * stress_sd, -2).tolist(),
        np.round(rows / _peak(rows), 5).tolist() if wanted.shapes else None,
    )


def _peak(rows: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(rows).max(axis=0), 1e-12)


def frame_of(context: Context, asset: str, result: FieldResult) -> FieldShape | None:
    """Level and eight-bit coefficients: the level apart, so that what is left is small."""
    made = field_of(context, asset, result.component, result.sha256)
    if made is None:
        return None
    rows = made.modes[made.surface].astype(float)
    mean = float(made.level @ result.amount) / float(made.level @ made.level)
    rest = (result.amount - mean * made.level) * _peak(rows)
    scale = max(float(np.abs(rest).max()) / 127.0, 1e-9)
    eight = np.clip(np.rint(rest / scale), -127, 127).astype(np.int8)
    return FieldShape(result.time_ns / MS_NS, bytes.fromhex(made.made.mesh[:16]), made.made.reference_K + mean, scale, eight)
