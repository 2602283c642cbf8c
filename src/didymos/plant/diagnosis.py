"""What the doctor makes of what it heard: a line for each hop and channel, what is wrong with what to do about it, and which
failure mode the sensors that are alive now would show.

    frozen    its last 12 usable readings equal to 1/1000 of its noise while most other channels of the machine move; without a
              declared noise, equal; an input may stand still for good reasons and is only noted

Pure: facts in, diagnosis out. Verified: tests/plant/test_doctor.py (by hand), tests/faults/test_doctor_faults.py (real faults).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import channel_id
from didymos.core.clock import SECOND_NS, iso
from didymos.core.series import Quality
from didymos.infer.coverage import seen_by, signal_to_noise
from didymos.infer.plain import plain_time
from didymos.plant.config import Asset, Tag
from didymos.plant.config_check import channels_of
from didymos.plant.doctor import LAST, Facts
from didymos.plant.fleet import nameplate
from didymos.plant.hops import UNDER_WAY_S, Hop, age, behind, front, hops_of, reports, silent_after_s
from didymos.plant.report import AssetReport

WAVEFORM_S = 86_400.0  # waveforms come hourly to daily: one that is older than this has stopped
LOW_DISK = 2 << 30


@dataclass(frozen=True, slots=True)
class Trouble:
    """`wrong`: somebody must act, and the doctor's answer is no. Otherwise a note."""

    hop: str
    what: str
    do: str
    wrong: bool = True


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One bound tag. state: ok, silent, frozen, bad, never. rate: samples an hour of plant time."""

    channel: str
    source: str
    address: str
    state: str
    value: float | None
    unit: str
    quality: str
    age_s: float | None
    rate: float | None
    gaps: int
    rejects: int
    late: int


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """One failure mode of one asset. verdict: seen, weak, blind (it would be seen with all sensors of the model), counted (no
    sensor of the model shows it: the twin counts it from the loads), unknown.
    signal: sensor -> standard deviations at the threshold; alive: those sensors that can be used now."""

    asset: str
    mode: str
    title: str
    verdict: str
    signal: dict[str, float]
    alive: list[str]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    plant: str
    now: int
    ok: bool
    troubles: list[Trouble]
    hops: list[Hop]
    channels: list[ChannelLine]
    unmapped: dict[str, list[str]]
    coverage: list[CoverageLine]


def diagnose(facts: Facts) -> Diagnosis:
    newest_ns = front(facts)
    channels = [line for asset in facts.plant.assets for line in _channels(facts, asset, newest_ns)]
    coverage = [line for asset in facts.plant.assets for line in _coverage(facts, asset, channels)]
    hops = hops_of(facts, newest_ns)
    unmapped = {s.id: sorted(s.unmapped) for s in reports(facts) if s.unmapped}
    troubles = _silent(facts) if "stream" in facts.silent else [
        *_silent(facts), *_source_troubles(facts), *_age_troubles(facts, newest_ns), *_lag_troubles(facts, hops),
        *_channel_troubles(channels), *_coverage_troubles(facts, coverage), *_change_troubles(facts), *_other_troubles(facts),
    ]  # fmt: skip
    ok = not any(trouble.wrong for trouble in troubles)
    return Diagnosis(facts.plant.name, facts.now_ns // 10**6, ok, troubles, hops, channels, unmapped, coverage)


# ---- channels


def _channels(facts: Facts, asset: Asset, front_ns: int) -> list[ChannelLine]:
    known = channels_of(asset.model, asset.channels)
    tags = [tag for tag in asset.tags if not tag.waveform]
    moves = {tag.channel: _moves(facts, asset, tag) for tag in tags}
    return [_line(facts, asset, tag, known[tag.channel].unit, moves, front_ns) for tag in tags]


def _moves(facts: Facts, asset: Asset, tag: Tag) -> bool | None:
    """Whether the last readings differ; None where they are too few to say."""
    recent = facts.recent.get(channel_id(asset.id, tag.channel))
    if recent is None or recent.of < LAST:
        return None
    noise = channels_of(asset.model, asset.channels)[tag.channel].noise
    return recent.spread > (1e-3 * noise if isfinite(noise) else 0.0)


def _line(facts: Facts, asset: Asset, tag: Tag, unit: str, moves: dict[str, bool | None], front_ns: int) -> ChannelLine:
    id = channel_id(asset.id, tag.channel)
    recent, latest = facts.recent.get(id), facts.latest.get(id)
    others = [m for name, m in moves.items() if name != tag.channel and m is not None]
    if latest is None:
        return ChannelLine(id, tag.source, tag.address, "never", None, unit, "", None, None, 0, 0, 0)
    time_ns, value, quality = latest
    if recent is not None and recent.newest_ns >= time_ns:
        time_ns, value, quality = recent.newest_ns, recent.value, recent.quality
    hours = (recent.newest_ns - recent.first_ns) / SECOND_NS / 3600 if recent is not None and recent.n > 1 else 0.0
    rate = (recent.n - 1) / hours if recent is not None and hours > 0 else None
    age_s = (front_ns - time_ns) / SECOND_NS
    silent_s = max(silent_after_s(facts.plant), 3 * 3600 / rate if rate else 0.0)
    frozen = moves[tag.channel] is False and bool(others) and np.mean(others) > 0.5
    state = "silent" if age_s > silent_s or quality == Quality.GAP else "frozen" if frozen else "bad" if quality > 2 else "ok"
    counts = (recent.gaps, recent.bad, recent.late) if recent is not None else (0, 0, 0)
    shown = None if isnan(value) else value
    name = Quality(quality).name.lower()
    return ChannelLine(id, tag.source, tag.address, state, shown, unit, name, age(facts.now_ns, time_ns), rate, *counts)


# ---- coverage


def _coverage(facts: Facts, asset: Asset, channels: list[ChannelLine]) -> list[CoverageLine]:
    if asset.model not in ASSETS:
        return []
    model = ASSETS[asset.model]
    report = next((a for w in facts.workers for a in w.assets if a.id == asset.id), None)
    signal = signal_to_noise(model, *_operating(asset, report))
    state = {line.channel: line.state for line in channels}
    front_ns = front(facts)
    alive = [_alive(facts, asset, c.name, state, report, front_ns) for c in model.sensors]
    full = seen_by(signal, [True] * model.n_sensors)
    found = []
    for i, (mode, now, best) in enumerate(zip(model.failure_modes, seen_by(signal, alive), full, strict=True)):
        known = bool(np.isfinite(signal[i]).all())
        verdict = "unknown" if not known else "counted" if best == "blind" else now
        shown = {c.name: round(float(s), 2) for c, s in zip(model.sensors, signal[i], strict=True)} if known else {}
        living = [c.name for c, on in zip(model.sensors, alive, strict=True) if on]
        found.append(CoverageLine(asset.id, mode.name, mode.title, verdict, shown, living))
    return found


def _operating(asset: Asset, report: AssetReport | None) -> tuple[object, object]:
    """Parameters and usual load as the worker knows them; before that, the plant file's and the rated ones."""
    model = ASSETS[asset.model]
    params = report.params if report is not None and report.params else nameplate(model, [asset])[0].tolist()
    load = report.load if report is not None and report.load and np.isfinite(report.load).all() else list(model.nominal)
    return model.Params(*params), model.Input(*load)


