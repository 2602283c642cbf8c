"""The chain from source to history as the doctor lists it: one line for each source, role and stream.

    silent    no sample for longer than SILENT_STEPS steps or three of its own intervals, against the newest sample of the plant
    lag       messages of the stream not yet taken; its seconds are source time between the edge's newest sample and theirs

Partitions that keep up are one line together. Verified: tests/plant/test_doctor.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from didymos.core.clock import SECOND_NS, ScaledClock
from didymos.plant.config import Plant
from didymos.plant.doctor import Facts
from didymos.plant.report import SourceReport, WorkerReport

SILENT_STEPS = 6
UNDER_WAY_S = 15.0  # wall time between a sample at its source and history
LAG_MESSAGES = 2000


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


def hops_of(facts: Facts, newest_ns: int) -> list[Hop]:
    return [
        *_sources(facts),
        *_edge(facts),
        *_erps(facts),
        *_streams(facts),
        *_workers(facts, newest_ns),
        *_history(facts, newest_ns),
    ]


def reports(facts: Facts) -> list[SourceReport]:
    return facts.edge.sources if facts.edge is not None else []


def front(facts: Facts) -> int:
    """The newest source time that anybody has seen."""
    edge = [s.newest_ns for s in reports(facts)]
    workers = [w.newest_ns for w in facts.workers]
    return max([*edge, *workers, facts.history.newest_ns if facts.history else 0], default=0)


def wall(plant: Plant, seconds: float) -> float:
    """Wall seconds in plant time."""
    return seconds * (plant.clock.speed if isinstance(plant.clock, ScaledClock) else 1.0)


def silent_after_s(plant: Plant) -> float:
    return SILENT_STEPS * plant.step_s + plant.lateness_s + wall(plant, UNDER_WAY_S)


def ms(time_ns: int) -> int | None:
    return time_ns // 10**6 if time_ns > 0 else None


def age(now_ns: int, time_ns: int) -> float | None:
    return max(0.0, (now_ns - time_ns) / SECOND_NS) if time_ns > 0 else None


def _sources(facts: Facts) -> list[Hop]:
    known = {s.id: s for s in reports(facts)}
    found = []
    for source in facts.plant.sources:
        s = known.get(source.id)
        if s is None:
            found.append(Hop("source", source.id, "unknown", text=f"{source.type}; the edge does not answer"))
            continue
        age_s = age(facts.now_ns, s.newest_ns)
        text = f"{s.type} {s.url}, {s.tags} tags" + "".join(f", {n} {kind}" for kind, n in s.faults.items() if kind != "connected")
        found.append(Hop("source", s.id, s.state, ms(s.since_ns), ms(s.newest_ns), age_s, s.values_per_s, s.values, text=text))
    return found


def _edge(facts: Facts) -> list[Hop]:
    e = facts.edge
    if e is None:
        return [Hop("edge", "edge", "silent")]
    newest = max((s.newest_ns for s in e.sources), default=0)
    state = "held up" if e.held_up_s > UNDER_WAY_S else "answers"
    rate, values = sum(s.values_per_s for s in e.sources), sum(s.values for s in e.sources)
    text = f"{e.waiting} payloads waiting"
    return [Hop("edge", "edge", state, ms(e.started_ns), ms(newest), age(facts.now_ns, newest), rate, values, text=text)]


def _erps(facts: Facts) -> list[Hop]:
    known = {e.id: e for e in (facts.edge.erps if facts.edge else [])}
    found = []
    for erp in facts.plant.erps:
        e = known.get(erp.id)
        state = "unknown" if e is None else "away" if e.away else "answers" if e.polls else "waiting"
        position = facts.erp_positions.get(erp.id) or "at its start"
        text = f"position {position}" + (f", {e.events} events, {e.rejects} rejected rows" if e else "")
        found.append(Hop("erp", erp.id, state, newest=ms(e.polled_ns) if e else None, count=e.events if e else None, text=text))
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
    lines = [_worker(facts, [w], w.name, last, newest_ns) for w in facts.workers]
    well = [w for w, line in zip(facts.workers, lines, strict=True) if not behind(facts.plant, line)]
    if len(well) < 2:
        return lines
    together = _worker(facts, well, f"{len(well)} partitions", last, newest_ns)
    return [together, *(line for line in lines if behind(facts.plant, line))]


def _worker(facts: Facts, reports: list[WorkerReport], name: str, last: int | None, newest_ns: int) -> Hop:
    """One partition, or several as the slowest of them."""
    sequence = min(w.sequence for w in reports)
    seen_ns = max(w.newest_ns for w in reports)
    lag = None if last is None else max(0, last - sequence)
    lag_s = max(0.0, (newest_ns - seen_ns) / SECOND_NS) if lag and seen_ns else 0.0
    late, unreadable = sum(w.late for w in reports), sum(w.unreadable for w in reports)
    text = f"{sum(len(w.assets) for w in reports)} assets, {late} samples too late, {unreadable} messages unreadable"
    return Hop("worker", name, "answers", None, ms(seen_ns), age(facts.now_ns, seen_ns), None, sequence, lag, lag_s, text=text)


def behind(plant: Plant, hop: Hop) -> bool:
    far = hop.lag_s is not None and hop.lag_s > silent_after_s(plant)
    return hop.lag is not None and (hop.lag > LAG_MESSAGES or (far and hop.lag > 0))


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
        Hop("historian", "historian", "answers", None, ms(h.newest_ns), age(facts.now_ns, h.newest_ns), None, None, lag, lag_s,
            size, text)
    ]  # fmt: skip
