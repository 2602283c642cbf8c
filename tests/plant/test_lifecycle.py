"""The life of an asset beside its wear. Bad input first; then the loop, exactly once; then who was where at T, as known when."""

import pytest

from didymos.core.case import Event, Record
from didymos.core.channel import partition
from didymos.core.clock import DAY_NS, SECOND_NS
from didymos.core.errors import DataError
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.formats.wire import pack, unpack, unpack_plain
from didymos.plant.config import load
from didymos.plant.lifecycle import Lifecycle, checked, event_of, of_plant_file, under
from didymos.plant.loop import Loop
from tests.plant.small import START, STEP_S, messages, plant_text, samples

ROWS = samples(40)
STEP_NS = STEP_S * SECOND_NS


@pytest.fixture
def plant(tmp_path):
    (tmp_path / "plant.toml").write_text(plant_text())
    return load(tmp_path / "plant.toml")


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("exploded", {}, "event 'exploded' is not known"),
        ("moved", {}, "`path` is missing"),
        ("moved", {"path": "A", "gain": 2.0}, "`gain` is not taken by moved"),
        ("renamed", {"name": "x" * 501}, "at most 500 characters"),
        ("sensor_recalibrated", {"channel": "power"}, "neither `gain` nor `offset`"),
        ("sensor_recalibrated", {"channel": "power", "gain": 0.0}, "other than 0"),
        ("sensor_recalibrated", {"channel": "power", "gain": float("nan")}, "finite"),
        ("sensor_recalibrated", {"channel": "power", "offset": True}, "finite"),
        ("sensor_recalibrated", {"channel": "colour", "gain": 1.1}, "'colour' is fed by no tag"),
        ("sensor_replaced", {"channel": 5}, "must be text"),
    ],
)
def test_what_cannot_be_is_named(kind, given, said, plant):
    with pytest.raises(DataError, match=said):
        checked(kind, plant.asset("cp-01"), given)


def test_all_mistakes_of_one_entry_come_at_once(plant):
    with pytest.raises(DataError, match=r"gain = 'x'.*colour"):
        checked("sensor_recalibrated", plant.asset("cp-01"), {"channel": "colour", "gain": "x"})


def test_an_entry_is_named_by_its_content(plant):
    one, other, third = (
        event_of("moved", plant.asset("cp-01"), 5, now, {"path": p}) for now, p in ((7, "A"), (9, "/A/"), (9, "B"))
    )
    assert one.id == other.id != third.id


def fed(plant, events, after_step=30):
    """The loop over ROWS, with `events` after that step; (loop, the messages)."""
    loop, stream = Loop(plant), messages(ROWS[:after_step])
    number = len(stream)
    for event in events:
        number += 1
        stream.append(Message(number, f"evt.{partition(event.asset)}", pack(event)))
    stream += messages(ROWS[after_step:], number + 1)
    for message in stream:
        loop.feed(message)
    return loop


def of(kind, time_ns, known_ns, asset="cp-01", id="", **body):
    return Event(id or f"{kind}-{time_ns}-{known_ns}", kind, asset, time_ns, known_ns, body)


def outputs(loop, word):
    return [(subject, data) for subject, data, _ in loop.outputs if f".{word}." in subject]


def test_an_entry_has_one_effect_and_one_record_however_often_it_comes(plant):
    move = of("moved", START + DAY_NS, START + 2 * DAY_NS, path="Hall/Line 2")
    loop = fed(plant, [move, move])
    assert len(loop.memory["cp-01"].life.entries) == 1
    records = [unpack_plain(data) for _, data in outputs(loop, "record")]
    assert [r["body"]["path"] for r in records if r["kind"] == "lifecycle"] == ["Hall/Line 2"]
    again = Loop(plant)
    again.restore(loop.state())
    again.feed(Message(10**6, f"evt.{partition('cp-01')}", pack(move)))
    assert again.memory["cp-01"].life == loop.memory["cp-01"].life
    assert not outputs(again, "record")


def test_an_entry_that_cannot_be_used_is_counted_and_holds_nothing_up(plant):
    loop = fed(plant, [of("sensor_recalibrated", START, START, channel="colour", gain=2.0)])
    assert loop.unreadable == 1
    assert loop.memory["cp-01"].life.entries == ()
    assert loop.grid.next_step.min() > START // STEP_NS + 30


