"""What a replay has said: gathered from the results stream while it runs, held against the recording's end afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

from didymos.core.case import Case
from didymos.core.clock import SECOND_NS, iso
from didymos.core.estimate import Life, Snapshot
from didymos.core.ports import Bus, Message
from didymos.formats.wire import unpack
from didymos.infer.plain import plain_chance, plain_time
from didymos.plant.config import Plant
from didymos.plant.replay import LAYOUT, Recording

CUTS = (0.5, 0.7, 0.9)
EARLY = 0.1  # an alert in this first part of the life is called false
FETCH = 500
Quantiles = dict[str, float | None]
Row = dict[str, Any]


@dataclass(slots=True)
class Said:
    """Newest snapshot of each asset, its life estimates at (snapshot time_ns) for those in `keep`, and every case in every state
    it had."""

    keep: frozenset[str] = frozenset()
    newest: dict[str, Snapshot] = field(default_factory=dict)
    lives: dict[str, dict[int, Quantiles]] = field(default_factory=dict)
    cases: dict[str, list[Case]] = field(default_factory=dict)
    taken: int = 0

    def take(self, message: Message) -> None:
        self.taken += 1
        if ".case." in message.subject:
            case = unpack(Case, message.data)
            self.cases.setdefault(case.id, []).append(case)
            return
        snapshot = unpack(Snapshot, message.data)
        self.newest[snapshot.asset] = snapshot
        if snapshot.asset in self.keep:
            self.lives.setdefault(snapshot.asset, {})[snapshot.time_ns] = quantiles(snapshot.life)

    def first_case(self, asset: str) -> Case | None:
        """As it stood when it opened."""
        opened = [states[0] for states in self.cases.values() if states[0].asset == asset]
        return min(opened, key=lambda case: case.opened_ns, default=None)


async def follow(bus: Bus, said: Said) -> NoReturn:
    """Every snapshot and case from the stream's start, until cancelled."""
    subscription = await bus.subscribe("results", ("res.*.snapshot.*", "res.*.case.*"), 0)
    while True:
        for message in await subscription.fetch(FETCH, 1.0):
            said.take(message)


def quantiles(lives: Iterable[Life]) -> Quantiles:
    """Of the first mode that is not withheld; empty when all are."""
    shown = next((life for life in lives if life.withheld is None), None)
    return {f"{level:g}": value for level, value in shown.quantiles_s} if shown else {}


# against the recording's end


def bearing_rows(plant: Plant, found: Sequence[Recording], said: Said) -> list[Row]:
    """One per recording: first alert with its reason, and the life estimates against the true remaining life."""
    return [_bearing(plant, recording, said) for recording in found]


def _bearing(plant: Plant, recording: Recording, said: Said) -> Row:
    case = said.first_case(recording.asset)
    lives = said.lives.get(recording.asset, {})
    alert = None
    if case is not None:
        here = estimate_at(lives, case.opened_ns, recording)
        at_s = running_s(case.opened_ns)
        alert = {
            "case": case.id,
            "mode": case.mode,
            "at_s": at_s,
            "fraction": at_s / recording.life_s,
            "sentence": case.sentence,
            **here,
        }
    cuts = []
    for cut in CUTS:
        last = round(cut * recording.snapshots) - 1
        time_ns = LAYOUT.start_ns + round(last * LAYOUT.period_s * SECOND_NS)
        cuts.append({"fraction": cut, **estimate_at(lives, time_ns, recording)})
    name = plant.asset(recording.asset).name
    return {"asset": recording.asset, "name": name, "life_s": recording.life_s, "first_alert": alert, "cuts": cuts}


def running_s(time_ns: int) -> float:
    """Running time of a recording when the snapshot of `time_ns` is over."""
    return (time_ns - LAYOUT.start_ns) / SECOND_NS + LAYOUT.period_s


def estimate_at(lives: dict[int, Quantiles], time_ns: int, recording: Recording) -> Row:
    """The newest estimate at `time_ns`, beside the truth of the moment it was made for."""
    known = [t for t in lives if t <= time_ns]
    if not known:
        return {"true_s": recording.life_s - running_s(time_ns), "quantiles_s": {}}
    newest = max(known)
    return {"true_s": recording.life_s - running_s(newest), "quantiles_s": lives[newest]}


def bearing_summary(rows: Sequence[Row]) -> Row:
    fractions = [row["first_alert"]["fraction"] if row["first_alert"] else None for row in rows]
    judged = [e for row in rows for e in (row["first_alert"], *row["cuts"]) if e and e["quantiles_s"]]
    inside = [e["quantiles_s"]["0.1"] <= e["true_s"] <= e["quantiles_s"]["0.9"] for e in judged]
    return {
        "alarmed_before_end": sum(f is not None and f < 1.0 for f in fractions),
        "alarmed_in_first_tenth": sum(f is not None and f < EARLY for f in fractions),
        "estimates": len(judged),
        "truth_within_10_90": sum(inside),
    }


