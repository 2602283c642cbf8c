"""From tags to channels, once: unit to SI, plausible range, and the order of time. One `Binder` per source.

A sample is never dropped here. What is wrong with it is written into its quality:

    not a number -> BAD      outside the channel's range -> OUT_OF_RANGE      source clock ahead of now -> CLOCK
    older than the channel's newest sample by more than the lateness allowed -> LATE
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import Channel, channel_id
from didymos.core.clock import SECOND_NS, ScaledClock
from didymos.core.ports import TagSpec
from didymos.core.series import Batch, Quality, Waveform
from didymos.core.units import to_si
from didymos.plant.config import Asset, Plant, Tag
from didymos.plant.config_check import channels_of

CLOCK_TOLERANCE_S = 60.0  # a source's clock may run ahead of ours by this much plant time, or by 2 s of wall time

MOST_NAMES = 2**16  # that the channel column of a batch can tell apart


class Binder:
    """Binds the tags of one source. Keeps each channel's newest time, and counts what it could not map."""

    def __init__(self, plant: Plant, source: str) -> None:
        wires = [(asset, tag) for asset in plant.assets for tag in asset.tags if tag.source == source]
        self.tags: tuple[TagSpec, ...] = tuple(TagSpec(tag.address, tag.waveform) for _, tag in wires)
        self.ids: tuple[str, ...] = tuple(channel_id(asset.id, tag.channel) for asset, tag in wires)
        channels = [_channel(asset, tag) for asset, tag in wires]
        conversions = [to_si(tag.unit, c.unit, id) for (_, tag), c, id in zip(wires, channels, self.ids, strict=True)]
        self.unmapped: dict[str, int] = {}
        self._place = {spec.address: i for i, spec in enumerate(self.tags)}
        self._unit = [c.unit for c in channels]
        self._factor = np.array([c.factor for c in conversions])
        self._offset = np.array([c.offset for c in conversions])
        self._low = np.array([c.low for c in channels])
        self._high = np.array([c.high for c in channels])
        self._newest = np.full(len(wires), -(2**62))
        self._lateness_ns = int(plant.lateness_s * SECOND_NS)
        speed = plant.clock.speed if isinstance(plant.clock, ScaledClock) else 1.0
        self._ahead_ns = int(max(CLOCK_TOLERANCE_S, 2.0 * speed) * SECOND_NS)
        self._known: dict[tuple[str, ...], NDArray[np.int64]] = {}

    def batch(self, raw: Batch, now_ns: int) -> Batch:
        """Source batch -> batch of channel ids in SI, which may list more of them than occur. Values of unmapped tags are counted
        and left out."""
        place = self._places(raw.channels)[raw.channel]
        if (place < 0).any():
            keep = place >= 0
            raw = replace(
                raw, channel=raw.channel[keep], time_ns=raw.time_ns[keep], value=raw.value[keep], quality=raw.quality[keep]
            )
            place = place[keep]
        value = raw.value * self._factor[place] + self._offset[place]
        quality = np.maximum(raw.quality, self._judge(place, raw.time_ns, value, now_ns))
        fresh = quality < Quality.CLOCK
        np.maximum.at(self._newest, place[fresh], raw.time_ns[fresh])
        names, column = self._named(place)
        return Batch(names, column, raw.time_ns, value, quality.astype(np.uint8), raw.source, raw.sequence)

    def _named(self, place: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
        """All channels of the source, so that its batches can be merged as they are; those that occur, where all are too many."""
        if len(self.ids) <= MOST_NAMES:
            return self.ids, place.astype(np.uint16)
        used, column = np.unique(place, return_inverse=True)
        return tuple(self.ids[i] for i in used), column.astype(np.uint16)

    def waveform(self, raw: Waveform, now_ns: int) -> Waveform | None:
        """Source waveform -> SI waveform of its channel; None (and counted) when nobody asked for it."""
        place = self._place.get(raw.channel)
        if place is None:
            self.unmapped[raw.channel] = self.unmapped.get(raw.channel, 0) + 1
            return None
        samples = (raw.samples * np.float32(self._factor[place]) + np.float32(self._offset[place])).astype(np.float32)
        quality = raw.quality if np.isfinite(samples).all() else max(raw.quality, Quality.BAD)
        if raw.start_ns > now_ns + self._ahead_ns:
            quality = max(quality, Quality.CLOCK)
        return replace(raw, channel=self.ids[place], samples=samples, unit=self._unit[place], quality=int(quality))

    def gap(self, time_ns: int) -> Batch:
        """One GAP sample for each channel: from `time_ns` on nothing is known. Never at the time of a sample that came."""
        n = len(self.ids)
        return Batch(
            self.ids,
            np.arange(n, dtype=np.uint16),
            np.maximum(time_ns, self._newest + 1),
            np.full(n, np.nan),
            np.full(n, Quality.GAP, np.uint8),
        )

    def _places(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        known = self._known.get(names)
        if known is None:
            known = np.array([self._place.get(name, -1) for name in names], np.int64)
            if len(self._known) < 10_000:
                self._known[names] = known
            for name, place in zip(names, known, strict=True):
                if place < 0:
                    self.unmapped[name] = self.unmapped.get(name, 0) + 1
        return known

    def _judge(
        self, place: NDArray[np.int64], time_ns: NDArray[np.int64], value: NDArray[np.float64], now_ns: int
    ) -> NDArray[np.uint8]:
        """The worst thing that is wrong with each sample, as a Quality."""
        found = np.zeros(len(place), np.uint8)
        found[time_ns < self._newest[place] - self._lateness_ns] = Quality.LATE
        found[(value < self._low[place]) | (value > self._high[place])] = Quality.OUT_OF_RANGE
        found[~np.isfinite(value)] = Quality.BAD
        found[time_ns > now_ns + self._ahead_ns] = Quality.CLOCK
        return found


def _channel(asset: Asset, tag: Tag) -> Channel:
    return channels_of(asset.model, asset.channels)[tag.channel]


def sources_used(plant: Plant) -> Sequence[str]:
    """Ids of the sources that at least one tag names."""
    return sorted({tag.source for asset in plant.assets for tag in asset.tags})
