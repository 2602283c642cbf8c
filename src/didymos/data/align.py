"""Samples of many channels, at their own times, onto each asset's grid of equal steps.

Step k of an asset stands for the interval ((k-1) step, k step]. It is *due* once the asset's newest sample is `lateness`
past its end. Its value on a channel is the usable sample with the latest time in the interval, NaN where there is none.

So the outcome depends on which samples came, not on how they were batched: a sample that comes twice changes nothing, and
so does the order of samples within `lateness`. A sample whose step has passed is counted in `late` and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from didymos.core.clock import SECOND_NS
from didymos.core.series import Batch, Quality, far_ahead

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class GridState:
    """Everything that must survive a restart; see `Grid` for the shapes."""

    next_step: NDArray[np.int64]
    newest_ns: NDArray[np.int64]
    ring_step: NDArray[np.int64]
    ring_time: NDArray[np.int64]
    ring_value: NDArray[np.float64]
    last_time: NDArray[np.int64]
    last_value: NDArray[np.float64]
    last_quality: NDArray[np.uint8]
    late: NDArray[np.int64]
    ring_unsure: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), bool))


class Grid:
    """Mutable; lives in the worker loop only. A assets, C channels, R open steps.

    next_step (A,)  the step each asset takes next; NEVER before its first sample
    newest_ns (A,)  newest source time seen
    ring_* (C, R)   latest usable sample of each open step; ring_unsure: its source calls it UNCERTAIN
    last_* (C,)     newest sample of any quality
    """

    def __init__(self, channels: Sequence[str], asset_of: Sequence[int], n_assets: int, step_s: float, lateness_s: float) -> None:
        self.channels = tuple(channels)
        self.step_ns = int(step_s * SECOND_NS)
        self.lateness_ns = int(lateness_s * SECOND_NS)
        self.n_open = int(-(-self.lateness_ns // self.step_ns)) + 3
        self.asset_of = np.asarray(asset_of, np.int64)
        n = len(self.channels)
        self.next_step = np.full(n_assets, NEVER)
        self.newest_ns = np.full(n_assets, NEVER)
        self.ring_step = np.full((n, self.n_open), NEVER)
        self.ring_time = np.full((n, self.n_open), NEVER)
        self.ring_value = np.full((n, self.n_open), np.nan)
        self.ring_unsure = np.zeros((n, self.n_open), bool)
        self.last_time = np.full(n, NEVER)
        self.last_value = np.full(n, np.nan)
        self.last_quality = np.full(n, Quality.GAP, np.uint8)
        self.late = np.zeros(n, np.int64)
        self._place = {name: i for i, name in enumerate(self.channels)}
        self._known: dict[tuple[str, ...], NDArray[np.int64]] = {}

    def chunks(self, batch: Batch) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]]:
        """The batch as (channel index, time, value, quality) per step, oldest step first; unknown channels left out."""
        place = self._places(batch.channels)[batch.channel]
        step = -(-batch.time_ns // self.step_ns)
        known = place >= 0
        if known.all() and (step[0] == step).all():
            return [(place, batch.time_ns, batch.value, batch.quality)]
        found = []
        for k in np.unique(step[known]):
            keep = known & (step == k)
            found.append((place[keep], batch.time_ns[keep], batch.value[keep], batch.quality[keep]))
        return found

    def see(self, assets: NDArray[np.int64], time_ns: NDArray[np.int64]) -> None:
        """Asset by asset, time has come this far."""
        np.maximum.at(self.newest_ns, assets, time_ns)
        new = self.next_step[assets] == NEVER
        for asset in np.unique(assets[new]) if new.any() else ():
            self.next_step[asset] = -(-int(time_ns[assets == asset].min()) // self.step_ns)

    def due(self) -> NDArray[np.int64]:
        """Assets whose next step is complete. Take them, then call `taken`."""
        begun = self.next_step != NEVER
        return np.flatnonzero(begun & (self.newest_ns - self.lateness_ns >= self.next_step * begun * self.step_ns))

    def taken(self, assets: NDArray[np.int64]) -> None:
        self.next_step[assets] += 1

    def store(
        self, place: NDArray[np.int64], time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray[np.uint8]
    ) -> None:
        """Samples of one step (a chunk). Take the due steps first: the ring holds `n_open` steps of each asset."""
        if not len(place):
            return
        step = -(-int(time_ns[0]) // self.step_ns)
        newer = time_ns >= self.last_time[place]
        if (quality >= Quality.CLOCK).any():
            newer &= ~far_ahead(time_ns, quality, self.newest_ns[self.asset_of[place]])
        if newer.all():
            self.last_quality[place], self.last_value[place] = quality, value
        else:
            self.last_quality[place[newer]], self.last_value[place[newer]] = quality[newer], value[newer]
        np.maximum.at(self.last_time, place[newer], time_ns[newer])
        open_ = step >= self.next_step[self.asset_of[place]]
        if not open_.all():
            np.add.at(self.late, place[~open_], 1)
        use = open_ & (quality <= Quality.UNCERTAIN)
        if not use.all():
            place, time_ns, value, quality = place[use], time_ns[use], value[use], quality[use]
        self._keep_latest(place, time_ns, value, quality, step)

    def _keep_latest(
        self,
        place: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
        step: int,
    ) -> None:
        """Into the ring, channel by channel: the latest time; of equal times the first to come."""
        slot = step % self.n_open
        times, steps = self.ring_time[:, slot], self.ring_step[:, slot]
        times[place[steps[place] != step]] = NEVER
        steps[place] = step
        before = times[place]
        np.maximum.at(times, place, time_ns)
        best = (time_ns > before) & (time_ns == times[place])
        kept = place[best][::-1]
        self.ring_value[kept, slot] = value[best][::-1]  # the last of equal indices is kept: the first to come
        self.ring_unsure[kept, slot] = quality[best][::-1] == Quality.UNCERTAIN

    def values(self, places: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.float64]:
        """Value of channels `places` (...,) in `step` (broadcast against it), NaN where none came; place -1 is NaN."""
        step = np.broadcast_to(step, places.shape)
        slot = step % self.n_open
        here = (places >= 0) & (self.ring_step[places, slot] == step)
        return np.where(here, self.ring_value[places, slot], np.nan)

    def unsure(self, places: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the value that `values` gives is one that its source calls UNCERTAIN."""
        step = np.broadcast_to(step, places.shape)
        slot = step % self.n_open
        return (places >= 0) & (self.ring_step[places, slot] == step) & self.ring_unsure[places, slot]

    def state(self) -> GridState:
        return GridState(
            self.next_step,
            self.newest_ns,
            self.ring_step,
            self.ring_time,
            self.ring_value,
            self.last_time,
            self.last_value,
            self.last_quality,
            self.late,
            self.ring_unsure,
        )

    def restore(self, state: GridState) -> None:
        for name in GridState.__slots__:
            setattr(self, name, np.array(getattr(state, name)))
        if self.ring_unsure.shape != self.ring_value.shape:  # a checkpoint of before quality was kept
            self.ring_unsure = np.zeros(self.ring_value.shape, bool)

    def place(self, channel: str) -> int:
        """Index of `channel`, -1 when it is not on this grid."""
        return self._place.get(channel, -1)

    def _places(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        known = self._known.get(names)
        if known is None:
            known = np.array([self._place.get(name, -1) for name in names], np.int64)
            if len(self._known) < 10_000:
                self._known[names] = known
        return known


def align(
    times: NDArray[np.int64], values: NDArray[np.float64], first_step: int, n_steps: int, step_ns: int
) -> NDArray[np.float64]:
    """One channel of history onto steps first_step ... first_step + n_steps - 1 by the rule of `Grid`: (n_steps,), NaN = none.

    times (n,) increasing, usable samples only.
    """
    found = np.full(n_steps, np.nan)
    step = -(-times // step_ns) - first_step
    inside = (step >= 0) & (step < n_steps)
    found[step[inside]] = values[inside]  # later samples overwrite earlier ones
    return found