def show(found: Row, console: Console) -> None:
    """What `didymos replay` prints."""
    if found["form"] == "waveforms":
        show_bearings(found["bearings"], found, console)
    else:
        show_assets(found["assets"], console)


def show_bearings(rows: Sequence[Row], summary: Row, console: Console) -> None:
    table = Table(title="Remaining life, h:mm: estimate against the true end")
    table.add_column("bearing")
    for title in ("at", "truly left", "10 %", "50 %", "90 %", "within"):
        table.add_column(title, justify="right")
    for row in rows:
        alert = row["first_alert"]
        moments = [("first alert,", alert)] if alert else []
        moments += [("", cut) for cut in row["cuts"]]
        for i, (title, moment) in enumerate(moments):
            name = f"{row['name']}, {hours(row['life_s'])}" if i == 0 else ""
            table.add_row(name, f"{title} {moment['fraction']:.0%}".strip(), *_against(moment), end_section=i == len(moments) - 1)
    console.print(table)
    for row in rows:
        alert = row["first_alert"]
        text = f"first alert after {hours(alert['at_s'])}: {alert['sentence']}" if alert else "no alert"
        console.print(f"[bold]{row['name']}[/bold]  {text}", highlight=False)
    told, inside, alarmed = (summary[key] for key in ("estimates", "truth_within_10_90", "alarmed_before_end"))
    early = f"{summary['alarmed_in_first_tenth']} in the first {EARLY:.0%} of life"
    console.print(f"\n{alarmed} of {len(rows)} alarmed before their end, {early}.", highlight=False)
    console.print(f"The truth lies within 10-90 % in {inside} of {told} estimates; 8 in 10 are meant to.", highlight=False)


def _against(moment: Row) -> tuple[str, ...]:
    told = moment["quantiles_s"]
    if not told:
        return (hours(moment["true_s"]), "withheld", "", "", "")
    inside = told["0.1"] <= moment["true_s"] <= told["0.9"]
    return (hours(moment["true_s"]), *(hours(told[q]) for q in ("0.1", "0.5", "0.9")), "yes" if inside else "no")


def hours(seconds: float) -> str:
    """'7:47' for 28 030 s."""
    whole, minutes = divmod(round(seconds / 60.0), 60)
    return f"{whole}:{minutes:02d}"


# files of any plant


def asset_rows(plant: Plant, said: Said) -> list[Row]:
    """What each asset of the plant ended with."""
    return [_asset(asset.id, asset.name, said) for asset in plant.assets]


def _asset(id: str, name: str, said: Said) -> Row:
    snapshot = said.newest.get(id)
    cases = [
        {"id": c.id, "mode": c.mode, "state": c.state, "opened": iso(c.opened_ns), "sentence": c.sentence}
        for c in (states[-1] for states in said.cases.values() if states[-1].asset == id)
    ]
    if snapshot is None:
        return {"asset": id, "name": name, "status": None, "reason": "no estimate: none of its samples came", "cases": cases}
    known = [life for life in snapshot.life if life.withheld is None]
    horizon_s = (snapshot.next_stop_ns - snapshot.time_ns) / SECOND_NS if snapshot.next_stop_ns is not None else 30 * 86_400.0
    worst = max(known, key=lambda life: life.probability(horizon_s), default=None)
    return {
        "asset": id,
        "name": name,
        "status": snapshot.validity.status,
        "reason": snapshot.validity.reason,
        "time": iso(snapshot.time_ns),
        "sentence": snapshot.why.sentence,
        "mode": worst.mode if worst else None,
        "p_fail": worst.probability(horizon_s) if worst else None,
        "quantiles_s": quantiles([worst]) if worst else {},
        "withheld": None if worst else next((life.withheld for life in snapshot.life), None),
        "cases": cases,
    }


def show_assets(rows: Sequence[Row], console: Console) -> None:
    table = Table(title="What each machine ended with")
    for title in ("machine", "status", "worst mode", "fails before stop", "life, median", "cases"):
        table.add_column(title)
    for row in rows:
        cases = ", ".join(f"{c['mode']} ({c['state']})" for c in row["cases"]) or "none"
        if row.get("mode") is None:
            table.add_row(row["name"], row["status"] or "no data", row.get("withheld") or row["reason"], "", "", cases)
            continue
        median = row["quantiles_s"].get("0.5")
        life = plain_time(median) if median is not None else "beyond the horizon"
        table.add_row(row["name"], row["status"], row["mode"], plain_chance(row["p_fail"]), life, cases)
    console.print(table)
    for row in rows:
        for case in row["cases"]:
            console.print(f"[bold]{row['name']}[/bold]  {case['opened']}  {case['sentence']}", highlight=False)
