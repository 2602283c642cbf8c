"""The past through a real worker and a real historian: late maintenance whatever is killed or lags, and the belief as of a moment.

The spindle's vibration comes as waveforms: what the worker reads off them it must find again in history. One comes two
days late.
"""

import asyncio
import contextlib
from typing import Any

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS, DataClock
from didymos.core.errors import DataError
from didymos.core.estimate import Snapshot
from didymos.core.series import Waveform, batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.infer import filters
from didymos.infer.calibrate import simulate
from didymos.plant import worker as worker_module
from didymos.plant.config import load
from didymos.plant.crew import Crew
from didymos.plant.loop import Loop
from didymos.plant.rewind import AsOf, ask_as_of
from didymos.plant.worker import Worker
from tests.plant.small import START, TOML

STEP_S, PUBLISH_S = 900, 6 * 3600
STEPS = 5 * 96
STEP_NS = STEP_S * SECOND_NS
REPLACED_NS = START + DAY_NS + 1234 * SECOND_NS
KNOWN_NS = REPLACED_NS + 3 * DAY_NS
ORDER = Event(
    "WO-7",
    "work_order_closed",
    "sp-01",
    REPLACED_NS,
    KNOWN_NS,
    {"component": "front_bearing", "action": "replaced", "new_serial": "NEW"},
)
LATE_WAVE_NS = REPLACED_NS + 600 * SECOND_NS + 7
Row = tuple[str, bytes, str]
UNITS = {c.name: c.unit for c in (*ASSETS["spindle"].inputs, *ASSETS["spindle"].sensors)}
TAGS = [name for name in UNITS if name not in ("velocity_rms", "acceleration_rms")]


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    text = TOML.replace("step_s = 300", f"step_s = {STEP_S}").replace("publish_s = 3600", f"publish_s = {PUBLISH_S}")
    text += '[[asset]]\nid = "sp-01"\nmodel = "spindle"\nbearing = "7014c"\nconsequence_cost = 20000\n'
    text += 'commissioned = "2025-01-01T00:00:00Z"\ntag = [\n'
    for name in TAGS:
        text += f'  {{ channel = "{name}", source = "s", address = "sp-01.{name}", unit = "{UNITS[name]}" }},\n'
    text += '  { channel = "acceleration", source = "s", address = "sp-01.acceleration", unit = "m/s2", waveform = true },\n]\n'
    path = tmp_path_factory.mktemp("plant") / "plant.toml"
    path.write_text(text)
    return load(path)


@pytest.fixture(scope="module")
def telemetry() -> list[tuple[int, Row]]:
    """(plant time at which it comes, message): scalar tags every step, a waveform every three hours; one comes two days late."""
    rng, model = np.random.default_rng(11), ASSETS["spindle"]
    u = np.tile(np.array(model.nominal, float), (STEPS, 1))
    u[:, 1] *= 0.8 + 0.2 * np.sin(np.arange(STEPS) / 20.0)
    y = simulate(model, np.array([model.Params()], float), u[None], float(STEP_S))[0]
    y += rng.normal(size=y.shape) * np.array([c.noise for c in model.sensors])
    table = dict(zip(UNITS, np.concatenate([u, y], axis=1).T, strict=True))
    p, found = partition("sp-01"), []
    for k in range(STEPS):
        now = START + (k + 1) * STEP_NS
        rows = [(f"sp-01.{name}", now, float(table[name][k]), 0) for name in TAGS]
        found.append((now, (f"tel.{p}", pack(batch_of(rows)), f"t{k}")))
        if k % 12 == 0:
            found.append((now, wave(rng, now - 1)))
    found.append((LATE_WAVE_NS + 2 * DAY_NS, wave(rng, LATE_WAVE_NS)))
    return sorted(found, key=lambda item: item[0])


def wave(rng, start_ns: int) -> Row:
    samples = rng.normal(scale=4.0, size=1024).astype(np.float32)
    return f"wav.{partition('sp-01')}", pack(Waveform("sp-01.acceleration", start_ns, 25_600.0, samples, "m/s2")), f"w{start_ns}"


def stream(telemetry, order_ns: int | None = None) -> list[Row]:
    """All messages in the order in which they come; the work order, twice, at plant time `order_ns`."""
    items = list(telemetry)
    if order_ns is not None:
        message = f"evt.{partition('sp-01')}", pack(ORDER)
        items += [(order_ns, (*message, "o1")), (order_ns, (*message, "o2"))]  # another id: it does reach the worker twice
    return [row for _, row in sorted(items, key=lambda item: item[0])]


