"""Machines without a physics model: their own healthy baseline, and for a bearing under test the life learned from its sisters.

A generic asset's row holds its scalar channels at each step; `infer.anomaly` scores it against its regime. An asset with
`bearing` and `life` (a file written by `plant.bearing_prior`) is followed by `infer.bearing_life` on its waveforms' RMS instead;
channels without a tag, named after a feature of a waveform, only show it. Verified: tests/plant/test_baseline.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, exp, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from didymos.assets.bearings import BEARINGS
from didymos.assets.generic import NO_FAILURE_MODE
from didymos.core.channel import Channel, channel_id
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError
from didymos.core.estimate import ComponentAge, Estimate, Evidence, Life, Score, Snapshot, Tick, Validity, Why
from didymos.data.align import Grid
from didymos.decide.alerts import Finding
from didymos.infer import anomaly, bearing_life
from didymos.infer.explain import why_anomaly
from didymos.infer.plain import plain, plain_chance, plain_time
from didymos.numerics.spectra import Line
from didymos.plant.bearing_prior import read_prior
from didymos.plant.config import Asset, Plant
from didymos.plant.cosimulation import Cosimulation, TwinState
from didymos.plant.judge import Verdict

LEARN_S, LEARN_ROWS = (
    86_400.0,
    600,
)  # the healthy period of a plant without commission_s; rows kept of it: they are in every checkpoint
BEARING_MODE, BEARING_TITLE = "bearing_fatigue", "Rolling bearing spalled"


@dataclass(slots=True)
class BaselineState:
    """Per asset, in order: detector, bearing (or None), last score, last value of each channel and their time, what came since
    the last scored row (NaN = nothing); FMUs beside them (none in a checkpoint of before that)."""

    detectors: list[anomaly.State]
    bearings: list[bearing_life.State | None]
    scores: list[Score | None]
    rows: list[NDArray[np.float64]]
    time_ns: NDArray[np.int64]
    since: list[NDArray[np.float64]]
    twins: list[TwinState | None] = field(default_factory=list)


class Baselines:
    """`state` changes in `step`; the rest never does. `rows` are the assets' numbers on the grid."""

    def __init__(self, assets: Sequence[Asset], rows: Sequence[int], grid: Grid, commission_s: float) -> None:
        learn_s = commission_s or LEARN_S
        self.assets = tuple(assets)
        self.rows = np.asarray(rows, np.int64)
        self.grid = grid
        self.channels = [scalar_channels(asset) for asset in assets]
        self._every = every_step(grid, learn_s)
        self._watched = [_watched(a, channels) for a, channels in zip(assets, self.channels, strict=True)]
        self.settings = [
            settings(a, [channels[i] for i in watched], grid, learn_s)
            for a, channels, watched in zip(assets, self.channels, self._watched, strict=True)
        ]
        self.places = [
            np.array([grid.place(channel_id(a.id, c.name)) for c in cs]) for a, cs in zip(assets, self.channels, strict=True)
        ]
        width = max((len(places) for places in self.places), default=0)
        self._table = np.full((len(self.places), width), -1)
        for row, places in zip(self._table, self.places, strict=True):
            row[: len(places)] = places
        self.axes = [
            [grid.place(channel_id(a.id, f"{t.channel}_acceleration_rms")) for t in a.tags if t.waveform] for a in self.assets
        ]
        self.priors = [_prior(a) for a in self.assets]
        n = len(self.assets)
        self.state = BaselineState(
            [_detector(s) for s in self.settings],
            [bearing_life.init() if prior is not None else None for prior in self.priors],
            [None] * n,
            [np.full(len(c), np.nan) for c in self.channels],
            np.zeros(n, np.int64),
            [np.full(len(c), np.nan) for c in self.channels],
        )
        self.fmus = [
            Cosimulation(a, cs, grid.step_ns, ceil(learn_s * SECOND_NS / grid.step_ns) if a.fmu else 0) if a.fmu else None
            for a, cs in zip(self.assets, self.channels, strict=True)
        ]
        self.state.twins = [fmu.init() if fmu is not None else None for fmu in self.fmus]

    def step(self, who: NDArray[np.int64], step: NDArray[np.int64]) -> dict[str, Callable[[], Tick]]:
        """Take assets `who` (local numbers) to `step`; what makes each one's tick, by its id."""
        s, ticks = self.state, {}
        values = self.grid.values(self._table[who], step[:, None])
        for asset, k, padded in zip(who.tolist(), step.tolist(), values, strict=True):
            s.time_ns[asset] = k * self.grid.step_ns
            row = padded[: len(self.places[asset])]
            came = np.isfinite(row)
            s.rows[asset] = np.where(came, row, s.rows[asset])
            s.since[asset] = np.where(came, row, s.since[asset])
            setting = self.settings[asset]
            if setting is not None and k % self._every == 0:
                s.detectors[asset], s.scores[asset] = anomaly.step(
                    s.detectors[asset], s.since[asset][self._watched[asset]], setting
                )
                s.since[asset] = np.full(len(row), nan)
            bearing = s.bearings[asset]
            if bearing is not None:
                rms = self.grid.values(np.array(self.axes[asset]), np.array(k))
                s.bearings[asset] = bearing_life.step(bearing, rms.tolist(), self.grid.step_ns / SECOND_NS)
            fmu, twin = self.fmus[asset], s.twins[asset]
            if fmu is not None and twin is not None:
                fmu.step(twin, k * self.grid.step_ns, s.rows[asset], row)
            ticks[self.assets[asset].id] = partial(self._tick, asset, row)
        return ticks

    def restore(self, state: BaselineState) -> None:
        twins = state.twins or [None] * len(self.assets)
        self.state = replace(
            state,
            time_ns=np.array(state.time_ns),
            rows=[np.array(r) for r in state.rows],
            since=[np.array(r) for r in state.since],
            twins=[fmu.restored(twin) if fmu is not None else None for fmu, twin in zip(self.fmus, twins, strict=True)],
        )

    def kept(self) -> BaselineState:
        """The state as a checkpoint holds it."""
        for fmu, twin in zip(self.fmus, self.state.twins, strict=True):
            if fmu is not None and twin is not None:
                fmu.keep(twin)
        return self.state

    def judge(self, plant: Plant, asset: int, serials: Sequence[tuple[str, str]], lines: Sequence[Line], sequence: int) -> Verdict:
        if self.state.bearings[asset] is not None:
            return self._judge_bearing(plant, asset, serials, lines, sequence)
        return self._judge_generic(plant, asset, serials, sequence)

    def _judge_generic(self, plant: Plant, asset: int, serials: Sequence[tuple[str, str]], sequence: int) -> Verdict:
        s, setting = self.state, self.settings[asset]
        score = s.scores[asset]
        if setting is None or score is None:
            learned = len(s.detectors[asset].rows) / setting.learn if setting else 0.0
            validity = Validity(False, 0.0, "C", f"baseline: {learned:.0%} of the first healthy days learned")
            reason = Why(f"The twin is learning how this machine runs: {learned:.0%} done.")
        else:
            validity = Validity(True, float(min(1.0, 1.0 / max(score.value, 1e-9))), "ok", "compared with its own healthy baseline")
            reason = why_anomaly(score, {c.name: c for c in self.channels[asset]})
        fmu, twin = self.fmus[asset], s.twins[asset]
        if fmu is not None and twin is not None:
            validity = fmu.validity(twin)
        life = (Life("any", "Any failure", withheld=NO_FAILURE_MODE),)
        snapshot = self._snapshot(plant, asset, serials, sequence, validity, life, reason, None)
        ratio = score.value if score is not None else 0.0
        action = "Look at the machine; its signals have left their normal pattern"
        finding = Finding(
            "anomaly", "machine", ratio, 0.0, 0.0, snapshot.next_stop_ns, reason.sentence, action, "", reason.evidence, True
        )
        return Verdict(snapshot, (finding, *self._over_limit(asset, snapshot.next_stop_ns)))

    def _over_limit(self, asset: int, next_stop_ns: int | None) -> list[Finding]:
        """What the FMU computes has reached a limit that the plant file declares."""
        fmu, twin = self.fmus[asset], self.state.twins[asset]
        found = []
        for channel, value, limit in fmu.over_limit(twin) if fmu is not None and twin is not None else ():
            now, most = plain(value, channel.unit), plain(limit, channel.unit)
            text = f"The FMU computes {channel.title} {now}; the limit in the plant file is {most}."
            evidence, action = (Evidence("level", text, 1.0, channel.name),), "Look at the machine; its model has reached a limit"
            ratio = value / limit if limit > 0.0 else 1.0
            found.append(
                Finding(f"limit_{channel.name}", "machine", ratio, 0.0, 0.0, next_stop_ns, text, action, "", evidence, True)
            )
        return found

    def _judge_bearing(
        self, plant: Plant, asset: int, serials: Sequence[tuple[str, str]], lines: Sequence[Line], sequence: int
    ) -> Verdict:
        bearing, prior = self.state.bearings[asset], self.priors[asset]
        assert bearing is not None
        assert prior is not None
        shown = bearing_life.indicator(bearing)
        stop_s = stop_in_s(plant, int(self.state.time_ns[asset]))
        if isfinite(shown):
            validity = Validity(True, 1.0, "ok", "compared with its own healthy level and the lives of sister bearings")
            life = bearing_life.predict(bearing, prior, rating_life_s(self.assets[asset]), BEARING_MODE, BEARING_TITLE)
        else:
            validity = Validity(False, 0.0, "C", f"fewer than {bearing_life.LONG} waveforms so far; no healthy level yet")
            life = Life(BEARING_MODE, BEARING_TITLE, withheld=validity.reason)
        reason = bearing_reason(shown, life, lines, bearing.alarm_s is not None)
        chance = life.probability(stop_s) if stop_s is not None and life.withheld is None else None
        snapshot = self._snapshot(plant, asset, serials, sequence, validity, (life,), reason, chance)
        ratio = exp(shown - bearing_life.ALARM) if isfinite(shown) else 0.0
        cost = (chance or 0.0) * self.assets[asset].consequence_cost
        action = "Stop before the date given and replace the bearing"
        finding = Finding(
            BEARING_MODE,
            "bearing",
            ratio,
            chance or 0.0,
            cost,
            snapshot.next_stop_ns,
            reason.sentence,
            action,
            "bearing",
            reason.evidence,
        )
        return Verdict(snapshot, (finding,))

    def _snapshot(
        self,
        plant: Plant,
        asset: int,
        serials: Sequence[tuple[str, str]],
        sequence: int,
        validity: Validity,
        life: tuple[Life, ...],
        reason: Why,
        chance: float | None,
    ) -> Snapshot:
        config, time_ns = self.assets[asset], int(self.state.time_ns[asset])
        month = life[0].probability(30 * 86_400.0) if life[0].withheld is None else None
        parts = {c.id: c.part for c in config.components}
        bearing = self.state.bearings[asset]
        running_s = bearing.age_s if bearing is not None else 0.0
        return Snapshot(
            asset=config.id,
            time_ns=time_ns,
            sequence=sequence,
            model=config.model,
            model_version="1",
            mean=np.zeros(0),
            cov=np.zeros(0),
            estimates=self._estimates(asset),
            parameters=(),
            validity=validity,
            life=life,
            why=reason,
            p_fail_30d=month,
            p_fail_next_stop=chance,
            next_stop_ns=plant.calendar.next_stop(time_ns),
            components=tuple(
                ComponentAge(id, id.replace("_", " "), parts.get(id, ""), serial, config.commissioned_ns, running_s)
                for id, serial in serials
            ),
        )

    def _estimates(self, asset: int) -> tuple[Estimate, ...]:
        row = self.state.rows[asset]
        found = []
        for j, (channel, place) in enumerate(zip(self.channels[asset], self.places[asset], strict=True)):
            quality = int(self.grid.last_quality[place]) if place >= 0 else 0
            reading = float(row[j]) if isfinite(row[j]) else None
            value, low, high, off = self._computed(asset, j, reading)
            kind = "sensor" if place >= 0 or value is None else "virtual"
            found.append(Estimate(channel.name, channel.title, kind, channel.unit, value, low, high, reading, quality, None, off))
        return tuple(found)

    def _computed(self, asset: int, column: int, reading: float | None) -> tuple[float | None, ...]:
        """What the FMU says of a channel: value, its 95 % band, how many sigma the reading is off; None where it says nothing."""
        fmu, twin = self.fmus[asset], self.state.twins[asset]
        if fmu is None or twin is None or column not in fmu.output_columns:
            return None, None, None, None
        i = int(np.flatnonzero(fmu.output_columns == column)[0])
        value, sd = float(fmu.value(twin)[i]), float(fmu.sd(twin)[i])
        if not isfinite(value):
            return None, None, None, None
        if not isfinite(sd):
            return value, None, None, None
        return value, value - 1.96 * sd, value + 1.96 * sd, (reading - value) / sd if reading is not None else None

    def _tick(self, asset: int, row: NDArray[np.float64]) -> Tick:
        config = self.assets[asset]
        names = tuple(c.name for c in self.channels[asset])
        said = [self._computed(asset, j, None)[:3] for j in range(len(row))]
        value, low, high = (np.array([nan if v is None else v for v in column], float) for column in zip(*said, strict=True))
        return Tick(config.id, int(self.state.time_ns[asset]), names, row, value, low, high)


