"""The plant file of one replay: the given one, with places of its own for everything that it keeps or listens on.

A replay never touches the store, the streams or the ports of the plant it replays: recorded and live data do not mix. What changes:

    [store] [nats] [service] port    the run's own           [clock] kind = "data"
    source mqtt on the embedded listener -> the run's own    source replay -> speed, and its file looked up under --from
    [[asset]] life                   looked up in the run's folder

A broker somewhere else keeps its url: then that broker carries the data.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from didymos.core.errors import ConfigError
from didymos.plant.config import Plant, load

Table = dict[str, Any]
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Run:
    """folder: everything that this run keeps. mqtt_port: of its broker. port: of its page. speed: plant seconds per second,
    0 = as fast as possible."""

    folder: Path
    recordings: Path
    mqtt_port: int
    port: int
    speed: float = 0.0


def plan(plant_file: Path, run: Run) -> tuple[Path, Plant]:
    """Writes the run's plant file; returns its path and what it says. ConfigError for a plant file with mistakes."""
    load(plant_file)
    tree = changed(tomllib.loads(plant_file.read_text(encoding="utf-8")), run)
    path = run.folder / "plant.toml"
    path.write_text(toml_text(tree), encoding="utf-8")
    return path, load(path)


def changed(tree: Table, run: Run) -> Table:
    listener = tree.get("nats", {}).get("mqtt_port", 0)
    return {
        **tree,
        "clock": {"kind": "data"},
        "store": {"path": str(run.folder / "store")},
        "nats": {"mqtt_port": run.mqtt_port},
        "service": {**tree.get("service", {}), "port": run.port},
        "source": [_source(source, listener, run) for source in tree.get("source", [])],
        "asset": [_asset(asset, run) for asset in tree["asset"]],
    }


def _source(source: Table, listener: int, run: Run) -> Table:
    if source["type"] == "replay":
        url = str(source["url"])
        path = url.removeprefix("file://")
        return {**source, "speed": run.speed, "url": str((run.recordings / path).resolve()) if "://" not in path else url}
    where = urlsplit(str(source["url"]))
    if source["type"] == "mqtt" and listener and where.hostname in _LOOPBACK and (where.port or 1883) == listener:
        return {**source, "url": f"mqtt://127.0.0.1:{run.mqtt_port}"}
    return source


def _asset(asset: Table, run: Run) -> Table:
    return {**asset, "life": str(run.folder / asset["life"])} if asset.get("life") else asset


def toml_text(tree: Table) -> str:
    """TOML of tables, arrays of tables and plain values: whatever `tomllib` has read."""
    lines: list[str] = []
    for name, value in tree.items():
        rows = value if _is_tables(value) else [value] if isinstance(value, dict) else None
        if rows is None:
            lines.insert(0, f"{_key(name)} = {_inline(value)}")
            continue
        for row in rows:
            lines += ["", f"[[{_key(name)}]]" if rows is value else f"[{_key(name)}]"]
            lines += [f"{_key(key)} = {_inline(item)}" for key, item in row.items()]
    return "\n".join(lines).lstrip("\n") + "\n"


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _key(name: str) -> str:
    return name if _BARE.match(name) else json.dumps(name, ensure_ascii=False)


def _inline(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(k)} = {_inline(v)}' for k, v in value.items())} }}"
    raise ConfigError(f"{value!r} in a plant file: text, numbers, true/false, lists and tables are allowed. Write a time as text.")
