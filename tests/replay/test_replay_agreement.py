"""What the live loop says of a recorded bearing against the offline bench: same indicator, alarm and life for the same prior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from didymos.bench import femto
from didymos.core.case import Case
from didymos.core.channel import partition
from didymos.core.estimate import Snapshot
from didymos.core.ports import Message
from didymos.formats.json_payload import decode_waveform
from didymos.formats.wire import pack, unpack
from didymos.infer import bearing_life
from didymos.plant.bind import Binder
from didymos.plant.config import load
from didymos.plant.loop import Loop
from didymos.plant.replay import recordings, rounds, time_of
from didymos.plant.replay_plan import Run, plan
from didymos.service.replay_bearings import learn
from tests.replay.rig import EXAMPLE, plant_file

CUT = 255  # snapshots of Bearing2_1; its level passes the alarm at the 247th


def said_live(plant_path: Path, found) -> tuple[list[bearing_life.State], list[Snapshot], list[Case]]:
    """The payloads of the wire, bound as the edge binds them, through the loop: the bearing's state after each step and results."""
    plant = load(plant_path)
    loop, binder, states, sequence = Loop(plant), Binder(plant, "rig"), {}, 0
    for k, messages in enumerate(rounds(found, 0, CUT)):
        for topic, payload in messages:
            wave = binder.waveform(decode_waveform(payload, topic, "rig"), time_of(k))
            assert wave is not None
            sequence += 1
            loop.feed(Message(sequence, f"wav.{partition(found[0].asset)}", pack(wave)))
        state = loop.baselines.state.bearings[0]
        if state is not None and state.age_s:
            states[round(state.age_s / femto.SNAPSHOT_S) - 1] = state
    snapshots = [unpack(Snapshot, data) for subject, data, _ in loop.outputs if ".snapshot." in subject]
    cases = [unpack(Case, data) for subject, data, _ in loop.outputs if ".case." in subject]
    return [states[i] for i in sorted(states)], snapshots, cases


@pytest.mark.data
def test_a_recorded_bearing_gets_live_what_it_gets_offline(recorded, tmp_path):
    data = recorded("femto_pronostia").parent
    _, whole = plan(EXAMPLE, Run(tmp_path, data, 1, 2))
    learn(whole, recordings(whole, data))
    path = plant_file(tmp_path, ("bearing2-1",))
    path.write_text(path.read_text().replace("life/bearing2-1.json", str(tmp_path / "life" / "bearing2-1.json")))
    live, snapshots, cases = said_live(path, recordings(load(path), data))

    levels = {file.stem: femto.read_levels(file) for file in sorted((data / "femto_pronostia").glob("Bearing*.parquet"))}
    offline = femto.follow(levels["Bearing2_1"])[: len(live)]
    assert len(live) == CUT - 2  # the last two wait for slower channels
    np.testing.assert_allclose(
        [bearing_life.indicator(s) for s in live], [bearing_life.indicator(s) for s in offline], atol=1e-5, equal_nan=True
    )
    assert live[-1].alarm_s == offline[-1].alarm_s == 2470.0
    above = [bearing_life.indicator(s) > bearing_life.ALARM for s in offline]
    confirmed = next(i for i in range(1, len(above)) if above[i - 1] and above[i])  # a Case needs two reviews in a row
    assert [case.opened_ns for case in cases] == [time_of(confirmed)]

    rows = [row for row in femto.run(data, "learning")["bearings"] if row["name"] == "Bearing2_1"]
    assert rows[0]["first_alarm_fraction"] == pytest.approx(live[-1].alarm_s / (len(levels["Bearing2_1"]) * femto.SNAPSHOT_S))
    prior = bearing_life.fit(
        [
            bearing_life.History(np.array([bearing_life.indicator(s) for s in femto.follow(level)]), 10.0 * len(level), l10(name))
            for name, level in levels.items()
            if name != "Bearing2_1"
        ]
    )
    for at in (60, confirmed, len(live) - 1):
        expected = bearing_life.predict(offline[at], prior, l10("Bearing2_1"), "", "").quantiles_s
        assert dict(snapshots[at].life[0].quantiles_s) == pytest.approx(dict(expected), rel=1e-3)


def l10(name: str) -> float:
    rpm, load_N = femto.CONDITIONS[name.removeprefix("Bearing")[0]]
    return bearing_life.l10_s(load_N, rpm * np.pi / 30.0, femto.CAPACITY_N)
