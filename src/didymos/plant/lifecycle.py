"""The life of an asset beside its wear: when it was commissioned, moved, renamed, its sensors exchanged or recalibrated, taken out.

Each is an Event on the stream, entered once (`didymos asset`, POST /api/v1/assets/{id}/events), maybe days late; the worker gives
it its effect and a Record. Two times keep the past apart from what was known of it:

    time_ns    when it was true              known_ns   when it was entered

    what was true at T             path_at(T)                  everything known now
    what did we know at T          path_at(T, known_ns=T)      entries known by then

Of entries for one moment the one entered last counts: so a mistake is corrected by entering it again. Component swaps are work
orders (`core.case.Event` of kind work_order_closed) and live in the worker.
Verified: tests/plant/test_lifecycle.py, tests/plant/test_recalibration.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from didymos.core.case import Event
from didymos.core.clock import iso
from didymos.core.errors import DataError
from didymos.data.align import Grid
from didymos.formats.wire import pack
from didymos.plant.config import Asset

Body = dict[str, str | float | int | None]
KINDS: dict[str, tuple[str, ...]] = {
    "commissioned": (),
    "decommissioned": (),
    "moved": ("path",),
    "renamed": ("name",),
    "sensor_replaced": ("channel",),
    "sensor_recalibrated": ("channel", "gain", "offset"),
}
CALIBRATIONS = ("sensor_replaced", "sensor_recalibrated")
MORE = ("note", "who", "serial")  # what any of them may carry besides
MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an asset's life as the worker took it. sequence: its place in the plant stream."""

    id: str
    kind: str
    time_ns: int
    known_ns: int
    sequence: int
    body: Body


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Everything entered about one asset, on top of what the plant file says. Published whole at every change."""

    asset: str
    name: str
    path: str
    entries: tuple[Entry, ...] = ()

    def known(self, kinds: tuple[str, ...], time_ns: int, known_ns: int | None) -> list[Entry]:
        """Entries of these kinds that were true by `time_ns` and known by `known_ns`, the one in force last."""
        found = [
            e for e in self.entries if e.kind in kinds and e.time_ns <= time_ns and (known_ns is None or e.known_ns <= known_ns)
        ]
        return sorted(found, key=lambda e: (e.time_ns, e.known_ns, e.sequence))

    def path_at(self, time_ns: int, known_ns: int | None = None) -> str:
        """Where it stood in the hierarchy."""
        moves = self.known(("moved",), time_ns, known_ns)
        return str(moves[-1].body["path"]) if moves else self.path

    def name_at(self, time_ns: int, known_ns: int | None = None) -> str:
        names = self.known(("renamed",), time_ns, known_ns)
        return str(names[-1].body["name"]) if names else self.name

    def out_of_service(self, time_ns: int, known_ns: int | None = None) -> Entry | None:
        """The entry by which it is decommissioned at `time_ns`; None while it is in service."""
        found = self.known(("commissioned", "decommissioned"), time_ns, known_ns)
        return found[-1] if found and found[-1].kind == "decommissioned" else None

    def calibration_at(self, channel: str, time_ns: int, known_ns: int | None = None) -> tuple[float, float]:
        """(gain, offset): true value = gain x what the sensor sends + offset, both in SI. (1, 0) until it was recalibrated."""
        found = [e for e in self.known(CALIBRATIONS, time_ns, known_ns) if e.body["channel"] == channel]
        return calibration_of(found[-1]) if found else (1.0, 0.0)

    def calibration_of_channel(self, channel: str) -> Calibration:
        """All of them, for many samples at once."""
        entries = sorted(
            (e for e in self.entries if e.kind in CALIBRATIONS and e.body["channel"] == channel),
            key=lambda e: (e.time_ns, e.known_ns, e.sequence),
        )
        return calibration([(e.time_ns, *calibration_of(e)) for e in entries])

    def with_entry(self, event: Event, sequence: int) -> Lifecycle:
        entry = Entry(event.id, event.kind, event.time_ns, event.known_ns, sequence, event.body)
        return Lifecycle(self.asset, self.name, self.path, (*self.entries, entry))


@dataclass(frozen=True, slots=True)
class Calibration:
    """One channel's: from from_ns[i] on, value = gain[i] x reading + offset[i]; as sent before the first."""

    from_ns: NDArray[np.int64]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]

    def at(self, time_ns: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        place = np.searchsorted(self.from_ns, time_ns, side="right")
        return np.append(1.0, self.gain)[place], np.append(0.0, self.offset)[place]

    def apply(self, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
        gain, offset = self.at(time_ns)
        return gain * value + offset


def calibration(rows: Sequence[tuple[int, float, float]]) -> Calibration:
    """(from_ns, gain, offset), the ones in force last among equal times."""
    from_ns, gain, offset = zip(*rows, strict=True) if rows else ((), (), ())
    return Calibration(np.array(from_ns, np.int64), np.array(gain, float), np.array(offset, float))


def calibrated(
    known: Mapping[int, Calibration], place: NDArray[np.int64], time_ns: NDArray[np.int64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Samples (n,) of channels `place`, each by its channel's calibration."""
    if not known:
        return value
    found = value
    for channel, by in known.items():
        mine = place == channel
        if mine.any():
            found = found.copy() if found is value else found
            found[mine] = by.apply(time_ns[mine], value[mine])
    return found


def recalibrate_open(grid: Grid, place: int, since_ns: int, before: Calibration, after: Calibration) -> None:
    """Values of steps not yet taken, which came before the calibration was known, as if it had been."""
    times = grid.ring_time[place]
    again = times >= since_ns
    gain, offset = before.at(times[again])
    grid.ring_value[place, again] = after.apply(times[again], (grid.ring_value[place, again] - offset) / gain)


def calibration_of(entry: Entry) -> tuple[float, float]:
    """A new sensor reads true until somebody calibrates it."""
    if entry.kind == "sensor_replaced":
        return 1.0, 0.0
    return float(entry.body.get("gain") or 1.0), float(entry.body.get("offset") or 0.0)


def of_plant_file(asset: Asset) -> Lifecycle:
    return Lifecycle(asset.id, asset.name, asset.path)


def under(lives: Mapping[str, Lifecycle], path: str, time_ns: int, known_ns: int | None = None) -> list[str]:
    """Ids of the assets that stood in `path` or below it at that moment and were in service: what a roll-up sums over."""
    wanted = path.strip("/")
    found = []
    for id, life in lives.items():
        at = life.path_at(time_ns, known_ns).strip("/")
        inside = not wanted or at == wanted or at.startswith(wanted + "/")
        if inside and life.out_of_service(time_ns, known_ns) is None:
            found.append(id)
    return found


def checked(kind: str, asset: Asset, given: Mapping[str, object]) -> Body:
    """The body of such an event of `asset`. DataError names every mistake in one pass."""
    if kind not in KINDS:
        raise DataError(f"{asset.id}: event {kind!r} is not known. Allowed: {', '.join(KINDS)}. Choose one.")
    wrong, body = [], {}
    needed = tuple(key for key in KINDS[kind] if key not in ("gain", "offset"))
    wrong += [f"`{key}` is missing" for key in needed if given.get(key) in (None, "")]
    wrong += [f"`{key}` is not taken by {kind}" for key in given if key not in (*KINDS[kind], *MORE)]
    for key, value in given.items():
        if key in ("gain", "offset"):
            good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
            if not good or (key == "gain" and not abs(value) > 1e-9):  # type: ignore[operator,arg-type]
                wrong.append(f"{key} = {value!r}; a finite number{' other than 0' if key == 'gain' else ''} is needed")
            body[key] = value
        elif not isinstance(value, str) or len(value) > MOST_TEXT:
            wrong.append(f"`{key}` must be text of at most {MOST_TEXT} characters")
        else:
            body[key] = value.strip("/") if key == "path" else value
    scalars = [tag.channel for tag in asset.tags if not tag.waveform]
    if "channel" in KINDS[kind] and given.get("channel") and given["channel"] not in scalars:
        wrong.append(f"channel {given['channel']!r} is fed by no tag; there are {', '.join(scalars)}")
    if kind == "sensor_recalibrated" and "gain" not in given and "offset" not in given:
        wrong.append("neither `gain` nor `offset` is given")
    if wrong:
        raise DataError(f"{asset.id}: {kind} cannot be taken: {'; '.join(wrong)}. Nothing was entered.")
    return body


def event_of(kind: str, asset: Asset, time_ns: int, now_ns: int, given: Mapping[str, object], id: str = "") -> Event:
    """The event, named by its content unless `id` is given: entered twice, it is one."""
    body = checked(kind, asset, given)
    if time_ns <= 0:
        raise DataError(f"{asset.id}: {iso(max(0, time_ns))} is no time for {kind}. Give when it was true, in UTC.")
    name = id or "life-" + blake2b(pack((kind, asset.id, time_ns, sorted(body.items()))), digest_size=10).hexdigest()
    return Event(name, kind, asset.id, time_ns, now_ns, body)
