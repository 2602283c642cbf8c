"""`didymos fmu check|run|export`: other tools' FMUs looked at and run without risk; our machines written as FMUs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from didymos.assets.fmu.model import Fmu
    from didymos.core.black_box import BlackBox, Variable

app = typer.Typer(help="FMUs (FMI 2.0 and 3.0, co-simulation).", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE.fmu", help="the FMU")]
Sha = Annotated[str, typer.Option(help="refuse a file whose sha256 is another")]
Set = Annotated[list[str] | None, typer.Option("--set", help="name=value, in the FMU's own unit, before the start; repeat it")]
Json = Annotated[bool, typer.Option("--json", help="the last line is one JSON object")]
Wall = Annotated[float, typer.Option(help="longest wall time of one step, in seconds")]
Memory = Annotated[int, typer.Option(help="MiB that the FMU's process may take")]


@app.callback()
def fmu() -> None:
    """FMUs (FMI 2.0 and 3.0, co-simulation): check, run and write them."""


@app.command()
def check(file: File, sha256: Sha = "", wall: Wall = 10.0, memory: Memory = 1024, as_json: Json = False) -> None:
    """What an FMU is, what is wrong with its description, and whether it starts and steps here. Exit 1 when something is wrong."""
    from didymos.assets.fmu.bind import of_file
    from didymos.assets.fmu.validate import problems
    from didymos.formats.fmu import read_fmu

    read = read_fmu(_bytes(file), file.name, sha256)
    d = read.description
    found = problems(file, _limits(wall, memory))
    stop = d.experiment.stop_s or d.experiment.start_s + 1.0
    with of_file(read, stop_s=stop, inputs=(), limits=_limits(wall, memory)) as opened:
        tried = _tried(opened, d)
    wrong = [*found, *([tried] if tried else [])]
    if as_json:
        typer.echo(json.dumps({"ok": not wrong, "problems": wrong, **_described(d)}))
    else:
        _show(d, wrong)
    raise typer.Exit(1 if wrong else 0)


@app.command()
def run(
    file: File,
    inputs: Annotated[
        Path | None, typer.Option(help="CSV: `time` in s, inputs by name [unit]; outputs by name are compared")
    ] = None,
    step: Annotated[float | None, typer.Option(help="in seconds; the FMU's own when absent")] = None,
    start: Annotated[float | None, typer.Option(help="in seconds; the FMU's own when absent")] = None,
    stop: Annotated[float | None, typer.Option(help="in seconds; the FMU's own when absent")] = None,
    output: Annotated[Path | None, typer.Option(help="CSV to write; it must not exist")] = None,
    read: Annotated[list[str] | None, typer.Option("--read", help="a variable to read; all outputs when absent; repeat it")] = None,
    settings: Set = None,
    sha256: Sha = "",
    wall: Wall = 10.0,
    memory: Memory = 1024,
    as_json: Json = False,
) -> None:
    """Run an FMU in a process of its own, watched and resumed; outputs to a CSV, residuals of what was measured beside them."""
    from didymos.assets.fmu import drive
    from didymos.assets.fmu.bind import open_fmu
    from didymos.core.errors import ConfigError
    from didymos.formats.fmu import read_fmu

    d = read_fmu(_bytes(file), file.name, sha256).description
    shown = tuple(d.variable(name) for name in read or ()) or d.of("output")
    table = drive.read_table(_bytes(inputs), inputs.name, d, shown) if inputs is not None else None
    begins = _first(start, float(table.time_s[0]) if table is not None else None, d.experiment.start_s)
    ends = _first(stop, float(table.time_s[-1]) if table is not None else None, d.experiment.stop_s)
    dt = _first(step, d.experiment.step_s, None)
    if ends is None or dt is None:
        raise ConfigError(
            f"{file.name}: it declares no {'stop time' if ends is None else 'step'}. Give --{'stop' if ends is None else 'step'}."
        )
    count = drive.grid(begins or 0.0, ends, dt, file.name)
    if output is not None and output.exists():
        raise ConfigError(f"fmu run: {output} exists. Give another --output, or move it away.")
    parameters = dict(_pair(text) for text in settings or ())
    limits = _limits(wall, memory)
    last = (begins or 0.0) + count * dt
    with open_fmu(file, last, begins, parameters, read or (), drive.driven(table, d), sha256=sha256, limits=limits) as opened:
        result = _run(opened, table, dt, count, output)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _show_run(result)


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name of a machine model, for example centrifugal_pump")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the .fmu to write; it must not exist")],
    fmi: Annotated[int, typer.Option(help="2 or 3")] = 2,
    sources_only: Annotated[
        bool, typer.Option("--sources-only", help="no library: for another platform, or without a compiler")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="parameter=value or state=value at the start; repeat it")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a machine model as an FMU: C source and library for this platform, no Python in it, no licence needed to run it."""
    from didymos.assets import ASSETS
    from didymos.assets.fmu.c_machine import of_model
    from didymos.assets.fmu.export import export as exported
    from didymos.core.errors import ConfigError
    from didymos.formats.fmu import read_fmu

    if model not in ASSETS:
        raise ConfigError(f"fmu export: model {model!r} is not known. Allowed: {', '.join(ASSETS)}.")
    if output.exists():
        raise ConfigError(f"fmu export: {output} exists. Give another --output, or move it away.")
    chosen = dict(_pair(text) for text in settings or ())
    states = {name: value for name, value in chosen.items() if name in ASSETS[model].State._fields}
    machine = of_model(ASSETS[model], {k: v for k, v in chosen.items() if k not in states}, states)
    data = exported(machine, f"{fmi}.0", library=not sources_only)
    output.write_bytes(data)
    d = read_fmu(data, output.name).description
    if as_json:
        typer.echo(json.dumps(_described(d) | {"file": str(output)}))
    else:
        for_platforms = f"library for {', '.join(d.platforms)}" if d.platforms else "C sources only"
        typer.echo(f"{output}: {d.name}, {d.standard}, {for_platforms}, {len(data) / 1024:.0f} KiB")
        typer.echo(f"sha256 {d.sha256}")


