"""A machine of ours as an FMU that needs neither Python nor a licence: C source, and a library where a C compiler is at hand.

    data = export(of_model(MODEL), "2.0")           bytes of the .fmu: description, sources/, binaries/<this machine>/
    data = export(of_affine(Affine(...)), "3.0", library=False)     sources only

Same machine, same sources, to the byte; its token is their hash. Verified: tests/fmu/test_export.py (against NumPy, FMPy's checks).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from didymos import __version__
from didymos.assets.fmu.c_machine import CMachine
from didymos.core.black_box import BlackBox
from didymos.core.errors import ConfigError, SolveError
from didymos.formats.fmi_write import BUILD, write
from didymos.formats.fmu import library as library_path

VERSIONS = ("2.0", "3.0")
FLAGS = ("-shared", "-fPIC", "-O2", "-std=c99", "-fvisibility=hidden", "-ffp-contract=off", "-w")
WALL_S = 300.0
DAY = (2000, 1, 1, 0, 0, 0)  # of every member: the bytes do not tell when it was made


def export(machine: CMachine, version: str = "2.0", library: bool = True) -> bytes:
    if version not in VERSIONS:
        raise ConfigError(f"fmu export: FMI version {version!r}. Allowed: {', '.join(VERSIONS)}.")
    d = describe(machine, version)
    sources = _sources(machine, d.token, version)
    members: dict[str, bytes] = {"modelDescription.xml": write(d, version).encode()}
    if library:
        members[library_path(d)] = compiled(sources, version)
    members |= {f"sources/{name}": text.encode() for name, text in sources.items()}
    if version == "3.0":
        members["sources/buildDescription.xml"] = BUILD.format(identifier=d.identifier).encode()
    return _zipped(members)


def describe(machine: CMachine, version: str) -> BlackBox:
    return BlackBox(
        name=machine.name,
        standard=f"FMI {version}",
        token=_token(machine, version),
        identifier=machine.identifier,
        sha256="",
        variables=machine.variables,
        experiment=machine.experiment,
        keeps_state=True,
        stores_state=True,
        any_step=True,
        platforms=(),
        tool=f"Didymos {__version__}",
        has_sources=True,
    )


def compiler() -> str:
    """$CC, else the first of cc, gcc, clang. ConfigError says what to install."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return found
    raise ConfigError(
        "fmu export: no C compiler (cc, gcc, clang) is on PATH. Install one (Debian: apt-get install gcc libc6-dev; "
        "macOS: xcode-select --install), set CC, or export the sources alone with --sources-only."
    )


def compiled(sources: dict[str, str], version: str) -> bytes:
    """The shared library of this machine's platform."""
    with tempfile.TemporaryDirectory(prefix="didymos-cc-") as folder:
        for name, text in sources.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        words = [compiler(), *FLAGS, f"fmi{version[0]}.c", "-o", "library", "-lm"]
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=WALL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SolveError(
                f"fmu export: the compiler {words[0]} failed: {error}. Export the sources alone with --sources-only."
            ) from error
        if done.returncode:
            said = " | ".join(done.stderr.strip().splitlines()[:3])
            raise SolveError(
                f"fmu export: {words[0]} refuses the source: {said[:500]}. Set CC to another compiler, or --sources-only."
            )
        return Path(folder, "library").read_bytes()


def _sources(machine: CMachine, token: str, version: str) -> dict[str, str]:
    own = Path(__file__).parent
    title = machine.title.replace("*/", "")
    head = f"/* {title}: written by Didymos {__version__} from the machine's own equations. */\n\n"
    stamps = f'#define TOKEN "{token}"\nstatic const unsigned char STAMP[] = "{token}";\n\n'
    names = (*machine.needs, "instance.h", f"fmi{version[0]}.c")
    texts = {name: (own / name).read_text(encoding="utf-8") for name in names}
    return {"machine.h": f'{head}{stamps}{machine.text}#include "instance.h"\n', **texts}


def _token(machine: CMachine, version: str) -> str:
    own = Path(__file__).parent
    hashed = hashlib.sha256(machine.text.encode())
    for name in (*machine.needs, "instance.h", f"fmi{version[0]}.c"):
        hashed.update((own / name).read_bytes())
    digits = hashed.hexdigest()
    return f"{{{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}}}"


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, DAY)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()
