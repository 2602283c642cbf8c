"""What a file must be to be run, and what is said of one that is not."""

from __future__ import annotations

import zipfile

import pytest

from didymos.assets.fmu.bind import of_file, open_fmu
from didymos.core.errors import ConfigError, DataError, ModelError
from didymos.formats.fmu import here, read_fmu
from tests.fmu.built import DESCRIPTIONS, zipped

GOOD = DESCRIPTIONS[2].replace("STATE", "true")
LIBRARY = {"binaries/linux64/probe.so": b"\x7fELF"}


def fmu(description: str = GOOD, **members: bytes) -> bytes:
    return zipped({"modelDescription.xml": description, **LIBRARY, **members})


def test_a_file_that_is_no_archive_is_refused():
    with pytest.raises(DataError, match="not a ZIP archive"):
        read_fmu(b"MZ hello", "pump.fmu")


def test_an_archive_without_description_is_refused():
    with pytest.raises(DataError, match=r"holds no modelDescription\.xml"):
        read_fmu(zipped({"readme.txt": "x"}), "pump.fmu")


def test_a_member_that_leads_out_of_the_archive_is_refused():
    with pytest.raises(DataError, match="leads out"):
        read_fmu(fmu(**{"../../etc/passwd": b"x"}), "pump.fmu")


def test_a_member_that_unpacks_to_far_more_than_it_holds_is_refused():
    with pytest.raises(DataError, match="unpacks to"):
        read_fmu(fmu(**{"resources/bomb": bytes(64 << 20)}), "pump.fmu")


def test_a_description_with_entities_is_refused():
    bomb = GOOD.replace("<fmiModel", '<!DOCTYPE a [<!ENTITY b "c">]><fmiModel', 1)
    with pytest.raises(DataError, match="DOCTYPE"):
        read_fmu(fmu(bomb), "pump.fmu")


def test_another_files_hash_is_refused_and_both_are_named():
    with pytest.raises(DataError, match=r"sha256 is [0-9a-f]{64}, not abcd"):
        read_fmu(fmu(), "pump.fmu", sha256="ABCD")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (('fmiVersion="2.0"', 'fmiVersion="1.0"'), "FMI version '1.0'"),
        (("CoSimulation", "ModelExchange"), "for ModelExchange only"),
        (('modelIdentifier="probe"', 'modelIdentifier="../probe"'), "no C identifier"),
        (('guid="{1}"', ""), "no guid"),
        (('valueReference="1"', 'valueReference="-1"'), "not a number from 0"),
        (('name="gain"', 'name="u"'), "two variables are named 'u'"),
        (("<Real/>", "<Whatever/>"), "no type"),
        (('factor="1.6666666666666667e-05"', 'factor="0"'), "factor 0"),
        (("ModelVariables", "Variables"), "no <ModelVariables>"),
    ],
)
def test_a_description_that_is_wrong_is_named(given, said):
    with pytest.raises(DataError, match=said):
        read_fmu(fmu(GOOD.replace(*given)), "pump.fmu")


def test_an_array_beyond_reason_is_refused():
    description = DESCRIPTIONS[3].replace(
        '<Float64 name="x" valueReference="4" causality="output"/>',
        '<Float64 name="x" valueReference="4" causality="output"><Dimension start="40000000"/></Float64>',
    )
    with pytest.raises(DataError, match="holds 40000000 numbers"):
        read_fmu(fmu(description), "pump.fmu")


def test_a_library_of_another_machine_is_named_with_those_that_are_there():
    file = read_fmu(zipped({"modelDescription.xml": GOOD, "binaries/win64/probe.dll": b"MZ", "sources/a.c": b""}), "pump.fmu")
    with pytest.raises(DataError, match=r"no library binaries/\S+ for this machine. Libraries in it: win64. It holds C sources"):
        of_file(file, stop_s=1.0)


def test_the_description_says_what_the_file_says():
    d = read_fmu(fmu(), "pump.fmu").description
    assert (d.name, d.standard, d.token, d.identifier) == ("probe", "FMI 2.0", "{1}", "probe")
    assert [v.name for v in d.of("input")] == ["u"]
    assert [v.name for v in d.of("output")] == ["x", "steps"]
    assert (d.experiment.stop_s, d.experiment.step_s) == (100.0, 0.1)
    gain = d.variable("gain")
    assert (gain.start, gain.low, gain.high, gain.tunable) == (2.0, 0.0, 10.0, True)
    unit = d.variable("u").unit
    assert unit is not None
    assert (unit.name, unit.base, unit.factor) == ("l/min", "m**3 * s**-1", 1.6666666666666667e-05)
    assert d.stores_state
    assert d.variable("label").kind == "text"


def test_both_versions_of_one_machine_describe_the_same_variables():
    two, three = (
        read_fmu(zipped({"modelDescription.xml": DESCRIPTIONS[n].replace("STATE", "true")}), "p.fmu").description for n in (2, 3)
    )
    for role in ("input", "output", "parameter"):
        assert [(v.name, v.start, v.low, v.unit) for v in two.of(role)] == [
            (v.name, pytest.approx(v.start, nan_ok=True), v.low, v.unit) for v in three.of(role)
        ]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"stop_s": -1.0}, ConfigError, "stop time -1.0 s is not after start time"),
        ({"start_s": 200.0}, ConfigError, "is not after"),
        ({"parameters": {"gian": 1.0}}, ModelError, "no variable 'gian'. Allowed as .* gain"),
        ({"parameters": {"gain": 11.0}}, ModelError, "allowed are 0 to 10"),
        ({"parameters": {"gain": float("nan")}}, ModelError, "gain = nan"),
        ({"parameters": {"x": 1.0}}, ModelError, "calculated by the FMU"),
        ({"outputs": ["y"]}, ModelError, "no variable 'y'"),
        ({"outputs": ["label"]}, ModelError, "not a number"),
        ({"tuned": ["mood"]}, ModelError, "fixed"),
    ],
)
def test_what_cannot_be_bound_is_named(words, error, said):
    file = read_fmu(zipped({"modelDescription.xml": GOOD, f"binaries/{here('FMI 2.0')}/probe.so": b""}), "pump.fmu")
    with pytest.raises(error, match=said):
        of_file(file, **words)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        open_fmu(tmp_path / "none.fmu")


def test_a_damaged_archive_is_refused(tmp_path):
    data = bytearray(fmu())
    with zipfile.ZipFile(__import__("io").BytesIO(bytes(data))) as archive:
        info = archive.getinfo("modelDescription.xml")
    place = info.header_offset + 60
    data[place : place + 40] = bytes(40)
    with pytest.raises(DataError, match="damaged"):
        read_fmu(bytes(data), "pump.fmu")
