"""The newest sample of every channel, in memory: no query over history answers "now" fast enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NEVER = np.iinfo(np.int64).min


class Latest:
    """(channel name, stream number) gets a running number 0, 1, 2, ...; columns (n,) hold time, value and quality of the newest
    sample of each. `before`: newest samples of channels that have not been heard of since the hot file was lost."""

    def __init__(self) -> None:
        self.number: dict[tuple[str, int], int] = {}
        self.before: dict[str, tuple[int, float, int]] = {}
        self.time_ns = np.empty(0, np.int64)
        self.value = np.empty(0, np.float64)
        self.quality = np.empty(0, np.uint8)

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
