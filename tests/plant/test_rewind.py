"""Late maintenance: the belief lived again is the belief of a run in which the work order came in time."""

import asyncio
import json

import numpy as np
import pyarrow as pa
import pytest

from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import Series
from didymos.formats.wire import pack, unpack
from didymos.plant.config import load
from didymos.plant.loop import Loop
from didymos.plant.relive import Upto
from didymos.plant.rewind import rewind
from tests.plant.small import START, STEP_S, messages, plant_text, samples, small_plant

DAYS = 5
STEPS = DAYS * 288
REPLACED_NS = START + DAY_NS + 1234 * SECOND_NS


class Stored:
    """The history that `plant.relive` reads, over what was fed to the loop and what it published."""

    def __init__(self, rows, snapshots, events):
        self.rows, self.published, self.events = rows, snapshots, events

    async def reached(self, stream, sequence):
        pass

    async def read(self, channel, start_ns, end_ns, known_ns=None, upto_sequence=None):
        found = [row for step in self.rows for row in step if row[0] == channel and start_ns <= row[1] < end_ns]
        columns = [np.array([row[i] for row in found], kind) for i, kind in ((1, np.int64), (2, float), (3, np.uint8))]
        return Series(channel, *columns)

    async def snapshots(self, asset, start_ns, end_ns):
        return [data for s, data in self.published if s.asset == asset and start_ns <= s.time_ns < end_ns]

    async def sql(self, query):
        assert "FROM events WHERE asset = 'cm-01'" in query
        rows = [{"time_ns": e.time_ns, "body": json.dumps(e.body), "sequence": n} for n, e in self.events if f"'{e.kind}'" in query]
        return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """The motor of the small plant, publishing every four hours: that is what takes the time here."""
    path = tmp_path_factory.mktemp("plant") / "plant.toml"
    path.write_text(plant_text(motor_only=True).replace("publish_s = 3600", "publish_s = 14400"))
    return load(path)


@pytest.fixture(scope="module")
def rows():
    """Of the motor alone."""
    return [[row for row in step if row[0].startswith("cm-01.")] for step in samples(STEPS)]


def order(number="WO-9", time_ns=REPLACED_NS, component="bearing", serial="NEW"):
    body = {"component": component, "action": "replaced", "new_serial": serial}
    return Event(number, "work_order_closed", "cm-01", time_ns, time_ns + 3 * DAY_NS, body)


def followed(plant, rows, *orders):
    """Feed everything; orders are (plant time at which it comes, event), and come twice. Returns the loop and its published
    snapshots, also when `rows` end."""
    loop, published, events, sequence, waiting = Loop(plant), [], [], 0, list(orders)

    def feed(message):
        nonlocal sequence
        sequence += 1
        loop.feed(Message(sequence, message.subject, message.data))
        published.extend((unpack(Snapshot, d), d) for s, d, _ in loop.outputs if ".snapshot." in s)
        loop.outputs.clear()
        loop.ticks.clear()

    for message in messages(rows):
        while waiting and int(loop.grid.newest_ns[loop.assets["cm-01"]]) >= waiting[0][0]:
            event = waiting.pop(0)[1]
            events.append((sequence + 1, event))
            for _ in range(2):  # twice: the second must have no effect
                feed(Message(0, f"evt.{partition('cm-01')}", pack(event)))
            assert len(loop.rewinds) <= 1
            while loop.rewinds:
                upto = Upto(loop.sequence, 0)
                asyncio.run(rewind(loop, Stored(rows, published, events), loop.rewinds.pop(0), upto))
        feed(message)
    assert not waiting
    return loop, published


@pytest.fixture(scope="module")
def runs(plant, rows):
    in_time = followed(plant, rows, (REPLACED_NS - 2 * STEP_S * SECOND_NS, order()))
    late = followed(plant, rows, (REPLACED_NS + 3 * DAY_NS, order()))
    never = followed(plant, rows)
    return in_time, late, never


def last(published):
    return [s for s, _ in published if s.asset == "cm-01"][-1]


