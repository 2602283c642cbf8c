"""The rules of `[[asset.field]]`: the artefact is there and is the one meant, and every input of it has a source.

    [[asset.field]]
    component = "housing"
    artefact = "housing.npz"                       # beside the plant file
    sha256 = "…"                                   # as `didymos fe build` printed it
    inputs = { stator_heat = "spindle.motor_heat_W", ambient_temperature = "channel:ambient_temperature", air_film = 12 }
    thermocouples = { rear_face_r48_0deg_z230 = "channel:housing_rear" }       # place = channel, none or up to eight

Verified: tests/plant/test_fields.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from didymos.assets import ASSETS
from didymos.core.errors import DataError
from didymos.core.field import Field, digest, read
from didymos.plant.config import FieldBinding, Tag
from didymos.plant.toml_lines import Path as KeyPath

if TYPE_CHECKING:
    from didymos.plant.config_check import Reader

KEYS = ("component", "artefact", "sha256", "inputs", "thermocouples")
MOST = 8


def field_binding(reader: Reader, table: dict[str, Any], where: KeyPath, model: str, tags: tuple[Tag, ...]) -> FieldBinding:
    reader.only(table, where, KEYS)
    path = (reader.path.parent / reader.value(table, where, "artefact", str)).resolve()
    sha256 = reader.value(table, where, "sha256", str).lower()
    field = _artefact(reader, where, path, sha256) if table.get("artefact") else None
    channels = tuple(t.channel for t in tags if not t.waveform)
    inputs = reader.value(table, where, "inputs", dict, {})
    couples = reader.value(table, where, "thermocouples", dict, {})
    good = tuple((k, v) for k, v in inputs.items() if _input(reader, (*where, "inputs"), field, k, v, model, channels))
    if field is not None and (missing := [i for i in field.inputs if i.name not in inputs]):
        told = ", ".join(f"{i.name} [{i.unit}]" for i in missing)
        reader.wrong((*where, "inputs"), f"without {told}", "a source for every input of the Field", "Add them.")
    placed = tuple((k, v) for k, v in couples.items() if _couple(reader, (*where, "thermocouples"), field, k, v, channels))
    if len(couples) > MOST:
        reader.wrong((*where, "thermocouples"), f"{len(couples)} of them", f"none to {MOST}", "Leave the least telling out.")
    return FieldBinding(
        reader.id(table, where, "component"), path, sha256, good, tuple((k, v.removeprefix("channel:")) for k, v in placed)
    )


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


def _input(
    reader: Reader, where: KeyPath, field: Field | None, name: str, source: Any, model: str, channels: tuple[str, ...]
) -> bool:
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
    allowed = (*(f"channel:{c}" for c in channels), *outputs_of(model))
    if source not in allowed:
        reader.wrong(where, f"{name} = {source!r}", f"a number in SI, {', '.join(allowed)}", _near(str(source), allowed))
        return False
    return True


def _couple(reader: Reader, where: KeyPath, field: Field | None, place: str, source: Any, channels: tuple[str, ...]) -> bool:
    places = [s.name for s in field.sensors] if field is not None else [place]
    if place not in places:
        reader.wrong(where, f"place {place!r}", f"{', '.join(places[:6])}, … ({len(places)})", _near(place, places))
        return False
    allowed = [f"channel:{c}" for c in channels]
    if source not in allowed:
        reader.wrong(where, f"{place} = {source!r}", ", ".join(allowed) or "a channel with a tag", _near(str(source), allowed))
        return False
    return True


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
