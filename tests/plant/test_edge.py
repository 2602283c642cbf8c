"""Bad input through the whole edge into history: every row is there, what is wrong with it stands in its quality or in the log."""

import asyncio
import contextlib
import logging
from collections import Counter

import numpy as np
import pytest

from didymos.core.clock import SECOND_NS, DataClock
from didymos.core.errors import ConnectError, DataError
from didymos.core.ports import Fault, Payload
from didymos.core.series import Batch, Quality, Waveform, batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream.memory import MemoryBus
from didymos.data.stream.server import free_port
from didymos.formats.wire import unpack
from didymos.plant import edge as edge_module
from didymos.plant.config import load
from didymos.plant.edge import Edge
from didymos.plant.roles import connectors
from tests.plant.small import START, STEP_S, plant_text, samples

STEPS = 40
GOOD = samples(STEPS)
ROWS = [row for step in GOOD for row in step]
QUICK = HistoryOptions(commit_s=0.02, compact_s=60.0)


class Listed:
    """A connector that hands over a list of items."""

    def __init__(self, items):
        self.items, self.done = items, []

    async def stream(self, tags):
        for i, item in enumerate(self.items):
            if isinstance(item, Payload):
                yield Payload(item.batch, item.waveforms, self.acknowledge(i))
            else:
                yield item
            await asyncio.sleep(0)

    def acknowledge(self, i):
        async def done():
            self.done.append(i)

        return done


def plant_of(folder, *changes, rows=ROWS, batch_rows=50):
    """The small plant, its source a `fake` around the replay of `rows`."""
    lines = [f"{time_ns},{channel},{value!r}" for channel, time_ns, value, _ in rows]
    (folder / "record.csv").write_text("time,tag,value\n" + "\n".join(lines) + "\n")
    text = plant_text().replace('type = "replay"\nurl = "file:///nowhere.csv"', 'type = "fake"\nurl = "@"\ninner = "replay"\nMORE')
    more = 'inner_layout = "long"\ninner_time_unit = "ns"\ninner_batch_rows = @rows\n' + "".join(
        f"{change}\n" for change in changes
    )
    text = text.replace("MORE", more).replace("@rows", str(batch_rows)).replace("@", str(folder / "record.csv"))
    (folder / "plant.toml").write_text(text)
    return load(folder / "plant.toml")


@contextlib.asynccontextmanager
async def historian(bus, folder):
    task = asyncio.create_task(Historian(QUICK).run(bus, folder / "history", DataClock(), lambda record: None))
    try:
        yield HistoryClient(bus, 10.0)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def stored(plant, folder, *more):
    """Everything that one edge after another sends through bus and historian; history's rows as (channel, time_ns, value, quality),
    by channel and time; and how many messages the stream held after each edge."""
    counts = []

    async def run():
        bus = MemoryBus()
        async with historian(bus, folder) as history:
            for each in (plant, *more):
                await Edge(each, bus, connectors(each)).run()
                counts.append(len(bus._streams["plant"].messages))
            await history.read("cm-01.speed", START, START, upto_sequence=counts[-1])  # waits until history has everything
            table = await history.sql("select channel, time_ns, value, quality from samples order by channel, time_ns, sequence")
        return [tuple(row.values()) for row in table.to_pylist()]

    found = asyncio.run(run())
    return (found, counts) if more else found


def by_name(rows):
    return {(channel, time_ns): (value, quality) for channel, time_ns, value, quality in rows}


def test_good_input_arrives_whole_and_unmarked(tmp_path):
    found = stored(plant_of(tmp_path), tmp_path)
    assert by_name(found) == by_name(ROWS)
    assert len(found) == len(ROWS)


def test_values_that_are_not_numbers_are_stored_and_marked_bad(tmp_path):
    found = stored(plant_of(tmp_path, "nan = 0.1"), tmp_path)
    assert {(c, t) for c, t, _, _ in found} == {(c, t) for c, t, _, _ in ROWS}
    bad = [row for row in found if row[3] == Quality.BAD]
    assert 0.05 * len(ROWS) < len(bad) < 0.15 * len(ROWS)  # the share asked for
    assert all(np.isnan(row[2]) for row in bad)
    assert {row[3] for row in found} == {Quality.GOOD, Quality.BAD}


def test_repeats_are_stored_once(tmp_path):
    found = stored(plant_of(tmp_path, "repeat = 0.5"), tmp_path)
    assert sorted(found) == sorted(ROWS)


