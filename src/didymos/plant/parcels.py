"""Bound batches of many sources -> one batch per partition of the stream, naming only the channels that occur in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from didymos.core.channel import partition, split_channel_id
from didymos.core.series import Batch

Names = tuple[str, ...]


def concatenate(batches: Sequence[Batch]) -> Batch:
    """All samples of `batches` in order, as one nameless batch."""
    if len(batches) == 1:
        return batches[0]
    lists = tuple(dict.fromkeys(b.channels for b in batches))
    names, places = _joined(lists)
    place = dict(zip(lists, places, strict=True))
    return Batch(
        names,
        np.concatenate([place[b.channels][b.channel] for b in batches] if len(lists) > 1 else [b.channel for b in batches]),
        np.concatenate([b.time_ns for b in batches]),
        np.concatenate([b.value for b in batches]),
        np.concatenate([b.quality for b in batches]),
    )


def parcels(batch: Batch, most: int) -> Iterator[tuple[int, int, Batch]]:
    """(partition, running number within it, its samples in order), at most `most` samples each."""
    partition_of = _partitions(batch.channels)[batch.channel]
    order = np.argsort(partition_of, kind="stable")
    ends = np.cumsum(np.bincount(partition_of))
    channel, time_ns, value, quality = batch.channel[order], batch.time_ns[order], batch.value[order], batch.quality[order]
    for p, (start, end) in enumerate(zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True)):
        for i, first in enumerate(range(start, end, most)):
            here = slice(first, min(first + most, end))
            names, short = _used(batch.channels, channel[here])
            yield p, i, Batch(names, short, time_ns[here], value[here], quality[here], batch.source, batch.sequence)


def _used(names: Names, channel: NDArray[np.uint16]) -> tuple[Names, NDArray[np.uint16]]:
    """The names that occur in `channel`, and each sample's index among them."""
    seen = np.zeros(len(names), bool)
    seen[channel] = True
    used = np.flatnonzero(seen)
    short = np.zeros(len(names), np.uint16)
    short[used] = np.arange(len(used), dtype=np.uint16)
    return tuple(map(names.__getitem__, used.tolist())), short[channel]


@lru_cache(maxsize=256)
def _partitions(names: Names) -> NDArray[np.uint8]:
    return np.array([partition(split_channel_id(name)[0]) for name in names], np.uint8)


@lru_cache(maxsize=256)
def _joined(lists: tuple[Names, ...]) -> tuple[Names, list[NDArray[np.uint16]]]:
    """(every name once, for each list the index of its names in that)."""
    names = tuple(dict.fromkeys(name for each in lists for name in each))
    place = {name: i for i, name in enumerate(names)}
    return names, [np.array([place[name] for name in each], np.uint16) for each in lists]
