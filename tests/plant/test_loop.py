"""The worker's loop: what it says depends on the messages alone; a restart, a repeat or another batching changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from didymos.core.case import Event, Record
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.errors import DataError
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.core.series import Quality
from didymos.data.align import NEVER
from didymos.formats.wire import pack, unpack
from didymos.plant.loop import Loop
from tests.plant.small import START, STEP_S, messages, samples, small_plant

STEPS = 60


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    return small_plant(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def stream():
    return messages(samples(STEPS))


def said(loop, stream):
    for message in stream:
        loop.feed(message)
    outputs, loop.outputs = loop.outputs, []
    return outputs


def without_sequence(outputs):
    """Results as (subject, id, body), a snapshot's stream sequence put aside: it says where, not what."""
    found = []
    for subject, data, name in outputs:
        body = data
        if ".snapshot." in subject:
            s = unpack(Snapshot, data)
            body = (s.time_ns, s.mean.tobytes(), s.cov.tobytes(), repr(s.estimates), repr(s.life), repr(s.why), repr(s.validity))
        found.append((subject, name, body))
    return found


def work_order(number, time_ns, component="bearing", asset="cm-01"):
    body = {"component": component, "action": "replaced", "new_serial": "NEW"}
    return Event(number, "work_order_closed", asset, time_ns, time_ns, body)


def event_message(sequence, event):
    return Message(sequence, f"evt.{partition(event.asset)}", pack(event))


def test_garbage_on_the_stream_is_counted_and_passed_over(plant, stream):
    loop = Loop(plant)
    garbage = [Message(1, "tel.0", b"\x00rubbish"), Message(2, "wav.1", b""), Message(3, "evt.2", b"\x93abc")]
    assert said(loop, garbage) == []
    assert loop.unreadable == 3
    assert len(said(loop, stream)) > 0


def test_a_restart_from_any_checkpoint_says_the_same_as_an_undisturbed_run(plant, stream):
    whole = said(Loop(plant), stream)
    for cut in (1, len(stream) // 3, len(stream) - 5):
        first = Loop(plant)
        before = said(first, stream[:cut])
        second = Loop(plant)
        second.restore(first.state())
        assert before + said(second, stream[cut:]) == whole
        assert second.state() == state_after(plant, stream)


def state_after(plant, stream):
    loop = Loop(plant)
    said(loop, stream)
    return loop.state()


def test_messages_sent_twice_change_no_belief(plant, stream):
    doubled = [m for message in stream for m in (message, message)]
    assert without_sequence(said(Loop(plant), doubled)) == without_sequence(said(Loop(plant), stream))


def test_other_batch_boundaries_change_no_belief(plant):
    rows = samples(STEPS)
    merged = [[row for step in rows[i : i + 3] for row in step] for i in range(0, STEPS, 3)]
    one, other = (without_sequence(said(Loop(plant), messages(r))) for r in (rows, merged))
    assert sorted(one) == sorted(other)


def test_samples_that_are_not_numbers_or_out_of_range_are_not_believed(plant):
    rows = samples(STEPS)
    bad = [[(c, t, v, 0) for c, t, v, _ in step] for step in rows]
    bad[30] = [(c, t, np.nan, Quality.BAD) if c.endswith("winding_temperature") else (c, t, v, 0) for c, t, v, _ in bad[30]]
    loop = Loop(plant)
    said(loop, messages(bad))
    fleet = loop.fleets["induction_motor"]
    assert np.isfinite(fleet.state.mean).all()
    assert np.isfinite(fleet.state.cov).all()


def test_the_newest_usable_samples_are_told_before_their_step_and_once(plant):
    first, last = samples(2)
    last = [row if row[0] != "hu-01.pressure" else (row[0], row[1], np.nan, Quality.BAD) for row in last]
    loop = Loop(plant)
    said(loop, messages([first, last]))
    everyone, never = np.ones(3, bool), np.full(len(loop.grid.channels), NEVER)
    told = {
        f"{f.asset}.{c}": (t, v)
        for f in loop.fresh(everyone, never)
        for c, t, v in zip(f.channels, f.time_ns, f.value, strict=True)
    }
    assert told == {name: (time_ns, value) for name, time_ns, value, quality in last if quality == Quality.GOOD}
    assert [f.asset for f in loop.fresh(np.array([a == "cp-01" for a in loop.assets]), never)] == ["cp-01"]
    assert loop.fresh(everyone, loop.grid.last_time) == []


def test_a_gap_is_time_that_passed_without_readings(plant):
    rows = samples(STEPS)
    loop = Loop(plant)
    said(loop, messages(rows[:20] + rows[40:]))
    fleet = loop.fleets["induction_motor"]
    assert fleet.state.steps[0] == STEPS - 2  # the last two wait for slower channels (lateness 600 s)
    assert fleet.state.time_ns[0] == START + (STEPS - 2) * STEP_S * SECOND_NS


def test_a_checkpoint_of_another_grid_is_refused(plant):
    """Another set of assets is taken over (tests/plant/test_reload.py); steps of another length are not."""
    with pytest.raises(DataError, match="step_s or lateness_s differ"):
        Loop(replace(plant, lateness_s=4 * plant.lateness_s)).restore(Loop(plant).state())


def test_a_replacement_restarts_wear_and_clock_once_and_swaps_the_serial(plant, stream):
    loop = Loop(plant)
    said(loop, stream[: len(stream) // 2])
    fleet = loop.fleets["induction_motor"]
    wear = fleet.model.state_index("bearing_wear")
    fleet.state.mean[0, wear] = 0.6
    now = int(loop.grid.next_step[loop.assets["cm-01"]]) * loop.grid.step_ns
    event = work_order("WO-1", now + SECOND_NS)
    half = loop.sequence
    outputs = said(loop, [event_message(half, event), event_message(half, event), *stream[len(stream) // 2 :]])
    records = [unpack(Record, data) for subject, data, _ in outputs if ".record." in subject]
    assert [r.key for r in records if r.kind == "maintenance"] == ["maintenance:WO-1"]
    assert abs(fleet.state.mean[0, wear]) < 0.2
    bearing = [c.id for c in fleet.model.components].index("bearing")
    other = [c.id for c in fleet.model.components].index("fan")
    assert fleet.state.since_ns[0, bearing] == event.time_ns
    assert fleet.state.since_ns[0, other] < event.time_ns
    assert fleet.state.running_s[0, bearing] < fleet.state.running_s[0, other]
    assert dict(loop.memory["cm-01"].serials)["bearing"] == "NEW"
    assert loop.rewinds == []


def test_a_work_order_for_a_component_the_machine_does_not_have_changes_nothing(plant, stream):
    loop = Loop(plant)
    said(loop, stream[:30])
    before = loop.state()
    said(loop, [event_message(loop.sequence, work_order("WO-2", START, component="wing"))])
    assert loop.state() == before


def test_commissioning_withholds_life_until_the_record_is_full_and_then_gives_it(tmp_path):
    plant = small_plant(tmp_path, commission_s=100 * STEP_S)
    outputs = said(Loop(plant), messages(samples(140)))
    motor = [unpack(Snapshot, data) for subject, data, _ in outputs if subject.endswith("snapshot.cm-01")]
    early, late = motor[0], motor[-1]
    assert early.validity.status == "C"
    assert all(life.withheld and "commissioning" in life.withheld for life in early.life)
    assert late.validity.ok, late.validity
    assert all(life.withheld is None for life in late.life)
