"""What the doctor makes of what it heard: a line for each hop and channel, what is wrong with what to do about it, and which
failure mode the sensors that are alive now would show.

    silent    no sample for longer than SILENT_STEPS steps or three of its own intervals, against the newest sample of the plant
    frozen    its last 12 usable readings equal to 1/1000 of its noise while most other channels of the machine move; without a
              declared noise, equal; an input may stand still for good reasons and is only noted
    lag       messages of the stream not yet taken; its seconds are source time between the edge's newest sample and theirs

Pure: facts in, diagnosis out. Verified: tests/plant/test_doctor.py (by hand), tests/faults/test_doctor_faults.py (real faults).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan

import numpy as np

from didymos.assets import ASSETS
from didymos.core.channel import channel_id
from didymos.core.clock import SECOND_NS, ScaledClock, iso
from didymos.core.series import Quality
from didymos.infer.coverage import seen_by, signal_to_noise
from didymos.infer.plain import plain_time
from didymos.plant.config import Asset, Plant, Tag
from didymos.plant.config_check import channels_of
from didymos.plant.doctor import LAST, Facts
from didymos.plant.fleet import nameplate
from didymos.plant.report import AssetReport, SourceReport

SILENT_STEPS = 6
UNDER_WAY_S = 15.0  # wall time between a sample at its source and history
LAG_MESSAGES = 2000
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
class Hop:
    """One line of the chain. age_s: since its newest sample; lag: messages, lag_s: seconds of source time behind the edge."""

    hop: str
    name: str
    state: str
    since: int | None = None
    newest: int | None = None
    age_s: float | None = None
    rate: float | None = None
    count: int | None = None
    lag: int | None = None
    lag_s: float | None = None
    bytes: int | None = None
    text: str = ""


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
    newest_ns = _front(facts)
    channels = [line for asset in facts.plant.assets for line in _channels(facts, asset, newest_ns)]
    coverage = [line for asset in facts.plant.assets for line in _coverage(facts, asset, channels)]
    hops = [
        *_sources(facts),
        *_edge(facts),
        *_erps(facts),
        *_streams(facts),
        *_workers(facts, newest_ns),
        *_history(facts, newest_ns),
    ]
    unmapped = {s.id: sorted(s.unmapped) for s in _reports(facts) if s.unmapped}
    troubles = _silent(facts) if "stream" in facts.silent else [
        *_silent(facts), *_source_troubles(facts), *_age_troubles(facts, newest_ns), *_lag_troubles(facts, hops),
        *_channel_troubles(channels), *_coverage_troubles(facts, coverage), *_other_troubles(facts),
    ]  # fmt: skip
    ok = not any(trouble.wrong for trouble in troubles)
    return Diagnosis(facts.plant.name, facts.now_ns // 10**6, ok, troubles, hops, channels, unmapped, coverage)


def _reports(facts: Facts) -> list[SourceReport]:
    return facts.edge.sources if facts.edge is not None else []


def _front(facts: Facts) -> int:
    """The newest source time that anybody has seen."""
    edge = [s.newest_ns for s in _reports(facts)]
    workers = [w.newest_ns for w in facts.workers]
    return max([*edge, *workers, facts.history.newest_ns if facts.history else 0], default=0)


def _wall(plant: Plant, seconds: float) -> float:
    """Wall seconds in plant time."""
    return seconds * (plant.clock.speed if isinstance(plant.clock, ScaledClock) else 1.0)


def _silent_after_s(plant: Plant) -> float:
    return SILENT_STEPS * plant.step_s + plant.lateness_s + _wall(plant, UNDER_WAY_S)


def _ms(time_ns: int) -> int | None:
    return time_ns // 10**6 if time_ns > 0 else None


def _age(now_ns: int, time_ns: int) -> float | None:
    return max(0.0, (now_ns - time_ns) / SECOND_NS) if time_ns > 0 else None


# ---- hops


def _sources(facts: Facts) -> list[Hop]:
    known = {s.id: s for s in _reports(facts)}
    found = []
    for source in facts.plant.sources:
        s = known.get(source.id)
        if s is None:
            found.append(Hop("source", source.id, "unknown", text=f"{source.type}; the edge does not answer"))
            continue
        age_s = _age(facts.now_ns, s.newest_ns)
        text = f"{s.type} {s.url}, {s.tags} tags" + "".join(f", {n} {kind}" for kind, n in s.faults.items() if kind != "connected")
        found.append(Hop("source", s.id, s.state, _ms(s.since_ns), _ms(s.newest_ns), age_s, s.values_per_s, s.values, text=text))
    return found


def _edge(facts: Facts) -> list[Hop]:
    e = facts.edge
    if e is None:
        return [Hop("edge", "edge", "silent")]
    newest = max((s.newest_ns for s in e.sources), default=0)
    state = "held up" if e.held_up_s > UNDER_WAY_S else "answers"
    rate, values = sum(s.values_per_s for s in e.sources), sum(s.values for s in e.sources)
    text = f"{e.waiting} payloads waiting"
    return [Hop("edge", "edge", state, _ms(e.started_ns), _ms(newest), _age(facts.now_ns, newest), rate, values, text=text)]


def _erps(facts: Facts) -> list[Hop]:
    known = {e.id: e for e in (facts.edge.erps if facts.edge else [])}
    found = []
    for erp in facts.plant.erps:
        e = known.get(erp.id)
        state = "unknown" if e is None else "away" if e.away else "answers" if e.polls else "waiting"
        position = facts.erp_positions.get(erp.id) or "at its start"
        text = f"position {position}" + (f", {e.events} events, {e.rejects} rejected rows" if e else "")
        found.append(Hop("erp", erp.id, state, newest=_ms(e.polled_ns) if e else None, count=e.events if e else None, text=text))
    return found


def _streams(facts: Facts) -> list[Hop]:
    if not facts.streams:
        return [Hop("stream", "nats", "silent", text=facts.silent.get("stream", ""))]
    return [
        Hop("stream", name, "answers", count=extent.last, bytes=extent.bytes, text=f"messages {extent.first} to {extent.last}")
        for name, extent in facts.streams.items()
    ]


def _workers(facts: Facts, newest_ns: int) -> list[Hop]:
    if not facts.workers:
        return [Hop("worker", "worker", "silent")]
    last = facts.streams["plant"].last if "plant" in facts.streams else None
    found = []
    for w in facts.workers:
        lag = None if last is None else max(0, last - w.sequence)
        lag_s = (newest_ns - w.newest_ns) / SECOND_NS if lag and w.newest_ns else 0.0
        text = f"{len(w.assets)} assets, {w.late} samples too late, {w.unreadable} messages unreadable"
        age_s = _age(facts.now_ns, w.newest_ns)
        found.append(
            Hop("worker", w.name, "answers", None, _ms(w.newest_ns), age_s, None, w.sequence, lag, max(0.0, lag_s), text=text)
        )
    return found


def _history(facts: Facts, newest_ns: int) -> list[Hop]:
    h = facts.history
    if h is None:
        return [Hop("historian", "historian", "silent")]
    behind = {s: max(0, facts.streams[s].last - n) for s, n in h.positions.items() if s in facts.streams}
    lag = sum(behind.values()) if behind else None
    lag_s = max(0.0, (newest_ns - h.newest_ns) / SECOND_NS) if lag and h.newest_ns else 0.0
    places = ", ".join(f"{stream} at {n}" for stream, n in h.positions.items())
    text = f"{h.channels} channels, {places}, {h.free_bytes / 2**30:.1f} GiB free"
    size = h.hot_bytes + h.closed_bytes
    return [
        Hop("historian", "historian", "answers", None, _ms(h.newest_ns), _age(facts.now_ns, h.newest_ns), None, None, lag, lag_s,
            size, text)
    ]  # fmt: skip


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
    silent_s = max(_silent_after_s(facts.plant), 3 * 3600 / rate if rate else 0.0)
    frozen = moves[tag.channel] is False and bool(others) and np.mean(others) > 0.5
    state = "silent" if age_s > silent_s or quality == Quality.GAP else "frozen" if frozen else "bad" if quality > 2 else "ok"
    counts = (recent.gaps, recent.bad, recent.late) if recent is not None else (0, 0, 0)
    shown = None if isnan(value) else value
    name = Quality(quality).name.lower()
    return ChannelLine(id, tag.source, tag.address, state, shown, unit, name, _age(facts.now_ns, time_ns), rate, *counts)


# ---- coverage


def _coverage(facts: Facts, asset: Asset, channels: list[ChannelLine]) -> list[CoverageLine]:
    if asset.model not in ASSETS:
        return []
    model = ASSETS[asset.model]
    report = next((a for w in facts.workers for a in w.assets if a.id == asset.id), None)
    signal = signal_to_noise(model, *_operating(asset, report))
    state = {line.channel: line.state for line in channels}
    front_ns = _front(facts)
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
    young = (front_ns - time_ns) / SECOND_NS < WAVEFORM_S + _silent_after_s(facts.plant)
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
    for s in _reports(facts):
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
    limit_s = _silent_after_s(facts.plant)
    age_s = _age(facts.now_ns, newest_ns)
    if age_s is None:
        return [Trouble("source", "no sample has come from any source yet", "See the sources above.")]
    if age_s <= limit_s or all(s.state == "ended" for s in _reports(facts)):
        return []
    return [Trouble("source", f"no sample for {plain_time(age_s)}; the newest is of {iso(newest_ns)}", "See the sources above.")]


def _lag_troubles(facts: Facts, hops: list[Hop]) -> list[Trouble]:
    found = []
    for hop in hops:
        far = hop.lag_s is not None and hop.lag_s > _silent_after_s(facts.plant)
        if hop.lag is not None and (hop.lag > LAG_MESSAGES or (far and hop.lag > 0)):
            behind = f" ({plain_time(hop.lag_s)} of plant time)" if hop.lag_s else ""
            do = "Wait when it is catching up (ask again: the number falls); else see its log, or give it more of a processor."
            found.append(Trouble(hop.hop, f"{hop.name} is {hop.lag} messages behind{behind}", do))
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
