"""The rules of plant.toml: one method per table, each collecting its mistakes and going on."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from didymos.assets import ASSETS
from didymos.core.channel import Channel, check_id
from didymos.core.clock import Clock, DataClock, ScaledClock, WallClock, parse_time
from didymos.core.errors import ConfigError
from didymos.core.model import Model
from didymos.core.units import to_si
from didymos.data.history.retention import Retention
from didymos.plant.calendar_check import read_calendar
from didymos.plant.config import Asset, AssetFmu, Erp, FieldBinding, FittedComponent, Mistake, Plant, Source, Tag
from didymos.plant.toml_lines import Path as KeyPath
from didymos.plant.toml_lines import lines

Table = dict[str, Any]

SOURCE_TYPES = ("opcua", "mqtt", "http", "replay", "fake")
LEAST_STEPS = 50  # that `infer.calibrate` can work with
KEEP = ("raw_days", "minute_days", "hour_days", "budget_gb")  # of [store]
WAVEFORMS = {"spindle": (Channel("acceleration", "Acceleration", "m/s2"),)}
FEATURES = ("peak", "crest", "kurtosis", "envelope_bpfo", "envelope_bpfi", "envelope_bsf", "envelope_ftf")
TOP = ("plant", "clock", "store", "nats", "worker", "service", "calendar", "limits", "source", "erp", "asset")
ASSET_KEYS = (*(f.name for f in fields(Asset)), "tag", "component", "channel", "field", "commissioned")


def channels_of(model: str, own: Iterable[Channel] = ()) -> dict[str, Channel]:
    """Every channel that a tag of such an asset may feed."""
    if model in ASSETS:
        machine = ASSETS[model]
        return {c.name: c for c in (*own, *machine.inputs, *machine.sensors, *WAVEFORMS.get(model, ()))}
    return {c.name: c for c in own}


class Reader:
    """One pass over one file; `mistakes` fills as the tables are read."""

    def __init__(self, path: Path, text: str, tree: Table) -> None:
        self.path = path
        self.tree = tree
        self.lines = lines(text)
        self.mistakes: list[Mistake] = []

    def wrong(self, where: KeyPath, given: str, allowed: str, do: str) -> None:
        """Note a mistake at the nearest line known for `where`."""
        near = where
        while near and near not in self.lines:
            near = near[:-1]
        name = ".".join(str(part) for part in where) or "file"
        self.mistakes.append(Mistake(self.path.name, self.lines.get(near, 1), name, given, allowed, do))

    def value(self, table: Table, where: KeyPath, key: str, kind: type, default: Any = None) -> Any:
        """table[key] as `kind`; a mistake when it is missing without default or of another type."""
        if key not in table:
            if default is None:
                self.wrong((*where, key), "missing", f"a {_name(kind)}", f"Add `{key} = …`.")
            return default if default is not None else kind()
        given = table[key]
        if kind is float and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        if not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
            self.wrong((*where, key), f"{given!r} is a {_name(type(given))}", f"a {_name(kind)}", "Correct the value.")
            return default if default is not None else kind()
        return given

    def only(self, table: Table, where: KeyPath, allowed: Iterable[str]) -> None:
        """A mistake for each key that nobody reads, with the nearest one that somebody does."""
        allowed = tuple(allowed)
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                hint = f"Did you mean `{near[0]}`?" if near else "Remove it."
                self.wrong((*where, key), f"unknown key {key!r}", ", ".join(sorted(allowed)), hint)

    def id(self, table: Table, where: KeyPath, key: str = "id") -> str:
        text = self.value(table, where, key, str)
        if text:
            try:
                check_id(text, "")
            except ConfigError:
                self.wrong((*where, key), f"id {text!r}", "lower-case letters, digits, '_' and '-'", "Rename it.")
        return text

    def time(self, table: Table, where: KeyPath, key: str, default: int) -> int:
        text = table.get(key)
        if text is None:
            return default
        try:
            return parse_time(str(text))
        except ConfigError as error:
            self.wrong((*where, key), str(error).split(";")[0], "ISO 8601 with a zone, 2026-01-05T06:00:00Z", "Correct the time.")
            return default

    def positive(self, table: Table, where: KeyPath, key: str, default: float | None = None) -> float:
        number = self.value(table, where, key, float, default)
        if key in table and not number > 0:
            self.wrong((*where, key), f"{number:g}", "a number above 0", "Correct the value.")
        return number

    # ---- tables

    def plant(self) -> Plant:
        tree = self.tree
        self.only(tree, (), TOP)
        head = self.table("plant", ("id", "name", "timezone", "step_s", "lateness_s", "publish_s", "commission_s"))
        store = self.table("store", ("path", "staging", *KEEP))
        nats = self.table("nats", ("url", "mqtt_port", "replicas"))
        working = self.table("worker", ("lease_s",))
        service = self.table("service", ("host", "port"))
        limits = self.table("limits", ("case_cost",))
        sources = tuple(self.source(t, ("source", i)) for i, t in enumerate(self.rows("source")))
        self.unique([s.id for s in sources], "source")
        step_s = self.positive(head, ("plant",), "step_s", 60.0)
        assets = tuple(self.asset(t, ("asset", i), sources) for i, t in enumerate(self.rows("asset")))
        self.unique([a.id for a in assets], "asset")
        if not assets:
            self.wrong((), "no [[asset]]", "at least one", "Add an [[asset]] table, as docs/tutorial/own_machine.md does.")
        timezone = self.zone(head)
        return Plant(
            id=self.id(head, ("plant",)),
            name=self.value(head, ("plant",), "name", str),
            timezone=timezone,
            step_s=step_s,
            lateness_s=self.value(head, ("plant",), "lateness_s", float, 2 * step_s),
            publish_s=self.positive(head, ("plant",), "publish_s", 12 * step_s),
            commission_s=self.commission(head, step_s),
            clock=self.clock(),
            store=(self.path.parent / self.value(store, ("store",), "path", str, "state")).resolve(),
            nats_url=self.value(nats, ("nats",), "url", str, ""),
            mqtt_port=self.value(nats, ("nats",), "mqtt_port", int, 0),
            host=self.value(service, ("service",), "host", str, "127.0.0.1"),
            port=self.value(service, ("service",), "port", int, 8050),
            calendar=read_calendar(self, timezone, assets),
            case_cost=self.positive(limits, ("limits",), "case_cost", 1000.0),
            sources=sources,
            erps=tuple(self.erp(t, ("erp", i)) for i, t in enumerate(self.rows("erp"))),
            assets=assets,
            replicas=self.replicas(nats),
            lease_s=self.lease(working),
            retention=self.retention(store),
            staging=self.value(store, ("store",), "staging", str, ""),
        )

    def commission(self, head: Table, step_s: float) -> float:
        found = self.value(head, ("plant",), "commission_s", float, 0.0)
        least = LEAST_STEPS * step_s
        if found and not found >= least:
            allowed = f"0 (no commissioning), or {least:g} and more: {LEAST_STEPS} steps of {step_s:g} s"
            self.wrong(("plant", "commission_s"), f"{found:g}", allowed, "Correct the value; a week is a good one.")
        return found

    def replicas(self, nats: Table) -> int:
        copies = self.value(nats, ("nats",), "replicas", int, 1)
        servers = [server for server in str(nats.get("url", "")).split(",") if server.strip()]
        if copies not in (1, 3, 5):
            self.wrong(("nats", "replicas"), f"{copies}", "1, 3 or 5", "Correct the number.")
        elif copies > 1 and not servers:
            self.wrong(("nats", "replicas"), f"{copies} copies on the one embedded server", "1 without `url`", "Name the cluster.")
        return copies

    def lease(self, working: Table) -> float:
        lease_s = self.value(working, ("worker",), "lease_s", float, 10.0)
        if not 1.0 <= lease_s <= 300.0:
            self.wrong(("worker", "lease_s"), f"{lease_s:g}", "1 to 300 seconds", "Correct the value.")
        return lease_s

    def retention(self, store: Table) -> Retention:
        """Days that each tier is kept, 0 = for ever; a coarser one must outlive the finer."""
        kept = {key: self.value(store, ("store",), key, float, 0.0) for key in KEEP}
        for key, number in kept.items():
            if not 0 <= number < float("inf"):
                self.wrong(("store", key), f"{number:g}", "a number from 0 on; 0 = for ever, no limit", "Correct the value.")
        for fine, coarse in (("raw_days", "minute_days"), ("minute_days", "hour_days"), ("raw_days", "hour_days")):
            if 0 < kept[coarse] < kept[fine]:
                allowed = f"0 (for ever), or {fine} = {kept[fine]:g} and more"
                self.wrong(("store", coarse), f"{kept[coarse]:g}", allowed, "Raise it, or lower the other.")
        budget = int(kept["budget_gb"] * 1e9) if 0 <= kept["budget_gb"] < float("inf") else 0
        return Retention(kept["raw_days"], kept["minute_days"], kept["hour_days"], budget)

    def table(self, name: str, allowed: tuple[str, ...]) -> Table:
        given = self.tree.get(name, {})
        if not isinstance(given, dict):
            self.wrong((name,), f"`{name}` is a {_name(type(given))}", "a table", f"Write [{name}].")
            return {}
        self.only(given, (name,), allowed)
        return given

    def rows(self, name: str, table: Table | None = None, where: KeyPath = ()) -> list[Table]:
        given = (self.tree if table is None else table).get(name, [])
        if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
            self.wrong((*where, name), f"`{name}` is a {_name(type(given))}", "an array of tables", f"Write [[{name}]].")
            return []
        return given

    def unique(self, ids: list[str], kind: str) -> None:
        for i, id in enumerate(ids):
            if id and id in ids[:i]:
                self.wrong((kind, i, "id"), f"id {id!r} is used twice", "each id once", "Rename one of them.")

    def zone(self, head: Table) -> str:
        from zoneinfo import ZoneInfo

        name = self.value(head, ("plant",), "timezone", str, "UTC")
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.wrong(("plant", "timezone"), f"{name!r}", "an IANA zone such as Europe/Vienna", "Correct the zone.")
            return "UTC"
        return name

    def clock(self) -> Clock:
        table = self.table("clock", ("kind", "start", "wall_start", "speed"))
        kind = self.value(table, ("clock",), "kind", str, "wall")
        if kind == "wall":
            return WallClock()
        if kind == "data":
            return DataClock()
        if kind != "scaled":
            self.wrong(("clock", "kind"), f"{kind!r}", "wall, scaled, data", "Choose one.")
            return WallClock()
        now = time.time_ns()
        start = self.time(table, ("clock",), "start", now)
        wall_start = self.time(table, ("clock",), "wall_start", now)
        return ScaledClock(start, wall_start, self.positive(table, ("clock",), "speed", 1.0))

    def source(self, table: Table, where: KeyPath) -> Source:
        kind = self.value(table, where, "type", str)
        if kind and kind not in SOURCE_TYPES:
            self.wrong((*where, "type"), f"{kind!r}", ", ".join(SOURCE_TYPES), "Choose one.")
        options = {k: v for k, v in table.items() if k not in ("id", "type", "url")}
        for key, option in options.items():
            if not isinstance(option, str | int | float | bool):
                self.wrong((*where, key), f"{option!r}", "text, number or true/false", "Correct the value.")
        return Source(self.id(table, where), kind, self.value(table, where, "url", str), tuple(options.items()))

    def erp(self, table: Table, where: KeyPath) -> Erp:
        from didymos.plant.config_erp import erp

        return erp(self, table, where)

    def asset(self, table: Table, where: KeyPath, sources: tuple[Source, ...]) -> Asset:
        self.only(table, where, ASSET_KEYS)
        model = self.value(table, where, "model", str)
        if model and model not in ASSETS and model != "generic":
            near = difflib.get_close_matches(model, ASSETS, 1)
            hint = f"Did you mean {near[0]!r}?" if near else "Use 'generic' for a machine without a model."
            self.wrong((*where, "model"), f"model {model!r} is not known", ", ".join([*ASSETS, "generic"]), hint)
        own = tuple(self.channel(t, (*where, "channel", i)) for i, t in enumerate(self.rows("channel", table, where)))
        known = channels_of(model, own)
        tags = tuple(self.tag(t, (*where, "tag", i), known, sources) for i, t in enumerate(self.rows("tag", table, where)))
        if model not in ASSETS and model == "generic" and not own:
            self.wrong(where, "a generic asset without [[asset.channel]]", "at least one channel", "Describe what it measures.")
        regime = self.value(table, where, "regime", str, "")
        if regime and regime not in known:
            self.wrong((*where, "regime"), f"{regime!r}", ", ".join(known), "Name one of the asset's channels.")
        for name in {t.channel for t in tags if t.channel}:
            if sum(t.channel == name for t in tags) > 1:
                self.wrong((*where, "tag"), f"channel {name!r} is fed by two tags", "one tag per channel", "Remove one.")
        self.inputs_present(model, tags, table, where)
        return Asset(
            id=self.id(table, where),
            name=self.value(table, where, "name", str, str(table.get("id", ""))),
            path=self.value(table, where, "path", str, ""),
            model=model,
            consequence_cost=self.positive(table, where, "consequence_cost", 10_000.0),
            commissioned_ns=self.time(table, where, "commissioned", 0),
            parameters=self.numbers(table, where, "parameters", model),
            constants=self.numbers(table, where, "constants", model),
            tags=tags,
            components=self.components(table, where, model),
            channels=own,
            regime=regime,
            bearing=self.bearing(table, where),
            life=self.value(table, where, "life", str, ""),
            fmu=self.fmu(table, where, model, own),
            fields=self.fields(table, where, model, tags, known),
            fitted=self.fitted(table, where, model),
        )

    def fmu(self, table: Table, where: KeyPath, model: str, own: tuple[Channel, ...]) -> AssetFmu | None:
        if "fmu" not in table:
            return None
        from didymos.plant.config_fmu import read_fmu_table

        return read_fmu_table(self, table, (*where, "fmu"), model, own)

    def fields(
        self, table: Table, where: KeyPath, model: str, tags: tuple[Tag, ...], known: dict[str, Channel]
    ) -> tuple[FieldBinding, ...]:
        from didymos.plant.config_field import field_binding

        units = {t.channel: known[t.channel].unit if t.channel in known else "" for t in tags if not t.waveform}
        rows = self.rows("field", table, where)
        return tuple(field_binding(self, row, (*where, "field", i), model, units) for i, row in enumerate(rows))

    def fitted(self, table: Table, where: KeyPath, model: str) -> str:
        """Path of a file of `didymos fit`, relative to the plant file."""
        given = self.value(table, where, "fitted", str, "")
        if not given:
            return ""
        if model not in ASSETS:
            self.wrong(
                (*where, "fitted"), f"fitted of model {model!r}", ", ".join(ASSETS), "Remove it; only a model has parameters."
            )
            return ""
        from didymos.plant.fitted import read

        path = str((self.path.parent / given).absolute())
        try:
            read(path, ASSETS[model])
        except ConfigError as error:
            said, _, rest = str(error).partition(" Allowed: ")
            self.wrong((*where, "fitted"), said, rest.partition(". ")[0], rest.partition(". ")[2])
        return path

    def bearing(self, table: Table, where: KeyPath) -> str:
        from didymos.assets.bearings import BEARINGS

        name = self.value(table, where, "bearing", str, "")
        if name and name not in BEARINGS:
            self.wrong((*where, "bearing"), f"{name!r}", ", ".join(BEARINGS), "Choose one, or add its geometry to the table.")
        return name

    def inputs_present(self, model: str, tags: tuple[Tag, ...], table: Table, where: KeyPath) -> None:
        """A physics model cannot run without its inputs: each needs a tag or a constant."""
        if model not in ASSETS:
            return
        constants = table.get("constants", {})
        for channel in ASSETS[model].inputs:
            if channel.name not in {t.channel for t in tags} and channel.name not in constants:
                self.wrong(
                    where,
                    f"input {channel.name!r} of model {model!r} has neither tag nor constant",
                    f"[[asset.tag]] channel={channel.name!r} or constants = {{ {channel.name} = value in {channel.unit} }}",
                    "Add one.",
                )

    def numbers(self, table: Table, where: KeyPath, key: str, model: str) -> tuple[tuple[str, float], ...]:
        """`parameters` or `constants`: name -> number, names and limits as the model states them."""
        given = self.value(table, where, key, dict, {})
        if model not in ASSETS:
            return tuple(given.items())
        machine: Model = ASSETS[model]
        if key == "parameters":
            limits = {p.name: (p.low, p.high, p.unit) for p in machine.parameters}
        else:
            limits = {c.name: (c.low, c.high, c.unit) for c in machine.inputs}
        self.only(given, (*where, key), limits)
        good = []
        for name, number in given.items():
            if not isinstance(number, int | float) or isinstance(number, bool):
                self.wrong((*where, key), f"{name} = {number!r}", "a number in SI", "Correct the value.")
            elif name in limits and not limits[name][0] <= number <= limits[name][1]:
                low, high, unit = limits[name]
                self.wrong((*where, key), f"{name} = {number:g}", f"{low:g} to {high:g} {unit}", "Correct the value; units are SI.")
            else:
                good.append((name, float(number)))
        return tuple(good)

    def channel(self, table: Table, where: KeyPath) -> Channel:
        self.only(table, where, ("name", "title", "unit", "low", "high", "noise"))
        name = self.id(table, where, "name")
        low = self.value(table, where, "low", float, float("-inf"))
        high = self.value(table, where, "high", float, float("inf"))
        if low >= high:
            self.wrong((*where, "low"), f"low {low:g} is not below high {high:g}", "low < high", "Correct the range.")
        unit = self.value(table, where, "unit", str, "1")
        noise = self.value(table, where, "noise", float, float("nan"))
        return Channel(name, self.value(table, where, "title", str, name), unit, low, high, noise)

    def tag(self, table: Table, where: KeyPath, known: dict[str, Channel], sources: tuple[Source, ...]) -> Tag:
        self.only(table, where, ("channel", "source", "address", "unit", "waveform"))
        channel = self.value(table, where, "channel", str)
        source = self.value(table, where, "source", str)
        if channel and channel not in known and known:
            near = difflib.get_close_matches(channel, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else "Name one of them."
            self.wrong((*where, "channel"), f"channel {channel!r} does not exist here", ", ".join(known), hint)
        if source and source not in {s.id for s in sources}:
            names = ", ".join(s.id for s in sources) or "none is configured"
            self.wrong((*where, "source"), f"source {source!r} does not exist", names, "Name a [[source]].")
        unit = self.value(table, where, "unit", str)
        if channel in known and "unit" in table:
            try:
                to_si(unit, known[channel].unit, channel)
            except ConfigError as error:
                given, _, rest = str(error).partition(". Allowed: ")
                self.wrong((*where, "unit"), given, rest.split(". ")[0], "Correct `unit`.")
        waveform = self.value(table, where, "waveform", bool, False)
        return Tag(channel, source, self.value(table, where, "address", str), unit, waveform)

    def components(self, table: Table, where: KeyPath, model: str) -> tuple[FittedComponent, ...]:
        fitted = []
        known = {c.id for c in ASSETS[model].components} if model in ASSETS else None
        for i, row in enumerate(self.rows("component", table, where)):
            at = (*where, "component", i)
            self.only(row, at, ("id", "part", "serial"))
            id = self.id(row, at)
            if known is not None and id and id not in known:
                self.wrong((*at, "id"), f"component {id!r}", ", ".join(sorted(known)), "Name one of the model's components.")
            fitted.append(FittedComponent(id, self.value(row, at, "part", str, ""), self.value(row, at, "serial", str, "")))
        return tuple(fitted)


def _name(kind: type) -> str:
    words = {str: "text", int: "whole number", float: "number", bool: "true/false", list: "list", dict: "table"}
    return words.get(kind, kind.__name__)
