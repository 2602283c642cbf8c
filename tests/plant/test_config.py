"""plant.toml: every mistake in one pass, each with its line; a right file read exactly."""

from pathlib import Path

import pytest

from didymos.core.clock import DAY_NS, ScaledClock, parse_time
from didymos.core.errors import ConfigError
from didymos.data.history.retention import Retention
from didymos.plant.config import load, read
from didymos.plant.toml_lines import lines

GOOD = """\
[plant]
id = "line-7"
name = "Line 7"
timezone = "Europe/Vienna"
step_s = 300

[clock]
kind = "scaled"
start = "2026-01-05T06:00:00Z"
wall_start = "2026-11-22T22:00:00Z"
speed = 3600

[calendar]
planned_stops = ["2026-01-06T06:00:00Z"]
first_stop = "2026-01-10T06:00:00Z"
every_h = 168

[[source]]
id = "plc"
type = "opcua"
url = "opc.tcp://127.0.0.1:4840"

[[asset]]
id = "cp-01"
name = "Coolant pump 1"
path = "Site/Area/Line 7"
model = "centrifugal_pump"
consequence_cost = 6000
constants = { fluid_temperature = 293.15, suction_pressure = 1.1e5 }

[[asset.tag]]
channel = "speed"
source = "plc"
address = "ns=2;s=CP01.Speed"
unit = "rpm"

[[asset.tag]]
channel = "flow"
source = "plc"
address = "ns=2;s=CP01.Flow"
unit = "m3/h"

[[asset.component]]
id = "seal"
part = "P-4711"
serial = "S-1"

[[asset]]
id = "hu-01"
model = "generic"
regime = "pressure"

[[asset.channel]]
name = "pressure"
unit = "Pa"
low = 0.0
high = 4e7
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(text)
    return path


def mistakes(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    plant, found = read(written(tmp_path, text))
    assert (plant is None) == bool(found)
    return [str(mistake) for mistake in found]


BAD = [
    (('unit = "m3/h"', 'unit = "m3/fortnigth"'), "'m3/fortnigth' is not known"),
    (('unit = "m3/h"', 'unit = "kg"'), "does not measure the same thing"),
    (('channel = "flow"', 'channel = "flwo"'), "Did you mean 'flow'?"),
    (('source = "plc"', 'source = "plx"'), "source 'plx' does not exist"),
    (('model = "centrifugal_pump"', 'model = "centrifugal_bump"'), "Did you mean 'centrifugal_pump'?"),
    (('type = "opcua"', 'type = "opc"'), "opcua, mqtt, http, replay, fake"),
    (("step_s = 300", "step_s = -5"), "a number above 0"),
    (("step_s = 300", 'step_s = "fast"'), "'fast' is a text"),
    (("step_s = 300", "commission_s = 60"), "50 steps"),
    (("step_s = 300", "stepp_s = 300"), "Did you mean `step_s`?"),
    (('timezone = "Europe/Vienna"', 'timezone = "Vienna"'), "IANA zone"),
    (('start = "2026-01-05T06:00:00Z"', 'start = "2026-01-05T06:00:00"'), "has no zone"),
    (('id = "cp-01"', 'id = "CP 01"'), "lower-case letters"),
    (('id = "hu-01"', 'id = "cp-01"'), "used twice"),
    (('id = "seal"', 'id = "gasket"'), "impeller, seal, wear_ring"),
    (('regime = "pressure"', 'regime = "load"'), "Name one of the asset's channels"),
    (("low = 0.0", "low = 5e7"), "low < high"),
    (("fluid_temperature = 293.15", "fluid_temperature = 20"), "units are SI"),
    (("fluid_temperature = 293.15, ", ""), "input 'fluid_temperature'"),
]


@pytest.mark.parametrize(("change", "what"), BAD, ids=[case[1] for case in BAD])
def test_a_mistake_is_named_with_its_line_what_is_allowed_and_what_to_do(tmp_path, change, what):
    found = mistakes(tmp_path, change)
    before = GOOD[: GOOD.index(change[0])]
    line = before.count("\n") + 1 if change[1] else before[: before.rindex("[[asset]]")].count("\n") + 1
    assert any(one.startswith(f"plant.toml:{line}: ") and what in one for one in found), found
    assert all("Allowed: " in one for one in found)


def test_all_mistakes_come_in_one_pass(tmp_path):
    crossed = (
        "step_s = 300",
        'channel = "flow"',
        'unit = "m3/h"',
        'model = "centrifugal_pump"',
        "fluid_temperature = 293.15",
        'id = "hu-01"',
    )
    chosen = [*(case for case in BAD if case[0][0] not in crossed), BAD[0], BAD[6]]
    found = mistakes(tmp_path, *[case[0] for case in chosen])
    for _, what in chosen:
        assert any(what in one for one in found), (what, found)


def test_wrong_toml_is_reported_with_its_line(tmp_path):
    found = mistakes(tmp_path, ("step_s = 300", "step_s = = 300"))
    assert len(found) == 1
    assert found[0].startswith("plant.toml:5: TOML")


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.toml")


def test_load_raises_one_error_with_every_mistake(tmp_path):
    path = written(tmp_path, GOOD.replace('unit = "m3/h"', 'unit = "x"').replace('id = "seal"', 'id = "gasket"'))
    with pytest.raises(ConfigError) as error:
        load(path)
    assert len(str(error.value).splitlines()) == 2


def test_a_right_file_is_read_exactly(tmp_path):
    plant = load(written(tmp_path, GOOD))
    start = parse_time("2026-01-05T06:00:00Z")
    assert isinstance(plant.clock, ScaledClock)
    assert (plant.clock.start_ns, plant.clock.speed) == (start, 3600.0)
    assert plant.calendar.next_stop(start) == start + DAY_NS
    assert plant.calendar.next_stop(start + 2 * DAY_NS) == start + 5 * DAY_NS
    assert plant.store == (tmp_path / "state").resolve()
    pump = plant.asset("cp-01")
    assert [(t.channel, t.unit) for t in pump.tags] == [("speed", "rpm"), ("flow", "m3/h")]
    assert dict(pump.constants) == {"fluid_temperature": 293.15, "suction_pressure": 1.1e5}
    assert [c.name for c in plant.asset("hu-01").channels] == ["pressure"]


def test_what_is_kept_how_long_is_read_and_a_coarse_tier_outlives_the_finer(tmp_path):
    kept = "[store]\nraw_days = 30\nminute_days = 400.5\nbudget_gb = 20\n"
    assert load(written(tmp_path, GOOD)).retention == Retention()
    assert load(written(tmp_path, GOOD + kept)).retention == Retention(30.0, 400.5, 0.0, 20_000_000_000)
    found = [str(m) for m in read(written(tmp_path, GOOD + kept.replace("400.5", "7").replace("20", "-1")))[1]]
    assert len(found) == 2
    assert "store.minute_days: 7. Allowed: 0 (for ever), or raw_days = 30 and more" in found[1]
    assert "store.budget_gb: -1. Allowed: a number from 0 on" in found[0]


def test_lines_number_tables_in_arrays_and_their_children():
    found = lines("[[a]]\nx = 1\n[[a.b]]\ny = 2\n[[a.b]]\ny = 3\n[[a]]\n[[a.b]]\ny = 4\n[c.d]\nz = 5\n")
    assert found["a", 0, "x"] == 2
    assert found["a", 0, "b", 1, "y"] == 6
    assert found["a", 1, "b", 0, "y"] == 9
    assert found["c", "d", "z"] == 11


def test_lines_of_inline_tables_in_an_array_are_their_own():
    found = lines("[[a]]\ntag = [\n  { x = 1, y = 2 },\n  { x = 3 }, # last\n]\nz = 4\n")
    assert found["a", 0, "tag", 0, "y"] == 3
    assert found["a", 0, "tag", 1, "x"] == 4
    assert found["a", 0, "z"] == 6


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[worker]\nlease_s = 0.5", "worker.lease_s: 0.5. Allowed: 1 to 300 seconds"),
        ("[worker]\nlease = 5", "worker.lease: unknown key 'lease'. Allowed: lease_s. Did you mean `lease_s`?"),
        ('[nats]\nurl = "nats://a:4222"\nreplicas = 2', "nats.replicas: 2. Allowed: 1, 3 or 5"),
        ("[nats]\nreplicas = 3", "nats.replicas: 3 copies on the one embedded server. Allowed: 1 without `url`"),
    ],
)
def test_leases_and_copies_outside_what_is_allowed_are_named(tmp_path, text, what):
    [found] = mistakes(tmp_path, ("[plant]", f"{text}\n[plant]"))
    assert what in found


def test_a_cluster_is_several_servers_and_three_copies(tmp_path):
    text = '[worker]\nlease_s = 5\n[nats]\nurl = "nats://a:4222,nats://b:4222,nats://c:4222"\nreplicas = 3\n'
    plant = load(written(tmp_path, text + GOOD))
    assert (plant.lease_s, plant.replicas) == (5.0, 3)
    assert plant.nats_url.count(",") == 2