# ---- the rest of check


def _tried(opened: Fmu, d: BlackBox) -> str:
    """One step with the start values; what went wrong, "" when nothing did."""
    import numpy as np

    from didymos.core.errors import DidymosError

    try:
        opened.start()
        span = (d.experiment.stop_s or d.experiment.start_s + 1.0) - d.experiment.start_s
        dt = min(d.experiment.step_s or 0.01 * span, span)
        opened.steps(np.zeros((1, 0)), dt)
    except DidymosError as error:
        return str(error)
    return ""


def _described(d: BlackBox) -> dict[str, Any]:
    e = d.experiment
    return {
        "name": d.name, "standard": d.standard, "token": d.token, "sha256": d.sha256, "tool": d.tool, "platforms": d.platforms,
        "start_s": e.start_s, "stop_s": e.stop_s, "step_s": e.step_s, "keeps_state": d.keeps_state, "stores_state": d.stores_state,
        **{f"{role}s": [_row(v) for v in d.of(role)] for role in ("input", "output", "parameter")},
    }  # fmt: skip


def _row(v: Variable) -> dict[str, Any]:
    finite = {"start": v.start, "low": v.low, "high": v.high}
    numbers = {key: value for key, value in finite.items() if abs(value) < float("inf")}
    return {"name": v.name, "unit": v.unit.name if v.unit else "", "type": v.type, "size": v.size, "tunable": v.tunable, **numbers}


