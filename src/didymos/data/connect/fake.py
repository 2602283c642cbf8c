"""Faults on demand: what another connector delivers, or a list of rows, damaged the way plants damage it.

Which samples are hit depends on (seed, fault, tag, how many samples of that tag came before) alone, never on batching or time of
day: the same input and options give the same output. Connection faults are only reported, and samples lost, as a real one would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import nan

from didymos.core.clock import SECOND_NS, Clock, iso
from didymos.core.errors import ConfigError
from didymos.core.ports import Connector, Fault, Payload, TagSpec
from didymos.core.series import Quality, Waveform, batch_of
from didymos.data.connect.http import HttpPush
from didymos.data.connect.mqtt import Mqtt
from didymos.data.connect.opcua import OpcUa
from didymos.data.connect.options import Option, limited, read_options
from didymos.data.connect.replay import Replay

Row = tuple[str, int, float, int]  # tag, time_ns, value, quality
INNER = {"opcua": OpcUa, "mqtt": Mqtt, "http": HttpPush, "replay": Replay}
_MARK = "inner_"


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """inner              connector that is damaged; its url is this source's url, its options are written inner_<option>
    tags               comma separated addresses that suffer; "" = all
    drop, repeat, nan  share of samples lost, sent twice, replaced by NaN
    clock_back         share of samples whose time is set back by clock_back_s
    delay              share of payloads that come `delay_by` payloads later
    freeze_from        from this sample of each tag on (0 = the first), freeze_count samples repeat the value before
    factor             values are multiplied by it: a wrong unit
    disconnect_every   after so many payloads the connection is reported broken, the next payload lost, and back again
    gap_s              nothing for so many source seconds, beginning gap_from_s after the first sample
    """

    inner: str = limited("", allowed=("", *INNER))
    seed: int = 0
    tags: str = ""
    drop: float = limited(0.0, 0.0, 1.0)
    repeat: float = limited(0.0, 0.0, 1.0)
    nan: float = limited(0.0, 0.0, 1.0)
    clock_back: float = limited(0.0, 0.0, 1.0)
    clock_back_s: float = limited(60.0, 0.0)
    delay: float = limited(0.0, 0.0, 1.0)
    delay_by: int = limited(3, 1)
    freeze_from: int = limited(0, 0)
    freeze_count: int = limited(0, 0)
    factor: float = 1.0
    disconnect_every: int = limited(0, 0)
    gap_from_s: float = limited(0.0, 0.0)
    gap_s: float = limited(0.0, 0.0)


class Rows:
    """A connector over a list of rows: the wanted tags' rows, `size` a payload, sequence 1, 2, ..."""

    def __init__(self, source_id: str, rows: Sequence[Row], size: int = 100) -> None:
        self._id, self._rows, self._size, self._closed = source_id, tuple(rows), size, False

    async def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        wanted = {tag.address for tag in tags}
        for sequence, first in enumerate(range(0, len(self._rows), self._size), 1):
            found = [row for row in self._rows[first : first + self._size] if row[0] in wanted]
            if self._closed:
                return
            if found:
                yield Payload(batch_of(found, self._id, sequence))

    async def browse(self) -> list[dict[str, str]]:
        names = dict.fromkeys(row[0] for row in self._rows)
        return [{"address": name, "name": name, "type": "value", "unit": "", "value": ""} for name in names]

    async def close(self) -> None:
        self._closed = True


class Fake:
    """`inner`, damaged. From plant.toml the inner connector is named by option `inner`; tests may hand over any connector."""

    def __init__(
        self, source_id: str, url: str, options: Mapping[str, Option], clock: Clock, inner: Connector | None = None
    ) -> None:
        own = {name: value for name, value in options.items() if not name.startswith(_MARK)}
        passed = {name.removeprefix(_MARK): value for name, value in options.items() if name.startswith(_MARK)}
        self._options = read_options(FakeOptions, own, source_id)
        if inner is None and not self._options.inner:
            raise ConfigError(f"source {source_id}: option 'inner' is missing; write the connector to damage: {', '.join(INNER)}")
        self._inner: Connector = inner or INNER[self._options.inner](source_id, url, passed, clock)
        self._id, self._clock = source_id, clock

    async def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]:
        damage = Damage(self._options, self._id, self._clock)
        async with aclosing(self._inner.stream(tags)) as items:  # pyright: ignore[reportArgumentType]
            async for item in items:
                for out in [item] if isinstance(item, Fault) else damage.payload(item):
                    if isinstance(out, Fault) or out.batch is not None or out.waveforms:
                        yield out
                    elif out.done is not None:
                        await out.done()  # nothing is left of it to store
        for out in damage.held():
            yield out

    async def browse(self) -> list[dict[str, str]]:
        return await self._inner.browse()

    async def close(self) -> None:
        await self._inner.close()


