"""The Field artefact: bad ones are refused by name, good ones come back to the byte, and outside the box it says so."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from didymos.assets.housing import Fineness
from didymos.assets.housing_field import Job, build
from didymos.core.errors import DataError, ModelError
from didymos.core.field import digest, outside, read, write
from didymos.numerics.rom.live import answer, start, stepper
from tests.verify.field_rig import JOB, small


def nominal(field) -> dict[str, float]:
    return {i.name: i.nominal for i in field.inputs}


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def joined(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def entry(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=allow_pickle)
    return out.getvalue()


def changed_meta(data: bytes, **changes) -> bytes:
    entries = parts(data)
    told = json.loads(np.load(io.BytesIO(entries["meta.npy"])).tobytes())
    told |= changes
    entries["meta.npy"] = entry(np.frombuffer(json.dumps(told).encode(), np.uint8))
    return joined(entries)


def spoiled() -> dict[str, tuple[bytes, str]]:
    data = write(small().field)
    entries = parts(data)
    return {
        "empty": (b"", "cannot be read"),
        "text": (b"no artefact at all", "cannot be read"),
        "truncated": (data[: len(data) // 2], "truncated"),
        "one array short": (joined({k: v for k, v in entries.items() if k != "stress.npy"}), "lacks 'stress'"),
        "no description": (joined({k: v for k, v in entries.items() if k != "meta.npy"}), "lacks 'meta'"),
        "another version": (changed_meta(data, format="didymos field 99"), "didymos field 99"),
        "a part of the description short": (changed_meta(data, made={}), "description"),
        "no number": (joined(entries | {"loads.npy": entry(np.full((24, 3), np.nan))}), "'loads'"),
        "wrong shape": (joined(entries | {"level.npy": entry(np.ones(23))}), r"'level' has shape \(23,\)"),
        "pickled": (joined(entries | {"level.npy": entry(np.array([print], object), allow_pickle=True)}), "cannot be read"),
        "a face that points nowhere": (joined(entries | {"faces.npy": entry(np.full((2, 4), 10**6, np.int32))}), "'faces' points"),
    }


@pytest.mark.parametrize("case", list(spoiled()))
def test_a_spoiled_artefact_is_refused_with_what_is_wrong_and_what_to_do(case):
    data, told = spoiled()[case]
    with pytest.raises(DataError, match=rf"(?s)housing\.npz: .*{told}"):
        read(data, name="housing.npz")


def test_another_artefact_than_the_plant_file_wants_is_refused_with_both_hashes():
    data = write(small().field)
    with pytest.raises(DataError, match=f"{digest(data)}; the plant file wants {'0' * 64}"):
        read(data, "0" * 64)
    assert read(data, digest(data).upper()).name == "spindle_housing"


def test_an_artefact_comes_back_as_it_was_and_is_the_same_bytes_when_built_again():
    data = write(small().field)
    assert write(read(data)) == data
    assert write(build(JOB)) == data


def test_another_material_or_mesh_is_another_provenance_of_the_same_geometry():
    made = small().field.made
    other = build(Job(shape=JOB.shape, fineness=Fineness(1, 1, 1), modes=6, hot_spots=1, material="cast_iron_gjl_250")).made
    assert other.material != made.material
    assert other.mesh != made.mesh
    assert other.provenance != made.provenance
    assert other.geometry == made.geometry


@pytest.mark.parametrize(
    "given",
    [{"method": "magic"}, {"modes": 2}, {"hot_spots": 0}, {"step_s": 0.0}, {"material": "wood"}],
    ids=lambda g: next(iter(g)),
)
def test_a_job_that_cannot_be_done_is_refused_with_what_is_allowed(given):
    with pytest.raises(ModelError, match="Allowed"):
        Job(**given)


def test_outside_its_box_a_field_names_the_input_and_how_far_and_gives_no_bound():
    field = small().field
    live = start(field, 300.0)
    inside = answer(field, live, nominal(field))
    assert inside.inside
    assert inside.rms_bound_K == 0.0
    beyond = answer(field, live, nominal(field) | {"stator_heat": 1800.0, "air_film": 3.0})
    assert not beyond.inside
    assert beyond.rms_bound_K is None
    assert [(o.name, o.by) for o in beyond.outside] == [("stator_heat", 300.0), ("air_film", 1.0)]
    assert "stator_heat 1800 W is 300 W (20%) outside 0 to 1500" in str(beyond.outside[0])


def test_inputs_that_are_missing_unknown_or_no_number_are_refused_by_name():
    field = small().field
    with pytest.raises(ModelError, match="air_film"):
        outside(field, {k: v for k, v in nominal(field).items() if k != "air_film"})
    with pytest.raises(ModelError, match="wind"):
        outside(field, nominal(field) | {"wind": 1.0})
    with pytest.raises(ModelError, match="stator_heat is nan"):
        outside(field, nominal(field) | {"stator_heat": float("nan")})
    with pytest.raises(ModelError, match="films >= 0"):
        stepper(field, np.array([-1.0, 1.0, 1.0]), 10.0)
    with pytest.raises(ModelError, match="step"):
        stepper(field, np.ones(3), 0.0)


def test_hot_spots_lie_on_the_surface_away_from_inner_edges_and_from_each_other():
    field = small().field
    skin = field.points[field.surface]
    for spot in field.hot_spots:
        assert np.linalg.norm(skin - np.array(spot.point), axis=1).min() < 1e-6
        assert spot.point[2] > 0.006
    apart = [np.linalg.norm(np.subtract(a.point, b.point)) for a in field.hot_spots for b in field.hot_spots if a != b]
    assert min(apart) >= 0.02
    assert len({s.name for s in field.hot_spots}) == 6


def test_faces_of_the_surface_look_outward_and_close_the_body():
    field = small().field
    corner = field.points[field.surface][field.faces].astype(float)
    normal = 0.5 * np.cross(corner[:, 2] - corner[:, 0], corner[:, 3] - corner[:, 1])
    assert np.abs(normal.sum(axis=0)).max() < 1e-6 * np.abs(normal).sum()
    volume = np.einsum("fd,fd->", corner.mean(axis=1), normal) / 3.0
    assert 0.8 * 0.00255 < volume < 0.00255
