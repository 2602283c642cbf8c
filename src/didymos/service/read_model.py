"""What the service knows: the configured plant and, per asset and case, the newest result the worker published.

`PlantView` is filled once from the configuration. `ReadModel` follows the `results` stream (last message of each subject,
then everything new) and never asks anybody while a request waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from didymos.core.calendar import Calendar
from didymos.core.case import Case
from didymos.core.errors import ConnectError, DataError
from didymos.core.estimate import FieldResults, Snapshot
from didymos.core.ports import Bus, Message
from didymos.formats.wire import unpack
from didymos.plant.lifecycle import Lifecycle

log = logging.getLogger(__name__)

SUBJECTS = ("res.*.snapshot.*", "res.*.case.*", "res.*.lifecycle.*", "res.*.field.*")


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A replaceable part as it is mounted now."""

    id: str
    part: str
    serial: str


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One quantity: `kind` is sensor, input, state, virtual or waveform; unit SI; low..high the plausible range, None = open."""

    name: str
    title: str
    unit: str
    kind: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class AssetView:
    """One machine. `path` is Site/Area/Line. `orders`: (fault frequency name, multiple of shaft frequency) for spectra."""

    id: str
    name: str
    path: str
    model: str
    model_title: str
    consequence_cost: float
    components: tuple[ComponentView, ...] = ()
    channels: tuple[ChannelView, ...] = ()
    orders: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PlantView:
    """What the page needs of the configuration. `stale_s`: age of a snapshot, plant time, after which it is not trusted."""

    id: str
    name: str
    timezone: str
    assets: tuple[AssetView, ...]
    calendar: Calendar = field(default_factory=Calendar)
    currency: str = "EUR"
    stale_s: float = 3 * 3600.0

    def asset(self, asset_id: str) -> AssetView | None:
        return next((asset for asset in self.assets if asset.id == asset_id), None)


@dataclass(slots=True)
class ReadModel:
    """Newest snapshot, life cycle and Fields per asset, newest state per case. Only `follow` changes it; `changed` is told each
    asset."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    lives: dict[str, Lifecycle] = field(default_factory=dict)
    fields: dict[str, FieldResults] = field(default_factory=dict)
    sequence: int = 0
    rejected: int = 0
    connected: bool = False
    changed: Callable[[str], None] = lambda asset: None

    def take(self, message: Message) -> None:
        """Fold one message of `results` in. A message that is not what its subject says is counted and logged, never raised."""
        kind = message.subject.split(".")[2:3]
        try:
            if kind == ["snapshot"]:
                snapshot = unpack(Snapshot, message.data)
                self.snapshots[snapshot.asset] = snapshot
                asset = snapshot.asset
            elif kind == ["lifecycle"]:
                life = unpack(Lifecycle, message.data)
                self.lives[life.asset] = life
                asset = life.asset
            elif kind == ["field"]:
                found = unpack(FieldResults, message.data)
                self.fields[found.asset] = found
                asset = found.asset
            else:
                case = unpack(Case, message.data)
                self.cases[case.id] = case
                asset = case.asset
        except DataError as error:
            self.rejected += 1
            log.warning("%s, sequence %d: not taken: %s", message.subject, message.sequence, error)
            return
        self.sequence = max(self.sequence, message.sequence)
        self.changed(asset)

    async def follow(self, bus: Bus) -> None:
        """Read the stream until cancelled. A lost bus is logged once at its start and once at its end, and tried again."""
        after = -1
        while True:
            try:
                await self._read(bus, after)
            except ConnectError as error:
                if self.connected:
                    log.warning("results stream lost: %s", error)
                self.connected = False
                await asyncio.sleep(1.0)

    async def _read(self, bus: Bus, after: int) -> None:
        reader = await bus.subscribe("results", SUBJECTS, after)
        try:
            if not self.connected:
                log.info("results stream connected")
            self.connected = True
            while True:
                for message in await reader.fetch(500, 1.0):
                    self.take(message)
        finally:
            await reader.close()

    def active_cases(self, asset: str) -> list[Case]:
        """Cases of `asset` that are not closed, most urgent first."""
        found = [case for case in self.cases.values() if case.asset == asset and case.state != "closed"]
        return sorted(found, key=lambda case: (case.priority, -case.p_fail_next_stop, case.opened_ns))
