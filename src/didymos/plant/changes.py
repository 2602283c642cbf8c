"""Hourly means of a machine's inputs and readings, and the changes that they show (`infer.change`), live.

    note       every step adds to the row under way; a row ends with the hour (a step, where steps are longer)
    look       every EVERY rows: the machine's own past week against its model with the wear frozen where it is believed now
    forget     maintenance, a change that was told, new parameters: rows before say nothing of the machine as it is now
    widen      after a change the wear may be anything between what was believed and as commissioned
    explain    a work order, an exchanged sensor or a person's verdict says why; one entered late is linked to the change it made

Rows are facts (means of what was read), not judgements, so nothing here has to be lived again; `Memory.widened` says at which steps
the belief was widened, for `plant.relive`. Only running steps count. Verified: tests/plant/test_changes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import Channel
from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS, iso
from didymos.core.estimate import Change, Evidence
from didymos.core.model import Model
from didymos.decide.alerts import Finding
from didymos.infer.change import Found, Rows, find, reference
from didymos.infer.hypotheses import Hypotheses
from didymos.infer.plain import plain_chance, plain_change
from didymos.infer.sensors import signatures

if TYPE_CHECKING:
    from didymos.plant.fleet import Fleet

Array = NDArray[np.float64]
ROWS, ROW_S, EVERY = 168, 3600.0, 4
SETTLE_NS = 6 * HOUR_NS
LEAST_NOISE = 0.3  # of a sensor's own: the least noise of an hour's mean, for what a mean of readings leaves and a model lacks
NEAR_NS = 2 * DAY_NS  # a work order explains a change if it was done so near to it
SHOWN_NS = 14 * DAY_NS  # a change that nobody has explained is told so long
MODE, COMPONENT = "unexplained_change", "unexplained"
KIND_TEXT = {
    "wear": "fast wear",
    "sensor_step": "a sensor that was moved, exchanged or has failed",
    "improvement": "maintenance that nobody told",
    "plant_change": "a changed part, product or set-up",
}


def row_steps(step_ns: int) -> int:
    return max(1, round(ROW_S * SECOND_NS / step_ns))


def row_ns(step_ns: int) -> int:
    return row_steps(step_ns) * step_ns


def note(fleet: Fleet, who: NDArray[np.int64], step: NDArray[np.int64], u: Array, y: Array) -> None:
    """Steps just taken by assets `who`: inputs u (M, k) in force and readings y (M, m), NaN = missing."""
    s, steps = fleet.state, row_steps(fleet.grid.step_ns)
    values = np.where(fleet.running(who)[:, None], np.concatenate([u, y], axis=1), np.nan)
    came = np.isfinite(values)
    s.row[who, 0] += np.where(came, values, 0.0)
    s.row[who, 1] += came
    for asset, k in zip(who[(step + 1) % steps == 0], step[(step + 1) % steps == 0], strict=True):
        total, count = s.row[asset]
        place = int(s.row_count[asset]) % ROWS
        enough = count >= 0.5 * max(1.0, count[: u.shape[1]].max())
        s.rows[asset, place] = np.where(enough & (count > 0), total / np.maximum(count, 1.0), np.nan)
        s.rows_ns[asset, place] = k * fleet.grid.step_ns
        s.row_count[asset] += 1
        s.row[asset] = 0.0


def due(fleet: Fleet, asset: int) -> bool:
    """Whether a row ended since the last look, every EVERY of them."""
    s = fleet.state
    return bool(s.commissioned[asset]) and s.row_count[asset] - s.looked[asset] >= EVERY


def look(fleet: Fleet, asset: int) -> Change | None:
    """The first change in the rows since `rows_from_ns`, which it then restarts."""
    s, k = fleet.state, len(fleet.model.inputs)
    s.looked[asset] = s.row_count[asset]
    order = np.roll(np.arange(ROWS), -(int(s.row_count[asset]) % ROWS))
    times, rows = s.rows_ns[asset, order], s.rows[asset, order]
    use = (times > s.rows_from_ns[asset]) & np.isfinite(rows[:, :k]).all(axis=1)
    use[use] = warm(times[use], row_ns(fleet.grid.step_ns))
    times, u, y = times[use], rows[use, :k], rows[use, k:]
    if not len(times):
        return None
    y = np.where(s.distrusted[asset], np.nan, y)
    known = np.isfinite(fleet.model.State(*s.mean[asset])).all()
    z = y - reference(fleet.model, s.mean[asset], s.params[asset], u, row_ns(fleet.grid.step_ns) / SECOND_NS)
    usable = np.isfinite(z).any(axis=1) & known
    noise = np.array([c.noise for c in fleet.model.sensors])
    along = signatures(fleet.model, fleet.model.Params(*s.params[asset]), fleet.model.Input(*np.median(u, axis=0))) * noise
    found = find(Rows(z[usable], u[usable], LEAST_NOISE * noise, np.nan_to_num(along)))
    if found is None:
        return None
    # the row ends at its time: the change lies in or before the row's first step
    at_ns = int(times[usable][found.at]) - row_ns(fleet.grid.step_ns)
    forget(fleet, asset, int(times[usable][found.at]))
    return _change(fleet, asset, found, at_ns)


def warm(times: NDArray[np.int64], long_ns: int) -> NDArray[np.bool_]:
    """(T,) without the first SETTLE_NS after a stop: what a machine reads while it warms up hangs on how long it stood."""
    after_stop = np.diff(times, prepend=times[:1]) > 2 * long_ns
    last_start = np.maximum.accumulate(np.where(after_stop, times, 0))
    return times - last_start >= SETTLE_NS


def _change(fleet: Fleet, asset: int, found: Found, at_ns: int) -> Change:
    model, now_ns = fleet.model, int(fleet.state.time_ns[asset])
    noise = np.array([c.noise for c in model.sensors])
    largest = sorted(range(model.n_sensors), key=lambda j: -abs(found.size[j]) / noise[j])[:2]
    least = 0.2 * float(np.max(np.abs(found.size) / noise))
    moved = " and ".join(_moved(model.sensors[j], float(found.size[j])) for j in largest if abs(found.size[j]) > least * noise[j])
    says = "; ".join(f"{KIND_TEXT[kind]} ({plain_chance(p)})" for kind, p in found.candidates)
    text = f"at {iso(at_ns)} {moved} against what the model says for the same load. Candidates: {says}. Was there a work order?"
    sensor = model.sensors[found.sensor].name if found.sensor >= 0 else ""
    name = f"{fleet.assets[asset].id}-change-{at_ns // SECOND_NS}"
    return Change(name, found.kind, at_ns, now_ns, text, found.candidates, sensor)


def _moved(channel: Channel, size: float) -> str:
    return f"{channel.title.lower()} stepped {'up' if size > 0.0 else 'down'} by {plain_change(size, channel.unit)}"


def forget(fleet: Fleet, asset: int, from_ns: int) -> None:
    """Rows that end before or at `from_ns` are not looked at any more."""
    fleet.state.rows_from_ns[asset] = max(int(fleet.state.rows_from_ns[asset]), from_ns - 1)


def widen(model: Model, state: Hypotheses) -> Hypotheses:
    """Every wear state, not its rate, as uncertain as it is far from commissioning, and as it was then. The arguments stay."""
    cov = state.cov.copy()
    for i, name in enumerate(model.State._fields):
        if name in model.slow and not name.startswith("log_"):
            cov[..., i, i] += (state.mean[..., i] - float(model.initial[i])) ** 2 + float(model.initial_sd[i]) ** 2
    return state._replace(cov=cov)


def widens(change: Change) -> bool:
    """A sensor that stepped says nothing of the wear."""
    return change.kind != "sensor_step"


def explained_by(changes: Sequence[Change], reason: str, time_ns: int, sensor: str = "") -> tuple[Change, ...]:
    """The changes with `reason` at the nearest that has none yet and lies within NEAR_NS of `time_ns`; with `sensor`, only a step
    of that one (or of nobody in particular)."""
    open_ = [
        c for c in changes if not c.explained and abs(c.time_ns - time_ns) <= NEAR_NS and (not sensor or c.sensor in ("", sensor))
    ]
    nearest = min(open_, key=lambda c: abs(c.time_ns - time_ns), default=None)
    return tuple(replace(c, explained=reason) if c is nearest else c for c in changes)


def unexplained(changes: Sequence[Change], now_ns: int) -> Change | None:
    """The newest that nobody has explained and that is still told."""
    return next((c for c in reversed(changes) if not c.explained and now_ns - c.found_ns <= SHOWN_NS), None)


def finding(changes: Sequence[Change], now_ns: int) -> Finding:
    """An advisory while a change is unexplained: somebody should say what was done, or look."""
    change = unexplained(changes, now_ns)
    text = f"Unexplained change: {change.text}" if change else ""
    evidence = (Evidence("change", change.text, 1.0, change.sensor),) if change else ()
    action = "Enter the work order that explains it (it may be late), recalibrate the sensor, or close the case with what it was"
    return Finding(MODE, COMPONENT, 1.0 if change else 0.0, 0.0, 0.0, None, text, action, "", evidence, True, 1)
