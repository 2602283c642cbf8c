"""Messages of the streams as rows of history: what one commit adds, and when it became known."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, final

import msgspec
import numpy as np

from didymos.core.case import Event, Record
from didymos.core.clock import DAY_NS, SECOND_NS, Clock, DataClock
from didymos.core.errors import DataError
from didymos.core.ports import Message
from didymos.core.series import Batch, Quality, Waveform
from didymos.data.history.store import Rows
from didymos.formats.wire import unpack

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Head:
    """What history needs to know of a Snapshot; the rest stays packed."""

    asset: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A Record as it travels; `Any`, because the wire format does not decode values typed `object`."""

    key: str
    kind: str
    subject: str
    time_ns: int
    body: dict[str, Any]


@final
class Knowing:
    """When rows became known, by the plant's clock: never earlier than what was stored before, also when the clock is set back, so
    that what is known at a time is always a beginning of the stream."""

    def __init__(self, clock: Clock, at_least_ns: int = 0) -> None:
        self._clock, self._last_ns = clock, at_least_ns

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, self._clock.now_ns())
        return self._last_ns

    def seen(self, time_ns: int) -> None:
        if isinstance(self._clock, DataClock):
            self._clock.seen(time_ns)


def whole_second(known_ns: int) -> int:
    """Rounded up: a sample is never said to be known too early, and ten bits of it need not be kept."""
    return -(-known_ns // SECOND_NS) * SECOND_NS


@dataclass(slots=True)
class Arrived:
    rows: Rows = field(default_factory=Rows)
    records: list[Record] = field(default_factory=list)
    sequence: int = 0


def only_days(rows: Rows, days: dict[str, set[int]]) -> Rows:
    """The rows of the given days, by table."""
    samples, waves, snapshots = (days.get(table, set()) for table in ("samples", "waveforms", "snapshots"))
    found = Rows()
    for batch, sequence, known in rows.samples:
        inside = np.isin(batch.time_ns // DAY_NS, list(samples))
        if inside.any():
            columns = (batch.channel[inside], batch.time_ns[inside], batch.value[inside], batch.quality[inside])
            found.samples.append((Batch(batch.channels, *columns), sequence, known))
    found.waveforms = [row for row in rows.waveforms if row[0].start_ns // DAY_NS in waves]
    found.snapshots = [row for row in rows.snapshots if row[1] // DAY_NS in snapshots]
    return found


def sort_in(closing: Arrived, message: Message, clock: Knowing) -> None:
    """Adds one message's rows; one that cannot be read is logged and left in the stream."""
    try:
        kind = message.subject.split(".")[0] if not message.subject.startswith("res.") else message.subject.split(".")[2]
        _SORT[kind](closing, message, clock)
    except DataError as error:
        _log.error("message %d of %s is not stored: %s", message.sequence, message.subject, error)


def _samples(closing: Arrived, message: Message, clock: Knowing) -> None:
    batch = unpack(Batch, message.data)
    columns = (batch.channel, batch.time_ns, batch.value, batch.quality)
    if len({len(c) for c in columns}) != 1 or (len(batch) and int(batch.channel.max()) >= len(batch.channels)):
        raise DataError("its columns differ in length or name a channel that it does not list")
    if any(c.dtype.kind not in "iu" for c in (batch.channel, batch.time_ns, batch.quality)) or batch.value.dtype.kind not in "fiu":
        raise DataError("its columns are not numbers: allowed are whole channel, time_ns and quality, and a number as value")
    good = batch.time_ns[batch.quality <= Quality.UNCERTAIN]
    if len(good):
        clock.seen(int(good.max()))
    if len(batch):
        closing.rows.samples.append((batch, message.sequence, whole_second(clock.now_ns())))


def _wave(closing: Arrived, message: Message, clock: Knowing) -> None:
    wave = unpack(Waveform, message.data)
    clock.seen(wave.start_ns)
    closing.rows.waveforms.append((wave, message.sequence, clock.now_ns()))


def _event(closing: Arrived, message: Message, clock: Knowing) -> None:
    e = unpack(Event, message.data)
    body = msgspec.json.encode(e.body, order="sorted").decode()
    closing.rows.events.append((e.id, e.kind, e.asset, e.time_ns, e.known_ns, body, message.sequence))


def _snapshot(closing: Arrived, message: Message, clock: Knowing) -> None:
    head = unpack(_Head, message.data)
    closing.rows.snapshots.append((head.asset, head.time_ns, message.data, message.sequence, clock.now_ns()))


def _record(closing: Arrived, message: Message, clock: Knowing) -> None:
    line = unpack(_Line, message.data)
    closing.records.append(Record(line.key, line.kind, line.subject, line.time_ns, line.body))


_SORT = {"tel": _samples, "wav": _wave, "evt": _event, "snapshot": _snapshot, "features": _samples, "record": _record}