def _alive(facts: Facts, asset: Asset, name: str, state: dict[str, str], report: AssetReport | None, front_ns: int) -> bool:
    """A sensor whose samples come, move and are believed; one read off a waveform, while its features come."""
    if report is not None and name in report.distrusted:
        return False
    id = channel_id(asset.id, name)
    if id in state:
        return state[id] == "ok"
    time_ns, _, quality = facts.latest.get(id, (0, 0.0, Quality.GAP))
    young = (front_ns - time_ns) / SECOND_NS < WAVEFORM_S + silent_after_s(facts.plant)
    return young and quality <= Quality.LATE


# ---- troubles

START = {
    "edge": "Start it: `didymos edge PLANT.toml` or `didymos run PLANT.toml`; its log says why it ended.",
    "worker": "Start it: `didymos worker PLANT.toml` or `didymos run PLANT.toml`; nothing is lost, it goes on where it stopped.",
    "historian": "Start it: `didymos historian PLANT.toml` or `didymos run PLANT.toml`; it reads on, nothing is lost.",
    "stream": "Start nats-server (`didymos run PLANT.toml` does), or correct [nats] url; nothing else can be asked before.",
}


def _silent(facts: Facts) -> list[Trouble]:
    return [
        Trouble(role, f"{role} does not answer: {why}", START.get(role, "Ask again; when it stays, see the historian's log."))
        for role, why in facts.silent.items()
    ]


def _source_troubles(facts: Facts) -> list[Trouble]:
    found = []
    for s in reports(facts):
        since = f" since {iso(s.since_ns)}" if s.since_ns > 0 else ""
        if s.state in ("disconnected", "waiting"):
            why = s.last.get("disconnected", "it has never been reached")
            do = f"Check that the server at {s.url} runs and is reachable from the edge; the edge goes on trying by itself."
            found.append(Trouble("source", f"{s.id} is not connected{since}: {why}", do))
        if s.state == "idle":
            found.append(Trouble("source", f"{s.id}: no tag names it", "Add tags with this source, or remove it.", False))
        found += [
            Trouble("source", text, "Correct the tag's address in plant.toml, or the server's rights.") for text in s.missing[:5]
        ]
        if s.unmapped:
            names = ", ".join(sorted(s.unmapped)[:4]) + (", ..." if len(s.unmapped) > 4 else "")
            do = "Bind what is wanted with [[asset.tag]] in plant.toml; the rest may be ignored."
            found.append(Trouble("source", f"{s.id} sends {len(s.unmapped)} tags that nothing is bound to: {names}", do, False))
        if (bad := s.last.get("rejected", "")) and "good again" not in bad:
            found.append(Trouble("source", f"{s.id} sends what cannot be used: {bad}", "Correct what the source sends there."))
    return found


