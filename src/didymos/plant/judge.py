"""From belief to verdict: what the twin says about a machine, and which findings it hands to the alert rules.

tick     one step for the live page: measured, twin, 95 % band
judge    every publish_s: validity, failure-time distribution per mode, reasons -> Snapshot, and one Finding per mode
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import Channel
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.estimate import ComponentAge, Estimate, Evidence, Life, ParameterEstimate, Snapshot, Tick
from didymos.core.model import FailureMode, Model
from didymos.decide.alerts import CONFIRM, Finding
from didymos.infer import filters, sensors
from didymos.infer.explain import why
from didymos.infer.hypotheses import probabilities
from didymos.infer.life import failed_before, lives
from didymos.infer.plain import plain_chance, plain_time
from didymos.infer.validity import outside
from didymos.plant import changes, planned
from didymos.plant.config import Asset, Plant
from didymos.plant.fleet import Fleet
from didymos.plant.trust import Trust, trust

if TYPE_CHECKING:
    from didymos.plant.loop import Memory

Array = NDArray[np.float64]

HORIZON_S = 30.0 * 86_400.0
STEPS = 120
TRAJECTORIES = 250
SEED = 20260105  # the same at every publication: what changes between two forecasts is the belief, not the dice
BAND = 1.96
SURE, SURE_REVIEWS = 0.9, 6  # a mode named with this probability, so many reviews in a row, is a fault, however far its end


@dataclass(frozen=True, slots=True)
class Verdict:
    snapshot: Snapshot
    findings: tuple[Finding, ...]


def tick(fleet: Fleet, asset: int, result: Any, i: int) -> Tick:
    """Row `i` of the kernel's result, for asset `asset` (local number)."""
    spread = BAND * result.predicted_sd[i]
    config = fleet.assets[asset]
    slot = (int(fleet.state.steps[asset]) - 1) % fleet.state.readings.shape[1]
    return Tick(
        config.id,
        int(fleet.state.time_ns[asset]),
        tuple(c.name for c in fleet.model.sensors),
        fleet.state.readings[asset, slot].copy(),
        result.predicted[i].copy(),
        result.predicted[i] - spread,
        result.predicted[i] + spread,
    )


def judge(
    plant: Plant, fleet: Fleet, who: NDArray[np.int64], result: Any, memories: Sequence[Memory], sequence: int
) -> list[Verdict]:
    """Verdicts for assets `who` (local numbers); `result` holds the kernel's rows of exactly these, in this order."""
    s, model = fleet.state, fleet.model
    keys = np.array([crc32(fleet.assets[a].id.encode()) for a in who], np.uint64)
    passage = _forecast(fleet, who, planned.load(plant, fleet, who), keys)
    passage = planned.on_clock(plant, fleet, who, passage, HORIZON_S)
    trusts = [trust(fleet, int(a), memory.changes) for a, memory in zip(who, memories, strict=True)]
    validities = [t.validity for t in trusts]
    life = lives(model, passage, HORIZON_S, [None if v.ok else v.reason for v in validities])
    verdicts = []
    for i, asset in enumerate(who):
        stop_s = seconds_to_stop(plant, int(s.time_ns[asset]))
        before = failed_before(passage[i : i + 1], stop_s)[0] if validities[i].ok and stop_s is not None else None
        month = failed_before(passage[i : i + 1], 30 * 86_400.0)[0] if validities[i].ok else None
        chances = (before, month)
        verdicts.append(_verdict(plant, fleet, int(asset), result, i, trusts[i], life[i], chances, memories[i], sequence))
    return verdicts


def futures(fleet: Fleet, who: NDArray[np.int64]) -> Array:
    """First passage times (M, modes, TRAJECTORIES); machines still being commissioned have none (all beyond the horizon)."""
    s, model = fleet.state, fleet.model
    found = np.full((len(who), len(model.failure_modes), TRAJECTORIES), np.inf)
    known = s.commissioned[who]
    if known.any():
        a = who[known]
        keys = np.array([crc32(fleet.assets[i].id.encode()) for i in a], np.uint64)
        found[known] = _forecast(fleet, a, fleet.load(a), keys)
    return found


