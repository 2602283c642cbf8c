"""The protocols by which layers meet without importing one another. Each states its promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from didymos.core.case import Record
from didymos.core.series import Batch, Series, Waveform


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream: `sequence` is the stream's own number, 1, 2, 3, ..., the same for every reader, for ever;
    `id` the message id it was published under."""

    sequence: int
    subject: str
    data: bytes
    id: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """A condition on a publish: the last stored message of `subject` has this `sequence` (0: there is none)."""

    subject: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the revision that putting it made; revisions of one key only grow."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Extent:
    """What a stream holds: sequences first to last (0 when empty), and how many bytes on disk."""

    first: int
    last: int
    bytes: int


class Subscription(Protocol):
    async def fetch(self, limit: int, timeout_s: float) -> list[Message]:
        """Up to `limit` next messages in stream order; an empty list when none came within `timeout_s`. Never skips one."""
        ...

    async def close(self) -> None: ...


class Bus(Protocol):
    """The stream; p is a partition number. Two streams exist:

    plant    tel.<p> (Batch), wav.<p> (Waveform), evt.<p> (Event)
    results  res.<p>.snapshot.<asset> (Snapshot), res.<p>.case.<case id> (Case), res.<p>.record.<asset> (Record),
             res.<p>.features.<asset> (Batch), res.<p>.fence (who may write the results of p; see `data.stream.lease`)
    """

    async def publish(self, subject: str, data: bytes, message_id: str) -> int:
        """Store one message; returns its stream sequence once it is on disk. The same `message_id` again stores nothing new."""
        ...

    async def publish_many(self, messages: Sequence[tuple[str, bytes, str]], fence: Fence | None = None) -> int:
        """Store [(subject, data, message_id)] in this order; returns the last sequence once all are on disk.
        With `fence` each is stored only while that holds, which the server decides; FencedError when it does not any more."""
        ...

    async def last(self, subject: str) -> Message | None:
        """The last stored message of `subject`."""
        ...

    async def subscribe(self, stream: str, subjects: Sequence[str], after_sequence: int) -> Subscription:
        """Every stored message of `subjects` (wildcards * and > allowed) with sequence > `after_sequence`, in order.
        With -1: the last stored message of each subject, then everything new."""
        ...

    async def extent(self, stream: str) -> Extent: ...

    async def put(self, key: str, value: bytes) -> None:
        """Checkpoint `value` under `key`, durable on return."""
        ...

    async def get(self, key: str) -> bytes | None: ...

    async def entry(self, key: str) -> Entry | None:
        """The value of `key` with its revision."""
        ...

    async def replace(self, key: str, value: bytes, revision: int) -> int:
        """`put` only while the key is at `revision` (0: it was never put), which the server decides; returns the new revision.
        FencedError when somebody else has put it meanwhile."""
        ...

    async def notify(self, subject: str, data: bytes) -> None:
        """Tell whoever listens now; not stored."""
        ...

    def listen(self, subject: str) -> AsyncIterator[tuple[str, bytes]]:
        """(subject, data) of every `notify` from now on; wildcards allowed."""
        ...

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """Ask the one process that serves `subject`. ConnectError when nobody answers in time."""
        ...

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[], Awaitable[None]]:
        """Answer every request on `subject` from now on; what it returns ends that."""
        ...

    async def close(self) -> None: ...


class HistoryClient(Protocol):
    """How everybody but the historian reads history."""

    async def read(
        self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None, upto_sequence: int | None = None
    ) -> Series:
        """Samples with start <= time < end, duplicates removed, in time order; only what was known at `known_ns`, when given.
        With `upto_sequence` the answer waits until the historian has committed that stream sequence and ignores later ones."""
        ...

    async def buckets(
        self, channel: str, start_ns: int, end_ns: int, points: int, known_ns: int | None = None
    ) -> list[tuple[int, float, float, float, int]]:
        """(time_ns, min, mean, max, worst quality) in at most `points` equal buckets; empty ones are left out."""
        ...

    async def latest(self, channels: Sequence[str]) -> dict[str, tuple[int, float, int]]:
        """channel -> (time_ns, value, quality) of its newest sample."""
        ...

    async def waveform(self, channel: str, at_ns: int) -> Waveform | None:
        """The last waveform that began at or before `at_ns`."""
        ...

    async def snapshots(self, asset: str, start_ns: int, end_ns: int) -> list[bytes]:
        """Stored belief snapshots (as published) with start <= time < end, oldest first."""
        ...

    async def page(self, channel: str, start_ns: int, end_ns: int, known_ns: int | None = None) -> tuple[Series, int | None]:
        """The first samples of `read`, and the start from which to ask on; None where these are the last."""
        ...

    async def rollup(
        self, channels: Sequence[str], how: str, start_ns: int, end_ns: int, points: int
    ) -> list[tuple[int, float, int, int, float]]:
        """(time_ns, value, worst quality, channels known, seconds known) per bucket: sum, mean, min or max over `channels` of
        their time-weighted means. The channels must share a unit; buckets of a minute or more are whole minutes."""
        ...

    async def held(self, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """(start_ns, end_ns, what is left: minutes, hours, nothing) of each stretch whose samples were dropped. Answers over it
        come from there, UNCERTAIN or worse."""
        ...

    async def state(self) -> dict[str, Any]:
        """How history stands: {"state": "ok", or what it cannot do now, "text", "bytes", "budget_bytes", "dropped_samples": days,
        "dropped_minutes": days, "lost": [text]}."""
        ...

    async def sql(self, query: str) -> Any:
        """Read-only SQL over tables `samples`, `waveforms`, `snapshots`, `events`, `minutes`, `hours`, `dropped`; a pyarrow
        Table."""
        ...


@dataclass(frozen=True, slots=True)
class TagSpec:
    """One tag to stream: `address` in the source's own words (node id, topic#field, column), unit as the source sends it."""

    address: str
    waveform: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """What a connector hands over: tag addresses as channel names, source units, untouched values.

    `done`, when given, is called once everything in this payload is on disk: only then may the connector acknowledge to its
    source (MQTT PUBACK, replay cursor, HTTP 200).
    """

    batch: Batch | None = None
    waveforms: tuple[Waveform, ...] = ()
    done: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A stream fault or its end, reported once each: kind is disconnected, connected, gap, rejected, unknown_tag (asked
    for, not there) or unmapped (there, not asked for; `text` is the address alone)."""

    kind: str
    text: str
    time_ns: int


class Connector(Protocol):
    """One wire protocol, read-only. Reconnects, back-fills and reports gaps inside; `stream` ends only on `close` or, for
    files, at their end. A first connection that fails is retried too, and reported as a Fault, never raised."""

    def stream(self, tags: Sequence[TagSpec]) -> AsyncIterator[Payload | Fault]: ...

    async def browse(self) -> list[dict[str, str]]:
        """What the source offers: [{"address", "name", "type", "unit", "value"}]. ConnectError when it cannot be reached."""
        ...

    async def close(self) -> None: ...


class Ledger(Protocol):
    def append(self, record: Record) -> int:
        """Number of the record in the chain, once on disk; the number it already has when its key is known.
        LedgerError when a known key comes with another body."""
        ...

    def verify(self) -> int:
        """Recomputes every hash; returns the number of records. LedgerError names the first that does not hold."""
        ...
