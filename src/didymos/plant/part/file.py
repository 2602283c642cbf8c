"""The file of a part: TOML -> frozen `Part`, or every mistake in one pass with its line.

What only the geometry can tell (a surface without facets, supports that leave a rigid motion free) is told when it is solved.
Verified: tests/plant/test_part_file.py.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from didymos.assets import engineering_solids as solids
from didymos.core.errors import ConfigError, ModelError
from didymos.plant.config import Mistake
from didymos.plant.part.rules import ARRAYS, NEEDS, REQUIRED, RULES, Refused
from didymos.plant.toml_lines import Path as KeyPath
from didymos.plant.toml_lines import lines

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Everything in the file, checked; a table's keys are those of `rules.RULES`."""

    folder: Path
    top: Row
    mesh: Row
    material: Row
    surfaces: dict[str, Row]
    heat: Row
    modes: Row
    harmonic: Row | None
    rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)

    @property
    def analysis(self) -> str:
        return str(self.top["analysis"])

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return {"solid": ("x", "y", "z"), "axisymmetric": ("r", "z")}.get(self.top["kind"], ("x", "y"))


def load(path: Path) -> Part:
    """ConfigError with every mistake."""
    part, mistakes = read(path)
    if part is None:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return part


def read(path: Path) -> tuple[Part | None, tuple[Mistake, ...]]:
    """ConfigError only when the file cannot be read at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). Give the path of a part's TOML file") from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, (Mistake(path.name, 1, "TOML", str(error), "TOML 1.0", "Correct the line; nothing was read."),)
    check = _Check(path.name, lines(text))
    part = check.part(path.parent, tree)
    return (None if check.mistakes else part), tuple(sorted(check.mistakes, key=lambda mistake: mistake.line))


class _Check:
    """One pass; `mistakes` fills as tables are read."""

    def __init__(self, file: str, where: dict[KeyPath, int]) -> None:
        self.file, self.where, self.mistakes = file, where, list[Mistake]()
        self.rows_refused: set[KeyPath] = set()  # tables of which something was refused: what then misses in them is not told

    def wrong(self, path: KeyPath, given: str, allowed: str, do: str) -> None:
        near = path
        while near and near not in self.where:
            near = near[:-1]
        name = ".".join(map(str, path)) or "file"
        self.rows_refused.add(path[:2])
        self.mistakes.append(Mistake(self.file, self.where.get(near, 1), name, given, allowed, do))

    def part(self, folder: Path, tree: Row) -> Part:
        tables = {key for key in RULES if key}
        for key in tree:
            if key not in tables and key not in RULES[""]:
                self.unknown((key,), (*RULES[""], *tables))
        top = self.table((), {k: v for k, v in tree.items() if k in RULES[""]}, "")
        single = {key: self.table((key,), self.one(tree, key), key) for key in ("mesh", "material", "heat", "modes")}
        harmonic = self.table(("harmonic",), self.one(tree, "harmonic"), "harmonic") if "harmonic" in tree else None
        rows = {key: tuple(self.table((key, n), row, key) for n, row in enumerate(self.many(tree, key))) for key in ARRAYS}
        self.mesh(single["mesh"], top, "mesh" in tree)
        surfaces = {row["name"]: row for row in rows["surface"] if row["name"]}
        self.rows(rows, surfaces, top)
        material = self.material(single["material"], top.get("analysis"))
        self.analysis(top.get("analysis"), rows, single["heat"], harmonic)
        return Part(folder, top, single["mesh"], material, surfaces, single["heat"], single["modes"], harmonic, rows)

    def one(self, tree: Row, key: str) -> Row:
        if not isinstance(tree.get(key, {}), dict):
            self.wrong((key,), "an array", f"one table [{key}]", f"Write [{key}] with single brackets.")
            return {}
        return tree.get(key, {})

    def many(self, tree: Row, key: str) -> list[Row]:
        found = tree.get(key, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            self.wrong((key,), "one table", f"tables [[{key}]]", f"Write [[{key}]] with double brackets.")
            return []
        return found

    def unknown(self, path: KeyPath, allowed: Any) -> None:
        near = difflib.get_close_matches(str(path[-1]), allowed, 1)
        self.wrong(path, "nobody reads this key", ", ".join(allowed), f"Did you mean `{near[0]}`?" if near else "Remove it.")

    def table(self, path: KeyPath, given: Row, rules: str) -> Row:
        found: Row = {}
        for key in given:
            if key not in RULES[rules]:
                self.unknown((*path, key), tuple(RULES[rules]))
        for key, (reader, default) in RULES[rules].items():
            found[key] = None if default is REQUIRED else default
            if key in given:
                try:
                    found[key] = reader(given[key])
                except Refused as error:
                    self.wrong((*path, key), f"{given[key]!r}", str(error), "Correct the value.")
            elif default is REQUIRED and (given or path == ()):
                self.wrong((*path, key), "missing", "a value", f"Add `{key} = …`.")
        return found

    def mesh(self, mesh: Row, top: Row, there: bool) -> None:
        given = [key for key in ("step", "file", "box_m") if mesh[key] is not None]
        if len(given) != 1:
            said = f"{', '.join(given)} at once" if given else "no geometry" if there else "missing"
            self.wrong(("mesh",), said, "one of step, file, box_m", 'Name the geometry once, for example step = "bracket.step".')
        size = 3 if top.get("kind") == "solid" else 2
        if given == ["box_m"]:
            if mesh["elements"] is None or {len(mesh["box_m"]), len(mesh["elements"])} != {size}:
                said = f"box_m {list(mesh['box_m'])}, elements {list(mesh['elements'] or ())}"
                self.wrong(("mesh", "box_m"), said, f"{size} lengths and {size} counts for kind {top.get('kind')}", "Give both.")
        elif given and size == 2:
            self.wrong(
                ("mesh", given[0]), f"kind {top.get('kind')}", "kind solid", 'Use box_m for plane bodies, or kind = "solid".'
            )

    def rows(self, rows: dict[str, tuple[Row, ...]], surfaces: dict[str, Row], top: Row) -> None:
        dim = 3 if top.get("kind") == "solid" else 2
        for n, row in enumerate(rows["surface"]):
            if not any(row[key] is not None for key in ("plane", "cylinder", "x", "y", "z", "r")):
                self.wrong(("surface", n), "no place", "plane, cylinder, x, y, z or r", "Say where it lies.")
            if row["name"] in [other["name"] for other in rows["surface"][:n]]:
                self.wrong(("surface", n, "name"), f"{row['name']!r} again", "each name once", "Rename one of them.")
        for key in ("support", "load", "temperature", "exchange"):
            for n, row in enumerate(rows[key]):
                name = row.get("surface")
                if name is not None and name not in surfaces:
                    near = difflib.get_close_matches(name, surfaces, 1)
                    hint = f"Did you mean {near[0]!r}?" if near else "Define it with [[surface]]."
                    self.wrong((key, n, "surface"), f"{name!r}", ", ".join(surfaces) or "no surface is defined", hint)
        for n, row in enumerate(rows["support"]):
            if (row["surface"] is None) == (row["point"] is None):
                self.wrong(("support", n), "surface and point" if row["point"] else "neither", "surface or point", "Give one.")
            if (row["fix"] is None) == (row["move_m"] is None):
                self.wrong(("support", n), "fix and move_m" if row["fix"] else "neither", "fix or move_m", 'Give one, fix = ["x"].')
        for n, row in enumerate(rows["load"]):
            given = [k for k in ("pressure_Pa", "traction_Pa", "force_N", "gravity_m_s2") if row[k] is not None]
            if len(given) != 1 and ("load", n) not in self.rows_refused:
                self.wrong(
                    ("load", n),
                    ", ".join(given) or "nothing",
                    "one of pressure_Pa, traction_Pa, force_N, gravity_m_s2",
                    "Give one.",
                )
            elif given and (given[0] == "gravity_m_s2") == (row["surface"] is not None):
                self.wrong(
                    ("load", n), f"{given[0]} with surface {row['surface']}", "gravity without, others with", "Correct the surface."
                )
            for k in given:
                if isinstance(row[k], tuple) and len(row[k]) != dim:
                    self.wrong(("load", n, k), f"{len(row[k])} numbers", f"{dim} numbers", "One for each direction.")

    def material(self, row: Row, analysis: str | None) -> Row:
        table: Row = {}
        if row["name"] is not None:
            try:
                known = solids.solid(row["name"])
                table = {key: getattr(known, key) for key in RULES["material"] if key != "name"}
            except ModelError:
                do = "Take one of these, or leave `name` out and give the constants."
                self.wrong(("material", "name"), f"{row['name']!r}", ", ".join(solids.SOLIDS), do)
        merged = row | table | {key: value for key, value in row.items() if value is not None}
        for key in NEEDS.get(analysis or "", ()):
            if merged.get(key) is None and row["name"] in (None, *solids.SOLIDS) and ("material", key) not in self.rows_refused:
                self.wrong(
                    ("material", key), "missing", f"what {analysis} needs: {', '.join(NEEDS[analysis or ''])}", f"Add `{key} = …`."
                )
        return merged

    def analysis(self, analysis: str | None, rows: dict[str, tuple[Row, ...]], heat: Row, harmonic: Row | None) -> None:
        if analysis == "transient" and (heat["step_s"] is None or heat["steps"] is None):
            self.wrong(("heat",), "no step_s or steps", "both for a transient", "Add [heat] step_s = …, steps = ….")
        if analysis == "harmonic":
            if harmonic is None:
                self.wrong(("harmonic",), "missing", "a table [harmonic]", "Add it with from_Hz and to_Hz.")
            elif harmonic["from_Hz"] is not None and harmonic["to_Hz"] is not None and harmonic["from_Hz"] >= harmonic["to_Hz"]:
                self.wrong(("harmonic", "to_Hz"), f"{harmonic['to_Hz']:g}", "above from_Hz", "Correct one of them.")
            if not rows["probe"]:
                self.wrong(("probe",), "missing", "at least one [[probe]]", "Say where the response is wanted.")
        if analysis in ("static", "harmonic", "thermoelastic") and not rows["support"]:
            self.wrong(("support",), "missing", "at least one [[support]]", "Hold the part, or it is free to move.")
        if analysis in ("static", "harmonic") and not rows["load"] and not any(row["move_m"] for row in rows["support"]):
            self.wrong(("load",), "missing", "at least one [[load]] or a support with move_m", "Nothing strains the part.")
        if (
            analysis in ("heat", "thermoelastic")
            and not rows["temperature"]
            and not any(row["film_W_m2K"] or row["emissivity"] for row in rows["exchange"])
        ):
            self.wrong(
                ("temperature",), "missing", "a [[temperature]], or an [[exchange]] with film or emissivity", "The level is free."
            )
