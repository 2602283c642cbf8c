"""ZIP archives from outside, read without trust: bounded members, sizes and ratio, no path that leaves the archive, no password.

    archive = open_zip(data, "orders.xlsx")
    archive.read("xl/workbook.xml")        bytes; DataError when it unpacks to more than it declares or than is allowed

Sizes are checked twice: as declared, before anything is unpacked, and while unpacking, since a bomb declares what it likes.

Verified: tests/formats/test_xlsx.py.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import final

from didymos.core.errors import DataError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may hold. A spreadsheet of numbers packs about 10 : 1, one of a constant up to 200 : 1."""

    packed_bytes: int = 64 << 20
    members: int = 2000
    member_bytes: int = 256 << 20
    total_bytes: int = 512 << 20
    ratio: int = 400
    ratio_from_bytes: int = 4 << 20  # small members may pack as well as they like


@final
class Archive:
    """One archive whose directory was found harmless."""

    def __init__(self, zip: zipfile.ZipFile, where: str, limits: Limits) -> None:
        self._zip = zip
        self._where = where
        self._limits = limits
        self._left = limits.total_bytes
        self._names = {info.filename.lower(): info for info in zip.infolist()}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    @property
    def names(self) -> tuple[str, ...]:
        """Members that are files, as the archive spells them."""
        return tuple(info.filename for info in self._zip.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        """Member `name`, whatever its letters' case. DataError when it is absent, damaged, or larger than allowed."""
        info = self._names.get(name.lower())
        if info is None:
            raise DataError(f"{self._where}: it holds no {name}. Save the file anew.")
        allowed = min(self._limits.member_bytes, self._left)
        try:
            with self._zip.open(info) as member:
                data = member.read(allowed + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{self._where}: {name} is damaged ({error}). Copy or save the file anew.") from error
        if len(data) > allowed:
            raise DataError(f"{self._where}: {name} unpacks to more than {allowed} bytes. Split the file.")
        self._left -= len(data)
        return data


def open_zip(data: bytes, where: str, limits: Limits = Limits()) -> Archive:
    """DataError for what is no archive, or whose directory already shows what is not allowed."""
    if len(data) > limits.packed_bytes:
        raise DataError(f"{where}: {len(data)} bytes; at most {limits.packed_bytes} are read. Split the file.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{where}: not a ZIP archive ({error}). Copy or save the file anew.") from error
    for found in _faults(archive.infolist(), limits):
        raise DataError(f"{where}: {found}")
    return Archive(archive, where, limits)


def _faults(members: list[zipfile.ZipInfo], limits: Limits):
    """Everything that the directory alone gives away."""
    if len(members) > limits.members:
        yield f"{len(members)} members; at most {limits.members} are allowed."
    if sum(m.file_size for m in members) > limits.total_bytes:
        yield f"it unpacks to {sum(m.file_size for m in members)} bytes; at most {limits.total_bytes} are allowed. Split the file."
    if len({m.filename.lower() for m in members}) < len(members):
        yield "two members have the same name. Save the file anew."
    for m in members:
        name = m.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name[:3]:
            yield f"member {name[:80]!r} leads out of the archive."
        elif m.flag_bits & 1:
            yield f"member {name[:80]!r} is encrypted. Save it without a password."
        elif m.compress_type not in _METHODS:
            yield f"member {name[:80]!r} is packed by method {m.compress_type}; stored and deflated are allowed."
        elif m.file_size > limits.ratio_from_bytes and m.file_size > limits.ratio * max(1, m.compress_size):
            yield f"member {name[:80]!r} unpacks to {m.file_size} bytes from {m.compress_size}; allowed: {limits.ratio}:1."
