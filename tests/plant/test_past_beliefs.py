"""Beliefs of back-filled days equal those of a twin that lived them, to the byte; a worker that has begun keeps its own."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from didymos.core.case import Case
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
from didymos.data.stream.server import ServerConfig, free_port, start, stop
from didymos.decide.alerts import Watch
from didymos.formats.wire import pack, unpack
from didymos.plant import past_beliefs
from didymos.plant.backfill import Order, backfill
from didymos.plant.bind import Binder
from didymos.plant.config import Plant, load
from didymos.plant.history_owner import owner_of
from didymos.plant.loop import Loop, LoopState
from didymos.plant.parcels import parcels
from didymos.plant.past_beliefs import Recomputed, recompute
from didymos.plant.worker import Saved, Worker
from tests.plant.small import START, plant_text, samples

STEPS, CUT = 700, 400  # steps of 300 s: 2.4 days; the worker begins to live at CUT


@pytest.fixture(scope="module")
def rows():
    return samples(STEPS)


@pytest.fixture
def plant(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(plant_text() + f'[store]\npath = "{tmp_path / "store"}"\n')
    return load(path)


def export(folder: Path, rows, name: str = "a.csv") -> Path:
    path = folder / name
    lines = [f"{channel},{time_ns},{value!r}" for step in rows for channel, time_ns, value, _ in step]
    path.write_text("\n".join(["tag,time,value", *lines, ""]))
    return path


def stream(plant: Plant, rows, first: int = 1) -> list[Message]:
    """The messages that edge would have sent: bound, one a step and partition."""
    binder, found = Binder(plant, "s"), []
    for step in rows:
        bound = binder.batch(batch_of(step), step[0][1])
        for p, _, part in parcels(bound, 10**6):
            found.append(Message(first + len(found), f"tel.{p}", pack(part)))
    return found


def lived(plant: Plant, rows) -> tuple[Loop, list[Snapshot]]:
    loop = Loop(plant)
    for message in stream(plant, rows):
        loop.feed(message)
    return loop, [unpack(Snapshot, data) for subject, data, _ in loop.outputs if ".snapshot." in subject]


def plain(state: bytes) -> bytes:
    """The state without the number of the last message, which a past that was never streamed does not have."""
    return pack(replace(unpack(LoopState, state), sequence=0))


def bare(snapshot: Snapshot) -> bytes:
    return pack(replace(snapshot, sequence=0))


def run(plant: Plant, path: Path) -> Recomputed:
    from didymos.data.backfill.chunks import Export
    from didymos.formats.stamps import Stamps

    with ExitStack() as stack:
        owner = stack.enter_context(owner_of(plant))
        report = backfill(plant, Order(str(path), Export(Stamps("ns"))), lambda: owner)
        return recompute(plant, report, owner)


def checkpoint(plant: Plant) -> Saved:
    saved = past_beliefs.with_bus(plant, None, past_beliefs._checkpoint)
    assert saved is not None
    return saved


def stored(plant: Plant) -> dict[tuple[str, int], bytes]:
    with owner_of(plant) as owner:
        table = owner.sql("SELECT asset, time_ns, data FROM snapshots ORDER BY sequence").to_pylist()
    return {(row["asset"], row["time_ns"]): row["data"] for row in table}


def test_a_past_that_was_imported_equals_one_that_was_lived_and_the_worker_goes_on_from_it(plant, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(past_beliefs, "AT_ONCE", 700)  # many reads a day
    whole, snapshots = lived(plant, rows[:CUT])
    found = run(plant, export(tmp_path, rows[:CUT]))
    assert found.handed_over
    assert (found.samples, found.snapshots) == (sum(map(len, rows[:CUT])), len(snapshots))
    saved = checkpoint(plant)
    assert saved.sequence == 0
    assert plain(saved.state) == plain(whole.state())
    assert stored(plant) == {(s.asset, s.time_ns): bare(s) for s in snapshots}
    assert run(plant, tmp_path / "a.csv") == replace(found)
    assert checkpoint(plant).state == saved.state

    # from here it lives: the same as a twin that lived through all of it
    for message in stream(plant, rows[CUT:], whole.sequence + 1):
        whole.feed(message)
    asyncio.run(live(plant, stream(plant, rows[CUT:])))
    later = checkpoint(plant)
    assert later.sequence == len(stream(plant, rows[CUT:]))
    assert plain(later.state) == plain(whole.state())


@pytest.mark.slow
def test_a_worker_that_has_begun_keeps_its_belief_and_the_days_before_get_theirs(plant, rows, tmp_path):
    asyncio.run(live(plant, stream(plant, rows[CUT:])))
    before, mine = checkpoint(plant), stored(plant)
    begins = min(t for _, t in mine)
    found = run(plant, export(tmp_path, rows))  # its own days are in the export too
    assert not found.handed_over
    assert any("the live belief is left" in s for s in found.sentences)
    assert checkpoint(plant) == before
    after = stored(plant)
    assert {key: after[key] for key in mine} == mine
    past = {key: data for key, data in after.items() if key not in mine}
    assert past
    assert all(t < begins + DAY_NS for _, t in past)
    _, expected = lived(plant, rows[:CUT])
    early = {(s.asset, s.time_ns): bare(s) for s in expected if s.time_ns < begins - 3600 * SECOND_NS}
    assert {key: past[key] for key in early} == early
    assert min(t for _, t in past) // DAY_NS == START // DAY_NS


async def live(plant: Plant, messages: list[Message]) -> None:
    """A real stream, historian and worker until all is taken in."""
    plant.store.mkdir(exist_ok=True)
    config = ServerConfig(plant.store / "stream", free_port())
    child = start(config)
    try:
        bus = await open_bus(config.url)
        options = HistoryOptions(commit_s=0.05)
        historian = asyncio.create_task(Historian(options).run(bus, plant.store / "history", plant.clock, lambda _: None))
        last = await bus.publish_many([(m.subject, m.data, f"m{m.sequence}") for m in messages])
        await Worker(Loop(plant), bus, HistoryClient(bus)).run(until_idle_s=1.0)
        saved = unpack(Saved, await bus.get("worker") or b"")
        await HistoryClient(bus).reached("plant", last)
        await HistoryClient(bus).reached("results", saved.results)
        historian.cancel()
        await asyncio.gather(historian, return_exceptions=True)
        await bus.close()
    finally:
        stop(child)


def motor_as_generic(text: str) -> str:
    head, _, rest = text.partition('[[asset]]\nid = "cm-01"')
    generic = '[[asset]]\nid = "cm-01"\nmodel = "generic"\nregime = "speed"\nchannel = [\n'
    for name, unit in (("speed", "rad/s"), ("current", "A")):
        generic += f'  {{ name = "{name}", unit = "{unit}" }},\n'
    generic += "]\ntag = [\n"
    for name, unit in (("speed", "rad/s"), ("current", "A")):
        generic += f'  {{ channel = "{name}", source = "s", address = "cm-01.{name}", unit = "{unit}" }},\n'
    return head + generic + "]\n[[asset]]" + rest.partition("[[asset]]")[2]


async def put(bus, data: bytes) -> None:
    await bus.put(past_beliefs.WORKER, data)


async def results(bus) -> list[Message]:
    reader, found = await bus.subscribe("results", ["res.>"], 0), []
    while messages := await reader.fetch(500, 0.5):
        found += messages
    return found


@pytest.mark.slow
def test_computed_anew_with_another_model_the_past_speaks_for_that_model_and_takes_back_what_the_other_said(plant, rows, tmp_path):
    run(plant, export(tmp_path, rows[:CUT]))
    saved = checkpoint(plant)
    state = unpack(LoopState, saved.state)
    doubt = Case(
        "cm-01-anomaly-1", "cm-01", "anomaly", "machine", "open", 4, START, START, "Unlike itself.", "Look.", "", (), 0.0, None, 0.0
    )
    state.memory["cm-01"].watch = Watch(cases=(doubt,), opened=1)
    past_beliefs.with_bus(plant, None, put, pack(replace(saved, state=pack(state))))
    other = tmp_path / "other.toml"
    other.write_text(motor_as_generic(plant_text()) + f'[store]\npath = "{tmp_path / "store"}"\n')
    changed = load(other)
    found = run(changed, tmp_path / "a.csv")
    assert any("cm-01" in s for s in found.sentences)
    said = past_beliefs.with_bus(changed, None, results)
    last = [unpack(Snapshot, m.data) for m in said if ".snapshot.cm-01" in m.subject][-1]
    assert last.model == "generic"
    cases = [unpack(Case, m.data) for m in said if m.subject.endswith(doubt.id)]
    said_last = "taken back: its past was computed anew, with the model generic"
    assert [(c.state, c.verdict) for c in cases] == [("closed", said_last)]
    assert cases[0].changed_ns == last.time_ns
    newest = [
        s for s in (unpack(Snapshot, data) for data in stored(changed).values()) if s.asset == "cm-01" and s.time_ns == last.time_ns
    ]
    assert [s.model for s in newest] == ["generic"]
