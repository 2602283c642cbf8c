"""`didymos fit PLANT.toml ASSET --from … --to …`: parameters of one machine from its own history, with a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def fit(
    plant_file: Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")],
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="id of the machine")],
    start: Annotated[str, typer.Option("--from", help="ISO 8601 with a zone; the machine is taken as healthy from then on")],
    end: Annotated[str, typer.Option("--to", help="ISO 8601 with a zone; this moment is not in it")],
    data: Annotated[Path | None, typer.Option(help="a wide CSV or Parquet file instead of history")] = None,
    time_column: Annotated[str, typer.Option(help="of --data")] = "time",
    time_unit: Annotated[str, typer.Option(help="of --data: iso, s, ms, us, ns")] = "iso",
    zone: Annotated[str, typer.Option(help="of local times in --data, for example Europe/Berlin")] = "",
    out: Annotated[Path | None, typer.Option(help="file for `fitted`; fit/ASSET.json beside the plant file when absent")] = None,
    sisters: Annotated[bool, typer.Option("--sisters", help="start from what fitted machines of the same model teach")] = False,
    starts: Annotated[int, typer.Option(min=1, max=32, help="points from which the optimum is sought")] = 3,
    posterior: Annotated[bool, typer.Option("--posterior", help="draw from the posterior too; minutes")] = False,
    as_of: Annotated[str, typer.Option(help="only what was known then; ISO 8601 with a zone")] = "",
    seed: int = 1,
    nats: Annotated[str, typer.Option("--nats", help="URL of the nats-server; empty: the running plant's, else the store")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:  # fmt: skip
    """Fit a machine's parameters to its history: which the data tell, with intervals; the rest stay, and are named."""
    from rich.console import Console

    from didymos.core.clock import parse_time
    from didymos.core.errors import ConfigError
    from didymos.plant import fit as plant_fit
    from didymos.plant import fitted
    from didymos.plant.config import load
    from didymos.plant.fit_run import fit_one

    if time_unit not in ("iso", "s", "ms", "us", "ns"):
        raise ConfigError(f"--time-unit {time_unit!r} is not allowed; allowed are iso, s, ms, us, ns")
    given = plant_fit.job(load(plant_file), asset, parse_time(start), parse_time(end))
    file = out or plant_file.parent / "fit" / f"{asset}.json"
    if data is not None:
        from didymos.formats.iso_time import zone_named

        samples = plant_fit.from_file(given, data, time_column, time_unit, zone_named(zone, "--zone") if zone else None)
    else:
        samples = plant_fit.from_history(given.plant, nats, parse_time(as_of) if as_of else None)
    with Console(stderr=True).status(f"fitting {asset}") as status:
        body, html = fit_one(given, samples, sisters, starts, seed, posterior, lambda said: status.update(f"{asset}: {said}"))
    fitted.write(file, body)
    page = file.with_suffix(".html")
    page.write_text(html, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps({**body, "file": str(file), "report": str(page)}))
    else:
        _show(body, file, page, plant_file)


def _show(body: dict[str, Any], file: Path, page: Path, plant_file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from didymos.plant.fit_report import sentence

    console, shown = Console(), Table(box=None)
    for title in ("parameter", "prior", "value", "90 % interval", "told", "by"):
        shown.add_column(title, justify="left" if title in ("parameter", "by") else "right")
    for name, p in body["params"].items():
        if p["kind"] in ("data", "combination"):
            span = f"{p['low']:.4g} to {p['high']:.4g}"
            shown.add_row(name, f"{p['prior']:.4g}", f"{p['value']:.4g}", span, f"{p['told']:.0%}", p["kind"])
    console.print(shown)
    console.print(sentence(body))
    for text in body["not_told"]:
        console.print(f"cannot be told: {text}")
    for line in body["residual"]["said"]:
        console.print(f"learned residual, {line}")
    if "posterior" in body:
        p = body["posterior"]
        said = "mixed" if p["believed"] else "NOT mixed; draw longer"
        console.print(f"posterior: R-hat {p['r_hat']:.3f}, {p['effective']:.0f} effective draws, {said}")
    typer.echo(f"{file} written, report {page}")
    typer.echo(f'the worker starts from it with   fitted = "{_relative(file, plant_file)}"   in [[asset]] of {plant_file.name}')


def _relative(file: Path, plant_file: Path) -> str:
    try:
        return str(file.absolute().relative_to(plant_file.absolute().parent))
    except ValueError:
        return str(file.absolute())