def bearing_reason(shown: float, life: Life, lines: Sequence[Line], alarmed: bool) -> Why:
    """One sentence from the level, the strongest visible line and the remaining life; `alarmed`: at some time so far."""
    if not isfinite(shown):
        return Why("Too few waveforms so far to say anything about this bearing.")
    level = f"vibration is {exp(shown):.1f} times its healthy level (alarm at {exp(bearing_life.ALARM):.1f})"
    found = [Evidence("level", level, 0.7 if lines else 1.0)]
    if lines:
        race = {"bpfo": "outer race", "bpfi": "inner race", "bsf": "rolling element", "ftf": "cage"}[lines[0].name]
        text = f"the {race} line at {lines[0].order:.2f} per turn stands {lines[0].signal_to_floor:.0f} times above the noise"
        found.append(Evidence("frequency", text, 0.3, lines[0].name))
    ends = dict(life.quantiles_s)
    low, high = ends.get(0.1), ends.get(0.9)
    when = (
        f"; 8 chances in 10 that it fails between {plain_time(low)} and {plain_time(high)} from now"
        if low is not None and high is not None
        else ""
    )
    quiet = "The bearing has been above its alarm level before" if alarmed else "The bearing is below its alarm level"
    state = "The bearing is failing" if shown > bearing_life.ALARM else quiet
    chance = life.probability(3600.0)
    return Why(f"{state}: {' and '.join(e.text for e in found)}{when} ({plain_chance(chance)} within the hour).", tuple(found))


