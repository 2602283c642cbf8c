"""A machine's Field in the worker: mistakes in the plant file by name, steps, results, checkpoint, resume."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from didymos.assets import ASSETS
from didymos.assets.housing import Fineness, Housing
from didymos.assets.housing_field import Job, build
from didymos.core.channel import partition
from didymos.core.clock import SECOND_NS
from didymos.core.errors import ConfigError
from didymos.core.estimate import FieldResults
from didymos.core.field import digest, read, write
from didymos.core.ports import Message
from didymos.core.series import batch_of
from didymos.formats.wire import pack, unpack
from didymos.plant.config import load
from didymos.plant.config import read as read_plant
from didymos.plant.fields import artefact
from didymos.plant.loop import Loop
from tests.plant.small import START, STEP_S, TOML

INPUTS = """{ front_heat = "spindle.front_heat_W", rear_heat = "spindle.rear_heat_W", stator_heat = "spindle.motor_heat_W",
  coolant_temperature = "channel:ambient_temperature", ambient_temperature = "channel:ambient_temperature",
  flange_temperature = "spindle.housing_temperature_K", coolant_film = 400, air_film = 12.0, flange_conductance = 1500,
  front_force = "spindle.front_force_N", rear_force = "spindle.rear_force_N" }""".replace("\n", "")


@cache
def artefact_bytes(modes: int) -> bytes:
    return write(build(Job(shape=Housing(ribs=3), fineness=Fineness(1, 1, 1), modes=modes, hot_spots=3)))


@pytest.fixture(scope="module")
def housing(tmp_path_factory):
    """(folder with housing.npz, sha256, a place on it)."""
    folder = tmp_path_factory.mktemp("fields")
    data = artefact_bytes(10)
    (folder / "housing.npz").write_bytes(data)
    return folder, digest(data), read(data).sensors[0].name


def text(housing, **changed) -> str:
    _, sha256, place = housing
    given = {
        "component": '"housing"',
        "artefact": '"housing.npz"',
        "sha256": f'"{sha256}"',
        "inputs": INPUTS,
        "thermocouples": f'{{ {place} = "channel:housing_front" }}',
    } | changed
    machine = ASSETS["spindle"]
    out = TOML + '[[asset]]\nid = "sp-01"\nmodel = "spindle"\ncommissioned = "2025-01-01T00:00:00Z"\ntag = [\n'
    for c in (*machine.inputs, *machine.sensors):
        out += f'  {{ channel = "{c.name}", source = "s", address = "{c.name}", unit = "{c.unit}" }},\n'
    out += '  { channel = "housing_front", source = "s", address = "tc", unit = "degC" },\n]\n'
    out += 'channel = [ { name = "housing_front", unit = "K", low = 233.15, high = 473.15 } ]\n[[asset.field]]\n'
    return out + "".join(f"{key} = {value}\n" for key, value in given.items() if value)


def plant_of(housing, **changed):
    path = housing[0] / "plant.toml"
    path.write_text(text(housing, **changed))
    return load(path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"artefact": '"gone.npz"'}, "gone.npz cannot be read"),
        ({"artefact": '"plant.toml"', "sha256": '""'}, "cannot be read"),
        ({"sha256": f'"{"0" * 64}"'}, "the artefact's is"),
        ({"inputs": "{ air_film = 12.0 }"}, "without front_heat"),
        ({"inputs": INPUTS.replace("air_film", "air_flim")}, "Did you mean 'air_film'"),
        ({"inputs": INPUTS.replace("spindle.motor_heat_W", "spindle.motor_hat_W")}, "Did you mean 'spindle.motor_heat_W'"),
        ({"inputs": INPUTS.replace("channel:ambient", "channel:ambiant", 1)}, "Did you mean 'channel:ambient_temperature'"),
        ({"inputs": INPUTS.replace("12.0", "1200.0")}, "4 to 40"),
        ({"inputs": INPUTS.replace("12.0", "true")}, "air_film = True"),
        ({"inputs": '"all"'}, "a table"),
        ({"thermocouples": '{ nowhere = "channel:housing_front" }'}, "place 'nowhere'"),
        ({"thermocouples": "{ PLACE = 300.0 }"}, "channel:housing_front"),
        ({"thermocouples": '{ PLACE = "channel:housing_frnt" }'}, "Did you mean 'channel:housing_front'"),
        ({"thermocouples": '{ PLACE = "channel:drive_power" }'}, "which is in W. Allowed: a channel in K"),
        ({"thermocouples": '{ "0.3 0 0.05" = "channel:housing_front" }'}, "mm away"),
        ({"thermocouples": '{ "0.3 0 nan" = "channel:housing_front" }'}, "place '0.3 0 nan'"),
        ({"thermocouples": '{ PLACE = "channel:housing_front", "POINT" = "channel:ambient_temperature" }'}, "2 times"),
        (
            {"thermocouples": '{ PLACE = "channel:housing_front", "0.11 0 0.024" = "channel:housing_front" }'},
            "channel 'housing_front' 2 times",
        ),
        ({"inputs": INPUTS.replace("channel:ambient_temperature", "channel:drive_power", 1)}, "which is in W"),
        ({"component": '"The Housing"'}, "id 'The Housing'"),
        ({"colour": '"red"'}, "unknown key 'colour'"),
    ],
    ids=lambda v: None if isinstance(v, str) else next(iter(v)),
)
def test_a_wrong_field_table_is_told_with_line_and_what_is_allowed(housing, changed, told):
    changed = {k: v.replace("PLACE", housing[2]).replace("POINT", "0.048 0 0.229") for k, v in changed.items()}
    path = housing[0] / "plant.toml"
    path.write_text(text(housing, **changed))
    plant, mistakes = read_plant(path)
    assert plant is None
    assert any(told in str(m) and m.line > 20 for m in mistakes), [str(m) for m in mistakes]


def test_a_thermocouple_whose_tag_is_in_no_unit_of_temperature_is_told(housing):
    path = housing[0] / "plant.toml"
    path.write_text(text(housing).replace('address = "tc", unit = "degC"', 'address = "tc", unit = "bar"'))
    plant, mistakes = read_plant(path)
    assert plant is None
    assert any("bar" in str(m) and "K" in str(m) for m in mistakes), [str(m) for m in mistakes]


def test_a_thermocouple_at_a_point_near_a_place_is_bound_to_that_place(housing):
    plant = plant_of(housing, thermocouples='{ "0.05, 0.001, 0.228" = "channel:housing_front" }')
    assert plant.assets[0].fields[0].thermocouples == ((housing[2], "housing_front"),)


def test_an_artefact_that_was_exchanged_after_the_check_is_refused_at_the_start(housing):
    with pytest.raises(ConfigError, match="sha256"):
        artefact(housing[0] / "housing.npz", "1" * 64)


def stream(steps: int, thermocouple: float = 303.0, drop: tuple[str, ...] = ()) -> list[Message]:
    machine = ASSETS["spindle"]
    found = []
    for k in range(1, steps + 1):
        now = START + k * STEP_S * SECOND_NS
        u = dict(zip((c.name for c in machine.inputs), machine.nominal, strict=True))
        u["speed"] *= 0.2 + 0.8 * (k // 4 % 2)
        y = {"front_bearing_temperature": 318.0, "rear_bearing_temperature": 315.0, "drive_power": 4000.0}
        rows = [(f"sp-01.{n}", now, v, 0) for n, v in (u | y | {"housing_front": thermocouple}).items() if n not in drop]
        found.append(Message(k, f"tel.{partition('sp-01')}", pack(batch_of(rows))))
    return found


def said(loop: Loop, messages) -> list:
    for message in messages:
        loop.feed(message)
    outputs, loop.outputs = loop.outputs, []
    return outputs


def fields_in(outputs) -> list[FieldResults]:
    return [unpack(FieldResults, data) for subject, data, _ in outputs if ".field." in subject]


def test_the_field_follows_its_thermocouple_and_is_published_with_the_snapshot(housing):
    loop = Loop(plant_of(housing))
    outputs = said(loop, stream(40))
    found = fields_in(outputs)
    assert len(found) == sum(".snapshot." in subject for subject, _, _ in outputs)
    last = found[-1].fields[0]
    made = read((housing[0] / "housing.npz").read_bytes())
    assert made.places[0] @ last.amount + made.made.reference_K == pytest.approx(303.0, abs=0.5)
    assert (last.component, last.sha256) == ("housing", housing[1])
    assert last.stress.shape == (3,)
    assert (last.stress_sd > 0.0).all()
    assert (last.damage >= 0.0).all()
    assert np.isfinite(last.damage_per_h).all()
    assert last.outside == ()


def test_without_thermocouples_it_runs_on_the_model_alone_with_wider_bands(housing):
    alone = fields_in(said(Loop(plant_of(housing, thermocouples="")), stream(26)))[-1].fields[0]
    beside = fields_in(said(Loop(plant_of(housing)), stream(26)))[-1].fields[0]
    assert np.trace(_cov(alone)) > np.trace(_cov(beside))
    assert np.isnan(alone.fit)
    assert alone.fits


def _cov(result):
    from didymos.infer.filters import unpack_cov

    return unpack_cov(result.cov)


def test_a_missing_channel_holds_its_last_value_and_a_lost_thermocouple_stops_nothing(housing):
    loop = Loop(plant_of(housing))
    found = fields_in(said(loop, [*stream(20), *stream(32, drop=("housing_front", "ambient_temperature"))[20:]]))
    assert len(found) >= 2
    assert found[-1].fields[0].time_ns > found[0].fields[0].time_ns
    assert np.isfinite(found[-1].fields[0].amount).all()


def test_an_input_outside_the_box_marks_the_result(housing):
    hot = INPUTS.replace("channel:ambient_temperature", "channel:front_bearing_temperature")  # 318 K, at the edge
    loop = Loop(plant_of(housing, inputs=hot.replace('"spindle.motor_heat_W"', '"spindle.front_life_s"')))
    result = fields_in(said(loop, stream(20)))[-1].fields[0]
    assert any("stator_heat" in text and "outside" in text for text in result.outside)


def test_a_restart_goes_on_to_the_same_bytes(housing):
    plant, messages = plant_of(housing), stream(26)
    whole = said(Loop(plant), messages)
    for cut in (1, 17):
        first, second = Loop(plant), Loop(plant)
        before = said(first, messages[:cut])
        second.restore(first.state())
        assert before + said(second, messages[cut:]) == whole


def test_another_artefact_starts_its_field_anew_and_keeps_the_rest(housing):
    plant = plant_of(housing)
    loop = Loop(plant)
    said(loop, stream(20))
    data = artefact_bytes(12)
    (housing[0] / "other.npz").write_bytes(data)
    asset = plant.assets[0]
    binding = replace(asset.fields[0], artefact=housing[0] / "other.npz", sha256=digest(data), thermocouples=())
    other = Loop(replace(plant, assets=(replace(asset, fields=(binding,)),)))
    other.restore(loop.state())
    assert other.fields.memory == {}
    assert np.array_equal(other.fleets["spindle"].state.mean, loop.fleets["spindle"].state.mean)
    found = fields_in(said(other, stream(32)[20:]))
    assert len(found[-1].fields[0].amount) == 12


def test_a_machine_without_a_field_publishes_none(housing):
    plant = plant_of(housing)
    loop = Loop(replace(plant, assets=(replace(plant.assets[0], fields=()),)))
    outputs = said(loop, stream(14))
    assert any(".snapshot." in subject for subject, _, _ in outputs)
    assert fields_in(outputs) == []


def test_a_machine_that_leaves_the_plant_file_takes_its_field_into_the_archive_and_back(housing):
    plant = plant_of(housing)
    loop = Loop(plant)
    said(loop, stream(20))
    elsewhere = replace(plant, assets=(replace(plant.assets[0], id="sp-02", fields=()),))
    without = Loop(elsewhere)
    without.restore(loop.state())
    assert without.fields.memory == {}
    assert [a.asset for a in without.archived] == ["sp-01"]
    again = Loop(plant)
    again.revive(without.archived[0].state)
    kept, was = again.fields.memory["sp-01/housing"], loop.fields.memory["sp-01/housing"]
    assert np.array_equal(kept.belief.mean, was.belief.mean)
    assert kept.time_ns == was.time_ns
