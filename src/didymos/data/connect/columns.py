"""Tag addresses -> columns: what the MQTT and HTTP connectors share between bytes of a payload and a Batch.

An address is `<topic>#<field>` (a field of telemetry) or `<topic>` (a topic of its own: one value, or a waveform).
Values go into plain lists and become NumPy columns once per batch: per value this costs a few tens of ns.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from didymos.core.errors import ConfigError
from didymos.core.ports import TagSpec
from didymos.core.series import Batch, Quality, Waveform
from didymos.formats.json_payload import decode_telemetry, decode_value, decode_waveform, number_of

_NUMBERS = {float, type(None)}
MOST_UNASKED = 1000  # names of one topic that are remembered, so that a source that invents names fills no memory
MOST_TAGS = 65535  # a batch's channel column is uint16


class Fields(dict[str, int]):
    """field -> place of its tag; -1 for a field that no tag asks for."""

    _last: tuple[list[str], array[int]] = ([], array("i"))

    def __init__(self) -> None:
        super().__init__()
        self._unasked: set[str] = set()
        self.news: list[str] = []  # fields that nobody asks for, each once; emptied by whoever reports them

    def __missing__(self, field: str) -> int:
        if field not in self._unasked and len(self._unasked) < MOST_UNASKED:
            self._unasked.add(field)
            self.news.append(field)
        return -1

    def places(self, fields: list[str]) -> array[int]:
        """Of one payload; a source sends the same fields in the same order again and again."""
        if self._last[0] != fields:
            self._last = fields, array("i", map(self.__getitem__, fields))
        return self._last[1]


class Route:
    """What arrives on one topic: fields of telemetry, one value (`single` >= 0), or a waveform."""

    __slots__ = ("fields", "single", "topic", "waveform")

    def __init__(self, topic: str) -> None:
        self.topic, self.fields, self.single, self.waveform = topic, Fields(), -1, False


def routes_of(tags: Sequence[TagSpec], source_id: str) -> dict[str, Route]:
    """topic -> Route. ConfigError for an address that cannot be one, or for more tags than a batch can hold."""
    if len(tags) > MOST_TAGS:
        raise ConfigError(f"{source_id}: {len(tags)} tags; at most {MOST_TAGS} on one source. Split the source.")
    routes: dict[str, Route] = {}
    for place, tag in enumerate(tags):
        topic, mark, field = tag.address.partition("#")
        if mark and (not field or tag.waveform):
            raise ConfigError(
                f"{source_id}: address {tag.address!r} is not allowed; write <topic>#<field> for telemetry, <topic> for a waveform"
            )
        route = routes.setdefault(topic, Route(topic))
        if mark:
            route.fields[field] = place
        else:
            route.single, route.waveform = place, tag.waveform
        if route.fields and route.single >= 0:
            raise ConfigError(f"{source_id}: topic {topic!r} is both telemetry (#field) and a tag of its own; use one of them")
    return routes


class Columns:
    """Values on their way to one Batch. Not shared between tasks."""

    def __init__(self, names: Sequence[str], source: str) -> None:
        self._names = tuple(names)
        self._source = source
        self.unasked: list[str] = []  # addresses seen for the first time that no tag names; emptied by whoever reports them
        self._clear()

    def _clear(self) -> None:
        self.index = array("i")
        self.value: list[float | None] = []
        self.time: list[int] = []
        self.count: list[int] = []
        self.waveforms: list[Waveform] = []
        self._stale: list[int] = []

    def __len__(self) -> int:
        return len(self.value)

    def add(self, route: Route, payload: bytes, arrived_ns: int, retained: bool = False) -> None:
        """Take one payload in whole, or raise DataError and take nothing."""
        if route.single < 0:
            self._telemetry(route, payload)
        elif route.waveform:
            self.waveforms.append(decode_waveform(payload, route.topic, self._source))
        else:
            time_ns, value = decode_value(payload)
            if retained and time_ns is None:
                self._stale.append(len(self.value))  # an old value without its time
            self.index.append(route.single)
            self.value.append(value)
            self.time.append(arrived_ns if time_ns is None else time_ns)
            self.count.append(1)

    def _telemetry(self, route: Route, payload: bytes) -> None:
        time_ns, values = decode_telemetry(payload)
        places = route.fields.places(list(values))
        if route.fields.news:
            self.unasked += [f"{route.topic}#{field}" for field in route.fields.news]
            route.fields.news.clear()
        numbers = list(values.values())
        if not _NUMBERS.issuperset(map(type, numbers)):
            numbers = [number_of(*item) if place >= 0 else 0.0 for place, item in zip(places, values.items(), strict=True)]
        self.index += places
        self.value += numbers
        self.time.append(time_ns)
        self.count.append(len(numbers))

    def take(self, sequence: int) -> tuple[Batch | None, tuple[Waveform, ...]]:
        """Everything added since the last `take`; None where no tag's value was among it."""
        waveforms = tuple(self.waveforms)
        place = np.frombuffer(self.index, np.int32)
        time_ns = np.repeat(np.array(self.time, np.int64), self.count)
        value = np.array(self.value, np.float64)
        quality = np.where(np.isnan(value), np.uint8(Quality.BAD), np.uint8(Quality.GOOD))
        quality[self._stale] = np.maximum(quality[self._stale], Quality.STALE)
        self._clear()
        wanted = place >= 0
        if not wanted.all():
            place, time_ns, value, quality = place[wanted], time_ns[wanted], value[wanted], quality[wanted]
        if not len(place):
            return None, waveforms
        return Batch(self._names, place.astype(np.uint16), time_ns, value, quality, self._source, sequence), waveforms
