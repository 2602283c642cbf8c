"""The rules of [asset.fmu] in plant.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from didymos.core.channel import Channel
from didymos.plant.config import AssetFmu
from didymos.plant.cosimulation import wrong
from didymos.plant.toml_lines import Path as KeyPath

if TYPE_CHECKING:
    from didymos.plant.config_check import Reader, Table

KEYS = ("file", "sha256", "inputs", "outputs", "parameters", "noise", "limits", "step_s")


def read_fmu_table(reader: Reader, asset: Table, where: KeyPath, model: str, own: tuple[Channel, ...]) -> AssetFmu | None:
    """The FMU beside a generic asset, every mistake noted; None where it cannot even be read."""
    table = reader.value(asset, where[:-1], "fmu", dict, {})
    reader.only(table, where, KEYS)
    if model != "generic":
        reader.wrong(
            where, f"an FMU beside model {model!r}", 'model = "generic"', "A physics model is its own twin; use one of them."
        )
        return None
    file, sha256 = reader.value(table, where, "file", str), reader.value(table, where, "sha256", str)
    if not file or not sha256:
        return None
    inputs, outputs = (_pairs(reader, table, where, key, str) for key in ("inputs", "outputs"))
    parameters, noise, limits = (_pairs(reader, table, where, key, float) for key in ("parameters", "noise", "limits"))
    path = str((reader.path.parent / file).resolve())
    step_s = reader.positive(table, where, "step_s", 0.0) if "step_s" in table else 0.0
    config = AssetFmu(path, sha256.lower(), inputs, outputs, parameters, noise, limits, step_s)
    plant_step = reader.tree.get("plant", {}).get("step_s", 300.0)
    if isinstance(plant_step, int | float) and plant_step > 0:
        for given, allowed, do in wrong(config, own, float(plant_step)):
            reader.wrong(where, given, allowed, do)
    return config


def _pairs(reader: Reader, table: Table, where: KeyPath, key: str, kind: type) -> tuple:
    """A table of names, each with a text or a number."""
    found = []
    for name, value in reader.value(table, where, key, dict, {}).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number if kind is float else isinstance(value, str):
            found.append((name, kind(value)))
        else:
            reader.wrong((*where, key), f"{name} = {value!r}", "a number" if kind is float else "text", "Correct the value.")
    return tuple(found)
