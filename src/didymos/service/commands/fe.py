"""`didymos fe verify`: finite elements against published cases, each judged in three parts. Exit 1 when one fails."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from didymos.service.commands.fe_build import build
from didymos.service.commands.fe_solve import solve

if TYPE_CHECKING:
    from rich.table import Table

    from didymos.bench.fe_cases import Row

WIDE = 104  # columns that the table needs, also where the output is a pipe

app = typer.Typer(help="Finite elements.", no_args_is_help=True)


@app.callback()
def fe() -> None:
    """Finite elements: a part under load, components as reduced Fields, and the method checked against published cases."""


app.command("build")(build)


@app.command()
def verify(
    cases: Annotated[list[str] | None, typer.Argument(metavar="[CASE ...]", help="names of cases; all when none is given")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """Published cases: target, what we get, our converged value, observed order, verdict. Exit 1 when a case fails."""
    from rich.console import Console

    from didymos.bench.fe_cases import chosen

    rows = _solved(chosen(cases or []))
    failed = [row.name for row in rows if not row.ok]
    if as_json:
        solver = ", ".join(sorted({row.solver for row in rows}))
        typer.echo(json.dumps({"cases": [asdict(r) for r in rows], "all_ok": not failed, "failed": failed, "solver": solver}))
    else:
        console = Console(width=max(Console().width, WIDE))
        console.print(_table(rows))
        for text in _remarks(rows):
            console.print(text, highlight=False)
    raise typer.Exit(1 if failed else 0)


def _solved(cases: list) -> list[Row]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from didymos.bench.fe_cases import verify as judged

    columns = (
        TextColumn("{task.description:32s}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} meshes"),
        TimeElapsedColumn(),
    )
    rows: list[Row] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=sum(len(case.levels) for case in cases))
        for case in cases:
            done = -1

            def starts(text: str) -> None:
                nonlocal done
                done += 1
                progress.update(bar, description=text, advance=1 if done else 0)

            rows += judged(case, starts)
            progress.advance(bar)
    return rows


def _table(rows: list[Row]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("case", no_wrap=True)
    for title in ("target", "got", "error", "band", "converged", "order", "theory"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        converged = "locked" if row.converged is None else f"{row.converged:.6g}"
        order = f"{row.order:.2f}" if row.order is not None else "-" if row.converged is None or not row.ok else "exact"
        theory = "-" if row.order_theory is None else f"{row.order_theory:.2f}"
        numbers = (f"{row.target:.5g} {row.unit}".removesuffix(" 1"), f"{row.got:.6g}", f"{row.rel_err:+.3%}", f"{row.band:.0%}")
        table.add_row(row.name, *numbers, converged, order, theory, "[green]ok[/]" if row.ok else "[red]FAILS[/]")
    return table


def _remarks(rows: list[Row]) -> list[str]:
    """Reasons of failures and remarks, one line for each distinct text; then the solvers and what a slow one costs."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.why:
            reasons.setdefault(row.why, []).append(row.name)
    lines = [f"{', '.join(names)}: {text}" for text, names in reasons.items()]
    lines.append("solver: " + ", ".join(sorted({row.solver for row in rows})))
    return lines + sorted({row.cost for row in rows if row.cost})


app.command()(solve)
