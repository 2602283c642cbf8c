"""The worker's loop as a value machine: messages in stream order go in, results come out; no clock, no socket, no randomness.

    loop.feed(message)   -> samples onto the grid, due steps taken, beliefs moved, results appended to `outputs`
    loop.state()         -> everything that must survive; `restore` brings it back exactly

Live, replay, tests and benchmarks run this same code. What it says depends on the messages and their order alone, so that a
worker killed at any moment and restored from {sequence, state} says the same as one that was never disturbed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from didymos.assets import ASSETS
from didymos.assets.bearings import BEARINGS, orders
from didymos.core.case import Case, Event, Record
from didymos.core.channel import channel_id, partition, split_channel_id
from didymos.core.errors import DataError
from didymos.core.estimate import Change, Fresh, Tick
from didymos.core.ports import Message
from didymos.core.series import Batch, Quality, Waveform, batch_of
from didymos.data.align import Grid, GridState
from didymos.decide.alerts import Watch, decided, maintained, review
from didymos.formats.wire import pack, unpack
from didymos.infer.features import level_features, match_frequency, vibration_features
from didymos.numerics.spectra import BearingOrders, Line
from didymos.plant import changes, judge
from didymos.plant.baseline import Baselines, BaselineState
from didymos.plant.config import Asset, Plant
from didymos.plant.config_check import FEATURES
from didymos.plant.field_life import with_fatigue
from didymos.plant.fields import FieldMemory, Fields, resumed
from didymos.plant.fleet import Fleet, FleetState
from didymos.plant.lifecycle import (
    CALIBRATIONS,
    KINDS,
    Calibration,
    Lifecycle,
    calibrated,
    checked,
    of_plant_file,
    recalibrate_open,
)
from didymos.plant.migrate import Archived, removed, take_over

log = logging.getLogger("didymos.worker")

Output = tuple[str, bytes, str]
GENERIC = -1  # the home of assets that no fleet has
MOVES_TIME = np.array([q in (Quality.GOOD, Quality.UNCERTAIN, Quality.STALE, Quality.OUT_OF_RANGE) for q in Quality])


@dataclass(slots=True)
class Memory:
    """What is remembered of each asset beside its belief; part of the checkpoint.

    lines      bearing lines of the newest waveform
    resets     replacements that take effect at a step not yet reached: (event id, time_ns, component)
    applied    ids of work orders that had their effect
    distrust   sensors that the filter goes without, from which step on: every change of the last ones
    changes    steps in what it does that are not wear (`plant.changes`); widened: before which steps the belief was widened for one
    life       where it stands, what it is called, its sensors' calibrations, with history (None in a checkpoint of before that)
    """

    watch: Watch = field(default_factory=Watch)
    lines: tuple[Line, ...] = ()
    resets: tuple[tuple[str, int, str], ...] = ()
    applied: tuple[str, ...] = ()
    serials: tuple[tuple[str, str], ...] = ()
    distrust: tuple[tuple[int, tuple[str, ...]], ...] = ()
    life: Lifecycle | None = None
    changes: tuple[Change, ...] = ()
    widened: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Whose the rows are, in order: assets and channels of the grid, assets of each fleet and of the baselines."""

    assets: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    fleets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    baselines: tuple[str, ...] = ()


@dataclass(slots=True)
class LoopState:
    sequence: int
    grid: GridState
    fleets: dict[str, FleetState]
    baselines: BaselineState
    memory: dict[str, Memory]
    layout: Layout = field(default_factory=Layout)
    fields: dict[str, FieldMemory] = field(default_factory=dict)