@contextlib.asynccontextmanager
async def historian(bus, folder):
    options = HistoryOptions(commit_s=0.05, compact_s=0.2)  # closed days included
    task = asyncio.create_task(Historian(options).run(bus, folder, DataClock(), lambda record: None))
    try:
        yield HistoryClient(bus, 20.0)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        bus._servers.clear()


async def snapshots_of(bus) -> list[Snapshot]:
    reader = await bus.subscribe("results", ["res.*.snapshot.>"], 0)
    found = []
    while messages := await reader.fetch(500, 0.05):
        found += [unpack(Snapshot, m.data) for m in messages]
    return found


class Killed(Exception):
    pass


async def lived(
    plant, messages, folder, worker_kind: type[Worker] = Worker, begin: asyncio.Event | None = None
) -> tuple[Loop, list[Snapshot]]:
    """All messages through worker and historian, which starts at `begin`; a killed worker is started anew."""
    bus = MemoryBus()
    await bus.publish_many(messages)

    async def work() -> Loop:
        kind = worker_kind
        while True:
            loop = Loop(plant)
            try:
                await kind(loop, bus, HistoryClient(bus, 20.0)).run(until_idle_s=0.3)
                return loop
            except Killed:
                kind = Worker

    working = asyncio.create_task(work())
    if begin is not None:
        await begin.wait()
    async with historian(bus, folder):
        loop = await working
    return loop, await snapshots_of(bus)