def rating_life_s(asset: Asset) -> float:
    """Basic rating life [s] of the asset's bearing at its own load and speed (plant.toml's constants)."""
    constant = dict(asset.constants)
    return bearing_life.l10_s(constant["radial_load"], constant["speed"], BEARINGS[asset.bearing].dynamic_rating_N)


def stop_in_s(plant: Plant, time_ns: int) -> float | None:
    """To the very next planned stop, which the snapshot names; None where the calendar knows none."""
    stop = plant.calendar.next_stop(time_ns)
    return None if stop is None else (stop - time_ns) / SECOND_NS


def _prior(asset: Asset) -> bearing_life.Prior | None:
    """Of an asset with `life`. ConfigError where its file or something else that a life needs is missing."""
    if not asset.life:
        return None
    constants = dict(asset.constants)
    lacking = [f"constants = {{ {name} = value in SI }}" for name in ("speed", "radial_load") if not constants.get(name, 0.0) > 0.0]
    lacking += [] if asset.bearing else ["bearing"]
    lacking += [] if any(t.waveform for t in asset.tags) else ["a tag with waveform = true"]
    if lacking:
        raise ConfigError(f"{asset.id}: `life` is given without {', '.join(lacking)}. Add what is missing, or remove `life`.")
    return read_prior(asset.life)


