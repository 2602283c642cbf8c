"""`didymos erp import`: one run now of what [[erp]] names, into the staging store; every row that could not be used, by name."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from didymos.core.errors import ConfigError

app = typer.Typer(help="Business systems: orders, serials, lots, work orders.", no_args_is_help=True)
SHOWN = 500  # rejected rows that are printed; all of them are in the table `rejected`


@app.callback()
def erp() -> None:
    """Business systems: orders, serials, lots, work orders."""


@app.command("import")
def import_(
    plant_file: Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")],
    source: Annotated[str, typer.Argument(help="id of one [[erp]]; empty: all that have [[erp.entity]]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """One run now: good rows go in, the others are listed. Exit 1 when any was rejected. The same run again changes nothing."""
    from rich.console import Console

    from didymos.data.erp.staging import Staging
    from didymos.plant.config import load

    logging.getLogger().setLevel(logging.WARNING)
    plant = load(plant_file)
    chosen = _chosen(plant, source)
    staging = Staging(plant.staging_url)
    try:
        found = _imported(plant, chosen, staging, Console(stderr=True))
        doubts = _doubts(staging)
    finally:
        staging.close()
    if as_json:
        typer.echo(json.dumps({**found, "quarantine": doubts}))
    else:
        _show(found, doubts, Console())
    raise typer.Exit(1 if found["rejected"] else 0)


def _chosen(plant: Any, source: str) -> list[Any]:
    staged = [erp for erp in plant.erps if erp.entities]
    names = ", ".join(erp.id for erp in staged) or "none"
    chosen = [erp for erp in staged if source in ("", erp.id)]
    if not chosen:
        what = (
            f"erp {source!r} is not in the plant file, or has no [[erp.entity]]" if source else "no [[erp]] has an [[erp.entity]]"
        )
        raise ConfigError(f"{plant.id}: {what}; there is {names}. Name what is to be imported.")
    return chosen


def _imported(plant: Any, chosen: list[Any], staging: Any, console: Any) -> dict[str, Any]:
    """Counts of all deliveries together, with a bar that names the one at hand."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from didymos.plant.erp import import_now

    counts: dict[str, Any] = {"deliveries": 0, "new": 0, "revised": 0, "same": 0, "passed_over": 0}
    rejected: list[dict[str, Any]] = []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        for erp in chosen:
            task = bar.add_task(erp.id, total=None)
            for taken in import_now(plant, erp, staging):
                bar.update(task, advance=taken.new + taken.revised + taken.same, description=f"{erp.id}: {taken.name}")
                counts["deliveries"] += 1
                for name, number in (
                    ("new", taken.new),
                    ("revised", taken.revised),
                    ("same", taken.same),
                    ("passed_over", taken.passed),
                ):
                    counts[name] += number
                rejected += [asdict(bad) for bad in taken.bad]
            bar.update(task, total=1, completed=1)
    return {**counts, "rejected": rejected}


def _doubts(staging: Any) -> int:
    from didymos.data.erp.staging_join import quarantine

    return len(quarantine(staging))


def _show(found: dict[str, Any], doubts: int, console: Any) -> None:
    from didymos.data.erp.rows import BadRow

    for row in found["rejected"][:SHOWN]:
        console.print(f"{row['source']}: {BadRow(**row)}", highlight=False, markup=False, soft_wrap=True)
    if len(found["rejected"]) > SHOWN:
        console.print(f"… and {len(found['rejected']) - SHOWN} more, in the table `rejected`", markup=False)
    console.print(
        f"{found['new']} new, {found['revised']} revised, {found['same']} as before, {len(found['rejected'])} rejected"
        + (f", {found['passed_over']} elements passed over" if found["passed_over"] else "")
        + (f"; {doubts} in quarantine" if doubts else ""),
        highlight=False,
    )
