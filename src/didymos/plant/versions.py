"""Which plant file runs: each applied version kept in the store, and as a Record in the ledger.

    store/versions/0003-1f0c….toml     the text as it was applied
    store/versions/log.jsonl           one line each: number, hash, when (plant time, UTC ns), who, the changes

`applied` is the copy beside the plant file that the roles read: an edit of the plant file changes nothing until it is applied.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from didymos.core.case import Record
from didymos.core.channel import partition
from didymos.core.clock import DataClock
from didymos.core.errors import ConfigError
from didymos.core.ports import Bus
from didymos.formats.wire import pack
from didymos.plant.config import Plant


@dataclass(frozen=True, slots=True)
class Version:
    """One applied plant file. `back_to`: the number it repeats, when it was a roll-back."""

    number: int
    sha256: str
    time_ns: int
    who: str
    changes: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"{self.number:04}-{self.sha256[:12]}.toml"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def applied_file(plant_file: Path) -> Path:
    """Beside the plant file, so that its relative paths mean the same."""
    return plant_file.with_name(f".{plant_file.name}.applied")


def versions(store: Path) -> list[Version]:
    """Oldest first."""
    log = store / "versions" / "log.jsonl"
    if not log.exists():
        return []
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return [Version(**{**row, "changes": tuple(row["changes"])}) for row in rows]


def text_of(store: Path, version: Version) -> str:
    """ConfigError when the file is not what was applied."""
    path = store / "versions" / version.file
    text = path.read_text() if path.exists() else ""
    if hash_of(text) != version.sha256:
        raise ConfigError(f"{path}: is missing or was altered since it was applied. Give a plant file by hand.")
    return text


def previous(store: Path) -> Version:
    """The version before the one that runs. ConfigError when there is none."""
    known = versions(store)
    other = [v for v in known if v.sha256 != known[-1].sha256]
    if not other:
        raise ConfigError(f"{store}: no earlier version of the plant file was applied here, so there is nothing to go back to.")
    return other[-1]


def apply(plant: Plant, plant_file: Path, text: str, who: str, changes: list[str]) -> Version | None:
    """Make `text` the one that the roles read; None when it already is. The copy is replaced in one step."""
    known = versions(plant.store)
    if known and known[-1].sha256 == hash_of(text) and applied_file(plant_file).exists():
        return None
    folder = plant.store / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    now = 0 if isinstance(plant.clock, DataClock) else plant.clock.now_ns()
    version = Version(len(known) + 1, hash_of(text), now, who, tuple(changes))
    (folder / version.file).write_text(text)
    new = applied_file(plant_file).with_suffix(".new")
    new.write_text(text)
    os.replace(new, applied_file(plant_file))
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(asdict(version)) + "\n")
        log.flush()
        os.fsync(log.fileno())
    return version


async def record(bus: Bus, plant: Plant, version: Version, text: str) -> None:
    """Into the ledger, once for each version."""
    body: dict[str, object] = {**asdict(version), "changes": list(version.changes), "text": text}
    line = Record(f"plant_file:{version.number}:{version.sha256}", "plant_file", plant.id, version.time_ns, body)
    await bus.publish(f"res.{partition(plant.id)}.record.{plant.id}", pack(line), f"record:{line.key}")
