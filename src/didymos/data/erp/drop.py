"""A folder into which an ERP drops files: CSV, XLSX, or ISA-95 messages. Nothing in it is changed.

    [[erp]] type = "csv", url = "drop"       and for each entity a pattern: origin = "orders_*.csv"

A file counts by its content: the same bytes under any name are taken in once for ever. It is taken when it is complete: when a
SHA-256 beside it says so (`orders.csv.sha256`, or a line of `SHA256SUMS` or `manifest.sha256`), else when its size and time have
not changed for `settle_s`; `require_checksum = true` waits for the checksum whatever happens. A file that does not fit its
checksum, though it no longer changes, is refused by name. Files are read in order of their names. Names that begin with a dot or
end in .tmp, .part, .filepart or ~ are left alone.

Verified: tests/erp/test_drop.py.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from didymos.core.errors import ConfigError, ConnectError
from didymos.data.erp.b2mml import read_messages
from didymos.data.erp.delivery import Delivery, Known, Part, SourceConfig, digest, map_digest
from didymos.data.erp.rows import BadRow, EntityMap
from didymos.data.erp.tabular import read_csv, read_xlsx

MANIFESTS = ("SHA256SUMS", "manifest.sha256")
UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", "~", ".sha256")
_SUM = re.compile(r"\s*([0-9a-fA-F]{64})(?:[ \t]+\*?(.+?))?\s*")

Reader = Callable[[bytes, str, EntityMap, Mapping[str, Any], str], tuple[tuple[Part, ...], tuple[BadRow, ...], int]]
Look = tuple[int, int]  # size, time of change


@dataclass(frozen=True, slots=True)
class Found:
    """A file at one look. `expected`: the checksum beside it, "" = none, "?" = one that is not complete yet."""

    path: Path
    look: Look
    expected: str


def csv_drop(config: SourceConfig) -> Drop:
    return Drop(config, _one_entity(read_csv))


def xlsx_drop(config: SourceConfig) -> Drop:
    return Drop(config, _one_entity(read_xlsx))


def b2mml_drop(config: SourceConfig) -> Drop:
    return Drop(config, read_messages)


def _one_entity(read: Callable[..., tuple[Any, tuple[BadRow, ...]]]) -> Reader:
    def parts(data: bytes, file: str, m: EntityMap, options: Mapping[str, Any], source: str):
        rows, bad = read(data, file, m, options, source)
        return ((m.entity, rows),), bad, 0

    return parts


@final
class Drop:
    """See the head of this file. `sleep` and `read` are handed in by tests and by the three kinds."""

    def __init__(self, config: SourceConfig, read: Reader, sleep: Callable[[float], None] = time.sleep) -> None:
        self._config = config
        self._read = read
        self._sleep = sleep
        self._folder = Path(config.url.removeprefix("file://"))
        self._settle_s = _seconds(config)
        self._looks: dict[Path, Look] = {}
        self._done: dict[tuple[Path, str], tuple[Look, str]] = {}
        for m in config.maps:
            if m.origin.startswith("/") or ".." in m.origin.split("/"):
                raise ConfigError(
                    f"erp {config.id}: origin {m.origin!r} leads out of the folder. Write a pattern such as orders_*.csv."
                )

    def deliveries(self, known: Known) -> Iterator[Delivery]:
        """Every complete file that is not known yet. Waits `settle_s` once when a file is there that it has not seen before."""
        for m in self._config.maps:
            files = self._find(m)
            if any(f.path not in self._looks and (f.path, m.origin) not in self._done and not _is_sum(f.expected) for f in files):
                self._looks |= {f.path: f.look for f in files}
                self._sleep(self._settle_s)
                files = self._find(m)
            for f in files:
                settled = self._looks.get(f.path) == f.look
                self._looks[f.path] = f.look
                name = map_digest(m)
                if self._done.get((f.path, name)) == (f.look, f.expected):
                    continue
                delivery = self._deliver(f, m, settled, known)
                if delivery is not None:
                    if delivery.digest:
                        yield delivery
                    self._done[f.path, name] = (f.look, f.expected)

    def close(self) -> None:
        """Nothing is held open."""

    def _find(self, m: EntityMap) -> list[Found]:
        try:
            if not self._folder.is_dir():
                raise ConnectError(f"erp {self._config.id}: {self._folder} is no folder. Create it, or correct `url` in [[erp]].")
            sums = _manifests(self._folder)
            found: list[Found] = []
            for path in sorted(self._folder.glob(m.origin)):
                if path.name.startswith(".") or path.name.endswith(UNFINISHED) or path.name in MANIFESTS or not path.is_file():
                    continue
                state = path.stat()
                expected = _beside(path) or sums.get(path.name, "")
                found.append(Found(path, (state.st_size, state.st_mtime_ns), expected))
            return found
        except OSError as error:
            raise ConnectError(f"erp {self._config.id}: {self._folder} cannot be read: {error}. Check its rights.") from error

    def _deliver(self, f: Found, m: EntityMap, settled: bool, known: Known) -> Delivery | None:
        """None: not yet. A delivery without digest: known already."""
        required = bool(self._config.options.get("require_checksum", False))
        if not _is_sum(f.expected) and (not settled or (required and not f.expected)):
            return None
        try:
            data = f.path.read_bytes()
            now = f.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConnectError(f"erp {self._config.id}: {f.path} cannot be read: {error}. Check its rights.") from error
        if (now.st_size, now.st_mtime_ns) != f.look:
            return None
        found = hashlib.sha256(data).hexdigest()
        if f.expected and found != f.expected:
            return self._unlike(f, found, known) if settled else None
        name = digest(found, map_digest(m), sorted(self._config.options.items()))
        if known.has_file(self._config.id, name):
            return Delivery(self._config.id, f.path.name, "", True, ())
        parts, bad, passed = self._read(data, f.path.name, m, {**self._config.options, **m.options}, self._config.id)
        return Delivery(self._config.id, f.path.name, name, True, parts, bad, None, passed)

    def _unlike(self, f: Found, found: str, known: Known) -> Delivery:
        """A complete file that is not what its checksum says: refused once, by name."""
        source, name = self._config.id, digest("unlike", found, f.expected)
        if known.has_file(source, name):
            return Delivery(source, f.path.name, "", True, ())
        wanted = "the 64 hex digits of a SHA-256" if f.expected == "?" else f"sha256 {f.expected}, as the checksum beside it says"
        bad = BadRow(source, f.path.name, "", "", f"sha256 {found}", f"{wanted}; copy the file anew")
        return Delivery(source, f.path.name, name, True, (), (bad,))


def _is_sum(expected: str) -> bool:
    return len(expected) == 64


def _beside(path: Path) -> str:
    beside = path.with_name(path.name + ".sha256")
    if not beside.is_file():
        return ""
    found = _SUM.fullmatch(beside.read_text("utf-8", "replace"))
    return found[1].lower() if found else "?"


def _manifests(folder: Path) -> dict[str, str]:
    sums: dict[str, str] = {}
    for name in MANIFESTS:
        if (folder / name).is_file():
            for line in (folder / name).read_text("utf-8", "replace").splitlines():
                found = _SUM.fullmatch(line)
                if found and found[2]:
                    sums[Path(found[2]).name] = found[1].lower()
    return sums


def _seconds(config: SourceConfig) -> float:
    given = config.options.get("settle_s", 2.0)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 3600:
        raise ConfigError(f"erp {config.id}: settle_s = {given!r}; seconds from 0 to 3600 are allowed. Correct it.")
    return float(given)
