"""The same days lived again: from a stored belief over the stored samples, step by step as the loop did.

    start   the last snapshot that already knew every replacement before it, else the moment the belief was born
    way     inputs (held over gaps) and readings on the loop's grid, without the sensors that were distrusted at the time
    run     the filter over the way, wear states starting anew where a component was replaced

A belief is born at an asset's first step, and again at the end of commissioning: nothing before that moment reaches beyond it.
History is read only up to a given place in both streams, so that the same question has the same answer to the byte.
Against the fleet's own steps the result agrees to rounding (1e-9): a machine alone is summed in another order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import channel_id, split_channel_id
from didymos.core.errors import DataError
from didymos.core.estimate import Belief, Snapshot
from didymos.core.model import Model
from didymos.core.ports import HistoryClient
from didymos.core.series import Quality
from didymos.data.align import align
from didymos.formats.wire import unpack
from didymos.infer import filters
from didymos.infer.hypotheses import Hypotheses
from didymos.plant import changes
from didymos.plant.fleet import Fleet
from didymos.plant.lifecycle import Entry, calibration, calibration_of
from didymos.plant.loop import Loop

Array = NDArray[np.float64]
FOREVER = np.iinfo(np.int64).max
LOOK_BACK = 288  # steps before a birth in which an input's value in force is looked for


class Past(HistoryClient, Protocol):
    """History that says when it holds a stream up to a place."""

    async def reached(self, stream: str, sequence: int) -> None:
        """Waits until `sequence` of `stream` is committed; DataError when that takes too long."""
        ...


@dataclass(frozen=True, slots=True)
class Upto:
    """A place in both streams: what lies behind it is not read."""

    plant: int
    results: int


@dataclass(frozen=True, slots=True)
class Stand:
    """One asset of the loop at one moment. first: its first step; next: the step it takes next; reborn: the step that ended its
    commissioning, None without; distrust: (from step, sensors left out) in order; calibrations: see `informed`;
    widened: before which steps the belief was widened (`plant.changes`)."""

    id: str
    fleet: Fleet
    asset: int
    first: int
    next: int
    reborn: int | None
    distrust: tuple[tuple[int, tuple[str, ...]], ...]
    publish_ns: int
    upto: Upto
    calibrations: tuple[Known, ...] = ()
    widened: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A recalibrated or exchanged sensor as the stream has it: from time_ns on, value = gain x reading + offset."""

    time_ns: int
    known_ns: int
    sequence: int
    channel: str
    gain: float
    offset: float


@dataclass(frozen=True, slots=True)
class Replacement:
    """A closed work order as the stream has it; takes effect before `step` is taken."""

    time_ns: int
    step: int
    component: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Way:
    """From a belief (of one asset) over steps first, first + 1, ...: inputs (T, k), readings (T, m) and the noise (T, m) of each;
    params (p,) in force on it; widened: before which steps the belief was widened."""

    first: int
    belief: Hypotheses
    inputs: Array
    readings: Array
    params: Array
    noise: Array
    widened: tuple[int, ...] = ()


def stand(loop: Loop, asset_id: str, upto: Upto) -> Stand:
    """Where `asset_id` is now. DataError for an asset without a physical model: it has no belief."""
    row = loop.assets.get(asset_id)
    model = None if row is None else loop.config[row].model
    if row is None or model not in loop.fleets:
        known = sorted(a.id for a in loop.config if a.model in loop.fleets)
        raise DataError(f"{asset_id}: no belief is kept of it here; it is of {', '.join(known) or 'no asset'}.")
    fleet = loop.fleets[model]
    asset = fleet.local[row]
    steps, following = int(fleet.state.steps[asset]), int(loop.grid.next_step[row])
    if not steps:
        raise DataError(f"{asset_id}: no belief yet; its inputs have not all been seen. Ask again later.")
    done = fleet.learns(asset) and bool(fleet.state.commissioned[asset])
    reborn = following - 1 - steps + fleet.commission_steps if done else None
    publish_ns = int(loop.plant.publish_s * 1e9)
    memory = loop.memory[asset_id]
    return Stand(
        asset_id, fleet, asset, following - steps, following, reborn, memory.distrust, publish_ns, upto, widened=memory.widened
    )


