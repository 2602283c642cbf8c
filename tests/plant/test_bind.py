"""From tags to channels: units to SI, and a quality for whatever is wrong. Expected values by hand."""

from dataclasses import replace

import numpy as np
import pytest

from didymos.core.clock import SECOND_NS, ScaledClock
from didymos.core.series import Quality, Waveform, batch_of
from didymos.plant.bind import Binder
from didymos.plant.config import load
from tests.plant.small import START, plant_text

SPEED, PRESSURE, SOUND = "hu-01.speed", "hu-01.pressure", "hu-01.sound"


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """The generic machine's speed comes in rpm, its pressure in bar, and it has a waveform in mbar; lateness 600 s."""
    tag = '{ channel = "pressure", source = "s", address = "hu-01.pressure", unit = "Pa" }'
    sound = '{ channel = "sound", waveform = true, source = "s", address = "hu-01.sound", unit = "mbar" }'
    text = plant_text().replace(tag, f"{tag.replace('Pa', 'bar')},\n  {sound}")
    text = text.replace('address = "hu-01.speed", unit = "rad/s"', 'address = "hu-01.speed", unit = "rpm"')
    limits = '{ name = "pressure", unit = "Pa", low = 0.0, high = 1e7 }, { name = "sound", unit = "Pa" }'
    text = text.replace('{ name = "pressure", unit = "Pa" }', limits)
    path = tmp_path_factory.mktemp("plant") / "plant.toml"
    path.write_text(text)
    return load(path)


def bound(binder, rows, now_ns=START):
    """[(channel, time, value, quality)] in, the same out."""
    b = binder.batch(batch_of(rows, "s", 7), now_ns)
    assert (b.source, b.sequence) == ("s", 7)
    return [(b.channels[c], int(t), float(v), int(q)) for c, t, v, q in zip(b.channel, b.time_ns, b.value, b.quality, strict=True)]


def test_values_are_converted_to_si(plant):
    found = bound(Binder(plant, "s"), [(SPEED, START, 60.0, 0), (PRESSURE, START, 2.5, 0)])
    assert found == [(SPEED, START, pytest.approx(2 * np.pi), 0), (PRESSURE, START, pytest.approx(2.5e5), 0)]


def test_what_is_not_a_number_or_not_plausible_is_marked_and_kept(plant):
    rows = [
        (PRESSURE, START, np.nan, 0),
        (PRESSURE, START + 1, np.inf, 0),
        (PRESSURE, START + 2, -0.1, 0),
        (PRESSURE, START + 3, 101.0, 0),
    ]
    assert [q for *_, q in bound(Binder(plant, "s"), rows)] == [
        Quality.BAD,
        Quality.BAD,
        Quality.OUT_OF_RANGE,
        Quality.OUT_OF_RANGE,
    ]


def test_the_source_s_own_verdict_is_never_improved(plant):
    rows = [
        (PRESSURE, START, 1.0, Quality.UNCERTAIN),
        (PRESSURE, START + 1, 1.0, Quality.BAD),
        (PRESSURE, START + 2, -1.0, Quality.BAD),
    ]
    assert [q for *_, q in bound(Binder(plant, "s"), rows)] == [Quality.UNCERTAIN, Quality.BAD, Quality.BAD]


def test_late_is_what_is_older_than_the_channel_s_newest_by_more_than_the_lateness(plant):
    binder = Binder(plant, "s")
    bound(binder, [(PRESSURE, START, 1.0, 0)])
    edge = START - 600 * SECOND_NS
    assert [q for *_, q in bound(binder, [(PRESSURE, edge, 1.0, 0), (PRESSURE, edge - 1, 1.0, 0), (SPEED, edge - 1, 1.0, 0)])] == [
        Quality.GOOD,
        Quality.LATE,
        Quality.GOOD,  # another channel
    ]


def test_a_clock_that_runs_ahead_is_marked_and_makes_nothing_late(plant):
    binder = Binder(plant, "s")
    ahead = START + 60 * SECOND_NS  # the tolerance
    found = bound(binder, [(PRESSURE, ahead, 1.0, 0), (PRESSURE, ahead + 1, 1.0, 0), (PRESSURE, 2 * START, 1.0, 0)])
    assert [q for *_, q in found] == [Quality.GOOD, Quality.CLOCK, Quality.CLOCK]
    assert [q for *_, q in bound(binder, [(PRESSURE, START, 1.0, 0)])] == [Quality.GOOD]


def test_a_scaled_clock_allows_two_wall_seconds_ahead(plant):
    fast = replace(plant, clock=ScaledClock(START, 0, 3600.0))
    rows = [(PRESSURE, START + 7200 * SECOND_NS, 1.0, 0), (PRESSURE, START + 7200 * SECOND_NS + 1, 1.0, 0)]
    assert [q for *_, q in bound(Binder(fast, "s"), rows)] == [Quality.GOOD, Quality.CLOCK]


def test_values_that_no_tag_asks_for_are_counted_and_left_out(plant):
    binder = Binder(plant, "s")
    assert bound(binder, [("x.y", START, 1.0, 0), (PRESSURE, START, 1.0, 0)]) == [(PRESSURE, START, 1e5, 0)]
    assert bound(binder, [("x.y", START, 1.0, 0)]) == []
    assert list(binder.unmapped) == ["x.y"]


def test_a_waveform_is_converted_and_its_faults_are_marked(plant):
    binder = Binder(plant, "s")

    def wave(values, start_ns=START, channel=SOUND):
        return binder.waveform(Waveform(channel, start_ns, 1000.0, np.array(values, np.float32), "mbar"), START)

    good = wave([1.0, -2.0])
    assert (good.channel, good.unit, good.quality, good.samples.tolist()) == (SOUND, "Pa", Quality.GOOD, [100.0, -200.0])
    assert wave([1.0, np.nan]).quality == Quality.BAD
    assert wave([1.0], 2 * START).quality == Quality.CLOCK
    assert wave([1.0], channel="nobody") is None


def test_a_gap_is_one_mark_per_channel_and_never_at_the_time_of_a_sample(plant):
    binder = Binder(plant, "s")
    bound(binder, [(PRESSURE, START, 1.0, 0)])
    gap = binder.gap(START)
    times = dict(zip(gap.channels, gap.time_ns.tolist(), strict=True))
    assert times[PRESSURE] == START + 1
    assert times[SPEED] == START
    assert set(times) == set(binder.ids)
    assert (gap.quality == Quality.GAP).all()
    assert np.isnan(gap.value).all()
