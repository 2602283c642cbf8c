"""Late maintenance: the belief lived again is the belief of a run in which the work order came in time."""

import asyncio

import numpy as np
import pytest

from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import Series
from didymos.formats.wire import pack, unpack
from didymos.plant.loop import Loop
from didymos.plant.rewind import rewind
from tests.plant.small import START, STEP_S, messages, samples, small_plant

DAYS = 5
STEPS = DAYS * 288
REPLACED_NS = START + DAY_NS + 1234 * SECOND_NS


class Stored:
    """A HistoryClient over the samples that were fed and the snapshots that the loop published."""

    def __init__(self, rows, snapshots):
        self.rows = rows
        self.published = snapshots

    async def read(self, channel, start_ns, end_ns, known_ns=None, upto_sequence=None):
        found = [row for step in self.rows for row in step if row[0] == channel and start_ns <= row[1] < end_ns]
        columns = [np.array([row[i] for row in found], kind) for i, kind in ((1, np.int64), (2, float), (3, np.uint8))]
        return Series(channel, *columns)

    async def snapshots(self, asset, start_ns, end_ns):
        return [data for s, data in self.published if s.asset == asset and start_ns <= s.time_ns < end_ns]


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    return small_plant(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def rows():
    return samples(STEPS)


def order(number="WO-9"):
    body = {"component": "bearing", "action": "replaced", "new_serial": "NEW"}
    return Event(number, "work_order_closed", "cm-01", REPLACED_NS, REPLACED_NS + 3 * DAY_NS, body)


def followed(plant, rows, order_at_ns):
    """Feed everything; the order comes when plant time reaches `order_at_ns`. Returns the loop and its published snapshots."""
    loop, published, sent = Loop(plant), [], False
    for message in messages(rows):
        if not sent and int(loop.grid.newest_ns[loop.assets["cm-01"]]) >= order_at_ns:
            sent = True
            for _ in range(2):  # twice: the second must have no effect
                loop.feed(Message(loop.sequence, f"evt.{partition('cm-01')}", pack(order())))
            assert len(loop.rewinds) <= 1
            while loop.rewinds:
                asyncio.run(rewind(loop, Stored(rows, published), loop.rewinds.pop(0), loop.sequence))
        loop.feed(message)
        published += [(unpack(Snapshot, d), d) for s, d, _ in loop.outputs if ".snapshot." in s]
        loop.outputs.clear()
        loop.ticks.clear()
    return loop, published


@pytest.fixture(scope="module")
def runs(plant, rows):
    in_time = followed(plant, rows, REPLACED_NS - 2 * STEP_S * SECOND_NS)
    late = followed(plant, rows, REPLACED_NS + 3 * DAY_NS)
    never = followed(plant, rows, START + 1000 * DAY_NS)
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
    assert clocks[0] == pytest.approx(clocks[1], abs=STEP_S)
    assert dict(runs[1][0].memory["cm-01"].serials)["bearing"] == "NEW"


def test_life_after_the_late_order_is_that_after_one_in_time(runs):
    (_, in_time), (_, late), _ = runs
    assert [life.quantiles_s for life in last(late).life] == [life.quantiles_s for life in last(in_time).life]


def test_before_the_late_order_the_past_stands_as_it_was_believed_then(runs):
    _, (_, late), (_, never) = runs
    early = [(s.time_ns, s.mean.tobytes()) for s, _ in late if s.asset == "cm-01" and s.time_ns < REPLACED_NS + 2 * DAY_NS]
    assert early == [(s.time_ns, s.mean.tobytes()) for s, _ in never if s.asset == "cm-01"][: len(early)]
