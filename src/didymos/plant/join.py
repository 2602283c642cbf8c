"""Business rows and machine cycles -> Records: which serial had which operation on which machine, from when to when.

    joined, left = join(claims, facts, shown)       Records, and what is quarantined with its reason

A claim is one performance row: somebody says that an operation was done. It becomes a Record when everything it names exists, its
machine is one, its serial is one, and its window is one: where a channel shows the machine's cycles (a part counter, a program
that runs), those whose middle lies in the claimed window; without such a channel the row's own window, as ISA-95 performance rows
have it. What is ambiguous is quarantined and never guessed: two serials in one window, no window, clocks that disagree, a machine
or an operation that does not exist. Each join looks at it anew, so that a later row that makes it plain resolves it.

Pure: no clock, no database, no stream; `plant.join_run` brings the rows and takes the answers.
Verified: tests/plant/test_join.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from didymos.core.case import Record
from didymos.core.clock import SECOND_NS, iso
from didymos.plant.cycles import Cycle, Shown

FUTURE_NS = 300 * SECOND_NS  # a window that begins later than this after it was told


@dataclass(frozen=True, slots=True)
class Claim:
    """One performance row; None or "" where it says nothing. `joined`: key of the Record that an earlier content of it
    has become. Not `pending`: it is a Record already and takes part as a neighbour only."""

    number: str
    order: str
    operation: str
    serial: str
    lot: str
    asset: str
    start_ns: int | None
    end_ns: int | None
    known_ns: int
    good: float | None = None
    scrap: float | None = None
    joined: str = ""
    pending: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the claims. An empty `operations` = the ERP hands none over, and none is asked for."""

    machines: frozenset[str]
    operations: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (order, operation) -> machine, "" = any
    serials: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # order -> its serials
    order_of: Mapping[str, str] = field(default_factory=dict)  # serial -> its order
    now_ns: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    claim: Claim
    record: Record


@dataclass(frozen=True, slots=True)
class Quarantined:
    """kind: machine, operation, serial, window, clock, waiting."""

    key: str
    kind: str
    reason: str
    asset: str


@dataclass(frozen=True, slots=True)
class _Placed:
    """A claim with its window: cycles of the machine, none where no channel shows any."""

    claim: Claim
    start_ns: int
    end_ns: int
    cycles: tuple[Cycle, ...]


class _Doubt(Exception):
    """Why a claim cannot become a Record yet."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind, self.reason = kind, reason


def join(claims: Iterable[Claim], facts: Facts, shown: Mapping[str, Shown]) -> tuple[tuple[Joined, ...], tuple[Quarantined, ...]]:
    """Every pending claim ends in one of the two."""
    placed: list[_Placed] = []
    left: list[Quarantined] = []
    for claim in claims:
        try:
            placed.append(_place(_named(claim, facts), facts.now_ns, shown))
        except _Doubt as doubt:
            if claim.pending:
                left.append(Quarantined(claim.number, doubt.kind, doubt.reason, claim.asset))
    shared = _shared(placed)
    found: list[Joined] = []
    for p in placed:
        if not p.claim.pending:
            continue
        others = shared.get(p.claim.number)
        if others:
            left.append(Quarantined(p.claim.number, "serial", others, p.claim.asset))
        else:
            found.append(Joined(p.claim, record_of(p)))
    return tuple(found), tuple(left)


def record_of(p: _Placed) -> Record:
    """The key names order, operation, serial, machine, window and content: the same claim gives the same Record for ever."""
    c = p.claim
    unit = c.serial or f"lot {c.lot}"
    body: dict[str, object] = {
        "order": c.order, "operation": c.operation, "serial": c.serial, "lot": c.lot, "asset": c.asset, "number": c.number,
        "start_ns": p.start_ns, "end_ns": p.end_ns, "cycles": sum(cycle.count for cycle in p.cycles), "good": c.good,
        "scrap": c.scrap, "known_ns": c.known_ns, "corrects": c.joined,
    }  # fmt: skip
    content = blake2b(repr(sorted(body.items())).encode(), digest_size=6).hexdigest()
    key = f"operation:{c.order}:{c.operation}:{unit}:{c.asset}:{p.start_ns}-{p.end_ns}:{content}"
    return Record(key, "operation", unit, p.end_ns, body)


def _named(claim: Claim, facts: Facts) -> Claim:
    """The claim with its machine and serial; _Doubt when either is not one."""
    planned = facts.operations.get((claim.order, claim.operation))
    if facts.operations and planned is None:
        raise _Doubt("operation", f"operation {claim.operation or '?'} of order {claim.order or '?'} is not known")
    asset = claim.asset or planned or ""
    if not asset:
        raise _Doubt("machine", f"neither the row nor operation {claim.operation} names a machine")
    if asset not in facts.machines:
        raise _Doubt("machine", f"machine {asset!r} is not in the plant")
    if planned and planned != asset:
        raise _Doubt("machine", f"operation {claim.operation} of {claim.order} is planned on {planned} and was told from {asset}")
    return replace(claim, asset=asset, serial=_serial(claim, facts))


def _serial(claim: Claim, facts: Facts) -> str:
    if claim.serial:
        order = facts.order_of.get(claim.serial)
        if order and claim.order and order != claim.order:
            raise _Doubt("serial", f"serial {claim.serial} belongs to order {order}, not to {claim.order}")
        return claim.serial
    of_order = facts.serials.get(claim.order, ())
    if len(of_order) == 1:
        return of_order[0]
    if of_order:
        raise _Doubt("serial", f"it names no serial, and order {claim.order} has {len(of_order)}")
    if not claim.lot:
        raise _Doubt("serial", f"it names neither serial nor lot, and order {claim.order} has no serial yet")
    return ""


def _place(claim: Claim, now_ns: int, shown: Mapping[str, Shown]) -> _Placed:
    """The claim's window; _Doubt when it has none or several."""
    start_ns, end_ns = claim.start_ns, claim.end_ns
    for at in (start_ns, end_ns):
        if at is not None and at > max(claim.known_ns, now_ns) + FUTURE_NS:
            raise _Doubt("clock", f"it was told at {iso(claim.known_ns)} and speaks of {iso(at)}: the clocks disagree")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise _Doubt("window", f"its window ends ({iso(end_ns)}) before it begins ({iso(start_ns)})")
    machine = shown.get(claim.asset)
    if start_ns is not None and end_ns is not None:
        return _in_window(claim, start_ns, end_ns, machine)
    if start_ns is None and end_ns is None:
        raise _Doubt("window", "it has neither start nor end")
    if machine is None:
        raise _Doubt("window", f"it has only one time, and no channel shows the cycles of {claim.asset}")
    return _at_one_end(claim, machine)


