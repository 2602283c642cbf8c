"""Recorded bearings by MQTT: learn each one's prior from the others, publish all, wait for the verdicts, hold them to the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from didymos.bench import femto
from didymos.core.channel import channel_id
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Bus
from didymos.core.series import Waveform
from didymos.data.history.client import HistoryClient
from didymos.formats.wire import unpack
from didymos.infer import bearing_life
from didymos.plant.baseline import rating_life_s
from didymos.plant.config import Plant
from didymos.plant.replay import LAYOUT, Recording, recordings, send, teach, time_of
from didymos.service.replay_results import Said, bearing_rows, bearing_summary

AHEAD = 400  # snapshots on the way to their verdict, beside those that wait for slower channels and the next publication
STALL_S = 120.0  # without any new verdict for so long, something is wrong
FIRST_S = 60.0  # until the twin's edge must have taken the first round
LOOK_S = 0.02
STORED_S = 60.0  # history may be this much later than the verdicts
PART = 500  # snapshots of one channel that history counts at once

log = logging.getLogger("didymos.replay")


class Judged:
    """How far the verdicts have come, read off the snapshots that `said` gathers."""

    def __init__(self, plant: Plant, found: Sequence[Recording], said: Said) -> None:
        step_ns, every = round(plant.step_s * SECOND_NS), max(1, round(plant.publish_s / plant.step_s))
        self.found, self.said = found, said
        self.total = sum(each.snapshots for each in found)
        self.waiting = len(found) * (ceil((plant.lateness_s + plant.publish_s) / LAYOUT.period_s) + 1)
        self._last_ns = {
            each.asset: (time_of(each.snapshots - 1) - round(plant.lateness_s * SECOND_NS)) // step_ns // every * every * step_ns
            for each in found
        }
        self._moved = (0, time.monotonic())

    def count(self) -> int:
        """Snapshots judged so far; the whole recording once its last verdict that can come has come."""
        return sum(self._of(each) for each in self.found)

    def _of(self, recording: Recording) -> int:
        newest = self.said.newest.get(recording.asset)
        if newest is None:
            return recording.snapshots if self._last_ns[recording.asset] < LAYOUT.start_ns else 0
        if newest.time_ns >= self._last_ns[recording.asset]:
            return recording.snapshots
        return (newest.time_ns - LAYOUT.start_ns) // round(LAYOUT.period_s * SECOND_NS) + 1

    async def until(self, count: int, look: Callable[[], None]) -> None:
        """Returns once `count` are judged; calls `look` meanwhile. DataError when nothing moves for STALL_S."""
        while (now := self.count()) < count:
            if now != self._moved[0]:
                self._moved = (now, time.monotonic())
            if time.monotonic() - self._moved[1] > STALL_S:
                raise DataError(
                    f"replay: no new verdict for {STALL_S:.0f} s; {now} of {self.total} snapshots are judged. See roles.log."
                )
            look()
            await asyncio.sleep(LOOK_S)
        self._moved = (now, time.monotonic())


def work(plant: Plant, data: Path, speed: float) -> Callable[[Bus, Said, Console], Coroutine[Any, Any, dict[str, Any]]]:
    """Learns the priors now; what it returns publishes everything and waits until all is judged."""
    found = recordings(plant, data)
    learn(plant, found)

    async def run(bus: Bus, said: Said, console: Console) -> dict[str, Any]:
        said.keep = frozenset(each.asset for each in found)
        await publish(plant, found, speed, bus, Judged(plant, found, said), console)
        rows = bearing_rows(plant, found, said)
        waves = sum(len(each.wires) * each.snapshots for each in found)
        counts = {
            "snapshots": sum(each.snapshots for each in found),
            "waveforms": waves,
            "waveforms_stored": await stored(bus, found, channels_of(plant, found)),
        }
        return {"form": "waveforms", **counts, **bearing_summary(rows), "bearings": rows}

    return run


def learn(plant: Plant, found: Sequence[Recording]) -> None:
    """The prior of each bearing, from the whole lives of all the others."""
    histories = {}
    for each in found:
        shown = [bearing_life.indicator(state) for state in femto.follow(femto.read_levels(each.file))]
        histories[each.asset] = bearing_life.History(np.array(shown), each.life_s, rating_life_s(plant.asset(each.asset)))
    teach(plant, histories)


async def publish(plant: Plant, found: Sequence[Recording], speed: float, bus: Bus, judged: Judged, console: Console) -> None:
    """Every snapshot to the broker, never far ahead of the verdicts; returns when the last verdict is there."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        out, back = (bar.add_task(text, total=judged.total) for text in ("snapshots published", "snapshots judged"))

        def look() -> None:
            bar.update(back, completed=judged.count())

        async def room(sent: int) -> None:
            look()
            await judged.until(sent - AHEAD - judged.waiting, look)

        arrived = Arrived(bus, plant, found)
        async for sent in send(found, speed, arrived.look, room):
            bar.update(out, completed=sent)
        await judged.until(judged.total, look)
        look()


def channels_of(plant: Plant, found: Sequence[Recording]) -> dict[str, str]:
    """topic -> channel id of every wire."""
    topics = {topic for each in found for topic, _ in each.wires}
    return {t.address: channel_id(a.id, t.channel) for a in plant.assets for t in a.tags if t.address in topics}


class Arrived:
    """Whether the first waveform of every tag is on the stream. ConnectError after FIRST_S."""

    def __init__(self, bus: Bus, plant: Plant, found: Sequence[Recording]) -> None:
        self._missing = {channel: topic for topic, channel in channels_of(plant, found).items()}
        self._bus, self._began, self._after = bus, time.monotonic(), 0

    async def look(self) -> bool:
        subscription = await self._bus.subscribe("plant", ("wav.*",), self._after)
        try:
            while self._missing and (messages := await subscription.fetch(100, 1.0)):
                for message in messages:
                    self._missing.pop(unpack(Waveform, message.data).channel, None)
                    self._after = message.sequence
        finally:
            await subscription.close()
        if self._missing and time.monotonic() - self._began > FIRST_S:
            raise ConnectError(
                f"replay: after {FIRST_S:.0f} s the twin's edge has not taken {', '.join(self._missing.values())} from the broker. "
                "See roles.log for what it says about its source."
            )
        return not self._missing


async def stored(bus: Bus, found: Sequence[Recording], channels: Mapping[str, str]) -> int | None:
    """Waveforms that history holds of these recordings; waits STORED_S until it has them all. None when it cannot say.

    channels: topic -> channel id. History counts a part at a time: its SQL takes whole waveforms into memory."""
    history, until_s, total = HistoryClient(bus), time.monotonic() + STORED_S, 0
    for each in found:
        for channel in (channels[topic] for topic, _ in each.wires):
            for first in range(0, each.snapshots, PART):
                stop = min(first + PART, each.snapshots)
                counted = await _count(history, channel, first, stop, until_s)
                if counted is None:
                    return None
                total += counted
    return total


async def _count(history: HistoryClient, channel: str, first: int, stop: int, until_s: float) -> int | None:
    """Waveforms of snapshots first ... stop - 1."""
    when = f"channel = '{channel}' and start_ns >= {time_of(first)} and start_ns < {time_of(stop)}"
    while True:
        try:
            found = (await history.sql(f"select count(*) as n from waveforms where {when}")).to_pylist()[0]["n"]
        except DataError as error:
            log.warning("history does not count its waveforms: %s", error)
            return None
        if found >= stop - first or time.monotonic() > until_s:
            return found
        await asyncio.sleep(0.5)
