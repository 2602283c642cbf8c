"""How far one machine's twin and its sensors may be trusted now: fidelity, self-status after NAMUR NE 107, and the reason.

    trust(fleet, asset, changes) -> Trust(validity, faults, fidelity, sensors)

Commissioning first; then what `infer.validity` finds (an input or all sensors silent, outside of the calibration, residuals too
large): predictions are withheld with that reason. Out of the envelope at once, back in it only after LEAVE reviews in a row well
inside (half of the margin), so that a machine at the edge does not come and go. What asks for attention without stopping the
twin follows: a doubtful sensor, a change that nobody explained, inputs never seen together, a low score. Alarms that need no
prediction (limits, sensors, changes) go on in any case. Verified: tests/plant/test_trust.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import SECOND_NS
from didymos.core.estimate import Change, Fidelity, SensorStatus, Validity
from didymos.core.series import Quality
from didymos.infer import envelope, fidelity, sensors
from didymos.infer.plain import plain_time
from didymos.infer.self_status import RULES, status_of, worst
from didymos.infer.validity import assess, outside
from didymos.plant import changes
from didymos.plant.fleet import RECENT, Fleet

Array = NDArray[np.float64]
LEAVE = 2  # reviews in a row
INNER = 0.5  # of the margin
FAR = 1.0  # inputs never seen together, further than the whole range of one from all that was


class Trust(NamedTuple):
    validity: Validity
    faults: tuple[sensors.Verdict, ...]
    fidelity: Fidelity | None
    sensors: tuple[SensorStatus, ...]


def trust(fleet: Fleet, asset: int, told: Sequence[Change] = ()) -> Trust:
    """At a review: it counts reviews inside the envelope, and from the next step on the filter goes without sensors at fault."""
    faults = sensor_faults(fleet, asset)
    if not fleet.state.commissioned[asset]:
        share = fleet.state.steps[asset] / fleet.commission_steps
        reason = f"commissioning: {share:.0%} of the first healthy days learned"
        return Trust(
            Validity(False, 0.0, status_of("commissioning"), reason), faults, None, sensor_status(fleet, asset, faults, told)
        )
    found = fidelity_of(fleet, asset)
    return Trust(validity(fleet, asset, faults, found, told), faults, found, sensor_status(fleet, asset, faults, told))


def sensor_faults(fleet: Fleet, asset: int) -> tuple[sensors.Verdict, ...]:
    """Sensors that are at fault, not the machine; from the next step on the filter does without those it cannot believe."""
    s, model = fleet.state, fleet.model
    if not s.commissioned[asset]:
        return ()
    params = model.Params(*s.params[asset])
    seen = sensors.Window(model.sensors, fleet.window(asset, s.whitened), fleet.window(asset, s.readings))
    found = sensors.judge(seen, sensors.signatures(model, params))
    s.distrusted[asset] = sensors.disbelieved(found, model.sensors)
    return tuple(found)


def fidelity_of(fleet: Fleet, asset: int) -> Fidelity:
    s, model = fleet.state, fleet.model
    told = fidelity.explained(s.moments[asset], np.array([c.noise for c in model.sensors]))
    agree = fidelity.consistency(fleet.window(asset, s.nis)[-RECENT:], fleet.window(asset, s.dof)[-RECENT:])
    return fidelity.score(told, agree, distance(fleet, asset))


def distance(fleet: Fleet, asset: int) -> float:
    """From the operating points of the calibration, in units of the ranges seen then; 0 inside, or where they are not known."""
    s, channels = fleet.state, fleet.model.inputs
    size = envelope.scale(s.seen_low[asset], s.seen_high[asset], channels)
    over = np.maximum(s.held[asset] - s.seen_high[asset], s.seen_low[asset] - s.held[asset]) / size
    alone = float(np.where(np.isfinite(over), over, 0.0).max(initial=0.0))
    return max(alone, envelope.novelty(known_points(fleet, asset), s.held[asset], channels) if runs(fleet, asset) else 0.0)


def known_points(fleet: Fleet, asset: int) -> envelope.Envelope:
    s = fleet.state
    return envelope.Envelope(s.seen_low[asset], s.seen_high[asset], s.points[asset], float(s.radius[asset]), 0)


def runs(fleet: Fleet, asset: int) -> bool:
    """A machine that stands is nowhere in its operating space."""
    return bool(fleet.running(np.array([asset]))[0])


def elsewhere(fleet: Fleet, asset: int) -> str:
    """Why the machine is outside the envelope of its calibration, "" inside; counts reviews on the way back in."""
    s, channels, u = fleet.state, fleet.model.inputs, fleet.state.held[asset]

    def left(share: float, far: float) -> str:
        alone = next(iter(outside(channels, u, s.seen_low[asset], s.seen_high[asset], share).values()), "")
        return alone or (envelope.unseen(known_points(fleet, asset), u, channels, far) if runs(fleet, asset) else "")

    if reason := left(1.0, FAR):
        s.away[asset] = LEAVE
        return reason
    if not s.away[asset]:
        return ""
    if reason := left(INNER, INNER * FAR):
        s.away[asset] = LEAVE
        return f"{reason}, and has been further"
    s.away[asset] -= 1
    return "" if not s.away[asset] else "back inside the range seen at commissioning, for one review so far"


def validity(fleet: Fleet, asset: int, faults: Sequence[sensors.Verdict], found: Fidelity, told: Sequence[Change] = ()) -> Validity:
    s = fleet.state
    says = assess(
        fleet.model,
        fleet.window(asset, s.nis)[-RECENT:],
        fleet.window(asset, s.dof)[-RECENT:],
        s.held[asset],
        np.where(s.held_ns[asset] > 0, (s.time_ns[asset] - s.held_ns[asset]) / SECOND_NS, 0.0),
        s.seen_low[asset],
        s.seen_high[asset],
        fleet.window(asset, s.whitened)[-RECENT:],
        step_s=fleet.grid.step_ns / SECOND_NS,
        stale_s=max(3600.0, 6 * fleet.grid.step_ns / SECOND_NS),
        elsewhere=elsewhere(fleet, asset),
    )
    if not says.ok:
        return says
    says = replace(says, score=found.score)
    if faults:
        return Validity(True, found.score, faults[0].status, f"{faults[0].text}; the twin goes on without it")
    if reasons := _attention(fleet, asset, found, told):
        name = worst(reasons)
        return Validity(RULES[name].usable, found.score, status_of(name), reasons[name])
    return says


def _attention(fleet: Fleet, asset: int, found: Fidelity, told: Sequence[Change]) -> dict[str, str]:
    """Conditions that do not stop the twin, with their reasons."""
    reasons = {}
    if runs(fleet, asset) and (text := envelope.unseen(known_points(fleet, asset), fleet.state.held[asset], fleet.model.inputs)):
        reasons["unseen_together"] = text
    if change := changes.unexplained(told, int(fleet.state.time_ns[asset])):
        reasons["unexplained_change"] = f"unexplained change: {change.text}"
    agreement = {"consistency": found.consistency, "explained": found.explained}  # the envelope has conditions of its own
    part = min(agreement, key=lambda name: _or_one(agreement[name]))
    if _or_one(agreement[part]) < fidelity.LOW:
        reasons["low_fidelity"] = f"fidelity {found.score:.2f}: {_weak(found, part)}"
    return reasons


def _or_one(part: float | None) -> float:
    return 1.0 if part is None else part


def _weak(found: Fidelity, part: str) -> str:
    if part == "consistency":
        return (
            f"squared residuals are {found.nis_ratio or 0.0:.1f} times what the twin expects ({found.nis_high or 0.0:.1f} allowed)"
        )
    return f"the twin foretells {found.explained or 0.0:.0%} of what can be foretold of its sensors"


def sensor_status(
    fleet: Fleet, asset: int, faults: Sequence[sensors.Verdict], told: Sequence[Change] = ()
) -> tuple[SensorStatus, ...]:
    """Of every sensor that a tag feeds."""
    s, model = fleet.state, fleet.model
    of = fidelity.explained(s.moments[asset], np.array([c.noise for c in model.sensors]))
    fault = {f.sensor: f for f in faults}
    stepped = {c.sensor: c for c in told if c.sensor and not c.explained}
    rows = []
    for j, channel in enumerate(model.sensors):
        place = int(fleet.sensor_place[asset, j])
        if place < 0:
            continue
        reasons = {fault[channel.name].kind: fault[channel.name].text} if channel.name in fault else {}
        reasons |= _of_readings(fleet, asset, place)
        if channel.name in stepped:
            reasons["unexplained_step"] = stepped[channel.name].text
        name = worst(reasons)
        share, skill = (float(v) if np.isfinite(v) else None for v in (of.share[j], of.skill[j]))
        rows.append(SensorStatus(channel.name, channel.title, status_of(name), name, reasons.get(name, ""), share, skill))
    return tuple(rows)


def _of_readings(fleet: Fleet, asset: int, place: int) -> dict[str, str]:
    """Silent, or sent by a source that is not sure of it."""
    grid, time_ns = fleet.grid, int(fleet.state.time_ns[asset])
    silent_s = max(3600.0, 6 * grid.step_ns / SECOND_NS)
    if grid.last_time[place] < 0:
        return {"silent": "has never been read"}
    age_s = (time_ns - int(grid.last_time[place])) / SECOND_NS
    if age_s > silent_s:
        return {"silent": f"has not been read for {plain_time(age_s)}"}
    return {"uncertain": "its source marks it UNCERTAIN"} if grid.last_quality[place] == Quality.UNCERTAIN else {}