def test_time_that_goes_backwards_beyond_the_lateness_is_marked_late_and_kept(tmp_path):
    """Set back by 20.5 steps: no two samples of a channel then share a time, so that every row must be found."""
    back_s = 20.5 * STEP_S
    found = stored(plant_of(tmp_path, "clock_back = 0.1", f"clock_back_s = {back_s}"), tmp_path)
    assert len(found) == len(ROWS)
    marks = Counter(row[3] for row in found)
    moved = [row for row in found if (row[1] - START) % (STEP_S * SECOND_NS)]
    assert set(marks) == {Quality.GOOD, Quality.LATE}
    assert len(moved) > 0.05 * len(ROWS)
    late = {(c, t) for c, t, _, q in found if q == Quality.LATE}
    assert late <= {(c, t) for c, t, _, _ in moved}
    ninth_ns = START + int((9 - 20.5) * STEP_S * SECOND_NS)  # before it, a channel may have had no other sample
    assert {(c, t) for c, t, _, _ in moved if t >= ninth_ns} <= late


def test_samples_later_than_allowed_are_marked_and_kept(tmp_path, caplog):
    """Payloads of one step each that come six payloads later: 1800 s, three times the lateness allowed."""
    rows = [row for row in ROWS if row[0].startswith("hu-01")]
    found = stored(plant_of(tmp_path, "delay = 0.2", "delay_by = 6", rows=rows, batch_rows=2), tmp_path)
    assert {(c, t): v for c, t, v, _ in found} == {(c, t): v for c, t, v, _ in rows}
    assert len(found) == len(rows)
    marks = Counter(row[3] for row in found)
    assert set(marks) == {Quality.GOOD, Quality.LATE}
    assert 0.05 * len(rows) < marks[Quality.LATE] < 0.4 * len(rows)
    unknown = [r.getMessage() for r in caplog.records if "unknown_tag" in r.getMessage()]
    assert any("record.csv has no 'cm-01.speed'" in text for text in unknown)  # the other machines' tags are not in this file
    assert len(unknown) == len(set(unknown)) == 16 - 2


def test_a_gap_of_ten_minutes_is_marked_where_it_begins_and_hides_no_sample(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "didymos.edge"):
        found = stored(plant_of(tmp_path, f"gap_from_s = {10 * STEP_S}", "gap_s = 600", batch_rows=16), tmp_path)
    first_ns, last_ns = START + 11 * STEP_S * SECOND_NS, START + 12 * STEP_S * SECOND_NS  # two steps of 300 s
    kept = [row for row in ROWS if not first_ns <= row[1] <= last_ns]
    assert by_name([row for row in found if row[3] != Quality.GAP]) == by_name(kept)
    gaps = [row for row in found if row[3] == Quality.GAP]
    assert {row[0] for row in gaps} == {row[0] for row in ROWS}
    assert all(np.isnan(row[2]) for row in gaps)
    assert {row[1] for row in gaps} == {START + 10 * STEP_S * SECOND_NS + 1}  # just after the last sample before it
    said = [r.getMessage() for r in caplog.records if r.name == "didymos.edge"]
    assert [text for text in said if "disconnected" in text and "gap on purpose" in text]
    assert [text for text in said if "gap: s: no data for 600 s" in text]


def test_a_wrong_unit_shows_as_out_of_range(tmp_path):
    """Temperatures a thousand times too large."""
    found = stored(plant_of(tmp_path, 'tags = "cm-01.winding_temperature"', "factor = 1000.0"), tmp_path)
    marked = {c for c, _, _, q in found if q == Quality.OUT_OF_RANGE}
    assert marked == {"cm-01.winding_temperature"}
    assert len(found) == len(ROWS)


def test_a_server_that_cannot_be_reached_is_named_once_and_the_other_sources_go_on(tmp_path, caplog):
    plant_of(tmp_path)
    port = free_port()
    text = (tmp_path / "plant.toml").read_text()
    text += f'[[source]]\nid = "plc"\ntype = "opcua"\nurl = "opc.tcp://127.0.0.1:{port}"\nretry_s = 0.05\n'
    text = text.replace('source = "s", address = "hu-01.speed"', 'source = "plc", address = "ns=2;s=hu-01.speed"')
    (tmp_path / "plant.toml").write_text(text)
    plant = load(tmp_path / "plant.toml")
    wanted = [row for row in ROWS if row[0] != "hu-01.speed"]

    async def run():
        bus = MemoryBus()
        async with historian(bus, tmp_path) as history:
            edge = asyncio.create_task(Edge(plant, bus, connectors(plant)).run())
            for _ in range(200):
                await asyncio.sleep(0.05)
                count = (await history.sql("select count(*) as n from samples")).to_pylist()[0]["n"]
                if count >= len(wanted) and "plc" in caplog.text:
                    break
            assert not edge.done()  # it goes on trying
            edge.cancel()
            await asyncio.gather(edge, return_exceptions=True)
            return (await history.sql("select channel, time_ns, value, quality from samples where quality < 7")).to_pylist()

    found = asyncio.run(run())
    assert by_name([tuple(row.values()) for row in found]) == by_name(wanted)
    said = [r.getMessage() for r in caplog.records if "source plc" in r.getMessage()]
    assert len(said) == 1
    assert "disconnected" in said[0]
    assert str(port) in said[0]


