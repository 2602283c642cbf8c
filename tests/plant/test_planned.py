"""Calendar in plant.toml: every mistake named first; then forecasts over planned running time."""

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.core.clock import parse_time
from didymos.core.estimate import Snapshot
from didymos.formats.wire import unpack
from didymos.plant.config import load, read
from didymos.plant.loop import Loop
from tests.plant.small import messages, plant_text, samples

GOOD = """
[calendar]
first_stop = "2026-01-05T06:00:00Z"
every_h = 336
holidays = [2026-12-25, "2026-12-26"]
[[calendar.shift]]
name = "day"
days = "mon-fri, sun"
from = "06:00"
to = "14:00"
[[calendar.shift]]
name = "night"
days = ["fri"]
from = "22:00"
to = "06:00"
[[calendar.stop]]
start = "2026-02-01T06:00:00Z"
hours = 8
every_h = 672
reason = "cleaning"
[[calendar.plan]]
from = "2026-01-05T06:00:00Z"
to = "2026-01-09T06:00:00Z"
where = "cp-01"
product = "A"
load = 0.8
"""
OLD = '[calendar]\nfirst_stop = "2026-01-05T06:00:00Z"\nevery_h = 336\n'


def plant_file(folder, calendar):
    path = folder / "plant.toml"
    path.write_text(plant_text().replace(OLD, calendar))
    return path


def mistakes(folder, *changes):
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    plant, found = read(plant_file(folder, text))
    assert plant is None
    return [f"{m.where}: {m.given}" for m in found]


@pytest.mark.parametrize(
    ("old", "new", "where", "given"),
    [
        ('from = "06:00"', 'from = "25:00"', "calendar.shift.0.from", "'25:00'"),
        ('from = "06:00"', 'from = "24:00"', "calendar.shift.0.from", "'24:00'"),
        ('from = "06:00"\n', "", "calendar.shift.0.from", "missing"),
        ('"mon-fri, sun"', '"mon-fry"', "calendar.shift.0.days", "'mon-fry'"),
        ('"mon-fri, sun"', "7", "calendar.shift.0.days", "7"),
        ('to = "14:00"', 'to = "14:00"\nuntil = "15:00"', "calendar.shift.0.until", "unknown key 'until'"),
        (
            '["fri"]',
            '["thu"]\nfrom = "13:00"\nto = "15:00"\n[[calendar.shift]]\nname = "x"',
            "calendar.shift.1",
            "is on at thu 13:00",
        ),
        ('"2026-12-26"', '"26.12.2026"', "calendar.holidays", "'26.12.2026'"),
        ('"2026-12-26"', "2026-12-26T06:00:00Z", "calendar.holidays", "datetime"),
        ("hours = 8", "hours = -1", "calendar.stop.0.hours", "-1"),
        ("every_h = 672", "every_h = 4", "calendar.stop.0.hours", "8 h every 4 h"),
        ('to = "2026-01-09T06:00:00Z"', 'to = "2026-01-01T06:00:00Z"', "calendar.plan.0.to", "is not after"),
        ('where = "cp-01"', 'where = "cp-09"', "calendar.plan.0.where", "'cp-09' is neither an asset nor an area"),
        ("load = 0.8", "load = 80.0", "calendar.plan.0.load", "80"),
        ('start = "2026-02-01T06:00:00Z"\n', "", "calendar.stop.0.start", "missing"),
    ],
)
def test_every_mistake_of_the_calendar_is_named(old, new, where, given, tmp_path):
    found = mistakes(tmp_path, (old, new))
    assert any(each.startswith(where + ":") and given in each for each in found), found


def test_all_mistakes_come_in_one_pass(tmp_path):
    found = mistakes(tmp_path, ("hours = 8", "hours = 0"), ("load = 0.8", "load = 9.0"), ('"mon-fri, sun"', '"fool"'))
    assert len(found) == 3


def test_a_calendar_without_mistake_says_what_the_file_says(tmp_path):
    calendar = load(plant_file(tmp_path, GOOD)).calendar
    assert [(s.name, s.days, s.start_min, s.end_min) for s in calendar.shifts] == [
        ("day", (0, 1, 2, 3, 4, 6), 360, 840),
        ("night", (4,), 1320, 360),
    ]
    assert calendar.holidays == ("2026-12-25", "2026-12-26")
    assert calendar.shift_at(parse_time("2026-01-05T07:00:00Z")) == "day"
    assert calendar.load_at(parse_time("2026-01-06T07:00:00Z"), "cp-01") == 0.8
    assert calendar.next_stop(parse_time("2026-01-25T07:00:00Z")) == parse_time("2026-02-01T06:00:00Z")


def snapshots(folder, calendar, rows):
    """Of a pump whose wear ring is nearly through, which the sensors that it has do not show: its life is near, and stands."""
    folder.mkdir()
    loop = Loop(load(plant_file(folder, calendar)))
    state, model = loop.fleets["centrifugal_pump"].state, ASSETS["centrifugal_pump"]
    state.mean[0, model.state_index("ring_wear")], state.mean[0, model.state_index("log_ring_rate")] = 0.8, 3.0
    rows = [[row for row in step if row[0] not in ("cp-01.power", "cp-01.discharge_pressure")] for step in rows]
    for message in messages(rows):
        loop.feed(message)
    return [unpack(Snapshot, data) for subject, data, _ in loop.outputs if ".snapshot." in subject]


def test_a_plant_that_runs_eight_hours_a_day_has_its_failures_at_the_same_running_time_later_on_the_clock(tmp_path):
    """The belief is the same, so is every trajectory: P(fail within t on the clock) = P(fail within its running time)."""
    rows = samples(26)
    shift = OLD + '[[calendar.shift]]\nname = "day"\nfrom = "06:00"\nto = "14:00"\n'
    always, day = snapshots(tmp_path / "a", OLD, rows), snapshots(tmp_path / "b", shift, rows)
    calendar = load(tmp_path / "b" / "plant.toml").calendar
    compared = 0
    for one, other in zip(always, day, strict=True):
        assert np.array_equal(one.mean, other.mean)
        for before, after in zip(one.life, other.life, strict=True):
            for seconds, chance in after.p_fail:
                running_s = calendar.running_s(other.time_ns, other.time_ns + int(seconds * 1e9))
                grid = [t for t, _ in before.p_fail]
                around = [before.probability(t) for t in grid if t <= running_s][-1:] + [
                    before.probability(t) for t in grid if t >= running_s
                ][:1]
                assert min(around) - 1e-9 <= chance <= max(around) + 1e-9
                compared += chance > 0
    assert compared > 20


def test_without_shifts_nothing_is_changed(tmp_path):
    """A calendar with stops, holidays and a plan but no shift: every snapshot to the byte as with the stops alone."""
    plan = OLD + 'holidays = ["2026-12-25"]\n'
    rows = samples(26)
    one, other = snapshots(tmp_path / "a", OLD, rows), snapshots(tmp_path / "b", plan, rows)
    assert [(s.life, s.p_fail_30d, s.next_stop_ns) for s in one] == [(s.life, s.p_fail_30d, s.next_stop_ns) for s in other]
