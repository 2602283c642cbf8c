"""FMUs made while testing: the hand-written probe in C (`probe.c`), and files that are wrong in one place."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent

DESCRIPTIONS = {fmi: (HERE / f"probe{fmi}.xml").read_text() for fmi in (2, 3)}


def compiler() -> str:
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("no C compiler on this machine (cc, gcc or clang)")
    return found


def probe(folder: Path, fmi: int, states: bool = True) -> Path:
    """`states`: whether it says that its state can be written down."""
    library = folder / f"probe{fmi}.so"
    if not library.exists():
        words = [compiler(), "-shared", "-fPIC", "-O1", "-w", f"-DFMI={fmi}", str(HERE / "probe.c"), "-o", str(library), "-lm"]
        subprocess.run(words, check=True)
    path = folder / f"probe{fmi}{'' if states else '_stateless'}.fmu"
    if path.exists():
        return path
    where = {2: "linux64", 3: "x86_64-linux"}[fmi]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("modelDescription.xml", DESCRIPTIONS[fmi].replace("STATE", str(states).lower()))
        archive.write(library, f"binaries/{where}/probe.so")
    return path


def zipped(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()
