"""A work order three days late, or a thermocouple recalibrated three days late: the Field lived again is that of a run in which it
was known in time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from didymos.assets import ASSETS
from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import Series, batch_of
from didymos.formats.wire import pack, unpack
from didymos.plant.field_memory import KEPT, at_copy, with_copy
from didymos.plant.loop import Loop
from didymos.plant.relive import Upto
from didymos.plant.rewind import rewind
from tests.plant.small import START, STEP_S
from tests.plant.test_fields import housing, plant_of, text  # noqa: F401

STEP_NS = STEP_S * SECOND_NS
STEPS = int(4.3 * 288)
HAPPENED_NS = START + DAY_NS + 1234 * SECOND_NS
KNOWN_NS = HAPPENED_NS + 3 * DAY_NS


@pytest.fixture(scope="module")
def plant(housing):  # noqa: F811
    found = plant_of(housing)
    return replace(found, publish_s=14_400.0)


@pytest.fixture(scope="module")
def rows():
    """A spindle whose front bearing runs warmer and shakes more from day to day, and a thermocouple that follows its load."""
    rng, machine, found = np.random.default_rng(8), ASSETS["spindle"], []
    for k in range(1, STEPS + 1):
        now, share = START + k * STEP_NS, 0.5 + 0.4 * np.sin(k / 20.0)
        u = dict(zip((c.name for c in machine.inputs), machine.nominal, strict=True))
        u["speed"], u["radial_load"] = u["speed"] * (0.6 + 0.4 * share), u["radial_load"] * share
        y = {
            "front_bearing_temperature": 315.0 + 4.0 * share + 2.0 * k / STEPS, "rear_bearing_temperature": 313.0 + 3.0 * share,
            "drive_power": 3500.0 + 800.0 * share, "velocity_rms": 1e-3 + 1.5e-3 * k / STEPS,
        }  # fmt: skip
        noise = {"front_bearing_temperature": 0.2, "rear_bearing_temperature": 0.2, "drive_power": 30.0, "velocity_rms": 5e-5}
        values = u | {n: v + noise[n] * rng.normal() for n, v in y.items()}
        values["housing_front"] = 303.0 + 3.0 * share + 0.2 * rng.normal()
        found.append([(f"sp-01.{n}", now, float(v), 0) for n, v in values.items()])
    return found


class Stored:
    """The history that reliving reads, over what was fed to the loop and what it published."""

    def __init__(self, rows, snapshots, events):
        self.published, self.events = snapshots, events
        columns: dict[str, list] = {}
        for step in rows:
            for row in step:
                columns.setdefault(row[0], []).append(row)
        self.columns = {
            name: [np.array([r[i] for r in mine], kind) for i, kind in ((1, np.int64), (2, float), (3, np.uint8))]
            for name, mine in columns.items()
        }

    async def reached(self, stream, sequence):
        pass

    async def read(self, channel, start_ns, end_ns, known_ns=None, upto_sequence=None):
        time_ns, value, quality = self.columns.get(channel, [np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8)])
        here = (time_ns >= start_ns) & (time_ns < end_ns)
        return Series(channel, time_ns[here], value[here], quality[here])

    async def snapshots(self, asset, start_ns, end_ns):
        return [data for s, data in self.published if s.asset == asset and start_ns <= s.time_ns < end_ns]

    async def sql(self, query):
        found = [
            {"kind": e.kind, "time_ns": e.time_ns, "known_ns": e.known_ns, "body": json.dumps(e.body), "sequence": n}
            for n, e in self.events
            if f"'{e.kind}'" in query
        ]
        return pa.Table.from_pylist(found)


def followed(plant, rows, event: Event | None = None, at_ns: int = 0):
    loop, published, events, sequence = Loop(plant), [], [], 0
    for step in rows:
        sequence += 1
        loop.feed(Message(sequence, f"tel.{partition('sp-01')}", pack(batch_of(step))))
        if event is not None and step[0][1] >= at_ns:
            sequence += 1
            events.append((sequence, event))
            loop.feed(Message(sequence, f"evt.{partition('sp-01')}", pack(event)))
            event = None
            stored = Stored(rows[: sequence - 1], published, events)
            while loop.rewinds:
                asyncio.run(rewind(loop, stored, loop.rewinds.pop(0), Upto(loop.sequence, 0)))
        published.extend((unpack(Snapshot, d), d) for s, d, _ in loop.outputs if ".snapshot." in s)
        loop.outputs.clear()
        loop.ticks.clear()
    return loop


def order(component: str = "front_bearing") -> Event:
    body = {"component": component, "action": "replaced", "new_serial": "NEW"}
    return Event("WO-9", "work_order_closed", "sp-01", HAPPENED_NS, KNOWN_NS, body)


def recalibrated() -> Event:
    return Event("CAL-1", "sensor_recalibrated", "sp-01", HAPPENED_NS, KNOWN_NS, {"channel": "housing_front", "offset": 1.5})


def memory_of(loop: Loop):
    return loop.fields.memory["sp-01/housing"]


def assert_equal(one, other):
    assert one.time_ns == other.time_ns
    np.testing.assert_allclose(one.belief.mean, other.belief.mean, rtol=1e-7, atol=1e-6)
    np.testing.assert_allclose(one.belief.cov, other.belief.cov, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.stress, other.stress, rtol=1e-6, atol=1.0)
    np.testing.assert_allclose(one.damage.closed, other.damage.closed, rtol=1e-4, atol=0.0)
    np.testing.assert_allclose(one.damage.rates, other.damage.rates, rtol=1e-4)
    np.testing.assert_allclose(one.amplitude, other.amplitude, rtol=1e-6)
    assert [t for t, _ in one.kept] == [t for t, _ in other.kept]


@pytest.mark.slow
@pytest.mark.parametrize("event", [order(), recalibrated()], ids=lambda e: e.kind)
def test_known_three_days_late_the_field_is_that_of_a_run_in_which_it_was_known_in_time(plant, rows, event):
    in_time = memory_of(followed(plant, rows, event, HAPPENED_NS - 2 * STEP_NS))
    late = memory_of(followed(plant, rows, event, KNOWN_NS))
    never = memory_of(followed(plant, rows))
    assert_equal(late, in_time)
    apart = lambda one, other: np.abs(one.belief.mean - other.belief.mean).max()  # noqa: E731
    assert apart(late, never) > 1000.0 * apart(late, in_time)  # it had an effect


@pytest.mark.slow
def test_an_event_older_than_every_copy_is_lived_again_from_the_oldest_and_without_a_copy_the_field_stays(plant, rows, caplog):
    loop = followed(plant, rows[:900])
    other = Loop(plant)
    other.restore(loop.state())
    assert memory_of(other).kept == memory_of(loop).kept  # a restart has them too
    snapshots = []
    for kept, told in ((memory_of(loop).kept[-1:], "lived again from its oldest one"), ((), "it stays as it is")):
        other = Loop(plant)
        other.restore(loop.state())
        before = other.fields.memory["sp-01/housing"] = replace(memory_of(loop), kept=kept)
        other.feed(Message(901, f"evt.{partition('sp-01')}", pack(order())))
        stored = Stored(rows[:900], snapshots, [(901, order())])
        asyncio.run(rewind(other, stored, other.rewinds.pop(), Upto(other.sequence, 0)))
        assert told in caplog.text
        assert memory_of(other).time_ns == before.time_ns
        assert (memory_of(other) is before) == (not kept)


def test_a_memory_keeps_one_copy_a_day_and_no_more_than_eight(plant, rows):
    loop = followed(plant, rows[:40])
    memory = memory_of(loop)
    assert len(memory.kept) == 1
    for day in range(1, 12):
        memory = with_copy(replace(memory, time_ns=memory.time_ns + DAY_NS // 2))
        memory = with_copy(replace(memory, time_ns=memory.time_ns + DAY_NS // 2))
        assert len(memory.kept) == min(day + 1, KEPT)
    middle = memory.kept[4][0]
    found = at_copy(memory, middle + 5, 0)
    assert found is not None
    assert found.time_ns == middle
    assert [t for t, _ in found.kept] == [t for t, _ in memory.kept[:5]]
    oldest = at_copy(memory, 0, 0)
    assert oldest is not None
    assert oldest.time_ns == memory.kept[0][0]
    assert at_copy(memory, middle, memory.time_ns + 1) is None
