"""Machines without a physics model, through the loop: what is missing is named, a departure is found, a bearing is followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from didymos.core.case import Case
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError
from didymos.core.estimate import Life, Snapshot
from didymos.core.ports import Message
from didymos.core.series import Waveform, batch_of
from didymos.formats.wire import pack, unpack
from didymos.infer import anomaly, bearing_life
from didymos.numerics.spectra import Line
from didymos.plant.baseline import LEARN_ROWS, bearing_reason
from didymos.plant.bearing_prior import write_prior
from didymos.plant.config import Plant, load
from didymos.plant.loop import Loop

START = 1_325_376_000 * SECOND_NS  # 2012-01-01T00:00:00Z
STEP_NS = 10 * SECOND_NS
G = 9.80665
HEAD = """
[plant]
id = "rig"
name = "Rig"
step_s = 10
lateness_s = 20
publish_s = 10
[clock]
kind = "data"
[calendar]
first_stop = "2012-01-01T01:00:00Z"
every_h = 1
[[source]]
id = "s"
type = "mqtt"
url = "mqtt://127.0.0.1:1"
"""
BEARING = """
[[asset]]
id = "b-1"
name = "Bearing"
model = "generic"
bearing = "6804dd"
life = "{life}"
constants = {{ speed = 188.5, radial_load = 4000 }}
channel = [{{ name = "h", unit = "m/s2" }}, {{ name = "v", unit = "m/s2" }}, {{ name = "h_acceleration_rms", unit = "m/s2" }}]
tag = [
  {{ channel = "h", source = "s", address = "b/h", unit = "g", waveform = true }},
  {{ channel = "v", source = "s", address = "b/v", unit = "g", waveform = true }},
]
component = [{{ id = "bearing", part = "P-1", serial = "S-1" }}]
"""


def prior() -> bearing_life.Prior:
    """Three lives of 0.2, 0.25 and 0.3 L10 whose level rises in the last tenth to 8, 10 and 12 times the healthy one."""
    l10 = bearing_life.l10_s(4000.0, 188.5, 4000.0)
    late = np.arange(200) >= 180
    runs = ((0.2, 8.0), (0.25, 10.0), (0.3, 12.0))
    return bearing_life.fit([bearing_life.History(np.where(late, np.log(end), 0.0), share * l10, l10) for share, end in runs])


def rig(folder: Path, edit: tuple[str, str] = ("", "")) -> Plant:
    write_prior(folder / "prior.json", prior())
    path = folder / "plant.toml"
    path.write_text((HEAD + BEARING.format(life=folder / "prior.json")).replace(*edit))
    return load(path)


def wave(sequence: int, axis: str, k: int, level_g: float) -> Message:
    """Snapshot k of one axis: noise of this RMS, after the conversion to SI that the edge makes."""
    samples = np.random.default_rng(1000 * k + ord(axis)).normal(size=2560)
    samples *= level_g * G / samples.std()
    value = Waveform(f"b-1.{axis}", START + k * STEP_NS, 25_600.0, samples.astype(np.float32), "m/s2")
    return Message(sequence, f"wav.{partition('b-1')}", pack(value))


def snapshots_of(levels_g: np.ndarray) -> list[Message]:
    return [wave(2 * k + i + 1, axis, k, level) for k, level in enumerate(levels_g.tolist()) for i, axis in enumerate("hv")]


def said(loop: Loop, stream: list[Message]) -> tuple[list[Snapshot], list[Case]]:
    for message in stream:
        loop.feed(message)
    outputs, loop.outputs = loop.outputs, []
    snapshots = [unpack(Snapshot, data) for subject, data, _ in outputs if ".snapshot." in subject]
    return snapshots, [unpack(Case, data) for subject, data, _ in outputs if ".case." in subject]


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (('bearing = "6804dd"\n', ""), "without bearing"),
        (("speed = 188.5, ", ""), "constants = { speed"),
        (("radial_load = 4000", "radial_load = 0"), "constants = { radial_load"),
        ((", waveform = true", ""), "waveform = true"),
        (("prior.json", "nowhere.json"), "nowhere.json.*No such file"),
    ],
)
def test_a_life_without_what_it_needs_is_refused_by_name(tmp_path, edit, named):
    with pytest.raises(ConfigError, match=named):
        Loop(rig(tmp_path, edit))


def test_a_prior_file_that_holds_something_else_is_refused(tmp_path):
    plant = rig(tmp_path)
    (tmp_path / "prior.json").write_text('{"log_life": [1.0]}')
    with pytest.raises(ConfigError, match="a file written by"):
        Loop(plant)


def test_until_thirty_snapshots_have_come_the_life_is_withheld_with_the_reason(tmp_path):
    early, cases = said(Loop(rig(tmp_path)), snapshots_of(np.full(31, 0.5)))
    assert early[0].validity.status == "C"
    assert "healthy level" in str(early[0].life[0].withheld)
    assert early[0].p_fail_next_stop is None
    assert [s.validity.ok for s in early] == [False] * 29  # 31 snapshots less the two that wait for slower channels
    assert cases == []


def test_a_bearing_that_grows_loud_gets_one_case_with_level_and_life(tmp_path):
    """Level 0.5 g for 40 snapshots, then 2 g: four times healthy, seen by the median of 7 from its fourth loud snapshot on (index
    43), and confirmed by the review after it."""
    loop = Loop(rig(tmp_path))
    snapshots, cases = said(loop, snapshots_of(np.where(np.arange(60) < 40, 0.5, 2.0)))
    assert len(cases) == 1
    assert cases[0].opened_ns == START + 44 * STEP_NS
    bearing = loop.baselines.state.bearings[0]
    assert bearing is not None
    assert bearing.alarm_s == 440.0  # the age when snapshot 43 is over
    assert "4.0 times its healthy level" in snapshots[-1].why.sentence
    assert snapshots[-1].why.sentence.startswith("The bearing is failing")
    assert snapshots[-1].components[0].running_s == bearing.age_s == 580.0


def test_the_loop_follows_the_bearing_exactly_as_the_estimator_alone_does(tmp_path):
    levels = 0.5 + 0.4 * np.sin(np.arange(80) / 9.0) ** 2
    loop = Loop(rig(tmp_path))
    snapshots, _ = said(loop, snapshots_of(levels))
    alone = bearing_life.init()
    for level in levels[:78]:
        alone = bearing_life.step(alone, (level * G, level * G), 10.0)
    live = loop.baselines.state.bearings[0]
    assert live is not None
    assert bearing_life.indicator(live) == pytest.approx(bearing_life.indicator(alone), abs=1e-6)
    expected = bearing_life.predict(alone, prior(), bearing_life.l10_s(4000.0, 188.5, 4000.0), "", "")
    assert dict(snapshots[-1].life[0].quantiles_s) == pytest.approx(dict(expected.quantiles_s), rel=1e-4)


def test_the_chance_is_that_of_the_stop_the_snapshot_names(tmp_path):
    newest = said(Loop(rig(tmp_path)), snapshots_of(np.full(50, 0.5)))[0][-1]
    assert newest.next_stop_ns == START + 3600 * SECOND_NS
    left_s = (newest.next_stop_ns - newest.time_ns) / SECOND_NS
    assert newest.p_fail_next_stop == newest.life[0].probability(left_s)


def test_a_channel_named_after_a_feature_shows_the_feature(tmp_path):
    """An RMS of 1.5 g is 14.71 m/s2."""
    loop = Loop(rig(tmp_path))
    newest = said(loop, snapshots_of(np.full(35, 1.5)))[0][-1]
    assert [(e.channel, e.measured) for e in newest.estimates] == [("h_acceleration_rms", pytest.approx(1.5 * G, rel=1e-5))]
    (tick,) = (make() for make in loop.ticks.values())
    assert tick.channels == ("h_acceleration_rms",)
    assert tick.measured == pytest.approx([1.5 * G], rel=1e-5)


def test_a_restart_in_the_middle_says_the_same(tmp_path):
    plant, stream = rig(tmp_path), snapshots_of(np.where(np.arange(60) < 40, 0.5, 2.0))
    whole = said(Loop(plant), stream)
    first, second = Loop(plant), Loop(plant)
    before = said(first, stream[:85])
    second.restore(first.state())
    after = said(second, stream[85:])
    assert repr(before[0] + after[0]) == repr(whole[0])
    assert before[1] + after[1] == whole[1]


@pytest.mark.parametrize(
    ("ratio", "alarmed", "start"),
    [
        (3.0, True, "The bearing is failing"),
        (2.0, True, "The bearing has been above its alarm level before"),
        (2.0, False, "The bearing is below its alarm level"),
    ],
)
def test_the_sentence_says_which_side_of_the_alarm_the_level_is_on(ratio, alarmed, start):
    life = Life("m", "M", ((0.1, 600.0), (0.5, 1200.0), (0.9, 7200.0)), ((0.0, 0.0), (3600.0, 0.8)))
    line = Line("bpfo", 5.67, 1.0, 12.0, 1e-9)
    why = bearing_reason(float(np.log(ratio)), life, (line,), alarmed)
    assert why.sentence == (
        f"{start}: vibration is {ratio:.1f} times its healthy level (alarm at 2.5) and the outer race line at 5.67 per turn stands "
        "12 times above the noise; 8 chances in 10 that it fails between 10 minutes and 2 hours from now (80 % within the hour)."
    )
    assert sum(e.weight for e in why.evidence) == pytest.approx(1.0)


def test_a_generic_machine_is_learned_for_a_day_and_a_departure_opens_an_advisory(tmp_path):
    """Pressure follows speed; after 288 steps of 300 s (a day) it falls by 20 standard deviations."""
    text = HEAD.replace("step_s = 10", "step_s = 300").replace("lateness_s = 20", "lateness_s = 300")
    text = text.replace("publish_s = 10", "publish_s = 300") + '[[asset]]\nid = "hu-01"\nmodel = "generic"\nregime = "speed"\n'
    text += 'channel = [{ name = "speed", unit = "rad/s" }, { name = "pressure", unit = "Pa" }]\ntag = [\n'
    text += '  { channel = "speed", source = "s", address = "a", unit = "rad/s" },\n'
    text += '  { channel = "pressure", source = "s", address = "b", unit = "Pa" },\n]\n'
    path = tmp_path / "plant.toml"
    path.write_text(text)
    rng, stream = np.random.default_rng(3), []
    for k in range(320):
        time_ns, speed = START + (k + 1) * 300 * SECOND_NS, 100.0 + 10.0 * np.sin(k / 15.0)
        pressure = 2e5 + 1e3 * speed + 2e3 * rng.normal() - 4e4 * (k >= 305)
        rows = [("hu-01.speed", time_ns, speed, 0), ("hu-01.pressure", time_ns, pressure, 0)]
        stream.append(Message(k + 1, f"tel.{partition('hu-01')}", pack(batch_of(rows))))
    snapshots, cases = said(Loop(load(path)), stream)
    assert snapshots[100].validity.status == "C"
    assert "learning how this machine runs" in snapshots[100].why.sentence
    assert all(s.life[0].withheld == "no failure mode configured" for s in snapshots)
    assert [(c.mode, c.priority, c.state) for c in cases] == [("anomaly", 4, "open")]
    assert cases[0].opened_ns > START + 305 * 300 * SECOND_NS


MACHINE = """
[[asset]]
id = "hu-01"
name = "Hydraulic unit"
model = "generic"
channel = [{ name = "often", unit = "K" }, { name = "seldom", unit = "K" }]
tag = [
  { channel = "often", source = "s", address = "often", unit = "K" },
  { channel = "seldom", source = "s", address = "seldom", unit = "K" },
]
"""


def test_a_short_step_keeps_no_more_healthy_rows_than_stated_and_a_seldom_channel_is_in_each(tmp_path):
    """One healthy day in at most 600 rows: with a step of 48 s, a row each 3 steps. `seldom` comes in the step after each row."""
    (tmp_path / "plant.toml").write_text(
        HEAD.replace("step_s = 10", "step_s = 48").replace("publish_s = 10", "publish_s = 48") + MACHINE
    )
    loop = Loop(load(tmp_path / "plant.toml"))
    assert LEARN_ROWS == 600
    first = -(-START // (48 * SECOND_NS))
    rows = [("often", k, float(k)) for k in range(first, first + 40)] + [
        ("seldom", k, -float(k)) for k in range(first, first + 40) if k % 3 == 1
    ]
    batch = batch_of([(f"hu-01.{c}", k * 48 * SECOND_NS, v, 0) for c, k, v in sorted(rows, key=lambda row: row[1])])
    loop.feed(Message(1, f"tel.{partition('hu-01')}", pack(batch)))
    (state,) = loop.baselines.state.detectors
    taken = [k for k in range(first, first + 39) if k % 3 == 0]
    whole = [k for k in taken if k - 2 >= first]
    assert state.rows[-len(whole) :].tolist() == [[float(k), -float(k - 2)] for k in whole]
    assert len(state.rows) == len(taken)
    assert loop.baselines.settings[0] == anomaly.Settings(("often", "seldom"), None, 600, 144.0, 0.1)
