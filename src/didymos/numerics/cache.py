"""Generated kernels on disk: the file's name is a hash of its text, so a stale one can never be loaded.

Place: $DIDYMOS_CACHE, else the platform's user cache directory, else a temporary directory of this process (a warning is
logged once, for then every start compiles anew). numba keeps its machine code beside the file and adds its own version
and the processor to its key. Two processes that start cold together write the same text; `os.replace` keeps that harmless.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

log = logging.getLogger("didymos.numerics")

HEADER = """import math
from math import inf, nan

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

FLAGS = dict(cache=True, error_model="numpy", nogil=True, fastmath={"contract", "arcp", "nsz", "reassoc"})


@intrinsic
def choose(context, condition, a, b):
    # a or b, both computed already: one instruction instead of a branch, which would make long texts slow to compile

    def select(context, builder, signature, args):
        return builder.select(*args)

    return types.float64(types.boolean, types.float64, types.float64), select

"""


def wanted_directory() -> Path:
    """Where kernels belong on this platform, writable or not."""
    if chosen := os.environ.get("DIDYMOS_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "didymos" / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "didymos" / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "didymos" / "kernels"


def writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def _temporary(refused: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="didymos-kernels-"))
    log.warning("kernel cache %s cannot be written; using %s for this process. Set DIDYMOS_CACHE to keep kernels.", refused, folder)
    return folder


def kernel_directory() -> Path:
    """A directory that can be written."""
    folder = wanted_directory()
    return folder if writable(folder) else _temporary(folder)


def module_name(name: str, text: str) -> str:
    return f"didymos_{name}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def load(name: str, text: str) -> ModuleType:
    """The module made of `text`; written to the kernel directory unless this very text is there already."""
    unique = module_name(name, text)
    if unique in sys.modules:
        return sys.modules[unique]
    file = kernel_directory() / f"{unique}.py"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    spec = importlib.util.spec_from_file_location(unique, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    spec.loader.exec_module(module)
    return module


def is_compiled(function: Any) -> bool:
    """Whether `function` (a dispatcher of a loaded module) is compiled, in memory or on disk."""
    if getattr(function, "signatures", ()):
        return True
    place = getattr(getattr(function, "_cache", None), "cache_path", None)
    return place is not None and any(Path(place).glob(f"{function.__module__}.{function.__name__}-*.nbi"))
