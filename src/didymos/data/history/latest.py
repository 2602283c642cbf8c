"""The newest sample of every channel, in memory: no query over history answers "now" fast enough."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEVER = int(np.iinfo(np.int64).min)
LISTS = 64  # lists of names remembered


@dataclass(frozen=True, slots=True)
class Places:
    """Where the newest samples of a list of names lie: `first` (n,) or a slice; `second` (m,) further places, of names that are on
    both streams, for the list's positions `at` (m,). `channels`: how many channels there were when this was looked up."""

    first: NDArray[np.intp] | slice
    missing: NDArray[np.intp]
    at: NDArray[np.intp]
    second: NDArray[np.intp]
    channels: int


class Latest:
    """(channel name, stream number) gets a running number 0, 1, 2, ...; columns (n,) hold time, value and quality of the newest
    sample of each. `before`: newest samples of channels that have not been heard of since the hot file was lost."""

    def __init__(self) -> None:
        self.number: dict[tuple[str, int], int] = {}
        self.before: dict[str, tuple[int, float, int]] = {}
        self.time_ns = np.empty(0, np.int64)
        self.value = np.empty(0, np.float64)
        self.quality = np.empty(0, np.uint8)
        self._lists: OrderedDict[bytes, tuple[tuple[str, ...], Places]] = OrderedDict()

    def number_of(self, name: str, stream: int) -> int:
        """The channel's number; a new one for a new name."""
        known = self.number.get((name, stream))
        if known is not None:
            return known
        place = len(self.number)
        if place >= len(self.time_ns):
            grow = max(64, place)
            self.time_ns = np.concatenate([self.time_ns, np.full(grow, _NEVER, np.int64)])
            self.value = np.concatenate([self.value, np.full(grow, np.nan)])
            self.quality = np.concatenate([self.quality, np.zeros(grow, np.uint8)])
        self.number[name, stream] = place
        if name in self.before:
            self.time_ns[place], self.value[place], self.quality[place] = self.before[name]
        return place

    def update(self, channel: NDArray[np.int32], time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray) -> None:
        """Fold in samples (m,), in arrival order; of equal times the later arrival counts."""
        if not len(channel):
            return
        order = np.lexsort((time_ns, channel))
        last = order[np.append(channel[order][1:] != channel[order][:-1], True)]
        last = last[time_ns[last] >= self.time_ns[channel[last]]]
        place = channel[last]
        self.time_ns[place], self.value[place], self.quality[place] = time_ns[last], value[last], quality[last]

    def of(self, names: Sequence[str]) -> dict[str, tuple[int, float, int]]:
        """name -> (time_ns, value, quality); unknown names are left out. No names = all channels."""
        found = dict(self.before) if not names else {name: self.before[name] for name in names if name in self.before}
        for stream in (1, 0):
            places = [(n, self.number[n, stream]) for n in names if (n, stream) in self.number]
            if not names:
                places = [(n, place) for (n, of), place in self.number.items() if of == stream]
            rows = np.fromiter((place for _, place in places), np.intp, len(places))
            columns = zip(self.time_ns[rows].tolist(), self.value[rows].tolist(), self.quality[rows].tolist(), strict=True)
            for (name, _), row in zip(places, columns, strict=True):
                if row[0] != _NEVER and row[0] >= found.get(name, row)[0]:
                    found[name] = row
        return found

    def columns(self, key: bytes, names: Sequence[str] | None) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray] | None:
        """time_ns, value, quality (n,) of a list of names that goes by `key` once it was given; None for a key that is not known.
        A time of int64's minimum = never heard of."""
        if names is not None:
            self._lists[key] = (tuple(names), self._look_up(names))
            while len(self._lists) > LISTS:
                self._lists.popitem(last=False)
        if key not in self._lists:
            return None
        listed, places = self._lists[key]
        if places.channels != len(self.number):
            places = self._look_up(listed)
            self._lists[key] = listed, places
        self._lists.move_to_end(key)
        return self._gathered(listed, places)

    def _look_up(self, names: Sequence[str]) -> Places:
        plant = [self.number.get((name, 0), -1) for name in names]
        both = [self.number.get((name, 1), -1) for name in names]
        first = np.array([a if a >= 0 else b for a, b in zip(plant, both, strict=True)], np.intp)
        twice = np.array([i for i, (a, b) in enumerate(zip(plant, both, strict=True)) if a >= 0 and b >= 0], np.intp)
        second = np.array([both[i] for i in twice], np.intp)
        missing = np.flatnonzero(first < 0)
        neighbours = len(first) > 0 and not len(missing) and bool((np.diff(first) == 1).all())
        where = slice(int(first[0]), int(first[-1]) + 1) if neighbours else first
        return Places(where, missing, twice, second, len(self.number))

    def _gathered(self, names: Sequence[str], p: Places) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray]:
        if isinstance(p.first, slice):
            time_ns, value, quality = self.time_ns[p.first].copy(), self.value[p.first].copy(), self.quality[p.first].copy()
        elif not len(self.time_ns):
            time_ns, value, quality = np.full(len(names), _NEVER), np.full(len(names), np.nan), np.zeros(len(names), np.uint8)
        else:
            time_ns, value, quality = self.time_ns[p.first], self.value[p.first], self.quality[p.first]
        for i in p.missing:
            name = names[int(i)]
            time_ns[i], value[i], quality[i] = self.before.get(name, (_NEVER, float("nan"), 0))
        if len(p.at):
            newer = self.time_ns[p.second] > time_ns[p.at]
            at, of = p.at[newer], p.second[newer]
            time_ns[at], value[at], quality[at] = self.time_ns[of], self.value[of], self.quality[of]
        return time_ns, value, quality