def _age_troubles(facts: Facts, newest_ns: int) -> list[Trouble]:
    """The plant as a whole has gone quiet."""
    limit_s = silent_after_s(facts.plant)
    age_s = age(facts.now_ns, newest_ns)
    if age_s is None:
        return [Trouble("source", "no sample has come from any source yet", "See the sources above.")]
    if age_s <= limit_s or all(s.state == "ended" for s in reports(facts)):
        return []
    return [Trouble("source", f"no sample for {plain_time(age_s)}; the newest is of {iso(newest_ns)}", "See the sources above.")]


def _lag_troubles(facts: Facts, hops: list[Hop]) -> list[Trouble]:
    found = []
    for hop in hops:
        if behind(facts.plant, hop):
            of_time = f" ({plain_time(hop.lag_s)} of plant time)" if hop.lag_s else ""
            do = "Wait when it is catching up (ask again: the number falls); else see its log, or give it more of a processor."
            found.append(Trouble(hop.hop, f"{hop.name} is {hop.lag} messages behind{of_time}", do))
    return found


def _channel_troubles(channels: list[ChannelLine]) -> list[Trouble]:
    found = []
    for line in channels:
        at = f"{line.channel} ({line.source} {line.address})"
        if line.state == "never":
            found.append(Trouble("channel", f"{at} has never had a value", "Check the tag's address and its source."))
        elif line.state == "silent":
            age = plain_time(line.age_s or 0.0)
            found.append(Trouble("channel", f"{at} is silent for {age}", "Check the sensor, its wiring and its source."))
        elif line.state == "frozen":
            shown = f"{line.value:.6g} {line.unit}" if line.value is not None else "a value"
            text = f"{at} has read exactly {shown} {LAST} times running while its neighbours move"
            found.append(Trouble("channel", text, "Check the sensor and its transmitter: a live one scatters."))
        elif line.state == "bad":
            found.append(
                Trouble("channel", f"{at} comes with quality {line.quality}", "Check the sensor; the twin goes on without it.")
            )
    return found


def _coverage_troubles(facts: Facts, coverage: list[CoverageLine]) -> list[Trouble]:
    found = []
    for line in coverage:
        if line.verdict not in ("blind", "weak"):
            continue
        missing = {name: s for name, s in line.signal.items() if name not in line.alive}
        asset = facts.plant.asset(line.asset)
        best = max(missing, key=lambda name: missing[name], default="")
        tagged = best in {tag.channel for tag in asset.tags}
        said = "nothing alive shows" if line.verdict == "blind" else "what is alive shows only faintly"
        do = f"Bring {best} back." if tagged else f"Add a tag for {best}." if best else "Add a sensor."
        found.append(Trouble("coverage", f"{line.asset}: {said} '{line.title}'", do, tagged))
    return found


def _change_troubles(facts: Facts) -> list[Trouble]:
    """Machines whose twin asks what was done to them; a note: the case stands on the page."""
    do = "Enter the work order or the exchanged sensor, or close the case with what it was."
    told = [(a.id, a.unexplained) for w in facts.workers for a in w.assets if a.unexplained]
    return [Trouble("twin", f"{id}: unexplained change {text}", do, False) for id, text in told]


def _other_troubles(facts: Facts) -> list[Trouble]:
    found = []
    if facts.history is not None and facts.history.free_bytes < LOW_DISK:
        free = f"{facts.history.free_bytes / 2**30:.1f} GiB"
        found.append(Trouble("historian", f"only {free} are free on the disk of the store", "Free space, or move [store] path."))
    if facts.edge is not None and facts.edge.held_up_s > UNDER_WAY_S:
        text = f"the stream has not taken the edge's messages for {facts.edge.held_up_s:.0f} s"
        found.append(Trouble("stream", text, "Check nats-server and its disk; the edge keeps its sources waiting."))
    for e in facts.edge.erps if facts.edge else ():
        if e.away:
            found.append(Trouble("erp", f"{e.id} cannot be read: {e.away}", "Start it, or correct [[erp]]."))
        if e.rejects:
            text = f"{e.id}: {e.rejects} rows rejected, last: {e.last_reject}"
            found.append(Trouble("erp", text, "Correct the row in the ERP; it is read again when it changes.", False))
    for name, rows, reasons in facts.quarantine:
        if rows:
            why = f": {'; '.join(reasons)}" if reasons else ""
            found.append(Trouble("erp", f"{rows} rows of {name} wait in quarantine{why}", "Decide on each row.", False))
    if any(w.unreadable for w in facts.workers):
        found.append(
            Trouble("worker", "messages of the stream could not be read", "See the worker's log for their numbers.", False)
        )
    return found
