"""The doctor's answer on a terminal: first one sentence, then what is wrong and what to do, then the hops."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from didymos.core.clock import iso
from didymos.plant.diagnosis import ChannelLine, Diagnosis, Hop

COLOUR = {
    "connected": "green", "answers": "green", "ok": "green", "seen": "green", "ended": "default", "idle": "default",
    "counted": "default", "waiting": "yellow", "weak": "yellow", "unknown": "yellow",
}  # fmt: skip
WIDE = 130  # columns of a terminal


def show(found: Diagnosis, console: Console, everything: bool) -> None:
    wrong = [t for t in found.troubles if t.wrong]
    notes = [t for t in found.troubles if not t.wrong]
    head = "[bold green]all is well[/]" if found.ok else f"[bold red]{len(wrong)} thing{'s' * (len(wrong) > 1)} wrong[/]"
    when = iso(found.now * 10**6) if found.now > 0 else "no sample yet"
    console.print(f"[bold]{escape(found.plant)}[/], {when}: {head}", highlight=False, soft_wrap=True)
    for i, trouble in enumerate(wrong, 1):
        console.print(f" [red]{i:2}.[/] [bold]{trouble.hop}[/]  {escape(trouble.what)}", highlight=False)
        console.print(f"     [cyan]do:[/] {escape(trouble.do)}", highlight=False)
    for trouble in notes:
        console.print(
            f"  [dim]note[/] [bold]{trouble.hop}[/]  {escape(trouble.what)} [dim]{escape(trouble.do)}[/]", highlight=False
        )
    console.print(_hops(found.hops, console.width >= WIDE))
    bad = [line for line in found.channels if line.state != "ok"]
    lines = found.channels if everything else bad
    if lines:
        console.print(_channels(lines))
    console.print(f"channels: {len(found.channels)} bound, {len(bad)} in trouble", highlight=False)
    if found.coverage:
        _coverage(found, console, everything)


def _hops(hops: list[Hop], wide: bool) -> Table:
    """What a hop says of itself has a column where there is room; what is wrong with it has been said above."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("hop", "name", "state", "since", "newest", "age"):
        table.add_column(name, no_wrap=True)
    for name in ("rate/s", "count", "lag", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("", ratio=1)
    for h in hops:
        lag = "" if h.lag is None else f"{h.lag}" + (f" ({h.lag_s:.0f} s)" if h.lag_s else "")
        table.add_row(
            h.hop, escape(h.name), _state(h.state), _moment(h.since), _moment(h.newest), _span(h.age_s),
            "" if h.rate is None else f"{h.rate:.1f}", "" if h.count is None else f"{h.count:,}", lag, _size(h.bytes),
            *([f"[dim]{escape(h.text)}[/]"] if wide else []),
        )  # fmt: skip
    return table


def _channels(lines: list[ChannelLine]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("channel", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("last value", "quality", "age", "samples/h", "gaps", "rejects", "late"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source and address")
    for c in lines:
        value = "" if c.value is None else f"{c.value:.5g} {c.unit}"
        rate = "" if c.rate is None else f"{c.rate:.3g}"
        counts = [str(n) if n else "" for n in (c.gaps, c.rejects, c.late)]
        table.add_row(
            escape(c.channel), _state(c.state), escape(value), c.quality, _span(c.age_s), rate, *counts,
            f"[dim]{escape(c.source)} {escape(c.address)}[/]",
        )  # fmt: skip
    return table


def _coverage(found: Diagnosis, console: Console, everything: bool) -> None:
    """Failure mode x sensor: standard deviations at the threshold; a sensor in red brackets is not alive."""
    counts = {v: sum(c.verdict == v for c in found.coverage) for v in ("seen", "weak", "blind", "counted", "unknown")}
    said = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    console.print(f"coverage: {len(found.coverage)} failure modes, {said} with the sensors alive now", highlight=False)
    lines = [c for c in found.coverage if everything or c.verdict in ("weak", "blind", "unknown")]
    if not lines:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("asset", "failure mode", "verdict", "sensor: noise deviations at the threshold"):
        table.add_column(name)
    for c in lines:
        shown = [f"{n} {s:.1f}" if n in c.alive else f"[red]({n} {s:.1f})[/]" for n, s in c.signal.items() if s >= 0.05]
        table.add_row(c.asset, escape(c.title), _state(c.verdict), ", ".join(shown) or "none: computed from the loads")
    console.print(table)


def _state(state: str) -> str:
    colour = COLOUR.get(state, "bold red")
    return f"[{colour}]{state}[/]"


def _moment(ms: int | None) -> str:
    return "" if ms is None else iso(ms * 10**6)[5:19].replace("T", " ")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _size(count: int | None) -> str:
    if count is None:
        return ""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