def _forecast(fleet: Fleet, who: NDArray[np.int64], load: Array, keys: NDArray[np.uint64]) -> Array:
    return fleet.multiple.forecast(
        fleet.hypotheses(who), load, fleet.state.params[who], fleet.process_noise,
        trajectories=TRAJECTORIES, horizon_s=HORIZON_S, seed=SEED, keys=keys, steps=STEPS,
    )  # fmt: skip


def _verdict(
    plant: Plant,
    fleet: Fleet,
    asset: int,
    result: Any,
    i: int,
    trusted: Trust,
    life: tuple[Life, ...],
    chances: tuple[float | None, float | None],
    memory: Memory,
    sequence: int,
) -> Verdict:
    s, model, config = fleet.state, fleet.model, fleet.assets[asset]
    time_ns = int(s.time_ns[asset])
    wear = wear_states(model, s.mean[asset], s.cov[asset])
    shown = estimates(fleet, asset, result, i)
    residuals = {
        c.name: (e.residual_sigma if e.residual_sigma is not None else float("nan"))
        for c, e in zip(model.sensors, shown, strict=False)
    }
    stop_s = seconds_to_stop(plant, time_ns)
    reason = why(model, wear, residuals, memory.lines, life, trusted.validity, stop_s, shown, onsets(fleet, asset))
    running = bool(fleet.speed is None or abs(s.held[asset, fleet.speed]) > 1e-6)
    snapshot = Snapshot(
        asset=config.id,
        time_ns=time_ns,
        sequence=sequence,
        model=model.name,
        model_version=model.version,
        mean=s.mean[asset].copy(),
        cov=filters.pack_cov(s.cov[asset]),
        hyp_mean=s.hyp_mean[asset].copy(),
        hyp_cov=filters.pack_cov(s.hyp_cov[asset]),
        hyp_log_p=s.hyp_log_p[asset].copy(),
        estimates=shown,
        parameters=(*wear, *rates(model, s.mean[asset], s.cov[asset])),
        validity=trusted.validity,
        life=life,
        why=reason,
        p_fail_30d=chances[1],
        p_fail_next_stop=chances[0],
        next_stop_ns=plant.calendar.next_stop(time_ns),
        running=running,
        components=ages(fleet, asset, memory),
        fidelity=trusted.fidelity,
        sensors=trusted.sensors,
        changes=memory.changes,
    )
    symptoms = outside(model.inputs, s.held[asset], s.seen_low[asset], s.seen_high[asset])
    begun = {mode: p for mode, (p, _) in onsets(fleet, asset).items()}
    found = findings(plant, config, model, snapshot, stop_s, trusted.faults, symptoms, begun)
    return Verdict(snapshot, (*found, changes.finding(memory.changes, time_ns)))


def findings(
    plant: Plant,
    config: Asset,
    model: Model,
    snapshot: Snapshot,
    stop_s: float | None,
    faults: Sequence[sensors.Verdict],
    symptoms: Mapping[str, str],
    begun: Mapping[str, float],
) -> tuple[Finding, ...]:
    """One per failure mode (expected cost before the next planned stop against the plant's limit) and one per sensor. A mode whose
    life is withheld has none: nothing is then known for or against it; unless `symptoms`, inputs outside the range seen at
    commissioning, are its conditions. A mode that is sure but not yet a risk is an advisory: the job is for the planned stop."""
    within_s = stop_s if stop_s is not None else 30 * 86_400.0
    found = []
    for mode, life in zip(model.failure_modes, snapshot.life, strict=True):
        if life.withheld is not None:
            found += [_condition(mode, snapshot, symptoms[name]) for name in mode.conditions if name in symptoms][:1]
            continue
        chance = life.probability(within_s)
        cost = chance * config.consequence_cost
        due = Finding(
            mode.name,
            mode.component,
            cost / plant.case_cost,
            chance,
            cost,
            snapshot.next_stop_ns,
            sentence_for(mode, life, snapshot, within_s),
            mode.action,
            mode.spare,
            snapshot.why.evidence,
            confirm=_reviews(plant, life) if begun.get(mode.name, 0.0) > 0.5 else CONFIRM,
        )
        sure = dict(snapshot.why.modes[:1]).get(mode.name, 0.0) / SURE
        if due.ratio < 1.0 <= sure:
            due = replace(due, ratio=sure, advisory=True, confirm=SURE_REVIEWS)
        found.append(due)
    for channel in model.sensors:
        fault = next((f for f in faults if f.sensor == channel.name and f.kind != "spike"), None)
        text = fault.text if fault else ""
        action = f"Check the sensor and wiring of {channel.title.lower()}; the machine itself looks healthy"
        found.append(
            Finding(
                f"sensor_{channel.name}",
                "sensor",
                1.0 if fault else 0.0,
                0.0,
                0.0,
                None,
                text,
                action,
                "",
                _sensor_evidence(fault),
                True,
            )
        )
    return tuple(found)