class Damage:
    """What has come so far: all that the faults depend on."""

    def __init__(self, options: FakeOptions, source_id: str, clock: Clock) -> None:
        self._o, self._id, self._clock = options, source_id, clock
        self._only = {name.strip() for name in options.tags.split(",") if name.strip()}
        self._count: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        self._payloads = 0
        self._late: list[tuple[int, Payload]] = []
        self._first_ns: int | None = None
        self._in_gap = False

    def payload(self, given: Payload) -> Iterable[Payload | Fault]:
        """`given`, damaged, and whatever else is due with it."""
        self._payloads += 1
        batch, rows = given.batch, _rows(given)
        yield from self._connection(rows, given.waveforms)
        lost = self._o.disconnect_every and self._payloads % (self._o.disconnect_every + 1) == 0
        kept = [] if lost else [out for row in rows for out in self._row(row)]
        waves = () if lost else tuple(out for wave in given.waveforms for out in self._waveform(wave))
        sequence = batch.sequence if batch is not None else 0
        damaged = replace(given, batch=batch_of(kept, self._id, sequence) if kept else None, waveforms=waves)
        if self._hit("delay", "", self._payloads, self._o.delay):
            self._late.append((self._payloads + self._o.delay_by, damaged))
        else:
            yield damaged
        due = [late for at, late in self._late if at <= self._payloads]
        self._late = [(at, late) for at, late in self._late if at > self._payloads]
        yield from due

    def held(self) -> list[Payload]:
        """Delayed payloads at the end of the stream."""
        return [late for _, late in self._late if late.batch is not None or late.waveforms]

    def _row(self, row: Row) -> list[Row]:
        """None, one or two rows for one."""
        tag, time_ns, value, quality = row
        number = self._count[tag]
        self._count[tag] += 1
        if self._in(time_ns):
            return []
        if self._only and tag not in self._only:
            return [row]
        o = self._o
        if self._hit("drop", tag, number, o.drop):
            return []
        if o.freeze_from <= number < o.freeze_from + o.freeze_count:
            value = self._last.get(tag, value)
        self._last[tag] = value
        value *= o.factor
        if self._hit("nan", tag, number, o.nan):
            value, quality = nan, int(Quality.BAD)
        time_ns -= self._set_back(tag, number)
        return [(tag, time_ns, value, quality)] * (2 if self._hit("repeat", tag, number, o.repeat) else 1)

    def _waveform(self, wave: Waveform) -> list[Waveform]:
        tag, o = wave.channel, self._o
        number = self._count[tag]
        self._count[tag] += 1
        if self._in(wave.start_ns):
            return []
        if self._only and tag not in self._only:
            return [wave]
        if self._hit("drop", tag, number, o.drop):
            return []
        samples = wave.samples * o.factor
        damaged = replace(wave, samples=samples.astype("float32"), start_ns=wave.start_ns - self._set_back(tag, number))
        if self._hit("nan", tag, number, o.nan):
            damaged = replace(damaged, samples=(samples * nan).astype("float32"), quality=int(Quality.BAD))
        return [damaged] * (2 if self._hit("repeat", tag, number, o.repeat) else 1)

    def _connection(self, rows: Sequence[Row], waveforms: Sequence[Waveform]) -> Iterable[Fault]:
        """Faults of a broken connection, and of the gap as it begins and ends."""
        every, times = self._o.disconnect_every, [row[1] for row in rows] + [wave.start_ns for wave in waveforms]
        if every and self._payloads % (every + 1) == 0:
            yield self._fault("disconnected", "connection broken on purpose")
        if every and self._payloads > 1 and self._payloads % (every + 1) == 1:
            yield self._fault("connected", "connection back")
            yield self._fault("gap", "one payload lost")
        if self._first_ns is None and times:
            self._first_ns = min(times)
        if times and self._in(max(times)) != self._in_gap:
            self._in_gap = not self._in_gap
            yield self._fault("disconnected" if self._in_gap else "connected", f"gap on purpose at {iso(max(times))}")
            if not self._in_gap:
                yield self._fault("gap", f"no data for {self._o.gap_s:g} s of source time")

    def _in(self, time_ns: int) -> bool:
        """Is this source time inside the gap?"""
        past_s = (time_ns - (self._first_ns or 0)) / SECOND_NS
        return self._o.gap_from_s <= past_s < self._o.gap_from_s + self._o.gap_s

    def _set_back(self, tag: str, number: int) -> int:
        return round(self._o.clock_back_s * SECOND_NS) if self._hit("clock_back", tag, number, self._o.clock_back) else 0

    def _hit(self, fault: str, tag: str, number: int, share: float) -> bool:
        """True for `share` of all (tag, number), the same ones in every run."""
        if not share:
            return False
        digest = blake2b(f"{self._o.seed} {fault} {number} {tag}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * 2.0**64

    def _fault(self, kind: str, text: str) -> Fault:
        return Fault(kind, f"{self._id}: {text}", self._clock.now_ns())


def _rows(given: Payload) -> list[Row]:
    b = given.batch
    if b is None:
        return []
    names = [b.channels[place] for place in b.channel.tolist()]
    return list(zip(names, b.time_ns.tolist(), b.value.tolist(), b.quality.tolist(), strict=True))
