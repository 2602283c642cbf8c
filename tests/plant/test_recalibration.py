"""What did we know at T, and what was true at T: a late sample, a corrected one, a recalibrated sensor, through a real worker and
a real historian. The truth to compare with is the same plant in which everything came in time and right."""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.case import Event
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS
from didymos.core.estimate import Snapshot
from didymos.core.series import Batch, Quality, batch_of
from didymos.data.history.client import HistoryClient
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.infer import filters
from didymos.plant.crew import Crew
from didymos.plant.rewind import AsOf, ask_as_of
from tests.plant.small import START
from tests.plant.test_past import PUBLISH_S, STEP_NS, STEP_S, STEPS, TAGS, Row, historian, snapshots_of
from tests.plant.test_past import plant as _plant
from tests.plant.test_past import telemetry as _telemetry

plant, telemetry = _plant, _telemetry
CHANNEL = "front_bearing_temperature"
NOISE = next(c.noise for c in ASSETS["spindle"].sensors if c.name == CHANNEL)
SINCE_NS = START + DAY_NS + 50 * STEP_NS // 3  # within a step
KNOWN_NS = SINCE_NS + 2 * DAY_NS
OFFSET = 1.5 * NOISE  # small enough that no sensor check takes the sensor away
AT_NS = SINCE_NS + DAY_NS
P = partition("sp-01")


@dataclass(frozen=True)
class Lived:
    """What a plant said: everything published, and its answers to (T, known)."""

    published: list[Snapshot]
    answers: dict
    mean: np.ndarray
    cov: np.ndarray
    memory: object


def punctual(telemetry) -> list[tuple[int, Row]]:
    return [item for item in telemetry if not item[1][0].startswith("wav.") or item[0] % STEP_NS == 0]


def changed(telemetry, change) -> list[tuple[int, Row]]:
    """`change(channel, time_ns, value)` -> value or None (left out) of every scalar sample."""
    found = []
    for when, (subject, data, name) in punctual(telemetry):
        if subject.startswith("tel."):
            b = unpack(Batch, data)
            rows = zip((b.channels[i] for i in b.channel), b.time_ns.tolist(), b.value.tolist(), b.quality.tolist(), strict=True)
            kept = [(c, t, v, q) for c, t, old, q in rows if (v := change(c, t, old)) is not None]
            data = pack(batch_of(kept))
        found.append((when, (subject, data, name)))
    return found


def lived(plant, items, folder, questions) -> Lived:
    async def work() -> Lived:
        bus = MemoryBus()
        await bus.publish_many([row for _, row in sorted(items, key=lambda item: item[0])])
        async with historian(bus, folder) as history:
            crew, last = Crew(plant, bus, history), len(bus._streams["plant"].messages)
            working = asyncio.create_task(crew.run())
            while P not in crew.workers or crew.workers[P].loop.sequence < last:
                assert not working.done(), working.exception()
                await asyncio.sleep(0.1)
            loop = crew.workers[P].loop
            answers = {q: await ask_as_of(bus, AsOf("sp-01", *q)) for q in questions}
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            state = loop.fleets["spindle"].state
            return Lived(await snapshots_of(bus), answers, state.mean[0].copy(), state.cov[0].copy(), loop.memory["sp-01"])

    return asyncio.run(work())


NOW, THEN = (AT_NS, None), (AT_NS, AT_NS)


@pytest.fixture(scope="module")
def right(plant, telemetry, tmp_path_factory) -> Lived:
    return lived(plant, punctual(telemetry), tmp_path_factory.mktemp("right"), [NOW, THEN])


def close(one, other) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def known_then(found: Lived, wrong: Lived) -> None:
    """As of T by what was known at T is what a plant that never learned better says, and what was published, to the byte."""
    close(found.answers[THEN], wrong.answers[THEN])
    before = [s for s in found.published if s.time_ns <= AT_NS][-1]
    same = [s for s in wrong.published if s.time_ns <= AT_NS][-1]
    assert pack(before) == pack(same)


def recalibration(known_ns: int, id: str) -> tuple[int, Row]:
    event = Event(id, "sensor_recalibrated", "sp-01", SINCE_NS, known_ns, {"channel": CHANNEL, "gain": 1.0, "offset": OFFSET})
    return known_ns, (f"evt.{P}", pack(event), id)


