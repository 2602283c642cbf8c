"""`didymos fe build`: a housing, by name or from a TOML file, becomes a Field artefact (`core.field`)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didymos.core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from didymos.assets.housing_field import Job

STAGES = 7  # that `housing_field.build` tells of, for the bar
EXAMPLE = 'kind = "housing"\nmaterial = "steel_1045"\n[shape]\nribs = 10\n[fineness]\nradial = 1'


def build(
    what: Annotated[str, typer.Argument(metavar="NAME|FILE.toml", help="small, medium, bench: the built-in housing; or a file")],
    out: Annotated[Path, typer.Option("--out", "-o", help="where the artefact goes")] = Path("housing.npz"),
    method: Annotated[str, typer.Option(help="krylov (needs no example inputs) or pod; empty: as the file says, else krylov")] = "",
    modes: Annotated[int, typer.Option(min=0, help="size of the reduced model; 0: as the file says, else 24")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="the last line is one JSON object")] = False,
) -> None:
    """Geometry -> mesh -> full model -> Field artefact. Prints solver, unknowns, modes, bound, box and sha256."""
    from didymos.core.field import digest, write

    job = job_of(what)
    job = _changed(job, {"method": method} if method else {}, "--method")
    job = _changed(job, {"modes": modes} if modes else {}, "--modes")
    if not out.parent.is_dir():
        raise ConfigError(f"fe build: folder {out.parent} does not exist. Create it, or give another --out.")
    field, seconds = _built(job)
    data = write(field)
    out.write_bytes(data)
    told = {
        "artefact": str(out), "sha256": digest(data), "bytes": len(data), "name": field.name, "method": field.made.method,
        "solver": field.made.solver, "unknowns": field.made.unknowns, "elastic_unknowns": field.made.elastic_unknowns,
        "modes": len(field.level), "hot_spots": len(field.hot_spots), "places": len(field.sensors),
        "provenance": field.made.provenance, "bound_decay_s": 1.0 / field.decay_per_s, "seconds": round(seconds, 1),
        "box": {i.name: [i.low, i.high, i.unit] for i in field.inputs},
    }  # fmt: skip
    typer.echo(json.dumps(told) if as_json else _lines(told))


def _built(job: Job) -> tuple[Any, float]:
    import time

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from didymos.assets.housing_field import build as made

    begun, columns = time.perf_counter(), (TextColumn("{task.description:32s}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar, done = progress.add_task("", total=STAGES), -1

        def told(text: str) -> None:
            nonlocal done
            done += 1
            progress.update(bar, description=text, completed=done)

        return made(job, told), time.perf_counter() - begun


def job_of(what: str) -> Job:
    """The built-in housing at a fineness, or a TOML file. ConfigError that names what is wrong with it."""
    from didymos.assets.housing import FINENESS
    from didymos.assets.housing_field import Job

    if what in FINENESS:
        return Job(fineness=FINENESS[what])
    if not what.endswith(".toml"):
        raise ConfigError(
            f"fe build: {what!r} is no built-in housing. Allowed: {', '.join(FINENESS)}, or a .toml file such as\n{EXAMPLE}"
        )
    try:
        tree = tomllib.loads(Path(what).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"fe build: {what} cannot be read ({error}). Give the path of a housing.toml.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"fe build: {what}: {error}. Allowed: TOML 1.0. Correct the line.") from error
    return _job(tree, Path(what).name)


def _job(tree: dict[str, Any], name: str) -> Job:
    from didymos.assets.housing import Fineness, Housing
    from didymos.assets.housing_field import Job

    if tree.get("kind") != "housing":
        raise ConfigError(f"{name}: kind = {tree.get('kind')!r}. Allowed: 'housing'. Write `kind = \"housing\"`.")
    plain = {k: v for k, v in tree.items() if k not in ("kind", "shape", "fineness", "box")}
    allowed = ("name", "material", "method", "modes", "step_s", "hot_spots")
    if unknown := sorted(set(plain) - set(allowed)):
        raise ConfigError(
            f"{name}: unknown key {unknown[0]!r}. Allowed: kind, shape, fineness, box, {', '.join(allowed)}. Remove it."
        )
    shape = _changed(Housing(), _table(tree, "shape", name), f"{name}: [shape]")
    fineness = _changed(Fineness(), _table(tree, "fineness", name), f"{name}: [fineness]")
    job = _changed(Job(shape=shape, fineness=fineness), plain, name)
    return replace(job, inputs=_box(job, _table(tree, "box", name), name))


def _table(tree: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    found = tree.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{name}: {key} = {found!r}. Allowed: a table. Write `[{key}]`.")
    return found


def _changed(thing: Any, given: Mapping[str, Any], who: str) -> Any:
    """`thing` with these fields, each of the type it has."""
    known = {f.name: type(getattr(thing, f.name)) for f in fields(thing)}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"{who}: unknown key {key!r}. Allowed: {', '.join(known)}. Correct or remove it.")
        wanted = (int, float) if known[key] is float else (known[key],)
        if type(value) not in wanted:
            raise ConfigError(f"{who}: {key} = {value!r}. Allowed: a {known[key].__name__}. Correct the value.")
    try:
        return replace(thing, **{k: known[k](v) for k, v in given.items()})
    except ModelError as error:
        raise ConfigError(f"{who}: {error}") from error


def _box(job: Job, given: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """`[box] stator_heat = [0, 900]`: other limits of an input."""
    known = {i.name: i for i in job.inputs}
    for key, value in given.items():
        good = isinstance(value, list) and len(value) == 2 and all(type(v) in (int, float) for v in value)
        if key not in known or not good or not value[0] < value[1] or (known[key].kind in ("film", "force") and value[0] < 0):
            raise ConfigError(
                f"{name}: [box] {key} = {value!r}. Allowed: [low, high] with low < high (films and forces from 0), for "
                f"{', '.join(known)}. Correct it."
            )
        known[key] = replace(known[key], low=float(value[0]), high=float(value[1]), nominal=_inside(known[key].nominal, *value))
    return tuple(known[i.name] for i in job.inputs)


def _inside(value: float, low: float, high: float) -> float:
    return value if low <= value <= high else 0.5 * (low + high)


def _lines(told: Mapping[str, Any]) -> str:
    head = (
        f"{told['artefact']}  {told['bytes'] / 1e6:.1f} MB in {told['seconds']} s\n"
        f"{told['unknowns']} thermal and {told['elastic_unknowns']} elastic unknowns, {told['solver']}; {told['modes']} modes "
        f"({told['method']}), {told['hot_spots']} hot spots, {told['places']} places for thermocouples\n"
        f"error bound: rigorous in the rms over heat capacity, decays in {told['bound_decay_s']:.0f} s\nbox"
    )
    box = [f"  {name:24s} {low:g} to {high:g} {unit}" for name, (low, high, unit) in told["box"].items()]
    return "\n".join([head, *box, f"sha256 {told['sha256']}"])
