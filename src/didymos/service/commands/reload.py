"""`didymos reload PLANT.toml`: check, show what changes, apply to the running plant; `--back` takes the last change back."""

from __future__ import annotations

import getpass
import json
import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

APPLIED_WITHIN_S = 60.0


def reload(
    plant_file: Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")],
    back: Annotated[bool, typer.Option("--back", help="write the version before this one into PLANT.toml, then apply it")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check and show")] = False,
    who: Annotated[str, typer.Option(help="in whose name; the user's when absent")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """A changed plant file into the running plant: every mistake, then what changes, then done. Exit status 1: nothing changed."""
    from didymos.core.errors import ConfigError
    from didymos.plant import versions
    from didymos.plant.config import load, read
    from didymos.plant.difference import difference, refusals
    from didymos.service.running import PID, WHO

    applied = versions.applied_file(plant_file)
    if not applied.exists():
        raise ConfigError(f"{plant_file}: no version of it was ever applied. Start it with `didymos run {plant_file}`.")
    old = load(applied)
    if back:
        _write_previous(plant_file, old.store, dry_run)
    source = plant_file if not (back and dry_run) else plant_file.with_name(f".{plant_file.name}.back")
    plant, mistakes = read(source)
    source.unlink() if source != plant_file else None
    wrong = [str(m) for m in mistakes] + (refusals(old, plant) if plant is not None else [])
    changes = difference(old, plant) if plant is not None and not wrong else []
    if wrong or dry_run or not changes:
        _say(as_json, wrong, changes, None, "nothing was changed" if wrong or changes else "it says what runs already")
        raise typer.Exit(1 if wrong else 0)
    pid = _running(old.store / PID, plant_file)
    (old.store / WHO).write_text(who or getpass.getuser())
    number = len(versions.versions(old.store))
    os.kill(pid, signal.SIGHUP)
    until = time.monotonic() + APPLIED_WITHIN_S
    while len(known := versions.versions(old.store)) == number:
        if time.monotonic() > until:
            _say(as_json, ["the running plant has not applied it; see its log"], changes, None, "")
            raise typer.Exit(1)
        time.sleep(0.1)
    _say(as_json, [], changes, known[-1].number, f"applied as version {known[-1].number}")


def _write_previous(plant_file: Path, store: Path, dry_run: bool) -> None:
    """The version before this one becomes the plant file; what it was is kept beside it."""
    from didymos.plant import versions

    text = versions.text_of(store, versions.previous(store))
    if dry_run:
        plant_file.with_name(f".{plant_file.name}.back").write_text(text)
        return
    plant_file.with_name(f"{plant_file.name}.before-back").write_text(plant_file.read_text(encoding="utf-8"))
    plant_file.write_text(text)


def _running(file: Path, plant_file: Path) -> int:
    """Process number of `didymos run`. ConfigError when it does not run."""
    from didymos.core.errors import ConfigError

    try:
        pid = int(file.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{plant_file}: no `didymos run` of this plant is alive. Start it; it reads the file then.") from error
    return pid


def _say(as_json: bool, wrong: list[str], changes: list[str], version: int | None, end: str) -> None:
    if as_json:
        typer.echo(json.dumps({"ok": not wrong, "mistakes": wrong, "changes": changes, "version": version}))
        return
    for line in wrong:
        typer.echo(f"wrong: {line}")
    for line in changes:
        typer.echo(f"  {line}")
    if end:
        typer.echo(end)