async def replacements(history: Past, at: Stand, known_ns: int | None = None) -> list[Replacement]:
    """Those the stream holds up to here, and only those known at `known_ns`, when given; in the order they came."""
    known = "" if known_ns is None else f"AND known_ns <= {int(known_ns)}"
    table = await history.sql(
        f"SELECT time_ns, body, sequence FROM events WHERE asset = '{at.id}' AND kind = 'work_order_closed' "
        f"AND sequence <= {at.upto.plant} {known} ORDER BY sequence"
    )
    numbers = {c.id: i for i, c in enumerate(at.fleet.model.components)}
    found = []
    for row in table.to_pylist():
        component = numbers.get(str(json.loads(row["body"]).get("component", "")))
        if component is not None:
            step = -(-row["time_ns"] // at.fleet.grid.step_ns)
            found.append(Replacement(row["time_ns"], step, component, row["sequence"]))
    return found


async def informed(history: Past, at: Stand, known_ns: int | None = None) -> Stand:
    """`at` with the calibrations of its sensors that the stream holds up to here, and only those known at `known_ns`, if given."""
    known = "" if known_ns is None else f"AND known_ns <= {int(known_ns)}"
    table = await history.sql(
        f"SELECT kind, time_ns, known_ns, body, sequence FROM events WHERE asset = '{at.id}' AND kind IN ('sensor_replaced', "
        f"'sensor_recalibrated') AND sequence <= {at.upto.plant} {known} ORDER BY time_ns, known_ns, sequence"
    )
    found = []
    for row in table.to_pylist():
        body = json.loads(row["body"])
        entry = Entry("", row["kind"], row["time_ns"], row["known_ns"], row["sequence"], body)
        found.append(Known(entry.time_ns, entry.known_ns, entry.sequence, str(body.get("channel", "")), *calibration_of(entry)))
    return replace(at, calibrations=tuple(found))


async def last_snapshot(
    history: Past, at: Stand, end_ns: int, orders: Sequence[Replacement], known_sequence: int = FOREVER, late_ns: int | None = None
) -> Snapshot | None:
    """The newest snapshot with time < end_ns that knew every one of `orders` and every calibration that lies before it, of today's
    model; one that had folded in nothing beyond `known_sequence`. With `late_ns`, only one before every sample that came, known by
    then, when its step had been taken: late ones and corrections."""
    facts = (*orders, *at.calibrations)
    oldest_ns, reach = at.first * at.fleet.grid.step_ns, 4 * at.publish_ns
    while end_ns > oldest_ns:
        start_ns = max(oldest_ns, end_ns - reach)
        for data in reversed(await history.snapshots(at.id, start_ns, end_ns)):
            s = unpack(Snapshot, data)
            if s.sequence > known_sequence:
                continue
            if late_ns is not None and await _missed(history, at, s, late_ns):
                continue
            knew = all(o.sequence < s.sequence for o in facts if o.time_ns <= s.time_ns)
            if knew and s.model_version == at.fleet.model.version and len(s.mean) == at.fleet.model.n_states:
                return s
        end_ns, reach = start_ns, 4 * reach
    return None


async def _missed(history: Past, at: Stand, s: Snapshot, late_ns: int) -> bool:
    """Whether samples from before the snapshot came after it."""
    names = ", ".join(f"'{channel_id(at.id, tag.channel)}'" for tag in at.fleet.assets[at.asset].tags if not tag.waveform)
    table = await history.sql(
        f"SELECT count(*) AS n FROM samples WHERE channel IN ({names}) AND time_ns <= {s.time_ns} AND sequence > {s.sequence} "
        f"AND sequence <= {at.upto.plant} AND known_ns <= {int(late_ns)} AND quality <= {int(Quality.LATE)}"
    )
    return table.to_pylist()[0]["n"] > 0


async def way(history: Past, at: Stand, start: Snapshot | None, stop: int, known_ns: int | None = None) -> Way:
    """From `start`, or from the birth of the belief where that is later, over all steps < stop."""
    fleet = at.fleet
    reborn = at.reborn if at.reborn is not None and stop > at.reborn else None
    begin, held = _begin(at, start)
    inputs, readings, unsure = await table(history, at, begin, stop, held, known_ns)
    state = fleet.state if at.reborn is None or reborn is not None else fleet.fresh(len(fleet.assets))
    params, noise = state.params[at.asset].copy(), filters.noise_of(state.noise[at.asset], unsure)
    if start is not None and (reborn is None or begin > reborn):
        return Way(begin, believed(fleet, start), inputs, readings, params, noise, at.widened)
    first, born = (at.first, at.first) if reborn is None else (reborn + 1, reborn)
    mean, cov = birth(fleet.model, params, inputs[born - begin])
    rest = slice(first - begin, None)
    return Way(first, fleet.multiple.spread(mean[None], cov[None]), inputs[rest], readings[rest], params, noise[rest], at.widened)


def believed(fleet: Fleet, snapshot: Snapshot) -> Hypotheses:
    """The hypotheses that a snapshot holds; of one of before them, all start from its belief."""
    if snapshot.hyp_mean.shape[:1] != (fleet.multiple.count,):
        return fleet.multiple.spread(snapshot.mean[None], filters.unpack_cov(snapshot.cov)[None])
    return Hypotheses(snapshot.hyp_mean[None], filters.unpack_cov(snapshot.hyp_cov)[None], snapshot.hyp_log_p[None])


def birth(model: Model, params: Array, held: Array) -> tuple[Array, Array]:
    """mean (n,), cov (n, n) of an asset as commissioned, its fast states at equilibrium with inputs `held` (k,)."""
    new = filters.init(model, params[None], 1)
    x, u, p = model.State(*new.mean.T), model.Input(*held[:, None]), model.Params(*params[:, None])
    settled = np.stack(np.broadcast_arrays(*model.steady(x, u, p)), axis=1)
    settled = np.where(np.isfinite(settled), settled, new.mean)  # an input that history does not have
    return np.clip(settled, np.array(model.low), np.array(model.high))[0], np.array(new.cov[0])


def inputs_in_force(fleet: Fleet, asset: int, snapshot: Snapshot) -> Array:
    """(k,) the held inputs that a snapshot shows."""
    shown = {e.channel: e.measured for e in snapshot.estimates if e.kind == "input"}
    found = np.array([shown.get(c.name) for c in fleet.model.inputs], float)
    return np.where(np.isfinite(fleet.constant[asset]), fleet.constant[asset], found)


async def table(
    history: Past, at: Stand, first: int, stop: int, held: Array, known_ns: int | None = None
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Inputs (T, k), held over gaps from `held` (k,) on, readings (T, m) believed then, and which of them (T, m) are UNCERTAIN, of
    steps first <= step < stop."""
    model, k = at.fleet.model, len(at.fleet.model.inputs)
    names = [c.name for c in (*model.inputs, *model.sensors)]
    columns = [await column(history, at, name, first, stop, known_ns) for name in names]
    found, unsure = np.stack([values for values, _ in columns], axis=1), np.stack([marks for _, marks in columns[k:]], axis=1)
    inputs, readings, left_out = found[:, :k], found[:, k:], np.zeros((stop - first, model.n_sensors), bool)
    inputs = in_force(inputs, held)
    for from_step, sensors in at.distrust:
        left_out[max(0, from_step - first) :] = [c.name in sensors for c in model.sensors]
    for known in at.calibrations:  # what it was distrusted for, until somebody saw to it, was the calibration
        if known.channel in names[k:]:
            sensor = names[k:].index(known.channel)
            since, until = -(-known.time_ns // at.fleet.grid.step_ns), -(-known.known_ns // at.fleet.grid.step_ns)
            left_out[max(0, since - first) : max(0, until + at.fleet.grid.n_open - first), sensor] = False
    readings[left_out] = np.nan
    return inputs, readings, unsure


def in_force(values: Array, held: Array) -> Array:
    """(T, k) with every gap filled by the value before it; `held` (k,) before the first."""
    whole = np.concatenate([held[None], values])
    last = np.maximum.accumulate(np.where(np.isfinite(whole), np.arange(len(whole))[:, None], 0), axis=0)
    return np.take_along_axis(whole, last, axis=0)[1:]


async def running(history: Past, at: Stand, start: Snapshot | None, first: int) -> float:
    """Seconds that the shaft turned in steps first <= step < next, as `Fleet.step` counts them."""
    fleet, speed = at.fleet, at.fleet.speed
    turning = np.ones(at.next - first, bool)
    if speed is not None:
        begin, held = _begin(at, start)
        found, _ = await column(history, at, fleet.model.inputs[speed].name, begin, at.next)
        turning = np.abs(in_force(found[:, None], held[[speed]])[first - begin :, 0]) > 1e-6
    return float(turning.sum()) * fleet.grid.step_ns / 1e9


def _begin(at: Stand, start: Snapshot | None) -> tuple[int, Array]:
    """(step from which on inputs are read, those in force before it (k,))."""
    if start is None:
        return at.first - LOOK_BACK, at.fleet.constant[at.asset]
    return start.time_ns // at.fleet.grid.step_ns + 1, inputs_in_force(at.fleet, at.asset, start)


async def column(
    history: Past, at: Stand, name: str, first: int, stop: int, known_ns: int | None = None
) -> tuple[Array, NDArray[np.bool_]]:
    """(T,) one channel on steps first <= step < stop, NaN where nothing usable came; (T,) whether its source was not sure of it."""
    fleet, channel, n = at.fleet, channel_id(at.id, name), stop - first
    if fleet.grid.place(channel) < 0:
        return np.full(n, dict(fleet.assets[at.asset].constants).get(name, np.nan)), np.zeros(n, bool)
    step_ns, feature = fleet.grid.step_ns, is_feature(fleet, at.asset, channel)
    upto, known = (at.upto.results, None) if feature else (at.upto.plant, known_ns)
    series = await history.read(channel, (first - 1) * step_ns + 1, (stop - 1) * step_ns + 1, known, upto)
    good = (series.quality <= Quality.UNCERTAIN) | (series.quality == Quality.LATE)  # what came late is known now
    if feature and known_ns is not None:  # known when its waveform was, however long the worker took to read it off
        good &= np.isin(series.time_ns, await _waveforms_known(history, at, known_ns))
    time_ns, value, quality = series.time_ns[good], series.value[good], series.quality[good]
    value = calibration([(k.time_ns, k.gain, k.offset) for k in at.calibrations if k.channel == name]).apply(time_ns, value)
    marks = align(time_ns, np.asarray(quality == Quality.UNCERTAIN, float), first, n, step_ns)
    return align(time_ns, value, first, n, step_ns), marks == 1.0


async def _waveforms_known(history: Past, at: Stand, known_ns: int) -> list[int]:
    """Start times of the asset's waveforms that had come by then."""
    names = ", ".join(f"'{channel_id(at.id, tag.channel)}'" for tag in at.fleet.assets[at.asset].tags if tag.waveform)
    found = await history.sql(f"SELECT start_ns FROM waveforms WHERE channel IN ({names}) AND known_ns <= {int(known_ns)}")
    return [row["start_ns"] for row in found.to_pylist()]


def is_feature(fleet: Fleet, asset: int, channel: str) -> bool:
    """Read off a waveform by the worker itself, not by a tag."""
    return split_channel_id(channel)[1] not in {tag.channel for tag in fleet.assets[asset].tags}


def run(fleet: Fleet, along: Way, resets: Sequence[Replacement]) -> Hypotheses:
    """The filter over the way; a component's wear starts anew before the step of its replacement."""
    *_, (_, last) = (0, along.belief), *steps(fleet, along, resets)
    return last


def steps(fleet: Fleet, along: Way, resets: Sequence[Replacement]) -> Iterator[tuple[int, Hypotheses]]:
    """(step, hypotheses after it) of every step of the way that could be taken."""
    model, state = fleet.model, along.belief
    params, u, y = along.params[None], along.inputs, along.readings
    for t in range(len(u)):
        if along.first + t in along.widened:
            state = changes.widen(model, state)
        for reset in resets:
            if reset.step == along.first + t:
                whole = fleet.multiple.mixture(state)
                belief = Belief(np.zeros(1, np.int64), whole.mean, whole.cov)
                belief = filters.reset(model, belief, 0, model.components[reset.component].wear)
                state = fleet.multiple.spread(belief.mean, belief.cov)
        if np.isfinite(u[t]).all():
            given = fleet.given(u[t : t + 1], y[t : t + 1], params, along.noise[t : t + 1])
            state, _ = fleet.multiple.step(state, given)
            yield along.first + t, state
