"""FMU files (FMI 2.0 and 3.0, co-simulation): a ZIP with modelDescription.xml, libraries and resources -> a frozen description.

    file = read_fmu(data, "pump.fmu")      DataError for what cannot be used, saying why
    file.description                       core.black_box.BlackBox
    file.members(platform)                 (path, bytes) of what is needed to run it here

Everything is checked here, before any library of the file is loaded: the archive (`zip_safe`), the XML (`xml_safe`), that it is a
co-simulation FMU of a version that is known, that its names and references are sound, that it has a library for this platform.
Source: Functional Mock-up Interface specification 2.0.4 (2022) ch. 2.2 and 3.0.2 (2024) ch. 2.4. Verified: tests/fmu/test_files.py.
"""

from __future__ import annotations

import hashlib
import platform as _platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from didymos.core.black_box import BlackBox
from didymos.core.errors import DataError
from didymos.formats.fmi_description import describe
from didymos.formats.xml_safe import Limits as XmlLimits
from didymos.formats.xml_safe import parse
from didymos.formats.zip_safe import Archive, Limits, open_zip

DESCRIPTION = "modelDescription.xml"
ARCHIVE = Limits(packed_bytes=1 << 30, members=20_000, member_bytes=1 << 30, total_bytes=4 << 30, ratio=400)
XML = XmlLimits(size_bytes=64 << 20, elements=2_000_000)
_SUFFIX = {"linux": ".so", "darwin": ".dylib", "windows": ".dll"}


@dataclass(frozen=True)
class FmuFile:
    """One FMU whose archive and description were found sound."""

    description: BlackBox
    archive: Archive
    where: str

    def members(self, platform: str) -> Iterator[tuple[str, bytes]]:
        """Description, resources and the libraries of `platform` only: the rest is not unpacked."""
        wanted = (DESCRIPTION.lower(), "resources/", f"binaries/{platform}/".lower())
        for name in self.archive.names:
            if name.lower().startswith(wanted):
                yield name, self.archive.read(name)


def read_fmu(data: bytes, where: str, sha256: str = "") -> FmuFile:
    """`sha256`, when given, is what the file must have."""
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.lower():
        raise DataError(
            f"{where}: its sha256 is {found}, not {sha256.lower()} as pinned. "
            "It is another file than the one that was checked: get that one, or check this one and pin its sha256."
        )
    archive = open_zip(data, where, ARCHIVE)
    if DESCRIPTION not in archive:
        raise DataError(f"{where}: it holds no {DESCRIPTION}, so it is no FMU. Export the FMU anew.")
    root = parse(archive.read(DESCRIPTION), f"{where}/{DESCRIPTION}", XML)
    described = describe(root, where, found, _platforms(archive), any(n.lower().startswith("sources/") for n in archive.names))
    return FmuFile(described, archive, where)


def here(standard: str) -> str:
    """This machine's name in FMUs of a standard: `linux64` (FMI 2), `x86_64-linux` (FMI 3)."""
    system = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(_platform.machine().lower(), _platform.machine().lower())
    if standard == "FMI 3.0":
        return f"{machine}-{system}"
    if machine == "x86_64":
        return {"linux": "linux64", "darwin": "darwin64", "windows": "win64"}.get(system, f"{machine}-{system}")
    return f"{machine}-{system}"


def library(description: BlackBox) -> str:
    """Path of its library for this machine, inside the archive."""
    folder = here(description.standard)
    suffix = next((end for word, end in _SUFFIX.items() if word[:3] in folder), ".so")
    return f"binaries/{folder}/{description.identifier}{suffix}"


def check_runs_here(file: FmuFile) -> None:
    """DataError when there is no library for this machine."""
    wanted = library(file.description)
    if wanted in file.archive:
        return
    have = ", ".join(file.description.platforms) or "none"
    sources = " It holds C sources, which a compiler can turn into one." if file.description.has_sources else ""
    raise DataError(
        f"{file.where}: it has no library {wanted} for this machine. Libraries in it: {have}.{sources} "
        f"Ask its author to export it for {here(file.description.standard)}."
    )


def _platforms(archive: Archive) -> tuple[str, ...]:
    folders = [name.split("/") for name in archive.names]
    return tuple(sorted({f[1] for f in folders if len(f) > 2 and f[0].lower() == "binaries"}))
