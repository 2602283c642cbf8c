"""`didymos fit`: one machine's record out of history or a file, fitted, and what its sisters add.

The record stands on the plant's grid by the rule of the worker (`data.align`): step k holds the last usable sample of its interval.
Samples come from the running plant's historian, from the closed store of one that is stopped, or from a wide CSV or Parquet file
whose columns are tag addresses (in the tag's unit) or channel names (in SI). Verified: tests/plant/test_fit_command.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didymos.assets import ASSETS
from didymos.core.channel import channel_id
from didymos.core.clock import iso
from didymos.core.errors import ConfigError, DataError
from didymos.core.model import Model
from didymos.core.series import Quality
from didymos.core.units import to_si
from didymos.data.align import align
from didymos.data.connect.replay_rows import Table, chunks_of
from didymos.infer.fit import Prior, published
from didymos.infer.prediction_error import Record
from didymos.infer.sisters import Sister, learn
from didymos.plant.config import Asset, Plant
from didymos.plant.fitted import Origin, read
from didymos.plant.fleet import known_parameters, nameplate

Array = NDArray[np.float64]
Samples = Callable[[str, int, int], tuple[NDArray[np.int64], Array]]  # channel id, start_ns, end_ns -> time_ns, value in SI
MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """One machine to fit, from start_ns on and before end_ns."""

    plant: Plant
    asset: Asset
    start_ns: int
    end_ns: int

    @property
    def model(self) -> Model:
        return ASSETS[self.asset.model]

    @property
    def steps(self) -> int:
        return (self.end_ns - self.start_ns) // int(self.plant.step_s * 1e9)


def job(plant: Plant, asset_id: str, start_ns: int, end_ns: int) -> Job:
    """ConfigError for an unknown asset, one without a model, or a period that is none."""
    asset = plant.asset(asset_id)
    if asset.model not in ASSETS:
        raise ConfigError(f"{asset_id}: model {asset.model!r} has no parameters to fit. Allowed: {', '.join(ASSETS)}.")
    found = Job(plant, asset, start_ns, end_ns)
    if not 0 < found.steps <= MOST_STEPS:
        raise ConfigError(
            f"{asset_id}: {iso(start_ns)} to {iso(end_ns)} are {found.steps} steps of {plant.step_s:g} s; 1 to {MOST_STEPS} are "
            "allowed. Correct --from and --to."
        )
    return found


def record(given: Job, samples: Samples) -> tuple[Record, Origin]:
    """The machine on the plant's grid, and what it was made of."""
    step_ns, asset, model = int(given.plant.step_s * 1e9), given.asset, given.model
    first, tagged, constant = -(-given.start_ns // step_ns) + 1, {t.channel for t in asset.tags}, dict(asset.constants)
    count = given.end_ns // step_ns - first + 1
    print_of, columns = hashlib.sha256(), []
    for channel in (*model.inputs, *model.sensors):
        column = np.full(count, constant.get(channel.name, np.nan))
        if channel.name in tagged:
            time_ns, value = samples(
                channel_id(asset.id, channel.name), (first - 1) * step_ns + 1, (first + count - 1) * step_ns + 1
            )
            print_of.update(channel.name.encode() + time_ns.astype("<i8").tobytes() + value.astype("<f8").tobytes())
            column = align(time_ns, value, first, count, step_ns)
            column[(column < channel.low) | (column > channel.high)] = np.nan
        columns.append(column)
    table, k = np.stack(columns, axis=1), len(model.inputs)
    if not np.isfinite(table[:, k:]).any():
        raise DataError(
            f"{asset.id}: no usable sample of any sensor from {iso(given.start_ns)} to {iso(given.end_ns)}. "
            "Give another period, or look at `didymos doctor`."
        )
    table[~np.isfinite(table).any(axis=1)] = np.nan
    origin = Origin(asset.id, iso(given.start_ns), iso(given.end_ns), print_of.hexdigest(), count, given.plant.step_s)
    return Record(table[:, :k], table[:, k:], given.plant.step_s), origin


def known(given: Job) -> NDArray[np.bool_]:
    """What must stay: ratings, and whatever the plant file states."""
    return known_parameters(given.model, [given.asset])[0]


def prior(given: Job, sisters: bool) -> tuple[Prior, list[str]]:
    """(around published values, or what fitted machines of this model in the plant teach; their ids)."""
    mine = published(nameplate(given.model, [given.asset])[0])
    if not sisters:
        return mine, []
    others = [a for a in given.plant.assets if a.model == given.asset.model and a.fitted and a.id != given.asset.id]
    if len(others) < 2:
        raise ConfigError(
            f"{given.asset.id}: --sisters needs at least 2 other machines of model {given.asset.model} with `fitted`; "
            f"there are {len(others)}. Fit them first, or leave --sisters out."
        )
    taught = [read(a.fitted, given.model) for a in others]
    return learn(mine, [Sister(f.origin, f.linear, f.information) for f in taught]), [a.id for a in others]


# ---- where samples come from


def from_file(given: Job, path: Path, time_column: str, time_unit: str, zone: Any) -> Samples:
    """A wide table. ConfigError where no column is one of the asset's tags or channels."""
    if not path.is_file():
        raise ConfigError(f"--data {path}: there is no such file.")
    units = {c.name: c.unit for c in (*given.model.inputs, *given.model.sensors)}
    places: dict[str, tuple[str, float, float]] = {}
    for tag in given.asset.tags:
        if tag.waveform or tag.channel not in units:
            continue
        unit = to_si(tag.unit, units[tag.channel], tag.channel)
        places[tag.address] = (tag.channel, unit.factor, unit.offset)
        for name in (tag.channel, channel_id(given.asset.id, tag.channel)):
            places[name] = (tag.channel, 1.0, 0.0)
    names = list(places)
    missing, chunks = chunks_of(Table(path, time_column, time_unit, zone), {name: i for i, name in enumerate(names)})
    if len(missing) == len(names):
        raise ConfigError(f"{path}: no column belongs to {given.asset.id}. Allowed: {', '.join(names)}. Rename a column.")
    times: dict[str, list[Any]] = {}
    values: dict[str, list[Any]] = {}
    for chunk in chunks:
        for i in np.unique(chunk.place):
            channel, factor, offset = places[names[int(i)]]
            mine = chunk.place == i
            times.setdefault(channel, []).append(chunk.row_time[chunk.row[mine]])
            values.setdefault(channel, []).append(chunk.value[mine] * factor + offset)

    def samples(id: str, start_ns: int, end_ns: int) -> tuple[NDArray[np.int64], Array]:
        channel = id.partition(".")[2]
        if channel not in times:
            return np.zeros(0, np.int64), np.zeros(0)
        time_ns, value = np.concatenate(times[channel]), np.concatenate(values[channel])
        keep = (time_ns >= start_ns) & (time_ns < end_ns) & np.isfinite(value)
        order = np.argsort(time_ns[keep], kind="stable")
        return time_ns[keep][order], value[keep][order]

    return samples


def from_history(plant: Plant, nats: str, known_ns: int | None = None) -> Samples:
    """Of the running historian, or of the closed store of a stopped plant."""
    from didymos.data.history.client import HistoryClient
    from didymos.plant.bus import running_bus
    from didymos.plant.history_owner import on_bus, owner_of

    url = running_bus(plant, nats)

    def asked(id: str, start_ns: int, end_ns: int) -> tuple[NDArray[np.int64], Array]:
        assert url is not None
        series = on_bus(url, lambda bus: HistoryClient(bus).read(id, start_ns, end_ns, known_ns))
        return _usable(series.time_ns, series.value, series.quality)

    def owned(id: str, start_ns: int, end_ns: int) -> tuple[NDArray[np.int64], Array]:
        before = "" if known_ns is None else f"AND known_ns <= {int(known_ns)}"
        with owner_of(plant, nats) as owner:
            table = owner.sql(
                f"SELECT time_ns, value, quality FROM samples WHERE channel = '{id}' AND time_ns >= {start_ns} "
                f"AND time_ns < {end_ns} {before} ORDER BY time_ns, known_ns"
            )
        return _usable(*(table[name].to_numpy() for name in ("time_ns", "value", "quality")))

    return asked if url is not None else owned


def _usable(time_ns: Any, value: Any, quality: Any) -> tuple[NDArray[np.int64], Array]:
    good = ((quality <= Quality.UNCERTAIN) | (quality == Quality.LATE)) & np.isfinite(value)
    return np.asarray(time_ns, np.int64)[good], np.asarray(value, float)[good]
