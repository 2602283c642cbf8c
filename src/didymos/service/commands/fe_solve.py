"""`didymos fe solve PART.toml`: one part under load, its figures with units, solver and cost named; refined on request."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from didymos.numerics.fe.converge import Converged
    from didymos.plant.part.solve import Answer


def solve(
    part_file: Annotated[Path, typer.Argument(metavar="PART.toml", help="geometry, surfaces, material, supports, loads")],
    converge: Annotated[
        bool, typer.Option("--converge", help="three meshes: order, extrapolated value, error of each figure")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help=".vtu: every field; .glb: coloured surface; .csv: curves over time, frequency")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """Static, heat, transient, thermoelastic, modal or harmonic: what the file asks for. Every mistake of the file in one pass."""
    from rich.console import Console

    from didymos.plant.part import file, geometry, refine
    from didymos.plant.part import solve as solving
    from didymos.plant.part.write import write

    part = file.load(part_file)
    orders: dict[str, Converged] = {}
    with Console(stderr=True).status("mesh") as status:
        if converge:
            answer, orders = refine.refined(part, status.update)
        else:
            shape = geometry.geometry(part)
            status.update(f"solving {part.analysis}")
            answer = solving.solve(part, shape)
    if out is not None:
        write(answer, out)
    if as_json:
        typer.echo(json.dumps(_answer(answer, orders, out)))
    else:
        _print(answer, orders, out, part.top["title"] or part_file.stem)


def _answer(answer: Answer, orders: dict[str, Converged], out: Path | None) -> dict[str, Any]:
    factor = answer.factor
    return {
        "figures": {name: {"value": value, "unit": unit} for name, (value, unit) in answer.figures.items()},
        "converged": {name: asdict(found) for name, found in orders.items()},
        "curves": {name: {key: column.tolist() for key, column in curve.items()} for name, curve in answer.curves.items()},
        "unknowns": factor.unknowns,
        "solver": factor.solver,
        "blas": factor.blas,
        "cost": factor.note,
        "mesh": answer.said,
        "out": None if out is None else str(out),
    }


def _print(answer: Answer, orders: dict[str, Converged], out: Path | None, title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=max(Console().width, 104))
    table = Table(box=None, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    for name in ("value", "unit", *(("order", "extrapolated", "error") if orders else ())):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    for name, (value, unit) in answer.figures.items():
        table.add_row(name, f"{value:.6g}", unit, *(_order(orders[name]) if name in orders else ()))
    console.print(title, highlight=False)
    console.print(table)
    for name, found in orders.items():
        if found.remark and found.order is None and found.error:
            console.print(f"{name}: {found.remark}", highlight=False)
    factor = answer.factor
    lines = (
        answer.said,
        f"{factor.unknowns} unknowns, solver {factor.solver}, BLAS {factor.blas}",
        factor.note,
        f"wrote {out}" if out else "",
    )
    for line in filter(None, lines):
        console.print(line, highlight=False)


def _order(found: Converged) -> tuple[str, str, str]:
    order = f"{found.order:.2f}" if found.order is not None else "exact" if found.error == 0.0 else "none"
    return order, "-" if found.limit is None else f"{found.limit:.6g}", f"{found.error:.2g}"
