"""`didymos backfill`: years of existing samples into history, and the beliefs of those years by the same loop."""

from __future__ import annotations

import json
import logging
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from didymos.core.errors import ConfigError

STAGES = {"read": "reading", "close": "sorting into days", "beliefs": "recomputing beliefs"}
DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";"}


def backfill(
    plant_file: Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")],
    given: Annotated[str, typer.Option("--from", metavar="PATH|URL", help="file, folder (CSV, Parquet), or database URL")],
    table: Annotated[str, typer.Option(help="of the database")] = "",
    query: Annotated[str, typer.Option(help="a SELECT instead of a table")] = "",
    source: Annotated[str, typer.Option(help="whose addresses the files use; empty: any")] = "",
    names: Annotated[Path | None, typer.Option(help="CSV tag,channel[,unit]: what the export calls the tags")] = None,
    layout: Annotated[str, typer.Option(help="long or wide; empty: long where there are a tag and a value column")] = "",
    time_column: Annotated[str, typer.Option()] = "",
    tag_column: Annotated[str, typer.Option()] = "",
    value_column: Annotated[str, typer.Option()] = "",
    header: Annotated[str, typer.Option(help="columns of files without a header line, for example tag,time,value")] = "",
    time_unit: Annotated[str, typer.Option(help="iso (texts), or s, ms, us, ns since 1970")] = "iso",
    zone: Annotated[str, typer.Option(help="of local times, for example Europe/Berlin")] = "",
    dates: Annotated[str, typer.Option(help="dmy or mdy: what 03/04/2025 means")] = "",
    repeated_hour: Annotated[str, typer.Option(help="first or second: a local time that occurs twice in autumn")] = "",
    delimiter: Annotated[str, typer.Option(help="comma, semicolon, tab, or the character; empty: by the header")] = "",
    decimal: Annotated[str, typer.Option(help=". or ,")] = ".",
    encoding: Annotated[str, typer.Option(help="of text files without a mark, for example cp1252; empty: UTF-8")] = "",
    beliefs: Annotated[bool, typer.Option(help="what the twin would have believed in those years")] = True,
    nats: Annotated[str, typer.Option("--nats", help="URL of the running plant's nats-server; empty: found by itself")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """Existing samples (CSV, Parquet, SQL, PI exports) into history. The same import again adds nothing; one killed goes on."""
    from rich.console import Console

    from didymos.data.backfill.chunks import Export
    from didymos.formats.stamps import Stamps
    from didymos.plant.backfill import Order
    from didymos.plant.backfill import backfill as start
    from didymos.plant.config import load
    from didymos.plant.history_owner import owner_of

    logging.getLogger().setLevel(logging.WARNING)
    _one_of("--layout", layout, ("", "long", "wide"))
    _one_of("--time-unit", time_unit, ("iso", "s", "ms", "us", "ns"))
    _one_of("--dates", dates, ("", "dmy", "mdy"))
    _one_of("--repeated-hour", repeated_hour, ("", "first", "second"))
    _one_of("--decimal", decimal, (".", ","))
    if zone:
        from didymos.formats.iso_time import zone_named

        zone_named(zone, "--zone")
    mark = DELIMITERS.get(delimiter, delimiter)
    if len(mark) > 1:
        raise ConfigError(f"--delimiter {delimiter!r} is not allowed; write one character, or {', '.join(DELIMITERS)}")
    plant = load(plant_file)
    columns = tuple(name.strip() for name in header.split(",")) if header else ()
    export = Export(
        Stamps(time_unit, zone, dates, repeated_hour),
        layout,
        time_column,
        tag_column,
        value_column,
        mark,
        decimal,
        encoding,
        columns,
    )
    order = Order(given, export, source, names, table, query)
    said: dict[str, Any] = {}
    with ExitStack() as stack, Bar(Console(stderr=True)) as bar:
        owner = stack.enter_context(_lazy(lambda: stack.enter_context(owner_of(plant, nats))))
        report = start(plant, order, owner, bar.show)
        if beliefs:
            from didymos.plant.past_beliefs import recompute

            said = asdict(recompute(plant, report, owner(), nats, bar.show))
    _answer(report, said, as_json)
    if report.refused:
        raise typer.Exit(2)


class _lazy:
    """Opened when first asked for, and then kept."""

    def __init__(self, make: Any) -> None:
        self._make, self._made = make, None

    def __enter__(self) -> _lazy:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __call__(self) -> Any:
        self._made = self._made or self._make()
        return self._made


class Bar:
    """Progress with rate and remaining time; a new bar for every stage."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(), TimeRemainingColumn(elapsed_when_finished=True), console=console,
        )  # fmt: skip
        self._stage, self._began, self._rows = "", 0.0, 0
        self._task: Any = None

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, at: Any) -> None:
        now = time.monotonic()
        if at.stage != self._stage:
            self._stage, self._began, self._rows = at.stage, now, at.rows
            self._task = self._bar.add_task(STAGES[at.stage], total=at.total or None, said="")
        rate = (at.rows - self._rows) / max(now - self._began, 1e-3)
        said = f"{at.rows / 1e6:.2f} M samples" + (f", {rate / 1e6:.2f} M/s" if rate else "")
        self._bar.update(self._task, completed=at.done, total=at.total or None, said=said)


def _one_of(option: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ConfigError(f"{option} {given!r} is not allowed; allowed are {', '.join(a for a in allowed if a)}")


def _answer(report: Any, beliefs: dict[str, Any], as_json: bool) -> None:
    from didymos.plant.backfill import sentences

    if as_json:
        found = {
            **asdict(report), "faults": dict(report.faults.counts), "faults_told": report.faults.told, "beliefs": beliefs,
            "rows_per_s": report.rows / max(report.seconds, 1e-9),
        }  # fmt: skip
        typer.echo(json.dumps(found))
        return
    again = f", {report.known} of them stored by an earlier run" if report.known else ""
    typer.echo(
        f"{report.rows} samples in {report.days} days{again}; history grew by {report.stored}"
        f" ({report.repeats} repeats in the files) in {report.seconds:.1f} s"
    )
    if report.marked:
        typer.echo("marked: " + ", ".join(f"{n} {quality}" for quality, n in sorted(report.marked.items())))
    for sentence in sentences(report):
        typer.echo(sentence)
    for sentence in beliefs.get("sentences", ()):
        typer.echo(sentence)
