"""What the doctor makes of what it heard, by hand: each fault named once, what to do, and no alarm for a plant that is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from didymos.core.clock import HOUR_NS, SECOND_NS
from didymos.core.ports import Extent
from didymos.core.series import Quality
from didymos.data.history.requests import Condition
from didymos.plant.diagnosis import Diagnosis, diagnose
from didymos.plant.doctor import LAST, Facts, Recent
from didymos.plant.report import AssetReport, EdgeReport, SourceReport, WorkerReport
from tests.plant.small import START, small_plant

NOW = START + 40 * HOUR_NS


@pytest.fixture
def well(tmp_path) -> Facts:
    """The small plant, every channel read a second ago."""
    plant = small_plant(tmp_path)
    channels = [f"{a.id}.{t.channel}" for a in plant.assets for t in a.tags]
    recent = {c: Recent(36, NOW - 3 * HOUR_NS, NOW, 1.0, 0, 0, 0, 0, LAST, 1e6) for c in channels}
    source = SourceReport("s", "replay", "file:///nowhere.csv", len(channels), "connected", START, 9, 9000, NOW, 3.0)
    workers = tuple(
        WorkerReport(f"worker.{p}", 500, NOW, 0, 0, 0, [AssetReport(a.id, NOW, True)]) for p, a in enumerate(plant.assets)
    )
    history = Condition({"plant": 500}, 1 << 20, 1 << 20, 50 << 30, NOW, len(channels))
    return Facts(
        plant, NOW, EdgeReport(NOW, START, 500, 0, 0.0, [source], []), workers, history, {"plant": Extent(1, 500, 9999)},
        recent=recent, latest={c: (NOW, 1.0, 0) for c in channels},
    )  # fmt: skip


def wrong(found: Diagnosis) -> list[tuple[str, str]]:
    return [(t.hop, t.what) for t in found.troubles if t.wrong]


def changed(facts: Facts, channel: str, **fields) -> Facts:
    """One channel's newest readings."""
    recent = replace(facts.recent[channel], **fields)
    latest = (recent.newest_ns, recent.value, recent.quality)
    return replace(facts, recent={**facts.recent, channel: recent}, latest={**facts.latest, channel: latest})


def test_of_a_plant_that_is_well_nothing_is_wrong_and_partitions_that_keep_up_are_one_line(well):
    found = diagnose(well)
    assert found.ok
    assert wrong(found) == []
    assert [(h.name, h.state, h.lag) for h in found.hops if h.hop == "worker"] == [("3 partitions", "answers", 0)]
    assert {line.state for line in found.channels} == {"ok"}


def test_a_change_that_nobody_explained_is_a_note_with_the_machine_and_what_to_enter(well):
    asked = replace(well.workers[0].assets[0], unexplained="at noon the flow stepped up")
    found = diagnose(replace(well, workers=(replace(well.workers[0], assets=[asked]), *well.workers[1:])))
    assert found.ok
    (note,) = [t for t in found.troubles if t.hop == "twin"]
    assert note.what == f"{asked.id}: unexplained change at noon the flow stepped up"
    assert "work order" in note.do


def test_without_a_bus_only_that_is_said(well):
    facts = Facts(well.plant, NOW, silent={"stream": "nobody answers at nats://x"})
    assert wrong(diagnose(facts)) == [("stream", "stream does not answer: nobody answers at nats://x")]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"newest_ns": NOW - 5 * HOUR_NS, "first_ns": NOW - 6 * HOUR_NS}, "silent"),
        ({"quality": Quality.GAP}, "silent"),
        ({"spread": 0.0}, "frozen"),
        ({"quality": Quality.OUT_OF_RANGE}, "bad"),
    ],
)
def test_a_channel_in_trouble_is_named_once_with_its_wire(well, fields, state):
    found = diagnose(changed(well, "hu-01.pressure", **fields))
    assert [line.state for line in found.channels if line.channel == "hu-01.pressure"] == [state]
    [(hop, text)] = wrong(found)
    assert hop == "channel"
    assert text.startswith("hu-01.pressure (s hu-01.pressure)")


def test_a_slow_channel_is_silent_only_after_three_of_its_own_intervals(well):
    slow = {"n": 3, "first_ns": NOW - 24 * HOUR_NS, "newest_ns": NOW - 8 * HOUR_NS}  # one every eight hours
    assert diagnose(changed(well, "hu-01.pressure", **slow)).ok
    assert not diagnose(changed(well, "hu-01.pressure", **{**slow, "n": 17})).ok


def test_a_channel_that_never_had_a_value_is_told_from_one_that_has_gone(well):
    latest = {c: row for c, row in well.latest.items() if c != "hu-01.pressure"}
    found = diagnose(replace(well, latest=latest))
    assert wrong(found) == [("channel", "hu-01.pressure (s hu-01.pressure) has never had a value")]


def test_a_worker_that_is_behind_has_a_line_of_its_own_and_the_others_one_together(well):
    slow = replace(well.workers[0], newest_ns=NOW - 9 * HOUR_NS, sequence=100)
    found = diagnose(replace(well, workers=(slow, *well.workers[1:])))
    assert [(h.name, h.lag) for h in found.hops if h.hop == "worker"] == [("2 partitions", 0), ("worker.0", 400)]
    [(hop, text)] = wrong(found)
    assert (hop, text.split(" (")[0]) == ("worker", "worker.0 is 400 messages behind")


def test_a_source_that_is_away_says_since_when_and_what_to_check(well):
    source = replace(well.edge.sources[0], state="disconnected", since_ns=NOW - 60 * SECOND_NS, last={"disconnected": "refused"})
    found = diagnose(replace(well, edge=replace(well.edge, sources=[source])))
    [trouble] = [t for t in found.troubles if t.wrong]
    assert trouble.what == "s is not connected since 2026-01-06T21:59:00Z: refused"
    assert "nowhere.csv" in trouble.do


def test_tags_nobody_bound_and_rows_in_quarantine_are_notes_not_alarms(well):
    source = replace(well.edge.sources[0], unmapped={"x.y": 3})
    facts = replace(well, edge=replace(well.edge, sources=[source]), quarantine=(("erp.db", 2, ("two serials",)),))
    found = diagnose(facts)
    assert found.ok
    assert {(t.hop, t.what) for t in found.troubles if t.hop != "coverage"} == {
        ("source", "s sends 1 tags that nothing is bound to: x.y"),
        ("erp", "2 rows of erp.db wait in quarantine: two serials"),
    }
    assert found.unmapped == {"s": ["x.y"]}


def test_a_sensor_that_is_gone_leaves_a_failure_mode_that_nothing_shows(well):
    gone = well
    for channel in ("seal_leakage",):
        gone = changed(gone, f"cp-01.{channel}", newest_ns=NOW - 9 * HOUR_NS, first_ns=NOW - 10 * HOUR_NS)
    found = diagnose(gone)
    assert ("coverage", "cp-01: nothing alive shows 'Seal leaks'") in wrong(found)
    [line] = [c for c in found.coverage if (c.asset, c.mode) == ("cp-01", "seal")]
    assert line.verdict == "blind"
    assert "seal_leakage" not in line.alive