def scalar_channels(asset: Asset) -> tuple[Channel, ...]:
    waveforms = {t.channel for t in asset.tags if t.waveform}
    return tuple(c for c in asset.channels if c.name not in waveforms)


def _watched(asset: Asset, channels: Sequence[Channel]) -> list[int]:
    """Columns that the baseline is of: all but those that only an FMU computes."""
    fed = {tag.channel for tag in asset.tags}
    return [i for i, c in enumerate(channels) if asset.fmu is None or c.name in fed]


def settings(asset: Asset, channels: Sequence[Channel], grid: Grid, learn_s: float) -> anomaly.Settings | None:
    """None for an asset that has waveforms only, or whose bearing is followed instead."""
    names = tuple(c.name for c in channels)
    if asset.life or len(names) - bool(asset.regime) < 1:
        return None
    step_s = every_step(grid, learn_s) * grid.step_ns / SECOND_NS
    learn = max(3 * anomaly.ROWS_PER_BIN, round(learn_s / step_s))
    return anomaly.Settings(names, names.index(asset.regime) if asset.regime else None, learn, step_s, 0.1)


def every_step(grid: Grid, learn_s: float) -> int:
    """Steps from one scored row to the next: at most LEARN_ROWS of them in the healthy period."""
    return max(1, ceil(learn_s / LEARN_ROWS / (grid.step_ns / SECOND_NS)))


def _detector(setting: anomaly.Settings | None) -> anomaly.State:
    return anomaly.init(setting) if setting is not None else anomaly.State(np.zeros((0, 0)), None, np.zeros(0))