def _show(d: BlackBox, wrong: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=max(Console().width, 100))
    console.print(f"{d.name}: {d.standard}, written by {d.tool or 'an unnamed tool'}", highlight=False)
    console.print(f"sha256 {d.sha256}   libraries {', '.join(d.platforms) or 'none'}", highlight=False)
    kept = (
        "can be written down: restarts go on from it"
        if d.stores_state
        else "cannot be written down: restarts live through all inputs again"
    )
    console.print(f"its state {kept}", highlight=False)
    table = Table(box=None, pad_edge=False)
    for title in ("variable", "role", "type", "unit", "start"):
        table.add_column(title, no_wrap=True)
    for role in ("input", "output", "parameter"):
        for v in d.of(role)[:40]:
            start = f"{v.start:g}" if v.start == v.start else ""
            table.add_row(v.name, role, v.type + (f"[{v.size}]" if v.size > 1 else ""), v.unit.name if v.unit else "", start)
    console.print(table)
    for text in wrong:
        console.print(f"problem: {text}", highlight=False, markup=False, soft_wrap=True)
    console.print("it starts and steps here" if not wrong else f"{len(wrong)} problem{'s' * (len(wrong) > 1)}", highlight=False)


# ---- the rest of run


def _run(opened: Fmu, table: Any, dt: float, count: int, output: Path | None) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from didymos.assets.fmu import drive

    compared = drive.Compared(table, opened.outputs) if table is not None else None
    part = output.with_name(output.name + ".part") if output is not None else None
    last: list[float] = []
    sink = part.open("w", encoding="utf-8") if part is not None else None
    try:
        if sink is not None:
            sink.write(",".join(_quoted(name) for name in ("time", *opened.outputs)) + "\n")
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(opened.description.name, total=count)
            for time_s, y in drive.run(opened, table, dt, count, lambda done: progress.update(bar, completed=done)):
                if sink is not None:
                    sink.writelines(
                        f"{t!r},{','.join(map(repr, row))}\n" for t, row in zip(time_s.tolist(), y.tolist(), strict=True)
                    )
                if compared is not None:
                    compared.see(time_s, y)
                last = y[-1].tolist()
    except BaseException:
        if sink is not None and part is not None:
            sink.close()
            part.unlink(missing_ok=True)
        raise
    if sink is not None and part is not None and output is not None:
        sink.close()
        part.rename(output)
    found = compared.residuals() if compared is not None else []
    residuals = [{"output": r.name, "readings": r.count, "bias": r.bias, "rms": r.rms, "largest": r.largest} for r in found]
    ends = dict(zip(opened.outputs, last, strict=True))
    return {
        "name": opened.description.name, "steps": count, "time_s": opened.time_s, "last": ends, "residuals": residuals,
        "restarts": opened.lost, "recycled": opened.recycled, "output": str(output) if output else None,
    }  # fmt: skip


def _show_run(result: dict[str, Any]) -> None:
    typer.echo(f"{result['name']}: {result['steps']} steps to {result['time_s']:g} s")
    for name, value in result["last"].items():
        typer.echo(f"  {name} = {value:.8g}")
    for r in result["residuals"]:
        off = f"bias {r['bias']:.4g}, rms {r['rms']:.4g}, largest {r['largest']:.4g}"
        typer.echo(f"  {r['output']}: {r['readings']} readings, measured - computed: {off}")
    for text in result["restarts"]:
        typer.echo(f"  restarted: its process {text}")
    if result["output"]:
        typer.echo(f"  written to {result['output']}")


# ---- arguments


def _bytes(path: Path) -> bytes:
    from didymos.core.errors import ConfigError

    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Give the path of a file.") from error


def _pair(text: str) -> tuple[str, float]:
    from didymos.core.errors import ConfigError

    name, equals, value = text.rpartition("=")
    try:
        if not equals or not name:
            raise ValueError
        return name.strip(), float(value)
    except ValueError as error:
        raise ConfigError(f"--set {text!r}: write name=value with a number, for example --set area=0.02.") from error


def _limits(wall: float, memory: int) -> Any:
    from didymos.assets.fmu.process import Limits

    return Limits(wall_s=wall, memory_bytes=memory << 20)


def _first(*values: float | None) -> Any:
    return next((v for v in values if v is not None), None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in ',"\n') else name
