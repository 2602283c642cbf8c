"""`HistoryClient`: how everybody but the historian reads history, by requests on the bus."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from didymos.core.errors import DataError
from didymos.core.ports import Bus
from didymos.core.series import Series, Waveform
from didymos.data.history.requests import (
    LEASE,
    PAGE,
    Buckets,
    Held,
    LatestColumns,
    LatestOf,
    Reached,
    Read,
    Rollup,
    SnapshotsOf,
    Sql,
    WaveformAt,
    from_ipc,
)
from didymos.data.history.tables import numbers
from didymos.data.stream.lease import Asker
from didymos.formats.wire import pack, unpack, unpack_plain

Array = NDArray[Any]


@final
class HistoryClient:
    """See `core.ports.HistoryClient`. ConnectError when no historian answers within `timeout_s`."""

    def __init__(self, bus: Bus, timeout_s: float = 30.0) -> None:
        self._asker, self._timeout_s = Asker(bus, LEASE), timeout_s
        self._keys: dict[tuple[str, ...], bytes] = {}  # lists of channels that the historian knows by a key

    async def _ask(self, method: str, question: Any) -> bytes:
        return await self._asker.ask(f"history.{method}", pack(question), self._timeout_s)

    async def read(
        self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None, upto_sequence: int | None = None
    ) -> Series:
        pages = []
        while True:
            page = from_ipc(await self._ask("read", Read(channel, start_ns, end_ns, known_ns, upto_sequence)))
            pages.append(page)
            if page.num_rows < PAGE:
                break
            start_ns = page["time_ns"][-1].as_py() + 1
        return _series(channel, pages)

    async def buckets(
        self, channel: str, start_ns: int, end_ns: int, points: int, known_ns: int | None = None
    ) -> list[tuple[int, float, float, float, int]]:
        rows = unpack_plain(await self._ask("buckets", Buckets(channel, start_ns, end_ns, points, known_ns)))
        return [(t, low, mean, high, worst) for t, low, mean, high, worst in rows]

    async def latest(self, channels: Sequence[str]) -> dict[str, tuple[int, float, int]]:
        found = unpack_plain(await self._ask("latest", LatestOf(list(channels))))
        return {name: (t, value, quality) for name, (t, value, quality) in found.items()}

    async def latest_columns(self, channels: Sequence[str]) -> tuple[Array, Array, Array]:
        """time_ns, value, quality (n,) of the newest samples, in the order of `channels`, for many of them often: the names travel
        once. A time of int64's minimum = never heard of."""
        names = tuple(channels)
        key = self._keys.get(names)
        data = b"" if key is None else await self._ask("latest_columns", LatestColumns(key))
        if not data and names:
            key = uuid.uuid4().bytes if key is None else key
            self._keys = {names: key, **dict(list(self._keys.items())[:7])}
            data = await self._ask("latest_columns", LatestColumns(key, list(names)))
        n = len(names)
        return np.frombuffer(data, np.int64, n), np.frombuffer(data, float, n, 8 * n), np.frombuffer(data, np.uint8, n, 16 * n)

    async def waveform(self, channel: str, at_ns: int) -> Waveform | None:
        data = await self._ask("waveform", WaveformAt(channel, at_ns))
        return unpack(Waveform, data) if data else None

    async def snapshots(self, asset: str, start_ns: int, end_ns: int) -> list[bytes]:
        found: list[bytes] = []
        go_on: int | None = start_ns
        while go_on is not None:
            page, go_on = unpack_plain(await self._ask("snapshots", SnapshotsOf(asset, go_on, end_ns)))
            found += page
        return found

    async def page(self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None) -> tuple[Series, int | None]:
        found = _series(channel, [from_ipc(await self._ask("read", Read(channel, start_ns, end_ns, known_ns)))])
        return found, int(found.time_ns[-1]) + 1 if len(found) >= PAGE else None

    async def rollup(
        self, channels: Sequence[str], how: str, start_ns: int, end_ns: int, points: int
    ) -> list[tuple[int, float, int, int, float]]:
        rows = unpack_plain(await self._ask("rollup", Rollup(list(channels), how, start_ns, end_ns, points)))
        return [(t, value, worst, known, seconds) for t, value, worst, known, seconds in rows]

    async def held(self, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        found = unpack_plain(await self._ask("held", Held(start_ns, end_ns)))
        return [(first, last, tier) for first, last, tier in found]

    async def state(self) -> dict[str, Any]:
        return unpack_plain(await self._ask("state", {}))

    async def sql(self, query: str) -> Any:
        if not query.strip():
            raise DataError("sql: the query is empty; write one SELECT over samples, waveforms, snapshots, events")
        return from_ipc(await self._ask("sql", Sql(query)))

    async def reached(self, stream: str, sequence: int) -> None:
        """Waits until the historian has committed `sequence` of `stream`; DataError when that takes too long."""
        await self._ask("reached", Reached(stream, sequence))


def _series(channel: str, pages: list[Any]) -> Series:
    def column(name: str, kind: type) -> Any:
        return np.concatenate([numbers(page[name]) for page in pages]).astype(kind)

    return Series(channel, column("time_ns", np.int64), column("value", np.float64), column("quality", np.uint8))