def test_the_life_is_published_whole_for_whoever_reads(plant):
    loop = fed(plant, [of("moved", START, START, path="A"), of("renamed", START, START, name="Old pump")])
    subject, data = outputs(loop, "lifecycle")[-1]
    assert subject == f"res.{partition('cp-01')}.lifecycle.cp-01"
    life = unpack(Lifecycle, data)
    assert (life.path_at(START), life.name_at(START)) == ("A", "Old pump")


def test_a_decommissioned_machine_has_no_estimate_from_then_on_and_again_once_it_is_back(plant):
    out, back = START + 24 * STEP_NS, START + 36 * STEP_NS - 1
    loop = fed(plant, [of("decommissioned", out, out), of("commissioned", back, back)], after_step=20)
    times = [
        (s.time_ns - START) // STEP_NS for s in (unpack(Snapshot, d) for _, d in outputs(loop, "snapshot")) if s.asset == "cp-01"
    ]
    everything = [
        (s.time_ns - START) // STEP_NS
        for s in (unpack(Snapshot, d) for _, d in outputs(fed(plant, []), "snapshot"))
        if s.asset == "cp-01"
    ]
    assert times == [k for k in everything if not 24 <= k < 36]
    assert any(24 <= k < 36 for k in everything)


def test_who_was_where_by_what_is_and_by_what_was_known(plant):
    """Moved on day 1, entered on day 3; corrected on day 5: it had been another line."""
    life = of_plant_file(plant.asset("cp-01"))
    day = [START + n * DAY_NS for n in range(9)]
    for sequence, event in enumerate(
        [
            of("moved", day[1], day[3], path="Hall/2"),
            of("moved", day[1], day[5], path="Hall/3", id="b"),
            of("moved", day[6], day[6], path="Yard"),
        ]
    ):
        life = life.with_entry(event, sequence)
    assert [life.path_at(t) for t in (day[0], day[2], day[7])] == ["", "Hall/3", "Yard"]
    assert [life.path_at(day[2], known) for known in (day[2], day[4], day[5])] == ["", "Hall/2", "Hall/3"]
    other = of_plant_file(plant.asset("cm-01")).with_entry(of("moved", day[0], day[0], "cm-01", path="Hall/2"), 9)
    lives = {"cp-01": life, "cm-01": other}
    assert under(lives, "Hall", day[2]) == ["cp-01", "cm-01"]
    assert under(lives, "Hall/2", day[2]) == ["cm-01"]
    assert under(lives, "Hall/2", day[2], day[4]) == ["cp-01", "cm-01"]
    assert under(lives, "Hall", day[7]) == ["cm-01"]
    assert under(lives, "Hal", day[2]) == []
    gone = other.with_entry(of("decommissioned", day[2], day[2], "cm-01"), 10)
    assert under({"cm-01": gone}, "Hall", day[3]) == []
    assert under({"cm-01": gone}, "Hall", day[1]) == ["cm-01"]


def test_from_a_recalibration_on_readings_are_corrected_also_in_steps_still_open(plant):
    since = START + 30 * STEP_NS
    loop = fed(plant, [of("sensor_recalibrated", since, since + 5, channel="power", gain=2.0, offset=-100.0)], after_step=31)
    readings = loop.fleets["centrifugal_pump"].state.readings[0]
    sent = {(c, t): v for step in ROWS for c, t, v, _ in step}
    place = [c.name for c in loop.fleets["centrifugal_pump"].model.sensors].index("power")
    steps = int(loop.fleets["centrifugal_pump"].state.steps[0])
    assert steps > 33
    for k in range(29, steps):
        raw = sent["cp-01.power", START + (k + 1) * STEP_NS]
        assert readings[k, place] == pytest.approx(2.0 * raw - 100.0 if k >= 29 else raw)
    assert not loop.rewinds


def test_records_can_be_read_back_as_records(plant):
    loop = fed(plant, [of("decommissioned", START, START)])
    data = next(data for _, data in outputs(loop, "record") if unpack_plain(data)["kind"] == "lifecycle")
    fields = unpack_plain(data)
    assert Record(**fields).key == f"lifecycle:decommissioned-{START}-{START}"
