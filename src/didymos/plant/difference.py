"""What changes from one plant file to the next, in the words of the plant; and what cannot change while it runs.

    for line in difference(old, new): "asset cp-02 added (centrifugal_pump, 8 tags)", "cp-01: tag flow moved to plc ns=2;s=F2", ...
    refusals(old, new)       what needs a stop, or an empty store; a reload with any of these changes nothing

Verified: tests/plant/test_reload.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from didymos.plant.config import Asset, Plant, Tag

FIXED = {
    "id": "it names the plant in the ledger",
    "step_s": "beliefs stand on the grid of steps",
    "commission_s": "machines that are being commissioned have their record of that length",
    "lateness_s": "open steps are kept for that long",
    "store": "the past would be left behind",
    "nats_url": "the stream would be another one",
    "mqtt_port": "nats-server is not restarted",
}
SECRET = ("password", "user", "token", "private_key")


def refusals(old: Plant, new: Plant) -> list[str]:
    return [
        f"{name} cannot change while the plant runs ({getattr(old, name)} -> {getattr(new, name)}): {why}. "
        "Stop `didymos run`, then start it with the new file; for another step or length of commissioning with an empty store."
        for name, why in FIXED.items()
        if getattr(old, name) != getattr(new, name)
    ]


def difference(old: Plant, new: Plant) -> list[str]:
    """One line a change; empty when the two say the same."""
    before, after = {a.id: a for a in old.assets}, {a.id: a for a in new.assets}
    found = [f"asset {id} removed; its state is kept in the archive" for id in before if id not in after]
    found += [f"asset {a.id} added ({a.model}, {len(a.tags)} tags)" for id, a in after.items() if id not in before]
    for id in after:
        if id in before:
            found += [f"{id}: {line}" for line in _asset(before[id], after[id])]
    for kind in ("sources", "erps"):
        found += list(_by_id(kind.removesuffix("s"), getattr(old, kind), getattr(new, kind)))
    found += [f"calendar: {line}" for line in _fields(old.calendar, new.calendar, ())]
    found += list(_fields(old, new, ("assets", "sources", "erps", "calendar", "clock")))
    return found


def _asset(old: Asset, new: Asset) -> Iterator[str]:
    yield from _fields(old, new, ("tags", "channels", "components", "parameters", "constants"))
    for what in ("parameters", "constants"):
        yield from _numbers(what.removesuffix("s"), dict(getattr(old, what)), dict(getattr(new, what)))
    yield from _tags({t.channel: t for t in old.tags}, {t.channel: t for t in new.tags})
    limits = {c.name: c for c in old.channels}
    for channel in new.channels:
        was = limits.pop(channel.name, None)
        if was is None:
            yield f"channel {channel.name} added"
        elif lines := list(_fields(was, channel, ())):
            yield f"channel {channel.name}: " + ", ".join(lines)
    yield from (f"channel {name} removed" for name in limits)
    yield from _by_id("component", old.components, new.components)


def _tags(old: dict[str, Tag], new: dict[str, Tag]) -> Iterator[str]:
    for name in (*old, *(n for n in new if n not in old)):
        if name not in new:
            yield f"tag {name} removed"
        elif name not in old:
            yield f"tag {name} added ({new[name].source} {new[name].address})"
        elif (old[name].source, old[name].address) != (new[name].source, new[name].address):
            was, now = old[name], new[name]
            yield f"tag {name} moved from {was.source} {was.address} to {now.source} {now.address}"
        elif old[name] != new[name]:
            yield f"tag {name}: " + ", ".join(_fields(old[name], new[name], ()))


def _numbers(what: str, old: dict[str, float], new: dict[str, float]) -> Iterator[str]:
    for name in (*old, *(n for n in new if n not in old)):
        if old.get(name) != new.get(name):
            yield f"{what} {name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"


def _by_id(what: str, old: Iterable[Any], new: Iterable[Any]) -> Iterator[str]:
    before, after = {x.id: x for x in old}, {x.id: x for x in new}
    yield from (f"{what} {id} removed" for id in before if id not in after)
    yield from (f"{what} {id} added" for id in after if id not in before)
    for id, x in after.items():
        if id in before and before[id] != x:
            yield f"{what} {id}: " + ", ".join(_fields(before[id], x, ()))


def _fields(old: Any, new: Any, without: tuple[str, ...]) -> Iterator[str]:
    for name in (f.name for f in fields(old) if f.name not in without):
        was, now = getattr(old, name), getattr(new, name)
        if was == now or repr(was) == repr(now):  # a noise that nobody stated is NaN, which equals nothing
            continue
        if name == "options":
            was, now = dict(was), dict(now)
            changed = [key for key in (*was, *(k for k in now if k not in was)) if was.get(key) != now.get(key)]
            yield from (f"{key} changed" if key in SECRET else f"{key}: {was.get(key)} -> {now.get(key)}" for key in changed)
        elif isinstance(was, tuple):
            yield f"{name} changed"
        else:
            yield f"{name}: {was} -> {now}"
