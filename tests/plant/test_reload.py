"""A plant file that changes while the plant runs: what changes in the plant's words, and a checkpoint taken over to the byte."""

import asyncio
from dataclasses import fields

import numpy as np
import pytest

from didymos.core.channel import partition
from didymos.core.errors import ConfigError, DataError
from didymos.core.ports import Message
from didymos.data.history.client import HistoryClient
from didymos.data.stream.memory import MemoryBus
from didymos.formats.wire import pack, unpack
from didymos.plant import versions
from didymos.plant.config import load
from didymos.plant.difference import difference, refusals
from didymos.plant.fleet import FleetState
from didymos.plant.loop import Layout, Loop, LoopState
from didymos.plant.worker import Worker
from tests.plant.small import messages, plant_text, samples

ROWS = samples(60)


def plant_of(folder, text, name="plant.toml"):
    (folder / name).write_text(text)
    return load(folder / name)


def blocks(text):
    """The plant file's head and its [[asset]] tables by id."""
    head, *assets = text.split("[[asset]]\n")
    return head, {block.split('id = "')[1].split('"')[0]: "[[asset]]\n" + block for block in assets}


HEAD, ASSETS = blocks(plant_text())
TWIN = ASSETS["cp-01"].replace("cp-01", "cp-02")


def text_of(*assets):
    return HEAD + "".join(assets)


def test_what_cannot_change_while_it_runs_is_refused_with_what_to_do(tmp_path):
    old = plant_of(tmp_path, plant_text())
    new = plant_of(tmp_path, plant_text().replace("step_s = 300", "step_s = 60").replace('id = "small"', 'id = "large"', 1))
    said = refusals(old, new)
    assert len(said) == 2
    assert all("Stop `didymos run`" in line for line in said)
    assert "step_s cannot change while the plant runs (300.0 -> 60.0)" in said[1]
    assert refusals(old, old) == []


CHANGES = [
    ('address = "cp-01.flow"', 'address = "FT-7"', "cp-01: tag flow moved from s cp-01.flow to s FT-7"),
    ("case_cost = 1500", "case_cost = 900", "case_cost: 1500.0 -> 900.0"),
    ('"pressure", unit = "Pa" }', '"pressure", unit = "Pa", high = 9e5 }', "hu-01: channel pressure: high: inf -> 900000.0"),
    ("every_h = 336", "every_h = 168", "calendar: period_ns: 1209600000000000 -> 604800000000000"),
    ('id = "cp-01"\n', 'id = "cp-01"\npath = "Hall/2"\n', "cp-01: path:  -> Hall/2"),
    (
        'id = "cp-01"\n',
        'id = "cp-01"\nparameters = { ring_life_s = 2e8 }\n',
        "cp-01: parameter ring_life_s: none -> 200000000.0",
    ),
]


@pytest.mark.parametrize(("old", "new", "line"), CHANGES)
def test_each_change_is_one_line_in_the_words_of_the_plant(old, new, line, tmp_path):
    text = plant_text()
    assert old in text
    assert difference(plant_of(tmp_path, text), plant_of(tmp_path, text.replace(old, new))) == [line]


def test_a_swapped_serial_is_named_with_its_component(tmp_path):
    text = plant_text()
    found = difference(plant_of(tmp_path, text), plant_of(tmp_path, text.replace('serial = "OLD"', 'serial = "S2"')))
    assert len(found) == 2
    assert all("component" in line and line.endswith("serial: OLD -> S2") for line in found)


def test_assets_that_come_and_go_are_named_and_a_file_that_says_the_same_has_no_line(tmp_path):
    old, new = plant_of(tmp_path, text_of(*ASSETS.values())), plant_of(tmp_path, text_of(ASSETS["cp-01"], TWIN, ASSETS["hu-01"]))
    assert [line.split(" (")[0] for line in difference(old, new)] == [
        "asset cm-01 removed; its state is kept in the archive",
        "asset cp-02 added",
    ]
    assert difference(old, plant_of(tmp_path, "# said again\n" + text_of(*ASSETS.values()))) == []


