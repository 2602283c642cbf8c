"""The rules of `[[asset.field]]`: the artefact is there and is the one meant, and every input of it has a source.

    [[asset.field]]
    component = "housing"
    artefact = "housing.npz"                       # beside the plant file
    sha256 = "…"                                   # as `didymos fe build` printed it
    inputs = { stator_heat = "spindle.motor_heat_W", ambient_temperature = "channel:ambient_temperature", air_film = 12 }
    thermocouples = { rear_face_r48_0deg_z230 = "channel:housing_rear", "0.075 0 0.052" = "channel:housing_front" }

A thermocouple sits at a place of the artefact by its name, or at a point x y z [m] within `NEAR_M` of one; none, or up to eight,
each place and each channel once. A channel that stands for a quantity has its unit.
Verified: tests/plant/test_fields.py.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from didymos.assets import ASSETS
from didymos.core.errors import DataError
from didymos.core.field import Field, Spot, digest, read
from didymos.plant.config import FieldBinding
from didymos.plant.toml_lines import Path as KeyPath

if TYPE_CHECKING:
    from didymos.plant.config_check import Reader

KEYS = ("component", "artefact", "sha256", "inputs", "thermocouples")
MOST = 8
NEAR_M = 0.015
Units = dict[str, str]  # of every channel that a tag feeds


def field_binding(reader: Reader, table: dict[str, Any], where: KeyPath, model: str, units: Units) -> FieldBinding:
    reader.only(table, where, KEYS)
    path = (reader.path.parent / reader.value(table, where, "artefact", str)).resolve()
    sha256 = reader.value(table, where, "sha256", str).lower()
    field = _artefact(reader, where, path, sha256) if table.get("artefact") else None
    inputs = reader.value(table, where, "inputs", dict, {})
    couples = reader.value(table, where, "thermocouples", dict, {})
    good = tuple((k, v) for k, v in inputs.items() if _input(reader, (*where, "inputs"), field, k, v, model, units))
    if field is not None and (missing := [i for i in field.inputs if i.name not in inputs]):
        told = ", ".join(f"{i.name} [{i.unit}]" for i in missing)
        reader.wrong((*where, "inputs"), f"without {told}", "a source for every input of the Field", "Add them.")
    found = [(k, v, _couple(reader, (*where, "thermocouples"), field, k, v, units)) for k, v in couples.items()]
    placed = [(place, v.removeprefix("channel:")) for _, v, place in found if place]
    _each_once(reader, (*where, "thermocouples"), placed)
    if len(couples) > MOST:
        reader.wrong((*where, "thermocouples"), f"{len(couples)} of them", f"none to {MOST}", "Leave the least telling out.")
    return FieldBinding(reader.id(table, where, "component"), path, sha256, good, tuple(placed))


def _artefact(reader: Reader, where: KeyPath, path: Any, sha256: str) -> Field | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        reader.wrong(
            (*where, "artefact"), f"{path} cannot be read ({error.strerror})", "a file of `didymos fe build`", "Build it there."
        )
        return None
    if sha256 and digest(data) != sha256:
        reader.wrong(
            (*where, "sha256"), f"the artefact's is {digest(data)}", "that of the file", "Write it, or bring the file meant."
        )
        return None
    try:
        return read(data, name=path.name)
    except DataError as error:
        given, _, rest = str(error).partition(". ")
        reader.wrong((*where, "artefact"), given, "a file of `didymos fe build`", rest or "Build it anew.")
        return None


def _input(reader: Reader, where: KeyPath, field: Field | None, name: str, source: Any, model: str, units: Units) -> bool:
    known = {i.name: i for i in field.inputs} if field is not None else {}
    if known and name not in known:
        reader.wrong(where, f"input {name!r}", ", ".join(known), _near(name, known))
        return False
    if isinstance(source, int | float) and not isinstance(source, bool):
        if known and not known[name].low <= source <= known[name].high:
            i = known[name]
            reader.wrong(where, f"{name} = {source:g}", f"{i.low:g} to {i.high:g} {i.unit}, the Field's box", "Correct the value.")
            return False
        return True
    allowed = (*(f"channel:{c}" for c in units), *outputs_of(model))
    if source not in allowed:
        reader.wrong(where, f"{name} = {source!r}", f"a number in SI, {', '.join(allowed)}", _near(str(source), allowed))
        return False
    return not known or _unit(reader, where, name, source, units, known[name].unit)


def _unit(reader: Reader, where: KeyPath, name: str, source: str, units: Units, wanted: str) -> bool:
    """Whether a channel, where it is one, is in the unit of what it stands for."""
    given = units.get(source.removeprefix("channel:"), wanted) if source.startswith("channel:") else wanted
    if given != wanted:
        reader.wrong(where, f"{name} = {source!r}, which is in {given}", f"a channel in {wanted}", "Bind the one that is meant.")
    return given == wanted


def _couple(reader: Reader, where: KeyPath, field: Field | None, key: str, source: Any, units: Units) -> str:
    """The name of the place, "" after a mistake."""
    place = _place(reader, where, field, key)
    channel = source.removeprefix("channel:") if isinstance(source, str) and source.startswith("channel:") else ""
    if channel not in units:
        allowed = [f"channel:{c}" for c, unit in units.items() if unit == "K"]
        reader.wrong(where, f"{key} = {source!r}", ", ".join(allowed) or "a channel with a tag", _near(str(source), allowed))
        return ""
    return place if _unit(reader, where, key, source, units, "K") else ""


def _place(reader: Reader, where: KeyPath, field: Field | None, key: str) -> str:
    if field is None:
        return key
    places = {s.name: s for s in field.sensors}
    if key in places:
        return key
    point = _point(key)
    if point is None:
        allowed = f"{', '.join(list(places)[:6])}, … ({len(places)}), or a point x y z in metres"
        reader.wrong(where, f"place {key!r}", allowed, _near(key, places))
        return ""
    off = lambda s: math.dist(s.point, point)  # noqa: E731
    nearest: Spot = min(field.sensors, key=off)
    if off(nearest) > NEAR_M:
        x, y, z = nearest.point
        told = f"the nearest place {nearest.name} ({x:g} {y:g} {z:g}) is {1e3 * off(nearest):.0f} mm away"
        allowed = f"a point within {1e3 * NEAR_M:.0f} mm of a place on the mesh"
        reader.wrong(where, f"point {key!r}; {told}", allowed, "Correct the point (metres, in the part's own axes).")
        return ""
    return nearest.name


def _point(key: str) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(word) for word in key.replace(",", " ").split())
    except ValueError:
        return None
    return numbers if len(numbers) == 3 and all(map(math.isfinite, numbers)) else None


def _each_once(reader: Reader, where: KeyPath, placed: list[tuple[str, str]]) -> None:
    for what, names in (("place", [p for p, _ in placed]), ("channel", [c for _, c in placed])):
        for name in sorted({n for n in names if names.count(n) > 1}):
            reader.wrong(where, f"{what} {name!r} {names.count(name)} times", f"each {what} once", "Remove the others.")


def outputs_of(model: str) -> tuple[str, ...]:
    """What a model offers a Field: "spindle.front_heat_W"."""
    if model not in ASSETS:
        return ()
    m = ASSETS[model]
    given = m.initial, m.nominal, m.Params()
    found = [*(m.loads(*given)._fields if m.loads else ()), *m.virtual(*given)._fields]
    return tuple(f"{model}.{name}" for name in found)


def _near(given: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(allowed), 1)
    return f"Did you mean {near[0]!r}?" if near else "Name one of them."
