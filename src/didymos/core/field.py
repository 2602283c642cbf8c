"""`Field`: the temperature and stress of a whole component as a few frozen arrays, with what they were made of and where they hold.

The state is the amount a (r,) of each mode; temperature = REFERENCE_K + modes @ a, stress = stress @ [a, forces].

    data = write(field)                    the artefact's bytes: an npz without pickles, the same bytes for the same field
    field = read(data, sha256, name)       DataError that names what is wrong with it
    outside(field, inputs)                 which inputs leave the box, and by how much

numerics.rom makes and steps it, infer.field_filter keeps it in step with thermocouples. Verified: tests/verify/test_field.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError, ModelError

Array = NDArray[np.float64]
FORMAT = "didymos field 1"
KINDS = ("load", "behind", "film", "force")  # heat in, temperature behind a film, film or contact conductance, force
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry of the archive


@dataclass(frozen=True, slots=True)
class FieldInput:
    """One input in SI; low..high is what the field was made and judged for."""

    name: str
    title: str
    kind: str
    unit: str
    low: float
    high: float
    nominal: float


@dataclass(frozen=True, slots=True)
class Spot:
    """One place with a name on the body, [m]."""

    name: str
    title: str
    point: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Made:
    """What a field was made of and how. Hashes of geometry revision, mesh and materials; `provenance` is the hash of all three."""

    geometry: str
    mesh: str
    material: str
    provenance: str
    method: str
    solver: str
    unknowns: int
    elastic_unknowns: int
    step_s: float
    reference_K: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """n nodes, r modes, J films, L loads, F forces, s surface vertices, H hot spots, P places for thermocouples.

    conduction (r, r), films (J, r, r), loads (r, L), behind (r, J): the reduced model, its modes orthonormal in heat capacity
    modes (n, r) float32; level (r,): the amounts of a body that is 1 K warmer everywhere
    points (n, 3), surface (s,) rows of points, faces (f, 4) rows of surface
    stress (6, s, r + F) float32 and hot (H, 6, r + F) [Pa], components xx yy zz yz xz xy
    places (P, r): rows of the modes where a thermocouple may sit
    bound (q, z), decay_per_s, capacity_J_K, film_low (J,): the error bound's
    stress_Pa_K: Young's modulus times expansion, the stress of a bar held at both ends
    """

    name: str
    title: str
    made: Made
    inputs: tuple[FieldInput, ...]
    hot_spots: tuple[Spot, ...]
    sensors: tuple[Spot, ...]
    conduction: Array
    films: Array
    loads: Array
    behind: Array
    modes: NDArray[np.float32]
    level: Array
    points: NDArray[np.float32]
    surface: NDArray[np.int32]
    faces: NDArray[np.int32]
    stress: NDArray[np.float32]
    hot: Array
    places: Array
    bound: Array
    decay_per_s: float
    capacity_J_K: float
    film_low: Array
    stress_Pa_K: float

    def named(self, kind: str) -> tuple[FieldInput, ...]:
        return tuple(i for i in self.inputs if i.kind == kind)

    def sizes(self) -> dict[str, int]:
        """n, r, J, L, F, s, H, P by name."""
        count = {kind: len(self.named(kind)) for kind in KINDS}
        return {
            "n": len(self.points), "r": len(self.conduction), "J": count["film"], "L": count["load"], "F": count["force"],
            "s": len(self.surface), "H": len(self.hot_spots), "P": len(self.sensors),
        }  # fmt: skip


SHAPES = {
    "conduction": "r r", "films": "J r r", "loads": "r L", "behind": "r J", "modes": "n r", "level": "r", "points": "n 3",
    "surface": "s", "faces": "* 4", "stress": "6 s r+F", "hot": "H 6 r+F", "places": "P r", "bound": "* *", "film_low": "J",
}  # fmt: skip
SCALARS = ("decay_per_s", "capacity_J_K", "stress_Pa_K")
KIND_OF = {"modes": np.float32, "points": np.float32, "stress": np.float32, "surface": np.int32, "faces": np.int32}


@dataclass(frozen=True, slots=True)
class Outside:
    """An input that left the box: how far beyond the nearer edge, in its unit and as a share of the box."""

    name: str
    given: float
    low: float
    high: float
    unit: str

    @property
    def by(self) -> float:
        return max(self.low - self.given, self.given - self.high)

    def __str__(self) -> str:
        share = self.by / max(self.high - self.low, 1e-300)
        beyond = f"{self.by:.3g} {self.unit} ({share:.0%})"
        return f"{self.name} {self.given:.4g} {self.unit} is {beyond} outside {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """The field at one moment. Outside its box it is marked, says why, and has no bound (None)."""

    temperature_K: NDArray[np.float32]
    rms_bound_K: float | None
    outside: tuple[Outside, ...] = ()

    @property
    def inside(self) -> bool:
        return not self.outside


def outside(field: Field, values: Mapping[str, float]) -> tuple[Outside, ...]:
    """Inputs beyond their box. ModelError for a name that the field does not have, one left out, or no number."""
    names = {i.name for i in field.inputs}
    missing, unknown = names - set(values), set(values) - names
    if missing or unknown:
        told = f"{sorted(missing)} left out" if missing else f"{sorted(unknown)} unknown"
        raise ModelError(f"field {field.name}: inputs {told}. Allowed: each of {', '.join(sorted(names))}. Give exactly these.")
    for i in field.inputs:
        if not np.isfinite(values[i.name]):
            raise ModelError(
                f"field {field.name}: input {i.name} is {values[i.name]}. Allowed: a finite number in {i.unit}. Correct it."
            )
    reach = {i.name: 1e-9 * max(abs(i.low), abs(i.high)) for i in field.inputs}
    return tuple(
        Outside(i.name, values[i.name], i.low, i.high, i.unit)
        for i in field.inputs
        if not i.low - reach[i.name] <= values[i.name] <= i.high + reach[i.name]
    )


def write(field: Field) -> bytes:
    """The artefact. Its sha256 is that of these bytes."""
    told = {
        "format": FORMAT, "name": field.name, "title": field.title, "made": asdict(field.made),
        "inputs": [asdict(i) for i in field.inputs], "hot_spots": [asdict(s) for s in field.hot_spots],
        "sensors": [asdict(s) for s in field.sensors], **{name: getattr(field, name) for name in SCALARS},
    }  # fmt: skip
    arrays = {"meta": np.frombuffer(json.dumps(told, sort_keys=True).encode(), np.uint8)}
    arrays |= {name: np.ascontiguousarray(getattr(field, name), KIND_OF.get(name, np.float64)) for name in SHAPES}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), entry.getvalue())
    return out.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(data: bytes, sha256: str = "", name: str = "field") -> Field:
    """From the artefact's bytes. With `sha256`, only the artefact that was meant. `name` says whose it is in an error."""
    if sha256 and digest(data) != sha256.lower():
        raise DataError(
            f"{name}: the artefact's sha256 is {digest(data)}; the plant file wants {sha256}. "
            "Use the artefact that was meant, or write its sha256 there."
        )
    arrays = _arrays(data, name)
    told = _meta(arrays.pop("meta", None), name)
    try:
        found = Field(
            name=str(told["name"]), title=str(told["title"]), made=Made(**told["made"]),
            inputs=tuple(FieldInput(**i) for i in told["inputs"]),
            hot_spots=tuple(Spot(s["name"], s["title"], tuple(s["point"])) for s in told["hot_spots"]),
            sensors=tuple(Spot(s["name"], s["title"], tuple(s["point"])) for s in told["sensors"]),
            **{key: float(told[key]) for key in SCALARS}, **_wanted(arrays),
        )  # fmt: skip
    except KeyError as error:
        raise DataError(f"{name}: the artefact lacks {error}. Build it anew with `didymos fe build`.") from error
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name}: the artefact's description cannot be used ({error}). Build it anew with `didymos fe build`."
        ) from error
    return checked(found, name)