class Loop:
    """All assets of `partitions`. `outputs` and `ticks` are taken by whoever drives the loop; `rewinds` are late
    replacements that need history (see `plant.rewind`)."""

    def __init__(self, plant: Plant, partitions: Sequence[int] | None = None) -> None:
        mine = [a for a in plant.assets if partitions is None or partition(a.id) in partitions]
        self.plant = plant
        self.assets = {a.id: i for i, a in enumerate(mine)}
        self.config = mine
        self.grid = _grid(plant, mine)
        self.fleets: dict[str, Fleet] = {}
        for name, model in ASSETS.items():
            rows = [i for i, a in enumerate(mine) if a.model == name]
            if rows:
                self.fleets[name] = Fleet(model, [mine[i] for i in rows], rows, self.grid, plant.commission_s)
        generic = [i for i, a in enumerate(mine) if a.model not in ASSETS]
        self.baselines = Baselines([mine[i] for i in generic], generic, self.grid, plant.commission_s)
        self._home, self._local = np.full(len(mine), GENERIC), np.zeros(len(mine), np.int64)  # each asset's fleet, its row there
        for number, fleet in enumerate(self.fleets.values()):
            self._home[fleet.rows], self._local[fleet.rows] = number, np.arange(len(fleet.rows))
        self._local[self.baselines.rows] = np.arange(len(self.baselines.rows))
        self.memory = {a.id: Memory(serials=tuple((c.id, c.serial) for c in a.components), life=of_plant_file(a)) for a in mine}
        self.fields = Fields(mine, self.grid)
        self._calibrations: dict[int, Calibration] = {}  # by place on the grid; most channels have none
        self.sequence = 0
        self.outputs: list[Output] = []
        self.ticks: dict[str, Callable[[], Tick]] = {}  # of each asset's newest step; made when somebody wants it
        self.rewinds: list[Event] = []
        self.archived: list[Archived] = []  # machines of the checkpoint that are not here any more
        self.unreadable = 0
        self._publish_steps = max(1, round(plant.publish_s / plant.step_s))

    # ---- messages

    def feed(self, message: Message) -> None:
        """Fold one stream message in. A message that cannot be read is counted, logged and passed over: it stays in the stream."""
        kind = message.subject.partition(".")[0]
        self.sequence = message.sequence
        try:
            if kind == "tel":
                self.samples(unpack(Batch, message.data))
            elif kind == "wav":
                self.waveform(unpack(Waveform, message.data))
            elif kind == "evt":
                self.event(unpack(Event, message.data))
        except DataError as error:
            self.unreadable += 1
            log.warning("message %d on %s cannot be used: %s", message.sequence, message.subject, error)

    def samples(self, batch: Batch) -> None:
        if not len(batch):
            return
        for place, time_ns, value, quality in self.grid.chunks(batch):
            value = calibrated(self._calibrations, place, time_ns, value)
            timely = MOVES_TIME[quality]
            if timely.any():
                self.grid.see(self.grid.asset_of[place[timely]], time_ns[timely])
                self.take_due()
            self.grid.store(place, time_ns, value, quality)

    def waveform(self, wave: Waveform) -> None:
        """Its features become samples, and results for history; its bearing lines are kept as evidence."""
        asset_id, channel = split_channel_id(wave.channel)
        row = self.assets.get(asset_id)
        if row is None or wave.quality >= Quality.CLOCK:
            return
        asset = self.config[row]
        geometry = bearing_orders(asset)
        if geometry is None:
            found = level_features(wave.samples, wave.rate_hz)
        else:
            speed = self.speed(asset, wave.start_ns)
            found = vibration_features(wave.samples, wave.rate_hz, speed, geometry)
            self.memory[asset_id].lines = match_frequency(wave.samples, wave.rate_hz, speed, geometry)
        rows = [(channel_id(asset_id, feature_name(asset, channel, n)), wave.start_ns, v, _finite(v)) for n, v in found.items()]
        batch = batch_of(rows)
        self.emit(f"res.{partition(asset_id)}.features.{asset_id}", batch, f"features:{wave.channel}:{wave.start_ns}")
        self.samples(batch)

    def speed(self, asset: Asset, time_ns: int) -> float:
        """Shaft speed [rad/s] in the step of `time_ns`, else the last one known, NaN when none."""
        step = np.array(-(-time_ns // self.grid.step_ns))
        now = float(self.grid.values(np.array(self.grid.place(channel_id(asset.id, "speed"))), step))
        fleet = self.fleets.get(asset.model)
        if np.isfinite(now):
            return now
        if fleet is None or fleet.speed is None:
            return dict(asset.constants).get("speed", float("nan"))
        return float(fleet.state.held[fleet.local[self.assets[asset.id]], fleet.speed])

    # ---- events

    def event(self, event: Event) -> None:
        """A work order or a person's decision; the same id twice has no second effect."""
        memory = self.memory.get(event.asset)
        if memory is None or event.id in memory.applied:
            return
        if event.kind == "case_verdict":
            memory.watch, changed = decided(memory.watch, event, event.time_ns)
            memory.applied = (*memory.applied, event.id)[-200:]
            self.publish_cases(changed)
            for case in changed:
                if case.mode == changes.MODE and case.state == "closed":
                    self.explain(memory, case.verdict or "closed without a verdict", case.opened_ns)
        elif event.kind == "work_order_closed":
            self.replaced(event, memory)
        elif event.kind in KINDS:
            self.lived(event, memory)

    def lived(self, event: Event, memory: Memory) -> None:
        """Something of the asset's life beside its wear (`plant.lifecycle`)."""
        assert memory.life is not None
        if any(entry.id == event.id for entry in memory.life.entries):
            return
        row = self.assets[event.asset]
        body = checked(event.kind, self.config[row], event.body)
        before, memory.life = memory.life, memory.life.with_entry(event, self.sequence)
        memory.applied = (*memory.applied, event.id)[-200:]
        told: dict[str, object] = {"event": event.kind, **body, "known_ns": event.known_ns}
        self.emit(f"res.{partition(event.asset)}.lifecycle.{event.asset}", memory.life, f"lifecycle:{event.id}")
        self.record(Record(f"lifecycle:{event.id}", "lifecycle", event.asset, event.time_ns, told))  # last: history waits for it
        if event.kind in CALIBRATIONS:
            self.explain(memory, event.id, event.time_ns, str(body["channel"]))
            self.recalibrated(event, row, before, memory.life)

    def recalibrated(self, event: Event, row: int, before: Lifecycle, after: Lifecycle) -> None:
        """From now on by the new calibration, steps still open included; steps already taken are asked to be lived again."""
        channel = str(event.body["channel"])
        place = self.grid.place(channel_id(event.asset, channel))
        self._calibrations[place] = after.calibration_of_channel(channel)
        recalibrate_open(self.grid, place, event.time_ns, before.calibration_of_channel(channel), self._calibrations[place])
        fleet = self.fleets.get(self.config[row].model)
        if fleet is not None:
            fleet.forget_sensor(fleet.local[row], channel)
            self.note_distrust(fleet, fleet.local[row], self.memory[event.asset])
            if -(-event.time_ns // self.grid.step_ns) < self.grid.next_step[row]:
                self.rewinds.append(event)

    def replaced(self, event: Event, memory: Memory) -> None:
        """Schedule the reset for the step in which it happened; when that step is past, ask for a rewind."""
        row = self.assets[event.asset]
        component = str(event.body.get("component", ""))
        if self.component(row, component) is None:
            log.warning("%s: work order %s names component %r, which this machine does not have", event.asset, event.id, component)
            return
        memory.applied = (*memory.applied, event.id)[-200:]
        if event.time_ns >= self.fitted_ns(row, component, memory):  # else a newer part is in it by now
            self.swap_serial(memory, component, str(event.body.get("new_serial") or ""))
        memory.watch, changed = maintained(memory.watch, component, event.id, event.time_ns)
        self.publish_cases(changed)
        self.explain(memory, event.id, event.time_ns)
        if (fleet := self.fleets.get(self.config[row].model)) is not None:
            changes.forget(fleet, fleet.local[row], event.time_ns + changes.row_ns(self.grid.step_ns))
        body: dict[str, object] = {**event.body, "work_order": event.id, "known_ns": event.known_ns}
        self.record(Record(f"maintenance:{event.id}", "maintenance", event.asset, event.time_ns, body))
        step = -(-event.time_ns // self.grid.step_ns)
        if step >= self.grid.next_step[row]:
            memory.resets = (*memory.resets, (event.id, event.time_ns, component))
        else:
            self.rewinds.append(event)

    def explain(self, memory: Memory, reason: str, time_ns: int, sensor: str = "") -> None:
        """A change that was told is linked to what made it; with the last one its case closes."""
        before, memory.changes = memory.changes, changes.explained_by(memory.changes, reason, time_ns, sensor)
        if memory.changes == before or any(not c.explained for c in memory.changes):
            return
        memory.watch, closed = maintained(memory.watch, changes.COMPONENT, reason, time_ns)
        self.publish_cases(closed)

    def component(self, row: int, component: str) -> int | None:
        """Number of the component in its model, -1 for a generic asset (which has none to reset)."""
        asset = self.config[row]
        if asset.model not in ASSETS:
            return -1
        return next((i for i, c in enumerate(ASSETS[asset.model].components) if c.id == component), None)

    def fresh(self, assets: NDArray[np.bool_], since_ns: NDArray[np.int64]) -> list[Fresh]:
        """Usable samples newer than `since_ns` (C,) of each channel, asset by asset of the mask `assets` (A,)."""
        grid = self.grid
        new = assets[grid.asset_of] & (grid.last_time > since_ns) & (grid.last_quality <= Quality.UNCERTAIN)
        rows = np.flatnonzero(new)
        rows = rows[np.argsort(grid.asset_of[rows], kind="stable")]
        groups = np.split(rows, np.flatnonzero(np.diff(grid.asset_of[rows])) + 1) if len(rows) else []
        return [self._fresh_of(group) for group in groups]

    def _fresh_of(self, rows: NDArray[np.int64]) -> Fresh:
        names = tuple(split_channel_id(self.grid.channels[i])[1] for i in rows.tolist())
        asset = self.config[int(self.grid.asset_of[rows[0]])]
        return Fresh(asset.id, names, self.grid.last_time[rows], self.grid.last_value[rows])

    def fitted_ns(self, row: int, component: str, memory: Memory) -> int:
        """When the newest replacement known of the component was made; 0 without one."""
        pending = [time_ns for _, time_ns, name in memory.resets if name == component]
        asset, number = self.config[row], self.component(row, component)
        fleet = self.fleets.get(asset.model)
        since = int(fleet.state.since_ns[fleet.local[row], number]) if fleet is not None else 0
        return max([since if since != asset.commissioned_ns else 0, *pending])

    @staticmethod
    def swap_serial(memory: Memory, component: str, serial: str) -> None:
        if serial:
            memory.serials = (*(pair for pair in memory.serials if pair[0] != component), (component, serial))

    # ---- steps

    def take_due(self) -> None:
        """Take every step that is complete, oldest first, whole fleet slices at a time."""
        while len(due := self.grid.due()):
            step = self.grid.next_step[due]
            home = self._home[due]
            for number, fleet in enumerate(self.fleets.values()):
                mine = home == number
                if mine.any():
                    self.take(fleet, self._local[due[mine]], step[mine])
            mine = home == GENERIC
            if mine.any():
                self.take_baselines(self._local[due[mine]], step[mine])
            self.grid.taken(due)

    def take(self, fleet: Fleet, who: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        self.apply_resets(fleet, who, step)
        who, result = fleet.step(who, step)
        if result is None:
            return
        time_ns = fleet.state.time_ns[who]
        if self.fields.bound:
            self.fields.step(fleet, who, time_ns // self.grid.step_ns)
        for i, asset in enumerate(who):
            self.ticks[fleet.assets[asset].id] = partial(judge.tick, fleet, int(asset), result, i)
        publish = np.flatnonzero((time_ns // self.grid.step_ns) % self._publish_steps == 0)
        if len(publish):
            memories = [self.memory[fleet.assets[a].id] for a in who[publish]]
            for asset, memory in zip(who[publish], memories, strict=True):
                self.note_change(fleet, int(asset), memory)
            rows = type(result)(*(column[publish] for column in result))
            verdicts = judge.judge(self.plant, fleet, who[publish], rows, memories, self.sequence)
            for asset, verdict in zip(who[publish], verdicts, strict=True):
                self.conclude(with_fatigue(self.plant, self.fields, fleet.assets[asset], fleet.model, verdict))
            for asset, memory in zip(who[publish], memories, strict=True):
                self.note_distrust(fleet, int(asset), memory)
                self.widen(fleet, int(asset), memory)

    def note_change(self, fleet: Fleet, asset: int, memory: Memory) -> None:
        """What a look at the past week finds is told once, with a record."""
        found = changes.look(fleet, asset) if changes.due(fleet, asset) else None
        if found is None or any(c.id == found.id for c in memory.changes):
            return
        memory.changes = (*memory.changes, found)[-50:]
        id = fleet.assets[asset].id
        body: dict[str, object] = {
            "kind": found.kind,
            "text": found.text,
            "candidates": dict(found.candidates),
            "sensor": found.sensor,
        }
        self.record(Record(f"change:{found.id}", "change", id, found.time_ns, body))

    def widen(self, fleet: Fleet, asset: int, memory: Memory) -> None:
        """After a change told in this review; noted, so that these days can be lived again (`plant.relive`)."""
        told = [c for c in memory.changes if c.found_ns == fleet.state.time_ns[asset] and changes.widens(c)]
        if told:
            who = np.array([asset])
            fleet.believe(who, changes.widen(fleet.model, fleet.hypotheses(who)))
            memory.widened = (*memory.widened, int(fleet.state.time_ns[asset]) // self.grid.step_ns + 1)[-50:]

    def note_distrust(self, fleet: Fleet, asset: int, memory: Memory) -> None:
        """Which sensors are left out from the next step on, so that these days can be lived again (`plant.relive`)."""
        left_out = tuple(c.name for c, out in zip(fleet.model.sensors, fleet.state.distrusted[asset], strict=True) if out)
        if left_out != (memory.distrust[-1][1] if memory.distrust else ()):
            step = int(fleet.state.time_ns[asset]) // self.grid.step_ns + 1
            memory.distrust = (*memory.distrust, (step, left_out))[-200:]

    def apply_resets(self, fleet: Fleet, who: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        """Replacements that happened before the step now taken."""
        for asset, k in zip(who, step, strict=True):
            memory = self.memory[fleet.assets[asset].id]
            for id, time_ns, component in memory.resets:
                if -(-time_ns // self.grid.step_ns) <= k:
                    number = self.component(int(fleet.rows[asset]), component)
                    assert number is not None
                    fleet.reset(int(asset), number, time_ns)
                    memory.resets = tuple(r for r in memory.resets if r[0] != id)

    def take_baselines(self, who: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        self.ticks |= self.baselines.step(who, step)
        publish = who[step % self._publish_steps == 0]
        for asset in publish:
            memory = self.memory[self.baselines.assets[asset].id]
            self.conclude(self.baselines.judge(self.plant, int(asset), memory.serials, memory.lines, self.sequence))

    def conclude(self, verdict: judge.Verdict) -> None:
        snapshot = verdict.snapshot
        memory = self.memory[snapshot.asset]
        if memory.life is not None and memory.life.out_of_service(snapshot.time_ns) is not None:
            return  # a decommissioned machine has no live estimate; the service says so
        memory.watch, changed = review(memory.watch, snapshot.asset, verdict.findings, snapshot.time_ns)
        self.emit(
            f"res.{partition(snapshot.asset)}.snapshot.{snapshot.asset}", snapshot, f"snapshot:{snapshot.asset}:{snapshot.time_ns}"
        )
        found = self.fields.results(snapshot.asset, snapshot.time_ns, snapshot.sequence)
        if found is not None:
            self.emit(
                f"res.{partition(snapshot.asset)}.field.{snapshot.asset}", found, f"field:{snapshot.asset}:{snapshot.time_ns}"
            )
        self.publish_cases(changed)

    # ---- results

    def publish_cases(self, changed: Sequence[Case]) -> None:
        for case in changed:
            p = partition(case.asset)
            name = f"case:{case.id}:{case.state}:{case.priority}:{case.changed_ns}"
            self.emit(f"res.{p}.case.{case.id}", case, name)
            body: dict[str, object] = {
                "case": case.id,
                "mode": case.mode,
                "component": case.component,
                "state": case.state,
                "priority": case.priority,
                "p_fail_next_stop": case.p_fail_next_stop,
                "expected_cost": case.expected_cost,
                "sentence": case.sentence,
                "verdict": case.verdict,
            }
            self.record(Record(name, "case", case.asset, case.changed_ns, body))

    def record(self, record: Record) -> None:
        self.emit(f"res.{partition(record.subject)}.record.{record.subject}", record, f"record:{record.key}")

    def emit(self, subject: str, value: object, message_id: str) -> None:
        self.outputs.append((subject, pack(value), message_id))

    # ---- checkpoint

    def state(self) -> bytes:
        fleets = {name: fleet.state for name, fleet in self.fleets.items()}
        return pack(
            LoopState(self.sequence, self.grid.state(), fleets, self.baselines.kept(), self.memory, self.layout, self.fields.memory)
        )

    @property
    def layout(self) -> Layout:
        fleets = {name: tuple(a.id for a in fleet.assets) for name, fleet in self.fleets.items()}
        return Layout(tuple(self.assets), self.grid.channels, fleets, tuple(a.id for a in self.baselines.assets))

    def restore(self, data: bytes) -> None:
        """Go on exactly where `state` was taken; after another set of machines, with those that are in both (`plant.migrate`).
        `archived` holds the others, for whoever keeps them."""
        state = unpack(LoopState, data)
        self.sequence = state.sequence
        same = set(state.memory) == set(self.memory) and state.grid.ring_step.shape == self.grid.ring_step.shape
        if not same or (state.layout.assets and state.layout != self.layout):
            self.archived = removed(self, state)
            take_over(self, state)
        else:
            self.grid.restore(state.grid)
            for name, fleet in self.fleets.items():
                fleet.restore(state.fleets[name])
            self.baselines.restore(state.baselines)
            self.memory = state.memory
        resumed(self.fields, state.fields)
        self.know_lives()

    def new_assets(self, data: bytes) -> list[str]:
        """Machines of this loop that the checkpoint does not know: the archive may."""
        known = unpack(LoopState, data).memory
        return [id for id in self.assets if id not in known]

    def revive(self, archived: bytes) -> None:
        """Take a machine over from the archive."""
        state = unpack(LoopState, archived)
        take_over(self, state)
        resumed(self.fields, state.fields)
        self.know_lives()

    def know_lives(self) -> None:
        """Calibrations in force, and names and paths of the plant file under what was entered since."""
        for asset in self.config:
            memory, fresh = self.memory[asset.id], of_plant_file(asset)
            memory.life = fresh if memory.life is None else replace(fresh, entries=memory.life.entries)
            for channel in {str(e.body["channel"]) for e in memory.life.entries if e.kind in CALIBRATIONS}:
                place = self.grid.place(channel_id(asset.id, channel))
                self._calibrations[place] = memory.life.calibration_of_channel(channel)


def bearing_orders(asset: Asset) -> BearingOrders | None:
    """Defect orders of the bearing whose vibration the asset's waveform shows: plant.toml's `bearing`."""
    return BearingOrders(*orders(BEARINGS[asset.bearing])) if asset.bearing else None


def feature_name(asset: Asset, channel: str, feature: str) -> str:
    """A physics model's machine has one waveform, and its features plain names; a generic asset may have several."""
    return feature if asset.model in ASSETS else f"{channel}_{feature}"


def _grid(plant: Plant, assets: Sequence[Asset]) -> Grid:
    """Every scalar channel that a tag feeds, and every feature of every waveform."""
    names: list[str] = []
    asset_of: list[int] = []
    for row, asset in enumerate(assets):
        channels = [tag.channel for tag in asset.tags if not tag.waveform]
        for tag in asset.tags:
            if tag.waveform:
                channels += [feature_name(asset, tag.channel, f) for f in ("velocity_rms", "acceleration_rms", *FEATURES)]
        names += [channel_id(asset.id, channel) for channel in dict.fromkeys(channels)]
        asset_of += [row] * (len(names) - len(asset_of))
    return Grid(names, asset_of, len(assets), plant.step_s, plant.lateness_s)


def _finite(value: float) -> int:
    return Quality.GOOD if np.isfinite(value) else Quality.BAD