def _reviews(plant: Plant, life: Life) -> int:
    """In how many reviews in a row a fault that has just begun must be seen: through a day, so that every way of running has had
    its turn (what the model does not know comes and goes with it), but for no more than an eighth of the time that is left."""
    left_s = dict(life.quantiles_s).get(0.5)
    wait_s = DAY_NS / SECOND_NS if left_s is None else min(DAY_NS / SECOND_NS, left_s / 8.0)
    return max(CONFIRM, ceil(wait_s / plant.publish_s))


def _condition(mode: FailureMode, snapshot: Snapshot, symptom: str) -> Finding:
    """Advisory: the condition is measured, so it needs no prediction."""
    text = f"{mode.title} is to be feared: {symptom}; no date given, the twin is not calibrated there."
    evidence = (Evidence("level", symptom, 1.0),)
    stop = snapshot.next_stop_ns
    return Finding(mode.name, mode.component, 1.0, 0.0, 0.0, stop, text, mode.action, mode.spare, evidence, True, SURE_REVIEWS)


def sentence_for(mode: FailureMode, life: Life, snapshot: Snapshot, stop_s: float) -> str:
    """The snapshot's reason when it names this mode; else the mode, how fast its wear has been learned to grow, and the risk."""
    reason = snapshot.why
    if reason.modes and reason.modes[0][0] == mode.name:
        return reason.sentence
    shown = {p.name: p for p in snapshot.parameters}
    grows = [shown[f.removeprefix("log_")] for f in mode.wear if f.startswith("log_") and f.removeprefix("log_") in shown]
    rate = "".join(
        f" its wear grows {r.value:.0f} [{r.low:.0f} to {r.high:.0f}] times as fast as in the average unit;" for r in grows[:1]
    )
    return f"{mode.title}:{rate} {plain_chance(life.probability(stop_s))} chance that it fails within {plain_time(stop_s)}."


def _sensor_evidence(fault: sensors.Verdict | None) -> tuple[Evidence, ...]:
    return (Evidence("quality", fault.text, 1.0, fault.sensor),) if fault else ()


def wear_states(model: Model, mean: Array, cov: Array) -> tuple[ParameterEstimate, ...]:
    """Every wear state of a component but the logarithms of rates, with its 95 % interval, against its value at commissioning."""
    return tuple(_parameter(model, f, f, mean, cov, lambda v: v) for f in worn(model) if not f.startswith("log_"))


def rates(model: Model, mean: Array, cov: Array) -> tuple[ParameterEstimate, ...]:
    """How many times faster than the average unit each wear state grows: exp of its log rate."""
    logs = [f for f in worn(model) if f.startswith("log_")]
    return tuple(_parameter(model, f, f.removeprefix("log_"), mean, cov, lambda v: float(np.exp(v))) for f in logs)


def onsets(fleet: Fleet, asset: int) -> dict[str, tuple[float, ParameterEstimate]]:
    """mode -> (probability that its fault has begun, its rate)."""
    s, model = fleet.state, fleet.model
    told = probabilities(fleet.hypotheses(np.array([asset])))[0]
    speeds = {rate.name: rate for rate in rates(model, s.mean[asset], s.cov[asset])}
    fields = [model.State._fields[fault.rate].removeprefix("log_") for fault in fleet.multiple.faults]
    return {
        fault.mode.name: (float(p), speeds[name])
        for fault, p, name in zip(fleet.multiple.faults, told[1:], fields, strict=True)
        if name in speeds
    }


def worn(model: Model) -> tuple[str, ...]:
    """Slow states that belong to a component; the others are constant factors of the unit, not wear."""
    return tuple(dict.fromkeys(field for component in model.components for field in component.wear))


def _parameter(model: Model, field: str, name: str, mean: Array, cov: Array, of: Any) -> ParameterEstimate:
    i = model.state_index(field)
    value, sd = float(mean[i]), float(np.sqrt(max(cov[i, i], 0.0)))
    title = name.replace("_", " ").capitalize() + (", times the average unit" if name != field else "")
    return ParameterEstimate(name, title, "1", of(value), of(value - BAND * sd), of(value + BAND * sd), of(float(model.initial[i])))