# ---- the edge against connectors and buses that misbehave


def run_edge(plant, items, bus):
    connector = Listed(items)

    async def run():
        await asyncio.wait_for(Edge(plant, bus, {source.id: connector for source in plant.sources}).run(), 20)

    return connector, run


def payload(step, sequence):
    return Payload(batch_of([(c, t, v, 0) for c, t, v, _ in step], "s", sequence))


def test_a_source_is_acknowledged_only_after_its_samples_are_stored(tmp_path):
    class Refusing(MemoryBus):
        async def publish_many(self, messages):
            raise ConnectError("bus: no server within 60 s")

    connector, run = run_edge(plant_of(tmp_path), [payload(step, i) for i, step in enumerate(GOOD, 1)], Refusing())
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(run())
    assert caught.group_contains(ConnectError, match="no server within 60 s")
    assert connector.done == []


def test_a_message_too_large_for_the_bus_is_named_and_keeps_nothing_else_back(tmp_path, caplog):
    class Small(MemoryBus):
        async def publish_many(self, messages):
            for subject, data, _ in messages:
                if subject.startswith("wav"):
                    raise DataError(f"publish to {subject}: message of {len(data)} bytes; allowed are 1000.")
            return await super().publish_many(messages)

    sound = '{ channel = "sound", waveform = true, source = "s", address = "hu-01.sound", unit = "Pa" },'
    pressure = '{ channel = "pressure", source = "s"'
    text = plant_text().replace(pressure, f"{sound}\n  {pressure}")
    text = text.replace(
        '{ name = "pressure", unit = "Pa" }', '{ name = "pressure", unit = "Pa" },\n  { name = "sound", unit = "Pa" }'
    )
    (tmp_path / "plant.toml").write_text(text)
    wave = Waveform("hu-01.sound", START, 1000.0, np.zeros(500, np.float32), "Pa")
    bus, first = Small(), payload(GOOD[0], 1)
    connector, run = run_edge(load(tmp_path / "plant.toml"), [Payload(first.batch, (wave,)), payload(GOOD[1], 2)], bus)
    asyncio.run(run())
    assert sum(len(unpack(Batch, m.data)) for m in bus._streams["plant"].messages) == len(GOOD[0]) + len(GOOD[1])
    assert [r.getMessage() for r in caplog.records if "w:hu-01.sound" in r.getMessage() and "allowed are 1000" in r.getMessage()]
    assert connector.done == [0, 1]


def test_a_payload_larger_than_a_message_is_split_and_arrives_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(edge_module, "MESSAGE_VALUES", 7)
    found = stored(plant_of(tmp_path), tmp_path)
    assert by_name(found) == by_name(ROWS)


def test_the_same_recording_sent_again_stores_nothing_new_and_another_one_is_not_taken_for_it(tmp_path):
    other = [(c, t, v + 1.0, q) for c, t, v, q in ROWS]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = plant_of(tmp_path / "one"), plant_of(tmp_path / "two", rows=other)
    found, counts = stored(one, tmp_path, one, two)
    assert counts[1] == counts[0]
    assert counts[2] == 2 * counts[0]
    assert {(c, t, v) for c, t, v, _ in found} == {(c, t, v) for c, t, v, _ in ROWS + other}


def test_trouble_before_the_first_sample_marks_no_moment_of_1970(tmp_path):
    bus = MemoryBus()
    _, run = run_edge(plant_of(tmp_path), [Fault("disconnected", "s: away", 0), payload(GOOD[0], 1)], bus)
    asyncio.run(run())
    assert min(int(unpack(Batch, m.data).time_ns.min()) for m in bus._streams["plant"].messages) == GOOD[0][0][1]