def test_a_password_is_never_shown(tmp_path):
    old = plant_text().replace(
        'type = "replay"\nurl = "file:///nowhere.csv"', 'type = "mqtt"\nurl = "mqtt://127.0.0.1"\nuser = "a"\npassword = "old"'
    )
    found = difference(plant_of(tmp_path, old), plant_of(tmp_path, old.replace('"old"', '"geheim"')))
    assert found == ["source s: password changed"]


# ---- the checkpoint


def rows_of(loop, id):
    """Everything the loop keeps of one asset, as bytes."""
    row = loop.assets[id]
    grid, found = loop.grid, {}
    names = [n for n in grid.channels if n.startswith(id + ".")]
    for name in ("ring_step", "ring_time", "ring_value", "last_time", "last_value", "last_quality", "late"):
        found[name] = np.stack([getattr(grid, name)[grid.place(n)] for n in names]).tobytes()
    found["next"] = (int(grid.next_step[row]), int(grid.newest_ns[row]))
    fleet = loop.fleets.get(loop.config[row].model)
    if fleet is not None:
        i = fleet.local[row]
        found |= {f.name: getattr(fleet.state, f.name)[i].tobytes() for f in fields(FleetState) if f.name != "record"}
    else:
        i = loop.baselines.rows.tolist().index(row)
        s = loop.baselines.state
        found |= {
            "rows": s.rows[i].tobytes(),
            "since": s.since[i].tobytes(),
            "score": pack(s.scores[i]),
            "det": pack(s.detectors[i]),
        }
    return found | {"memory": pack(loop.memory[id])}


def feed(loop, stream):
    for message in stream:
        loop.feed(message)
    return loop


def test_unchanged_assets_go_on_to_the_byte_when_others_come_and_go(tmp_path):
    stream = messages(ROWS)
    half = len(stream) // 2
    whole = feed(Loop(plant_of(tmp_path, text_of(*ASSETS.values()))), stream)
    before = feed(Loop(plant_of(tmp_path, text_of(*ASSETS.values()))), stream[:half])
    after = Loop(plant_of(tmp_path, text_of(ASSETS["hu-01"], TWIN, ASSETS["cp-01"])))  # another order as well
    after.restore(before.state())
    for id in ("hu-01", "cp-01"):
        assert rows_of(after, id) == rows_of(before, id)
    assert after.sequence == before.sequence
    assert int(after.fleets["centrifugal_pump"].state.steps[after.fleets["centrifugal_pump"].local[after.assets["cp-02"]]]) == 0
    feed(after, stream[half:])
    wanted, found = rows_of(whole, "cp-01"), rows_of(after, "cp-01")
    for name in wanted:
        if name not in ("mean", "cov", "whitened", "nis", "readings"):
            assert wanted[name] == found[name], name
    one, other = whole.fleets["centrifugal_pump"].state, after.fleets["centrifugal_pump"].state
    i = after.fleets["centrifugal_pump"].local[after.assets["cp-01"]]
    np.testing.assert_allclose(other.mean[i], one.mean[0], rtol=1e-9, atol=1e-12)
    assert rows_of(whole, "hu-01") == rows_of(after, "hu-01")


def test_a_removed_asset_is_archived_and_comes_back_as_it_was(tmp_path):
    before = feed(Loop(plant_of(tmp_path, text_of(*ASSETS.values()))), messages(ROWS))
    without = Loop(plant_of(tmp_path, text_of(ASSETS["cp-01"])))
    without.restore(before.state())
    assert {gone.asset for gone in without.archived} == {"cm-01", "hu-01"}
    again = Loop(plant_of(tmp_path, text_of(*ASSETS.values())))
    again.restore(without.state())
    assert again.new_assets(without.state()) == ["cm-01", "hu-01"]
    for gone in without.archived:
        again.revive(gone.state)
    for id in ASSETS:
        assert rows_of(again, id) == rows_of(before, id), id


def test_a_machine_that_gets_a_physics_model_starts_anew_and_the_others_stay(tmp_path):
    generic = ASSETS["hu-01"].replace("hu-01", "cm-01")
    before = feed(Loop(plant_of(tmp_path, text_of(generic, ASSETS["cp-01"]))), messages(ROWS))
    after = Loop(plant_of(tmp_path, text_of(ASSETS["cm-01"], ASSETS["cp-01"])))
    after.restore(before.state())
    assert rows_of(after, "cp-01") == rows_of(before, "cp-01")
    assert after.fleets["induction_motor"].state.steps.tolist() == [0]