def _wanted(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {key: arrays[key] for key in SHAPES}


def _arrays(data: bytes, name: str) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files if key == "meta" or key in SHAPES}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError, KeyError) as error:
        raise DataError(
            f"{name}: the artefact cannot be read ({error or type(error).__name__}; {len(data)} bytes). It is truncated or no npz. "
            "Copy it again or build it anew."
        ) from error


def _meta(raw: np.ndarray | None, name: str) -> dict:
    if raw is None:
        raise DataError(f"{name}: the artefact lacks 'meta'. Build it anew with `didymos fe build`.")
    try:
        told = json.loads(raw.astype(np.uint8).tobytes())
    except ValueError as error:
        raise DataError(f"{name}: the artefact's description is no JSON ({error}). Build it anew.") from error
    given = told.get("format") if isinstance(told, dict) else None
    if given != FORMAT:
        raise DataError(f"{name}: the artefact's format is {given!r}. Allowed: {FORMAT!r}. Build it anew with this version.")
    return told


def checked(field: Field, name: str) -> Field:
    """The field itself; DataError for an array of the wrong shape, a value that is no number, or a box without inside."""
    sizes = field.sizes()
    for key, wanted in SHAPES.items():
        array = getattr(field, key)
        shape = tuple(None if w == "*" else _size(w, sizes) for w in wanted.split())
        same = array.ndim == len(shape) and all(w in (None, n) for w, n in zip(shape, array.shape, strict=True))
        if not same or array.dtype.kind not in "fi" or not np.isfinite(array).all():
            raise DataError(
                f"{name}: array {key!r} has shape {array.shape} of {array.dtype}; "
                f"finite numbers {wanted} are needed with {sizes}. Build it anew."
            )
    for key, limit in (("surface", sizes["n"]), ("faces", sizes["s"])):
        array = getattr(field, key)
        if array.size and not (array.min() >= 0 and array.max() < limit):
            raise DataError(f"{name}: array {key!r} points outside 0 to {limit - 1}. Build it anew.")
    for i in field.inputs:
        if i.kind not in KINDS or not i.low < i.high:
            raise DataError(f"{name}: input {i.name!r} of kind {i.kind!r} has the box {i.low:g} to {i.high:g}. Build it anew.")
    return field


def _size(word: str, sizes: Mapping[str, int]) -> int:
    return sum(int(part) if part.isdigit() else sizes[part] for part in word.split("+"))


assert set(SHAPES) | set(SCALARS) | {"name", "title", "made", "inputs", "hot_spots", "sensors"} == {f.name for f in fields(Field)}