def too_low(channel, time_ns, value):
    return value - OFFSET if channel == f"sp-01.{CHANNEL}" and time_ns >= SINCE_NS else value


def test_a_recalibration_known_two_days_late_reads_the_days_again_and_the_past_knows_both(plant, telemetry, right, tmp_path):
    wrong = lived(plant, changed(telemetry, too_low), tmp_path / "wrong", [THEN])
    twice = [recalibration(KNOWN_NS, "cal-1"), (KNOWN_NS, (*recalibration(KNOWN_NS, "cal-1")[1][:2], "again"))]
    found = lived(plant, [*changed(telemetry, too_low), *twice], tmp_path / "late", [NOW, THEN])
    assert len(found.memory.life.entries) == 1
    close(found.answers[NOW], right.answers[NOW])  # what was true
    known_then(found, wrong)  # what we knew
    assert not np.allclose(found.answers[THEN][0], found.answers[NOW][0], rtol=1e-7, atol=1e-9)
    close((found.mean, found.cov), (right.mean, right.cov))  # and today's belief
    assert not np.allclose(wrong.mean, right.mean, rtol=1e-7, atol=1e-9)
    last = next(e for e in found.published[-1].estimates if e.channel == CHANNEL)
    true = next(e for e in right.published[-1].estimates if e.channel == CHANNEL)
    assert last.measured == pytest.approx(true.measured)


@pytest.mark.slow
def test_a_recalibration_known_in_time_gives_the_same_belief(plant, telemetry, right, tmp_path):
    found = lived(plant, [*changed(telemetry, too_low), recalibration(SINCE_NS, "cal-2")], tmp_path, [NOW])
    close((found.mean, found.cov), (right.mean, right.cov))
    close(found.answers[NOW], right.answers[NOW])


GONE = range(START + DAY_NS // 2, START + DAY_NS // 2 + 24 * STEP_NS)


def again(telemetry, name: str) -> list[tuple[int, Row]]:
    """The channel's samples of GONE as they are, two days late, with the quality that the edge gives what is late."""
    rows = []
    for _, (subject, data, _) in punctual(telemetry):
        if subject.startswith("tel."):
            b = unpack(Batch, data)
            rows += [
                (b.channels[i], t, v, int(Quality.LATE))
                for i, t, v in zip(b.channel, b.time_ns.tolist(), b.value.tolist(), strict=True)
                if b.channels[i] == f"sp-01.{CHANNEL}" and t in GONE
            ]
    assert len(rows) == 24
    return [(KNOWN_NS, (f"tel.{P}", pack(batch_of(rows)), name))]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: None, id="late samples"),
        pytest.param(lambda value: value + 2 * NOISE, id="corrected samples", marks=pytest.mark.slow),
    ],
)
def test_samples_that_come_or_are_corrected_two_days_late_count_in_what_was_true_and_not_in_what_we_knew(
    change, plant, telemetry, right, tmp_path
):
    def lost(channel, time_ns, value):
        return change(value) if channel == f"sp-01.{CHANNEL}" and time_ns in GONE else value

    early = GONE[-1] + 2 * STEP_NS  # a moment after them, where they matter most
    questions = [(early, None), (early, early)]
    truth = lived(plant, punctual(telemetry), tmp_path / "truth", questions)
    wrong = lived(plant, changed(telemetry, lost), tmp_path / "wrong", questions)
    found = lived(plant, [*changed(telemetry, lost), *again(telemetry, "late")], tmp_path / "late", questions)
    close(found.answers[questions[0]], truth.answers[questions[0]])
    close(found.answers[questions[1]], wrong.answers[questions[1]])
    assert not np.allclose(wrong.answers[questions[0]][0], truth.answers[questions[0]][0], rtol=1e-7, atol=1e-9)


def test_the_belief_at_a_snapshot_is_its_bytes_when_nothing_came_late(right):
    """Guards `last_snapshot`: looking for late samples must not send every question back to the first day."""
    assert len(right.published) == (STEPS - 1) * STEP_S // PUBLISH_S
    snapshot = [s for s in right.published if s.time_ns <= AT_NS][-1]
    assert filters.unpack_cov(snapshot.cov).shape == right.answers[NOW][1].shape
    assert TAGS
    assert HistoryClient