def test_a_new_machine_is_commissioned_beside_those_that_are(tmp_path):
    head = HEAD.replace("commission_s = 0", f"commission_s = {50 * 300}")
    before = feed(Loop(plant_of(tmp_path, head + ASSETS["cp-01"])), messages(ROWS))
    assert before.fleets["centrifugal_pump"].state.commissioned.tolist() == [True]
    after = Loop(plant_of(tmp_path, head + ASSETS["cp-01"] + TWIN))
    after.restore(before.state())
    assert after.fleets["centrifugal_pump"].state.commissioned.tolist() == [True, False]
    assert after.fleets["centrifugal_pump"].state.record.shape[:2] == (2, 50)
    later = messages(samples(60))
    twin = [
        Message(10**6 + i, f"tel.{partition('cp-02')}", m.data.replace(b"cp-01.", b"cp-02."))
        for i, m in enumerate(later)
        if b"cp-01." in m.data
    ]
    feed(after, twin)
    assert after.fleets["centrifugal_pump"].state.commissioned.tolist() == [True, True]
    assert rows_of(after, "cp-01") == rows_of(before, "cp-01")


def test_a_checkpoint_that_does_not_say_whose_its_rows_are_is_refused_for_other_assets_and_taken_for_the_same(tmp_path):
    before = feed(Loop(plant_of(tmp_path, text_of(*ASSETS.values()))), messages(ROWS[:20]))
    state = unpack(LoopState, before.state())
    state.layout = Layout()
    same = Loop(plant_of(tmp_path, text_of(*ASSETS.values())))
    same.restore(pack(state))
    assert rows_of(same, "cp-01") == rows_of(before, "cp-01")
    with pytest.raises(DataError, match="another set of assets"):
        Loop(plant_of(tmp_path, text_of(ASSETS["cp-01"]))).restore(pack(state))


def test_the_worker_keeps_removed_assets_on_the_bus_and_fetches_them_back(tmp_path):
    stream = messages(ROWS)
    rows = [(m.subject, m.data, f"m{m.sequence}") for m in stream]
    plants = [plant_of(tmp_path, text_of(*ASSETS.values()), "a.toml"), plant_of(tmp_path, text_of(ASSETS["cp-01"]), "b.toml")]

    async def work():
        bus, loops = MemoryBus(), []
        await bus.publish_many(rows)
        for plant in (plants[0], plants[1], plants[0]):
            loop = Loop(plant)
            await Worker(loop, bus, HistoryClient(bus, 1.0)).run(until_idle_s=0.2)
            await bus.put("worker", (await bus.get("worker")) or b"")
            loops.append(loop)
        return loops

    first, _, last = asyncio.run(work())
    assert rows_of(last, "cp-01") == rows_of(first, "cp-01")


# ---- versions


def test_applied_versions_are_kept_and_one_that_was_altered_is_refused(tmp_path):
    plant = plant_of(tmp_path, plant_text())
    assert versions.apply(plant, tmp_path / "plant.toml", "one = 1\n", "ann", []).number == 1
    assert versions.apply(plant, tmp_path / "plant.toml", "one = 1\n", "ann", []) is None
    with pytest.raises(ConfigError, match="nothing to go back to"):
        versions.previous(plant.store)
    versions.apply(plant, tmp_path / "plant.toml", "two = 2\n", "bob", ["x"])
    assert [(v.number, v.who, v.changes) for v in versions.versions(plant.store)] == [(1, "ann", ()), (2, "bob", ("x",))]
    back = versions.previous(plant.store)
    assert versions.text_of(plant.store, back) == "one = 1\n"
    assert versions.applied_file(tmp_path / "plant.toml").read_text() == "two = 2\n"
    (plant.store / "versions" / back.file).write_text("one = 3\n")
    with pytest.raises(ConfigError, match="altered"):
        versions.text_of(plant.store, back)