def _in_window(claim: Claim, start_ns: int, end_ns: int, machine: Shown | None) -> _Placed:
    if machine is None:
        return _Placed(claim, start_ns, end_ns, ())
    inside = tuple(c for c in machine.cycles if start_ns <= c.middle_ns <= end_ns)
    if inside:
        return _Placed(claim, inside[0].start_ns, inside[-1].end_ns, inside)
    if not machine.covers(start_ns, end_ns):
        raise _Doubt("waiting", f"no samples of {claim.asset} from {iso(start_ns)} to {iso(end_ns)} yet")
    raise _Doubt("clock", f"{claim.asset} made no cycle from {iso(start_ns)} to {iso(end_ns)}{_nearest(machine, start_ns, end_ns)}")


def _nearest(machine: Shown, start_ns: int, end_ns: int) -> str:
    if not machine.cycles:
        return ""
    middle = (start_ns + end_ns) // 2
    near = min(machine.cycles, key=lambda c: abs(c.middle_ns - middle))
    off_s = (near.middle_ns - middle) / SECOND_NS
    return f"; the nearest one is {abs(off_s):.0f} s {'later' if off_s > 0 else 'earlier'}: do the clocks agree?"


def _at_one_end(claim: Claim, machine: Shown) -> _Placed:
    """One time only: the one cycle that begins or ends there."""
    at = claim.end_ns if claim.end_ns is not None else claim.start_ns
    assert at is not None
    ends = claim.end_ns is not None
    near = [c for c in machine.cycles if abs((c.end_ns if ends else c.start_ns) - at) <= machine.tolerance_ns]
    if len(near) == 1 and near[0].count == 1:
        return _Placed(claim, near[0].start_ns, near[0].end_ns, (near[0],))
    if not near and not machine.covers(at, at):
        raise _Doubt("waiting", f"no samples of {claim.asset} around {iso(at)} yet")
    what = f"{sum(c.count for c in near)} cycles" if near else "no cycle"
    raise _Doubt(
        "window", f"{what} of {claim.asset} {'end' if ends else 'begin'} within {machine.tolerance_ns // SECOND_NS} s of {iso(at)}"
    )


def _shared(placed: Sequence[_Placed]) -> dict[str, str]:
    """number -> why its window is not its own: another serial in it, or the same work told twice."""
    reasons: dict[str, str] = {}
    by_machine: dict[str, list[_Placed]] = {}
    for p in placed:
        by_machine.setdefault(p.claim.asset, []).append(p)
    for group in by_machine.values():
        group.sort(key=lambda p: p.start_ns)
        for i, p in enumerate(group):
            for q in group[i + 1 :]:
                if q.start_ns >= p.end_ns:
                    break
                for one, other in ((p, q), (q, p)):
                    reasons.setdefault(one.claim.number, _why(one, other))
    return reasons


def _why(one: _Placed, other: _Placed) -> str:
    mine, its = one.claim.serial or one.claim.lot, other.claim.serial or other.claim.lot
    when = f"{iso(max(one.start_ns, other.start_ns))} to {iso(min(one.end_ns, other.end_ns))} on {one.claim.asset}"
    if mine == its and one.claim.operation == other.claim.operation:
        return f"the same work is told by {other.claim.number} too: {when}"
    return f"two serials in one window: {mine} and {its} ({other.claim.number}), {when}"