def test_the_order_in_time_and_three_days_late_give_the_same_belief(plant, telemetry, tmp_path):
    """But for the waveform that came two days late: it was not folded in then, and is when the days are lived again."""
    punctual = [item for item in telemetry if item[1][2] != f"w{LATE_WAVE_NS}"]
    _, in_time = asyncio.run(lived(plant, stream(punctual, REPLACED_NS), tmp_path / "a"))
    _, late = asyncio.run(lived(plant, stream(punctual, KNOWN_NS), tmp_path / "b"))
    assert len(in_time) == len(late) == (STEPS - 1) * STEP_S // PUBLISH_S
    np.testing.assert_allclose(late[-1].mean, in_time[-1].mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(late[-1].cov, in_time[-1].cov, rtol=1e-9, atol=1e-14)
    assert late[-1].components == in_time[-1].components
    assert {c.id: c.since_ns for c in late[-1].components}["front_bearing"] == REPLACED_NS
    between = next(i for i, s in enumerate(late) if s.time_ns > REPLACED_NS + DAY_NS)
    assert not np.allclose(late[between].cov, in_time[between].cov, rtol=1e-3)  # the order was not known then


@pytest.fixture(scope="module")
def undisturbed(plant, telemetry, tmp_path_factory):
    loop, published = asyncio.run(lived(plant, stream(telemetry, KNOWN_NS), tmp_path_factory.mktemp("history")))
    return loop.state(), published


class DiesAfter(Worker):
    """Killed when it has rewound, before anything of it is published or saved."""

    async def take_rewinds(self) -> None:
        await super().take_rewinds()
        raise Killed


class DiesBefore(Worker):
    async def take_rewinds(self) -> None:
        await self.publish()
        raise Killed


@pytest.mark.parametrize("kind", [pytest.param(DiesBefore, marks=pytest.mark.slow), DiesAfter])
def test_a_worker_killed_around_the_rewind_ends_as_if_nothing_had_happened(
    kind, plant, telemetry, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setattr(worker_module, "CHECKPOINT_S", 0.0)  # every round
    monkeypatch.setattr(worker_module, "FETCH", 100)
    loop, published = asyncio.run(lived(plant, stream(telemetry, KNOWN_NS), tmp_path, kind))
    assert loop.state() == undisturbed[0]
    assert [pack(s) for s in published] == [pack(s) for s in undisturbed[1]]


def test_a_historian_that_is_away_holds_the_rewind_up_and_changes_nothing(plant, telemetry, undisturbed, tmp_path):
    begin = asyncio.Event()

    class Tells(Worker):
        async def take_rewinds(self) -> None:
            begin.set()
            await super().take_rewinds()

    loop, published = asyncio.run(lived(plant, stream(telemetry, KNOWN_NS), tmp_path, Tells, begin))
    assert loop.state() == undisturbed[0]
    assert [pack(s) for s in published] == [pack(s) for s in undisturbed[1]]


def test_a_worker_that_lives_the_days_again_when_history_knows_the_future_says_the_same(
    plant, telemetry, undisturbed, tmp_path, monkeypatch
):
    """It goes on from a checkpoint long before the order; by now history has what came after it, late waveform included."""
    late = [((time_ns + DAY_NS if row[2] == f"w{LATE_WAVE_NS}" else time_ns) + 1, row) for time_ns, row in telemetry]
    messages = stream(late, KNOWN_NS)  # the late waveform comes after the order here
    assert [row[2] for row in messages].index(f"w{LATE_WAVE_NS}") > [row[2] for row in messages].index("o1")
    monkeypatch.setattr(worker_module, "CHECKPOINT_S", 0.0)
    monkeypatch.setattr(worker_module, "FETCH", 200)
    saved: list[bytes] = []

    class Remembering(Worker):
        async def checkpoint(self, idle: bool = True) -> None:
            await super().checkpoint(idle)
            saved.append(await self.bus.get(self.name) or b"")

    async def both() -> tuple[bytes, bytes]:
        bus, states = MemoryBus(), []
        await bus.publish_many(messages)
        async with historian(bus, tmp_path) as history:
            for kind in (Remembering, Worker):
                loop = Loop(plant)
                await kind(loop, bus, history).run(until_idle_s=0.3)
                states.append(loop.state())
                await bus.put("worker", saved[1])
        return states[0], states[1]

    first, second = asyncio.run(both())
    assert first == second


def test_the_belief_as_of_a_moment(plant, telemetry, tmp_path):
    """Where a snapshot was published: its bytes. Between two: what the second one was made from. Asked twice: the same bytes."""

    async def ask() -> dict[str, Any]:
        bus = MemoryBus()
        await bus.publish_many(stream(telemetry, KNOWN_NS))
        async with historian(bus, tmp_path) as history:
            crew = Crew(plant, bus, history)
            working = asyncio.create_task(crew.run())
            while not crew.workers or crew.workers[partition("sp-01")].loop.sequence < len(telemetry) + 2:
                assert not working.done() or working.result() is None
                await asyncio.sleep(0.1)

            async def as_of(time_ns, known_ns=None):
                return await ask_as_of(bus, AsOf("sp-01", time_ns, known_ns))

            published = await snapshots_of(bus)
            early = next(s for s in published if s.time_ns > START + DAY_NS // 2)
            found = {
                "early": early,
                "at": await as_of(early.time_ns),
                "within the step": await as_of(early.time_ns + STEP_NS - 1),
                "before": await as_of(early.time_ns - STEP_NS),
                "before again": await as_of(early.time_ns - STEP_NS),
                "hindsight": await as_of(REPLACED_NS + DAY_NS),
                "then": await as_of(REPLACED_NS + DAY_NS, REPLACED_NS + 2 * DAY_NS),
            }
            for moment in (START - DAY_NS, START + 100 * DAY_NS):
                with pytest.raises(DataError, match=r"sp-01: no belief at .*; there are beliefs from 2026-01-05T06:15:00Z to"):
                    await as_of(moment)
            with pytest.raises(DataError, match="no belief is kept of it here; it is of sp-01"):
                await ask_as_of(bus, AsOf(neighbour("sp-01"), START))
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            return found

    found = asyncio.run(ask())
    early = found["early"]
    for name in ("at", "within the step"):
        assert found[name][0].tobytes() == early.mean.tobytes()
        assert filters.pack_cov(found[name][1]).tobytes() == early.cov.tobytes()
    assert found["before"][0].tobytes() == found["before again"][0].tobytes()
    assert found["before"][1].tobytes() == found["before again"][1].tobytes()
    step_before = alone(plant, telemetry, early.time_ns - STEP_NS)
    np.testing.assert_allclose(found["before"][0], step_before[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["before"][1], step_before[1], rtol=1e-9, atol=1e-14)
    spall = ASSETS["spindle"].State._fields.index("front_spall")
    never = alone(plant, telemetry, last_step(REPLACED_NS + DAY_NS))
    np.testing.assert_allclose(found["then"][0], never[0], rtol=1e-9, atol=1e-12)  # what was believed, not knowing of the order
    np.testing.assert_allclose(found["then"][1], never[1], rtol=1e-9, atol=1e-14)
    assert not np.allclose(found["hindsight"][1][spall, spall], found["then"][1][spall, spall], rtol=1e-3)


def last_step(time_ns: int) -> int:
    """The end of the last step at or before it."""
    return time_ns // STEP_NS * STEP_NS


def neighbour(asset: str) -> str:
    """Another id of the same partition, so that the same worker is asked."""
    return next(id for id in (f"x-{i}" for i in range(10_000)) if partition(id) == partition(asset))


def alone(plant, telemetry, time_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a loop that stands at `time_ns`."""
    from didymos.core.ports import Message

    loop = Loop(plant)
    for n, (subject, data, _) in enumerate(stream(telemetry), 1):
        loop.feed(Message(n, subject, data))
        if int(loop.fleets["spindle"].state.time_ns[0]) == time_ns:
            return loop.fleets["spindle"].state.mean[0], loop.fleets["spindle"].state.cov[0]
    raise AssertionError("never stood there")
