"""What each role says about itself when the doctor asks on the bus: `doctor.edge`, `doctor.worker.<p>`, `history.condition`.

All times are plant time, UTC ns; 0 = never. Counts are since the role's start.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from didymos.core.ports import Bus, Fault
from didymos.data.history.requests import LEASE, Condition
from didymos.data.stream.lease import Asker
from didymos.formats.wire import unpack

EDGE, WORKER = "doctor.edge", "doctor.worker"
MOST_NAMES = 200  # unmapped or unknown addresses kept by name; more are only counted
RATE_S = 30.0  # wall time over which a rate is taken


@dataclass(slots=True)
class SourceReport:
    """One source as its reader sees it. state: waiting (never connected), connected, disconnected, ended, idle (no tag).

    faults    kind -> how often; last: kind -> its newest text
    unmapped  address -> how often it came: seen at the source but bound to nothing
    missing   addresses that we asked for and the source does not have
    """

    id: str
    type: str
    url: str
    tags: int = 0
    state: str = "waiting"
    since_ns: int = 0
    payloads: int = 0
    values: int = 0
    newest_ns: int = 0
    values_per_s: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, int] = field(default_factory=dict)
    unmapped_more: int = 0
    missing: list[str] = field(default_factory=list)

    def fault(self, fault: Fault) -> None:
        """Note what the connector said."""
        if fault.kind == "unmapped":
            self.seen_unmapped(fault.text)
            return
        self.faults[fault.kind] = self.faults.get(fault.kind, 0) + 1
        self.last[fault.kind] = fault.text
        if fault.kind in ("connected", "disconnected"):
            self.state, self.since_ns = fault.kind, fault.time_ns
        elif fault.kind == "unknown_tag" and len(self.missing) < MOST_NAMES:
            self.missing.append(fault.text)

    def seen_unmapped(self, address: str, count: int = 1) -> None:
        if address in self.unmapped or len(self.unmapped) < MOST_NAMES:
            self.unmapped[address] = self.unmapped.get(address, 0) + count
        else:
            self.unmapped_more += 1


@dataclass(slots=True)
class ErpReport:
    """One ERP as its poller sees it. away: why it cannot be read, "" when it can; position as the bus keeps it."""

    id: str
    url: str
    polls: int = 0
    events: int = 0
    rejects: int = 0
    away: str = ""
    last_reject: str = ""
    polled_ns: int = 0
    position: str = ""


@dataclass(frozen=True, slots=True)
class EdgeReport:
    """started_ns: plant time of its start. waiting: payloads not yet on disk. held_up_s: wall time of the store under way."""

    now_ns: int
    started_ns: int
    sent: int
    waiting: int
    held_up_s: float
    sources: list[SourceReport]
    erps: list[ErpReport]


@dataclass(frozen=True, slots=True)
class AssetReport:
    """One asset in the worker. load: its usual operating point (k,), params (p,); both empty for an asset without a model.
    distrusted: sensors that the filter goes without; unexplained: its newest change that nobody has explained."""

    id: str
    time_ns: int
    commissioned: bool
    distrusted: list[str] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    params: list[float] = field(default_factory=list)
    state: str = ""
    unexplained: str = ""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """sequence: the last message of the plant stream folded in. newest_ns: source time it has come to. late: samples that came
    after their step was taken."""

    name: str
    sequence: int
    newest_ns: int
    unreadable: int
    late: int
    rewinds: int
    assets: list[AssetReport]


class Rate:
    """Values per second of wall time over the last RATE_S."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], 64)

    def mark(self, wall_s: float, total: int) -> None:
        if wall_s - self._marks[-1][0] >= 1.0:
            self._marks.append((wall_s, total))
        while len(self._marks) > 2 and wall_s - self._marks[1][0] > RATE_S:
            self._marks.popleft()

    def per_s(self, wall_s: float, total: int) -> float:
        began, before = self._marks[0]
        return (total - before) / max(1e-3, wall_s - began)


def shown(url: str) -> str:
    """A url as it may be read by others: without user and password, nor query, where those might stand."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a url)"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path


async def ask_edge(bus: Bus, timeout_s: float) -> EdgeReport:
    return unpack(EdgeReport, await bus.request(EDGE, b"", timeout_s))


async def ask_worker(bus: Bus, partition: int, timeout_s: float) -> WorkerReport:
    return unpack(WorkerReport, await bus.request(f"{WORKER}.{partition}", b"", timeout_s))


async def ask_history(bus: Bus, timeout_s: float) -> Condition:
    return unpack(Condition, await Asker(bus, LEASE).ask("history.condition", b"", timeout_s))