def estimates(fleet: Fleet, asset: int, result: Any, i: int) -> tuple[Estimate, ...]:
    """Sensors (measured beside twin), inputs, then virtual quantities."""
    s, model = fleet.state, fleet.model
    slot = (int(s.steps[asset]) - 1) % s.readings.shape[1]
    found = []
    for j, channel in enumerate(model.sensors):
        reading = float(s.readings[asset, slot, j])
        mid, sd = float(result.predicted[i, j]), float(result.predicted_sd[i, j])
        sigma = (reading - mid) / sd if isfinite(reading) else None
        place = fleet.sensor_place[asset, j]
        found.append(_estimate(channel, "sensor", mid, sd, reading, _quality(fleet, place), _age(fleet, asset, place), sigma))
    for j, channel in enumerate(model.inputs):
        place = fleet.input_place[asset, j]
        value = float(s.held[asset, j])
        found.append(_estimate(channel, "input", None, 0.0, value, _quality(fleet, place), _age(fleet, asset, place), None))
    mid, sd = virtual(fleet, asset)
    for j, channel in enumerate(model.virtuals):
        found.append(_estimate(channel, "virtual", float(mid[j]), float(sd[j]), float("nan"), 0, None, None))
    return tuple(found)


def virtual(fleet: Fleet, asset: int) -> tuple[Array, Array]:
    """Mean and standard deviation of the virtual quantities under the belief, by 2n cubature points."""
    s, model = fleet.state, fleet.model
    n = model.n_states
    value, vector = np.linalg.eigh(s.cov[asset])
    root = vector * np.sqrt(np.clip(value, 0.0, None))
    points = s.mean[asset] + np.sqrt(n) * np.concatenate([root.T, -root.T])
    points = np.clip(points, np.array(model.low, float), np.array(model.high, float))
    u, p = model.Input(*s.held[asset]), model.Params(*s.params[asset])
    with np.errstate(all="ignore"):
        out = np.stack(np.broadcast_arrays(*model.virtual(model.State(*points.T), u, p), np.zeros(2 * n))[:-1], axis=1)
    return out.mean(axis=0), out.std(axis=0)


def _estimate(
    channel: Channel, kind: str, mid: float | None, sd: float, reading: float, quality: int, age_s: float | None,
    sigma: float | None,
) -> Estimate:  # fmt: skip
    known = mid is not None and isfinite(mid)
    return Estimate(
        channel.name,
        channel.title,
        kind,
        channel.unit,
        mid if known else None,
        mid - BAND * sd if known and mid is not None else None,
        mid + BAND * sd if known and mid is not None else None,
        reading if isfinite(reading) else None,
        quality,
        age_s,
        sigma,
    )


def _quality(fleet: Fleet, place: int) -> int:
    return int(fleet.grid.last_quality[place]) if place >= 0 else 0


def _age(fleet: Fleet, asset: int, place: int) -> float | None:
    """Seconds from the channel's newest sample to the step the asset stands at; None for a constant or a silent channel."""
    if place < 0 or fleet.grid.last_time[place] < 0:
        return None
    return max(0.0, (int(fleet.state.time_ns[asset]) - int(fleet.grid.last_time[place])) / SECOND_NS)


def ages(fleet: Fleet, asset: int, memory: Memory) -> tuple[ComponentAge, ...]:
    s, config = fleet.state, fleet.assets[asset]
    serials, parts = dict(memory.serials), {c.id: c.part for c in config.components}
    return tuple(
        ComponentAge(
            c.id, c.title, parts.get(c.id, ""), serials.get(c.id, ""), int(s.since_ns[asset, i]), float(s.running_s[asset, i])
        )
        for i, c in enumerate(fleet.model.components)
    )


def seconds_to_stop(plant: Plant, time_ns: int) -> float | None:
    """To the next planned stop that still leaves a day's notice; None where the calendar knows none."""
    stop = plant.calendar.next_stop(time_ns)
    if stop is not None and stop - time_ns < DAY_NS:
        stop = plant.calendar.next_stop(stop) or stop
    return None if stop is None else (stop - time_ns) / SECOND_NS
