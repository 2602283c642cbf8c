"""Back-fill: years of existing samples into history, bound to channels by the plant file's tags exactly as live ones are.

    read      part after part, chunk after chunk -> bound (unit, range, clock) -> runs on disk        `data.backfill`
    close     day after day: its runs -> one sorted file -> the owner of history takes it             `data.history.adopt`

Only the historian writes history: a running one is asked over the bus, otherwise this process owns the store for the while. An
import killed at any moment goes on where it stopped; the same import again adds nothing. A back-filled sample is never LATE: in
which order old files come says nothing about the plant.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import channel_id
from didymos.core.clock import DataClock
from didymos.core.errors import ConfigError, DataError
from didymos.core.series import Batch, Quality
from didymos.data.backfill.chunks import Chunk, Export, Faults
from didymos.data.backfill.day import DayFile, write_runs
from didymos.data.backfill.sources import Part, Query, parts_of
from didymos.data.backfill.staging import Run, Staging, unfinished
from didymos.data.history.adopt import INCOMING, Adopt, Adopted
from didymos.data.history.ticks import PREFIX
from didymos.plant.bind import Binder
from didymos.plant.config import Plant, Tag

NEVER_LATE_S = 4e9  # no sample is older than that
DAYS_AT_ONCE = 2
SOURCE = "backfill"


class Owner(Protocol):
    """Whoever owns history now; see `plant.history_owner`."""

    def adopt(self, wish: Adopt) -> Adopted: ...

    def sql(self, query: str) -> Any:
        """One SELECT over history; an Arrow table."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What to import. given: file, folder or database URL. source: whose addresses the files use, "" = any. names: CSV file
    `tag,channel[,unit]` for exports that call tags otherwise than the plant file."""

    given: str
    export: Export = field(default_factory=Export)
    source: str = ""
    names: Path | None = None
    table: str = ""
    query: str = ""


@dataclass(slots=True)
class Report:
    """What became of every sample.

    rows, known_ns    taken from the files, and when        days      touched
    stored            rows by which history grew            known     days that an earlier run of the same import had stored
    marked            samples by quality, where not GOOD    told      the first of those replaced within the import
    unknown           {tag: [samples, where first]}         strange   files that nothing here reads
    """

    rows: int = 0
    days: int = 0
    stored: int = 0
    known: int = 0
    repeats: int = 0
    replaced: int = 0
    resumed: bool = False
    known_ns: int = 0
    first_ns: int = 0
    last_ns: int = 0
    seconds: float = 0.0
    marked: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, list[Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    refused: dict[str, str] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    unfinished: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """stage: read or close. done, total: bytes or days; total 0 = nobody knows. rows: samples so far."""

    stage: str
    done: int
    total: int
    rows: int
    what: str


class Binding:
    """Wanted tags -> channels in SI. tags: name in the files -> place; channels: ids by rank, sorted."""

    def __init__(self, plant: Plant, tags: dict[str, tuple[str, Tag]]) -> None:
        by_asset: dict[str, list[Tag]] = {}
        for name, (asset, tag) in tags.items():
            by_asset.setdefault(asset, []).append(replace(tag, source=SOURCE, address=name))
        assets = tuple(replace(a, tags=tuple(by_asset.get(a.id, ()))) for a in plant.assets)
        self._binder = Binder(replace(plant, assets=assets, lateness_s=NEVER_LATE_S), SOURCE)
        self._names = tuple(spec.address for spec in self._binder.tags)
        self.tags = {name: place for place, name in enumerate(self._names)}
        self.channels = tuple(sorted(set(self._binder.ids)))
        ranks = {name: rank for rank, name in enumerate(self.channels)}
        self._rank_of = {name: ranks[name] for name in self._binder.ids}

    def rows(self, chunk: Chunk, now_ns: int) -> tuple[NDArray[Any], ...]:
        """(rank, time_ns, value, quality)."""
        raw = Batch(self._names, chunk.place, chunk.time_ns, chunk.value, chunk.quality)  # type: ignore[arg-type]
        bound = self._binder.batch(raw, now_ns)
        rank = np.array([self._rank_of[name] for name in bound.channels], np.uint32)[bound.channel]
        return rank, bound.time_ns, bound.value, bound.quality


def binding(plant: Plant, order: Order) -> Binding:
    """ConfigError when an address means two channels, or a line of the names file means none."""
    if order.source and order.source not in {s.id for s in plant.sources}:
        raise ConfigError(f"--source {order.source!r} is not in the plant file; it has {', '.join(s.id for s in plant.sources)}")
    wires = [
        (a.id, tag) for a in plant.assets for tag in a.tags if not tag.waveform and order.source in ("", tag.source)
    ]  # fmt: skip
    tags: dict[str, tuple[str, Tag]] = {}
    for asset, tag in wires:
        first, known = tags.setdefault(tag.address, (asset, tag))
        one, other = channel_id(first, known.channel), channel_id(asset, tag.channel)
        if one != other:
            raise ConfigError(f"tag {tag.address!r} is {one} at source {known.source} and {other} at {tag.source}. Say --source.")
    if order.names is not None:
        tags |= _named(order.names, {channel_id(asset, tag.channel): (asset, tag) for asset, tag in wires})
    if not tags:
        raise ConfigError(
            f"{plant.name}: no tag that could be back-filled. Add [[asset.tag]] to the plant file, or correct --source"
        )
    return Binding(plant, tags)


def _named(path: Path, wires: dict[str, tuple[str, Tag]]) -> dict[str, tuple[str, Tag]]:
    """Names file -> {tag in the export: wire of the plant file}, every wrong line named."""
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"--names {path}: cannot be read ({error}). Give a UTF-8 file with the columns tag,channel[,unit]"
        ) from error
    found, wrong = {}, []
    for number, line in enumerate(lines, 2):
        tag, channel, unit = ((line.get(key) or "").strip() for key in ("tag", "channel", "unit"))
        if not tag or channel not in wires:
            wrong.append(f"line {number}: tag {tag!r}, channel {channel!r}")
            continue
        asset, wire = wires[channel]
        found[tag] = asset, replace(wire, unit=unit or wire.unit)
    if wrong or not lines:
        known = ", ".join(sorted(wires)[:6])
        raise ConfigError(
            f"--names {path}: {'; '.join(wrong[:5]) or 'no line'}. Allowed are tag and a channel with a tag, such as {known}"
        )
    return found


def backfill(
    plant: Plant, order: Order, owner: Callable[[], Owner], progress: Callable[[Progress], None] = lambda _: None
) -> Report:
    """Imports everything `order` names. DataError when nothing in it could be used."""
    began = time.monotonic()
    bound = binding(plant, order)
    parts, strange = parts_of(order.given, order.table, order.query)
    staging = Staging(plant.store / "history" / INCOMING / import_id(plant, order, parts, bound))
    try:
        resumed = bool(staging.begun)
        if not staging.begun:
            staging.note(**{"import": {"known_ns": _now(plant), "from": order.given}})
        _read(staging, parts, order.export, bound, progress)
        days = staging.days()
        if days:
            _close(staging, days, bound, owner(), progress)
        report = _report(staging, parts, strange, days)
    except BaseException:
        staging.close()
        raise
    staging.close(remove=True)
    report.unfinished = unfinished(staging.folder.parent, staging.folder.name)
    report.resumed, report.seconds = resumed, time.monotonic() - began
    if not report.rows:
        raise DataError(f"{order.given}: nothing could be stored. {'; '.join(list(sentences(report))[:6])}")
    return report


def import_id(plant: Plant, order: Order, parts: list[Part], bound: Binding) -> str:
    """The same files, options and tags: the same import."""
    files = [(p.name, p.size, p.path.stat().st_mtime_ns) if not isinstance(p, Query) else (p.url, p.query, p.table) for p in parts]  # type: ignore[attr-defined]
    what = (order.given, asdict(order.export), files, bound.channels, sorted(bound.tags))
    return blake2b(json.dumps(what, default=str).encode(), digest_size=8).hexdigest()


def _now(plant: Plant) -> int:
    """When this is known: plant time, or wall time where only data tell the time."""
    return time.time_ns() if isinstance(plant.clock, DataClock) else plant.clock.now_ns()


def _read(staging: Staging, parts: list[Part], export: Export, bound: Binding, progress: Callable[[Progress], None]) -> None:
    total, before, rows = sum(p.size for p in parts), 0, sum(t.rows for t in staging.parts.values())
    for number, part in enumerate(parts):
        told = staging.parts.get(number)
        if told is not None and not told.ended and isinstance(part, Query):
            rows -= told.rows
            staging.note(again=number)
            told = None
        if told is None or not (told.ended or told.refused):
            try:
                for chunk, done in _ahead(part.chunks(export, bound.tags, told.position if told else 0)):
                    columns = bound.rows(chunk, staging.begun["known_ns"])
                    staging.add(number, chunk.position, columns, len(bound.channels), _told(chunk, columns[3]))
                    rows += len(columns[0])
                    progress(Progress("read", before + done, total, rows, part.name))
                staging.note(part=number, end=True)
            except DataError as error:
                staging.note(part=number, refused=str(error))
        before += part.size
    staging.settle()


def _ahead(chunks: Iterator[tuple[Chunk, int]]) -> Iterator[tuple[Chunk, int]]:
    """The same, the next one read while the caller works on this one."""
    with ThreadPoolExecutor(1, "reading") as pool:
        following = pool.submit(next, chunks, None)
        while (found := following.result()) is not None:
            following = pool.submit(next, chunks, None)
            yield found


def _told(chunk: Chunk, quality: NDArray[np.uint8]) -> dict[str, Any]:
    counts = np.bincount(quality, minlength=len(Quality))
    return {
        "marked": {q.name: int(counts[q]) for q in Quality if q and counts[q]},
        "unknown": chunk.unknown,
        "faults": dict(chunk.faults.counts),
        "told": chunk.faults.told,
    }


def _close(
    staging: Staging, days: dict[int, list[Run]], bound: Binding, owner: Owner, progress: Callable[[Progress], None]
) -> None:
    """Every day not closed yet: sorted beside the hand-over of the one before it."""
    left = [day for day in days if day not in staging.closed]
    rows = sum(run.rows for day in staging.closed for run in days.get(day, ()))
    known_ns = staging.begun["known_ns"]

    def sort(day: int) -> DayFile:
        return write_runs(staging.folder, days[day], bound.channels, known_ns, staging.folder / f"{PREFIX}{day}.parquet")

    with ThreadPoolExecutor(DAYS_AT_ONCE, "closing") as pool:
        waiting: list[tuple[int, Future[DayFile]]] = [(day, pool.submit(sort, day)) for day in left[:DAYS_AT_ONCE]]
        for i in range(len(left)):
            day, future = waiting.pop(0)
            made = future.result()
            if i + DAYS_AT_ONCE < len(left):
                waiting.append((left[i + DAYS_AT_ONCE], pool.submit(sort, left[i + DAYS_AT_ONCE])))
            taken = owner.adopt(Adopt("samples", day, f"{staging.folder.name}/{PREFIX}{day}.parquet", made.name))
            staging.note(
                closed=day, rows=made.rows, stored=taken.added, known=taken.known, repeats=made.repeats, replaced=made.replaced,
                told=made.told,
            )  # fmt: skip
            rows += sum(run.rows for run in days[day])
            progress(Progress("close", len(staging.closed), len(days), rows, "day"))


def _report(staging: Staging, parts: list[Part], strange: list[str], days: dict[int, list[Run]]) -> Report:
    report = Report(strange=strange, known_ns=staging.begun["known_ns"])
    for number, part in enumerate(parts):
        told = staging.parts[number]
        if told.refused:
            report.refused[part.name] = told.refused
            continue
        report.rows += told.rows
        report.marked.update(told.marked)
        for tag, (n, where) in told.unknown.items():
            report.unknown.setdefault(tag, [0, where])[0] += n
        for kind, n in told.faults.counts.items():
            report.faults.add(kind, n, told.faults.told.get(kind, ()))
    for line in staging.closed.values():
        report.stored += line["stored"]
        report.known += line["known"]
        report.repeats += line["repeats"]
        report.replaced += line["replaced"]
        report.told += line["told"][: 5 - len(report.told)]
    report.days = len(days)
    if days:
        report.first_ns, report.last_ns = min(days) * 86_400_000_000_000, (max(days) + 1) * 86_400_000_000_000
    return report


def sentences(report: Report) -> Iterator[str]:
    """What a person should know about the samples that are not in history as good ones."""
    for name, why in report.refused.items():
        yield f"refused: {why if why.startswith(name) else f'{name}: {why}'}"
    for name in report.strange:
        yield f"left out: {name}, which is no file this command reads"
    for name, given in report.unfinished:
        yield f"an import of {given} was begun and never ended: run it again with its options, or remove history/{INCOMING}/{name}"
    for tag, (n, where) in sorted(report.unknown.items(), key=lambda item: -item[1][0])[:20]:
        yield f"tag {tag!r} is not in the plant file: {n} samples, the first in {where}"
    if len(report.unknown) > 20:
        yield f"and {len(report.unknown) - 20} more tags that are not in the plant file"
    for kind, n in report.faults.counts.items():
        yield f"{kind}: {n}, for example {'; '.join(report.faults.told[kind][:3])}"
    if report.replaced:
        again = "another value for the same channel and time came later in the import"
        yield f"{again}: {report.replaced}, for example {'; '.join(report.told[:3])}"