def test_three_days_late_the_belief_is_that_of_an_order_in_time(runs):
    (_, in_time), (_, late), (_, never) = runs
    np.testing.assert_allclose(last(late).mean, last(in_time).mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(last(late).cov, last(in_time).cov, rtol=1e-9, atol=1e-14)
    assert not np.allclose(last(late).cov, last(never).cov, rtol=1e-3)  # the order did have an effect


def test_the_survival_clock_restarts_at_the_moment_of_the_work_and_the_serial_is_swapped(runs):
    (_, in_time), (_, late), _ = runs
    for published in (in_time, late):
        bearing = next(c for c in last(published).components if c.id == "bearing")
        fan = next(c for c in last(published).components if c.id == "fan")
        assert bearing.since_ns == REPLACED_NS
        assert fan.since_ns < REPLACED_NS
    clocks = [next(c for c in last(p).components if c.id == "bearing").running_s for p in (in_time, late)]
    assert clocks[0] == clocks[1]
    assert dict(runs[1][0].memory["cm-01"].serials)["bearing"] == "NEW"


def test_life_after_the_late_order_is_that_after_one_in_time(runs):
    (_, in_time), (_, late), _ = runs
    assert [life.quantiles_s for life in last(late).life] == [life.quantiles_s for life in last(in_time).life]


def test_before_the_late_order_the_past_stands_as_it_was_believed_then(runs):
    _, (_, late), (_, never) = runs
    early = [(s.time_ns, s.mean.tobytes()) for s, _ in late if s.asset == "cm-01" and s.time_ns < REPLACED_NS + 2 * DAY_NS]
    assert early == [(s.time_ns, s.mean.tobytes()) for s, _ in never if s.asset == "cm-01"][: len(early)]


def compared(one, other):
    """Belief, survival clocks and Life of the last snapshot of two runs."""
    np.testing.assert_allclose(last(one).mean, last(other).mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(last(one).cov, last(other).cov, rtol=1e-9, atol=1e-14)
    assert [(c.id, c.serial, c.since_ns, c.running_s) for c in last(one).components] == [
        (c.id, c.serial, c.since_ns, c.running_s) for c in last(other).components
    ]
    assert [life.quantiles_s for life in last(one).life] == [life.quantiles_s for life in last(other).life]


@pytest.mark.parametrize("older_first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_two_orders_that_both_come_late_equal_both_in_time(plant, rows, older_first):
    """The second rewind may start neither from a snapshot that did not know the first one's work, nor pass over it."""
    fan = order("WO-F", START + 2 * DAY_NS, "fan", "FAN-2")
    step = 2 * STEP_S * SECOND_NS
    _, in_time = followed(plant, rows, (REPLACED_NS - step, order()), (fan.time_ns - step, fan))
    first, second = (order(), fan) if older_first else (fan, order())
    _, late = followed(plant, rows, (START + 3 * DAY_NS, first), (START + 4 * DAY_NS, second))
    compared(late, in_time)


def test_an_older_order_that_comes_after_a_newer_one_of_the_same_component_does_not_turn_the_clock_or_the_serial_back(plant, rows):
    newer = order("WO-N", START + 3 * DAY_NS, "bearing", "NEWER")
    step = 2 * STEP_S * SECOND_NS
    _, in_time = followed(plant, rows, (REPLACED_NS - step, order()), (newer.time_ns - step, newer))
    _, late = followed(plant, rows, (newer.time_ns - step, newer), (START + 4 * DAY_NS, order()))
    compared(late, in_time)
    bearing = next(c for c in last(late).components if c.id == "bearing")
    assert (bearing.serial, bearing.since_ns) == ("NEWER", newer.time_ns)


@pytest.mark.parametrize("time_ns", [pytest.param(START - DAY_NS, marks=pytest.mark.slow), START + 3 * STEP_S * SECOND_NS])
def test_work_done_before_the_first_step_or_the_first_snapshot_equals_an_order_in_time(plant, rows, time_ns):
    early = order(time_ns=time_ns)
    _, in_time = followed(plant, rows, (0, early))
    _, late = followed(plant, rows, (START + 2 * DAY_NS, early))
    compared(late, in_time)


@pytest.mark.parametrize("step", [30, 100, *(pytest.param(n, marks=pytest.mark.slow) for n in (99, 101, 110))])
def test_work_done_about_the_end_of_commissioning_equals_an_order_in_time(tmp_path, rows, step):
    """Commissioning takes 100 steps and starts the belief anew: what was replaced before it has no effect on the belief."""
    plant = small_plant(tmp_path, 100 * STEP_S, motor_only=True)
    event = order(time_ns=START + step * STEP_S * SECOND_NS - 7)
    _, in_time = followed(plant, rows[:300], (event.time_ns - STEP_S * SECOND_NS, event))
    _, late = followed(plant, rows[:300], (START + 250 * STEP_S * SECOND_NS, event))
    compared(late, in_time)


def test_a_sensor_that_was_not_believed_is_not_believed_when_the_days_are_lived_again(plant, rows):
    """The winding sensor sticks from day 2 to day 3 while the machine's load moves on. In both runs it is found out at the same
    moments, for the replaced bearing does not show in it."""
    stuck_from, stuck_to = START + 2 * DAY_NS, START + 3 * DAY_NS
    stuck = [
        [(c, t, 330.0 if c == "cm-01.winding_temperature" and stuck_from <= t < stuck_to else v, q) for c, t, v, q in step]
        for step in rows
    ]
    loop, in_time = followed(plant, stuck, (REPLACED_NS - 2 * STEP_S * SECOND_NS, order()))
    again, late = followed(plant, stuck, (REPLACED_NS + 3 * DAY_NS, order()))
    left_out = [names for _, names in loop.memory["cm-01"].distrust]
    assert ("winding_temperature",) in left_out
    assert again.memory["cm-01"].distrust == loop.memory["cm-01"].distrust
    np.testing.assert_allclose(last(late).mean, last(in_time).mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(last(late).cov, last(in_time).cov, rtol=1e-9, atol=1e-14)
