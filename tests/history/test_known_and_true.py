"""What did we know at T, and what was true at T: for a late sample, a correction, and a second correction that takes it back.

The whole way: published at a moment of the plant's clock, stored, read by the client; hot, then closed, then rolled up.
"""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

from didymos.core.clock import DAY_NS, HOUR_NS, SECOND_NS
from didymos.core.series import Quality, batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.history.owner import Historian, HistoryOptions
from didymos.data.stream import open_bus
from didymos.formats.wire import pack

DAY = 20_000 * DAY_NS
NOON = DAY + 12 * HOUR_NS
MINUTE = 60 * SECOND_NS
LATE = int(Quality.LATE)


class SetClock:
    at_ns = NOON

    def now_ns(self) -> int:
        return self.at_ns


@contextlib.asynccontextmanager
async def plant(folder, close_after_ns):
    """(say(at, rows): publish rows at a moment of the clock and wait until they are stored, client)."""
    bus, clock = await open_bus("memory:"), SetClock()
    options = HistoryOptions(commit_s=0.01, compact_s=0.01, recompact_s=0.02, close_after_ns=close_after_ns)
    task = asyncio.ensure_future(Historian(options).run(bus, folder, clock, lambda record: None))
    client = HistoryClient(bus, 20.0)

    async def say(at_ns, *rows):
        clock.at_ns = at_ns
        sequence = await bus.publish("tel.0", pack(batch_of(list(rows))), f"{at_ns}")
        await client.reached("plant", sequence)

    try:
        yield say, client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def told(say):
    """12:00 measured 10 and 11. 13:00 the sample of 12:00:30 comes late; 14:00 12:00 is corrected to 20; 15:00 that is taken back."""
    await say(NOON + 2 * MINUTE, ("a.x", NOON, 10.0, 0), ("a.x", NOON + MINUTE, 11.0, 0))
    await say(NOON + HOUR_NS, ("a.x", NOON + MINUTE // 2, 15.0, LATE))
    await say(NOON + 2 * HOUR_NS, ("a.x", NOON, 20.0, 0))
    await say(NOON + 3 * HOUR_NS, ("a.x", NOON, 10.0, 1))


KNOWN = {  # known at -> samples, and the mean of the two minutes
    NOON + MINUTE: ([], None),
    NOON + 2 * MINUTE: ([(0, 10.0, 0), (60, 11.0, 0)], 10.5),
    NOON + HOUR_NS - 1: ([(0, 10.0, 0), (60, 11.0, 0)], 10.5),
    NOON + HOUR_NS: ([(0, 10.0, 0), (30, 15.0, LATE), (60, 11.0, 0)], 12.0),
    NOON + 2 * HOUR_NS: ([(0, 20.0, 0), (30, 15.0, LATE), (60, 11.0, 0)], 46 / 3),
    NOON + 3 * HOUR_NS: ([(0, 10.0, 1), (30, 15.0, LATE), (60, 11.0, 0)], 12.0),
    None: ([(0, 10.0, 1), (30, 15.0, LATE), (60, 11.0, 0)], 12.0),  # what was true, as far as is known today
}


async def check(client):
    for known_ns, (samples, mean) in KNOWN.items():
        series = await client.read("a.x", NOON, NOON + 2 * MINUTE, known_ns)
        at = ((series.time_ns - NOON) // SECOND_NS).tolist()
        assert list(zip(at, series.value.tolist(), series.quality.tolist(), strict=True)) == samples, known_ns
        rows = await client.buckets("a.x", NOON, NOON + 2 * MINUTE, 1, known_ns)
        assert [row[2] for row in rows] == ([] if mean is None else [pytest.approx(mean)])


async def waiting(client):
    """True while the day is not closed or not rolled up."""
    hot = f"(SELECT count(*) FROM hot.samples WHERE time_ns < {DAY + DAY_NS})"
    found = (await client.sql(f"SELECT {hot} AS hot, (SELECT count(*) FROM minutes) AS rolled")).to_pylist()[0]
    return found["hot"] > 0 or found["rolled"] == 0


@pytest.mark.parametrize("closed", [False, True], ids=["hot", "closed and rolled up"])
def test_a_late_sample_and_corrections_leave_every_past_as_it_was_known(tmp_path, closed):
    async def run():
        async with plant(tmp_path, 4 * HOUR_NS if closed else 400 * DAY_NS) as (say, client):
            await told(say)
            await check(client)
            await say(DAY + 3 * DAY_NS, ("a.x", DAY + 3 * DAY_NS, 1.0, 0))
            while closed and await waiting(client):
                await asyncio.sleep(0.02)
            await check(client)

    asyncio.run(run())


def test_what_was_known_is_a_beginning_of_the_stream_by_sequence_too(tmp_path):
    async def run():
        async with plant(tmp_path, 400 * DAY_NS) as (say, client):
            await told(say)
            for upto, first in ((1, 10.0), (2, 10.0), (3, 20.0), (4, 10.0)):
                series = await client.read("a.x", NOON, NOON + 2 * MINUTE, upto_sequence=upto)
                assert series.value[0] == first
                assert len(series) == (2 if upto == 1 else 3)

    asyncio.run(run())


def test_a_sample_is_never_said_to_be_known_before_it_came(tmp_path):
    async def run():
        async with plant(tmp_path, 400 * DAY_NS) as (say, client):
            came = NOON + 2 * MINUTE + 300_000_000  # within a second: known from the next whole one on
            await say(came, ("a.x", NOON, 10.0, 0))
            for known_ns, n in ((came - 1, 0), (came, 0), (NOON + 2 * MINUTE + SECOND_NS, 1)):
                assert len(await client.read("a.x", NOON, NOON + 1, known_ns)) == n
            await say(came + SECOND_NS, ("a.x", NOON, np.nan, 7))
            assert np.isnan((await client.read("a.x", NOON, NOON + 1)).value).tolist() == [True]

    asyncio.run(run())
