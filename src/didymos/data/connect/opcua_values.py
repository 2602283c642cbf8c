"""OPC UA notifications -> Payloads: source time (server time where there is none), status code -> Quality, untouched value."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from didymos.core.clock import Clock
from didymos.core.ports import Fault, Payload, TagSpec
from didymos.core.series import Quality, Waveform, batch_of

Notices = list[tuple[int, Any]]  # (place of the tag, asyncua DataValue)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OVERFLOW = 0x480  # info type DataValue and its overflow bit: the server's queue lost values. Part 4, table 177
_QUALITY = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)  # by the two severity bits


class Readings:
    """The tags of one source and what has been reported about them: each fault once when it starts, once when it ends."""

    def __init__(self, tags: Sequence[TagSpec], source_id: str, clock: Clock, rate_hz: float) -> None:
        self._tags, self._id, self._clock, self._rate_hz = tuple(tags), source_id, clock, rate_hz
        self._wrong: set[int] = set()
        self._missing: set[int] = set()
        self._overflowing: set[int] = set()
        self._sequence = time.time_ns() // 1000  # names batches for ever: must not repeat after a restart

    def node_ids(self) -> tuple[list[tuple[int, Any]], list[Fault]]:
        """([(place, NodeId)] of the addresses that are node ids, a Fault for each other one)."""
        from asyncua import ua

        good: list[tuple[int, Any]] = []
        bad: list[tuple[int, str]] = []
        for place, tag in enumerate(self._tags):
            try:
                good.append((place, ua.NodeId.from_string(tag.address)))
            except (ua.UaError, ValueError):
                bad.append((place, "is not a node id; write for example ns=2;s=CP01.Flow"))
        return good, self._not_there(bad)

    def unknown(self, results: Sequence[tuple[int, Any]]) -> list[Fault]:
        """Faults for the items that the server refused."""
        return self._not_there(
            [(place, f"is refused by the server: {status.name}") for place, status in results if not status.is_good()]
        )

    def _not_there(self, bad: Sequence[tuple[int, str]]) -> list[Fault]:
        fresh = [(place, why) for place, why in bad if place not in self._missing]
        self._missing.update(place for place, _ in fresh)
        return [self._fault("unknown_tag", place, why) for place, why in fresh]

    def notices(self, result: Any) -> Notices:
        """A PublishResult's data changes; empty for a keep-alive. ConnectError is left to the watchdog."""
        found: Notices = []
        for notice in result.NotificationMessage.NotificationData or ():
            found += [(item.ClientHandle, item.Value) for item in getattr(notice, "MonitoredItems", ())]
        return found

    def take(self, notices: Notices) -> Iterable[Payload | Fault]:
        rows: list[tuple[str, int, float, int]] = []
        waveforms: list[Waveform] = []
        for place, data in notices:
            status = data.StatusCode.value if data.StatusCode is not None else 0
            quality, time_ns = _QUALITY[status >> 30], self._time_ns(data)
            yield from self._toggled(
                self._overflowing, place, status & _OVERFLOW == _OVERFLOW, "gap", "values lost in the server's queue"
            )
            value = data.Value.Value if data.Value is not None else None
            tag = self._tags[place]
            try:
                if tag.waveform:
                    waveforms += self._waveform(tag, value, time_ns, quality)
                else:
                    number = float("nan") if value is None else _number(value)
                    rows.append((tag.address, time_ns, number, Quality.BAD if number != number else quality))
            except (TypeError, ValueError):
                yield from self._toggled(self._wrong, place, True, "rejected", f"holds {value!r:.60}; {_wanted(tag)} is allowed")
            else:
                yield from self._toggled(self._wrong, place, False, "rejected", "")
        if rows or waveforms:
            self._sequence += 1
            yield Payload(batch_of(rows, self._id, self._sequence) if rows else None, tuple(waveforms))

    def _waveform(self, tag: TagSpec, value: Any, time_ns: int, quality: Quality) -> list[Waveform]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise TypeError
        samples = np.array(value, np.float32)
        return [Waveform(tag.address, time_ns, self._rate_hz, samples, "", quality, self._id)] if len(samples) else []

    def _time_ns(self, data: Any) -> int:
        """Source time to the microsecond, the library's resolution; else server time; else arrival."""
        moment = data.SourceTimestamp or data.ServerTimestamp
        if moment is None:
            return self._clock.now_ns()
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND * 1000

    def _toggled(self, active: set[int], place: int, now: bool, kind: str, text: str) -> Iterable[Fault]:
        """A Fault when `place` enters or leaves `active`."""
        if now and place not in active:
            active.add(place)
            yield self._fault(kind, place, text)
        elif not now and place in active:
            active.remove(place)
            yield self._fault(kind, place, "good again")

    def _fault(self, kind: str, place: int, text: str) -> Fault:
        return Fault(kind, f"{self._id}: {self._tags[place].address} {text}", self._clock.now_ns())


def _number(value: Any) -> float:
    """A number or a boolean; text and arrays are refused, also text that looks like a number."""
    if isinstance(value, str | bytes | list):
        raise TypeError
    return float(value)


def _wanted(tag: TagSpec) -> str:
    return "an array of numbers" if tag.waveform else "a number"
